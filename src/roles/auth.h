/* roles/auth.h - a SASL exchange between a client and the vault, as smtp and login hold it
 * The grammar is wire/sasl.h's and is done here, where there is no secret; the vault gets fixed fields. */
#ifndef ROLES_AUTH_H
#define ROLES_AUTH_H

#include "roles/role.h"
#include "rt/stream.h"
#include "wire/sasl.h"

struct auth_talk {
	struct loop *loop;
	struct chan *vault;
	str client;       /* peer_client_key */
	unsigned service; /* TALK_SMTP, TALK_POP3 */
	str session;      /* 16 bytes, or empty */
	int64_t due_ms;
	/* How the protocol sends a challenge (raw bytes; base64 is made here) and reads the client's line. Both wait. `line` is borrowed until the next read. */
	const str *names; /* EXTERNAL: the addresses of the client's certificate, which was verified */
	size_t name_count;
	void *ctx;
	enum fault (*send)(void *ctx, str challenge_base64);
	enum fault (*receive)(void *ctx, str *ret_line);
};
struct auth_result {
	uint32_t account;
	str address; /* canonical; in the arena */
	enum sasl_mech mech;
};
/* Runs the whole exchange. Waits. mech by name; initial: has_initial with the base64 argument ("=" is an empty one). The password, if one
 * passed through, is wiped. Faults: BAD_MECHANISM, AUTH_FAILED, AUTH_ABORTED ("*"), BAD_BASE64, AUTH_TOO_LONG, AUTH_UNAVAILABLE, AUTH_THROTTLED, and
 * those of the stream. *ret_user (may be NULL): the name that was tried, for the log; "" when none was learnt. */
enum fault auth_exchange(struct auth_talk *t, struct arena *a, enum sasl_mech mech,
	const struct sasl_binding *binding, bool plus_offered, bool has_initial, str initial_base64,
	str *ret_user, struct auth_result *ret);
/* User and password as POP3's USER and PASS bring them. */
enum fault auth_password(
	struct auth_talk *t, struct arena *a, str user, str password, struct auth_result *ret);

#endif
