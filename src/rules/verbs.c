/* rules/verbs.c - what each restriction asks */
#include "rules/inside.h"

#include "base/mem.h"

#include <arpa/inet.h>

static struct subject
subject_helo(const struct run *r)
{
	return (struct subject){ r->q->facts->helo, "Helo command" };
}

static struct subject
subject_sender(const struct run *r)
{
	return (struct subject){ sender_text(r), "Sender address" };
}

static struct subject
subject_rcpt(const struct run *r)
{
	return (struct subject){ rcpt_text(r), "Recipient address" };
}

static bool
has_sender(const struct run *r)
{
	const struct addr *ad = r->q->facts->sender;

	return ad && (ad->local.n || ad->domain.n);
}

static str
without_dot(str name)
{
	return name.n > 1 && name.p[name.n - 1] == '.' && name.p[name.n - 2] != '.'
		       ? str_sub(name, 0, name.n - 1)
		       : name;
}

static bool
is_literal(str s)
{
	return s.n > 1 && s.p[0] == '[' && s.p[s.n - 1] == ']';
}

static bool
is_fqdn(str name)
{
	name = without_dot(name);
	return rules_hostname_ok(name) && str_find(name, '.') < name.n;
}

/* ---- names ---- */

static enum outcome
check_helo_literal(struct run *r)
{
	if (addr_is_literal(r->q->facts->helo))
		return DUNNO;
	return run_refuse(r, r->q->rules->invalid_code, S("5.5.2"), subject_helo(r), S("Invalid ip address"));
}

static bool
is_ip(str s)
{
	struct peer p;

	return peer_parse(s, &p);
}

static enum outcome
check_invalid_helo(struct run *r)
{
	str helo = r->q->facts->helo, name = without_dot(helo);

	if (helo.n && helo.p[0] == '[')
		return check_helo_literal(r);
	if (rules_hostname_ok(name) || is_ip(name))
		return DUNNO;
	return run_refuse(r, r->q->rules->invalid_code, S("5.5.2"), subject_helo(r), S("Invalid name"));
}

static enum outcome
check_fqdn_helo(struct run *r)
{
	str helo = r->q->facts->helo;

	if (helo.n && helo.p[0] == '[')
		return check_helo_literal(r);
	if (is_fqdn(helo))
		return DUNNO;
	return run_refuse(r, r->q->rules->non_fqdn_code, S("5.5.2"), subject_helo(r),
		S("need fully-qualified hostname"));
}

static enum outcome
check_fqdn_address(struct run *r, const struct addr *ad, struct subject about)
{
	if (is_literal(ad->domain) || is_fqdn(ad->domain))
		return DUNNO;
	return run_refuse(
		r, r->q->rules->non_fqdn_code, S("5.5.2"), about, S("need fully-qualified address"));
}

/* ---- whose ---- */

static bool
ends_session(enum fault f)
{
	return f == CLOSED || f == CANCELLED || f == TIMED_OUT || f == SHUTTING_DOWN;
}

/* Of an address of ours that is nobody's. That a mailbox is full says that it is somebody's. */
static bool
is_nobody(enum fault f)
{
	return f == NO_SUCH_MAILBOX || f == MAILBOX_DISABLED || f == NOT_FOUND;
}

static bool
may_be_anybody(enum fault f) /* the store could not say */
{
	return ends_session(f) || f == STORE_DOWN || f == TABLE_DOWN || f == INTERNAL || f == STORE_CORRUPT;
}

enum outcome
check_unlisted_sender(struct run *r)
{
	enum fault f;

	r->sender_was_asked = true;
	if (!has_sender(r))
		return DUNNO;
	f = r->q->hooks->sender(r->q->hooks->ctx);
	if (may_be_anybody(f))
		return run_fault(r, f);
	if (!is_nobody(f))
		return DUNNO;
	return run_refuse(r, 550, S("5.1.0"), subject_sender(r), S("No such user here"));
}

enum outcome
check_unlisted_rcpt(struct run *r)
{
	enum fault f = r->q->hooks->rcpt(r->q->hooks->ctx);

	if (may_be_anybody(f))
		return run_fault(r, f);
	if (!is_nobody(f))
		return DUNNO;
	return run_refuse(r, 550, S("5.1.1"), subject_rcpt(r), S("No such user here"));
}

/* Is it for one of our domains? */
static enum outcome
check_destination(struct run *r, const struct rule *rule)
{
	const struct rules *p = r->q->rules;
	enum fault f;
	bool ours;
	str text;

	if (!r->q->facts->rcpt)
		return DUNNO;
	f = r->q->hooks->rcpt(r->q->hooks->ctx);
	if (may_be_anybody(f))
		return run_fault(r, f);
	ours = f != RELAY_DENIED;
	if (rule->verb == VERB_AUTH_DESTINATION)
		return ours ? PERMIT : DUNNO;
	if (ours)
		return DUNNO;
	text = arena_printf(r->q->arena, "<%.*s>: Relay access denied", STR_ARG(rcpt_text(r)));
	if (rule->verb == VERB_DEFER_UNAUTH_DESTINATION)
		return run_refuse_bare(r, p->relay_code % 100 + 400, S("4.7.1"), text);
	return run_refuse_bare(r, p->relay_code, S("5.7.1"), text);
}

/* ---- does the sender belong to the login? ---- */

static bool
names_user(str owners, str user)
{
	str word;

	while (owners.n) {
		size_t n = 0;

		while (owners.n && (owners.p[0] == ',' || ascii_space(owners.p[0])))
			owners = str_from(owners, 1);
		while (n < owners.n && owners.p[n] != ',' && !ascii_space(owners.p[n]))
			n++;
		word = str_sub(owners, 0, n);
		owners = str_from(owners, n);
		if (word.n && str_eq_nocase(word, user))
			return true;
	}
	return false;
}

/* OK: it is the user's. NOT_PERMITTED: it is somebody else's. NOT_FOUND: nobody's. With user "": OK is never said. */
static enum fault
owner_of_sender(struct run *r, str user)
{
	const struct rules_query *q = r->q;
	const struct rules *p = q->rules;
	str owners, ext;
	enum fault f;

	if (maps_empty(p->login_maps)) { /* an address belongs to the account that it leads to */
		if (user.n)
			f = q->hooks->owns(q->hooks->ctx);
		else
			f = q->hooks->sender(q->hooks->ctx);
		if (f == RELAY_DENIED || is_nobody(f))
			return NOT_FOUND;
		return may_be_anybody(f) || (user.n && f == OK) ? f : NOT_PERMITTED;
	}
	f = maps_find_addr(p->login_maps, q->arena, addr_canonical(q->arena, q->facts->sender), p->delimiter,
		MAPS_ADDRESS, &owners, &ext);
	if (f != OK)
		return f;
	return user.n && names_user(owners, user) ? OK : NOT_PERMITTED;
}

static enum outcome
check_login(struct run *r, const struct rule *rule)
{
	str user = r->q->facts->user, text;
	enum fault f;

	if (!r->q->facts->auth || !has_sender(r))
		return DUNNO;
	if (rule->verb == (user.n ? VERB_UNAUTH_LOGIN_MISMATCH : VERB_AUTH_LOGIN_MISMATCH))
		return DUNNO;
	f = owner_of_sender(r, user);
	if (f == OK || (f == NOT_FOUND && (user.n == 0 || rule->verb == VERB_KNOWN_LOGIN_MISMATCH)))
		return DUNNO;
	if (f != NOT_FOUND && f != NOT_PERMITTED)
		return run_fault(r, f);
	text = user.n ? arena_printf(r->q->arena, "not owned by user %.*s", STR_ARG(user))
		      : S("not logged in");
	return run_refuse(r, 553, S("5.7.1"), subject_sender(r), text);
}

/* ---- certificates ---- */

static enum outcome
check_ccert(struct run *r, const struct rule *rule)
{
	const struct rules_facts *f = r->q->facts;
	struct subject about = { subject_client(r).name, "Client certificate" };
	const str keys[] = { f->ccert_fingerprint, f->ccert_pubkey };
	enum outcome o = DUNNO;

	for (size_t i = 0; f->has_ccert && i < COUNT(keys) && o == DUNNO; i++)
		o = access_key(r, rule, keys[i], about);
	return o;
}

static enum outcome
permit_ccert(struct run *r)
{
	const struct rules_facts *f = r->q->facts;
	const str keys[] = { f->ccert_fingerprint, f->ccert_pubkey };

	for (size_t i = 0; f->has_ccert && i < COUNT(keys); i++) {
		str value;
		enum fault found = maps_find(r->q->rules->ccerts, r->q->arena, keys[i], true, &value);

		if (found == OK)
			return PERMIT;
		if (found != NOT_FOUND)
			return run_fault(r, found);
	}
	return DUNNO;
}

/* ---- the rest ---- */

static enum outcome
check_policy(struct run *r, const struct rule *rule)
{
	const struct rules_query *q = r->q;
	struct buf request = { 0 };
	enum fault f;
	str action;

	rules_policy_request(&request, q->facts, r->step, &q->rules->policies[rule->number]);
	f = q->hooks->policy(q->hooks->ctx, rule->number, buf_str(&request), &action);
	buf_done(&request);
	return f == OK ? access_result(r, rule->word, action, run_subject(r)) : run_fault(r, f);
}

static enum outcome
check_sender_access(struct run *r, const struct rule *rule)
{
	if (!r->q->facts->sender)
		return DUNNO;
	if (has_sender(r))
		return access_address(r, rule, r->q->facts->sender, subject_sender(r));
	return access_key(r, rule, r->q->rules->null_key, subject_sender(r));
}

/* Whoever owns an address can give it any name: a name that nobody verified may refuse, but not permit. */
static enum outcome
check_reverse_access(struct run *r, const struct rule *rule)
{
	str name = r->q->facts->reverse_name;
	enum outcome o = access_client(r, rule, name, (struct subject){ name, "Unverified Client host" });

	return o == PERMIT && !run_is_discarded(r)
		       ? run_broken(r, "check_reverse_client_hostname_access may not permit: write DUNNO",
				 rule->word)
		       : o;
}

/* The table of whatever the list is about. */
static enum outcome
check_own_table(struct run *r, const struct rule *rule)
{
	const struct rules_facts *f = r->q->facts;

	switch (r->at) {
	case CLIENT: return access_client(r, rule, f->client_name, subject_client(r));
	case HELO: return f->has_helo ? access_domain(r, rule, f->helo, subject_helo(r)) : DUNNO;
	case SENDER: return check_sender_access(r, rule);
	case RELAY:
	case RECIPIENT: return f->rcpt ? access_address(r, rule, f->rcpt, subject_rcpt(r)) : DUNNO;
	default:
		return run_broken(
			r, "write check_client_access, check_sender_access ... before a table", rule->word);
	}
}

static enum outcome
check_pipelining(struct run *r)
{
	const struct rules_facts *f = r->q->facts;

	if (!f->pipelined || (f->esmtp && r->step != RULES_AT_DATA))
		return DUNNO;
	return run_refuse(r, 503, S("5.5.0"), run_subject(r), S("Improper use of SMTP command pipelining"));
}

static enum outcome
check_bounce(struct run *r)
{
	const struct rules_facts *f = r->q->facts;
	uint64_t others = f->rcpt_count;

	if (r->step >= RULES_AT_DATA && others)
		others--;
	if (!f->sender || has_sender(r) || others == 0)
		return DUNNO;
	return run_refuse(
		r, r->q->rules->bounce_code, S("5.5.3"), run_subject(r), S("Multi-recipient bounce"));
}

static enum outcome
defer_if(struct run *r, bool permit)
{
	struct subject about = run_subject(r);
	str text = arena_printf(r->q->arena, "<%.*s>: %s rejected: defer_if_%s requested",
		STR_ARG(about.name), about.class, permit ? "permit" : "reject");

	if (permit && r->warn)
		return run_refuse_bare(r, 450, S("4.7.0"), text);
	run_defer(permit ? r->if_permit : r->if_reject, 450, S("4.7.0"), text);
	return DUNNO;
}

static enum outcome
pause_for(struct run *r, unsigned seconds)
{
	enum fault f = r->q->hooks->sleep(r->q->hooks->ctx, seconds);

	return f == OK || f == TIMED_OUT ? DUNNO : run_fault(r, f);
}

static enum outcome
permit_if(bool truth)
{
	return truth ? PERMIT : DUNNO;
}

enum outcome
verb_run(struct run *r, const struct rule *rule)
{
	const struct rules *p = r->q->rules;
	const struct rules_facts *f = r->q->facts;

	switch (rule->verb) {
	case VERB_PERMIT: return PERMIT;
	case VERB_REJECT:
		return run_refuse(r, p->reject_code, S("5.7.1"), run_subject(r), S("Access denied"));
	case VERB_DEFER:
		return run_refuse(r, p->defer_code, S("4.3.2"), run_subject(r), S("Try again later"));
	case VERB_DEFER_IF_PERMIT: return defer_if(r, true);
	case VERB_DEFER_IF_REJECT: return defer_if(r, false);
	case VERB_SLEEP: return pause_for(r, rule->number);
	case VERB_POLICY: return check_policy(r, rule);
	case VERB_UNAUTH_PIPELINING: return check_pipelining(r);
	case VERB_PLAINTEXT_SESSION:
		return f->tls ? DUNNO
			      : run_refuse_bare(r, p->plaintext_code, S("4.7.1"),
					S("Session encryption is required"));
	case VERB_MULTI_RCPT_BOUNCE: return check_bounce(r);
	case VERB_PERMIT_MYNETWORKS: return permit_if(f->trusted);
	case VERB_PERMIT_SASL: return permit_if(f->user.n > 0);
	case VERB_PERMIT_CCERTS: return permit_ccert(r);
	case VERB_PERMIT_ALL_CCERTS: return permit_if(f->has_ccert && f->ccert_verified);
	case VERB_CLIENT_ACCESS: return access_client(r, rule, f->client_name, subject_client(r));
	case VERB_REVERSE_ACCESS: return check_reverse_access(r, rule);
	case VERB_SASL_ACCESS:
		return f->user.n
			       ? access_key(r, rule, f->user, (struct subject){ f->user, "SASL login name" })
			       : DUNNO;
	case VERB_CCERT_ACCESS: return check_ccert(r, rule);
	case VERB_HELO_ACCESS: return f->has_helo ? access_domain(r, rule, f->helo, subject_helo(r)) : DUNNO;
	case VERB_INVALID_HELO: return f->has_helo ? check_invalid_helo(r) : DUNNO;
	case VERB_NON_FQDN_HELO: return f->has_helo ? check_fqdn_helo(r) : DUNNO;
	case VERB_SENDER_ACCESS: return check_sender_access(r, rule);
	case VERB_NON_FQDN_SENDER:
		return has_sender(r) ? check_fqdn_address(r, f->sender, subject_sender(r)) : DUNNO;
	case VERB_UNLISTED_SENDER: return check_unlisted_sender(r);
	case VERB_LOGIN_MISMATCH:
	case VERB_AUTH_LOGIN_MISMATCH:
	case VERB_KNOWN_LOGIN_MISMATCH:
	case VERB_UNAUTH_LOGIN_MISMATCH: return check_login(r, rule);
	case VERB_RCPT_ACCESS: return f->rcpt ? access_address(r, rule, f->rcpt, subject_rcpt(r)) : DUNNO;
	case VERB_NON_FQDN_RCPT: return f->rcpt ? check_fqdn_address(r, f->rcpt, subject_rcpt(r)) : DUNNO;
	case VERB_UNLISTED_RCPT: return f->rcpt ? check_unlisted_rcpt(r) : DUNNO;
	case VERB_UNAUTH_DESTINATION:
	case VERB_DEFER_UNAUTH_DESTINATION:
	case VERB_AUTH_DESTINATION: return check_destination(r, rule);
	case VERB_TABLE: return check_own_table(r, rule);
	case VERB_WARN_IF_REJECT: /* a mark on the rule behind it */
	case VERB_CLASS:
	case VERBS: break;
	}
	return DUNNO;
}
