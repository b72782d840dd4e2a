#!/usr/bin/env python3
"""Whose address is it, with real tables; what is done to submitted messages; what an account may send."""
import os
import poplib
import shutil
import smtplib
import socket
import time

from server import Server, main, test
poplib._MAXLINE = 100000
USERS = ("ann@a.test", "ben@a.test", "cid@b.test")


class Tables(Server):
    """A server with tables in its directory: text by file name; DIR in settings and texts is that directory."""

    def __init__(self, files, conf, users=USERS):
        super().__init__(users=users)
        for name, text in files.items():
            self.table(name, text)
        self.write_conf(mydestination="a.test, b.test, c.test", myorigin="a.test", recipient_delimiter="+",
                        **{k: v.replace("DIR", self.dir) for k, v in conf.items()})

    def table(self, name, text):
        path = os.path.join(self.dir, name)
        with open(path, "w") as f:
            f.write(text.replace("DIR", self.dir))
        os.chmod(path, 0o644)


def fetch_all(s, user="ann@a.test"):
    p = poplib.POP3_SSL("127.0.0.1", s.port("pop3s"), context=s.tls(), timeout=20)
    p.user(user)
    p.pass_(s.password)
    mails = [b"\r\n".join(p.retr(i + 1)[1]) for i in range(p.stat()[0])]
    p.quit()
    return mails


def send(s, to, sender="far@away.test", body=b"Subject: x\r\n\r\nx\r\n"):
    with smtplib.SMTP("127.0.0.1", s.port("smtp"), timeout=20) as c:
        return c.sendmail(sender, to, body)


def refusal(s, to, sender="far@away.test"):
    with smtplib.SMTP("127.0.0.1", s.port("smtp"), timeout=20) as c:
        c.ehlo()
        assert c.mail(sender)[0] == 250
        code, text = c.rcpt(to)
        return code, text.decode()


def submit(s, body, to=("ann@a.test",), user="ben@a.test", sender=None):
    with smtplib.SMTP_SSL("127.0.0.1", s.port("submissions"), context=s.tls(), timeout=20) as c:
        c.login(user, s.password)
        return c.sendmail(sender or user, list(to), body)


def count(s, user):
    return len(fetch_all(s, user))


def paths(mail):
    lines = mail.split(b"\r\n")
    return lines[0].decode(), lines[1].decode()


@test
def virtual_aliases_from_files_and_patterns_lead_to_accounts():
    with Tables({"virtual": "v.test anything\nsales@v.test ann@a.test, ben@a.test\n@w.test cid@b.test\ninfo sales@v.test\n",
                 "patterns": "/^team-(.+)@a\\.test$/ $1@a.test\n"},
                {"virtual_alias_maps": "hash:DIR/virtual pcre:DIR/patterns", "virtual_alias_domains": "v.test w.test"}) as s:
        send(s, ["sales@v.test"])
        send(s, ["whoever@w.test"])
        send(s, ["info@a.test"])
        send(s, ["team-ann@a.test"])
        assert (count(s, "ann@a.test"), count(s, "ben@a.test"), count(s, "cid@b.test")) == (3, 2, 1)
        code, text = refusal(s, "nobody@v.test")
        assert code == 550 and text.startswith("5.1.1 No such mailbox"), text
        assert refusal(s, "sales@elsewhere.test")[1].startswith("5.7.1 ")


@test
def a_list_of_alias_maps_has_its_owner_as_sender_and_its_members_from_a_file():
    with Tables({"aliases": "root: ann\nstaff: :include:DIR/staff, cid@b.test\nowner-staff: ben\n\"odd name\": ben\n",
                 "staff": "# who works here\nann@a.test\nBen Example <ben@a.test>\n"},
                {"alias_maps": "hash:DIR/aliases"}) as s:
        send(s, ["staff@a.test"])
        send(s, ["root@c.test"])
        send(s, ["staff@a.test"], sender="")
        ann = sorted(paths(m) for m in fetch_all(s, "ann@a.test"))
        assert ann == [("Return-Path: <>", "Delivered-To: ann@a.test"), ("Return-Path: <far@away.test>", "Delivered-To: ann@a.test"),
                       ("Return-Path: <owner-staff@a.test>", "Delivered-To: ann@a.test")], ann
        assert count(s, "ben@a.test") == 2 and count(s, "cid@b.test") == 2


@test
def tables_change_while_the_server_runs():
    with Tables({"virtual": "x@a.test ann@a.test\n"}, {"virtual_alias_maps": "hash:DIR/virtual"}) as s:
        send(s, ["x@a.test"])
        s.table("virtual", "x@a.test ben@a.test\n")
        for _ in range(100):
            send(s, ["x@a.test"])
            if count(s, "ben@a.test"):
                break
            time.sleep(0.1)
        assert count(s, "ben@a.test") >= 1


@test
def commands_and_files_in_alias_maps_are_errors_with_their_line():
    for line, word in (("prog: \"|/bin/cat\"", "|"), ("file: /var/mail/x", "/")):
        s = Tables({"aliases": "root: ann\n" + line + "\n"}, {"alias_maps": "hash:DIR/aliases"})
        p = s.cli("config", "check", check=False)
        assert p.returncode == 78 and "/aliases:2: error:" in p.stderr + p.stdout, (p.returncode, p.stdout, p.stderr)
        shutil.rmtree(s.dir)


@test
def canonical_maps_rewrite_the_envelope_and_extensions_travel():
    with Tables({"canonical": "old@a.test ann@a.test\n@away.test @home.test\n"},
                {"canonical_maps": "hash:DIR/canonical"}) as s:
        send(s, ["old+lists@a.test"])
        [m] = fetch_all(s)
        assert paths(m) == ("Return-Path: <far@home.test>", "Delivered-To: ann@a.test"), paths(m)


@test
def copies_go_where_main_cf_says():
    with Tables({"sender": "ann@a.test cid@b.test\n", "rcpt": "@a.test ben@a.test\n"},
                {"sender_bcc_maps": "hash:DIR/sender", "recipient_bcc_maps": "hash:DIR/rcpt", "always_bcc": "all@a.test"},
                users=USERS + ("all@a.test",)) as s:
        send(s, ["ann@a.test"])
        assert [count(s, u) for u in USERS + ("all@a.test",)] == [1, 1, 0, 1]
        send(s, ["cid@b.test"], sender="ann@a.test")
        assert [count(s, u) for u in USERS + ("all@a.test",)] == [1, 1, 1, 2]
        s.cli("user", "remove", "all@a.test", "--yes")
        send(s, ["ann@a.test"])
        assert count(s, "ann@a.test") == 2 and "event=copy-lost" in s.log()


@test
def who_exists_is_what_the_tables_say():
    with Tables({"vmailbox": "dan@d.test dan/\n", "moved": "gone@a.test gone@new.example\n"},
                {"virtual_mailbox_domains": "d.test", "virtual_mailbox_maps": "hash:DIR/vmailbox", "relocated_maps": "hash:DIR/moved",
                 "luser_relay": "ben@a.test"}, users=USERS + ("dan@d.test", "eve@d.test")) as s:
        send(s, ["dan@d.test"])
        assert refusal(s, "eve@d.test")[0] == 550
        code, text = refusal(s, "gone@a.test")
        assert code == 550 and text.startswith("5.1.6 User has moved to: gone@new.example"), text
        send(s, ["whoever@a.test"])
        assert count(s, "dan@d.test") == 1 and count(s, "ben@a.test") == 1


@test
def loops_and_bombs_end():
    bomb = "".join(f"b{i}@a.test b{i + 1}@a.test, c{i}@a.test\nc{i}@a.test b{i + 1}@a.test\n" for i in range(60))
    with Tables({"virtual": "l1@a.test l2@a.test\nl2@a.test l1@a.test\n" + bomb +
                 "wide@a.test " + ", ".join(f"w{i}@a.test" for i in range(3000)) + "\n"},
                {"virtual_alias_maps": "hash:DIR/virtual"}) as s:
        assert refusal(s, "l1@a.test")[0] == 554
        assert refusal(s, "b0@a.test")[0] in (550, 554)
        assert refusal(s, "wide@a.test")[0] in (550, 452)
        send(s, ["ann@a.test"])


@test
def who_was_promised_a_message_gets_it_though_the_mailbox_is_full():
    with Server(users=("ann@a.test",)) as s:
        s.add_user("ben@a.test", "--quota", "3000")
        body = b"Subject: a\r\n\r\n" + (b"x" * 70 + b"\r\n") * 50
        with smtplib.SMTP("127.0.0.1", s.port("smtp"), timeout=20) as c:
            c.ehlo()
            c.mail("far@away.test")  # no SIZE: whether it fits is not known at RCPT
            assert c.rcpt("ann@a.test")[0] == 250 and c.rcpt("ben@a.test")[0] == 250
            assert c.data(body)[0] == 250
            try:
                c.sendmail("far@away.test", ["ben@a.test"], body)
                raise AssertionError("a full mailbox took more")
            except smtplib.SMTPRecipientsRefused as e:
                assert e.recipients["ben@a.test"][0] == 452, e.recipients
        assert count(s, "ann@a.test") == 1 and count(s, "ben@a.test") == 1
        assert "rcpt-lost" not in s.log()


@test
def a_message_that_has_been_everywhere_is_a_loop():
    with Server(conf={"hopcount_limit": "30"}) as s:
        hops = b"".join(b"Received: from x by y%d; Mon, 23 Nov 2026 10:00:00 +0000\r\n" % i for i in range(40))
        try:
            send(s, ["ann@a.test"], body=hops + b"Subject: x\r\n\r\nx\r\n")
            raise AssertionError("taken")
        except smtplib.SMTPDataError as e:
            assert e.smtp_code == 554 and e.smtp_error.startswith(b"5.4.6"), e


# ---- submitted messages

@test
def what_a_submitted_message_lacks_is_added_and_bcc_goes():
    with Server() as s:
        submit(s, b"Subject: bare\r\nBcc: secret@a.test,\r\n other@a.test\r\nReturn-Path: <x@y.test>\r\nTo: ann@a.test\r\n\r\nx\r\n")
        submit(s, b"Subject: whole\r\nDate: Mon, 23 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@b>\r\nFrom: ben@a.test\r\n\r\nx\r\n")
        submit(s, b"no header at all\r\n")
        send(s, ["ann@a.test"], body=b"Subject: mta\r\nX-Bcc: stays\r\nbcc: goes\r\n\r\nx\r\n")
        bare, whole, none, mta = fetch_all(s)
        for m in (bare, none):
            assert b"\r\nDate: " in m and b"\r\nMessage-ID: <" in m and b"\r\nFrom: ben@a.test\r\n" in m, m
        assert b"secret" not in bare and b"other@" not in bare and b"x@y.test" not in bare and b"\r\nTo: ann@a.test\r\n" in bare, bare
        assert whole.count(b"\r\nDate:") == 1 and whole.count(b"\r\nFrom:") == 1 and b"Sender:" not in whole, whole
        assert none.endswith(b"\r\n\r\nno header at all"), none
        # our own machine's clients get what is missing on port 25, too
        assert b"goes" not in mta and b"X-Bcc: stays" in mta and b"\r\nFrom: far@away.test\r\n" in mta, mta
        # POP3 LIST's sizes are those of what is stored: poplib would have failed otherwise; and the row agrees with TOP
    with Server(conf={"local_header_rewrite_clients": "permit_sasl_authenticated", "message_drop_headers": ""}) as s:
        send(s, ["ann@a.test"], body=b"Subject: mta\r\nBcc: stays\r\n\r\nx\r\n")
        [m] = fetch_all(s)
        assert b"\r\nBcc: stays\r\n" in m and b"\r\nFrom:" not in m and b"\r\nMessage-ID:" not in m, m


@test
def a_from_of_somebody_else_gets_a_sender():
    with Server(users=("ann@a.test", "ben@a.test"), conf={"recipient_delimiter": "+"}) as s:
        s.cli("alias", "add", "info@a.test", "ben@a.test")
        head = b"Date: Mon, 23 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@b>\r\n"
        for f, sender in ((b"From: ben@a.test", None), (b"From: Ben <BEN@A.test>", None), (b"From: ben+x@a.test", None),
                          (b"From: info@a.test", None), (b"From: ann@a.test", b"ben@a.test"), (b"From: boss@else.test", b"ben@a.test"),
                          (b"From: ben@a.test, ann@a.test", b"ben@a.test"), (b"From: ann@a.test\r\nSender: ann@a.test", b"ben@a.test"),
                          (b"From: =?utf-8?q?ben=40a.test?= <ann@a.test>", b"ben@a.test"), (b"From: nonsense", b"ben@a.test")):
            submit(s, f + b"\r\n" + head + b"\r\nx\r\n")
            m = fetch_all(s)[-1]
            got = [line[8:] for line in m.split(b"\r\n") if line.lower().startswith(b"sender: ")]
            assert got == ([sender] if sender else []), (f, got)


@test
def a_from_of_somebody_else_is_refused_when_main_cf_says_so():
    with Server(conf={"smtpd_from_login_mismatch": "reject"}) as s:
        for f in (b"From: ann@a.test", b"From: ben@a.test, ann@a.test", b"From: ben@a.test\r\nSender: ann@a.test",
                  b"From: ben@a.test\r\nResent-From: ann@a.test", b"From : ann@a.test", b"From: ben@a.test\r\nFrom: ann@a.test",
                  b"from: ben@a.test\r\nX: y\r\nFROM : ben@a.test", b"From: ben@a.test\r\nResent-Sender: ann@a.test"):
            try:
                submit(s, f + b"\r\n\r\nx\r\n")
                raise AssertionError((f, "was taken"))
            except smtplib.SMTPDataError as e:
                assert e.smtp_code == 550, (f, e)
        submit(s, b"From: ben@a.test\r\nSender: ben@a.test\r\n\r\nx\r\n")
        assert count(s, "ann@a.test") == 1


@test
def several_from_fields_are_refused_from_users_only():
    with Server() as s:
        try:
            submit(s, b"From: ben@a.test\r\nFrom: ann@a.test\r\n\r\nx\r\n")
            raise AssertionError("taken")
        except smtplib.SMTPDataError as e:
            assert e.smtp_code == 550 and e.smtp_error.startswith(b"5.6.0"), e
        send(s, ["ann@a.test"], body=b"From: a@b.test\r\nFrom: c@d.test\r\n\r\nx\r\n")
        assert count(s, "ann@a.test") == 1


@test
def long_lines_of_users_are_broken_and_those_of_others_are_not():
    with Server() as s:
        line = b"x" * 2500
        submit(s, b"Subject: " + b"y" * 1500 + b"\r\n\r\n" + line + b"\r\n.\r\nend\r\n")
        send(s, ["ann@a.test"], body=b"Subject: mta\r\n\r\n" + line + b"\r\n")
        mine, others = fetch_all(s)
        assert max(len(part) for part in mine.split(b"\r\n")) == 998
        assert b"".join(mine.split(b"\r\n\r\n", 1)[1].split(b"\r\n ")) == line + b"\r\n.\r\nend", mine[-100:]
        assert line in others


@test
def a_header_in_many_pieces_is_one_header():
    with Server() as s:
        with socket.create_connection(("127.0.0.1", s.port("smtp")), 10) as c:
            f = c.makefile("rb")
            f.readline()
            for line in (b"EHLO x\r\n", b"MAIL FROM:<far@away.test>\r\n", b"RCPT TO:<ann@a.test>\r\n", b"DATA\r\n"):
                c.sendall(line)
                while f.readline()[3:4] == b"-":
                    pass
            c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for i, b in enumerate(b"Subject: pieces\r\nBcc: a\r\n b\r\nTo: c\r\n\r\n..dots\r\nbody\r\n.\r\n"):
                c.sendall(bytes([b]))
                if i % 7 == 0:
                    time.sleep(0.001)
            assert f.readline().startswith(b"250 ")
        [m] = fetch_all(s)
        assert b"\r\nSubject: pieces\r\nTo: c\r\n" in m and m.endswith(b"\r\n\r\n.dots\r\nbody"), m


# ---- limits

@test
def an_account_reaches_its_limits_and_is_told_when_more_is_possible():
    conf = {"smtpd_login_message_hourly_limit": "3", "smtpd_login_recipient_hourly_limit": "5",
            "smtpd_login_new_recipient_daily_limit": "2"}
    with Server(conf=conf, users=("ann@a.test", "ben@a.test", "cid@a.test", "dan@a.test")) as s:
        with smtplib.SMTP_SSL("127.0.0.1", s.port("submissions"), context=s.tls(), timeout=20) as c:
            c.login("ben@a.test", s.password)
            c.ehlo()
            assert c.mail("ben@a.test")[0] == 250
            assert c.rcpt("ann@a.test")[0] == 250
            assert c.rcpt("cid@a.test")[0] == 250
            code, text = c.rcpt("dan@a.test")
            assert code == 450 and b"4.7.1" in text and b"2 recipients you never wrote to before in a day" in text, (code, text)
            assert c.data(b"Subject: x\r\n\r\nx\r\n")[0] == 250
            assert c.mail("ben@a.test")[0] == 250
            for _ in range(3):
                assert c.rcpt("ann@a.test")[0] == 250
            code, text = c.rcpt("cid@a.test")
            assert code == 450 and b"5 recipients in an hour; more is possible in " in text, (code, text)
            c.rset()
            assert c.mail("ben@a.test")[0] == 250
            c.rset()
            code, text = c.mail("ben@a.test")
            assert code == 450 and b"3 messages in an hour" in text, (code, text)
        for _ in range(100):
            if s.log().count("event=account-limit") == 3:
                break
            time.sleep(0.05)
        assert s.log().count("event=account-limit") == 3, s.log()
        # whom one has written to is known after a restart
        s.stop()
        s.write_conf(smtpd_login_message_hourly_limit="0", smtpd_login_recipient_hourly_limit="0", smtpd_login_new_recipient_daily_limit="1")
        s.start()
        submit(s, b"Subject: x\r\n\r\nx\r\n", to=("ann@a.test", "cid@a.test", "dan@a.test"))
        assert count(s, "dan@a.test") == 1


# ---- postrider address

@test
def an_address_is_explained_step_by_step():
    with Tables({"virtual": "# sales\nsales@v.test staff@a.test\nlost@v.test nobody@a.test\n", "aliases": "staff: ann, ben+lists@a.test\n"},
                {"virtual_alias_maps": "hash:DIR/virtual", "virtual_alias_domains": "v.test", "alias_maps": "hash:DIR/aliases"}) as s:
        out = s.cli("address", "sales@v.test").stdout
        assert f"sales@v.test: virtual_alias_maps: staff@a.test ({s.dir}/virtual:2)\n" in out, out
        assert f"staff@a.test: alias_maps: ann, ben+lists@a.test ({s.dir}/aliases:1)\n" in out, out
        assert "ann@a.test: account ann@a.test\n" in out and out.endswith("=> ann@a.test\n=> ben@a.test\n"), out
        p = s.cli("address", "lost@v.test", check=False)
        assert p.returncode == 67 and p.stdout.endswith("=> refused: 550 5.1.1 No such mailbox\n"), p
        p = s.cli("address", "who@elsewhere.test", check=False)
        assert p.returncode == 67 and "5.7.1" in p.stdout, p
        assert s.cli("address", "nonsense", check=False).returncode == 65


if __name__ == "__main__":
    main()
