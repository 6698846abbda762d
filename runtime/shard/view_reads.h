/* SPDX-License-Identifier: Apache-2.0 */
/* View reads: messages that are answered from the views (message_type.view): lists and reports. A
 * list first waits until the views of all shards contain everything that was durable when it came,
 * so that a client sees its own writes (what is listed of one account has parts that the other
 * account's shard wrote, once money has crossed). If views have no space to move on, it is served
 * as they are, and says so (message.stale); so is a list about one actor when another shard has
 * stopped, where any other is refused. Then it waits for its turn among those of all callers
 * (fair_queue.h), and its query (domain.h) runs on the store's read worker. Whose deadline has
 * passed, or whose asker is gone, is answered wherever it waits, within VIEW_READ_LOOK_NS, or while
 * its rows are read (query_run.h). Loop thread only, except the queries. */
#ifndef SHARD_VIEW_READS_H
#define SHARD_VIEW_READS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "runtime/actor/domain.h"
#include "runtime/base/slab.h"
#include "runtime/base/time.h"
#include "runtime/observe/log.h"
#include "runtime/shard/answers.h"
#include "runtime/shard/fair_queue.h"
#include "runtime/shard/progress.h"
#include "runtime/shard/shard_stats.h"

#define VIEW_READS_MAX                                                                             \
    4096 /* waiting or running; more are BUSY, and so are more than                                \
            FAIR_QUEUE_EACH_MAX of one client */
#define VIEW_READS_BEGUN_MAX                                                                       \
    2 /* one that is read and one that follows, so that none waits for the                         \
         way to this loop and back */
#define VIEW_READ_LOOK_NS (100 * NS_PER_MS) /* how late an answer EXPIRED may be */
#define VIEW_READS_LOG_NS (60 * NS_PER_S) /* one line about damaged views in this time */
#define VIEWS_DAMAGED_REASON                                                                       \
    "the views are damaged; the next start makes them anew from the journal, or else after they "  \
    "were deleted"

struct view_reads {
    /* What it works with; all of it outlives it. */
    struct env *env;
    const struct domain *domain;
    struct view_store *store;
    struct worker *worker;
    struct progress *progress;
    const struct slot_map *slots;
    uint16_t number; /* of the shard */
    struct answers *answers;
    struct shard_stats *stats;

    struct fifo waiting;     /* struct view_read, oldest first */
    struct fair_queue ready; /* the same: the views are there */
    uint32_t begun;          /* given to the worker */
    uint32_t count;          /* waiting, ready and begun */
    struct slab slab;
    struct alarm expiry;
    _Atomic bool ended; /* the loop's, read by the read worker: no list is begun any more */
    struct log_limit damaged_lines;
};

/* `uses`: only the members that it works with are read. */
void view_reads_init(struct view_reads *v, const struct view_reads *uses);
void view_reads_done(struct view_reads *v);

/* A list came. */
void view_reads_post(struct view_reads *v, struct message *m);

/* The views of some shard may have moved, or another shard has opened. */
void view_reads_advance(struct view_reads *v);

/* Answers all that are not begun with this code. */
void view_reads_fail_all(struct view_reads *v, uint16_t code);

/* Answers all that are not read to the end, and all that come, UNAVAILABLE. */
void view_reads_end_all(struct view_reads *v);

/* None waits or runs. */
bool view_reads_idle(const struct view_reads *v);

/* As if the process had been killed: no message is answered. */
void view_reads_kill(struct view_reads *v);

#endif
