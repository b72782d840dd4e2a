/* store/embedded/index.h - ordered rows under transactions
 * The only file that knows LMDB. One environment, one table of rows (key -> value, keys in byte order). One process writes, any
 * number read; a read transaction sees one moment. One environment may be opened once in a process. Never waits for a peer; commit and
 * sync wait for the disk.
 *
 * Faults: NOT_FOUND; STORE_FULL (no space); STORE_CORRUPT (its pages are damaged); STORE_DOWN (anything else; logged). After any
 * fault but NOT_FOUND a write transaction is worth nothing and can only be ended. */
#ifndef STORE_EMBEDDED_INDEX_H
#define STORE_EMBEDDED_INDEX_H

#include "base/fault.h"
#include "base/log.h"

enum {
	KEY_MOST = 511,
	ROW_MOST = 2030, /* key and value together: what still stands in a page and not in pages of its own */
};

struct index;
struct index_txn;

struct index_settings {
	const char *dir;    /* exists */
	uint64_t map_bytes; /* address space; 0: what the writer chose (readers) or 1 TiB */
	bool read_only;
	bool unsynced; /* commits are not flushed: index_sync does it (rebuilding) */
};
enum fault index_open(const struct index_settings *set, const struct log *log, struct index **ret);
void index_close(struct index *ix); /* all transactions ended */

/* Reading transactions are pooled: beginning one costs nanoseconds. They may begin and end on different threads. */
enum fault index_begin_read(struct index *ix, struct index_txn **ret);
enum fault index_begin_write(struct index *ix, struct index_txn **ret);
void index_end(struct index_txn *t);          /* a write transaction is undone; calm with NULL */
enum fault index_commit(struct index_txn *t); /* gone in any case */
enum fault index_sync(struct index *ix);      /* what is committed is on disk */
uint64_t index_bytes(struct index *ix);       /* of its file */

/* Values are borrowed: until the end of a read transaction, until the next change in a write transaction. */
enum fault index_get(struct index_txn *t, str key, str *ret);
enum fault index_put(struct index_txn *t, str key, str value);
enum fault index_remove(struct index_txn *t, str key);
/* The first row whose key is >= key; then index_step gives the one behind it, and so on, until something is changed. */
enum fault index_seek(struct index_txn *t, str key, str *ret_key, str *ret_value);
enum fault index_step(struct index_txn *t, str *ret_key, str *ret_value);
/* The last row whose key is <= key. */
enum fault index_seek_back(struct index_txn *t, str key, str *ret_key, str *ret_value);

#endif
