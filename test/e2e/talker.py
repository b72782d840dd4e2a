"""A client of SMTP and LMTP that says what a test wants, and a look into mailboxes."""
import re
import socket
import time


class Talk:
    """A client that says lines and reads replies."""

    def __init__(self, s, service="smtp", before=b"", tls=False, cert=None):
        if service.startswith("/"):
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.settimeout(10)
            self.sock.connect(service)
        else:
            self.sock = socket.create_connection(("127.0.0.1", s.port(service)), 10)
        if before:
            self.sock.sendall(before)
        if tls:
            self.sock = self.context(s, cert).wrap_socket(self.sock)
        self.rest = b""

    def context(self, s, cert):
        c = s.tls()
        if cert:
            c.load_cert_chain(cert + ".crt", cert + ".key")
        return c

    def starttls(self, s, cert=None):
        self.say("STARTTLS", "220")
        self.sock = self.context(s, cert).wrap_socket(self.sock)

    def send(self, data):
        self.sock.sendall(data)

    def line(self):
        while b"\n" not in self.rest:
            got = self.sock.recv(65536)
            assert got, f"closed after {self.rest!r}"
            self.rest += got
        line, self.rest = self.rest.split(b"\n", 1)
        return line.rstrip(b"\r").decode(errors="replace")

    def reply(self):
        lines = [self.line()]
        while lines[-1][3:4] == "-":
            lines.append(self.line())
        return "\n".join(lines)

    def say(self, text, want):
        self.send(text.encode() + b"\r\n")
        got = self.reply()
        assert re.match(want, got), f"{text!r}: {got!r}, not {want!r}"
        return got

    def closed(self):
        """True when the server has closed"""
        try:
            return self.sock.recv(1) == b""
        except ConnectionResetError:
            return True

    def hello(self, name="mx.b.test"):
        got = self.reply()
        assert got.startswith("220 "), got
        return self.say("EHLO " + name, "250")

    def message(self, to="ann@a.test", text=b"Subject: x\r\n\r\nbody\r\n", want="250 2.0.0 Stored as", sender="cay@b.test"):
        self.say(f"MAIL FROM:<{sender}>", "250")
        self.say(f"RCPT TO:<{to}>", "250")
        self.say("DATA", "354")
        self.send(text + b".\r\n")
        got = self.reply()
        assert got.startswith(want), got


def fetch(s, user="ann@a.test"):
    """the newest message of the mailbox"""
    t = Talk(s, "pop3s", tls=True)
    t.line()
    for c in (f"USER {user}", f"PASS {s.password}"):
        t.send(c.encode() + b"\r\n")
        assert t.line().startswith("+OK")
    t.send(b"STAT\r\n")
    n = t.line().split()[1]
    t.send(f"RETR {n}\r\n".encode())
    assert t.line().startswith("+OK")
    while not t.rest.endswith(b"\r\n.\r\n"):
        got = t.sock.recv(65536)
        assert got
        t.rest += got
    return t.rest[:-3].replace(b"\r\n..", b"\r\n.")


def wait_for(what, seconds=20, why=lambda: ""):
    due = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < due, "it did not come about\n" + why()
        time.sleep(0.05)
