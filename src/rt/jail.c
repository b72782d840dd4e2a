#include "rt/jail.h"

#include "rt/jail_own.h"

#include <openssl/crypto.h>

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/resource.h>

enum fault
jail_failed(const struct log *log, const char *step, const char *detail, int error)
{
	const char *why = strerrordesc_np(error);

	log_error(log, "jail-failed", kv_c("step", step), kv_c("detail", detail),
		kv_c("error", why ? why : "unknown"));
	return INTERNAL;
}

/* Libraries that read their settings when first used do so now. */
static enum fault
warm_up(const struct log *log)
{
	if (OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG | OPENSSL_INIT_LOAD_CRYPTO_STRINGS, NULL) != 1)
		return jail_failed(log, "openssl", "", EINVAL);
	return OK;
}

/* No new rights by exec; no memory in core files or before a debugger's eyes. */
static enum fault
keep_secrets(const struct log *log)
{
	static const struct rlimit none = { 0, 0 };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return jail_failed(log, "no-new-privs", "", errno);
	/* The sanitizers' runtime traces its process when it ends, to find leaks. */
	if (prctl(PR_SET_DUMPABLE, JAIL_SANITIZED, 0, 0, 0) != 0)
		return jail_failed(log, "dumpable", "", errno);
	if (!JAIL_SANITIZED && setrlimit(RLIMIT_CORE, &none) != 0)
		return jail_failed(log, "core-limit", "", errno);
	return OK;
}

enum fault
jail_close(const struct jail *j, const struct log *log)
{
	int abi = jail_landlock_abi();

	if (abi == 0)
		log_warn(log, "jail-without-landlock",
			kv_c("hint", "this kernel cannot restrict files; system calls are restricted"));
	TRY(warm_up(log));
	TRY(keep_secrets(log));
	TRY(jail_landlock(j, abi, log));
	return jail_seccomp(j, log);
}

static bool
is_for_good(uid_t uid, gid_t gid)
{
	uid_t r, e, s;
	gid_t rg, eg, sg;

	return getresuid(&r, &e, &s) == 0 && r == uid && e == uid && s == uid &&
	       getresgid(&rg, &eg, &sg) == 0 && rg == gid && eg == gid && sg == gid &&
	       getgroups(0, NULL) == 0 && setuid(0) != 0 && seteuid(0) != 0 && setresuid(0, 0, 0) != 0 &&
	       (gid == 0 || setgid(0) != 0);
}

enum fault
jail_drop_to(const char *user, const struct log *log)
{
	const struct passwd *p;
	uid_t uid;
	gid_t gid;

	if (geteuid() != 0)
		return OK;
	errno = 0;
	p = getpwnam(user);
	if (!p) {
		log_error(log, "no-such-user", kv_c("user", user));
		return NOT_FOUND;
	}
	uid = p->pw_uid;
	gid = p->pw_gid;
	if (uid == 0) {
		log_error(log, "user-is-root", kv_c("user", user),
			kv_c("hint", "mail_owner must be an ordinary user"));
		return NOT_PERMITTED;
	}
	if (setgroups(0, NULL) != 0)
		return jail_failed(log, "setgroups", user, errno);
	if (setresgid(gid, gid, gid) != 0)
		return jail_failed(log, "setresgid", user, errno);
	if (setresuid(uid, uid, uid) != 0)
		return jail_failed(log, "setresuid", user, errno);
	if (!is_for_good(uid, gid))
		return jail_failed(log, "drop-to-user", user, EPERM);
	return OK;
}
