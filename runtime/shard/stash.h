/* SPDX-License-Identifier: Apache-2.0 */
/* Stash: where the messages of a shard wait while it has no actors to give them to: it opens or
 * recovers. Each waits until its deadline at most. Loop thread only. */
#ifndef SHARD_STASH_H
#define SHARD_STASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/check.h"
#include "runtime/base/env.h"
#include "runtime/base/list.h"

#define STASH_MAX 65536 /* messages; those out of mailboxes are taken beyond it */

struct message;
struct shard;

struct stash {
    struct fifo messages;
    size_t count;
    struct alarm expiry;
};

void stash_init(struct stash *p);

/* false: it is full. */
must_check bool stash_put(struct shard *s, struct message *m);

/* Takes all messages out of the mailboxes, and those on the way there: their actors are about to
 * be rebuilt. */
void stash_put_mailboxes(struct shard *s);

/* The oldest, which is no longer in here; NULL if there is none. */
struct message *stash_take(struct shard *s);

#endif
