#!/usr/bin/env python3
"""postrider table, postmap, postalias, newaliases; and our answers beside those of Postfix's postmap, where it is installed. Argument: the program."""
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import tap

PROGRAM = os.path.abspath(sys.argv[1])
FOLDER = tempfile.mkdtemp(prefix="postrider-table-", dir="/var/tmp")
POSTMAP, POSTALIAS = "/usr/sbin/postmap", "/usr/sbin/postalias"
EX_USAGE, EX_DATAERR, EX_TEMPFAIL, EX_CONFIG = 64, 65, 75, 78


def file(name, text):
    path = os.path.join(FOLDER, name)
    with open(path, "wb") as f:
        f.write(text.encode("utf-8", "surrogateescape"))
    return path


def run(*words, stdin=None, name="postrider"):
    done = subprocess.run([PROGRAM, *words] if name == "postrider" else [name, *words], executable=PROGRAM, input=stdin,
                          capture_output=True, encoding="utf-8", errors="surrogateescape", timeout=60, cwd=FOLDER)
    return done.returncode, done.stdout, done.stderr.replace(FOLDER + "/", "")


# ---- by themselves ----

@tap.test
def a_key_is_asked():
    path = file("virtual", "ann@a.test ben@b.test\n@c.test x\n")
    tap.equal(run("table", "-q", "Ann@A.test", "hash:" + path), (0, "ben@b.test\n", ""))
    tap.equal(run("table", "-q", "nobody@a.test", "hash:" + path), (1, "", ""))
    tap.equal(run("table", "-q", "@c.test", "static:"), (EX_DATAERR, "", "postrider table: error: table: expected a value behind static:: ``\n"))
    tap.equal(run("table", "-q", "@c.test", "inline:{ a=b }", "hash:" + path), (0, "x\n", ""))
    tap.equal(run("table", "-q", "x", "fail:y"), (EX_TEMPFAIL, "", "postrider table: fail:y: the table cannot answer\n"))


@tap.test
def keys_come_from_standard_input():
    path = file("nets", "10.0.0.0/8 ten\n::/0 six\n")
    tap.equal(run("table", "-q", "-", "cidr:" + path, stdin="10.1.1.1\nx\n::9\r\n"), (0, "10.1.1.1\tten\n::9\tsix\n", ""))
    tap.equal(run("table", "-q", "-", "cidr:" + path, stdin="x\n"), (1, "", ""))


@tap.test
def everything_is_printed():
    path = file("all", "b x y\na z\nB again\n")
    tap.equal(run("table", "-s", "hash:" + path), (0, "b\tx y\na\tz\n", "all:3: warning: `b` stands in line 1 already, which counts\n"))
    tap.equal(run("table", "-s", "pcre:{ {/x/ y} }"), (EX_USAGE, "", "postrider table: pcre:{ {/x/ y} }: a table of this type cannot be listed\n"))


@tap.test
def a_text_is_judged():
    path = file("good", "a b\n")
    words = "ok, 1 entries; the text itself is read, no index file is needed\n"
    tap.equal(run("table", path), (0, path + ": " + words, ""))
    tap.equal(run("table", "good"), (0, "good: " + words, ""))
    bad = file("bad", "a b\n\nc\n")
    tap.equal(run("table", "hash:" + bad), (EX_DATAERR, "", "bad:3: error: expected a key, white space and a value\n"))
    tap.equal(run("table", "--aliases", "-q", "root", "hash:" + file("aliases", "root: ann\n")), (0, "ann\n", ""))


@tap.test
def calls_that_make_no_sense_are_usage_errors():
    for words in ([], ["-q"], ["-q", "x"], ["-s"], ["-s", "-q", "x", "static:y"], ["-Z", "static:y"]):
        status, out, err = run("table", *words)
        tap.equal((words, status, out), (words, EX_USAGE, ""))
        assert "usage: postrider table" in err, err


@tap.test
def it_answers_to_the_names_of_postfix():
    virtual, aliases = file("v", "a b\n"), file("al", "a: b\n")
    tap.equal(run("-q", "a", "hash:" + virtual, name="postmap"), (0, "b\n", ""))
    tap.equal(run("-q", "a", "hash:" + aliases, name="/usr/sbin/postalias"), (0, "b\n", ""))
    status, out, err = run(virtual, name="postmap")
    tap.equal((status, err), (0, ""))
    assert "no index file is needed" in out, out
    tap.equal(os.path.exists(virtual + ".db"), False)
    status, out, err = run("x", name="newaliases")
    tap.equal((status, out), (EX_USAGE, ""))


@tap.test
def a_table_of_main_cf_is_checked_with_it():
    main = file("main.cf", f"mydestination = hash:{FOLDER}/domains\n")
    tap.equal(run("-c", main, "config", "check"), (EX_CONFIG, "", f"main.cf:1: error: domains: no such file\n"))
    file("domains", "a.test x\nb.test\n")
    tap.equal(run("-c", main, "config", "check"), (EX_CONFIG, "", "domains:2: error: expected a key, white space and a value\n"))
    file("domains", "a.test x\nb.test y\n")
    tap.equal(run("-c", main, "config", "check")[0], 0)


# ---- beside Postfix ----

def postfix(*words, stdin=None):
    conf = os.path.join(FOLDER, "postfix")
    if not os.path.isdir(conf):
        os.mkdir(conf)
        with open(os.path.join(conf, "main.cf"), "w") as f:
            f.write("compatibility_level = 3.6\nmyhostname = mx.a.test\nsmtputf8_enable = yes\n")
    done = subprocess.run([words[0], "-c", conf, *words[1:]], input=stdin, capture_output=True, encoding="utf-8",
                          errors="surrogateescape", timeout=60)
    return done.returncode, done.stdout, done.stderr


def wants_postmap(kind=None):
    if not os.access(POSTMAP, os.X_OK):
        raise tap.Skip("Postfix is not installed: there is no " + POSTMAP)
    if kind and "unsupported dictionary type" in postfix(POSTMAP, "-q", "x", f"{kind}:/dev/null")[2]:
        raise tap.Skip(f"Postfix has no {kind}: here (package postfix-{kind})")


def both(kind, text, keys):
    """Our answers and Postfix's, {key: value} each; None for a text that was refused (they: said something about)."""
    path = file("both", text)
    os.utime(path, (time.time() - 60,) * 2)  # postmap waits a second or two for a text that has just been written to settle
    asked = "".join(key + "\n" for key in keys)
    status, out, err = run("table", "-q", "-", f"{kind}:{path}", stdin=asked)
    assert status in (0, 1, EX_DATAERR), (kind, text, status, err)
    ours = None if status == EX_DATAERR else dict(line.split("\t", 1) for line in out.splitlines())
    status, out, err = postfix(POSTMAP, "-q", "-", f"{kind}:{path}", stdin=asked)
    theirs = dict(line.split("\t", 1) for line in out.splitlines())
    if "warning:" in err or "fatal:" in err:
        theirs = None
    return ours, theirs, err


def same(kind, text, keys):
    """Text that we take: the same answers, and they had nothing to say. Text that we refuse: they had. Says whether we took it."""
    ours, theirs, err = both(kind, text, keys)
    if ours is None:
        assert theirs is None, f"only we refuse {kind}:\n{text}"
    else:
        assert theirs is not None, f"only they refuse {kind}:\n{text}\n{err}"
        assert ours == theirs, f"{kind}:\n{text}\nours   {ours}\ntheirs {theirs}"
    return ours is not None


@tap.test
def texts_of_keys_are_as_postmap_reads_them():
    wants_postmap()
    dice = random.Random(20261127)
    words = ["a", "B", "ann@a.test", "@b.test", '"a b"', '"a\\"b"', "c\\ d", "ä", "Äb", "x:y", "=", "#k", "k#"]
    taken = 0
    for text in ["a b", "a  b  c \n", "a b\n c\n", "a b\n#x\n\n\tc\nd e\n", "a\n b\n", "a b\r\nd e\r\n", '"a b" c\n', '"a b\n', "a\n",
                 " a b\n", "a b # c\n", "#a b\n", "", "a\\ b c\n", '"a" "b" c\n', 'x"y z"w v\n', "a \u00e4\n", "a \udcff\n"]:
        taken += same("texthash", text, ["a", "b", "d", '"a b"', "#a", "a\\ b", '"a"', "a b", 'x"y z"w', "A"])
    for _ in range(150):
        lines, keys = [], []
        for _ in range(dice.randint(0, 6)):
            word = dice.choice(words)
            if word.lower() in keys:
                continue
            keys.append(word.lower())
            lines.append(dice.choice(["", "# x\n", "\n", " \t\n", " #y\n" if lines else ""]) + word + dice.choice([" ", "\t", "  "]) +
                         dice.choice(["v", "v w", "REJECT no", "a,\n b", "x\n# c\n  y", '"q r"']) + dice.choice(["", " ", "\t"]) + "\n")
        taken += same("texthash", "".join(lines), sorted(set(words + keys + ["zz"])))
    assert taken > 140, taken


@tap.test
def aliases_are_as_postalias_reads_them():
    wants_postmap()
    squeeze = lambda s: re.sub(r"\s*,\s*", ",", re.sub(r"\s+", " ", s))
    for text in ["root: ann\n", "Root : ann, ben\n", "a: b,\n c,\n# x\n\td\n", "list: :include:/etc/list\n", '"a b": c\n', "a:b\n",
                 "a: /var/x\nb: c\n", 'p: "|/bin/x y"\n', "# x\n\na: b@c.test, d\n"]:
        path = file("al2", text)
        keys = "root\na\nb\nlist\na b\np\nROOT\nzz\n"
        status, out, err = postfix(POSTALIAS, "hash:" + path)
        tap.equal((text, status, err), (text, 0, ""))
        theirs = postfix(POSTALIAS, "-q", "-", "hash:" + path, stdin=keys)[1]
        ours = run("-q", "-", "hash:" + path, stdin=keys, name="postalias")[1]
        tap.equal((text, squeeze(ours)), (text, squeeze(theirs)))


def pattern(dice, kind, depth=0):
    parts = []
    for _ in range(dice.randint(1, 4)):
        atom = dice.choice(["a", "b", "c", ".", "[ab]", "[^a]", "[[:digit:]b]", "\\.", "\\w", "x", "@", "(a|b)"] +
                           (["\\<", "[\\d]", "\\("] if kind == "regexp" else ["\\d", "(?:ab)", "\\b", "[\\d]"]))
        if depth < 2 and dice.random() < 0.2:
            atom = "(" + pattern(dice, kind, depth + 1) + ")"
        if not atom.startswith("\\<") and atom != "\\b" and dice.random() < 0.3:
            atom += dice.choice(["*", "+", "?", "{2}", "{1,2}"])
        parts.append(atom)
    text = "".join(parts)
    if depth == 0:
        text = dice.choice(["", "^"]) + text + dice.choice(["", "$"])
    return text + ("|" + pattern(dice, kind, 2) if dice.random() < 0.1 else "")


def rules(dice, kind, made):
    lines, depth = [], 0
    for _ in range(dice.randint(1, 5)):
        what = dice.random()
        if what < 0.15:
            lines.append(f"if {dice.choice(['', '!'])}/{made(dice, kind)}/{dice.choice(['', 'i'])}")
            depth += 1
        elif what < 0.25 and depth:
            lines.append("endif")
            depth -= 1
        else:
            no = dice.choice(["", "", "", "!"])
            result = dice.choice(["OK", "REJECT no $$", "x  y"] + ([] if no else ["[$1]", "${2}-$(1)"]))
            lines.append(f"{no}/{made(dice, kind)}/{dice.choice(['', 'i', 'm'])} {result}")
    return "\n".join(lines + ["endif"] * depth) + "\n"


def keys_of(dice):
    return sorted({"".join(dice.choice("abcxAB1.@") for _ in range(dice.randint(1, 7))) for _ in range(12)})


def compare_patterns(kind, fixed, count):
    dice = random.Random(4711)
    keys = ["a", "A", "ab", "aab", "b", "1", "d", "a.b", "\\", "]", "-", "ann@a.test", "ANN@B.TEST", "aaaa", "x+(b)"]
    taken = sum(same(kind, text, keys) for text in fixed)
    for _ in range(count):
        taken += same(kind, rules(dice, kind, pattern), keys_of(dice) + keys)
    assert taken > count // 2, taken


COMMON = ["/a/ x\n", "/^a$/ x\n", "/^a$/i x\n", "!/a/ x\n", "/(a)(b)?/ [$1$2]\n", "/a/ $1\n", "!/(a)/ $1\n", "/a/\n", "/a x\n", "a x\n", "/(/ x\n",
          "/a/ $$1\n", "/(a)/ x$\n", "|a|b|c x\n", "if /a/\n/b/ x\nendif\n", "if /a/\n/b/ x\n", "endif\n", "/a/ x\n /b/ y\n", "//  x\n", "/a/q x\n",
          "if !/^a/\n/b/ x\nendif\n/./ y\n", "IF /a/\nif /b/\n/1/ 1\nEndIf\n/./ 2\nendif\n/./ 3\n", "/[[:digit:]]/ x\n", "/[]]/ x\n", "/[a-]/ x\n",
          "/^(.*)@(.*)$/ $2@${1}\n"]


@tap.test
def regexp_tables_are_as_in_postfix():
    wants_postmap()
    compare_patterns("regexp", COMMON + [
        "/^\\w+$/ x\n", "/\\<a\\>/ x\n", "/^[\\d]$/ x\n", "/^[[.-.]]$/ x\n", "/^a*?$/ x\n", "/^a*+a$/ x\n", "/^a{2}{2}$/ x\n",
        "/^(a)\\1$/ x\n", "/^x+(b)$/x x\n", "/^\\(a\\)\\{2\\}$/x x\n", "/^*a$/x x\n", "/a\\|b$/x x\n", "/[a/ x\n", "/a{,2}b/ x\n"], 250)


@tap.test
def pcre_tables_are_as_in_postfix():
    wants_postmap("pcre")
    compare_patterns("pcre", COMMON + [
        "/^\\d+$/ x\n", "/a(?=b)/ x\n", "/a b/x x\n", "/a.b/s x\n", "/a$/E x\n", "/b/A x\n", "/(a+)/U $1\n", "/(.+?)b/ $1\n", "/(?i)(a)/i $1\n"], 150)


@tap.test
def cidr_tables_are_as_in_postfix():
    wants_postmap()
    dice = random.Random(99)
    keys = ["10.0.0.1", "10.1.2.3", "192.0.2.1", "192.0.2.200", "::1", "2001:db8::1", "2001:db9::", "x", "10.0.0.0/8"]
    fixed = ["10.0.0.0/8 x\n", "10.0.0.1/8 x\n", "10.0.0.0/33 x\n", "10.0.0.0/8\n", "!10.0.0.0/8 x\n", "::/0 x\n", "[::1] x\n", "0.0.0.0/0 x\n", "x y\n",
             "if 10.0.0.0/8\n10.1.0.0/16 x\nendif\n", "if 10.0.0.0/8\n", "endif\n", "10.0.0.1 a b  c\n"]
    taken = sum(same("cidr", text, keys) for text in fixed)
    for _ in range(100):
        lines, depth = [], 0
        for n in range(dice.randint(1, 6)):
            net = dice.choice(["", "", "!"]) + dice.choice(["10.0.0.0/8", "10.1.0.0/16", "10.0.0.1", "192.0.2.0/25", "0.0.0.0/0", "::/0", "2001:db8::/32", "::1"])
            if dice.random() < 0.2:
                lines.append("if " + net)
                depth += 1
            elif depth and dice.random() < 0.2:
                lines.append("endif")
                depth -= 1
            else:
                lines.append(f"{net} r{n}")
        taken += same("cidr", "\n".join(lines + ["endif"] * depth) + "\n", keys)
    assert taken > 100, taken


@tap.test
def tables_in_main_cf_are_as_in_postfix():
    wants_postmap()
    for spec in ["static:OK", "static:{ a b }", "inline:{ a=b, {c = d e} }", "inline:{ A=b }", "unionmap:{ static:a, inline:{ k=b } }",
                 "pipemap:{ inline:{ a=b }, inline:{ b=c } }", "cidr:{ {10.0.0.0/8 x} }", "regexp:{ {/^a{2}$/ x y}, {/b/ z} }", "randmap:{ x }"]:
        for key in ["a", "c", "k", "aa", "b", "10.1.1.1", "zz"]:
            theirs, ours = postfix(POSTMAP, "-q", key, spec), run("table", "-q", key, spec)
            tap.equal((spec, key, ours[0], ours[1]), (spec, key, theirs[0], theirs[1]))


try:
    tap.main()
finally:
    shutil.rmtree(FOLDER, ignore_errors=True)
