/* roles/imap/commands.c - the commands, the states in which they may be said, and the short ones themselves */
#include "roles/imap/imap.h"

#include "base/mem.h"
#include "roles/imap/caps.h"

void
imap_add_capabilities(struct imap_session *s)
{
	buf_add(&s->stream.out, S("CAPABILITY " IMAP_CAPS_SESSION));
	if (s->imap->size_limit)
		buf_printf(&s->stream.out, " APPENDLIMIT=%llu", (unsigned long long)s->imap->size_limit);
}

static enum fault
cmd_capability(struct imap_session *s, struct arena *a, const struct imap_command *c, struct imap_reply *ret)
{
	(void)a;
	(void)c;
	buf_add(&s->stream.out, S("* "));
	imap_add_capabilities(s);
	buf_add(&s->stream.out, S("\r\n"));
	ret->text = S("That is it");
	return OK;
}

static enum fault
cmd_noop(struct imap_session *s, struct arena *a, const struct imap_command *c, struct imap_reply *ret)
{
	(void)a;
	(void)c;
	ret->text = S("Done");
	return s->box ? imap_catch_up(s) : OK;
}

static enum fault
cmd_logout(struct imap_session *s, struct arena *a, const struct imap_command *c, struct imap_reply *ret)
{
	(void)a;
	(void)c;
	s->closing = true;
	buf_add(&s->stream.out, S("* BYE Logging out\r\n"));
	ret->text = S("Bye");
	return OK;
}

static enum fault
cmd_id(struct imap_session *s, struct arena *a, const struct imap_command *c, struct imap_reply *ret)
{
	struct buf told = { 0 };

	(void)a;
	for (size_t i = 0; i + 1 < c->words.n && told.n < 500; i += 2)
		buf_printf(&told, "%s%.*s=%.*s", i ? " " : "", STR_ARG(c->words.words[i]),
			STR_ARG(c->words.words[i + 1]));
	log_event(&s->log, "client-id", kv_str("said", buf_str(&told)));
	buf_done(&told);
	buf_add(&s->stream.out, S("* ID (\"name\" \"Postrider\")\r\n"));
	ret->text = S("Pleased to meet you");
	return OK;
}

static enum fault
cmd_namespace(struct imap_session *s, struct arena *a, const struct imap_command *c, struct imap_reply *ret)
{
	(void)a;
	(void)c;
	buf_add(&s->stream.out, S("* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n"));
	ret->text = S("All of it is yours");
	return OK;
}

/* RFC 5161: what is not known is passed over. */
static enum fault
cmd_enable(struct imap_session *s, struct arena *a, const struct imap_command *c, struct imap_reply *ret)
{
	(void)a;
	buf_add(&s->stream.out, S("* ENABLED"));
	for (size_t i = 0; i < c->words.n; i++)
		if (str_eq_nocase(c->words.words[i], S("CONDSTORE")) && !s->condstore) {
			s->condstore = true;
			buf_add(&s->stream.out, S(" CONDSTORE"));
		}
	buf_add(&s->stream.out, S("\r\n"));
	ret->text = S("Enabled");
	return OK;
}

/* RFC 9208: one root for the account, STORAGE in units of 1024 octets. */
static enum fault
cmd_quota(struct imap_session *s, struct arena *a, const struct imap_command *c, struct imap_reply *ret)
{
	struct store_account account;
	struct store_mailbox m;
	struct store_view *v;
	enum fault f;

	(void)a;
	TRY(imap_catch_up(s));
	if (c->verb == IMAP_GETQUOTA && c->two.first.n)
		return NOT_FOUND;
	if (c->verb == IMAP_GETQUOTAROOT && imap_find_mailbox(s, c->two.first, &m) != OK)
		return NO_SUCH_MAILBOX;
	TRY(store_view_begin(s->imap->reading.reader, &v));
	f = view_account(v, s->account, &account);
	store_view_end(v);
	TRY(f);
	if (c->verb == IMAP_GETQUOTAROOT) {
		buf_add(&s->stream.out, S("* QUOTAROOT "));
		imap_name_add(&s->stream.out, c->two.first, s->mode);
		buf_add(&s->stream.out, S(" \"\"\r\n"));
	}
	buf_add(&s->stream.out, S("* QUOTA \"\" ("));
	if (account.quota_bytes)
		buf_printf(&s->stream.out, "STORAGE %llu %llu",
			(unsigned long long)(account.used_bytes + 1023) / 1024,
			(unsigned long long)account.quota_bytes / 1024);
	buf_add(&s->stream.out, S(")\r\n"));
	ret->text = S("That is how it stands");
	return OK;
}

/* RFC 2177: the tagged answer comes with DONE. */
static enum fault
cmd_idle(struct imap_session *s, struct arena *a, const struct imap_command *c, struct imap_reply *ret)
{
	(void)a;
	s->idling = strndup(c->tag.p, c->tag.n);
	buf_add(&s->stream.out, S("+ Idling\r\n"));
	*ret = (struct imap_reply){ .text = S("") };
	return OK;
}

/* ---- all of them ---- */

enum { ANY, SELECTED };
enum { TELLS_ALL, KEEPS_NUMBERS /* no EXPUNGE may come with its answer: RFC 3501 7.4.1 */ };

/* clang-format off */
static const struct verb {
	enum imap_verb verb;
	uint8_t state, tells;
	imap_handler *run;
} verbs[] = {
	{ IMAP_CAPABILITY,   ANY,      TELLS_ALL,     cmd_capability },
	{ IMAP_NOOP,         ANY,      TELLS_ALL,     cmd_noop },
	{ IMAP_CHECK,        SELECTED, TELLS_ALL,     cmd_noop },
	{ IMAP_LOGOUT,       ANY,      TELLS_ALL,     cmd_logout },
	{ IMAP_ID,           ANY,      TELLS_ALL,     cmd_id },
	{ IMAP_NAMESPACE,    ANY,      TELLS_ALL,     cmd_namespace },
	{ IMAP_ENABLE,       ANY,      TELLS_ALL,     cmd_enable },
	{ IMAP_IDLE,         ANY,      TELLS_ALL,     cmd_idle },
	{ IMAP_SELECT,       ANY,      TELLS_ALL,     imap_cmd_select },
	{ IMAP_EXAMINE,      ANY,      TELLS_ALL,     imap_cmd_select },
	{ IMAP_CREATE,       ANY,      TELLS_ALL,     imap_cmd_create },
	{ IMAP_DELETE,       ANY,      TELLS_ALL,     imap_cmd_delete },
	{ IMAP_RENAME,       ANY,      TELLS_ALL,     imap_cmd_rename },
	{ IMAP_SUBSCRIBE,    ANY,      TELLS_ALL,     imap_cmd_subscribe },
	{ IMAP_UNSUBSCRIBE,  ANY,      TELLS_ALL,     imap_cmd_subscribe },
	{ IMAP_LIST,         ANY,      TELLS_ALL,     imap_cmd_list },
	{ IMAP_LSUB,         ANY,      TELLS_ALL,     imap_cmd_list },
	{ IMAP_XLIST,        ANY,      TELLS_ALL,     imap_cmd_list },
	{ IMAP_STATUS,       ANY,      TELLS_ALL,     imap_cmd_status },
	{ IMAP_GETQUOTA,     ANY,      TELLS_ALL,     cmd_quota },
	{ IMAP_GETQUOTAROOT, ANY,      TELLS_ALL,     cmd_quota },
	{ IMAP_CLOSE,        SELECTED, TELLS_ALL,     imap_cmd_close },
	{ IMAP_UNSELECT,     SELECTED, TELLS_ALL,     imap_cmd_unselect },
	{ IMAP_EXPUNGE,      SELECTED, TELLS_ALL,     imap_cmd_expunge },
	{ IMAP_FETCH,        SELECTED, KEEPS_NUMBERS, imap_cmd_fetch },
	{ IMAP_STORE,        SELECTED, KEEPS_NUMBERS, imap_cmd_store },
	{ IMAP_SEARCH,       SELECTED, KEEPS_NUMBERS, imap_cmd_search },
	{ IMAP_COPY,         SELECTED, TELLS_ALL,     imap_cmd_copy },
	{ IMAP_MOVE,         SELECTED, TELLS_ALL,     imap_cmd_copy },
};
/* clang-format on */

static const struct verb *
find(enum imap_verb v)
{
	for (size_t i = 0; i < COUNT(verbs); i++)
		if (verbs[i].verb == v)
			return &verbs[i];
	return NULL;
}

static enum fault
run(struct imap_session *s, struct arena *a, const struct imap_command *c, struct imap_reply *reply)
{
	const struct verb *v = find(c->verb);

	if (!v)
		return c->verb == IMAP_LOGIN || c->verb == IMAP_AUTHENTICATE || c->verb == IMAP_STARTTLS
			       ? BAD_SEQUENCE
			       : NOT_IMPLEMENTED;
	if (v->state == SELECTED && !s->box)
		return BAD_SEQUENCE;
	return v->run(s, a, c, reply);
}

/* By message number an expunge would shift what the client means; a command by UID may be told of them. */
static bool
may_expunge(const struct imap_command *c)
{
	const struct verb *v = find(c->verb);

	return c->uid || !v || v->tells == TELLS_ALL;
}

enum fault
imap_command_run(struct imap_session *s, struct arena *a, const struct imap_command *c)
{
	struct imap_reply reply = { .code = S(""), .text = S("Done") };
	enum fault f = run(s, a, c, &reply);

	if (imap_ends_connection(f))
		return f;
	if (!s->closing) {
		enum fault synced = imap_sync(s, may_expunge(c));

		if (imap_ends_connection(synced))
			return synced;
		if (synced == NOT_FOUND) { /* somebody deleted the mailbox */
			imap_box_close(s);
			buf_add(&s->stream.out, S("* OK [CLOSED] The mailbox is gone\r\n"));
		} else if (f == OK) {
			f = synced;
		}
	}
	if (s->idling)
		return OK;
	if (f == OK) {
		s->errors = 0;
		imap_ok_add(&s->stream.out, c->tag, reply.code, reply.text);
	} else if (reply.code.n) {
		buf_printf(&s->stream.out, "%.*s NO [%.*s] %s\r\n", STR_ARG(c->tag), STR_ARG(reply.code),
			fault_words(f)->text);
	} else {
		s->errors++;
		imap_fault_add(&s->stream.out, c->tag, f, S(""));
	}
	return OK;
}
