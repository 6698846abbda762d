/* SPDX-License-Identifier: Apache-2.0 */
/* Journal of one shard: collects the records of turns into batches and has them made durable in
 * order, one append at a time, by the committer of all shards. Answers are deferred to their batch
 * and given back only when it is durable.
 *
 * The owner calls it around each turn and each pass, and turns write straight into `open`. All is
 * for the loop's thread; the appends run on the journal worker by themselves. */
#ifndef JOURNAL_JOURNAL_H
#define JOURNAL_JOURNAL_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/env.h"
#include "runtime/base/list.h"
#include "runtime/journal/batch.h"
#include "runtime/journal/committer.h"
#include "runtime/observe/histogram.h"

#define JOURNAL_BATCH_BYTES ((size_t)64 << 10)     /* a batch closes at this size */
#define JOURNAL_BATCH_BYTES_MAX ((size_t)64 << 20) /* no turn may write more */
#define JOURNAL_QUEUE_BYTES ((size_t)16 << 20)     /* closed, not durable: no more turns */
/* Durable batches with sends are kept in memory up to so much and so many: the answers to what left
 * come soon, and ask for what was recorded then. */
#ifndef JOURNAL_RECENT_BYTES /* the simulator reads more of them back */
#define JOURNAL_RECENT_BYTES ((size_t)8 << 20)
#endif
#define JOURNAL_RECENT_BATCHES 64
#define JOURNAL_APPENDS 2                          /* one on the worker, one behind it */

struct journal_stats {
    uint64_t batches, records, bytes, appends;
    uint64_t append_ns_sum, append_ns_max;
    struct histogram batch_records, append_ns; /* units: runtime/observe/histogram.h */
};

/* While `under_way`: queued at the worker, running there, or coming back. */
struct journal_append {
    struct append append;
    struct journal *journal;
    bool under_way;
};

struct journal {
    struct env *env;
    struct committer *committer;
    uint16_t shard;
    uint64_t epoch;

    /* Batches by their state: committed_seq < in flight < closed < open, without a gap. */
    struct batch *open;        /* NULL only from a failure to journal_resume() */
    struct fifo closed;        /* wait for room among `handed`, oldest first */
    struct fifo in_flight;     /* handed over to the worker, oldest first; may be durable already */
    struct fifo recent;        /* durable, oldest first */
    struct fifo free;          /* with their buffers */
    size_t queued_bytes;       /* of those closed or in flight */
    size_t recent_bytes;
    uint32_t recent_count;
    uint64_t committed_seq;
    struct sha256_digest hash; /* of the last durable batch */

    struct journal_append appends[JOURNAL_APPENDS];
    uint32_t under_way; /* of these */
    enum err failure;   /* of the first append that failed; none is started after it */
    uint32_t doubtful;  /* batches in it, the oldest in `in_flight` */

    struct {
        pthread_mutex_t lock; /* guards all below */
        struct batch_row rows[APPEND_BATCHES];
        uint32_t count;
        bool called; /* an append that will take them is under way to the worker */
    } handed;
    struct {
        struct sha256_digest hash; /* of the last batch appended */
        bool broken;               /* an append failed: do nothing more */
    } at_worker; /* the worker's while an append is under way */

    /* The owner's, set after journal_init(); called on the loop, never inside another call here. A
     * batch became durable: the owner takes all its deferred answers, then the batch is reused. An
     * append failed, and nothing is under way any more: the journal does nothing until the owner
     * has called journal_resume() or journal_retract(). */
    void (*on_durable)(void *context, struct batch *b);
    void (*on_failure)(void *context, enum err e);
    void *context;
    struct journal_stats stats;
};

void journal_init(struct journal *j, struct env *env, struct committer *committer, uint16_t shard);
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

/* A batch that is in memory (open, closed, in flight or recent), or NULL. */
struct batch *journal_batch(struct journal *j, uint64_t seq);

/* After a failure: takes the batches that are not known to be durable, one by one, oldest first,
 * the open one last; NULL: no more. Each is the caller's until journal_spare(). */
struct batch *journal_take_failed(struct journal *j);

/* The same, but leaves what the store is working on. Call while journal.open is set. */
struct batch *journal_take_unsent(struct journal *j);

/* Gives a batch that failed back, to be used again; its deferred answers were taken. */
void journal_spare(struct journal *j, struct batch *b);

#endif
