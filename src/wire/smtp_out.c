#include "wire/smtp.h"

#include "base/mem.h"

static void
end_line(struct smtp_out *o, struct buf *b)
{
	buf_add(b, S("\r\n"));
	o->in_line = o->after_cr = false;
}

/* Where the next c stands at or behind `at`, s.n if nowhere; `known` is the answer to an earlier question. */
static size_t
next_of(str s, char c, size_t at, size_t known)
{
	return known >= at ? known : at + str_find(str_from(s, at), c);
}

void
smtp_out_feed(struct smtp_out *o, struct buf *b, str in)
{
	size_t at = 0, cr = str_find(in, '\r'), lf = str_find(in, '\n');

	while (at < in.n) {
		size_t end;

		if (o->after_cr) { /* held back until now: it may have been half of a CRLF */
			o->mended |= in.p[at] != '\n';
			at += in.p[at] == '\n';
			end_line(o, b);
			continue;
		}
		if (o->dots && !o->in_line && in.p[at] == '.')
			buf_add_char(b, '.');
		cr = next_of(in, '\r', at, cr);
		lf = next_of(in, '\n', at, lf);
		end = MIN(cr, lf);
		buf_add(b, str_sub(in, at, end - at));
		o->in_line |= end > at;
		at = end + 1;
		if (end == in.n)
			break;
		if (in.p[end] == '\r') {
			o->after_cr = true;
		} else {
			o->mended = true;
			end_line(o, b);
		}
	}
}

void
smtp_out_end(struct smtp_out *o, struct buf *b)
{
	o->mended |= o->after_cr;
	if (o->after_cr || o->in_line)
		end_line(o, b);
	if (o->dots)
		buf_add(b, S(".\r\n"));
}

void
smtp_data_stuff(struct buf *b, str message)
{
	struct smtp_out o = { .dots = true };

	smtp_out_feed(&o, b, message);
	smtp_out_end(&o, b);
}
