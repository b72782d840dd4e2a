/* roles/master/first_start.c - what a server needs before its first message: directories, the sealing key, a certificate
 * Done in a child process, so that no key is ever in the memory that all roles inherit. */
#include "roles/master/master.h"

#include "base/mem.h"
#include "people/secret.h"
#include "rt/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

enum { SELF_SIGNED_DAYS = 825 };

static enum fault
complain(struct master *m, const char *what, const char *path)
{
	log_error(&m->log, what, kv_c("path", path),
		kv_c("why", strerrorname_np(errno) ? strerrorname_np(errno) : "?"));
	return INTERNAL;
}

static enum fault
make_dir(struct master *m, const char *path)
{
	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		return complain(m, "cannot-make-directory", path);
	return OK;
}

static enum fault
write_file(struct master *m, const char *path, str bytes, mode_t mode)
{
	char temporary[512];
	int fd;
	bool ok;

	snprintf(temporary, sizeof(temporary), "%s.new", path);
	(void)unlink(temporary);
	fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd < 0)
		return complain(m, "cannot-write", temporary);
	ok = write(fd, bytes.p, bytes.n) == (ssize_t)bytes.n && fsync(fd) == 0;
	ok = close(fd) == 0 && ok && rename(temporary, path) == 0;
	return ok ? OK : complain(m, "cannot-write", path);
}

static enum fault
make_certificate(struct master *m, const char *dir)
{
	struct buf cert = { 0 }, key = { 0 };
	char cert_path[400], key_path[400];
	enum fault f;

	snprintf(cert_path, sizeof(cert_path), "%s/cert.pem", dir);
	snprintf(key_path, sizeof(key_path), "%s/key.pem", dir);
	if (access(cert_path, F_OK) == 0 && access(key_path, F_OK) == 0)
		return OK;
	f = tls_self_signed(
		conf_str(m->conf, CONF_myhostname), SELF_SIGNED_DAYS, m->sink.now_ms(), &cert, &key);
	if (f == OK)
		f = write_file(m, key_path, buf_str(&key), 0600);
	if (f == OK)
		f = write_file(m, cert_path, buf_str(&cert), 0644);
	if (f == OK)
		log_warn(&m->log, "self-signed-certificate", kv_c("path", cert_path),
			kv_str("name", conf_str(m->conf, CONF_myhostname)),
			kv_c("hint", "set smtpd_tls_chain_files to a certificate that clients trust"));
	if (key.p)
		mem_wipe(key.p, key.n);
	buf_done(&key);
	buf_done(&cert);
	return f;
}

static bool
certificate_configured(const struct master *m)
{
	size_t n = 0;

	(void)conf_list(m->conf, CONF_smtpd_tls_chain_files, &n);
	return n > 0 || conf_str(m->conf, CONF_smtpd_tls_cert_file).n > 0;
}

static enum fault
in_child(struct master *m)
{
	char path[300];
	struct seal_key key;
	enum fault f;

	TRY(jail_drop_to(conf_path(m->conf, CONF_mail_owner), &m->log));
	snprintf(path, sizeof(path), "%s/vault", m->state_dir);
	TRY(make_dir(m, path));
	snprintf(path, sizeof(path), "%s/vault/seal.key", m->state_dir);
	f = seal_key_load(path, true, &key);
	mem_wipe(&key, sizeof(key));
	if (f != OK) {
		errno = f == NOT_PERMITTED ? EACCES : EIO;
		return complain(m, "cannot-read-sealing-key", path);
	}
	if (!certificate_configured(m)) {
		snprintf(path, sizeof(path), "%s/tls", m->state_dir);
		TRY(make_dir(m, path));
		TRY(make_certificate(m, path));
	}
	return OK;
}

/* The state directory itself, as root if need be, given to mail_owner. */
static enum fault
make_state_dir(struct master *m)
{
	struct stat st;

	TRY(make_dir(m, m->state_dir));
	if (geteuid() == 0) {
		struct passwd *pw = getpwnam(conf_path(m->conf, CONF_mail_owner));

		if (!pw) {
			log_error(&m->log, "no-such-user",
				kv_str("mail_owner", conf_str(m->conf, CONF_mail_owner)),
				kv_c("hint", "adduser --system --group --no-create-home postrider, or set "
					     "mail_owner"));
			return NOT_FOUND;
		}
		if (stat(m->state_dir, &st) == 0 && st.st_uid == 0 &&
			chown(m->state_dir, pw->pw_uid, pw->pw_gid) != 0)
			return complain(m, "cannot-give-away", m->state_dir);
	}
	return OK;
}

enum fault
first_start(struct master *m)
{
	int status = 0;
	pid_t pid;

	TRY(make_state_dir(m));
	log_flush(&m->sink);
	pid = fork();
	if (pid == 0) {
		enum fault f = in_child(m);
		log_flush(&m->sink);
		_exit(f == OK ? EX_OK : EX_CONFIG);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (pid < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != EX_OK)
		return INTERNAL;
	return OK;
}
