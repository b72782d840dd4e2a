/* rt/tls_bench.c - what TLS costs the server: time of a handshake by key and by where the key is, memory and stack of a connection
 *	rt-tls-bench [HANDSHAKES] */
#include "rt/tls_own.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

enum where { LOCAL, CALLBACK, PROCESS };
static const char *const where_names[] = { "local key", "callback", "other process" };

struct bench {
	str chain, key;
	struct tls_key *vault;
	int vault_fd; /* of the other process */
	enum where where;
	unsigned signed_count;
};

static double
now_s(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
check(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "rt-tls-bench: %s\n", what);
	ERR_print_errors_fp(stderr);
	exit(1);
}

/* ---- keys ---- */

static enum fault
bench_sign(void *ctx, const struct tls_sign *what, struct buf *ret)
{
	struct bench *b = ctx;
	char bytes[1024];
	ssize_t n;

	b->signed_count++;
	if (b->where != PROCESS)
		return tls_key_sign(b->vault, what->how, what->data, ret);
	bytes[0] = (char)what->how;
	memcpy(bytes + 1, what->data.p, what->data.n);
	check(send(b->vault_fd, bytes, what->data.n + 1, 0) > 0, "send to the vault");
	n = recv(b->vault_fd, bytes, sizeof(bytes), 0);
	check(n > 0, "the vault's answer");
	buf_add(ret, str_of(bytes, (size_t)n));
	return OK;
}

static void
vault_process(struct bench *b, int fd)
{
	char bytes[1024];
	ssize_t n;

	while ((n = recv(fd, bytes, sizeof(bytes), 0)) > 1) {
		struct buf signature = { 0 };

		check(tls_key_sign(b->vault, (enum tls_sign_how)bytes[0], str_of(bytes + 1, (size_t)n - 1),
			      &signature) == OK,
			"sign");
		send(fd, signature.p, signature.n, 0);
		buf_done(&signature);
	}
	_exit(0);
}

static void
text_of(BIO *from, str *ret)
{
	char *p;
	long n = BIO_get_mem_data(from, &p);
	char *copy = mem_new((size_t)n);

	memcpy(copy, p, (size_t)n);
	*ret = str_of(copy, (size_t)n);
	BIO_free(from);
}

static void
bench_init(struct bench *b, EVP_PKEY *key)
{
	BIO *cert_text = BIO_new(BIO_s_mem()), *key_text = BIO_new(BIO_s_mem());
	struct buf why = { 0 };
	X509 *x = X509_new();

	X509_set_version(x, X509_VERSION_3);
	X509_NAME_add_entry_by_NID(X509_get_subject_name(x), NID_commonName, MBSTRING_ASC,
		(const unsigned char *)"a.test", -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(x));
	X509_gmtime_adj(X509_getm_notBefore(x), -3600);
	X509_gmtime_adj(X509_getm_notAfter(x), 86400);
	X509_set_pubkey(x, key);
	check(X509_sign(x, key, EVP_sha256()) > 0, "certificate");
	PEM_write_bio_X509(cert_text, x);
	PEM_write_bio_PrivateKey(key_text, key, NULL, NULL, 0, NULL, NULL);
	X509_free(x);
	EVP_PKEY_free(key);
	text_of(cert_text, &b->chain);
	text_of(key_text, &b->key);
	check(tls_key_new(b->key, b->chain, &why, &b->vault) == OK, "key");
}

static struct tls_server *
server_new(struct bench *b)
{
	struct tls_cert cert = { b->chain, 0 };
	struct tls_settings s = { .certs = &cert,
		.cert_count = 1,
		.least_version = TLS1_2_VERSION,
		.alpn = "imap",
		.ticket_keys = S(
			"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef") };
	struct tls_server *server;
	struct buf why = { 0 };

	check(tls_server_new(&s, bench_sign, b, &why, &server) == OK, "server");
	if (b->where == LOCAL) {
		BIO *text = BIO_new_mem_buf(b->key.p, (int)b->key.n);
		EVP_PKEY *key = PEM_read_bio_PrivateKey(text, NULL, NULL, NULL);

		check(SSL_CTX_use_PrivateKey(server->groups[0].ctx, key) == 1, "local key");
		EVP_PKEY_free(key);
		BIO_free(text);
	}
	return server;
}

/* ---- handshakes ---- */

struct client {
	SSL_CTX *ctx;
	SSL_SESSION *session;
};

static int
on_session(SSL *ssl, SSL_SESSION *session)
{
	struct client *c = SSL_get_app_data(ssl);

	SSL_SESSION_free(c->session);
	c->session = session;
	return 1;
}

static void
client_init(struct client *c, int version)
{
	*c = (struct client){ SSL_CTX_new(TLS_client_method()), NULL };
	SSL_CTX_set_session_cache_mode(c->ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(c->ctx, on_session);
	SSL_CTX_set_min_proto_version(c->ctx, version);
	SSL_CTX_set_max_proto_version(c->ctx, version);
	SSL_CTX_set_mode(c->ctx, SSL_MODE_RELEASE_BUFFERS);
}

static SSL *
client_connect(struct client *c, int fd)
{
	SSL *ssl = SSL_new(c->ctx);

	SSL_set_app_data(ssl, c);
	SSL_set_fd(ssl, fd);
	SSL_set_tlsext_host_name(ssl, "a.test");
	SSL_set_connect_state(ssl);
	return ssl;
}

/* One handshake with both ends here; the time of our end. */
static double
shake_s(struct tls_server *server, struct client *c, bool resume)
{
	int fds[2], ours = -1, theirs = -1;
	double spent = 0;
	struct tls *t;
	SSL *ssl;
	char byte;

	check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == 0, "socketpair");
	ssl = client_connect(c, fds[1]);
	if (resume)
		SSL_set_session(ssl, c->session);
	spent -= now_s(CLOCK_MONOTONIC);
	t = tls_accept_new(server, fds[0]);
	spent += now_s(CLOCK_MONOTONIC);
	while (ours != 1 || theirs != 1) {
		theirs = SSL_do_handshake(ssl);
		spent -= now_s(CLOCK_MONOTONIC);
		ours = tls_handshake(t);
		spent += now_s(CLOCK_MONOTONIC);
		check(ours == 1 || ours == -1, tls_why(t));
	}
	SSL_read(ssl, &byte, 1); /* the ticket */
	check(SSL_session_reused(ssl) == resume, "resumed when it should not, or not when it should");
	SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN);
	SSL_free(ssl);
	spent -= now_s(CLOCK_MONOTONIC);
	tls_close(t);
	spent += now_s(CLOCK_MONOTONIC);
	close(fds[0]);
	close(fds[1]);
	ERR_clear_error();
	return spent;
}

static void
time_handshakes(const char *key, struct bench *b, int version, int count)
{
	for (b->where = LOCAL; b->where <= PROCESS; b->where++) {
		struct tls_server *server = server_new(b);
		struct client c;
		double full = 0, resumed = 0;

		client_init(&c, version);
		shake_s(server, &c, false);
		for (int i = 0; i < count; i++)
			full += shake_s(server, &c, false);
		for (int i = 0; i < count; i++)
			resumed += shake_s(server, &c, true);
		printf("%-8s TLS 1.%d  %-13s  full %6.0f us = %5.0f/s   resumed %5.0f us = %5.0f/s\n", key,
			version - TLS1_VERSION, where_names[b->where], full / count * 1e6, count / full,
			resumed / count * 1e6, count / resumed);
		SSL_SESSION_free(c.session);
		SSL_CTX_free(c.ctx);
		tls_server_free(server);
	}
}

/* ---- memory of idle connections: the clients are in another process ---- */

static void
clients_process(const int *fds, int count, int version, int ready)
{
	struct client c;

	client_init(&c, version);
	for (int i = 0; i < count; i++) {
		SSL *ssl = client_connect(&c, fds[i]);
		char got[64];

		check(SSL_do_handshake(ssl) == 1, "client");
		SSL_write(ssl, "a1 NOOP\r\n", 9);
		check(SSL_read(ssl, got, sizeof(got)) > 0, "reply");
	}
	check(write(ready, "x", 1) == 1, "ready");
	pause();
	_exit(0);
}

static void
idle_memory(struct bench *b, int version, int count)
{
	int *ours = mem_new_array((size_t)count, sizeof(int)),
	    *theirs = mem_new_array((size_t)count, sizeof(int));
	struct tls **all = mem_new_array((size_t)count, sizeof(*all));
	size_t before, idle;
	struct tls_server *server;
	int ready[2];
	char got[64];
	pid_t pid;

	b->where = CALLBACK;
	server = server_new(b);
	check(pipe(ready) == 0, "pipe");
	for (int i = 0; i < count; i++) {
		int fds[2];

		check(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0, "socketpair (ulimit -n?)");
		ours[i] = fds[0], theirs[i] = fds[1];
	}
	pid = fork();
	if (pid == 0)
		clients_process(theirs, count, version, ready[1]);
	before = mallinfo2().uordblks;
	for (int i = 0; i < count; i++) {
		all[i] = tls_accept_new(server, ours[i]);
		check(tls_handshake(all[i]) == 1, "handshake");
		check(tls_read(all[i], got, sizeof(got)) == 9, "command");
		check(tls_write(all[i], "a1 OK\r\n", 7) == 7, "reply");
		fcntl(ours[i], F_SETFL, O_NONBLOCK);
		check(tls_read(all[i], got, sizeof(got)) == -1, "idle"); /* as whoever waits has done */
	}
	check(read(ready[0], got, 1) == 1, "clients");
	idle = mallinfo2().uordblks;
	printf("idle connection, TLS 1.%d: %zu bytes malloc'd, struct tls %zu of them\n",
		version - TLS1_VERSION, (idle - before) / (size_t)count, sizeof(struct tls));
	for (int i = 0; i < count; i++) {
		tls_close(all[i]);
		close(ours[i]);
		close(theirs[i]);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	free(ours), free(theirs), free(all);
	tls_server_free(server);
}

/* ---- stack of a handshake ---- */

enum { STACK = 256 * 1024, PAINT = 0xa5 };

struct stack_job {
	struct bench *b;
	int version;
};

static void *
handshakes_on_stack(void *arg)
{
	struct stack_job *job = arg;
	struct tls_server *server = server_new(job->b);
	struct client c;

	client_init(&c, job->version);
	shake_s(server, &c, false);
	shake_s(server, &c, true);
	SSL_SESSION_free(c.session);
	SSL_CTX_free(c.ctx);
	tls_server_free(server);
	return NULL;
}

static void
stack_depth(const char *key, struct bench *b, int version)
{
	unsigned char *stack =
		mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	struct stack_job job = { b, version };
	pthread_attr_t attr;
	pthread_t thread;
	size_t unused = 0;

	b->where = CALLBACK;
	memset(stack, PAINT, STACK);
	pthread_attr_init(&attr);
	pthread_attr_setstack(&attr, stack, STACK);
	check(pthread_create(&thread, &attr, handshakes_on_stack, &job) == 0, "thread");
	pthread_join(thread, NULL);
	while (unused < STACK && stack[unused] == PAINT)
		unused++;
	printf("stack of both ends and the signature, %s TLS 1.%d: at most %zu bytes\n", key,
		version - TLS1_VERSION, STACK - unused);
	munmap(stack, STACK);
}

int
main(int argc, char **argv)
{
	int count = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 1000;
	const struct {
		const char *name;
		EVP_PKEY *key;
	} keys[] = { { "P-256", EVP_EC_gen("P-256") }, { "RSA 2048", EVP_RSA_gen(2048) } };

	for (size_t i = 0; i < COUNT(keys); i++) {
		struct bench b = { 0 };
		int fds[2];

		bench_init(&b, keys[i].key);
		check(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds) == 0, "socketpair");
		if (fork() == 0) {
			close(fds[0]);
			vault_process(&b, fds[1]);
		}
		close(fds[1]);
		b.vault_fd = fds[0];
		for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
			time_handshakes(keys[i].name, &b, version, count);
			stack_depth(keys[i].name, &b, version);
			idle_memory(&b, version, 400);
		}
		close(b.vault_fd);
		wait(NULL);
		tls_key_free(b.vault);
	}
	return 0;
}
