/* test/crash/disk.h - a disk whose power can be cut
 * The program's file calls (our own and LMDB's alike: the symbols of libc are interposed by disk.c) work on a real directory and
 * are recorded there: every write with its bytes, every flush, every change of a name. From the record the contents of the disk can be made as they would
 * be had the power gone at any moment: what was flushed is there; of what was not, any subset is, whole or torn in sectors, in any order;
 * names that were not flushed are there up to some point in their order. Not thread-safe: the thread that records is the one that writes. */
#ifndef TEST_CRASH_DISK_H
#define TEST_CRASH_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Begins recording what happens below root; what is there already counts as durable. */
void disk_record(const char *root);
void disk_stop(void); /* no more is recorded; the record stays */
void disk_forget(void);
size_t disk_ops(void);                /* so far: a moment between two operations */
size_t disk_base(void);               /* of them, those that stand for what was there when the record began */
const char *disk_describe(size_t op); /* for messages; static buffer */

enum disk_fate {
	DISK_NOTHING,    /* of what was not flushed, nothing is there */
	DISK_EVERYTHING, /* all of it is: a kill, not a power cut */
	DISK_SOME        /* whatever chance wills */
};
/* Makes in `to` (an empty directory) what the disk holds when the power goes before operation `moment`. */
void disk_image(size_t moment, enum disk_fate fate, uint64_t seed, const char *to);

/* Faults to come: from now on the n-th write (1 = the next) and those after it fail with this errno, `count` times. */
void disk_fail_writes(size_t n, size_t count, int error);
void disk_fail_flushes(size_t n, size_t count, int error);
size_t disk_writes(void); /* made since disk_record */

#endif
