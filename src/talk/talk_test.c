#include "talk/talk.h"

#include "base/mem.h"
#include "test/t.h"

static void
a_message_survives_the_trip(void **state)
{
	struct talk_accept in = { .received_ms = -5,
		.sent_ms = INT64_MAX,
		.message_id_key = UINT64_MAX,
		.dot_lines = true,
		.row = SC("row"),
		.deliveries = SC("d"),
		.body = SC("body\r\n") };
	struct talk_accept out;
	struct buf b = { 0 };

	(void)state;
	talk_put_accept(&b, &in);
	CHECK(talk_read_accept(buf_str(&b), &out));
	CHECK_INT(out.received_ms, -5);
	CHECK(out.sent_ms == INT64_MAX && out.message_id_key == UINT64_MAX && out.dot_lines);
	CHECK_STR(out.body, S("body\r\n"));
	for (size_t n = 0; n < b.n; n++)
		CHECK(!talk_read_accept(str_of(b.p, n), &out)); /* no prefix of it is a message */
	buf_add_char(&b, 'x');
	CHECK(!talk_read_accept(buf_str(&b), &out)); /* nor anything longer */
	buf_done(&b);
}

static void
numbers_out_of_range_are_refused(void **state)
{
	struct buf b = { 0 };
	struct talk_range range;
	struct talk_done done;
	str s;

	(void)state;
	buf_add_varint(&b, (uint64_t)UINT32_MAX + 1);
	buf_add_varint(&b, 1);
	s = buf_str(&b);
	CHECK(!talk_take_range(&s, &range));
	CHECK_INT(s.n, b.n);
	buf_clear(&b);
	buf_add_varint(&b, FAULTS);
	CHECK(!talk_read_done(buf_str(&b), &done));
	buf_done(&b);
}

static void
who_may_say_what_is_a_table(void **state)
{
	static const struct {
		uint16_t type;
		unsigned from, to;
		bool may;
	} cases[] = {
		{ TALK_ASK_accept, TALK_SMTP, TALK_STORE, true },
		{ TALK_ASK_accept, TALK_LOGIN, TALK_STORE, false },
		{ TALK_SAY_grant, TALK_VAULT, TALK_POP3, true },
		{ TALK_SAY_grant, TALK_LOGIN, TALK_POP3, false },
		{ TALK_ASK_account_put, TALK_SMTP, TALK_STORE, false },
		{ TALK_ASK_sign_ask, TALK_SMTP, TALK_STORE, false },
		{ TALK_SAY_table, TALK_MASTER, TALK_SMTP, true },
		{ TALK_SAY_table, TALK_LOGIN, TALK_SMTP, false },
		{ TALK_NOTHING, TALK_MASTER, TALK_STORE, false },
		{ TALK_TYPES, TALK_MASTER, TALK_STORE, false },
	};
	bool answer;

	(void)state;
	EACH(cases, c)
		CHECK(talk_may_say(c->type, c->from, c->to, &answer) == c->may);
}

T_MAIN(T(a_message_survives_the_trip), T(numbers_out_of_range_are_refused), T(who_may_say_what_is_a_table))
