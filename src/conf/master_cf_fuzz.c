/* Input: a master.cf. Its lines are cut so that nothing is lost, and each is a service whose parts stand in it, or has a reason why not. */
#include "conf/master_cf.h"

#include "conf/text.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_inside(str part, str whole)
{
	assert(part.n == 0 || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n));
}

static void
check_service(str line)
{
	struct master_service s = { 0 };
	struct arena a = { 0 };
	const char *why = NULL;

	if (master_service_parse(&a, line, &s, &why) != OK) {
		assert(why && why[0]);
	} else {
		assert(s.name.n && s.program.n);
		assert(s.option_count + s.argument_count <= MASTER_ARGUMENTS);
		check_inside(s.program, line);
		for (size_t i = 0; i < s.option_count; i++) {
			assert(s.options[i].name.n &&
				str_find(s.options[i].name, '=') == s.options[i].name.n);
			check_inside(s.options[i].value, line);
		}
		for (size_t i = 0; i < s.argument_count; i++)
			check_inside(s.arguments[i], line);
	}
	arena_done(&a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct text t = { .rest = str_of(data, size) };
	struct buf joined = { 0 };
	struct text_line line;
	size_t taken = 0;
	int number = 0;

	while (text_take(&t, &joined, &line)) {
		assert(line.number > number && line.raw.n);
		number = line.number;
		taken += line.before.n + line.raw.n;
		assert(line.text.n <= TEXT_LINE_BYTES && str_find(line.text, '\n') == line.text.n);
		check_service(line.text);
	}
	assert(taken + t.rest.n == size);
	buf_done(&joined);
	return 0;
}
