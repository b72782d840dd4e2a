#!/usr/bin/env python3
"""VRFY and EXPN: who is told what, and that asking takes nothing."""
import base64
import poplib
import re
import shutil
import subprocess

from server import Server, main, test
from talker import Talk, fetch

XCLIENT = {"disable_vrfy_command": "no", "mydomain": "a.test", "mynetworks": "10.0.0.0/24", "smtpd_authorized_xclient_hosts": "127.0.0.1"}


def stranger(t):
    """who is not permitted hears the same of everybody"""
    said = {t.say(f"VRFY {name}", "252 2.5.0") for name in ("ann@a.test", "<ann@a.test>", "ann", "nobody@a.test", "all@a.test", "x@b.test", "a b")}
    assert len(said) == 1, said
    for name in ("all@a.test", "ann@a.test", "nobody@a.test"):
        t.say(f"EXPN {name}", "502 5.5.1")


def fill(s):
    s.cli("alias", "add", "all@a.test", "ann@a.test", "ben@a.test")
    s.cli("alias", "add", "one@a.test", "ben@a.test")


@test
def nobody_is_permitted_unless_main_cf_says_so():
    with Server(conf={"disable_vrfy_command": "no"}) as s:
        fill(s)
        t = Talk(s)
        caps = t.hello()
        assert "VRFY" in caps and "EXPN" not in caps, caps
        stranger(t)
        assert re.search("VRFY", t.say("HELP", "214")) and "EXPN" not in t.say("HELP", "214")


@test
def who_is_permitted_is_told_what_rcpt_would_find():
    conf = {"disable_vrfy_command": "no", "mydomain": "a.test", "vrfy_clients": "127.0.0.1", "recipient_delimiter": "+"}
    with Server(conf=conf, users=("ann@a.test", "ben@a.test", "grün@a.test")) as s:
        fill(s)
        s.cli("alias", "add", "green@a.test", "grün@a.test")
        t = Talk(s)
        caps = t.hello()
        assert "VRFY" in caps and "EXPN" in caps, caps
        for name in ("ann@a.test", "<ann@a.test>", "ANN@A.TEST", "ann+lists@a.test", "ann", "<ann>", "ann SMTPUTF8", "<ann@a.test> SMTPUTF8"):
            assert t.say(f"VRFY {name}", "250 ") == "250 2.1.5 <ann@a.test>", name
            assert t.say(f"EXPN {name}", "250 ") == "250 2.1.5 <ann@a.test>", name
        assert t.say("VRFY all@a.test", "250") == "250 2.1.5 <all@a.test>"
        for name in ("all@a.test", "all"):
            assert t.say(f"EXPN {name}", "250") == "250-2.1.5 <ann@a.test>\n250 2.1.5 <ben@a.test>"
        assert t.say("EXPN one@a.test", "250") == "250 2.1.5 <ben@a.test>"
        t.say("VRFY grün@a.test", "553 5.6.7|550 5.6.7")
        t.say("VRFY green@a.test", "252 2.6.8")
        t.say("EXPN green@a.test", "252 2.6.8")
        assert t.say("VRFY green@a.test SMTPUTF8", "250") == "250 2.1.5 <grün@a.test>"
        assert t.say("EXPN <grün@a.test> SMTPUTF8", "250") == "250 2.1.5 <grün@a.test>"
        # A transaction goes on as it was.
        t.say("MAIL FROM:<cay@b.test>", "250")
        t.say("RCPT TO:<ann@a.test>", "250")
        t.say("EXPN all@a.test", "250")
        t.say("DATA", "354")
        t.send(b"Subject: only ann\r\n\r\n.\r\n")
        assert t.reply().startswith("250 2.0.0 Stored")
        assert b"only ann" in fetch(s)
        pop3 = poplib.POP3_SSL("127.0.0.1", s.port("pop3s"), context=s.tls())
        pop3.user("ben@a.test")
        pop3.pass_("secret")
        assert pop3.stat()[0] == 0, pop3.list()
        pop3.quit()
        t = Talk(s)
        t.hello()
        t.say("VRFY nobody@a.test", "550 5.1.1")
        t.say("EXPN nobody@a.test", "550 5.1.1")
        t.say("EXPN nobody", "550 5.1.1")
        t.say("VRFY nobody", "252 2.5.0")
        t.say("VRFY x@b.test", "550 5.7.1")
        t.say("VRFY", "501 5.5.4")
        t.say("EXPN", "501 5.5.4")


@test
def networks_and_logins_are_permitted_by_their_words():
    with Server(conf={**XCLIENT, "vrfy_clients": "permit_mynetworks, permit_sasl_authenticated 192.0.2.0/24"}) as s:
        for addr, known in (("10.0.0.5", True), ("192.0.2.9", True), ("198.51.100.1", False), ("10.0.1.5", False)):
            t = Talk(s)
            t.hello()
            t.say(f"XCLIENT ADDR={addr}", "220")
            t.say("EHLO c.test", "250")
            if known:
                t.say("VRFY nobody@a.test", "550 5.1.1")
                t.say("VRFY ann@a.test", "250 2.1.5 <ann@a.test>")
            else:
                stranger(t)
        t = Talk(s, "submissions", tls=True)
        t.hello()
        stranger(t)
        t.say("AUTH PLAIN " + base64.b64encode(b"\0ann@a.test\0secret").decode(), "235")
        t.say("VRFY ben@a.test", "250 2.1.5 <ben@a.test>")
        t.say("EXPN ben@a.test", "250 2.1.5 <ben@a.test>")
    with Server(conf={**XCLIENT, "vrfy_clients": "permit_mynetworks"}) as s:
        t = Talk(s, "submissions", tls=True)
        t.hello()
        t.say("AUTH PLAIN " + base64.b64encode(b"\0ann@a.test\0secret").decode(), "235")
        stranger(t)


@test
def a_list_of_many_is_cut_and_asking_on_ends_the_connection():
    users = tuple(f"u{i}@a.test" for i in range(103))
    with Server(conf={"disable_vrfy_command": "no", "vrfy_clients": "127.0.0.1", "smtpd_junk_command_limit": "5", "smtpd_error_sleep_time": "0"},
                users=("ann@a.test",)) as s:
        for u in users:
            s.add_user(u)
        s.cli("alias", "add", "many@a.test", *users)
        t = Talk(s)
        t.hello()
        lines = t.say("EXPN many@a.test", "250-").split("\n")
        assert len(lines) == 101 and lines[-1] == "250 2.1.5 3 more are not listed", lines[-3:]
        for i in range(200):
            try:
                t.send(b"VRFY u1@a.test\r\n")
                if t.reply().startswith("421"):
                    break
            except (AssertionError, ConnectionError):
                break
        else:
            raise AssertionError("200 addresses could be asked for")
        assert 5 < i < 100, i


@test
def a_wrong_list_is_an_error():
    for value in ("everybody", "!10.0.0.0/8", "10.0.0.1/8", "hash:/etc/x", "/etc/nets"):
        with_value = Server(conf={"vrfy_clients": value})
        p = with_value.cli("config", "check", check=False)
        said = p.stdout + p.stderr
        shutil.rmtree(with_value.dir)
        assert p.returncode != 0 and "vrfy_clients: `" in said and "permit_mynetworks, permit_sasl_authenticated, or networks" in said, (value, said)


@test
def nmap_finds_who_is_here_only_where_it_may():
    if not shutil.which("nmap"):
        return "nmap is not installed"
    for clients, seen in (("127.0.0.1", True), ("", False)):
        with Server(conf={"disable_vrfy_command": "no", "mydomain": "a.test", "vrfy_clients": clients, "smtpd_error_sleep_time": "0"},
                    users=("admin@a.test", "root@a.test")) as s:
            for method in ("VRFY", "EXPN"):
                p = subprocess.run(["nmap", "-Pn", "-n", "-p", str(s.port("smtp")), "--script", "+smtp-enum-users", "--script-args",
                                    f"smtp-enum-users.methods={{{method}}},smtp.domain=a.test", "127.0.0.1"],
                                   text=True, capture_output=True, timeout=100)
                names = set(re.findall(r"^\|[_ ]+(\w+)$", p.stdout, re.M))
                assert names == ({"admin", "root"} if seen else set()), (method, clients, p.stdout)


if __name__ == "__main__":
    main()
