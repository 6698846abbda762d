/* SPDX-License-Identifier: Apache-2.0 */
/* The time given is the monotonic clock plus an offset that is fixed while the process lives. The
 * wall clock is only compared with what it was at the last look; a rate that the time service
 * corrects both clocks by makes no difference between them. */
#include "runtime/shard/clock.h"

#include "runtime/base/check.h"

void clock_init(struct clock *c, struct env *e)
{
    check(e != NULL);
    uint64_t mono = env_mono_ns(e);
    uint64_t wall = env_wall_ns(e);
    *c = (struct clock){.now_ns = wall, .offset_ns = wall - mono, .wall_offset_ns = wall - mono};
}

uint64_t clock_reach(struct clock *c, uint64_t last_event_ns)
{
    check(c->now_ns != 0);
    c->last_event_ns = last_event_ns;
    if (c->now_ns >= last_event_ns)
        return 0;
    uint64_t behind = last_event_ns - c->now_ns;
    c->offset_ns += behind;
    c->now_ns = last_event_ns;
    return behind;
}

int64_t clock_tick(struct clock *c, struct env *e)
{
    check(c->now_ns != 0);
    uint64_t mono = env_mono_ns(e);
    uint64_t wall_offset = env_wall_ns(e) - mono;
    int64_t step = (int64_t)(wall_offset - c->wall_offset_ns);
    c->wall_offset_ns = wall_offset;
    if (MUTANT(CLOCK_GOES_BACK) || MUTANT(CLOCK_FOLLOWS))
        c->offset_ns = wall_offset;
    if (MUTANT(CLOCK_GOES_BACK) || mono + c->offset_ns > c->now_ns)
        c->now_ns = mono + c->offset_ns;
    if (step <= (int64_t)CLOCK_STEP_NS && step >= -(int64_t)CLOCK_STEP_NS)
        return 0;
    c->steps++;
    return step;
}
