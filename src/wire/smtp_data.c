#include "wire/smtp.h"

#include "base/mem.h"

/* What was read last. A line starts at the beginning and after CRLF, after nothing else. What DOT and DOT_CR stand for is held back,
 * for it may belong to the end. */
enum { LINE_START, IN_LINE, AFTER_CR, DOT, DOT_CR };
enum { AHEAD = 1024 };

void
smtp_data_init(struct smtp_data *d)
{
	*d = (struct smtp_data){ .state = LINE_START };
}

/* Skips ordinary text at memchr's speed: from inside a line to inside a later one, or (then *ret_state says so) to the start of
 * one. Stops where something wants thought: a bare CR or LF, a dot at the start of a line, the last octets of s. It never looks
 * far ahead, or a message of nothing but bare LFs would make it look at everything behind each of them. */
static size_t
plain_lines(str s, uint8_t *ret_state)
{
	const char *p = s.p, *end = s.p + s.n;

	while (p < end) {
		const char *stop = end - p > AHEAD ? p + AHEAD : end;
		const char *cr = memchr(p, '\r', (size_t)(stop - p));
		const char *bare = memchr(p, '\n', (size_t)((cr ? cr : stop) - p));

		if (bare)
			return (size_t)(bare - s.p);
		if (!cr) {
			p = stop;
			continue;
		}
		if (end - cr < 3 || cr[1] != '\n')
			return (size_t)(cr - s.p);
		p = cr + 2;
		if (*p == '.' || *p == '\r' || *p == '\n') {
			*ret_state = LINE_START;
			return (size_t)(p - s.p);
		}
	}
	return s.n;
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
	size_t kept = 0; /* in[kept, i) belongs to the message and is not put yet */

	for (size_t i = 0; i < in.n; i++) {
		char c;

		if (d->state == IN_LINE)
			i += plain_lines(str_from(in, i), &d->state);
		if (i == in.n)
			break;
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

/* Where the next c stands at or behind `at`, s.n if nowhere; `known` is the answer to an earlier question. */
static size_t
next_of(str s, char c, size_t at, size_t known)
{
	return known >= at ? known : at + str_find(str_from(s, at), c);
}

void
smtp_data_stuff(struct buf *b, str message)
{
	size_t at = 0;
	size_t cr = str_find(message, '\r'), lf = str_find(message, '\n');

	while (at < message.n) {
		size_t end = MIN(cr, lf); /* of the line, which CRLF, a bare CR or a bare LF ends */

		if (message.p[at] == '.')
			buf_add_char(b, '.');
		buf_add(b, str_sub(message, at, end - at));
		buf_add(b, S("\r\n"));
		at = end + (cr + 1 == lf ? 2 : 1);
		cr = next_of(message, '\r', at, cr);
		lf = next_of(message, '\n', at, lf);
	}
	buf_add(b, S(".\r\n"));
}
