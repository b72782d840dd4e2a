/* audit/inside.h - what the files of audit/ share; not for others */
#ifndef AUDIT_INSIDE_H
#define AUDIT_INSIDE_H

#include "audit/audit.h"
#include "rt/tls.h"

/* "main.cf:3", "-o", or "default". */
str audit_where(struct arena *a, const struct conf *c, enum conf_id id);

/* The parts of audit_config. */
void audit_networks(struct audit *a, const struct conf *c);
void audit_settings(struct audit *a, const struct conf *c);
void audit_files(struct audit *a, const struct conf *c, const char *path, int64_t now_ms);

/* A certificate's ills, under the names that they have in the configuration or from outside. */
struct audit_certificate_checks {
	enum audit_id expired, expires, of_other, weak;
};
void audit_judge_certificate(struct audit *a, const struct audit_certificate_checks *as, str where,
	const struct tls_cert_facts *f, str name, int64_t now_ms);

/* Does a greeting tell a version, such as "3.7.11" behind the name? *ret_word borrows. */
bool audit_tells_version(str banner, str *ret_word);

/* Which stranger gets through the restriction lists of this listener with a recipient elsewhere? In words; NULL: none. */
const char *audit_lists_open(const struct conf *c);
void audit_lists(struct audit *a, const struct conf *c);

/* Do n times of one thing and n of another differ, beyond chance and beyond what a network hides? In us; both are sorted. */
bool audit_times_differ(int64_t *x, int64_t *y, size_t n);

/* Of addresses that anybody on the internet can have, which part does this list of networks hold? In 1/1000; tables and !items count as they
 * act. The worse of IPv4 and IPv6. */
unsigned audit_share_of_world(const struct conf *c, enum conf_id id);

#endif
