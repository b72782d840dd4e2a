#include "mail/targets.h"

#include "base/mem.h"

enum { NAME_MOST = 1000 }; /* octets of a display name that are looked through for its < */

static bool
is_gap(char c)
{
	return ascii_space(c) || c == ',';
}

/* Behind the quoted string that begins at `at`; the end when it does not close. */
static size_t
quoted_end(str s, size_t at)
{
	for (at++; at < s.n; at++) {
		if (s.p[at] == '\\')
			at++;
		else if (s.p[at] == '"')
			return at + 1;
	}
	return s.n;
}

/* Where the word ends: at a gap outside quotes, or at a comma where blanks belong to it. */
static size_t
word_end(str s, bool with_blanks)
{
	size_t at = 0;

	while (at < s.n && (with_blanks ? s.p[at] != ',' : !is_gap(s.p[at])))
		at = s.p[at] == '"' ? quoted_end(s, at) : at + 1;
	return MIN(at, s.n);
}

/* `Ann Example <ann@a.test>`: what stands between the brackets. */
static bool
take_bracketed(str *s, str *ret)
{
	str front = str_sub(*s, 0, NAME_MOST);
	size_t at = 0, end;

	while (at < front.n && front.p[at] != ',' && front.p[at] != '<')
		at = front.p[at] == '"' ? quoted_end(front, at) : at + 1;
	if (at >= front.n || front.p[at] != '<')
		return false;
	front = str_sub(*s, at + 1, NAME_MOST);
	end = str_find(front, '>');
	if (end == front.n)
		return false;
	*ret = str_sub(front, 0, end);
	*s = str_from(*s, at + 1 + end + 1);
	return true;
}

static struct target
target_of(str word)
{
	if (str_take_nocase(&word, S(":include:")))
		return (struct target){ TARGET_INCLUDE, str_trim(word) };
	if (str_take(&word, S("|")))
		return (struct target){ TARGET_COMMAND, str_trim(word) };
	if (str_starts(word, S("/")))
		return (struct target){ TARGET_FILE, word };
	if (word.n > 1 && str_take(&word, S("@")))
		return (struct target){ TARGET_DOMAIN, word };
	if (str_starts(word, S("\\"))) /* aliases(5): not to be expanded again; nobody is, twice */
		word = str_from(word, 1);
	return (struct target){ TARGET_ADDRESS, word };
}

bool
targets_take(str *value, struct target *ret)
{
	str s = *value, word;
	size_t n;

	while (s.n && is_gap(s.p[0]))
		s = str_from(s, 1);
	*value = s;
	if (s.n == 0)
		return false;
	if (s.p[0] == '"' && s.n > 1 && (s.p[1] == '|' || s.p[1] == '/' || s.p[1] == ':')) {
		n = quoted_end(s, 0);
		word = str_sub(s, 1, n - 1 - (n > 1 && s.p[n - 1] == '"'));
	} else if (s.p[0] != '|' && s.p[0] != ':' && s.p[0] != '/' && take_bracketed(value, &word)) {
		*ret = (struct target){ TARGET_ADDRESS, str_trim(word) };
		return true;
	} else {
		n = word_end(s, s.p[0] == '|');
		word = str_trim(str_sub(s, 0, n));
	}
	*value = str_from(s, n);
	*ret = target_of(word);
	return true;
}
