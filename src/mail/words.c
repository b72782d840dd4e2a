#include "mail/words.h"

#include "mail/transfer.h"

enum { CHARSET_MAX = 60 };

struct word {
	str charset, text;
	bool base64;
};

/* "=?charset?B?text?=" at the front of *in. `endless` remembers that no "?=" follows any more, so that a flood of beginnings costs
 * one search only. */
static bool
take_word(str *in, bool *endless, struct word *ret)
{
	str s = str_from(*in, 2);
	size_t n = str_find(str_sub(s, 0, CHARSET_MAX + 1), '?'), end;
	char how;

	if (*endless || n == 0 || n > CHARSET_MAX || n == s.n || s.n < n + 3 || s.p[n + 2] != '?')
		return false;
	how = ascii_lower(s.p[n + 1]);
	if (how != 'b' && how != 'q')
		return false;
	ret->charset = str_sub(s, 0, n);
	ret->base64 = how == 'b';
	s = str_from(s, n + 3);
	end = str_find_str(s, S("?="));
	if (end == s.n) {
		*endless = true;
		return false;
	}
	ret->text = str_sub(s, 0, end);
	*in = str_from(s, end + 2);
	return true;
}

static bool
is_blank_only(str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_space(s.p[i]))
			return false;
	return true;
}

/* The control character at s.p[i] in UTF-8: its length, or 0. U+2028 and U+2029 break lines too. */
static size_t
control_at(str s, size_t i)
{
	unsigned char c = (unsigned char)s.p[i];

	if (c < ' ' || c == 127)
		return 1;
	if (c == 0xC2 && i + 1 < s.n && (unsigned char)s.p[i + 1] < 0xA0)
		return 2;
	if (c == 0xE2 && i + 2 < s.n && (unsigned char)s.p[i + 1] == 0x80 &&
		((unsigned char)s.p[i + 2] & 0xFE) == 0xA8)
		return 3;
	return 0;
}

void
words_add_clean(str s, struct buf *out)
{
	size_t from = 0;

	for (size_t i = 0; i < s.n; i++) {
		size_t n = control_at(s, i);

		if (n == 0)
			continue;
		buf_add(out, str_sub(s, from, i - from));
		buf_add_char(out, ' ');
		i += n - 1;
		from = i + 1;
	}
	buf_add(out, str_from(s, from));
}

/* What stands between encoded words. */
static void
add_raw(str raw, struct buf *out)
{
	struct buf utf8 = { 0 };

	if (charset_ascii_run(raw) == raw.n) {
		words_add_clean(raw, out);
		return;
	}
	charset_add_unlabelled(raw, &utf8);
	words_add_clean(buf_str(&utf8), out);
	buf_done(&utf8);
}

/* Words that follow each other in one charset are converted together: a character may be split between two of them. */
struct run {
	str charset;
	struct buf bytes, utf8;
	bool open;
};

static void
end_run(struct charset_reader *cs, struct run *run, struct buf *out)
{
	if (!run->open)
		return;
	buf_clear(&run->utf8);
	if (!charset_add(cs, run->charset, buf_str(&run->bytes), &run->utf8))
		charset_add_unlabelled(buf_str(&run->bytes), &run->utf8);
	words_add_clean(buf_str(&run->utf8), out);
	buf_clear(&run->bytes);
	run->open = false;
}

static void
add_word(struct charset_reader *cs, struct run *run, const struct word *w, struct buf *out)
{
	if (run->open && !str_eq_nocase(run->charset, w->charset))
		end_run(cs, run, out);
	run->open = true;
	run->charset = w->charset;
	if (w->base64)
		transfer_decode(TRANSFER_BASE64, w->text, &run->bytes);
	else
		transfer_decode_q(w->text, &run->bytes);
}

void
words_decode(struct charset_reader *cs, str raw, struct buf *out)
{
	struct run run = { 0 };
	bool endless = false, after_word = false;
	size_t search = 0; /* raw text from raw.p up to here is known to hold no word */

	while (raw.n && !out->full) {
		size_t at = search + str_find_str(str_from(raw, search), S("=?"));
		str rest = str_from(raw, at);
		struct word w = { 0 };

		if (rest.n && !take_word(&rest, &endless, &w)) {
			search = at + 2;
			continue;
		}
		if (rest.n && !charset_known(cs, w.charset)) {
			search = (size_t)(rest.p - raw.p);
			continue;
		}
		if (at && !(after_word && at < raw.n && is_blank_only(str_sub(raw, 0, at)))) {
			end_run(cs, &run, out);
			add_raw(str_sub(raw, 0, at), out);
		}
		if (at < raw.n)
			add_word(cs, &run, &w, out);
		after_word = at < raw.n;
		raw = rest;
		search = 0;
	}
	end_run(cs, &run, out);
	buf_done(&run.bytes);
	buf_done(&run.utf8);
}
