/* Input: a flag byte, then text. As a header's value, a name, a file's name and a body, it must come back as it was from our own readers, or be
 * refused; and whatever it is, it begins no line of the header. */
#include "mail/compose.h"

#include "base/mem.h"
#include "mail/charset.h"
#include "mail/header.h"
#include "mail/params.h"
#include "mail/transfer.h"
#include "mail/words.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* One field, folded: only its first line begins with something other than a blank, and no line is too long for SMTP. */
static void
check_lines(str field)
{
	bool first = true;

	while (field.n) {
		size_t n = str_find(field, '\n');

		assert(n < field.n && n && field.p[n - 1] == '\r' &&
			str_find(str_sub(field, 0, n - 1), '\r') == n - 1);
		assert(n - 1 <= 998);
		assert(first || field.p[0] == ' ');
		assert(str_trim(str_sub(field, 0, n)).n);
		first = false;
		field = str_from(field, n + 1);
	}
}

static void
check_field(struct arena *a, str text, bool utf8)
{
	struct buf b = { 0 }, back = { 0 }, want = { 0 };

	if (compose_add_field(&b, S("Subject"), text, utf8)) {
		assert(str_is_utf8(text) && !str_has_ctl(text));
		check_lines(buf_str(&b));
		assert(utf8 || str_is_ascii(buf_str(&b)));
		words_decode(NULL, header_unfold(a, str_from(buf_str(&b), 8)), &back);
		words_add_clean(
			str_trim(text), &want); /* C1 controls and separators are blanks to a reader */
		assert(str_eq(str_trim(buf_str(&back)), str_trim(buf_str(&want))));
	} else {
		assert(!str_is_utf8(text) || str_has_ctl(text));
	}
	buf_done(&b);
	buf_done(&back);
	buf_done(&want);
}

static void
check_address(struct arena *a, str text, bool utf8)
{
	struct compose_addr addr = { text, S("ann@a.test") }, bare = { S(""), text };
	struct buf b = { 0 }, why = { 0 };

	if (compose_add_addresses(a, &b, S("From"), (struct compose_list){ &addr, 1 }, utf8, &why))
		check_lines(buf_str(&b));
	else
		assert(why.n);
	buf_clear(&b);
	if (compose_add_addresses(a, &b, S("To"), (struct compose_list){ &bare, 1 }, utf8, &why))
		check_lines(buf_str(&b));
	buf_done(&b);
	buf_done(&why);
}

static void
check_file_name(struct arena *a, str text)
{
	struct buf b = { 0 }, want = { 0 };
	struct param *params;
	size_t n;

	if (!text.n || !str_is_utf8(text) || str_has_ctl(text))
		return;
	buf_add(&b, S("Content-Disposition: attachment"));
	compose_add_parameter(&b, S("filename"), text);
	buf_add(&b, S("\r\n"));
	check_lines(buf_str(&b));
	assert(str_is_ascii(buf_str(&b)));
	n = params_parse(a, NULL, header_unfold(a, str_from(buf_str(&b), 31)), &params);
	assert(n == 1);
	words_add_clean(text, &want);
	/* A reader takes so many pieces, and no more. */
	assert(text.n > 1000 || str_eq(params[0].value, buf_str(&want)));
	buf_done(&want);
	buf_done(&b);
}

static void
check_body(str text)
{
	struct buf b = { 0 }, back = { 0 };
	const char *encoding = compose_encode_text(&b, text);
	size_t i = 0, k = 0;

	assert(str_is_ascii(buf_str(&b)));
	for (str rest = buf_str(&b), line; str_take_until(&rest, '\n', &line);)
		assert(line.n && line.p[line.n - 1] == '\r' &&
			line.n <= (strcmp(encoding, "7bit") == 0 ? 999u : 77u));
	transfer_decode(transfer_of(str_c(encoding)), buf_str(&b), &back);
	/* The same but for its line ends. */
	while (i < text.n) {
		if (text.p[i] == '\r' || text.p[i] == '\n') {
			i += text.p[i] == '\r' && i + 1 < text.n && text.p[i + 1] == '\n' ? 2 : 1;
			assert(k + 2 <= back.n && back.p[k] == '\r' && back.p[k + 1] == '\n');
			k += 2;
		} else {
			assert(k < back.n && back.p[k] == text.p[i]);
			i++;
			k++;
		}
	}
	assert(k == back.n || (k + 2 == back.n && back.p[k] == '\r'));
	buf_done(&b);
	buf_done(&back);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = { 0 };
	str text;

	if (size == 0)
		return 0;
	text = str_of(data + 1, size - 1);
	check_field(&a, text, data[0] & 1);
	check_address(&a, text, data[0] & 1);
	check_file_name(&a, text);
	check_body(text);
	arena_done(&a);
	return 0;
}
