#include "wire/smtp.h"

#include "base/mem.h"

struct word {
	str word;
	enum smtp_verb verb;
};

/* clang-format off */
static const struct word words[] = {
	{ SC("HELO"),     SMTP_HELO },
	{ SC("EHLO"),     SMTP_EHLO },
	{ SC("LHLO"),     SMTP_LHLO },     /* RFC 2033 4.1 */
	{ SC("MAIL"),     SMTP_MAIL },
	{ SC("RCPT"),     SMTP_RCPT },
	{ SC("DATA"),     SMTP_DATA },
	{ SC("BDAT"),     SMTP_BDAT },     /* RFC 3030 2 */
	{ SC("RSET"),     SMTP_RSET },
	{ SC("NOOP"),     SMTP_NOOP },
	{ SC("QUIT"),     SMTP_QUIT },
	{ SC("HELP"),     SMTP_HELP },
	{ SC("VRFY"),     SMTP_VRFY },
	{ SC("EXPN"),     SMTP_EXPN },
	{ SC("AUTH"),     SMTP_AUTH },     /* RFC 4954 4 */
	{ SC("STARTTLS"), SMTP_STARTTLS }, /* RFC 3207 4 */
	{ SC("ETRN"),     SMTP_ETRN },     /* RFC 1985 */
	{ SC("XCLIENT"),  SMTP_XCLIENT },
	{ SC("XFORWARD"), SMTP_XFORWARD },
	/* The methods of RFC 9110 9 and 5789, and the preface of HTTP/2 (RFC 9113 3.4). A browser was made to speak to us:
	 * what follows is a page's choice of bytes, so the session ends (cross-protocol attacks). */
	{ SC("GET"),      SMTP_HTTP },
	{ SC("POST"),     SMTP_HTTP },
	{ SC("CONNECT"),  SMTP_HTTP },
	{ SC("HEAD"),     SMTP_HTTP },
	{ SC("PUT"),      SMTP_HTTP },
	{ SC("OPTIONS"),  SMTP_HTTP },
	{ SC("DELETE"),   SMTP_HTTP },
	{ SC("TRACE"),    SMTP_HTTP },
	{ SC("PATCH"),    SMTP_HTTP },
	{ SC("PRI"),      SMTP_HTTP },
};
/* clang-format on */

static str
trim_blanks(str s)
{
	while (s.n && s.p[0] == ' ')
		s = str_from(s, 1);
	while (s.n && s.p[s.n - 1] == ' ')
		s.n--;
	return s;
}

enum fault
smtp_command_parse(str line, struct smtp_command *ret)
{
	size_t end = str_find(line, ' ');
	struct smtp_command c = { .word = str_sub(line, 0, end), .args = trim_blanks(str_from(line, end)) };

	if (str_has_ctl(line))
		return SYNTAX;
	for (size_t i = 0; i < COUNT(words) && c.verb == SMTP_UNKNOWN; i++)
		if (str_eq_nocase(c.word, words[i].word))
			c.verb = words[i].verb;
	*ret = c;
	return OK;
}

const char *
smtp_verb_name(enum smtp_verb v)
{
	if (v == SMTP_HTTP)
		return "HTTP";
	for (size_t i = 0; i < COUNT(words); i++)
		if (words[i].verb == v)
			return words[i].word.p;
	return "UNKNOWN";
}
