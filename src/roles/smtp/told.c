/* roles/smtp/told.c - what a trusted peer tells of the client it speaks for: PROXY, XCLIENT, XFORWARD
 * XCLIENT and PROXY put the client in the peer's place for everything: rules, limits, logs, Received. XFORWARD is for the log only. */
#include "roles/smtp/smtp.h"

#include "base/mem.h"
#include "roles/limits.h"
#include "wire/proxy.h"

#include <stdlib.h>

bool
smtp_peer_is_in(const struct smtp_session *s, enum conf_id networks)
{
	const struct peer *p = &s->peer;

	return (p->family == AF_INET || p->family == AF_INET6) &&
	       conf_has_ip(s->service->conf, networks, p->ip, p->family == AF_INET ? 4 : 16);
}

static void
set_ip(struct peer *p, const unsigned char *ip, unsigned bytes)
{
	uint16_t port = p->port;

	if (bytes == 4) {
		*p = (struct peer){ .family = AF_INET, .port = port };
		memcpy(p->ip, ip, 4);
	} else {
		peer_of_ip6(ip, p);
		p->port = port;
	}
}

/* ---- the PROXY protocol ---- */

/* Reads no octet beyond the header: behind it TLS may begin. */
enum fault
smtp_take_proxy(struct smtp_session *s)
{
	struct proxy_header h;
	enum proxy_verdict v;
	struct arena a = { 0 };
	size_t used = 0;

	if (!smtp_peer_is_in(s, CONF_smtpd_upstream_proxy_hosts))
		return NOT_PERMITTED;
	s->stream.due_ms = loop_now_ms(s->smtp->role->loop) + s->service->proxy_timeout_ms;
	while ((v = proxy_take(stream_pending(&s->stream), &h, &used)) == PROXY_MORE)
		TRY(stream_fill(&s->stream, proxy_next(stream_pending(&s->stream))));
	if (v == PROXY_BAD)
		return BAD_PROXY;
	stream_consume(&s->stream, used);
	log_debug(&s->log, "proxied", kv_str("by", peer_text(&a, &s->peer)), kv_uint("version", h.version),
		kv_bool("client", h.has_client));
	arena_done(&a);
	if (!h.has_client)
		return OK;
	set_ip(&s->peer, h.from.ip, h.from.bytes);
	s->peer.port = h.from.port;
	smtp_know_peer(s);
	return OK;
}

/* ---- XCLIENT ---- */

static bool
given(const struct smtp_xclient *x, enum smtp_xattr a)
{
	return x->given & 1u << a;
}

static str
text_of(const struct smtp_xclient *x, enum smtp_xattr a)
{
	if (!given(x, a))
		return S("");
	return x->unavailable & 1u << a ? S("[UNAVAILABLE]") : x->text[a];
}

static void
log_told(const struct smtp_session *s, const char *event, str id, const struct smtp_xclient *x)
{
	log_event(&s->log, event, kv_str("id", id), kv_str("name", text_of(x, XATTR_NAME)),
		kv_str("client", text_of(x, XATTR_ADDR)), kv_str("port", text_of(x, XATTR_PORT)),
		kv_str("proto", text_of(x, XATTR_PROTO)), kv_str("helo", text_of(x, XATTR_HELO)),
		kv_str("login", text_of(x, XATTR_LOGIN)), kv_str("to", text_of(x, XATTR_DESTADDR)),
		kv_str("to-port", text_of(x, XATTR_DESTPORT)), kv_str("ident", text_of(x, XATTR_IDENT)),
		kv_str("source", text_of(x, XATTR_SOURCE)));
}

static void
take_address(struct smtp_session *s, const struct smtp_xclient *x)
{
	if (given(x, XATTR_ADDR) && x->addr.bytes)
		set_ip(&s->peer, x->addr.ip, x->addr.bytes);
	else if (given(x, XATTR_ADDR))
		s->peer = (struct peer){ .family = AF_UNSPEC, .port = s->peer.port };
	if (given(x, XATTR_PORT))
		s->peer.port = x->port;
}

/* The session begins again, as this client's. */
static void
become(struct smtp_session *s, const struct smtp_xclient *x)
{
	struct smtp_extra *extra = smtp_extra(s);

	take_address(s, x);
	if (given(x, XATTR_NAME))
		s->client_name =
			x->text[XATTR_NAME].n ? arena_cstr(&extra->arena, x->text[XATTR_NAME]) : "unknown";
	extra->has_ccert = false; /* that was the peer's */
	free(s->user);
	s->user = x->text[XATTR_LOGIN].n ? strndup(x->text[XATTR_LOGIN].p, x->text[XATTR_LOGIN].n) : NULL;
	s->account = 0;
	free(s->helo);
	s->helo = x->text[XATTR_HELO].n ? strndup(x->text[XATTR_HELO].p, x->text[XATTR_HELO].n) : NULL;
	s->esmtp = x->esmtp;
	s->state = s->helo ? SMTP_GREETED : SMTP_FRESH;
}

enum fault
smtp_cmd_xclient(struct smtp_session *s, str args)
{
	struct smtp_xclient x;
	struct arena a = { 0 };
	enum fault f;

	if (!s->may_xclient)
		return NOT_PERMITTED;
	f = smtp_xclient_parse(&a, args, false, &x);
	if (f == OK) {
		smtp_leave(s);
		smtp_forget_mail(s);
		smtp_forget_forwarded(s);
		log_told(s, "xclient", S(""), &x);
		become(s, &x);
		smtp_know_peer(s);
		if (s->helo)
			smtp_trust_helo(s, str_c(s->helo));
		f = smtp_enter(s);
		if (f == OK) {
			f = smtp_say_greeting(s);
		} else {
			smtp_refuse(s, f, S(""));
			s->closing = true;
			f = OK;
		}
	}
	arena_done(&a);
	return f;
}

/* ---- XFORWARD ---- */

/* Attributes may come in several lines; a later one counts. */
enum fault
smtp_cmd_xforward(struct smtp_session *s, str args)
{
	struct smtp_extra *extra;
	struct smtp_xclient x, *all;

	if (!s->may_xforward)
		return NOT_PERMITTED;
	extra = smtp_extra(s);
	all = &extra->forwarded;
	TRY(smtp_xclient_parse(&extra->forwarded_arena, args, true, &x));
	for (unsigned i = 0; i < XATTRS; i++)
		if (x.given & 1u << i)
			all->text[i] = arena_str(&extra->forwarded_arena, x.text[i]);
	all->unavailable = (all->unavailable & ~x.given) | x.unavailable;
	all->given |= x.given;
	smtp_say(s, REPLY_NOTHING_DONE, S(""));
	return OK;
}

void
smtp_forget_forwarded(struct smtp_session *s)
{
	if (!s->extra || !s->extra->forwarded.given)
		return;
	s->extra->forwarded = (struct smtp_xclient){ 0 };
	arena_done(&s->extra->forwarded_arena);
}

void
smtp_log_forwarded(const struct smtp_session *s, str id)
{
	if (s->extra && s->extra->forwarded.given)
		log_told(s, "message-forwarded", id, &s->extra->forwarded);
}
