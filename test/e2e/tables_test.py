#!/usr/bin/env python3
"""Lookup tables in files while the server runs: a change is in force within a second or two, a mistake changes nothing and is logged."""
import os
import smtplib
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from server import Server, main, test


def put(path, text, mode=0o600):
    """As an editor does: another file in its place. Nobody but master may read it."""
    with open(path + ".new", "w") as f:
        f.write(text)
    os.chmod(path + ".new", mode)
    os.rename(path + ".new", path)


def ours(s, domain):
    """Does the server take the domain for its own? No such mailbox, or no relaying."""
    for n in range(100):  # where one connection is permitted, the one before may not be counted out yet
        try:
            c = smtplib.SMTP("127.0.0.1", s.port("smtp"), timeout=10)
            break
        except smtplib.SMTPConnectError:
            time.sleep(0.05)
    with c:
        c.ehlo("client.test")
        c.mail("x@client.test")
        code, text = c.rcpt("nobody@" + domain)
        return text.startswith(b"5.1.1")


def wait_for(condition, what, s, seconds=6):
    deadline = time.time() + seconds
    while not condition():
        assert time.time() < deadline, what + "\n" + s.log()
        time.sleep(0.05)


def tables_of(s):
    return [line for line in s.log().splitlines() if "event=table-" in line]


def server(text, **conf):
    s = Server(users=())
    s.domains = os.path.join(s.dir, "domains")
    put(s.domains, text)
    s.write_conf(mydestination=f"a.test, hash:{s.domains}", **conf)
    return s


@test
def a_changed_table_is_in_force_in_a_second_or_two():
    with server("b.test x\n") as s:
        assert ours(s, "a.test") and ours(s, "b.test") and ours(s, "B.TEST") and not ours(s, "c.test")
        before = time.time()
        put(s.domains, "# more\nc.test x\nd.test y\n")
        wait_for(lambda: ours(s, "c.test"), "c.test is not ours", s)
        took = time.time() - before
        assert not ours(s, "b.test") and ours(s, "d.test") and ours(s, "a.test")
        assert took < 3, took
        assert "event=table-reloaded" in tables_of(s)[0] and "entries=2" in tables_of(s)[0], tables_of(s)
        with open(s.domains, "a") as f:  # in place
            f.write("e.test z\n")
        wait_for(lambda: ours(s, "e.test"), "e.test is not ours", s)


@test
def a_broken_table_changes_nothing_and_is_logged():
    with server("b.test x\n") as s:
        put(s.domains, "c.test x\nd.test\n")
        wait_for(lambda: tables_of(s), "nothing is logged", s)
        assert f"{s.domains}:2: error: expected a key" in tables_of(s)[0] and "event=table-broken" in tables_of(s)[0], tables_of(s)
        assert ours(s, "b.test") and not ours(s, "c.test")
        os.remove(s.domains)
        wait_for(lambda: len(tables_of(s)) == 2, "its absence is not logged", s)
        assert "no such file" in tables_of(s)[1], tables_of(s)
        assert ours(s, "b.test")
        put(s.domains, "c.test x\n")
        wait_for(lambda: ours(s, "c.test"), "c.test is not ours", s)
        assert not ours(s, "b.test")


@test
def patterns_and_networks_are_reloaded_too():
    s = server("b.test x\n")
    patterns, nets = os.path.join(s.dir, "patterns"), os.path.join(s.dir, "nets")
    put(patterns, "/^p[0-9]+\\.test$/ x\n")
    put(nets, "10.0.0.0/8 x\n")
    s.write_conf(mydestination=f"!p7.test, pcre:{patterns}", mynetworks=f"cidr:{nets}", smtpd_client_connection_count_limit="1")
    with s:
        assert ours(s, "p1.test") and not ours(s, "p7.test") and not ours(s, "q1.test")
        put(patterns, "/^q(/ x\n")
        wait_for(lambda: any("table-broken" in line for line in tables_of(s)), "nothing is logged", s)
        assert ours(s, "p1.test")
        put(patterns, "/^q[0-9]+\\.test$/ x\n")
        wait_for(lambda: ours(s, "q1.test"), "q1.test is not ours", s)
        assert not ours(s, "p1.test")

        def second():
            """May one client have two connections? Only of mynetworks."""
            try:
                with smtplib.SMTP("127.0.0.1", s.port("smtp"), timeout=10):
                    smtplib.SMTP("127.0.0.1", s.port("smtp"), timeout=10).close()
                    return True
            except smtplib.SMTPConnectError:
                return False
        assert not second()
        put(nets, "127.0.0.0/8 x\n")
        wait_for(second, "the loopback is not in mynetworks", s)


@test
def roles_that_start_later_and_new_configurations_have_the_new_content():
    with server("b.test x\n") as s:
        put(s.domains, "c.test x\n")
        wait_for(lambda: ours(s, "c.test"), "c.test is not ours", s)
        old = {name: pid for name, pid in s.children().items() if name.startswith("smtp")}
        for pid in old.values():
            os.kill(pid, 9)
        wait_for(lambda: not set(old.values()) & set(s.children().values()), "smtp lives", s)
        wait_for(lambda: ours_when_up(s, "c.test"), "c.test is not ours", s)
        s.process.send_signal(1)
        wait_for(lambda: "event=reloaded" in s.log(), "no reload", s)
        put(s.domains, "d.test x\n")
        wait_for(lambda: ours_when_up(s, "d.test"), "d.test is not ours", s)


def ours_when_up(s, domain):
    try:
        return ours(s, domain)
    except (OSError, smtplib.SMTPException):
        return False


@test
def a_server_does_not_start_and_a_reload_is_refused_with_a_broken_table():
    s = server("b.test\n")
    try:
        s.start()
        raise AssertionError("it started")
    except RuntimeError as e:
        assert f"{s.domains}:1: error: expected a key" in str(e), e
    s.process.wait(10)
    put(s.domains, "b.test x\n")
    with s:
        s.write_conf(mydestination=f"a.test, hash:{s.dir}/absent")
        s.process.send_signal(1)
        wait_for(lambda: "event=reload-refused" in s.log(), "no refusal", s)
        assert f"main.cf:2: error: {s.dir}/absent: no such file" in s.log(), s.log()
        assert ours(s, "b.test")


@test
def a_table_that_would_make_an_open_relay_is_not_taken():
    s = server("b.test x\n")
    nets = os.path.join(s.dir, "nets")
    put(nets, "127.0.0.0/8 x\n")
    s.write_conf(mynetworks=f"cidr:{nets}")
    with s:
        put(nets, "0.0.0.0/0 x\n")
        wait_for(lambda: tables_of(s), "nothing is logged", s)
        assert "event=table-broken" in tables_of(s)[0] and "trusts the whole internet" in tables_of(s)[0], tables_of(s)
        assert ours(s, "b.test")
    s = server("b.test x\n")
    put(os.path.join(s.dir, "nets"), "0.0.0.0/0 x\n")
    s.write_conf(mynetworks=f"cidr:{s.dir}/nets")
    try:
        s.start()
        raise AssertionError("it started")
    except RuntimeError as e:
        assert "trusts the whole internet" in str(e), e


@test
def what_ehlo_offers_can_depend_on_the_client():
    s = server("b.test x\n")
    clients = os.path.join(s.dir, "clients")
    put(clients, "127.0.0.0/8 size, Chunking\n")
    s.write_conf(smtpd_discard_ehlo_keyword_address_maps=f"cidr:{clients}", smtpd_discard_ehlo_keywords="8bitmime")
    with s:
        def offered():
            with smtplib.SMTP("127.0.0.1", s.port("smtp"), timeout=10) as c:
                c.ehlo("client.test")
                return {word for word in ("size", "chunking", "8bitmime") if c.has_extn(word)}
        assert offered() == {"8bitmime"}, offered()
        put(clients, "10.0.0.0/8 size\n")
        wait_for(lambda: offered() == {"size", "chunking"}, "it is not what smtpd_discard_ehlo_keywords says", s)


@test
def no_role_opens_a_table():
    if os.getuid() != 0:
        return "only root can make files that the roles cannot read"
    with server("b.test x\n") as s:
        assert os.stat(s.domains).st_mode & 0o777 == 0o600 and os.stat(s.domains).st_uid == 0
        assert ours(s, "b.test")


@test
def users_of_a_domain_in_a_table_can_be_made():
    s = server("b.test x\n")
    with s:
        os.chmod(s.domains, 0o644)
        s.add_user("ann@b.test")
        done = s.cli("user", "add", "ann@c.test", "--password-stdin", stdin="secret\n", check=False)
        assert done.returncode != 0 and "c.test" in done.stderr, done


if __name__ == "__main__":
    main()
