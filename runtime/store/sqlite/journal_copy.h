/* SPDX-License-Identifier: Apache-2.0 */
/* Journal copy: a data directory made of batches that were committed elsewhere, as they are, each
 * under its own epoch and hash. No node runs on it meanwhile. The batches of a shard are added in
 * their order; whether one follows the one before is for the caller to see. Blocks; any one
 * thread. */
#ifndef SQLITE_JOURNAL_COPY_H
#define SQLITE_JOURNAL_COPY_H

#include "runtime/store/sqlite/store_sqlite.h"

#define JOURNAL_COPY_SHARDS 256

struct store_sqlite;

/* The end of a shard. */
struct journal_copy_end {
    uint64_t seq, epoch;
    struct sha256_digest hash;
};

struct journal_copy {
    struct journal_store *journal;
    struct view_store *views; /* empty: the first start makes them */
    struct store_sqlite *store;
    struct journal_copy_end ends[JOURNAL_COPY_SHARDS];
    size_t pending;   /* bytes added since the last commit ... */
    size_t unmerged;  /* ... and since the WAL was last copied into the file */
    bool open;        /* a transaction is */
};

/* Makes the directory that the options name, or goes on with a copy that it has: `ends` says where
 * that stands. On failure `reason` has file, cause and remedy in one line. */
must_check enum err journal_copy_open(struct journal_copy *c,
                                      const struct store_sqlite_options *options, char *reason,
                                      size_t reason_size);
must_check enum err journal_copy_add(struct journal_copy *c, const struct batch_row *row);
/* Makes durable what was added, and gives all shards their slots and leases, so that a node of as
 * many starts on it. `epochs` of all may be NULL: only what the batches say. */
must_check enum err journal_copy_finish(struct journal_copy *c, const struct slot_map *slots,
                                        const uint64_t *epochs);
/* After every journal_copy_open() that succeeded; what was not finished may be missing. */
void journal_copy_close(struct journal_copy *c);

#endif
