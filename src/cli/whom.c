#include "cli/whom.h"

#include "base/base64.h"
#include "base/mem.h"
#include "mail/addr.h"
#include "mail/addrs.h"
#include "mail/idn.h"

#include <pwd.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/utsname.h>
#include <unistd.h>

static void
add(struct arena *a, struct whom *w, struct compose_addr addr)
{
	if (w->n == w->room) {
		struct compose_addr *more = ARENA_ARRAY(a, w->room * 2 + 8, struct compose_addr);

		if (w->n)
			memcpy(more, w->addr, w->n * sizeof(*more));
		w->addr = more;
		w->room = w->room * 2 + 8;
	}
	w->addr[w->n++] = addr;
}

/* The local part with its quotes, where it needs them. */
static str
spelled(struct arena *a, str local, str host)
{
	struct addr ad;
	str plain = arena_printf(a, "%.*s@%.*s", STR_ARG(local), STR_ARG(host));
	struct buf b = { 0 };

	if (addr_parse(plain, &ad) == OK)
		return plain;
	buf_add_char(&b, '"');
	for (size_t i = 0; i < local.n; i++) {
		if (local.p[i] == '"' || local.p[i] == '\\')
			buf_add_char(&b, '\\');
		buf_add_char(&b, local.p[i]);
	}
	plain = arena_printf(a, "%.*s\"@%.*s", STR_ARG(buf_str(&b)), STR_ARG(host));
	buf_done(&b);
	return plain;
}

static int
add_one(const char *verb, struct arena *a, const char *what, const struct email_addr *e, const char *host,
	struct whom *w)
{
	struct compose_addr addr = { .name = arena_str(a, e->name) };
	bool bare = str_eq(e->host, S(ADDRS_NO_HOST));
	struct addr ad;

	if (!e->host.n)
		return cli_fail(
			EX_DATAERR, verb, "%s: a group of addresses is nobody one could send to", what);
	addr.address = spelled(a, e->mailbox, bare && host ? str_c(host) : e->host);
	if ((bare && !host) || !e->mailbox.n || addr_parse(addr.address, &ad) != OK)
		return cli_fail(EX_DATAERR, verb, "%s: `%.*s%s%.*s' is no address, such as ann@example.org",
			what, STR_ARG(e->mailbox.n ? e->mailbox : e->name), bare ? "" : "@",
			STR_ARG(bare ? S("") : e->host));
	add(a, w, addr);
	return EX_OK;
}

int
whom_add(const char *verb, struct arena *a, const char *what, str text, const char *host, struct whom *w)
{
	struct addrs reader;
	struct email_addr e;
	size_t before = w->n;
	int status = EX_OK;

	if (str_has_ctl(text))
		return cli_fail(
			EX_DATAERR, verb, "%s has a line end or another control character in it", what);
	addrs_init(&reader, a, NULL);
	addrs_begin(&reader, text);
	while (status == EX_OK && addrs_next(&reader, &e))
		status = add_one(verb, a, what, &e, host, w);
	addrs_done(&reader);
	if (status == EX_OK && w->n == before)
		status = cli_fail(EX_DATAERR, verb, "%s: there is no address in `%.*s'", what, STR_ARG(text));
	return status;
}

struct compose_list
whom_list(const struct whom *w)
{
	return (struct compose_list){ w->addr, w->n };
}

int
whom_envelope(const char *verb, struct arena *a, str address, bool utf8, str *ret)
{
	struct addr ad;
	str domain;

	if (addr_parse(address, &ad) != OK)
		return cli_fail(
			EX_DATAERR, verb, "`%.*s' is no address, such as ann@example.org", STR_ARG(address));
	*ret = address;
	/* Who has letters beyond ASCII before the @ as well needs SMTPUTF8 anyway. */
	if (utf8 || !str_is_ascii(ad.local))
		return EX_OK;
	if (!idn_to_ascii(a, ad.domain, &domain))
		return cli_fail(EX_NOHOST, verb, "%.*s: there can be no such domain", STR_ARG(address));
	*ret = arena_printf(a, "%.*s@%.*s", STR_ARG(ad.local), STR_ARG(domain));
	return EX_OK;
}

int
whom_to_rcpts(const char *verb, struct arena *a, const struct whom *w, bool utf8, struct rcpts *ret)
{
	for (size_t i = 0; i < w->n; i++) {
		str to;
		bool known = false;
		int status = whom_envelope(verb, a, w->addr[i].address, utf8, &to);

		if (status != EX_OK)
			return status;
		for (size_t k = 0; k < ret->n; k++)
			known |= str_eq_nocase(ret->rcpt[k].to, to);
		if (known)
			continue;
		if (ret->n == ret->room) {
			struct client_rcpt *more = ARENA_ARRAY(a, ret->room * 2 + 8, struct client_rcpt);

			if (ret->n)
				memcpy(more, ret->rcpt, ret->n * sizeof(*more));
			ret->rcpt = more;
			ret->room = ret->room * 2 + 8;
		}
		ret->rcpt[ret->n++] = (struct client_rcpt){ .to = to };
	}
	return EX_OK;
}

/* ---- who and when ---- */

str
whom_host(struct arena *a)
{
	struct utsname u;
	str name = uname(&u) == 0 ? str_c(u.nodename) : S("");

	if (!addr_is_domain(name, false) || addr_is_literal(name))
		name = S("localhost");
	if (str_find(name, '.') == name.n)
		return arena_printf(a, "%.*s.localdomain", STR_ARG(name));
	return arena_str(a, name);
}

str
whom_me(struct arena *a, const char *host)
{
	const struct passwd *pw = getpwuid(getuid());
	str at = host ? str_c(host) : whom_host(a);

	if (pw)
		return spelled(a, str_c(pw->pw_name), at);
	return arena_printf(a, "uid%u@%.*s", getuid(), STR_ARG(at));
}

void
whom_noise(void *p, size_t n)
{
	if (getrandom(p, n, 0) != (ssize_t)n)
		abort();
}

int64_t
whom_now(int *ret_zone_min)
{
	struct timespec t;
	struct tm here;

	clock_gettime(CLOCK_REALTIME, &t);
	*ret_zone_min = localtime_r(&t.tv_sec, &here) ? (int)(here.tm_gmtoff / 60) : 0;
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

str
whom_message_id(struct arena *a, str address)
{
	char noise[16];
	struct buf b = { 0 };
	str domain = str_from(address, str_rfind(address, '@') + 1), id;

	whom_noise(noise, sizeof(noise));
	hex_add(&b, str_of(noise, sizeof(noise)));
	if (!domain.n || !idn_to_ascii(a, domain, &domain))
		domain = whom_host(a);
	id = arena_printf(a, "%.*s@%.*s", STR_ARG(buf_str(&b)), STR_ARG(domain));
	buf_done(&b);
	return id;
}
