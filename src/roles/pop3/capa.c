#include "roles/pop3/capa.h"

#include "base/mem.h"

bool
pop3_may_log_in(const struct conf *conf, bool tls)
{
	return tls || !conf_bool(conf, CONF_login_tls_auth_only);
}

bool
pop3_offers_mech(const struct conf *conf, bool tls, enum sasl_mech mech)
{
	if (mech == SASL_NONE || mech == SASL_EXTERNAL || !pop3_may_log_in(conf, tls) ||
		(sasl_mech_is_plus(mech) && !tls))
		return false;
	return conf_has_word(conf, CONF_sasl_mechanism_list, str_c(sasl_mech_name(mech)));
}

void
pop3_mechs_add(struct buf *b, const struct conf *conf, bool tls, str before, str after)
{
	size_t n = 0;
	const str *names = conf_list(conf, CONF_sasl_mechanism_list, &n);

	for (size_t i = 0; i < n; i++) {
		enum sasl_mech mech = sasl_mech_of(names[i]);

		if (!pop3_offers_mech(conf, tls, mech))
			continue;
		buf_add(b, before);
		buf_add_c(b, sasl_mech_name(mech));
		buf_add(b, after);
	}
}

static bool
always(const struct conf *conf, bool tls)
{
	(void)conf;
	(void)tls;
	return true;
}

static bool
in_the_clear(const struct conf *conf, bool tls)
{
	(void)conf;
	return !tls;
}

static void
add_sasl(struct buf *b, const struct conf *conf, bool tls)
{
	size_t before = b->n, none;

	buf_add(b, S("SASL"));
	none = b->n;
	pop3_mechs_add(b, conf, tls, S(" "), S(""));
	if (b->n == none)
		b->n = before;
	else
		buf_add(b, S("\r\n"));
}

/* clang-format off */
static const struct {
	str line;				     /* or */
	void (*add)(struct buf *b, const struct conf *conf, bool tls);
	bool (*offered)(const struct conf *conf, bool tls);
	const char *source;
} capas[] = {
	{ SC("TOP\r\n"),	    NULL,     always,	       "RFC 1939 7, RFC 2449 6.1" },
	{ SC("UIDL\r\n"),	    NULL,     always,	       "RFC 1939 7, RFC 2449 6.8" },
	{ SC("RESP-CODES\r\n"),	    NULL,     always,	       "RFC 2449 6.4" },
	{ SC("AUTH-RESP-CODE\r\n"), NULL,     always,	       "RFC 3206 6" },
	{ SC("PIPELINING\r\n"),	    NULL,     always,	       "RFC 2449 6.6" },
	{ SC("EXPIRE NEVER\r\n"),   NULL,     always,	       "RFC 2449 6.7" },
	{ SC("UTF8 USER\r\n"),	    NULL,     always,	       "RFC 6856 2" },
	{ SC("USER\r\n"),	    NULL,     pop3_may_log_in, "RFC 1939 7, RFC 2449 6.2" },
	{ SC(""),		    add_sasl, pop3_may_log_in, "RFC 2449 6.3, RFC 5034" },
	{ SC("STLS\r\n"),	    NULL,     in_the_clear,    "RFC 2595 4" },
};
/* clang-format on */

void
pop3_capa_add(struct buf *b, const struct conf *conf, bool tls)
{
	for (size_t i = 0; i < COUNT(capas); i++) {
		if (!capas[i].offered(conf, tls))
			continue;
		buf_add(b, capas[i].line);
		if (capas[i].add)
			capas[i].add(b, conf, tls);
	}
}
