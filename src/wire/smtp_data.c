#include "wire/smtp.h"

#include "base/mem.h"

/* What was read last. A line starts at the beginning and after CRLF, after nothing else. What DOT and DOT_CR stand for is held back,
 * for it may belong to the end. */
enum { LINE_START, IN_LINE, AFTER_CR, DOT, DOT_CR };
enum { BLOCK = 64 };

void
smtp_data_init(struct smtp_data *d)
{
	*d = (struct smtp_data){ .state = LINE_START };
}

/* Is there nothing in the BLOCK octets at p that wants thought: a bare CR or LF, a dot at the start of a line? Looks at one octet
 * more on both sides. No branches: compilers make vector instructions of it. */
static bool
is_plain(const char *p)
{
	unsigned char odd = 0;

	for (int i = 0; i < BLOCK; i++) {
		odd |= (unsigned char)((p[i] == '\n') & (p[i - 1] != '\r'));
		odd |= (unsigned char)((p[i] == '\r') & (p[i + 1] != '\n'));
		odd |= (unsigned char)((p[i] == '.') & (p[i - 1] == '\n'));
	}
	return !odd;
}

/* Skips blocks of ordinary text, from inside a line to wherever in a line or between two. */
static size_t
skip_plain(str in, size_t at, uint8_t *state)
{
	size_t i = at;

	while (i > 0 && in.n - i > BLOCK && is_plain(in.p + i))
		i += BLOCK;
	if (i > at)
		*state = in.p[i - 1] == '\n' ? LINE_START : in.p[i - 1] == '\r' ? AFTER_CR : IN_LINE;
	return i;
}

static void
put(struct smtp_data *d, struct buf *out, str s)
{
	if (!d->nul && s.n && memchr(s.p, '\0', s.n))
		d->nul = true;
	d->taken += s.n;
	buf_add(out, s);
}

bool
smtp_data_feed(struct smtp_data *d, str in, struct buf *out, size_t *ret_used)
{
	size_t kept = 0;     /* in[kept, i) belongs to the message and is not put yet */
	size_t next_try = 0; /* to skip; not sooner after it failed */

	for (size_t i = 0; i < in.n; i++) {
		char c;

		if (d->state == IN_LINE && i >= next_try) {
			i = skip_plain(in, i, &d->state);
			next_try = i + BLOCK;
		}
		c = in.p[i];
		switch (d->state) {
		case LINE_START:
			if (c != '.')
				break;
			put(d, out, str_sub(in, kept, i - kept));
			kept = i + 1;
			d->state = DOT;
			continue;
		case DOT: /* any other octet: the dot was stuffing, and is gone */
			if (c != '\r')
				break;
			kept = i + 1;
			d->state = DOT_CR;
			continue;
		case DOT_CR:
			if (c == '\n') {
				*ret_used = i + 1;
				return true;
			}
			put(d, out, S("\r"));
			d->bare_cr = true;
			break;
		case AFTER_CR:
			if (c == '\n') {
				d->state = LINE_START;
				continue;
			}
			d->bare_cr = true;
			break;
		default: break;
		}
		d->bare_lf |= c == '\n';
		d->state = c == '\r' ? AFTER_CR : IN_LINE;
	}
	put(d, out, str_sub(in, kept, in.n - kept));
	*ret_used = in.n;
	return false;
}
