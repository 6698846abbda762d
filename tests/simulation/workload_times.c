/* SPDX-License-Identifier: Apache-2.0 */
/* Times that clients give: right ones, and those that are refused. Imports are of the day before
 * the simulated one, as far into it as the simulation is, so that most of them go forward. */
#include "tests/simulation/workload.h"

#include "runtime/base/time.h"

static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

bool workload_effective(struct run *run, uint32_t one_in, uint64_t opened, uint64_t earliest,
                        uint64_t *time)
{
    uint64_t now = run_wall_ns(run);
    if (!workload_chance(run, one_in))
        return false;
    switch (rng_below(&run->rng, 12)) {
    case 0:
        *time = 0;
        return true;
    case 1:
    case 2:
    case 3:
        *time = opened + rng_below(&run->rng, earliest - opened + 1);
        return true;
    case 6:
        *time = earliest - rng_below(&run->rng, NS_PER_S);
        return true;
    case 4:
        *time = now + rng_below(&run->rng, NS_PER_S);
        return true;
    case 5:
        *time = earliest;
        return true;
    default:
        *time = earliest < now ? earliest + rng_below(&run->rng, now - earliest) : now;
        return true;
    }
}

uint64_t workload_earliest(const struct run *run, struct id128 debit, struct id128 credit)
{
    const struct ref_account *d = reference_account(&run->reference, debit);
    const struct ref_account *c = reference_account(&run->reference, credit);
    return later(d == NULL ? 0 : d->opened_ns, c == NULL ? 0 : c->opened_ns);
}

uint64_t workload_imported_at(struct run *run)
{
    uint64_t time = WORLD_EPOCH_NS - NS_PER_DAY + run->world.now_ns;
    if (workload_chance(run, 20))
        return run_wall_ns(run) + NS_PER_S; /* refused */
    return workload_chance(run, 2) ? time - rng_below(&run->rng, 10 * NS_PER_S) : time;
}
