/* Input: an answer of a policy service as it comes, and, as such, the answer of an access table. */
#include "rules/rules.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	str in = str_of(data, size), action = S("");
	struct rules_result r;
	bool ok = false;

	rules_result_parse(in, &r);
	assert(r.action <= RULES_LIST);
	assert(r.text.n == 0 || (r.text.p >= in.p && r.text.p + r.text.n <= in.p + in.n));
	assert((r.action == RULES_CODE) == (r.code >= 400 && r.code <= 599));
	assert(r.status.n == 0 || (r.status.n >= 5 && r.status.n <= 9));
	while (in.n) {
		size_t before = in.n;

		if (!rules_policy_answer(&in, &action, &ok)) {
			assert(in.n == before);
			break;
		}
		assert(in.n < before);
		assert(ok == (action.n > 0) && !str_has_ctl(action));
		if (ok)
			rules_result_parse(action, &r);
	}
	(void)rules_hostname_ok(str_of(data, size));
	return 0;
}
