/* people/text.h - main.cf's part of resolving: classes of domains and text tables, as people/resolve.h asks for them
 * Lives as long as its conf. Never waits. */
#ifndef PEOPLE_TEXT_H
#define PEOPLE_TEXT_H

#include "conf/conf.h"
#include "people/resolve.h"

struct people_text;

struct people_text *people_text_new(const struct conf *c);
void people_text_free(struct people_text *t); /* calm with NULL */
/* Everything of *ret that main.cf decides; ctx, ask, tell and may_relay are the caller's. Cheap: once for each question. */
void people_text_fill(const struct people_text *t, struct resolve_tables *ret);

/* Copies: the address that sender_bcc_maps or recipient_bcc_maps have for this one; "" when none. TABLE_DOWN. */
enum fault people_bcc(const struct people_text *t, struct arena *a, bool sender, str address, str *ret);
str people_always_bcc(const struct people_text *t); /* "" = nobody */
/* Are there copies to be made at all? */
bool people_has_bcc(const struct people_text *t);
/* Does anything rewrite senders? */
bool people_has_sender_maps(const struct people_text *t);

#endif
