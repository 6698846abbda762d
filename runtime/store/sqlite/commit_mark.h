/* SPDX-License-Identifier: Apache-2.0 */
/* The commit mark: a small file beside the two databases with how far they had come, so that a
 * start notices if less is there. It may lag behind them, it never leads. Each record is written by
 * one worker; different records by different workers at once. */
#ifndef SQLITE_COMMIT_MARK_H
#define SQLITE_COMMIT_MARK_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/check.h"
#include "runtime/base/sha256.h"

#define COMMIT_MARK_FILE "commit-mark"
#define COMMIT_MARK_VIEWS 0     /* sqlite_checkpoint.c says what is in it */
#define COMMIT_MARK_SHARD 1     /* + shard: a = seq of the newest batch, hash = its hash */
#define COMMIT_MARK_RECORDS 257 /* a record of a higher number is neither written nor read */
#define COMMIT_MARK_CHECK_SIZE 8

struct commit_mark_record {
    uint64_t a, b;
    uint8_t hash[SHA256_SIZE];
};

/* As in the file. */
struct commit_mark_slot {
    uint64_t count; /* of the notes of this record, little-endian; the larger is newer */
    struct commit_mark_record record;
    uint8_t check[COMMIT_MARK_CHECK_SIZE];
};

struct commit_mark {
    int fd; /* -1 = closed */
    /* Of who writes: as the file is to be, and how many notes of each record there were. */
    struct commit_mark_slot slots[COMMIT_MARK_RECORDS][2];
    uint64_t counts[COMMIT_MARK_RECORDS];
};

/* Creates the file if need be. 0 or the system's error (errno). */
must_check int commit_mark_open(struct commit_mark *m, const char *directory);
/* The same for reading only: without a file nothing is known. */
must_check int commit_mark_look(struct commit_mark *m, const char *directory);
void commit_mark_close(struct commit_mark *m);
/* false: nothing is known. Any thread that does not write this record. */
must_check bool commit_mark_read(const struct commit_mark *m, uint32_t number,
                                 struct commit_mark_record *record);
/* In memory: it is written with the next write of this record. */
void commit_mark_note(struct commit_mark *m, uint32_t number,
                      const struct commit_mark_record *record);
/* Writes the records from first to last, which are all this thread's, in one call; does not sync
 * them. Of one that could not be written the note before stays. */
void commit_mark_write(const struct commit_mark *m, uint32_t first, uint32_t last);
/* false: what was written may not survive power loss. */
must_check bool commit_mark_sync(struct commit_mark *m);

#endif
