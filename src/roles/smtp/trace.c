#include "roles/smtp/smtp.h"

#include "base/moment.h"

/* RFC 3848 and RFC 6531 4.3. */
static const char *
with_word(const struct smtp_session *s)
{
	static const char *const words[2][2][2][2] = {
		{ { { "ESMTP", "ESMTPA" }, { "ESMTPS", "ESMTPSA" } },
			{ { "UTF8SMTP", "UTF8SMTPA" }, { "UTF8SMTPS", "UTF8SMTPSA" } } },
		{ { { "LMTP", "LMTPA" }, { "LMTPS", "LMTPSA" } },
			{ { "UTF8LMTP", "UTF8LMTPA" }, { "UTF8LMTPS", "UTF8LMTPSA" } } },
	};

	if (!s->esmtp)
		return "SMTP";
	return words[s->service->lmtp][s->txn->mail.smtputf8][smtp_is_tls(s)][smtp_is_logged_in(s)];
}

void
smtp_add_received(struct smtp_session *s, struct buf *b, str id, int64_t wall_ms)
{
	struct arena a = { 0 };

	buf_printf(b, "Received: from %s (%s %s%.*s%s)\r\n", s->helo ? s->helo : "unknown", s->client_name,
		s->peer.family == AF_INET6 ? "[IPv6:" : "[", STR_ARG(peer_text(&a, &s->peer)), "]");
	if (smtp_is_tls(s) && s->service->tls_header) {
		struct tls_facts t;

		tls_facts(s->stream.tls, &t);
		buf_printf(b, "\t(using %s with cipher %s (%d bits))\r\n", t.version, t.cipher, t.bits);
	}
	if (s->user && s->service->auth_header)
		buf_printf(b, "\t(Authenticated sender: %s)\r\n", s->user);
	buf_printf(b, "\tby %.*s (Postrider) with %s id %.*s", STR_ARG(s->service->hostname), with_word(s),
		STR_ARG(id));
	if (s->txn->named == 1)
		buf_printf(b, "\r\n\tfor <%.*s>", STR_ARG(s->txn->first_named));
	buf_add_c(b, ";\r\n\t");
	moment_add_rfc5322(b, wall_ms, 0);
	buf_add_c(b, "\r\n");
	arena_done(&a);
}
