#!/usr/bin/env python3
"""`postrider send` and `sendmail`: against our own server, against Postfix, and against servers that misbehave."""
import base64
import hashlib
import json
import os
import poplib
import pty
import random
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time

from server import BINARY, Server, main, test

EX_UNAVAILABLE, EX_TEMPFAIL, EX_PROTOCOL, EX_NOPERM = 69, 75, 76, 77
SANITIZED = b"__asan_init" in open(BINARY, "rb").read()
MECHANISMS = ("PLAIN", "LOGIN", "SCRAM-SHA-1", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS")


def send(*args, stdin="", status=0, conf=None):
    """(stdout, stderr) of a call with that status"""
    p = subprocess.run([BINARY, *(("-c", conf) if conf else ()), "send", *args], input=stdin, text=True, capture_output=True, timeout=120)
    assert p.returncode == status, f"{args}: exit {p.returncode}, not {status}\n{p.stdout}{p.stderr}"
    return p.stdout, p.stderr


def where(s, service):
    return ("--server", f"127.0.0.1:{s.port(service)}")


def trust(s):
    return ("--ca", os.path.join(s.state, "tls/cert.pem"), "--tls-name", "mx.a.test")


def fetch(s, user="ben@a.test"):
    """The user's messages, and they are gone."""
    p = poplib.POP3_SSL("127.0.0.1", s.port("pop3s"), context=s.tls())
    p.user(user)
    p.pass_(s.password)
    found = []
    for n in range(1, p.stat()[0] + 1):
        found.append(b"\r\n".join(p.retr(n)[1]) + b"\r\n")
        p.dele(n)
    p.quit()
    return found


# ---- our own server ----

@test
def every_mechanism_on_both_ports_and_mail_from_a_stranger():
    with Server() as s:
        for mech in MECHANISMS:
            for service, tls in (("submission", "starttls"), ("submissions", "tls"), ("submission", "auto")):
                _, err = send("--to", "ben@a.test", "--subject", f"{mech} {service}", *where(s, service), "--tls", tls, *trust(s), "--user",
                              "ann@a.test", "--password-stdin", "--auth", mech, "--verbose", stdin=s.password + "\n")
                assert f"C: AUTH {mech}" in err and s.password not in err, err
        secret = base64.b64encode(f"\0ann@a.test\0{s.password}".encode()).decode()
        _, err = send("--to", "ben@a.test", *where(s, "submissions"), "--tls", "tls", *trust(s), "--user", "ann@a.test", "--password-stdin", "--auth",
                      "PLAIN", "--verbose", stdin=s.password + "\n")
        assert secret not in err and "S: 235" in err, err
        out, _ = send("--from", "x@far.test", "--to", "ben@a.test", "--to", "ann@a.test", *where(s, "smtp"))
        assert out.count("accepted: 250 2.0.0") == 2, out
        assert len(fetch(s)) == len(MECHANISMS) * 3 + 2


@test
def what_is_refused_says_so_and_the_rest_arrives():
    with Server() as s:
        out, err = send("--from", "x@far.test", "--to", "ben@a.test, nobody@a.test, x@far.test", *where(s, "smtp"), status=EX_UNAVAILABLE)
        assert "ben@a.test: accepted" in out and "nobody@a.test: refused: 550 5.1.1" in err and "x@far.test: refused: 550 5.7.1" in err, (out, err)
        out, _ = send("--from", "x@far.test", "--to", "ben@a.test, nobody@a.test", *where(s, "smtp"), "--json", status=EX_UNAVAILABLE)
        got = json.loads(out)
        assert [(r["address"], r["verdict"], r["code"]) for r in got["recipients"]] == [("ben@a.test", "accepted", 250), ("nobody@a.test", "refused", 550)], got
        assert len(fetch(s)) == 2
        login = (*where(s, "submissions"), "--tls", "tls", *trust(s), "--to", "ben@a.test")
        _, err = send(*login, "--user", "ann@a.test", "--password-stdin", stdin="wrong\n", status=EX_NOPERM)
        assert "535 5.7.8" in err, err
        _, err = send(*login, status=EX_UNAVAILABLE)
        assert "530" in err and "log in with --user" in err, err
        _, err = send("--to", "ben@a.test", *where(s, "submission"), "--tls", "none", "--user", "ann@a.test", "--password-stdin", stdin="x\n", status=EX_NOPERM)
        assert "without TLS" in err, err


@test
def a_certificate_that_is_not_trusted_is_refused():
    with Server() as s:
        to = ("--to", "ben@a.test", "--user", "ann@a.test", "--password-stdin")
        cert = trust(s)[1]
        for service, tls in (("submission", "starttls"), ("submissions", "tls")):
            base = (*to, *where(s, service), "--tls", tls)
            for more, words in (((), "self-signed"), (("--ca", cert), "mismatch"), (("--ca", cert, "--tls-name", "other.test"), "mismatch")):
                _, err = send(*base, *more, "--verbose", stdin=s.password + "\n", status=EX_PROTOCOL)
                assert words in err and "--insecure" in err and "AUTH" not in err, err
            send(*base, "--ca", cert, "--tls-name", "mx.a.test", stdin=s.password + "\n")
            send(*base, "--insecure", stdin=s.password + "\n")
        assert len(fetch(s)) == 4


def local_conf(s):
    """A main.cf as an administrator has it: with the ports the kernel chose for this server."""
    path = os.path.join(s.dir, "local.cf")
    with open(path, "w") as f:
        for k, v in s.settings.items():
            f.write(f"{k} = 127.0.0.1:{s.port(k[7:])}\n" if k.startswith("listen_") and k[7:] in s.ports else f"{k} = {v}\n")
    return path


@test
def without_a_server_it_is_the_local_one():
    with Server() as s:
        conf = local_conf(s)
        send("--from", "x@far.test", "--to", "ben@a.test", conf=conf)
        send("--to", "ben@a.test", "--user", "ann@a.test", "--password-stdin", stdin=s.password + "\n", conf=conf)  # trusts its self-made certificate
        password = os.path.join(s.dir, "password")
        open(password, "w").write(s.password + "\n")
        send("--to", "ben@a.test", "--user", "ann@a.test", "--password-file", password, conf=conf)
        assert len(fetch(s)) == 3
        s.stop()
        _, err = send("--from", "x@far.test", "--to", "ben@a.test", conf=conf, status=EX_TEMPFAIL)
        assert "is the server running?" in err, err


@test
def sendmail_is_there_for_scripts():
    with Server(conf={"mydestination": "$myhostname a.test"}, users=("root@mx.a.test", "ann@a.test", "ben@a.test")) as s:
        conf = local_conf(s)
        link = os.path.join(s.dir, "sendmail")
        os.symlink(os.path.abspath(BINARY), link)

        def sendmail(*args, stdin, status=0):
            p = subprocess.run([link, "-C", conf, *args], input=stdin, text=True, capture_output=True, timeout=60)
            assert p.returncode == status, (args, p)
            return p.stdout + p.stderr

        assert sendmail("-i", "-f", "cron", "-F", "Cron Daemon", "root", stdin="Subject: cron\n\n.\nout\n") == ""
        m, = fetch(s, "root@mx.a.test")
        assert b"Return-Path: <cron@mx.a.test>" in m and b"From: Cron Daemon <cron@mx.a.test>\r\n" in m and b"Subject: cron\r\n\r\n.\r\nout\r\n" in m, m
        assert b"\r\nDate: " in m and b"\r\nMessage-ID: <" in m
        assert sendmail("-t", "-oi", stdin="From: Ann <ann@a.test>\nTo: root\nBcc: ann@a.test\nSubject: t\n\nx\n") == ""
        got = fetch(s, "root@mx.a.test") + fetch(s, "ann@a.test")
        assert len(got) == 2
        for m in got:
            assert b"Bcc" not in m and b"To: root\r\n" in m, m
        assert sendmail("ben@a.test", stdin="Subject: dot\n\nbefore\n.\nafter\n") == ""
        assert b"after" not in fetch(s)[0]
        sendmail("-f", "<>", "ben@a.test", stdin="no header at all\n")
        m, = fetch(s)
        assert b"Return-Path: <>" in m and m.endswith(b"\r\n\r\nno header at all\r\n"), m
        assert "550" in sendmail("-i", "nobody@a.test", stdin="x\n", status=EX_UNAVAILABLE)
        with subprocess.Popen([link, "-C", conf, "-bs"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as p:
            for said, code in ((None, b"220 "), (b"HELO me.test", b"250 "), (b"MAIL FROM:<a@a.test>", b"250 "), (b"RCPT TO:<ben@a.test>", b"250 "),
                               (b"DATA", b"354 "), (b"Subject: by hand\r\n\r\nx\r\n.", b"250 "), (b"QUIT", b"221 ")):
                if said:
                    p.stdin.write(said + b"\r\n")
                line = p.stdout.readline()
                assert line.startswith(code), (said, line)
            assert p.stdout.read() == b"" and p.wait(10) == 0
        assert b"by hand" in fetch(s)[0]


@test
def a_hundred_megabytes_pass_through_little_memory():
    with Server(conf={"message_size_limit": "200000000"}) as s:
        path = os.path.join(s.dir, "large.bin")
        digest, block = hashlib.sha256(), os.urandom(1 << 20)
        with open(path, "wb") as f:
            for i in range(100):
                b = block[i:] + block[:i]
                f.write(b)
                digest.update(b)
        p = subprocess.Popen([BINARY, "send", "--from", "x@far.test", "--to", "ben@a.test", "--body", "large", "--attach", path, *where(s, "smtp")],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        out, err = p.stdout.read(), p.stderr.read()
        _, status, usage = os.wait4(p.pid, 0)
        p.returncode = os.waitstatus_to_exitcode(status)
        assert p.returncode == 0, (out, err)
        assert SANITIZED or usage.ru_maxrss < 40000, f"{usage.ru_maxrss} KB"
        with s.connect("pop3s", 120) as c:
            f = c.makefile("rwb")
            f.readline()
            for line in (b"USER ben@a.test\r\n", b"PASS " + s.password.encode() + b"\r\n", b"RETR 1\r\n"):
                f.write(line)
                f.flush()
                assert f.readline().startswith(b"+OK")
            got, text = hashlib.sha256(), []
            while not f.readline().startswith(b"Content-Disposition: attachment"):
                pass
            while f.readline() != b"\r\n":
                pass
            while not (line := f.readline()).startswith(b"--"):
                text.append(line)
                if len(text) == 10000:
                    got.update(base64.b64decode(b"".join(text)))
                    text = []
            got.update(base64.b64decode(b"".join(text)))
        assert got.digest() == digest.digest()


@test
def addresses_and_domains_beyond_ascii():
    with Server(conf={"mydestination": "a.test xn--bcher-kva.example"}, users=("jürgen@a.test", "ben@xn--bcher-kva.example")) as s:
        send("--smtputf8", "--from", "Ann <änn@far.test>", "--to", "jürgen@a.test", "--subject", "Grüße", *where(s, "smtp"))
        out, err = send("--from", "ann@far.test", "--to", "ben@bücher.example", "--verbose", *where(s, "smtp"))
        assert "RCPT TO:<ben@xn--bcher-kva.example>" in err and "SMTPUTF8" not in err.split("MAIL FROM")[1].split("\n")[0], err


@test
def who_is_one_too_many_comes_in_the_next_transaction():
    with Server(conf={"smtpd_recipient_limit": "3", "recipient_delimiter": "+"}) as s:
        attachment = os.path.join(s.dir, "a.bin")
        open(attachment, "wb").write(os.urandom(100000))
        to = ", ".join(f"ben+{i}@a.test" for i in range(7)) + ", nobody@a.test"
        out, err = send("--from", "x@far.test", "--to", to, "--attach", attachment, "--verbose", *where(s, "smtp"), status=EX_UNAVAILABLE)
        assert out.count("accepted: 250") == 7 and "nobody@a.test: refused: 550 5.1.1" in err and err.count("C: MAIL") == 3, (out, err)
        got = fetch(s)
        assert len(got) == 3 and len({m.split(b"Content-Disposition")[1] for m in got}) == 1
    # one that only says so when it is too late, and a message that is ready
    rcpts = ("RCPT", b"250 ok\r\n", "RCPT", b"452 4.5.3 too many\r\n")
    with Fake(talk(*EHLO, "MAIL", b"250 ok\r\n", *rcpts, "DATA", b"354 go\r\n", read_data, b"250 one\r\n", *MAIL, read_data, b"250 two\r\n", "QUIT", b"221 bye\r\n")) as fake:
        out, _ = send(*fake.where(), "--from", "ann@a.test", "--to", "b1@a.test, b2@a.test", "--message", "-", stdin="Subject: x\n\ny\n")
        assert "b1@a.test: accepted: 250 one" in out and "b2@a.test: accepted: 250 two" in out, out
    # and one that takes nobody at all is not asked for ever
    with Fake(talk(*EHLO, "MAIL", b"250 ok\r\n", "RCPT", b"452 4.5.3 too many\r\n", "QUIT", b"221 bye\r\n")) as fake:
        send(*fake.where(), *BASE, status=EX_TEMPFAIL)


# ---- servers that misbehave ----

class Fake:
    """A server that does what a function does with each of its connections (a binary file and its socket)."""

    def __init__(self, serve, times=1):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.serve, self.times, self.trouble, self.lines = serve, times, [], []
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        for _ in range(self.times):
            s, _ = self.listener.accept()
            s.settimeout(60)
            try:
                self.serve(self, s)
            except (OSError, EOFError):
                pass  # what the client says of it is what counts
            except Exception as e:
                self.trouble.append(e)
            finally:
                s.close()

    def where(self):
        return ("--server", f"127.0.0.1:{self.listener.getsockname()[1]}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.thread.join()
        self.listener.close()
        assert not self.trouble, self.trouble


def line_of(s):
    got = b""
    while not got.endswith(b"\n"):
        b = s.recv(1)
        if not b:
            raise EOFError
        got += b
    return got


def talk(*script):
    """Bytes are said; a str is the beginning of a line that is expected; a function is called with the socket."""
    def serve(fake, s):
        for step in script:
            if isinstance(step, bytes):
                s.sendall(step)
            elif callable(step):
                s = step(s) or s
            else:
                line = line_of(s)
                fake.lines.append(line)
                assert line.startswith(step.encode()), (step, line)
    return serve


EHLO = (b"220 fake ESMTP\r\n", "EHLO", b"250-fake\r\n250 8BITMIME\r\n")
MAIL = ("MAIL", b"250 ok\r\n", "RCPT", b"250 ok\r\n", "DATA", b"354 go\r\n")
BASE = ("--from", "ann@a.test", "--to", "ben@a.test")


def read_data(s):
    while line_of(s) != b".\r\n":
        pass


def until_closed(s):
    while s.recv(65536):
        pass


@test
def misbehaviour_ends_in_a_clear_word():
    large = tempfile.NamedTemporaryFile()
    large.write(os.urandom(8 << 20))
    large.flush()
    cases = (
        ("no greeting", talk(until_closed), EX_TEMPFAIL, "too long", ("--timeout", "1")),
        ("no reply to EHLO", talk(b"220 hi\r\n", "EHLO", until_closed), EX_TEMPFAIL, "EHLO: the server took too long", ("--timeout", "1")),
        ("half a reply", talk(b"220 hi\r\n", "EHLO", b"250-hi\r\n25"), EX_TEMPFAIL, "in the middle of a reply", ()),
        ("refusing", talk(b"554 5.7.1 not you\r\n"), EX_UNAVAILABLE, "554 5.7.1 not you", ()),
        ("busy", talk(b"421 4.3.2 later\r\n"), EX_TEMPFAIL, "421 4.3.2 later", ()),
        ("garbage", talk(b"\x00\xff\x16\x03\x01 garbage\r\n"), EX_PROTOCOL, "no SMTP reply", ()),
        ("ssh", talk(b"SSH-2.0-OpenSSH_9.2\r\n"), EX_PROTOCOL, "SSH-2.0-OpenSSH_9.2", ()),
        ("a reply without end", talk(*(b"220-more\r\n" for _ in range(200))), EX_PROTOCOL, "without end", ()),
        ("a line without end", talk(b"220 " + b"x" * 100000), EX_PROTOCOL, "without end", ()),
        ("421 instead of 354", talk(*EHLO, *MAIL[:-1], b"421 4.3.2 bye\r\n"), EX_TEMPFAIL, "421 4.3.2 bye", ()),
        ("421 in the middle of a large message", talk(*EHLO, *MAIL, lambda s: s.recv(100000) and None, b"421 4.3.0 disk full\r\n"), EX_TEMPFAIL, "disk full",
         ("--attach", large.name)),
        ("552 in the middle of a large message", talk(*EHLO, *MAIL, lambda s: s.recv(100000) and None, b"552 5.3.4 too big\r\n", until_closed), EX_UNAVAILABLE, "too big",
         ("--attach", large.name)),
        ("gone in the middle of a large message", talk(*EHLO, *MAIL, lambda s: s.recv(100000) and None), EX_TEMPFAIL, "closed the connection",
         ("--attach", large.name)),
        ("no reply to the message", talk(*EHLO, *MAIL, read_data, until_closed), EX_TEMPFAIL, "in doubt", ("--timeout", "1")),
        ("gone after the message", talk(*EHLO, *MAIL, read_data), EX_TEMPFAIL, "in doubt", ()),
        ("refuses the message", talk(*EHLO, *MAIL, read_data, b"554 5.7.1 looks like\r\n", "QUIT", b"221 bye\r\n"), EX_UNAVAILABLE, "looks like", ()),
        ("no STARTTLS where it is wanted", talk(b"220 hi\r\n", "EHLO", b"250 hi\r\n"), EX_PROTOCOL, "does not offer STARTTLS", ("--tls", "starttls")),
        ("STARTTLS offered and refused", talk(b"220 hi\r\n", "EHLO", b"250-hi\r\n250 STARTTLS\r\n", "STARTTLS", b"454 no\r\n"), EX_PROTOCOL, "refuses it",
         ("--tls", "starttls")),
        ("injection behind STARTTLS", talk(b"220 hi\r\n", "EHLO", b"250-hi\r\n250 STARTTLS\r\n", "STARTTLS", b"220 go\r\n250-hi\r\n250 AUTH PLAIN\r\n", until_closed),
         EX_PROTOCOL, "slip replies in", ("--tls", "starttls", "--insecure")),
        ("garbage for TLS", talk(b"220 hi\r\n", "EHLO", b"250-hi\r\n250 STARTTLS\r\n", "STARTTLS", b"220 go\r\n", lambda s: s.recv(3) and None, b"250 ok\r\n" * 9,
                                 until_closed), EX_PROTOCOL, "no TLS", ("--tls", "starttls", "--insecure")),
        ("does not know EHLO", talk(b"220 hi\r\n", "EHLO", b"500 what\r\n", "HELO", b"250 hi\r\n", *MAIL, read_data, b"250 ok\r\n", "QUIT", b"221\r\n"), 0, "", ()),
        ("no 8BITMIME for an 8-bit message", talk(b"220 hi\r\n", "EHLO", b"250 hi\r\n", "QUIT", b"221 bye\r\n"), EX_UNAVAILABLE, "8BITMIME", ("eight",)),
        ("no DSN where it is wanted", talk(*EHLO, "QUIT", b"221 bye\r\n"), EX_UNAVAILABLE, "without --dsn", ("--dsn", "success")),
    )
    for name, serve, status, words, more in cases:
        args = ("--to", "ben@a.test", "--from", "ann@a.test", "--message", "-") if more == ("eight",) else (*BASE, *more)
        with Fake(serve) as fake:
            try:
                out, err = send(*fake.where(), *args, stdin="", status=status) if more != ("eight",) else (
                    lambda p: (p.stdout.decode(), p.stderr.decode()))(subprocess.run([BINARY, "send", *fake.where(), *args], input=b"Subject: x\n\n\xe4\n", capture_output=True))
            except AssertionError as e:
                raise AssertionError(f"{name}: {e}")
            assert words in out + err, (name, out, err)


@test
def the_first_address_that_answers_is_taken():
    with Fake(talk(*EHLO, *MAIL, read_data, b"250 ok\r\n", "QUIT", b"221 bye\r\n")) as fake:
        port = fake.listener.getsockname()[1]
        out, err = send("--server", f"localhost:{port}", *BASE, "--verbose")  # ::1 comes first where the system has it
        assert f"connecting to 127.0.0.1:{port}" in err and "accepted" in out, (out, err)


@test
def a_large_message_has_a_bar_on_a_terminal():
    with Fake(talk(*EHLO, *MAIL, read_data, b"250 ok\r\n", "QUIT", b"221 bye\r\n")) as fake:
        with tempfile.NamedTemporaryFile() as large:
            large.truncate(2 << 20)
            pid, fd = pty.fork()
            if pid == 0:
                os.execv(BINARY, [BINARY, "send", *fake.where(), *BASE, "--attach", large.name])
            shown = b""
            try:
                while got := os.read(fd, 65536):
                    shown += got
            except OSError:
                pass
            os.close(fd)
            assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0, shown
    assert b"\rsending [" in shown and b"accepted: 250 ok" in shown, shown


@test
def replies_cannot_play_with_the_terminal():
    with Fake(talk(b"554 \x1b]0;owned\x07 \xc2\x9b31m\r\n")) as fake:
        out, err = send(*fake.where(), *BASE, "--verbose", status=EX_UNAVAILABLE)
        assert all(c >= " " or c == "\n" for c in out + err) and "\x9b" not in err, (out, err)


@test
def notifications_are_asked_for_where_they_are_offered():
    with Fake(talk(b"220 hi\r\n", "EHLO", b"250-hi\r\n250-SIZE 1000000\r\n250 DSN\r\n", *MAIL, read_data, b"250 ok\r\n", "QUIT", b"221 bye\r\n")) as fake:
        send(*fake.where(), *BASE, "--dsn", "success,delay", "--ret", "hdrs", "--envid", "a+b=1")
        assert b" RET=HDRS ENVID=a+2Bb+3D1\r\n" in fake.lines[1], fake.lines
        assert fake.lines[2] == b"RCPT TO:<ben@a.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;ben@a.test\r\n", fake.lines


def make_cert(folder, name, alt=None):
    path = os.path.join(folder, name + ".pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", f"/CN={name}", "-addext",
                    f"subjectAltName={alt or 'DNS:' + name}", "-keyout", path + ".key", "-out", path + ".crt"], check=True, capture_output=True)
    open(path, "w").write(open(path + ".key").read() + open(path + ".crt").read())
    return path


@test
def a_certificate_of_ones_own_logs_in():
    folder = tempfile.mkdtemp()
    server, ann = make_cert(folder, "mx.fake.test"), make_cert(folder, "ann.test")
    ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ctx.load_cert_chain(server)
    ctx.load_verify_locations(ann + ".crt")
    ctx.verify_mode = ssl.CERT_REQUIRED
    subject = []

    def shake(s):
        t = ctx.wrap_socket(s, server_side=True)
        subject.append(t.getpeercert()["subject"])
        return t

    for user, line in ((), "AUTH EXTERNAL =\r\n"), (("--user", "ann@a.test"), "AUTH EXTERNAL YW5uQGEudGVzdA==\r\n"):
        script = talk(b"220 hi\r\n", "EHLO", b"250-hi\r\n250 STARTTLS\r\n", "STARTTLS", b"220 go\r\n", shake, "EHLO", b"250-hi\r\n250 AUTH EXTERNAL\r\n", line,
                      b"235 in\r\n", *MAIL, read_data, b"250 ok\r\n", "QUIT", b"221 bye\r\n")
        with Fake(script) as fake:
            send(*fake.where(), *BASE, "--tls", "starttls", "--ca", server + ".crt", "--tls-name", "mx.fake.test", "--cert", ann, "--auth", "EXTERNAL", *user)
    assert subject[0] == ((("commonName", "ann.test"),),), subject
    shutil.rmtree(folder)


@test
def a_certificate_of_ones_own_logs_in_to_our_server():
    with tempfile.TemporaryDirectory(prefix="postrider-cert-") as folder:
        os.chmod(folder, 0o755)
        ann = make_cert(folder, "ann", "email:ann@a.test")
        with Server(conf={"submissions_smtpd_tls_ask_ccert": "yes", "submission_smtpd_tls_ask_ccert": "yes", "smtpd_tls_CAfile": ann + ".crt"}) as s:
            for service, tls in (("submission", "starttls"), ("submissions", "tls")):
                base = ("--from", "ann@a.test", "--to", "ben@a.test", *where(s, service), "--tls", tls, *trust(s), "--auth", "EXTERNAL")
                for user in (), ("--user", "ann@a.test"):
                    send(*base, "--cert", ann, *user)
                _, err = send(*base, "--cert", ann, "--user", "ben@a.test", status=EX_NOPERM)
                assert "5.7.1" in err, err
                _, err = send(*base, status=EX_NOPERM)
                assert "does not offer EXTERNAL" in err, err
            assert len(fetch(s)) == 4


@test
def lmtp_over_a_unix_socket_has_a_reply_for_each():
    folder = tempfile.mkdtemp()
    path = os.path.join(folder, "lmtp")
    got = []
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()

        def serve():
            with listener.accept()[0] as s:
                fake = type("F", (), {"lines": got})
                talk(b"220 hi\r\n", "LHLO", b"250-hi\r\n250 PIPELINING\r\n", "MAIL", "RCPT", "RCPT", "DATA", b"250 ok\r\n" * 3 + b"354 go\r\n", read_data,
                     b"250 2.0.0 ben has it\r\n452 4.2.2 full\r\n", "QUIT", b"221 bye\r\n")(fake, s)

        t = threading.Thread(target=serve)
        t.start()
        out, err = send(*BASE, "--to", "cid@a.test", "--lmtp", "--server", "unix:" + path, status=EX_TEMPFAIL)
        t.join()
    assert "ben@a.test: accepted: 250 2.0.0 ben has it" in out and "cid@a.test: not accepted now: 452 4.2.2 full" in err, (out, err)
    shutil.rmtree(folder)


# ---- Postfix ----

class Postfix:
    """A private instance on loopback that takes mail for a.test and throws it away."""

    def __init__(self, folder, cert):
        self.port = self.free_port()
        self.folder = folder
        for d in ("queue", "data"):
            os.mkdir(os.path.join(folder, d))
        shutil.chown(os.path.join(folder, "data"), "postfix")
        os.chmod(folder, 0o755)
        with open(os.path.join(folder, "main.cf"), "w") as f:
            f.write(f"compatibility_level = 3.6\nqueue_directory = {folder}/queue\ndata_directory = {folder}/data\nmyhostname = mx.postfix.test\n"
                    f"mydestination = a.test\ninet_interfaces = loopback-only\ninet_protocols = ipv4\nlocal_transport = discard:\nlocal_recipient_maps =\n"
                    f"smtpd_tls_security_level = may\nsmtpd_tls_chain_files = {cert}\nmaillog_file = {folder}/log\nmaillog_file_prefixes = {folder}\n"
                    "smtpd_relay_restrictions = reject_unauth_destination\nsmtputf8_enable = yes\nmessage_size_limit = 30000000\nalias_maps =\n")
        with open(os.path.join(folder, "master.cf"), "w") as f:
            f.write(f"127.0.0.1:{self.port} inet n - n - - smtpd\npickup unix n - n 60 1 pickup\ncleanup unix n - n - 0 cleanup\nqmgr unix n - n 300 1 qmgr\n"
                    "rewrite unix - - n - - trivial-rewrite\nbounce unix - - n - 0 bounce\ndefer unix - - n - 0 bounce\ntrace unix - - n - 0 bounce\n"
                    "error unix - - n - - error\ndiscard unix - - n - - discard\nanvil unix - - n - 1 anvil\nproxymap unix - - n - - proxymap\n"
                    "tlsmgr unix - - n 1000? 1 tlsmgr\nflush unix n - n 1000? 0 flush\npostlog unix-dgram n - n - 1 postlogd\n")
        self.make_queue()
        self.master = subprocess.Popen(["/usr/lib/postfix/sbin/master", "-c", folder, "-d"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    @staticmethod
    def free_port():
        """Below those that the kernel gives to whoever connects: master.cf cannot leave the choice to it."""
        while True:
            port = random.randrange(20000, 30000)
            try:
                with socket.create_server(("127.0.0.1", port)):
                    return port
            except OSError:
                pass

    def make_queue(self):
        q = os.path.join(self.folder, "queue")
        for d in ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private", "saved", "trace"):
            os.mkdir(os.path.join(q, d), 0o700)
            shutil.chown(os.path.join(q, d), "postfix")
        os.mkdir(os.path.join(q, "pid"), 0o755)
        for d, mode in (("maildrop", 0o730), ("public", 0o710)):
            os.mkdir(os.path.join(q, d))
            shutil.chown(os.path.join(q, d), "postfix", "postdrop")
            os.chmod(os.path.join(q, d), mode)

    def log(self):
        try:
            return open(os.path.join(self.folder, "log"), errors="replace").read()
        except OSError:
            return ""

    def wait(self):
        for _ in range(600):
            try:
                with socket.create_connection(("127.0.0.1", self.port), 5) as s:
                    if line_of(s).startswith(b"220 mx.postfix.test"):
                        return
            except (OSError, EOFError):
                pass
            time.sleep(0.05)
        raise RuntimeError("Postfix did not start:\n" + self.log())

    def stop(self):
        self.master.send_signal(signal.SIGTERM)
        self.master.wait(20)


@test
def postfix_takes_what_we_send():
    if os.getuid() != 0 or not os.path.exists("/usr/lib/postfix/sbin/master"):
        return "Postfix is not here, or one is not root"
    folder = tempfile.mkdtemp(prefix="postrider-postfix-", dir="/var/tmp")
    cert = make_cert(folder, "mx.postfix.test")
    postfix = Postfix(folder, cert)
    try:
        postfix.wait()
        to = ("--from", "ann@a.test", "--server", f"127.0.0.1:{postfix.port}", "--verbose")
        tls = ("--tls", "starttls", "--ca", cert + ".crt", "--tls-name", "mx.postfix.test")
        attachment = os.path.join(folder, "ünïcödé.bin")
        open(attachment, "wb").write(os.urandom(10_000_000))
        for more in ((), tls, (*tls, "--attach", attachment), ("--body", "Grüße\n.\n..\n"), ("--smtputf8", "--to", "jürgen@a.test"),
                     ("--dsn", "never", "--ret", "hdrs", "--envid", "x")):
            out, err = send("--to", "ben@a.test", *to, *more)
            assert "queued as" in out and "C: BDAT " in err, (out, err)
        out, err = send("--to", "ben@a.test, x@far.test", *to, status=EX_UNAVAILABLE)
        assert "ben@a.test: accepted" in out and "x@far.test: refused: 554 5.7.1" in err, (out, err)
        huge = os.path.join(folder, "huge")
        with open(huge, "wb") as f:
            f.truncate(30_000_000)
        _, err = send("--to", "ben@a.test", *to, "--attach", huge, status=EX_UNAVAILABLE)
        assert "takes 30000000 at most" in err and "MAIL FROM" not in err, err
        _, err = send("--to", "ben@a.test", *to, "--tls", "starttls", status=EX_PROTOCOL)
        assert "self-signed" in err, err
        for name in ("DATA", "many"):
            rcpts = ["--to", ", ".join(f"user{i}@a.test" for i in range(300))] if name == "many" else ["--to", "ben@a.test"]
            out, err = send(*rcpts, *to)
            assert out.count("accepted: 250") == (300 if name == "many" else 1), out
    except BaseException:
        print("# " + postfix.log()[-3000:].replace("\n", "\n# "), flush=True)
        raise
    finally:
        postfix.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
