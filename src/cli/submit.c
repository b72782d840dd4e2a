#include "cli/submit.h"

#include "cli/progress.h"
#include "cli/server_of.h"

#include "base/mem.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>

enum { LARGE = 1 << 20 /* from here on there is a bar to look at */ };

struct job {
	const struct submit *how;
	struct client_message *m;
	struct server where;
	struct addrinfo *addresses;
	struct tls_client *tls;
	struct loop *loop;
	struct client *client;
	struct arena arena;
	struct progress progress;
	bool shows_progress;
	uint64_t sent;
	enum fault (*next)(void *ctx, str *ret_piece);
	void *next_ctx;
	enum client_end end;
	str server; /* as it was reached, for people */
	str tls_version;
};

bool
submit_notify(str list, unsigned *ret)
{
	static const struct {
		str word;
		unsigned bit;
	} words[] = {
		{ SC("never"), SMTP_NOTIFY_NEVER },
		{ SC("success"), SMTP_NOTIFY_SUCCESS },
		{ SC("failure"), SMTP_NOTIFY_FAILURE },
		{ SC("delay"), SMTP_NOTIFY_DELAY },
	};
	unsigned bits = 0;

	for (str word; str_take_until(&list, ',', &word);) {
		unsigned bit = 0;

		for (size_t i = 0; i < COUNT(words); i++)
			if (str_eq_nocase(word, words[i].word))
				bit = words[i].bit;
		if (!bit)
			return false;
		bits |= bit;
	}
	*ret = bits;
	return bits && (!(bits & SMTP_NOTIFY_NEVER) || bits == SMTP_NOTIFY_NEVER);
}

/* ---- what is seen meanwhile ---- */

static void
show(void *ctx, char who, str line)
{
	(void)ctx;
	if (who == '-')
		fprintf(stderr, "-- %.*s\n", STR_ARG(line));
	else
		fprintf(stderr, "%c: %.*s\n", who, STR_ARG(line));
}

static enum fault
next_counted(void *ctx, str *ret_piece)
{
	struct job *j = ctx;

	if (j->shows_progress && j->m->size)
		progress_tell(&j->progress, (int)(j->sent * 1000 / j->m->size));
	TRY(j->next(j->next_ctx, ret_piece));
	j->sent += ret_piece->n;
	return OK;
}

/* ---- the conversation ---- */

/* What stays on this machine needs no TLS, but for a login, which servers want it for. */
static enum client_tls
tls_of(const struct job *j)
{
	switch (j->how->tls) {
	case SUBMIT_STARTTLS: return CLIENT_TLS_STARTTLS;
	case SUBMIT_TLS: return CLIENT_TLS_AT_ONCE;
	case SUBMIT_NO_TLS: return CLIENT_TLS_NEVER;
	case SUBMIT_AUTO: break;
	}
	if (j->where.tls_at_once)
		return CLIENT_TLS_AT_ONCE;
	if (j->where.is_here && !j->how->user && !j->how->cert)
		return CLIENT_TLS_NEVER;
	/* A local server may permit logins in clear; nobody listens in. */
	return j->where.is_here ? CLIENT_TLS_MAY : CLIENT_TLS_STARTTLS;
}

static enum client_end
connect_to(struct job *j, const struct client_settings *set, const struct addrinfo *ai)
{
	struct peer p;

	client_free(j->client);
	j->client = client_new(j->loop, set);
	if (j->where.path)
		return client_connect_unix(j->client, j->where.path);
	peer_of(ai->ai_addr, ai->ai_addrlen, &p);
	return client_connect(j->client, &p);
}

/* The first address that can be reached. */
static enum client_end
connect_any(struct job *j, const struct client_settings *set)
{
	enum client_end end = CLIENT_UNREACHABLE;
	const struct addrinfo *ai = j->addresses;

	do {
		end = connect_to(j, set, ai);
		ai = ai ? ai->ai_next : NULL;
	} while (end == CLIENT_UNREACHABLE && ai);
	return end;
}

static enum client_end
log_in(struct job *j)
{
	struct client_login who = { str_c(j->how->user), j->how->password, str_c(j->how->mechanism) };

	return j->how->user || j->how->mechanism ? client_login(j->client, &who) : CLIENT_OK;
}

/* RFC 5321 4.5.3.1.10: not refused, but one too many for this transaction. */
static bool
is_one_too_many(const struct client_rcpt *r)
{
	return r->verdict == CLIENT_DEFERRED && r->answer.code == 452 && str_eq(r->answer.status, S("4.5.3"));
}

/* To those of j->m that are marked, and as many as the server takes at a time. */
static enum client_end
send_some(struct job *j, bool *pending, size_t *ret_accepted)
{
	struct client_rcpt *all = j->m->rcpts,
			   *some = ARENA_ARRAY(&j->arena, j->m->rcpt_count, struct client_rcpt);
	size_t *which = ARENA_ARRAY(&j->arena, j->m->rcpt_count, size_t), n = 0, count = j->m->rcpt_count;
	uint64_t most = client_caps(j->client)->rcpt_max;
	enum client_end end;

	for (size_t i = 0; i < count && (!most || n < most); i++)
		if (pending[i]) {
			which[n] = i;
			some[n++] = all[i];
		}
	j->m->rcpts = some;
	j->m->rcpt_count = n;
	end = client_send(j->client, &j->arena, j->m);
	j->m->rcpts = all;
	j->m->rcpt_count = count;
	*ret_accepted = 0;
	for (size_t i = 0; i < n; i++) {
		all[which[i]] = some[i];
		pending[which[i]] = is_one_too_many(&some[i]);
		*ret_accepted += some[i].verdict == CLIENT_ACCEPTED;
	}
	return end;
}

/* Transactions until everybody has had a turn. */
static enum client_end
send_all(struct job *j)
{
	bool *pending = ARENA_ARRAY(&j->arena, j->m->rcpt_count, bool);
	size_t accepted, before, left = j->m->rcpt_count;
	enum client_end end;

	memset(pending, true, left);
	do {
		if (j->sent && j->how->rewind(j->next_ctx) != OK)
			return CLIENT_BROKEN;
		j->sent = 0;
		end = send_some(j, pending, &accepted);
		before = left;
		left = 0;
		for (size_t i = 0; i < j->m->rcpt_count; i++)
			left += pending[i];
	} while (end == CLIENT_OK && left && (accepted || left < before));
	return end;
}

static void
converse(void *arg)
{
	struct job *j = arg;
	struct client_settings set = { .lmtp = j->how->lmtp,
		.helo = str_c(j->how->helo),
		.tls = tls_of(j),
		.tls_client = j->tls,
		.server_name = str_c(j->how->tls_name ? j->how->tls_name : j->where.name),
		.private_line = j->where.is_here,
		.most_ms = j->how->timeout_ms,
		.trace = j->how->verbose ? show : NULL };
	struct tls_facts facts;

	j->end = connect_any(j, &set);
	if (j->end == CLIENT_OK && client_tls_facts(j->client, &facts))
		j->tls_version = str_c(facts.version);
	if (j->end == CLIENT_OK)
		j->end = log_in(j);
	if (j->end == CLIENT_OK && j->how->needs_dsn && !(client_caps(j->client)->has & CLIENT_HAS_DSN))
		j->end = CLIENT_UNFIT;
	else if (j->end == CLIENT_OK)
		j->end = send_all(j);
	client_quit(j->client);
	loop_stop(j->loop);
}

/* ---- what came of it ---- */

static int
status_of_end(const struct job *j)
{
	switch (j->end) {
	case CLIENT_OK: return EX_OK;
	case CLIENT_REFUSED: return client_why(j->client)->answer.code >= 500 ? EX_UNAVAILABLE : EX_TEMPFAIL;
	case CLIENT_UNREACHABLE:
	case CLIENT_LOST:
	case CLIENT_CANCELLED: return EX_TEMPFAIL;
	case CLIENT_GARBLED:
	case CLIENT_INSECURE: return EX_PROTOCOL;
	case CLIENT_NO_AUTH: return EX_NOPERM;
	case CLIENT_UNFIT: return EX_UNAVAILABLE;
	case CLIENT_BROKEN: return EX_DATAERR;
	}
	return EX_SOFTWARE;
}

static int
status_of(const struct job *j)
{
	int status = status_of_end(j);

	for (size_t i = 0; i < j->m->rcpt_count; i++)
		switch (j->m->rcpts[i].verdict) {
		case CLIENT_REJECTED:
			status = status == EX_OK || status == EX_TEMPFAIL ? EX_UNAVAILABLE : status;
			break;
		case CLIENT_DEFERRED:
		case CLIENT_IN_DOUBT: status = status == EX_OK ? EX_TEMPFAIL : status; break;
		default: break;
		}
	return status;
}

/* What one can do about it; "" where there is nothing to say. */
static const char *
advice(const struct job *j)
{
	const struct client_why *why = client_why(j->client);
	bool in_clear = !client_is_encrypted(j->client);

	switch (j->end) {
	case CLIENT_UNREACHABLE:
		return j->how->server
			       ? ""
			       : "is the server running? `postrider serve' starts it; --server names another";
	case CLIENT_INSECURE:
		if (str_find_str(why->text, S("STARTTLS")) < why->text.n)
			return "--tls none sends in the clear, --tls tls speaks TLS from the beginning";
		return "--ca FILE names the authority or certificate to trust, --tls-name the name that is "
		       "in it; "
		       "--insecure believes whoever answers";
	case CLIENT_UNFIT:
		return j->how->needs_dsn && !(client_caps(j->client)->has & CLIENT_HAS_DSN)
			       ? "without --dsn, --ret and --envid it will take it"
			       : "";
	case CLIENT_NO_AUTH:
		return in_clear && !client_caps(j->client)->mechanisms.n
			       ? "most servers offer it under TLS only: --tls starttls, or --tls tls on port "
				 "465"
			       : "";
	default: break;
	}
	if (j->how->user || why->answer.code < 500)
		return "";
	if (why->answer.code == 530 || why->answer.code == 538)
		return "log in with --user";
	if (str_eq(why->answer.status, S("5.7.1")))
		return "the server does not take mail for there from everybody; log in with --user";
	return "";
}

static void
say_end(const struct job *j)
{
	const char *what = advice(j);
	str text = client_why(j->client)->text;

	if (j->end == CLIENT_UNFIT && !text.n)
		text = S("the server does not offer delivery status notifications (DSN)");
	if (j->end == CLIENT_BROKEN && !text.n)
		text = S("the message could not be read a second time");
	(void)cli_fail(0, j->how->verb, "%.*s: %.*s", STR_ARG(j->server), STR_ARG(text));
	if (*what)
		fprintf(stderr, "  %s\n", what);
}

static const char *
verdict_words(enum client_verdict v)
{
	static const char *const words[] = {
		[CLIENT_UNTRIED] = "not sent",
		[CLIENT_ACCEPTED] = "accepted",
		[CLIENT_DEFERRED] = "not accepted now",
		[CLIENT_REJECTED] = "refused",
		[CLIENT_IN_DOUBT] = "in doubt: all was sent, and no reply came",
	};

	return words[v];
}

static void
say_rcpt(const struct job *j, const struct client_rcpt *r)
{
	bool good = r->verdict == CLIENT_ACCEPTED;
	FILE *to = good ? stdout : stderr;

	if (good && j->how->silent)
		return;
	if (!good)
		fprintf(to, "postrider %s: ", j->how->verb);
	fprintf(to, "%.*s: %s", STR_ARG(r->to), verdict_words(r->verdict));
	if (r->answer.code)
		fprintf(to, ": %d%s%.*s", r->answer.code, r->answer.status.n ? " " : "",
			STR_ARG(r->answer.status));
	for (str rest = r->answer.text, line; str_take_until(&rest, '\n', &line);)
		fprintf(to, " %.*s", STR_ARG(line));
	fputc('\n', to);
}

static void
add_answer(struct buf *b, const struct smtp_answer *answer)
{
	buf_printf(b, "\"code\":%d,\"status\":", answer->code);
	buf_add_quoted(b, answer->status);
	buf_add(b, S(",\"text\":"));
	buf_add_quoted(b, answer->text);
}

static void
say_json(const struct job *j)
{
	static const char *const names[] = { [CLIENT_UNTRIED] = "not-sent",
		[CLIENT_ACCEPTED] = "accepted",
		[CLIENT_DEFERRED] = "deferred",
		[CLIENT_REJECTED] = "refused",
		[CLIENT_IN_DOUBT] = "in-doubt" };
	struct buf b = { 0 };

	buf_add(&b, S("{\"server\":"));
	buf_add_quoted(&b, j->server);
	buf_add(&b, S(",\"tls\":"));
	buf_add_quoted(&b, j->tls_version);
	buf_add(&b, S(",\"message_id\":"));
	buf_add_quoted(&b, j->how->message_id);
	buf_printf(&b, ",\"size\":%llu,\"recipients\":[", (unsigned long long)j->m->size);
	for (size_t i = 0; i < j->m->rcpt_count; i++) {
		buf_add(&b, i ? S(",{\"address\":") : S("{\"address\":"));
		buf_add_quoted(&b, j->m->rcpts[i].to);
		buf_printf(&b, ",\"verdict\":\"%s\",", names[j->m->rcpts[i].verdict]);
		add_answer(&b, &j->m->rcpts[i].answer);
		buf_add_char(&b, '}');
	}
	buf_add(&b, S("],\"error\":"));
	if (j->end == CLIENT_OK) {
		buf_add(&b, S("null"));
	} else {
		buf_printf(&b, "{\"while\":\"%s\",\"why\":", client_phase_name(client_why(j->client)->phase));
		buf_add_quoted(&b, client_why(j->client)->text);
		buf_add_char(&b, ',');
		add_answer(&b, &client_why(j->client)->answer);
		buf_add_char(&b, '}');
	}
	buf_add(&b, S("}\n"));
	(void)cli_write(j->how->verb, &b);
	buf_done(&b);
}

static void
say_all(const struct job *j)
{
	if (j->how->json) {
		say_json(j);
		return;
	}
	for (size_t i = 0; i < j->m->rcpt_count; i++)
		if (j->m->rcpts[i].verdict != CLIENT_UNTRIED)
			say_rcpt(j, &j->m->rcpts[i]);
	if (j->end != CLIENT_OK)
		say_end(j);
	else if (status_of(j) != EX_OK && *advice(j))
		fprintf(stderr, "  %s\n", advice(j));
}

/* ---- before ---- */

static int
look_up(struct job *j)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
	char port[8];
	int rc;

	if (j->where.path)
		return EX_OK;
	snprintf(port, sizeof(port), "%u", j->where.port);
	rc = getaddrinfo(j->where.host, port, &hints, &j->addresses);
	if (rc == 0)
		return EX_OK;
	return cli_fail(rc == EAI_AGAIN || rc == EAI_SYSTEM ? EX_TEMPFAIL : EX_NOHOST, j->how->verb,
		"no address of %s can be found: %s", j->where.host, gai_strerror(rc));
}

static int
make_tls(struct job *j)
{
	const char *ca = j->how->ca ? j->how->ca : j->where.ca;
	struct buf why = { 0 };
	int status = EX_OK;

	if (tls_of(j) == CLIENT_TLS_NEVER) {
		if (j->how->cert)
			status = cli_fail(
				EX_USAGE, j->how->verb, "--cert wants TLS, and --tls none forbids it");
		return status;
	}
	j->tls = tls_client_new(j->how->insecure, ca, &why);
	if (!j->tls || (j->how->cert && !tls_client_use_cert(j->tls, j->how->cert, &why)))
		status = cli_fail(EX_NOINPUT, j->how->verb, "%.*s", STR_ARG(buf_str(&why)));
	buf_done(&why);
	return status;
}

static void
run(struct job *j)
{
	j->next = j->m->next;
	j->next_ctx = j->m->ctx;
	j->m->next = next_counted;
	j->m->ctx = j;
	j->shows_progress = j->m->size >= LARGE && !j->how->verbose && !j->how->silent;
	if (j->shows_progress)
		progress_begin(&j->progress, "sending");
	j->loop = loop_new();
	(void)fiber_start(j->loop, converse, j);
	loop_run(j->loop);
	if (j->shows_progress)
		progress_end(&j->progress);
}

int
submit_message(const struct submit *how, struct client_message *m)
{
	struct job j = { .how = how, .m = m };
	int status = server_find(how, &j.arena, &j.where);

	if (status == EX_OK)
		status = look_up(&j);
	if (status == EX_OK)
		status = make_tls(&j);
	if (status == EX_OK) {
		j.server = str_c(j.where.path ? j.where.path : j.where.host);
		run(&j);
		say_all(&j);
		status = status_of(&j);
		client_free(j.client);
		loop_free(j.loop);
	}
	tls_client_free(j.tls);
	if (j.addresses)
		freeaddrinfo(j.addresses);
	arena_done(&j.arena);
	return status;
}
