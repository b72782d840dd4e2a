#include "store/embedded/index.h"

#include "base/list.h"
#include "base/mem.h"

#include <lmdb.h>

#include <errno.h>
#include <sysexits.h>

enum { MOST_READERS = 4096, CHECK_READERS_EVERY = 1000, POOLED = 64 };
#define MAP_BYTES ((uint64_t)1 << 40)

#ifdef POSTRIDER_SABOTAGE_TRUST_INDEX /* to prove that the crash tests see it: an index never flushed, and believed */
#define SABOTAGE_FLAGS MDB_NOSYNC
#else
#define SABOTAGE_FLAGS 0
#endif

struct index {
	MDB_env *env;
	MDB_dbi rows;
	const struct log *log;
	struct link pooled; /* read transactions that were reset */
	size_t pooled_n;
	uint64_t commits;
};

struct index_txn {
	struct index *ix;
	MDB_txn *txn;
	MDB_cursor *cursor; /* opened when first needed */
	bool write;
	struct link link;
};

static enum fault
fault_of_mdb(struct index *ix, int rc, const char *what)
{
	switch (rc) {
	case 0: return OK;
	case MDB_NOTFOUND: return NOT_FOUND;
	case MDB_READERS_FULL: return TOO_BUSY;
	default: break;
	}
	log_error(ix->log, "index-failed", kv_c("doing", what), kv_c("error", mdb_strerror(rc)));
	switch (rc) {
	case ENOSPC:
	case EDQUOT:
	case MDB_MAP_FULL: return STORE_FULL;
	case MDB_CORRUPTED:
	case MDB_PAGE_NOTFOUND:
	case MDB_CURSOR_FULL:
	case MDB_INVALID:
	case MDB_VERSION_MISMATCH: return STORE_CORRUPT;
	default: return STORE_DOWN;
	}
}

static enum fault
open_rows(struct index *ix, const struct index_settings *set)
{
	MDB_txn *txn;
	int rc = mdb_txn_begin(ix->env, NULL, set->read_only ? MDB_RDONLY : 0, &txn);

	if (rc == 0) {
		rc = mdb_dbi_open(txn, NULL, 0, &ix->rows);
		if (rc == 0)
			rc = mdb_txn_commit(txn);
		else
			mdb_txn_abort(txn);
	}
	return fault_of_mdb(ix, rc, "open its rows");
}

/* NOMETASYNC: a commit flushes its pages, then writes the meta page, which the next commit flushes: never torn, and the log has what the
 * last commit may lose. NORDAHEAD: rows of strangers are read at random; reading ahead would push out what is hot. NOTLS: a
 * transaction belongs to a fiber, not to a thread. */
enum fault
index_open(const struct index_settings *set, const struct log *log, struct index **ret)
{
	unsigned flags = MDB_NOTLS | MDB_NORDAHEAD | SABOTAGE_FLAGS;
	struct index *ix = NEW(struct index);
	enum fault f;
	int dead, rc;

	flags |= set->read_only ? MDB_RDONLY : set->unsynced ? MDB_NOSYNC : MDB_NOMETASYNC;
	ix->log = log;
	list_init(&ix->pooled);
	rc = mdb_env_create(&ix->env);
	if (rc == 0 && (set->map_bytes || !set->read_only))
		rc = mdb_env_set_mapsize(ix->env, set->map_bytes ? set->map_bytes : MAP_BYTES);
	if (rc == 0)
		rc = mdb_env_set_maxreaders(ix->env, MOST_READERS);
	if (rc == 0)
		rc = mdb_env_open(ix->env, set->dir, flags, 0600);
	if (rc == 0)
		rc = mdb_reader_check(ix->env, &dead);
	f = fault_of_mdb(ix, rc, "open");
	if (f == OK)
		f = open_rows(ix, set);
	if (f != OK) {
		index_close(ix);
		return f;
	}
	*ret = ix;
	return OK;
}

static void
txn_free(struct index_txn *t)
{
	if (t->cursor)
		mdb_cursor_close(t->cursor);
	if (t->txn)
		mdb_txn_abort(t->txn);
	free(t);
}

void
index_close(struct index *ix)
{
	struct link *l;

	if (!ix)
		return;
	while ((l = list_take_first(&ix->pooled)))
		txn_free(CONTAINER(l, struct index_txn, link));
	if (ix->env)
		mdb_env_close(ix->env);
	free(ix);
}

/* ---- transactions ---- */

enum fault
index_begin_read(struct index *ix, struct index_txn **ret)
{
	struct link *l = list_take_first(&ix->pooled);
	struct index_txn *t;
	int rc;

	if (l) {
		t = CONTAINER(l, struct index_txn, link);
		ix->pooled_n--;
		rc = mdb_txn_renew(t->txn);
		if (rc == 0 && t->cursor)
			rc = mdb_cursor_renew(t->txn, t->cursor);
	} else {
		t = NEW(struct index_txn);
		t->ix = ix;
		rc = mdb_txn_begin(ix->env, NULL, MDB_RDONLY, &t->txn);
	}
	if (rc != 0) {
		txn_free(t);
		return fault_of_mdb(ix, rc, "begin to read");
	}
	*ret = t;
	return OK;
}

enum fault
index_begin_write(struct index *ix, struct index_txn **ret)
{
	struct index_txn *t = NEW(struct index_txn);
	int rc = mdb_txn_begin(ix->env, NULL, 0, &t->txn);

	t->ix = ix;
	t->write = true;
	if (rc != 0) {
		free(t);
		return fault_of_mdb(ix, rc, "begin to write");
	}
	*ret = t;
	return OK;
}

void
index_end(struct index_txn *t)
{
	if (!t)
		return;
	if (t->write || t->ix->pooled_n >= POOLED) {
		txn_free(t);
		return;
	}
	mdb_txn_reset(t->txn);
	list_prepend(&t->ix->pooled, &t->link);
	t->ix->pooled_n++;
}

enum fault
index_commit(struct index_txn *t)
{
	struct index *ix = t->ix;
	int dead, rc;

	if (t->cursor)
		mdb_cursor_close(t->cursor);
	rc = mdb_txn_commit(t->txn);
	free(t);
	/* A flush that failed leaves pages in the cache that are not on disk: nothing written after it would be safe. */
	if (rc == EIO) {
		log_error(ix->log, "index-flush-failed", kv_c("error", mdb_strerror(rc)));
		_exit(EX_IOERR);
	}
	if (rc == 0 && ++ix->commits % CHECK_READERS_EVERY == 0)
		(void)mdb_reader_check(ix->env, &dead);
	return fault_of_mdb(ix, rc, "commit");
}

enum fault
index_sync(struct index *ix)
{
	int rc = mdb_env_sync(ix->env, 1);

	if (rc != 0) {
		log_error(ix->log, "index-flush-failed", kv_c("error", mdb_strerror(rc)));
		_exit(EX_IOERR);
	}
	return OK;
}

uint64_t
index_bytes(struct index *ix)
{
	MDB_envinfo info;
	MDB_stat stat;

	if (mdb_env_info(ix->env, &info) != 0 || mdb_env_stat(ix->env, &stat) != 0)
		return 0;
	return ((uint64_t)info.me_last_pgno + 1) * stat.ms_psize;
}

/* ---- rows ---- */

static MDB_val
val_of(str s)
{
	return (MDB_val){ s.n, (void *)(uintptr_t)s.p };
}

static str
str_of_val(MDB_val v)
{
	return str_of(v.mv_data, v.mv_size);
}

enum fault
index_get(struct index_txn *t, str key, str *ret)
{
	MDB_val k = val_of(key), v;
	int rc = mdb_get(t->txn, t->ix->rows, &k, &v);

	if (rc == 0)
		*ret = str_of_val(v);
	return fault_of_mdb(t->ix, rc, "get");
}

enum fault
index_put(struct index_txn *t, str key, str value)
{
	MDB_val k = val_of(key), v = val_of(value);

	return fault_of_mdb(t->ix, mdb_put(t->txn, t->ix->rows, &k, &v, 0), "put");
}

enum fault
index_remove(struct index_txn *t, str key)
{
	MDB_val k = val_of(key);

	return fault_of_mdb(t->ix, mdb_del(t->txn, t->ix->rows, &k, NULL), "remove");
}

static int
cursor_get(struct index_txn *t, MDB_val *k, MDB_val *v, MDB_cursor_op op)
{
	int rc = 0;

	if (!t->cursor)
		rc = mdb_cursor_open(t->txn, t->ix->rows, &t->cursor);
	return rc ? rc : mdb_cursor_get(t->cursor, k, v, op);
}

static enum fault
give(struct index_txn *t, int rc, MDB_val k, MDB_val v, str *ret_key, str *ret_value)
{
	if (rc == 0) {
		*ret_key = str_of_val(k);
		*ret_value = str_of_val(v);
	}
	return fault_of_mdb(t->ix, rc, "walk");
}

enum fault
index_seek(struct index_txn *t, str key, str *ret_key, str *ret_value)
{
	MDB_val k = val_of(key), v = { 0 };

	return give(t, cursor_get(t, &k, &v, MDB_SET_RANGE), k, v, ret_key, ret_value);
}

enum fault
index_step(struct index_txn *t, str *ret_key, str *ret_value)
{
	MDB_val k = { 0 }, v = { 0 };

	return give(t, cursor_get(t, &k, &v, MDB_NEXT), k, v, ret_key, ret_value);
}

enum fault
index_seek_back(struct index_txn *t, str key, str *ret_key, str *ret_value)
{
	MDB_val k = val_of(key), v = { 0 };
	int rc = cursor_get(t, &k, &v, MDB_SET_RANGE);

	if (rc == MDB_NOTFOUND)
		rc = cursor_get(t, &k, &v, MDB_LAST);
	else if (rc == 0 && str_cmp(str_of_val(k), key) > 0)
		rc = cursor_get(t, &k, &v, MDB_PREV);
	return give(t, rc, k, v, ret_key, ret_value);
}
