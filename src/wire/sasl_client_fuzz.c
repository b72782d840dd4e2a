/* Input: an octet of mechanism and circumstances, then a server's challenges, each ended by '\n'. */
#include "wire/sasl_client.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct sasl_binding binding = { SC("0123456789abcdef0123456789abcdef"),
		SC("certificate") };
	struct arena a = { 0 };
	struct sasl_client c;
	bool has, plus;
	str in, challenge, response;
	enum sasl_mech m;

	if (size < 1)
		return 0;
	in = str_of(data + 1, size - 1);
	m = sasl_client_choose(in, data[0] & 8, data[0] & 16 ? &binding : NULL, &plus);
	assert(!sasl_mech_is_plain_text(m) || data[0] & 8);
	assert(!sasl_mech_is_plus(m) || (data[0] & 16 && plus));

	if (sasl_client_start(&c, &a, (enum sasl_mech)(data[0] & 7), S("ann@a.test"), S("secret"),
		    data[0] & 16 ? &binding : NULL, data[0] & 32, S("abc"), &has, &response) != OK)
		goto out;
	for (int steps = 0; steps < 8 && str_take_until(&in, '\n', &challenge); steps++) {
		enum fault f = sasl_client_step(&c, challenge, &response);

		assert(f == OK || f == MALFORMED || f == AUTH_FAILED);
		if (f != OK)
			break;
		/* The password itself is said to LOGIN only, unless it was in the server's own nonce. */
		assert(c.mech == SASL_LOGIN || str_find_str(response, S("secret")) == response.n ||
			str_find_str(challenge, S("secret")) < challenge.n);
	}
	/* Nobody but who knows the password can make this signature. */
	assert(!sasl_mech_proof_size(c.mech) || sasl_client_finish(&c) == AUTH_FAILED);
out:
	arena_done(&a);
	return 0;
}
