/* SPDX-License-Identifier: Apache-2.0 */
/* Committer: makes batches of all shards of a process durable, on the one journal worker. What the
 * journals have handed over when the worker is free becomes one store transaction, whatever shard
 * it is of: sixteen busy shards wait for one sync together and not for sixteen, one after another.
 *
 * Posted from any loop. The worker and the store belong to the caller. */
#ifndef JOURNAL_COMMITTER_H
#define JOURNAL_COMMITTER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/env.h"
#include "runtime/base/list.h"
#include "runtime/store/journal_store.h"

#define COMMITTER_APPENDS_MAX 256            /* in one transaction ... */
#define COMMITTER_BYTES ((uint64_t)16 << 20) /* ... which takes no more from here on */
#define APPEND_BATCHES 32                    /* at most of one shard in it */

/* One shard's part of a transaction. It is its owner's, on the loop, until committer_post(), then
 * the committer's until work.done() has come home. */
struct append {
    struct work work; /* .done is the owner's */
    /* The owner's, on the worker. take() fills rows and count with what there is at that moment;
     * without any nothing is appended. ended() follows, before the next take(). */
    void (*take)(struct append *a);
    void (*ended)(struct append *a);

    struct batch_row rows[APPEND_BATCHES];
    uint32_t count;
    enum err result;  /* of a count above 0 */
    uint64_t took_ns; /* the whole transaction */

    struct committer *committer;
    struct fifo_link link; /* in committer.waiting */
    struct env *env;
    bool taken;
};

struct committer {
    struct worker *worker;
    struct journal_store *store;
    pthread_mutex_t lock; /* guards `waiting` */
    struct fifo waiting;  /* posted and not taken, oldest first */
    atomic_bool busy;     /* a transaction runs; those posted meanwhile are taken when it ends */
    struct {
        struct append *appends[COMMITTER_APPENDS_MAX];
        struct batch_run runs[COMMITTER_APPENDS_MAX]; /* the store's view of them */
        uint32_t count;
        uint64_t bytes;
    } transaction; /* the worker's */
};

void committer_init(struct committer *c, struct worker *worker, struct journal_store *store);
void committer_done(struct committer *c); /* nothing is under way */

void committer_post(struct committer *c, struct env *env, struct append *a);

/* Does a transaction run now? Any thread. */
static inline bool committer_busy(struct committer *c)
{
    return atomic_load_explicit(&c->busy, memory_order_relaxed);
}

#endif
