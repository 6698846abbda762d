/* SPDX-License-Identifier: Apache-2.0 */
/* Failures are counted per actor in tables by id, and in all; an actor's entry is removed when its
 * period is over and room is needed, or when an operator resumes it. Beyond SUPERVISOR_FAILING_MAX
 * actors only the sum is counted. */
#include "runtime/shard/supervisor.h"

#include <stdlib.h>

#include "runtime/base/check.h"
#include "runtime/base/memory.h"
#include "runtime/base/time.h"

/* An actor that failed lately. */
struct failing {
    struct table_entry entry;
    struct failures failures;
};

void supervisor_init(struct supervisor *v, const struct supervisor_uses *uses)
{
    check(uses->env != NULL);
    check(uses->domain != NULL);
    check(uses->registry != NULL);
    check(uses->controls != NULL);
    check(uses->answers != NULL);
    check(uses->letters != NULL);
    check(uses->clock != NULL);
    check(uses->stats != NULL);
    *v = (struct supervisor){.uses = *uses,
                             .failed_lines = {.lines_max = 10, .window_ns = NS_PER_S}};
    for (int k = 0; k < KIND_MAX; k++)
        table_init(&v->failing[k]);
}

void supervisor_done(struct supervisor *v)
{
    check(v->failing_count <= SUPERVISOR_FAILING_MAX);
    for (int k = 0; k < KIND_MAX; k++) {
        size_t cursor = 0;
        struct table_entry *e;
        while ((e = table_next(&v->failing[k], &cursor)) != NULL)
            free(container_of(e, struct failing, entry));
        table_done(&v->failing[k]);
    }
}

uint32_t failures_add(struct failures *f, uint64_t now_ns)
{
    check(f->since_ns <= now_ns);
    if (f->count == 0 || now_ns - f->since_ns > SUPERVISOR_PERIOD_NS)
        *f = (struct failures){.since_ns = now_ns};
    return ++f->count;
}

void supervisor_rebuilt(struct supervisor *v)
{
    check(v->all.count > 0 || !v->rebuild);
    v->rebuild = false;
    v->all = (struct failures){0};
}

static struct failing *failing_of(const struct supervisor *v, uint16_t kind, struct id128 id)
{
    check(kind < KIND_MAX);
    struct table_entry *e = table_find(&v->failing[kind], id);
    return e == NULL ? NULL : container_of(e, struct failing, entry);
}

uint32_t supervisor_failures(const struct supervisor *v, const struct actor *a)
{
    struct failing *f = failing_of(v, a->kind, a->entry.id);
    return f == NULL ? 0 : f->failures.count;
}

static void supervisor_forget(struct supervisor *v, uint16_t kind, struct failing *f)
{
    check(v->failing_count > 0);
    table_remove(&v->failing[kind], &f->entry);
    v->failing_count--;
    free(f);
}

void supervisor_forgive(struct supervisor *v, const struct actor *a)
{
    struct failing *f = failing_of(v, a->kind, a->entry.id);
    if (f != NULL)
        supervisor_forget(v, a->kind, f);
}

/* Makes room: failures of a period that is over count no more. */
static void forget_old(struct supervisor *v, uint64_t now_ns)
{
    for (uint16_t k = 0; k < KIND_MAX; k++) {
        size_t cursor = 0;
        struct table_entry *e;
        while ((e = table_next(&v->failing[k], &cursor)) != NULL) {
            struct failing *f = container_of(e, struct failing, entry);
            if (now_ns - f->failures.since_ns > SUPERVISOR_PERIOD_NS)
                supervisor_forget(v, k, f);
        }
    }
}

/* Actors beyond the limit are not counted each for itself, only in the sum. */
static uint32_t count_actor(struct supervisor *v, const struct actor *a)
{
    uint64_t now_ns = env_mono_ns(v->uses.env);
    struct failing *f = failing_of(v, a->kind, a->entry.id);
    if (f == NULL) {
        if (v->failing_count == SUPERVISOR_FAILING_MAX)
            forget_old(v, now_ns);
        if (v->failing_count == SUPERVISOR_FAILING_MAX)
            return 1;
        f = memory_take_zeroed(1, sizeof *f);
        f->entry.id = a->entry.id;
        bool inserted = table_insert(&v->failing[a->kind], &f->entry);
        check(inserted);
        v->failing_count++;
    }
    return failures_add(&f->failures, now_ns);
}

static void log_failure(struct supervisor *v, const struct message *m, const char *reason,
                        bool quarantined)
{
    check(reason != NULL);
    uint64_t suppressed;
    if (!log_limit_pass(&v->failed_lines, env_mono_ns(v->uses.env), &suppressed))
        return;
    LOG_ERROR(v->uses.env->log, "turn_failed", log_uint("shard", v->uses.number),
              log_text("kind", v->uses.domain->kinds[m->target_kind]->name),
              log_id("actor", m->target),
              log_text("message", m->type == NULL ? "timeout" : m->type->name),
              log_slice("request_id", m->request_id), log_slice("trace_id", m->trace_id),
              log_text("reason", reason), log_bool("quarantined", quarantined),
              log_uint("suppressed", suppressed));
}

/* A deadline is no letter: it is tried again (deadlines.c). */
static void supervisor_keep(struct supervisor *v, const struct message *m, const char *reason)
{
    if (m->type != NULL)
        dead_letters_keep(v->uses.letters, m, reason, v->uses.clock->now_ns);
}

void supervisor_failed(struct supervisor *v, struct message *m, const char *reason)
{
    check(reason != NULL);
    m->code = ERR_FAILED;
    m->reply_type = 0;
    m->version = 0;
    v->uses.stats->kinds[m->target_kind].failed++;
    if (m->origin == NULL)
        supervisor_keep(v, m, reason); /* a send is parked */
    struct actor *a = registry_find(v->uses.registry, m->target_kind, m->target);
    check(a != NULL); /* its turn has just ended */
    if (count_actor(v, a) > SUPERVISOR_ACTOR_FAILURES &&
        controls_give(v->uses.controls, a, ACTOR_QUARANTINED) != ERR_OK)
        v->rebuild = true; /* CONTROLS_MAX actors quarantined: the fault is not theirs */
    log_failure(v, m, reason, (a->flags & ACTOR_QUARANTINED) != 0);
    if (failures_add(&v->all, env_mono_ns(v->uses.env)) > SUPERVISOR_SHARD_FAILURES)
        v->rebuild = true;
}

void supervisor_refused(struct supervisor *v, struct message *m)
{
    supervisor_keep(v, m, "the actor is quarantined");
    answers_refuse(v->uses.answers, m, ERR_QUARANTINED);
}
