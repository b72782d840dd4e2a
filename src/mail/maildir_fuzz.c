/* Input: a name. As a file's: what is taken can be written and taken again. As a folder's: the mailbox, written as a folder, is the same mailbox
 * again. As a list of keywords: it ends. */
#include "mail/maildir.h"

#include "base/mem.h"
#include "mail/mutf7.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct maildir_name n, again;
	struct arena a = { 0 };
	struct buf b = { 0 };
	str in = str_of(data, size), mailbox, back;
	unsigned number;

	if (maildir_take_name(in, &n)) {
		buf_add(&b, n.base);
		maildir_add_flags(&b, n.marks, n.keywords);
		assert(maildir_take_name(buf_str(&b), &again));
		assert(str_eq(n.base, again.base) && n.marks == again.marks && n.keywords == again.keywords &&
			n.time_s == again.time_s);
	}
	buf_clear(&b);
	if (maildir_take_folder(&a, in, &mailbox)) {
		assert(mailbox.n && str_is_utf8(mailbox) && !str_has_ctl(mailbox));
		maildir_add_folder(&b, mailbox);
		assert(str_is_ascii(buf_str(&b)));
		/* a slash that was encoded is a level from then on */
		if (maildir_take_folder(&a, buf_str(&b), &back))
			assert(str_eq(mailbox, back));
		else
			assert(str_find_str(mailbox, S("//")) < mailbox.n || mailbox.p[0] == '/');
	}
	while (maildir_take_keyword(&in, &number, &mailbox))
		assert(number < 26 && mailbox.n);
	buf_done(&b);
	arena_done(&a);
	return 0;
}
