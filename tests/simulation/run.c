/* SPDX-License-Identifier: Apache-2.0 */
/* After each event of the world, run_step() lets the histories and checkers see what each shard has
 * committed, then draws the faults. A crash drops every call that the node had scheduled and keeps
 * those of clients, who then ask again. */
#include "tests/simulation/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/services.h"
#include "runtime/base/sha256.h"
#include "runtime/base/time.h"
#include "tests/simulation/clients.h"
#include "tests/simulation/crowd.h"
#include "tests/simulation/faults.h"
#include "tests/simulation/lost_end.h"
#include "tests/simulation/model/checkers.h"
#include "tests/simulation/model/ref_payments.h"
#include "tests/simulation/model/ref_transit.h"
#include "tests/simulation/verdict.h"

#define MS NS_PER_MS
#define SECOND ((uint64_t)1000 * MS)
#define BUSY_STEPS_MAX 100000       /* of the phase with faults; the quiet phase ends the rest */
#define BUSY_NS (300 * SECOND)      /* after the last request was made */
#define QUIET_NS (60 * SECOND)      /* after which all requests that were made are answered */
#define EXPIRY_NS (60 * SECOND)     /* how late what is due may end */
#define LATE_NS (60 * SECOND)       /* how much later an event is durable than its turn was */
#define CLOSE_NS (60 * SECOND)
#define FILTER_BYTES ((size_t)1 << 12)
#define RUN_SERVICES_MAX 16
#define LOST_END_NS (30 * SECOND)
#define RESTART_NS (50 * MS)
#define DROPS_ONE_IN 4              /* runs that delete the views before the last start */
#define SLOW_NS (20 * MS)           /* a commit that takes longer is slow */

uint64_t run_wall_ns(const struct run *run)
{
    return WORLD_EPOCH_NS + run->world.now_ns + (uint64_t)run->world.wall_skew_ns;
}

void run_faults(struct run *run, bool on)
{
    static const struct store_sim_faults none;
    store_sim_set_faults(run->sim, on && !run->quiet ? &run->swarm.faults : &none);
}

/* --- memory ----------------------------------------------------------------------------------- */

static void run_lacks_memory(void *context)
{
    struct run *run = context;
    run->ended = true;
    run->counts.shortages++;
    run->cover.faults[COVER_NO_MEMORY]++;
    world_note(&run->world, "no memory", run->counts.shortages, 0);
    store_sim_unreachable(run->sim, true);
}

/* Of a process that starts. */
static void run_draw_shortage(struct run *run)
{
    const uint32_t most = run->swarm.allocations_max;
    run->shortage = (struct shortage){.met = run_lacks_memory, .context = run};
    if (most > 0 && !run->quiet && rng_below(&run->rng, 2) == 0)
        run->shortage.left = 1 + rng_below(&run->rng, most);
}

/* --- the process ------------------------------------------------------------------------------ */

uint16_t run_home(const struct run *run, struct id128 id)
{
    return reference_home(&run->reference, id);
}

struct shard *run_shard_running(const struct run *run, uint16_t number)
{
    struct shard *s = run->shard_set == NULL ? NULL : shard_set_shard(run->shard_set, number);
    return s != NULL && s->state == SHARD_RUNNING ? s : NULL;
}

bool run_any_stopped(const struct run *run)
{
    for (uint16_t i = 0; i < run->swarm.shards; i++)
        if (shard_set_shard(run->shard_set, i)->state == SHARD_STOPPED)
            return true;
    return false;
}

bool run_listens(const struct run *run)
{
    return run->shard_set != NULL && !(run->leaving && run_any_stopped(run));
}

/* What fails in one shard must not make another one recover. */
static void check_recovery(struct run_shard *rs)
{
    uint64_t refused = store_sim_refused(rs->run->sim, rs->number);
    const struct shard *s = shard_set_shard(rs->run->shard_set, rs->number);
    uint64_t restarts = s->stats.restarts; /* of too many turns that failed */
    bool rebuilt = restarts != rs->restarts;
    rs->restarts = restarts;
    if (refused == rs->refusals && !rebuilt)
        broken("shard %u recovers although no append of it failed", rs->number);
    rs->refusals = refused;
}

static void on_state(void *context, uint16_t shard, enum shard_state state, const char *reason)
{
    struct run *run = context;
    if (run->ended)
        return;
    world_note(&run->world, "state", (uint64_t)state, shard);
    if (state == SHARD_RECOVERING && run->shards[shard].state == SHARD_RUNNING)
        check_recovery(&run->shards[shard]);
    if (state == SHARD_RUNNING && run->shards[shard].lived_from == UINT64_MAX)
        run->shards[shard].lived_from =
            shard_set_shard(run->shard_set, shard)->journal.committed_seq;
    run->shards[shard].state = state;
    if (state == SHARD_STOPPED && run->lost_end && run->shard_set != NULL)
        lost_end_stopped(run, shard, reason);
    else if (state == SHARD_STOPPED && reason != NULL &&
             (strstr(reason, "damaged") != NULL || strstr(reason, "restored") != NULL ||
              strstr(reason, "taken over") != NULL || strstr(reason, "rebuilding") != NULL))
        broken("the shard stopped: %s", reason);
}

static void on_quiet(void *context, uint16_t shard)
{
    struct run *run = context;
    world_note(&run->world, "quiet shard", shard, 0);
}

/* Is it of this loop, and does it do something now? */
static bool run_has_shard(const struct run_loop *l, uint16_t shard)
{
    const struct run *run = l->run;
    return run->shard_set != NULL && shard_set_env(run->shard_set, shard) == &l->loop.env &&
           run->world.now_ns >= run->shards[shard].stalled_ns;
}

static void on_pass(void *context)
{
    struct run_loop *l = context;
    struct run *run = l->run;
    bool more = false;
    for (uint16_t i = 0; i < run->swarm.shards; i++)
        if (run_has_shard(l, i))
            shard_set_pass(run->shard_set, i, run->swarm.pass_ns);
    for (uint16_t i = 0; i < run->swarm.shards; i++)
        if (run_has_shard(l, i))
            more |= shard_set_answer(run->shard_set, i);
    if (more)
        env_wake(&l->loop.env);
}

static void run_start(void *context)
{
    struct run *run = context;
    if (run->shard_set != NULL)
        return;
    struct env *envs[RUN_SHARDS_MAX];
    for (uint16_t i = 0; i < run->swarm.loops; i++)
        envs[i] = &run->loops[i].loop.env;
    struct worker *const readers[] = {(struct worker *)&run->reads};
    struct worker *const loaders[] = {(struct worker *)&run->loads};
    for (uint16_t i = 0; i < run->swarm.shards; i++) {
        run->shards[i].state = SHARD_OPENING;
        run->shards[i].lived_from = UINT64_MAX;
        run->shards[i].lead_ns = 0;
        run->shards[i].restarts = 0;
        run->shards[i].refusals = store_sim_refused(run->sim, i);
    }
    run_draw_shortage(run);
    run->shard_set = shard_set_new(&(struct shard_set_options){
        .domain = run->domain,
        .journal_store = run->journal_store,
        .view_store = run->view_store,
        .slots = run->journal_store->slots,
        .envs = envs,
        .env_count = run->swarm.loops,
        .journal_worker = (struct worker *)&run->journal,
        .views_worker = (struct worker *)&run->views,
        .read_workers = readers,
        .reader_count = array_len(readers),
        .load_workers = loaders,
        .loader_count = array_len(loaders),
        .owner = slice_of("simulated"),
        .resident_max = run->swarm.resident_max,
        .dedup_entries_max = run->swarm.dedup_entries_max,
        .filter_bytes = FILTER_BYTES,
        .journal_quota = run->swarm.journal_quota,
        .transport = network_transport(&run->network),
        .state_changed = on_state,
        .quiet = on_quiet,
        .context = run,
    });
    check(run->shard_set != NULL);
}

static bool run_keeps_call(void *context)
{
    (void)context;
    return true; /* all calls are of clients and faults */
}

static uint64_t run_batches(const struct run *run)
{
    uint64_t sum = 0;
    for (uint16_t i = 0; i < run->swarm.shards; i++)
        sum += run->shards[i].history.seq;
    return sum;
}

/* The machine stops and starts again a little later. */
static void run_crash(struct run *run)
{
    world_note(&run->world, "crash", run_batches(run), 0);
    run->counts.crashes++;
    run->cover.faults[COVER_CRASH]++;
    world_crash(&run->world, run_keeps_call);
    run->shard_set = shard_set_kill(run->shard_set);
    clients_disconnected(run);
    store_sim_crash(run->sim);
    run->leaving = run->ended = false;
    run->shortage.left = 0; /* nobody is there to take any */
    run->journal.free_ns = run->views.free_ns = run->reads.free_ns = run->loads.free_ns = 0;
    world_at(&run->world, run->world.now_ns + 1 + rng_below(&run->rng, RESTART_NS), run_start, run);
}

/* The process was stopped in order and has finished what it had accepted; it starts again a little
 * later. */
static void run_leave(struct run *run)
{
    world_note(&run->world, "left", run_batches(run), 0);
    run->shard_set = shard_set_free(run->shard_set);
    run->leaving = false;
    run->shortage.left = 0;
    world_at(&run->world, run->world.now_ns + 1 + rng_below(&run->rng, RESTART_NS), run_start, run);
}

/* --- watching --------------------------------------------------------------------------------- */

/* What the wall clock does meanwhile, times go on with what has elapsed: an event's is that of its
 * turn, which was made durable a little later, or follows that of a send. */
static void check_times(struct run_shard *rs)
{
    uint64_t lead_ns = rs->history.clock_ns - rs->run->world.now_ns;
    if (rs->lead_ns == 0)
        rs->lead_ns = lead_ns;
    if (lead_ns + LATE_NS < rs->lead_ns || lead_ns > rs->lead_ns + LATE_NS)
        broken("times of events do not follow elapsed time");
}

static void run_follow(struct run *run, struct run_shard *rs)
{
    const struct shard *s = run_shard_running(run, rs->number);
    if (s == NULL || run->lost_end || s->journal.committed_seq == rs->followed)
        return;
    rs->followed = s->journal.committed_seq;
    store_sim_delivered(run->sim, rs->number, rs->followed);
    run_faults(run, false);
    uint64_t clock_ns = rs->history.clock_ns;
    history_follow(&rs->history, rs->followed);
    if (rs->history.clock_seq > rs->lived_from && rs->history.clock_ns != clock_ns)
        check_times(rs);
    checkers_after_commit(rs);
    ref_crossing_check(&run->crossing, rs->number);
    run_faults(run, true);
    for (uint16_t i = 0; i < run->swarm.shards; i++)
        run->cover.faults[COVER_OTHERS_GO_ON] +=
            shard_set_shard(run->shard_set, i)->state == SHARD_RECOVERING;
}

/* No shard has anything under way. */
static bool is_closed(const struct run *run)
{
    for (uint16_t i = 0; i < run->swarm.shards; i++)
        if (!shard_quiet(shard_set_shard(run->shard_set, i)))
            return false;
    return run->world.mails == 0;
}

/* true: the process is down now. */
static bool watch_process(struct run *run)
{
    if (run->shard_set == NULL || run->closing || run->lost_end)
        return false;
    if (run->leaving && is_closed(run)) {
        run_leave(run);
        return true;
    }
    if (run->leaving || !run_any_stopped(run))
        return false;
    run->counts.restarts++;
    run->cover.faults[COVER_GIVEN_UP]++;
    run_crash(run); /* the supervisor of the process starts it anew */
    return true;
}

static void run_step(struct run *run)
{
    shortage_watch(&run->shortage);
    bool happened = world_step(&run->world);
    shortage_leave();
    store_sim_unreachable(run->sim, false);
    if (!happened)
        broken("nothing is left to happen");
    run->counts.steps++;
    for (uint16_t i = 0; i < run->swarm.shards; i++)
        run_follow(run, &run->shards[i]);
    if (run->ended) {
        run_crash(run);
        return;
    }
    for (uint16_t i = 0; i < run->swarm.shards; i++)
        checkers_after_step(&run->shards[i]);
    if (run->quiet)
        faults_resume(run);
    if (!watch_process(run) && !run->quiet)
        faults_after_step(run);
}

/* --- phases ----------------------------------------------------------------------------------- */

static void busy_phase(struct run *run)
{
    clients_start(run);
    uint64_t end_ns = run->swarm.requests * 2 * run->swarm.think_ns + BUSY_NS;
    while (run->counts.steps < BUSY_STEPS_MAX && run->world.now_ns < end_ns && !clients_done(run)) {
        run_step(run);
        if (run->shard_set != NULL && faults_crash_now(run))
            run_crash(run);
    }
}

/* Steps until done(); a run that needs longer is broken. */
static void run_settle(struct run *run, bool (*done)(const struct run *run), uint64_t within_ns,
                       const char *late)
{
    uint64_t end_ns = run->world.now_ns + within_ns;
    while (run->leaving || !done(run)) {
        run_step(run);
        if (run->world.now_ns > end_ns)
            broken("%s", late);
    }
}

static bool is_projected(const struct run *run, const struct run_shard *rs)
{
    const struct shard *s = run_shard_running(run, rs->number);
    return s != NULL && journal_idle(&s->journal) && s->journal.committed_seq == rs->history.seq &&
           s->projector.follower.position.seq == s->journal.committed_seq &&
           !s->projector.follower.busy && schedule_idle(&s->schedule) &&
           fifo_empty(&s->answers.final);
}

static bool all_projected(const struct run *run)
{
    for (uint16_t i = 0; i < run->swarm.shards; i++)
        if (!is_projected(run, &run->shards[i]))
            return false;
    return run->world.mails == 0;
}

static bool all_ended(const struct run *run)
{
    return reference_last_due(&run->reference) == 0 && !ref_transit_open(&run->reference) &&
           !ref_payments_open(&run->reference) && all_projected(run);
}

/* Until the last of what is pending is due. */
static uint64_t left_to_wait(const struct run *run)
{
    uint64_t due_ns = reference_last_due(&run->reference), left_ns = 0;
    for (uint16_t i = 0; i < run->swarm.shards; i++) {
        uint64_t now_ns = shard_set_shard(run->shard_set, i)->clock.now_ns;
        if (due_ns > now_ns && due_ns - now_ns > left_ns)
            left_ns = due_ns - now_ns;
    }
    return left_ns;
}

static bool crowd_has_left(const struct run *run)
{
    return crowd_left(run->crowd);
}

/* Of some tenant, while nothing else happens. */
static void meet_a_crowd(struct run *run)
{
    run->crowd = calloc(1, sizeof *run->crowd);
    check(run->crowd != NULL);
    run->acting = (uint32_t)rng_below(&run->rng, run->swarm.tenants);
    crowd_gather(run->crowd, run);
    run_settle(run, crowd_has_left, QUIET_NS, "lists are not answered although nothing fails");
    crowd_free(run->crowd);
    free(run->crowd);
    run->crowd = NULL;
}

static bool sends_end(const struct run *run)
{
    return ref_sends_idle(&run->sends);
}

static void quiet_phase(struct run *run)
{
    world_note(&run->world, "quiet", run->counts.steps, 0);
    faults_stop(run);
    clients_repeat(run);
    uint64_t unmade_ns = (run->swarm.requests - run->request_count) * 2 * run->swarm.think_ns;
    run_settle(run, clients_done, unmade_ns + QUIET_NS,
               "requests are not answered although nothing fails");
    run_settle(run, sends_end, QUIET_NS, "sends or asks do not come to their end");
    ref_crossing_check_end(&run->crossing);
    ref_tallies_check_end(&run->tallies, run->swarm.shards);
    ref_rates_check_end(&run->rates, run->swarm.shards);
    run_settle(run, all_projected, QUIET_NS, "the views do not reach the journal");
    checkers_full(run);
    meet_a_crowd(run);
    run_settle(run, all_ended, left_to_wait(run) + EXPIRY_NS,
               "something that is due has not ended");
    checkers_full(run);
}

/* Closed in order, opened again: all is there, and the same answers are given. */
static void run_reopen(struct run *run)
{
    run->closing = true;
    shard_set_close(run->shard_set);
    run_settle(run, is_closed, CLOSE_NS, "a shard does not close");
    run->shard_set = shard_set_free(run->shard_set);
    run->closing = false;
    checkers_closed(run);
    if (rng_below(&run->rng, DROPS_ONE_IN) == 0) {
        run->cover.faults[COVER_VIEWS_DROPPED]++;
        enum err e = run->view_store->ops->drop(run->view_store);
        check(e == ERR_OK);
    }
    run_start(run);
    clients_repeat(run);
    const uint64_t load_ns = run->swarm.reads.max_ns * run->swarm.slow_factor;
    run_settle(run, clients_done, QUIET_NS + run->request_count * load_ns,
               "requests are not answered after a restart");
    run_settle(run, all_projected, QUIET_NS, "the views do not reach the journal after a restart");
    checkers_full(run);
}

/* --- a store that loses ----------------------------------------------------------------------- */

/* The machine stops as in a crash; what comes up is older. */
static void lost_end_phase(struct run *run)
{
    faults_stop(run);
    if (run->shard_set != NULL)
        run_crash(run);
    if (!lost_end_happen(run))
        return;
    uint64_t end_ns = run->world.now_ns + LOST_END_NS;
    while (run->world.now_ns < end_ns && !run->noticed)
        run_step(run);
    lost_end_check(run);
}

/* --- all of it -------------------------------------------------------------------------------- */

static void make_store(struct run *run)
{
    const struct view_table *tables[RUN_TABLES_MAX];
    uint32_t count = 0;
    const struct domain *d = run_domain();
    for (uint32_t i = 0; i < d->service_count; i++)
        for (uint32_t j = 0; j < d->services[i]->view_count; j++)
            tables[count++] = d->services[i]->views[j];
    check(count <= RUN_TABLES_MAX);
    run->sim = store_sim_new(&(struct store_sim_options){.shards = run->swarm.shards,
                                                         .tables = tables,
                                                         .table_count = count,
                                                         .rng = &run->store_rng,
                                                         .in_flight = true,
                                                         .faults = run->swarm.faults});
    run->journal_store = store_sim_journal(run->sim);
    run->view_store = store_sim_views(run->sim);
}

/* In which order tables have their entries is drawn, too. */
static void make_hashes(struct run *run)
{
    struct id128_seed seed;
    struct rng rng;
    rng_seed(&rng, run->options.seed);
    for (size_t i = 0; i < array_len(seed.words); i++)
        seed.words[i] = rng_next(&rng);
    id128_set_seed(&seed);
}

static void make_world(struct run *run)
{
    struct world *w = &run->world;
    world_init(w, run->options.seed);
    w->verbose = run->options.trace;
    struct swarm *s = &run->swarm;
    for (uint16_t i = 0; i < s->loops; i++) {
        struct run_loop *l = &run->loops[i];
        l->run = run;
        world_loop_init(&l->loop, w, on_pass, l);
        l->loop.lag_max_ns = s->lag_ns;
        l->loop.work_factor = s->loops > 1 && i == s->slow_loop ? s->slow_factor : 1;
    }
    world_worker_init(&run->journal, w, "journal", s->journal.min_ns, s->journal.max_ns);
    world_worker_init(&run->views, w, "views", s->views.min_ns, s->views.max_ns);
    world_worker_init(&run->reads, w, "reads", s->reads.min_ns, s->reads.max_ns);
    world_worker_init(&run->loads, w, "loads", s->reads.min_ns, s->reads.max_ns);
}

/* The home shards of the tenants take turns. */
static void make_tenants(struct run *run)
{
    uint32_t number = 0;
    for (uint32_t i = 0; i < run->swarm.tenants; i++) {
        struct run_tenant *t = &run->tenants[i];
        do {
            snprintf(t->text, sizeof t->text, "tenant-%u", number++);
            t->name = slice_of(t->text);
            t->id = sha256_id(&t->name, 1);
        } while (run_home(run, t->id) != i % run->swarm.shards);
    }
}

static void make_histories(struct run *run)
{
    const struct history_models models = {&run->reference, &run->sends, &run->tallies, &run->rates};
    reference_init(&run->reference, run->journal_store->slots);
    run->crossing.shards = run->swarm.shards;
    ref_sends_init(&run->sends, run->swarm.shards, &run->crossing);
    run->sends.decides = ref_tallies_decides;
    ref_tallies_init(&run->tallies, &run->crossing);
    ref_rates_init(&run->rates, &run->world.now_ns);
    for (uint16_t i = 0; i < run->swarm.shards; i++) {
        struct run_shard *rs = &run->shards[i];
        rs->run = run;
        rs->number = i;
        history_init(&rs->history, run->domain, run->journal_store, i, &models);
        rs->history.on_record = clients_recorded;
        rs->history.on_attribution = clients_attributed;
        rs->history.context = rs;
    }
}

const struct domain *run_domain(void)
{
    static struct domain domain;
    static const struct service *services[RUN_SERVICES_MAX];
    if (domain.service_count > 0)
        return &domain;
    services_domain_init(&domain);
    uint32_t count = domain.service_count;
    check(count < RUN_SERVICES_MAX);
    memcpy(services, domain.services, count * sizeof(*services));
    services[count++] = &tally_service;
    domain_init(&domain, services, count);
    return &domain;
}

static void finish_cover(struct run *run)
{
    cover_store(&run->cover, store_sim_counts(run->sim));
    run->cover.faults[COVER_SEVERAL_SHARDS] += run->swarm.shards > 1;
    run->cover.faults[COVER_SLOW_SHARD] += run->swarm.slow_loop < run->swarm.loops &&
                                           run->swarm.loops > 1;
    if (run->swarm.journal.max_ns >= SLOW_NS)
        run->cover.faults[COVER_SLOW_COMMIT] += run_batches(run);
    for (size_t k = 0; k < DOMAIN_NUMBER_MAX; k++) {
        for (uint16_t i = 0; i < run->swarm.shards; i++)
            run->cover.events[k] += run->shards[i].history.kinds[k];
        run->cover.done[k] += run->sends.counts[k]; /* what is sent is answered by nobody */
    }
    run->cover.faults[COVER_SEND_PARKED] += run->sends.parked_ever;
    run->cover.faults[COVER_SEND_UNPARKED] += run->sends.unparked_ever;
    run->cover.faults[COVER_FORGED] += run->sends.forged_ever;
    run->cover.faults[COVER_ASK_OPENED] += run->sends.opened_ever;
}

uint64_t run_seed(struct run *run, const struct run_options *options)
{
    *run = (struct run){.options = *options, .domain = run_domain()};
    list_init(&run->asks);
    shortage_leave(); /* of a run that was broken */
    rng_seed(&run->rng, options->seed ^ 0xC11E27);
    rng_seed(&run->store_rng, options->seed ^ 0x5702E);
    rng_seed(&run->net_rng, options->seed ^ 0x4E7);
    swarm_draw(&run->swarm, &run->rng, options->shards);
    if (options->requests != 0)
        run->swarm.requests = options->requests;
    make_hashes(run);
    make_world(run);
    make_store(run);
    make_histories(run);
    make_tenants(run);
    network_init(&run->network, run);
    tally_fail_sends(&run->net_rng, run->swarm.send_fails_ppm);
    run_start(run);
    busy_phase(run);
    if (run->swarm.loses_end && run->swarm.shards > 1) {
        lost_end_phase(run);
    } else {
        quiet_phase(run);
        run_reopen(run);
    }
    finish_cover(run);
    for (uint16_t i = 0; i < run->swarm.shards; i++) {
        const struct history *h = &run->shards[i].history;
        uint64_t head;
        memcpy(&head, h->hash.bytes, sizeof head);
        world_note(&run->world, "end", head, h->seq);
    }
    return run->world.trace;
}

void run_done(struct run *run)
{
    world_crash(&run->world, run_keeps_call);
    if (run->shard_set != NULL)
        run->shard_set = shard_set_kill(run->shard_set);
    clients_free(run);
    for (uint16_t i = 0; i < run->swarm.shards; i++)
        history_done(&run->shards[i].history);
    network_done(&run->network);
    ref_tallies_done(&run->tallies);
    ref_rates_done(&run->rates);
    ref_sends_done(&run->sends);
    reference_done(&run->reference);
    store_sim_free(run->sim);
    world_done(&run->world);
}
