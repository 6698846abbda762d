/* SPDX-License-Identifier: Apache-2.0 */
/* The one interface between the runtime and whatever makes things durable. All calls block; each
 * group belongs to one worker (thread), and a store lets its workers work at the same time. Two
 * stores implement it: store_sqlite.c (embedded) and store_sim.c (simulator).
 *
 * A failed append means: nothing of it is durable (STORE_FULL, IO before the commit), or it is not
 * known (UNKNOWN). After IO and UNKNOWN the journal handle must be reopened with store_reopen() and
 * its tail read before the next append; an fsync error is never retried. GONE from reopen: what was
 * stored is not where it was any more; this process must write nothing more. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/check.h"
#include "runtime/base/error.h"
#include "runtime/base/id128.h"
#include "runtime/base/sha256.h"
#include "runtime/base/slice.h"
#include "runtime/store/views.h"

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

/* false stops the reading. The row is valid during the call only. */
typedef bool (*batch_row_cb)(void *context, const struct batch_row *row);

/* Where the views and states stand. */
struct store_position {
    uint64_t seq; /* everything up to this batch is projected; 0 = nothing */
    struct sha256_digest hash; /* of that batch */
    uint64_t time_ns;          /* of the last event projected */
};

/* One actor's state as of the position. body.len == 0 deletes it. */
struct state_row {
    uint16_t shard;
    uint16_t kind;
    struct id128 id;
    uint64_t due_ns; /* its next durable deadline; 0 = none */
    struct slice body;
};

typedef bool (*state_row_cb)(void *context, const struct state_row *row);

struct store_ops {
    /* --- journal worker ----------------------------------------------------------------------- */
    /* Makes the batches durable, all or none, if `epoch` is the shard's current lease epoch and
     * the first continues the journal's head; else FENCED. */
    enum err (*append)(struct store *s, const struct batch_row *rows, uint32_t count);
    /* Deletes the batches first_seq, first_seq + 1, ...: recovery's cut of a damaged tail that was
     * never acknowledged. FENCED unless `epoch` is the shard's current one. */
    enum err (*cut)(struct store *s, uint16_t shard, uint64_t epoch, uint64_t first_seq);
    /* Drops the journal handle and opens it anew. */
    enum err (*reopen)(struct store *s);
    enum err (*lease_take)(struct store *s, uint16_t shard, struct slice owner, uint64_t *epoch);
    enum err (*lease_release)(struct store *s, uint16_t shard, uint64_t epoch);

    /* --- any worker: committed data only ------------------------------------------------------ */
    /* The batches from first_seq on, in order. Checks nothing but the row format: that the seqs
     * have no gap and the hashes hold is for the caller to see. */
    enum err (*tail)(struct store *s, uint16_t shard, uint64_t first_seq, batch_row_cb row,
                     void *context);
    /* The seq of the newest batch, 0 if none. */
    enum err (*head)(struct store *s, uint16_t shard, uint64_t *seq);
    /* The newest batch that something beside the journal remembers as committed; seq 0 = nothing
     * does. It may be older than the head; a journal that ends before it has lost its end. Journal
     * worker. */
    enum err (*committed)(struct store *s, uint16_t shard, struct store_position *position);
    enum err (*position)(struct store *s, uint16_t shard, struct store_position *position);
    /* ERR_NOT_FOUND if there is no such state. */
    enum err (*state_load)(struct store *s, uint16_t shard, uint16_t kind, struct id128 id,
                           state_row_cb row, void *context);
    /* States whose due_ns is not 0 and <= due_ns_max, soonest first. */
    enum err (*states_due)(struct store *s, uint16_t shard, uint64_t due_ns_max, state_row_cb row,
                           void *context);
    /* All states of a kind, in id order, strictly after `after`. */
    enum err (*states_each)(struct store *s, uint16_t shard, uint16_t kind, struct id128 after,
                            state_row_cb row, void *context);
    enum err (*scan)(struct store *s, const struct view_scan *q, view_row_cb row, void *context);
    enum err (*get)(struct store *s, const struct view_table *t, const struct value *key,
                    view_row_cb row, void *context);

    /* --- views worker: one transaction at a time ---------------------------------------------- */
    enum err (*begin)(struct store *s);
    enum err (*put_state)(struct store *s, const struct state_row *row);
    enum err (*put_row)(struct store *s, const struct view_table *t, const struct value *row);
    enum err (*delete_row)(struct store *s, const struct view_table *t, const struct value *key);
    /* Commits rows, states and the new position together. The transaction ends either way; after
     * a failure position() tells what is in the store. */
    enum err (*commit)(struct store *s, uint16_t shard, const struct store_position *position);
    void (*rollback)(struct store *s);
    /* Empties views, states and position of all shards: the projector starts again at batch 1. */
    enum err (*views_drop)(struct store *s);

    /* The views gave what they cannot hold: the next opening makes them anew, where that was
     * allowed. Until then they stay as they are. Any worker, and the loop. */
    void (*views_damaged)(struct store *s);

    /* Bytes on disk of journal and views, for `payctl store status`. */
    enum err (*sizes)(struct store *s, uint64_t *journal_bytes, uint64_t *views_bytes);
    void (*close)(struct store *s);
};

struct store {
    const struct store_ops *ops;
    const char *name; /* "sqlite" */
    const char *location; /* where the journal is, for people: a file */
    bool tears;       /* a crash may leave the newest batch torn. false: the engine takes torn
                         writes back itself, so a damaged batch is always damage and never cut */
};

#endif
