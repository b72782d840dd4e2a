/* conf/conf.h - main.cf: what the administrator wants
 * Postfix's syntax and names (postconf(5)); one table of parameters, conf/params.def, gives each its type, default, unit and meaning, and
 * main.cf(5) is generated from it. A loaded configuration never changes: a reload loads another. Loading reads files, so it is done by
 * master and the command line, before any jail; reading values never waits and is safe in every role. Lookup tables that main.cf names
 * are declared by loading it and read by conf_tables_load (conf/maps.h). */
#ifndef CONF_CONF_H
#define CONF_CONF_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/fault.h"

enum conf_type {
	CONF_STRING,
	CONF_LIST, /* by commas or white space, {} groups */
	CONF_BOOL, /* yes, no */
	CONF_INT,
	CONF_SIZE, /* bytes; suffixes k m g */
	CONF_TIME, /* s m h d w; kept in ms */
	CONF_ENUM  /* words of the table's `words` */
};
enum conf_id {
#define PARAM(name, type, unit, initial, words, meaning) CONF_##name,
#include "conf/params.def"
#undef PARAM
	CONF_IDS
};

struct conf;

/* Reads the file and everything it names. ret_report gets a line a finding, "file:line: error: ..." or "file:line: warning: ..."; with an error
 * the result is BAD_ARGUMENT and *ret is not written. NOT_FOUND: no such file. path NULL: defaults only. overrides: "name=value"
 * strings (from -o), may be NULL. */
enum fault conf_load(const char *path, const char *const *overrides, size_t override_count,
	struct buf *ret_report, struct conf **ret);
void conf_free(struct conf *c);
/* The same for a main.cf that is not in its file yet: `text` as it would stand in `path`. */
enum fault conf_load_text(const char *path, str text, struct buf *ret_report, struct conf **ret);

/* The same without the outside world, for tests and fuzzers: everything conf_load would look up is here. */
struct conf_source {
	const char *file; /* its name in findings */
	str text;
	const char *const *overrides;
	size_t override_count;
	str machine; /* the machine's name, for myhostname */
	/* The bytes of a file that a list names (/file/name), in the arena or longer; NULL: there are none. */
	enum fault (*read)(void *ctx, struct arena *a, const char *path, str *ret);
	void *ctx;
};
enum fault conf_parse(const struct conf_source *source, struct buf *ret_report, struct conf **ret);

/* Typed access; the type must be the table's (assert). Borrowed as long as the conf lives. */
str conf_str(const struct conf *c, enum conf_id id);
bool conf_bool(const struct conf *c, enum conf_id id);
int64_t conf_int(const struct conf *c,
	enum conf_id id); /* INT, SIZE in bytes, TIME in ms, ENUM as index of its word */
bool conf_is(const struct conf *c, enum conf_id id,
	const char *word); /* ENUM: is this its word? (assert: the table has it) */
const str *conf_list(const struct conf *c, enum conf_id id, size_t *ret_n);
const char *conf_path(const struct conf *c, enum conf_id id); /* a STRING as a C string */

/* Lists that match: the first entry that fits decides, and an entry !x says no. Entries type:name are tables (conf/maps.h). In a list of kind
 * "subdomains", .example.org stands for all names below it, or, where parent_domain_matches_subdomains names the parameter, example.org does. */
bool conf_has_domain(const struct conf *c, enum conf_id id,
	str domain); /* mydestination ...; case does not matter; fast for long lists */
bool conf_has_word(const struct conf *c, enum conf_id id,
	str word); /* commands, keywords, mechanisms; case does not matter */
/* mynetworks: bytes 4 or 16 of an address, IPv4 as 4 (see peer_of of rt/sock.h). */
bool conf_has_ip(const struct conf *c, enum conf_id id, const unsigned char *ip, size_t bytes);

/* The same when it matters that a table cannot answer: OK, NOT_FOUND, TABLE_DOWN (which conf_has_* take as no). */
enum fault conf_find_domain(const struct conf *c, enum conf_id id, str domain);
enum fault conf_find_ip(const struct conf *c, enum conf_id id, const unsigned char *ip, size_t bytes);

/* Where listen_* listens, in the words of sock_listen: "25", "127.0.0.1:25", "[::1]:25" (ports without an address follow inet_interfaces and
 * inet_protocols). In the conf. */
const str *conf_listen(const struct conf *c, enum conf_id id, size_t *ret_n);

/* A list of the administrator's own, that smtpd_restriction_classes names. False: it names none such. */
struct conf_class {
	const str *items;
	size_t n;
	const char *file; /* where it is written */
	int line;
};
bool conf_class(const struct conf *c, str name, struct conf_class *ret);

/* The versions of TLS a protocol list permits, as the numbers on the wire and in OpenSSL (0x0303: TLSv1.2, 0x0304: TLSv1.3). */
void conf_tls_versions(const struct conf *c, enum conf_id id, int *ret_least, int *ret_most);

/* syslog_facility as the number of RFC 5424 6.2.1. */
int conf_syslog_facility(const struct conf *c);

/* The same as seen by one listener: "submission", "submissions" or "lmtp"; "" and every other name is plain smtp. There submission_NAME stands in
 * place of NAME (an SMTPD parameter: submission_smtpd_tls_auth_only), else the default PER_LISTENER gives it, else NAME. Lives as long as c. */
const struct conf *conf_for(const struct conf *c, const char *listener);

/* For `postrider config` and the manual: */
struct conf_origin {
	const char *name;
	enum conf_type type;
	str text;         /* effective value, expanded */
	str raw;          /* as written, "" when default */
	const char *file; /* NULL: default; "-o": an override of the command line */
	int line;         /* 0: none */
	const char *unit, *initial, *words, *meaning;
	const char *section;
	bool per_listener; /* may be overridden by listener_NAME */
};
/* c NULL: what the table says. initial is the listener's own default where it has one. */
void conf_origin(const struct conf *c, enum conf_id id, struct conf_origin *ret);
enum fault conf_find(str name, enum conf_id *ret); /* NOT_FOUND */
/* Also submission_NAME; *ret_listener is "" or the listener's name, static. */
enum fault conf_find_for(str name, const char **ret_listener, enum conf_id *ret);
str conf_suggest(struct arena *a, str name); /* the nearest known name, or "" */
const char *conf_listener(size_t i);         /* names of the listeners; NULL behind the last */
/* The default that a listener has of its own for id (PER_LISTENER); NULL: none. */
const char *conf_listener_initial(const char *listener, enum conf_id id);
/* What a name means here, before its value is looked at closely. */
enum conf_verdict {
	CONF_KNOWN,     /* a parameter, or listener_parameter */
	CONF_NO_EFFECT, /* Postfix's, with a value that is accepted; *ret_why: why it has no effect */
	CONF_REFUSED,   /* Postfix's, with a value that would have one; *ret_why: why not */
	CONF_OLD_NAME,  /* Postfix's, long ago; *ret_why: what to write today */
	CONF_UNKNOWN    /* of the administrator, or a mistake */
};
enum conf_verdict conf_judge(
	str name, str value, const char **ret_why); /* *ret_why is static; "" when there is nothing to say */
/* What makes a value good, in words: "yes or no", "a number from 1 to 10 (errors)". */
str conf_expected(struct arena *a, enum conf_id id);

/* The lines of main.cf and of -o that count, in their order. */
struct conf_line {
	const char *name;
	enum conf_line_kind {
		CONF_LINE_PARAM,    /* of this server */
		CONF_LINE_LISTENER, /* a parameter for one listener */
		CONF_LINE_OWN,      /* the administrator's own name, for $name in other values */
		CONF_LINE_IGNORED   /* Postfix's, without effect here */
	} kind;
	str raw;
	const char *file;
	int line;
	const char *note; /* IGNORED: why */
};
size_t conf_lines(const struct conf *c);
void conf_line(const struct conf *c, size_t i, struct conf_line *ret);

#endif
