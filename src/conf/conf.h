/* conf/conf.h - main.cf: what the administrator wants
 * Postfix's syntax and names (postconf(5)); one table of parameters, conf/params.def, gives each its type, default, unit and
 * meaning, and main.cf(5) is generated from it. A loaded configuration never changes: a reload loads another. Loading reads files,
 * so it is done by master and the command line, before any jail. */
#ifndef CONF_CONF_H
#define CONF_CONF_H

#include "base/arena.h"
#include "base/fault.h"

enum conf_type {
	CONF_STRING, CONF_LIST /* by commas or white space, {} groups */, CONF_BOOL /* yes, no */, CONF_INT,
	CONF_SIZE /* bytes; suffixes k m g */, CONF_TIME /* s m h d w; kept in ms */, CONF_ENUM /* words of the table's `words` */
};
enum conf_id {
#define PARAM(name, type, unit, initial, words, meaning) CONF_##name,
#include "conf/params.def"
#undef PARAM
	CONF_IDS
};

struct conf;

/* Reads the file and everything it names. *ret_report gets a line a finding, "file:line: error: ..." or "warning: ..."; with an error the
 * result is BAD_ARGUMENT. NOT_FOUND: no such file. path NULL: defaults only. overrides: "name=value" strings (from -o), may be NULL. */
enum fault conf_load(const char *path, const char *const *overrides, size_t override_count, struct buf *ret_report, struct conf **ret);
void conf_free(struct conf *c);

/* Typed access; the type must be the table's (assert). Borrowed as long as the conf lives. */
str conf_str(const struct conf *c, enum conf_id id);
bool conf_bool(const struct conf *c, enum conf_id id);
int64_t conf_int(const struct conf *c, enum conf_id id); /* INT, SIZE in bytes, TIME in ms, ENUM as index of its word */
const str *conf_list(const struct conf *c, enum conf_id id, size_t *ret_n);
const char *conf_path(const struct conf *c, enum conf_id id); /* a STRING as a C string */

/* The same as seen by one listener: submission_NAME, submissions_NAME, lmtp_NAME override NAME (an smtpd_ parameter: the
 * prefix takes the place of nothing: submission_smtpd_tls_auth_only). listener: "" is plain smtp. */
const struct conf *conf_for(const struct conf *c, const char *listener);

/* For `postrider config`: */
struct conf_origin {
	const char *name;
	enum conf_type type;
	str text;	  /* effective value, expanded */
	str raw;	  /* as written, "" when default */
	const char *file; /* NULL: default */
	int line;
	const char *unit, *initial, *words, *meaning;
};
void conf_origin(const struct conf *c, enum conf_id id, struct conf_origin *ret);
enum fault conf_find(str name, enum conf_id *ret); /* NOT_FOUND */
str conf_suggest(struct arena *a, str name);	      /* the nearest known name, or "" */

#endif
