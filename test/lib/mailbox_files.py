"""Maildirs for tests: made, and read back."""
import os
import random


def message(n, rng, big=False):
    """message n, LF line ends; some with attachments, 8-bit text, From lines and dots"""
    body = {0: "plain\n", 1: "From here\n>From there\n.dot\n..\n", 2: "caf\u00e9 \u2603\n" * rng.randint(1, 40), 3: "x" * 70 + "\n"}[n % 4]
    if big:
        body += ("y" * 76 + "\n") * 6000  # above 256 KB: a file of its own
    kind = "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n"
    if n % 5 == 4:
        kind = 'Content-Type: multipart/mixed; boundary="b"\n'
        body = f"--b\nContent-Type: text/plain\n\n{body}\n--b\nContent-Type: application/octet-stream; name=f\n" \
               f"Content-Transfer-Encoding: base64\n\n{'QUJD' * rng.randint(1, 300)}\n--b--\n"
    return (f"Return-Path: <s{n}@far.test>\nReceived: from a by b; Mon, 23 Nov 2026 22:12:00 +0000\n"
            f"From: Sender {n} <s{n}@far.test>\nTo: ann@a.test\nSubject: message {n}\nMessage-ID: <{n}@far.test>\n"
            f"Date: Mon, 23 Nov 2026 22:{n // 60 % 60:02}:{n % 60:02} +0000\nMIME-Version: 1.0\n{kind}\n{body}").encode()


FOLDERS = {"": "INBOX", ".Sent": "Sent", ".Archive.2024": "Archive/2024", ".Entw&APw-rfe": "Entw\u00fcrfe", ".v1&AC4-2": "v1.2", ".Junk": "Junk"}
FLAGS = ("", "S", "RS", "FS", "DT", "PS", "Sa", "FRSab")


def make(path, count, big=(), seed=1):
    """a Maildir of count messages in several folders"""
    rng = random.Random(seed)
    for folder in FOLDERS:
        for sub in ("cur", "new", "tmp"):
            os.makedirs(os.path.join(path, folder, sub))
        with open(os.path.join(path, folder, "dovecot-keywords"), "w") as f:
            f.write("0 $Important\n1 project-x\n")
    names = list(FOLDERS)
    for n in range(count):
        folder = names[n % len(names)] if n % 2 else ""
        flags = FLAGS[rng.randrange(len(FLAGS))]
        name = f"{1700000000 + n}.M{n}P1.host"
        file = os.path.join(path, folder, "cur", name + ":2," + flags) if flags or n % 3 else os.path.join(path, folder, "new", name)
        with open(file, "wb") as f:
            f.write(message(n, rng, n in big))
        os.utime(file, (1700000000 + n, 1700000000 + n))
    for where, _, _ in os.walk(path):
        os.chmod(where, 0o755)
    return path


def read(path):
    """{folder: sorted [(octets, flags, keywords, mtime)]}"""
    found = {}
    for entry in [""] + sorted(e for e in os.listdir(path) if e.startswith(".") and os.path.isdir(os.path.join(path, e, "cur"))):
        words = {}
        try:
            for line in open(os.path.join(path, entry, "dovecot-keywords")):
                number, word = line.split()
                words[chr(97 + int(number))] = word
        except FileNotFoundError:
            pass
        messages = []
        for sub in ("cur", "new"):
            for name in os.listdir(os.path.join(path, entry, sub)):
                letters = name.split(":2,")[1] if ":2," in name else ""
                file = os.path.join(path, entry, sub, name)
                with open(file, "rb") as f:
                    messages.append((f.read(), "".join(sorted(x for x in letters if x.isupper())),
                                     tuple(sorted(words[x] for x in letters if x.islower())), int(os.stat(file).st_mtime)))
        found[entry] = sorted(messages)
    return found


def same(got, want):
    """compares two results of read(); says what differs"""
    if set(got) != set(want):
        raise AssertionError(f"folders: {sorted(got)} instead of {sorted(want)}")
    for folder in want:
        if len(got[folder]) != len(want[folder]):
            raise AssertionError(f"folder {folder!r}: {len(got[folder])} messages instead of {len(want[folder])}")
        for g, w in zip(got[folder], want[folder]):
            if g != w:
                raise AssertionError(f"folder {folder!r}: {g[1:]} {g[0][:300]!r}\ninstead of {w[1:]} {w[0][:300]!r}")
