#!/usr/bin/env python3
"""Other people's SMTP test data, held with a server: addresses of isemail in MAIL FROM, the STARTTLS dialogues of Apache James. The data is looked for
in $POSTRIDER_CORPUS, else in shared/corpus beside the source tree or one folder further up; where there is none, the tests are skipped and say so."""
import os
import pathlib
import re
import xml.etree.ElementTree as ElementTree

from server import Server, main, test
from talker import Talk

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def corpus(name):
    places = [pathlib.Path(os.environ["POSTRIDER_CORPUS"])] if "POSTRIDER_CORPUS" in os.environ else [ROOT.parent / "shared/corpus", ROOT.parent.parent / "shared/corpus"]
    return next((p / "smtp" / name for p in places if (p / "smtp" / name).exists()), None)


@test
def isemail_addresses_in_an_envelope():
    """VALID, RFC5321 and DNSWARN are fit for an envelope; comments and blanks (CFWS), old forms (DEPREC), what RFC 5322 alone has, and errors are not."""
    path = corpus("isemail/tests.xml")
    if not path:
        return "shared/corpus/smtp/isemail is not there"
    wrong, seen = [], 0
    with Server(conf={"smtpd_hard_error_limit": "1000000", "smtpd_error_sleep_time": "0s", "strict_rfc821_envelopes": "yes"}, users=()) as s:
        t = Talk(s)
        t.hello()
        for case in ElementTree.parse(path).getroot().iter("test"):
            text = case.findtext("address") or ""
            # Control characters stand in the file as their pictures, U+2400 and up.
            text = "".join(chr(ord(c) - 0x2400) if 0x2400 <= ord(c) < 0x2420 else c for c in text)
            if "\n" in text:  # it would be two commands; what either of them does is tested elsewhere
                continue
            if not text:  # <> is the null sender, which is no address and always good
                continue
            fit = case.findtext("category") in ("ISEMAIL_VALID_CATEGORY", "ISEMAIL_RFC5321", "ISEMAIL_DNSWARN")
            t.send(b"MAIL FROM:<" + text.encode() + b">" + (b" SMTPUTF8" if not text.isascii() else b"") + b"\r\n")
            got = t.reply()
            seen += 1
            if got.startswith("250 ") != fit:
                wrong.append(f"{case.get('id')} {text!r}: {got}")
            if got.startswith("250 "):
                t.say("RSET", "250")
    assert seen == 140, seen
    assert not wrong, "\n".join(wrong)


# Where we answer otherwise than James, the reply that we give instead, and why.
OTHERWISE = {
    # RFC 4954 4: AUTH comes after EHLO. James takes it before.
    ("authplain", "AUTH LOGIN"): "503 5.5.1",
    # There is no relaying yet, whoever asks.
    ("starttls_session_fixation", "rcpt to:<matthieu@yopmail.com>"): "550 5.7.1",
    # In the middle of a message STARTTLS comes at the wrong time: 503 says so better than 501, which is for arguments.
    ("starttls_session_fixation", "starttls"): "503 5.5.1",
    # James answers 451 and goes on; whoever injects is disconnected here.
    ("starttls_with_injection", r"starttls\r\nmail from:<matthieu@yopmail.com>\r\n"): "554 5.5.0",
}


def replies_of(lines):
    """S: lines as reply codes; the lines of EHLO's list are one reply, whose words are James's."""
    codes, whole = [], True
    for line in lines:
        line = line[3:]
        if whole:
            codes.append(line[:3])
        whole = not re.match(r"250(-|\.\*)", line)
    return codes


def hold(s, name, lines):
    t = Talk(s)
    codes = replies_of([x for x in lines if x.startswith("S:")])
    in_data = False
    assert t.reply().startswith(codes.pop(0))
    for line in (x[3:] for x in lines if x.startswith("C:")):
        t.send(line.replace(r"\r\n", "\r\n").encode().removesuffix(b"\r\n") + b"\r\n")
        if in_data and line != ".":
            continue
        got, want = t.reply(), codes.pop(0)
        want = OTHERWISE.get((name, line), want)
        assert got.startswith(want), f"{name}: {line!r}: {got!r}, not {want}"
        if (name, line) in OTHERWISE and "AUTH" in line:
            return
        in_data = want == "354"
    assert not codes or (name, "rest") in OTHERWISE, codes


@test
def dialogues_of_james():
    folder = corpus("james-mpt/smtp/scripts")
    if not folder:
        return "shared/corpus/smtp/james-mpt is not there"
    names = sorted(folder.glob("*.test"))
    assert len(names) == 8, names
    conf = {"mydestination": "mydomain.tld", "smtpd_sasl_auth_enable": "yes", "smtpd_tls_auth_only": "no"}
    with Server(conf=conf, users=("bob@mydomain.tld", "starttls@mydomain.tld")) as s:
        for path in names:
            hold(s, path.stem, [x for x in path.read_text().splitlines() if x[:2] in ("C:", "S:")])


if __name__ == "__main__":
    main()
