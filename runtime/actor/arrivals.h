/* SPDX-License-Identifier: Apache-2.0 */
/* Arrivals: the few messages on their way into mailboxes. What a message will touch lies somewhere
 * in gigabytes; looked up one by one each would wait for memory several times. So the look-ups of a
 * group are started together (prefetch) before the first of them is done. A message is here until
 * the group is full, at most until the next pass. Loop thread only. */
#ifndef ACTOR_ARRIVALS_H
#define ACTOR_ARRIVALS_H

#include <stddef.h>
#include <stdint.h>

#define ARRIVALS_GROUP 64 /* enough to hide the latency of memory */

struct actor;
struct message;
struct shard;

struct arrivals {
    struct arrival {
        struct message *message;
        union {
            uint64_t hash;       /* of its target, and then ... */
            struct actor *actor; /* ... probably the target; NULL if it is certainly not resident */
        };
    } items[ARRIVALS_GROUP]; /* in the order they came */
    size_t count;
};

/* All into their mailboxes (or refused), in the order they came. */
void arrivals_accept(struct shard *s);

/* One that waited elsewhere. */
void arrivals_take(struct shard *s, struct message *m);

#endif
