#!/usr/bin/env python3
"""postrider audit of a configuration, and the guard of serve and `config check`. Argument: the program."""
import json
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import tap

PROGRAM = sys.argv[1]
FOLDER = tempfile.mkdtemp(prefix="postrider-audit-")
STATE = os.path.join(FOLDER, "state")
CLEAN, FINDINGS, UNTESTED, EX_USAGE, EX_CONFIG = 0, 1, 2, 64, 78
BASE = f"myhostname = mx.a.test\nmydestination = a.test\nstate_directory = {STATE}\nmail_owner = nobody\n"


def postrider(text, *args, mode=0o600):
    """(status, stdout, stderr); the folder's name is taken out"""
    path = os.path.join(FOLDER, "main.cf")
    with open(path, "w") as f:
        f.write(BASE + text)
    os.chmod(path, mode)
    done = subprocess.run([PROGRAM, "-c", path, *args], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout.replace(FOLDER + "/", ""), done.stderr.replace(FOLDER + "/", "")


def audit(text, **more):
    """(status, [(id, where)] without notes)"""
    status, out, err = postrider(text, "audit", "--json", **more)
    tap.equal(err, "")
    told = json.loads(out)
    tap.equal(told["verdict"], {CLEAN: "clean", FINDINGS: "findings", UNTESTED: "untested"}[status])
    return status, [(f["id"], f["where"]) for f in told["findings"] if f["severity"] != "note"]


def state(mode):
    shutil.rmtree(STATE, ignore_errors=True)
    os.mkdir(STATE)
    os.chmod(STATE, mode)


def certificate(*more, days="90"):
    path = os.path.join(FOLDER, "chain.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", path + ".key", "-out", path + ".crt", "-days", days,
                    "-subj", "/CN=mx.a.test", *more], check=True, capture_output=True)
    with open(path, "w") as f:
        f.write(open(path + ".key").read() + open(path + ".crt").read())
    os.chmod(path, 0o600)
    return path


@tap.test
def the_defaults_are_clean():
    status, out, err = postrider("", "audit")
    tap.equal((status, err), (CLEAN, ""))
    assert out.endswith(" checks, no findings, 0 notes\n"), out


@tap.test
def the_example_is_clean():
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../doc/main.cf")) as f:
        tap.equal(audit(f.read()), (CLEAN, []))


@tap.test
def a_bad_configuration_has_exactly_its_findings():
    tap.equal(audit("mynetworks = 0.0.0.0/0\n\nsmtpd_tls_auth_only = no\ndisable_vrfy_command = no\nsmtpd_forbid_bare_newline = no\n"
                    "submission_smtpd_tls_security_level = may\nmessage_size_limit = 0\n"),
              (FINDINGS, [("networks-open", "main.cf:5"), ("networks-wide", "main.cf:5"), ("submission-in-clear", "main.cf:10"),
                          ("vrfy-for-all", "main.cf:8"), ("smuggling", "main.cf:9"), ("no-size-limit", "main.cf:11"),
                          ("auth-in-clear", "main.cf:7")]))


@tap.test
def the_text_says_what_where_why_and_how_to_mend():
    status, out, err = postrider("login_tls_auth_only = no\n", "audit")
    tap.equal((status, err), (FINDINGS, ""))
    lines = out.splitlines()
    tap.equal(lines[0], "high: POP3 takes passwords in the clear [pop3-in-clear]")
    tap.equal(lines[1], "    main.cf:5: login_tls_auth_only = no")
    assert lines[2].startswith("    why:    Whoever is on the way reads them"), out
    assert lines[3].startswith("    mend:   Set login_tls_auth_only = yes."), out
    assert lines[4].endswith(" checks, 1 finding (1 high), 0 notes"), out
    assert "\033" not in out


@tap.test
def an_override_is_where_it_was_found():
    path = os.path.join(FOLDER, "main.cf")
    done = subprocess.run([PROGRAM, "-c", path, "-o", "disable_vrfy_command=no", "audit", "--json"], capture_output=True, text=True, timeout=60)
    assert ("vrfy-for-all", "-o") in [(f["id"], f["where"]) for f in json.loads(done.stdout)["findings"]], done.stdout


@tap.test
def rights_are_looked_at():
    tap.equal(audit("", mode=0o666), (FINDINGS, [("config-writable", "main.cf")]))
    table = os.path.join(FOLDER, "nets")
    with open(table, "w") as f:
        f.write("192.168.7.0/24\n")
    os.chmod(table, 0o666)
    tap.equal(audit(f"mynetworks = 127.0.0.0/8 {table}\n"), (FINDINGS, [("config-writable", "nets")]))
    os.chmod(table, 0o644)
    tap.equal(audit(f"mynetworks = 127.0.0.0/8 {table}\n"), (CLEAN, []))
    state(0o755)
    tap.equal(audit(""), (FINDINGS, [("state-open", "state")]))
    state(0o700)
    tap.equal(audit(""), (CLEAN, []))
    log = os.path.join(FOLDER, "log")
    open(log, "w").close()
    os.chmod(log, 0o644)
    tap.equal(audit(f"maillog_file = {log}\n"), (FINDINGS, [("log-readable", "log")]))
    shutil.rmtree(STATE)


@tap.test
def certificates_and_keys_are_looked_at():
    if not shutil.which("openssl"):
        raise tap.Skip("openssl is not installed")
    path = certificate("-addext", "subjectAltName=DNS:mx.a.test")
    text = f"smtpd_tls_chain_files = {path}\n"
    tap.equal(audit(text), (CLEAN, []))
    status, out, err = postrider(text, "audit")
    assert "certificate-self-signed" in out and ", 1 note" in out, out
    os.chmod(path, 0o644)
    tap.equal(audit(text), (FINDINGS, [("key-readable", "chain.pem")]))
    path = certificate("-addext", "subjectAltName=DNS:other.test", days="5")
    tap.equal(audit(text), (FINDINGS, [("certificate-expires", "chain.pem"), ("certificate-of-other", "chain.pem")]))
    path = certificate("-newkey", "rsa:1024")
    tap.equal(audit(text), (FINDINGS, [("certificate-weak", "chain.pem")]))
    tap.equal(audit(f"smtpd_tls_chain_files = {FOLDER}/none.pem\n"), (FINDINGS, [("certificate-missing", "none.pem")]))


@tap.test
def an_open_relay_does_not_start():
    text = "\nmynetworks = 0.0.0.0/0\n"
    for verb in (["serve"], ["config", "check"]):
        status, out, err = postrider(text, *verb)
        tap.equal((status, out), (EX_CONFIG, ""))
        assert err.startswith("main.cf:6: error: mynetworks = 0.0.0.0/0: this trusts the whole internet"), err
        assert "open_relay_is_wanted = i-relay-for-everyone" in err, err
    assert not os.path.exists(STATE)
    status, out, err = postrider(text + "open_relay_is_wanted = i-relay-for-everyone\n", "config", "check")
    tap.equal((status, out), (0, "main.cf: ok\n"))
    assert err.startswith("main.cf:6: warning: "), err
    tap.equal(postrider(text + "open_relay_is_wanted = yes\n", "config", "check")[0], EX_CONFIG)


@tap.test
def lists_that_let_strangers_relay_are_found_and_refused():
    text = "smtpd_relay_restrictions =\n  check_sender_access inline:{a.test=OK},\n  reject_unauth_destination\n"
    tap.equal(audit(text), (FINDINGS, [("lists-open", "main.cf:5")]))
    for verb in (["serve"], ["config", "check"]):
        status, out, err = postrider(text, *verb)
        tap.equal((status, out), (EX_CONFIG, ""))
        assert err.startswith("main.cf:5: error: smtpd_relay_restrictions = ") and "a stranger who claims a sender of ours may relay" in err, err
    tap.equal(audit("smtpd_relay_restrictions = permit_mynetworks\n"), (FINDINGS, [("lists-open", "main.cf:5")]))


@tap.test
def what_cannot_be_tested_is_no_clean_bill():
    status, out, err = postrider("nonsense\n", "audit")
    tap.equal((status, out), (UNTESTED, ""))
    assert "main.cf:5" in err, err
    status, out, err = postrider("", "audit", "127.0.0.1:1")
    tap.equal((status, out), (UNTESTED, ""))
    assert err, err
    tap.equal(postrider("", "audit", "no.such.host.invalid", "--timeout", "1")[0], UNTESTED)


@tap.test
def a_call_that_makes_no_sense_is_a_usage_error():
    for args in (["a", "b"], ["--to", "x@a.test"], ["mx", "--to", "nobody"], ["mx", "--to", "a@b\r\nQUIT"], ["mx:0"], ["mx:99999"], ["[::1"], ["mx", "--submission", "x"],
                 ["mx", "--nonsense"], ["mx", "--timeout", "0"], [""]):
        status, out, err = postrider("", "audit", *args)
        tap.equal((args, status, out), (args, EX_USAGE, ""))
        assert err, args


try:
    tap.main()
finally:
    shutil.rmtree(FOLDER, ignore_errors=True)
