/* SPDX-License-Identifier: Apache-2.0 */
/* Rate limit: how many requests each client may send, as a bucket of `burst` tokens that fills with
 * `per_s` tokens a second. One for all loops of a process, any thread. The table is bounded: where
 * it is full, the client that has used the least of its bucket is forgotten, and the new one finds
 * the bucket as that one left it, so that coming anew gains nothing. */
#ifndef AUTH_RATE_LIMIT_H
#define AUTH_RATE_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/check.h"
#include "runtime/base/id128.h"

#define RATE_LIMIT_CLIENTS_MAX 65536
#define RATE_LIMIT_PER_S_MAX 1000000
#define RATE_LIMIT_BURST_MAX 10000000

struct rate_limit;

/* What is limited; NULL = not. */
struct rate_limits {
    struct rate_limit *client;
    struct rate_limit *subject; /* of a token that is not its client's own */
    struct rate_limit *address; /* of who shows no good token */
};

/* NULL without memory. Both from 1 to their maximum. */
must_check struct rate_limit *rate_limit_new(uint32_t per_s, uint32_t burst);
struct rate_limit *rate_limit_free(struct rate_limit *r); /* NULL; takes NULL */

uint32_t rate_limit_burst(const struct rate_limit *r);
uint32_t rate_limit_window_s(const struct rate_limit *r); /* in which an empty bucket fills */

struct rate_verdict {
    bool passed;
    uint32_t remaining; /* tokens left */
    uint32_t reset_s;   /* until the bucket is full; not passed: until the next token; rounded up */
};

/* Takes `count` tokens of this client, whose id is a hash, or none if there are not as many; with
 * 0, it only looks whether there is one. */
struct rate_verdict rate_limit_take(struct rate_limit *r, struct id128 client, uint32_t count,
                                    uint64_t mono_ns);

#endif
