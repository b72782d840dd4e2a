#include "mail/maildir.h"

#include "base/mem.h"
#include "mail/mutf7.h"
#include "test/t.h"

static const struct {
	const char *name;
	bool ok;
	const char *base, *flags;
	int64_t time_s;
} names[] = {
	{ "1700000000.M1P2.host:2,S", true, "1700000000.M1P2.host", ":2,S", 1700000000 },
	{ "1700000000.M1P2.host", true, "1700000000.M1P2.host", ":2,", 1700000000 },
	{ "1700000000.M1P2.host,S=12,W=13:2,FRSab", true, "1700000000.M1P2.host,S=12,W=13", ":2,FRSab",
		1700000000 },
	{ "x:2,TSRPFD", true, "x", ":2,DFPRST", 0 },
	{ "x:2,SSXYZ,custom", true, "x", ":2,S", 0 },
	{ "x:1,S", true, "x", ":2,", 0 },
	{ "1700000000", true, "1700000000", ":2,", 0 },
	{ "99999999999.x", true, "99999999999.x", ":2,", 0 },
	{ "x:2,z", true, "x", ":2,z", 0 },
	{ ".hidden", false, "", "", 0 },
	{ "", false, "", "", 0 },
	{ ":2,S", false, "", "", 0 },
	{ "a/b", false, "", "", 0 },
};

static void
a_name_says_flags_and_time(void **state)
{
	(void)state;
	EACH(names, c) {
		struct maildir_name n = { 0 };
		struct buf b = { 0 };

		CHECK_INT(maildir_take_name(str_c(c->name), &n), c->ok);
		if (!c->ok)
			continue;
		CHECK_C(n.base, c->base);
		CHECK_INT(n.time_s, c->time_s);
		maildir_add_flags(&b, n.marks, n.keywords);
		CHECK_C(buf_str(&b), c->flags);
		buf_done(&b);
	}
}

static const struct {
	const char *folder, *mailbox;
	bool both; /* the folder is how we write it */
} folders[] = {
	{ ".Sent", "Sent", true },
	{ ".A.B.C", "A/B/C", true },
	{ ".Entw&APw-rfe", "Entw\u00fcrfe", true },
	{ ".A &- B", "A & B", true },
	{ ".&2D3cqQ-", "\U0001F4A9", true },
	{ ".v1&AC4-2", "v1.2", true },
	{ ".Entw\u00fcrfe", "Entw\u00fcrfe", false },
	{ ".&AEE-", "A", false },
	{ ".", NULL, false },
	{ "..", NULL, false },
	{ ".A.", NULL, false },
	{ ".A..B", NULL, false },
	{ "Sent", NULL, false },
	{ ".&AAA-", "&AAA-", false }, /* NUL: no modified UTF-7 */
	{ ".&AAo-", NULL, false },    /* LF */
	{ ".bad\xff", NULL, false },
	{ ".&2D0-", "&2D0-", false }, /* half a pair: taken as it stands */
	{ ".&open", "&open", false },
};

static void
a_folder_is_a_mailbox_and_back(void **state)
{
	(void)state;
	EACH(folders, c) {
		struct arena a = { 0 };
		struct buf b = { 0 };
		str got;
		bool ok = maildir_take_folder(&a, str_c(c->folder), &got);

		CHECK_INT(ok, c->mailbox != NULL);
		if (ok)
			CHECK_C(got, c->mailbox);
		if (c->both) {
			maildir_add_folder(&b, str_c(c->mailbox));
			CHECK_C(buf_str(&b), c->folder);
		}
		buf_done(&b);
		arena_done(&a);
	}
}

static void
a_list_of_keywords_is_read_leniently(void **state)
{
	str text = S("0 $Forwarded\n1 $MDNSent\nx y\n26 too-far\n3\n 2  spaced out \n25 last"), name;
	static const struct {
		unsigned n;
		const char *name;
	} want[] = { { 0, "$Forwarded" }, { 1, "$MDNSent" }, { 2, "spaced out" }, { 25, "last" } };
	unsigned n = 99;

	(void)state;
	EACH(want, c) {
		CHECK(maildir_take_keyword(&text, &n, &name));
		CHECK_INT(n, c->n);
		CHECK_C(name, c->name);
	}
	CHECK(!maildir_take_keyword(&text, &n, &name));
}

T_MAIN(T(a_name_says_flags_and_time), T(a_folder_is_a_mailbox_and_back),
	T(a_list_of_keywords_is_read_leniently))
