#include "wire/smtp.h"

#include "test/t.h"

static void
a_chunk_has_a_size_and_may_be_the_last(void **state)
{
	static const struct {
		str args;
		enum fault fault;
		uint64_t size;
		bool last;
	} cases[] = {
		{ SC("86"), OK, 86, false },
		{ SC("86 LAST"), OK, 86, true },
		{ SC("0 last"), OK, 0, true },
		{ SC("0"), OK, 0, false },
		{ SC("000086  Last"), OK, 86, true },
		{ SC("9223372036854775807"), OK, INT64_MAX, false },
		{ SC("9223372036854775808"), BAD_ARGUMENT, 0, false },
		{ SC("18446744073709551617 LAST"), BAD_ARGUMENT, 0, false },
		{ SC("99999999999999999999999999999999"), BAD_ARGUMENT, 0, false },
		{ SC(""), BAD_ARGUMENT, 0, false },
		{ SC("LAST"), BAD_ARGUMENT, 0, false },
		{ SC("LAST 86"), BAD_ARGUMENT, 0, false },
		{ SC("-1"), BAD_ARGUMENT, 0, false },
		{ SC("+1"), BAD_ARGUMENT, 0, false },
		{ SC("0x10"), BAD_ARGUMENT, 0, false },
		{ SC("86LAST"), BAD_ARGUMENT, 0, false },
		{ SC("86 LASTS"), BAD_ARGUMENT, 0, false },
		{ SC("86 LAST LAST"), BAD_ARGUMENT, 0, false },
		{ SC("86 LAST 1"), BAD_ARGUMENT, 0, false },
	};
	(void)state;
	EACH(cases, c) {
		struct smtp_bdat got = { 0 };

		CHECK_INT(smtp_bdat_parse(c->args, &got), c->fault);
		CHECK_INT(got.size, c->size);
		CHECK_INT(got.last, c->last);
	}
}

/* The same octets in pieces of every size give the same answer. */
static void
what_is_no_line_end_is_seen_wherever_the_pieces_are_cut(void **state)
{
	static const struct {
		str in;
		bool cr, lf;
	} cases[] = {
		{ SC(""), false, false },
		{ SC("a\r\nb\r\n"), false, false },
		{ SC("a"), false, false },
		{ SC("\r\n\r\n"), false, false },
		{ SC("a\nb"), false, true },
		{ SC("\n"), false, true },
		{ SC("\r\n\n"), false, true },
		{ SC("a\rb"), true, false },
		{ SC("a\r"), true, false },
		{ SC("\r\r\n"), true, false },
		{ SC("\r\n\r"), true, false },
		{ SC("\n\r"), true, true },
		{ SC("a\r\n.\nb\rc\r\n"), true, true },
	};
	(void)state;
	EACH(cases, c)
		for (size_t piece = 1; piece <= c->in.n + 1; piece++) {
			struct smtp_newlines n = { 0 };

			for (size_t at = 0; at < c->in.n; at += piece)
				smtp_newlines_see(&n, str_sub(c->in, at, piece));
			smtp_newlines_see(&n, S(""));
			smtp_newlines_end(&n);
			CHECK_INT(n.bare_cr, c->cr);
			CHECK_INT(n.bare_lf, c->lf);
		}
}

T_MAIN(T(a_chunk_has_a_size_and_may_be_the_last), T(what_is_no_line_end_is_seen_wherever_the_pieces_are_cut))
