#!/usr/bin/env python3
"""What ESMTP has beyond the dialogues of test/talk: settings of main.cf, other people's clients, proxies, sizes."""
import base64
import os
import re
import shutil
import socket
import ssl
import struct
import subprocess
import tempfile
import time

from server import Server, main, test
from talker import Talk, fetch, wait_for


# ---- BDAT ----


@test
def a_large_message_in_chunks_of_every_size_is_kept_to_the_octet():
    with Server() as s:
        body = b"".join(b"%07d .dots.\r\n.\r\n" % i for i in range(40000))  # 760 KB: through a file of the store's
        text = b"Subject: large\r\n\r\n" + body
        for step in (1 << 20, 65537, 4096):
            t = Talk(s)
            t.hello()
            t.say("MAIL FROM:<cay@b.test> SIZE=%d" % len(text), "250")
            t.say("RCPT TO:<ann@a.test>", "250")
            chunks = [text[i:i + step] for i in range(0, len(text), step)]
            for i, c in enumerate(chunks):
                t.send(b"BDAT %d%s\r\n" % (len(c), b" LAST" if i + 1 == len(chunks) else b"") + c)
            for c in chunks:
                got = t.reply()
                assert got.startswith("250 2.0.0"), got
            assert "Stored as" in got
            assert fetch(s).endswith(text)


@test
def a_chunk_that_is_too_big_is_swallowed_and_the_dialogue_goes_on():
    with Server(conf={"message_size_limit": "10000"}) as s:
        t = Talk(s)
        t.hello()
        t.say("MAIL FROM:<cay@b.test>", "250")
        t.say("RCPT TO:<ann@a.test>", "250")
        t.send(b"BDAT 6000\r\n" + b"x" * 6000)
        assert t.reply().startswith("250")
        t.send(b"BDAT 6000\r\n" + b"QUIT\r\n" * 1000)
        assert t.reply().startswith("552 5.3.4")
        t.send(b"BDAT 12\r\n" + b"QUIT\r\n" * 2)  # until RSET or LAST each chunk is refused
        assert t.reply().startswith("552 5.3.4")
        t.send(b"BDAT 6 LAST\r\nQUIT\r\n")
        assert t.reply().startswith("552 5.3.4")
        t.message()
        # What is swallowed for nothing is bounded over the session.
        t.say("RSET", "250")
        for _ in range(40):
            t.send(b"BDAT 50000\r\n")
            t.rest += b""
            try:
                t.send(b"x" * 50000)
                if not t.reply().startswith("503"):
                    raise AssertionError
            except (ConnectionError, AssertionError):
                break
        else:
            raise AssertionError("2 MB were swallowed with a limit of 10 KB")
        assert t.closed()


@test
def what_ehlo_does_not_announce_is_not_there():
    with Server(conf={"smtpd_discard_ehlo_keywords": "chunking, smtputf8"}) as s:
        t = Talk(s)
        caps = t.hello()
        assert "CHUNKING" not in caps and "SMTPUTF8" not in caps and "PIPELINING" in caps, caps
        t.send(b"BDAT 6 LAST\r\nQUIT\r\n")
        assert t.reply().startswith("502 5.5.1")
        t.say("MAIL FROM:<cay@b.test> SMTPUTF8", "555 5.5.4")


@test
def bare_newlines_in_chunks_can_be_mended_or_kept():
    text = b"Subject: bare\r\n\r\none\ntwo\rthree\r\n"
    for how, want in (("normalize", text.replace(b"one\ntwo\r", b"one\r\ntwo\r\n")), ("no", text)):
        with Server(conf={"smtpd_forbid_bare_newline": how}) as s:
            for cut in range(len(text)):
                t = Talk(s)
                t.hello()
                t.say("MAIL FROM:<cay@b.test>", "250")
                t.say("RCPT TO:<ann@a.test>", "250")
                t.send(b"BDAT %d\r\n" % cut + text[:cut])
                assert t.reply().startswith("250")
                t.send(b"BDAT %d LAST\r\n" % (len(text) - cut) + text[cut:])
                assert t.reply().startswith("250 2.0.0 Stored")
                if cut % 5 == 0 or text[cut - 1:cut] in b"\r\n":
                    assert fetch(s).endswith(b"\r\n" + want), (how, cut, fetch(s))


# ---- who the client is ----


def received(s):
    got = fetch(s).decode(errors="replace")
    return re.search(r"^Received: (.*?)\r\n\S", got, re.S | re.M).group(1)


@test
def xclient_makes_another_client_of_it_for_everything():
    with Server(conf={"smtpd_authorized_xclient_hosts": "127.0.0.1", "smtpd_authorized_xforward_hosts": "127.0.0.1"}) as s:
        t = Talk(s)
        caps = t.hello()
        assert "XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT" in caps, caps
        assert "XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE" in caps, caps
        t.say("XCLIENT NAME=spike.example ADDR=192.0.2.7 PORT=4711 HELO=spike PROTO=ESMTP DESTADDR=198.51.100.1 DESTPORT=25", "220 ")
        t.message()
        assert "from spike (spike.example [192.0.2.7])" in received(s) and "with ESMTP id" in received(s), received(s)
        t.say("XCLIENT NAME=[UNAVAILABLE] ADDR=IPV6:2001:db8::7", "220 ")
        t.say("MAIL FROM:<cay@b.test>", "503 5.5.1")  # no HELO: it was another client's
        t.say("HELO six", "250")
        t.message()
        assert "from six (unknown [IPv6:2001:db8::7])" in received(s) and "with SMTP id" in received(s), received(s)
        t.say("XCLIENT ADDR=[UNAVAILABLE] HELO=none", "220 ")
        t.message()
        assert "from none (unknown [unknown])" in received(s), received(s)
        # not in the middle of a message, nothing odd
        t.say("MAIL FROM:<cay@b.test>", "250")
        t.say("XCLIENT ADDR=192.0.2.8", "503 5.5.1")
        t.say("RSET", "250")
        t.say("XCLIENT ADDR=192.0.2.8 FOO=bar", "501 5.5.4")
        t.say("XCLIENT HELO=a+0D+0Ab", "501 5.5.4")
        t.say("XFORWARD NAME=far.example ADDR=203.0.113.9 PROTO=SMTP", "250")
        t.say("XFORWARD HELO=far IDENT=4abc SOURCE=REMOTE", "250")
        t.message()
        t.message()
        wait_for(lambda: s.log().count("message-stored") == 5)
        log = s.log()
        assert "client=192.0.2.7" in log and "client=2001:db8::7" in log, log
        lines = [x for x in log.splitlines() if "message-forwarded" in x]
        assert len(lines) == 1 and "name=far.example" in lines[0] and "ident=4abc" in lines[0] and "helo=far" in lines[0], lines


@test
def xclient_can_log_in_and_out():
    with Server(conf={"smtpd_authorized_xclient_hosts": "127.0.0.1", "submission_smtpd_tls_security_level": "may"}) as s:
        t = Talk(s, "submission")
        t.hello()
        t.say("MAIL FROM:<ann@a.test>", "530 5.7.0")
        t.say("XCLIENT LOGIN=ann+40a.test ADDR=192.0.2.7", "220 ")
        t.hello_again = t.say("EHLO a", "250")
        assert "AUTH" not in t.hello_again
        t.message(sender="ann@a.test")
        assert "with ESMTPA id" in received(s), received(s)
        wait_for(lambda: "user=ann@a.test" in s.log())
        t.say("XCLIENT ADDR=192.0.2.7", "220 ")
        t.say("EHLO a", "250")
        t.say("MAIL FROM:<ann@a.test>", "530 5.7.0")


@test
def limits_count_the_client_that_xclient_names():
    with Server(conf={"smtpd_authorized_xclient_hosts": "127.0.0.1", "smtpd_client_connection_count_limit": "2"}) as s:
        held = [Talk(s) for _ in range(4)]  # mynetworks are not counted
        for t in held:
            t.hello()
        for t in held[:2]:
            t.say("XCLIENT ADDR=192.0.2.7", "220 ")
        held[2].say("XCLIENT ADDR=192.0.2.7", "421 4.7.0")
        assert held[2].closed()
        held[0].say("QUIT", "221")
        assert held[0].closed()
        held[3].say("XCLIENT ADDR=192.0.2.7", "220 ")


V2 = b"\r\n\r\n\0\r\nQUIT\n"


@test
def a_proxy_tells_who_its_client_is():
    with Server(conf={"smtpd_upstream_proxy_protocol": "haproxy", "smtpd_upstream_proxy_timeout": "1s"}) as s:
        four = V2 + b"\x21\x11\0\x0c" + socket.inet_aton("192.0.2.7") + socket.inet_aton("198.51.100.1") + struct.pack(">HH", 4711, 25)
        six = V2 + b"\x21\x21\0\x24" + socket.inet_pton(socket.AF_INET6, "2001:db8::7") + socket.inet_pton(socket.AF_INET6, "::1") + struct.pack(">HH", 1, 25)
        for header, want in ((b"PROXY TCP4 192.0.2.7 198.51.100.1 4711 25\r\n", "[192.0.2.7]"), (four, "[192.0.2.7]"), (six, "[IPv6:2001:db8::7]"),
                             (b"PROXY TCP6 ::ffff:192.0.2.9 ::1 4711 25\r\n", "[192.0.2.9]"), (b"PROXY UNKNOWN\r\n", "[127.0.0.1]"),
                             (V2 + b"\x20\0\0\0", "[127.0.0.1]")):
            t = Talk(s, before=header)
            t.hello()
            t.message()
            assert want in received(s), (header, received(s))
        # TLS behind the header, in the same packet or later
        for header in (b"PROXY TCP4 192.0.2.7 198.51.100.1 4711 465\r\n", four):
            t = Talk(s, "submissions", before=header, tls=True)
            t.hello()
        # no header, a wrong one, a slow one, and who speaks before the greeting
        for wrong in (b"EHLO a\r\n", b"PROXY TCP4 192.0.2.7 198.51.100.1 4711 99999\r\n", V2 + b"\x21\x11\xff\xff", b"PROXY UNKNOWN" + b" " * 200):
            t = Talk(s, before=wrong)
            got = t.reply()
            assert got.startswith("421 4.7.0"), got
            assert t.closed()
        t = Talk(s, before=b"PROXY TCP4 ")
        assert t.reply().startswith("421 ") and t.closed()
        t = Talk(s, before=b"PROXY TCP4 192.0.2.7 198.51.100.1 4711 25\r\nEHLO a\r\n")
        assert t.reply().startswith("554 5.5.0") and t.closed()


@test
def a_stranger_is_no_proxy():
    with Server(conf={"smtpd_upstream_proxy_protocol": "haproxy", "smtpd_upstream_proxy_hosts": "192.0.2.1"}) as s:
        t = Talk(s, before=b"PROXY TCP4 192.0.2.7 198.51.100.1 4711 25\r\n")
        got = t.reply()
        assert got.startswith("550 5.7.1"), got
        assert t.closed()
        wait_for(lambda: "connection-refused" in s.log() and "client=127.0.0.1" in s.log())


# ---- LMTP ----


@test
def lmtp_listens_on_a_socket_file_and_says_who_got_it():
    path = None
    with Server(conf={"message_size_limit": "20000"}, users=("ann@a.test",)) as s:
        path = s.dir + "/lmtp"
        s.add_user("full@a.test", "--quota", "2000")
        s.write_conf(listen_lmtp=f"127.0.0.1:0 unix:{path}", lmtp_smtpd_recipient_limit="3")
        s.stop()
        with open(path + "-stale", "w"):
            pass
        stale = socket.socket(socket.AF_UNIX)
        stale.bind(path)
        stale.close()  # left behind by one that was killed
        s.start()
        t = Talk(s, path)
        assert t.reply().startswith("220 ")
        assert "LIMITS RCPTMAX=3" in t.say("LHLO filter", "250")
        t.say("MAIL FROM:<cay@b.test> SIZE=1500", "250")
        t.say("RCPT TO:<ann@a.test>", "250")
        t.say("RCPT TO:<full@a.test>", "250")
        t.say("RCPT TO:<ann@a.test>", "250")
        t.say("RCPT TO:<ann@a.test>", "452 4.5.3")
        t.say("DATA", "354")
        t.send(b"Subject: big\r\n\r\n" + b"y" * 1400 + b"\r\n.\r\n")
        for _ in range(3):
            assert t.reply().startswith("250 2.0.0 Stored as")
        t.say("MAIL FROM:<cay@b.test> SIZE=1500", "250")
        t.say("RCPT TO:<full@a.test>", "452 4.2.2")
        t.say("RSET", "250")
        # who becomes full with this very message is told so, and the others have it
        t.say("MAIL FROM:<cay@b.test>", "250")
        t.say("RCPT TO:<ann@a.test>", "250")
        s.add_user("tight@a.test", "--quota", "1000")
        t.say("RCPT TO:<tight@a.test>", "250")
        t.say("DATA", "354")
        t.send(b"Subject: x\r\n\r\n" + b"x" * 1500 + b"\r\n.\r\n")
        got = t.reply(), t.reply()
        assert got[0].startswith("250 2.0.0 Stored as") and got[1].startswith("452 4.2.2 ") and "<tight@a.test>" in got[1], got
        assert "from filter (unknown [local])" in received(s) and "with LMTP id" in received(s), received(s)


@test
def lmtp_is_for_those_whom_main_cf_names():
    with Server(conf={"lmtp_authorized_hosts": "192.0.2.1"}) as s:
        t = Talk(s, "lmtp")
        got = t.reply()
        assert got.startswith("550 5.7.1"), got
        assert t.closed()


@test
def postfix_delivers_into_us():
    if not shutil.which("postfix") or not os.path.exists("/usr/lib/postfix/sbin/lmtp"):
        return "Postfix is not installed"
    if os.getuid() != 0:
        return "Postfix wants to be started by root"
    with Server() as s:
        path = s.dir + "/lmtp"
        s.write_conf(listen_lmtp=f"127.0.0.1:0 unix:{path}")
        s.stop()
        s.start()
        for transport in (f"lmtp:inet:127.0.0.1:{s.port('lmtp')}", f"lmtp:unix:{path}"):
            with Postfix(s.dir, virtual_mailbox_domains="a.test", virtual_transport=transport) as p:
                t = socket.create_connection(("127.0.0.1", p.port), 10).makefile("rwb")

                def say(text, want):
                    if text:
                        t.write(text.encode() + b"\r\n")
                        t.flush()
                    got = t.readline().decode()
                    while got[3] == "-":
                        got = t.readline().decode()
                    assert got.startswith(want), (text, got)

                say("", "220")
                say("HELO far.example", "250")
                say("MAIL FROM:<cay@b.test>", "250")
                for who in ("ann", "nobody", "ben"):
                    say(f"RCPT TO:<{who}@a.test>", "250")
                say("DATA", "354")
                say(f"Subject: {transport}\r\n\r\nfrom Postfix\r\n.", "250")
                wait_for(lambda: p.log().count("relay=") >= 3, why=p.log)
                log = p.log()
                assert log.count("status=sent (250 2.0.0 Stored as") == 2, log
                assert re.search(r"to=<nobody@a.test>.*status=bounced .*550 5.1.1 No such mailbox", log), log
                for who in ("ann", "ben"):
                    got = fetch(s, who + "@a.test").decode()
                    assert transport in got and "with LMTP id" in got, got


class Postfix:
    """A Postfix of our own: folders, a port that the kernel chose, and its end."""

    def __init__(self, folder, **settings):
        self.dir = tempfile.mkdtemp(prefix="postfix-", dir=folder)
        os.chmod(self.dir, 0o755)
        self.settings = settings

    def __enter__(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        for name, owner in (("queue", "root"), ("data", "postfix"), ("conf", "root")):
            os.mkdir(f"{self.dir}/{name}", 0o755)
            shutil.chown(f"{self.dir}/{name}", owner)
        settings = {"compatibility_level": "3.6", "queue_directory": self.dir + "/queue", "data_directory": self.dir + "/data",
                    "myhostname": "old.a.test", "mydestination": "", "mynetworks": "127.0.0.0/8", "inet_interfaces": "127.0.0.1", "inet_protocols": "ipv4",
                    "maillog_file": self.dir + "/log", "alias_maps": "", "alias_database": "", "relayhost": "[127.0.0.1]:1", **self.settings}
        with open(self.dir + "/conf/main.cf", "w") as f:
            f.writelines(f"{k} = {v}\n" for k, v in settings.items())
        with open(self.dir + "/conf/master.cf", "w") as f:
            f.write(f"127.0.0.1:{self.port} inet n - n - - smtpd\n")
            for name, kind, command in (("cleanup", "unix", "cleanup"), ("qmgr", "unix", "qmgr"), ("rewrite", "unix", "trivial-rewrite"),
                                        ("bounce", "unix", "bounce"), ("defer", "unix", "bounce"), ("trace", "unix", "bounce"), ("proxymap", "unix", "proxymap"),
                                        ("lmtp", "unix", "lmtp"), ("smtp", "unix", "smtp"), ("error", "unix", "error"), ("retry", "unix", "error"),
                                        ("anvil", "unix", "anvil"), ("scache", "unix", "scache"), ("postlog", "unix-dgram", "postlogd")):
                private = "n" if name in ("qmgr", "cleanup", "postlog") else "-"
                most = {"qmgr": 1, "postlog": 1, "anvil": 1, "scache": 1, "cleanup": 0, "bounce": 0, "defer": 0, "trace": 0}.get(name, "-")
                f.write(f"{name} {kind} {private} - n - {most} {command}\n")
        self.run("start")
        return self

    def __exit__(self, *rest):
        self.run("stop")

    def run(self, what):
        done = subprocess.run(["postfix", "-c", self.dir + "/conf", what], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + self.log()

    def log(self):
        try:
            return open(self.dir + "/log", errors="replace").read()
        except OSError:
            return ""


# ---- certificates of clients ----


def run(*command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60)


class Authority:
    """A certificate authority and what it signed; files NAME.crt and NAME.key."""

    def __init__(self, folder, name="ca"):
        self.folder, self.name = folder, name
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=" + name, "-days", "2",
            "-keyout", f"{folder}/{name}.key", "-out", f"{folder}/{name}.crt")

    def sign(self, name, alt, days="2"):
        base = f"{self.folder}/{name}"
        run("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=" + name, "-keyout", base + ".key", "-out",
            base + ".csr")
        with open(base + ".ext", "w") as f:
            f.write("subjectAltName=" + alt)
        run("openssl", "x509", "-req", "-in", base + ".csr", "-CA", f"{self.folder}/{self.name}.crt", "-CAkey", f"{self.folder}/{self.name}.key", "-days", days,
            "-CAcreateserial", "-extfile", base + ".ext", "-out", base + ".crt")
        return base


@test
def a_certificate_that_an_authority_signed_is_a_login():
    with tempfile.TemporaryDirectory(prefix="postrider-ca-") as folder:
        os.chmod(folder, 0o755)
        ca, other = Authority(folder), Authority(folder, "other")
        ann, two, nobody = ca.sign("ann", "email:Ann@a.test"), ca.sign("two", "email:gone@a.test,email:ben@a.test"), ca.sign("nobody", "email:nobody@a.test")
        host, forged, old = ca.sign("host", "DNS:a.test"), other.sign("forged", "email:ann@a.test"), ca.sign("old", "email:ann@a.test", days="-1")
        with Server(conf={"submissions_smtpd_tls_ask_ccert": "yes", "submission_smtpd_tls_ask_ccert": "yes", "smtpd_tls_CAfile": folder + "/ca.crt"}) as s:

            def external(cert, initial, want, service="submissions"):
                t = Talk(s, service, tls=service == "submissions", cert=cert)
                caps = t.hello()
                if service == "submission":
                    assert "EXTERNAL" not in caps
                    t.starttls(s, cert)
                    caps = t.say("EHLO a", "250")
                assert ("EXTERNAL" in caps) == (not want.startswith("504")), (cert, caps)
                t.say("AUTH EXTERNAL" + (" " + initial if initial else ""), want)
                return t

            def b64(text):
                return base64.b64encode(text.encode()).decode()

            for service in ("submissions", "submission"):
                t = external(ann, "=", "235 2.7.0", service)
                t.message("ben@a.test", sender="ann@a.test")
            external(ann, b64("ann@A.test"), "235")
            t = external(ann, "", "334 ")
            t.say("", "235")
            t = external(ann, "", "334 ")
            t.say("*", "501 5.7.0")
            external(two, "=", "235")
            external(two, b64("ben@a.test"), "235")
            external(two, b64("ann@a.test"), "550 5.7.1")  # not in the certificate
            external(ann, b64("ben@a.test"), "550 5.7.1")
            external(ann, b64("ann"), "550 5.7.1")
            external(ann, b64("ann@a.test\0ben@a.test"), "535")
            external(nobody, "=", "535 5.7.8")
            for wrong in (host, forged, old, None):
                external(wrong, "=", "504 5.5.4")
            s.cli("user", "set", "ann@a.test", "--disable")
            external(ann, "=", "535 5.7.8")
            wait_for(lambda: s.log().count("event=login-ok") >= 6)
            log = s.log()
            assert re.search(r"event=login-ok .*user=ann@a.test mech=EXTERNAL", log), log
            assert re.search(r"event=client-certificate .*verified=true .*email=ann@a.test", log), log
            assert re.search(r"event=client-certificate .*verified=false .*subject=CN=forged", log) or "CN=forged" in log, log
            # POP3 asks nobody for a certificate
            p = Talk(s, "pop3s", tls=True, cert=ann)
            p.line()
            p.send(b"AUTH EXTERNAL =\r\n")
            assert p.line().startswith("-ERR")


@test
def tls_can_be_for_known_certificates_only():
    with tempfile.TemporaryDirectory(prefix="postrider-ca-") as folder:
        os.chmod(folder, 0o755)
        ca, other = Authority(folder), Authority(folder, "other")
        ann, forged = ca.sign("ann", "email:ann@a.test"), other.sign("forged", "email:ann@a.test")
        os.mkdir(folder + "/cas")
        shutil.copy(folder + "/ca.crt", folder + "/cas/ca.pem")
        os.symlink("ca.pem", folder + "/cas/0a1b2c3d.0")
        with Server(conf={"submissions_smtpd_tls_req_ccert": "yes", "smtpd_tls_req_ccert": "yes", "smtpd_tls_CApath": folder + "/cas",
                          "smtpd_tls_fingerprint_digest": "sha512"}) as s:
            Talk(s, "submissions", tls=True, cert=ann).hello()
            for cert in (None, forged):
                try:
                    Talk(s, "submissions", tls=True, cert=cert).hello()
                except (ssl.SSLError, ConnectionError, AssertionError):
                    continue
                raise AssertionError(f"{cert} was let in")
            t = Talk(s)  # on port 25 TLS is optional, and so is the certificate
            t.hello()
            t.starttls(s)
            t.say("EHLO a", "250")
            t.message()


# ---- words ----


@test
def what_refuses_says_what_to_do_and_which_session_it_was():
    with Server(conf={"smtpd_reject_footer": r"Help: https://a.test/help\nor +1 555 0100"}) as s:
        t = Talk(s)
        t.hello()
        t.say("MAIL FROM:<cay@b.test>", "250")
        got = t.say("RCPT TO:<nobody@a.test>", "550-5.1.1")
        lines = got.split("\n")
        assert re.fullmatch(r"550-5\.1\.1 No such mailbox; check the address for typing errors \(id ([0-9a-f]+)\)", lines[0]), got
        assert lines[1:] == ["550-5.1.1 Help: https://a.test/help", "550 5.1.1 or +1 555 0100"], got
        session = re.search(r"\(id (\w+)\)", got).group(1)
        wait_for(lambda: f"session={session}" in s.log())
        assert "session=" + session in s.cli("explain", lines[0]).stdout


if __name__ == "__main__":
    main()
