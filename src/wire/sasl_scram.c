#include "wire/sasl_inside.h"

#include "base/base64.h"

#include <assert.h>

/* RFC 5802 7. Of a message: gs2-header "n,a=zid,", then attributes "k=value" in a fixed order, between commas. */

enum { MOST_NONCE = 512 }; /* octets of the client's; nobody sends more than 64 */

bool
scram_take(str *message, char key, str *ret_value)
{
	str in = *message;

	if (in.n < 2 || in.p[0] != key || in.p[1] != '=')
		return false;
	in = str_from(in, 2);
	if (!str_take_until(&in, ',', ret_value))
		*ret_value = S("");
	*message = in;
	return true;
}

/* Undoes "=2C" and "=3D". */
static bool
saslname_decode(struct arena *a, str text, str *ret)
{
	char *to = arena_take(a, text.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < text.n; i++) {
		str escape = str_sub(text, i, 3);

		if (text.p[i] != '=') {
			to[n++] = text.p[i];
			continue;
		}
		if (!str_eq(escape, S("=2C")) && !str_eq(escape, S("=3D")))
			return false;
		to[n++] = escape.p[1] == '2' ? ',' : '=';
		i += 2;
	}
	*ret = str_of(to, n);
	return true;
}

/* printable, "!" to "~", no comma */
static bool
is_nonce(str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < '!' || s.p[i] > '~' || s.p[i] == ',')
			return false;
	return s.n > 0;
}

/* Optional extensions: attributes we do not know and may ignore. "m" is the one that says we may not (RFC 5802 5.1). */
static bool
skip_extensions(str message)
{
	for (str one; str_take_until(&message, ',', &one);) {
		if (one.n < 3 || !ascii_alpha(one.p[0]) || one.p[1] != '=' || one.p[0] == 'm' ||
			!str_is_utf8(one) || str_find(one, '\0') < one.n)
			return false;
	}
	return true;
}

/* The gs2 flag: "n" the client cannot bind, "y" it could but thinks that we cannot, "p=NAME" it does. A "y" although we offered it means
 * that somebody took the -PLUS mechanisms out of our list (RFC 5802 6). */
static bool
take_flag(struct sasl *s, str *message)
{
	str flag;

	if (!str_take_until(message, ',', &flag))
		return false;
	if (!sasl_mech_is_plus(s->mech))
		return str_eq(flag, S("n")) || (str_eq(flag, S("y")) && !s->plus_offered);
	if (str_eq(flag, S("p=tls-exporter")))
		s->channel = s->binding.exporter;
	else if (str_eq(flag, S("p=tls-server-end-point")))
		s->channel = s->binding.end_point;
	return s->channel.n > 0;
}

/* client-first-message = flag "," ["a=" saslname] "," "n=" saslname "," "r=" nonce ["," extensions] */
enum sasl_move
scram_first(struct sasl *s, str message)
{
	str in = message, authzid = S(""), user, nonce;
	bool has_authzid;

	if (str_ends(message, S(",")) || !take_flag(s, &in))
		return sasl_fail(s, AUTH_FAILED);
	has_authzid = scram_take(&in, 'a', &authzid);
	if (!has_authzid && !str_take(&in, S(",")))
		return sasl_fail(s, AUTH_FAILED);
	s->gs2_header = arena_str(s->arena, str_sub(message, 0, message.n - in.n));
	s->client_first_bare = arena_str(s->arena, in);
	if (!scram_take(&in, 'n', &user) || !saslname_decode(s->arena, user, &user) || !sasl_is_user(user) ||
		!scram_take(&in, 'r', &nonce) || !is_nonce(nonce) || nonce.n > MOST_NONCE ||
		!skip_extensions(in))
		return sasl_fail(s, AUTH_FAILED);
	if (has_authzid && !saslname_decode(s->arena, authzid, &authzid))
		return sasl_fail(s, AUTH_FAILED);
	if (has_authzid && !str_eq(authzid, user))
		return sasl_fail(s, NOT_PERMITTED);
	s->user = user;
	s->nonce = arena_join(s->arena, nonce, s->nonce);
	return SASL_ASK_SALT;
}

enum sasl_move
scram_salted(struct sasl *s, str salt, uint32_t iterations)
{
	struct buf b = { 0 };

	assert(is_nonce(s->nonce) && salt.n > 0 && iterations > 0);
	buf_printf(&b, "r=%.*s,s=", STR_ARG(s->nonce));
	base64_add(&b, salt);
	buf_printf(&b, ",i=%u", iterations);
	s->server_first = arena_str(s->arena, buf_str(&b));
	buf_done(&b);
	return sasl_send(s, s->server_first);
}

/* In a time that depends on the lengths only. */
static bool
same_bytes(str a, str b)
{
	unsigned char differ = 0;

	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		differ |= (unsigned char)(a.p[i] ^ b.p[i]);
	return differ == 0;
}

/* What "c=" must hold: the gs2 header again, so that nobody changed it on the way, and the channel's own bytes. */
static bool
is_our_channel(struct sasl *s, str text)
{
	str want = arena_join(s->arena, s->gs2_header, s->channel);
	struct buf got = { .limit = SASL_RESPONSE };
	bool same = base64_decode(text, &got) && same_bytes(buf_str(&got), want);

	buf_done(&got);
	return same;
}

static bool
take_proof(struct sasl *s, str text)
{
	struct buf proof = { .limit = 64 };
	bool good = base64_decode(text, &proof) && proof.n == sasl_mech_proof_size(s->mech);

	if (good)
		s->proof = arena_str(s->arena, buf_str(&proof));
	buf_done(&proof);
	return good;
}

/* client-final-message = "c=" base64 "," "r=" nonce ["," extensions] ",p=" base64 */
enum sasl_move
scram_final(struct sasl *s, str message)
{
	size_t last = str_rfind(message, ',');
	str without_proof = str_sub(message, 0, last), tail = str_from(message, last + 1), in = without_proof;
	str channel, nonce, proof;

	if (str_ends(in, S(",")) || !scram_take(&in, 'c', &channel) || !scram_take(&in, 'r', &nonce) ||
		!skip_extensions(in) || !scram_take(&tail, 'p', &proof))
		return sasl_fail(s, AUTH_FAILED);
	if (!same_bytes(nonce, s->nonce) || !is_our_channel(s, channel) || !take_proof(s, proof))
		return sasl_fail(s, AUTH_FAILED);
	s->auth_message = arena_printf(s->arena, "%.*s,%.*s,%.*s", STR_ARG(s->client_first_bare),
		STR_ARG(s->server_first), STR_ARG(without_proof));
	return SASL_ASK_PROOF;
}

enum sasl_move
scram_proven(struct sasl *s, str server_signature)
{
	struct buf b = { 0 };

	buf_add(&b, S("v="));
	base64_add(&b, server_signature);
	s->challenge = arena_str(s->arena, buf_str(&b));
	buf_done(&b);
	return sasl_send(s, s->challenge);
}
