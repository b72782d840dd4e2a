#!/usr/bin/env python3
"""postrider domain, user and alias, while no server runs. Argument: the program."""
import base64
import hashlib
import os
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import tap
from house import House

PROGRAM = sys.argv[1]
EX_USAGE, EX_DATAERR, EX_NOINPUT, EX_NOUSER, EX_NOHOST = 64, 65, 66, 67, 68
EX_CANTCREAT, EX_TEMPFAIL, EX_NOPERM, EX_CONFIG = 73, 75, 77, 78


def fresh():
    house = House(PROGRAM)
    house.do("domain", "add", "a.test")
    return house


def says(got, status, words):
    tap.equal(got[0], status)
    assert words in got[2], (words, got)


@tap.test
def without_a_store_there_is_nothing_to_list():
    house = House(PROGRAM)
    for verb in ("domain", "user", "alias"):
        says(house.run(verb, "list"), EX_NOINPUT, "no store in /state yet")
    assert not os.path.exists(house.state)
    house.remove()


@tap.test
def calls_that_make_no_sense_are_usage_errors():
    house = House(PROGRAM)
    for words in (["domain"], ["domain", "nonsense"], ["domain", "add"], ["domain", "remove"], ["domain", "list", "x"],
                  ["user"], ["user", "add"], ["user", "add", "x@a.test", "y@a.test"], ["user", "add", "x@a.test", "--nonsense"],
                  ["user", "add", "x@a.test", "--quota", "much"], ["user", "add", "x@a.test", "--yes"],
                  ["user", "passwd", "x@a.test", "--quota", "1g"], ["user", "set", "x@a.test"],
                  ["user", "set", "x@a.test", "--enable", "--disable"], ["user", "list", "a", "b"], ["user", "import"],
                  ["alias"], ["alias", "add", "x@a.test"], ["alias", "remove"]):
        status, out, err = house.run(*words)
        tap.equal((words, status, out), (words, EX_USAGE, ""))
        assert "usage: postrider " + words[0] in err, (words, err)
    house.remove()


@tap.test
def domains_come_and_go():
    house = House(PROGRAM)
    house.do("domain", "add", "A.test", "b.test")
    tap.equal(house.do("domain", "list"), "a.test\nb.test\nlocal.test (mydestination)\n")
    tap.equal([d["domain"] for d in house.json("domain", "list")], ["a.test", "b.test", "local.test"])
    says(house.run("domain", "add", "a.TEST"), EX_CANTCREAT, "a.test: exists already")
    says(house.run("domain", "add", "not a domain"), EX_DATAERR, "no domain")
    house.do("domain", "remove", "B.test")
    says(house.run("domain", "remove", "b.test"), EX_NOHOST, "no such domain")
    says(house.run("domain", "remove", "local.test"), EX_CONFIG, "named by main.cf")
    tap.equal(house.do("domain", "list"), "a.test\nlocal.test (mydestination)\n")
    house.remove()


@tap.test
def a_domain_with_users_stays():
    house = fresh()
    house.do("user", "add", "ann@a.test", "--password-stdin", stdin="geheim\n")
    says(house.run("domain", "remove", "a.test"), EX_DATAERR, "a.test has 1 user, such as ann@a.test")
    house.do("user", "remove", "ann@a.test")
    house.do("domain", "remove", "a.test")
    house.remove()


@tap.test
def users_come_and_go():
    house = fresh()
    house.do("user", "add", "Ann@A.test", "--password-stdin", "--quota", "1g", stdin="geheim\n")
    house.do("user", "add", "bob@local.test", "--password-stdin", stdin="geheim")
    users = house.users()
    tap.equal(sorted(users), ["Ann@a.test", "bob@local.test"])
    ann = users["Ann@a.test"]
    tap.equal((ann["quota"], ann["messages"], ann["bytes"], ann["disabled"]), (1 << 30, 0, 0, False))
    assert ann["created"].startswith("20"), ann
    tap.equal(house.do("user", "list", "local.test").split()[0], "bob@local.test")
    says(house.run("user", "add", "ANN@a.test", "--password-stdin", stdin="x\n"), EX_CANTCREAT, "exists already")
    house.do("user", "set", "ann@a.test", "--quota", "500m", "--disable")
    ann = house.users()["Ann@a.test"]
    tap.equal((ann["quota"], ann["disabled"]), (500 << 20, True))
    house.do("user", "set", "ann@a.test", "--enable")
    house.do("user", "passwd", "ann@a.test", "--password-stdin", stdin="neu\n")
    ann = house.users()["Ann@a.test"]
    tap.equal((ann["quota"], ann["disabled"]), (500 << 20, False))
    house.do("user", "remove", "ann@a.test")
    says(house.run("user", "remove", "ann@a.test"), EX_NOUSER, "there is no such user")
    says(house.run("user", "passwd", "ann@a.test", "--password-stdin", stdin="x\n"), EX_NOUSER, "there is no such user")
    tap.equal(list(house.users()), ["bob@local.test"])
    house.remove()


@tap.test
def a_user_needs_a_domain_an_address_and_a_password():
    house = fresh()
    got = house.run("user", "add", "ann@b.test", "--password-stdin", stdin="geheim\n")
    says(got, EX_NOHOST, "b.test is not a domain of this server; first: postrider domain add b.test")
    says(house.run("user", "add", "ann", "--password-stdin", stdin="geheim\n"), EX_DATAERR, "`ann' is no address")
    add = ("user", "add", "ann@a.test", "--password-stdin")
    says(house.run(*add, stdin=""), EX_NOINPUT, "no password came")
    says(house.run(*add, stdin="\n"), EX_DATAERR, "empty password")
    says(house.run(*add, stdin="x" * 1025), EX_DATAERR, "at most 1024 octets")
    says(house.run(*add, stdin="a\0b\n"), EX_DATAERR, "empty password")
    tap.equal(house.users(), {})
    house.do(*add, stdin="x" * 1024)
    house.remove()


@tap.test
def nothing_that_is_kept_tells_a_password_or_what_it_hashes_to():
    house = fresh()
    house.do("user", "add", "ann@a.test", "--password-stdin", stdin="geheimniskraemer\n")
    house.do("user", "import", house.file("users", "bob@a.test:{PLAIN}geheimniskraemer\ncid@a.test:{SHA256}"
             + base64.b64encode(hashlib.sha256(b"geheimniskraemer").digest()).decode() + "\n"))
    os.unlink(os.path.join(house.folder, "users"))
    secrets = (b"geheimniskraemer", b"$argon2", hashlib.sha256(b"geheimniskraemer").digest(),
               base64.b64encode(hashlib.sha256(b"geheimniskraemer").digest()))
    for folder, _, files in os.walk(house.state):
        for name in files:
            with open(os.path.join(folder, name), "rb") as f:
                kept = f.read()
            for secret in secrets:
                assert secret not in kept, (folder, name, secret)
    house.remove()


@tap.test
def the_sealing_key_is_its_owners_and_is_not_replaced():
    house = fresh()
    key = os.path.join(house.state, "vault", "seal.key")
    assert not os.path.exists(key)
    house.do("user", "add", "ann@a.test", "--password-stdin", stdin="geheim\n")
    state = os.stat(key)
    tap.equal((state.st_mode & 0o7777, state.st_size), (0o600, 32))
    tap.equal(state.st_uid, os.stat(house.state).st_uid)
    os.rename(key, key + ".away")
    got = house.run("user", "add", "bob@a.test", "--password-stdin", stdin="geheim\n")
    says(got, EX_CONFIG, "/state/vault/seal.key is missing")
    assert not os.path.exists(key)
    os.rename(key + ".away", key)
    os.chmod(key, 0o644)
    says(house.run("user", "add", "bob@a.test", "--password-stdin", stdin="geheim\n"), EX_NOPERM, "seal.key")
    house.remove()


@tap.test
def whatever_is_made_belongs_to_mail_owner():
    house = fresh()
    house.do("user", "add", "ann@a.test", "--password-stdin", stdin="geheim\n")
    owners = {os.stat(os.path.join(folder, name)).st_uid
              for folder, folders, files in os.walk(house.state) for name in folders + files}
    tap.equal(owners, {os.stat(house.state).st_uid})
    assert os.geteuid() != 0 or 0 not in owners, owners
    house.remove()


@tap.test
def root_needs_a_mail_owner():
    if os.geteuid() != 0:
        raise tap.Skip("not root")
    house = House(PROGRAM)
    got = house.run("-o", "mail_owner=no-such-user", "domain", "add", "a.test")
    says(got, EX_CONFIG, "mail_owner: no user `no-such-user' here")
    says(house.run("-o", "mail_owner=root", "domain", "add", "a.test"), EX_CONFIG, "must be an ordinary user")
    assert not os.path.exists(house.state)
    house.remove()


# ---- at a terminal

@tap.test
def at_a_terminal_the_password_is_asked_for_twice_and_not_shown():
    house = fresh()
    status, shown = house.on_terminal("user", "add", "ann@a.test",
                                      typed=[("Password of ann@a.test: ", "geheim\n"), ("Again: ", "geheim\n")])
    tap.equal(status, 0)
    assert "geheim" not in shown, shown
    tap.equal(list(house.users()), ["ann@a.test"])
    status, shown = house.on_terminal("user", "passwd", "ann@a.test",
                                      typed=[("Password of ann@a.test: ", "eins\n"), ("Again: ", "zwei\n")])
    tap.equal(status, EX_DATAERR)
    assert "two different passwords" in shown, shown
    house.remove()


@tap.test
def at_a_terminal_removing_a_user_wants_a_yes():
    house = fresh()
    house.do("user", "add", "ann@a.test", "--password-stdin", stdin="geheim\n")
    question = "Remove ann@a.test and 0 messages? [y/N] "
    tap.equal(house.on_terminal("user", "remove", "ann@a.test", typed=[(question, "n\n")])[0], EX_TEMPFAIL)
    tap.equal(list(house.users()), ["ann@a.test"])
    tap.equal(house.on_terminal("user", "remove", "ann@a.test", typed=[(question, "y\n")])[0], 0)
    tap.equal(list(house.users()), [])
    house.remove()


@tap.test
def a_long_import_shows_a_bar_at_a_terminal_and_nothing_elsewhere():
    house = fresh()
    path = house.file("users", "".join(f"u{i}@a.test:{{PLAIN}}geheim{i}\n" for i in range(12)))
    status, shown = house.on_terminal("user", "import", path)
    tap.equal(status, 0)
    assert "hashing passwords [" in shown and "12 users" in shown, shown
    tap.equal(house.do("user", "import", "--update", path), "")
    tap.equal(len(house.users()), 12)
    house.remove()


# ---- import

def sha512_line(i):
    salt = b"salz%d" % i
    return f"u{i}@a.test:{{SSHA512}}{base64.b64encode(hashlib.sha512(b'pw' + salt).digest() + salt).decode()}::::::\n"


@tap.test
def thousands_of_users_are_imported_at_once():
    house = fresh()
    house.do("user", "import", "--quota", "2g", house.file("users", "".join(map(sha512_line, range(5000)))))
    users = house.users()
    tap.equal(len(users), 5000)
    tap.equal({u["quota"] for u in users.values()}, {2 << 30})
    tap.equal(house.do("store", "verify").splitlines()[-1:] != [], True)
    house.remove()


@tap.test
def a_passwd_file_is_read_as_dovecot_writes_it():
    house = fresh()
    path = house.file("users",
        "# people\n"
        "\n"
        "Ann@A.test:{SHA512-CRYPT}$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/"
        "O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1:1000:1000::/home/ann:/bin/false:"
        "userdb_quota_rule=*:storage=500M userdb_mail=maildir:~/Maildir\n"
        "bob:{BLF-CRYPT}$2y$05$CCCCCCCCCCCCCCCCCCCCC.z6PrHbuSsMSSwIGFy1JGevQZf6CqJ1y\r\n"
        "cid:$1$saltsalt$le8lFSqqnPaRFOlmAZpvH1::::::userdb_quota_rule=*:bytes=1000\n"
        "dot:{CLEARTEXT}geheim::::::userdb_quota_rule=*:storage=7")
    house.do("user", "import", "--domain", "a.test", "--quota", "1g", path)
    tap.equal({a: u["quota"] for a, u in house.users().items()},
              {"Ann@a.test": 500 << 20, "bob@a.test": 1 << 30, "cid@a.test": 1000, "dot@a.test": 7 << 10})
    house.remove()


@tap.test
def one_bad_line_and_nobody_is_imported():
    house = fresh()
    house.do("user", "add", "ann@a.test", "--password-stdin", stdin="geheim\n")
    good = "bob@a.test:{PLAIN}x\n"
    for line, words in (("ann@a.test:{PLAIN}x", ":2: ann@a.test exists already"),
                        ("bob@A.test:{PLAIN}x", ":2: bob@a.test for the second time"),
                        ("cid:{PLAIN}x", ":2: `cid' is no address; see --domain"),
                        ("c i d@a.test:{PLAIN}x", ":2: `c i d@a.test' is no address"),
                        ("cid@b.test:{PLAIN}x", ":2: b.test is not a domain of this server; first: postrider domain add"),
                        ("cid@a.test", ":2: no user:{SCHEME}password"),
                        ("cid@a.test::x", ":2: no user:{SCHEME}password"),
                        ("cid@a.test:{OTP}x", ":2: cid@a.test: a password scheme that is not supported"),
                        ("cid@a.test:secret", ":2: cid@a.test: a password scheme that is not supported"),
                        ("cid@a.test:{PLAIN}", ":2: cid@a.test: not a good password"),
                        ("cid@a.test:{PLAIN}x::::::userdb_quota_rule=*:storage=much", ":2: a quota rule"),
                        ("cid@a.test:{PLAIN}" + "x" * 5000, ":2: the line is too long")):
        got = house.run("user", "import", house.file("users", good + line + "\n"))
        says(got, EX_DATAERR, words)
        assert "nobody was imported" in got[2], got
    tap.equal(list(house.users()), ["ann@a.test"])
    says(house.run("user", "import", house.folder + "/none"), EX_NOINPUT, "cannot read /none")
    says(house.run("user", "import", house.file("users", "# nobody\n")), EX_DATAERR, "nobody is in")
    got = house.run("user", "import", house.file("users", "x@b.test\n" * 30))
    assert "/users: and 10 more" in got[2], got
    house.remove()


@tap.test
def an_update_changes_those_who_are_there():
    house = fresh()
    house.do("user", "add", "Ann@a.test", "--password-stdin", "--quota", "1g", stdin="geheim\n")
    house.do("user", "set", "ann@a.test", "--disable")
    before = house.users()["Ann@a.test"]
    status, out, err = house.run("user", "import", "--update", "-", stdin="ann@a.test:{PLAIN}neu\nbob@a.test:{PLAIN}neu\n")
    tap.equal((status, err), (0, ""))
    users = house.users()
    tap.equal(users["Ann@a.test"], before)
    tap.equal(sorted(users), ["Ann@a.test", "bob@a.test"])
    house.remove()


# ---- aliases

@tap.test
def aliases_come_and_go():
    house = fresh()
    for name in ("ann", "bob"):
        house.do("user", "add", name + "@a.test", "--password-stdin", stdin="geheim\n")
    house.do("alias", "add", "Both@a.test", "ann@a.test")
    house.do("alias", "add", "both@A.test", "bob@a.test", "ANN@a.test")
    house.do("alias", "add", "@local.test", "both@a.test")
    tap.equal(house.do("alias", "list"), "@local.test: both@a.test\nboth@a.test: ann@a.test, bob@a.test\n")
    tap.equal(house.json("alias", "list"), [{"address": "@local.test", "targets": ["both@a.test"]},
                                            {"address": "both@a.test", "targets": ["ann@a.test", "bob@a.test"]}])
    says(house.run("alias", "remove", "both@a.test", "cid@a.test"), EX_NOUSER, "does not lead to cid@a.test")
    house.do("alias", "remove", "both@a.test", "ann@a.test")
    house.do("alias", "remove", "@local.test")
    tap.equal(house.do("alias", "list"), "both@a.test: bob@a.test\n")
    house.do("alias", "remove", "both@a.test", "bob@a.test")
    tap.equal(house.json("alias", "list"), [])
    says(house.run("alias", "remove", "both@a.test"), EX_NOUSER, "there is no such alias")
    house.remove()


@tap.test
def an_alias_needs_a_domain_and_addresses():
    house = fresh()
    says(house.run("alias", "add", "x@b.test", "ann@a.test"), EX_NOHOST, "first: postrider domain add b.test")
    says(house.run("alias", "add", "@b.test", "ann@a.test"), EX_NOHOST, "first: postrider domain add b.test")
    says(house.run("alias", "add", "x@a.test", "ann"), EX_DATAERR, "`ann' is no address")
    says(house.run("alias", "add", "@", "ann@a.test"), EX_DATAERR, "no domain")
    tap.equal(house.json("alias", "list"), [])
    house.remove()


@tap.test
def what_may_not_be_meant_is_said():
    house = fresh()
    house.do("user", "add", "ann@a.test", "--password-stdin", stdin="geheim\n")
    says(house.run("alias", "add", "x@a.test", "ghost@a.test"), 0, "nobody has ghost@a.test yet")
    says(house.run("alias", "add", "y@a.test", "friend@elsewhere.test"), 0, "friend@elsewhere.test is not of this server")
    says(house.run("alias", "add", "ann@a.test", "ghost@a.test"), 0, "ann@a.test is a user, too")
    house.run("alias", "add", "z@a.test", "ann@a.test")
    says(house.run("user", "remove", "ann@a.test"), 0, "the alias z@a.test still leads to ann@a.test")
    house.remove()


@tap.test
def aliases_are_imported_whole_or_not_at_all():
    house = fresh()
    for name in ("ann", "bob"):
        house.do("user", "add", name + "@a.test", "--password-stdin", stdin="geheim\n")
    folder = tempfile.mkdtemp(prefix="postrider-aliases-")
    os.chmod(folder, 0o755)
    good, virtual, bad = (os.path.join(folder, name) for name in ("aliases", "virtual", "bad"))
    for path, text in ((good, "# names\nstaff: ann, bob@a.test\nroot: staff\n"), (virtual, "info@a.test Ann <ann@a.test>\n@local.test ann@a.test\n"),
                       (bad, "fine: ann\nprog: \"|/bin/cat\"\n")):
        with open(path, "w") as f:
            f.write(text)
    says(house.run("alias", "import", good), EX_DATAERR, "--domain DOMAIN")
    says(house.run("alias", "import", "--domain", "a.test", bad), EX_DATAERR, "prog: it leads to something that is no address")
    tap.equal(house.json("alias", "list"), [])
    tap.equal(house.do("alias", "import", "--domain", "a.test", good), "2 aliases\n")
    tap.equal(house.do("alias", "import", virtual), "2 aliases\n")
    tap.equal(house.do("alias", "list"), "@local.test: ann@a.test\ninfo@a.test: ann@a.test\nroot@a.test: staff@a.test\nstaff@a.test: ann@a.test, bob@a.test\n")
    out = house.do("user", "show", "ANN@a.test")
    assert out.startswith("address   ann@a.test\nmessages  0\n") and "mailbox   INBOX: 0 messages" in out, out
    assert out.endswith("alias     @local.test\nalias     info@a.test\nalias     staff@a.test\n"), out
    says(house.run("user", "show", "nobody@a.test"), EX_NOUSER, "there is no such user")
    shutil.rmtree(folder)
    house.remove()


tap.main()
