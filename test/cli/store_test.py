#!/usr/bin/env python3
"""postrider store, while no server runs. Argument: the program."""
import glob
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import tap
from house import House

PROGRAM = sys.argv[1]
EX_USAGE, EX_DATAERR, EX_NOINPUT, EX_CANTCREAT = 64, 65, 66, 73


def with_users(n=3):
    house = House(PROGRAM)
    house.do("domain", "add", "a.test")
    house.do("user", "import", house.file("users", "".join(f"u{i}@a.test:{{SHA}}00hq6RNueFa8QiEjhep5cJRHWAI=\n" for i in range(n))))
    return house


@tap.test
def calls_that_make_no_sense_are_usage_errors():
    house = House(PROGRAM)
    for words in ([], ["nonsense"], ["verify", "x"], ["rebuild", "x"], ["stats", "x"], ["backup"], ["restore"],
                  ["backup", "a", "b"]):
        status, out, err = house.run("store", *words)
        tap.equal((words, status, out), (words, EX_USAGE, ""))
        assert "usage: postrider store" in err, err
    house.remove()


@tap.test
def a_whole_store_has_no_findings():
    house = with_users()
    status, out, err = house.run("store", "verify")
    tap.equal((status, err), (0, ""))
    house.remove()


@tap.test
def damage_is_found():
    house = with_users()
    segment = glob.glob(os.path.join(house.state, "store", "log", "*"))[0]
    with open(segment, "r+b") as f:
        f.seek(300)
        byte = f.read(1)
        f.seek(300)
        f.write(bytes([byte[0] ^ 1]))
    status, out, err = house.run("store", "verify")
    tap.equal(status, EX_DATAERR)
    assert "finding" in err and out, (out, err)
    house.remove()


@tap.test
def the_index_can_be_made_anew_from_the_log():
    house = with_users(50)
    before = house.users()
    for name in glob.glob(os.path.join(house.state, "store", "index", "*")):
        os.unlink(name)
    status, out, err = house.run("store", "rebuild")
    tap.equal((status, err), (0, ""))
    tap.equal(house.users(), before)
    tap.equal(house.run("store", "verify")[0], 0)
    house.remove()


@tap.test
def a_backup_comes_back_and_its_passwords_with_the_key():
    house = with_users(20)
    house.do("alias", "add", "all@a.test", "u1@a.test", "u2@a.test")
    before = house.users(), house.do("alias", "list"), house.do("domain", "list")
    folder = os.path.join(house.folder, "backup")
    out = house.do("store", "backup", folder)
    assert "keep a copy of" in out and "vault/seal.key" in out, out
    kept = [name for _, _, files in os.walk(folder) for name in files]
    assert "seal.key" not in kept and kept, kept
    shutil.rmtree(os.path.join(house.state, "store"))
    house.do("store", "restore", folder)
    tap.equal((house.users(), house.do("alias", "list"), house.do("domain", "list")), before)
    tap.equal(house.run("store", "verify")[0], 0)
    owners = {os.stat(os.path.join(path, name)).st_uid
              for path, folders, files in os.walk(house.state) for name in folders + files}
    tap.equal(owners, {os.stat(house.state).st_uid})
    house.do("user", "add", "new@a.test", "--password-stdin", stdin="geheim\n")
    house.remove()


@tap.test
def nothing_is_overwritten_by_backup_or_restore():
    house = with_users()
    folder = os.path.join(house.folder, "backup")
    house.do("store", "backup", folder)
    status, out, err = house.run("store", "backup", folder)
    tap.equal(status, EX_CANTCREAT)
    assert "cannot make /backup: File exists" in err, err
    status, out, err = house.run("store", "restore", folder)
    tap.equal(status, EX_CANTCREAT)
    status, out, err = house.run("store", "restore", house.folder)
    tap.equal(status, EX_NOINPUT)
    assert "that is no backup" in err, err
    tap.equal(len(house.users()), 3)
    house.remove()


@tap.test
def stats_count_what_is_there():
    house = with_users(7)
    numbers = house.json("store", "stats")
    tap.equal((numbers["accounts"], numbers["mailboxes"], numbers["messages"], numbers["damaged"]), (7, 7, 0, 0))
    assert numbers["acked_lsn"] == numbers["applied_lsn"] > 7, numbers
    lines = house.do("store", "stats").splitlines()
    tap.equal(len(lines), len(numbers))
    assert any(line.split(None, 1) == ["7", "users"] for line in lines), lines
    house.remove()


@tap.test
def tools_want_a_store():
    house = House(PROGRAM)
    for tool in ("verify", "rebuild", "stats", "backup"):
        status, out, err = house.run("store", tool, *[house.folder + "/to"][tool != "backup":])
        assert status not in (0, EX_USAGE) and err, (tool, status, out, err)
        assert not os.path.exists(os.path.join(house.state, "store")), tool
    assert not os.path.exists(house.folder + "/to")
    house.remove()


tap.main()
