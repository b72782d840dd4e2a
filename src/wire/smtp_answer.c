#include "wire/smtp.h"

#include "wire/printable.h"

enum { MOST_LINES = 64, MOST_OCTETS = 8192 };

/* RFC 3463 2: class "." subject "." detail, of the class that the code is of; then a blank or the end. Takes it off *text. */
static bool
take_status(str *text, char class, str *ret)
{
	str in = *text;
	size_t n = 1, dots = 0, digits = 0;

	if (in.n < 5 || in.p[0] != class || in.p[1] != '.' || (class != '2' && class != '4' && class != '5'))
		return false;
	for (; n < in.n && in.p[n] != ' '; n++) {
		if (in.p[n] == '.' && dots < 2 && (dots == 0 || digits > 0)) {
			dots++;
			digits = 0;
		} else if (!ascii_digit(in.p[n]) || ++digits > 3) {
			return false;
		}
	}
	if (dots != 2 || digits == 0)
		return false;
	*ret = str_sub(in, 0, n);
	*text = str_from(in, n + 1);
	return true;
}

/* RFC 5321 4.2: three digits, then '-' (more lines follow), a blank, or nothing at all (some servers, and the RFC asks clients to
 * bear it). The second digit is not looked at: there are 57x replies in the wild. */
static bool
take_code(str *line, int *ret_code, bool *ret_last)
{
	str in = *line;

	if (in.n < 3 || in.p[0] < '2' || in.p[0] > '5' || !ascii_digit(in.p[1]) || !ascii_digit(in.p[2]))
		return false;
	if (in.n > 3 && in.p[3] != ' ' && in.p[3] != '-')
		return false;
	*ret_code = (in.p[0] - '0') * 100 + (in.p[1] - '0') * 10 + (in.p[2] - '0');
	*ret_last = in.n == 3 || in.p[3] == ' ';
	*line = str_from(in, 4);
	return true;
}

/* A line off the front of *in, without its CRLF (or LF: there are such servers, and for a client nothing hangs on it). */
static bool
take_line(str *in, str *ret)
{
	size_t end = str_find(*in, '\n');

	if (end == in->n)
		return false;
	*ret = str_sub(*in, 0, end);
	if (str_ends(*ret, S("\r")))
		ret->n--;
	*in = str_from(*in, end + 1);
	return true;
}

bool
smtp_answer_take(struct arena *a, str *in, struct smtp_answer *ret, enum fault *ret_fault)
{
	str rest = str_sub(*in, 0, MOST_OCTETS), line, status;
	struct smtp_answer answer = { 0 };
	struct buf text = { .limit = MOST_OCTETS };
	size_t lines = 0;
	bool last = false, whole;

	*ret_fault = MALFORMED;
	while (!last && take_line(&rest, &line)) {
		int code;

		if (!take_code(&line, &code, &last) || (lines && code != answer.code) || ++lines > MOST_LINES)
			goto out;
		answer.code = code;
		if (take_status(&line, (char)('0' + code / 100), &status) && !answer.status.n)
			answer.status = arena_str(a, status);
		if (lines > 1)
			buf_add_char(&text, '\n');
		printable_add(&text, line, line.n);
	}
	whole = last;
	if (whole || in->n < MOST_OCTETS)
		*ret_fault = OK;
	if (whole) {
		answer.text = arena_str(a, buf_str(&text));
		*ret = answer;
		*in = str_from(*in, (size_t)(rest.p - in->p));
	}
out:
	buf_done(&text);
	return *ret_fault == OK && last;
}
