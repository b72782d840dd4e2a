/* audit/probe_relay.c - would it send a stranger's mail on?
 * Each form is a sender and a recipient. Those whose recipient is plainly elsewhere prove an open relay when RCPT takes them. Those that hide another
 * domain in an address of the server's prove something only when the server refuses recipients that do not exist: the control asks that. */
#include "audit/probe_inside.h"

#include "base/mem.h"

/* In templates: $F our sender, $v and $V local part and domain of the foreign address, $H the server's name, $I its address as in [$I], $D a
 * domain of the server's, $N a local part that nobody has. */
/* clang-format off */
static const struct form {
	const char *helo; /* NULL: ours */
	const char *from, *to;
	const char *control; /* a recipient in the same domain that cannot exist; NULL: `to` is elsewhere */
	const char *params;
} forms[] = {
	/* the sixteen that nmap's smtp-open-relay tries */
	{ NULL, "",                "$v@$V",              NULL,        "" },
	{ NULL, "$F",              "$v@$V",              NULL,        "" },
	{ NULL, "postmaster@$H",   "$v@$V",              NULL,        "" },
	{ NULL, "postmaster@[$I]", "$v@$V",              NULL,        "" },
	{ NULL, "postmaster@[$I]", "$v%$V@[$I]",         "$N@[$I]",   "" },
	{ NULL, "postmaster@[$I]", "$v%$V@$H",           "$N@$H",     "" },
	{ NULL, "postmaster@[$I]", "\"$v@$V\"",          "$N",        "" },
	{ NULL, "postmaster@[$I]", "\"$v%$V\"",          "$N",        "" },
	{ NULL, "postmaster@[$I]", "$v@$V@[$I]",         "$N@[$I]",   "" },
	{ NULL, "postmaster@[$I]", "\"$v@$V\"@[$I]",     "$N@[$I]",   "" },
	{ NULL, "postmaster@[$I]", "$v@$V@$H",           "$N@$H",     "" },
	{ NULL, "postmaster@[$I]", "@[$I]:$v@$V",        NULL,        "" },
	{ NULL, "postmaster@[$I]", "@$H:$v@$V",          NULL,        "" },
	{ NULL, "postmaster@[$I]", "$V!$v",              "$N",        "" },
	{ NULL, "postmaster@[$I]", "$V!$v@[$I]",         "$N@[$I]",   "" },
	{ NULL, "postmaster@[$I]", "$V!$v@$H",           "$N@$H",     "" },
	/* senders and greetings that pretend to be of the house */
	{ NULL, "postmaster@$D",   "$v@$V",              NULL,        "" },
	{ NULL, "postmaster@localhost", "$v@$V",         NULL,        "" },
	{ NULL, "root",            "$v@$V",              NULL,        "" },
	{ NULL, "$v@$V",           "$v@$V",              NULL,        "" },
	{ "localhost", "postmaster@$D", "$v@$V",         NULL,        "" },
	{ "$H", "postmaster@$D",   "$v@$V",              NULL,        "" },
	{ "[127.0.0.1]", "",       "$v@$V",              NULL,        "" },
	{ "[IPv6:::ffff:127.0.0.1]", "$F", "$v@$V",      NULL,        "" },
	/* other spellings */
	{ NULL, "$F",              "$v%$V@$D",           "$N@$D",     "" },
	{ NULL, "",                "$v%$V@$D",           "$N@$D",     "" },
	{ NULL, "postmaster@$D",   "$v%$V@$D",           "$N@$D",     "" },
	{ NULL, "$F",              "$v%$V%$D@$D",        "$N@$D",     "" },
	{ NULL, "$F",              "$v%$V",              "$N",        "" },
	{ NULL, "$F",              "$v%$V@localhost",    "$N@localhost", "" },
	{ NULL, "$F",              "$v%$V@[127.0.0.1]",  "$N@[127.0.0.1]", "" },
	{ NULL, "$F",              "$v%$V@[IPv6:::ffff:127.0.0.1]", "$N@[IPv6:::ffff:127.0.0.1]", "" },
	{ NULL, "$F",              "\"$v@$V\"@$D",       "$N@$D",     "" },
	{ NULL, "$F",              "\"$v\"@$V",          NULL,        "" },
	{ NULL, "$F",              "$v@$V@$D",           "$N@$D",     "" },
	{ NULL, "$F",              "$v\\@$V@$D",         "$N@$D",     "" },
	{ NULL, "$F",              "@$D:$v@$V",          NULL,        "" },
	{ NULL, "$F",              "@$D,@$H:$v@$V",      NULL,        "" },
	{ NULL, "$F",              "$V!$v@$D",           "$N@$D",     "" },
	{ NULL, "$F",              "$D!$v@$V",           NULL,        "" },
	{ NULL, "$F",              "$v@$V.",             NULL,        "" },
	{ NULL, "$F",              "$v@[203.0.113.77]",  NULL,        "" },
	{ NULL, "$F",              "$v@$V",              NULL,        " ORCPT=rfc822;postmaster@$D" },
};
/* clang-format on */
enum { FORMS_A_VISIT = 7 }; /* fewer than any server's limit of errors */

static str
fill(struct probe *p, struct arena *a, const char *template)
{
	str foreign = str_c(p->t->foreign);
	size_t at = str_rfind(foreign, '@');
	struct buf b = { .limit = 600 };
	str filled;

	for (const char *c = template; *c; c++) {
		if (*c != '$') {
			buf_add_char(&b, *c);
			continue;
		}
		switch (*++c) {
		case 'F': buf_add_c(&b, p->t->from); break;
		case 'v': buf_add(&b, str_sub(foreign, 0, at)); break;
		case 'V': buf_add(&b, str_from(foreign, at + 1)); break;
		case 'H': buf_add(&b, p->server); break;
		case 'I': buf_add(&b, p->literal); break;
		case 'D': buf_add(&b, p->domain); break;
		default: buf_add_c(&b, p->nobody); break;
		}
	}
	filled = arena_str(a, buf_str(&b));
	buf_done(&b);
	return filled;
}

struct relaying {
	struct probe *p;
	struct visit v;
	unsigned made; /* forms in this visit */
	bool later;    /* something was put off */
};

static void
end_visit(struct relaying *r)
{
	visit_end(&r->v);
	r->made = 0;
}

static enum fault
begin_visit(struct relaying *r, const struct form *form)
{
	struct smtp_answer a;

	TRY(visit_begin_ehlo(r->p, &r->v));
	/* Nothing is taken without TLS. */
	TRY(visit_ask(&r->v, &a, "MAIL FROM:<%s>", r->p->t->from));
	if (a.code == 530 && (r->v.caps & CAP_STARTTLS)) {
		TRY(visit_starttls(&r->v, r->p->tls));
		TRY(visit_ehlo(&r->v));
	} else {
		TRY(visit_ask(&r->v, &a, "RSET"));
	}
	if (!form->helo)
		return OK;
	return visit_ask(&r->v, &a, "EHLO %.*s", STR_ARG(fill(r->p, &r->v.arena, form->helo)));
}

/* MAIL and RCPT; *ret_from is MAIL's refusal when there was one, and *ret then the same. */
static enum fault
ask(struct relaying *r, const struct form *form, const char *to, struct smtp_answer *ret)
{
	struct arena *a = &r->v.arena;
	struct smtp_answer reset;

	if (!r->v.up)
		TRY(begin_visit(r, form));
	TRY(visit_ask(&r->v, ret, "MAIL FROM:<%.*s>", STR_ARG(fill(r->p, a, form->from))));
	if (is_yes(ret))
		TRY(visit_ask(&r->v, ret, "RCPT TO:<%.*s>%.*s", STR_ARG(fill(r->p, a, to)),
			STR_ARG(fill(r->p, a, form->params))));
	if (ret->code == 421)
		return TOO_BUSY;
	r->later |= is_later(ret);
	r->made++;
	return visit_ask(&r->v, &reset, "RSET");
}

/* Once more in a new connection: the server may have had enough of errors. */
static enum fault
ask_again(struct relaying *r, const struct form *form, const char *to, struct smtp_answer *ret)
{
	enum fault f;

	if (r->made >= FORMS_A_VISIT || (form->helo && r->made))
		end_visit(r);
	f = ask(r, form, to, ret);
	if (f != CLOSED && f != TOO_BUSY)
		return f;
	end_visit(r);
	f = ask(r, form, to, ret);
	if (f == OK || (f != CLOSED && f != TOO_BUSY))
		return f;
	/* This form is what it cannot bear: that is a refusal. Whether it still speaks shows with the next one. */
	end_visit(r);
	*ret = (struct smtp_answer){ .code = 421 };
	return OK;
}

/* The proof, for who asks for it: a message. */
static enum fault
send_test(struct relaying *r, const struct form *form, struct smtp_answer *ret)
{
	struct arena *a = &r->v.arena;
	struct buf b = { 0 };
	enum fault f;
	str message;

	end_visit(r);
	TRY(begin_visit(r, form));
	TRY(visit_ask(&r->v, ret, "MAIL FROM:<%.*s>", STR_ARG(fill(r->p, a, form->from))));
	TRY(visit_ask(&r->v, ret, "RCPT TO:<%.*s>%.*s", STR_ARG(fill(r->p, a, form->to)),
		STR_ARG(fill(r->p, a, form->params))));
	TRY(visit_ask(&r->v, ret, "DATA"));
	if (ret->code != 354)
		return OK;
	message = arena_printf(a,
		"From: <%s>\r\nTo: <%s>\r\nSubject: postrider audit: relayed by %.*s\r\n\r\n"
		"This message was sent through %s to see whether it is an open relay. It is.\r\n",
		r->p->t->from, r->p->t->foreign, STR_ARG(r->p->server), r->p->t->name);
	smtp_data_stuff(&b, message);
	f = visit_write(&r->v, buf_str(&b));
	buf_done(&b);
	TRY(f);
	TRY(visit_hear(&r->v, ret));
	ret->text = arena_str(&r->p->audit->arena, ret->text); /* it outlives the visit */
	ret->status = arena_str(&r->p->audit->arena, ret->status);
	end_visit(r);
	return OK;
}

static enum fault
accepted(struct relaying *r, const struct form *form)
{
	struct audit *a = r->p->audit;
	struct arena *ar = &a->arena;
	struct smtp_answer answer = { 0 };
	str helo = form->helo ? fill(r->p, ar, form->helo) : str_c(r->p->t->helo);
	str what = arena_printf(ar, "EHLO %.*s, MAIL FROM:<%.*s>, RCPT TO:<%.*s>%.*s", STR_ARG(helo),
		STR_ARG(fill(r->p, ar, form->from)), STR_ARG(fill(r->p, ar, form->to)),
		STR_ARG(fill(r->p, ar, form->params)));

	if (form->control) {
		TRY(ask_again(r, form, form->control, &answer));
		if (is_yes(&answer))
			audit_find(a, AUDIT_TAKES_ANY_RECIPIENT, r->p->where,
				"%.*s was accepted, and so was <%.*s>", STR_ARG(what),
				STR_ARG(fill(r->p, ar, form->control)));
		else
			audit_find(a, AUDIT_RELAY_BY_FORM, r->p->where, "%.*s was accepted", STR_ARG(what));
		return OK;
	}
	if (r->p->t->send_test)
		TRY(send_test(r, form, &answer));
	audit_find(a, AUDIT_RELAY_OPEN, r->p->where, "%.*s was accepted%s%.*s", STR_ARG(what),
		answer.code ? "; the message: " : "",
		STR_ARG(answer.code ? answer_text(ar, &answer) : S("")));
	return OK;
}

/* 4yz may be how this server says no (Postfix's defer_unauth_destination), or greylisting: then its own postmaster is put off, too. */
static enum fault
judge_later(struct relaying *r)
{
	static const struct form own = { NULL, "$F", "postmaster@$D", NULL, "" };
	struct smtp_answer answer = { 0 };

	TRY(ask_again(r, &own, own.to, &answer));
	if (is_later(&answer))
		audit_failed(r->p->audit, AUDIT_RELAY_OPEN,
			"the server puts recipients off (4yz): ask again later");
	return OK;
}

enum fault
probe_relay(struct probe *p)
{
	enum { ENOUGH = 5 };
	struct relaying r = { .p = p, .v = { .probe = p } };
	unsigned refused_all = 0;
	size_t found = 0;
	enum fault f = OK;

	for (size_t i = 0; f == OK && i < COUNT(forms) && found < ENOUGH; i++) {
		struct smtp_answer answer = { 0 };

		if (forms[i].params[0] && !(p->caps & CAP_DSN))
			continue;
		f = ask_again(&r, &forms[i], forms[i].to, &answer);
		if (f == OK && is_yes(&answer)) {
			found += forms[i].control == NULL;
			f = accepted(&r, &forms[i]);
		}
		refused_all = answer.code == 421 ? refused_all + 1 : 0;
		if (refused_all > 2)
			f = TOO_BUSY;
		if (f == OK)
			f = fiber_sleep(p->loop, p->t->pause_ms / 10);
	}
	if (f == OK && r.later && found == 0)
		f = judge_later(&r);
	end_visit(&r);
	return f;
}

enum fault
probe_xclient(struct probe *p)
{
	struct smtp_answer a = { 0 };
	struct visit v;
	enum fault f = visit_begin_ehlo(p, &v);

	if (f == OK)
		f = visit_ask(&v, &a, "XCLIENT ADDR=127.0.0.1 NAME=localhost");
	if (f == OK && is_yes(&a))
		audit_find(p->audit, AUDIT_XCLIENT_OPEN, p->where, "XCLIENT ADDR=127.0.0.1: %.*s",
			STR_ARG(answer_text(&v.arena, &a)));
	visit_end(&v);
	return f == CLOSED ? OK : f;
}

/* A server that takes the line says nothing to it; any other takes it for a command. */
enum fault
probe_proxy(struct probe *p)
{
	struct smtp_answer a = { 0 }, more;
	struct visit v;
	enum fault f = visit_connect(p, &v);

	if (f == OK)
		f = visit_write(&v, S("PROXY TCP4 127.0.0.1 127.0.0.1 40025 25\r\n"));
	if (f == OK)
		f = visit_hear(&v, &a);
	if (f == OK && is_yes(&a))
		f = visit_ask(&v, &a, "NOOP");
	if (f == OK && is_yes(&a) && visit_hear_within(&v, 500, &more) == TIMED_OUT)
		audit_find(p->audit, AUDIT_PROXY_OPEN, p->where,
			"PROXY TCP4 127.0.0.1 ... was taken before the greeting");
	visit_end(&v);
	return f == CLOSED ? OK : f;
}
