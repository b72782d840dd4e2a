#include "roles/tls_setup.h"

#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_FILE = 1 << 20, SIGN_WITHIN_MS = 10000 };

void
tls_files_of(struct arena *a, const struct conf *conf, const char *state_dir, struct tls_files *ret)
{
	size_t n = 0;
	const str *files = conf_list(conf, CONF_smtpd_tls_chain_files, &n);

	*ret = (struct tls_files){ 0 };
	for (size_t i = 0; i < n && i < TLS_CERTS; i++) {
		ret->cert[i] = ret->key[i] = arena_cstr(a, files[i]);
		ret->n++;
	}
	if (ret->n > 0)
		return;
	ret->n = 1;
	if (conf_str(conf, CONF_smtpd_tls_cert_file).n) {
		ret->cert[0] = arena_cstr(a, conf_str(conf, CONF_smtpd_tls_cert_file));
		ret->key[0] = arena_cstr(a, conf_str(conf, CONF_smtpd_tls_key_file));
	} else {
		ret->cert[0] = arena_cstr(a, arena_printf(a, "%s/tls/cert.pem", state_dir));
		ret->key[0] = arena_cstr(a, arena_printf(a, "%s/tls/key.pem", state_dir));
	}
}

/* A file may hold a private key: it is read past stdio, and whoever calls wipes it. */
static bool
read_file(const char *path, struct buf *ret)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	ssize_t n = -1;

	if (fd < 0)
		return false;
	/* Room for all of it at once: growing would leave copies behind. */
	if (buf_reserve(ret, MOST_FILE)) {
		do {
			n = read(fd, ret->p + ret->n, MOST_FILE - ret->n);
			if (n > 0)
				buf_used(ret, (size_t)n);
		} while ((n > 0 && ret->n < MOST_FILE) || (n < 0 && errno == EINTR));
	}
	if (n > 0)
		errno = EFBIG;
	(void)close(fd);
	return n == 0;
}

static void
wipe(struct buf *b)
{
	if (b->p)
		mem_wipe(b->p, b->n);
	buf_done(b);
}

static enum fault
complain(const struct role *r, const char *what, const char *path, str why)
{
	log_error(&r->log, what, kv_c("path", path), kv_str("why", why));
	return TLS_UNAVAILABLE;
}

static enum fault
cannot_read(const struct role *r, const char *path)
{
	const char *why = strerrorname_np(errno);

	return complain(r, "cannot-read-certificate", path, str_c(why ? why : "?"));
}

/* The certificates among the blocks of a PEM file: its private key must not stay in a process that speaks with strangers. */
static void
add_certificates(struct buf *ret, str pem)
{
	static const str begin = SC("-----BEGIN CERTIFICATE-----"), end = SC("-----END CERTIFICATE-----");

	for (;;) {
		size_t from = str_find_str(pem, begin), n;

		pem = str_from(pem, from);
		n = str_find_str(pem, end);
		if (n == pem.n)
			return;
		buf_add(ret, str_sub(pem, 0, n + end.n));
		buf_add_char(ret, '\n');
		pem = str_from(pem, n + end.n);
	}
}

static enum fault
read_chain(const struct role *r, struct arena *a, const char *path, str *ret)
{
	struct buf file = { 0 }, chain = { 0 };
	enum fault f = OK;

	if (!read_file(path, &file))
		f = cannot_read(r, path);
	if (f == OK) {
		add_certificates(&chain, buf_str(&file));
		if (chain.n == 0)
			f = complain(r, "bad-certificate", path, S("no certificate in this file"));
	}
	if (f == OK)
		*ret = arena_str(a, buf_str(&chain));
	wipe(&file);
	buf_done(&chain);
	return f;
}

/* Asks vault for a signature. */
static enum fault
sign(void *ctx, const struct tls_sign *what, struct buf *ret_signature)
{
	struct chan *vault = ctx;
	struct talk_sign_ask ask = { .key = what->key, .how = (talk_u8)what->how, .data = what->data };
	struct talk_sign_told told;
	struct arena a = { 0 };
	struct buf b = { 0 };
	struct frame answer;
	enum fault f;

	talk_put_sign_ask(&b, &ask);
	f = chan_call(vault, TALK_ASK_sign_ask, buf_str(&b), -1, loop_now_ms(vault->loop) + SIGN_WITHIN_MS,
		&a, &answer);
	if (f == OK && !talk_read_sign_told(answer.payload, &told))
		f = MALFORMED;
	if (f == OK)
		f = told.fault;
	if (f == OK && !buf_add(ret_signature, told.signature))
		f = TOO_BIG;
	buf_done(&b);
	arena_done(&a);
	return f;
}

/* ---- authorities of clients ---- */

static enum fault
add_authorities(const struct role *r, struct buf *ret, const char *path)
{
	struct arena a = { 0 };
	str chain;
	enum fault f = read_chain(r, &a, path, &chain);

	if (f == OK)
		buf_add(ret, chain);
	arena_done(&a);
	return f;
}

static bool
link_leads_out(const char *path)
{
	char target[1024];
	ssize_t n = readlink(path, target, sizeof(target));

	return n > 0 && memchr(target, '/', (size_t)n);
}

/* A folder as c_rehash makes it has each certificate under its hash, too: files that are links to others of it are passed over. */
static enum fault
add_folder(const struct role *r, struct buf *ret, const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;
	enum fault f = OK;

	if (!d)
		return cannot_read(r, path);
	while (f == OK && (e = readdir(d))) {
		struct arena a = { 0 };
		char *file = arena_cstr(&a, arena_printf(&a, "%s/%s", path, e->d_name));
		struct stat st;

		if (lstat(file, &st) == 0 &&
			(S_ISREG(st.st_mode) || (S_ISLNK(st.st_mode) && link_leads_out(file))))
			f = add_authorities(r, ret, file);
		arena_done(&a);
	}
	(void)closedir(d);
	return f;
}

static enum fault
read_authorities(const struct role *r, struct buf *ret)
{
	const char *file = conf_path(r->conf, CONF_smtpd_tls_CAfile),
		   *folder = conf_path(r->conf, CONF_smtpd_tls_CApath);

	if (file[0])
		TRY(add_authorities(r, ret, file));
	return folder[0] ? add_folder(r, ret, folder) : OK;
}

static enum fault
setup(struct role *r, struct chan *vault, const char *alpn, enum tls_ask how, str authorities,
	struct tls_server **ret)
{
	/* TLS is optional on port 25 alone; where users log in it is not. */
	enum conf_id versions =
		r->kind == TALK_SMTP ? CONF_smtpd_tls_protocols : CONF_smtpd_tls_mandatory_protocols;
	struct tls_cert certs[TLS_CERTS];
	struct tls_settings settings = { .certs = certs,
		.ciphers = S(""),
		.ticket_keys = r->ticket_keys,
		.alpn = alpn,
		.clients = how,
		.client_cas_pem = authorities,
		.client_depth = (int)conf_int(r->conf, CONF_smtpd_tls_ccert_verifydepth) };
	struct arena a = { 0 };
	struct buf why = { 0 };
	struct tls_files files;
	enum fault f = OK;

	tls_files_of(&a, r->conf, r->state_dir, &files);
	conf_tls_versions(r->conf, versions, &settings.least_version, &settings.most_version);
	for (size_t i = 0; i < files.n && f == OK; i++) {
		certs[i].key = (uint32_t)i;
		f = read_chain(r, &a, files.cert[i], &certs[i].chain_pem);
	}
	settings.cert_count = files.n;
	if (f == OK) {
		f = tls_server_new(&settings, sign, vault, &why, ret);
		if (f != OK)
			log_error(&r->log, "bad-certificate", kv_str("why", buf_str(&why)));
	}
	buf_done(&why);
	arena_done(&a);
	return f;
}

enum fault
tls_setup_server(struct role *r, struct chan *vault, const char *alpn, struct tls_server **ret)
{
	return setup(r, vault, alpn, TLS_ASK_NO, S(""), ret);
}

enum fault
tls_setup_asking(struct role *r, struct chan *vault, enum tls_ask how, struct tls_server **ret)
{
	struct buf authorities = { 0 };
	enum fault f = read_authorities(r, &authorities);

	if (f == OK)
		f = setup(r, vault, NULL, how, buf_str(&authorities), ret);
	buf_done(&authorities);
	return f;
}

static enum fault
read_key(const struct role *r, const char *key_path, const char *cert_path, struct tls_key **ret)
{
	struct buf key = { 0 }, why = { 0 };
	struct arena a = { 0 };
	str chain;
	enum fault f = read_chain(r, &a, cert_path, &chain);

	if (f == OK && !read_file(key_path, &key))
		f = cannot_read(r, key_path);
	if (f == OK && tls_key_new(buf_str(&key), chain, &why, ret) != OK)
		f = complain(r, "bad-private-key", key_path, buf_str(&why));
	wipe(&key);
	buf_done(&why);
	arena_done(&a);
	return f;
}

enum fault
tls_setup_keys(struct role *r, struct tls_key *ret_keys[TLS_CERTS], size_t *ret_n)
{
	struct tls_key *keys[TLS_CERTS];
	struct arena a = { 0 };
	struct tls_files files;
	size_t n = 0;
	enum fault f = OK;

	tls_files_of(&a, r->conf, r->state_dir, &files);
	while (n < files.n && f == OK) {
		f = read_key(r, files.key[n], files.cert[n], &keys[n]);
		n += f == OK;
	}
	arena_done(&a);
	if (f != OK) {
		while (n > 0)
			tls_key_free(keys[--n]);
		return f;
	}
	memcpy(ret_keys, keys, n * sizeof(keys[0]));
	*ret_n = n;
	return OK;
}
