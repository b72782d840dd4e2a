/* roles/smtp/ccert.c - the certificate a client showed: kept for the log, for rules, and for AUTH EXTERNAL */
#include "roles/smtp/smtp.h"

#include "base/mem.h"

void
smtp_learn_ccert(struct smtp_session *s)
{
	struct tls_peer peer;
	struct smtp_extra *extra;
	struct arena a = { 0 };

	if (!s->service->asks_ccert)
		return;
	if (!tls_peer_cert(s->stream.tls, &a, s->service->ccert_digest, &peer)) {
		arena_done(&a);
		return;
	}
	extra = smtp_extra(s);
	extra->ccert = (struct smtp_ccert){ .fingerprint = arena_str(&extra->arena, peer.fingerprint),
		.subject = arena_str(&extra->arena, peer.subject),
		.emails = ARENA_ARRAY(&extra->arena, peer.email_count, str),
		.email_count = peer.email_count,
		.verified = peer.verified };
	for (size_t i = 0; i < peer.email_count; i++)
		extra->ccert.emails[i] = arena_str(&extra->arena, peer.emails[i]);
	extra->has_ccert = true;
	if (s->service->tls_loglevel >= 1)
		log_event(&s->log, "client-certificate", kv_bool("verified", peer.verified),
			kv_c("why", peer.verified ? "" : peer.why), kv_str("fingerprint", peer.fingerprint),
			kv_str("subject", peer.subject),
			kv_str("email", peer.email_count ? peer.emails[0] : S("")));
	arena_done(&a);
}
