#!/usr/bin/env python3
"""Files main.cf (and master.cf) in the manner of real sites: what loading says of each, what `config import` says of each line, and
that what it makes loads. Arguments: the program, the sources' root. With --update behind them the expectations beside the samples
(NAME.check, NAME.import) are written anew; read what changed."""
import json
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import tap

PROGRAM, ROOT, UPDATE = sys.argv[1], sys.argv[2], "--update" in sys.argv
SAMPLES = os.path.join(ROOT, "test", "conf")
NAMES = sorted(f[:-3] for f in os.listdir(SAMPLES) if f.endswith(".cf") and not f.endswith(".master.cf"))
FOLDER = tempfile.mkdtemp(prefix="postrider-samples-")
EX_CONFIG, NEEDS_SOMEBODY = 78, 1


def furnish():
    """/etc/postfix of the samples: their tables, files for certificates, each sample beside them"""
    shutil.copytree(os.path.join(SAMPLES, "tables"), FOLDER, dirs_exist_ok=True)
    for name, text in {"aliases": "root: ann\n", "mailname": "example.org\n", "cert.pem": "", "key.pem": "", "chain.pem": "",
                       "dsa.pem": "", "dh.pem": ""}.items():
        with open(os.path.join(FOLDER, name), "w") as f:
            f.write(text)
    for file in os.listdir(SAMPLES):
        if file.endswith(".cf"):
            with open(os.path.join(SAMPLES, file)) as f, open(os.path.join(FOLDER, file), "w") as to:
                to.write(f.read().replace("/etc/postfix/", FOLDER + "/").replace("/etc/aliases", FOLDER + "/aliases")
                         .replace("/etc/mailname", FOLDER + "/mailname"))


def postrider(*args):
    done = subprocess.run([PROGRAM, *args], capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout, done.stderr.replace(FOLDER + "/", "")


def files(name):
    """its main.cf, and its master.cf when it has one"""
    paths = [os.path.join(FOLDER, name + end) for end in (".cf", ".master.cf")]
    return [path for path in paths if os.path.exists(path)]


def expect(name, what, got):
    path = os.path.join(SAMPLES, name + "." + what)
    if UPDATE:
        with open(path, "w") as f:
            f.write(got)
    with open(path) as f:
        want = f.read()
    if got != want:
        only = [f"- {line}" for line in want.splitlines() if line not in got.splitlines()]
        more = [f"+ {line}" for line in got.splitlines() if line not in want.splitlines()]
        raise AssertionError(f"{name}.{what} says something else:\n" + "\n".join(only + more or ["(the order)"]))


def word_of(line):
    return line.split(": ")[1]


@tap.test
def there_are_ten_of_them():
    assert len(NAMES) >= 10, NAMES


@tap.test
def each_gets_exactly_the_findings_it_deserves():
    for name in NAMES:
        status, out, err = postrider("-c", os.path.join(FOLDER, name + ".cf"), "config", "check")
        expect(name, "check", err)
        tap.equal((name, status), (name, EX_CONFIG if ": error: " in err else 0))


@tap.test
def import_has_a_finding_for_each_line():
    for name in NAMES:
        status, out, err = postrider("config", "import", *files(name))
        expect(name, "import", err)
        findings, counts = err.splitlines()[:-1], err.splitlines()[-1]
        words = [word_of(line) for line in findings]
        tap.equal(counts, ", ".join(f"{words.count(word)} {word}" for word in
                                    ("supported", "translated", "ignored", "unsupported", "dangerous")))
        tap.equal((name, status), (name, NEEDS_SOMEBODY if {"unsupported", "dangerous"} & set(words) else 0))
        with open(files(name)[0]) as f:
            settings = [line.split("=")[0].strip() for line in f if line[0] not in "#\n \t"]
        for setting in settings:
            assert any(f": {setting}" in line for line in findings), (name, setting)


@tap.test
def what_comes_out_loads_and_keeps_the_comments():
    for name in NAMES:
        made = os.path.join(FOLDER, name + ".made")
        postrider("config", "import", "-o", made, *files(name))
        tap.equal((name, *postrider("-c", made, "config", "check")[::2]), (name, 0, warnings(made)))
        with open(made) as f, open(files(name)[0]) as old:
            text = f.read()
            assert old.readline() in text, text


def warnings(made):
    """the same twice: only warnings"""
    err = postrider("-c", made, "config", "check")[2]
    assert ": error: " not in err, err
    return err


@tap.test
def the_order_of_the_files_does_not_matter_and_json_says_the_same():
    main, master = files("dovecot")
    there = postrider("config", "import", main, master)
    tap.equal(postrider("config", "import", master, main), there)
    status, out, err = postrider("config", "import", "--json", main, master)
    tap.equal((status, err), (there[0], ""))
    told = json.loads(out)
    tap.equal(told["main_cf"], there[1])
    lines = [f"{f['file'].replace(FOLDER + '/', '')}{':' + str(f['line']) if f['line'] else ''}: {f['found']}: {f['name']}"
             f"{': ' + f['text'] if f['text'] else ''}" for f in told["findings"]]
    tap.equal(lines, there[2].splitlines()[:-1])


@tap.test
def nothing_is_written_over():
    main = files("null-client")[0]
    with open(main) as f:
        before = f.read()
    status, out, err = postrider("config", "import", "-o", main, main)
    assert status not in (0, NEEDS_SOMEBODY) and "File exists" in err, (status, err)
    with open(main) as f:
        tap.equal(f.read(), before)


@tap.test
def files_that_cannot_be_imported_are_said():
    main = files("null-client")[0]
    tap.equal(postrider("config", "import", FOLDER + "/none")[::2],
              (66, "postrider config import: none: No such file or directory\n"))
    status, out, err = postrider("config", "import", main, main)
    tap.equal((status, out), (64, ""))
    assert "are both a main.cf" in err, err
    tap.equal(postrider("config", "import")[0], 64)


def imported(main, master=None):
    """(status, the settings that come out, the findings)"""
    paths = [os.path.join(FOLDER, "a.cf")]
    with open(paths[0], "w") as f:
        f.write(main)
    if master is not None:
        paths.append(os.path.join(FOLDER, "b.cf"))
        with open(paths[1], "w") as f:
            f.write(master)
    status, out, err = postrider("config", "import", *paths)
    return status, [line for line in out.splitlines() if line and line[0] != "#"], err.splitlines()[:-1]


@tap.test
def a_main_cf_of_our_own_stays_as_it_is():
    text = "myhostname = mx.a.test\nmydestination = a.test,\n  # more\n  b.test\n"
    tap.equal(imported(text)[:2], (0, ["myhostname = mx.a.test", "mydestination = a.test,", "  # more", "  b.test"]))


@tap.test
def a_wide_mynetworks_is_dangerous():
    for net in ("0.0.0.0/0", "[::]/0", "0.0.0.0/1 128.0.0.0/1", "198.51.0.0/16"):
        status, out, found = imported(f"mynetworks = 127.0.0.0/8 {net}\n")
        tap.equal((status, len(found)), (1, 1))
        assert found[0].startswith("a.cf:1: dangerous: mynetworks: "), found
        tap.equal((net, bool(out)), (net, net == "198.51.0.0/16"))  # as an open relay it would not start
    tap.equal(imported("mynetworks = 127.0.0.0/8, 192.168.1.0/24\n")[:2], (0, ["mynetworks = 127.0.0.0/8, 192.168.1.0/24"]))


@tap.test
def a_list_goes_on_without_what_is_not_there_yet():
    """(what stood there, what remains)"""
    cases = [("permit_mynetworks, reject_rbl_client zen.example.org, reject_unauth_destination", "permit_mynetworks reject_unauth_destination"),
             ("warn_if_reject reject_unknown_sender_domain,reject_unauth_destination", "reject_unauth_destination"),
             ("reject_unauth_destination check_sender_mx_access cidr:{ {192.0.2.0/24 REJECT} } permit", "reject_unauth_destination permit"),
             ("reject_unknown_client_hostname", None)]
    for was, left in cases:
        status, out, found = imported(f"smtpd_recipient_restrictions = {was}\n")
        tap.equal((was, status, out), (was, 1, [] if left is None else [f"smtpd_recipient_restrictions = {left}"]))
        assert found[0].startswith("a.cf:1: unsupported: smtpd_recipient_restrictions: "), found


@tap.test
def services_become_listeners():
    server = "inet n - y - - smtpd"
    status, out, found = imported("", f"smtp {server}\n2525 {server}\n127.0.0.1:submission {server} -o smtpd_timeout=9s\n")
    tap.equal((status, out), (0, ["listen_smtp = 25, 2525", "listen_submission = 127.0.0.1:587",
                                  "submission_smtpd_timeout = 9s", "listen_submissions = "]))
    # what is for port 25 alone does not change the others
    status, out, found = imported("smtpd_timeout = 100s\n", f"smtp {server} -o smtpd_timeout=30s\nsubmission {server}\n")
    tap.equal((status, sorted(out)), (0, ["listen_smtp = 25", "listen_submission = 587", "listen_submissions = ",
                                          "smtpd_timeout = 30s", "submission_smtpd_timeout = 100s"]))
    status, out, found = imported("", f"587 {server} -o smtpd_timeout=9s\nsubmission {server}\nmail.test:25 {server}\n")
    tap.equal((status, [line.split(": ")[1] for line in found if "smtpd:" in line]), (1, ["translated", "unsupported", "unsupported"]))


try:
    furnish()
    tap.main()
finally:
    shutil.rmtree(FOLDER)
