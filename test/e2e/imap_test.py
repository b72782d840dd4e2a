#!/usr/bin/env python3
"""The mailbox by IMAP, as programs people use see it: Python's imaplib, curl, mbsync."""
import imaplib
import os
import re
import shutil
import smtplib
import subprocess
import threading
import time

from server import Server, main, test

BODY = "Subject: number {n}\r\nFrom: Ann <ann@a.test>\r\nTo: ben@a.test\r\nMessage-ID: <{n}@a.test>\r\n\r\nthis is number {n}\r\n"


def client(s, user="ann@a.test"):
    c = imaplib.IMAP4_SSL("127.0.0.1", s.port("imaps"), ssl_context=s.tls())
    c.login(user, s.password)
    return c


def deliver(s, n, to="ann@a.test"):
    with smtplib.SMTP("127.0.0.1", s.port("smtp")) as m:
        for i in range(n):
            m.sendmail("eve@b.test", [to], BODY.format(n=i).encode())


def good(answer):
    assert answer[0] == "OK", answer
    return answer[1]


@test
def what_is_delivered_is_read_flagged_moved_and_removed():
    with Server() as s:
        deliver(s, 3)
        c = client(s)
        assert good(c.select()) == [b"3"]
        got = good(c.fetch("2", "(UID BODY[])"))[0][1]
        assert got.endswith(b"this is number 1\r\n") and got.startswith(b"Return-Path:"), got
        assert good(c.search(None, "UNSEEN")) == [b"1 3"]
        assert good(c.search("UTF-8", "SUBJECT", '"NUMBER 2"')) == [b"3"]
        good(c.store("1", "+FLAGS", "(\\Flagged Important)"))
        assert good(c.search(None, "KEYWORD", "important")) == [b"1"]
        good(c.create("Archive/2026"))
        good(c.uid("MOVE", "1:2", "Archive/2026"))
        assert good(c.search(None, "ALL")) == [b"1"]
        assert good(c.select("Archive/2026")) == [b"2"]
        flags = good(c.fetch("1", "(FLAGS)"))[0].decode()
        assert "Important" in flags and "\\Flagged" in flags, flags
        good(c.store("1:*", "+FLAGS.SILENT", "(\\Deleted)"))
        assert good(c.expunge()) == [b"2", b"1"]
        good(c.close())
        good(c.delete("Archive/2026"))
        c.logout()


@test
def a_large_message_goes_in_and_comes_out_whole():
    big = b"Subject: big\r\n\r\n" + b"".join(b"%060d\r\n" % i for i in range(400000))
    with Server(conf={"message_size_limit": "100000000"}) as s:
        c = client(s)
        assert b"APPENDUID" in good(c.append("INBOX", None, None, big))[0]
        good(c.select())
        assert good(c.fetch("1", "(BODY.PEEK[])"))[0][1] == big
        assert good(c.fetch("1", "(BODY.PEEK[]<1000000.70000>)"))[0][1] == big[1000000:1070000]
        c.logout()


@test
def a_message_beyond_the_limit_is_refused_and_the_session_goes_on():
    with Server(conf={"message_size_limit": "2000"}) as s:
        c = client(s)
        kind, data = c.append("INBOX", None, None, b"Subject: x\r\n\r\n" + b"y" * 3000)
        assert kind == "NO" and b"TOOBIG" in data[0], data
        good(c.noop())
        c.logout()


@test
def quota_is_told_and_kept():
    with Server(users=()) as s:
        s.add_user("ann@a.test", "--quota", "3000")
        c = client(s)
        good(c.append("INBOX", None, None, b"Subject: x\r\n\r\n" + b"y" * 2000))
        kind, data = c.append("INBOX", None, None, b"Subject: x\r\n\r\n" + b"y" * 2000)
        assert kind == "NO" and b"OVERQUOTA" in data[0], data
        assert b"STORAGE 2 2" in good(c.getquota('""'))[0], c.getquota('""')
        c.logout()


@test
def idle_hears_of_new_mail_at_once():
    with Server() as s:
        c = client(s)
        good(c.select())
        c.send(b"x IDLE\r\n")
        assert c.readline().startswith(b"+ ")
        took = []
        for i in range(5):
            begin = time.monotonic()
            deliver(s, 1)
            assert c.readline() == b"* %d EXISTS\r\n" % (i + 1)
            took.append(time.monotonic() - begin)
        c.send(b"DONE\r\n")
        assert c.readline().startswith(b"x OK")
        assert min(took) < 2, took
        c.logout()


@test
def a_killed_role_comes_back_and_nothing_is_lost():
    with Server() as s:
        deliver(s, 2)
        c = client(s)
        good(c.select())
        os.kill(s.children()["imap-0"], 9)
        deadline = time.time() + 20
        while True:
            try:
                d = client(s)
                break
            except (imaplib.IMAP4.error, OSError):
                assert time.time() < deadline
                time.sleep(0.1)
        assert good(d.select()) == [b"2"]
        d.logout()


@test
def sessions_at_once_agree_about_the_mailbox():
    """Four sessions change one mailbox at random; each checks that what it was told is what is there."""
    with Server() as s:
        deliver(s, 20)
        wrong = []

        def work(seed):
            try:
                c = client(s)
                good(c.select())
                for step in range(25):
                    k = (seed * 7 + step * 13) % 5
                    if k == 0:
                        c.append("INBOX", None, None, b"Subject: s%d\r\n\r\nx\r\n" % seed)
                    elif k == 1:
                        c.uid("STORE", "1:*", "+FLAGS" if step % 2 else "-FLAGS", "(\\Flagged)")
                    elif k == 2:
                        c.uid("STORE", str(1 + (seed + step) % 20), "+FLAGS", "(\\Deleted)")
                        c.expunge()
                    elif k == 3:
                        good(c.uid("SEARCH", "ALL"))
                    else:
                        good(c.noop())
                good(c.noop())
                c.logout()
            except Exception as e:
                wrong.append(repr(e))

        threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert not wrong, wrong
        c = client(s)
        count = int(good(c.select())[0])
        assert len(good(c.uid("SEARCH", "ALL"))[0].split()) == count
        assert len(good(c.fetch("1:*", "(UID)"))) == count
        c.logout()


@test
def curl_lists_reads_and_appends():
    with Server() as s:
        deliver(s, 2)
        url = f"imaps://127.0.0.1:{s.port('imaps')}"

        def curl(*args):
            p = subprocess.run(["curl", "-sS", "-k", "--max-time", "20", "--user", f"ann@a.test:{s.password}", *args], capture_output=True)
            assert p.returncode == 0, p.stderr
            return p.stdout

        assert b"INBOX" in curl(url)
        assert b"number 1" in curl(url + "/INBOX;MAILINDEX=2")
        assert b"* SEARCH 1 2" in curl(url + "/INBOX?ALL")
        path = os.path.join(s.dir, "message")
        with open(path, "wb") as f:
            f.write(BODY.format(n=7).replace("\r\n", "\n").encode())
        curl(url + "/INBOX", "-T", path)
        assert b"number 7" in curl(url + "/INBOX;MAILINDEX=3")


@test
def mbsync_keeps_two_sides_the_same():
    if not shutil.which("mbsync"):
        return "mbsync is not installed"
    with Server(conf={"login_tls_auth_only": "no"}) as s:
        deliver(s, 200)
        here = os.path.join(s.dir, "sync")
        os.makedirs(os.path.join(here, "mail"))
        conf = os.path.join(here, "rc")
        with open(conf, "w") as f:
            f.write(f"""IMAPAccount a
Host 127.0.0.1
Port {s.port('imap')}
User ann@a.test
Pass {s.password}
SSLType None
AuthMechs LOGIN

IMAPStore far
Account a

MaildirStore near
Path {here}/mail/
Inbox {here}/mail/INBOX
SubFolders Verbatim

Channel c
Far :far:
Near :near:
Patterns *
Create Both
Expunge Both
SyncState *
""")

        def sync():
            p = subprocess.run(["mbsync", "-c", conf, "-a"], capture_output=True, text=True, timeout=120)
            assert p.returncode == 0, p.stdout + p.stderr

        sync()
        box = os.path.join(here, "mail/INBOX")
        files = [os.path.join(box, d, f) for d in ("cur", "new") for f in os.listdir(os.path.join(box, d))]
        assert len(files) == 200
        os.remove(files[0])
        with open(os.path.join(box, "new", "1.here.test"), "w") as f:
            f.write("Subject: from here\n\nhello\n")
        c = client(s)
        good(c.select())
        good(c.store("5", "+FLAGS", "(\\Flagged)"))
        good(c.create("Work"))
        sync()
        assert int(good(c.select())[0]) == 200
        assert good(c.search(None, "SUBJECT", '"from here"')) != [b""]
        assert os.path.isdir(os.path.join(here, "mail/Work"))
        flagged = [f for d in ("cur", "new") for f in os.listdir(os.path.join(box, d)) if re.search(r":2,.*F", f)]
        assert len(flagged) == 1
        c.logout()


main()
