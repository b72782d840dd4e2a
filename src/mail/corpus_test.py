#!/usr/bin/env python3
"""corpus_test.py MAIL-DUMP SOURCE-ROOT: what mail/ makes of other people's test data. Speaks TAP.

The data is looked for in $POSTRIDER_CORPUS, else in shared/corpus beside the source tree or one folder further up
(work trees); where there is none, every test is skipped and says so. Where we differ from what the data expect, the case
stands below with the reason; a case that stands there and does not differ fails, too."""
import datetime
import email
import email.utils
import json
import os
import pathlib
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

DUMP = sys.argv[1]
ROOT = pathlib.Path(sys.argv[2]).resolve()


def find_corpus():
    if "POSTRIDER_CORPUS" in os.environ:
        return pathlib.Path(os.environ["POSTRIDER_CORPUS"])
    for folder in (ROOT.parent, ROOT.parent.parent):
        if (folder / "shared/corpus").is_dir():
            return folder / "shared/corpus"
    return ROOT.parent / "shared/corpus"


CORPUS = find_corpus()
TESTS = []


def test(needs):
    def add(function):
        TESTS.append((CORPUS / needs, function))
        return function
    return add


def dump(verb, items):
    """What mail-dump says to each of items (bytes)."""
    if not items:
        return []
    sent = b"".join(item.hex().encode() + b"\n" for item in items)
    done = subprocess.run([DUMP, verb], input=sent, stdout=subprocess.PIPE, check=True)
    lines = [json.loads(line) for line in done.stdout.decode().split("\n")[:-1]]
    if len(lines) != len(items):
        raise AssertionError(f"{len(items)} asked, {len(lines)} answered")
    return lines


def compare(names, wants, gots, argued):
    """Complaints: differences nobody argued for, and arguments that nothing needs."""
    complaints, used = [], set()
    for name, want, got in zip(names, wants, gots):
        if want == got:
            continue
        if name in argued:
            used.add(name)
        else:
            complaints += [f"{name!r}:", f"  want {want}", f"  got  {got}"]
    return complaints + [f"{name!r}: argued for, but it does not differ" for name in argued if name not in used]


def first_field(text):
    """The vectors of mail-parser go on beyond the end of a field."""
    return re.split(r"\n(?![ \t])", text)[0]


# ---- addresses of envelopes ----


@test("smtp/isemail/tests.xml")
def isemail_addresses_are_taken_where_an_envelope_may_have_them(path):
    """Categories VALID, RFC5321 and DNSWARN are fit for an envelope, the others are not."""
    cases = []
    for case in ElementTree.parse(path).getroot().iter("test"):
        text = case.findtext("address") or ""
        # Control characters stand in the file as their pictures, U+2400 and up.
        text = "".join(chr(ord(c) - 0x2400) if 0x2400 <= ord(c) < 0x2420 else c for c in text)
        fit = case.findtext("category") in ("ISEMAIL_VALID_CATEGORY", "ISEMAIL_RFC5321", "ISEMAIL_DNSWARN")
        cases.append((case.get("id"), text, fit))
    assert len(cases) == 164, f"{len(cases)} cases"
    got = dump("addr", [text.encode() for _, text, _ in cases])
    return [f"{number} {text!r}: {answer}" for (number, text, fit), answer in zip(cases, got)
            if (answer == "ok") != fit]


# ---- fields ----


@test("mime/mail-parser/address.json")
def address_lists_are_read_as_mail_parser_reads_them(path):
    argued = dict.fromkeys((8, 9, 10, 11, 14, 22, 56), "a comment is no part of a name that stands beside it")
    argued |= {13: "source routes and blanks are no part of an address", 33: "names are without outer blanks"}
    cases = json.loads(path.read_text())
    wants = []
    for case in cases:
        want = case["expected"]
        flat = [["", a["name"] or "", a["address"] or ""] for a in want.get("List", [])]
        for group in want.get("Group", []):
            flat += [["group", group["name"], ""]] if group["name"] else []
            flat += [["", a["name"] or "", a["address"] or ""] for a in group["addresses"]]
        wants.append(flat)
    gots = []
    for got in dump("addrs", [first_field(case["header"]).encode() for case in cases]):
        gots.append([["", name, mailbox if host == "missing-host.invalid" else f"{mailbox}@{host}"] if host
                     else ["group", mailbox, ""] for name, mailbox, host in got if mailbox])
    return compare(range(len(cases)), wants, gots, argued)


@test("mime/mail-parser/unstructured.json")
def encoded_words_are_decoded_as_mail_parser_decodes_them(path):
    argued = dict.fromkeys((21, 27, 28), "no blank is put between text and an encoded word that stand side by side")
    argued |= {22: "an empty encoded word is empty"}
    cases = json.loads(path.read_text())
    gots = dump("words", [first_field(case["header"]).encode() for case in cases])
    # It makes a fold one space, RFC 5322 2.2.3 takes the line end away only.
    squeeze = [" ".join(got.split()) for got in gots]
    return compare(range(len(cases)), [" ".join(case["expected"].split()) if i not in argued else case["expected"]
                                       for i, case in enumerate(cases)], squeeze, argued)


@test("mime/mail-parser/content_type.json")
def content_types_are_read_as_mail_parser_reads_them(path):
    cases = json.loads(path.read_text())
    wants, gots, argued = [], [], {}
    for i, (case, got) in enumerate(zip(cases, dump("type", [first_field(c["header"]).encode() for c in cases]))):
        want = case["expected"]
        if not isinstance(want, dict) or not want.get("c_subtype") or "attributes" not in want:
            wants.append(None)  # a disposition, or what makes no type
            gots.append(got if got[0] and "\n text" not in case["header"] else None)
            continue
        wants.append([want["c_type"].lower(), want["c_subtype"].lower()] + sorted(
            a for a in want["attributes"] or [] if not a[0].endswith("-language")))
        gots.append(got[:2] + sorted(got[2:]))
        if "=?" in case["header"]:
            argued[i] = "encoded words in parameters are left to the reader"
        elif "malicious" in case["header"] or "\x00oo" in case["header"]:
            argued[i] = "sections that are no numbers are left out; so are NULs"
        elif want["c_type"] == "inva" and "test=test" not in case["header"] or "name=  " in case["header"]:
            argued[i] = "blanks are no value"
        elif "filename*2*" in case["header"]:
            argued[i] = "the charset stands in the first section only: RFC 2231 4.1"
    return compare(range(len(cases)), wants, gots, argued)


@test("mime/mail-parser/id.json")
def message_ids_are_read_as_mail_parser_reads_them(path):
    argued = {6: "blanks are no part of an id", 10: "a word without @ is no id"}
    cases = json.loads(path.read_text())
    gots = dump("ids", [first_field(case["header"]).encode() for case in cases])
    return compare(range(len(cases)), [case["expected"] or [] for case in cases], gots, argued)


@test("mime/mail-parser/date.json")
def dates_are_read_as_mail_parser_reads_them(path):
    argued = {12: "numbers alone make no date", 28: "the date of a Received field stands behind its semicolon"}
    cases = json.loads(path.read_text())
    wants = []
    for case in cases:
        want = case["expected"]
        if want:
            offset = (want["tz_hour"] * 60 + want["tz_minute"]) * (-1 if want["tz_before_gmt"] else 1)
            zone = datetime.timezone(datetime.timedelta(minutes=offset))
            parts = (want[k] for k in ("year", "month", "day", "hour", "minute", "second"))
            want = [int(datetime.datetime(*parts, tzinfo=zone).timestamp()) * 1000, offset]
        wants.append(want)
    gots = dump("date", [first_field(case["header"]).encode() for case in cases])
    return compare(range(len(cases)), wants, gots, argued)


# ---- charsets ----


@test("charset/whatwg")
def single_byte_charsets_decode_as_the_encoding_standard_says(path):
    argued = {  # where glibc has another character, or none
        "koi8-u 0xae": "glibc's is RFC 2319; the standard's has the letters of KOI8-RU",
        "koi8-u 0xbe": "likewise",
        "windows-1255 0xca": "a letter that came later",
        "x-mac-cyrillic 0xff": "the currency sign made room for the euro",
        "macintosh 0xc6": "increment or Delta",
        "macintosh 0xf0": "private use",
    }
    names, wants, gots = [], [], []
    for index in sorted(path.glob("index-*.txt")):
        charset = index.stem.removeprefix("index-")
        rows = [line.split()[:2] for line in index.read_text().split("\n") if line and not line.startswith("#")]
        cases = [(0x80 + int(pointer), chr(int(code, 16))) for pointer, code in rows if len(rows) <= 128]
        cases = [c for c in cases if c[1] >= "\u00a0" and "katakana" not in charset]  # C1 controls: iconv may have none
        names += [f"{charset} {byte:#x}" for byte, _ in cases]
        wants += [want for _, want in cases]
        gots += dump("charset", [charset.encode() + b"\0" + bytes([byte]) for byte, _ in cases])
    assert len(names) > 2500, f"{len(names)} characters"
    return compare(names, wants, gots, argued)


# ---- whole messages ----


def read(path):
    return path.read_bytes()


def tree_of(message):
    """(depth, type) of every part."""
    return [(p["depth"], f"{p['type']}/{p['subtype']}") for p in message["parts"]]


def python_tree(message, depth=0):
    leaf = ("message/delivery-status", "message/feedback-report", "message/external-body")  # which Python looks into
    tree = [(depth, message.get_content_type())]
    if message.is_multipart() and message.get_content_type() not in leaf:
        for child in message.get_payload():
            tree += python_tree(child, depth + 1)
    return tree


def compare_with_python(files, argued):
    assert len(files) > 40, f"{len(files)} files"
    messages = dump("message", [read(f) for f in files])
    complaints = [f"{f.name}: no row, or another one in pieces" for f, m in zip(files, messages) if not m]
    if complaints:
        return complaints
    complaints = [f"{f.name}: {e}" for f, m in zip(files, messages) for e in nesting_errors(m, f.stat().st_size)]
    return complaints + compare([f.name for f in files], [python_tree(email.message_from_bytes(read(f))) for f in files],
                                [tree_of(m) for m in messages], argued)


def nesting_errors(message, size):
    parts = message["parts"]
    for i, p in enumerate(parts):
        around = parts[p["parent"]]
        begin, end = (around["body_at"], around["body_at"] + around["body_size"]) if i else (0, size)
        if not begin <= p["header_at"] <= p["body_at"] <= p["body_at"] + p["body_size"] <= end:
            yield f"part {i} does not lie within its parent"
    if message["row_size"] > 64 * 1024:
        yield "the row is too large"


@test("mime/cpython")
def cpython_messages_have_the_parts_that_python_finds(path):
    return compare_with_python(sorted(path.glob("*.txt")), {
        "msg_15.txt": "two open multiparts with one boundary: the inner one is meant first",
        "msg_37.txt": "a delimiter after a delimiter makes an empty part",
        "msg_39.txt": "two open multiparts with one boundary: the inner one is meant first",
    })


@test("mime/ruby-mail")
def ruby_mail_messages_have_the_parts_that_python_finds(path):
    return compare_with_python(sorted(path.glob("emails/*/*.eml")), {})


@test("dsn/sisimai")
def bounces_have_the_parts_that_python_finds(path):
    empty = "Python makes a text of a multipart without parts"
    return compare_with_python(sorted(path.glob("**/*.eml")), {"lhost-office365-09.eml": empty, "lhost-office365-11.eml": empty})


@test("spam/ham")
def ham_has_the_parts_that_python_finds(path):
    return compare_with_python(sorted(path.glob("*")), {})


@test("spam/spam")
def spam_has_the_parts_that_python_finds(path):
    return compare_with_python(sorted(path.glob("*")), {})


def mail_parser_tree(parts, number, depth=0):
    part = parts[number]
    kind, inside = next(iter(part["body"].items()))
    tree = [(depth, part["offset_header"], part["offset_body"], part["offset_end"])]
    if kind == "Multipart":
        for child in inside:
            tree += mail_parser_tree(parts, child, depth + 1)
    elif kind == "Message":
        tree += mail_parser_tree(inside["parts"], 0, depth + 1)
    return tree


@test("mime/mail-parser/eml")
def parts_are_where_mail_parser_finds_them(path):
    prefix = "a line that only begins with a boundary is no delimiter"
    outer = "the delimiter of an outer multipart ends the inner ones: RFC 2046 5.1.2"
    empty = "a delimiter begins a part, be it empty"
    argued = {
        "rfc/008": "a message/rfc822 in base64 is not looked into: RFC 2046 5.2.1",
        "thirdparty/005": "a delimiter begins its line",
        "thirdparty/015": "a message ends where the multipart around it goes on",
        "malformed/000": empty,
        "malformed/001": prefix,
        "malformed/004": prefix,
        "malformed/007": "a header goes on to its empty line, or a delimiter of what is open already",
        "malformed/008": prefix,
        "malformed/009": outer,
        "malformed/011": outer,
        "malformed/012": outer,
        "malformed/013": empty,
        "malformed/014": empty,
        "malformed/016": prefix,
        "malformed/019": "the last line end belongs to the part that is open",
        "malformed/020": "of two Content-Type fields the first counts",
        "malformed/021": "of two Content-Type fields the first counts",
        "malformed/022": "a message/rfc822 is a message, whatever is in it",
    }
    files = sorted(path.glob("*/*.eml"))
    assert len(files) == 53, f"{len(files)} files"
    names = [f"{f.parent.name}/{f.stem}" for f in files]
    # Its offsets were made from messages with bare line feeds.
    gots = [[(p["depth"], p["header_at"], p["body_at"], p["body_at"] + p["body_size"]) for p in m["parts"]]
            for m in dump("message", [read(f).replace(b"\r\n", b"\n") for f in files])]
    wants = [mail_parser_tree(json.loads(f.with_suffix(".json").read_text())["parts"], 0) for f in files]
    return compare(names, wants, gots, argued)


def python_addresses(text):
    try:
        return email.utils.getaddresses([text], strict=False)
    except TypeError:  # older ones are never strict
        return email.utils.getaddresses([text])


@test("spam")
def addresses_in_mail_are_what_python_reads(path):
    """From, To, Cc, Reply-To, Sender of all ham and spam. Python does not know <a:b@c> and undoes no quotes."""
    fields = []
    for f in sorted(path.glob("*/*")):
        message = email.message_from_bytes(read(f))
        fields += [str(v) for h in ("from", "to", "cc", "reply-to", "sender") for v in message.get_all(h, [])]
    assert len(fields) > 4000, f"{len(fields)} fields"
    gots = [[f"{mailbox}@{host}" if host != "missing-host.invalid" else mailbox for _, mailbox, host in got if host and mailbox]
            for got in dump("addrs", [v.encode("utf-8", "surrogateescape") for v in fields])]
    wants = [[a for _, a in python_addresses(re.sub(r"\r?\n", " ", v)) if a] for v in fields]
    argued = {v: "" for v in fields if re.search(r'<[^>]*:[^>]*>|"[^"]*"@', v)}
    return compare(fields, wants, gots, argued)


@test("spam")
def dates_in_mail_are_what_python_reads(path):
    dates = []
    for f in sorted(path.glob("*/*")):
        date = email.message_from_bytes(read(f))["date"]
        dates += [str(date)] if date else []
    assert len(dates) > 1400, f"{len(dates)} dates"
    argued = {v: "years of the first century, zones that Python does not understand" for v in dates
              if re.search(r" 0102 |GMT\+1|\+-0500|01800", v)}
    wants = [email.utils.mktime_tz(parsed) * 1000 if parsed else None for parsed in map(email.utils.parsedate_tz, dates)]
    gots = [got[0] if got else None for got in dump("date", [v.encode("utf-8", "surrogateescape") for v in dates])]
    return compare(dates, wants, gots, argued)


def main():
    failed = False
    print(f"1..{len(TESTS)}")
    for number, (path, function) in enumerate(TESTS, 1):
        name = function.__name__
        if not path.exists():
            print(f"ok {number} {name} # SKIP {path} is not there")
            continue
        try:
            complaints = function(path)
        except Exception as e:  # a test that cannot run has failed
            complaints = [f"{type(e).__name__}: {e}"]
        for line in complaints:
            print(f"# {line}".encode("utf-8", "replace").decode())
        print(f"{'not ok' if complaints else 'ok'} {number} {name}", flush=True)
        failed = failed or bool(complaints)
    return 1 if failed else 0


sys.exit(main())
