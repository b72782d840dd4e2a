#!/usr/bin/env python3
"""Where the log goes: standard error, a file, the system log; and as what."""
import json
import os
import socket
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from server import Server, main, test


def lines_of(path):
    with open(path) as f:
        return f.read().splitlines()


@test
def lines_are_pairs_on_standard_error():
    with Server(users=()) as s:
        ready = [line for line in s.log().splitlines() if "event=ready" in line]
        assert len(ready) == 1 and ready[0].startswith("time=") and " level=info role=master " in ready[0], s.log()


@test
def a_file_is_appended_to_as_json_when_asked():
    s = Server(users=())
    path = os.path.join(s.dir, "mail.log")
    with open(path, "w") as f:
        f.write("before\n")
    s.write_conf(maillog_file=path, log_format="json")
    with s:
        before, *lines = lines_of(path)
    assert before == "before", before
    events = [json.loads(line)["event"] for line in lines]
    assert "ready" in events, events


@test
def unimportant_events_are_left_out():
    s = Server(users=())
    path = os.path.join(s.dir, "mail.log")
    s.write_conf(maillog_file=path, log_level="error")
    with s:
        lines = lines_of(path)
    assert lines == [], lines


@test
def the_system_log_gets_a_datagram_for_each_line():
    s = Server(users=())
    path = os.path.join(s.dir, "log.sock")
    log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    log.settimeout(10)
    log.bind(path)
    os.chmod(path, 0o666)
    s.write_conf(maillog_file="syslog:" + path, syslog_name="mx", syslog_facility="local3")
    with s:
        while True:
            line = log.recv(8192).decode()
            assert "]: level=" in line and line.endswith("\n") and line.count("\n") == 1, line
            if "event=ready" in line:
                break
    assert line.startswith("<158>mx["), line  # local3, info
    log.close()


@test
def a_log_that_cannot_be_opened_ends_the_start():
    s = Server(users=(), conf={"maillog_file": "/nonexistent/mail.log"})
    try:
        s.start()
    except RuntimeError as error:
        assert "cannot-open-log" in str(error), error
    else:
        s.stop()
        raise AssertionError("it started")


if __name__ == "__main__":
    main()
