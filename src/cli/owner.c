#include "cli/owner.h"

#include "cli/cli.h"

#include "rt/jail.h"

#include <errno.h>
#include <dirent.h>
#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

int
owner_make_dir(const char *verb, const char *dir, const struct passwd *owner)
{
	struct stat st;

	if (mkdir(dir, 0700) != 0 && errno != EEXIST)
		return cli_fail(EX_CANTCREAT, verb, "cannot make %s: %s", dir, strerror(errno));
	if (owner && stat(dir, &st) == 0 && st.st_uid == 0 && owner->pw_uid != 0 &&
		chown(dir, owner->pw_uid, owner->pw_gid) != 0)
		return cli_fail(
			EX_NOPERM, verb, "cannot give %s to %s: %s", dir, owner->pw_name, strerror(errno));
	return EX_OK;
}

int
owner_find(const char *verb, const struct conf *conf, const struct passwd **ret)
{
	const char *name = conf_path(conf, CONF_mail_owner);

	*ret = NULL;
	if (geteuid() != 0)
		return EX_OK;
	*ret = getpwnam(name);
	if (*ret && (*ret)->pw_uid == 0)
		return cli_fail(
			EX_CONFIG, verb, "mail_owner: `%s' is root; it must be an ordinary user", name);
	if (*ret)
		return EX_OK;
	return cli_fail(EX_CONFIG, verb,
		"mail_owner: no user `%s' here; adduser --system --group --no-create-home %s, or set "
		"mail_owner",
		name, name);
}

int
owner_become(const char *verb, const struct conf *conf, const struct log *log)
{
	const char *name = conf_path(conf, CONF_mail_owner);
	enum fault f = jail_drop_to(name, log);

	return f == OK ? EX_OK : cli_fail(EX_OSERR, verb, "cannot become %s", name);
}

/* ---- giving away ---- */

static bool
give_entry(int at, const char *name, const struct passwd *owner)
{
	struct stat st;

	if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return false;
	if (st.st_uid != 0 || !(S_ISDIR(st.st_mode) || (S_ISREG(st.st_mode) && st.st_nlink == 1)))
		return true; /* nothing that was just made */
	return fchownat(at, name, owner->pw_uid, owner->pw_gid, AT_SYMLINK_NOFOLLOW) == 0;
}

static bool
give_all(int at, const char *name, const struct passwd *owner)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	bool ok = d;

	for (struct dirent *e; ok && (e = readdir(d));) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		ok = e->d_type == DT_DIR ? give_all(fd, e->d_name, owner) : give_entry(fd, e->d_name, owner);
	}
	if (d)
		closedir(d);
	return ok && give_entry(at, name, owner);
}

int
owner_give(const char *verb, const char *dir, const struct passwd *owner)
{
	if (!owner || give_all(AT_FDCWD, dir, owner))
		return EX_OK;
	return cli_fail(EX_NOPERM, verb, "cannot give %s to %s: %s", dir, owner->pw_name, strerror(errno));
}
