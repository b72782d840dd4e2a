"""Restriction lists on a whole server: tables that change the message, policy services, whose the sender is, lists before RCPT."""
import base64
import os
import poplib
import re
import socket
import socketserver
import ssl
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from server import Server, main, test  # noqa: E402


class Client:
    def __init__(self, server, service="smtp", helo="mx.b.test", starttls=False, login=None):
        self.s = server.connect(service)
        self.f = self.s.makefile("rb")
        self.greeting = self.reply()
        if helo:
            self.helo = self.say("EHLO " + helo)
        if starttls:
            assert self.say("STARTTLS")[:3] == "220"
            self.s = server.tls().wrap_socket(self.s)
            self.f = self.s.makefile("rb")
            self.say("EHLO " + helo)
        if login:
            token = base64.b64encode(f"\0{login}\0{server.password}".encode()).decode()
            assert self.say("AUTH PLAIN " + token)[:3] == "235"

    def reply(self):
        while True:
            line = self.f.readline().decode().rstrip("\r\n")
            if line[3:4] != "-":
                return line or "000 closed"

    def say(self, line):
        self.s.sendall(line.encode() + b"\r\n")
        return self.reply()

    def send(self, sender, rcpts, body="Subject: x\r\n\r\nbody"):
        """The replies to MAIL, each RCPT, and the end of data (or DATA, when that is refused)."""
        replies = [self.say(f"MAIL FROM:<{sender}>")] + [self.say(f"RCPT TO:<{r}>") for r in rcpts]
        d = self.say("DATA")
        return replies + [self.say(body + "\r\n.") if d[0] == "3" else d]

    def close(self):
        self.f.close()
        self.s.close()


def inbox(server, user):
    """The messages of an account, as text."""
    p = poplib.POP3_SSL("127.0.0.1", server.port("pop3s"), context=server.tls(), timeout=20)
    p.user(user)
    p.pass_(server.password)
    found = [b"\n".join(p.retr(i + 1)[1]).decode() for i in range(len(p.list()[1]))]
    p.quit()
    return found


def check(got, want):
    assert re.fullmatch(want, got), f"got {got!r}, want {want!r}"


class Policy(threading.Thread):
    """A policy service: keeps the requests, answers with what `answers` says of the recipient; "hang" never answers, "drop" hangs up."""

    def __init__(self, path=None, answers=None):
        super().__init__(daemon=True)
        if path:
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(path)
            os.chmod(path, 0o666)
            self.listener.listen()
        else:
            self.listener = socket.create_server(("127.0.0.1", 0))
            self.port = self.listener.getsockname()[1]
        self.answers, self.requests, self.connections = answers or {}, [], 0
        self.start()

    def run(self):
        while True:
            try:
                c, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.serve, args=(c,), daemon=True).start()

    def serve(self, c):
        f = c.makefile("rb")
        request = {}
        for line in f:
            line = line.decode().rstrip("\n")
            if line:
                name, _, value = line.partition("=")
                assert name not in request
                request[name] = value
                continue
            self.requests.append(request)
            answer = self.answers.get(request["recipient"], "DUNNO")
            request = {}
            if answer == "hang":
                continue
            if answer == "drop":
                break
            c.sendall(f"action={answer}\n\n".encode())
        f.close()
        c.close()


@test
def access_tables_change_what_becomes_of_a_message():
    table = ("inline:{ {head@b.test=PREPEND X-Seen: yes} {copy@b.test=BCC ben@a.test} {other@b.test=REDIRECT ben@a.test}"
             " {lost@b.test=DISCARD} {bad@b.test=REDIRECT nobody@a.test} {hold@b.test=HOLD} {gone@b.test=REJECT 5.7.9 go away}"
             " {bye@b.test=521 5.2.1 bye} {hang@b.test=HANGUP} }")
    with Server(conf={"smtpd_sender_restrictions": "check_sender_access " + table}) as s:
        c = Client(s)
        check(c.send("head@b.test", ["ann@a.test", "ben@a.test"])[-1], "250 2.0.0 Stored as .*")
        got = inbox(s, "ann@a.test")
        assert len(got) == 1 and got[0].count("X-Seen: yes") == 1, got
        assert got[0].index("X-Seen") < got[0].index("Received:"), got
        check(c.send("copy@b.test", ["ann@a.test"])[-1], "250 2.0.0 Stored as .*")
        assert (len(inbox(s, "ann@a.test")), len(inbox(s, "ben@a.test"))) == (2, 2)
        check(c.send("other@b.test", ["ann@a.test"])[-1], "250 2.0.0 Stored as .*")
        assert (len(inbox(s, "ann@a.test")), len(inbox(s, "ben@a.test"))) == (2, 3)
        lost = c.send("lost@b.test", ["ann@a.test", "nobody@a.test"])
        assert all(r[0] == "2" for r in lost), lost
        assert (len(inbox(s, "ann@a.test")), len(inbox(s, "ben@a.test"))) == (2, 3)
        check(c.send("bad@b.test", ["ann@a.test"])[-1], "451 4.3.5 .*")
        check(c.send("hold@b.test", ["ann@a.test"])[1], "451 4.3.5 Server configuration error")
        c.say("RSET")
        check(c.send("gone@b.test", ["ann@a.test"])[1], "554 5.7.9 <gone@b.test>: Sender address rejected: go away")
        c.say("RSET")
        c.say("MAIL FROM:<bye@b.test>")
        check(c.say("RCPT TO:<ann@a.test>"), "521 5.2.1 <bye@b.test>: Sender address rejected: bye")
        assert c.reply() == "000 closed"
        c = Client(s)
        c.say("MAIL FROM:<hang@b.test>")
        assert c.say("RCPT TO:<ann@a.test>") == "000 closed"
        assert len(inbox(s, "ann@a.test")) == 2
        log = s.log()
        for event in ("event=message-discarded", "event=hangup", "event=redirect", "event=bcc", "event=restriction-error"):
            assert event in log, event


@test
def discarded_bdat_and_a_large_discarded_message_leave_nothing():
    with Server(conf={"smtpd_recipient_restrictions": "check_sender_access inline:{ {lost@b.test=DISCARD} }"}) as s:
        c = Client(s)
        c.say("MAIL FROM:<lost@b.test>")
        c.say("RCPT TO:<ann@a.test>")
        check(c.say("BDAT 12 LAST\r\nSubject: x"), "250 .*")
        big = "Subject: big\r\n\r\n" + ("x" * 70 + "\r\n") * 8000
        check(c.send("lost@b.test", ["ann@a.test"], big)[-1], "250 .*")
        check(c.send("cay@b.test", ["ann@a.test"])[-1], "250 .*")
        assert len(inbox(s, "ann@a.test")) == 1


@test
def a_sender_belongs_to_the_login():
    with Server() as s:
        s.cli("alias", "add", "info@a.test", "ann@a.test")
        s.cli("alias", "add", "team@a.test", "ann@a.test", "ben@a.test")
        c = Client(s, "submission", starttls=True, login="ann@a.test")
        not_hers = "553 5.7.1 <(.*)>: Sender address rejected: not owned by user ann@a.test"
        for sender, want in (("ann@a.test", "250 .*"), ("Ann@A.Test", "250 .*"), ("info@a.test", "250 .*"), ("", "250 .*"),
                             ("ben@a.test", not_hers), ("team@a.test", not_hers), ("nobody@a.test", not_hers), ("cay@b.test", not_hers)):
            c.say(f"MAIL FROM:<{sender}>")
            check(c.say("RCPT TO:<ben@a.test>"), want)
            c.say("RSET")
        check(c.say("MAIL FROM:<ann@a.test>"), "250 .*")
        check(c.say("RCPT TO:<dan@b.test>"), "550 5.7.1 This server does not send to other domains.*")
        # whoever has no room is still who he is
    with Server(conf={"submission_smtpd_sender_restrictions": "reject_authenticated_sender_login_mismatch",
                      "smtpd_sender_login_maps": "inline:{ {@c.test=ann@a.test, ben@a.test} {ben@a.test=ben@a.test} }"}) as s:
        c = Client(s, "submission", starttls=True, login="ben@a.test")
        for sender, want in (("any@c.test", "250 .*"), ("ben@a.test", "250 .*"), ("ann@a.test", "553 .*"), ("cay@b.test", "553 .*")):
            c.say(f"MAIL FROM:<{sender}>")
            check(c.say("RCPT TO:<ben@a.test>"), want)
            c.say("RSET")


@test
def who_has_no_room_still_owns_the_address():
    with Server(users=()) as s:
        s.add_user("ann@a.test", "--quota", "1")
        s.add_user("ben@a.test")
        s.cli("alias", "add", "info@a.test", "ann@a.test")
        c = Client(s, "submission", starttls=True, login="ann@a.test")
        assert c.say("MAIL FROM:<info@a.test> SIZE=1000")[0] == "2"
        check(c.say("RCPT TO:<ben@a.test>"), "250 .*")


@test
def policy_services_are_asked_over_tcp_and_unix_sockets():
    folder = Server().dir
    unix = Policy(path=folder + "/policy", answers={"ben@a.test": "DEFER_IF_PERMIT 4.7.1 Greylisted"})
    tcp = Policy(answers={"ann@a.test": "PREPEND X-Policy: fine", "eve@a.test": "REJECT not today", "slow@a.test": "hang",
                          "gone@a.test": "drop"})
    with Server(users=("ann@a.test", "ben@a.test", "eve@a.test", "slow@a.test", "gone@a.test"), conf={
            "smtpd_recipient_restrictions": f"check_policy_service {{ inet:127.0.0.1:{tcp.port}, timeout=1s, retry_delay=0s, "
            f"{{ default_action = 450 4.7.1 come back }} }}, check_policy_service unix:{folder}/policy",
            "smtp_processes": "1"}) as s:
        c = Client(s, helo="mx.b.test")
        got = c.send("cay@b.test", ["ann@a.test", "ben@a.test", "eve@a.test"])
        check(got[1], "250 .*")
        check(got[2], "450 4.7.1 <ben@a.test>: Recipient address rejected: Greylisted")
        check(got[3], "554 5.7.1 <eve@a.test>: Recipient address rejected: not today")
        check(got[4], "250 .*")
        assert "X-Policy: fine" in inbox(s, "ann@a.test")[0]
        assert (tcp.connections, unix.connections) == (1, 1), "connections are used again"
        r = tcp.requests[0]
        for name, want in (("request", "smtpd_access_policy"), ("protocol_state", "RCPT"), ("protocol_name", "ESMTP"), ("client_address", "127.0.0.1"),
                           ("helo_name", "mx.b.test"), ("sender", "cay@b.test"), ("recipient", "ann@a.test"), ("recipient_count", "0"),
                           ("server_address", "127.0.0.1"), ("server_port", str(s.port("smtp"))), ("sasl_username", "")):
            assert r[name] == want, (name, r)
        assert r["instance"] and len({x["instance"] for x in tcp.requests}) == 1, "one message, one instance"
        c.say("RSET")
        got = c.send("cay@b.test", ["slow@a.test", "gone@a.test"])
        check(got[1], "450 4.7.1 <slow@a.test>: Recipient address rejected: come back")
        check(got[2], "450 4.7.1 <gone@a.test>: Recipient address rejected: come back")
        deadline = time.time() + 5
        while s.log().count("event=policy-failed") < 4 and time.time() < deadline:
            time.sleep(0.05)
        assert s.log().count("event=policy-failed") == 4, s.log()
        # a client's line cannot become two of the request's
        before = len(tcp.requests)
        c.say("RSET")
        c.say('MAIL FROM:<"x\\ y=z"@b.test>')
        c.say("RCPT TO:<ann@a.test>")
        assert tcp.requests[before]["recipient"] == "ann@a.test"


@test
def a_policy_service_that_is_not_there_means_come_back_later():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with Server(conf={"smtpd_client_restrictions": f"check_policy_service inet:127.0.0.1:{port}", "smtpd_policy_service_retry_delay": "0"}) as s:
        c = Client(s)
        c.say("MAIL FROM:<cay@b.test>")
        check(c.say("RCPT TO:<ann@a.test>"), r"451 4.3.5 <unknown\[127.0.0.1\]>: Client host rejected: Server configuration problem")


@test
def without_delay_a_client_is_refused_in_the_greeting():
    with Server(conf={"smtpd_delay_reject": "no", "smtpd_client_restrictions": "check_client_access cidr:{ {127.0.0.2 REJECT} }",
                      "smtpd_helo_restrictions": "reject_non_fqdn_helo_hostname", "smtpd_sender_restrictions": "reject_non_fqdn_sender"}) as s:
        c = Client(s, helo=None)
        check(c.greeting, "220 .*")
        check(c.say("EHLO laptop"), "504 5.5.2 <laptop>: Helo command rejected: need fully-qualified hostname")
        check(c.say("MAIL FROM:<cay@b.test>"), "503 .*")
        check(c.say("EHLO mx.b.test"), "250 .*")
        check(c.say("MAIL FROM:<cay@laptop>"), "504 5.5.2 <cay@laptop>: Sender address rejected: need fully-qualified address")
        check(c.say("MAIL FROM:<cay@b.test>"), "250 .*")
        check(c.say("RCPT TO:<ann@a.test>"), "250 .*")
    with Server(conf={"smtpd_delay_reject": "no", "smtpd_client_restrictions": "check_client_access cidr:{ {127.0.0.0/8 REJECT} }"}) as s:
        c = Client(s, helo=None)
        check(c.greeting, r"554 5.7.1 <unknown\[127.0.0.1\]>: Client host rejected: Access denied")
        check(c.say("EHLO mx.b.test"), "503 5.7.0 Access denied.*")
        check(c.say("QUIT"), "221 .*")


@test
def a_configuration_that_relays_for_everybody_does_not_start():
    s = Server(conf={"smtpd_relay_restrictions": "permit_mynetworks, permit"})
    try:
        p = s.cli("config", "check", check=False)
        assert p.returncode == 78 and "main.cf:" in p.stderr and "would relay for everybody" in p.stderr, p
        try:
            s.start()
            raise AssertionError("it started")
        except RuntimeError:
            pass
    finally:
        s.stop()


@test
def data_lists_hold_for_bdat_too():
    with Server(conf={"smtpd_data_restrictions": "check_sender_access inline:{ {no@b.test=REJECT} }",
                      "smtpd_end_of_data_restrictions": "check_sender_access inline:{ {late@b.test=550 too late} }"}) as s:
        c = Client(s)
        c.say("MAIL FROM:<no@b.test>")
        c.say("RCPT TO:<ann@a.test>")
        check(c.say("DATA"), "554 5.7.1 <no@b.test>: Sender address rejected: Access denied")
        check(c.say("BDAT 12 LAST\r\nSubject: x"), "554 5.7.1 <no@b.test>: Sender address rejected: Access denied")
        c.say("RSET")
        check(c.send("late@b.test", ["ann@a.test"])[-1], "550 5.7.1 <late@b.test>: Sender address rejected: too late")
        c.say("MAIL FROM:<late@b.test>")
        c.say("RCPT TO:<ann@a.test>")
        check(c.say("BDAT 12 LAST\r\nSubject: x"), "550 5.7.1 <late@b.test>: Sender address rejected: too late")
        check(c.send("cay@b.test", ["ann@a.test"])[-1], "250 .*")
        assert len(inbox(s, "ann@a.test")) == 1


main()
