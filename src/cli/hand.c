#include "cli/hand.h"

#include "base/mem.h"
#include "mail/charset.h"
#include "rt/jail.h"

#include <errno.h>
#include <openssl/evp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- frames: {length u32, kind u8, fields} ---- */

/* clang-format off */
#define FIELD(type, name) talk_put_##type(b, m->name);
#define MESSAGE(message, fields) \
	static void put_##message(struct buf *b, const struct hand_##message *m) { fields }
HAND_MESSAGES
#undef FIELD
#undef MESSAGE
#define FIELD(type, name) && talk_take_##type(&in, &m->name)
#define MESSAGE(message, fields) \
	static bool take_##message(str in, struct hand_##message *m) { return true fields && in.n == 0; }
HAND_MESSAGES
#undef FIELD
#undef MESSAGE
/* clang-format on */

static bool
read_whole(int fd, char *to, size_t n)
{
	while (n) {
		ssize_t got = read(fd, to, n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		to += got;
		n -= (size_t)got;
	}
	return true;
}

/* ---- the helper's side ---- */

struct hand_out {
	int fd;
	uint64_t items;
	struct buf frame;
};

static void
begin(struct hand_out *o, enum hand_kind kind)
{
	buf_clear(&o->frame);
	buf_add_le32(&o->frame, 0);
	buf_add_char(&o->frame, (char)kind);
}

/* Without the parent there is nothing to live for. */
static void
send_frame(struct hand_out *o)
{
	uint32_t n = (uint32_t)o->frame.n - 4;

	for (int i = 0; i < 4; i++)
		o->frame.p[i] = (char)(n >> 8 * i);
	if (!cli_write_whole(o->fd, buf_str(&o->frame)))
		_exit(EX_IOERR);
}

void
hand_say_folder(struct hand_out *o, const struct hand_folder *m)
{
	begin(o, HAND_FOLDER);
	put_folder(&o->frame, m);
	send_frame(o);
}

void
hand_say_item(struct hand_out *o, const struct hand_item *m, str message)
{
	begin(o, HAND_ITEM);
	put_item(&o->frame, m);
	o->items++;
	if (message.n < 65536) { /* in one write */
		size_t n = o->frame.n;

		buf_add(&o->frame, message);
		for (int i = 0; i < 4; i++)
			o->frame.p[i] = (char)((n - 4) >> 8 * i);
		if (!cli_write_whole(o->fd, buf_str(&o->frame)))
			_exit(EX_IOERR);
		return;
	}
	send_frame(o);
	if (!cli_write_whole(o->fd, message))
		_exit(EX_IOERR);
}

void
hand_say_trouble(struct hand_out *o, const char *name, const char *text, bool fatal)
{
	begin(o, HAND_TROUBLE);
	put_trouble(&o->frame, &(struct hand_trouble){ str_c(name), str_c(text), fatal });
	send_frame(o);
}

void
hand_add_keyword(struct buf *list, str name)
{
	if (list->n)
		buf_add_char(list, '\n');
	buf_add(list, name);
}

static _Noreturn void
be_helper(int fd, const struct hand_source *source)
{
	const char *paths[] = { source->path, NULL };
	struct jail jail = { JAIL_FILES_READ, paths, NULL };
	struct log_sink sink = { .fd = STDERR_FILENO, .least = LOG_ERROR, .role = "import" };
	struct log log = { .sink = &sink };
	struct hand_out out = { .fd = fd };
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned n;

	signal(SIGPIPE, SIG_IGN);
	(void)charset_stock_new(); /* what is loaded from files is loaded now */
	(void)EVP_Digest("", 0, digest, &n, EVP_sha256(), NULL);
	if (jail_close(&jail, &log) != OK) {
		log_flush(&sink);
		_exit(EX_OSERR);
	}
	hand_read(&out, source);
	begin(&out, HAND_END);
	put_end(&out.frame, &(struct hand_end){ out.items });
	send_frame(&out);
	_exit(EX_OK);
}

/* ---- the parent's side ---- */

struct hand {
	const char *verb;
	pid_t pid;
	int fd;
	bool ended;
	uint64_t left; /* of the item's octets */
	struct buf frame;
};

struct hand *
hand_of(const char *verb, pid_t pid, int fd)
{
	struct hand *h = NEW(struct hand);

	*h = (struct hand){ .verb = verb, .pid = pid, .fd = fd };
	return h;
}

int
hand_start(const char *verb, const struct hand_source *source, struct hand **ret)
{
	int ends[2];
	pid_t pid;

	fflush(NULL);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
		return cli_fail(EX_OSERR, verb, "cannot make a socket pair: %s", strerror(errno));
	pid = fork();
	if (pid < 0) {
		close(ends[0]);
		close(ends[1]);
		return cli_fail(EX_OSERR, verb, "cannot start a process: %s", strerror(errno));
	}
	if (pid == 0) {
		close(ends[0]);
		be_helper(ends[1], source);
	}
	close(ends[1]);
	*ret = hand_of(verb, pid, ends[0]);
	return EX_OK;
}

static bool
decode(struct hand *h, struct hand_heard *ret)
{
	str in = buf_str(&h->frame);

	ret->kind = (enum hand_kind)in.p[0];
	in = str_from(in, 1);
	switch (ret->kind) {
	case HAND_FOLDER: return take_folder(in, &ret->folder);
	case HAND_ITEM: return take_item(in, &ret->item) && ret->item.size <= HAND_MESSAGE_MOST;
	case HAND_TROUBLE: return take_trouble(in, &ret->trouble);
	case HAND_END: return take_end(in, &ret->end);
	}
	return false;
}

bool
hand_next(struct hand *h, struct hand_heard *ret)
{
	unsigned char head[4];
	uint32_t n;

	while (h->left) { /* what nobody wanted */
		buf_clear(&h->frame);
		if (!hand_body(h, &h->frame, 1 << 20))
			return false;
	}
	buf_clear(&h->frame);
	if (h->ended || !read_whole(h->fd, (char *)head, sizeof(head)))
		return false;
	n = head[0] | (uint32_t)head[1] << 8 | (uint32_t)head[2] << 16 | (uint32_t)head[3] << 24;
	if (n == 0 || n > HAND_FRAME_MOST || !read_whole(h->fd, buf_reserve(&h->frame, n), n))
		return false;
	buf_used(&h->frame, n);
	if (!decode(h, ret)) {
		if (h->pid)
			(void)cli_fail(EX_SOFTWARE, h->verb, "the process that reads the mail says nonsense");
		return false;
	}
	h->left = ret->kind == HAND_ITEM ? ret->item.size : 0;
	h->ended = ret->kind == HAND_END;
	return true;
}

bool
hand_body(struct hand *h, struct buf *ret, size_t most)
{
	size_t n = MIN(h->left, most);

	if (!read_whole(h->fd, buf_reserve(ret, n), n))
		return false;
	buf_used(ret, n);
	h->left -= n;
	return true;
}

bool
hand_end(struct hand *h)
{
	bool ended;
	int status = 0;

	if (!h)
		return false;
	ended = h->ended;
	close(h->fd);
	if (h->pid && !ended)
		kill(h->pid, SIGKILL);
	while (h->pid && waitpid(h->pid, &status, 0) < 0 && errno == EINTR)
		;
	if (ended && status != 0)
		ended = false;
	buf_done(&h->frame);
	free(h);
	return ended;
}
