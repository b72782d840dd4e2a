"""Our restriction lists against Postfix's: the same lists, the same tables, the same clients (XCLIENT says who they are); each command has to be
answered in the same class (2yz, 4yz, 5yz), or the difference has a name and a reason in DIFFERENCES below.

POSTRIDER_SEED chooses another set of sessions, POSTRIDER_SESSIONS how many."""
import os
import random
import re
import socket
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import postfix  # noqa: E402
from server import Server, main, test  # noqa: E402

SEED = int(os.environ.get("POSTRIDER_SEED", "1"))
SESSIONS = int(os.environ.get("POSTRIDER_SESSIONS", "400"))
LISTS = ("client", "helo", "sender", "relay", "recipient", "data", "end_of_data")

# ---- what is known to differ, and why ----
# name, why, when: (the command, our reply, Postfix's reply, the sender of the message) -> bool
DIFFERENCES = [
    ("not sent on", "we do not send to other domains yet, whatever the lists permit",
     lambda c, o, p, sender: c.startswith("RCPT") and o.startswith("550 5.7.1 This server does not send") and p[0] == "2"),
    ("no routes in addresses", "user%other@ours is a mailbox's name to us, an order to relay to Postfix (allow_percent_hack)",
     lambda c, o, p, sender: c.startswith("RCPT") and "%" in c),
    ("nobody is left", "when a recipient was not taken for a reason above, DATA has none",
     lambda c, o, p, sender: o.startswith("554 5.5.1 No valid recipients") or o.startswith("503 5.5.1")),
    ("a refused message is over", "behind a refusal at the end of data Postfix wants RSET before MAIL; RFC 5321 4.1.1.4 clears all buffers",
     lambda c, o, p, sender: c.startswith("MAIL") and "nested MAIL" in p),
    ("asked once", "reject_unlisted_sender looks a sender up once in Postfix and passes it from then on, for later recipients, too; we refuse "
     "it each time", lambda c, o, p, sender: "Sender address rejected: No such user here" in o or
     (sender in ("nobody@a.test", "info@a.test") and "defer_if_reject requested" in o)),
    ("mail held", "HOLD and FILTER: there is no queue and no filter; to deliver at once would be the opposite of what was wanted",
     lambda c, o, p, sender: o.startswith("451 4.3.5") and ("held@" in c)),
]

# ---- worlds ----
CLIENTS = [("unknown", False), ("mx.b.test", False), ("relay.sub.c.test", False), ("host.a.test", False)]
HELOS = ["mx.b.test", "relay.sub.c.test", "laptop", "192.0.2.1", "[192.0.2.1]", "a_b.test", "-bad.test", "bad..test", "mx.b.test.", "a.test"]
SENDERS = ["", "ann@a.test", "ben@a.test", "nobody@a.test", "cay@b.test", "cay+x@sub.b.test", "Dan@C.Test", "x@laptop", "x@[192.0.2.9]",
           "info@a.test"]
RCPTS = ["ann@a.test", "ann@a.test", "ben@a.test", "ben+x@a.test", "nobody@a.test", "postmaster@a.test", "postmaster", "dan@b.test",
         "eve@sub.c.test", "x@laptop", "dan%b.test@a.test", "ANN@A.TEST"]
LOGINS = [None, None, None, "ann@a.test", "ben@a.test"]
KEYS = ["b.test", ".b.test", "c.test", ".c.test", "sub.b.test", "mx.b.test", "test", "unknown", "10.%d.1", "10.%d", "10.%d.200.7", "cay@", "cay+x@",
        "ann@a.test", "ben@a.test", "a.test", "dan@b.test", "nobody@", "postmaster@", "laptop", "<>", "192.0.2.1", "ann@", "cay@b.test", "x@laptop"]
ANSWERS = ["REJECT", "REJECT 5.7.9 because", "reject", "OK", "OK because", "DUNNO", "DEFER", "DEFER later", "DEFER_IF_PERMIT", "DEFER_IF_REJECT soon",
           "450 4.7.1 later", "550 gone", "521 5.2.1 bye", "571 5.1.1 gone", "421 4.2.1 busy", "1234567", "INFO look", "WARN look", "PREPEND X-Test: yes", "BCC ben@a.test",
           "permit_mynetworks, reject", "reject_non_fqdn_sender", "permit_sasl_authenticated, defer", "own%d", "bogus_verb", "DISCARD", "RELAY",
           "warn_if_reject reject, permit_auth_destination"]
VERBS = ["permit", "reject", "defer", "permit_mynetworks", "permit_mynetworks", "permit_sasl_authenticated", "permit_sasl_authenticated",
         "permit_auth_destination", "reject_unauth_destination", "defer_unauth_destination", "defer_if_permit", "defer_if_reject",
         "reject_invalid_helo_hostname", "reject_non_fqdn_helo_hostname", "reject_non_fqdn_sender", "reject_non_fqdn_recipient",
         "reject_unlisted_sender", "reject_unlisted_recipient", "reject_sender_login_mismatch", "reject_authenticated_sender_login_mismatch",
         "reject_known_sender_login_mismatch", "reject_unauthenticated_sender_login_mismatch", "reject_unauth_pipelining",
         "reject_multi_recipient_bounce", "warn_if_reject reject", "warn_if_reject reject_non_fqdn_sender", "own%d",
         "warn_if_reject own%d", "reject_plaintext_session"]
TABLES = ["check_client_access", "check_helo_access", "check_sender_access", "check_recipient_access", "check_sasl_access",
          "check_reverse_client_hostname_access"]
# One that ends a list early hides what stands behind it: these are drawn less often.
BLUNT = {"permit", "reject", "defer", "reject_plaintext_session", "warn_if_reject own%d"}


class World:
    """Lists and tables of one number, for both servers: which are meant, the client's second octet says."""

    def __init__(self, n, rng, folder):
        self.n, self.rng, self.folder, self.tables = n, rng, folder, 0
        self.own = self.make_list(3, classes=False)
        self.lists = {name: self.make_list(5, kind=name) for name in LISTS}
        if rng.random() < 0.7:
            self.lists["relay"] += ", permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination"

    def table(self):
        path = f"{self.folder}/t{self.n}-{self.tables}"
        self.tables += 1
        entries = {}
        for _ in range(self.rng.randint(1, 5)):
            key, answer = self.rng.choice(KEYS), self.rng.choice(ANSWERS)
            if answer.startswith("own") and self.in_class:
                answer = "reject"
            if answer in ("DISCARD", "bogus_verb") and self.rng.random() < 0.7:
                answer = "DUNNO"
            entries[key % self.n if "%d" in key else key] = answer % self.n if "%d" in answer else answer
        with open(path, "w") as f:
            f.writelines(f"{k}\t{v}\n" for k, v in entries.items())
        os.chmod(path, 0o644)
        return "texthash:" + path

    def make_list(self, most, classes=True, kind=None):
        items, self.in_class = [], not classes
        for _ in range(self.rng.randint(0, most)):
            if self.rng.random() < 0.45:
                items.append(f"{self.rng.choice(TABLES)} {self.table()}")
                continue
            verb = self.rng.choice(VERBS)
            if (verb in BLUNT and self.rng.random() < 0.7) or ("own" in verb and not classes):
                continue
            items.append(verb % self.n if "%d" in verb else verb)
        return ", ".join(items)

    def classes(self):
        """As lines of main.cf: the lists under names of their own."""
        named = {f"w{self.n}_{name}": text for name, text in self.lists.items() if text}
        return {**named, **({f"own{self.n}": self.own} if self.own else {f"own{self.n}": "permit_mynetworks"})}


def make_session(rng, n):
    name, _ = rng.choice(CLIENTS)
    net = "200" if rng.random() < 0.25 else "1"
    commands = [("EHLO " if rng.random() < 0.8 else "HELO ") + rng.choice(HELOS)]
    for _ in range(rng.choice((1, 1, 2))):
        commands.append(f"MAIL FROM:<{rng.choice(SENDERS)}>")
        commands += [f"RCPT TO:<{rng.choice(RCPTS)}>" for _ in range(rng.randint(1, 3))]
        commands += ["DATA", "."] if rng.random() < 0.5 else ["RSET"]
    login = rng.choice(LOGINS)
    return {"xclient": f"XCLIENT NAME={name if name != 'unknown' else '[UNAVAILABLE]'} ADDR=10.{n}.{net}.7" +
            (f" LOGIN={login}" if login else ""), "commands": commands}


# ---- a client ----
class Client:
    def __init__(self, port):
        self.s = socket.create_connection(("127.0.0.1", port), 30)
        self.f = self.s.makefile("rb")

    def reply(self):
        while True:
            line = self.f.readline().decode("utf-8", "replace").rstrip("\r\n")
            if not line:
                return "000 connection closed"
            if line[3:4] != "-":
                return line

    def say(self, line):
        self.s.sendall(line.encode() + b"\r\n")
        return self.reply()

    def close(self):
        self.f.close()
        self.s.close()


def play(port, session):
    """[(command, reply)] of both steps that a list can refuse: greeting, EHLO, MAIL, RCPT, DATA, end"""
    c = Client(port)
    heard = []
    try:
        c.reply()
        c.say("EHLO test")
        heard.append(("XCLIENT", c.say(session["xclient"])))
        for command in session["commands"]:
            if command == ".":
                if heard[-1][1][0] != "3":
                    continue
                command = "Subject: x\r\n\r\nbody\r\n."
            r = c.say(command)
            heard.append((command[-1:] if command.startswith("Subject") else command, r))
            if r[:3] in ("000", "421", "521"):
                break
    except OSError:
        heard.append(("(connection)", "000 lost"))
    finally:
        c.close()
    return heard


def compare(session, ours, theirs, tally):
    """Lines about what differs without a reason."""
    bad, sender = [], ""
    for i, (command, o) in enumerate(ours):
        if command.startswith("MAIL"):
            sender = command[11:-1].lower()
        p = theirs[i][1] if i < len(theirs) else "(nothing)"
        if i >= len(theirs) or theirs[i][0] != command:
            bad.append(f"{command}: ours {o}; Postfix is elsewhere")
            break
        tally["commands"] += 1
        tally["codes"] += o[:3] == p[:3]
        if o[0] == p[0] and {o[:3], p[:3]} & {"421", "521"}:
            break  # whoever says so hangs up
        if o[0] == p[0]:
            continue
        name = next((d[0] for d in DIFFERENCES if d[2](command, o, p, sender)), None)
        if not name:
            bad.append(f"{command}\n#      ours:    {o}\n#      Postfix: {p}")
            break
        tally["named"][name] = tally["named"].get(name, 0) + 1
        break  # from here on the two sessions are not the same
    return bad


COMMON = {"myhostname": "a.test", "mydestination": "a.test", "recipient_delimiter": "+", "smtpd_authorized_xclient_hosts": "127.0.0.0/8",
          "smtpd_sasl_auth_enable": "yes", "smtpd_soft_error_limit": "1000", "smtpd_hard_error_limit": "1000",
          "smtpd_junk_command_limit": "1000", "smtpd_client_connection_count_limit": "0",
          "smtpd_sender_login_maps": "inline:{ {ann@a.test=ann@a.test} {ben@a.test=ben@a.test} {info@a.test=ann@a.test, ben@a.test} {@b.test=ben@a.test} }"}
OURS = {"smtpd_tls_auth_only": "no"}
THEIRS = {"local_recipient_maps": "inline:{ {ann=x} {ben=x} {postmaster=x} }", "mydomain": "a.test",
          "smtpd_tls_security_level": "none"}


def run_sessions(sessions, our_port, peer, service, worlds):
    their_port = peer.ports[service]
    tally = {"commands": 0, "codes": 0, "named": {}}
    bad = []
    for session in sessions:
        ours, theirs = play(our_port, session), play(their_port, session)
        if theirs[-1][0] == "(connection)":  # a process of Postfix's that had served enough went away
            theirs = play(their_port, session)
        wrong = compare(session, ours, theirs, tally)
        if wrong:
            n = int(re.search(r"ADDR=10\.(\d+)", session["xclient"]).group(1))
            w = worlds[n]
            lists = "".join(f"\n#      {k}: {v}" for k, v in {**w.lists, "own": w.own}.items() if v)
            tables = "".join(f"\n#      {t}: " + "; ".join(open(f'{w.folder}/{t}').read().split("\n"))
                             for t in sorted(os.listdir(w.folder)) if t.startswith(f"t{n}-"))
            bad.append(f"{session['xclient']} {session['commands']}\n#   " + "\n#   ".join(wrong) + lists + tables)
    print(f"# {len(sessions)} sessions, {tally['commands']} commands, {tally['codes']} with the very same code; "
          f"named differences: {tally['named'] or 'none'}")
    if bad:
        print("# " + "\n# ".join(bad[:8]))
        print("# Postfix: " + "\n# Postfix: ".join(sorted({line.split(": ", 1)[1] for line in peer.log().splitlines() if " warning: " in line})[:20]))
        raise AssertionError(f"{len(bad)} of {len(sessions)} sessions differ without a reason (seed {SEED})")
    if tally["codes"] < tally["commands"] * 0.7:
        raise AssertionError("too few replies have the same code")


@test
def the_same_lists_decide_as_in_postfix():
    why = postfix.missing()
    if why:
        return why
    rng = random.Random(SEED)
    server = Server()  # for its folder, which both can read
    folder = server.dir
    worlds = {n: World(n, rng, folder) for n in range(1, 41)}
    settings = dict(COMMON)
    settings["mynetworks"] = "127.0.0.0/8 " + " ".join(f"10.{n}.200.0/24" for n in worlds)
    settings["smtpd_restriction_classes"] = ", ".join(name for w in worlds.values() for name in w.classes())
    for w in worlds.values():
        settings.update(w.classes())
    for name in LISTS:
        path = f"{folder}/choose-{name}"
        with open(path, "w") as f:
            f.writelines(f"10.{n}.0.0/16 w{n}_{name}\n" for n, w in worlds.items() if w.lists[name])
        os.chmod(path, 0o644)
        settings[f"smtpd_{name}_restrictions"] = f"check_client_access cidr:{path}" + (", reject_unauth_destination" if name == "relay" else "")
    sessions = [make_session(rng, rng.choice(list(worlds))) for _ in range(SESSIONS)]
    server.write_conf(**settings, **OURS)
    with postfix.Postfix({**settings, **THEIRS}) as p, server:
        run_sessions(sessions, server.port("smtp"), p, "smtp", worlds)


@test
def lists_of_their_own_decide_as_in_postfix():
    """Without the detour over classes, with and without smtpd_delay_reject and parent_domain_matches_subdomains."""
    why = postfix.missing()
    if why:
        return why
    rng = random.Random(SEED + 1)
    server = Server()
    worlds, services, sessions = {}, {}, {}
    for n in range(1, 9):
        worlds[n] = w = World(n, rng, server.dir)
        services[f"s{n}"] = {f"smtpd_{name}_restrictions": text for name, text in w.lists.items()}
        if re.search(r"(?<!warn_if_reject )\bpermit\b(?!_)", w.lists["relay"]):
            w.lists["relay"] = services[f"s{n}"]["smtpd_relay_restrictions"] = ""  # Postfix would not start, nor would we
        services[f"s{n}"]["smtpd_relay_restrictions"] += ", reject_unauth_destination" if w.lists["relay"] else "reject_unauth_destination"
        services[f"s{n}"]["smtpd_delay_reject"] = "no" if n % 3 == 0 else "yes"
        services[f"s{n}"]["parent_domain_matches_subdomains"] = "" if n % 2 else "smtpd_access_maps"
        sessions[n] = [make_session(rng, n) for _ in range(max(8, SESSIONS // 20))]
    settings = {**COMMON, "mynetworks": "127.0.0.0/8 " + " ".join(f"10.{n}.200.0/24" for n in worlds),
                "smtpd_restriction_classes": ", ".join(f"own{n}" for n in worlds)}
    for w in worlds.values():
        settings[f"own{w.n}"] = w.own or "permit_mynetworks"
    server.write_conf(**settings, **OURS)
    with postfix.Postfix({**settings, **THEIRS}, services) as p, server:
        for n in worlds:
            server.stop()
            server.write_conf(**services[f"s{n}"])
            server.start()
            run_sessions(sessions[n], server.port("smtp"), p, f"s{n}", worlds)


main()
