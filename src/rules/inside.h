/* rules/inside.h - what the files of rules/ share; not for others
 * compile.c makes the program, eval.c walks it, verbs.c knows what each restriction asks, access.c in which order a table is asked, result.c and
 * policy.c read what tables and policy services answer, hostname.c names of hosts. */
#ifndef RULES_INSIDE_H
#define RULES_INSIDE_H

#include "conf/maps.h"
#include "rules/rules.h"

enum {
	DEPTH = 10,       /* classes in classes, lists that tables answer: a fiber's stack is small */
	MOST_RULES = 4096 /* of all lists */
};

enum verb {
#define VERB(word, name, argument) VERB_##name,
#include "rules/verbs.def"
#undef VERB
	VERB_TABLE, /* type:name without a verb: the access table of the list's own subject */
	VERB_CLASS,
	VERBS
};
enum list { CLIENT, HELO, SENDER, RELAY, RECIPIENT, DATA, END_OF_DATA, LISTS };

struct rule {
	enum verb verb;
	bool warn; /* warn_if_reject stood before it */
	const struct maps *maps;
	const struct rule_list *list; /* CLASS */
	unsigned number;              /* seconds; which policy service */
	str word;                     /* as written; of a table its name */
};
struct rule_list {
	struct rule *rules;
	size_t n;
};

struct class {
	str name;
	struct rule_list list;
	bool busy, done;
};
struct rules {
	struct arena arena;
	const struct conf *conf;
	struct rule_list lists[LISTS];
	struct class *classes;
	size_t class_count;
	struct rules_policy *policies;
	size_t policy_count, policy_room;
	bool delayed, unlisted_sender, parents;
	int reject_code, defer_code, map_reject_code, map_defer_code, relay_code, non_fqdn_code, invalid_code,
		bounce_code, plaintext_code;
	str null_key, delimiter;
	const struct maps *login_maps, *ccerts;
};

/* What a reply is about: "<name>: class rejected". */
struct subject {
	str name;
	const char *class;
};

enum outcome { DUNNO, PERMIT, REFUSE };

/* A walk through one list. */
struct run {
	const struct rules_query *q;
	enum rules_step step;
	enum list at;
	bool warn;             /* refusals are only logged */
	bool sender_was_asked; /* reject_unlisted_sender had its turn */
	unsigned depth;
	struct rules_deferral *if_permit, *if_reject;
	struct rules_reply *reply;
};

/* compile.c: the list that an access table answered; false: not a list that may stand there (reported through note). */
bool compile_answer(const struct run *r, str text, struct rule_list *ret);

/* eval.c */
enum outcome run_list(struct run *r, const struct rule_list *list);
enum outcome run_refuse(struct run *r, int code, str status, struct subject about, str text);
enum outcome run_refuse_bare(struct run *r, int code, str status, str text); /* the whole text */
enum outcome run_fault(struct run *r, enum fault f);                         /* in the fault's words */
enum outcome run_broken(struct run *r, const char *what, str which);         /* our configuration is */
void run_defer(struct rules_deferral *d, int code, str status, str text);
void run_note(const struct run *r, const char *what, str text);
bool run_is_discarded(const struct run *r);
/* What the walk's own list is about. */
struct subject run_subject(const struct run *r);
struct subject subject_client(const struct run *r);
str sender_text(const struct run *r); /* local@domain as written; "" */
str rcpt_text(const struct run *r);

/* verbs.c */
enum outcome verb_run(struct run *r, const struct rule *rule);
enum outcome check_unlisted_sender(struct run *r);
enum outcome check_unlisted_rcpt(struct run *r);

/* access.c: *ret_found: the table had it, whatever it said. */
enum outcome access_client(struct run *r, const struct rule *rule, str name, struct subject about);
enum outcome access_domain(struct run *r, const struct rule *rule, str domain, struct subject about);
enum outcome access_address(
	struct run *r, const struct rule *rule, const struct addr *address, struct subject about);
enum outcome access_key(struct run *r, const struct rule *rule, str key, struct subject about);
/* What a table or a policy service (`from`) answered. */
enum outcome access_result(struct run *r, str from, str value, struct subject about);

#endif
