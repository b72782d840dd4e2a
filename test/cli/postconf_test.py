#!/usr/bin/env python3
"""The values of a main.cf as Postfix's own postconf sees them, and as we do: generated texts, and defaults. Skipped where there is no
postconf. Arguments: the program, the sources' root."""
import concurrent.futures
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import tap

PROGRAM, ROOT = sys.argv[1], sys.argv[2]
POSTCONF = shutil.which("postconf") or shutil.which("postconf", path="/usr/sbin:/sbin")
FOLDER = tempfile.mkdtemp(prefix="postrider-postconf-")
RANDOM = random.Random(20261127)

NAMES = {"alpha": "one", "beta": "", "gamma": "$alpha two", "delta": "${beta?x}${beta:empty}", "number": "10", "other": "9",
         "group": "{ a b }", "text": "a, b  c", "version": "3.6", "shell": "$$alpha"}


def expression(depth=0):
    name = RANDOM.choice(list(NAMES))
    kind = RANDOM.randrange(4 if depth > 2 else 9)
    inner = lambda: expression(depth + 1)
    if kind == 0:
        return RANDOM.choice(["word", "a.b", "x-y", "$$", "a b", "{a}", "=", "10"])
    if kind == 1:
        return f"${name}" + RANDOM.choice(["", ".", "/x"])
    if kind == 2:
        return f"${{{name}}}"
    if kind == 3:
        return f"$({name})"
    if kind == 4:
        return f"${{{name}{RANDOM.choice('?:')}{{{inner()}}}}}"
    if kind == 5:
        return f"${{{name}?{{{inner()}}}:{{{inner()}}}}}"
    if kind == 6:
        return f"${{{name}{RANDOM.choice('?:')}{RANDOM.choice(['x', 'two words', '$alpha', '${number}'])}}}"
    left, right = RANDOM.choice([("$number", "$other"), ("$alpha", "one"), ("10", "9"), ("x10", "x9"), ("$beta", ""), ("$gamma", "one two")])
    if kind == 7:
        return f"${{{{{left}}} {RANDOM.choice(['==', '!=', '<', '<=', '>', '>='])} {{{right}}} ? {{{inner()}}} : {{{inner()}}}}}"
    sign = RANDOM.choice(["<level", "<=level", ">level", ">=level"])
    return f"${{{{{RANDOM.choice(['$version', '3.10', '2'])}}} {sign} {{{RANDOM.choice(['3.6', '3.9', '3'])}}} ? {{{inner()}}} : {{{inner()}}}}}"


def run(*args):
    done = subprocess.run(args, capture_output=True, text=True, timeout=120)
    return done.returncode, " ".join(done.stdout.split()), done.stderr


def need_postconf():
    if not POSTCONF:
        raise tap.Skip("postconf is not installed")


def compare_all(texts):
    """postconf asks DNS, which may take its time: many at once"""
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        list(pool.map(compare, texts))


def compare(main_cf, name="smtpd_banner"):
    folder = tempfile.mkdtemp(dir=FOLDER)
    path = os.path.join(folder, "main.cf")
    with open(path, "w") as f:
        f.write(main_cf)
    with open(os.path.join(folder, "master.cf"), "w"):
        pass  # postconf looks for it
    status, theirs, warnings = run(POSTCONF, "-c", folder, "-h", "-x", name)
    assert status == 0, (main_cf, warnings)
    status, ours, errors = run(PROGRAM, "-c", path, "config", name)
    if (status, ours) != (0, f"{name} = {theirs}".strip()):
        raise AssertionError(f"{main_cf}\npostfix {theirs!r}\nours    {ours!r}\n{errors}")


@tap.test
def generated_values_mean_what_they_mean_to_postfix():
    need_postconf()
    head = "".join(f"{name} = {value}\n" for name, value in NAMES.items())
    head += "mail_name = " + "".join(f"${name}" for name in NAMES) + "\n"  # each is referred to
    compare_all([head + f"smtpd_banner = {' | '.join(expression() for _ in range(6))}\n" for _ in range(25)])


@tap.test
def lines_are_put_together_as_postfix_does():
    need_postconf()
    compare_all(("smtpd_banner = a\n b\n", "smtpd_banner = a\n# c\n b\n\n  c\n", "smtpd_banner =\n  a\n", "smtpd_banner=a=b\n",
                 "  # indented comment\nsmtpd_banner = a\n", "smtpd_banner = a\nsmtpd_banner = b\n", "smtpd_banner = a#b\n",
                 "smtpd_banner = ${stress?yes}no\n", "myhostname = mx.a.test\nsmtpd_banner = $mydomain\n",
                 "smtpd_banner = $myhostname\nmyhostname = b.test\n", "smtpd_banner = ${nobody?x}${nobody:y}\n"))


def rows(file, pattern):
    with open(os.path.join(ROOT, "src", "conf", file)) as f:
        return re.findall(pattern, f.read(), re.MULTILINE)


@tap.test
def every_name_of_postfix_is_known_here():
    need_postconf()
    path = os.path.join(FOLDER, "main.cf")
    names = [line.split(" = ")[0] for line in subprocess.run([POSTCONF, "-d"], capture_output=True, text=True,
                                                              timeout=60).stdout.splitlines()]
    assert len(names) > 500, len(names)
    with open(path, "w") as f:
        f.writelines(f"{name.rstrip(' =')} = {'zz'}\n" for name in names)
    unknown = set()
    for start in range(0, len(names), 100):  # a load says 200 things at most
        with open(path, "w") as f:
            f.writelines(f"{name.rstrip(' =')} = zz\n" for name in names[start:start + 100])
        unknown.update(re.findall(r"unknown parameter `([^`]+)`", run(PROGRAM, "-c", path, "config", "check")[2]))
    unknown.discard("bsmtp_recipient_limit")  # generated for Debian's master.cf, and too near smtpd_recipient_limit
    tap.equal(sorted(unknown), [])


# Where our $name or our accepted value is not Postfix's default, and why it may not be.
OUR_OWN = {
    "mail_version": "what configurations compare themselves with", "config_directory": "ours", "process_name": "postconf's own", "process_id": "postconf's own",
    "alias_maps": "the system's aliases are not ours", "alias_database": "the same", "local_recipient_maps": "not the system's users",
    "html_directory": "where Debian puts it", "readme_directory": "where Debian puts it", "default_database_type": "what Debian built",
    "tls_random_exchange_name": "no such file", "import_environment": "what Debian built", "export_environment": "what Debian built",
    "biff": "nobody to tell", "compatibility_level": "today's", "swap_bangpath": "never done", "allow_percent_hack": "never done",
    "mailbox_size_limit": "accounts have quotas", "virtual_mailbox_limit": "accounts have quotas", "smtpd_use_tls": "offered by default",
    "tls_high_cipherlist": "ours", "tls_medium_cipherlist": "ours", "smtpd_forbid_bare_newline_exclusions": "nobody",
    "smtpd_per_request_deadline": "always", "enable_long_queue_ids": "always", "smtpd_sasl_type": "passwords are kept here",
    "smtpd_sasl_path": "passwords are kept here", "virtual_alias_maps": "without the old name", "virtual_alias_domains": "without tables",
    "mime_header_checks": "none", "smtpd_sasl_tls_security_options": "the same in words", "parent_domain_matches_subdomains": "none",
    "proxy_read_maps": "none", "smtpd_expansion_filter": "none", "smtpd_relay_restrictions": "never without a login",
    "myhostname": "", "mydomain": "",
}


@tap.test
def the_defaults_of_names_without_effect_are_those_of_postfix():
    need_postconf()
    theirs = dict(line.split(" =", 1) for line in subprocess.run([POSTCONF, "-d"], capture_output=True, text=True,
                                                                 timeout=60).stdout.splitlines())
    level = re.compile(r"^\$\{\{\$compatibility_level\} <level \{[0-9.]+\} \? \{.*?\} : \{(.*?)\}\}$")
    ours = rows("postfix.def", r'^POSTFIX\((\w+), "(.*)"\)$') + rows("foreign.def", r'^FOREIGN\((\w+),\s*"[^"]*",\s*"([^"]*)"')
    wrong = []
    for name, value in ours:
        if name in theirs and name not in OUR_OWN:
            default = level.sub(r"\1", theirs[name].strip())
            if default != value:
                wrong.append((name, value, default))
    tap.equal(wrong, [])


try:
    tap.main()
finally:
    shutil.rmtree(FOLDER)
