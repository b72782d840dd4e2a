#!/usr/bin/env python3
"""The runner of dialogues, tried on a server that says what it is told to."""
import contextlib
import io
import pathlib
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import run  # noqa: E402


class Server:
    """Accepts connections one after the other and hands each, with a file for its lines, to `serve`."""

    def __init__(self, serve, certificate=None, tls_at_once=False):
        self.serve, self.certificate, self.tls_at_once = serve, certificate, tls_at_once
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.loop, daemon=True).start()

    def loop(self):
        while True:
            try:
                s, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.one, args=(s,), daemon=True).start()

    def one(self, s):
        with contextlib.suppress(OSError):
            if self.tls_at_once:
                s = self.tls(s)
            self.serve(self, s)
            s.close()

    def tls(self, s):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate)
        return context.wrap_socket(s, server_side=True)

    def close(self):
        self.listener.close()


def says(*pieces):
    """A server that says pieces[0], and each further piece after having read something."""
    def serve(_, s):
        s.sendall(pieces[0])
        for piece in pieces[1:]:
            if not s.recv(65536):
                return
            s.sendall(piece)
        s.settimeout(2)
        with contextlib.suppress(OSError):
            while s.recv(65536):
                pass
    return serve


class RunnerTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.root = pathlib.Path(self.folder.name) / "smtp"
        self.root.mkdir()

    def tearDown(self):
        self.folder.cleanup()

    def hold(self, serve, dialogue, timeout="2", more=(), **server):
        s = Server(serve, **server)
        path = self.root / "it.talk"
        path.write_text(dialogue)
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            status = run.main(["--timeout", timeout, *more, f"smtp=127.0.0.1:{s.port}",
                               f"submissions=127.0.0.1:{s.port}", str(path)])
        s.close()
        return status, out.getvalue()

    def check(self, fine, serve, dialogue, shown="", **how):
        status, out = self.hold(serve, dialogue, **how)
        self.assertEqual(status, 0 if fine else 1, out)
        self.assertIn("1..1\nok 1 - smtp/it" if fine else "1..1\nnot ok 1 - smtp/it", out)
        self.assertIn(shown, out)

    def test_a_dialogue_that_goes_as_written(self):
        self.check(True, says(b"220 mx ESMTP x\r\n", b"250 hello\r\n"), "# greets\nS: 220 *\n\nC: HELO a\nS: 250 hello\n")

    def test_another_answer_is_shown_with_what_went_before(self):
        status, out = self.hold(says(b"220 mx\r\n", b"550 no\r\n"), "S: 220 *\nC: HELO a\nS: 250 *\n")
        self.assertEqual(status, 1)
        for line in ("# S: 220 mx", "# C: HELO a", "# S: 550 no", "# line 3: S: 250 *", "# wanted: 250 *", "# got:    550 no"):
            self.assertIn(line, out)

    def test_silence_is_a_failure(self):
        self.check(False, says(b"220 mx\r\n"), "S: 220 *\nC: HELO a\nS: 250 *\n", timeout="0.2", shown="said nothing")

    def test_a_line_must_end_in_crlf(self):
        self.check(False, says(b"220 mx\n"), "S: 220 *\n", shown="CRLF")

    def test_the_star_is_anything_and_the_rest_is_literal(self):
        self.check(True, says(b"250 2.1.0 a.b (c) d\r\n"), "S: 250 2.1.0 *.b (c) *\n")
        self.check(False, says(b"250 2x1.0 a\r\n"), "S: 250 2.1.0 *\n")

    def test_a_regular_expression_stands_between_slashes(self):
        self.check(True, says(b"503 x\r\n"), "S: /50[13] .*/\n")
        self.check(False, says(b"502 x\r\n"), "S: /50[13] .*/\n")
        self.check(True, says(b"+OK a.b\r\na.b 1\r\n"), "S: +OK @{x}\nS: /${x} [0-9]/\n")
        self.check(False, says(b"+OK a.b\r\naxb 1\r\n"), "S: +OK @{x}\nS: /${x} [0-9]/\n")

    LIST = b"250-mx\r\n250-PIPELINING\r\n250-SIZE 1000\r\n250 STARTTLS\r\n"

    def test_the_lines_of_a_reply_are_passed_over(self):
        self.check(True, says(self.LIST), "S: 250 *\n")
        self.check(True, says(self.LIST), "S: 250 STARTTLS\n")

    def test_lines_of_a_reply_come_in_any_order(self):
        self.check(True, says(self.LIST), "S: 250-SIZE *\nS: 250-STARTTLS\nS: 250-PIPELINING\nS: 250 *\n")
        self.check(False, says(self.LIST), "S: 250-DSN\nS: 250 *\n", shown="wanted among them: 250-DSN")

    def test_some_lines_must_not_come(self):
        self.check(True, says(self.LIST), "S- 250-AUTH*\nS: 250 *\n")
        self.check(False, says(self.LIST), "S- 250-STARTTLS*\nS: 250 *\n", shown="not wanted")

    def test_replies_one_after_the_other(self):
        self.check(True, says(self.LIST + b"220 go\r\n250-a\r\n250 b\r\n"), "S: 250 *\nS: 220 go\nS: 250-a\nS: 250 b\n")

    def test_replies_are_passed_over_until_one_fits(self):
        many = b"503 a\r\n503 b\r\n250-c\r\n250 d\r\n421 e\r\n"
        self.check(True, says(many), "S: ...\nS: 421 *\n")
        self.check(False, says(many), "S: ...\nS: 500 *\n", timeout="0.2", shown="said nothing")

    def test_answers_that_end_with_a_dot(self):
        capa = b"+OK\r\nUSER\r\nUIDL\r\nTOP\r\n.\r\n+OK bye\r\n"
        self.check(True, says(capa), "S: +OK*\nS~ TOP\nS~ USER\nS- SASL*\nS: .\nS: +OK bye\n")
        self.check(False, says(capa), "S: +OK*\nS~ STLS\nS: .\n", shown="wanted among them: STLS")
        self.check(True, says(capa), "S: +OK*\nS: ...\nS: TOP\nS: .\n")

    def test_the_server_must_close(self):
        def leaves(_, s):
            s.sendall(b"421 bye\r\n")
        self.check(True, leaves, "S: 421 *\nS!\n")
        self.check(False, says(b"421 bye\r\n"), "S: 421 *\nS!\n", timeout="0.2")
        self.check(False, says(b"421 bye\r\n250 more\r\n"), "S: 421 *\nS!\n", shown="should have closed")

    @staticmethod
    def echo(_, s):
        s.sendall(b"220 x\r\n")
        s.sendall(b"250 " + s.recv(65536).hex().encode() + b"\r\n")
        s.recv(1)

    def test_what_the_client_says(self):
        self.check(True, self.echo, "S: 220 *\nC> a\\r\\n\\0\\x7f\\\\\nS: 250 610d0a007f5c\n")
        self.check(True, self.echo, "S: 220 *\nC: B64(\\0a\\0b)\nS: 250 " + b"AGEAYg==\r\n".hex() + "\n")
        self.check(True, self.echo, "S: 220 *\nC: REP(ab,3)\nS: 250 " + b"ababab\r\n".hex() + "\n")
        self.check(True, self.echo, "S: 220 *\nC:\nS: 250 0d0a\n")
        self.check(True, self.echo, "S: 220 *\nC: ${who}\nS: 250 " + b"ann\r\n".hex() + "\n", more=("-v", "who=ann"))

    def test_words_are_kept_and_counted_with(self):
        def serve(_, s):
            s.sendall(b"+OK 7 320\r\n")
            s.sendall(s.recv(100))
            s.recv(1)
        self.check(True, serve, "S: +OK @{n} *\nC: DELE ${n} ${n-1} ${n+2}\nS: DELE 7 6 9\n")

    def test_what_is_not_understood_fails(self):
        for dialogue in ("", "Q: x\n", "S: 220 *\nC: ${nobody}\n", "S: 220 *\nS~ x\n", "S: 220 *\nC> \\q\n",
                         "SESSION a\nS: 220 *\n"):
            self.check(False, says(b"220 x\r\n"), dialogue)

    def test_several_connections(self):
        count = []

        def serve(_, s):
            count.append(1)
            s.sendall(b"220 %d\r\n" % len(count))
            s.sendall(b"250 %d %s" % (len(count), s.recv(100)))
            s.recv(1)
        self.check(True, serve, "SESSION a\nCONNECT smtp\nS: 220 1\nSESSION b\nCONNECT smtp\nS: 220 2\nC: x\n"
                   "S: 250 2 x\nSESSION a\nC: y\nS: 250 1 y\nCLOSE\nWAIT 1\nCONNECT smtp\nS: 220 3\n")

    def test_a_port_that_was_not_given_is_skipped(self):
        self.check(True, says(b""), "CONNECT imap\nS: * OK *\n", shown="# SKIP no port imap")

    def test_tls(self):
        pem = pathlib.Path(self.folder.name) / "pem"
        key = pathlib.Path(self.folder.name) / "key"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-subj", "/CN=mx.a.test", "-keyout", key, "-out", pem], check=True, capture_output=True)
        pem.write_text(pem.read_text() + key.read_text())

        def starttls(server, s):
            s.sendall(b"220 x\r\n")
            s.recv(100)
            s.sendall(b"220 go\r\n")
            s = server.tls(s)
            s.sendall(b"250 " + s.recv(100))
            s.recv(1)

        def closes(_, s):
            s.sendall(b"220 x\r\n")
            s.recv(100)
            s.sendall(b"220 go\r\n")

        talk = "S: 220 *\nC: STARTTLS\nS: 220 go\n%s\nC: secret\nS: 250 secret\n"
        self.check(True, starttls, talk % "TLS", certificate=pem)
        self.check(True, starttls, talk % "TLS?", certificate=pem)
        self.check(False, closes, talk % "TLS")
        self.check(True, closes, talk % "TLS?")
        self.check(True, says(b"220 x\r\n"), "CONNECT submissions\nS: 220 x\n", certificate=pem, tls_at_once=True)

    def test_scram(self):
        # The exchange's own arithmetic is checked against RFC 7677 3 by fixing the nonce.
        first = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
        last = b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
        heard = []

        def serve(_, s):
            for reply in (b"334 " + run.base64.b64encode(first), b"334 " + run.base64.b64encode(last), b"235 in"):
                heard.append(s.recv(1000))
                s.sendall(reply + b"\r\n")
            s.recv(1)

        def refuses(_, s):
            s.recv(1000)
            s.sendall(b"334 " + run.base64.b64encode(first) + b"\r\n")
            s.recv(1000)
            s.sendall(b"535 no\r\n")
            s.recv(1)

        real = run.secrets.token_urlsafe
        run.secrets.token_urlsafe = lambda n: "rOprNGfwEbeRWgbNEkqO"
        try:
            self.check(True, serve, "CONNECT smtp\nSCRAM SHA-256 user pencil\nS: 235 *\n")
            self.check(False, serve, "CONNECT smtp\nSCRAM SHA-256 user pen\nS: 235 *\n", shown="does not know the password")
            self.check(True, refuses, "CONNECT smtp\nSCRAM SHA-256 user pencil\nS: 535 *\n")
        finally:
            run.secrets.token_urlsafe = real
        self.assertEqual(heard[0], b"AUTH SCRAM-SHA-256 " + run.base64.b64encode(b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO") + b"\r\n")
        self.assertIn(b"p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=", run.base64.b64decode(heard[1]))
        self.assertEqual(heard[2], b"\r\n")


if __name__ == "__main__":
    unittest.main()
