/* roles/smtp/duties.c - the header at the door
 * Fields that never pass (message_drop_headers) for everybody; what an MSA owes to its own clients: missing fields, and a From that belongs to who
 * has logged in (RFC 6409 6.1, 8.1-8.3; RFC 5322 3.6.2). Once the header's end has come, before the email row sees it; the body is not looked
 * at. May wait: whether an alias leads to the account is asked of the store, where nothing else shows that the From is the account's. */
#include "roles/smtp/duties.h"

#include "base/mem.h"
#include "base/moment.h"
#include "conf/maps.h"
#include "mail/addrs.h"
#include "roles/smtp/recipients.h"

#include <stdlib.h>

enum {
	MOST_AUTHORS = 100
}; /* addresses in From, Sender and Resent-From that are looked at; with more, not all are the account's */

static bool
is_loopback(const struct peer *p)
{
	static const unsigned char six[16] = { [15] = 1 };

	if (p->family == AF_UNIX)
		return true;
	return p->family == AF_INET ? p->ip[0] == 127 : memcmp(p->ip, six, sizeof(six)) == 0;
}

/* Does this client get the fields it lacks? */
static bool
is_own_client(const struct smtp_session *s)
{
	const struct smtp_service *sv = s->service;

	return sv->add_missing || (sv->own_login && smtp_is_logged_in(s)) ||
	       (sv->own_networks && s->trusted) || (sv->own_machine && is_loopback(&s->peer));
}

bool
smtp_breaks_lines(const struct smtp_session *s)
{
	return s->service->break_lines && smtp_is_logged_in(s) && s->txn->mail.body != SMTP_BODY_BINARYMIME;
}

/* ---- whose is the From? ---- */

struct authors {
	struct smtp_session *s;
	struct arena arena;
	unsigned count;
	bool others; /* some address is not the account's */
};

static str
without_extension(struct arena *a, const struct addr *ad, str delimiter)
{
	str meant = addr_local_meant(a, ad);
	size_t n = maps_extension(meant, delimiter);

	return arena_printf(a, "%.*s@%.*s", (int)n, meant.p, STR_ARG(ad->domain));
}

/* The account's own address, with or without an extension; or one that mail reaches it by. */
static enum fault
is_mine(struct authors *w, str local, str domain, bool *ret)
{
	struct smtp_session *s = w->s;
	str delimiter = conf_str(s->smtp->role->conf, CONF_recipient_delimiter), user = str_c(s->user);
	str text = arena_printf(&w->arena, "%.*s@%.*s", STR_ARG(local), STR_ARG(domain));
	struct addr ad = { local, domain, false };
	enum fault f;

	*ret = true;
	if (str_eq_nocase(text, user))
		return OK;
	if (addr_parse(text, &ad) != OK &&
		addr_parse(arena_printf(&w->arena, "\"%.*s\"@%.*s", STR_ARG(local), STR_ARG(domain)), &ad) !=
			OK) {
		*ret = false;
		return OK;
	}
	if (str_eq_nocase(addr_canonical(&w->arena, &ad), user) ||
		str_eq_nocase(without_extension(&w->arena, &ad, delimiter), user))
		return OK;
	f = smtp_owns(s, &ad, false);
	*ret = f == OK;
	return f == NOT_PERMITTED ? OK : f;
}

static enum fault
look_at(struct authors *w, str value)
{
	struct email_addr e;
	struct addrs r;
	enum fault f = OK;

	addrs_init(&r, &w->arena, NULL);
	addrs_begin(&r, value);
	while (f == OK && !w->others && addrs_next(&r, &e)) {
		bool mine = true;

		if (e.host.n == 0) /* a group's begin or end */
			continue;
		if (++w->count > MOST_AUTHORS)
			mine = false;
		else
			f = is_mine(w, e.mailbox, e.host, &mine);
		w->others |= !mine;
	}
	addrs_done(&r);
	return f;
}

/* Sender is needed where From is not the account's, or names several (RFC 5322 3.6.2). */
static enum fault
check_from(struct smtp_session *s, const struct mend_facts *m, bool *ret_add_sender, bool *ret_drop_sender)
{
	bool reject = s->service->from_mismatch == FROM_REJECT;
	struct authors from = { .s = s }, sender = { .s = s };
	enum fault f = OK;

	if (m->from_count > 1 || m->sender_count > 1)
		return FROM_TWICE;
	if (s->service->from_mismatch == FROM_PERMIT)
		return OK;
	if (m->from_count)
		f = look_at(&from, m->from[0]);
	if (f == OK && m->sender_count)
		f = look_at(&sender, m->sender);
	for (unsigned i = 0; i < m->resent_n && f == OK && reject; i++)
		f = look_at(&from, m->resent[i]);
	if (f == OK && reject && (from.others || sender.others || m->resent_from_count > m->resent_n))
		f = FROM_NOT_YOURS;
	*ret_drop_sender = sender.others;
	*ret_add_sender = sender.others || (!m->sender_count && (from.others || from.count > 1));
	arena_done(&from.arena);
	arena_done(&sender.arena);
	/* Where the store cannot be asked now, the account is named all the same. */
	if (f != OK && fault_is_temporary(f) && !reject) {
		*ret_add_sender = *ret_drop_sender = true;
		f = OK;
	}
	return f;
}

/* ---- what is missing ---- */

static void
add_missing(const struct incoming *in, const struct mend_facts *m, struct buf *add)
{
	const struct smtp_session *s = in->s;
	struct moment_parts now;

	if (!m->date_count) {
		buf_add(add, S("Date: "));
		moment_add_rfc5322(add, in->wall_ms, 0);
		buf_add(add, S("\r\n"));
	}
	if (!m->id_count) { /* the session's id has 32 random bits; with the time it is never used again */
		moment_split(in->wall_ms, &now);
		buf_printf(add, "Message-ID: <%04d%02d%02d%02d%02d%02d.%s@%.*s>\r\n", now.year, now.month,
			now.day, now.hour, now.minute, now.second, in->id, STR_ARG(s->service->hostname));
	}
	if (!m->from_count) {
		str from = s->txn->sender.n ? s->txn->sender : str_c(s->user ? s->user : "");

		if (from.n)
			buf_printf(add, "From: %.*s\r\n", STR_ARG(from));
	}
}

enum fault
smtp_do_duties(struct incoming *in, str header, bool wants_gap, struct buf *ret, bool *ret_changed)
{
	struct smtp_session *s = in->s;
	const struct smtp_service *sv = s->service;
	struct mend_change change = { .drop = sv->dropped, .drop_count = sv->dropped_count };
	struct buf add = { 0 };
	struct mend_facts m;
	bool add_sender = false;

	mend_look(header, sv->dropped, sv->dropped_count, &m);
	if (smtp_is_logged_in(s))
		TRY(check_from(s, &m, &add_sender, &change.drop_sender));
	if (sv->strict_7bit && !s->txn->mail.smtputf8 && !str_is_ascii(header))
		return NEEDS_SMTPUTF8;
	if (is_own_client(s))
		add_missing(in, &m, &add);
	if (add_sender)
		buf_printf(&add, "Sender: %s\r\n", s->user);
	change.add = buf_str(&add);
	change.gap = wants_gap && smtp_header_is_strict(s);
	*ret_changed = m.drops || change.drop_sender || change.add.n || change.gap;
	if (*ret_changed)
		mend_write(ret, header, &change);
	buf_done(&add);
	return OK;
}

bool
smtp_header_is_strict(const struct smtp_session *s)
{
	return is_own_client(s);
}
