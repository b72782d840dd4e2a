#!/usr/bin/env python3
"""postrider config and the words before the verb. Arguments: the program, the sources' root."""
import json
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import tap

PROGRAM, ROOT = sys.argv[1], sys.argv[2]
FOLDER = tempfile.mkdtemp(prefix="postrider-config-")
EX_USAGE, EX_IOERR, EX_CONFIG = 64, 74, 78


def postrider(*args, file=None):
    """(status, stdout, stderr); file: the text of main.cf"""
    words = [PROGRAM]
    if file is not None:
        path = os.path.join(FOLDER, "main.cf")
        with open(path, "w") as f:
            f.write(file)
        words += ["-c", path]
    done = subprocess.run(words + list(args), capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr.replace(FOLDER + "/", "")


@tap.test
def help_names_every_verb():
    status, out, err = postrider("--help")
    tap.equal((status, err), (0, ""))
    assert "\n  config " in out, out


@tap.test
def the_version_is_one_line():
    status, out, err = postrider("--version")
    tap.equal((status, err, out.count("\n")), (0, "", 1))
    assert out.startswith("postrider "), out


@tap.test
def a_call_that_makes_no_sense_is_a_usage_error():
    for args in ([], ["nonsense"], ["--nonsense"], ["-c"], ["config", "--nonsense"], ["config", "-n", "-d"]):
        status, out, err = postrider(*args)
        tap.equal((args, status, out), (args, EX_USAGE, ""))
        assert err, args


@tap.test
def a_setting_is_shown_as_it_is_in_effect():
    text = "site = a.test\nmyhostname = mx.$site\n"
    tap.equal(postrider("config", "myhostname", "smtpd_banner", file=text),
              (0, "myhostname = mx.a.test\nsmtpd_banner = mx.a.test ESMTP\n", ""))
    tap.equal(postrider("config", "site", file=text), (0, "site = a.test\n", ""))


@tap.test
def an_override_comes_before_the_verb():
    tap.equal(postrider("-o", "smtpd_timeout=5s", "config", "smtpd_timeout", file="smtpd_timeout = 9s\n"),
              (0, "smtpd_timeout = 5s\n", ""))
    tap.equal(postrider("-o", "smtpd_timeout=x", "config", file="")[0], EX_CONFIG)


@tap.test
def a_listener_shows_its_own_value():
    text = "submission_smtpd_timeout = 9s\n"
    tap.equal(postrider("config", "smtpd_timeout", "submission_smtpd_timeout", "submissions_smtpd_sasl_auth_enable", file=text),
              (0, "smtpd_timeout = 300s\nsubmission_smtpd_timeout = 9s\nsubmissions_smtpd_sasl_auth_enable = yes\n", ""))
    out = postrider("config", file=text)[1].splitlines()
    assert "submission_smtpd_timeout = 9s" in out and "submission_smtpd_sasl_auth_enable = yes" in out, out
    assert not any(line.startswith("submissions_smtpd_timeout") for line in out), out


@tap.test
def all_settings_are_shown_each_once():
    out = postrider("config", file="")[1].splitlines()
    names = [line.split(" =")[0] for line in out]
    assert len(names) > 50 and len(names) == len(set(names)), names


@tap.test
def what_main_cf_changes_is_shown_in_its_order():
    tap.equal(postrider("config", "-n", file="smtpd_timeout = 1m\nbiff = no\nlog_level = warn\nsubmission_smtpd_timeout = 2m\n"),
              (0, "smtpd_timeout = 1m\nbiff = no\nlog_level = warn\nsubmission_smtpd_timeout = 2m\n", ""))
    tap.equal(postrider("config", "-n", file="# nothing\n"), (0, "", ""))


@tap.test
def defaults_need_no_file():
    status, out, err = postrider("-c", FOLDER + "/none", "config", "-d", "smtpd_banner")
    tap.equal((status, out, err), (0, "smtpd_banner = $myhostname ESMTP\n", ""))


@tap.test
def a_missing_file_is_said():
    tap.equal(postrider("-c", FOLDER + "/none", "config"), (EX_CONFIG, "", "none: error: no such file\n"))


@tap.test
def a_wrong_name_gets_a_suggestion():
    status, out, err = postrider("config", "smtpd_timout", file="")
    tap.equal((status, out, err), (EX_USAGE, "", "postrider config: unknown parameter `smtpd_timout`; did you mean `smtpd_timeout`?\n"))


@tap.test
def check_tells_good_files_from_bad():
    status, out, err = postrider("config", "check", file="smtpd_timeout = 5s\n")
    tap.equal((status, err), (0, ""))
    assert out.endswith("main.cf: ok\n"), out
    status, out, err = postrider("config", "check", file="\nsmtpd_timeout = soon\nmynetwrks = x\n")
    tap.equal((status, out), (EX_CONFIG, ""))
    assert "main.cf:2: error: smtpd_timeout" in err and "main.cf:3: error: unknown parameter `mynetwrks`" in err, err
    status, out, err = postrider("config", "check", file="smtpd_banner = a\nsmtpd_banner = b\n")
    tap.equal((status, err.count("warning")), (0, 1))


@tap.test
def check_looks_for_the_files_that_are_named():
    status, out, err = postrider("config", "check", file="smtpd_tls_chain_files = /nonexistent/key.pem\n")
    tap.equal((status, out), (EX_CONFIG, ""))
    tap.equal(err, "main.cf:1: error: smtpd_tls_chain_files: /nonexistent/key.pem: No such file or directory\n")


@tap.test
def explain_says_where_from_and_what_for():
    out = postrider("config", "-n", "--explain", file="queue_directory = /q\nsite = x.test\nmydomain = $site\n")[1]
    assert "Accepted, without effect: it tells where Postfix keeps its data" in out, out
    assert "A name for use in other values." in out, out
    assert "main.cf:3, as $site." in " ".join(out.split()), out


@tap.test
def json_is_json():
    text = 'smtpd_banner = $myhostname "quoted" \\ ü\nbiff = no\n'
    rows = {row["name"]: row for row in json.loads(postrider("config", "--json", file=text)[1])}
    assert rows["smtpd_banner"]["value"].endswith(' "quoted" \\ ü'), rows["smtpd_banner"]
    assert rows["smtpd_banner"]["raw"].startswith("$myhostname"), rows["smtpd_banner"]
    assert rows["smtpd_banner"]["from"].endswith("main.cf:1"), rows["smtpd_banner"]
    tap.equal(rows["smtpd_timeout"]["from"], "default")
    assert "note" in rows["biff"]
    tap.equal(json.loads(postrider("config", "-n", "--json", file="")[1]), [])


@tap.test
def it_answers_as_postconf_when_called_so():
    link = os.path.join(FOLDER, "postconf")
    if not os.path.islink(link):
        os.symlink(os.path.abspath(PROGRAM), link)
    with open(os.path.join(FOLDER, "main.cf"), "w") as f:
        f.write("site = a.test\nmyhostname = mx.$site\n")

    def postconf(*args):
        done = subprocess.run([link, "-c", FOLDER, *args], capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout
    tap.equal(postconf("myhostname"), (0, "myhostname = mx.$site\n"))
    tap.equal(postconf("-x", "myhostname", "site"), (0, "myhostname = mx.a.test\nsite = a.test\n"))
    tap.equal(postconf("-hx", "myhostname"), (0, "mx.a.test\n"))
    tap.equal(postconf("-n"), (0, "site = a.test\nmyhostname = mx.$site\n"))
    tap.equal(postconf("-dh", "smtpd_banner"), (0, "$myhostname ESMTP\n"))
    tap.equal(postconf("-e", "myhostname=x"), (EX_USAGE, ""))


@tap.test
def a_full_disk_is_noticed():
    if not os.path.exists("/dev/full"):
        raise tap.Skip("no /dev/full")
    with open("/dev/full", "w") as full:
        done = subprocess.run([PROGRAM, "config", "-d"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    tap.equal(done.returncode, EX_IOERR)
    assert "cannot write" in done.stderr, done.stderr


def lint(path):
    if not shutil.which("mandoc"):
        raise tap.Skip("mandoc is not installed")
    done = subprocess.run(["mandoc", "-Tlint", path], capture_output=True, text=True, timeout=60)
    # which other pages are installed says nothing about this one
    tap.equal([line for line in done.stdout.splitlines() if "referenced manual not found" not in line], [])


@tap.test
def the_manual_of_main_cf_is_whole_and_well_formed():
    status, page, err = postrider("config", "--man")
    tap.equal((status, err), (0, ""))
    for line in postrider("config", "-d")[1].splitlines():
        assert f".It Va {line.split(' =')[0]} " in page, line
    path = os.path.join(FOLDER, "main.cf.5")
    with open(path, "w") as f:
        f.write(page)
    lint(path)


@tap.test
def the_manual_of_the_program_is_well_formed():
    path = os.path.join(ROOT, "doc", "man", "postrider.1")
    lint(path)
    with open(path) as f:
        page = f.read()
    for line in postrider("--help")[1].splitlines():
        if line.startswith("  ") and not line.startswith("   ") and not line.startswith("  --"):
            assert f".It Cm {line.split()[0]}" in page, f"postrider.1 does not say what `{line.split()[0]}` does"


@tap.test
def the_sample_configuration_is_good():
    status, out, err = postrider("-c", os.path.join(ROOT, "doc", "main.cf"), "config", "-n")
    tap.equal((status, err), (0, ""))


try:
    tap.main()
finally:
    shutil.rmtree(FOLDER)
