/* SPDX-License-Identifier: Apache-2.0 */
/* How a shard stops. At once (shard_stop): fenced, damaged, or failed too often; whatever waits is
 * answered UNAVAILABLE, except what is with the store: that is answered when the store has said
 * what became of it. In order (shard_close): it first finishes what it accepted, then gives the
 * lease back, and stops with an empty reason. */
#include <stdarg.h>
#include <stdio.h>

#include "runtime/base/check.h"
#include "runtime/shard/shard_priv.h"

/* --- at once ---------------------------------------------------------------------------------- */

/* This process will not find out the outcome of these batches. */
void shard_fail_batches(struct shard *s, bool sent_too)
{
    struct batch *b;
    while (s->journal.open != NULL || sent_too) {
        b = sent_too ? journal_take_failed(&s->journal) : journal_take_unsent(&s->journal);
        if (b == NULL)
            break;
        struct fifo_link *deferred;
        while ((deferred = fifo_pop(&b->deferred)) != NULL)
            answers_refuse(&s->answers, container_of(deferred, struct message, link),
                           ERR_UNAVAILABLE);
        journal_spare(&s->journal, b);
    }
}

void shard_stash_actors(struct shard *s)
{
    schedule_reset(&s->schedule);
    stash_put_mailboxes(&s->stash, &s->registry);
    ingress_drain(&s->ingress, &s->stash);
    check(s->ingress.count == 0);
}

void shard_stop_alarms(struct shard *s)
{
    env_alarm_stop(s->env, &s->deadlines.alarm);
    env_alarm_stop(s->env, &s->probe_alarm);
    env_alarm_stop(s->env, &s->sends_alarm);
    env_alarm_stop(s->env, &s->due_sweep.alarm);
    env_alarm_stop(s->env, &s->closing.alarm);
    env_alarm_stop(s->env, &s->suspension.expiry);
    env_alarm_stop(s->env, &s->overdue.alarm);
    env_alarm_stop(s->env, &s->stash.expiry);
    env_alarm_stop(s->env, &s->waits.alarm);
    contact_stop(&s->contact);
    env_alarm_stop(s->env, &s->view_reads.expiry);
    scrub_stop(&s->scrub);
    follower_stop(&s->projector.follower);
}

void shard_stop(struct shard *s, const char *format, ...)
{
    if (s->state == SHARD_STOPPED)
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(s->reason, sizeof s->reason, format, args);
    va_end(args);
    view_reads_fail_all(&s->view_reads, ERR_UNAVAILABLE);
    shard_stash_actors(s);
    shard_fail_batches(s, journal_at_rest(&s->journal));
    struct message *m;
    waits_refuse_all(&s->waits, ERR_UNAVAILABLE);
    streams_stop(&s->streams);
    parked_retry_drop(&s->parked_retry);
    while ((m = stash_take(&s->stash)) != NULL)
        answers_refuse(&s->answers, m, ERR_UNAVAILABLE);
    shard_stop_alarms(s);
    check(s->stash.count == 0);
    shard_set_state(s, SHARD_STOPPED);
}

void shard_views_damaged(struct shard *s)
{
    s->options.view_store->ops->damaged(s->options.view_store);
    shard_stop(s, VIEWS_DAMAGED_REASON);
}

/* --- in order --------------------------------------------------------------------------------- */

static bool views_complete(const struct shard *s)
{
    return follower_lag(&s->projector.follower, s->journal.committed_seq) == 0 ||
           s->projector.follower.failing || closing_is_late(&s->closing);
}

static bool nothing_left(const struct shard *s)
{
    check(s->state == SHARD_RUNNING);
    return s->ingress.count == 0 && schedule_idle(&s->schedule) && fifo_empty(&s->answers.final) &&
           !s->loader.busy && journal_idle(&s->journal) && view_reads_idle(&s->view_reads) &&
           !s->projector.follower.busy && views_complete(s);
}

/* At the start no request waits for what it finds; later it finds out what became of requests. */
static bool may_recover(const struct shard *s)
{
    return s->journal.epoch != 0 && closing_has_time(&s->closing);
}

void shard_close_step(struct shard *s)
{
    check(closing_ends(&s->closing));
    bool running = s->state == SHARD_RUNNING;
    if (closing_is_late(&s->closing) || !(running || may_recover(s)))
        follower_abandon(&s->projector.follower); /* a large step would outlast the stop */
    if (running && s->closing.phase == CLOSING_CLOSING && nothing_left(s))
        closing_release(&s->closing, s->journal.epoch);
    else if (!running && !may_recover(s) && s->recovery != NULL)
        recovery_abandon(s->recovery);
}

void shard_on_released(void *context)
{
    check(((struct shard *)context)->closing.phase == CLOSING_RELEASED);
    shard_stop(context, "%s", "");
}

void shard_end_lists(struct shard *s)
{
    closing_end(&s->closing, s->state != SHARD_STOPPED);
    view_reads_end_all(&s->view_reads);
    env_wake(s->env);
}

void shard_close(struct shard *s)
{
    shard_end_lists(s);
    closing_begin(&s->closing, s->state != SHARD_STOPPED);
    check(closing_begun(&s->closing));
}
