/* cli/hand_read.c - the source of an import: a Maildir with its folders, or an mbox; in the helper, behind its jail
 * When a message came. Of a Maildir: the earlier of its file's mtime and the time in the file's name (a copy may have lost the first, a message
 * that was appended has the second too late); where the name has none, the earlier of mtime and the last Received. Of an mbox: what its
 * From_ line says. What a message is known by when the import is repeated: the SHA-256 of its octets, its mailbox, and how many of the
 * same came before it in this mailbox, so that true doubles stay two and nothing comes twice. */
#include "cli/hand_inside.h"

#include "base/mem.h"
#include "mail/email.h"
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct twin {
	unsigned char digest[32];
	uint64_t count;
};

void
hand_trouble_of(struct reading *r, const char *name, const char *text)
{
	hand_say_trouble(r->out, name, text, false);
}

/* ---- one message ---- */

/* Which of the same octets in this mailbox it is, as a key. */
static uint64_t
once_of(struct reading *r)
{
	struct twin now = { 0 }, *twin;
	struct buf b = { 0 };
	unsigned char digest[EVP_MAX_MD_SIZE];
	uint64_t key = 0;
	unsigned n = 0;

	if (EVP_Digest(r->message.p, r->message.n, now.digest, &n, EVP_sha256(), NULL) != 1)
		abort(); /* there is no going on without */
	twin = table_get(&r->seen, str_of(now.digest, sizeof(now.digest)));
	if (!twin) {
		twin = ARENA_NEW(&r->arena, struct twin);
		memcpy(twin->digest, now.digest, sizeof(now.digest));
		table_put(&r->seen, str_of(twin->digest, sizeof(twin->digest)), twin);
	}
	twin->count++;
	buf_add(&b, str_of(twin->digest, sizeof(twin->digest)));
	buf_add_counted(&b, r->mailbox);
	buf_add_varint(&b, twin->count);
	if (EVP_Digest(b.p, b.n, digest, &n, EVP_sha256(), NULL) != 1)
		abort();
	buf_done(&b);
	memcpy(&key, digest, sizeof(key));
	return key ? key : 1;
}

/* r->message and r->keywords are made. */
void
hand_item_of(struct reading *r, const char *name, uint32_t flags, int64_t received_ms)
{
	struct hand_item item = { .name = str_c(name), .flags = flags, .received_ms = received_ms };
	struct email_facts facts;

	if (r->message.n > HAND_MESSAGE_MOST) {
		hand_trouble_of(r, name, "longer than any message can be");
		return;
	}
	buf_clear(&r->row);
	buf_clear(&r->refs);
	email_builder_reset(r->builder);
	email_builder_feed(r->builder, buf_str(&r->message));
	email_builder_finish(r->builder, &r->row, &facts);
	for (size_t i = 0; i < facts.reference_count; i++)
		buf_add_varint(&r->refs, facts.reference_keys[i]); /* as talk's list of key */
	item.sent_ms = facts.sent_ms ? facts.sent_ms : received_ms;
	item.message_id_key = facts.message_id_key;
	item.references = buf_str(&r->refs);
	item.dot_lines = facts.dot_lines;
	item.once = once_of(r);
	item.row = buf_str(&r->row);
	item.keywords = buf_str(&r->keywords);
	item.size = r->message.n;
	item.done = r->done;
	item.total = r->total;
	hand_say_item(r->out, &item, buf_str(&r->message));
}

void
hand_begin_mailbox(struct reading *r, str mailbox)
{
	str into = r->source->into;

	table_done(&r->seen);
	arena_reset(&r->arena);
	table_init(&r->seen, (struct hash_key){ 0 }); /* its keys are digests */
	if (into.n && mailbox.n)
		mailbox = arena_printf(&r->arena, "%.*s/%.*s", STR_ARG(into), STR_ARG(mailbox));
	else if (mailbox.n == 0)
		mailbox = into.n ? into : S("INBOX");
	r->mailbox = mailbox;
	hand_say_folder(r->out, &(struct hand_folder){ mailbox });
}

/* ---- mbox ---- */

static void
take_marks(struct reading *r, struct mbox_marks *k, uint32_t *flags)
{
	str words = buf_str(&k->keywords), word;

	*flags = (k->seen ? FLAG_SEEN : 0) | (k->answered ? FLAG_ANSWERED : 0) |
		 (k->flagged ? FLAG_FLAGGED : 0) | (k->deleted ? FLAG_DELETED : 0) |
		 (k->draft ? FLAG_DRAFT : 0);
	buf_clear(&r->keywords);
	while (str_take_word(&words, &word))
		hand_add_keyword(&r->keywords, word);
}

static void
open_message(struct reading *r, const struct mbox_message *got, const char *name)
{
	struct mbox_marks marks = { 0 };
	uint32_t flags;

	if (got->too_big) {
		hand_trouble_of(r, name, "longer than any message can be");
		return;
	}
	buf_clear(&r->message);
	mbox_open(got, r->source->kind, &r->message, &marks);
	take_marks(r, &marks, &flags);
	if (r->message.n == 0)
		hand_trouble_of(r, name, "an empty message");
	else if (!marks.internal)
		hand_item_of(r, name, flags, got->date_ms);
	buf_done(&marks.keywords);
}

static void
read_mbox(struct reading *r, int fd, const char *source)
{
	struct mbox_message got = { 0 };
	struct mbox m = { 0 };
	enum mbox_step step = MBOX_MORE;
	uint64_t number = 0;
	bool last = false;
	size_t at = 0, used; /* used of raw */

	hand_begin_mailbox(r, S(""));
	for (;;) {
		char name[32];

		step = mbox_take(&m, str_from(buf_str(&r->raw), at), last, HAND_MESSAGE_MOST, &got, &used);
		at += used;
		r->done += used;
		if (step == MBOX_MESSAGE) {
			snprintf(name, sizeof(name), "message %llu", (unsigned long long)++number);
			open_message(r, &got, name);
			continue;
		}
		if (step != MBOX_MORE)
			break;
		buf_drop_front(&r->raw, at);
		at = 0;
		for (size_t want = MAX(r->raw.n, (size_t)HAND_CHUNK);;) {
			ssize_t n = read(fd, buf_reserve(&r->raw, want), want);

			if (n < 0 && errno == EINTR)
				continue;
			if (n < 0) {
				hand_say_trouble(r->out, source, strerrordesc_np(errno), true);
				return;
			}
			last = n == 0;
			buf_used(&r->raw, (size_t)n);
			break;
		}
	}
	if (step == MBOX_NONE)
		hand_say_trouble(r->out, source,
			number ? "what follows is no message of an mbox" : "neither a Maildir nor an mbox",
			true);
}

/* ---- all of it ---- */

void
hand_read(struct hand_out *o, const struct hand_source *from)
{
	struct reading r = { .out = o, .source = from };
	const char *source = from->path;
	int fd = open(source, O_RDONLY | O_CLOEXEC), cur = -1;
	struct stat st;

	r.builder = email_builder_new(NULL, &email_thread_key);
	if (fd < 0 || fstat(fd, &st) != 0) {
		hand_say_trouble(o, source, strerrordesc_np(errno), true);
		return;
	}
	if (S_ISREG(st.st_mode)) {
		r.total = (uint64_t)st.st_size;
		read_mbox(&r, fd, source);
	} else if (S_ISDIR(st.st_mode) &&
		   (cur = openat(fd, "cur", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) >= 0) {
		hand_read_maildir(&r, fd);
	} else {
		hand_say_trouble(o, source, "neither a Maildir (it has no folder cur) nor an mbox", true);
	}
}
