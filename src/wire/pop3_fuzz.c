/* Input: an octet that says where pieces end, then bytes taken once as command lines and once as a message. */
#include "wire/pop3.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_line(str line)
{
	struct pop3_command c;
	struct buf b = { 0 };
	uint32_t n, count;
	bool given;
	enum fault f;

	if (pop3_command_parse(line, &c) != OK) {
		assert(str_find(line, '\0') < line.n);
		return;
	}
	assert(c.args.n + c.word.n <= line.n);
	assert(c.verb == POP3_UNKNOWN || str_eq_nocase(c.word, str_c(pop3_verb_name(c.verb))));
	f = pop3_args_number(c.args, &given, &n);
	assert(f == BAD_ARGUMENT || (f == OK && (!given || n > 0)));
	f = pop3_args_two(c.args, &n, &count);
	assert(f == BAD_ARGUMENT || (f == OK && n > 0));
	pop3_fault_add(&b, BAD_ARGUMENT, c.args);
	pop3_ok_add(&b, c.args);
	assert(b.n <= 1024 && str_is_utf8(buf_str(&b)));
	assert(str_find(buf_str(&b), '\n') == str_find(buf_str(&b), '\r') + 1);
	assert(str_find(str_from(buf_str(&b), str_find(buf_str(&b), '\n') + 1), '\r') + 2 +
			str_find(buf_str(&b), '\n') + 1 ==
		b.n);
	buf_done(&b);
}

/* What a client makes of the answer: lines until ".", one dot off each that begins with one. */
static void
check_answer(str answer, str message)
{
	struct buf back = { 0 };

	assert(str_ends(answer, S(".\r\n")));
	while (!str_eq(answer, S(".\r\n"))) {
		size_t line = str_find(answer, '\n') + 1;

		assert(line < answer.n && !str_starts(answer, S(".\r\n")) && !str_starts(answer, S(".\n")));
		(void)str_take(&answer, S("."));
		line = str_find(answer, '\n') + 1;
		buf_add(&back, str_sub(answer, 0, line));
		answer = str_from(answer, line);
	}
	assert(str_eq(buf_str(&back), message) ||
		(str_ends(buf_str(&back), S("\r\n")) &&
			str_eq(str_sub(buf_str(&back), 0, back.n - 2), message)));
	buf_done(&back);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf whole = { 0 }, pieces = { 0 };
	bool start = true, start_pieces = true;
	size_t step, top, all;
	str in;

	if (size == 0)
		return 0;
	step = (size_t)data[0] % 16 + 1;
	in = str_of(data + 1, size - 1);
	for (str rest = in, line; str_take_until(&rest, '\n', &line);)
		check_line(line);

	pop3_stuff_add(&whole, in, &start);
	for (str rest = in; rest.n; rest = str_from(rest, step))
		pop3_stuff_add(&pieces, str_sub(rest, 0, step), &start_pieces);
	assert(start == start_pieces && str_eq(buf_str(&whole), buf_str(&pieces)));
	pop3_end_add(&whole, start);
	check_answer(buf_str(&whole), in);

	top = pop3_top_size(in, (uint32_t)step);
	all = pop3_top_size(in, UINT32_MAX);
	assert(top <= all && all == in.n);
	assert(pop3_top_size(in, 0) <= top);
	buf_done(&whole);
	buf_done(&pieces);
	return 0;
}
