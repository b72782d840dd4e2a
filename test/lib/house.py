"""A state directory with a main.cf of its own, and the program to work on it."""
import json
import os
import pty
import select
import shutil
import subprocess
import tempfile
import time


class House:
    def __init__(self, program, settings=""):
        self.program = program
        self.folder = tempfile.mkdtemp(prefix="postrider-house-")
        os.chmod(self.folder, 0o755)  # root becomes nobody, who must get in
        self.state = os.path.join(self.folder, "state")
        self.conf = os.path.join(self.folder, "main.cf")
        with open(self.conf, "w") as f:
            f.write(f"myhostname = mx.a.test\nmydestination = local.test\nstate_directory = {self.state}\n"
                    f"mail_owner = nobody\n{settings}")

    def run(self, *args, stdin=""):
        """(status, stdout, stderr)"""
        done = subprocess.run([self.program, "-c", self.conf, *args], input=stdin, capture_output=True, text=True,
                              timeout=300)
        return done.returncode, done.stdout, done.stderr.replace(self.folder, "")

    def do(self, *args, stdin=""):
        """stdout of a call that must go well and say nothing else"""
        status, out, err = self.run(*args, stdin=stdin)
        if status or err:
            raise AssertionError(f"{args}: status {status}, stderr {err!r}")
        return out

    def json(self, *args):
        return json.loads(self.do(*args, "--json"))

    def users(self):
        return {u["address"]: u for u in self.json("user", "list")}

    def file(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w") as f:
            f.write(text)
        return path

    def on_terminal(self, *args, typed=()):
        """(status, what the terminal showed); typed: pairs of what is waited for and what is typed then"""
        pid, fd = pty.fork()
        if pid == 0:
            os.execv(self.program, [self.program, "-c", self.conf, *args])
        shown, due = "", time.monotonic() + 60
        typed = list(typed)
        while time.monotonic() < due:
            if select.select([fd], [], [], 0.1)[0]:
                try:
                    chunk = os.read(fd, 65536)
                except OSError:
                    break
                if not chunk:
                    break
                shown += chunk.decode(errors="replace")
            if typed and typed[0][0] in shown:
                os.write(fd, typed.pop(0)[1].encode())
        os.close(fd)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown

    def remove(self):
        shutil.rmtree(self.folder)
