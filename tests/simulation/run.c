/* SPDX-License-Identifier: Apache-2.0 */
/* See run.h. */
#include "tests/simulation/run.h"

#include <stdlib.h>
#include <string.h>

#include "actors/ledger/ledger.h"
#include "actors/payment/payment_service.h"
#include "actors/wallet/wallet_service.h"
#include "runtime/journal/key_run.h"
#include "tests/simulation/clients.h"
#include "tests/simulation/faults.h"
#include "tests/simulation/model/checkers.h"
#include "tests/simulation/verdict.h"

#define MS ((uint64_t)1000000)
#define SECOND ((uint64_t)1000 * MS)
#define BUSY_STEPS_MAX 100000       /* of the phase with faults; the quiet phase ends the rest */
#define BUSY_NS (300 * SECOND)      /* after the last request was made */
#define QUIET_NS (60 * SECOND)      /* after which all requests that were made are answered */
#define EXPIRY_NS (4000 * SECOND)   /* within which all that is due must have ended */
#define CLOSE_NS (60 * SECOND)
#define FILTER_BYTES ((size_t)1 << 12)
#define RESTART_NS (50 * MS)
#define DROPS_ONE_IN 4              /* so often the views are deleted before the last start */
#define SLOW_NS (20 * MS)           /* a commit that takes longer is slow */

static const struct service *const services[] = {
    &ledger_service,
    &wallet_service,
    &payment_service,
};

uint64_t run_wall_ns(const struct run *run)
{
    return WORLD_EPOCH_NS + run->world.now_ns + (uint64_t)run->world.wall_skew_ns;
}

void run_faults(struct run *run, bool on)
{
    static const struct store_sim_faults none;
    store_sim_set_faults(run->sim, on && !run->quiet ? &run->swarm.faults : &none);
}

/* --- the process ----------------------------------------------------------------------------- */

static void on_answer(void *context, struct message *m)
{
    clients_answered(context, m);
}

static void on_state(void *context, enum shard_state state, const char *reason)
{
    struct run *run = context;
    world_note(&run->world, "state", (uint64_t)state, 0);
    if (state == SHARD_STOPPED && reason != NULL &&
        (strstr(reason, "damaged") != NULL || strstr(reason, "restored") != NULL ||
         strstr(reason, "taken over") != NULL || strstr(reason, "rebuilding") != NULL))
        broken("the shard stopped: %s", reason);
}

static void on_pass(void *context)
{
    struct run *run = context;
    if (run->shard != NULL && shard_pass(run->shard, run->swarm.pass_ns))
        env_wake(&run->world.env);
}

static void start(void *context)
{
    struct run *run = context;
    if (run->shard != NULL)
        return;
    memset(&run->line, 0, sizeof run->line);
    run->progress = (struct progress){.count = 1, .shards = &run->line};
    run->shard = shard_new(&(struct shard_options){
        .env = &run->world.env,
        .domain = run->domain,
        .store = run->store,
        .journal_lane = (struct lane *)&run->journal,
        .views_lane = (struct lane *)&run->views,
        .read_lane = (struct lane *)&run->reads,
        .number = 0,
        .shards = 1,
        .progress = &run->progress,
        .owner = slice_of("simulated"),
        .resident_max = run->swarm.resident_max,
        .outcomes_max = run->swarm.outcomes_max,
        .filter_bytes = FILTER_BYTES,
        .merge_keys = run->swarm.merge_keys,
        .answer = on_answer,
        .state_changed = on_state,
        .context = run,
    });
}

static bool keep(void *context)
{
    (void)context;
    return true; /* all calls are of clients and faults */
}

static void see_merge(void *context, const struct key_run *r)
{
    bool *merging = context;
    *merging |= r->state == KEY_RUN_UNFINISHED;
}

static bool keys_are_merged(struct run *run)
{
    bool merging = false;
    run_faults(run, false);
    for (enum key_kind kind = KEY_KIND_OUTCOME; kind <= KEY_KIND_EVENT; kind++) {
        enum err e = key_runs_each((struct key_space){0, kind}, run->store, see_merge, &merging);
        check(e == ERR_OK);
    }
    run_faults(run, true);
    return merging;
}

/* The machine stops and starts again a little later. */
static void crash(struct run *run)
{
    world_note(&run->world, "crash", run->history.seq, 0);
    run->counts.crashes++;
    run->cover.faults[COVER_CRASH]++;
    world_crash(&run->world, keep);
    run->shard = shard_kill(run->shard);
    store_sim_crash(run->sim);
    run->cover.faults[COVER_MERGE_CUT] += keys_are_merged(run);
    run->leaving = false;
    run->journal.free_ns = run->views.free_ns = run->reads.free_ns = 0;
    clients_disconnected(run);
    world_at(&run->world, run->world.now_ns + 1 + rng_below(&run->rng, RESTART_NS), start, run);
}

/* It was told to stop, has finished what it had accepted, and starts again a little later. */
static void leave(struct run *run)
{
    world_note(&run->world, "left", run->history.seq, 0);
    run->shard = shard_free(run->shard);
    run->leaving = false;
    world_at(&run->world, run->world.now_ns + 1 + rng_below(&run->rng, RESTART_NS), start, run);
}

/* --- watching -------------------------------------------------------------------------------- */

static void follow(struct run *run)
{
    if (run->shard == NULL || run->shard->state != SHARD_RUNNING ||
        run->shard->journal.committed_seq == run->followed)
        return;
    run->followed = run->shard->journal.committed_seq;
    store_sim_delivered(run->sim, 0, run->followed);
    run_faults(run, false);
    history_follow(&run->history, run->followed);
    checkers_after_commit(run);
    run_faults(run, true);
}

static void step(struct run *run)
{
    if (!world_step(&run->world))
        broken("nothing is left to happen");
    run->counts.steps++;
    enum shard_state state = run->shard == NULL ? SHARD_OPENING : run->shard->state;
    if (state == SHARD_RUNNING) {
        follow(run);
        checkers_after_step(run);
        if (run->quiet)
            faults_resume(run);
    } else if (state == SHARD_STOPPED && run->leaving && shard_quiet(run->shard)) {
        leave(run);
        return;
    } else if (state == SHARD_STOPPED && !run->closing && !run->leaving) {
        run->counts.restarts++;
        run->cover.faults[COVER_GIVEN_UP]++;
        crash(run); /* whoever watches over the process starts it anew */
        return;
    }
    if (!run->quiet)
        faults_after_step(run);
}

/* --- phases ---------------------------------------------------------------------------------- */

static void busy_phase(struct run *run)
{
    clients_start(run);
    uint64_t end_ns = run->swarm.requests * 2 * run->swarm.think_ns + BUSY_NS;
    while (run->counts.steps < BUSY_STEPS_MAX && run->world.now_ns < end_ns && !clients_done(run)) {
        step(run);
        if (run->shard != NULL && faults_crash_now(run))
            crash(run);
    }
}

/* Steps until done() or time is up; what is late is broken. */
static void settle(struct run *run, bool (*done)(const struct run *run), uint64_t within_ns,
                   const char *late)
{
    uint64_t end_ns = run->world.now_ns + within_ns;
    while (run->leaving || !done(run)) {
        step(run);
        if (run->world.now_ns > end_ns)
            broken("%s", late);
    }
}

static bool all_projected(const struct run *run)
{
    const struct shard *s = run->shard;
    return s != NULL && s->state == SHARD_RUNNING && journal_idle(&s->journal) &&
           s->journal.committed_seq == run->history.seq &&
           s->projector.position.seq == s->journal.committed_seq && !s->projector.busy &&
           fifo_empty(&s->run_queue) && fifo_empty(&s->wait_queue) && fifo_empty(&s->answered);
}

static bool all_ended(const struct run *run)
{
    return reference_last_due(&run->history.reference) == 0 && all_projected(run);
}

static bool is_closed(const struct run *run)
{
    return shard_quiet(run->shard);
}

static void quiet_phase(struct run *run)
{
    world_note(&run->world, "quiet", run->counts.steps, 0);
    faults_stop(run);
    clients_repeat(run);
    uint64_t unmade_ns = (run->swarm.requests - run->request_count) * 2 * run->swarm.think_ns;
    settle(run, clients_done, unmade_ns + QUIET_NS,
           "requests are not answered although nothing fails");
    settle(run, all_projected, QUIET_NS, "the views do not reach the journal");
    checkers_full(run);
    uint64_t due_ns = reference_last_due(&run->history.reference);
    if (due_ns > run_wall_ns(run))
        run->world.wall_skew_ns += (int64_t)(due_ns - run_wall_ns(run));
    env_wake(&run->world.env);
    settle(run, all_ended, EXPIRY_NS, "something that is due has not ended");
    checkers_full(run);
}

/* Closed in order, opened again: all is there, and the same answers are given. */
static void reopen(struct run *run)
{
    run->closing = true;
    shard_close(run->shard);
    settle(run, is_closed, CLOSE_NS, "the shard does not close");
    run->shard = shard_free(run->shard);
    run->closing = false;
    checkers_closed(run);
    if (rng_below(&run->rng, DROPS_ONE_IN) == 0) {
        run->cover.faults[COVER_VIEWS_DROPPED]++;
        enum err e = run->store->ops->views_drop(run->store);
        check(e == ERR_OK);
    }
    start(run);
    clients_repeat(run);
    settle(run, clients_done, QUIET_NS, "requests are not answered after a restart");
    settle(run, all_projected, QUIET_NS, "the views do not reach the journal after a restart");
    checkers_full(run);
}

/* --- all of it ------------------------------------------------------------------------------- */

static void make_store(struct run *run)
{
    const struct view_table *tables[RUN_TABLES_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < RUNTIME_VIEWS; i++)
        tables[count++] = runtime_views[i];
    for (size_t i = 0; i < array_len(services); i++)
        for (uint32_t j = 0; j < services[i]->view_count; j++)
            tables[count++] = services[i]->views[j];
    check(count <= RUN_TABLES_MAX);
    run->sim = store_sim_new(&(struct store_sim_options){.tables = tables,
                                                         .table_count = count,
                                                         .rng = &run->store_rng,
                                                         .in_flight = true,
                                                         .faults = run->swarm.faults});
    run->store = store_sim_store(run->sim);
}

static void make_world(struct run *run)
{
    struct world *w = &run->world;
    world_init(w, run->options.seed);
    w->pass = on_pass;
    w->context = run;
    w->verbose = run->options.trace;
    struct swarm *s = &run->swarm;
    world_lane_init(&run->journal, w, "journal", s->journal.min_ns, s->journal.max_ns);
    world_lane_init(&run->views, w, "views", s->views.min_ns, s->views.max_ns);
    world_lane_init(&run->reads, w, "reads", s->reads.min_ns, s->reads.max_ns);
}

const struct domain *run_domain(void)
{
    static struct domain domain;
    if (domain.service_count == 0)
        domain_init(&domain, services, array_len(services));
    return &domain;
}

uint64_t run_seed(struct run *run, const struct run_options *options)
{
    *run = (struct run){.options = *options, .domain = run_domain()};
    list_init(&run->asks);
    rng_seed(&run->rng, options->seed ^ 0xC11E27);
    rng_seed(&run->store_rng, options->seed ^ 0x5702E);
    swarm_draw(&run->swarm, &run->rng);
    if (options->requests != 0)
        run->swarm.requests = options->requests;
    make_world(run);
    make_store(run);
    history_init(&run->history, run->domain, run->store);
    run->history.on_record = clients_recorded;
    run->history.context = run;
    start(run);
    busy_phase(run);
    quiet_phase(run);
    reopen(run);
    cover_store(&run->cover, store_sim_counts(run->sim));
    if (run->swarm.journal.max_ns >= SLOW_NS)
        run->cover.faults[COVER_SLOW_COMMIT] += run->history.seq;
    memcpy(run->cover.events, run->history.kinds, sizeof run->cover.events);
    uint64_t head;
    memcpy(&head, run->history.hash.bytes, sizeof head);
    world_note(&run->world, "end", head, run->history.seq);
    return run->world.trace;
}

void run_done(struct run *run)
{
    if (run->shard != NULL) {
        world_crash(&run->world, keep);
        run->shard = shard_kill(run->shard);
    }
    clients_free(run);
    history_done(&run->history);
    store_sim_free(run->sim);
    world_done(&run->world);
}
