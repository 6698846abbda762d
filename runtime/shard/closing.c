/* SPDX-License-Identifier: Apache-2.0 */
/* Closing: a shard takes nothing any more, finishes what it accepted, lets the views catch up for a
 * while, and gives the lease back. A recovery that takes too long for that is left to the next
 * start. */
#include "runtime/shard/shard_priv.h"

bool closing_is_late(const struct shard *s)
{
    return s->closing && env_mono_ns(s->env) >= s->closing_views_ns;
}

static void release_run(struct work *w)
{
    struct shard *s = container_of(w, struct shard, release_work);
    struct journal_store *store = s->options.journal_store;
    /* Not released, it is taken over by the next start all the same. */
    (void)store->ops->lease_release(store, s->options.number, s->journal.epoch);
}

static void release_done(struct work *w)
{
    struct shard *s = container_of(w, struct shard, release_work);
    s->releasing = false;
    shard_stop(s, "%s", "");
}

static bool views_complete(const struct shard *s)
{
    return follower_lag(&s->projector.follower, s->journal.committed_seq) == 0 ||
           s->projector.follower.failing || closing_is_late(s);
}

static bool nothing_left(const struct shard *s)
{
    return s->ingress.count == 0 && fifo_empty(&s->run_queue) && fifo_empty(&s->wait_queue) &&
           fifo_empty(&s->answered) && !s->loader.busy && journal_idle(&s->journal) &&
           s->view_reads.count == 0 && !s->projector.follower.busy && views_complete(s);
}

/* Of a shard that runs. */
static void closing_finish(struct shard *s)
{
    if (s->releasing || !nothing_left(s))
        return;
    s->releasing = true;
    s->release_work.run = release_run;
    s->release_work.done = release_done;
    env_work(s->env, s->options.journal_worker, &s->release_work);
}

/* At the start nobody waits for what it finds; later it tells what became of requests. */
static bool may_recover(const struct shard *s)
{
    return s->journal.epoch != 0 &&
           env_mono_ns(s->env) < s->ending_ns + SHARD_CLOSING_VIEWS_NS;
}

void closing_advance(struct shard *s)
{
    bool running = s->state == SHARD_RUNNING;
    if (closing_is_late(s) || !(running || may_recover(s)))
        follower_abandon(&s->projector.follower); /* a large step would outlast the stop */
    if (running && s->closing)
        closing_finish(s);
    else if (!running && !may_recover(s))
        recovery_abandon(s);
}

void shard_end_lists(struct shard *s)
{
    if (!s->ending) {
        s->ending = true;
        s->ending_ns = env_mono_ns(s->env);
        if (s->state != SHARD_STOPPED)
            env_alarm_set(s->env, &s->closing_alarm, s->ending_ns + SHARD_CLOSING_VIEWS_NS);
    }
    view_reads_end_all(s);
    env_wake(s->env);
}

void shard_close(struct shard *s)
{
    s->closing = true;
    shard_end_lists(s);
    s->closing_views_ns = env_mono_ns(s->env) + SHARD_CLOSING_VIEWS_NS;
    if (s->state != SHARD_STOPPED)
        env_alarm_set(s->env, &s->closing_alarm, s->closing_views_ns);
}
