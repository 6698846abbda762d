/* SPDX-License-Identifier: Apache-2.0 */
/* The shard's clock: Unix time as the wall clock had it when the process began, and from there by
 * elapsed time (env_mono_ns()), whatever becomes of the wall clock. So what ends after a while ends
 * after that while, and a wall clock that is set, or wrong for a time, moves no deadline. The next
 * start takes the wall clock anew, but begins no earlier than the journal ends. */
#ifndef SHARD_CLOCK_H
#define SHARD_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/env.h"
#include "runtime/base/mutant.h"
#include "runtime/base/time.h"

#define CLOCK_STEP_NS NS_PER_S /* the wall clock was set, if by more than this between two looks   \
                                */

struct clock {
    uint64_t now_ns;         /* last time given */
    uint64_t offset_ns;      /* it minus the monotonic clock */
    uint64_t last_event_ns;  /* the last event's time */
    uint64_t wall_offset_ns; /* the wall clock minus the monotonic one, when last looked at */
    uint64_t steps;          /* how often the wall clock was set */
};

/* Starts from the wall clock. */
void clock_init(struct clock *c, struct env *e);

/* The journal ends with an event of this time: the clock is put there if it is behind. Returns by
 * how much it was. */
uint64_t clock_reach(struct clock *c, uint64_t last_event_ns);

/* The turns after the event of this time were undone, and so are their times: one that handled a
 * send may have had that of a shard whose books are far ahead. */
static inline void clock_undo(struct clock *c, uint64_t last_event_ns)
{
    c->last_event_ns = last_event_ns;
}

/* Reads the world; called once a pass. Returns by how much the wall clock was set since the last
 * look: 0 = it was not. */
int64_t clock_tick(struct clock *c, struct env *e);

/* By how much the time given is ahead of the wall clock; negative: behind it. */
static inline int64_t clock_ahead_ns(const struct clock *c)
{
    return (int64_t)(c->offset_ns - c->wall_offset_ns);
}

/* The time of the next record: at least one nanosecond after the last one. */
static inline uint64_t clock_event_ns(const struct clock *c)
{
    bool later = c->now_ns > c->last_event_ns || MUTANT(CLOCK_GOES_BACK);
    return later ? c->now_ns : c->last_event_ns + 1;
}

#endif
