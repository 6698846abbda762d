/* SPDX-License-Identifier: Apache-2.0 */
/* Journal store: what makes batches durable and hands them out again. One of the two interfaces
 * between the runtime and whatever stores things; the other is view_store.h. A product may have
 * both (SQLite has) or one of them: nothing here knows where the views are.
 *
 * All calls block. Those of the journal worker are made by that thread alone; the others by any
 * thread, at the same time.
 *
 * A failed append means: nothing of it is durable (STORE_FULL, IO before the commit), or it is not
 * known (UNKNOWN). After IO and UNKNOWN the store must be reopened and its tail read before the
 * next append; an fsync error is never retried. GONE from reopen: what was stored is not where it
 * was any more; this process must write nothing more. */
#ifndef STORE_JOURNAL_STORE_H
#define STORE_JOURNAL_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/check.h"
#include "runtime/base/error.h"
#include "runtime/base/slice.h"
#include "runtime/base/slot_map.h"
#include "runtime/store/store_position.h"

/* One row of the journal. hash = SHA-256 over shard, seq, epoch, count, prev_hash and body. */
struct batch_row {
    uint16_t shard;
    uint64_t seq; /* 1, 2, 3, ... per shard without gaps */
    uint64_t epoch;
    uint32_t count; /* records in the body */
    struct sha256_digest prev_hash;
    struct sha256_digest hash;
    struct slice body;
};

/* Batches of one shard that follow each other, to be appended, and what became of them. */
struct batch_run {
    const struct batch_row *rows;
    uint32_t count;
    enum err result;
};

/* false stops the reading. The row is valid during the call only. */
typedef bool (*batch_row_cb)(void *context, const struct batch_row *row);

struct journal_store;

struct journal_store_ops {
    /* --- journal worker ----------------------------------------------------------------------- */
    /* Makes runs of different shards durable in one transaction. A run of which `epoch` is not the
     * shard's current lease epoch, or that does not continue the journal's head, is left out:
     * FENCED. All others have one result: they are durable together or none of them is. */
    void (*append)(struct journal_store *s, struct batch_run *runs, uint32_t count);
    /* Deletes the batches first_seq, first_seq + 1, ...: recovery's cut of a damaged tail that was
     * never acknowledged. FENCED unless `epoch` is the shard's current one. NULL unless `tears`. */
    enum err (*cut)(struct journal_store *s, uint16_t shard, uint64_t epoch, uint64_t first_seq);
    /* Drops the handle that appends and opens it anew. */
    enum err (*reopen)(struct journal_store *s);
    enum err (*lease_take)(struct journal_store *s, uint16_t shard, struct slice owner,
                           uint64_t *epoch);
    enum err (*lease_release)(struct journal_store *s, uint16_t shard, uint64_t epoch);
    /* The newest batch that something beside the journal remembers as committed; seq 0 = nothing
     * does. It may be older than the head; a journal that ends before it has lost its end. */
    enum err (*committed)(struct journal_store *s, uint16_t shard,
                          struct store_position *position);

    /* --- any worker: committed batches only --------------------------------------------------- */
    /* The batches from first_seq on, in order. Checks nothing but the row format: that the seqs
     * have no gap and the hashes hold is for the caller to see. */
    enum err (*tail)(struct journal_store *s, uint16_t shard, uint64_t first_seq,
                     batch_row_cb row, void *context);
    /* The seq of the newest batch, 0 if none. */
    enum err (*head)(struct journal_store *s, uint16_t shard, uint64_t *seq);

    /* --- views worker ------------------------------------------------------------------------- */
    /* After each step of the projector: work that would delay an append if it were part of one,
     * such as moving batches from where appending is quick to where they stay. */
    void (*tidy)(struct journal_store *s);

    /* Bytes on disk, for `payctl store status`. Any thread. */
    enum err (*size)(struct journal_store *s, uint64_t *bytes);
    /* No call may be under way. */
    void (*close)(struct journal_store *s);
};

struct journal_store {
    const struct journal_store_ops *ops;
    const char *name; /* "sqlite" */
    const char *location; /* where the journal is, for people: a file */
    /* Which shard has which slots, as it was stored when the deployment was made. */
    const struct slot_map *slots;
    bool tears;       /* a crash may leave the newest batch torn. false: the engine takes torn
                         writes back itself, so a damaged batch is always damage and never cut */
};

#endif
