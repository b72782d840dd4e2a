#include "base/arena.h"
#include "base/base64.h"
#include "base/fault.h"
#include "base/list.h"
#include "base/log.h"
#include "base/table.h"
#include "base/moment.h"

#include "test/t.h"

static void
numbers_are_digits_and_bounded(void **state)
{
	static const struct {
		str in;
		uint64_t max;
		bool ok;
		uint64_t want;
	} cases[] = {
		{ SC("0"), 10, true, 0 },
		{ SC("18446744073709551615"), UINT64_MAX, true, UINT64_MAX },
		{ SC("18446744073709551616"), UINT64_MAX, false, 0 },
		{ SC("99999999999999999999999"), UINT64_MAX, false, 0 },
		{ SC("11"), 10, false, 0 },
		{ SC(""), 10, false, 0 },
		{ SC("-1"), 10, false, 0 },
		{ SC("1 "), 10, false, 0 },
	};
	(void)state;
	EACH(cases, c) {
		uint64_t got = 0;
		CHECK(str_to_u64(c->in, c->max, &got) == c->ok);
		CHECK_INT(got, c->want);
	}
}

static void
utf8_is_strict(void **state)
{
	static const struct {
		str in;
		bool ok;
	} cases[] = {
		{ SC("plain"), true },
		{ SC("Gr\xc3\xbc\xc3\x9f"
		     "e"),
			true },
		{ SC("\xf0\x9f\x93\xac"), true },
		{ SC("\xc0\xaf"), false },
		{ SC("\xe0\x80\xaf"), false },
		{ SC("\xed\xa0\x80"), false },
		{ SC("\xf4\x90\x80\x80"), false },
		{ SC("\xc3"), false },
		{ SC("\x80"), false },
		{ SC("\xff"), false },
	};
	(void)state;
	EACH(cases, c)
		CHECK(str_is_utf8(c->in) == c->ok);
}

static void
words_and_pieces_are_taken_from_the_front(void **state)
{
	str s = S("  MAIL  FROM:<a@b>"), word = { 0 }, head = { 0 };

	(void)state;
	CHECK(str_take_word(&s, &word));
	CHECK_STR(word, S("MAIL"));
	CHECK(str_take_word(&s, &word));
	CHECK(str_take_nocase(&word, S("from:")));
	CHECK_STR(word, S("<a@b>"));
	CHECK(!str_take_word(&s, &word));
	s = S("a,,b");
	CHECK(str_take_until(&s, ',', &head));
	CHECK_STR(head, S("a"));
	CHECK(str_take_until(&s, ',', &head));
	CHECK_STR(head, S(""));
	CHECK(str_take_until(&s, ',', &head));
	CHECK_STR(head, S("b"));
	CHECK(!str_take_until(&s, ',', &head));
}

static void
a_full_buffer_stays_full_until_cleared(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 5);
	CHECK(buf_add(&b, S(""))); /* nothing always fits, where there is no memory yet too */
	CHECK(buf_add(&b, S("abc")));
	CHECK(!buf_add(&b, S("def")));
	CHECK(!buf_add(&b, S("d")));
	CHECK(b.full);
	CHECK_STR(buf_str(&b), S("abc"));
	buf_clear(&b);
	CHECK(buf_add(&b, S("12345")));
	CHECK(!b.full);
	buf_done(&b);
}

static void
integers_survive_the_trip_through_bytes(void **state)
{
	static const uint64_t values[] = { 0, 1, 127, 128, 300, UINT32_MAX, UINT64_MAX };
	struct buf b = { 0 };

	(void)state;
	EACH(values, v) {
		uint64_t got = 0, fixed = 0;
		str s, bytes = { 0 };

		buf_clear(&b);
		buf_add_varint(&b, *v);
		buf_add_le64(&b, *v);
		buf_add_counted(&b, S("xyz"));
		s = buf_str(&b);
		CHECK(str_take_varint(&s, &got));
		CHECK(str_take_le64(&s, &fixed));
		CHECK(str_take_counted(&s, &bytes));
		CHECK(got == *v && fixed == *v && s.n == 0);
		CHECK_STR(bytes, S("xyz"));
	}
	{
		str overlong = S("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02");
		str cut = S("\x05"
			    "ab"),
		    got;
		uint64_t v;
		CHECK(!str_take_varint(&overlong, &v));
		CHECK(!str_take_counted(&cut, &got));
		CHECK_INT(cut.n, 3);
	}
	buf_done(&b);
}

static void
base64_is_strict_both_ways(void **state)
{
	static const struct {
		str plain, text;
	} good[] = {
		{ SC(""), SC("") },
		{ SC("f"), SC("Zg==") },
		{ SC("fo"), SC("Zm8=") },
		{ SC("foo"), SC("Zm9v") },
		{ SC("\0ann\0secret"), SC("AGFubgBzZWNyZXQ=") },
	};
	static const str bad[] = { SC("Z"), SC("Zg="), SC("Zg== "), SC("Zh=="), SC("===="), SC("Zg==Zg=="),
		SC("Z*==") };
	struct buf b = { 0 };

	(void)state;
	EACH(good, c) {
		buf_clear(&b);
		base64_add(&b, c->plain);
		CHECK_STR(buf_str(&b), c->text);
		buf_clear(&b);
		CHECK(base64_decode(c->text, &b));
		CHECK_STR(buf_str(&b), c->plain);
	}
	EACH(bad, s) {
		buf_clear(&b);
		CHECK(!base64_decode(*s, &b));
		CHECK_INT(b.n, 0);
	}
	buf_clear(&b);
	hex_add(&b, S("\x00\xffz"));
	CHECK_STR(buf_str(&b), S("00ff7a"));
	buf_clear(&b);
	CHECK(hex_decode(S("00fF7a"), &b));
	CHECK_STR(buf_str(&b), S("\x00\xffz"));
	CHECK(!hex_decode(S("0g"), &b));
	buf_done(&b);
}

static void
an_arena_gives_zeroed_memory_and_can_be_used_again(void **state)
{
	struct arena a = { 0 };

	(void)state;
	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < 300; i++) {
			char *p = arena_take(&a, i);
			for (size_t k = 0; k < i; k++)
				CHECK(p[k] == 0);
			if (i)
				memset(p, 0x5A, i);
		}
		CHECK_STR(arena_printf(&a, "%d-%s", 7, "x"), S("7-x"));
		CHECK_STR(arena_join(&a, S("ab"), S("cd")), S("abcd"));
		arena_reset(&a);
	}
	arena_done(&a);
}

static void
a_table_finds_what_was_put_and_forgets_what_was_removed(void **state)
{
	static char names[2000][8];
	struct table t;

	(void)state;
	table_init(&t, (struct hash_key){ 1, 2 });
	for (size_t i = 0; i < COUNT(names); i++) {
		snprintf(names[i], sizeof(names[i]), "k%zu", i);
		CHECK(table_put(&t, str_c(names[i]), names[i]) == NULL);
	}
	for (size_t i = 0; i < COUNT(names); i += 3)
		CHECK(table_remove(&t, str_c(names[i])) == names[i]);
	for (size_t i = 0; i < COUNT(names); i++)
		CHECK(table_get(&t, str_c(names[i])) == (i % 3 ? names[i] : NULL));
	for (size_t i = 0; i < COUNT(names); i++)
		table_remove(&t, str_c(names[i]));
	CHECK_INT(t.n, 0);
	CHECK(table_get(&t, S("k1")) == NULL);
	table_done(&t);
}

static void
moments_are_spelled_as_the_rfcs_want(void **state)
{
	static const struct {
		int64_t ms;
		int zone;
		const char *rfc5322, *rfc3339;
	} cases[] = {
		{ 0, 0, "Thu, 1 Jan 1970 00:00:00 +0000", "1970-01-01T00:00:00.000Z" },
		{ 951782400123, 60, "Tue, 29 Feb 2000 01:00:00 +0100", "2000-02-29T00:00:00.123Z" },
		{ 1795471920000, -330, "Mon, 23 Nov 2026 16:42:00 -0530", "2026-11-23T22:12:00.000Z" },
		{ -1000, 0, "Wed, 31 Dec 1969 23:59:59 +0000", "1969-12-31T23:59:59.000Z" },
	};
	struct buf b = { 0 };

	(void)state;
	EACH(cases, c) {
		struct moment_parts parts;

		buf_clear(&b);
		moment_add_rfc5322(&b, c->ms, c->zone);
		CHECK_C(buf_str(&b), c->rfc5322);
		buf_clear(&b);
		moment_add_rfc3339(&b, c->ms);
		CHECK_C(buf_str(&b), c->rfc3339);
		moment_split(c->ms, &parts);
		CHECK(moment_join(&parts) == c->ms);
	}
	buf_done(&b);
}

static void
a_peers_bytes_cannot_forge_a_log_line(void **state)
{
	struct log_sink sink = { .fd = -1, .role = "smtp" };
	struct log l = { .sink = &sink, .id_name = "session", .id = SC("a1") };

	(void)state;
	log_event(&l, "auth-failed", kv_str("user", S("x\r\nlevel=error \"\\\xff")), kv_int("n", -3));
	CHECK_STR(buf_str(&sink.lines), S("level=info role=smtp event=auth-failed session=a1 "
					  "user=\"x\\r\\nlevel=error \\\"\\\\\\u00ff\" n=-3\n"));
	buf_clear(&sink.lines);
	sink.format = LOG_JSON;
	log_event(&l, "x", kv_c("k", "v"), kv_bool("b", true));
	CHECK_STR(buf_str(&sink.lines),
		S("{\"level\":\"info\",\"role\":\"smtp\",\"event\":\"x\",\"session\":\"a1\","
		  "\"k\":\"v\",\"b\":true}\n"));
	buf_done(&sink.lines);
}

static void
the_system_log_is_told_who_speaks_and_how_loud(void **state)
{
	struct log_sink sink = { .syslog = true, .role = "smtp", .name = "mx", .facility = 16 };
	struct log l = { .sink = &sink };
	char got[200];
	int fds[2];
	ssize_t n;

	(void)state;
	CHECK(pipe(fds) == 0);
	sink.fd = fds[1];
	log_warn(&l, "disk-slow");
	n = read(fds[0], got, sizeof(got));
	CHECK(n > 0 && str_starts(str_of(got, (size_t)n), S("<132>mx["))); /* local0, warning */
	CHECK(str_ends(str_of(got, (size_t)n), S("]: level=warn role=smtp event=disk-slow\n")));
	close(fds[0]);
	close(fds[1]);
	buf_done(&sink.lines);
}

static void
every_fault_has_words_for_every_protocol(void **state)
{
	(void)state;
	for (int f = OK; f < FAULTS; f++) {
		const struct fault_words *w = fault_words((enum fault)f);
		CHECK(w->name && w->text && w->pop3 && w->imap);
		CHECK(w->smtp >= 200 && w->smtp < 600);
		CHECK(w->status[0] == '0' + w->smtp / 100);
	}
	CHECK_INT(fault_of(100000), INTERNAL);
	CHECK(fault_is_temporary(STORE_DOWN) && !fault_is_temporary(RELAY_DENIED));
}

static void
a_list_lets_its_members_go_while_it_is_walked(void **state)
{
	struct item {
		int n;
		struct link link;
	} items[4] = { { 0 }, { 1 }, { 2 }, { 3 } };
	struct link list;
	int sum = 0;

	(void)state;
	list_init(&list);
	for (size_t i = 0; i < COUNT(items); i++)
		list_append(&list, &items[i].link);
	LIST_EACH(&list, l) {
		struct item *it = CONTAINER(l, struct item, link);
		sum += it->n;
		list_remove(l);
		list_remove(l);
	}
	CHECK_INT(sum, 6);
	CHECK(list_empty(&list) && list_take_first(&list) == NULL);
}

T_MAIN(T(numbers_are_digits_and_bounded), T(utf8_is_strict), T(words_and_pieces_are_taken_from_the_front),
	T(a_full_buffer_stays_full_until_cleared), T(integers_survive_the_trip_through_bytes),
	T(base64_is_strict_both_ways), T(an_arena_gives_zeroed_memory_and_can_be_used_again),
	T(a_table_finds_what_was_put_and_forgets_what_was_removed), T(moments_are_spelled_as_the_rfcs_want),
	T(a_peers_bytes_cannot_forge_a_log_line), T(the_system_log_is_told_who_speaks_and_how_loud),
	T(every_fault_has_words_for_every_protocol), T(a_list_lets_its_members_go_while_it_is_walked))
