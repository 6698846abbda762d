/* SPDX-License-Identifier: Apache-2.0 */
/* Journal of one shard: collects the records of turns into batches and makes them durable in order,
 * one append at a time (group commit). A batch closes at the end of a pass or at
 * JOURNAL_BATCH_BYTES and is handed over to the store's journal worker, which takes all that lies
 * there whenever it is free: it never waits for the loop between two appends. Answers are deferred
 * to their batch and given back only when it is durable. Loop thread, except the appends. */
#ifndef JOURNAL_JOURNAL_H
#define JOURNAL_JOURNAL_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/env.h"
#include "runtime/base/list.h"
#include "runtime/journal/record.h"
#include "runtime/observe/histogram.h"
#include "runtime/store/store.h"

#define JOURNAL_BATCH_BYTES ((size_t)64 << 10)     /* a batch closes at this size */
#define JOURNAL_BATCH_BYTES_MAX ((size_t)64 << 20) /* no turn may write more */
#define JOURNAL_QUEUE_BYTES ((size_t)16 << 20)     /* closed, not durable: no more turns */
#define JOURNAL_APPEND_BATCHES 32                  /* at most in one store transaction */
#define JOURNAL_APPENDS 2                          /* one on the worker, one behind it */

#define BATCH_MARK_ITEMS 16

/* A position in a batch from which a walk over its items can go on. */
struct batch_mark {
    struct record_reader reader; /* its position in the body is `at`: the body moves as it grows */
    size_t at;
};

/* One batch on its way. */
struct batch {
    struct fifo_link link;
    uint64_t seq;
    uint32_t records;
    uint32_t items;
    struct wire_writer body;
    struct fifo deferred;          /* answers (struct message.link) waiting for this batch */
    struct sha256_digest hash;  /* known once its append has ended */
    struct batch_mark *marks;   /* one every BATCH_MARK_ITEMS, as far as anybody walked */
    uint32_t mark_count, mark_cap;
};

struct journal_stats {
    uint64_t batches, records, bytes, appends;
    uint64_t append_ns_sum, append_ns_max;
    struct histogram batch_records, append_ns; /* units: runtime/observe/histogram.h */
};

/* One store transaction, while `under_way`: queued at the worker, running there, or coming back. */
struct append {
    struct work work;
    struct journal *journal;
    struct batch_row rows[JOURNAL_APPEND_BATCHES];
    uint32_t count;
    enum err result;
    uint64_t took_ns;
    bool under_way;
};

struct journal {
    struct env *env;
    struct worker *worker;
    struct store *store;
    uint16_t shard;
    uint64_t epoch;

    struct batch *open;        /* being filled; never NULL while running */
    struct fifo closed;        /* finished, wait for room among `handed` */
    struct fifo in_flight;     /* handed over to the worker, oldest first; may be durable already */
    struct fifo spare;         /* free list: batches with their buffers */
    size_t queued_bytes;       /* of those closed or in flight */
    uint64_t committed_seq;
    struct sha256_digest hash; /* of the last durable batch */

    struct append appends[JOURNAL_APPENDS];
    uint32_t under_way; /* of these */
    enum err failure;   /* of the first append that failed; none is started after it */
    uint32_t doubtful;  /* batches in it, the oldest in `in_flight` */

    struct {
        pthread_mutex_t lock; /* guards all below */
        struct batch_row rows[JOURNAL_APPEND_BATCHES];
        uint32_t count;
        bool called; /* an append that will take them is under way to the worker */
    } handed;
    struct {
        struct sha256_digest hash; /* of the last batch appended */
        bool broken;               /* an append failed: do nothing more */
    } at_worker; /* the worker's while an append is under way */

    /* The owner's, called on the loop. A batch became durable: the owner takes its deferred
     * answers, then the batch is reused. An append failed: the journal stands still until
     * journal_resume() or journal_retract(). */
    void (*on_durable)(void *context, struct batch *b);
    void (*on_failure)(void *context, enum err e);
    void *context;
    struct journal_stats stats;
};

void journal_init(struct journal *j, struct env *env, struct worker *worker, struct store *store,
                  uint16_t shard);
void journal_done(struct journal *j);

/* Starts, or starts over: `seq` and `hash` are those of the last durable batch, `epoch` that of the
 * lease. Nothing may be closed or with the worker; an open batch is dropped. */
void journal_resume(struct journal *j, uint64_t epoch, uint64_t seq,
                    const struct sha256_digest *hash);

/* Call before each pass that runs turns. The newest batch is taken back from the worker and goes on
 * growing, if the worker has not begun with it and is busy with an append before it: few large
 * batches cost less than many small ones. */
void journal_reopen(struct journal *j);

/* Call after each pass: what its turns wrote goes to the worker. */
void journal_flush(struct journal *j);

/* An empty batch, to find out whether a full store accepts writes again. */
void journal_probe(struct journal *j);

/* After a failed append of which nothing is durable: takes back the batches since the last durable
 * one and goes on after that. false, and nothing done, if anything is in them or waits for them. */
must_check bool journal_retract(struct journal *j);

/* Call after each turn: a full batch goes to the worker. */
void journal_turn_done(struct journal *j);

/* True: no turn may write now. */
static inline bool journal_full(const struct journal *j)
{
    return j->queued_bytes >= JOURNAL_QUEUE_BYTES;
}

static inline bool journal_durable(const struct journal *j, uint64_t seq)
{
    return seq <= j->committed_seq;
}

/* Nothing is with the worker or on its way back. */
static inline bool journal_at_rest(const struct journal *j)
{
    return j->under_way == 0;
}

/* Nothing written that is not durable. */
static inline bool journal_idle(const struct journal *j)
{
    return journal_at_rest(j) && fifo_empty(&j->closed) && j->open->records == 0;
}

/* Holds an answer until batch seq is durable; it must not be yet. */
void journal_defer(struct journal *j, uint64_t seq, struct fifo_link *answer);

/* A batch that is still in memory (open, closed or in flight), or NULL. */
struct batch *journal_batch(struct journal *j, uint64_t seq);

/* Walks to an event (RECORD_EVENT), or to the end (RECORD_END) of the record that begins with this
 * item; it must be there. What *r then points into is valid until the batch grows. A walk begins at
 * the nearest mark before the item, so items may be asked for in any order. */
void batch_find(struct batch *b, struct record_reader *r, uint32_t item, enum record_part part);

/* Takes back what was written beyond this length of the body. */
void batch_cut(struct batch *b, size_t len);

/* After a failure: takes all batches that are not known to be durable, oldest first, the open one
 * last if it has records or deferred answers; return each with journal_spare(). */
struct batch *journal_take_failed(struct journal *j);

/* The same, but leaves what the store is working on. */
struct batch *journal_take_unsent(struct journal *j);
void journal_spare(struct journal *j, struct batch *b);

#endif
