/* cli/hand_inside.h - the inside of the helper that reads foreign mail (cli/hand.h): hand_read.c and hand_maildir.c */
#ifndef CLI_HAND_INSIDE_H
#define CLI_HAND_INSIDE_H

#include "cli/hand.h"

#include "base/table.h"

enum { HAND_CHUNK = 1 << 20 /* octets read at a time */ };

struct reading {
	struct hand_out *out;
	const struct hand_source *source;
	struct email_builder *builder;
	struct buf raw, message, row, keywords, refs;
	struct arena arena; /* of one mailbox */
	struct table seen;  /* how many of the same octets */
	str mailbox;
	uint64_t done, total;
};

void hand_trouble_of(struct reading *r, const char *name, const char *text);
void hand_begin_mailbox(struct reading *r, str mailbox); /* "": INBOX, or where everything goes */
/* r->message and r->keywords are made. */
void hand_item_of(struct reading *r, const char *name, uint32_t flags, int64_t received_ms);
void hand_read_maildir(struct reading *r, int dir);

#endif
