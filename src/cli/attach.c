#include "cli/attach.h"

#include "base/mem.h"
#include "mail/charset.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_TYPES = 4 << 20 /* of /etc/mime.types */ };

/* What people attach; the rest is for /etc/mime.types. */
static const struct {
	str extension, type;
} types[] = {
	{ SC("txt"), SC("text/plain") },
	{ SC("log"), SC("text/plain") },
	{ SC("diff"), SC("text/x-diff") },
	{ SC("patch"), SC("text/x-diff") },
	{ SC("md"), SC("text/markdown") },
	{ SC("csv"), SC("text/csv") },
	{ SC("html"), SC("text/html") },
	{ SC("htm"), SC("text/html") },
	{ SC("css"), SC("text/css") },
	{ SC("ics"), SC("text/calendar") },
	{ SC("vcf"), SC("text/vcard") },
	{ SC("c"), SC("text/x-csrc") },
	{ SC("h"), SC("text/x-chdr") },
	{ SC("py"), SC("text/x-python") },
	{ SC("json"), SC("application/json") },
	{ SC("xml"), SC("application/xml") },
	{ SC("pdf"), SC("application/pdf") },
	{ SC("rtf"), SC("application/rtf") },
	{ SC("zip"), SC("application/zip") },
	{ SC("gz"), SC("application/gzip") },
	{ SC("tgz"), SC("application/gzip") },
	{ SC("xz"), SC("application/x-xz") },
	{ SC("bz2"), SC("application/x-bzip2") },
	{ SC("zst"), SC("application/zstd") },
	{ SC("7z"), SC("application/x-7z-compressed") },
	{ SC("tar"), SC("application/x-tar") },
	{ SC("doc"), SC("application/msword") },
	{ SC("docx"), SC("application/vnd.openxmlformats-officedocument.wordprocessingml.document") },
	{ SC("xls"), SC("application/vnd.ms-excel") },
	{ SC("xlsx"), SC("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet") },
	{ SC("ppt"), SC("application/vnd.ms-powerpoint") },
	{ SC("pptx"), SC("application/vnd.openxmlformats-officedocument.presentationml.presentation") },
	{ SC("odt"), SC("application/vnd.oasis.opendocument.text") },
	{ SC("ods"), SC("application/vnd.oasis.opendocument.spreadsheet") },
	{ SC("odp"), SC("application/vnd.oasis.opendocument.presentation") },
	{ SC("epub"), SC("application/epub+zip") },
	{ SC("asc"), SC("application/pgp-signature") },
	{ SC("png"), SC("image/png") },
	{ SC("jpg"), SC("image/jpeg") },
	{ SC("jpeg"), SC("image/jpeg") },
	{ SC("gif"), SC("image/gif") },
	{ SC("webp"), SC("image/webp") },
	{ SC("avif"), SC("image/avif") },
	{ SC("svg"), SC("image/svg+xml") },
	{ SC("tif"), SC("image/tiff") },
	{ SC("tiff"), SC("image/tiff") },
	{ SC("bmp"), SC("image/bmp") },
	{ SC("heic"), SC("image/heic") },
	{ SC("mp3"), SC("audio/mpeg") },
	{ SC("ogg"), SC("audio/ogg") },
	{ SC("opus"), SC("audio/ogg") },
	{ SC("flac"), SC("audio/flac") },
	{ SC("wav"), SC("audio/wav") },
	{ SC("m4a"), SC("audio/mp4") },
	{ SC("mp4"), SC("video/mp4") },
	{ SC("mov"), SC("video/quicktime") },
	{ SC("webm"), SC("video/webm") },
	{ SC("mkv"), SC("video/x-matroska") },
};

struct opened {
	int fd;
};

/* ---- types ---- */

/* Lines "type extension extension"; those with # in front say nothing. */
static str
from_system(struct arena *a, str extension)
{
	int fd = open("/etc/mime.types", O_RDONLY | O_CLOEXEC);
	struct buf b = { .limit = MOST_TYPES };
	str found = S(""), rest, line;
	ssize_t n = 1;

	while (fd >= 0 && n > 0 && buf_reserve(&b, 65536)) {
		n = read(fd, b.p + b.n, 65536);
		buf_used(&b, n > 0 ? (size_t)n : 0);
	}
	if (fd >= 0)
		close(fd);
	rest = buf_str(&b);
	while (!found.n && str_take_until(&rest, '\n', &line)) {
		str type, word;

		if (str_starts(line, S("#")) || !str_take_word(&line, &type))
			continue;
		while (str_take_word(&line, &word))
			if (str_eq_nocase(word, extension))
				found = arena_str(a, type);
	}
	buf_done(&b);
	return found;
}

/* RFC 2045 5.1, and no more: what goes into a header. */
static bool
is_type(str type)
{
	size_t slashes = 0;

	for (size_t i = 0; i < type.n; i++) {
		if (!ascii_alnum(type.p[i]) && !strchr("/+-._", type.p[i]))
			return false;
		slashes += type.p[i] == '/';
	}
	return slashes == 1;
}

str
attach_type_of(struct arena *a, str name)
{
	str extension = str_from(name, str_rfind(name, '.') + 1), type;

	if (!extension.n)
		return S("");
	for (size_t i = 0; i < COUNT(types); i++)
		if (str_eq_nocase(extension, types[i].extension))
			return types[i].type;
	type = from_system(a, extension);
	/* RFC 2046 5.2.1 and 5.1: base64, in which files travel here, is not for these. */
	if (!is_type(type) || str_starts_nocase(type, S("message/")) ||
		str_starts_nocase(type, S("multipart/")))
		return S("");
	return type;
}

/* ---- bytes ---- */

static str
charset_of(int fd, size_t size)
{
	void *p = size ? mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0) : MAP_FAILED;
	str text, charset = S("us-ascii");

	if (p == MAP_FAILED)
		return size ? S("") : charset;
	text = str_of(p, size);
	if (!str_is_ascii(text))
		charset = charset_is_utf8(text) ? S("utf-8") : S("unknown-8bit"); /* RFC 1428 */
	munmap(p, size);
	return charset;
}

static enum fault
read_file(void *ctx, void *p, size_t n, size_t *ret_n)
{
	struct opened *o = ctx;
	ssize_t got;

	do
		got = read(o->fd, p, n);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return INTERNAL;
	*ret_n = (size_t)got;
	return OK;
}

static enum fault
rewind_file(void *ctx)
{
	struct opened *o = ctx;

	return lseek(o->fd, 0, SEEK_SET) == 0 ? OK : INTERNAL;
}

int
attach_open(const char *verb, struct arena *a, const char *path, struct compose_file *ret)
{
	struct opened *o = ARENA_NEW(a, struct opened);
	str name = str_c(path);
	struct stat st;

	o->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (o->fd < 0 || fstat(o->fd, &st) != 0)
		return cli_fail(EX_NOINPUT, verb, "%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode)) {
		close(o->fd);
		return cli_fail(EX_NOINPUT, verb, "%s is no file", path);
	}
	name = str_rfind(name, '/') < name.n ? str_from(name, str_rfind(name, '/') + 1) : name;
	*ret = (struct compose_file){
		.name = name, .size = (uint64_t)st.st_size, .read = read_file, .rewind = rewind_file, .ctx = o
	};
	ret->type = attach_type_of(a, name);
	if (str_starts(ret->type, S("text/")))
		ret->charset = charset_of(o->fd, (size_t)st.st_size);
	return EX_OK;
}

void
attach_close(struct compose_file *f)
{
	struct opened *o = f->ctx;

	if (o)
		close(o->fd);
	f->ctx = NULL;
}

int
attach_read(const char *verb, struct arena *a, const char *path, size_t most, str *ret)
{
	bool standard = strcmp(path, "-") == 0;
	int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC), status = EX_OK;
	struct buf b = { .limit = most };
	ssize_t n = 1;
	char step[3000];

	if (fd < 0)
		return cli_fail(EX_NOINPUT, verb, "%s: %s", path, strerror(errno));
	while (n > 0 && !b.full) {
		n = read(fd, step, sizeof(step));
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n > 0)
			(void)buf_add(&b, str_of(step, (size_t)n));
	}
	if (n < 0)
		status = cli_fail(EX_NOINPUT, verb, "%s: %s", path, strerror(errno));
	else if (b.full)
		status = cli_fail(EX_DATAERR, verb,
			"%s is longer than a text may be (%zu MB); attach it instead", path, most >> 20);
	else
		*ret = arena_str(a, buf_str(&b));
	buf_done(&b);
	if (!standard)
		close(fd);
	return status;
}
