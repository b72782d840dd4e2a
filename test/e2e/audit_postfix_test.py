#!/usr/bin/env python3
"""postrider audit against a real Postfix: one that trusts the world, and one as it comes."""
import os
import random
import re
import shutil
import socket
import subprocess
import tempfile
import time

from auditing import FINDINGS, found, nmap, run_audit
from server import main, test

DAEMONS = "/usr/lib/postfix/sbin"
SERVICES = """pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
discard unix - - n - - discard
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""


def missing():
    if not os.path.exists(DAEMONS + "/smtpd"):
        return "Postfix is not installed"
    return "only root can start Postfix" if os.getuid() != 0 else None


class Postfix:
    """One that knows ann@a.test and delivers to nobody, trusts what mynetworks says, and is otherwise as it comes."""

    def __init__(self, mynetworks):
        self.dir = tempfile.mkdtemp(prefix="postrider-postfix-", dir="/var/tmp")
        os.chmod(self.dir, 0o755)
        for name in ("etc", "spool", "data"):
            os.mkdir(os.path.join(self.dir, name))
        shutil.chown(self.dir + "/data", "postfix")
        while True:  # below the ports that the kernel gives away
            self.port = random.randrange(20000, 30000)
            try:
                socket.create_server(("127.0.0.1", self.port)).close()
                break
            except OSError:
                pass
        with open(self.dir + "/etc/main.cf", "w") as f:
            f.write(f"compatibility_level = 3.6\nmyhostname = mx.a.test\nmydestination = a.test\nmynetworks = {mynetworks}\n"
                    f"queue_directory = {self.dir}/spool\ndata_directory = {self.dir}/data\nmaillog_file = {self.dir}/log\nmaillog_file_prefixes = {self.dir}\n"
                    "inet_interfaces = 127.0.0.1\ninet_protocols = ipv4\nalias_maps =\nalias_database =\nlocal_recipient_maps = inline:{ann=x,postmaster=x}\n"
                    "local_transport = discard:\ndefault_transport = discard:\ndisable_dns_lookups = yes\nsmtpd_peername_lookup = no\n")
        with open(self.dir + "/etc/master.cf", "w") as f:
            f.write(f"127.0.0.1:{self.port} inet n - n - - smtpd\n" + SERVICES)

    def say(self, verb):
        return subprocess.run(["postfix", "-c", self.dir + "/etc", verb], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)

    def __enter__(self):
        try:
            done = self.say("start")
            assert done.returncode == 0, done.stdout
            due = time.time() + 20
            while True:
                try:
                    with socket.create_connection(("127.0.0.1", self.port), 5) as c:
                        if c.recv(100).startswith(b"220 mx.a.test"):
                            return self
                except OSError:
                    pass
                assert time.time() < due, "Postfix does not answer"
                time.sleep(0.05)
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *rest):
        self.say("stop")
        shutil.rmtree(self.dir, ignore_errors=True)


@test
def a_postfix_that_trusts_the_world_is_found_open():
    if missing():
        return missing()
    with Postfix("0.0.0.0/0") as p:
        status, told = run_audit(p.port, "--our-domain", "a.test", "--pause", "50")
        assert status == FINDINGS and "relay-open" in found(told), told
        assert "RCPT TO:<postrider-audit@example.org> was accepted" in [f for f in told["findings"] if f["id"] == "relay-open"][0]["detail"], told
        if not shutil.which("nmap"):
            return None
        out = nmap(p.port, "+smtp-open-relay")
        assert re.search(r"Server is an open relay \(\d+/16 tests\)", out), out
    return None


@test
def a_postfix_as_it_comes_is_not():
    """Its own machine is trusted by default, and the test runs there: so mynetworks is somebody else's."""
    if missing():
        return missing()
    with Postfix("198.51.100.0/24") as p:
        status, told = run_audit(p.port, "--our-domain", "a.test", "--to", "ann@a.test", "--pause", "50")
        assert status == FINDINGS and told["not_tested"] == [], told
        # What Postfix 3.7 is by default: VRFY is on, there is no certificate, HELO is not required, early commands are obeyed.
        got = found(told)
        assert not got & {"relay-open", "relay-by-form", "xclient-open", "proxy-open", "errors-unlimited", "speaks-to-browsers"}, told
        assert {"vrfy-tells", "no-starttls", "mail-without-helo"} <= got, told
        if not shutil.which("nmap"):
            return None
        out = nmap(p.port, "+smtp-open-relay")
        assert "open relay (" not in out, out
        out = nmap(p.port, "+smtp-commands")
        assert "VRFY" in out, out
    return None


if __name__ == "__main__":
    main()
