#include "cli/ask.h"

#include "cli/cli.h"

#include "base/mem.h"
#include "people/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

enum { MOST = SECRET_PASSWORD_MOST };

/* Up to the end of the line, byte by byte: what follows is not ours, and stdio would keep a copy. False: nothing came, or too much. */
static bool
read_line(int fd, struct buf *ret)
{
	bool any = false;
	ssize_t n;
	char c;

	while ((n = read(fd, &c, 1)) > 0 || (n < 0 && errno == EINTR)) {
		if (n < 0)
			continue;
		any = true;
		if (c == '\n')
			break;
		if (!buf_add_char(ret, c))
			return false;
	}
	if (ret->n && ret->p[ret->n - 1] == '\r')
		ret->n--;
	return any;
}

void
ask_forget(struct buf *b)
{
	if (b->p)
		mem_wipe(b->p, b->room);
	buf_done(b);
}

static bool
read_unseen(int tty, const char *prompt, struct buf *ret)
{
	struct termios seen, unseen;
	bool ok;

	if (tcgetattr(tty, &seen) != 0)
		return false;
	unseen = seen;
	unseen.c_lflag &= ~(tcflag_t)ECHO;
	unseen.c_lflag |= ECHONL;
	if (tcsetattr(tty, TCSAFLUSH, &unseen) != 0)
		return false;
	(void)dprintf(tty, "%s", prompt); /* from now on nothing that is typed is lost or seen */
	ok = read_line(tty, ret);
	(void)tcsetattr(tty, TCSADRAIN, &seen);
	return ok;
}

static int
ask_twice(const char *verb, str whose, struct buf *ret)
{
	struct buf first = { .limit = MOST }, second = { .limit = MOST };
	int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY), status = EX_OK;
	struct arena a = { 0 };

	if (tty < 0)
		return cli_fail(EX_USAGE, verb, "no terminal to ask for the password; see --password-stdin");
	(void)buf_reserve(&first, MOST); /* so that they do not move and leave copies */
	(void)buf_reserve(&second, MOST);
	if (!read_unseen(tty, arena_printf(&a, "Password of %.*s: ", STR_ARG(whose)).p, &first) ||
		!read_unseen(tty, "Again: ", &second))
		status = cli_fail(EX_NOINPUT, verb, "no password was given");
	else if (!str_eq(buf_str(&first), buf_str(&second)))
		status = cli_fail(EX_DATAERR, verb, "these are two different passwords");
	else
		(void)buf_add(ret, buf_str(&first));
	ask_forget(&first);
	ask_forget(&second);
	close(tty);
	arena_done(&a);
	return status;
}

int
ask_password_once(const char *verb, str whose, struct buf *ret)
{
	int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY), status = EX_OK;
	struct arena a = { 0 };

	if (tty < 0)
		return cli_fail(EX_USAGE, verb,
			"no terminal to ask for the password; see --password-stdin and --password-file");
	*ret = (struct buf){ .limit = MOST };
	(void)buf_reserve(ret, MOST);
	if (!read_unseen(tty, arena_printf(&a, "Password of %.*s: ", STR_ARG(whose)).p, ret) || !ret->n)
		status = cli_fail(EX_NOINPUT, verb, "no password was given");
	close(tty);
	arena_done(&a);
	return status;
}

int
ask_password(const char *verb, bool from_stdin, str whose, struct buf *ret)
{
	int status = EX_OK;

	*ret = (struct buf){ .limit = MOST };
	(void)buf_reserve(ret, MOST);
	if (!from_stdin)
		status = ask_twice(verb, whose, ret);
	else if (!read_line(STDIN_FILENO, ret) && !ret->full)
		status = cli_fail(EX_NOINPUT, verb, "no password came on standard input");
	if (status == EX_OK && ret->full)
		status = cli_fail(EX_DATAERR, verb, "a password has at most %d octets", MOST);
	if (status == EX_OK && (ret->n == 0 || str_find(buf_str(ret), '\0') < ret->n))
		status = cli_fail(EX_DATAERR, verb, "an empty password is none");
	return status;
}

bool
ask_sure(const char *question)
{
	char line[16] = "";

	if (!isatty(STDIN_FILENO))
		return true;
	fprintf(stderr, "%s [y/N] ", question);
	return fgets(line, sizeof(line), stdin) && (line[0] == 'y' || line[0] == 'Y');
}
