#include "people/guess.h"

#include "base/mem.h"
#include "test/t.h"

enum { HALF_MS = 600000 };
static const struct hash_key key = { 1, 2 };

static int64_t
wait_of(struct guess *g, const char *client, const char *user, int64_t now_ms)
{
	int64_t wait_ms = -1;

	return guess_delay(g, str_c(client), str_c(user), now_ms, &wait_ms) == OK ? wait_ms : -1;
}

static void
guess_wrong(struct guess *g, const char *client, const char *user, int times, int64_t now_ms)
{
	for (int i = 0; i < times; i++)
		guess_failed(g, str_c(client), str_c(user), now_ms);
}

static const struct {
	int failures;
	int64_t wait_ms; /* -1: throttled */
} waits[] = {
	{ 0, 0 },
	{ 3, 0 },
	{ 4, 250 },
	{ 5, 500 },
	{ 6, 1000 },
	{ 9, 8000 },
	{ 10, 15000 },
	{ 59, 15000 },
	{ 60, -1 },
	{ 5000, -1 },
};

static void
a_client_that_fails_waits_longer_and_longer_and_is_then_refused(void **state)
{
	(void)state;
	EACH(waits, c) {
		struct guess *g = guess_new(key, 100, HALF_MS);

		for (int i = 0; i < c->failures; i++) { /* a name each */
			char user[32];

			snprintf(user, sizeof(user), "user%d", i);
			guess_wrong(g, "evil", user, 1, 1000);
		}
		CHECK_INT(wait_of(g, "evil", "ann", 1000), c->wait_ms);
		CHECK_INT(wait_of(g, "good", "ann", 1000), 0);
		guess_free(g);
	}
}

static void
time_forgives(void **state)
{
	struct guess *g = guess_new(key, 100, HALF_MS);
	int64_t before = 15000;

	(void)state;
	guess_wrong(g, "evil", "ann", 70, 0);
	CHECK_INT(wait_of(g, "evil", "bob", 0), -1);
	CHECK_INT(wait_of(g, "evil", "bob", HALF_MS), 15000);    /* 35 */
	CHECK_INT(wait_of(g, "evil", "bob", 3 * HALF_MS), 8000); /* 8.75 */
	CHECK_INT(wait_of(g, "evil", "bob", 5 * HALF_MS), 0);    /* 2.2 */
	for (int64_t t = HALF_MS; t < 6 * HALF_MS; t += HALF_MS / 7) {
		int64_t now = wait_of(g, "evil", "bob", t);

		CHECK(now <= before);
		before = now;
	}
	CHECK_INT(wait_of(g, "evil", "ann", 1000 * (int64_t)HALF_MS), 0);
	guess_free(g);
}

static void
guesses_from_everywhere_slow_a_name_but_never_lock_its_owner_out(void **state)
{
	struct guess *g = guess_new(key, 1000, HALF_MS);

	(void)state;
	guess_succeeded(g, S("home"), S("Ann@a.test"), 0);
	for (int i = 0; i < 500; i++) {
		char client[32];

		snprintf(client, sizeof(client), "bot%d", i);
		guess_wrong(g, client, "ann@A.test", 1, 1000);
	}
	CHECK_INT(wait_of(g, "home", "ann@a.test", 2000), 0);     /* known */
	CHECK_INT(wait_of(g, "cafe", "ann@a.test", 2000), 15000); /* slow, not refused */
	CHECK_INT(wait_of(g, "cafe", "bob@a.test", 2000), 0);
	guess_succeeded(g, S("cafe"), S("ann@a.test"), 2000);
	CHECK_INT(wait_of(g, "cafe", "ann@a.test", 2000), 0);
	/* after a day without a login the client is as any other */
	guess_wrong(g, "bot", "ann@a.test", 500, 90000000);
	CHECK_INT(wait_of(g, "home", "ann@a.test", 90000000), 15000);
	guess_free(g);
}

static void
one_right_password_buys_no_guesses_at_others(void **state)
{
	struct guess *g = guess_new(key, 100, HALF_MS);

	(void)state;
	for (int i = 0; i < 100; i++) {
		guess_succeeded(g, S("evil"), S("evil@a.test"), i);
		guess_wrong(g, "evil", "ann@a.test", 1, i);
	}
	CHECK_INT(wait_of(g, "evil", "ann@a.test", 100), -1);
	CHECK_INT(wait_of(g, "evil", "evil@a.test", 100), 0);
	guess_free(g);
}

static void
trust_ends_with_three_failures(void **state)
{
	struct guess *g = guess_new(key, 100, HALF_MS);

	(void)state;
	guess_wrong(g, "net", "x", 30, 0);
	guess_succeeded(g, S("net"), S("ann"), 0);
	guess_wrong(g, "net", "ann", 2, 0);
	CHECK_INT(wait_of(g, "net", "ann", 0), 0);
	guess_wrong(g, "net", "ann", 1, 0);
	CHECK_INT(wait_of(g, "net", "ann", 0), 15000);
	guess_free(g);
}

static void
a_flood_of_names_forgets_old_ones_and_no_client(void **state)
{
	struct guess *g = guess_new(key, 50, HALF_MS);

	(void)state;
	guess_wrong(g, "other", "ann", 20, 0);
	for (int i = 0; i < 10000; i++) {
		char user[32];

		snprintf(user, sizeof(user), "user%d", i);
		guess_wrong(g, "evil", user, 1, 1);
	}
	CHECK_INT(wait_of(g, "evil", "x", 1), -1);
	CHECK_INT(wait_of(g, "other", "x", 1), 15000);
	CHECK_INT(wait_of(g, "third", "ann", 1), 0); /* forgotten: memory is bounded */
	guess_free(g);
	guess_free(NULL);
}

/* ---- the cache ---- */

static const char mac_key[32] = "the key of this process";

static void
a_password_that_was_proved_is_known_until_its_time_is_over(void **state)
{
	struct auth_cache *c = auth_cache_new(mac_key, 10, 1000);

	(void)state;
	CHECK(!auth_cache_has(c, S("ann"), S("pw"), S("sealed"), 0));
	auth_cache_add(c, S("ann"), S("pw"), S("sealed"), 0);
	CHECK(auth_cache_has(c, S("ann"), S("pw"), S("sealed"), 999));
	CHECK(!auth_cache_has(c, S("ann"), S("pw2"), S("sealed"), 1));
	CHECK(!auth_cache_has(c, S("bob"), S("pw"), S("sealed"), 1));
	CHECK(!auth_cache_has(c, S("ann"), S("pw"), S("sealed anew"), 1));
	CHECK(!auth_cache_has(c, S("annp"), S("w"), S("sealed"), 1));
	CHECK(!auth_cache_has(c, S("ann"), S("pwsealed"), S(""), 1));
	CHECK(auth_cache_has(c, S("ann"), S("pw"), S("sealed"), 999));
	CHECK(!auth_cache_has(c, S("ann"), S("pw"), S("sealed"), 1000));
	CHECK(!auth_cache_has(c, S("ann"), S("pw"), S("sealed"), 0)); /* and is forgotten then */
	auth_cache_free(c);
	auth_cache_free(NULL);
}

static void
the_cache_keeps_those_used_last(void **state)
{
	struct auth_cache *c = auth_cache_new(mac_key, 3, 1000);

	(void)state;
	auth_cache_add(c, S("1"), S("pw"), S(""), 0);
	auth_cache_add(c, S("2"), S("pw"), S(""), 0);
	auth_cache_add(c, S("3"), S("pw"), S(""), 0);
	CHECK(auth_cache_has(c, S("1"), S("pw"), S(""), 1));
	auth_cache_add(c, S("4"), S("pw"), S(""), 1);
	CHECK(auth_cache_has(c, S("1"), S("pw"), S(""), 1));
	CHECK(!auth_cache_has(c, S("2"), S("pw"), S(""), 1));
	CHECK(auth_cache_has(c, S("3"), S("pw"), S(""), 1) && auth_cache_has(c, S("4"), S("pw"), S(""), 1));
	auth_cache_free(c);
}

T_MAIN(T(a_client_that_fails_waits_longer_and_longer_and_is_then_refused), T(time_forgives),
	T(guesses_from_everywhere_slow_a_name_but_never_lock_its_owner_out),
	T(one_right_password_buys_no_guesses_at_others), T(trust_ends_with_three_failures),
	T(a_flood_of_names_forgets_old_ones_and_no_client),
	T(a_password_that_was_proved_is_known_until_its_time_is_over), T(the_cache_keeps_those_used_last))
