/* roles/smtp/data.c - DATA: dots and the end (RFC 5321 4.1.1.4, 4.5.2) */
#include "roles/smtp/incoming.h"

static enum fault
read_data(struct incoming *in)
{
	struct smtp_session *s = in->s;
	struct smtp_data d;
	bool ended = false;

	smtp_data_init(&d);
	while (!ended) {
		size_t from = in->body.n, used = 0;
		str pending = stream_pending(&s->stream);

		if (pending.n == 0) {
			if (smtp_incoming_too_slow(in))
				return TIMED_OUT;
			s->stream.due_ms = smtp_due(s);
			TRY(stream_fill(&s->stream, SMTP_PIECE));
			continue;
		}
		ended = smtp_data_feed(&d, str_sub(pending, 0, SMTP_PIECE), &in->body, &used);
		stream_consume(&s->stream, used);
		in->taken = d.taken;
		in->bare_cr = d.bare_cr;
		in->bare_lf = d.bare_lf;
		smtp_incoming_mend_newlines(in, from);
		smtp_incoming_grow(in, from);
	}
	return OK;
}

enum fault
smtp_cmd_data(struct smtp_session *s, str args)
{
	struct incoming in;
	enum fault f;

	if (args.n)
		return BAD_ARGUMENT;
	TRY(smtp_incoming_may_begin(s));
	smtp_say(s, REPLY_SEND_DATA, S(""));
	TRY(smtp_flush(s));
	smtp_incoming_init(&in, s);
	f = read_data(&in);
	if (f == OK)
		smtp_incoming_tell(&in, smtp_incoming_end(&in));
	smtp_incoming_done(&in);
	smtp_forget_mail(s);
	return f;
}
