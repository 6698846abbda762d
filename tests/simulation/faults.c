/* SPDX-License-Identifier: Apache-2.0 */
/* See faults.h. */
#include "tests/simulation/faults.h"

/* Keys are kept for 30 days: no run lasts so long that its clients' retries come too late. */
#define SKEW_NS_MAX ((int64_t)10 * 86400 * 1000000000)

static void jump_clock(struct run *run)
{
    uint64_t span = (uint64_t)run->swarm.clock_jump_ns;
    int64_t jump = (int64_t)rng_below(&run->rng, 2 * span + 1) - (int64_t)span;
    struct world *w = &run->world;
    w->wall_skew_ns += jump;
    if (w->wall_skew_ns < -(int64_t)span)
        w->wall_skew_ns = -(int64_t)span; /* not before the epoch of the world by much */
    if (w->wall_skew_ns > SKEW_NS_MAX)
        w->wall_skew_ns = SKEW_NS_MAX;
    if (w->wall_skew_ns > run->skew_max_ns)
        run->skew_max_ns = w->wall_skew_ns;
    run->counts.clock_jumps++;
    run->cover.faults[jump < 0 ? COVER_CLOCK_BACK : COVER_CLOCK_FORWARD]++;
    world_note(w, "clock", (uint64_t)w->wall_skew_ns, 0);
}

static void free_disk(void *context)
{
    struct run *run = context;
    run->full = false;
    store_sim_disk_full(run->sim, false);
    world_note(&run->world, "disk", 0, 0);
}

/* The store fills by itself; somebody makes room after a while. */
static void watch_disk(struct run *run)
{
    if (run->full || run->shard == NULL || shard_writable(run->shard) ||
        run->shard->state != SHARD_RUNNING)
        return;
    run->full = true;
    run->counts.fulls++;
    run->cover.faults[COVER_DISK_FULL]++;
    world_at(&run->world, run->world.now_ns + run->swarm.full_ns, free_disk, run);
}

void faults_after_step(struct run *run)
{
    if (rng_chance(&run->rng, run->swarm.clock_jump_ppm))
        jump_clock(run);
    watch_disk(run);
}

bool faults_crash_now(struct run *run)
{
    return rng_chance(&run->rng, run->swarm.crash_ppm);
}

void faults_stop(struct run *run)
{
    run->quiet = true;
    run_faults(run, false);
    store_sim_disk_full(run->sim, false);
    if (run->skew_max_ns > run->world.wall_skew_ns)
        run->world.wall_skew_ns = run->skew_max_ns;
}
