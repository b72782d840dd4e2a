#include "roles/store/written.h"

#include "base/buf.h"
#include "base/hash.h"
#include "base/mem.h"
#include "test/t.h"

#include "store/embedded/test_store.h"

static uint64_t
address(uint32_t account, uint32_t n)
{
	char text[40];

	snprintf(text, sizeof(text), "friend%u@of%u.test", n, account);
	return hash_sum(str_c(text), 0);
}

static void
write_to(struct ts *t, uint32_t account, uint32_t from, uint32_t upto)
{
	uint64_t list[100];

	while (from < upto) {
		size_t n = 0;

		while (n < COUNT(list) && from < upto)
			list[n++] = address(account, from++);
		CHECK_INT(written_add(t->s, account, list, n), OK);
	}
}

static unsigned
known_of(struct ts *t, uint32_t account, uint32_t from, uint32_t upto)
{
	unsigned known = 0;

	for (uint32_t n = from; n < upto; n++)
		known += written_has(store_now(t->s), account, address(account, n));
	return known;
}

static void
whom_one_has_written_to_is_remembered(void **state)
{
	struct ts t;

	(void)state;
	ts_begin(&t);
	CHECK_INT(known_of(&t, 7, 0, 100), 0);
	write_to(&t, 7, 0, 1);
	CHECK_INT(known_of(&t, 7, 0, 100), 1);
	write_to(&t, 7, 1, 300);
	CHECK_INT(known_of(&t, 7, 0, 300), 300);
	CHECK(known_of(&t, 7, 10000, 20000) < 50); /* taken for known: fewer than one in two hundred */
	CHECK_INT(known_of(&t, 8, 0, 300), 0);
	/* it survives the end of the store */
	CHECK_INT(store_commit(t.s), OK);
	ts_close(&t);
	ts_open(&t);
	CHECK_INT(known_of(&t, 7, 0, 300), 300);
	CHECK_INT(written_forget(t.s, 7), OK);
	CHECK_INT(known_of(&t, 7, 0, 300), 0);
	ts_end(&t);
}

static void
the_oldest_give_way(void **state)
{
	struct ts t;

	(void)state;
	ts_begin(&t);
	write_to(&t, 7, 0, 8000);
	CHECK_INT(known_of(&t, 7, 0, 8000), 8000);
	CHECK(known_of(&t, 7, 10000, 20000) < 2500);
	write_to(&t, 7, 8000, 8900);
	CHECK_INT(known_of(&t, 7, 1000, 8900), 7900);
	CHECK(known_of(&t, 7, 0, 1000) < 500); /* the first thousand are new again, but for chance */
	ts_end(&t);
}

T_MAIN(T(whom_one_has_written_to_is_remembered), T(the_oldest_give_way))
