#!/usr/bin/env python3
"""postrider mailbox, while no server runs. Argument: the program."""
import json
import mailbox as python_mailbox
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import tap
from house import House
import mailbox_files

PROGRAM = sys.argv[1]
EX_USAGE, EX_DATAERR, EX_NOINPUT, EX_NOUSER, EX_CANTCREAT = 64, 65, 66, 67, 73
ANN = "ann@local.test"


def with_ann(settings="", quota=None):
    house = House(PROGRAM, settings)
    house.do("user", "add", *(["--quota", quota] if quota else []), "--password-stdin", ANN, stdin="secret\n")
    return house


def source(house, *args, **more):
    return mailbox_files.make(os.path.join(house.folder, "source"), *args, **more)


def by_name(house):
    return {m["name"]: m for m in json.loads(house.do("mailbox", "list", "--json", ANN))}


@tap.test
def calls_that_make_no_sense_are_usage_errors():
    house = House(PROGRAM)
    for words in ([], ["nonsense"], ["list"], ["list", "a@b", "c"], ["show"], ["show", "a@b", "c", "d", "e"], ["show", "a@b", "INBOX", "x"],
                  ["show", "a@b", "INBOX", "0"], ["import", "a@b"], ["export", "a@b"], ["import", "--mbx", "a@b", "c"]):
        status, out, err = house.run("mailbox", *words)
        tap.equal((words, status, out), (words, EX_USAGE, ""))
    house.remove()


@tap.test
def who_is_not_there_has_no_mailboxes():
    house = with_ann()
    for words in (["list", "nobody@local.test"], ["show", "nobody@local.test"], ["import", "nobody@local.test", house.folder],
                  ["export", "nobody@local.test", os.path.join(house.folder, "x")]):
        tap.equal((words, house.run("mailbox", *words)[0]), (words, EX_NOUSER))
    tap.equal(house.run("mailbox", "show", ANN, "Nowhere")[0], EX_NOINPUT)
    tap.equal(house.run("mailbox", "show", ANN, "INBOX", "7")[0], EX_NOINPUT)
    house.remove()


@tap.test
def a_new_user_has_an_empty_inbox():
    house = with_ann()
    inbox = by_name(house)["INBOX"]
    tap.equal((inbox["messages"], inbox["unseen"], inbox["bytes"]), (0, 0, 0))
    tap.equal(json.loads(house.do("mailbox", "show", "--json", ANN)), [])
    house.remove()


@tap.test
def a_maildir_comes_back_as_it_was():
    house = with_ann()
    path = source(house, 300, big={5, 6})
    out = house.do("mailbox", "import", ANN, path)
    tap.equal(out, "300 imported, 0 there already, 0 troubles\n")
    boxes = by_name(house)
    tap.equal(set(boxes), set(mailbox_files.FOLDERS.values()))
    tap.equal(sum(m["messages"] for m in boxes.values()), 300)
    tap.equal((boxes["Sent"]["role"], boxes["Junk"]["role"], boxes["Archive/2024"]["role"]), ("sent", "junk", ""))
    target = os.path.join(house.folder, "target")
    house.do("mailbox", "export", ANN, target)
    mailbox_files.same(mailbox_files.read(target), mailbox_files.read(path))
    tap.equal(house.run("store", "verify")[0], 0)
    house.remove()


@tap.test
def nothing_comes_twice_in_either_direction():
    house = with_ann()
    path = source(house, 60)
    house.do("mailbox", "import", ANN, path)
    tap.equal(house.do("mailbox", "import", ANN, path), "0 imported, 60 there already, 0 troubles\n")
    target = os.path.join(house.folder, "target")
    house.do("mailbox", "export", ANN, target)
    out = house.do("mailbox", "export", ANN, target)
    tap.equal(out, "0 exported, 60 there already, 0 of them with new flags, 0 troubles\n")
    mailbox_files.same(mailbox_files.read(target), mailbox_files.read(path))
    # what was exported is known when it comes back
    tap.equal(house.do("mailbox", "import", ANN, target), "0 imported, 60 there already, 0 troubles\n")
    house.remove()


@tap.test
def true_doubles_stay_two():
    house = with_ann()
    path = source(house, 0)
    for n in range(3):
        with open(os.path.join(path, "cur", f"170000000{n}.x:2,S"), "wb") as f:
            f.write(b"Subject: same\n\nsame\n")
    tap.equal(house.do("mailbox", "import", ANN, path), "3 imported, 0 there already, 0 troubles\n")
    tap.equal(house.do("mailbox", "import", ANN, path), "0 imported, 3 there already, 0 troubles\n")
    house.remove()


@tap.test
def more_mail_later_is_added():
    house = with_ann()
    path = source(house, 10)
    house.do("mailbox", "import", ANN, path)
    with open(os.path.join(path, "new", "1800000000.new"), "wb") as f:
        f.write(b"Subject: later\r\n\r\nwith CRLF\r\n")
    tap.equal(house.do("mailbox", "import", ANN, path), "1 imported, 10 there already, 0 troubles\n")
    house.remove()


@tap.test
def a_named_mailbox_takes_everything_below_it():
    house = with_ann()
    path = source(house, 24)
    house.do("mailbox", "import", ANN, "Old/2023", path)
    boxes = by_name(house)
    tap.equal({n for n in boxes if n != "INBOX"}, {"Old/2023"} | {"Old/2023/" + n for n in mailbox_files.FOLDERS.values() if n != "INBOX"})
    target = os.path.join(house.folder, "target")
    house.do("mailbox", "export", ANN, "Old/2023", target)
    mailbox_files.same({"": mailbox_files.read(target)[""]}, {"": mailbox_files.read(path)[""]})
    house.remove()


@tap.test
def an_mbox_goes_in_and_out():
    house = with_ann()
    path = source(house, 40)
    house.do("mailbox", "import", ANN, path)
    target = os.path.join(house.folder, "boxes")
    house.do("mailbox", "export", "--mbox", ANN, target)
    tap.equal(sorted(n for n in os.listdir(target) if n.endswith(".mbox")),
              sorted(n.lstrip(".") + ".mbox" for n in [".INBOX", *mailbox_files.FOLDERS] if n))
    # Python's mailbox module reads it
    ours = python_mailbox.mbox(os.path.join(target, "INBOX.mbox"))
    tap.equal(sorted(m["Subject"] for m in ours), sorted(
        line.decode()[9:] for m, *_ in mailbox_files.read(path)[""] for line in m.splitlines() if line.startswith(b"Subject: ")))
    # once more: nothing is added; then into another mailbox, and out: the same file
    before = open(os.path.join(target, "INBOX.mbox"), "rb").read()
    house.do("mailbox", "export", "--mbox", ANN, target)
    tap.equal(open(os.path.join(target, "INBOX.mbox"), "rb").read(), before)
    house.do("mailbox", "import", ANN, "Again", os.path.join(target, "INBOX.mbox"))
    house.do("mailbox", "export", "--mbox", ANN, "Again", os.path.join(house.folder, "again"))
    tap.equal(open(os.path.join(house.folder, "again", "Again.mbox"), "rb").read(), before)
    house.remove()


@tap.test
def an_mbox_that_grew_is_exported_further_and_a_foreign_one_is_left():
    house = with_ann()
    path = source(house, 10)
    target = os.path.join(house.folder, "boxes")
    house.do("mailbox", "import", ANN, path)
    house.do("mailbox", "export", "--mbox", ANN, "INBOX", target)
    with open(os.path.join(target, "INBOX.mbox"), "ab") as f:
        f.write(b"From half a message")  # an export that was killed
    more = os.path.join(house.folder, "more")
    os.makedirs(os.path.join(more, "cur"))
    open(os.path.join(more, "cur", "1800000000.x"), "wb").write(b"Subject: more\n\nx\n")
    house.do("mailbox", "import", ANN, more)
    house.do("mailbox", "export", "--mbox", ANN, "INBOX", target)
    text = open(os.path.join(target, "INBOX.mbox"), "rb").read()
    assert b"half a message" not in text and text.count(b"\nSubject: ") == by_name(house)["INBOX"]["messages"], text
    os.remove(os.path.join(target, ".INBOX.mbox.upto"))
    status, out, err = house.run("mailbox", "export", "--mbox", ANN, "INBOX", target)
    assert status == EX_CANTCREAT and "not from an export" in err, (status, err)
    house.remove()


@tap.test
def flags_that_changed_are_brought_up_to_date():
    house = with_ann()
    path = source(house, 0)
    target = os.path.join(house.folder, "target")
    open(os.path.join(path, "cur", "1700000000.x:2,S"), "wb").write(b"Subject: x\n\nx\n")
    house.do("mailbox", "import", ANN, path)
    house.do("mailbox", "export", ANN, target)
    [name] = os.listdir(os.path.join(target, "cur"))
    os.rename(os.path.join(target, "cur", name), os.path.join(target, "cur", name.replace(":2,S", ":2,F")))
    tap.equal(house.do("mailbox", "export", ANN, target), "0 exported, 1 there already, 1 of them with new flags, 0 troubles\n")
    tap.equal(os.listdir(os.path.join(target, "cur")), [name])
    house.remove()


@tap.test
def what_is_wrong_with_one_message_is_said_and_the_rest_goes_on():
    house = with_ann("message_size_limit = 2000\n")
    path = source(house, 0)
    cur = os.path.join(path, "cur")
    open(os.path.join(cur, "1.ok:2,"), "wb").write(b"Subject: fine\n\nx\n")
    open(os.path.join(cur, "2.empty:2,"), "wb").close()
    open(os.path.join(cur, "3.large:2,"), "wb").write(b"Subject: large\n\n" + b"x\n" * 2000)
    open(os.path.join(cur, "4.letter:2,z"), "wb").write(b"Subject: unknown keyword\n\nx\n")
    os.mkdir(os.path.join(cur, "5.folder"))
    os.symlink("/etc/passwd", os.path.join(cur, "6.link:2,"))
    os.makedirs(os.path.join(path, ".bad..name", "cur"))
    open(os.path.join(cur, "7.last:2,"), "wb").write(b"Subject: last\n\nno end")
    status, out, err = house.run("mailbox", "import", ANN, path)
    tap.equal((status, out), (EX_DATAERR, "3 imported, 0 there already, 6 troubles\n"))
    for words in ("2.empty:2,: an empty file", "3.large:2,: larger than message_size_limit", "4.letter:2,z: a keyword", "5.folder: no file",
                  "6.link:2,: no file", ".bad..name: not the name of a folder"):
        assert words in err, (words, err)
    assert "root:" not in house.do("mailbox", "show", ANN)
    house.remove()


@tap.test
def a_full_quota_ends_it_and_it_can_go_on():
    house = with_ann(quota="20k")
    path = source(house, 60)
    status, out, err = house.run("mailbox", "import", ANN, path)
    assert status == EX_CANTCREAT and "quota" in err, (status, err)
    first = int(out.split()[0])
    assert 0 < first < 60, out
    house.do("user", "passwd", "--password-stdin", ANN, stdin="secret\n")
    house.remove()


@tap.test
def what_is_no_source_is_said():
    house = with_ann()
    for name in (house.file("text", "no mbox at all\n"), house.folder, os.path.join(house.folder, "missing")):
        status, out, err = house.run("mailbox", "import", ANN, name)
        tap.equal((name, status), (name, EX_NOINPUT))
        assert "Maildir" in err or "No such file" in err, err
    house.remove()


@tap.test
def messages_are_shown_and_printed():
    house = with_ann()
    path = source(house, 0)
    open(os.path.join(path, "cur", "1700000000.x:2,FS"), "wb").write(
        b"From: =?utf-8?q?Ann_=C3=84?= <ann@far.test>\nSubject: =?utf-8?q?caf=C3=A9?= \x1b[31m\n\nbody \x1b[2J\n")
    house.do("mailbox", "import", ANN, path)
    out = house.do("mailbox", "show", ANN)
    assert "Ann \u00c4" in out and "caf\u00e9" in out and "2023-11-14 22:13" in out and "S-F--" in out and "\x1b" not in out, out
    [one] = json.loads(house.do("mailbox", "show", "--json", ANN))
    tap.equal((one["uid"], one["address"], one["flags"]), (1, "ann@far.test", ["\\Seen", "\\Flagged"]))
    raw = house.do("mailbox", "show", ANN, "inbox", "1")
    assert raw.endswith("body \x1b[2J\n"), raw  # text mode: CRLF was made LF
    status, shown = house.on_terminal("mailbox", "show", ANN, "INBOX", "1")
    assert status == 0 and "body ^[[2J" in shown and "\x1b" not in shown, shown
    house.remove()


@tap.test
def an_import_shows_how_far_it_is_on_a_terminal_only():
    house = with_ann()
    path = source(house, 500)
    status, shown = house.on_terminal("mailbox", "import", ANN, path)
    assert status == 0 and "importing [" in shown and "500 imported" in shown, shown
    house.remove()


tap.main()
