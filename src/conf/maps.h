/* conf/maps.h - lookup tables: hash:/etc/aliases, pcre:{ {/x/ y} }, cidr:/etc/nets, static:OK ...
 * Postfix's types, syntax and order (postconf(5), postmap(1), pcre_table(5), regexp_table(5), cidr_table(5), aliases(5)). Indexed types (hash, btree,
 * lmdb, cdb, dbm, sdbm, texthash) read the text itself; keys are folded to lower case. Master reads the files (conf_tables_load) and all roles
 * share what it made of them; when a file changes they get the new content (roles/master/tables.c). Asking never waits: a table lies in memory.
 *
 * In main.cf a table is named by a parameter of kind "maps" (key, white space, value) or "aliases" (name: value, as aliases(5)); by the items
 * type:name of a list of kind "domains" or "networks"; and inside restriction lists (kind "restrictions"). proxy:type:name is type:name. */
#ifndef CONF_MAPS_H
#define CONF_MAPS_H

#include "conf/conf.h"

struct maps; /* the tables of one parameter, in their order */

/* Of a LIST parameter of kind "maps" or "aliases". Never NULL; lives as long as c. */
const struct maps *conf_maps(const struct conf *c, enum conf_id id);
/* Of a table inside another value, such as hash:/x of check_client_access hash:/x, as it is written there. Loading has seen each type:name of
 * restriction lists and of smtpd_restriction_classes and has reported those that cannot be had; NULL: it has not seen this one. */
const struct maps *conf_maps_of(const struct conf *c, str spec);
bool maps_empty(const struct maps *m);

/* The value of the first table that has the key. whole: the key is a whole query, which all tables are asked; otherwise it is a part of one (a
 * localpart, a parent domain), which patterns (regexp:, pcre:, cidr:, randmap:, fail:) are not asked, as in Postfix. *ret lives in the arena and
 * is not empty. An empty key is in no table. Faults: NOT_FOUND; TABLE_DOWN: a table cannot answer now (fail:, a pattern that takes too long,
 * a file that was not loaded), so neither yes nor no is known. */
enum fault maps_find(const struct maps *m, struct arena *a, str key, bool whole, str *ret);

/* The forms of an address, in the order in which they are asked. */
enum {
	MAPS_FULL = 1,     /* user+ext@domain, a whole query; the others are parts */
	MAPS_NOEXT = 2,    /* user@domain */
	MAPS_USER_EXT = 4, /* user+ext */
	MAPS_USER = 8,     /* user */
	MAPS_DOMAIN = 16,  /* @domain */
	MAPS_ADDRESS = 31  /* all of them */
};
/* Finds an address by its forms. delimiter: the characters of recipient_delimiter. *ret_ext is the extension with its delimiter ("+ext") when
 * the form that was found is one without it, "" else; it borrows from address. An address without @ has the forms USER_EXT (asked as a
 * whole query) and USER. Faults: as maps_find. */
enum fault maps_find_addr(const struct maps *m, struct arena *a, str address, str delimiter, unsigned forms,
	str *ret, str *ret_ext);
/* Where the extension of a localpart begins, at its delimiter; local.n: it has none. As Postfix: none in postmaster, mailer-daemon,
 * double-bounce, and where - is a delimiter none in owner-x and x-request; never at the first character. */
size_t maps_extension(str local, str delimiter);

/* ---- for whoever loads: master, and verbs of the command line that ask tables ---- */

/* Reads the files of all tables that main.cf names. Findings are added to the report as conf_load does; BAD_ARGUMENT when there is an error. */
enum fault conf_tables_load(struct conf *c, struct buf *ret_report);
size_t conf_tables(const struct conf *c); /* how many there are, files or not */
struct conf_table {
	const char *spec; /* "hash:/etc/aliases" */
	const char *path; /* NULL: it is no file */
	size_t entries;   /* keys, or rules */
	bool loaded;
};
void conf_table(const struct conf *c, size_t i, struct conf_table *ret);

/* Reads the file of table i again. OK: it is in force here, and *ret_fd is a sealed memfd with it that conf_table_take of a process with the
 * same configuration (a fork) understands. BAD_ARGUMENT: findings are in the report, and the old content stays. refuse (may be NULL) judges the
 * configuration with the new content in force; when it says true (and why, in the report) the old one comes back. */
enum fault conf_table_reload(struct conf *c, size_t i,
	bool (*refuse)(const struct conf *c, struct buf *report), struct buf *ret_report, int *ret_fd);
/* Puts what master made of table i in place of the old content; takes fd over. Faults: MALFORMED (the old content stays). */
enum fault conf_table_take(const struct conf *c, size_t i, int fd);
/* Forgets the content of all files, in a role that asks none. */
void conf_tables_forget(const struct conf *c);

/* ---- one table by itself: postmap ---- */

struct maps_one {
	struct arena arena;
	struct registry *registry;
	const struct maps *maps;
};
/* "hash:/etc/aliases"; aliases: as aliases(5). Findings are reported with `where` as their place. Faults: BAD_ARGUMENT. */
enum fault maps_one_open(
	struct maps_one *one, const char *where, str spec, bool aliases, struct buf *ret_report);
void maps_one_close(struct maps_one *one);
size_t maps_entries(const struct maps *m); /* keys, or rules, of all of them */
/* Calls fn for each key and value, in the order of the text. False: this type cannot tell its keys. */
bool maps_each(const struct maps *m, void (*fn)(void *ctx, str key, str value), void *ctx);

#endif
