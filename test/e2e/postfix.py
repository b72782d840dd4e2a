"""test/e2e/postfix.py - a Postfix of one's own for a test: private directories, a loopback port, nothing of the system's configuration

    with Postfix({"mydestination": "a.test"}, services={"strict": {"smtpd_client_restrictions": "reject"}}) as p:
        p.ports["smtp"]; p.ports["strict"]

It delivers nothing: every transport is discard. Being Postfix, it must be started by root."""
import grp
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import threading
import time

DAEMONS = "/usr/lib/postfix/sbin"
MASTER = """pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
tlsmgr unix - - n 1000? 1 tlsmgr
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""


def missing():
    """Why there can be none here, or None."""
    if not os.path.exists(DAEMONS + "/smtpd") or not shutil.which("postfix"):
        return "Postfix is not installed"
    if os.getuid() != 0:
        return "only root can start Postfix"
    return None


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Mechanisms(threading.Thread):
    """What Postfix wants of an authentication server before it believes in logins: a list of mechanisms. XCLIENT names the logins."""

    def __init__(self):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.clients = []

    def run(self):
        while True:
            try:
                c, _ = self.listener.accept()
            except OSError:
                return
            c.sendall(b"VERSION\t1\t1\nMECH\tPLAIN\tplaintext\nSPID\t1\nCUID\t1\nCOOKIE\t0123456789abcdef0123456789abcdef\nDONE\n")
            self.clients.append(c)

    def close(self):
        self.listener.close()
        for c in self.clients:
            c.close()


class Postfix:
    def __init__(self, settings, services=None):
        self.dir = tempfile.mkdtemp(prefix="postrider-postfix-", dir=os.environ.get("POSTRIDER_TMP", "/var/tmp"))
        os.chmod(self.dir, 0o755)
        self.etc, self.log_path = self.dir + "/etc", self.dir + "/maillog"
        self.mechanisms = Mechanisms()
        self.ports = {}
        for d in ("etc", "spool", "data"):
            os.mkdir(f"{self.dir}/{d}")
        os.chown(self.dir + "/data", pwd.getpwnam("postfix").pw_uid, grp.getgrnam("postfix").gr_gid)
        main = {"compatibility_level": "3.6", "queue_directory": self.dir + "/spool", "data_directory": self.dir + "/data",
                "command_directory": "/usr/sbin", "daemon_directory": DAEMONS, "mail_owner": "postfix", "setgid_group": "postdrop",
                "maillog_file": self.log_path, "maillog_file_prefixes": "/var, /tmp, " + self.dir, "inet_interfaces": "127.0.0.1",
                "inet_protocols": "ipv4", "alias_maps": "", "alias_database": "", "biff": "no", "disable_dns_lookups": "yes",
                "smtpd_peername_lookup": "no", "smtp_dns_support_level": "disabled", "local_transport": "discard:",
                "default_transport": "discard:", "relay_transport": "discard:", "virtual_transport": "discard:",
                "smtpd_sasl_type": "dovecot", "smtpd_sasl_path": f"inet:127.0.0.1:{self.mechanisms.port}",
                "smtpd_error_sleep_time": "0", "in_flow_delay": "0", "queue_minfree": "0", "max_idle": "600s"}
        main.update(settings)
        with open(self.etc + "/main.cf", "w") as f:
            f.writelines(f"{k} = {v}\n" for k, v in main.items())
        with open(self.etc + "/master.cf", "w") as f:
            for name, overrides in {"smtp": {}, **(services or {})}.items():
                self.ports[name] = free_port()
                f.write(f"127.0.0.1:{self.ports[name]} inet n - n - 20 smtpd\n")
                f.writelines(f"  -o {{ {k} = {v} }}\n" for k, v in overrides.items())
            f.write(MASTER)

    def postfix(self, verb):
        return subprocess.run(["postfix", "-c", self.etc, verb], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)

    def __enter__(self):
        self.mechanisms.start()
        p = self.postfix("start")
        if p.returncode:
            self.__exit__()
            raise RuntimeError("postfix start: " + p.stdout)
        deadline = time.time() + 20
        for port in self.ports.values():
            while True:
                try:
                    with socket.create_connection(("127.0.0.1", port), 5):
                        break
                except OSError:
                    if time.time() > deadline:
                        raise
                    time.sleep(0.05)
        return self

    def __exit__(self, *rest):
        self.postfix("stop")
        self.mechanisms.close()
        shutil.rmtree(self.dir, ignore_errors=True)

    def log(self):
        try:
            return open(self.log_path, errors="replace").read()
        except OSError:
            return ""
