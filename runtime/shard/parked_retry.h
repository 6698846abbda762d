/* SPDX-License-Identifier: Apache-2.0 */
/* Parked retry: an operator lets the sends to one target that were parked run again, or has the
 * first of them refused. Each runs in a turn of its own, in whose record it leaves its queue; those
 * behind it follow, until one fails, which stays where it is, or none is left. One at a time for
 * each shard, and known in memory alone: after a recovery or a restart an operator asks again. Loop
 * thread only. */
#ifndef SHARD_PARKED_RETRY_H
#define SHARD_PARKED_RETRY_H

#include <stdbool.h>

#include "runtime/base/check.h"
#include "runtime/base/error.h"
#include "runtime/base/id128.h"
#include "runtime/sends/parked.h"

struct shard;
struct incoming; /* runtime/shard/incoming.h */

/* What an operator wants. */
struct parked_wish {
    bool refusing;
    struct slice by, reason; /* at most PARKED_BY_MAX and PARKED_REASON_MAX bytes; the reason of a
                                refusal, else empty */
};

struct parked_retry {
    struct incoming *next; /* its turn comes; NULL: nothing is under way */
    struct parked_wish wish;
    char texts[PARKED_BY_MAX + PARKED_REASON_MAX]; /* its own */
};

/* Who refuses means this one alone, and only if it is the first of its target (else BUSY) and its
 * handler can refuse it (else UNSUPPORTED, as of one that no handler takes). NOT_FOUND: it is not
 * parked; BUSY: another retry is under way; SUSPENDED, QUARANTINED: its target is; UNAVAILABLE,
 * STORE_FULL: the shard takes nothing now. */
must_check enum err parked_retry_begin(struct shard *s, struct id128 id,
                                       const struct parked_wish *wish);

/* The same for all that is parked for this target, from the first of them on. OK too if nothing is.
 */
must_check enum err parked_retry_target(struct shard *s, uint16_t kind, struct id128 target,
                                        struct slice by);

/* Runs its turns while there is time in this pass. */
void parked_retry_step(struct shard *s);

/* It is given up: what has not run stays parked. */
void parked_retry_drop(struct parked_retry *p);

#endif
