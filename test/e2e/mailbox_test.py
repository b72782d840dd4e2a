#!/usr/bin/env python3
"""mailbox import and export beside a running server, and when either is killed in the middle."""
import os
import poplib
import random
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import mailbox_files
from server import BINARY, Server, main, test

COUNT = 3000


def start_import(s, source):
    command = [BINARY, "-c", s.conf_path, "mailbox", "import", "ann@a.test", source]
    if os.getuid() == 0:
        command = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--"] + command
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def messages(s):
    import json
    return sum(m["messages"] for m in json.loads(s.cli("mailbox", "list", "--json", "ann@a.test").stdout))


def everything_is_there_once(s, source):
    target = os.path.join(s.state, "exported")
    s.cli("mailbox", "export", "ann@a.test", target)
    mailbox_files.same(mailbox_files.read(target), mailbox_files.read(source))


@test
def a_maildir_goes_through_a_running_server_and_comes_back():
    with Server(conf={"message_size_limit": "0"}) as s:
        source = mailbox_files.make(os.path.join(s.dir, "source"), 400, big={7, 8})
        assert s.cli("mailbox", "import", "ann@a.test", source).stdout == "400 imported, 0 there already, 0 troubles\n"
        assert s.cli("mailbox", "import", "ann@a.test", source).stdout == "0 imported, 400 there already, 0 troubles\n"
        everything_is_there_once(s, source)
        inbox = len(mailbox_files.read(source)[""])
        p = poplib.POP3_SSL("127.0.0.1", s.port("pop3s"), context=s.tls(), timeout=60)
        p.user("ann@a.test")
        p.pass_(s.password)
        assert p.stat()[0] == inbox, (p.stat(), inbox)
        p.quit()
        assert s.stop() == 0
        assert s.cli("store", "verify").returncode == 0


@test
def an_import_that_is_killed_again_and_again_loses_nothing_and_doubles_nothing():
    with Server(conf={"message_size_limit": "0"}) as s:
        source = mailbox_files.make(os.path.join(s.dir, "source"), COUNT, big={100, 2000})
        rng = random.Random(os.environ.get("SEED", "1"))
        kills, before = 0, 0
        for _ in range(30):
            p = start_import(s, source)
            time.sleep(rng.uniform(0.02, 0.25))
            done = p.poll() is not None
            p.kill()
            out, err = p.communicate()
            if done:
                break
            kills += 1
            now = messages(s)
            assert now >= before, (now, before)
            before = now
        out = s.cli("mailbox", "import", "ann@a.test", source).stdout
        assert messages(s) == COUNT, (out, messages(s))
        everything_is_there_once(s, source)
        assert kills >= 2, f"only {kills} kills: not slow enough to be killed"
        print(f"# killed {kills} times; then {out.strip()}")


@test
def when_the_store_is_killed_the_import_says_so_and_goes_on_the_next_time():
    with Server(conf={"message_size_limit": "0"}) as s:
        source = mailbox_files.make(os.path.join(s.dir, "source"), COUNT, big={1000})
        rng = random.Random(2)
        kills = 0
        for _ in range(8):
            p = start_import(s, source)
            time.sleep(rng.uniform(0.05, 0.3))
            pid = s.children().get("store-0")
            running = p.poll() is None
            if pid:
                os.kill(pid, signal.SIGKILL)
            out, err = p.communicate(timeout=120)
            if running and p.returncode:
                kills += 1
                assert p.returncode == 75 and "store" in err, (p.returncode, out, err)
            time.sleep(1.2)
        assert s.cli("mailbox", "import", "ann@a.test", source).returncode == 0
        assert messages(s) == COUNT
        everything_is_there_once(s, source)
        assert s.stop() == 0
        assert s.cli("store", "verify").returncode == 0
        print(f"# the store was killed under the import {kills} times")


@test
def without_a_server_a_kill_is_no_matter_either():
    with Server(conf={"message_size_limit": "0"}) as s:
        source = mailbox_files.make(os.path.join(s.dir, "source"), COUNT)
        s.stop()
        rng = random.Random(3)
        for _ in range(10):
            p = start_import(s, source)
            time.sleep(rng.uniform(0.02, 0.15))
            p.kill()
            p.communicate()
        s.cli("mailbox", "import", "ann@a.test", source)
        assert messages(s) == COUNT
        everything_is_there_once(s, source)
        assert s.cli("store", "verify").returncode == 0


@test
def what_only_root_may_read_is_imported_by_root():
    if os.getuid() != 0:
        return "needs root"
    with Server() as s:
        source = mailbox_files.make(os.path.join(s.dir, "source"), 20)
        os.chmod(source, 0o700)
        p = subprocess.run([BINARY, "-c", s.conf_path, "mailbox", "import", "ann@a.test", source], capture_output=True, text=True)
        assert p.stdout == "20 imported, 0 there already, 0 troubles\n", (p.stdout, p.stderr)
        target = os.path.join(s.dir, "target")
        p = subprocess.run([BINARY, "-c", s.conf_path, "mailbox", "export", "ann@a.test", target], capture_output=True, text=True)
        assert p.returncode == 0, p.stderr
        assert os.stat(target).st_uid == os.stat(s.state).st_uid
        mailbox_files.same(mailbox_files.read(target), mailbox_files.read(source))


if __name__ == "__main__":
    main()
