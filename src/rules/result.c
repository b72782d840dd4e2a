#include "rules/rules.h"

#include "base/mem.h"

static const struct {
	str word;
	enum rules_action action;
} actions[] = {
	{ SC("DUNNO"), RULES_DUNNO },
	{ SC("OK"), RULES_OK },
	{ SC("RELAY"), RULES_OK },
	{ SC("REJECT"), RULES_REJECT },
	{ SC("DEFER"), RULES_DEFER },
	{ SC("DEFER_IF_PERMIT"), RULES_DEFER_IF_PERMIT },
	{ SC("DEFER_IF_REJECT"), RULES_DEFER_IF_REJECT },
	{ SC("WARN"), RULES_WARN },
	{ SC("INFO"), RULES_INFO },
	{ SC("HOLD"), RULES_HOLD },
	{ SC("DISCARD"), RULES_DISCARD },
	{ SC("FILTER"), RULES_FILTER },
	{ SC("HANGUP"), RULES_HANGUP },
	{ SC("PREPEND"), RULES_PREPEND },
	{ SC("REDIRECT"), RULES_REDIRECT },
	{ SC("BCC"), RULES_BCC },
};

static bool
all_digits(str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_digit(s.p[i]))
			return false;
	return s.n > 0;
}

/* One to three digits up to a dot, or to what follows the status. */
static bool
take_number(str *s, size_t most)
{
	size_t n = 0;

	while (n < s->n && n < most && ascii_digit(s->p[n]))
		n++;
	*s = str_from(*s, n);
	return n > 0;
}

/* An enhanced status in front of the text (RFC 3463). */
static void
take_status(str *text, str *ret_status)
{
	str rest = *text;

	if (rest.n < 5 || !memchr("245", rest.p[0], 3) || !take_number(&rest, 1) ||
		!str_take(&rest, S(".")) || !take_number(&rest, 3) || !str_take(&rest, S(".")) ||
		!take_number(&rest, 3) || (rest.n && !ascii_space(rest.p[0])))
		return;
	*ret_status = str_sub(*text, 0, text->n - rest.n);
	*text = str_trim(rest);
}

void
rules_result_parse(str value, struct rules_result *ret)
{
	size_t n = 0;
	str word;

	value = str_trim(value);
	while (n < value.n && value.p[n] != ' ' && value.p[n] != '\t')
		n++;
	word = str_sub(value, 0, n);
	*ret = (struct rules_result){ .action = RULES_LIST, .status = S(""), .text = value };
	if (all_digits(value)) { /* some tables answer with a time */
		ret->action = RULES_OK;
		return;
	}
	for (size_t i = 0; i < COUNT(actions); i++)
		if (str_eq_nocase(word, actions[i].word))
			ret->action = actions[i].action;
	if (ret->action == RULES_LIST && all_digits(word) && word.n == 3 &&
		(word.p[0] == '4' || word.p[0] == '5')) {
		ret->action = RULES_CODE;
		ret->code = (word.p[0] - '0') * 100 + (word.p[1] - '0') * 10 + (word.p[2] - '0');
	}
	if (ret->action == RULES_LIST)
		return;
	ret->text = str_trim(str_from(value, n));
	if (ret->action == RULES_REJECT || ret->action == RULES_DEFER || ret->action == RULES_CODE ||
		ret->action == RULES_DEFER_IF_PERMIT || ret->action == RULES_DEFER_IF_REJECT)
		take_status(&ret->text, &ret->status);
}
