#include "wire/imap.h"

#include "base/moment.h"

#include "test/t.h"

#include <limits.h>

/* ---- a command as text, so that a case is one line ---- */

static void
dump_set(struct buf *b, const struct imap_set *set)
{
	if (set->saved)
		buf_add_char(b, '$');
	for (size_t i = 0; i < set->n; i++) {
		if (i)
			buf_add_char(b, ',');
		for (int end = 0; end < 2; end++) {
			uint32_t n = end ? set->ranges[i].last : set->ranges[i].first;
			if (end && n == set->ranges[i].first)
				continue;
			buf_add_c(b, end ? ":" : "");
			if (n == IMAP_STAR)
				buf_add_char(b, '*');
			else
				buf_add_u64(b, n);
		}
	}
}

static void
dump_strs(struct buf *b, const str *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (list[i].p)
			buf_printf(b, " '%.*s'", STR_ARG(list[i]));
		else
			buf_add_c(b, " nil");
}

static void
dump_flags(struct buf *b, const struct imap_flags *f)
{
	buf_printf(b, " flags=%u", f->bits);
	dump_strs(b, f->keywords, f->keyword_count);
}

static void
dump_items(struct buf *b, const struct imap_fetch_item *items, size_t n)
{
	static const char *const names[] = { "FLAGS", "UID", "INTERNALDATE", "SIZE", "ENVELOPE",
		"BODYSTRUCTURE", "BODY", "MODSEQ", "SAVEDATE", "EMAILID", "THREADID", "PREVIEW", "SECTION",
		"BINARY", "BINARY.SIZE", "RFC822", "RFC822.HEADER", "RFC822.TEXT" };
	static const char *const texts[] = { "", "HEADER", "FIELDS", "FIELDS.NOT", "TEXT", "MIME" };

	for (size_t i = 0; i < n; i++) {
		const struct imap_fetch_item *it = &items[i];

		buf_printf(b, " %s%s%s", names[it->item], it->peek ? "-peek" : "", it->lazy ? "-lazy" : "");
		if (it->item < IMAP_ITEM_SECTION || it->item > IMAP_ITEM_BINARY_SIZE)
			continue;
		buf_add_char(b, '[');
		for (size_t k = 0; k < it->section.path_n; k++)
			buf_printf(b, "%u.", it->section.path[k]);
		buf_add_c(b, texts[it->section.text]);
		dump_strs(b, it->section.fields, it->section.field_n);
		buf_add_char(b, ']');
		if (it->has_partial)
			buf_printf(b, "<%u.%u>", it->offset, it->count);
	}
}

static void
dump_partial(struct buf *b, const struct imap_partial *p)
{
	if (p->given)
		buf_printf(b, " partial=%lld:%lld", (long long)p->first, (long long)p->last);
}

static void
dump_key(struct buf *b, const struct imap_search_key *k)
{
	static const char *const names[] = { "all", "and", "or", "not", "seq", "uid", "flag", "keyword",
		"recent", "larger", "smaller", "before", "on", "since", "sentbefore", "senton", "sentsince",
		"savedbefore", "savedon", "savedsince", "savedate?", "older", "younger", "modseq", "emailid",
		"threadid", "header", "from", "to", "cc", "bcc", "subject", "body", "text" };

	buf_add_c(b, names[k->key]);
	dump_set(b, &k->set);
	if (k->number)
		buf_printf(b, "=%llu", (unsigned long long)k->number);
	if (k->field.n)
		buf_printf(b, " '%.*s'", STR_ARG(k->field));
	if (k->text.p)
		buf_printf(b, " '%.*s'", STR_ARG(k->text));
	if (!k->children)
		return;
	buf_add_char(b, '(');
	for (const struct imap_search_key *c = k->children; c; c = c->next) {
		dump_key(b, c);
		if (c->next)
			buf_add_c(b, ", ");
	}
	buf_add_char(b, ')');
}

static void
dump_sources(struct buf *b, const struct imap_source *s, size_t n)
{
	static const char *const names[] = { "selected", "inboxes", "personal", "subscribed", "subtree",
		"subtree-one", "mailboxes", "selected-delayed" };

	for (size_t i = 0; i < n; i++) {
		buf_printf(b, " %s", names[s[i].where]);
		dump_strs(b, s[i].mailboxes, s[i].mailbox_n);
	}
}

static void
dump_search(struct buf *b, const struct imap_command *c)
{
	const struct imap_search *s = &c->search;

	if (s->source_n) {
		buf_add_c(b, " in");
		dump_sources(b, s->sources, s->source_n);
	}
	if (s->extended)
		buf_printf(b, " return=%u", s->wanted);
	dump_partial(b, &s->partial);
	if (s->charset.n)
		buf_printf(b, " charset=%.*s", STR_ARG(s->charset));
	for (size_t i = 0; i < s->sort_n; i++)
		buf_printf(b, " %ssort%d", s->sort[i].reverse ? "-" : "", s->sort[i].key);
	if (c->verb == IMAP_THREAD)
		buf_printf(b, " thread%d", s->thread);
	buf_add_char(b, ' ');
	dump_key(b, s->key);
}

static void
dump_fetch(struct buf *b, const struct imap_fetch *f)
{
	buf_add_char(b, ' ');
	dump_set(b, &f->set);
	dump_items(b, f->items, f->item_n);
	if (f->has_changed_since)
		buf_printf(b, " since=%llu", (unsigned long long)f->changed_since);
	if (f->vanished)
		buf_add_c(b, " vanished");
	dump_partial(b, &f->partial);
}

static void
dump_select(struct buf *b, const struct imap_select *s)
{
	buf_printf(b, " '%.*s'%s", STR_ARG(s->mailbox), s->condstore ? " condstore" : "");
	if (!s->qresync)
		return;
	buf_printf(b, " qresync %u %llu ", s->uidvalidity, (unsigned long long)s->modseq);
	dump_set(b, &s->known_uids);
	buf_add_char(b, ' ');
	dump_set(b, &s->match_sequences);
	buf_add_char(b, '/');
	dump_set(b, &s->match_uids);
}

static void
dump_notify(struct buf *b, const struct imap_notify *n)
{
	buf_add_c(b, n->none ? " none" : n->status ? " status" : "");
	for (size_t i = 0; i < n->n; i++) {
		dump_sources(b, &n->groups[i].source, 1);
		buf_printf(b, " events=%u", n->groups[i].events);
		dump_items(b, n->groups[i].items, n->groups[i].item_n);
	}
}

static void
dump_metadata(struct buf *b, const struct imap_metadata *m)
{
	buf_printf(b, " '%.*s' depth=%d", STR_ARG(m->mailbox), (int)m->depth);
	if (m->has_max_size)
		buf_printf(b, " max=%llu", (unsigned long long)m->max_size);
	for (size_t i = 0; i < m->n; i++)
		buf_printf(b, " %.*s=%s%.*s", STR_ARG(m->entries[i].name), m->entries[i].nil ? "nil" : "",
			STR_ARG(m->entries[i].value));
}

static void
dump_arguments(struct buf *b, const struct imap_command *c)
{
	switch (c->verb) {
	case IMAP_FETCH: dump_fetch(b, &c->fetch); break;
	case IMAP_STORE:
		buf_add_char(b, ' ');
		dump_set(b, &c->store.set);
		buf_printf(b, " %c%s", "=+-"[c->store.change], c -> store.silent ? "silent" : "");
		if (c->store.has_unchanged_since)
			buf_printf(b, " unchanged=%llu", (unsigned long long)c->store.unchanged_since);
		dump_flags(b, &c->store.flags);
		break;
	case IMAP_SEARCH:
	case IMAP_SORT:
	case IMAP_THREAD:
	case IMAP_ESEARCH: dump_search(b, c); break;
	case IMAP_LIST:
	case IMAP_LSUB:
	case IMAP_XLIST:
		buf_printf(b, " select=%u return=%u status=%u%s '%.*s'", c->list.select, c->list.wanted,
			c->list.status, c->list.extended ? " extended" : "", STR_ARG(c->list.reference));
		dump_strs(b, c->list.patterns, c->list.pattern_n);
		dump_strs(b, c->list.entries, c->list.entry_n);
		break;
	case IMAP_SELECT:
	case IMAP_EXAMINE: dump_select(b, &c->select); break;
	case IMAP_STATUS: buf_printf(b, " '%.*s' %u", STR_ARG(c->status.mailbox), c->status.items); break;
	case IMAP_COPY:
	case IMAP_MOVE:
	case IMAP_EXPUNGE:
		buf_add_char(b, ' ');
		dump_set(b, &c->copy.set);
		buf_printf(b, " '%.*s'", STR_ARG(c->copy.mailbox));
		break;
	case IMAP_ENABLE:
	case IMAP_ID:
	case IMAP_CANCELUPDATE: dump_strs(b, c->words.words, c->words.n); break;
	case IMAP_SETACL:
	case IMAP_DELETEACL:
	case IMAP_GETACL:
	case IMAP_LISTRIGHTS:
	case IMAP_MYRIGHTS:
		buf_printf(b, " '%.*s' '%.*s' %c'%.*s'", STR_ARG(c->acl.mailbox), STR_ARG(c->acl.who),
			"=+-"[c->acl.change], STR_ARG(c->acl.rights));
		break;
	case IMAP_SETQUOTA:
		buf_printf(b, " '%.*s'", STR_ARG(c->quota.root));
		for (size_t i = 0; i < c->quota.n; i++)
			buf_printf(b, " %.*s=%llu", STR_ARG(c->quota.limits[i].resource),
				(unsigned long long)c->quota.limits[i].limit);
		break;
	case IMAP_GETMETADATA:
	case IMAP_SETMETADATA: dump_metadata(b, &c->metadata); break;
	case IMAP_NOTIFY: dump_notify(b, &c->notify); break;
	case IMAP_CAPABILITY:
	case IMAP_NOOP:
	case IMAP_LOGOUT:
	case IMAP_STARTTLS:
	case IMAP_NAMESPACE:
	case IMAP_IDLE:
	case IMAP_CHECK:
	case IMAP_CLOSE:
	case IMAP_UNSELECT:
	case IMAP_UNAUTHENTICATE: break;
	default:
		buf_printf(b, " '%.*s'", STR_ARG(c->two.first));
		if (c->two.has_second)
			buf_printf(b, " '%.*s'", STR_ARG(c->two.second));
	}
}

static void
dump(struct buf *b, enum fault f, const struct imap_command *c)
{
	buf_printf(b, "%.*s ", STR_ARG(c->tag));
	if (f != OK) {
		buf_add_c(b, fault_words(f)->name);
		return;
	}
	buf_printf(b, "%s%s", c->uid ? "UID " : "", imap_verb_name(c->verb));
	dump_arguments(b, c);
}

struct line_case {
	str text;
	const char *want;
};

static void
check_cases(const struct line_case *cases, size_t n, unsigned mode)
{
	for (size_t i = 0; i < n; i++) {
		struct arena a = { 0 };
		struct imap_command c;
		struct buf got = { 0 };

		dump(&got, imap_command_parse(&a, cases[i].text, mode, &c), &c);
		CHECK_C(buf_str(&got), cases[i].want);
		buf_done(&got);
		arena_done(&a);
	}
}
#define CHECK_CASES(cases, mode) check_cases(cases, sizeof(cases) / sizeof((cases)[0]), mode)

/* ---- */

static void
a_command_is_a_tag_a_verb_and_its_arguments(void **state)
{
	static const struct line_case cases[] = {
		{ SC("a1 NOOP"), "a1 NOOP" },
		{ SC("a1 noop "), "a1 NOOP" },
		{ SC("a1 NOOP x"), "a1 BAD_ARGUMENT" },
		{ SC(".] capability"), ".] CAPABILITY" },
		{ SC("a1 NOPE"), "a1 UNKNOWN_COMMAND" },
		{ SC("a1"), " SYNTAX" },
		{ SC(""), " SYNTAX" },
		{ SC(" NOOP"), " SYNTAX" },
		{ SC("a+b NOOP"), " SYNTAX" },
		{ SC("a(b NOOP"), " SYNTAX" },
		{ SC("a1 "), "a1 SYNTAX" },
		{ SC("a1 UID"), "a1 SYNTAX" },
		{ SC("a1 UID NOOP"), "a1 UNKNOWN_COMMAND" },
		{ SC("a1 LOGIN ann secret"), "a1 LOGIN 'ann' 'secret'" },
		{ SC("a1 LOGIN \"a\\\"nn\" \"sec\\\\ret\""), "a1 LOGIN 'a\"nn' 'sec\\ret'" },
		{ SC("a1 LOGIN {3}\r\nann {8+}\r\npa ss\r\n!"), "a1 LOGIN 'ann' 'pa ss\r\n!'" },
		{ SC("a1 LOGIN \"\" \"\""), "a1 LOGIN '' ''" },
		{ SC("a1 LOGIN {4}\r\nann secret"), "a1 BAD_ARGUMENT" },
		{ SC("a1 LOGIN {3}\r\na\0n {1}\r\nx"), "a1 BAD_ARGUMENT" },
		{ SC("a1 LOGIN \"a\\nn\" x"), "a1 BAD_ARGUMENT" },
		{ SC("a1 LOGIN \"ann x"), "a1 BAD_ARGUMENT" },
		{ SC("a1 LOGIN ann"), "a1 BAD_ARGUMENT" },
		{ SC("a1 LOGIN ann secret more"), "a1 BAD_ARGUMENT" },
		{ SC("a1 AUTHENTICATE PLAIN"), "a1 AUTHENTICATE 'PLAIN'" },
		{ SC("a1 AUTHENTICATE PLAIN AGE="), "a1 AUTHENTICATE 'PLAIN' 'AGE='" },
		{ SC("a1 AUTHENTICATE EXTERNAL ="), "a1 AUTHENTICATE 'EXTERNAL' '='" },
		{ SC("a1 AUTHENTICATE"), "a1 BAD_ARGUMENT" },
		{ SC("a1 ENABLE CONDSTORE UTF8=ACCEPT"), "a1 ENABLE 'CONDSTORE' 'UTF8=ACCEPT'" },
		{ SC("a1 ID NIL"), "a1 ID" },
		{ SC("a1 ID (\"name\" \"x\" \"os\" NIL)"), "a1 ID 'name' 'x' 'os' nil" },
		{ SC("a1 ID (\"name\")"), "a1 BAD_ARGUMENT" },
		{ SC("a1 COMPRESS DEFLATE"), "a1 COMPRESS 'DEFLATE'" },
		{ SC("a1 APPEND INBOX (\\Seen) {5}"), "a1 APPEND 'INBOX (\\Seen) {5}'" },
	};
	(void)state;
	CHECK_CASES(cases, 0);
}

static void
names_of_mailboxes_come_out_as_utf_8(void **state)
{
	static const struct line_case cases[] = {
		{ SC("a DELETE inbox"), "a DELETE 'INBOX'" },
		{ SC("a DELETE inBox/x"), "a DELETE 'INBOX/x'" },
		{ SC("a DELETE inboxes"), "a DELETE 'inboxes'" },
		{ SC("a DELETE &ZeVnLIqe-"), "a DELETE '\346\227\245\346\234\254\350\252\236'" },
		{ SC("a DELETE \"a&-b\""), "a DELETE 'a&b'" },
		{ SC("a DELETE \"Tom & Ann\""), "a DELETE 'Tom & Ann'" }, /* not well-formed: as it is */
		{ SC("a DELETE \"\303\274\""), "a DELETE '\303\274'" },
		{ SC("a DELETE \"\303\""), "a BAD_ARGUMENT" },
		{ SC("a DELETE \"a\tb\""), "a BAD_ARGUMENT" },
		{ SC("a DELETE {3}\r\na\rb"), "a BAD_ARGUMENT" },
		{ SC("a RENAME \"a b\" c]d"), "a RENAME 'a b' 'c]d'" },
		{ SC("a CREATE x (USE (\\Sent))"), "a CREATE 'x' '\\Sent'" },
		{ SC("a CREATE x (USE \\Sent)"), "a BAD_ARGUMENT" },
		{ SC("a CREATE x/"), "a CREATE 'x/'" },
	};
	static const struct line_case utf8[] = {
		{ SC("a DELETE &ZeVnLIqe-"), "a DELETE '&ZeVnLIqe-'" },
		{ SC("a DELETE \"\303\274\""), "a DELETE '\303\274'" },
	};
	(void)state;
	CHECK_CASES(cases, 0);
	CHECK_CASES(utf8, IMAP_MODE_UTF8);
}

static void
fetch_wants_items(void **state)
{
	static const struct line_case cases[] = {
		{ SC("a FETCH 1 FLAGS"), "a FETCH 1 FLAGS" },
		{ SC("a FETCH 2:4,*:7,9 (UID  flags)"), "a FETCH 2:4,*:7,9 UID FLAGS" },
		{ SC("a UID FETCH $ (UID)"), "a UID FETCH $ UID" },
		{ SC("a FETCH 1 ALL"), "a FETCH 1 FLAGS INTERNALDATE SIZE ENVELOPE" },
		{ SC("a FETCH 1 FAST"), "a FETCH 1 FLAGS INTERNALDATE SIZE" },
		{ SC("a FETCH 1 full"), "a FETCH 1 FLAGS INTERNALDATE SIZE ENVELOPE BODY" },
		{ SC("a FETCH 1 (FAST)"), "a BAD_ARGUMENT" },
		{ SC("a FETCH 1 BODY"), "a FETCH 1 BODY" },
		{ SC("a FETCH 1 BODY[]"), "a FETCH 1 SECTION[]" },
		{ SC("a FETCH 1 BODY.PEEK[]<0.100>"), "a FETCH 1 SECTION-peek[]<0.100>" },
		{ SC("a FETCH 1 BODY[1.2.MIME]"), "a FETCH 1 SECTION[1.2.MIME]" },
		{ SC("a FETCH 1 BODY[4.2]"), "a FETCH 1 SECTION[4.2.]" },
		{ SC("a FETCH 1 BODY[header]"), "a FETCH 1 SECTION[HEADER]" },
		{ SC("a FETCH 1 (BODY.PEEK[HEADER.FIELDS (From \"To\")] UID)"),
			"a FETCH 1 SECTION-peek[FIELDS 'From' 'To'] UID" },
		{ SC("a FETCH 1 BODY[1.HEADER.FIELDS.NOT (X)]"), "a FETCH 1 SECTION[1.FIELDS.NOT 'X']" },
		{ SC("a FETCH 1 BODY[TEXT]<5.1>"), "a FETCH 1 SECTION[TEXT]<5.1>" },
		{ SC("a FETCH 1 BINARY.PEEK[1]<0.9>"), "a FETCH 1 BINARY-peek[1.]<0.9>" },
		{ SC("a FETCH 1 (BINARY[] BINARY.SIZE[1.1])"), "a FETCH 1 BINARY[] BINARY.SIZE-peek[1.1.]" },
		{ SC("a FETCH 1 BINARY[TEXT]"), "a BAD_ARGUMENT" },
		{ SC("a FETCH 1 (RFC822 RFC822.SIZE RFC822.HEADER RFC822.TEXT)"),
			"a FETCH 1 RFC822 SIZE RFC822.HEADER-peek RFC822.TEXT" },
		{ SC("a FETCH 1 (MODSEQ SAVEDATE EMAILID THREADID PREVIEW (LAZY) PREVIEW)"),
			"a FETCH 1 MODSEQ SAVEDATE EMAILID THREADID PREVIEW-lazy PREVIEW" },
		{ SC("a UID FETCH 1:* (FLAGS) (CHANGEDSINCE 12 VANISHED)"),
			"a UID FETCH 1:* FLAGS since=12 vanished" },
		{ SC("a FETCH 1:* FLAGS (CHANGEDSINCE 0)"), "a FETCH 1:* FLAGS since=0" }, /* iOS */
		{ SC("a FETCH 1:* FLAGS (PARTIAL -1:-100)"), "a FETCH 1:* FLAGS partial=-1:-100" },
		{ SC("a FETCH 1:* FLAGS (CHANGEDSINCE 1 VANISHED)"), "a BAD_ARGUMENT" }, /* not by UID */
		{ SC("a UID FETCH 1:* FLAGS (VANISHED)"), "a BAD_ARGUMENT" },
		{ SC("a FETCH 1 BODY[0]"), "a BAD_ARGUMENT" },
		{ SC("a FETCH 1 BODY[1.]"), "a BAD_ARGUMENT" },
		{ SC("a FETCH 1 BODY[MIME]"), "a BAD_ARGUMENT" },
		{ SC("a FETCH 1 BODY[]<0.0>"), "a BAD_ARGUMENT" },
		{ SC("a FETCH 1 BODY[]<1>"), "a BAD_ARGUMENT" },
		{ SC("a FETCH 1 BODY[HEADER.FIELDS ()]"), "a BAD_ARGUMENT" },
		{ SC("a FETCH 1 BODY["), "a BAD_ARGUMENT" },
		{ SC("a FETCH 1 ()"), "a BAD_ARGUMENT" },
		{ SC("a FETCH 0 FLAGS"), "a BAD_ARGUMENT" },
		{ SC("a FETCH 4294967296 FLAGS"), "a BAD_ARGUMENT" },
		{ SC("a FETCH 1: FLAGS"), "a BAD_ARGUMENT" },
		{ SC("a FETCH 1,, FLAGS"), "a BAD_ARGUMENT" },
		{ SC("a FETCH FLAGS"), "a BAD_ARGUMENT" },
	};
	(void)state;
	CHECK_CASES(cases, 0);
}

static void
store_copy_and_expunge_change_things(void **state)
{
	static const struct line_case cases[] = {
		{ SC("a STORE 1 +FLAGS (\\Seen \\Deleted)"), "a STORE 1 + flags=9" },
		{ SC("a STORE 1 -FLAGS.SILENT \\seen"), "a STORE 1 -silent flags=1" },
		{ SC("a STORE 1 FLAGS \\Flagged $Junk x"), "a STORE 1 = flags=4 '$Junk' 'x'" },
		{ SC("a STORE 1 FLAGS ()"), "a STORE 1 = flags=0" },
		{ SC("a STORE 1 +FLAGS (x X y)"), "a STORE 1 + flags=0 'x' 'y'" },
		{ SC("a UID STORE 1:2 (UNCHANGEDSINCE 7) +FLAGS (\\Draft)"),
			"a UID STORE 1:2 + unchanged=7 flags=16" },
		{ SC("a STORE 1 +FLAGS (\\Recent)"), "a STORE 1 + flags=0" },
		{ SC("a STORE 1 +FLAGS (\\Foo)"), "a BAD_ARGUMENT" },
		{ SC("a STORE 1 +FLAGS (\\Seen"), "a BAD_ARGUMENT" },
		{ SC("a STORE 1 +FLAGS"), "a BAD_ARGUMENT" },
		{ SC("a STORE 1 (UNCHANGEDSINCE) FLAGS x"), "a BAD_ARGUMENT" },
		{ SC("a COPY 1:3 \"Sent Mail\""), "a COPY 1:3 'Sent Mail'" },
		{ SC("a UID MOVE * trash"), "a UID MOVE * 'trash'" },
		{ SC("a EXPUNGE"), "a EXPUNGE  ''" },
		{ SC("a UID EXPUNGE 3:5"), "a UID EXPUNGE 3:5 ''" },
		{ SC("a UID EXPUNGE"), "a BAD_ARGUMENT" },
		{ SC("a EXPUNGE 3"), "a BAD_ARGUMENT" },
	};
	(void)state;
	CHECK_CASES(cases, 0);
}

static void
search_keys_make_a_tree(void **state)
{
	static const struct line_case cases[] = {
		{ SC("a SEARCH ALL"), "a SEARCH all" },
		{ SC("a SEARCH UNSEEN 2,4:*"), "a SEARCH and(not(flag=1), seq2,4:*)" },
		{ SC("a SEARCH OR (FROM ann TO ben) NOT SUBJECT \"a b\""),
			"a SEARCH or(and(from 'ann', to 'ben'), not(subject 'a b'))" },
		{ SC("a SEARCH CHARSET UTF-8 TEXT {2}\r\n\303\274"),
			"a SEARCH charset=UTF-8 text '\303\274'" },
		{ SC("a SEARCH HEADER Message-ID <x@y> LARGER 10 SMALLER 20"),
			"a SEARCH and(header 'Message-ID' '<x@y>', larger=10, smaller=20)" },
		{ SC("a SEARCH SINCE 1-Feb-1994 BEFORE \"2-Jan-1970\""),
			"a SEARCH and(since=8797, before=1)" },
		{ SC("a SEARCH SENTON 29-Feb-2024"), "a SEARCH senton=19782" },
		{ SC("a SEARCH SENTON 29-Feb-2023"), "a BAD_ARGUMENT" },
		{ SC("a SEARCH KEYWORD $Junk UNKEYWORD x"),
			"a SEARCH and(keyword '$Junk', not(keyword 'x'))" },
		{ SC("a SEARCH OLDER 60 YOUNGER 3600"), "a SEARCH and(older=60, younger=3600)" },
		{ SC("a SEARCH MODSEQ 620162338"), "a SEARCH modseq=620162338" },
		{ SC("a SEARCH MODSEQ \"/flags/\\\\draft\" all 62"), "a SEARCH modseq=62" },
		{ SC("a SEARCH EMAILID M12 THREADID T3"), "a SEARCH and(emailid 'M12', threadid 'T3')" },
		{ SC("a SEARCH SAVEDATESUPPORTED SAVEDON 2-Jan-1970"), "a SEARCH and(savedate?, savedon=1)" },
		{ SC("a SEARCH NEW OLD RECENT"), "a SEARCH and(recent, all, recent)" },
		{ SC("a SEARCH RETURN (MIN COUNT) 1:*"), "a SEARCH return=9 seq1:*" },
		{ SC("a SEARCH RETURN () $"), "a SEARCH return=4 seq$" },
		{ SC("a SEARCH RETURN (SAVE) UID 5"), "a SEARCH return=16 uid5" },
		{ SC("a SEARCH RETURN (PARTIAL -1:-10) ALL"), "a SEARCH return=128 partial=-1:-10 all" },
		{ SC("a SEARCH RETURN (PARTIAL 1:10 ALL) ALL"), "a BAD_ARGUMENT" },
		{ SC("a SEARCH RETURN (PARTIAL -1:10) ALL"), "a BAD_ARGUMENT" },
		{ SC("a SEARCH RETURN (UPDATE CONTEXT) ALL"), "a SEARCH return=100 all" },
		{ SC("a UID SEARCH BODY \"\""), "a UID SEARCH body ''" },
		{ SC("a SEARCH"), "a BAD_ARGUMENT" },
		{ SC("a SEARCH ()"), "a BAD_ARGUMENT" },
		{ SC("a SEARCH NOT"), "a BAD_ARGUMENT" },
		{ SC("a SEARCH OR SEEN"), "a BAD_ARGUMENT" },
		{ SC("a SEARCH (SEEN"), "a BAD_ARGUMENT" },
		{ SC("a SEARCH FOO"), "a BAD_ARGUMENT" },
		{ SC("a SORT (SUBJECT REVERSE DATE) UTF-8 SINCE 2-Jan-1970"),
			"a SORT charset=UTF-8 sort5 -sort2 since=1" },
		{ SC("a UID SORT RETURN (COUNT) (DISPLAYFROM) US-ASCII ALL"),
			"a UID SORT return=8 charset=US-ASCII sort7 all" },
		{ SC("a SORT () UTF-8 ALL"), "a BAD_ARGUMENT" },
		{ SC("a SORT (REVERSE) UTF-8 ALL"), "a BAD_ARGUMENT" },
		{ SC("a THREAD REFS UTF-8 ALL"), "a THREAD charset=UTF-8 thread2 all" },
		{ SC("a THREAD X UTF-8 ALL"), "a BAD_ARGUMENT" },
		{ SC("a ESEARCH IN (mailboxes (inbox b) subtree c) RETURN (COUNT) UNSEEN"),
			"a ESEARCH in mailboxes 'INBOX' 'b' subtree 'c' return=8 not(flag=1)" },
		{ SC("a ESEARCH UNSEEN"), "a ESEARCH return=4 not(flag=1)" },
	};
	(void)state;
	CHECK_CASES(cases, 0);
}

static void
depth_and_number_of_search_keys_are_bounded(void **state)
{
	struct arena a = { 0 };
	struct imap_command c;
	struct buf deep = { 0 }, wide = { 0 }, nots = { 0 };
	(void)state;

	buf_add_c(&deep, "a SEARCH ");
	buf_add_c(&nots, "a SEARCH ");
	buf_add_c(&wide, "a SEARCH SEEN");
	for (int i = 0; i < 100000; i++) {
		buf_add_char(&deep, '(');
		buf_add_c(&nots, "NOT ");
		buf_add_c(&wide, " SEEN");
	}
	buf_add_c(&nots, "SEEN");
	CHECK_INT(imap_command_parse(&a, buf_str(&deep), 0, &c), BAD_ARGUMENT);
	CHECK_INT(imap_command_parse(&a, buf_str(&nots), 0, &c), BAD_ARGUMENT);
	CHECK_INT(imap_command_parse(&a, buf_str(&wide), 0, &c), TOO_BIG);
	buf_done(&deep);
	buf_done(&wide);
	buf_done(&nots);
	arena_done(&a);
}

static void
lists_status_and_select(void **state)
{
	static const struct line_case cases[] = {
		{ SC("a LIST \"\" *"), "a LIST select=0 return=0 status=0 '' '*'" },
		{ SC("a LIST inbox/ \"%\""), "a LIST select=0 return=0 status=0 'INBOX/' '%'" },
		{ SC("a LIST (SUBSCRIBED RECURSIVEMATCH) \"\" (a% b) RETURN (CHILDREN SPECIAL-USE)"),
			"a LIST select=5 return=24 status=0 extended '' 'a%' 'b'" },
		{ SC("a LIST \"\" % RETURN (STATUS (MESSAGES UNSEEN) SUBSCRIBED)"),
			"a LIST select=0 return=33 status=17 extended '' '%'" },
		{ SC("a LIST \"\" % RETURN (METADATA (/shared/comment))"),
			"a LIST select=0 return=128 status=0 extended '' '%' '/shared/comment'" },
		{ SC("a LIST () \"\" % RETURN ()"), "a LIST select=0 return=0 status=0 extended '' '%'" },
		{ SC("a LIST (RECURSIVEMATCH) \"\" %"), "a BAD_ARGUMENT" },
		{ SC("a LIST (STATUS) \"\" %"), "a BAD_ARGUMENT" },
		{ SC("a LIST \"\" % RETURN (RECURSIVEMATCH)"), "a BAD_ARGUMENT" },
		{ SC("a LIST \"\""), "a BAD_ARGUMENT" },
		{ SC("a LSUB \"\" &ZeVnLIqe-/%"),
			"a LSUB select=0 return=0 status=0 '' '\346\227\245\346\234\254\350\252\236/%'" },
		{ SC("a STATUS INBOX (MESSAGES UIDNEXT HIGHESTMODSEQ)"), "a STATUS 'INBOX' 133" },
		{ SC("a STATUS x (SIZE DELETED DELETED-STORAGE MAILBOXID APPENDLIMIT)"),
			"a STATUS 'x' 1888" },
		{ SC("a STATUS x ()"), "a BAD_ARGUMENT" },
		{ SC("a STATUS x (FOO)"), "a BAD_ARGUMENT" },
		{ SC("a SELECT inbox"), "a SELECT 'INBOX'" },
		{ SC("a EXAMINE x (CONDSTORE)"), "a EXAMINE 'x' condstore" },
		{ SC("a SELECT x (QRESYNC (67890007 20050715194045000 41,43:211,214:541))"),
			"a SELECT 'x' condstore qresync 67890007 20050715194045000 41,43:211,214:541 /" },
		{ SC("a SELECT x (QRESYNC (1 2 1:9 (1,3 2,4)))"),
			"a SELECT 'x' condstore qresync 1 2 1:9 1,3/2,4" },
		{ SC("a SELECT x (QRESYNC (1 2 (1,3 2,4)))"), "a SELECT 'x' condstore qresync 1 2  1,3/2,4" },
		{ SC("a SELECT x (QRESYNC (1))"), "a BAD_ARGUMENT" },
		{ SC("a SELECT x (QRESYNC (0 1))"), "a BAD_ARGUMENT" },
		{ SC("a SELECT x (FOO)"), "a BAD_ARGUMENT" },
	};
	(void)state;
	CHECK_CASES(cases, 0);
}

static void
rights_quotas_metadata_and_notices(void **state)
{
	static const struct line_case cases[] = {
		{ SC("a SETACL x ben +lrs"), "a SETACL 'x' 'ben' +'lrs'" },
		{ SC("a SETACL x ben \"\""), "a SETACL 'x' 'ben' =''" },
		{ SC("a SETACL x ben LRS"), "a BAD_ARGUMENT" },
		{ SC("a GETACL x"), "a GETACL 'x' '' =''" },
		{ SC("a LISTRIGHTS x anyone"), "a LISTRIGHTS 'x' 'anyone' =''" },
		{ SC("a SETQUOTA \"\" (STORAGE 512 MESSAGE 9)"), "a SETQUOTA '' STORAGE=512 MESSAGE=9" },
		{ SC("a GETQUOTA \"\""), "a GETQUOTA ''" },
		{ SC("a GETQUOTAROOT inbox"), "a GETQUOTAROOT 'INBOX'" },
		{ SC("a GETMETADATA (DEPTH infinity MAXSIZE 10) \"\" /Shared/Comment"),
			"a GETMETADATA '' depth=-1 max=10 /shared/comment=" },
		{ SC("a GETMETADATA INBOX (/shared/a /private/b)"),
			"a GETMETADATA 'INBOX' depth=0 /shared/a= /private/b=" },
		{ SC("a SETMETADATA INBOX (/private/a \"x\" /shared/b NIL)"),
			"a SETMETADATA 'INBOX' depth=0 /private/a=x /shared/b=nil" },
		{ SC("a SETMETADATA INBOX (private/a x)"), "a BAD_ARGUMENT" },
		{ SC("a SETMETADATA INBOX (/private//a \"x\")"), "a BAD_ARGUMENT" },
		{ SC("a GETMETADATA INBOX /private/*"), "a BAD_ARGUMENT" },
		{ SC("a NOTIFY NONE"), "a NOTIFY none" },
		{ SC("a NOTIFY SET STATUS (SELECTED (MessageNew (FLAGS UID) MessageExpunge)) (subtree x "
		     "(MessageNew "
		     "MessageExpunge FlagChange))"),
			"a NOTIFY status selected events=3 FLAGS UID subtree 'x' events=7" },
		{ SC("a NOTIFY SET (personal NONE)"), "a NOTIFY personal events=0" },
		{ SC("a NOTIFY SET (personal (MailboxName SubscriptionChange))"),
			"a NOTIFY personal events=48" },
		{ SC("a NOTIFY SET (SELECTED (MailboxName))"), "a BAD_ARGUMENT" },
		{ SC("a NOTIFY SET (personal (MessageNew))"), "a BAD_ARGUMENT" },
		{ SC("a NOTIFY SET (personal (MessageNew (UID) MessageExpunge))"), "a BAD_ARGUMENT" },
	};
	struct arena a = { 0 };
	struct imap_command c;
	(void)state;
	CHECK_CASES(cases, 0);
	CHECK_INT(imap_command_parse(&a, S("a SETMETADATA INBOX (/private/a ~{2}\r\n\0x)"), 0, &c), OK);
	CHECK_STR(c.metadata.entries[0].value, S("\0x"));
	arena_done(&a);
}

static void
a_line_may_announce_a_literal(void **state)
{
	static const struct {
		str line;
		bool announced;
		struct imap_literal want;
	} cases[] = {
		{ SC("a LOGIN {3}"), true, { 3, true, false } },
		{ SC("a LOGIN {3+}"), true, { 3, false, false } },
		{ SC("a APPEND x ~{10}"), true, { 10, true, true } },
		{ SC("{0}"), true, { 0, true, false } },
		{ SC("{9223372036854775807}"), true, { INT64_MAX, true, false } },
		{ SC("{9223372036854775808}"), true, { UINT64_MAX, true, false } },
		{ SC("{99999999999999999999999+}"), true, { UINT64_MAX, false, false } },
		{ SC("a {3} "), false, { 0 } },
		{ SC("a {}"), false, { 0 } },
		{ SC("a {-1}"), false, { 0 } },
		{ SC("a {3-}"), false, { 0 } },
		{ SC("a 3}"), false, { 0 } },
		{ SC(""), false, { 0 } },
	};
	(void)state;
	EACH(cases, c) {
		struct imap_literal got = { 0 };

		CHECK_INT(imap_literal_of(c->line, &got), c->announced);
		CHECK(got.size == c->want.size && got.sync == c->want.sync && got.binary == c->want.binary);
	}
}

static void
a_set_is_resolved_against_the_largest_number(void **state)
{
	static const struct {
		str text;
		uint32_t largest;
		const char *want;
	} cases[] = {
		{ SC("a COPY 1 x"), 9, "1:1 " },
		{ SC("a COPY * x"), 9, "9:9 " },
		{ SC("a COPY * x"), 0, "" },
		{ SC("a COPY *:1 x"), 9, "1:9 " },
		{ SC("a COPY 12:* x"), 9, "9:12 " }, /* RFC 9051 9: always the last one, too */
		{ SC("a COPY 5:3,1,2 x"), 9, "1:5 " },
		{ SC("a COPY 7:9,1:3,2 x"), 9, "1:3 7:9 " },
		{ SC("a COPY 1:4294967295,5 x"), 9, "1:9 " }, /* 4294967295 is how "*" is kept */
		{ SC("a COPY 20 x"), 9, "20:20 " },
	};
	(void)state;
	EACH(cases, c) {
		struct arena a = { 0 };
		struct imap_command cmd;
		struct imap_range *r;
		struct buf got = { 0 };
		size_t n;

		CHECK_INT(imap_command_parse(&a, c->text, 0, &cmd), OK);
		imap_set_resolve(&a, &cmd.copy.set, c->largest, &r, &n);
		for (size_t i = 0; i < n; i++)
			buf_printf(&got, "%u:%u ", r[i].first, r[i].last);
		CHECK_C(buf_str(&got), c->want);
		buf_done(&got);
		arena_done(&a);
	}
}

static void
modified_utf_7_and_back(void **state)
{
	static const struct {
		str name;
		const char *utf8; /* NULL: not well-formed */
	} cases[] = {
		{ SC(""), "" },
		{ SC("plain"), "plain" },
		{ SC("a&-b"), "a&b" },
		{ SC("&ZeVnLIqe-"), "\346\227\245\346\234\254\350\252\236" },
		{ SC("~peter/mail/&U,BTFw-/&ZeVnLIqe-"),
			"~peter/mail/\345\217\260\345\214\227/\346\227\245\346\234\254\350\252\236" },
		{ SC("Entw&APw-rfe"), "Entw\303\274rfe" },
		{ SC("&2D3eAA-"), "\360\237\230\200" },
		{ SC("&"), NULL },
		{ SC("&ZeVnLIqe"), NULL },
		{ SC("&AGE-"), NULL },    /* "a" in base64 */
		{ SC("&2D0-"), NULL },    /* half a pair */
		{ SC("&3gDYPQ-"), NULL }, /* pair the wrong way round */
		{ SC("&APx-"), NULL },    /* loose bits */
		{ SC("&A-"), NULL },
		{ SC("&APw-&APw-"), NULL }, /* two runs that could be one */
		{ SC("&/w-"), NULL },
		{ SC("\303\274"), NULL },
		{ SC("a\tb"), NULL },
	};
	(void)state;
	EACH(cases, c) {
		struct arena a = { 0 };
		struct buf back = { 0 };
		str got = S("?");

		CHECK_INT(imap_name_decode(&a, c->name, &got), c->utf8 != NULL);
		CHECK_C(got, c->utf8 ? c->utf8 : "?");
		if (c->utf8) {
			imap_name_encode(&back, got);
			CHECK_STR(buf_str(&back), c->name);
		}
		buf_done(&back);
		arena_done(&a);
	}
}

static void
append_is_read_step_by_step(void **state)
{
	static const struct {
		bool replace;
		const char *lines[6]; /* what follows the verb, then each line behind a literal */
		const char *want;
	} cases[] = {
		{ false, { "INBOX {5}", "" }, "'INBOX' [0 - literal] end" },
		{ false, { "x (\\Seen y) \" 1-Jan-1970 00:00:01 +0000\" {5+}", "" },
			"'x' [1 y 1000 literal] end" },
		{ false, { "x {5}", " (\\Draft) {6}", "" }, "'x' [0 - literal] [16 - literal] end" },
		{ false, { "x UTF8 (~{5}", ")" }, "'x' [0 - utf8 literal] end" },
		{ false, { "x UTF8 (~{5}", ") {3}", "" }, "'x' [0 - utf8 literal] [0 - literal] end" },
		{ false, { "x CATENATE (URL \"/INBOX/;UID=20\" TEXT {4}", " URL \"/b\")", "" },
			"'x' [0 - url /INBOX/;UID=20] [0 - text] [0 - url /b] [0 - done] end" },
		{ true, { "4 x (\\Seen) {5}", "" }, "4 'x' [1 - literal] end" },
		{ false, { "x ~{5}", "" }, "'x' [0 - literal] end" },
		{ false, { "{5}" }, "STALE" },
		{ false, { "x" }, "'x' end" }, /* for the caller to refuse: no message at all */
		{ false, { "x y {5}" }, "'x' BAD_ARGUMENT" },
		{ false, { "x (\\Seen {5}" }, "'x' BAD_ARGUMENT" },
		{ false, { "x \"32-Jan-1970 00:00:01 +0000\" {5}" }, "'x' BAD_ARGUMENT" },
		{ false, { "x UTF8 (~{5}", "" }, "'x' [0 - utf8 literal] BAD_ARGUMENT" },
		{ false, { "x {5}", " junk" }, "'x' [0 - literal] BAD_ARGUMENT" },
		{ false, { "x CATENATE (FOO {4}" }, "'x' BAD_ARGUMENT" },
		{ true, { "4:5 x {5}" }, "BAD_ARGUMENT" },
	};
	static const char *const bodies[] = { "literal", "text", "url ", "done" };
	(void)state;
	EACH(cases, c) {
		struct arena a = { 0 };
		struct imap_append p;
		struct buf got = { 0 };
		size_t line = 0;
		str args = str_c(c->lines[0]);
		enum fault f = imap_append_begin(&a, &args, c->replace, 0, &p);
		bool more = true;

		if (f == OK) {
			dump_set(&got, &p.set);
			buf_printf(&got, "%s'%.*s' ", p.set.n ? " " : "", STR_ARG(p.mailbox));
		}
		while (f == OK && more) {
			f = imap_append_next(&a, &args, &p, &more);
			if (f != OK || !more)
				break;
			buf_printf(&got, "[%u ", p.flags.bits);
			for (size_t i = 0; i < p.flags.keyword_count; i++)
				buf_printf(&got, "%.*s ", STR_ARG(p.flags.keywords[i]));
			if (p.has_date)
				buf_printf(&got, "%lld ", (long long)p.date_ms);
			else
				buf_add_c(&got, "- ");
			buf_printf(&got, "%s%s%.*s] ", p.utf8 ? "utf8 " : "", bodies[p.body],
				p.body == IMAP_APPEND_URL ? (int)p.url.n : 0, p.url.p ? p.url.p : "");
			if (p.body == IMAP_APPEND_LITERAL || p.body == IMAP_APPEND_TEXT) {
				CHECK(c->lines[line + 1]);
				args = str_c(c->lines[++line]);
			}
		}
		buf_add_c(&got, f == OK ? "end" : fault_words(f)->name);
		CHECK_C(buf_str(&got), c->want);
		buf_done(&got);
		arena_done(&a);
	}
}

T_MAIN(T(a_command_is_a_tag_a_verb_and_its_arguments), T(names_of_mailboxes_come_out_as_utf_8),
	T(fetch_wants_items), T(store_copy_and_expunge_change_things), T(search_keys_make_a_tree),
	T(depth_and_number_of_search_keys_are_bounded), T(lists_status_and_select),
	T(rights_quotas_metadata_and_notices), T(a_line_may_announce_a_literal),
	T(a_set_is_resolved_against_the_largest_number), T(modified_utf_7_and_back),
	T(append_is_read_step_by_step))
