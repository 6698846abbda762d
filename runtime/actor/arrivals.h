/* SPDX-License-Identifier: Apache-2.0 */
/* Arrivals: the few messages on their way into mailboxes. What a message will touch lies somewhere
 * in gigabytes; looked up one by one each would wait for memory several times. So the look-ups of a
 * group are started together (prefetch) before the first of them is done. A message is here until
 * the group is full, at most until the next pass. Loop thread only. */
#ifndef ACTOR_ARRIVALS_H
#define ACTOR_ARRIVALS_H

#include <stddef.h>

#include "runtime/base/list.h"

#define ARRIVALS_GROUP 64 /* enough to hide the latency of memory */

struct message;
struct shard;

struct arrivals {
    struct fifo messages;
    size_t count;
};

void arrivals_init(struct arrivals *a);

/* Of a running shard. */
void arrivals_put(struct shard *s, struct message *m);

/* Gives all to shard_accept(), in the order they came. */
void arrivals_accept(struct shard *s);

/* The oldest, which is no longer in here; NULL if there is none. */
struct message *arrivals_take(struct shard *s);

#endif
