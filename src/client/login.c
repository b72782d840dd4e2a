/* AUTH: RFC 4954. The mechanisms are wire/sasl_client.h's. */
#include "client/inside.h"

#include "base/base64.h"
#include "base/mem.h"
#include "people/prep.h"
#include "wire/sasl_client.h"

enum { MOST_LINE = 12288 /* RFC 4954 4: of a response */, MOST_COMMAND = 512, MOST_TURNS = 8, NONCE = 18 };

static str
base64_of(struct arena *a, str bytes)
{
	struct buf b = { 0 };
	str text;

	base64_add(&b, bytes);
	text = arena_str(a, buf_str(&b));
	buf_done(&b);
	return text;
}

static str
nonce_of(struct client *c)
{
	char raw[NONCE];

	loop_random(c->loop, raw, sizeof(raw));
	return base64_of(&c->arena, str_of(raw, sizeof(raw)));
}

/* The spelling of RFC 4013, or what was typed where there is none: the server may keep passwords that are older than it. */
static str
prepared(struct client *c, str text)
{
	struct buf b = { 0 };
	str result = text;

	if (text.n && prep_sasl(text, &b))
		result = arena_str(&c->arena, buf_str(&b));
	if (b.p)
		mem_wipe(b.p, b.room);
	buf_done(&b);
	return result;
}

static void
look_at_channel(const struct client *c, struct arena *a, struct sasl_binding *ret)
{
	char exporter[32], end_point[64];
	size_t n = 0;

	*ret = (struct sasl_binding){ 0 };
	if (!c->encrypted)
		return;
	if (tls_exporter(c->stream.tls, exporter))
		ret->exporter = arena_str(a, str_of(exporter, sizeof(exporter)));
	if (tls_server_end_point(c->stream.tls, end_point, &n))
		ret->end_point = arena_str(a, str_of(end_point, n));
}

static enum client_end
no_auth(struct client *c, const struct smtp_answer *answer, const char *text)
{
	return client_fail(c, CLIENT_NO_AUTH, CLIENT_AUTH, answer, "%s", text);
}

static bool
offers(str list, str mechanism)
{
	for (str word; str_take_word(&list, &word);)
		if (str_eq_nocase(word, mechanism))
			return true;
	return false;
}

/* Which one; the client's own wish is heeded, but not when the password would be seen. */
static enum client_end
choose(struct client *c, const struct client_login *who, const struct sasl_binding *binding,
	enum sasl_mech *ret, bool *ret_plus_offered)
{
	bool unseen = c->encrypted || c->set.private_line;
	enum sasl_mech strongest;

	if (!c->caps.mechanisms.n)
		return no_auth(c, NULL,
			c->encrypted ? "the server does not offer to log in"
				     : "the server does not offer to log in, at least not without TLS");
	strongest = sasl_client_choose(c->caps.mechanisms, unseen, binding, ret_plus_offered);
	if (!who->mechanism.n) {
		*ret = !who->user.n && offers(c->caps.mechanisms, S("EXTERNAL")) ? SASL_EXTERNAL : strongest;
		if (*ret == SASL_NONE)
			return client_fail(c, CLIENT_NO_AUTH, CLIENT_AUTH, NULL,
				"none of the server's ways to log in will do%s: %.*s",
				unseen ? "" : " without TLS", STR_ARG(str_sub(c->caps.mechanisms, 0, 200)));
		return CLIENT_OK;
	}
	*ret = sasl_client_mech_of(who->mechanism);
	if (*ret == SASL_NONE)
		return client_fail(c, CLIENT_NO_AUTH, CLIENT_AUTH, NULL, "there is no mechanism %.*s here",
			STR_ARG(str_sub(who->mechanism, 0, 64)));
	if (!offers(c->caps.mechanisms, who->mechanism))
		return client_fail(c, CLIENT_NO_AUTH, CLIENT_AUTH, NULL,
			"the server does not offer %.*s, but: %.*s", STR_ARG(who->mechanism),
			STR_ARG(str_sub(c->caps.mechanisms, 0, 200)));
	if (sasl_client_shows_secret(*ret) && !unseen)
		return client_fail(c, CLIENT_NO_AUTH, CLIENT_AUTH, NULL,
			"%.*s would show the password to everybody on the way; it wants TLS",
			STR_ARG(who->mechanism));
	return CLIENT_OK;
}

/* AUTH MECH [initial]; one that makes the line too long waits for the server's empty challenge (RFC 4954 4). */
static enum client_end
say_auth(struct client *c, const char *name, bool has_initial, str initial, bool *ret_said)
{
	str text = has_initial ? initial.n ? base64_of(&c->arena, initial) : S("=") : S("");
	str command = arena_printf(&c->arena, "AUTH %s%s%.*s", name, text.n ? " " : "", STR_ARG(text));

	*ret_said = has_initial && command.n <= MOST_COMMAND;
	if (!*ret_said)
		return client_say(c, CLIENT_AUTH, arena_printf(&c->arena, "AUTH %s", name), S(""));
	return client_say(c, CLIENT_AUTH, command, arena_printf(&c->arena, "AUTH %s (hidden)", name));
}

/* Says that we give up, and hears what it says to that. */
static enum client_end
give_up(struct client *c, const char *text)
{
	struct smtp_answer answer;
	enum client_end end = client_command(c, &c->arena, CLIENT_AUTH, S("*"), S(""), &answer);

	return end == CLIENT_OK ? no_auth(c, &answer, text) : end;
}

static enum client_end
answer_challenge(struct client *c, struct sasl_client *sasl, str challenge, str *waiting)
{
	struct buf decoded = { .limit = SASL_RESPONSE };
	enum fault f = base64_decode(challenge, &decoded) ? OK : MALFORMED;
	str response = *waiting;

	if (f == OK && waiting->p)
		*waiting = (str){ 0 }; /* the initial response, at last */
	else if (f == OK)
		f = sasl_client_step(sasl, buf_str(&decoded), &response);
	buf_done(&decoded);
	if (f == AUTH_FAILED)
		return give_up(c,
			"the server could not prove that it knows the password: it is not the one it says");
	if (f != OK || response.n > MOST_LINE / 4 * 3)
		return give_up(c, "the server's side of logging in is not as the mechanism wants it");
	return client_say(c, CLIENT_AUTH, base64_of(&c->arena, response), response.n ? S("(hidden)") : S(""));
}

static enum client_end
converse(struct client *c, struct sasl_client *sasl, str waiting)
{
	struct smtp_answer answer = { 0 };
	enum client_end end = CLIENT_OK;
	int turns = 0;

	for (;;) {
		end = client_hear(c, &c->arena, CLIENT_AUTH, &answer);
		if (end != CLIENT_OK)
			return end;
		if (answer.code != 334)
			break;
		if (++turns > MOST_TURNS)
			return give_up(c, "the server asks without end");
		end = answer_challenge(c, sasl, answer.text, &waiting);
		if (end != CLIENT_OK)
			return end;
	}
	if (c->over)
		return CLIENT_REFUSED; /* 421 */
	if (answer.code != 235)
		return client_fail(c, answer.code >= 500 ? CLIENT_NO_AUTH : CLIENT_REFUSED, CLIENT_AUTH,
			&answer, "the server does not let us in: %d%s%.*s %.*s", answer.code,
			answer.status.n ? " " : "", STR_ARG(answer.status),
			STR_ARG(str_sub(answer.text, 0, 200)));
	if (sasl_client_finish(sasl) != OK)
		return no_auth(c, NULL,
			"the server says that we are in, but has not proved that it knows the password");
	return CLIENT_OK;
}

enum client_end
client_login(struct client *c, const struct client_login *who)
{
	struct sasl_binding binding;
	struct sasl_client sasl;
	enum sasl_mech mech = SASL_NONE;
	bool plus_offered = false, has_initial = false, said;
	str initial = S(""), user = who->user, password = who->password;
	enum client_end end;
	enum fault f;

	look_at_channel(c, &c->arena, &binding);
	end = choose(c, who, &binding, &mech, &plus_offered);
	if (end != CLIENT_OK)
		return end;
	if (!sasl_client_is_token(mech)) {
		user = prepared(c, user);
		password = prepared(c, password);
	}
	f = sasl_client_start(&sasl, &c->arena, mech, user, password, &binding, plus_offered, nonce_of(c),
		&has_initial, &initial);
	if (f == BAD_MECHANISM)
		return no_auth(
			c, NULL, "this mechanism binds to a TLS channel, and there is none to bind to");
	if (f != OK)
		return no_auth(c, NULL, "this user or password cannot be said: empty, or with a NUL in it");
	end = say_auth(c, sasl_client_mech_name(mech), has_initial, initial, &said);
	if (end != CLIENT_OK)
		return end;
	/* .p tells a response that waits, even an empty one, from none */
	return converse(
		c, &sasl, has_initial && !said ? str_of(initial.p ? initial.p : "", initial.n) : (str){ 0 });
}
