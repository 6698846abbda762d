/* SPDX-License-Identifier: Apache-2.0 */
/* Most faults of the store are drawn inside it (store_sim.h); these are of the machine and of its
 * operator: clocks that jump, crashes, a full disk, commands to actors, stops in order. */
#include "tests/simulation/faults.h"

#include "runtime/base/time.h"
#include "runtime/sends/parked.h"
#include "schemas/common.h"
#include "tests/simulation/forgery.h"

#define DEAF_NS_MAX NS_PER_S      /* what piles up meanwhile is soon done */
#define LEAVE_NS (20 * NS_PER_MS) /* at most what a process that stops gives its requests */

/* Keys are kept for 30 days: no run lasts so long that its clients' retries come too late. */
#define SKEW_NS_MAX ((int64_t)(10 * NS_PER_DAY))

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

static bool any_is_full(const struct run *run)
{
    for (uint16_t i = 0; i < run->swarm.shards; i++) {
        const struct shard *s = run_shard_running(run, i);
        if (s != NULL && !shard_writable(s))
            return true;
    }
    return false;
}

/* The store fills by itself; an operator makes room after a while. */
static void watch_disk(struct run *run)
{
    if (run->full || !any_is_full(run))
        return;
    run->full = true;
    run->counts.fulls++;
    run->cover.faults[COVER_DISK_FULL]++;
    world_at(&run->world, run->world.now_ns + run->swarm.full_ns, free_disk, run);
}

/* --- parked sends ----------------------------------------------------------------------------- */

struct parked_choice {
    bool refusing;
    struct id128 id;
};

static bool faults_choose_parked(void *context, struct id128 id, const void *state)
{
    struct parked_choice *c = context;
    const struct parked *p = state;
    if (forgery_is(p->target))
        return true;
    if (c->refusing && p->type != tally_token_type.number && p->type != wallet_token_type.number)
        return true;
    c->id = id;
    return false;
}

/* An operator has a parked send of this shard run again, and those behind it, or has it refused. */
static void faults_unpark(struct run *run, uint16_t shard, bool refusing)
{
    struct shard *s = run_shard_running(run, shard);
    struct parked_choice c = {.refusing = refusing};
    if (s == NULL)
        return;
    registry_each(&s->registry, KIND_PARKED, faults_choose_parked, &c);
    if (id128_is_zero(c.id))
        return;
    struct slice by = slice_of("unix:operator");
    enum err e = refusing ? shard_parked_refuse(s, c.id, by, slice_of("it does not work"))
                          : shard_parked_retry(s, c.id, by);
    world_note(&run->world, refusing ? "refuse parked" : "retry parked", shard, (uint64_t)e);
    run->cover.faults[COVER_PARKED_REFUSED] += refusing && e == ERR_OK;
}

static void faults_operate(struct run *run)
{
    uint16_t shard = (uint16_t)rng_below(&run->rng, run->swarm.shards);
    faults_unpark(run, shard, rng_below(&run->rng, 4) == 0);
}

/* --- an operator's commands ------------------------------------------------------------------- */

/* Something that exists or did: an account (and its wallet), or what holds money. */
static struct id128 some_actor(struct run *run, uint16_t *kind)
{
    static const uint16_t kinds[] = {KIND_ACCOUNT, KIND_WALLET,  KIND_TRANSFER,
                                     KIND_HOLD,    KIND_PAYMENT, KIND_TALLY};
    const struct reference *r = &run->reference;
    *kind = kinds[rng_below(&run->rng, array_len(kinds))];
    if (*kind == KIND_TALLY) {
        uint32_t number = (uint32_t)rng_below(&run->rng, TALLIES);
        return tally_id(r->slots, number, (uint16_t)rng_below(&run->rng, run->swarm.shards));
    }
    if (*kind == KIND_ACCOUNT || *kind == KIND_WALLET)
        return r->account_count == 0 ? ID128_ZERO
                                     : r->accounts[rng_below(&run->rng, r->account_count)].id;
    return r->transfer_count == 0 ? ID128_ZERO
                                  : r->transfers[rng_below(&run->rng, r->transfer_count)].id;
}

static void faults_command(struct run *run)
{
    static const enum actor_command commands[] = {ACTOR_COMMAND_SUSPEND, ACTOR_COMMAND_RESUME,
                                                  ACTOR_COMMAND_RESUME, ACTOR_COMMAND_STOP};
    enum actor_command chosen = commands[rng_below(&run->rng, array_len(commands))];
    uint16_t kind;
    struct id128 id = some_actor(run, &kind);
    struct shard *s = run_shard_running(run, run_home(run, id));
    if (s == NULL)
        return;
    enum err e = shard_actor_command(s, kind, id, chosen);
    world_note(&run->world, "order", (uint64_t)chosen, (uint64_t)e);
    if (e != ERR_OK)
        return;
    run->cover.faults[COVER_SUSPENDED] += chosen == ACTOR_COMMAND_SUSPEND;
    run->cover.faults[COVER_STOPPED] += chosen == ACTOR_COMMAND_STOP;
}

static void resume_kind(struct run *run, uint16_t kind, struct id128 id)
{
    struct shard *s = run_shard_running(run, run_home(run, id));
    if (s == NULL)
        return;
    enum err e = shard_actor_command(s, kind, id, ACTOR_COMMAND_RESUME);
    check(e == ERR_OK || e == ERR_NOT_FOUND);
}

static void close_shards(void *context)
{
    struct run *run = context;
    if (run->shard_set == NULL || !run->leaving || run->close_began)
        return; /* it crashed meanwhile */
    run->close_began = true;
    shard_set_close(run->shard_set);
}

/* As payd does it: lists end at once, the shards when requests have had some time. */
static void faults_leave(struct run *run)
{
    run->cover.faults[COVER_LEFT]++;
    world_note(&run->world, "leave", 0, 0);
    run->leaving = true;
    run->close_began = false;
    shard_set_end_lists(run->shard_set);
    world_at(&run->world, run->world.now_ns + 1 + rng_below(&run->rng, LEAVE_NS), close_shards,
             run);
}

/* Whoever quarantined or suspended one of the tallies and boards. */
static void resume_tallies(struct run *run, uint16_t shard)
{
    struct shard *s = run_shard_running(run, shard);
    for (uint32_t i = 0; i < TALLIES; i++)
        resume_kind(run, KIND_TALLY, tally_id(run->reference.slots, i, shard));
    if (s != NULL && shard_actor_command(s, KIND_BOARD, BOARD_ID, ACTOR_COMMAND_RESUME) != ERR_OK)
        return; /* it is not in memory */
}

void faults_resume(struct run *run)
{
    for (uint16_t i = 0; i < run->swarm.shards && run->sends.parked_count > 0; i++)
        faults_unpark(run, i, false);
    const struct reference *r = &run->reference;
    uint32_t controls = 0;
    for (uint16_t i = 0; i < run->swarm.shards; i++)
        if (run_shard_running(run, i) != NULL)
            controls += run_shard_running(run, i)->controls.count;
    if (controls == 0)
        return;
    for (uint16_t i = 0; i < run->swarm.shards; i++)
        resume_tallies(run, i);
    for (uint32_t i = 0; i < r->account_count; i++) {
        resume_kind(run, KIND_ACCOUNT, r->accounts[i].id);
        resume_kind(run, KIND_WALLET, r->accounts[i].id);
    }
    for (uint32_t i = 0; i < r->transfer_count; i++) {
        resume_kind(run, KIND_TRANSFER, r->transfers[i].id);
        resume_kind(run, KIND_HOLD, r->transfers[i].id);
        resume_kind(run, KIND_PAYMENT, r->transfers[i].id);
    }
}

/* --- shards that are gone for some time ------------------------------------------------------- */

static uint64_t faults_absence(struct run *run, uint16_t *shard)
{
    *shard = (uint16_t)rng_below(&run->rng, run->swarm.shards);
    return 1 + rng_below(&run->rng, run->swarm.absence_ns);
}

/* The others do not hear from it. */
static void faults_cut(struct run *run)
{
    uint16_t shard;
    uint64_t span_ns = faults_absence(run, &shard);
    world_note(&run->world, "cut", shard, span_ns);
    network_cut(&run->network, shard, span_ns);
}

/* One of them does not hear from another. */
static void faults_deafen(struct run *run)
{
    uint16_t to, from = (uint16_t)rng_below(&run->rng, run->swarm.shards);
    uint64_t span_ns = faults_absence(run, &to) % DEAF_NS_MAX;
    if (from == to)
        return;
    world_note(&run->world, "deaf", (uint64_t)from << 16 | to, span_ns);
    network_deafen(&run->network, from, to, span_ns);
}

static void faults_wake(void *context)
{
    struct run_shard *rs = context;
    if (rs->run->shard_set != NULL)
        env_wake(shard_set_env(rs->run->shard_set, rs->number));
}

/* It takes what comes, and decides nothing. */
static void faults_stall(struct run *run)
{
    uint16_t shard;
    uint64_t span_ns = faults_absence(run, &shard);
    struct run_shard *rs = &run->shards[shard];
    world_note(&run->world, "stall", shard, span_ns);
    run->cover.faults[COVER_STALLED]++;
    rs->stalled_ns = run->world.now_ns + span_ns;
    world_at(&run->world, rs->stalled_ns + 1, faults_wake, rs);
}

static void faults_end_absences(struct run *run)
{
    network_heal(&run->network);
    for (uint16_t i = 0; i < run->swarm.shards; i++) {
        run->shards[i].stalled_ns = 0;
        faults_wake(&run->shards[i]);
    }
}

/* --------------------------------------------------------------------------------------------- */

void faults_after_step(struct run *run)
{
    if (run->shard_set != NULL && !run->leaving) {
        if (rng_chance(&run->rng, run->swarm.command_ppm))
            faults_command(run);
        if (rng_chance(&run->rng, run->swarm.operate_ppm))
            faults_operate(run);
        if (rng_chance(&run->rng, run->swarm.leave_ppm))
            faults_leave(run);
    }
    if (rng_chance(&run->rng, run->swarm.cut_ppm))
        faults_cut(run);
    if (rng_chance(&run->rng, run->swarm.deaf_ppm))
        faults_deafen(run);
    if (rng_chance(&run->rng, run->swarm.stall_ppm))
        faults_stall(run);
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
    run->shortage.left = 0;
    tally_fail_sends(NULL, 0);
    run_faults(run, false);
    faults_end_absences(run);
    store_sim_disk_full(run->sim, false);
}
