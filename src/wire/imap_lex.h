/* wire/imap_lex.h - the words of IMAP, for the files that read its commands; not for others
 * Each function takes one thing off the front of in->rest. False: it is not there, and nothing was taken. RFC 9051 9. */
#ifndef WIRE_IMAP_LEX_H
#define WIRE_IMAP_LEX_H

#include "wire/imap.h"

struct imap_in {
	struct arena *a;
	str rest;
	unsigned mode; /* IMAP_MODE_* */
	unsigned keys; /* search keys read so far */
};

/* A list that grows in the arena. */
struct imap_many {
	void *items;
	size_t n, room;
};
/* Room for one more item of `size` bytes, zeroed; NULL: there are `most` already. */
void *imap_many_add(struct arena *a, struct imap_many *m, size_t size, size_t most);

bool imap_is_atom_char(char c);
bool imap_take_atom(struct imap_in *in, str *ret);
/* A word of letters, digits, "." and "-", as verbs and options are. */
bool imap_take_word(struct imap_in *in, str *ret);
bool imap_take_word_of(struct imap_in *in, str word); /* without case, and nothing of an atom behind it */
bool imap_take_space(struct imap_in *in);             /* at least one: some clients send two */
bool imap_take_char(struct imap_in *in, char c);
bool imap_take_string(struct imap_in *in, str *ret); /* quoted or literal */
bool imap_take_astring(struct imap_in *in, str *ret);
bool imap_take_nstring(struct imap_in *in, str *ret); /* NIL: p is NULL */
bool imap_take_number(struct imap_in *in, uint64_t most, uint64_t *ret);
bool imap_take_u32(struct imap_in *in, uint32_t least, uint32_t *ret);
bool imap_take_mailbox(struct imap_in *in, str *ret);
bool imap_take_pattern(struct imap_in *in, str *ret); /* of LIST */
bool imap_take_set(struct imap_in *in, struct imap_set *ret);
bool imap_take_flags(
	struct imap_in *in, bool bare, struct imap_flags *ret); /* bare: STORE's, also without parentheses */
bool imap_take_date(struct imap_in *in, uint64_t *ret_days);    /* 1-Feb-1994, also quoted */
bool imap_take_date_time(struct imap_in *in, int64_t *ret_ms);
bool imap_take_partial(struct imap_in *in, struct imap_partial *ret); /* 1:100, -1:-100 */
bool imap_at_end(const struct imap_in *in);                           /* nothing but blanks is left */

/* Readers of arguments, from behind the verb and its blank to the end: imap_command.c. False: BAD_ARGUMENT. */
bool imap_read_fetch(struct imap_in *in, struct imap_command *c);
bool imap_read_items(struct imap_in *in, const struct imap_fetch_item **ret, size_t *ret_n);
bool imap_read_store(struct imap_in *in, struct imap_command *c);
bool imap_read_search(struct imap_in *in, struct imap_command *c);
bool imap_read_sort(struct imap_in *in, struct imap_command *c);
bool imap_read_thread(struct imap_in *in, struct imap_command *c);
bool imap_read_esearch(struct imap_in *in, struct imap_command *c);
bool imap_take_source(struct imap_in *in, struct imap_source *ret);
bool imap_read_list(struct imap_in *in, struct imap_command *c);
bool imap_read_lsub(struct imap_in *in, struct imap_command *c);
bool imap_read_status(struct imap_in *in, struct imap_command *c);
bool imap_read_select(struct imap_in *in, struct imap_command *c);
bool imap_read_setquota(struct imap_in *in, struct imap_command *c);
bool imap_read_setacl(struct imap_in *in, struct imap_command *c);
bool imap_read_acl_who(struct imap_in *in, struct imap_command *c);
bool imap_read_acl_mailbox(struct imap_in *in, struct imap_command *c);
bool imap_read_getmetadata(struct imap_in *in, struct imap_command *c);
bool imap_read_setmetadata(struct imap_in *in, struct imap_command *c);
bool imap_read_notify(struct imap_in *in, struct imap_command *c);
bool imap_read_id(struct imap_in *in, struct imap_command *c);

#endif
