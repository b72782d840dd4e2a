/* audit/files.c - certificates, keys, and who may read and write what */
#include "audit/inside.h"

#include "base/mem.h"
#include "rt/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_FILE = 1 << 20, DAY_MS = 86400000, SOON_DAYS = 14 };

/* ---- rights ---- */

/* May somebody write it who is neither root nor mail_owner? */
static bool
others_write(const struct stat *st, uid_t owner)
{
	return (st->st_mode & S_IWOTH) || ((st->st_mode & S_IWGRP) && st->st_gid != 0) ||
	       (st->st_uid != 0 && st->st_uid != owner && st->st_uid != geteuid());
}

static void
check_written(struct audit *a, const char *path, uid_t owner, const char *named_by)
{
	struct arena *ar = &a->arena;
	struct stat st;

	if (stat(path, &st) != 0)
		return;
	audit_ran(a, AUDIT_CONFIG_WRITABLE);
	if (others_write(&st, owner))
		audit_find(a, AUDIT_CONFIG_WRITABLE, str_c(path), "mode %03o, uid %u%s%s", st.st_mode & 0777,
			(unsigned)st.st_uid, named_by[0] ? "; named by " : "", named_by);
	else if (st.st_nlink > 0 && S_ISREG(st.st_mode)) {
		str dir = arena_str(ar, str_c(path));
		size_t slash = str_rfind(dir, '/');
		const char *folder = slash < dir.n ? arena_cstr(ar, str_sub(dir, 0, MAX(slash, 1))) : ".";

		if (stat(folder, &st) == 0 && others_write(&st, owner) && !(st.st_mode & S_ISVTX))
			audit_find(a, AUDIT_CONFIG_WRITABLE, str_c(folder),
				"mode %03o, uid %u: whoever may write the folder may replace %s",
				st.st_mode & 0777, (unsigned)st.st_uid, path);
	}
}

/* Files that values name: "hash:/etc/postrider/x" and "/etc/postrider/domains". */
static void
check_tables(struct audit *a, const struct conf *c, uid_t owner)
{
	for (int id = 0; id < CONF_IDS; id++) {
		struct conf_origin o;
		str rest, item;

		conf_origin(c, (enum conf_id)id, &o);
		if (!o.file || o.type != CONF_LIST || strcmp(o.words, "files") == 0)
			continue;
		rest = o.text;
		while (rest.n) {
			size_t n = 0, at;

			while (n < rest.n && !ascii_space(rest.p[n]) && rest.p[n] != ',' &&
				rest.p[n] != '{' && rest.p[n] != '}')
				n++;
			item = str_sub(rest, 0, n);
			rest = str_from(rest, n + 1);
			at = str_find(item, '/');
			if (at < item.n && (at == 0 || item.p[at - 1] == ':') && item.n - at < 4096)
				check_written(a, arena_cstr(&a->arena, str_from(item, at)), owner, o.name);
		}
	}
}

static void
check_state(struct audit *a, const struct conf *c)
{
	const char *path = conf_path(c, CONF_state_directory);
	struct stat st;

	if (stat(path, &st) != 0) {
		audit_idle(a, AUDIT_STATE_OPEN, "state_directory is not there yet");
		return;
	}
	audit_ran(a, AUDIT_STATE_OPEN);
	if (st.st_mode & 077)
		audit_find(a, AUDIT_STATE_OPEN, str_c(path), "mode %03o", st.st_mode & 0777);
}

static void
check_log(struct audit *a, const struct conf *c)
{
	const char *path = conf_path(c, CONF_maillog_file);
	struct stat st;

	if (path[0] != '/' || stat(path, &st) != 0) {
		audit_idle(a, AUDIT_LOG_READABLE, "there is no log file");
		return;
	}
	audit_ran(a, AUDIT_LOG_READABLE);
	if (st.st_mode & 07)
		audit_find(a, AUDIT_LOG_READABLE, str_c(path), "mode %03o", st.st_mode & 0777);
}

/* ---- certificates ---- */

static bool
read_file(const char *path, struct buf *ret)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	ssize_t n = -1;

	if (fd < 0)
		return false;
	if (buf_reserve(ret, MOST_FILE)) {
		do {
			n = read(fd, ret->p + ret->n, MOST_FILE - ret->n);
			if (n > 0)
				buf_used(ret, (size_t)n);
		} while ((n > 0 && ret->n < MOST_FILE) || (n < 0 && errno == EINTR));
	}
	(void)close(fd);
	return n == 0;
}

void
audit_judge_certificate(struct audit *a, const struct audit_certificate_checks *as, str where,
	const struct tls_cert_facts *f, str name, int64_t now_ms)
{
	audit_ran(a, as->expired);
	audit_ran(a, as->expires);
	audit_ran(a, as->of_other);
	audit_ran(a, as->weak);
	if (now_ms < f->from_ms)
		audit_find(a, as->expired, where, "it is valid in %lld days",
			(long long)((f->from_ms - now_ms) / DAY_MS + 1));
	else if (now_ms >= f->until_ms)
		audit_find(a, as->expired, where, "it expired %lld days ago",
			(long long)((now_ms - f->until_ms) / DAY_MS));
	else if (f->until_ms - now_ms < (int64_t)SOON_DAYS * DAY_MS)
		audit_find(a, as->expires, where, "%lld days are left",
			(long long)((f->until_ms - now_ms) / DAY_MS));
	if (!f->fits)
		audit_find(a, as->of_other, where, "it is for %.*s, not for %.*s",
			STR_ARG(f->names.n ? f->names : S("nobody")), STR_ARG(name));
	if (f->weak)
		audit_find(a, as->weak, where, "%s of %d bits, or its signature is weak", f->key_type,
			f->key_bits);
}

static const struct audit_certificate_checks own_checks = { AUDIT_CERTIFICATE_EXPIRED,
	AUDIT_CERTIFICATE_EXPIRES, AUDIT_CERTIFICATE_OF_OTHER, AUDIT_CERTIFICATE_WEAK };

static void
check_certificate(struct audit *a, const struct conf *c, const char *path, int64_t now_ms)
{
	struct buf pem = { 0 }, why = { 0 };
	struct tls_cert_facts facts;
	str name = conf_str(c, CONF_myhostname);

	audit_ran(a, AUDIT_CERTIFICATE_MISSING);
	if (!read_file(path, &pem)) {
		audit_find(a, AUDIT_CERTIFICATE_MISSING, str_c(path), "%s", strerror(errno));
	} else if (tls_cert_facts(&a->arena, buf_str(&pem), name, &why, &facts) != OK) {
		audit_find(a, AUDIT_CERTIFICATE_MISSING, str_c(path), "%.*s", STR_ARG(buf_str(&why)));
	} else {
		audit_judge_certificate(a, &own_checks, str_c(path), &facts, name, now_ms);
		audit_ran(a, AUDIT_CERTIFICATE_SELF_SIGNED);
		if (facts.self_signed)
			audit_find(a, AUDIT_CERTIFICATE_SELF_SIGNED, str_c(path), "it is for %.*s",
				STR_ARG(facts.names));
	}
	if (pem.p)
		mem_wipe(pem.p, pem.n); /* the key may be in the same file */
	buf_done(&pem);
	buf_done(&why);
}

static void
check_key(struct audit *a, const char *path, uid_t owner)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return;
	audit_ran(a, AUDIT_KEY_READABLE);
	/* A group of certificates' readers is somebody's decision; the world is not. */
	if (st.st_mode & 07)
		audit_find(a, AUDIT_KEY_READABLE, str_c(path), "mode %03o", st.st_mode & 0777);
	else if (st.st_uid != 0 && st.st_uid != owner && st.st_uid != geteuid())
		audit_find(a, AUDIT_KEY_READABLE, str_c(path), "it belongs to uid %u", (unsigned)st.st_uid);
}

static void
check_tls(struct audit *a, const struct conf *c, uid_t owner, int64_t now_ms)
{
	struct arena *ar = &a->arena;
	str dir = conf_str(c, CONF_state_directory);
	size_t n = 0;
	const str *files = conf_list(c, CONF_smtpd_tls_chain_files, &n);
	const char *own = arena_cstr(ar, arena_printf(ar, "%.*s/tls/cert.pem", STR_ARG(dir)));

	for (size_t i = 0; i < n; i++) {
		check_certificate(a, c, arena_cstr(ar, files[i]), now_ms);
		check_key(a, arena_cstr(ar, files[i]), owner);
	}
	if (n > 0)
		return;
	if (conf_str(c, CONF_smtpd_tls_cert_file).n) {
		check_certificate(a, c, conf_path(c, CONF_smtpd_tls_cert_file), now_ms);
		check_key(a, conf_path(c, CONF_smtpd_tls_key_file), owner);
	} else if (access(own, F_OK) == 0) {
		check_certificate(a, c, own, now_ms);
		check_key(a, arena_cstr(ar, arena_printf(ar, "%.*s/tls/key.pem", STR_ARG(dir))), owner);
	} else {
		static const enum audit_id all[] = { AUDIT_CERTIFICATE_MISSING, AUDIT_CERTIFICATE_EXPIRED,
			AUDIT_CERTIFICATE_EXPIRES, AUDIT_CERTIFICATE_OF_OTHER, AUDIT_CERTIFICATE_SELF_SIGNED,
			AUDIT_CERTIFICATE_WEAK, AUDIT_KEY_READABLE };
		for (size_t i = 0; i < COUNT(all); i++)
			audit_idle(a, all[i], "there is no certificate yet");
	}
}

void
audit_files(struct audit *a, const struct conf *c, const char *path, int64_t now_ms)
{
	const struct passwd *pw = getpwnam(conf_path(c, CONF_mail_owner));
	uid_t owner = pw ? pw->pw_uid : geteuid();

	if (path)
		check_written(a, path, owner, "");
	check_tables(a, c, owner);
	check_state(a, c);
	check_log(a, c);
	check_tls(a, c, owner, now_ms);
	check_key(a,
		arena_cstr(&a->arena,
			arena_printf(&a->arena, "%s/vault/seal.key", conf_path(c, CONF_state_directory))),
		owner);
}

void
audit_config(struct audit *a, const struct conf *c, const char *path, int64_t now_ms)
{
	audit_networks(a, c);
	audit_lists(a, c);
	audit_settings(a, c);
	audit_files(a, c, path, now_ms);
}

str
audit_where(struct arena *a, const struct conf *c, enum conf_id id)
{
	struct conf_origin o;

	conf_origin(c, id, &o);
	if (!o.file)
		return S("default");
	return o.line ? arena_printf(a, "%s:%d", o.file, o.line) : str_c(o.file);
}
