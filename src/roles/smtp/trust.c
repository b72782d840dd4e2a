/* roles/smtp/trust.c - a trusted address that speaks for too many loses its trust
 * A router that translates addresses (NAT), or a container's gateway, gives its own private address to strangers; in mynetworks, they would be trusted.
 * Many HELO names are how it shows. Loopback is not watched: nothing but this machine has it, and that may have many names. */
#include "roles/limits.h"
#include "roles/smtp/smtp.h"

static size_t
ip_bytes(const struct smtp_session *s)
{
	return s->peer.family == AF_INET ? 4 : 16;
}

static bool
lost(const struct smtp_session *s)
{
	struct role *r = s->smtp->role;

	return limits_distrusted(r->limits, s->peer.ip, ip_bytes(s), loop_now_ms(r->loop));
}

void
smtp_watch_trust(struct smtp_session *s)
{
	size_t bytes = ip_bytes(s);

	s->watched = s->trusted && !s->service->lmtp && s->peer.family != AF_UNIX &&
		     s->smtp->helo_rule.most > 0 &&
		     ip_reach(s->peer.ip, bytes, (unsigned)bytes * 8) == IP_PRIVATE;
	if (s->watched && lost(s))
		s->trusted = false;
}

void
smtp_recheck_trust(struct smtp_session *s)
{
	if (s->watched && s->trusted && lost(s))
		s->trusted = false;
}

void
smtp_trust_helo(struct smtp_session *s, str name)
{
	struct role *r = s->smtp->role;
	struct arena a = { 0 };
	enum limits_trust t;
	uint32_t names;

	if (!s->watched)
		return;
	t = limits_helo(r->limits, r->column, s->peer.ip, ip_bytes(s), arena_lower(&a, name),
		&s->smtp->helo_rule, loop_now_ms(r->loop), &names);
	if (t != LIMITS_TRUSTED)
		s->trusted = false;
	if (t == LIMITS_LOST_TRUST)
		log_error(&s->log, "trust-lost", kv_str("client", peer_text(&a, &s->peer)),
			kv_uint("names", names), kv_int("in_s", s->smtp->helo_rule.window_ms / 1000),
			kv_int("for_s", s->smtp->helo_rule.distrust_ms / 1000), kv_str("last", name),
			kv_c("hint", "an address in mynetworks that speaks for many is a router's (NAT): "
				     "take it out, "
				     "or raise mynetworks_helo_limit"));
	arena_done(&a);
}
