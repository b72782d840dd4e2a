/* cli/export_mbox.c - into mbox files: NAME.mbox grows at its end; .NAME.mbox.upto says up to which UID and octet it is complete */
#include "cli/export.h"

#include "base/mem.h"
#include "mail/header.h"
#include "mail/mbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int
mark_mbox(struct export *x)
{
	str text = arena_printf(&x->box_arena, "%u %u %llu\n", x->mailbox.uidvalidity, x->upto,
		(unsigned long long)x->offset);

	if (fdatasync(x->file) != 0)
		return export_fail(x, x->file_name);
	return export_replace(x, x->top, x->mark_name, text);
}

/* False: there is no mark, or it is of another mailbox. */
static bool
read_mark(struct export *x, uint64_t size)
{
	uint64_t validity = 0, uid = 0, offset = 0;
	char bytes[128];
	str text, word;
	ssize_t n;
	int fd = openat(x->top, x->mark_name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return false;
	n = read(fd, bytes, sizeof(bytes));
	close(fd);
	text = str_of(bytes, n > 0 ? (size_t)n : 0);
	if (!str_ends(text, S("\n")))
		return false;
	text.n--;
	if (!str_take_word(&text, &word) || !str_to_u64(word, UINT32_MAX, &validity) ||
		!str_take_word(&text, &word) || !str_to_u64(word, UINT32_MAX, &uid) ||
		!str_take_word(&text, &word) || !str_to_u64(word, size, &offset) ||
		validity != x->mailbox.uidvalidity)
		return false;
	x->upto = (uint32_t)uid;
	x->offset = offset;
	return true;
}

int
export_begin_mbox(struct export *x, str folder)
{
	struct stat st;

	str_take(&folder, S("."));
	x->file_name = arena_printf(&x->box_arena, "%.*s.mbox", STR_ARG(folder)).p;
	x->mark_name = arena_printf(&x->box_arena, ".%.*s.mbox.upto", STR_ARG(folder)).p;
	x->upto = 0;
	x->offset = 0;
	x->file = openat(x->top, x->file_name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (x->file < 0 || fstat(x->file, &st) != 0)
		return export_fail(x, x->file_name);
	if (!read_mark(x, (uint64_t)st.st_size) && st.st_size > 0)
		return cli_fail(EX_CANTCREAT, "mailbox",
			"%s/%s is there, and not from an export of this mailbox; move it away", x->target,
			x->file_name);
	/* what stands behind the mark may be half a message */
	if (ftruncate(x->file, (off_t)x->offset) != 0 || lseek(x->file, 0, SEEK_END) < 0)
		return export_fail(x, x->file_name);
	return EX_OK;
}

int
export_end_mbox(struct export *x, int status)
{
	if (status == EX_OK)
		status = mark_mbox(x);
	if (x->file >= 0)
		close(x->file);
	x->file = -1;
	return status;
}

static str
sender_of(struct export *x, str message)
{
	str value;

	if (!header_find(message, S("Return-Path"), &value))
		return S("");
	value = str_trim(header_unfold(&x->message_arena, value));
	if (str_take(&value, S("<")))
		value = str_sub(value, 0, str_find(value, '>'));
	return value;
}

int
export_put_mbox(struct export *x, const struct store_entry *e)
{
	struct mbox_marks marks = { .seen = e->flags & FLAG_SEEN,
		.answered = e->flags & FLAG_ANSWERED,
		.flagged = e->flags & FLAG_FLAGGED,
		.deleted = e->flags & FLAG_DELETED,
		.draft = e->flags & FLAG_DRAFT };
	enum fault f;
	str message;

	f = export_load(x, e, &message);
	if (f != OK) {
		export_complain(x, e, fault_words(f)->text);
		return f == STORE_DOWN ? EX_TEMPFAIL : EX_OK;
	}
	for (unsigned bit = 0; bit < STORE_KEYWORDS; bit++)
		if (e->keywords >> bit & 1 && x->keywords[bit].n)
			buf_printf(&marks.keywords, "%s%.*s", marks.keywords.n ? " " : "",
				STR_ARG(x->keywords[bit]));
	buf_clear(&x->text);
	mbox_add(&x->text, sender_of(x, message), e->received_ms, &marks, message);
	buf_done(&marks.keywords);
	if (!cli_write_whole(x->file, buf_str(&x->text)))
		return export_fail(x, x->file_name);
	x->offset += x->text.n;
	x->upto = e->uid;
	return ++x->written % EXPORT_BATCH ? EX_OK : mark_mbox(x);
}
