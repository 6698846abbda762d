/* SPDX-License-Identifier: Apache-2.0 */
/* Fair queue: what waits for one worker, shared out among those who asked: each (tenant, client) is
 * an asker with a queue of its own, and they take turns. A turn is worth FAIR_QUEUE_TURN of cost,
 * which is known only once the thing was done and is then taken off: some small things make a turn,
 * a large one uses up several. Bounded: what one asker may have.
 * Owns the askers, not what waits. Loop thread only. */
#ifndef SHARD_FAIR_QUEUE_H
#define SHARD_FAIR_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/actor/message.h"
#include "runtime/base/list.h"
#include "runtime/base/slab.h"
#include "runtime/base/table.h"

#define FAIR_QUEUE_TURN 128      /* cost */
#define FAIR_QUEUE_COST_MAX 8192 /* more of one thing does not count */
#define FAIR_QUEUE_EACH_MAX 256  /* of one asker, from entering to leaving */

struct fair_asker {
    struct table_entry entry; /* hash of tenant and client */
    struct list turn;         /* in fair_queue.turns while something of it waits, else alone */
    struct fifo waiting;      /* oldest first */
    int64_t credit;           /* cost it may cause before the next one's turn */
    uint32_t count;           /* things that entered and have not left */
};

struct fair_queue {
    struct table askers;
    struct list turns; /* askers for whom something waits; the first has its turn */
    struct slab slab;
    uint32_t waiting; /* of all */
};

void fair_queue_init(struct fair_queue *q);
void fair_queue_done(struct fair_queue *q); /* whatever entered */

/* One more thing of this caller; NULL: it has FAIR_QUEUE_EACH_MAX already. */
struct fair_asker *fair_queue_enter(struct fair_queue *q, const struct principal *who);

/* It waits no more and nothing more of it is charged. */
void fair_queue_leave(struct fair_queue *q, struct fair_asker *a);

void fair_queue_push(struct fair_queue *q, struct fair_asker *a, struct fifo_link *thing);

/* The next one's oldest; NULL if nothing waits. */
struct fifo_link *fair_queue_pop(struct fair_queue *q);

/* What a popped thing has cost. */
void fair_queue_charge(struct fair_asker *a, uint64_t cost);

/* Moves all that are over from the queue into `to`. */
void fair_queue_take(struct fair_queue *q,
                     bool (*over)(void *context, const struct fifo_link *thing), void *context,
                     struct fifo *to);

#endif
