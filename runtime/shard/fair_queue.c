/* SPDX-License-Identifier: Apache-2.0 */
/* Deficit round robin, with the price paid afterwards. An asker whose credit is used up goes to the
 * back of the turns with a turn's worth more; so one whose things cost eight turns each gets one of
 * them for eight turns of the others. Who leaves with its last thing is forgotten, credit and all:
 * one that asks for one thing at a time never gets more than one in a turn. */
#include "runtime/shard/fair_queue.h"

#include "runtime/base/check.h"
#include "runtime/base/mutant.h"
#include "runtime/base/sha256.h"

void fair_queue_init(struct fair_queue *q)
{
    table_init(&q->askers);
    list_init(&q->turns);
    slab_init(&q->slab, sizeof(struct fair_asker));
    q->waiting = 0;
}

void fair_queue_done(struct fair_queue *q)
{
    table_done(&q->askers);
    slab_done(&q->slab);
}

/* --- askers ----------------------------------------------------------------------------------- */

static struct fair_asker *fair_queue_asker(struct fair_queue *q, struct id128 id)
{
    struct table_entry *known = table_find(&q->askers, id);
    if (known != NULL)
        return container_of(known, struct fair_asker, entry);
    struct fair_asker *a = slab_take(&q->slab);
    check(a != NULL);
    *a = (struct fair_asker){.entry.id = id, .credit = FAIR_QUEUE_TURN};
    list_init(&a->turn);
    fifo_init(&a->waiting);
    bool inserted = table_insert(&q->askers, &a->entry);
    check(inserted);
    return a;
}

struct fair_asker *fair_queue_enter(struct fair_queue *q, const struct principal *who)
{
    const struct slice pieces[] = {who->tenant, {"", 1}, who->client};
    struct id128 id = sha256_id(pieces, array_len(pieces));
    struct fair_asker *a = fair_queue_asker(q, MUTANT(LISTS_IN_ORDER) ? ID128_ZERO : id);
    check(a->count <= FAIR_QUEUE_EACH_MAX);
    if (a->count == FAIR_QUEUE_EACH_MAX)
        return NULL;
    a->count++;
    return a;
}

void fair_queue_leave(struct fair_queue *q, struct fair_asker *a)
{
    check(a->count > 0);
    if (--a->count > 0)
        return;
    check(fifo_empty(&a->waiting));
    table_remove(&q->askers, &a->entry);
    slab_give(&q->slab, a);
}

/* --- turns ------------------------------------------------------------------------------------ */

static void fair_queue_left(struct fair_queue *q, struct fair_asker *a)
{
    check(q->waiting > 0);
    q->waiting--;
    if (fifo_empty(&a->waiting))
        list_remove(&a->turn);
}

void fair_queue_push(struct fair_queue *q, struct fair_asker *a, struct fifo_link *thing)
{
    check(q->waiting < UINT32_MAX);
    if (fifo_empty(&a->waiting))
        list_append(&q->turns, &a->turn);
    fifo_push(&a->waiting, thing);
    q->waiting++;
}

struct fifo_link *fair_queue_pop(struct fair_queue *q)
{
    while (!list_empty(&q->turns)) {
        struct fair_asker *a = container_of(q->turns.next, struct fair_asker, turn);
        check(!fifo_empty(&a->waiting));
        if (a->credit > 0) {
            struct fifo_link *thing = fifo_pop(&a->waiting);
            fair_queue_left(q, a);
            return thing;
        }
        a->credit += FAIR_QUEUE_TURN;
        list_remove(&a->turn);
        list_append(&q->turns, &a->turn);
    }
    check(q->waiting == 0);
    return NULL;
}

void fair_queue_charge(struct fair_asker *a, uint64_t cost)
{
    check(a->count > 0);
    a->credit -= (int64_t)(cost < FAIR_QUEUE_COST_MAX ? cost : FAIR_QUEUE_COST_MAX);
}

static void fair_queue_take_of(struct fair_queue *q, struct fair_asker *a,
                               bool (*over)(void *context, const struct fifo_link *thing),
                               void *context, struct fifo *to)
{
    struct fifo looked_at = a->waiting;
    struct fifo_link *thing;
    fifo_init(&a->waiting);
    while ((thing = fifo_pop(&looked_at)) != NULL) {
        bool is_over = over(context, thing);
        fifo_push(is_over ? to : &a->waiting, thing);
        q->waiting -= is_over;
    }
    if (fifo_empty(&a->waiting))
        list_remove(&a->turn);
}

void fair_queue_take(struct fair_queue *q,
                     bool (*over)(void *context, const struct fifo_link *thing), void *context,
                     struct fifo *to)
{
    check(over != NULL);
    struct list *next;
    for (struct list *l = q->turns.next; l != &q->turns; l = next) {
        next = l->next;
        fair_queue_take_of(q, container_of(l, struct fair_asker, turn), over, context, to);
    }
}
