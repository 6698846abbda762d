/* SPDX-License-Identifier: Apache-2.0 */
/* Stash: where the messages of a shard wait while it has no actors to give them to: it opens or
 * recovers. Each waits until its deadline at most. Loop thread only. */
#ifndef SHARD_STASH_H
#define SHARD_STASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/actor/registry_priv.h"
#include "runtime/base/check.h"
#include "runtime/base/env.h"
#include "runtime/base/list.h"
#include "runtime/shard/answers.h"
#include "runtime/shard/shard_stats.h"

#define STASH_MAX 65536 /* messages; those out of mailboxes are taken beyond it */

struct stash {
    struct env *env;
    struct answers *answers;
    struct shard_stats *stats;
    struct fifo messages; /* oldest first */
    size_t count;
    struct alarm expiry;
};

void stash_init(struct stash *p, struct env *env, struct answers *answers,
                struct shard_stats *stats);

/* false: it is full. */
must_check bool stash_put(struct stash *p, struct message *m);

/* The same beyond STASH_MAX: for a message that was accepted before. */
void stash_put_beyond(struct stash *p, struct message *m);

/* Takes all messages out of the mailboxes: their actors are about to be rebuilt, or run no more.
 * The runtime's own (a deadline has passed) are given back, as a rebuild makes them anew. */
void stash_put_mailboxes(struct stash *p, struct registry *r);

/* The oldest, which is no longer in here; NULL if there is none. */
struct message *stash_take(struct stash *p);

#endif
