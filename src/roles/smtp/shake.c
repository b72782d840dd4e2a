/* roles/smtp/shake.c - the TLS handshake, and what else a client may do only so often
 * Rates are those of anvil_rate_time_unit, counted over all processes (roles/limits.h); who is trusted is not counted. */
#include "roles/smtp/smtp.h"

enum { LOG_MADE = 1, LOG_FAILED = 2 }; /* smtpd_tls_loglevel */

enum fault
smtp_count(struct smtp_session *s, enum limits_event what)
{
	struct role *r = s->smtp->role;

	if (s->trusted || s->service->event_rates[what] == 0)
		return OK;
	return limits_event(r->limits, s->client, what, s->service->event_rates[what],
		s->smtp->rate_window_ms, loop_now_ms(r->loop));
}

enum fault
smtp_may_shake(const struct smtp_session *s)
{
	struct role *r = s->smtp->role;
	uint32_t most = s->service->event_rates[LIMITS_HANDSHAKES];

	if (s->trusted || most == 0)
		return OK;
	return limits_event_is_due(r->limits, s->client, LIMITS_HANDSHAKES, most, s->smtp->rate_window_ms,
		       loop_now_ms(r->loop))
		       ? TOO_OFTEN
		       : OK;
}

static void
log_made(const struct smtp_session *s, const struct tls_facts *t)
{
	log_event(&s->log, "tls-began", kv_c("version", t->version), kv_c("cipher", t->cipher),
		kv_bool("resumed", t->resumed), kv_str("name", t->server_name));
}

static void
log_failed(const struct smtp_session *s, enum fault f)
{
	struct arena a = { 0 };

	log_event(&s->log, "tls-failed", kv_str("client", peer_text(&a, &s->peer)),
		kv_c("why", s->stream.tls ? tls_why(s->stream.tls) : fault_words(f)->name));
	arena_done(&a);
}

enum fault
smtp_shake(struct smtp_session *s)
{
	struct tls_facts t;
	enum fault f;

	s->stream.due_ms = loop_now_ms(s->smtp->role->loop) + s->service->starttls_timeout_ms;
	f = stream_accept_tls(&s->stream, s->service->tls);
	if (f != OK) {
		if (s->service->tls_loglevel >= LOG_FAILED)
			log_failed(s, f);
		return f;
	}
	smtp_learn_ccert(s);
	tls_facts(s->stream.tls, &t);
	if (!t.resumed) /* those are cheap */
		(void)smtp_count(s, LIMITS_HANDSHAKES);
	if (s->service->tls_loglevel >= LOG_MADE)
		log_made(s, &t);
	return OK;
}
