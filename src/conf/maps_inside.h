/* conf/maps_inside.h - what the files of maps share; not for others
 * A spec becomes a struct lookup (maps_spec.c) in the registry of a configuration (maps_registry.c); a text becomes content: an image of keys and
 * values (maps_text.c, maps_image.c), or rules (maps_rules.c, maps_cidr.c), both read by logical lines (maps_lines.c). maps.c asks. */
#ifndef CONF_MAPS_INSIDE_H
#define CONF_MAPS_INSIDE_H

#include "conf/inside.h"
#include "conf/maps.h"
#include "conf/maps_image.h"
#include "conf/maps_lines.h"

enum {
	MAPS_FILE_BYTES = 256 << 20, /* one file of keys and values */
	MAPS_RULE_BYTES = 16 << 20,  /* one file of patterns or networks */
	MAPS_MOST = 1000,            /* tables of one configuration */
	MAPS_DEPTH = 5               /* unionmap: in pipemap: in ... */
};

/* maps_text.c: keys and values of a text, in order. Findings are reported with the file's lines. */
enum maps_syntax { MAPS_SYNTAX_KEYS, MAPS_SYNTAX_ALIASES };
struct maps_entry {
	str key; /* folded; borrowed until the next one, as value */
	str value;
	int line;
};
void maps_text_read(struct maps_lines *lines, enum maps_syntax syntax, struct report *report,
	void (*fn)(void *ctx, const struct maps_entry *e), void *ctx);
/* A key as tables keep it, without case; in the arena where it differs. */
str maps_fold(struct arena *a, str key);

/* maps_rules.c: pcre: and regexp:. NULL: findings were reported. */
struct maps_rules;
struct maps_rules *maps_rules_new(struct maps_lines *lines, bool posix, struct report *report);
void maps_rules_free(struct maps_rules *rules);
size_t maps_rules_count(const struct maps_rules *rules);
enum fault maps_rules_find(const struct maps_rules *rules, struct arena *a, str key, str *ret);
/* maps_posix.c: a POSIX regular expression, as glibc understands it, in PCRE2's words. lines: `.` and [^x] stop at line ends. Gives NULL, or what
 * is wrong with it. */
const char *maps_posix_convert(str pattern, bool extended, bool lines, struct buf *ret);

/* maps_cidr.c: cidr:. NULL: findings were reported. */
struct maps_cidr;
struct maps_cidr *maps_cidr_new(struct maps_lines *lines, struct report *report);
void maps_cidr_free(struct maps_cidr *cidr);
size_t maps_cidr_count(const struct maps_cidr *cidr);
enum fault maps_cidr_find(const struct maps_cidr *cidr, struct arena *a, str key, str *ret);

enum lookup_type {
	LOOKUP_INDEX, /* hash: ... texthash:, inline: */
	LOOKUP_PCRE,
	LOOKUP_REGEXP,
	LOOKUP_CIDR,
	LOOKUP_STATIC,
	LOOKUP_UNION,
	LOOKUP_PIPE,
	LOOKUP_RANDOM,
	LOOKUP_FAIL
};

/* What a text was made into; one of the three. */
struct content {
	struct maps_image image;
	void *bytes;   /* the image's */
	size_t mapped; /* how many; 0: they are the heap's */
	struct maps_rules *rules;
	struct maps_cidr *cidr;
	size_t entries;
};

/* One table. */
struct lookup {
	bool raw; /* by itself: what its aliases lead to is not judged, and nothing is included */
	enum lookup_type type;
	enum maps_syntax syntax;
	const char *spec;
	const char *path;        /* NULL: no file */
	str text;                /* between the braces of main.cf, or of static: and fail: the words */
	bool parts;              /* answers parts of a query */
	struct place at;         /* where main.cf names it first */
	struct lookup **members; /* of a union or pipe */
	str *items;              /* randmap: */
	size_t n;
	struct content *content; /* NULL: not loaded */
	struct maps *alone;      /* the list of this table only */
	uint64_t turn;           /* randmap:, mixed at each answer */
};
struct maps {
	struct lookup **lookups;
	size_t n;
};

/* All tables of a configuration. */
struct registry {
	bool raw; /* see struct lookup */
	struct arena *a;
	str folder;           /* of main.cf; paths are whole or begin with it; empty: any are good */
	struct table by_spec; /* syntax and spec -> struct lookup */
	struct lookup **all;
	size_t n;
};

/* maps_spec.c */
bool maps_is_spec(str item); /* does it begin with a table's type and a colon? */
/* The table of a spec, made or found in the registry. NULL: reported; `who` is the parameter. */
struct lookup *maps_declare(struct registry *reg, struct report *report, struct place at, const char *who,
	enum maps_syntax syntax, str spec, int depth);
struct maps *maps_of_list(struct arena *a, struct lookup **lookups, size_t n);
void maps_split_pair(str item, str *ret_key, str *ret_value); /* key=value */

/* maps_aliases.c: the right side of an alias, with the addresses of :include: files in their place. False: reported. may_read: the table is a
 * file itself. *ret is value, or lives in the arena. */
bool maps_alias_value(
	struct arena *a, str value, struct place at, bool may_read, struct report *report, str *ret);

/* maps_registry.c */
/* The whole of a file that has at most so many bytes; NULL, or why it cannot be had. */
const char *maps_read_file(const char *path, size_t most, struct buf *ret);
struct registry *registry_new(struct arena *a, str folder);
void registry_done(struct registry *reg); /* contents; the rest is the arena's */
/* Also makes the content of what stands in main.cf itself. False: reported. */
bool registry_add(struct registry *reg, struct report *report, str key, struct lookup *l);
bool registry_load(
	struct registry *reg, struct report *report); /* reads all files; false: something was reported */
struct lookup *registry_find(const struct registry *reg, enum maps_syntax syntax, str spec); /* NULL */

/* maps_content.c: what is made of a text. NULL: reported. ret_fd: NULL, or for a sealed memfd with what content_take understands. */
struct content *content_of_file(const struct lookup *l, str text, struct report *report, int *ret_fd);
struct content *content_of_braces(const struct lookup *l, struct report *report);
struct content *content_take(
	const struct lookup *l, int fd); /* NULL: it is not what it should be; fd stays the caller's */
void content_free(struct content *c);

/* maps.c */
enum fault lookup_find(struct lookup *l, struct arena *a, str key, bool whole, str *ret);
extern const struct maps maps_none;

#endif
