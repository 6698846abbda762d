/* SPDX-License-Identifier: Apache-2.0 */
/* The state of a shard changes in shard_move(), which checks the edge. Entering RUNNING opens the
 * shard to everything that needs actors: messages that waited, deadlines, background reading.
 * Entering STOPPED publishes to the other shards that these views go no further. */
#include "runtime/base/check.h"
#include "runtime/shard/shard_priv.h"

enum shard_state shard_state(const struct shard *s)
{
    return s->state;
}

bool shard_writable(const struct shard *s)
{
    return s->state == SHARD_RUNNING && s->writable;
}

static bool shard_leads(enum shard_state from, enum shard_state to)
{
    switch (to) {
    case SHARD_OPENING:
        return false;
    case SHARD_RUNNING:
        return from == SHARD_OPENING || from == SHARD_RECOVERING;
    case SHARD_RECOVERING:
        return from == SHARD_OPENING || from == SHARD_RUNNING;
    case SHARD_STOPPED:
        return from != SHARD_STOPPED;
    }
    return false;
}

void shard_move(struct shard *s, enum shard_state to)
{
    check(shard_leads(s->state, to));
    s->state = to;
    s->runs = to == SHARD_RUNNING;
}

static void accept_stashed(struct shard *s)
{
    check(s->runs);
    struct message *m;
    for (size_t left = s->stash.count; left > 0 && (m = stash_take(&s->stash)) != NULL; left--)
        ingress_take(&s->ingress, m);
}

static void shard_open(struct shard *s)
{
    check(s->projector.follower.position.seq <= s->journal.committed_seq);
    check(s->journal.epoch != 0);
    progress_open(s->options.progress, s->options.number, s->journal.committed_seq,
                  s->projector.follower.position.seq, s->projector.follower.position.time_ns);
    residence_restore_controls(&s->residence);
    accept_stashed(s);
    due_sweep_start(&s->due_sweep);
    filter_fill_start(&s->filter_fill);
    scrub_start(&s->scrub);
    if (!s->writable)
        env_alarm_set(s->env, &s->probe_alarm, env_mono_ns(s->env) + SHARD_FULL_PROBE_NS);
}

void shard_set_state(struct shard *s, enum shard_state to)
{
    check(to != SHARD_OPENING);
    shard_move(s, to);
    if (to == SHARD_STOPPED)
        progress_stop(s->options.progress, s->options.number);
    if (to == SHARD_RUNNING)
        shard_open(s);
    const char *reason = to == SHARD_STOPPED ? s->reason : NULL;
    if (to == SHARD_RECOVERING)
        reason = err_text(s->recovery_cause);
    s->options.state_changed(s->options.context, to, reason);
    env_wake(s->env);
}
