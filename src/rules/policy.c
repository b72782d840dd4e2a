/* rules/policy.c - the protocol of policy services: name=value lines up to an empty one, in both directions */
#include "rules/rules.h"

static const char *const step_names[] = {
	[RULES_AT_CONNECT] = "CONNECT",
	[RULES_AT_HELO] = "HELO",
	[RULES_AT_MAIL] = "MAIL",
	[RULES_AT_RCPT] = "RCPT",
	[RULES_AT_DATA] = "DATA",
	[RULES_AT_END] = "END-OF-MESSAGE",
};

/* What could end the line, or the request, is made a question mark. */
static void
add(struct buf *b, const char *name, str value)
{
	buf_add_c(b, name);
	buf_add_char(b, '=');
	for (size_t i = 0; i < value.n; i++) {
		char c = value.p[i];

		buf_add_char(b, (unsigned char)c < ' ' || c == 127 ? '?' : c);
	}
	buf_add_char(b, '\n');
}

static void
add_u64(struct buf *b, const char *name, uint64_t n)
{
	buf_printf(b, "%s=%llu\n", name, (unsigned long long)n);
}

static void
add_address(struct buf *b, struct arena *a, const char *name, const struct addr *ad)
{
	add(b, name, !ad ? S("") : ad->domain.n ? addr_canonical(a, ad) : ad->local);
}

static void
add_port(struct buf *b, const char *name, uint16_t port)
{
	if (port)
		add_u64(b, name, port);
	else
		add(b, name, S(""));
}

void
rules_policy_request(
	struct buf *b, const struct rules_facts *f, enum rules_step step, const struct rules_policy *p)
{
	struct arena a = { 0 };

	add(b, "request", S("smtpd_access_policy"));
	add(b, "protocol_state", str_c(step_names[step]));
	add(b, "protocol_name", f->esmtp ? S("ESMTP") : S("SMTP"));
	add(b, "client_address", f->client ? peer_text(&a, f->client) : S("unknown"));
	add(b, "client_name", f->client_name);
	add_port(b, "client_port", f->client ? f->client->port : 0);
	add(b, "reverse_client_name", f->reverse_name);
	add(b, "server_address", f->server_address);
	add_port(b, "server_port", f->server_port);
	add(b, "helo_name", f->helo);
	add_address(b, &a, "sender", f->sender);
	add_address(b, &a, "recipient", f->rcpt);
	add_u64(b, "recipient_count", step >= RULES_AT_DATA ? f->rcpt_count : 0);
	add(b, "queue_id", f->id);
	add(b, "instance", f->instance);
	add_u64(b, "size", f->size);
	add(b, "etrn_domain", S(""));
	add(b, "stress", S(""));
	add(b, "sasl_method", str_c(f->auth_method));
	add(b, "sasl_username", f->user);
	add(b, "sasl_sender", f->auth_sender);
	add(b, "ccert_subject", f->ccert_verified ? f->ccert_subject : S(""));
	add(b, "ccert_issuer", f->ccert_verified ? f->ccert_issuer : S(""));
	add(b, "ccert_fingerprint", f->ccert_fingerprint);
	add(b, "ccert_pubkey_fingerprint", f->ccert_pubkey);
	add(b, "encryption_protocol", str_c(f->tls_version));
	add(b, "encryption_cipher", str_c(f->tls_cipher));
	add_u64(b, "encryption_keysize", (uint64_t)f->tls_bits);
	add(b, "policy_context", p->context);
	buf_add_char(b, '\n');
	arena_done(&a);
}

bool
rules_policy_answer(str *in, str *ret_action, bool *ret_ok)
{
	str rest = *in, line;
	str action = S("");
	bool ok = false;

	while (str_find(rest, '\n') < rest.n) {
		(void)str_take_until(&rest, '\n', &line);
		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		if (line.n == 0) {
			*in = rest;
			*ret_ok = ok && !str_has_ctl(action) && action.n;
			*ret_action = *ret_ok ? action : S("");
			return true;
		}
		if (!ok && str_take(&line, S("action="))) {
			action = str_trim(line);
			ok = true;
		}
	}
	return false;
}
