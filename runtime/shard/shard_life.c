/* SPDX-License-Identifier: Apache-2.0 */
/* How a shard is made and freed: its parts are members of struct shard, and each is given here what
 * it works with and the callback that it reports to. Making it starts a recovery, which opens it
 * (shard.c). */
#include <stdlib.h>

#include "runtime/base/check.h"
#include "runtime/base/memory.h"
#include "runtime/shard/shard_priv.h"

static void init_queues(struct shard *s)
{
    answers_init(&s->answers, s->env);
    schedule_init(&s->schedule, s->env);
    admission_init(&s->admission, &s->schedule, &s->loader, &s->answers, s->stats.kinds);
    stash_init(&s->stash, s->env, &s->answers, &s->stats);
    waits_init(&s->waits, s->env, &s->answers, &s->journal);
    wire_writer_init(&s->closing_reply, JOURNAL_BATCH_BYTES_MAX);
    s->parked_lines = (struct log_limit){.lines_max = 10, .window_ns = NS_PER_S};
    quota_init(&s->quota, s->env->log, s->options.number, s->options.journal_quota);
    arena_init(&s->turn_arena, SHARD_TURN_MEMORY);
    for (size_t i = 0; i < SHARD_STALL_LIMITS; i++)
        s->stall_lines[i] = (struct log_limit){.lines_max = 1, .window_ns = SHARD_STALL_LOG_NS};
}

/* Those that deal with actors. */
static void init_actor_parts(struct shard *s)
{
    const struct shard_options *o = &s->options;
    controls_init(&s->controls);
    s->residence = (struct residence){.registry = &s->registry,
                                      .loader = &s->loader,
                                      .controls = &s->controls,
                                      .schedule = &s->schedule,
                                      .answers = &s->answers,
                                      .stats = &s->stats,
                                      .early_ids = &s->early_ids};
    passivation_init(&s->passivation, &s->residence, o->resident_max);
    suspension_init(&s->suspension, s->env, &s->residence, &s->runs);
    overdue_init(&s->overdue, &(struct overdue){.env = s->env,
                                                .schedule = &s->schedule,
                                                .admission = &s->admission,
                                                .residence = &s->residence,
                                                .ingress = &s->ingress,
                                                .running = &s->runs});
    dead_letters_init(&s->dead_letters, &s->stats);
    supervisor_init(&s->supervisor, &(struct supervisor_uses){.env = s->env,
                                                              .domain = o->domain,
                                                              .number = o->number,
                                                              .registry = &s->registry,
                                                              .controls = &s->controls,
                                                              .answers = &s->answers,
                                                              .letters = &s->dead_letters,
                                                              .clock = &s->clock,
                                                              .stats = &s->stats});
    ingress_init(&s->ingress, &(struct ingress_uses){.env = s->env,
                                                     .registry = &s->registry,
                                                     .residence = &s->residence,
                                                     .schedule = &s->schedule,
                                                     .answers = &s->answers,
                                                     .suspension = &s->suspension,
                                                     .supervisor = &s->supervisor,
                                                     .view_reads = &s->view_reads,
                                                     .ids = &s->ids,
                                                     .keys = &s->keys,
                                                     .writable = &s->writable,
                                                     .stats = &s->stats});
    deadlines_init(&s->deadlines, &(struct deadlines){.env = s->env,
                                                      .domain = o->domain,
                                                      .number = o->number,
                                                      .registry = &s->registry,
                                                      .wheel = &s->wheel,
                                                      .clock = &s->clock,
                                                      .residence = &s->residence,
                                                      .stats = &s->stats,
                                                      .running = &s->runs});
}

/* Those that read the store. */
static void init_store_parts(struct shard *s)
{
    const struct shard_options *o = &s->options;
    view_reads_init(&s->view_reads, &(struct view_reads){.env = s->env,
                                                         .domain = o->domain,
                                                         .store = o->view_store,
                                                         .worker = o->read_worker,
                                                         .progress = o->progress,
                                                         .slots = o->slots,
                                                         .number = o->number,
                                                         .answers = &s->answers,
                                                         .stats = &s->stats});
    due_sweep_init(&s->due_sweep, &(struct due_sweep){.env = s->env,
                                                      .worker = o->load_worker,
                                                      .store = o->view_store,
                                                      .number = o->number,
                                                      .registry = &s->registry,
                                                      .clock = &s->clock,
                                                      .running = &s->runs,
                                                      .damaged = shard_on_states_damaged,
                                                      .context = s});
    filter_fill_init(&s->filter_fill, &(struct filter_fill){.env = s->env,
                                                            .worker = o->read_worker,
                                                            .store = o->view_store,
                                                            .number = o->number,
                                                            .table = &s->keys,
                                                            .running = &s->runs});
    early_fill_init(&s->early_fill, &(struct early_fill){.env = s->env,
                                                         .worker = o->read_worker,
                                                         .store = o->view_store,
                                                         .domain = o->domain,
                                                         .number = o->number,
                                                         .early_ids = &s->early_ids,
                                                         .running = &s->runs});
}

/* Those that begin and end it. */
static void init_life_parts(struct shard *s)
{
    const struct shard_options *o = &s->options;
    closing_init(&s->closing, &(struct closing){.env = s->env,
                                                .worker = o->committer->worker,
                                                .store = o->committer->store,
                                                .number = o->number,
                                                .released = shard_on_released,
                                                .context = s});
    s->recovery_uses = (struct recovery_uses){.env = s->env,
                                              .domain = o->domain,
                                              .number = o->number,
                                              .owner = o->owner,
                                              .journal_store = o->committer->store,
                                              .view_store = o->view_store,
                                              .worker = o->committer->worker,
                                              .registry = &s->registry,
                                              .wheel = &s->wheel,
                                              .ids = &s->ids,
                                              .keys = &s->keys,
                                              .early_ids = &s->early_ids,
                                              .residence = &s->residence,
                                              .clock = &s->clock,
                                              .journal = &s->journal,
                                              .answers = &s->answers,
                                              .progress = o->progress,
                                              .recoveries = &s->supervisor.recoveries,
                                              .stats = &s->stats,
                                              .recovered = shard_on_recovered,
                                              .failed = shard_on_recovery_failed,
                                              .retrying = shard_on_recovery_retrying,
                                              .context = s};
}

static void init_parts(struct shard *s)
{
    const struct shard_options *o = &s->options;
    wheel_init(&s->wheel, 0);
    registry_init(&s->registry, o->domain);
    s->registry.wheel = &s->wheel;
    journal_init(&s->journal, o->env, o->committer, o->number);
    s->journal.on_durable = shard_on_durable;
    s->journal.on_failure = shard_on_append_failure;
    s->journal.context = s;
    projector_init(&s->projector, o->env, o->stepper, o->domain, o->number);
    s->projector.follower.on_step = shard_on_projected;
    s->projector.follower.fill = shard_unprojected_percent;
    s->projector.follower.sharing = o->slots->shards > 1;
    s->projector.follower.context = s;
    scrub_init(&s->scrub, o->env, o->read_worker, o->committer->store, &s->journal, o->number);
    loader_init(&s->loader, o->env, o->load_worker, o->committer->store, o->view_store, o->number);
    s->loader.loaded = shard_on_loaded;
    s->loader.finished = shard_on_load_finished;
    s->loader.context = s;
    init_actor_parts(s);
    streams_init(&s->streams, &(struct streams_uses){.env = o->env,
                                                     .domain = o->domain,
                                                     .number = o->number,
                                                     .shards = o->slots->shards,
                                                     .registry = &s->registry,
                                                     .journal = &s->journal,
                                                     .worker = o->load_worker,
                                                     .store = o->committer->store,
                                                     .transport = o->transport,
                                                     .unfit = shard_on_unfit,
                                                     .context = s});
    contact_init(&s->contact, &s->streams);
    init_store_parts(s);
    init_life_parts(s);
    s->probe_alarm.fire = shard_on_probe;
    s->sends_alarm.fire = shard_on_put_off;
}

struct shard *shard_new(const struct shard_options *options)
{
    check(options->dedup_entries_max > 0);
    check(options->read_worker != NULL);
    check(options->load_worker != NULL);
    check(options->stepper != NULL);
    check(options->state_changed != NULL);
    check(options->number < options->slots->shards);
    check(options->progress != NULL);
    check(options->committer != NULL);
    check(options->view_store != NULL);
    check(options->domain != NULL);
    check(options->env != NULL);
    struct shard *s = memory_take_zeroed(1, sizeof *s);
    s->options = *options;
    s->env = options->env;
    s->state = SHARD_OPENING;
    s->writable = true;
    clock_init(&s->clock, s->env);
    init_queues(s);
    init_parts(s);
    early_ids_init(&s->early_ids, SHARD_EARLY_BYTES);
    early_ids_advance(&s->early_ids, s->clock.now_ns);
    dedup_table_init(&s->ids, options->dedup_entries_max, &s->early_ids, 0);
    dedup_table_init(&s->keys, options->dedup_entries_max, NULL, options->filter_bytes);
    shard_start_recovery(s, ERR_OK);
    return s;
}

/* A message of the runtime's own that will not be answered any more. */
static void drop_own(struct fifo *messages)
{
    struct fifo_link *link;
    while ((link = fifo_pop(messages)) != NULL) {
        struct message *m = container_of(link, struct message, link);
        if (m->home == NULL)
            m->done(m);
    }
}

struct shard *shard_kill(struct shard *s)
{
    shard_stash_actors(s);
    shard_stop_alarms(s);
    s->journal.under_way = 0;
    s->projector.follower.busy = s->loader.busy = s->due_sweep.busy = false;
    s->filter_fill.busy = s->early_fill.busy = s->scrub.busy = s->streams.read.busy = false;
    streams_stop(&s->streams);
    parked_retry_drop(&s->parked_retry);
    closing_kill(&s->closing);
    struct batch *b;
    while ((b = journal_take_failed(&s->journal)) != NULL) {
        drop_own(&b->deferred);
        fifo_init(&b->deferred);
        journal_spare(&s->journal, b);
    }
    if (s->recovery != NULL)
        recovery_kill(s->recovery);
    s->recovery = NULL;
    drop_own(&s->stash.messages);
    answers_drop(&s->answers);
    view_reads_kill(&s->view_reads);
    if (s->state != SHARD_STOPPED)
        shard_move(s, SHARD_STOPPED);
    return shard_free(s);
}

struct shard *shard_free(struct shard *s)
{
    if (s == NULL)
        return NULL;
    check(shard_quiet(s));
    check(s->recovery == NULL);
    registry_done(&s->registry);
    journal_done(&s->journal);
    projector_done(&s->projector);
    loader_done(&s->loader);
    supervisor_done(&s->supervisor);
    controls_done(&s->controls);
    dedup_table_done(&s->ids);
    dedup_table_done(&s->keys);
    dead_letters_done(&s->dead_letters);
    view_reads_done(&s->view_reads);
    schedule_done(&s->schedule);
    deadlines_done(&s->deadlines);
    due_sweep_done(&s->due_sweep);
    quota_done(&s->quota);
    waits_done(&s->waits);
    streams_done(&s->streams);
    wire_writer_done(&s->closing_reply);
    arena_done(&s->turn_arena);
    filter_fill_done(&s->filter_fill);
    early_fill_done(&s->early_fill);
    early_ids_done(&s->early_ids);
    free(s->added);
    free(s);
    return NULL;
}
