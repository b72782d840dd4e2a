#include "wire/smtp_codes.h"

#include "base/mem.h"

static const struct {
	int code;
	const char *meaning;
} codes[] = {
#define CODE(code, meaning) { code, meaning },
#include "wire/smtp_codes.def"
};

static const struct smtp_status statuses[] = {
#define STATUS(detail, name, meaning, source) { detail, name, meaning, source },
#include "wire/smtp_codes.def"
};

const char *
smtp_code_meaning(int code)
{
	for (size_t i = 0; i < COUNT(codes); i++)
		if (codes[i].code == code)
			return codes[i].meaning;
	return NULL;
}

const struct smtp_status *
smtp_status_find(str status)
{
	if (status.n < 2 || status.p[1] != '.' ||
		(status.p[0] != '2' && status.p[0] != '4' && status.p[0] != '5'))
		return NULL;
	for (size_t i = 0; i < COUNT(statuses); i++)
		if (str_eq(str_from(status, 2), str_c(statuses[i].detail)))
			return &statuses[i];
	return NULL;
}

/* RFC 3463 2: class "." 1*3digit "." 1*3digit */
static bool
is_status(str word)
{
	str class, subject, detail;
	uint64_t number;

	if (!str_take_until(&word, '.', &class) || !str_take_until(&word, '.', &subject))
		return false;
	detail = word;
	if (class.n != 1 || (class.p[0] != '2' && class.p[0] != '4' && class.p[0] != '5'))
		return false;
	return subject.n <= 3 && detail.n <= 3 && str_to_u64(subject, 999, &number) &&
	       str_to_u64(detail, 999, &number);
}

static bool
is_code(str word)
{
	return word.n == 3 && word.p[0] >= '2' && word.p[0] <= '5' && word.p[1] >= '0' && word.p[1] <= '5' &&
	       ascii_digit(word.p[2]);
}

/* What can stand beside a number without making it part of something else: an address, a version, a size, a time. */
static bool
is_border(char c)
{
	return ascii_space(c) || memchr("()[]<>,;:\"'#=", c, 13);
}

bool
smtp_numbers_find(str text, struct smtp_numbers *ret)
{
	struct smtp_numbers n = { 0 };

	for (size_t i = 0; i < text.n;) {
		size_t from = i;
		str word;

		while (i < text.n && !is_border(text.p[i]))
			i++;
		word = str_sub(text, from, i - from);
		while (str_ends(word, S(".")))
			word.n--;
		/* 550-5.1.1, as all lines of a reply but the last one have it */
		if (!n.code && word.n > 3 && word.p[3] == '-' && is_code(str_sub(word, 0, 3))) {
			n.code = (word.p[0] - '0') * 100 + (word.p[1] - '0') * 10 + (word.p[2] - '0');
			word = str_from(word, 4);
		}
		if (!n.code && is_code(word))
			n.code = (word.p[0] - '0') * 100 + (word.p[1] - '0') * 10 + (word.p[2] - '0');
		else if (!n.status.n && is_status(word))
			n.status = word;
		i = MAX(i, from) + (i < text.n);
	}
	if (n.status.n && n.code && n.code / 100 != n.status.p[0] - '0')
		n.code = 0;
	if (!n.code && !n.status.n)
		return false;
	*ret = n;
	return true;
}
