#include "people/record.h"

#include "test/t.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

static const struct seal_key key = { "0123456789abcdef0123456789abcde" };
static const char nonce[12] = "nonce-of-12";

static struct secret
sample(void)
{
	struct secret s = { .verifier = S("$6$salt$hash") };

	s.sha256 = (struct scram_keys){ .known = true, .iterations = 4096 };
	memset(s.sha256.salt, 's', sizeof(s.sha256.salt));
	memset(s.sha256.stored, 't', sizeof(s.sha256.stored));
	memset(s.sha256.server, 'v', sizeof(s.sha256.server));
	return s;
}

static void
what_was_sealed_is_unsealed_for_the_same_address_in_any_case(void **state)
{
	struct secret s = sample(), got = { 0 };
	struct buf b = { 0 };
	struct arena a = { 0 };

	(void)state;
	buf_add(&b, S("before"));
	CHECK(secret_seal(&key, S("Ann@Example.org"), &s, nonce, &b) == OK);
	CHECK(b.n < 6 + SECRET_SEALED_MOST);
	CHECK_INT(str_find_str(buf_str(&b), S("$6$")), b.n);
	CHECK(secret_unseal(&a, &key, S("ann@example.ORG"), str_from(buf_str(&b), 6), &got) == OK);
	CHECK_STR(got.verifier, s.verifier);
	CHECK(!got.sha1.known);
	CHECK(memcmp(&got.sha256, &s.sha256, sizeof(s.sha256)) == 0);
	buf_done(&b);
	arena_done(&a);
}

static void
one_bent_bit_a_foreign_address_or_another_key_unseal_nothing(void **state)
{
	struct seal_key other = key;
	struct secret s = sample(), got = { .verifier = S("untouched") };
	struct buf b = { 0 };
	struct arena a = { 0 };

	(void)state;
	other.bytes[31] ^= 1;
	CHECK(secret_seal(&key, S("ann@example.org"), &s, nonce, &b) == OK);
	CHECK(secret_unseal(&a, &key, S("bob@example.org"), buf_str(&b), &got) == MALFORMED);
	CHECK(secret_unseal(&a, &other, S("ann@example.org"), buf_str(&b), &got) == MALFORMED);
	CHECK(secret_unseal(&a, &key, S("ann@example.org"), S(""), &got) == MALFORMED);
	for (size_t i = 0; i < b.n; i++) {
		b.p[i] ^= 1;
		CHECK(secret_unseal(&a, &key, S("ann@example.org"), buf_str(&b), &got) == MALFORMED);
		b.p[i] ^= 1;
		CHECK(secret_unseal(&a, &key, S("ann@example.org"), str_sub(buf_str(&b), 0, i), &got) ==
			MALFORMED);
	}
	CHECK_C(got.verifier, "untouched");
	CHECK(secret_unseal(&a, &key, S("ann@example.org"), buf_str(&b), &got) == OK);
	buf_done(&b);
	arena_done(&a);
}

static void
a_verifier_that_is_too_long_is_not_sealed(void **state)
{
	struct secret s = sample();
	struct buf b = { 0 };
	char longest[600];

	(void)state;
	memset(longest, '$', sizeof(longest));
	s.verifier = str_of(longest, sizeof(longest));
	CHECK(secret_seal(&key, S("ann@example.org"), &s, nonce, &b) == BAD_ARGUMENT);
	CHECK_INT(b.n, 0);
	buf_done(&b);
}

/* ---- the key file ---- */

static char *
fresh_folder(struct arena *a)
{
	char *path = arena_cstr(a, S("/tmp/seal-test-XXXXXX"));

	if (!mkdtemp(path))
		t_fail(__FILE__, __LINE__, "mkdtemp");
	return path;
}

static const char *
in(struct arena *a, const char *folder, const char *name)
{
	return arena_cstr(a, arena_printf(a, "%s/%s", folder, name));
}

static void
put_file(const char *path, size_t size, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	CHECK(fd >= 0);
	CHECK(ftruncate(fd, (off_t)size) == 0);
	CHECK(fchmod(fd, mode) == 0);
	close(fd);
}

static void
a_key_is_made_once_for_its_owner_alone(void **state)
{
	struct seal_key one, two;
	struct arena a = { 0 };
	char *folder = fresh_folder(&a);
	const char *vault = in(&a, folder, "vault"), *path = in(&a, vault, "seal.key");
	struct stat st;

	(void)state;
	CHECK(seal_key_load(path, false, &one) == NOT_FOUND);
	CHECK(stat(vault, &st) != 0);
	CHECK(seal_key_load(path, true, &one) == OK);
	CHECK(stat(path, &st) == 0 && st.st_size == 32 && (st.st_mode & 07777) == 0600);
	CHECK(stat(vault, &st) == 0 && (st.st_mode & 07777) == 0700);
	CHECK(seal_key_load(path, true, &two) == OK);
	CHECK(memcmp(&one, &two, sizeof(one)) == 0);
	CHECK(unlink(path) == 0);
	CHECK(rmdir(vault) == 0); /* nothing was left beside it */
	CHECK(seal_key_load(path, true, &two) == OK);
	CHECK(memcmp(&one, &two, sizeof(one)) != 0);
	CHECK(unlink(path) == 0 && rmdir(vault) == 0 && rmdir(folder) == 0);
	arena_done(&a);
}

static const struct {
	size_t size;
	mode_t mode;
	enum fault fault;
} files[] = {
	{ 32, 0600, OK },
	{ 32, 0400, OK },
	{ 32, 0640, NOT_PERMITTED },
	{ 32, 0604, NOT_PERMITTED },
	{ 31, 0600, MALFORMED },
	{ 33, 0600, MALFORMED },
	{ 0, 0600, MALFORMED },
};

static void
a_key_that_others_may_read_or_that_is_none_is_refused(void **state)
{
	struct arena a = { 0 };
	char *folder = fresh_folder(&a);
	const char *path = in(&a, folder, "seal.key"), *other = in(&a, folder, "link");
	struct seal_key k;

	(void)state;
	EACH(files, c) {
		put_file(path, c->size, c->mode);
		CHECK_INT(seal_key_load(path, true, &k), c->fault);
		CHECK(unlink(path) == 0);
	}
	put_file(path, 32, 0600);
	CHECK(symlink(path, other) == 0);
	CHECK_INT(seal_key_load(other, true, &k), NOT_PERMITTED);
	CHECK_INT(seal_key_load(folder, true, &k), MALFORMED);
	CHECK_INT(seal_key_load(in(&a, path, "below"), true, &k), STORE_DOWN);
	CHECK(unlink(other) == 0 && unlink(path) == 0 && rmdir(folder) == 0);
	arena_done(&a);
}

static void
those_who_make_it_at_the_same_time_get_the_same_key(void **state)
{
	enum { MAKERS = 8 };
	struct arena a = { 0 };
	char *folder = fresh_folder(&a);
	const char *path = in(&a, folder, "seal.key");
	struct seal_key got[MAKERS];
	int pipes[2];

	(void)state;
	CHECK(pipe(pipes) == 0);
	for (int i = 0; i < MAKERS; i++) {
		struct seal_key k;

		if (fork() == 0) {
			if (seal_key_load(path, true, &k) != OK ||
				write(pipes[1], &k, sizeof(k)) != sizeof(k))
				_exit(1);
			_exit(0);
		}
	}
	for (int i = 0; i < MAKERS; i++) {
		int status = 1;

		CHECK(wait(&status) > 0 && status == 0);
	}
	CHECK(read(pipes[0], got, sizeof(got)) == sizeof(got));
	for (int i = 1; i < MAKERS; i++)
		CHECK(memcmp(&got[0], &got[i], sizeof(got[0])) == 0);
	close(pipes[0]);
	close(pipes[1]);
	CHECK(unlink(path) == 0 && rmdir(folder) == 0);
	arena_done(&a);
}

T_MAIN(T(what_was_sealed_is_unsealed_for_the_same_address_in_any_case),
	T(one_bent_bit_a_foreign_address_or_another_key_unseal_nothing),
	T(a_verifier_that_is_too_long_is_not_sealed), T(a_key_is_made_once_for_its_owner_alone),
	T(a_key_that_others_may_read_or_that_is_none_is_refused),
	T(those_who_make_it_at_the_same_time_get_the_same_key))
