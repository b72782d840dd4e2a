#!/usr/bin/env python3
"""corpus_test.py MAIL-DUMP SOURCE-ROOT: what mail/ makes of other people's test data. Speaks TAP.

The data is looked for in $POSTRIDER_CORPUS, else in shared/corpus beside the source tree or one folder further up
(work trees); where there is none, every test is skipped and says so."""
import json
import os
import pathlib
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
    sent = b"".join(item.hex().encode() + b"\n" for item in items)
    done = subprocess.run([DUMP, verb], input=sent, stdout=subprocess.PIPE, check=True)
    lines = [json.loads(line) for line in done.stdout.decode().split("\n")[:-1]]
    if len(lines) != len(items):
        raise AssertionError(f"{len(items)} asked, {len(lines)} answered")
    return lines


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
            print(f"# {line}")
        print(f"{'not ok' if complaints else 'ok'} {number} {name}", flush=True)
        failed = failed or bool(complaints)
    return 1 if failed else 0


sys.exit(main())
