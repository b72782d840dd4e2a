/* cli/migrate.h - postrider config import: from Postfix's main.cf and master.cf to a main.cf of ours
 * Each line of main.cf becomes a setting (migrate.c), rules change what has another name or another meaning here (migrate_main.c), services of
 * master.cf become listeners with their own settings (migrate_master.c). What comes out is loaded as main.cf would be; what the
 * loader refuses is left out as a comment with its words, so the import never disagrees with `config check`. */
#ifndef CLI_MIGRATE_H
#define CLI_MIGRATE_H

#include "conf/conf.h"
#include "conf/master_cf.h"

enum found {
	FOUND_SUPPORTED,   /* as it is */
	FOUND_TRANSLATED,  /* something else says the same, or the thing is here already */
	FOUND_IGNORED,     /* it has no effect here */
	FOUND_UNSUPPORTED, /* it would have one */
	FOUND_DANGEROUS,
	FOUND_KINDS
};
struct setting {
	str name, value;
	str before, raw; /* the lines as they stood, comments first; "" of what is made here */
	const char *file;
	int line; /* where it comes from; 0: from the file as a whole */
	enum found found;
	str why;      /* "" when there is nothing to add */
	str subject;  /* what the report calls it */
	bool out;     /* stands in the new file as a setting, not as a comment */
	bool made;    /* by us */
	bool silent;  /* the report says it elsewhere */
	bool changed; /* the value is no longer what stood there */
};
struct service {
	struct master_service is;
	const char *file;
	int line;
	str subject; /* "submission inet smtpd" */
};
struct migration {
	struct arena arena;
	struct setting *settings;
	size_t n, room;
	struct service *services;
	size_t service_count, service_room;
	const char *main_file, *master_file; /* NULL: not given */
	const char *path;                    /* what the new one is loaded as */
	str rest;                            /* the comments at the end of main.cf */
};

/* The setting that counts under this name; NULL. Valid until the next one is added. */
struct setting *migrate_find(struct migration *m, str name);
/* Adds a setting of ours, with where it comes from. */
struct setting *migrate_make(struct migration *m, const char *file, int line, str name, str value);
/* Adds something that is only said. */
struct setting *migrate_say(
	struct migration *m, const char *file, int line, str subject, enum found found, str why);
/* Is the name, as a word of its own, in some value that counts? `but` (may be NULL) is not looked at. */
bool migrate_mentions(const struct migration *m, str name, const struct setting *but);
bool migrate_has_word(str text, str word);

/* migrate_main.c */
void migrate_settings(struct migration *m);
/* What an audit finds dangerous about what came out; `path` is what it was loaded as. */
void migrate_dangers(struct migration *m, const struct conf *conf, const char *path);
/* Leaves out what would make an open relay, with which the server would not start. False: there is no such setting. */
bool migrate_leave_out_relay(struct migration *m, const struct conf *conf, const char *path);
/* migrate_lists.c: the finding is "NAME: WORD is not supported: ...", and the setting a list: goes on without WORD. */
bool migrate_drop_word(struct migration *m, struct setting *s, str why);
/* migrate_master.c */
void migrate_services(struct migration *m);

/* The verb. argv[0] is "import". */
int config_import(int argc, char **argv);

#endif
