#!/usr/bin/env python3
"""What a client may do only so often, and which ways to log in it is offered: settings of main.cf, seen from outside."""
import os
import poplib
import smtplib
import socket
import ssl
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import tap
from server import Server

STRANGERS = {"mynetworks": "[::1]/128"}  # so that this test's address is not trusted
RATES = {"smtpd_client_recipient_rate_limit": "3", "smtpd_client_auth_rate_limit": "2"}


def context():
    c = ssl.create_default_context()
    c.check_hostname, c.verify_mode = False, ssl.CERT_NONE
    return c


def connect(s):
    c = smtplib.SMTP("127.0.0.1", s.port("smtp"), timeout=20)
    c.ehlo("client.test")
    return c


def submit(s):
    c = smtplib.SMTP_SSL("127.0.0.1", s.port("submissions"), timeout=20, context=context())
    c.ehlo("client.test")
    return c


def name_recipients(c, n):
    c.docmd("MAIL FROM:<x@b.test>")
    return [c.docmd("RCPT TO:<ann@a.test>")[0] for _ in range(n)]


@tap.test
def recipients_and_logins_are_counted_over_connections():
    with Server(conf={**STRANGERS, **RATES}) as s:
        tap.equal(name_recipients(connect(s), 2), [250, 250])
        c = connect(s)
        tap.equal(name_recipients(c, 3), [250, 450, 450])
        code, text = c.docmd("RCPT TO:<ann@a.test>")
        assert text.startswith(b"4.7.1 "), text
        c = submit(s)
        tap.equal([c.docmd("AUTH PLAIN AGFubkBhLnRlc3QAd3Jvbmc=")[0] for _ in range(2)], [535, 535])
        c = submit(s)
        tap.equal(c.docmd("AUTH PLAIN AGFubkBhLnRlc3QAc2VjcmV0")[0], 450)


@tap.test
def who_is_trusted_is_not_counted():
    with Server(conf=RATES) as s:
        tap.equal(name_recipients(connect(s), 6), [250] * 6)


@tap.test
def handshakes_are_counted_and_logged():
    with Server(conf={**STRANGERS, "smtpd_client_new_tls_session_rate_limit": "2", "smtpd_tls_loglevel": "2"}) as s:
        for _ in range(2):
            c = connect(s)
            c.starttls(context=context())
            c.quit()
        code, text = connect(s).docmd("STARTTLS")
        tap.equal((code, text[:6]), (450, b"4.7.1 "))
        tap.equal(s.log().count("event=tls-began"), 2)
        assert "version=TLSv1.3" in s.log(), s.log()
    with Server(conf={"smtpd_tls_loglevel": "2"}) as s:
        with socket.create_connection(("127.0.0.1", s.port("submissions")), timeout=20) as c:
            c.sendall(b"EHLO client.test\r\n")
            c.recv(100)
        deadline = time.time() + 10
        while "event=tls-failed" not in s.log() and time.time() < deadline:
            time.sleep(0.05)
        assert "event=tls-failed" in s.log(), s.log()
    with Server(conf={"smtpd_tls_loglevel": "0"}) as s:
        submit(s).quit()
        assert "event=tls-" not in s.log(), s.log()


@tap.test
def ways_to_log_in_that_show_the_password_can_be_refused():
    with Server(conf={"smtpd_sasl_security_options": "noanonymous, noplaintext", "broken_sasl_auth_clients": "yes"}) as s:
        c = submit(s)
        listed = c.ehlo("client.test")[1].decode().splitlines()
        auth = [line for line in listed if line.startswith("AUTH")]
        assert len(auth) == 2 and auth[0].startswith("AUTH SCRAM-SHA") and auth[1] == auth[0].replace("AUTH ", "AUTH=", 1), auth
        assert "PLAIN" not in auth[0] and "LOGIN" not in auth[0], auth
        tap.equal(c.docmd("AUTH PLAIN AGFubkBhLnRlc3QAc2VjcmV0")[0], 504)
    clear = {"smtpd_tls_auth_only": "no", "submission_smtpd_tls_security_level": "may",
             "smtpd_sasl_security_options": "noplaintext", "smtpd_sasl_tls_security_options": "noanonymous"}
    with Server(conf=clear) as s:
        c = smtplib.SMTP("127.0.0.1", s.port("submission"), timeout=20)
        assert "PLAIN" not in c.ehlo("client.test")[1].decode(), "without TLS"
        c.starttls(context=context())
        assert "PLAIN" in c.ehlo("client.test")[1].decode(), "under TLS"


@tap.test
def received_names_the_user_when_that_is_wanted():
    for wanted in ("no", "yes"):
        with Server(conf={"submissions_smtpd_sasl_authenticated_header": wanted}) as s:
            c = submit(s)
            c.login("ann@a.test", s.password)
            c.sendmail("ann@a.test", ["ben@a.test"], "Subject: x\r\n\r\ntext\r\n")
            c.quit()
            box = poplib.POP3_SSL("127.0.0.1", s.port("pop3s"), timeout=20, context=context())
            box.user("ben@a.test")
            box.pass_(s.password)
            text = b"\n".join(box.retr(1)[1])
            box.quit()
            tap.equal(b"(Authenticated sender: ann@a.test)" in text, wanted == "yes")


tap.main()
