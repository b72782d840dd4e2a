/* sendmail: what scripts and cron have called for forty years, handing the message to the local server by SMTP. There is no queue here: while the
 * server is down the caller is told to try again (EX_TEMPFAIL). */
#include "cli/ready.h"
#include "cli/server_of.h"
#include "cli/submit.h"
#include "cli/whom.h"

#include "base/mem.h"

#include <errno.h>
#include <getopt.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static int run_sendmail(const struct cli *cli, int argc, char **argv);

const struct cli_verb cli_sendmail = { "sendmail",
	"[-t] [-i] [-f SENDER] [-F NAME] [-N DSN] [-R full|hdrs] [-V ENVID] [-bs] [RECIPIENT...]",
	"hand a message from standard input to the local server", run_sendmail };

static const char verb[] = "sendmail";

struct call {
	struct arena arena;
	struct cli cli;
	struct conf *conf;
	struct submit how;
	const char *sender, *name, *envid;
	bool from_headers, dot_ends, dialogue;
	unsigned notify;
	enum smtp_ret ret;
};

/* ---- the command line ---- */

/* -bX: what to do. EX_OK with *ret_done false: go on. */
static int
take_mode(struct call *c, const char *mode, bool *ret_done)
{
	switch (mode[0]) {
	case 'm': return EX_OK;
	case 's': c->dialogue = true; return EX_OK;
	case 'i': /* newaliases: text tables are read as they are */ *ret_done = true; return EX_OK;
	case 'p':
		*ret_done = true;
		return cli_fail(EX_UNAVAILABLE, verb,
			"there is no queue: what this server takes is in its mailbox at once");
	default: return cli_fail(EX_USAGE, verb, "there is no -b%s here", mode);
	}
}

static int
take_option(struct call *c, int option, const char *arg, bool *ret_done)
{
	switch (option) {
	case 't': c->from_headers = true; break;
	case 'i': c->dot_ends = false; break;
	case 'f':
	case 'r': c->sender = arg; break;
	case 'F': c->name = arg; break;
	case 'b': return take_mode(c, arg, ret_done);
	case 'C': c->cli.config = arg; break;
	case 'v': c->how.verbose = true; break;
	case 'V':
		if (!*arg || strlen(arg) > 100 || str_has_ctl(str_c(arg)) || !str_is_ascii(str_c(arg)))
			return cli_fail(EX_USAGE, verb, "-V is up to 100 characters of ASCII");
		c->envid = arg;
		c->how.needs_dsn = true;
		break;
	case 'N':
		c->how.needs_dsn = true;
		if (!submit_notify(str_c(arg), &c->notify))
			return cli_fail(EX_USAGE, verb,
				"-N is never, or some of success,failure,delay; not `%s'", arg);
		break;
	case 'R':
		if (strcmp(arg, "full") != 0 && strcmp(arg, "hdrs") != 0)
			return cli_fail(EX_USAGE, verb, "-R is full or hdrs, not `%s'", arg);
		c->ret = arg[0] == 'f' ? SMTP_RET_FULL : SMTP_RET_HDRS;
		c->how.needs_dsn = true;
		break;
	case 'o': c->dot_ends &= strcmp(arg, "i") != 0; break;
	case 'q': *ret_done = true; return cli_fail(EX_UNAVAILABLE, verb, "there is no queue to run");
	case 'B': /* what the body is, is seen */
	case 'e': /* how errors are told: by the exit status and on stderr */
	case 'G': /* a gateway's message: nothing is mended here that depends on it */
	case 'h':
	case 'L':
	case 'm':
	case 'n':
	case 'O':
	case 'U':
	case 'X': break;
	default: return cli_usage(&cli_sendmail);
	}
	return EX_OK;
}

/* ---- -bs ---- */

static int
connect_local(struct call *c)
{
	struct server where;
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV },
			*ai = NULL;
	char port[8];
	int fd = -1;

	if (server_find(&c->how, &c->arena, &where) != EX_OK)
		return -1;
	snprintf(port, sizeof(port), "%u", where.port);
	if (getaddrinfo(where.host, port, &hints, &ai) == 0) {
		fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fd >= 0 && connect(fd, ai->ai_addr, ai->ai_addrlen) != 0) {
			close(fd);
			fd = -1;
		}
		freeaddrinfo(ai);
	}
	if (fd < 0)
		(void)cli_fail(0, verb, "cannot connect to %s port %u: %s; is the server running?",
			where.host, where.port, strerror(errno));
	return fd;
}

/* What can be read goes to the other side. False: the end, or nothing more can be done. */
static bool
pass_on(int from, int to)
{
	char step[3000];
	ssize_t n = read(from, step, sizeof(step));

	for (ssize_t done = 0; n > 0 && done < n;) {
		ssize_t put = write(to, step + done, (size_t)(n - done));

		if (put < 0 && errno != EINTR)
			return false;
		done += put > 0 ? put : 0;
	}
	return n > 0 || (n < 0 && errno == EINTR);
}

/* The caller speaks SMTP itself, over its standard input and output. */
static int
hold_dialogue(struct call *c)
{
	int fd = connect_local(c);
	struct pollfd fds[2] = { { .fd = STDIN_FILENO, .events = POLLIN }, { .fd = fd, .events = POLLIN } };

	if (fd < 0)
		return EX_TEMPFAIL;
	(void)signal(SIGPIPE, SIG_IGN); /* whoever has gone is seen by write */
	for (;;) {
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			break;
		if (fds[1].revents && !pass_on(fd, STDOUT_FILENO))
			break;
		if (fds[0].revents && !pass_on(STDIN_FILENO, fd)) {
			(void)shutdown(fd, SHUT_WR);
			fds[0].fd = -1;
		}
	}
	close(fd);
	return EX_OK;
}

/* ---- a message ---- */

static int
find_sender(struct call *c, str host, str *ret_envelope, str *ret_from)
{
	str given = str_c(c->sender);

	*ret_from = whom_me(&c->arena, host.p);
	*ret_envelope = *ret_from;
	if (!c->sender)
		return EX_OK;
	if (str_take(&given, S("<")) && str_ends(given, S(">")))
		given.n--;
	if (!given.n) {
		*ret_envelope = S("");
		return EX_OK;
	}
	if (str_find(given, '@') == given.n)
		given = arena_printf(&c->arena, "%.*s@%.*s", STR_ARG(given), STR_ARG(host));
	*ret_from = given;
	return whom_envelope(verb, &c->arena, given, false, ret_envelope);
}

static int
send_message(struct call *c, char **recipients, size_t n)
{
	const char *host = conf_path(c->conf, CONF_myhostname);
	struct ready_wish *wish = ARENA_NEW(&c->arena, struct ready_wish);
	struct client_message m = { .next = ready_next, .ret = c->ret, .envid = str_c(c->envid) };
	struct ready *ready = NULL;
	struct whom to = { 0 };
	struct rcpts rcpts = { 0 };
	str from;
	int status = find_sender(c, str_c(host), &m.from, &from);

	for (size_t i = 0; status == EX_OK && i < n; i++)
		status = whom_add(verb, &c->arena, "recipient", str_c(recipients[i]), host, &to);
	*wish = (struct ready_wish){ .verb = verb,
		.path = "-",
		.dot_ends = c->dot_ends,
		.take_recipients = c->from_headers,
		.add_missing = true,
		.from = from,
		.from_name = c->name,
		.host = host };
	if (status == EX_OK)
		status = ready_open(&c->arena, wish, &ready);
	if (status == EX_OK)
		status = whom_to_rcpts(verb, &c->arena, &to, false, &rcpts);
	if (status == EX_OK)
		status = whom_to_rcpts(verb, &c->arena, ready_recipients(ready), false, &rcpts);
	if (status == EX_OK && !rcpts.n)
		status = cli_fail(EX_USAGE, verb, "no recipients: name them, or -t for those in the header");
	if (status == EX_OK) {
		for (size_t i = 0; i < rcpts.n; i++)
			rcpts.rcpt[i].notify = c->notify;
		m.rcpts = rcpts.rcpt;
		m.rcpt_count = rcpts.n;
		m.size = ready_size(ready);
		m.eight_bit = ready_is_eight_bit(ready);
		m.utf8 = ready_is_utf8(ready);
		m.ctx = ready;
		c->how.rewind = ready_rewind;
		c->how.message_id = ready_message_id(ready);
		status = submit_message(&c->how, &m);
	}
	ready_close(ready);
	return status;
}

static int
run_sendmail(const struct cli *cli, int argc, char **argv)
{
	struct call c = { .cli = *cli, .how = { .verb = verb, .silent = true }, .dot_ends = true };
	bool done = false;
	int option, status = EX_OK;

	while (status == EX_OK && !done &&
		(option = getopt(argc, argv, "B:C:F:GL:N:O:R:UV:X:b:e:f:h:imno:p:q::r:tv")) != -1)
		status = take_option(&c, option, optarg, &done);
	if (status == EX_OK && !done)
		status = cli_load(&c.cli, &c.conf);
	c.how.conf = c.conf;
	if (status == EX_OK && !done)
		status = c.dialogue ? hold_dialogue(&c)
				    : send_message(&c, argv + optind, (size_t)(argc - optind));
	conf_free(c.conf);
	arena_done(&c.arena);
	return status;
}
