"""test/e2e/server.py - a postrider server of one's own for a test: private directory, free loopback ports, accounts, clean end.

    with Server(conf={"message_size_limit": "1000"}) as s:
        s.port("submission"); s.add_user("ann@a.test"); s.kill("store"); s.log()
"""
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time

SERVICES = ("smtp", "submission", "submissions", "lmtp", "pop3", "pop3s", "imap", "imaps")
BINARY = os.environ.get("POSTRIDER", os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../build/release/src/postrider"))


class Server:
    def __init__(self, conf=None, users=("ann@a.test", "ben@a.test"), password="secret", prefix=()):
        # A directory that the unprivileged user can reach, also when the test is run by root.
        self.dir = tempfile.mkdtemp(prefix="postrider-test-", dir=os.environ.get("POSTRIDER_TMP", "/var/tmp"))
        self.conf_path = os.path.join(self.dir, "main.cf")
        self.state = os.path.join(self.dir, "state")
        self.password = password
        self.users = users
        self.prefix = list(prefix)
        self.ports = {}
        self.process = None
        owner = "nobody" if os.getuid() == 0 else None
        settings = {"myhostname": "mx.a.test", "mydestination": "a.test", "state_directory": self.state,
                    "mail_owner": owner or "postrider", "queue_minfree": "0"}
        for s in SERVICES:
            settings["listen_" + s] = "127.0.0.1:0"
        settings.update(conf or {})
        self.settings = settings
        self.write_conf()
        os.chmod(self.dir, 0o755)

    def write_conf(self, **changes):
        self.settings.update(changes)
        with open(self.conf_path, "w") as f:
            for k, v in self.settings.items():
                f.write(f"{k} = {v}\n")

    # --- life ---
    def start(self):
        self.out = open(os.path.join(self.dir, "out"), "w+b")
        self.err = open(os.path.join(self.dir, "log"), "ab")
        self.process = subprocess.Popen(self.prefix + [BINARY, "-c", self.conf_path, "serve"], stdin=subprocess.DEVNULL,
                                        stdout=self.out, stderr=self.err)
        deadline = time.time() + 30
        while time.time() < deadline:
            line = open(os.path.join(self.dir, "out")).read()
            if line.startswith("ready") and line.endswith("\n"):
                for name, port in re.findall(r"(\w+)=\S+?:(\d+)(?=\s)", line):
                    self.ports[name] = int(port)
                return self
            if self.process.poll() is not None:
                break
            time.sleep(0.01)
        raise RuntimeError("the server did not become ready:\n" + self.log())

    def stop(self, timeout=25):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise RuntimeError("the server did not stop:\n" + self.log())
        return self.process.returncode if self.process else None

    def kill_all(self):
        """kill -9 of master and of every role at once"""
        pids = [self.process.pid] + list(self.children().values())
        for p in pids:
            try:
                os.kill(p, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait()
        for p in pids[1:]:
            for _ in range(500):
                if not os.path.exists(f"/proc/{p}") or open(f"/proc/{p}/stat").read().split(")")[1].split()[0] == "Z":
                    break
                time.sleep(0.01)

    def __enter__(self):
        try:
            self.start()
            for u in self.users:
                self.add_user(u)
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def __exit__(self, kind, *rest):
        try:
            self.stop()
        finally:
            if kind:
                sys.stderr.write("--- the end of the server's log ---\n" + "\n".join(self.log().splitlines()[-40:]) + "\n")
            if not os.environ.get("POSTRIDER_KEEP"):
                shutil.rmtree(self.dir, ignore_errors=True)

    # --- looking and poking ---
    def log(self):
        try:
            return open(os.path.join(self.dir, "log"), errors="replace").read()
        except OSError:
            return ""

    def port(self, service):
        return self.ports[service]

    def children(self):
        """{'store-0': pid, ...} of the roles"""
        found = {}
        for pid in os.listdir("/proc"):
            if not pid.isdigit():
                continue
            try:
                stat = open(f"/proc/{pid}/stat").read()
            except OSError:
                continue
            name, rest = stat[stat.index("(") + 1:stat.rindex(")")], stat[stat.rindex(")") + 2:].split()
            if int(rest[1]) == self.process.pid and rest[0] != "Z" and name.startswith("pr-"):
                found[name[3:]] = int(pid)
        return found

    def cli(self, *args, stdin=None, check=True):
        cmd = [BINARY, "-c", self.conf_path, *args]
        if os.getuid() == 0:
            cmd = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--"] + cmd
        p = subprocess.run(cmd, input=stdin, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
        if check and p.returncode:
            raise RuntimeError(f"{args}: exit {p.returncode}: {p.stdout}{p.stderr}")
        return p

    def add_user(self, address, *more):
        self.cli("user", "add", address, "--password-stdin", *more, stdin=self.password + "\n")

    def tls(self):
        c = ssl.create_default_context()
        c.check_hostname = False
        c.verify_mode = ssl.CERT_NONE
        return c

    def connect(self, service, timeout=10):
        s = socket.create_connection(("127.0.0.1", self.port(service)), timeout)
        if service in ("submissions", "pop3s", "imaps"):
            s = self.tls().wrap_socket(s)
        return s


_tests = []


def test(f):
    """Marks a function as a test: its name is a sentence."""
    _tests.append(f)
    return f


def main():
    """Runs the tests marked, prints TAP, exits 1 on a failure."""
    wanted = sys.argv[1:]
    chosen = [t for t in _tests if not wanted or t.__name__ in wanted]
    print(f"1..{len(chosen)}", flush=True)
    bad = 0
    for n, t in enumerate(chosen, 1):
        name = t.__name__.replace("_", " ")
        try:
            why = t()
            print(f"ok {n} - {name}" + (f" # SKIP {why}" if isinstance(why, str) else ""), flush=True)
        except Exception as e:
            import traceback
            bad += 1
            print(f"not ok {n} - {name}", flush=True)
            for line in traceback.format_exc().splitlines() + [repr(e)]:
                print("# " + line, flush=True)
    sys.exit(1 if bad else 0)
