#!/usr/bin/env python3
"""Real clients: swaks, curl, mpop, openssl s_client and nmap's open-relay probe, as a user or an auditor would run them."""
import re
import subprocess

from server import Server, main, test


def run(*cmd, stdin=None, ok=True):
    p = subprocess.run(cmd, input=stdin, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=180)
    if ok:
        assert p.returncode == 0, f"{cmd}: exit {p.returncode}\n{p.stdout}"
    return p.stdout


@test
def swaks_speaks_every_mechanism_it_knows():
    with Server() as s:
        for service, tls in (("submission", "--tls"), ("submissions", "--tls-on-connect")):
            for mech in ("PLAIN", "LOGIN"):
                out = run("swaks", "--server", "127.0.0.1", "--port", str(s.port(service)), tls, "--auth", mech, "--auth-user", "ann@a.test",
                          "--auth-password", s.password, "--from", "ann@a.test", "--to", "ben@a.test", "--helo", "laptop.test")
                assert "235 2.7.0" in out and "250 2.0.0 Stored as" in out, out
        out = run("swaks", "--server", "127.0.0.1", "--port", str(s.port("submissions")), "--tls-on-connect", "--auth", "PLAIN", "--auth-user",
                  "ann@a.test", "--auth-password", "wrong", "--from", "ann@a.test", "--to", "ben@a.test", ok=False)
        assert "535 5.7.8" in out, out


@test
def curl_submits_and_fetches():
    with Server() as s:
        mail = "From: a\r\nSubject: by curl\r\n\r\n.dot\r\n..two\r\nbye\r\n"
        run("curl", "-sS", "-k", "--ssl-reqd", "--url", f"smtp://127.0.0.1:{s.port('submission')}", "--user", f"ann@a.test:{s.password}", "--mail-from",
            "ann@a.test", "--mail-rcpt", "ben@a.test", "-T", "-", stdin=mail)
        for mech in ("PLAIN", "LOGIN"):
            run("curl", "-sS", "-k", "--url", f"smtps://127.0.0.1:{s.port('submissions')}", "--user", f"ann@a.test:{s.password}", "--login-options",
                f"AUTH={mech}", "--mail-from", "ann@a.test", "--mail-rcpt", "ben@a.test", "-T", "-", stdin=mail)
        out = run("curl", "-sS", "-k", "--url", f"pop3s://127.0.0.1:{s.port('pop3s')}/", "--user", f"ben@a.test:{s.password}")
        assert len(out.split("\n")) >= 3, out
        out = run("curl", "-sS", "-k", "--ssl-reqd", "--url", f"pop3://127.0.0.1:{s.port('pop3')}/1", "--user", f"ben@a.test:{s.password}")
        assert "Subject: by curl" in out and "\n.dot" in out and "\n..two" in out, out


@test
def mpop_fetches_with_scram():
    import os
    with Server() as s:
        run("curl", "-sS", "-k", "--ssl-reqd", "--url", f"smtp://127.0.0.1:{s.port('submission')}", "--user", f"ann@a.test:{s.password}", "--mail-from",
            "ann@a.test", "--mail-rcpt", "ben@a.test", "-T", "-", stdin="Subject: for mpop\r\n\r\nx\r\n")
        home = os.path.join(s.dir, "home")
        os.makedirs(home)
        for auth in ("plain", "scram-sha-256", "user"):
            mbox = os.path.join(home, "mbox-" + auth)
            out = run("mpop", "--host=127.0.0.1", f"--port={s.port('pop3s')}", "--tls=on", "--tls-starttls=off", "--tls-certcheck=off", f"--auth={auth}",
                      "--user=ben@a.test", f"--passwordeval=echo {s.password}", "--keep=on", "--uidls-file=" + mbox + ".uidls", "--delivery=mbox," + mbox)
            assert "for mpop" in open(mbox).read(), out


@test
def openssl_sees_good_tls():
    with Server() as s:
        for port, extra in ((s.port("submissions"), []), (s.port("pop3s"), []), (s.port("smtp"), ["-starttls", "smtp"]), (s.port("pop3"), ["-starttls", "pop3"])):
            for version in ("-tls1_3", "-tls1_2"):
                out = run("openssl", "s_client", "-connect", f"127.0.0.1:{port}", version, *extra, stdin="QUIT\n")
                assert re.search(r"Cipher (is|    :) \S*(GCM|CHACHA)", out), out
            out = run("openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-tls1_1", "-cipher", "ALL:@SECLEVEL=0", *extra, stdin="QUIT\n", ok=False)
            assert "Cipher is (NONE)" in out or "alert" in out or "no protocols" in out, out


@test
def nmap_finds_no_open_relay():
    with Server() as s:
        out = run("nmap", "-Pn", "-n", "-p", str(s.port("smtp")), "-sV", "--version-light", "--script", "smtp-open-relay,smtp-commands", "127.0.0.1")
        assert "Server doesn't seem to be an open relay" in out or "all tests failed" in out, out
        assert "PIPELINING" in out, out


if __name__ == "__main__":
    main()
