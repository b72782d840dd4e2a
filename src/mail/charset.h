/* mail/charset.h - text in any charset of the mail world, to UTF-8
 * An allow-list of labels (those of the WHATWG Encoding Standard that mail uses, and UTF-7) stands in charset.c. UTF-8, ASCII and
 * Latin-1 are our own; the others are glibc's iconv, whose handles the reader owns. Output is always well-formed UTF-8: what does
 * not decode becomes U+FFFD. */
#ifndef MAIL_CHARSET_H
#define MAIL_CHARSET_H

#include "base/buf.h"

/* Keeps a few open converters. One for each thread of work; NULL is allowed below and means: none but our own charsets. */
struct charset_reader;
struct charset_reader *charset_reader_new(void);
void charset_reader_free(struct charset_reader *r); /* calm with NULL */

/* Appends bytes of that charset (any case, RFC 2231 "*language" allowed) to out. False, and nothing appended: not on the list, or
 * the converter could not be loaded. When out is full it stays as far as it came. */
bool charset_add(struct charset_reader *r, str charset, str bytes, struct buf *out);
bool charset_known(struct charset_reader *r, str charset);
/* Appends bytes of which nobody says what they are: UTF-8 when they are that, else Latin-1 as Windows has it. */
void charset_add_unlabelled(str bytes, struct buf *out);

/* iconv loads a module from a file when a charset is first used, which a jailed process cannot: make a stock before the jail closes
 * and keep it as long as readers work. Costs some milliseconds once. */
struct charset_stock;
struct charset_stock *charset_stock_new(void);
void charset_stock_free(struct charset_stock *s);
size_t charset_stock_count(const struct charset_stock *s);   /* converters that could be loaded */
size_t charset_stock_missing(const struct charset_stock *s); /* and those that could not */

/* How many bytes at the front of s are ASCII. */
size_t charset_ascii_run(str s);
bool charset_is_utf8(str s); /* as str_is_utf8, fast where most of it is ASCII */
/* Where to cut well-formed UTF-8 to at most n bytes without splitting a character. */
size_t charset_utf8_front(str s, size_t n);

#endif
