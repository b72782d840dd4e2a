/* What EHLO said. */
#include "client/inside.h"

#include "base/mem.h"

static const struct {
	str word;
	unsigned bit;
} words[] = {
	{ SC("PIPELINING"), CLIENT_HAS_PIPELINING },
	{ SC("SIZE"), CLIENT_HAS_SIZE },
	{ SC("8BITMIME"), CLIENT_HAS_8BITMIME },
	{ SC("SMTPUTF8"), CLIENT_HAS_SMTPUTF8 },
	{ SC("DSN"), CLIENT_HAS_DSN },
	{ SC("CHUNKING"), CLIENT_HAS_CHUNKING },
	{ SC("STARTTLS"), CLIENT_HAS_STARTTLS },
	{ SC("ENHANCEDSTATUSCODES"), CLIENT_HAS_STATUS },
	{ SC("AUTH"), CLIENT_HAS_AUTH },
};

/* LIMITS RCPTMAX=1000 ...: RFC 9422 */
static void
read_limits(str rest, struct client_caps *ret)
{
	for (str word; str_take_word(&rest, &word);)
		if (str_take_nocase(&word, S("RCPTMAX=")) && !str_to_u64(word, UINT32_MAX, &ret->rcpt_max))
			ret->rcpt_max = 0;
}

static void
read_line(struct arena *a, str line, struct client_caps *ret)
{
	str word, rest = line;

	/* "AUTH=PLAIN LOGIN": servers said so for a client of 1997, most of them besides the right form. */
	if (str_take_nocase(&rest, S("AUTH="))) {
		word = S("AUTH");
	} else if (!str_take_word(&rest, &word)) {
		return;
	}
	for (size_t i = 0; i < COUNT(words); i++)
		if (str_eq_nocase(word, words[i].word))
			ret->has |= words[i].bit;
	rest = str_trim(rest);
	if (str_eq_nocase(word, S("SIZE"))) {
		(void)str_to_u64(rest, INT64_MAX, &ret->size);
	} else if (str_eq_nocase(word, S("LIMITS"))) {
		read_limits(rest, ret);
	} else if (str_eq_nocase(word, S("AUTH")) && rest.n) {
		if (ret->mechanisms.n)
			ret->mechanisms = arena_join(a, arena_join(a, ret->mechanisms, S(" ")), rest);
		else
			ret->mechanisms = rest;
	}
}

void
client_caps_read(struct arena *a, str text, struct client_caps *ret)
{
	str line;

	*ret = (struct client_caps){ 0 };
	(void)str_take_until(&text, '\n', &line); /* its name, and pleasantries */
	ret->lines = text;
	while (str_take_until(&text, '\n', &line))
		read_line(a, line, ret);
}
