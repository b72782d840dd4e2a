#include "roles/limits.h"

#include "base/mem.h"
#include "test/t.h"

#include <sys/wait.h>
#include <unistd.h>

static const struct hash_key key = { 7, 8 };

static void
client_number(uint32_t n, unsigned char ret[LIMITS_KEY])
{
	memset(ret, 0, LIMITS_KEY);
	ret[0] = 4;
	memcpy(ret + 1, &n, sizeof(n));
}

static void
a_client_has_so_many_connections_over_all_processes(void **state)
{
	struct limits *l = limits_new(key);
	unsigned char ann[LIMITS_KEY], bob[LIMITS_KEY];

	(void)state;
	client_number(1, ann);
	client_number(2, bob);
	CHECK(limits_enter(l, 0, LIMITS_SMTP, ann, 2, 0, 1000, 1) == OK);
	CHECK(limits_enter(l, 1, LIMITS_SMTP, ann, 2, 0, 1000, 1) == OK);
	CHECK(limits_enter(l, 2, LIMITS_SMTP, ann, 2, 0, 1000, 1) == TOO_MANY_FROM_YOU);
	CHECK(limits_enter(l, 2, LIMITS_SMTP, bob, 2, 0, 1000, 1) == OK);
	CHECK(limits_enter(l, 2, LIMITS_LOGIN, ann, 1, 0, 1000, 1) == OK); /* kinds are counted apart */
	limits_leave(l, 1, LIMITS_SMTP, ann);
	CHECK(limits_enter(l, 2, LIMITS_SMTP, ann, 2, 0, 1000, 1) == OK);
	CHECK(limits_enter(l, 2, LIMITS_SMTP, ann, 0, 0, 1000, 1) == OK); /* 0: no limit */
	limits_free(l);
}

static void
leaving_more_often_than_entering_counts_nothing(void **state)
{
	struct limits *l = limits_new(key);
	unsigned char ann[LIMITS_KEY];

	(void)state;
	client_number(1, ann);
	limits_leave(l, 0, LIMITS_SMTP, ann);
	CHECK(limits_enter(l, 0, LIMITS_SMTP, ann, 1, 0, 1000, 1) == OK);
	limits_leave(l, 1, LIMITS_SMTP, ann); /* another process's column */
	CHECK(limits_enter(l, 0, LIMITS_SMTP, ann, 1, 0, 1000, 1) == TOO_MANY_FROM_YOU);
	limits_leave(l, 0, LIMITS_SMTP, ann);
	limits_leave(l, 0, LIMITS_SMTP, ann);
	CHECK(limits_enter(l, 0, LIMITS_SMTP, ann, 1, 0, 1000, 1) == OK);
	limits_free(l);
}

static void
a_rate_is_that_of_the_last_window(void **state)
{
	static const struct {
		int64_t at_ms;
		enum fault fault;
	} steps[] = {
		/* at most 4 in 1000 ms */
		{ 1000000, OK },
		{ 1000100, OK },
		{ 1000200, OK },
		{ 1000900, OK },
		{ 1000950, TOO_FAST },
		{ 1001000, TOO_FAST }, /* all of the last window counts still */
		{ 1001500, OK },
		{ 1001500, OK },
		{ 1001500, TOO_FAST }, /* half of it */
		{ 1001600, OK },
		{ 1001600, TOO_FAST },
		{ 1001999, OK },
		{ 1001999, TOO_FAST },
		{ 1004000, OK },
		{ 1004000, OK },
		{ 1004000, OK },
		{ 1004000, OK },
		{ 1004000, TOO_FAST },
	};
	struct limits *l = limits_new(key);
	unsigned char ann[LIMITS_KEY];

	(void)state;
	client_number(1, ann);
	EACH(steps, s) {
		CHECK_INT(limits_enter(l, 0, LIMITS_LOGIN, ann, 0, 4, 1000, s->at_ms), s->fault);
		if (s->fault == OK)
			limits_leave(l, 0, LIMITS_LOGIN, ann);
	}
	limits_free(l);
}

static void
messages_have_a_rate_of_their_own(void **state)
{
	struct limits *l = limits_new(key);
	unsigned char ann[LIMITS_KEY];

	(void)state;
	client_number(1, ann);
	CHECK(limits_enter(l, 0, LIMITS_SMTP, ann, 0, 1, 1000, 5) == OK);
	CHECK(limits_message(l, ann, 2, 1000, 5) == OK);
	CHECK(limits_message(l, ann, 2, 1000, 6) == OK);
	CHECK(limits_message(l, ann, 2, 1000, 7) == TOO_FAST);
	CHECK(limits_message(l, ann, 0, 1000, 7) == OK);
	CHECK(limits_message(l, ann, 2, 1000, 2500) == OK);
	limits_free(l);
}

static void
other_events_have_rates_of_their_own(void **state)
{
	struct limits *l = limits_new(key);
	unsigned char ann[LIMITS_KEY], bob[LIMITS_KEY];

	(void)state;
	client_number(1, ann);
	client_number(2, bob);
	CHECK(limits_enter(l, 0, LIMITS_SMTP, ann, 0, 1, 1000, 5) == OK);
	for (int what = 0; what < LIMITS_EVENTS; what++) {
		enum limits_event event = (enum limits_event)what;

		CHECK(!limits_event_is_due(l, ann, event, 1, 1000, 5)); /* looking counts nothing */
		CHECK(!limits_event_is_due(l, ann, event, 1, 1000, 5));
		CHECK(limits_event(l, ann, event, 2, 1000, 5) == OK);
		CHECK(limits_event(l, ann, event, 2, 1000, 6) == OK);
		CHECK(limits_event(l, ann, event, 2, 1000, 7) == TOO_OFTEN);
		CHECK(limits_event_is_due(l, ann, event, 2, 1000, 7));
		CHECK(limits_event(l, ann, event, 0, 1000, 7) == OK); /* no limit */
		CHECK(limits_event(l, bob, event, 1, 1000, 7) == OK); /* has not entered */
		CHECK(!limits_event_is_due(l, ann, event, 2, 1000, 2500));
	}
	CHECK(limits_message(l, ann, 1, 1000, 8) == OK);
	limits_free(l);
}

static void
a_refused_connection_is_not_counted(void **state)
{
	struct limits *l = limits_new(key);
	unsigned char ann[LIMITS_KEY];

	(void)state;
	client_number(1, ann);
	CHECK(limits_enter(l, 0, LIMITS_SMTP, ann, 1, 1, 1000, 5) == OK);
	for (int i = 0; i < 10; i++)
		CHECK(limits_enter(l, 0, LIMITS_SMTP, ann, 0, 1, 1000, 5) == TOO_FAST);
	CHECK(limits_enter(l, 0, LIMITS_SMTP, ann, 2, 0, 1000, 5) == OK);
	CHECK(limits_enter(l, 0, LIMITS_SMTP, ann, 2, 0, 1000, 5) == TOO_MANY_FROM_YOU);
	limits_free(l);
}

static void
a_dead_process_leaves_nothing_behind(void **state)
{
	struct limits *l = limits_new(key);
	unsigned char ann[LIMITS_KEY];
	int status;
	pid_t child;

	(void)state;
	client_number(1, ann);
	CHECK(limits_enter(l, 0, LIMITS_SMTP, ann, 0, 0, 1000, 5) == OK);
	child = fork();
	if (child == 0) {
		for (int i = 0; i < 5; i++)
			if (limits_enter(l, 1, LIMITS_SMTP, ann, 6, 0, 1000, 5) != OK)
				_exit(1);
		_exit(limits_enter(l, 1, LIMITS_SMTP, ann, 6, 0, 1000, 5) == TOO_MANY_FROM_YOU ? 0 : 2);
	}
	CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status));
	CHECK_INT(WEXITSTATUS(status), 0);
	CHECK(limits_enter(l, 0, LIMITS_SMTP, ann, 2, 0, 1000, 5) == TOO_MANY_FROM_YOU);
	limits_clear_column(l, 1);
	CHECK(limits_enter(l, 0, LIMITS_SMTP, ann, 2, 0, 1000, 5) == OK);
	limits_free(l);
}

static void
a_full_table_lets_clients_without_connections_go(void **state)
{
	enum { MANY = 200000 };
	struct limits *l = limits_new(key);
	unsigned char client[LIMITS_KEY], ann[LIMITS_KEY];
	unsigned limited = 0;

	(void)state;
	client_number(0, ann);
	CHECK(limits_enter(l, 0, LIMITS_SMTP, ann, 1, 0, 1000, 5) == OK);
	for (uint32_t n = 1; n < MANY; n++) {
		client_number(n, client);
		CHECK(limits_enter(l, 0, LIMITS_SMTP, client, 1, 0, 1000, 5 + n) == OK);
		limits_leave(l, 0, LIMITS_SMTP, client);
	}
	CHECK(limits_enter(l, 0, LIMITS_SMTP, ann, 1, 0, 1000, MANY) == TOO_MANY_FROM_YOU);
	/* With connections they stay; whoever finds no place is not counted, but served. */
	for (uint32_t n = 1; n < MANY; n++) {
		client_number(n, client);
		CHECK(limits_enter(l, 0, LIMITS_SMTP, client, 0, 0, 1000, MANY) == OK);
	}
	for (uint32_t n = 1; n < MANY; n++) {
		client_number(n, client);
		limited += limits_enter(l, 0, LIMITS_SMTP, client, 1, 0, 1000, MANY) == TOO_MANY_FROM_YOU;
	}
	CHECK(limited > 30000 && limited <= 32768);
	limits_free(l);
}

/* Several processes at the same few places: at the end everybody has left, and nothing is counted. */
static void
processes_that_push_each_other_leave_no_trace(void **state)
{
	enum { PROCESSES = 4, ROUNDS = 100000, CLIENTS = 60000 };
	struct limits *l = limits_new(key);
	unsigned char client[LIMITS_KEY];

	(void)state;
	for (unsigned p = 0; p < PROCESSES; p++)
		if (fork() == 0) {
			uint64_t x = p + 1;
			for (int i = 0; i < ROUNDS; i++) {
				x = x * 6364136223846793005u + 1442695040888963407u;
				client_number((uint32_t)(x >> 33) % CLIENTS, client);
				if (limits_enter(l, p, LIMITS_LOGIN, client, 0, 0, 1000, i) == OK)
					limits_leave(l, p, LIMITS_LOGIN, client);
			}
			_exit(0);
		}
	for (unsigned p = 0; p < PROCESSES; p++) {
		int status = 1;
		CHECK(wait(&status) > 0);
		CHECK_INT(status, 0);
	}
	for (uint32_t n = 0; n < CLIENTS; n++) {
		client_number(n, client);
		CHECK(limits_enter(l, 0, LIMITS_LOGIN, client, 1, 0, 1000, ROUNDS) == OK);
		limits_leave(l, 0, LIMITS_LOGIN, client);
	}
	limits_free(l);
}

static enum limits_trust
says(struct limits *l, unsigned column, const char *ip, unsigned name, int64_t now_ms)
{
	static const struct limits_helo_rule rule = { .most = 5, .window_ms = 1000, .distrust_ms = 3000 };
	char text[20];
	uint32_t names;

	snprintf(text, sizeof(text), "pc%u.test", name);
	return limits_helo(l, column, (const unsigned char *)ip, 4, str_c(text), &rule, now_ms, &names);
}

static bool
is_distrusted(struct limits *l, const char *ip, int64_t now_ms)
{
	return limits_distrusted(l, (const unsigned char *)ip, 4, now_ms);
}

static void
too_many_names_behind_an_address_cost_its_trust(void **state)
{
	static const char router[] = "\x0a\0\0\x01", laptop[] = "\x0a\0\0\x02";
	struct limits *l = limits_new(key);

	(void)state;
	for (unsigned round = 0; round < 3;
		round++) /* the same names again are no new ones, whoever hears them */
		for (unsigned n = 0; n < 5; n++)
			CHECK(says(l, round, router, n, 10000 + round) == LIMITS_TRUSTED);
	CHECK(!is_distrusted(l, router, 10100));
	CHECK(says(l, 1, router, 6, 10100) == LIMITS_LOST_TRUST);
	CHECK(is_distrusted(l, router, 10101) && is_distrusted(l, router, 13099));
	CHECK(says(l, 2, router, 1, 10102) == LIMITS_DISTRUSTED); /* told once */
	for (unsigned n = 0; n < 5; n++)
		CHECK(says(l, 1, laptop, n, 10100) == LIMITS_TRUSTED); /* others keep theirs */
	CHECK(!is_distrusted(l, laptop, 10200));
	/* It comes back, and the count begins anew. */
	CHECK(!is_distrusted(l, router, 13100));
	for (unsigned n = 10; n < 15; n++)
		CHECK(says(l, 1, router, n, 13200) == LIMITS_TRUSTED);
	CHECK(says(l, 1, router, 16, 13300) == LIMITS_LOST_TRUST);
	limits_free(l);
}

static void
names_of_another_time_are_not_counted(void **state)
{
	static const char host[] = "\x0a\0\0\x01";
	struct limits *l = limits_new(key);

	(void)state;
	for (unsigned n = 0; n < 50; n++) /* four in each window */
		CHECK(says(l, 0, host, n, 1000000 + n * 250) == LIMITS_TRUSTED);
	limits_free(l);
}

static void
more_addresses_than_places_make_others_give_way(void **state)
{
	struct limits *l = limits_new(key);
	char ip[4] = { 10 };

	(void)state;
	for (unsigned n = 0; n < 6; n++)
		(void)says(l, 0, "\x0a\0\0\x01", n, 500);
	CHECK(is_distrusted(l, "\x0a\0\0\x01", 600));
	for (unsigned n = 0; n < 100000; n++) {
		ip[1] = (char)(n >> 16);
		ip[2] = (char)(n >> 8);
		ip[3] = (char)n;
		if (n > 2)
			CHECK(says(l, 0, ip, 1, 600) == LIMITS_TRUSTED);
	}
	CHECK(is_distrusted(l, "\x0a\0\0\x01", 700)); /* what was lost is not forgotten for it */
	limits_free(l);
}

/* ---- accounts ---- */

static const struct limits_rate rates[LIMITS_ACCOUNT_RATES] = { { 3, 1000 }, { 5, 24000 } };

static void
an_account_sends_so_much_an_hour_and_a_day(void **state)
{
	static const struct {
		int64_t now_ms;
		enum fault fault;
		unsigned which;
		int64_t wait_ms;
	} cases[] = {
		{ 24000, OK, 0, 0 },
		{ 24010, OK, 0, 0 },
		{ 24020, OK, 0, 0 },
		{ 24030, ACCOUNT_LIMIT, 0, 971 }, /* the hour ends in 970 */
		{ 25000, ACCOUNT_LIMIT, 0, 1 },   /* all of the hour before still counts */
		{ 25001, OK, 0, 0 },
		{ 25900, OK, 0, 0 },
		{ 25999, ACCOUNT_LIMIT, 1, 22002 }, /* the day's five: the next day has to begin, and a bit */
		{ 48000, ACCOUNT_LIMIT, 1, 1 },
		{ 48001, OK, 0, 0 },
	};
	struct limits *l = limits_new(key);
	unsigned which;
	int64_t wait;

	(void)state;
	EACH(cases, c) {
		which = 0;
		wait = 0;
		CHECK_INT(limits_account(l, 7, LIMITS_ACCOUNT_RCPTS, rates, c->now_ms, &which, &wait),
			c->fault);
		CHECK_INT(which, c->which);
		CHECK_INT(wait, c->wait_ms);
	}
	/* others, and other kinds, are counted apart */
	CHECK_INT(limits_account(l, 8, LIMITS_ACCOUNT_RCPTS, rates, 24030, &which, &wait), OK);
	CHECK_INT(limits_account(l, 7 + 2048, LIMITS_ACCOUNT_RCPTS, rates, 24030, &which, &wait), OK);
	CHECK_INT(limits_account(l, 7, LIMITS_ACCOUNT_MESSAGES, rates, 24030, &which, &wait), OK);
	limits_free(l);
}

static void
when_more_is_possible_is_true(void **state)
{
	struct limits *l = limits_new(key);
	int64_t now = 1000000, refused = 0;
	uint32_t seed = 1;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		unsigned which;
		int64_t wait;

		seed = seed * 1103515245 + 12345;
		now += seed >> 16 & 255;
		if (limits_account(l, 7, LIMITS_ACCOUNT_MESSAGES, rates, now, &which, &wait) == OK)
			continue;
		refused++;
		CHECK(wait > 0);
		if (wait > 1 && which == 0) {
			int64_t other;
			unsigned other_which;

			CHECK_INT(limits_account(l, 7, LIMITS_ACCOUNT_MESSAGES, rates, now + wait - 1,
					  &other_which, &other),
				ACCOUNT_LIMIT);
		}
		now += wait;
		/* the hour's wait over, the day's may follow */
		if (limits_account(l, 7, LIMITS_ACCOUNT_MESSAGES, rates, now, &which, &wait) != OK)
			CHECK_INT(which, 1);
	}
	CHECK(refused > 100);
	limits_free(l);
}

static void
accounts_that_are_quiet_give_way_when_all_places_are_taken(void **state)
{
	struct limits *l = limits_new(key);
	unsigned which;
	int64_t wait;

	(void)state;
	for (uint32_t n = 0; n < 9; n++)
		CHECK_INT(limits_account(
				  l, 7 + n * 2048, LIMITS_ACCOUNT_RCPTS, rates, 24000 + n, &which, &wait),
			OK);
	for (uint32_t n = 1; n < 9; n++)
		CHECK_INT(limits_account(l, 7 + n * 2048, LIMITS_ACCOUNT_RCPTS, rates, 24010, &which, &wait),
			OK);
	for (uint32_t n = 1; n < 9; n++)
		CHECK_INT(limits_account(l, 7 + n * 2048, LIMITS_ACCOUNT_RCPTS, rates, 24020, &which, &wait),
			OK);
	for (uint32_t n = 1; n < 9; n++)
		CHECK_INT(limits_account(l, 7 + n * 2048, LIMITS_ACCOUNT_RCPTS, rates, 24030, &which, &wait),
			ACCOUNT_LIMIT);
	limits_free(l);
}

T_MAIN(T(a_client_has_so_many_connections_over_all_processes),
	T(leaving_more_often_than_entering_counts_nothing), T(a_rate_is_that_of_the_last_window),
	T(messages_have_a_rate_of_their_own), T(other_events_have_rates_of_their_own),
	T(a_refused_connection_is_not_counted), T(a_dead_process_leaves_nothing_behind),
	T(a_full_table_lets_clients_without_connections_go), T(processes_that_push_each_other_leave_no_trace),
	T(too_many_names_behind_an_address_cost_its_trust), T(names_of_another_time_are_not_counted),
	T(more_addresses_than_places_make_others_give_way), T(an_account_sends_so_much_an_hour_and_a_day),
	T(when_more_is_possible_is_true), T(accounts_that_are_quiet_give_way_when_all_places_are_taken))
