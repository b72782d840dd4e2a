/* conf/inside.h - what the files of conf/ share; not for others
 * Loading goes: lines.c cuts the text into lines, load.c says what each line is, expand.c puts values in place of $names, check.c
 * judges each value and keeps what it means. */
#ifndef CONF_INSIDE_H
#define CONF_INSIDE_H

#include "base/table.h"
#include "conf/conf.h"

enum {
	FILE_BYTES = 1 << 20,    /* main.cf and each file that it names */
	VALUE_BYTES = 65536,     /* one value, as written (TEXT_LINE_BYTES) and expanded */
	NAME_BYTES = 100,        /* one name */
	MOST_LINES = 10000,      /* assignments */
	MOST_FINDINGS = 200,     /* what is said about one load */
	MOST_ITEMS = 262144,     /* of one list, files included */
	FILE_DEPTH = 5,          /* files named by files */
	EXPAND_DEPTH = 50,       /* $names within $names */
	EXPAND_BYTES = 16 << 20, /* all expansions of one load */
	VIEWS = 4                /* plain smtp, and the listeners */
};

/* Where something was written. */
struct place {
	const char *file; /* NULL: a default */
	int line;         /* 0: none */
};
struct report {
	struct buf *to;
	unsigned errors, findings;
};
void report_error(struct report *r, struct place at, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void report_warning(struct report *r, struct place at, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* One assignment. */
struct line {
	str name, value;
	struct place at;
	enum conf_line_kind kind;
	const char *note;
	bool mentioned; /* some value refers to it */
	bool replaced;  /* a later line of the same name counts */
};

struct net {
	bool no; /* !network */
	unsigned char bytes, bits;
	unsigned char ip[16];
};
struct registry;
struct lookup;
/* A table among the items of a list. */
struct list_table {
	size_t at; /* which item */
	bool no;   /* !type:name */
	struct lookup *lookup;
};
/* An effective value. */
struct value {
	str raw, text;
	struct place at;
	int64_t number;
	str *items; /* LIST */
	size_t n;
	struct net *nets; /* as many as items: networks */
	str *where;       /* listen */
	size_t where_n;
	struct table *set; /* domains: lower case -> the item */
	bool subdomains;   /* domains: some items mean the subdomains of a name: */
	bool parents; /* each name (parent_domain_matches_subdomains); else those that begin with a dot */
	struct list_table *tables; /* domains, networks: those among the items, in order */
	size_t table_n;
	struct maps *maps; /* maps, aliases */
};
/* A list that smtpd_restriction_classes names. */
struct own_list {
	str name;
	str *items;
	size_t n;
	struct place at;
};
struct conf {
	struct arena arena;        /* the plain view's owns all */
	const struct conf **views; /* VIEWS; [0] is the plain one */
	const char *listener;
	struct value values[CONF_IDS];
	struct line *lines; /* those that count */
	size_t line_count;
	struct registry *tables; /* one for all views */
	struct own_list *classes;
	size_t class_count;
};

struct loader {
	struct arena *a;
	const struct conf_source *source;
	struct report report;
	struct line *lines;
	size_t line_count, room;
	struct table by_name;     /* name -> struct line */
	struct table memo[VIEWS]; /* name -> struct memo: expansions */
	size_t expanded;          /* bytes */
	str folder;               /* of main.cf */
	struct registry *tables;
};

/* lines.c: appends the assignments of a text; those of the command line. Findings are reported. */
void lines_read(struct loader *l, str text, const char *file);
void lines_add_override(struct loader *l, const char *text);
/* What may hold an unprintable byte, quoted for a finding; cut when long. */
str show(struct arena *a, str s);

/* expand.c: `text` with values in place of $names, as `view` sees them. False: reported. */
bool expand_text(struct loader *l, size_t view, struct place at, str text, str *ret);
/* The value of a name. false: unknown or bad (then reported). */
bool expand_name(struct loader *l, size_t view, struct place at, str name, str *ret_text);
/* Who gives `id` its value in this view, and what it is before expansion. */
void raw_of(struct loader *l, size_t view, enum conf_id id, str *ret_raw, struct place *ret_at);
/* Calls fn for each name that text refers to. */
void each_mention(str text, void (*fn)(void *ctx, str name), void *ctx);

/* check.c: judges v->text and fills in what it means. False: reported. */
bool check_value(struct loader *l, enum conf_id id, struct value *v);
/* Declares the tables in a list of restrictions. False: reported. */
bool check_restrictions(struct loader *l, str who, str text, struct place at);
/* Ports without address meet inet_interfaces and inet_protocols. */
void check_listen_where(struct arena *a, struct conf *c, enum conf_id id);

/* classes.c: what the classes mean in this view, which has its values. Findings are reported. */
void classes_fill(struct loader *l, size_t view, struct conf *c);

/* names.c */
struct param {
	const char *name, *unit, *initial, *words, *meaning, *section;
	enum conf_type type;
	bool per_listener;
};
const struct param *param_of(enum conf_id id);
const char *const *view_names(void); /* VIEWS; [0] is "" */
/* The default that a listener has of its own; NULL: none. */
const char *listener_initial(size_t view, enum conf_id id);
size_t view_of(const char *listener);
struct foreign {
	const char *name, *accepted, *initial;
	const char *why; /* NULL: its family's reason */
};
const struct foreign *foreign_of(str name); /* NULL: not Postfix's, or not known to us */
const char *family_why(str name);           /* by how it begins; NULL */
const char *suffix_why(str name);  /* by how it ends: a setting for one transport of master.cf; NULL */
const char *modern_name(str name); /* of an old name; NULL: it is none */

/* value.c: numbers and words. */
bool value_number(enum conf_type type, const char *unit, str s, int64_t *ret);
void value_range(const struct param *p, int64_t *ret_low, int64_t *ret_high);
bool value_word(const char *words, str s, int64_t *ret_index);
/* The next item of a list; a group loses its braces. False: none left, or *ret_broken when braces do not match. */
bool list_take(str *s, str *ret_item, bool *ret_broken);

/* net.c */
bool net_parse(str s, struct net *ret, bool *ret_host_bits); /* "!10.0.0.0/8", "[::1]/128", "192.0.2.1" */
bool net_has(const struct net *net, const unsigned char *ip, size_t bytes);
bool ip_parse(str s, unsigned char ret[16], size_t *ret_bytes); /* no brackets, no zone */
/* "25", "*:25", "192.0.2.1:25", "[::1]:25": *ret_host is "" for a bare port. */
bool listen_parse(str s, str *ret_host, str *ret_port);
/* The versions that the items permit, among those that are spoken; false: a word is not understood, or nothing remains. */
bool tls_versions_parse(const str *items, size_t n, int *ret_least, int *ret_most);

#endif
