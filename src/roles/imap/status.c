#include "roles/imap/imap.h"

#include "base/mem.h"

void
imap_status_add(struct imap_session *s, const struct store_mailbox *m, unsigned items)
{
	const struct {
		unsigned bit;
		const char *word;
		uint64_t value;
	} numbers[] = {
		{ IMAP_STATUS_MESSAGES, "MESSAGES", m->exists },
		{ IMAP_STATUS_RECENT, "RECENT", 0 },
		{ IMAP_STATUS_UIDNEXT, "UIDNEXT", m->uidnext },
		{ IMAP_STATUS_UIDVALIDITY, "UIDVALIDITY", m->uidvalidity },
		{ IMAP_STATUS_UNSEEN, "UNSEEN", m->unseen },
		{ IMAP_STATUS_DELETED, "DELETED", m->deleted },
		{ IMAP_STATUS_SIZE, "SIZE", m->bytes },
		{ IMAP_STATUS_HIGHESTMODSEQ, "HIGHESTMODSEQ", m->modseq },
	};
	struct buf *out = &s->stream.out;
	const char *between = " (";

	buf_add(out, S("* STATUS "));
	imap_name_add(out, m->name, s->mode);
	for (size_t i = 0; i < COUNT(numbers); i++)
		if (items & numbers[i].bit) {
			buf_printf(out, "%s%s %llu", between, numbers[i].word,
				(unsigned long long)numbers[i].value);
			between = " ";
		}
	if (items & IMAP_STATUS_MAILBOXID) {
		buf_printf(out, "%sMAILBOXID (F%u)", between, m->id);
		between = " ";
	}
	buf_add(out, *between == ' ' && between[1] == '(' ? S(" ()\r\n") : S(")\r\n"));
}
