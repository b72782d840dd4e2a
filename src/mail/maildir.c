#include "mail/maildir.h"

#include "base/mem.h"
#include "mail/mutf7.h"

static const struct {
	char letter;
	unsigned mark;
} marks_of[] = { /* ASCII order, as the format wants them */
	{ 'D', MAILDIR_DRAFT }, { 'F', MAILDIR_FLAGGED }, { 'P', MAILDIR_PASSED }, { 'R', MAILDIR_REPLIED },
	{ 'S', MAILDIR_SEEN }, { 'T', MAILDIR_TRASHED }
};

bool
maildir_take_name(str name, struct maildir_name *ret)
{
	size_t colon = str_rfind(name, ':');
	struct maildir_name n = { .base = str_sub(name, 0, colon) };
	str info = str_from(name, colon + 1), head = str_sub(n.base, 0, str_find(n.base, '.'));
	uint64_t time_s = 0;

	if (n.base.n == 0 || name.p[0] == '.' || str_find(name, '/') < name.n)
		return false;
	if (str_take(&info, S("2,"))) {
		for (size_t i = 0; i < info.n && info.p[i] != ','; i++) {
			for (size_t k = 0; k < COUNT(marks_of); k++)
				if (marks_of[k].letter == info.p[i])
					n.marks |= marks_of[k].mark;
			if (info.p[i] >= 'a' && info.p[i] <= 'z')
				n.keywords |= 1u << (info.p[i] - 'a');
		}
	}
	if (head.n < n.base.n && str_to_u64(head, (uint64_t)1 << 33, &time_s))
		n.time_s = (int64_t)time_s;
	*ret = n;
	return true;
}

void
maildir_add_flags(struct buf *b, unsigned marks, uint32_t keywords)
{
	buf_add_c(b, ":2,");
	for (size_t k = 0; k < COUNT(marks_of); k++)
		if (marks & marks_of[k].mark)
			buf_add_char(b, marks_of[k].letter);
	for (int i = 0; i < 26; i++)
		if (keywords >> i & 1)
			buf_add_char(b, (char)('a' + i));
}

bool
maildir_take_folder(struct arena *a, str name, str *ret)
{
	struct buf b = { 0 };
	str level;
	bool ok = name.n > 1 && str_take(&name, S(".")) && !str_ends(name, S("."));

	/* level by level: a dot that was encoded is part of a name */
	for (bool first = true; ok && name.n; first = false) {
		(void)str_take_until(&name, '.', &level);
		if (!first)
			buf_add_char(&b, '/');
		if (!mutf7_decode(level, &b))
			ok = str_is_utf8(level) && !str_has_ctl(level) && buf_add(&b, level);
		ok = ok && level.n > 0;
	}
	ok = ok && b.n > 0 && b.p[b.n - 1] != '/' && !str_has_ctl(buf_str(&b));
	if (ok)
		*ret = arena_str(a, buf_str(&b));
	buf_done(&b);
	return ok;
}

void
maildir_add_folder(struct buf *b, str mailbox)
{
	str level;

	while (str_take_until(&mailbox, '/', &level)) {
		buf_add_char(b, '.');
		mutf7_encode(level, S("."), b);
	}
}

bool
maildir_take_keyword(str *text, unsigned *ret_number, str *ret_name)
{
	str line, number;

	while (str_take_until(text, '\n', &line)) {
		uint64_t n;

		if (!str_take_word(&line, &number) || !str_to_u64(number, 25, &n))
			continue;
		line = str_trim(line);
		if (line.n == 0)
			continue;
		*ret_number = (unsigned)n;
		*ret_name = line;
		return true;
	}
	return false;
}
