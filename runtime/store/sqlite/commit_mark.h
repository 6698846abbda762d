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

struct commit_mark_record {
    uint64_t a, b;
    uint8_t hash[SHA256_SIZE];
};

struct commit_mark {
    int fd;                               /* -1 = closed */
    uint64_t counts[COMMIT_MARK_RECORDS]; /* of the writes to each record */
};

/* Creates the file if need be. 0 or the system's error (errno). */
must_check int commit_mark_open(struct commit_mark *m, const char *directory);
/* The same for reading only: without a file nothing is known. */
must_check int commit_mark_look(struct commit_mark *m, const char *directory);
void commit_mark_close(struct commit_mark *m);
/* false: nothing is known. Any thread that does not write this record. */
must_check bool commit_mark_read(const struct commit_mark *m, uint32_t number,
                                 struct commit_mark_record *record);
/* Written, not synced. If it fails, the record before it stays. */
void commit_mark_write(struct commit_mark *m, uint32_t number,
                       const struct commit_mark_record *record);
/* false: what was written may not survive power loss. */
must_check bool commit_mark_sync(struct commit_mark *m);

#endif
