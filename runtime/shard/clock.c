/* SPDX-License-Identifier: Apache-2.0 */
/* Time is the monotonic clock plus an accepted offset to the wall clock. A larger offset is
 * accepted after CLOCK_TRUST_NS, a smaller one at once: the time given then stays the same until
 * the wall clock has caught up. */
#include "runtime/shard/clock.h"

#include "runtime/base/check.h"

void clock_init(struct clock *c, struct env *e, uint64_t last_event_ns)
{
    check(e != NULL);
    uint64_t wall = env_wall_ns(e);
    *c = (struct clock){
        .now_ns = wall > last_event_ns ? wall : last_event_ns,
        .offset_ns = wall - env_mono_ns(e),
        .last_event_ns = last_event_ns,
    };
}

void clock_tick(struct clock *c, struct env *e)
{
    check(c->now_ns != 0);
    uint64_t mono = env_mono_ns(e);
    uint64_t wall = env_wall_ns(e);
    bool jumped = wall > mono + c->offset_ns + CLOCK_JUMP_NS;
    if (jumped && c->doubt_since_ns == 0)
        c->doubt_since_ns = mono > 0 ? mono : 1;
    if (!jumped || mono >= c->doubt_since_ns + CLOCK_TRUST_NS) {
        c->offset_ns = wall - mono;
        c->doubt_since_ns = 0;
    }
    if (MUTANT(CLOCK_GOES_BACK) || mono + c->offset_ns > c->now_ns)
        c->now_ns = mono + c->offset_ns;
}
