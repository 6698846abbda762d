/* SPDX-License-Identifier: Apache-2.0 */
/* A Treiber stack that is only ever emptied as a whole: with no single pop there is no ABA, and
 * reversing the taken chain gives back the order of sending. */
#include "runtime/node/inbox.h"

void inbox_init(struct inbox *i)
{
    atomic_init(&i->newest, NULL);
}

bool inbox_push(struct inbox *i, struct inbox_item *item)
{
    check(item->deliver != NULL);
    struct inbox_item *newest = atomic_load_explicit(&i->newest, memory_order_relaxed);
    do {
        item->next = newest;
    } while (!atomic_compare_exchange_weak_explicit(&i->newest, &newest, item,
                                                    memory_order_acq_rel, memory_order_relaxed));
    return newest == NULL;
}

struct inbox_item *inbox_take(struct inbox *i)
{
    if (atomic_load_explicit(&i->newest, memory_order_relaxed) == NULL)
        return NULL;
    struct inbox_item *newest =
        atomic_exchange_explicit(&i->newest, NULL, memory_order_acq_rel);
    struct inbox_item *oldest = NULL;
    while (newest != NULL) {
        struct inbox_item *older = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = older;
    }
    return oldest;
}

size_t inbox_deliver(struct inbox *i)
{
    size_t count = 0;
    struct inbox_item *item = inbox_take(i);
    while (item != NULL) {
        struct inbox_item *next = item->next; /* deliver() may free or resend the item */
        item->deliver(item);
        item = next;
        count++;
    }
    return count;
}
