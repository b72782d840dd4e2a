/* cli/export.h - the inside of `mailbox export`: one export under way, and its two formats
 * Each call says what is wrong and gives EX_OK or a status. */
#ifndef CLI_EXPORT_H
#define CLI_EXPORT_H

#include "cli/mailbox.h"
#include "cli/progress.h"

#include "base/table.h"

enum {
	EXPORT_BATCH = 500, /* messages between two flushes */
	EXPORT_LETTERS = 26 /* keywords of a Maildir folder */
};

/* A file that is written but has no name yet. */
struct pending {
	char base[80];
	char name[160];
};
struct export
{
	struct house *house;
	struct store_view *view; /* of the entries at hand */
	struct progress progress;
	struct store_account account;
	const char *target;
	int top; /* the folder of that name */
	bool mbox;
	uint64_t done, total, written, there, changed, failed;
	struct arena arena, message_arena;
	struct buf text;

	/* of the mailbox at hand */
	struct store_mailbox mailbox;
	str keywords[STORE_KEYWORDS];
	struct arena box_arena;
	int dir, cur, tmp;           /* Maildir */
	struct table names;          /* what is in cur and new, by base */
	str letters[EXPORT_LETTERS]; /* dovecot-keywords */
	bool letters_changed;
	struct pending *pending;
	size_t pending_n;
	int file; /* mbox */
	uint64_t offset;
	uint32_t upto;
	const char *file_name, *mark_name;
};

/* mailbox_export.c */
int export_fail(struct export *x, const char *what); /* with errno */
/* A small file in place of another, never half of it. */
int export_replace(struct export *x, int dir, const char *name, str bytes);
/* A message, in message_arena. */
enum fault export_load(struct export *x, const struct store_entry *e, str *ret);
void export_complain(struct export *x, const struct store_entry *e, const char *text);

/* export_maildir.c, export_mbox.c: folder: ".A.B". What was begun wants an end, whatever happened; status: how it went. */
int export_begin_maildir(struct export *x, str folder); /* "": the target itself */
int export_put_maildir(struct export *x, const struct store_entry *e);
int export_end_maildir(struct export *x, int status);
int export_begin_mbox(struct export *x, str folder);
int export_put_mbox(struct export *x, const struct store_entry *e);
int export_end_mbox(struct export *x, int status);

#endif
