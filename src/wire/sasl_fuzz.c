/* Input: an octet each for mechanism and circumstances, then responses, each ended by '\n'. Vault's part is played by constants. */
#include "wire/sasl.h"

#include "base/base64.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_user(const struct sasl *s)
{
	assert(s->user.n > 0 && s->user.n <= SASL_USER && str_is_utf8(s->user) && !str_has_ctl(s->user));
}

/* Plays vault until the exchange wants something of the client, or is over. */
static enum sasl_move
play_vault(struct sasl *s, enum sasl_move move, enum fault verdict)
{
	while (move != SASL_SEND && move != SASL_DONE && move != SASL_FAILED) {
		if (move == SASL_ASK_EXTERNAL) {
			if (s->user.n)
				check_user(s);
			return sasl_told(s, verdict);
		}
		check_user(s);
		if (move == SASL_ASK_PASSWORD) {
			assert(s->password.n > 0 && str_is_utf8(s->password) &&
				str_find(s->password, '\0') == s->password.n);
			move = sasl_told(s, verdict);
			assert(move == (verdict == OK ? SASL_DONE : SASL_FAILED));
		} else if (move == SASL_ASK_SALT) {
			move = sasl_told_salt(s, S("salt"), 4096);
			assert(move == SASL_SEND);
		} else {
			assert(move == SASL_ASK_PROOF && s->proof.n == sasl_mech_proof_size(s->mech));
			assert(str_starts(s->auth_message, s->client_first_bare));
			assert(str_find_str(s->auth_message, s->nonce) < s->auth_message.n);
			move = sasl_told_proof(s, verdict, S("signature"));
			assert(move == (verdict == OK ? SASL_SEND : SASL_FAILED));
		}
	}
	return move;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct sasl_binding binding = { SC("0123456789abcdef0123456789abcdef"),
		SC("certificate") };
	struct arena a = { 0 };
	struct sasl s;
	enum sasl_move move;
	str in, response = S("");
	enum fault verdict;

	if (size < 2)
		return 0;
	in = str_of(data + 2, size - 2);
	verdict = data[1] & 1 ? AUTH_FAILED : OK;
	if (data[1] & 2)
		(void)str_take_until(&in, '\n', &response);
	move = sasl_start(&s, &a, (enum sasl_mech)(data[0] % 8), data[1] & 4 ? &binding : NULL, data[1] & 8,
		S("NONCE"), data[1] & 2, response);
	for (;;) {
		move = play_vault(&s, move, verdict);
		if (move != SASL_SEND || !str_take_until(&in, '\n', &response))
			break;
		assert(s.challenge.n < 2 * SASL_RESPONSE);
		move = sasl_step(&s, response);
	}
	if (move == SASL_DONE && (s.mech != SASL_EXTERNAL || s.user.n))
		check_user(&s);
	assert(move != SASL_FAILED || (s.fault != OK && s.fault < FAULTS));
	assert(move != SASL_DONE || verdict == OK);
	sasl_wipe(&s);
	arena_done(&a);
	return 0;
}
