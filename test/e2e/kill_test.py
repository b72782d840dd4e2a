#!/usr/bin/env python3
"""kill -9 of `store`, and of everything, under load: every message whose 250 was sent is there, once, whole.

KILLS (default 4, `make soak` 50) is how often each is killed."""
import itertools
import os
import poplib
import random
import signal
import smtplib
import threading
import time

from server import Server, main, test

KILLS = int(os.environ.get("KILLS", "4"))
SENDERS = 6
PATIENCE = 120  # seconds: who is killed again and again is started again after a longer and longer while


class Load:
    """Senders that go on until told to stop, and what was promised to them."""

    numbers = itertools.count()

    def __init__(self, server):
        self.number = next(Load.numbers)
        self.s, self.sure, self.doubt, self.stop = server, set(), set(), False
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.run, args=(i,)) for i in range(SENDERS)]
        for t in self.threads:
            t.start()

    def run(self, who):
        n = 0
        while not self.stop:
            try:
                with smtplib.SMTP("127.0.0.1", self.s.port("smtp"), timeout=10) as c:
                    for _ in range(20):
                        if self.stop:
                            return
                        mid = f"{who}.{n}.{self.number}@load.test"
                        n += 1
                        body = f"Message-ID: <{mid}>\r\nSubject: {mid}\r\n\r\n" + "x" * random.choice((10, 3000, 300000)) + "\r\nend\r\n"
                        with self.lock:
                            self.doubt.add(mid)
                        c.sendmail("far@away.test", ["ann@a.test"], body)
                        with self.lock:
                            self.sure.add(mid)
                            self.doubt.discard(mid)
            except (smtplib.SMTPException, OSError):
                time.sleep(0.02)

    def end(self):
        self.stop = True
        for t in self.threads:
            t.join()


def login(s):
    """a session, as soon as the store is back"""
    due = time.time() + PATIENCE
    while True:
        try:
            p = poplib.POP3_SSL("127.0.0.1", s.port("pop3s"), context=s.tls(), timeout=60)
            p.user("ann@a.test")
            p.pass_(s.password)
            return p
        except (poplib.error_proto, OSError):
            if time.time() > due:
                raise
            time.sleep(0.5)


def check(s, load):
    poplib._MAXLINE = 1 << 20
    p = login(s)
    seen = {}
    for i in range(p.stat()[0]):
        lines = p.retr(i + 1)[1]
        mid = [x for x in lines if x.startswith(b"Message-ID:")][0].split(b"<")[1].rstrip(b">").decode()
        assert lines[-1] == b"end", f"{mid} is cut short"
        seen[mid] = seen.get(mid, 0) + 1
    p.quit()
    lost = load.sure - set(seen)
    twice = [m for m in load.sure if seen.get(m, 0) > 1]
    assert not lost, f"{len(lost)} of {len(load.sure)} promised messages are lost: {sorted(lost)[:3]}"
    assert not twice, f"twice: {twice[:3]}"
    assert set(seen) <= load.sure | load.doubt, "messages nobody sent"
    print(f"# {len(load.sure)} promised, {len(load.doubt)} in doubt, {len(seen)} there", flush=True)


@test
def no_promise_is_broken_when_the_store_is_killed():
    with Server() as s:
        load = Load(s)
        try:
            for _ in range(KILLS):
                time.sleep(random.uniform(0.2, 0.6))
                pid = s.children().get("store-0")
                if pid:
                    os.kill(pid, signal.SIGKILL)
            time.sleep(1.5)
        finally:
            load.end()
        check(s, load)
        r = s.stop()
        assert r == 0, r
        v = s.cli("store", "verify")
        assert v.returncode == 0, v.stdout


@test
def no_promise_is_broken_when_everything_is_killed():
    with Server() as s:
        for _ in range(max(1, KILLS // 2)):
            load_before = getattr(s, "load", None)
            load = Load(s)
            if load_before:
                load.sure |= load_before.sure
                load.doubt |= load_before.doubt
            time.sleep(random.uniform(0.3, 0.8))
            s.kill_all()
            load.end()
            s.load = load
            s.start()
        check(s, s.load)
        assert s.stop() == 0
        assert s.cli("store", "verify").returncode == 0
        before = s.cli("store", "stats", "--json").stdout
        s.cli("store", "rebuild")
        assert s.cli("store", "verify").returncode == 0
        del before


if __name__ == "__main__":
    main()
