#!/usr/bin/env python3
"""Holds dialogues with a server and says, in TAP, whether it kept to them. README.md describes the .talk files.

run.py [--timeout SECONDS] [-v NAME=VALUE]... PORT=HOST:NUMBER... FILE-OR-FOLDER...
"""
import argparse
import base64
import hashlib
import hmac
import os
import pathlib
import re
import secrets
import socket
import ssl
import sys
import time

IMPLICIT_TLS = {"submissions", "smtps", "pop3s", "imaps"}
VERBS = ("S:", "S~", "S-", "S!", "C:", "C>", "TLS", "TLS?", "CLOSE", "WAIT", "SESSION", "CONNECT", "SCRAM")
REPLY_CODE = re.compile(r"[2-5][0-9][0-9]")
MOST_LINES = 20000  # of one answer


class Broken(Exception):
    """The server did not keep to the dialogue."""


class Wrong(Exception):
    """The dialogue itself cannot be understood."""


class Done(Exception):
    """Nothing more can follow, and all is well."""


# ---- the file ----


class Step:
    def __init__(self, number, verb, text):
        self.number, self.verb, self.text = number, verb, text

    def __str__(self):
        return f"{self.verb} {self.text}".rstrip()


def read_steps(path):
    steps = []
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
        if not line.strip() or line.startswith("#"):
            continue
        verb = line.split(" ", 1)[0].rstrip()
        if verb not in VERBS:
            raise Wrong(f"line {number}: what is '{line}'?")
        text = line[len(verb):]
        steps.append(Step(number, verb, text[1:] if text.startswith(" ") else text))
    if not steps:
        raise Wrong("there is no dialogue in it")
    return steps


ESCAPES = {"r": b"\r", "n": b"\n", "t": b"\t", "0": b"\0", "\\": b"\\"}


def unescape(text):
    r"""\r \n \t \0 \\ \xHH"""
    out = bytearray()
    at = 0
    while at < len(text):
        if text[at] != "\\":
            out += text[at].encode()
            at += 1
        elif text[at + 1:at + 2] == "x":
            out += bytes([int(text[at + 2:at + 4], 16)])
            at += 4
        elif text[at + 1:at + 2] in ESCAPES:
            out += ESCAPES[text[at + 1]]
            at += 2
        else:
            raise Wrong(f"no such escape: {text[at:at + 2]}")
    return bytes(out)


def expand(text, variables):
    """${name}, ${name+1}, ${name-1}; then REP(text,count); then B64(text with escapes)."""
    def variable(m):
        if m[1] not in variables:
            raise Wrong(f"nobody said what ${{{m[1]}}} is")
        return str(int(variables[m[1]]) + int(m[2])) if m[2] else variables[m[1]]

    text = re.sub(r"\$\{(\w+)([+-][0-9]+)?\}", variable, text)
    text = re.sub(r"REP\((.+?),([0-9]+)\)", lambda m: m[1] * int(m[2]), text)
    return re.sub(r"B64\((.*?)\)", lambda m: base64.b64encode(unescape(m[1])).decode(), text)


class Pattern:
    """/a regular expression/, or text in which * is anything and @{name} a word to keep."""

    def __init__(self, text, variables):
        self.text = text
        if len(text) > 1 and text.startswith("/") and text.endswith("/"):
            source = expand(text[1:-1], {k: re.escape(v) for k, v in variables.items()})
        else:
            source = ""
            for piece in re.split(r"(\*|@\{\w+\})", expand(text, variables)):
                name = re.fullmatch(r"@\{(\w+)\}", piece)
                source += ".*" if piece == "*" else f"(?P<{name[1]}>\\S+)" if name else re.escape(piece)
        self.regex = re.compile(source, re.DOTALL)

    def fits(self, line, variables=None):
        m = self.regex.fullmatch(line)
        if m and variables is not None:
            variables.update(m.groupdict())
        return m is not None


# ---- a connection ----


class Connection:
    def __init__(self, host, port, timeout):
        self.socket = socket.create_connection((host, port), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.timeout = timeout
        self.pending = b""

    def start_tls(self):
        if self.pending:
            raise Broken(f"the server sent plaintext before the handshake: {self.pending!r}")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self.socket.settimeout(self.timeout)
        self.socket = context.wrap_socket(self.socket)

    def send(self, data):
        self.socket.settimeout(self.timeout)
        self.socket.sendall(data)

    def more(self, deadline):
        """Reads what comes; False at the end of the connection."""
        self.socket.settimeout(max(0.001, deadline - time.monotonic()))
        try:
            got = self.socket.recv(65536)
        except (ConnectionResetError, BrokenPipeError, ssl.SSLEOFError, ssl.SSLZeroReturnError):
            got = b""
        except (socket.timeout, TimeoutError):
            raise Broken(f"the server said nothing for {self.timeout} s") from None
        self.pending += got
        return bool(got)

    def line(self):
        deadline = time.monotonic() + self.timeout
        while b"\n" not in self.pending:
            if not self.more(deadline):
                if self.pending:
                    raise Broken(f"the server closed in the middle of a line: {self.pending!r}")
                raise Broken("the server closed the connection")
        line, self.pending = self.pending.split(b"\n", 1)
        if not line.endswith(b"\r"):
            raise Broken(f"a line that does not end in CRLF: {line!r}")
        return line[:-1].decode("utf-8", "backslashreplace")

    def must_end(self):
        deadline = time.monotonic() + self.timeout
        while not self.pending and self.more(deadline):
            pass
        if self.pending:
            raise Broken(f"the server should have closed, but said {self.pending!r}")

    def close(self):
        self.socket.close()


# ---- a dialogue ----


class Talk:
    def __init__(self, path, ports, variables, timeout):
        self.path, self.ports, self.timeout = path, ports, timeout
        self.variables = dict(variables, unique=secrets.token_hex(6))
        self.connections, self.session = {}, ""
        self.transcript = []
        self.any, self.never, self.skipping = [], [], False

    def note(self, who, text):
        name = f"[{self.session}] " if self.session else ""
        shown = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
        self.transcript.append(f"{name}{who} {shown}")

    def connection(self):
        if self.session not in self.connections:
            raise Wrong("CONNECT first")
        return self.connections[self.session]

    def connect(self, name):
        if name not in self.ports:
            raise Wrong(f"which port is {name}?")
        if self.session in self.connections:
            self.connections[self.session].close()
        self.note("--", f"connects to {name}")
        host, port = self.ports[name]
        self.connections[self.session] = Connection(host, port, self.timeout)
        if name in IMPLICIT_TLS:
            self.connections[self.session].start_tls()

    def send(self, data):
        shown = data if len(data) < 400 else data[:200] + b" ... " + data[-100:]
        self.note("C:", shown.decode("utf-8", "backslashreplace"))
        try:
            self.connection().send(data)
        except OSError as e:
            raise Broken(f"cannot send: {e}") from None

    def line(self):
        line = self.connection().line()
        self.note("S:", line)
        return line

    def hear(self, text):
        """S: - the last line of a reply, or a line."""
        code = REPLY_CODE.match(text)
        if text == "...":
            self.skipping = True
            return
        if code and text[3:4] == "-":
            self.any.append(Pattern(text, self.variables))
            return
        wanted = Pattern(text, self.variables)
        lines = []
        while True:
            lines.append(self.line())
            if len(lines) > MOST_LINES:
                raise Broken("an answer without end")
            if code and re.match(r"[2-5][0-9][0-9]-", lines[-1]):
                continue
            at_once = code or not (self.any or self.never)
            if wanted.fits(lines[-1]) or (at_once and not self.skipping):
                break
        if not wanted.fits(lines[-1], self.variables):
            raise Broken(f"wanted: {text}\ngot:    {lines[-1]}")
        if code:  # the last line counts among the others: a list's order is the server's
            lines[-1] = lines[-1][:3] + "-" + lines[-1][4:]
        for pattern in self.any:
            if not any(pattern.fits(line, self.variables) for line in lines):
                raise Broken(f"wanted among them: {pattern.text}")
        for pattern in self.never:
            for line in lines:
                if pattern.fits(line):
                    raise Broken(f"not wanted: {pattern.text}\ngot:        {line}")
        self.any, self.never, self.skipping = [], [], False

    def start_tls(self, may_close):
        self.note("--", "TLS")
        try:
            self.connection().start_tls()
        except (OSError, ssl.SSLError) as e:
            closed = isinstance(e, (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError))
            if may_close and closed:
                raise Done() from None
            raise Broken(f"no TLS: {e}") from None

    def scram(self, words):
        """SCRAM SHA-256 USER PASSWORD: the whole exchange of AUTH (RFC 5802), in SMTP or POP3."""
        digest, user, password = words.split(" ", 2)
        md = digest.replace("-", "").lower()
        nonce = secrets.token_urlsafe(18)
        bare = f"n={user.replace('=', '=3D').replace(',', '=2C')},r={nonce}"

        def mac(key, text):
            return hmac.new(key, text.encode(), md).digest()

        def challenge():
            line = self.line()
            m = re.fullmatch(r"(?:334|\+) (\S*)", line)
            if not m:
                raise Broken(f"wanted a challenge, got: {line}")
            return base64.b64decode(m[1]).decode()

        def answer(text):
            self.send(base64.b64encode(text.encode()) + b"\r\n")

        self.send(f"AUTH SCRAM-{digest} ".encode() + base64.b64encode(f"n,,{bare}".encode()) + b"\r\n")
        first = challenge()
        m = re.fullmatch(r"r=([^,]+),s=([^,]+),i=([0-9]+)", first)
        if not m or not m[1].startswith(nonce) or m[1] == nonce:
            raise Broken(f"what is that first message? {first}")
        salted = hashlib.pbkdf2_hmac(md, password.encode(), base64.b64decode(m[2]), int(m[3]))
        client_key = mac(salted, "Client Key")
        whole = f"{bare},{first},c=biws,r={m[1]}"
        signature = mac(hashlib.new(md, client_key).digest(), whole)
        proof = bytes(x ^ y for x, y in zip(client_key, signature))
        answer(f"c=biws,r={m[1]},p={base64.b64encode(proof).decode()}")
        last = self.connection().line()
        self.note("S:", last)
        if not re.match(r"334 |\+ ", last):
            self.connection().pending = last.encode() + b"\r\n" + self.connection().pending  # a refusal: the next S: sees it
            self.transcript.pop()
            return
        want = "v=" + base64.b64encode(mac(mac(salted, "Server Key"), whole)).decode()
        if base64.b64decode(last.split(" ", 1)[1]).decode() != want:
            raise Broken("the server does not know the password")
        self.send(b"\r\n")

    def do(self, step):
        text = step.text
        if step.verb == "S:":
            self.hear(text)
        elif step.verb == "S~":
            self.any.append(Pattern(text, self.variables))
        elif step.verb == "S-":
            self.never.append(Pattern(text, self.variables))
        elif step.verb == "S!":
            self.connection().must_end()
            self.note("--", "the server closes")
        elif step.verb == "C:":
            self.send(expand(text, self.variables).encode() + b"\r\n")
        elif step.verb == "C>":
            self.send(unescape(expand(text, self.variables)))
        elif step.verb in ("TLS", "TLS?"):
            self.start_tls(step.verb == "TLS?")
        elif step.verb == "CLOSE":
            self.connection().close()
            del self.connections[self.session]
        elif step.verb == "WAIT":
            time.sleep(int(text) / 1000)
        elif step.verb == "SESSION":
            self.session = text.strip()
        elif step.verb == "CONNECT":
            self.connect(text.strip())
        elif step.verb == "SCRAM":
            self.scram(expand(text, self.variables))

    def needs(self, steps):
        """The ports it talks to. One that does not begin with CONNECT talks to the port its folder is named after."""
        if steps[0].verb not in ("CONNECT", "SESSION"):
            steps.insert(0, Step(0, "CONNECT", self.path.parent.name))
        return {s.text.strip() for s in steps if s.verb == "CONNECT"}

    def run(self, steps):
        step = None
        try:
            for step in steps:
                self.do(step)
            if self.any or self.never or self.skipping:
                raise Wrong("it ends with S~, S- or S: ... and no last line")
        except Done:
            pass
        except (Broken, Wrong, OSError, ValueError) as e:
            return f"line {step.number}: {step}\n{e}"
        finally:
            for c in self.connections.values():
                c.close()
        return None


# ---- the whole ----


def find(paths):
    for path in map(pathlib.Path, paths):
        if path.is_dir():
            yield from sorted(path.rglob("*.talk"))
        elif path.exists():
            yield path
        else:
            sys.exit(f"{path}: not there")


def hold(path, ports, variables, timeout):
    """One dialogue: (fine, what to add to its TAP line, what to tell)."""
    talk = Talk(path, ports, variables, timeout)
    try:
        steps = read_steps(path)
        missing = talk.needs(steps) - ports.keys()
    except Wrong as e:
        return False, "", str(e)
    if missing:
        return True, f" # SKIP no port {', '.join(sorted(missing))}", None
    why = talk.run(steps)
    if why is None:
        return True, "", None
    return False, "", "\n".join(talk.transcript + [why])


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--timeout", type=float, default=20)
    parser.add_argument("-v", dest="variables", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("what", nargs="+", metavar="PORT=HOST:NUMBER or FILE")
    args = parser.parse_args(arguments)
    variables = dict(v.split("=", 1) for v in args.variables)
    ports, paths = {}, []
    for word in args.what:
        m = re.fullmatch(r"(\w+)=(.+):([0-9]+)", word)
        if m and not os.path.exists(word):
            ports[m[1]] = (m[2].strip("[]"), int(m[3]))
        else:
            paths.append(word)
    files = list(find(paths))
    failed = 0
    print(f"1..{len(files)}", flush=True)
    for n, path in enumerate(files, 1):
        fine, addition, tell = hold(path, ports, variables, args.timeout)
        failed += not fine
        print(f"{'ok' if fine else 'not ok'} {n} - {path.parent.name}/{path.stem}{addition}", flush=True)
        for line in (tell or "").split("\n") if tell else []:
            print(f"# {line}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
