/* SPDX-License-Identifier: Apache-2.0 */
/* The shard's clock: wall time that never goes back and does not follow a jump at once. A forward
 * jump of the wall clock by more than CLOCK_JUMP_NS against the monotonic clock is followed only
 * after it has lasted CLOCK_TRUST_NS, so a passing error of the time service expires no hold. */
#ifndef SHARD_CLOCK_H
#define SHARD_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/env.h"
#include "runtime/base/mutant.h"
#include "runtime/base/time.h"

#define CLOCK_JUMP_NS (2 * NS_PER_S)
#define CLOCK_TRUST_NS (10 * NS_PER_S)

struct clock {
    uint64_t now_ns;        /* last time given */
    uint64_t offset_ns;     /* wall minus monotonic, as accepted */
    uint64_t doubt_since_ns; /* monotonic; 0 = the wall clock's offset is the accepted one */
    uint64_t last_event_ns; /* the last event's time */
};

/* Starts from the wall clock or from the last recorded event, whichever is later. */
void clock_init(struct clock *c, struct env *e, uint64_t last_event_ns);

/* Reads the world; called once a pass. */
void clock_tick(struct clock *c, struct env *e);

/* The time the next event will get: at least one nanosecond after the last one. */
static inline uint64_t clock_event_ns(const struct clock *c)
{
    bool later = c->now_ns > c->last_event_ns || MUTANT(CLOCK_GOES_BACK);
    return later ? c->now_ns : c->last_event_ns + 1;
}

#endif
