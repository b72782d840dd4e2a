"""test/e2e/weak.py - SMTP servers with one hole each, for what looks for holes

    with Weak("percent") as w:
        w.port

Weak() with no words is a good server: it knows known@weak.test. Each word is a hole; see the code where it stands."""
import os
import select
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
import time

DOMAIN, KNOWN = "weak.test", "known@weak.test"
ENDS = {"end-lf": b"\n.\n", "end-cr": b"\r.\r", "end-nul": b"\r\n.\0\r\n", "end-lf-crlf": b"\n.\r\n", "end-crlf-lf": b"\r\n.\n"}


def certificate(folder, days="90", name=DOMAIN):
    key, crt = os.path.join(folder, "key.pem"), os.path.join(folder, "crt.pem")
    when = ["-days", days]
    if int(days) < 0:  # req makes none that is over: valid on one day of 2020
        when = ["-not_before", "20200101000000Z", "-not_after", "20200102000000Z"]
        subprocess.run(["openssl", "req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", crt + ".req", "-subj", f"/CN={name}"],
                       check=True, capture_output=True)
        with open(crt + ".cnf", "w") as f:
            f.write(f"[ca]\ndefault_ca=x\n[x]\ndatabase={folder}/index\nserial={folder}/serial\nnew_certs_dir={folder}\npolicy=p\ndefault_md=sha256\n[p]\ncommonName=supplied\n")
        open(folder + "/index", "w").close()
        with open(folder + "/serial", "w") as f:
            f.write("01\n")
        subprocess.run(["openssl", "ca", "-batch", "-selfsign", "-config", crt + ".cnf", "-keyfile", key, "-in", crt + ".req", "-out", crt, "-startdate",
                        "20200101000000Z", "-enddate", "20200102000000Z"], check=True, capture_output=True)
    else:
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", crt, *when, "-subj", f"/CN={name}",
                        "-addext", f"subjectAltName=DNS:{name}"], check=True, capture_output=True)
    return key, crt


class Weak:
    def __init__(self, *holes):
        self.holes = set(holes)
        self.dir = tempfile.mkdtemp(prefix="postrider-weak-")
        key, crt = certificate(self.dir, days="-1" if self.has("expired") else "90", name="other.test" if self.has("other-name") else DOMAIN)
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.minimum_version = ssl.TLSVersion.TLSv1 if self.has("tls1") else ssl.TLSVersion.TLSv1_2
        if self.has("tls1"):
            self.tls.set_ciphers("ALL:!aNULL:!kRSA:@SECLEVEL=0")
        elif self.has("null-cipher"):
            self.tls.set_ciphers("ECDHE-RSA-NULL-SHA:ECDHE+AESGCM:@SECLEVEL=0")
        else:
            self.tls.set_ciphers("ECDHE+AESGCM")
        self.tls.load_cert_chain(crt, key)
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.port = self.listener.getsockname()[1]
        self.connections = self.most = 0
        self.messages, self.lock = [], threading.Lock()

    def has(self, hole):
        return hole in self.holes

    def __enter__(self):
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *rest):
        self.listener.close()
        shutil.rmtree(self.dir, ignore_errors=True)

    def accept(self):
        while True:
            try:
                c, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(c,), daemon=True).start()

    def serve(self, c):
        with self.lock:
            self.connections += 1
            self.most = max(self.most, self.connections)
        d = Dialogue(self, c)
        try:
            d.run()
        except (OSError, EOFError, ssl.SSLError):
            pass
        finally:
            d.c.close()
            c.close()
            with self.lock:
                self.connections -= 1


class Dialogue:
    def __init__(self, weak, c):
        self.weak, self.c, self.pending = weak, c, b""
        self.helo = self.sender = None
        self.rcpts, self.errors, self.trusted, self.secure = 0, 0, False, False
        c.settimeout(20)

    def has(self, hole):
        return self.weak.has(hole)

    def say(self, text):
        self.c.sendall(text.encode() + b"\r\n")

    def more(self):
        got = self.c.recv(65536)
        if not got:
            raise EOFError
        self.pending += got

    def line(self):
        while b"\n" not in self.pending:
            self.more()
        line, self.pending = self.pending.split(b"\n", 1)
        return line.rstrip(b"\r").decode("latin-1")

    def run(self):
        if select.select([self.c], [], [], 0.03)[0]:
            self.more()
            if self.has("proxy") and self.pending.startswith(b"PROXY "):
                self.line()
                self.trusted = True
            elif not self.has("early"):
                return self.say("554 5.5.0 Not so fast")
        self.say(f"220 {DOMAIN} ESMTP" + (" Sendmail 8.6.12" if self.has("version") else ""))
        while True:
            line = self.line()
            verb, _, rest = line.partition(" ")
            verb = verb.upper()
            if verb == "QUIT":
                return self.say("221 2.0.0 Bye")
            if verb in ("GET", "POST") and not self.has("browser"):
                return self.say("421 4.7.0 Not here")
            handler = getattr(self, "on_" + verb.lower(), None)
            if handler:
                if handler(rest) is False:
                    return None
            else:
                self.error("500 5.5.2 What?")
            if self.errors > 20 and not self.has("endless"):
                return self.say("421 4.7.0 Enough")

    def error(self, text):
        self.errors += 1
        self.say(text)

    def on_ehlo(self, rest):
        if self.pending and not self.has("pipelining"):
            self.say("554 5.5.0 Not so fast")
            return False
        self.helo = rest
        caps = ["DSN"] + ([] if self.has("no-size") else ["SIZE 1000000"])
        if not self.secure and not self.has("no-starttls"):
            caps.append("STARTTLS")
        if self.has("auth"):
            caps.append("AUTH PLAIN LOGIN")
        self.say("\r\n".join(["250-" + DOMAIN] + ["250-" + c for c in caps[:-1]] + ["250 " + caps[-1]]))
        return True

    def on_starttls(self, rest):
        if self.pending and not self.has("injection"):
            return False
        kept, self.pending = self.pending, b""
        self.say("220 2.0.0 Go ahead")
        self.c = self.weak.tls.wrap_socket(self.c, server_side=True)
        self.secure, self.helo, self.pending = True, None, kept
        return True

    def on_mail(self, rest):
        if self.helo is None and not self.has("no-helo"):
            return self.error("503 5.5.1 HELO first")
        self.sender, self.rcpts = rest[5:].strip("<>").split(">")[0], 0
        return self.say("250 2.1.0 Ok")

    def on_rcpt(self, rest):
        address = rest[3:].split(" ")[0].strip("<>").lower()
        local, _, domain = address.rpartition("@")
        ours = domain in (DOMAIN, "") or domain.startswith("[127.")
        if self.has("greylist"):
            return self.say("450 4.7.1 Later")
        if (address == KNOWN or (ours and self.has("catch-all")) or self.has("open") or self.trusted
                or (self.has("percent") and ours and "%" in local) or (self.has("bang") and ours and "!" in local) or (self.has("route") and address.startswith("@"))
                or (self.has("own-sender") and self.sender.endswith("@" + DOMAIN)) or (self.has("localhost") and self.helo == "localhost")):
            self.rcpts += 1
            return self.say("250 2.1.5 Ok")
        return self.error("550 5.1.1 Nobody" if ours else "554 5.7.1 No relaying")

    def on_data(self, rest):
        if not self.rcpts:
            return self.error("503 5.5.1 RCPT first")
        self.say("354 Go")
        ends = [b"\r\n.\r\n"] + [ENDS[h] for h in self.weak.holes if h in ENDS]
        while not any(e in self.pending for e in ends):
            self.more()
        at, end = min((self.pending.index(e), e) for e in ends if e in self.pending)
        self.weak.messages.append(self.pending[:at])
        self.pending = self.pending[at + len(end):]
        return self.say("250 2.0.0 Taken")

    def verify(self, rest):
        if rest.strip("<>").split("@")[0] in ("known", "postmaster"):
            return self.say("250 2.0.0 <known@weak.test>")
        return self.error("550 5.1.1 Nobody")

    def on_vrfy(self, rest):
        if self.has("vrfy"):
            return self.verify(rest)
        if self.has("slow-vrfy"):
            time.sleep(0.05 if rest == KNOWN else 0)
            return self.say("252 2.0.0 Try")
        return self.error("502 5.5.1 No")

    def on_expn(self, rest):
        return self.verify(rest) if self.has("expn") else self.error("502 5.5.1 No")

    def on_xclient(self, rest):
        if not self.has("xclient"):
            return self.error("500 5.5.2 What?")
        self.trusted = True
        return self.say(f"220 {DOMAIN} ESMTP")

    def on_rset(self, rest):
        self.say("250 2.0.0 Ok")

    on_noop = on_rset
