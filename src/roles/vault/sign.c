/* roles/vault/sign.c - signatures for TLS handshakes - RFC 8446 4.4.3, RFC 5246 7.4.3
 * An elliptic curve signs in tens of microseconds: on the loop. RSA takes a millisecond: in a thread. */
#include "roles/vault/vault.h"

#include "base/mem.h"

enum { MOST_DATA = 16384, MOST_SIGNATURE = 4096 };

struct sign_job {
	struct tls_key *key;
	enum tls_sign_how how;
	str data;
	struct buf signature;
	enum fault fault;
};

static bool
read_question(const struct vault *v, str payload, struct talk_sign_ask *ret)
{
	return talk_read_sign_ask(payload, ret) && ret->key < v->key_count && ret->how <= TLS_SIGN_ED25519 &&
	       ret->data.n <= MOST_DATA;
}

static void
sign(void *arg)
{
	struct sign_job *j = arg;

	j->fault = tls_key_sign(j->key, j->how, j->data, &j->signature);
}

bool
vault_sign_now(struct vault *v, struct chan *c, struct frame *f)
{
	struct talk_sign_ask m;
	struct sign_job job = { 0 };

	if (!read_question(v, f->payload, &m)) {
		role_bad_frame(v->role, c, f, "fields");
		return true;
	}
	if (m.how == TLS_SIGN_RSA_RAW)
		return false;
	job = (struct sign_job){ .key = v->keys[m.key], .how = (enum tls_sign_how)m.how, .data = m.data };
	buf_init(&job.signature, MOST_SIGNATURE);
	sign(&job);
	ROLE_ANSWER(c, f, sign_told, { .fault = job.fault, .signature = buf_str(&job.signature) });
	buf_done(&job.signature);
	return true;
}

void
vault_on_sign(struct ask *k)
{
	struct vault *v = k->vault;
	struct talk_sign_ask m;
	struct sign_job job = { 0 };
	enum fault f = INTERNAL;

	if (read_question(v, k->payload, &m)) {
		job = (struct sign_job){
			.key = v->keys[m.key], .how = (enum tls_sign_how)m.how, .data = m.data
		};
		buf_init(&job.signature, MOST_SIGNATURE);
		f = pool_run(v->signers, sign, &job, VAULT_SIGNATURES);
		if (f == OK)
			f = job.fault;
	}
	QUESTION_ANSWER(&k->question, sign_told,
		{ .fault = f, .signature = f == OK ? buf_str(&job.signature) : S("") });
	buf_done(&job.signature);
}
