/* test/crash/load.h - a mixed load, what it was promised, and the judge of what is left
 * Deliveries to one and several mailboxes, large bodies, flags, copies, moves, expunges, people, index commits, compaction, against the real store.
 * Moments are numbers of disk operations (disk.h): each thing notes when it was issued and when it was promised. */
#ifndef TEST_CRASH_LOAD_H
#define TEST_CRASH_LOAD_H

#include "store/store.h"

void load_begin(uint64_t seed);
/* Runs so many batches. A batch whose flush is refused (disk_fail_writes) must not have happened, and the load goes on; *ret_refused counts
 * them. Ends the process with a message when the store does what it must not. */
void load_run(const char *dir, unsigned batches, unsigned *ret_refused);
struct store_settings load_settings(const char *dir);

/* Compares the store in dir (as a reader) with what had been promised by `moment`; each finding is printed. How many. */
int load_judge(const char *dir, size_t moment);
size_t load_copies(void);

/* An empty directory. */
void load_clear(const char *dir);

#endif
