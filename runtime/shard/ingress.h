/* SPDX-License-Identifier: Apache-2.0 */
/* Ingress: messages that were posted since the last pass. What a message will touch lies somewhere
 * in gigabytes; looked up one by one each would wait for memory several times. So the look-up is
 * done in steps (prefetch), and a message is some way along while others before it are dealt with.
 * If nothing else waits, the pass runs their turns in the order they came, straight from here;
 * else they go into the mailboxes. None is left behind when the turns of a pass end. Loop thread
 * only. */
#ifndef SHARD_INGRESS_H
#define SHARD_INGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/check.h"

#define INGRESS_MAX 256 /* when one more comes between two passes, they go into the mailboxes */
#define INGRESS_STEP 16 /* looked up together: one by one each would wait for its page's place,
                            many more at once than these the processor does not keep track of */

struct actor;
struct message;
struct shard;

struct ingress {
    struct ingress_item {
        struct message *message;
        struct actor *actor; /* probably the target; NULL: it must be looked for */
        uint64_t hash;       /* of the target's id */
    } items[INGRESS_MAX]; /* in the order they came */
    size_t count;
    size_t next;   /* those below have left; 0 but while turns run */
    size_t hashed; /* those below have their hash, and their slot is on its way ... */
    size_t found;  /* ... those below have their actor, and that is on its way */
    uint64_t since_ns; /* when the first of them came */
};

/* One step: the slots of INGRESS_STEP more, the actors of those before them. Twice ahead of the
 * first message, then whenever so many have left. */
void ingress_look_ahead(struct shard *s);

/* All into their mailboxes (or refused), in the order they came. */
void ingress_accept(struct shard *s);

/* Of a list or a change: may it go to its actor? If not, it was dealt with. */
must_check bool ingress_may_enter(struct shard *s, struct message *m);

/* Into the mailbox, or refused. */
void ingress_deliver(struct shard *s, struct message *m, struct actor *a);

/* This actor is about to leave the registry. */
void ingress_forget(struct shard *s, const struct actor *a);

/* One that waited elsewhere. */
void ingress_take(struct shard *s, struct message *m);

#endif
