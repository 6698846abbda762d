/* SPDX-License-Identifier: Apache-2.0 */
/* Between turns, so what is read belongs to one moment. While the shard recovers, registry and
 * dedup tables belong to the recovering worker: statistics leave their counts out, and no actor is
 * found. A command first takes in the messages that were sent before it, so that a suspension
 * applies from its own position in the order on. A replayed dead letter is posted like a new
 * message. */
#include <string.h>

#include "runtime/sends/parked.h"
#include "runtime/shard/shard_priv.h"

void shard_get_stats(const struct shard *s, struct shard_stats *stats)
{
    check(stats != NULL);
    *stats = s->stats;
    stats->state = s->state;
    stats->writable = shard_writable(s);
    stats->epoch = s->journal.epoch;
    stats->committed_seq = s->journal.committed_seq;
    stats->projected_seq = s->projector.follower.position.seq;
    stats->projector_failures = s->projector.follower.failures;
    stats->batches = s->journal.stats.batches;
    stats->records = s->journal.stats.records;
    stats->journal_bytes = s->journal.stats.bytes;
    stats->appends = s->journal.stats.appends;
    stats->append_ns_sum = s->journal.stats.append_ns_sum;
    stats->append_ns_max = s->journal.stats.append_ns_max;
    stats->batch_records = s->journal.stats.batch_records;
    stats->append_ns = s->journal.stats.append_ns;
    stats->scrubs = s->scrub.passes;
    stats->damaged_seq = s->scrub.damaged_seq != 0 ? s->scrub.damaged_seq : s->verified.damaged_seq;
    stats->verify_failed = s->verified.failed;
    stats->committed_hash = s->journal.hash;
    stats->quota_near = quota_near_count(&s->quota, env_mono_ns(s->env));
    stats->quota_refused = s->quota.refused;
    stats->clock_steps = s->clock.steps;
    int64_t ahead_ns = clock_ahead_ns(&s->clock);
    stats->clock_ahead_ns = ahead_ns > 0 ? (uint64_t)ahead_ns : 0;
    stats->clock_behind_ns = ahead_ns < 0 ? (uint64_t)-ahead_ns : 0;
    stats->copies_age_ns = contact_age_ns(&s->contact);
    if (s->recovery != NULL)
        return; /* registry and dedup tables are the worker's */
    stats->resident = s->registry.resident;
    stats->outcomes = dedup_table_count(&s->ids) + dedup_table_count(&s->keys);
    stats->parked = s->registry.existing[KIND_PARKED];
    stats->life = s->streams.life;
    stats->sends_waiting = s->streams.waiting;
    stats->streams_shut = stream_stats_shut(&s->streams);
    for (int k = 0; k < KIND_MAX; k++)
        stats->kinds[k].resident = s->registry.actors[k].count;
}

void shard_get_stream_stats(struct shard *s, struct stream_stats *ret)
{
    check(ret != NULL);
    memset(ret, 0, 2 * (size_t)s->options.slots->shards * sizeof *ret);
    if (s->recovery != NULL || !s->streams.running)
        return;
    for (uint16_t i = 0; i < s->options.slots->shards; i++)
        for (int all = 0; all < 2; all++)
            stream_stats_get(&s->streams, i, all, &ret[2 * i + all]);
    stream_stats_add_parked(&s->registry, ret);
}

const char *shard_reason(const struct shard *s)
{
    check(s->state == SHARD_STOPPED || s->reason[0] == '\0');
    return s->reason;
}

void shard_verified(struct shard *s, const char *problem, uint64_t damaged_seq)
{
    check(problem != NULL || damaged_seq == 0);
    s->verified.failed = problem != NULL;
    s->verified.damaged_seq = damaged_seq;
    if (problem != NULL)
        LOG_ERROR(s->options.env->log, "verification_failed", log_uint("shard", s->options.number),
                  log_uint("batch", damaged_seq), log_text("reason", problem));
}

const char *shard_audit(struct shard *s)
{
    const struct domain *d = s->options.domain;
    for (uint32_t i = 0; i < d->service_count && s->recovery == NULL; i++) {
        const char *broken =
            d->services[i]->audit == NULL ? NULL : d->services[i]->audit(&s->registry);
        if (broken != NULL)
            return broken;
    }
    return NULL;
}

static struct actor *inspection_resident(const struct shard *s, uint16_t kind, struct id128 id)
{
    if (kind >= KIND_MAX || s->recovery != NULL)
        return NULL; /* while it recovers the registry is the worker's */
    struct table_entry *e = table_find(&s->registry.actors[kind], id);
    return e == NULL ? NULL : actor_of_entry(e);
}

static void inspection_resume(struct shard *s, struct actor *a)
{
    check(s->recovery == NULL);
    controls_lift(&s->controls, a, ACTOR_HALTED);
    supervisor_forgive(&s->supervisor, a);
    schedule_ready(&s->schedule, a);
}

enum err shard_actor_command(struct shard *s, uint16_t kind, struct id128 id,
                             enum actor_command command)
{
    if (s->state == SHARD_RUNNING)
        ingress_accept(&s->ingress); /* what came before comes first */
    struct actor *a = inspection_resident(s, kind, id);
    if (a == NULL)
        return ERR_NOT_FOUND;
    switch (command) {
    case ACTOR_COMMAND_SUSPEND:
        return suspension_begin(&s->suspension, a);
    case ACTOR_COMMAND_RESUME:
        inspection_resume(s, a);
        return ERR_OK;
    case ACTOR_COMMAND_TRACE:
        return controls_give(&s->controls, a, ACTOR_TRACED);
    case ACTOR_COMMAND_UNTRACE:
        controls_lift(&s->controls, a, ACTOR_TRACED);
        return ERR_OK;
    case ACTOR_COMMAND_STOP:
        return passivation_now(&s->passivation, a, s->projector.follower.position.seq) ? ERR_OK
                                                                                       : ERR_BUSY;
    }
    return ERR_UNSUPPORTED;
}

static void inspection_describe(const struct shard *s, const struct actor *a,
                                struct actor_info *info)
{
    check(a->kind < KIND_MAX);
    *info = (struct actor_info){
        .kind = a->kind,
        .id = a->entry.id,
        .resident = true,
        .exists = (a->flags & ACTOR_EXISTS) != 0,
        .suspended = (a->flags & ACTOR_SUSPENDED) != 0,
        .quarantined = (a->flags & ACTOR_QUARANTINED) != 0,
        .traced = (a->flags & ACTOR_TRACED) != 0,
        .mailbox = a->mailbox_count,
        .touched_seq = a->touched_seq,
        .due_ns = registry_due(&s->registry, a),
        .failures = supervisor_failures(&s->supervisor, a),
    };
}

enum err shard_actor_info(const struct shard *s, uint16_t kind, struct id128 id,
                          struct actor_info *info)
{
    check(info != NULL);
    const struct actor *a = inspection_resident(s, kind, id);
    if (a == NULL)
        return ERR_NOT_FOUND;
    inspection_describe(s, a, info);
    return ERR_OK;
}

enum err shard_actor_state(const struct shard *s, uint16_t kind, struct id128 id,
                           struct wire_writer *w)
{
    struct actor *a = inspection_resident(s, kind, id);
    if (a == NULL || (a->flags & ACTOR_EXISTS) == 0)
        return ERR_NOT_FOUND;
    s->options.domain->kinds[kind]->codec->write(w, actor_state(a));
    return w->failed ? ERR_TOO_LARGE : ERR_OK;
}

bool shard_actor_busier(const struct actor_info *a, const struct actor_info *b)
{
    check(a != NULL && b != NULL);
    return a->mailbox != b->mailbox ? a->mailbox > b->mailbox : a->touched_seq > b->touched_seq;
}

/* Keeps infos sorted, the busiest first. */
static uint32_t insert_info(const struct shard *s, const struct actor *a, struct actor_info *infos,
                           uint32_t count, uint32_t max)
{
    struct actor_info it = {.mailbox = a->mailbox_count, .touched_seq = a->touched_seq};
    check(count <= max);
    if (count == max && !shard_actor_busier(&it, &infos[count - 1]))
        return count;
    uint32_t at = count < max ? count : max - 1;
    while (at > 0 && shard_actor_busier(&it, &infos[at - 1])) {
        infos[at] = infos[at - 1];
        at--;
    }
    inspection_describe(s, a, &infos[at]);
    return count < max ? count + 1 : count;
}

uint32_t shard_actors_top(const struct shard *s, struct actor_info *infos, uint32_t max)
{
    check(infos != NULL || max == 0);
    uint32_t count = 0;
    for (int k = 0; k < KIND_MAX && max > 0 && s->recovery == NULL; k++) {
        size_t cursor = 0;
        struct table_entry *e;
        while ((e = table_next(&s->registry.actors[k], &cursor)) != NULL)
            count = insert_info(s, actor_of_entry(e), infos, count, max);
    }
    return count;
}

/* --- parked sends ----------------------------------------------------------------------------- */

static void inspection_describe_parked(struct shard *s, const struct parked *p,
                                       struct parked_info *ret)
{
    const struct domain *d = s->options.domain;
    const struct parked_queue *queue = parked_queue_find(&s->registry, p->kind, p->target);
    check(queue != NULL && queue->count > 0);
    *ret = (struct parked_info){.parked = p,
                                .type = incoming_type(d, p->kind, p->type),
                                .first = id128_equal(queue->first, p->id),
                                .count = queue->count};
    ret->refusable = incoming_refusable(d, p->kind, ret->type);
}

enum err shard_parked_info(struct shard *s, struct id128 id, struct parked_info *ret)
{
    const struct parked *p = s->recovery != NULL ? NULL : parked_find(&s->registry, id);
    if (p == NULL)
        return ERR_NOT_FOUND;
    inspection_describe_parked(s, p, ret);
    return ERR_OK;
}

struct parked_walk {
    struct shard *shard;
    bool (*each)(void *context, const struct parked_info *info);
    void *context;
};

static bool inspection_parked(void *context, struct id128 id, const void *state)
{
    const struct parked_walk *w = context;
    struct parked_info info;
    check(id128_equal(((const struct parked *)state)->id, id));
    inspection_describe_parked(w->shard, state, &info);
    return w->each(w->context, &info);
}

void shard_parked_each(struct shard *s, bool (*each)(void *context, const struct parked_info *info),
                       void *context)
{
    check(s != NULL && each != NULL);
    struct parked_walk w = {s, each, context};
    if (s->recovery == NULL)
        registry_each(&s->registry, KIND_PARKED, inspection_parked, &w);
}

/* --- dead letters ----------------------------------------------------------------------------- */

void shard_dead_letters(const struct shard *s,
                        bool (*each)(void *context, const struct dead_letter *letter),
                        void *context)
{
    dead_letters_each(&s->dead_letters, each, context);
}

enum err shard_dead_letter_replay(struct shard *s, uint64_t number)
{
    struct message *m = dead_letters_replay(&s->dead_letters, number);
    if (m == NULL)
        return ERR_NOT_FOUND;
    shard_post(s, m);
    return ERR_OK;
}
