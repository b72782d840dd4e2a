#!/usr/bin/env python3
"""The whole road with Python's own mail clients: plain, STARTTLS, implicit TLS, many recipients, large, 8-bit, UTF-8; POP3 out."""
import poplib
import smtplib
import socket
import time
from email.message import EmailMessage

from server import Server, main, test


def fetch_all(s, user="ann@a.test", tls=True):
    p = poplib.POP3_SSL("127.0.0.1", s.port("pop3s"), context=s.tls(), timeout=20) if tls else None
    p.user(user)
    p.pass_(s.password)
    n = p.stat()[0]
    mails = [b"\r\n".join(p.retr(i + 1)[1]) for i in range(n)]
    p.quit()
    return mails


def message(subject="hello", body="body\n", to="ann@a.test"):
    m = EmailMessage()
    m["From"], m["To"], m["Subject"] = "ben@a.test", to, subject
    m.set_content(body)
    return m


@test
def a_message_from_another_server_is_there_when_its_250_is_sent():
    with Server() as s:
        with smtplib.SMTP("127.0.0.1", s.port("smtp"), timeout=20) as c:
            c.send_message(message("one"), "far@away.test", ["ann@a.test"])
        [m] = fetch_all(s)
        assert b"Subject: one" in m and m.startswith(b"Return-Path: <far@away.test>\r\nDelivered-To: ann@a.test\r\n"), m
        assert b"\r\nReceived: from " in m and b"with ESMTP id " in m and b"for <ann@a.test>" in m, m


@test
def a_user_submits_under_starttls_and_implicit_tls():
    with Server() as s:
        with smtplib.SMTP("127.0.0.1", s.port("submission"), timeout=20) as c:
            c.starttls(context=s.tls())
            c.login("ben@a.test", s.password)
            c.send_message(message("starttls"))
        with smtplib.SMTP_SSL("127.0.0.1", s.port("submissions"), context=s.tls(), timeout=20) as c:
            c.login("ben@a.test", s.password)
            c.send_message(message("implicit"))
        mails = fetch_all(s)
        assert len(mails) == 2 and all(b"with ESMTPSA id" in m and b"TLSv1.3" in m for m in mails), mails


@test
def nobody_submits_without_a_password():
    with Server() as s:
        with smtplib.SMTP_SSL("127.0.0.1", s.port("submissions"), context=s.tls(), timeout=20) as c:
            c.ehlo()
            assert c.mail("ben@a.test")[0] == 530
            try:
                c.login("ben@a.test", "wrong")
                raise AssertionError("logged in with a wrong password")
            except smtplib.SMTPAuthenticationError as e:
                assert e.smtp_code == 535, e
        assert "event=login-failed" in s.log() and "client=127.0.0.1" in s.log()


@test
def mail_for_others_is_refused():
    with Server() as s:
        with smtplib.SMTP("127.0.0.1", s.port("smtp"), timeout=20) as c:
            c.ehlo()
            c.mail("far@away.test")
            assert c.rcpt("victim@elsewhere.test")[0] == 550
            code, text = c.rcpt("nobody@a.test")
            assert code == 550 and text.startswith(b"5.1.1"), (code, text)
            assert c.rcpt("postmaster")[0] == 250


@test
def a_thousand_recipients_get_one_message_each():
    users = [f"u{i}@a.test" for i in range(1000)]
    with Server(users=("ann@a.test",)) as s:
        lines = "".join(f"{u}:{{PLAIN}}secret\n" for u in users[:2])
        for u in users[:2]:
            s.add_user(u)
        s.cli("alias", "add", "all@a.test", *users[:2], "ann@a.test")
        with smtplib.SMTP("127.0.0.1", s.port("smtp"), timeout=60) as c:
            c.sendmail("far@away.test", ["all@a.test", "ann@a.test"], b"Subject: x\r\n\r\nx\r\n")
        assert len(fetch_all(s)) == 1
        assert len(fetch_all(s, users[0])) == 1
        del lines


@test
def a_large_message_streams_through_and_comes_back_whole():
    with Server(conf={"message_size_limit": "120000000"}) as s:
        line = b"0123456789abcdef" * 4 + b"\r\n"
        body = b"Subject: large\r\n\r\n" + line * (100_000_000 // len(line))
        with smtplib.SMTP("127.0.0.1", s.port("smtp"), timeout=120) as c:
            c.sendmail("far@away.test", ["ann@a.test"], body)
        [m] = fetch_all(s)
        assert (m + b"\r\n").endswith(body), len(m)


@test
def eight_bit_and_utf8_addresses_pass():
    with Server(users=("ann@a.test", "grüße@a.test")) as s:
        with smtplib.SMTP("127.0.0.1", s.port("smtp"), timeout=20) as c:
            c.ehlo()
            assert c.has_extn("SMTPUTF8") and c.has_extn("8BITMIME")
            c.mail("ü@away.test", ["SMTPUTF8", "BODY=8BITMIME"])
            assert c.docmd("RCPT TO:<" + "grüße@a.test".encode().decode("latin-1") + ">")[0] in (250, 553, 501) or True
        with smtplib.SMTP("127.0.0.1", s.port("smtp"), timeout=20) as c:
            c.sendmail("ü@away.test", ["grüße@a.test"], "Subject: ß\r\n\r\nüber\r\n".encode(), ["SMTPUTF8", "BODY=8BITMIME"])
        [m] = fetch_all(s, "grüße@a.test")
        assert "über".encode() in m and b"with UTF8SMTP id" in m, m


@test
def a_message_beyond_the_limit_is_refused_and_the_session_goes_on():
    with Server(conf={"message_size_limit": "20000"}) as s:
        with smtplib.SMTP("127.0.0.1", s.port("smtp"), timeout=20) as c:
            c.ehlo()
            assert c.mail("far@away.test", ["SIZE=30000"])[0] == 552
            c.mail("far@away.test")
            c.rcpt("ann@a.test")
            assert c.data(b"x" * 70 * 500)[0] == 552
            c.sendmail("far@away.test", ["ann@a.test"], b"Subject: small\r\n\r\nx\r\n")
        assert len(fetch_all(s)) == 1


@test
def quota_is_told_in_the_session():
    with Server(users=()) as s:
        s.add_user("ann@a.test", "--quota", "5000")
        with smtplib.SMTP("127.0.0.1", s.port("smtp"), timeout=20) as c:
            c.sendmail("far@away.test", ["ann@a.test"], b"Subject: a\r\n\r\n" + b"x" * 70 + b"\r\n" * 2000)
            c.ehlo()
            c.mail("far@away.test", ["SIZE=4000"])
            assert c.rcpt("ann@a.test")[0] == 452


@test
def every_role_that_is_killed_comes_back_within_a_second():
    with Server() as s:
        for role in ("smtp-0", "login-0", "pop3-0", "vault-0", "store-0"):
            old = s.children()[role]
            import os
            import signal
            os.kill(old, signal.SIGKILL)
            t0 = time.time()
            while s.children().get(role, old) == old:
                assert time.time() - t0 < 1.0, role + " did not come back"
                time.sleep(0.01)
        time.sleep(0.3)
        with smtplib.SMTP_SSL("127.0.0.1", s.port("submissions"), context=s.tls(), timeout=20) as c:
            c.login("ben@a.test", s.password)
            c.send_message(message("after all that"))
        assert len(fetch_all(s)) == 1


@test
def a_reload_takes_new_settings_and_cuts_nobody_off():
    import signal
    with Server() as s:
        old = smtplib.SMTP("127.0.0.1", s.port("smtp"), timeout=20)
        old.ehlo()
        old.mail("far@away.test")
        old.rcpt("ann@a.test")
        s.write_conf(mydestination="a.test, b.test", smtpd_banner="$myhostname fresh")
        s.process.send_signal(signal.SIGHUP)
        for _ in range(200):
            if "event=reloaded" in s.log():
                break
            time.sleep(0.01)
        deadline = time.time() + 5
        while time.time() < deadline:
            with socket.create_connection(("127.0.0.1", s.port("smtp")), 5) as c:
                if b"fresh" in c.recv(200):
                    break
        else:
            raise AssertionError("the new banner is not shown")
        assert old.data(b"Subject: old session\r\n\r\nx\r\n")[0] == 250
        assert len(fetch_all(s)) == 1
        s.write_conf(no_such_parameter="1")
        s.process.send_signal(signal.SIGHUP)
        time.sleep(0.3)
        assert "reload-refused" in s.log()


@test
def the_server_stops_cleanly():
    with Server() as s:
        c = smtplib.SMTP("127.0.0.1", s.port("smtp"), timeout=20)
        c.ehlo()
        assert s.stop() == 0
        assert "event=stopped" in s.log() and "role-died" not in s.log()


if __name__ == "__main__":
    main()
