#!/usr/bin/env python3
"""postrider send and sendmail, as far as no server is needed: what is composed, seen by Python's email package, and what is refused.
Argument: the program."""
import email
import email.header
import email.policy
import email.utils
import json
import os
import random
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import tap

PROGRAM = sys.argv[1]
EX_OK, EX_USAGE, EX_DATAERR, EX_NOINPUT, EX_NOHOST, EX_UNAVAILABLE, EX_TEMPFAIL, EX_PROTOCOL, EX_NOPERM, EX_CONFIG = 0, 64, 65, 66, 68, 69, 75, 76, 77, 78
FOLDER = tempfile.mkdtemp(prefix="postrider-send-")


def run(*args, stdin=b"", program=(PROGRAM, "send")):
    done = subprocess.run([*program, *args], input=stdin, capture_output=True, timeout=120)
    return done.returncode, done.stdout, done.stderr.decode(errors="replace")


def write(name, content):
    path = os.path.join(FOLDER, name)
    with open(path, "wb") as f:
        f.write(content if isinstance(content, bytes) else content.encode())
    return path


def raw(*args, stdin=b""):
    status, out, err = run("--dry-run", *args, stdin=stdin)
    assert status == 0 and not err, (args, status, err)
    return out


def compose(*args, stdin=b""):
    """The message as Python reads it, after what must be so of every message."""
    out = raw(*args, stdin=stdin)
    assert b"\n" not in out.replace(b"\r\n", b"") and b"\r" not in out.replace(b"\r\n", b"")
    assert max(map(len, out.split(b"\r\n"))) <= 998
    head = out.split(b"\r\n\r\n")[0]
    if "--smtputf8" not in args:
        out.decode("ascii")
        assert max(map(len, head.split(b"\r\n"))) <= 78, head
    if "--smtputf8" in args:
        return email.message_from_string(out.decode(), policy=email.policy.SMTPUTF8)
    message = email.message_from_bytes(out, policy=email.policy.default)
    for part in message.walk():
        assert not part.defects, (part.defects, out[:2000])
        for name, value in part.items():
            assert not getattr(value, "defects", ()), (name, value.defects)
    return message


FROM = ("--from", "ann@a.test")
TO = ("--to", "ben@b.test")


def parts(message):
    return [p.get_content_type() for p in message.walk()]


@tap.test
def a_plain_message_is_plain():
    m = compose(*FROM, *TO, "--subject", "hello", "--body", "one\ntwo\n")
    tap.equal((m["From"], m["To"], m["Subject"]), ("ann@a.test", "ben@b.test", "hello"))
    tap.equal(parts(m), ["text/plain"])
    tap.equal(m.get_content().replace("\r\n", "\n"), "one\ntwo\n")
    tap.equal(m["Content-Transfer-Encoding"], "7bit")
    assert abs(email.utils.parsedate_to_datetime(m["Date"]).timestamp() - __import__("time").time()) < 100
    assert re.fullmatch(r"<[0-9a-f]{32}@a\.test>", m["Message-ID"]), m["Message-ID"]


@tap.test
def headers_come_back_as_they_were_given():
    names = ["Jürgen Müller", "Ann", 'An "the" Ny, Dr.', "Ольга Петрова-Водкина и её многочисленные замечательные друзья", "日本 太郎", "a" * 100, "=?x?"]
    subjects = ["Grüße", "plain", "Привет, мир! " * 12, "=?UTF-8?Q?no?=", "mixed ASCII then ünïcödé then plain again and " * 4, "😀" * 40, "x" * 2000, "two  blanks"]
    for i, subject in enumerate(subjects):
        name = names[i % len(names)]
        m = compose("--from", email.utils.formataddr((name, "ann@a.test")) if name.isascii() else f'"{name}" <ann@a.test>', *TO,
                    "--cc", "c1@c.test, C Two <c2@c.test>", "--cc", "c3@c.test", "--reply-to", "r@r.test", "--subject", subject, "--header", "X-Note: a " + subject)
        tap.equal(m["Subject"], subject.strip())
        tap.equal(m["X-Note"], "a " + subject.strip())
        # Python's own reader of phrases puts blanks between encoded words that RFC 2047 6.2 joins; the older one does not.
        old = email.message_from_bytes(raw("--from", f'"{name}" <ann@a.test>' if not name.isascii() else email.utils.formataddr((name, "ann@a.test")), *TO))
        tap.equal(email.utils.parseaddr(str(email.header.make_header(email.header.decode_header(old["From"])))), (name, "ann@a.test"))
        tap.equal(m["From"].addresses[0].addr_spec, "ann@a.test")
        tap.equal([a.addr_spec for a in m["Cc"].addresses], ["c1@c.test", "c2@c.test", "c3@c.test"])
        tap.equal(m["Cc"].addresses[1].display_name, "C Two")
        assert m["Bcc"] is None


@tap.test
def texts_come_back_as_they_were_given():
    texts = ["", "x", "ünï", "Привет\n" * 50, "From me\n.\n..\n trailing \t\nünï =\n", "z" * 5000 + "\n", "é" + "w" * 3000, "a\r\nb\rc\n", "\n\n\n"]
    rng = random.Random(7)
    texts += ["".join(rng.choice("aé \t=.\nF日") for _ in range(rng.randrange(400))) for _ in range(20)]
    for text in texts:
        for how in ("--body", "--body-file"):
            m = compose(*FROM, *TO, how, text if how == "--body" else write("body", text))
            want = text.replace("\r\n", "\n").replace("\r", "\n")
            tap.equal(m.get_content().replace("\r\n", "\n"), want + ("\n" if want and not want.endswith("\n") else ""))
    tap.equal(compose(*FROM, *TO, "--body-file", "-", stdin=b"from a pipe\n").get_content().replace("\r\n", "\n"), "from a pipe\n")


@tap.test
def attachments_come_back_with_their_names_and_types():
    rng = random.Random(1)
    files = {
        "a.txt": (b"plain text\n", "text/plain", "us-ascii"),
        "\u00fcber.TXT": ("Grüße\n".encode(), "text/plain", "utf-8"),
        "latin.txt": (b"Gr\xfc\xdfe\n", "text/plain", "unknown-8bit"),
        "a picture.png": (b"\x89PNG" + rng.randbytes(1000), "image/png", None),
        "日本語の長い名前のファイルがここにあります.pdf": (rng.randbytes(57 * 3), "application/pdf", None),
        "archive-with-a-name-that-is-longer-than-one-line-of-a-header-could-ever-be-folded-into.tar.gz": (rng.randbytes(58), "application/gzip", None),
        'quo"te\\.bin': (b"\0", "application/octet-stream", None),
        "noextension": (b"", "application/octet-stream", None),
        "letter.eml": (b"Subject: x\r\n\r\n\xff", "application/octet-stream", None),
        "large.zip": (rng.randbytes(300000), "application/zip", None),
    }
    args = []
    for name, (content, _, _) in files.items():
        args += ["--attach", write(name, content)]
    m = compose(*FROM, *TO, "--subject", "x", "--body", "see there\n", *args)
    tap.equal(m.get_content_type(), "multipart/mixed")
    tap.equal(m.get_body().get_content().replace("\r\n", "\n"), "see there\n")
    got = list(m.iter_attachments())
    tap.equal([p.get_filename() for p in got], list(files))
    for part, (content, kind, charset) in zip(got, files.values()):
        tap.equal((part.get_content_type(), part.get_param("charset"), part["Content-Disposition"].content_disposition), (kind, charset, "attachment"))
        tap.equal(part.get_payload(decode=True), content)
    # without a text
    m = compose(*FROM, *TO, "--attach", write("a.txt", "x"))
    tap.equal(parts(m), ["multipart/mixed", "text/plain"])


@tap.test
def html_has_a_text_beside_it_and_its_pictures_within():
    html = '<html><head><title>no</title></head><body><h1>Grüße</h1><p>one &amp; two \n<p><img src="cid:logo.png"></body></html>\n'
    page, logo = write("page.html", html), write("logo.png", b"\x89PNG\0")
    m = compose(*FROM, *TO, "--html", page, "--inline", logo, "--attach", write("a.txt", "x"))
    tap.equal(parts(m), ["multipart/mixed", "multipart/alternative", "text/plain", "multipart/related", "text/html", "image/png", "text/plain"])
    tap.equal(m.get_body(("plain",)).get_content().replace("\r\n", "\n"), "Grüße\none & two\n")
    picture = [p for p in m.walk() if p.get_content_type() == "image/png"][0]
    tap.equal(picture["Content-Disposition"].content_disposition, "inline")
    tap.equal(m.get_body(("html",)).get_content().replace("\r\n", "\n"), html.replace("cid:logo.png", "cid:" + picture["Content-ID"].strip("<>")))
    m = compose(*FROM, *TO, "--html", page.replace("page", "page"), "--body", "mine\n", "--inline", logo)
    tap.equal(parts(m), ["multipart/alternative", "text/plain", "multipart/related", "text/html", "image/png"])
    tap.equal(m.get_body(("plain",)).get_content().replace("\r\n", "\n"), "mine\n")
    status, _, err = run("--dry-run", *FROM, *TO, "--html", write("b.html", "<p>x"), "--inline", logo)
    tap.equal(status, EX_DATAERR)
    assert "does not show the inline file `logo.png'" in err, err


@tap.test
def domains_and_names_beyond_ascii():
    m = compose("--from", "ann@bücher.example", "--to", "ben@例子.test", "--body", "x")
    tap.equal((m["From"], m["To"]), ("ann@xn--bcher-kva.example", "ben@xn--fsqu00a.test"))
    m = compose("--smtputf8", "--from", "Jürgen <jürgen@bücher.example>", *TO, "--subject", "Grüße", "--body", "x")
    assert "From: Jürgen <jürgen@bücher.example>\r\n" in raw("--smtputf8", "--from", "Jürgen <jürgen@bücher.example>", *TO, "--body", "x").decode()
    tap.equal(m["Subject"], "Grüße")
    status, _, err = run("--dry-run", "--from", "jürgen@a.test", *TO, "--body", "x")
    tap.equal(status, EX_DATAERR)
    assert "SMTPUTF8" in err, err


@tap.test
def nothing_is_injected_through_arguments():
    for bad in ("x\r\nBcc: evil@x.test", "x\nBcc: evil@x.test", "x\rBcc: evil@x.test", "x\x1b[31m"):
        for args in (["--subject", bad], ["--from", f'"{bad}" <ann@a.test>'], ["--to", f"ben@b.test{bad}"], ["--to", f'"{bad}" <b@b.test>'],
                     ["--cc", bad], ["--bcc", bad], ["--reply-to", f"a@a.test, {bad}"], ["--header", "X-A: " + bad], ["--header", f"X{bad}: y"],
                     ["--envelope-from", f"a@a.test{bad}"], ["--attach", write("n" + bad, "x")]):
            base = [a for a in (*FROM, *TO, "--body", "x")]
            status, out, err = run("--dry-run", *base, *args)
            assert status in (EX_DATAERR, EX_USAGE), (args, status, out, err)
            tap.equal(out, b"")
        for args in (["--helo", bad], ["--envid", bad], ["--user", bad, "--password-stdin"]):
            status, out, err = run(*FROM, *TO, "--server", "127.0.0.1:1", *args, stdin=b"x\n")
            tap.equal((args, status), (args, EX_USAGE))
    for field in ("Bcc: x@y.test", "from: x@y.test", "Content-Type: text/html", "MIME-Version: 2.0", "DATE: today"):
        status, _, err = run("--dry-run", *FROM, *TO, "--body", "x", "--header", field)
        tap.equal((field, status), (field, EX_DATAERR))


@tap.test
def calls_that_make_no_sense_are_usage_errors():
    for words in ([], ["--to"], [*TO, "stray"], [*TO, "--nonsense"], [*TO, "--body", "x", "--body-file", "-"], [*TO, "--message", "-", "--subject", "x"],
                  [*TO, "-t"], [*TO, "--add-missing"], ["--message", "-"], [*TO, "--tls", "maybe"], [*TO, "--dsn", "sometimes"], [*TO, "--dsn", "never,delay"],
                  [*TO, "--ret", "half"], [*TO, "--timeout", "0"], [*TO, "--timeout", "soon"], [*TO, "--auth", "NTLM"], [*TO, "--password-stdin"],
                  [*TO, "--tls", "none", "--ca", "x"], [*TO, "--insecure", "--ca", "x"], [*TO, "--from", "a@a.test, b@b.test"],
                  [*TO, "--body-file", "-", "--user", "u", "--password-stdin"], [*TO, "--helo", "a b"], [*TO, "--header", "nothing"],
                  [*TO, "--server", "host:port"], [*TO, "--server", "[::1"], [*TO, "--server", "a:b:25"]):
        status, out, err = run(*words)
        tap.equal((words, status, out), (words, EX_USAGE, b""))
        assert err.startswith(("postrider send: ", "usage: ")) or "option" in err, (words, err)
    for words, status in (([*TO, "--attach", "/nowhere/x"], EX_NOINPUT), ([*TO, "--attach", FOLDER], EX_NOINPUT), ([*TO, "--body-file", "/nowhere"], EX_NOINPUT),
                          ([*TO, "--message", "/nowhere"], EX_NOINPUT), (["--to", "nobody"], EX_DATAERR), (["--to", "friends: a@a.test;"], EX_DATAERR),
                          ([*TO, "--body-file", write("latin", b"\xff")], EX_DATAERR)):
        tap.equal((words, run("--server", "127.0.0.1:1", *words)[0]), (words, status))


# ---- a message that is ready ----

@tap.test
def a_ready_message_goes_as_it_is_but_for_its_line_ends():
    for content in (b"Subject: x\n\nbody\n", b"Subject: x\r\n\r\nbody\r\n", b"Subject: x\n\nbody", b"Subject: x\r\n\r\nmixed\nends\r\n",
                    b"From ann Mon Nov 23\nSubject: x\n\n.\n..\n", b"Subject: folded\n\tmore\n\nbody\n", b"Subject: only a header\n", b"\nno header\n",
                    b"no header at all\nbut text\n", b"Subject: 8 bits \n\n\xff\xfe\x80\n", b""):
        for how in ("file", "pipe"):
            out = raw(*TO, "--message", write("m.eml", content)) if how == "file" else raw(*TO, "--message", "-", stdin=content)
            want = content[content.index(b"\n") + 1:] if content.startswith(b"From ") else content
            want = want.replace(b"\r\n", b"\n")
            want += b"" if want.endswith(b"\n") or not want else b"\n"
            if want.startswith(b"no header") or not want:
                want = b"\n" + want
            if b"\n\n" not in want and not want.startswith(b"\n"):
                want += b"\n"
            tap.equal((content, out.replace(b"\r\n", b"\n")), (content, want))
            assert b"\n" not in out.replace(b"\r\n", b"")


@tap.test
def recipients_come_from_the_header_and_bcc_goes():
    got = {}

    def serve(listener):
        with listener.accept()[0] as s:
            f = s.makefile("rwb", buffering=0)
            f.write(b"220 hi\r\n")
            while line := f.readline().strip():
                word = line[:4].upper()
                got.setdefault(word, []).append(line)
                f.write(b"354 go\r\n" if word == b"DATA" else b"250 ok\r\n")
                if word == b"DATA":
                    while (line := f.readline()) != b".\r\n":
                        got.setdefault("data", []).append(line)
                    f.write(b"250 ok\r\n")
                if word == b"QUIT":
                    return

    message = b"From: Ann <ann@a.test>\nTo: b1@b.test, B <b2@b.test>\nCc: friends: b3@b.test;\nBcc: secret@b.test,\n b1@B.test\nSubject: x\n\nbody\n"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        t = threading.Thread(target=serve, args=(listener,))
        t.start()
        status, out, err = run("--message", "-", "-t", "--to", "extra@b.test", "--add-missing", "--server", f"127.0.0.1:{listener.getsockname()[1]}", stdin=message)
        t.join()
    tap.equal((status, err), (0, ""))
    tap.equal(got[b"MAIL"], [b"MAIL FROM:<ann@a.test>"])
    tap.equal(got[b"RCPT"], [f"RCPT TO:<{a}@b.test>".encode() for a in ("extra", "b1", "b2", "b3", "secret")])
    data = b"".join(got["data"])
    assert b"secret" not in data and b"Bcc" not in data and b"Date: " in data and b"Message-ID: <" in data and data.count(b"From:") == 1, data
    tap.equal(out.decode().count("accepted"), 5)


# ---- servers that are not there ----

@tap.test
def a_server_out_of_reach_is_a_reason_to_try_again():
    with socket.create_server(("127.0.0.1", 0)) as s:
        port = s.getsockname()[1]
    status, out, err = run(*FROM, *TO, "--server", f"127.0.0.1:{port}")
    tap.equal((status, out), (EX_TEMPFAIL, b""))
    assert "Connection refused" in err, err
    status, _, err = run(*FROM, *TO, "--server", "unix:/nowhere/socket")
    tap.equal(status, EX_TEMPFAIL)
    assert "/nowhere/socket" in err, err
    status, _, err = run(*FROM, *TO, "--server", "no-such-host.invalid")
    assert status in (EX_NOHOST, EX_TEMPFAIL), status  # the latter where no resolver answers
    tap.equal(run(*FROM, *TO, "--server", "xn--a.\u200b\xad.test")[0], EX_NOHOST)
    status, out, _ = run(*FROM, *TO, "--server", f"127.0.0.1:{port}", "--json")
    got = json.loads(out)
    tap.equal((status, got["recipients"][0]["verdict"], got["error"]["while"]), (EX_TEMPFAIL, "not-sent", "connecting"))


@tap.test
def sendmail_says_that_the_server_is_down():
    with socket.create_server(("127.0.0.1", 0)) as s:
        port = s.getsockname()[1]
    conf = write("main.cf", f"myhostname = mx.a.test\nlisten_smtp = 127.0.0.1:{port}\nmail_owner = nobody\n")
    link = os.path.join(FOLDER, "sendmail")
    os.symlink(os.path.abspath(PROGRAM), link)
    status, out, err = run("-C", conf, "-i", "root", stdin=b"Subject: cron\n\nhello\n", program=(link,))
    tap.equal((status, out), (EX_TEMPFAIL, b""))
    assert "is the server running?" in err, err
    tap.equal(run("-C", conf, "-bs", program=(link,))[0], EX_TEMPFAIL)
    tap.equal(run("-C", conf, stdin=b"x\n", program=(link,))[0], EX_USAGE)  # to nobody
    tap.equal(run("-bz", program=(link,))[0], EX_USAGE)
    tap.equal(run("-bp", program=(link,))[0], EX_UNAVAILABLE)
    tap.equal(run("-bi", program=(link,))[0], EX_OK)


try:
    tap.main()
finally:
    shutil.rmtree(FOLDER)
