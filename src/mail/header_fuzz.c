/* Whatever stands in a header: what comes out is clean UTF-8, groups are closed, ids have no blanks, base subjects are final. */
#include "mail/addrs.h"
#include "mail/date.h"
#include "mail/header.h"
#include "mail/params.h"
#include "mail/preview.h"
#include "mail/subject.h"
#include "mail/words.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct tools {
	struct arena a;
	struct charset_reader *cs;
	struct buf out;
};

static void
check_text(str s)
{
	assert(str_is_utf8(s) && charset_is_utf8(s));
	assert(!str_has_ctl(s));
}

static void
check_words(struct tools *t, str value)
{
	str line = header_unfold(&t->a, value), base;

	assert(line.n <= value.n);
	assert(str_find(line, '\r') == line.n && str_find(line, '\n') == line.n &&
		str_find(line, '\0') == line.n);
	buf_clear(&t->out);
	words_decode(t->cs, line, &t->out);
	check_text(buf_str(&t->out));
	base = subject_base(&t->a, buf_str(&t->out));
	check_text(base);
	assert(str_eq(subject_base(&t->a, base), base));
}

static void
check_addrs(struct tools *t, str value)
{
	struct email_addr ad;
	struct addrs r;
	size_t count = 0;
	bool in_group = false;

	addrs_init(&r, &t->a, t->cs);
	addrs_begin(&r, value);
	while (addrs_next(&r, &ad)) {
		check_text(ad.name);
		check_text(ad.mailbox);
		check_text(ad.host);
		if (ad.host.n == 0) {
			assert(in_group == (ad.mailbox.n == 0) && ad.name.n == 0);
			in_group = !in_group;
		} else {
			assert(ad.mailbox.n || ad.name.n);
		}
		assert(++count <= 2 * value.n);
	}
	assert(!in_group);
	addrs_done(&r);
}

static void
check_params(struct tools *t, str value)
{
	str type = { 0 }, subtype = { 0 }, rest;
	struct param *p = NULL;
	size_t n;

	params_take_type(&t->a, value, &type, &subtype, &rest);
	assert(!str_has_ctl(type) && !str_has_ctl(subtype) && rest.n <= value.n);
	n = params_parse(&t->a, t->cs, rest, &p);
	assert(n <= PARAMS_MAX);
	for (size_t i = 0; i < n; i++) {
		assert(p[i].name.n && !str_has_ctl(p[i].name));
		check_text(p[i].value);
		assert(str_eq(params_get(p, n, p[i].name), p[i].value)); /* every name once */
	}
	assert(str_find(params_take_token(&t->a, value, &rest), '\n') <= value.n);
}

static void
check_rest(struct tools *t, str value)
{
	static const char *const charsets[] = { "utf-8", "latin1", "koi8-r", "iso-2022-jp", "gb18030",
		"utf-7", "big5", "utf-16le" };
	struct preview_scratch scratch = { 0 };
	str left = value, id;
	int64_t ms;
	int zone;

	if (date_parse(value, &ms, &zone))
		assert(zone > -24 * 60 && zone < 24 * 60 && ms < (int64_t)1 << 48 &&
			ms > -((int64_t)1 << 48));
	while (header_take_msg_id(&t->a, &left, &id)) {
		assert(id.n && id.n <= value.n);
		for (size_t i = 0; i < id.n; i++)
			assert((unsigned char)id.p[i] > ' ' && id.p[i] != '>');
	}
	buf_clear(&t->out);
	preview_make(t->cs, &scratch, value, value.n % 3, str_c(charsets[value.n % 8]), value.n & 1, &t->out);
	check_text(buf_str(&t->out));
	assert(t->out.n <= PREVIEW_BYTES);
	preview_scratch_done(&scratch);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tools t = { .cs = charset_reader_new() };
	str block = str_of(data, size);
	struct header_field f = { .value = block };

	do {
		assert(str_find(f.name, ':') == f.name.n);
		check_words(&t, f.value);
		check_addrs(&t, f.value);
		check_params(&t, f.value);
		check_rest(&t, f.value);
	} while (header_take_field(&block, &f));
	assert(block.n == 0);
	arena_done(&t.a);
	buf_done(&t.out);
	charset_reader_free(t.cs);
	return 0;
}
