/* SPDX-License-Identifier: Apache-2.0 */
/* Arrivals: messages that a running shard has been given and not yet put into mailboxes. What a
 * message will touch lies somewhere in gigabytes; looked up one by one each would wait for memory
 * several times. So the first look-ups of a group are started together (prefetch), and each group
 * is run before the next is looked up, while the processor's cache has it. Loop thread only. */
#ifndef ACTOR_ARRIVALS_H
#define ACTOR_ARRIVALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/check.h"
#include "runtime/base/list.h"

#define ARRIVALS_GROUP 64  /* enough to hide the latency of memory */
#define ARRIVALS_MAX 262144

struct message;
struct shard;

struct arrivals {
    struct fifo messages;
    size_t count;
};

void arrivals_init(struct arrivals *a);

/* The next pass takes it. false: there are too many. */
must_check bool arrivals_put(struct shard *s, struct message *m);

/* Gives the oldest group to shard_accept(), in the order they came. */
void arrivals_accept(struct shard *s, uint64_t now_ns);
void arrivals_accept_all(struct shard *s);

/* The oldest, which is no longer in here; NULL if there is none. */
struct message *arrivals_take(struct shard *s);

#endif
