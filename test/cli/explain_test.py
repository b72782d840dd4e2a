#!/usr/bin/env python3
"""explain_test.py POSTRIDER: postrider explain."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
import tap  # noqa: E402

PROGRAM = sys.argv[1]


def explain(*words):
    done = subprocess.run([PROGRAM, "explain", *words], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


@tap.test
def a_code_and_a_status_are_explained_without_main_cf():
    status, out, err = explain("550", "5.1.1")
    tap.equal((status, err), (0, ""))
    for part in ("550 ", "5.1.1 ", "RFC 3463", "trying again", "No such mailbox", "sender:", "administrator:"):
        assert part in out, out
    assert "Relaying denied" not in out, out
    assert max(len(line) for line in out.splitlines()) <= 101, out


@tap.test
def a_line_of_a_bounce_finds_the_one_case_and_the_session():
    line = ("<zoe@a.test>: host mx.a.test[192.0.2.25] said: 421 4.7.0 Too many errors (id 3f2a91bc1) (in reply to RCPT TO command)")
    status, out, err = explain(line)
    tap.equal((status, err), (0, ""))
    assert "smtpd_hard_error_limit" in out and "session=3f2a91bc1" in out, out
    assert "web server" not in out, out  # another 421 4.7.0
    assert "Too many connections" in explain("421")[1]


@tap.test
def codes_of_others_are_known_too():
    for text, part in (("5.7.26", "SPF, DKIM and DMARC"), ("4.7.28", "Too much mail"), ("556", "takes no mail"), ("5.7.30", "TLS"), ("250", "Done"),
                       ("599", "first digit"), ("5.99.99", "does not know")):
        status, out, err = explain(text)
        if text == "599":
            tap.equal(status, 65)
            continue
        tap.equal((status, err), (0, ""))
        assert part in out, (text, out)
    assert "never says" in explain("5.7.26")[1]


@tap.test
def what_holds_no_code_is_an_error():
    for words in (["hello"], ["192.0.2.1"], ["12345"]):
        status, out, err = explain(*words)
        tap.equal((status, out), (65, ""))
        assert "neither" in err, err
    tap.equal(explain()[0], 64)
    tap.equal(explain("--help")[0], 64)
    tap.equal(explain("550" + "x" * 5000)[0], 65)


tap.main()
