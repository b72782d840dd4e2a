/* cli/mailbox.c - postrider mailbox: looking into mailboxes; import and export have files of their own */
#include "cli/mailbox.h"

#include "base/mem.h"
#include "base/moment.h"
#include "mail/email.h"
#include "mail/words.h"

#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

static const char verb[] = "mailbox";

const char *const mailbox_role_words[ROLE_ARCHIVE + 1] = {
	[ROLE_NONE] = "",
	[ROLE_INBOX] = "inbox",
	[ROLE_DRAFTS] = "drafts",
	[ROLE_SENT] = "sent",
	[ROLE_TRASH] = "trash",
	[ROLE_JUNK] = "junk",
	[ROLE_ARCHIVE] = "archive",
};

enum store_role
mailbox_role_of(str name)
{
	static const struct {
		str name;
		enum store_role role;
	} known[] = {
		{ SC("Sent"), ROLE_SENT },
		{ SC("Sent Messages"), ROLE_SENT },
		{ SC("Sent Items"), ROLE_SENT },
		{ SC("Drafts"), ROLE_DRAFTS },
		{ SC("Trash"), ROLE_TRASH },
		{ SC("Deleted Messages"), ROLE_TRASH },
		{ SC("Deleted Items"), ROLE_TRASH },
		{ SC("Junk"), ROLE_JUNK },
		{ SC("Spam"), ROLE_JUNK },
		{ SC("Junk E-mail"), ROLE_JUNK },
		{ SC("Archive"), ROLE_ARCHIVE },
		{ SC("Archives"), ROLE_ARCHIVE },
	};

	for (size_t i = 0; i < COUNT(known); i++)
		if (str_eq_nocase(known[i].name, name))
			return known[i].role;
	return ROLE_NONE;
}

str
mailbox_name(str name)
{
	return str_eq_nocase(name, S("INBOX")) ? S("INBOX") : name;
}

int
mailbox_find_account(struct house *h, const char *address, struct arena *a, struct store_account *ret)
{
	struct store_view *v;
	struct addr addr;
	str canonical;
	enum fault f;
	int status = words_address(verb, a, address, &addr, &canonical);

	if (status != EX_OK)
		return status;
	v = house_view(h);
	if (!v)
		return EX_TEMPFAIL;
	f = view_account_by_address(v, canonical, ret);
	if (f == NOT_FOUND)
		return cli_fail(EX_NOUSER, verb, "there is no user %s", address);
	return f == OK ? EX_OK : house_fault(h, f, canonical);
}

int
mailbox_find(struct house *h, uint32_t account, str name, struct store_mailbox *ret)
{
	struct store_view *v = house_view(h);
	enum fault f;

	if (!v)
		return EX_TEMPFAIL;
	f = view_mailbox_by_name(v, account, mailbox_name(name), ret);
	if (f == NOT_FOUND)
		return cli_fail(EX_NOINPUT, verb, "there is no mailbox %.*s", STR_ARG(name));
	return f == OK ? EX_OK : house_fault(h, f, name);
}

/* ---- list ---- */

static void
add_mailbox(struct buf *b, struct arena *a, const struct store_mailbox *m, bool json, bool first)
{
	if (!json) {
		buf_printf(b, "%8u %8u %9.*s  %-7s  ", m->exists, m->unseen,
			STR_ARG(words_bytes(a, m->bytes)), mailbox_role_words[m->role]);
		words_add_clean(m->name, b);
		buf_add_char(b, '\n');
		return;
	}
	buf_add_c(b, first ? "[{\"name\": " : ",\n {\"name\": ");
	buf_add_quoted(b, m->name);
	buf_printf(b,
		", \"role\": \"%s\", \"messages\": %u, \"unseen\": %u, \"bytes\": %llu, \"uidvalidity\": %u, "
		"\"uidnext\": %u, \"modseq\": %llu, \"subscribed\": %s}",
		mailbox_role_words[m->role], m->exists, m->unseen, (unsigned long long)m->bytes,
		m->uidvalidity, m->uidnext, (unsigned long long)m->modseq, m->subscribed ? "true" : "false");
}

static int
by_name(const void *x, const void *y)
{
	const struct store_mailbox *a = x, *b = y;
	bool ai = a->role == ROLE_INBOX || str_eq(a->name, S("INBOX")),
	     bi = b->role == ROLE_INBOX || str_eq(b->name, S("INBOX"));

	return ai != bi ? (ai ? -1 : 1) : str_cmp(a->name, b->name);
}

static enum fault
list_all(struct house *h, uint32_t account, bool json, struct buf *b)
{
	struct store_view *v = house_view(h);
	struct store_mailbox *all = NULL, m;
	struct arena a = { 0 };
	enum fault f = STORE_DOWN;
	size_t n = 0;

	for (uint32_t at = 0; v && (f = view_next_mailbox(v, account, &at, &m)) == OK;) {
		all = mem_grow(all, (n + 1) * sizeof(*all));
		m.name = arena_str(&a, m.name);
		all[n++] = m;
	}
	if (n)
		qsort(all, n, sizeof(*all), by_name);
	if (!json)
		buf_add_c(b, "messages   unseen      size  role     name\n");
	for (size_t i = 0; i < n; i++)
		add_mailbox(b, &a, &all[i], json, i == 0);
	if (json)
		buf_add_c(b, n ? "]\n" : "[]\n");
	free(all);
	arena_done(&a);
	return f == NOT_FOUND ? OK : f;
}

/* Takes --json out; EX_OK or said. */
static int
take_json(int argc, char **argv, bool *ret_json)
{
	static const struct option options[] = { { "json", no_argument, NULL, 'j' }, { 0 } };
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option != 'j')
			return cli_usage(&cli_mailbox);
		*ret_json = true;
	}
	return EX_OK;
}

static int
list(const struct cli *cli, int argc, char **argv)
{
	struct store_account account;
	struct house *h = NULL;
	struct arena a = { 0 };
	struct buf b = { 0 };
	bool json = false;
	int status = take_json(argc, argv, &json);

	if (status == EX_OK && optind + 1 != argc)
		status = cli_usage(&cli_mailbox);
	if (status == EX_OK)
		status = house_open(cli, verb, HOUSE_READ, &h);
	if (status == EX_OK)
		status = mailbox_find_account(h, argv[optind], &a, &account);
	if (status == EX_OK) {
		enum fault f = list_all(h, account.id, json, &b);

		status = f == OK ? cli_write(verb, &b) : house_fault(h, f, str_c(argv[optind]));
	}
	buf_done(&b);
	arena_done(&a);
	return house_close(h, status);
}

/* ---- show ---- */

struct show {
	struct house *house;
	struct store_view *view;
	struct store_mailbox mailbox;
	struct charset_reader *charsets;
	struct arena arena; /* of one message */
	struct buf out, text;
	bool json, any;
};

static void
add_moment(struct buf *b, int64_t ms)
{
	struct moment_parts t;

	moment_split(ms, &t);
	buf_printf(b, "%04d-%02d-%02d %02d:%02d", t.year, t.month, t.day, t.hour, t.minute);
}

static const struct {
	uint32_t flag;
	char letter;
	const char *name;
} flag_words[] = { { FLAG_SEEN, 'S', "\\\\Seen" }, { FLAG_ANSWERED, 'R', "\\\\Answered" },
	{ FLAG_FLAGGED, 'F', "\\\\Flagged" }, { FLAG_DELETED, 'D', "\\\\Deleted" },
	{ FLAG_DRAFT, 'T', "\\\\Draft" } };

static void
add_flags(struct show *s, const struct store_entry *e)
{
	struct buf *b = &s->out;
	bool first = true;
	str name;

	for (size_t i = 0; i < COUNT(flag_words); i++)
		if (!s->json) {
			buf_add_char(b, e->flags & flag_words[i].flag ? flag_words[i].letter : '-');
		} else if (e->flags & flag_words[i].flag) {
			buf_printf(b, "%s\"%s\"", first ? "" : ", ", flag_words[i].name);
			first = false;
		}
	for (unsigned bit = 0; e->keywords >> bit && bit < STORE_KEYWORDS; bit++) {
		if (!(e->keywords >> bit & 1) || view_keyword(s->view, s->mailbox.account, bit, &name) != OK)
			continue;
		if (s->json) {
			buf_add_c(b, first ? "" : ", ");
			buf_add_quoted(b, name);
			first = false;
		} else {
			buf_printf(b, " %.*s", STR_ARG(name));
		}
	}
}

/* From and Subject as text; empty where the row does not say. */
static void
add_words(struct show *s, str from, str address, str subject)
{
	buf_clear(&s->text);
	if (from.n)
		words_add_clean(from, &s->text);
	else
		words_add_clean(address, &s->text);
	from = arena_str(&s->arena, buf_str(&s->text));
	buf_clear(&s->text);
	words_decode(s->charsets, subject, &s->text);
	subject = buf_str(&s->text);
	if (s->json) {
		buf_add_c(&s->out, "], \"from\": ");
		buf_add_quoted(&s->out, from);
		buf_add_c(&s->out, ", \"address\": ");
		buf_add_quoted(&s->out, address);
		buf_add_c(&s->out, ", \"subject\": ");
		buf_add_quoted(&s->out, subject);
		buf_add_c(&s->out, "}");
		return;
	}
	from.n = charset_utf8_front(from, 30);
	buf_printf(&s->out, "  %-30.*s  %.*s\n", STR_ARG(from), STR_ARG(subject));
}

static enum fault
show_entry(struct show *s, const struct store_entry *e)
{
	struct store_email se;
	struct email m = { 0 };
	str name = S(""), address = S("");
	enum fault f = view_email(s->view, s->mailbox.account, e->email, &se);

	if (f != OK)
		return f;
	if (email_row_read(&s->arena, se.row, &m) == OK && m.envelope.from_n) {
		name = m.envelope.from[0].name;
		address = arena_printf(&s->arena, "%.*s@%.*s", STR_ARG(m.envelope.from[0].mailbox),
			STR_ARG(m.envelope.from[0].host));
	}
	if (s->json) {
		buf_printf(&s->out, "%s{\"uid\": %u, \"received\": \"", s->any ? ",\n " : "[", e->uid);
		moment_add_rfc3339(&s->out, e->received_ms);
		buf_printf(&s->out, "\", \"bytes\": %llu, \"modseq\": %llu, \"flags\": [",
			(unsigned long long)e->size, (unsigned long long)e->modseq);
	} else {
		buf_printf(&s->out, "%8u  ", e->uid);
		add_moment(&s->out, e->received_ms);
		buf_printf(&s->out, "  %8.*s  ", STR_ARG(words_bytes(&s->arena, e->size)));
	}
	add_flags(s, e);
	add_words(s, name, address, m.envelope.subject);
	s->any = true;
	arena_reset(&s->arena);
	return OK;
}

static int
show_all(struct show *s)
{
	struct store_entry entries[32];
	int status = EX_OK;
	enum fault f = OK;
	uint32_t from = 1;
	size_t n = 0;

	s->charsets = charset_reader_new();
	if (!s->json)
		buf_add_c(&s->out, "     uid  received              size  flags  from                        "
				   "    subject\n");
	while (from && status == EX_OK &&
		(f = view_entries(s->view, s->mailbox.account, s->mailbox.id, from, entries, COUNT(entries),
			 &n)) == OK &&
		n) {
		for (size_t i = 0; i < n && f == OK; i++)
			f = show_entry(s, &entries[i]);
		if (f != OK)
			break;
		from = entries[n - 1].uid + 1;
		status = cli_write(verb, &s->out);
		buf_clear(&s->out);
	}
	charset_reader_free(s->charsets);
	if (f != OK)
		return house_fault(s->house, f, s->mailbox.name);
	if (s->json)
		buf_add_c(&s->out, s->any ? "]\n" : "[]\n");
	return status == EX_OK ? cli_write(verb, &s->out) : status;
}

/* What a stranger wrote must not steer a terminal. */
static void
make_harmless(struct buf *out, str message)
{
	for (size_t i = 0; i < message.n; i++) {
		unsigned char c = (unsigned char)message.p[i];

		if (c == '\r' && i + 1 < message.n && message.p[i + 1] == '\n')
			continue;
		if ((c < ' ' && c != '\n' && c != '\t') || c == 127)
			buf_printf(out, "^%c", c ^ 64);
		else if (c >= 0x80 && c < 0xA0 && (i == 0 || (unsigned char)message.p[i - 1] == 0xC2))
			buf_printf(out, "\\%02x", c); /* C1, alone or as UTF-8 has it */
		else
			buf_add_char(out, (char)c);
	}
}

static int
show_one(struct show *s, uint32_t uid)
{
	struct store_reader *r = house_reader(s->house);
	struct store_entry e = { 0 };
	struct store_email email;
	enum fault f;
	size_t n = 0;
	str message;

	if (!r)
		return EX_TEMPFAIL;
	f = view_entries(s->view, s->mailbox.account, s->mailbox.id, uid, &e, 1, &n);
	if (f == OK && (n == 0 || e.uid != uid))
		return cli_fail(
			EX_NOINPUT, verb, "there is no message %u in %.*s", uid, STR_ARG(s->mailbox.name));
	if (f == OK)
		f = view_email(s->view, s->mailbox.account, e.email, &email);
	if (f == OK) {
		store_email_keep(&s->arena, &email);
		f = store_reader_load(r, &s->arena, &email, SIZE_MAX, &message);
	}
	if (f != OK)
		return house_fault(s->house, f, s->mailbox.name);
	if (isatty(STDOUT_FILENO))
		make_harmless(&s->out, message);
	else
		buf_add(&s->out, message);
	return cli_write(verb, &s->out);
}

static int
show(const struct cli *cli, int argc, char **argv)
{
	struct show *s = NEW(struct show);
	struct store_account account;
	struct arena a = { 0 };
	uint64_t uid = 0;
	int status = take_json(argc, argv, &s->json), words = argc - optind;

	if (status == EX_OK && (words < 1 || words > 3 || (words == 3 && s->json)))
		status = cli_usage(&cli_mailbox);
	if (status == EX_OK && words == 3 &&
		(!str_to_u64(str_c(argv[optind + 2]), UINT32_MAX, &uid) || uid == 0))
		status = cli_fail(EX_USAGE, verb, "`%s' is no UID", argv[optind + 2]);
	if (status == EX_OK)
		status = house_open(cli, verb, HOUSE_READ, &s->house);
	if (status == EX_OK)
		status = mailbox_find_account(s->house, argv[optind], &a, &account);
	if (status == EX_OK)
		status = mailbox_find(
			s->house, account.id, str_c(words > 1 ? argv[optind + 1] : "INBOX"), &s->mailbox);
	if (status == EX_OK) {
		s->mailbox.name = arena_str(&a, s->mailbox.name);
		s->view = house_view(s->house);
		status = !s->view ? EX_TEMPFAIL : uid ? show_one(s, (uint32_t)uid) : show_all(s);
	}
	status = house_close(s->house, status);
	buf_done(&s->out);
	buf_done(&s->text);
	arena_done(&s->arena);
	arena_done(&a);
	free(s);
	return status;
}

static int
run(const struct cli *cli, int argc, char **argv)
{
	static const struct action actions[] = { { "list", list }, { "show", show },
		{ "import", mailbox_import }, { "export", mailbox_export } };

	return words_run(&cli_mailbox, actions, COUNT(actions), cli, argc, argv);
}

const struct cli_verb cli_mailbox = { verb,
	"list [--json] ADDRESS | show [--json] ADDRESS [MAILBOX [UID]] | import [--mboxo] ADDRESS [MAILBOX] "
	"SOURCE | "
	"export [--mbox] ADDRESS [MAILBOX] TARGET",
	"look into mailboxes; take in and give out Maildir and mbox", run };
