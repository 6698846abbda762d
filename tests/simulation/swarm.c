/* SPDX-License-Identifier: Apache-2.0 */
/* The delays of the workers are drawn first: the pace of the requests and how much slower one loop
 * may be follow from them, so that a slow disk gets few requests and none of them hangs. */
#include "tests/simulation/swarm.h"

#include "runtime/base/check.h"
#include "runtime/base/time.h"

#define US ((uint64_t)1000)
#define MS NS_PER_MS
#define S NS_PER_S
/* of one worker; a request needs several jobs in a row */
#define SLOW_JOB_NS_MAX (S / 5)
#define QUOTA_ONE_IN 12    /* and one of 12 has quotas of the journal, after which little happens */
#define MANY_SHARDS_ONE_IN 4
#define FEW_SHARDS 3
#define FEW_TENANTS 2
#define LOSES_END_ONE_IN 8
#define HUGE_ONE_IN 8 /* one of 8 has amounts of which a few are more than a number holds */
#define DEEP_ONE_IN 3
#define DEEP_SHARDS_MAX 2
#define FAVOURED 6 /* operations that go together: they are beside each other */
#define FAVOURED_WEIGHT 60
#define BAD_DISK_ONE_IN 16 /* one seed of 16 has a disk from which most reads fail */

static uint64_t swarm_between(struct rng *r, uint64_t low, uint64_t high)
{
    return low + rng_below(r, high - low + 1);
}

/* Half of the seeds have this fault at all. */
static uint32_t swarm_sometimes(struct rng *r, uint32_t ppm_max)
{
    return rng_below(r, 2) == 0 ? 0 : (uint32_t)swarm_between(r, 1, ppm_max);
}

static uint64_t swarm_choose(struct rng *r, const uint64_t *choices, size_t count)
{
    return choices[rng_below(r, count)];
}

static struct swarm_delay swarm_draw_delay(struct rng *r)
{
    static const uint64_t longest[] = {20 * US, 100 * US, 500 * US, 2 * MS, 20 * MS, 200 * MS};
    uint64_t max = swarm_choose(r, longest, array_len(longest));
    return (struct swarm_delay){max / swarm_between(r, 1, 20), max};
}

static void draw_requests(struct swarm *s, struct rng *r)
{
    static const uint64_t amounts[] = {5, 100, 1000, 1000000, UINT64_MAX / 4};
    static const uint32_t paces[] = {2, 10, 40, 150}; /* requests while 10 jobs of a worker run */
    s->requests = (uint32_t)swarm_between(r, 20, 160);
    s->owners = (uint32_t)swarm_between(r, 1, 12);
    s->accounts_max = (uint32_t)swarm_between(r, 2, 40);
    s->currencies = (uint32_t)swarm_between(r, 1, SWARM_CURRENCIES_MAX);
    for (int i = 0; i < SWARM_OPERATIONS_MAX; i++)
        s->weights[i] = rng_below(r, 4) == 0 ? 0 : (uint32_t)swarm_between(r, 1, 20);
    s->focus = (enum swarm_focus)rng_below(r, SWARM_FOCUSES);
    s->amount_max = swarm_choose(r, amounts, array_len(amounts));
    if (rng_below(r, HUGE_ONE_IN) == 0) {
        s->amount_max = UINT64_MAX / 4;
        s->amount_shift = (uint32_t)swarm_between(r, 60, 65);
    }
    s->expiry_s_max = (uint32_t)swarm_between(r, 1, rng_below(r, 2) == 0 ? 5 : 5000);
    s->items_max = (uint32_t)swarm_between(r, 1, 24);
    uint64_t job_ns = s->journal.max_ns > s->reads.max_ns ? s->journal.max_ns : s->reads.max_ns;
    s->think_ns = 5 * US + job_ns * 10 / paces[rng_below(r, array_len(paces))];
}

static void draw_manners(struct swarm *s, struct rng *r)
{
    s->lost_ppm = swarm_sometimes(r, 100000);
    s->answer_lost_ppm = swarm_sometimes(r, 200000);
    s->twice_ppm = swarm_sometimes(r, 200000);
    s->again_ppm = swarm_sometimes(r, 500000);
    s->give_up_ppm = swarm_sometimes(r, 200000);
    s->changed_ppm = swarm_sometimes(r, 700000);
    s->reuse_key_ppm = swarm_sometimes(r, 50000);
    s->deadline_ppm = swarm_sometimes(r, 200000);
    s->unkeyed_ppm = swarm_sometimes(r, 500000);
    s->hang_up_ppm = swarm_sometimes(r, 200000);
}

static uint64_t longest_job_ns(const struct swarm *s)
{
    uint64_t views_ns = s->views.max_ns, reads_ns = s->reads.max_ns;
    uint64_t longest_ns = views_ns > reads_ns ? views_ns : reads_ns;
    return s->journal.max_ns > longest_ns ? s->journal.max_ns : longest_ns;
}

static void draw_shards(struct swarm *s, struct rng *r, uint16_t shards)
{
    static const uint64_t lags[] = {0, 5 * US, 100 * US, 5 * MS};
    static const uint64_t factors[] = {2, 10, 50};
    bool many = rng_below(r, MANY_SHARDS_ONE_IN) == 0;
    uint16_t drawn = (uint16_t)swarm_between(r, 1, many ? SWARM_SHARDS_MAX : FEW_SHARDS);
    s->shards = shards == 0 ? drawn : shards;
    s->loops = (uint16_t)swarm_between(r, 1, s->shards);
    bool few = rng_below(r, 2) == 0; /* so that each of them does more */
    s->tenants = (uint32_t)swarm_between(r, 1, few ? FEW_TENANTS : SWARM_TENANTS_MAX);
    s->crossing_ppm = swarm_sometimes(r, 100000);
    s->lag_ns = s->loops > 1 ? swarm_choose(r, lags, array_len(lags)) : 0;
    s->slow_loop = (uint32_t)rng_below(r, 2 * SWARM_SHARDS_MAX);
    uint64_t factor = swarm_choose(r, factors, array_len(factors));
    uint64_t factor_max = 1 + SLOW_JOB_NS_MAX / longest_job_ns(s);
    s->slow_factor = (uint32_t)(factor < factor_max ? factor : factor_max);
}

static void draw_node(struct swarm *s, struct rng *r)
{
    static const uint64_t residents[] = {2, 5, 15, 60, 100000};
    static const uint64_t entries[] = {60, 200, 10000};
    s->journal = swarm_draw_delay(r);
    s->views = swarm_draw_delay(r);
    s->reads = swarm_draw_delay(r);
    s->resident_max = swarm_choose(r, residents, array_len(residents));
    s->dedup_entries_max = swarm_choose(r, entries, array_len(entries));
    s->pass_ns = swarm_between(r, 5 * US, 500 * US);
    if (rng_below(r, QUOTA_ONE_IN) == 0)
        s->journal_quota = swarm_between(r, 2000, 30000); /* less than most seeds write */
}

static void draw_faults(struct swarm *s, struct rng *r)
{
    static const uint64_t jumps[] = {MS, 2 * S, 600 * S, 7200 * S, 86400 * S};
    static const uint64_t allocations[] = {500, 5000, 50000};
    s->faults = (struct store_sim_faults){
        .append_io_ppm = swarm_sometimes(r, 20000),
        .append_full_ppm = swarm_sometimes(r, 10000),
        .unknown_written_ppm = swarm_sometimes(r, 20000),
        .unknown_lost_ppm = swarm_sometimes(r, 20000),
        .read_io_ppm = swarm_sometimes(r, 20000),
        .views_commit_ppm = swarm_sometimes(r, 200000),
        .views_unknown_ppm = swarm_sometimes(r, 100000),
        .crash_lost_ppm = swarm_sometimes(r, 800000),
        .crash_torn_ppm = swarm_sometimes(r, 800000),
        .crash_stale_ppm = swarm_sometimes(r, 500000),
    };
    if (rng_below(r, BAD_DISK_ONE_IN) == 0)
        s->faults.read_io_ppm = (uint32_t)swarm_between(r, 200000, 600000);
    s->crash_ppm = swarm_sometimes(r, 8000);
    s->allocations_max =
        rng_below(r, 2) == 0 ? 0 : (uint32_t)swarm_choose(r, allocations, array_len(allocations));
    s->command_ppm = swarm_sometimes(r, 20000);
    s->leave_ppm = swarm_sometimes(r, 3000);
    s->clock_jump_ppm = swarm_sometimes(r, 5000);
    s->clock_jump_ns = (int64_t)swarm_choose(r, jumps, array_len(jumps));
    s->full_ns = swarm_between(r, 10 * MS, 3 * S);
}

/* Between the shards. */
static void draw_network(struct swarm *s, struct rng *r)
{
    static const uint64_t delays[] = {US, 20 * US, 500 * US, 5 * MS, 50 * MS};
    static const uint64_t absences[] = {5 * MS, 200 * MS, 5 * S, 60 * S};
    s->frame_ns = swarm_choose(r, delays, array_len(delays));
    s->frame_lost_ppm = swarm_sometimes(r, 400000);
    s->frame_twice_ppm = swarm_sometimes(r, 150000);
    s->cut_ppm = swarm_sometimes(r, 2000);
    s->deaf_ppm = swarm_sometimes(r, 10000);
    s->stall_ppm = swarm_sometimes(r, 1000);
    s->absence_ns = swarm_choose(r, absences, array_len(absences));
    s->send_fails_ppm = swarm_sometimes(r, 200000);
    s->operate_ppm = swarm_sometimes(r, 20000);
    s->loses_end = rng_below(r, LOSES_END_ONE_IN) == 0;
}

/* Where nothing fails and there are few things, each of them goes through many steps: what takes
 * several of them in a row is met here. */
static void draw_depth(struct swarm *s, struct rng *r)
{
    s->requests = (uint32_t)swarm_between(r, 200, 500);
    s->tenants = 1;
    s->owners = (uint32_t)swarm_between(r, 2, 4);
    s->accounts_max = (uint32_t)swarm_between(r, 6, 12);
    s->focus = (enum swarm_focus)rng_below(r, SWARM_TALLIES);
    s->changed_ppm = (uint32_t)swarm_between(r, 300000, 700000);
    s->edge_ppm = swarm_sometimes(r, 400000);
    if (rng_below(r, 3) == 0) /* no more than once as much comes in as goes on */
        s->amount_max = UINT64_MAX / 4;
    if (s->think_ns < 30 * MS)
        s->think_ns = swarm_between(r, MS, 30 * MS); /* some of what expires does */
    uint64_t first = rng_below(r, SWARM_OPERATIONS_MAX - FAVOURED);
    for (uint64_t i = first; i < first + FAVOURED; i++)
        s->weights[i] = FAVOURED_WEIGHT;
    s->lost_ppm = s->answer_lost_ppm = s->twice_ppm = s->again_ppm = s->give_up_ppm = 0;
    s->hang_up_ppm = 0;
    s->journal_quota = 0;
    s->faults = (struct store_sim_faults){.read_io_ppm = 0};
    s->crash_ppm = s->allocations_max = s->command_ppm = s->leave_ppm = s->clock_jump_ppm = 0;
    if (s->shards == 1 || rng_below(r, 3) == 0) /* and what crosses takes long in the others */
        s->deadline_ppm = s->cut_ppm = s->deaf_ppm = s->stall_ppm = s->send_fails_ppm = 0;
}

void swarm_draw(struct swarm *s, struct rng *rng, uint16_t shards)
{
    *s = (struct swarm){0};
    draw_node(s, rng);
    draw_requests(s, rng);
    draw_manners(s, rng);
    draw_faults(s, rng);
    bool deep = rng_below(rng, DEEP_ONE_IN) == 0;
    if (deep && shards == 0)
        shards = (uint16_t)swarm_between(rng, 1, DEEP_SHARDS_MAX);
    draw_shards(s, rng, shards);
    draw_network(s, rng);
    if (deep)
        draw_depth(s, rng);
}
