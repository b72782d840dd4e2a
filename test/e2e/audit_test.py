#!/usr/bin/env python3
"""postrider audit against servers: our own, which is clean; servers with one hole each; nmap's opinion; and what the guard does at a reload."""
import concurrent.futures
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time

from auditing import CLEAN, FINDINGS, UNTESTED, found, nmap, notes, run_audit
from server import BINARY, Server, main, test
from weak import KNOWN, Weak

def wait_for(seen, s, seconds=20):
    due = time.time() + seconds
    while time.time() < due:
        if seen():
            return
        time.sleep(0.05)
    raise AssertionError(s.log()[-3000:])


@test
def our_own_server_is_clean():
    with Server() as s:
        status, told = run_audit(s.port("smtp"), "--to", "ann@a.test", "--submission", str(s.port("submission")), "--submissions",
                                 str(s.port("submissions")))
        assert (status, found(told), told["not_tested"]) == (CLEAN, set(), []), told
        assert notes(told) <= {"tested-from-inside", "rcpt-tells", "seen-certificate-untrusted", "talks-early"}, told
        assert told["checks"] >= 31, told
        out = s.cli("user", "list", "--json")
        assert all(u["messages"] == 0 for u in json.loads(out.stdout)), out.stdout  # nothing was sent


@test
def an_authority_that_is_named_is_trusted():
    with Server() as s:
        cert = os.path.join(s.dir, "cert.pem")
        shutil.copyfile(os.path.join(s.state, "tls/cert.pem"), cert)
        status, told = run_audit(s.port("smtp"), "--ca", cert)
        assert status == CLEAN and "seen-certificate-untrusted" not in notes(told), told


@test
def people_are_looked_at():
    with Server() as s:
        def here():
            p = s.cli("audit", "--json", check=False)
            told = json.loads(p.stdout)
            return {f["id"]: f["detail"] for f in told["findings"]}, told["not_tested"]
        # The server of the test says so: queue_minfree = 0.
        assert here() == ({"no-free-space": "queue_minfree = 0", "certificate-self-signed": "it is for mx.a.test"}, []), here()
        passwd = "old@a.test:{MD5-CRYPT}$1$abcdefgh$irWbblnpmw.5z7wgBnprh0:::::\nsha@a.test:{SHA}C+7Hteo/D9vJXQ3UfzxbwnXaijM=:::::\n"
        s.cli("user", "import", "-", stdin=passwd)
        s.cli("alias", "add", "@a.test", "ann@a.test")
        found_here = here()[0]
        assert found_here["password-weak"] == "old@a.test, sha@a.test" and found_here["catch-all"] == "@a.test", found_here
        assert "catch-all-relayed" not in found_here, found_here
        s.cli("alias", "add", "@a.test", "all@elsewhere.test")
        s.write_conf(postmaster_recipient="boss@a.test")
        found_here = here()[0]
        assert found_here["catch-all-relayed"] == "@a.test" and "boss@a.test" in found_here["no-postmaster"], found_here


HOLES = [  # the hole, what is found
    ((), set()),
    (("open",), {"relay-open"}),
    (("own-sender",), {"relay-open"}),
    (("localhost",), {"relay-open"}),
    (("route",), {"relay-open"}),
    (("percent",), {"relay-by-form"}),
    (("bang",), {"relay-by-form"}),
    (("catch-all",), set()),
    (("catch-all", "percent"), set()),
    (("vrfy",), {"vrfy-tells"}),
    (("expn",), {"expn-tells"}),
    (("injection",), {"starttls-injection"}),
    (("auth",), {"auth-offered-in-clear"}),
    (("version",), {"greeting-tells"}),
    (("no-size",), {"size-unlimited"}),
    (("no-starttls",), {"no-starttls"}),
    (("pipelining",), {"pipelines-early"}),
    (("early",), set()),
    (("browser",), {"speaks-to-browsers"}),
    (("no-helo",), {"mail-without-helo"}),
    (("endless",), {"errors-unlimited"}),
    (("xclient",), {"xclient-open"}),
    (("proxy",), {"proxy-open"}),
    (("tls1",), {"tls-old"}),
    (("null-cipher",), {"tls-weak"}),
    (("expired",), {"seen-certificate-expired"}),
    (("other-name",), {"seen-certificate-of-other"}),
    # with an address that exists
    (("to",), set()),
    (("slow-vrfy", "to"), {"timing-tells"}),
    (("end-lf", "to"), {"smuggled-end"}),
    (("end-cr", "to"), {"smuggled-end"}),
    (("end-nul", "to"), {"smuggled-end"}),
    (("end-lf-crlf", "to"), {"smuggled-end"}),
    (("end-crlf-lf", "to"), {"smuggled-end"}),
]


def try_hole(hole):
    holes, wanted = hole
    to = ("--to", KNOWN) if "to" in holes else ()
    with Weak(*holes) as w:
        status, told = run_audit(w.port, "--pause", "20", "--our-domain", "weak.test", *to)
        bad = []
        if (status, found(told)) != (FINDINGS if wanted else CLEAN, wanted) or told["not_tested"]:
            bad.append((holes, "wanted", wanted, "got", found(told), status, told["not_tested"]))
        if w.most > 2:  # one that ends and one that begins
            bad.append((holes, "connections at a time", w.most))
        if len(w.messages) != len([f for f in told["findings"] if f["id"] == "smuggled-end"]):
            bad.append((holes, "messages", w.messages))
        if "catch-all" in holes and "takes-any-recipient" not in notes(told):
            bad.append((holes, "note", notes(told)))
        for f in told["findings"]:
            if f["where"] != f"127.0.0.1:{w.port}" or not f["detail"]:
                bad.append((holes, f))
        return bad


@test
def servers_with_one_hole_have_that_finding_and_no_other():
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        bad = [b for result in pool.map(try_hole, HOLES) for b in result]
    assert not bad, "\n".join(map(str, bad))


@test
def submission_is_looked_at():
    with Weak() as smtp, Weak("auth", "open") as open_one, Weak("no-starttls") as clear:
        status, told = run_audit(smtp.port, "--pause", "20", "--submission", str(open_one.port))
        assert (status, found(told)) == (FINDINGS, {"relay-open", "submission-without-login", "auth-offered-in-clear"}), told
        assert {f["where"] for f in told["findings"] if f["severity"] != "note"} == {f"127.0.0.1:{open_one.port}"}, told
        status, told = run_audit(smtp.port, "--pause", "20", "--submission", str(clear.port))
        assert (status, found(told)) == (FINDINGS, {"submission-without-tls"}), told


@test
def a_message_is_sent_only_when_that_is_asked_for():
    with Weak("open") as w:
        run_audit(w.port, "--pause", "20")
        assert w.messages == [], w.messages
        status, told = run_audit(w.port, "--pause", "20", "--send-test", "--relay-to", "me@elsewhere.test")
        assert found(told) == {"relay-open"} and len(w.messages) >= 1 and b"To: <me@elsewhere.test>" in w.messages[0], (told, w.messages)


@test
def what_could_not_be_tested_is_said():
    with Weak("greylist") as w:
        status, told = run_audit(w.port, "--pause", "20")
        assert (status, found(told), told["verdict"]) == (UNTESTED, set(), "untested"), told
        assert "relay-open" in {n["id"] for n in told["not_tested"]}, told
    silent = socket.create_server(("127.0.0.1", 0))
    p = subprocess.run([BINARY, "audit", f"127.0.0.1:{silent.getsockname()[1]}", "--timeout", "1"], text=True, capture_output=True, timeout=60)
    assert (p.returncode, p.stdout) == (UNTESTED, "") and "no answer in time" in p.stderr, p
    silent.close()


@test
def nmap_agrees():
    if not shutil.which("nmap"):
        return "nmap is not installed"
    with Server() as s:
        out = nmap(s.port("smtp"), "+smtp-open-relay,+smtp-commands,+smtp-enum-users", "--script-args", "smtp-enum-users.methods={VRFY,EXPN}")
        assert "open relay" not in out.replace("doesn't seem to be an open relay", ""), out
        assert "PIPELINING" in out and not re.search(r"smtp-enum-users:\s*\n\|_?\s+ann", out), out
    with Server(conf={"disable_vrfy_command": "no"}) as s:
        status, told = run_audit(s.port("smtp"), "--to", "ann@a.test", "--pause", "50")
        out = nmap(s.port("smtp"), "+smtp-enum-users", "--script-args", "smtp-enum-users.methods={VRFY}")
        # 252 for everybody: nmap lists no name that 252 does not give to all, and we find nothing.
        assert (status, found(told)) == (CLEAN, set()), told
        assert "250" not in out or "smtp-enum-users" not in out, out
    with Weak("open") as w:
        out = nmap(w.port, "+smtp-open-relay")
        assert re.search(r"Server is an open relay \(\d+/16 tests\)", out), out


@test
def a_reload_that_would_open_the_server_is_refused():
    with Server() as s:
        s.write_conf(mynetworks="0.0.0.0/0")
        s.process.send_signal(signal.SIGHUP)
        wait_for(lambda: "event=reload-refused" in s.log(), s)
        line = [i for i, text in enumerate(open(s.conf_path), 1) if text.startswith("mynetworks")][0]
        assert f"main.cf:{line}: error: mynetworks = 0.0.0.0/0" in s.log(), s.log()
        assert "it would relay for the world" in s.log(), s.log()
        with socket.create_connection(("127.0.0.1", s.port("smtp")), 10) as c:  # the old one stays
            assert c.recv(100).startswith(b"220 ")
        s.write_conf(open_relay_is_wanted="i-relay-for-everyone")
        s.process.send_signal(signal.SIGHUP)
        wait_for(lambda: "event=reloaded" in s.log(), s)


def private_address():
    """An address of this machine that is private and not loopback, or None."""
    out = subprocess.run(["ip", "-4", "-o", "addr"], text=True, capture_output=True).stdout if shutil.which("ip") else ""
    for ip in re.findall(r"inet (\S+?)/", out):
        if re.match(r"10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.|192\.0\.2\.|198\.51\.100\.|203\.0\.113\.", ip):
            return ip
    return None


@test
def an_address_that_speaks_for_many_loses_its_trust_everywhere():
    ip = private_address()
    if not ip:
        return "this machine has no private address"
    conf = {"listen_smtp": ip + ":0", "mynetworks": f"127.0.0.0/8 {ip}/32", "mynetworks_helo_limit": "5", "smtp_processes": "3",
            "smtpd_client_message_rate_limit": "1", "smtpd_client_connection_count_limit": "50"}
    with Server(conf=conf) as s:
        def talk(name):
            with socket.create_connection((ip, s.port("smtp")), 10) as c:
                f = c.makefile("rwb")
                f.readline()
                answers = []
                for command in (f"EHLO {name}", "MAIL FROM:<x@b.test>", "RSET", "MAIL FROM:<x@b.test>", "QUIT"):
                    f.write(command.encode() + b"\r\n")
                    f.flush()
                    line = f.readline()
                    while line[3:4] == b"-":
                        line = f.readline()
                    answers.append(int(line[:3]))
                return answers
        for n in range(5):
            assert talk(f"pc{n}.b.test") == [250, 250, 250, 250, 221]  # trusted: rates do not hold
        assert "trust-lost" not in s.log(), s.log()
        assert talk("pc6.b.test")[1] == 250
        for n in range(6):  # a stranger, to every process
            answers = talk("pc1.b.test")
            assert max(answers) >= 400, (answers, s.log())
        assert s.log().count("event=trust-lost") == 1 and f"client={ip}" in s.log() and "level=error" in s.log(), s.log()


if __name__ == "__main__":
    main()
