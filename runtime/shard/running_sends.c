/* SPDX-License-Identifier: Apache-2.0 */
/* The turns of sends from other shards. Those of one stream run in their order, straight from its
 * window and past the mailboxes: a send was accepted when it was recorded, so it can be neither
 * refused nor put off. One that waits for a load holds up its stream until that is there; the
 * targets of all that wait behind it are asked for meanwhile. */
#include "runtime/base/mutant.h"
#include "runtime/sends/parked.h"
#include "runtime/shard/shard_priv.h"

/* Asks for the targets of a window, each once. */
static void sends_seek(struct shard *s, struct incoming *in)
{
    for (struct fifo_link *l = &in->link; l != NULL; l = l->next) {
        struct incoming *next = incoming_of(l);
        if (!next->sought && next->message.body != NULL)
            (void)residence_get(&s->residence, next->message.target_kind, next->message.target);
        next->sought = true;
    }
}

/* Why it cannot run, NULL if it may; then *target is set. */
static const char *sends_obstacle(struct shard *s, const struct incoming *in, struct actor **target)
{
    const struct message *m = &in->message;
    if (m->type == NULL)
        return "its target handles no such message";
    if (m->body == NULL)
        return "it cannot be read";
    *target = residence_get(&s->residence, m->target_kind, m->target);
    if (!MUTANT(PASS_PARKED) && parked_queue_find(&s->registry, m->target_kind, m->target) != NULL)
        return "it waits behind another one to this actor";
    if (((*target)->flags & ACTOR_QUARANTINED) != 0)
        return "the actor is quarantined";
    return ((*target)->flags & ACTOR_HALTED) != 0 ? "the actor is suspended" : NULL;
}

static void sends_log_parked(struct shard *s, const struct incoming *in, const char *reason)
{
    const struct message *m = &in->message;
    const struct actor_kind *kind =
        m->target_kind < KIND_MAX ? s->options.domain->kinds[m->target_kind] : NULL;
    uint64_t suppressed;
    if (!log_limit_pass(&s->parked_lines, env_mono_ns(s->env), &suppressed))
        return;
    LOG_ERROR(s->env->log, "send_parked", log_uint("shard", s->options.number),
              log_uint("from", in->origin.shard), log_uint("number", in->origin.n),
              log_text("kind", kind != NULL ? kind->name : "unknown"), log_id("actor", m->target),
              log_text("message", m->type != NULL ? m->type->name : "unknown"),
              log_slice("request_id", m->request_id), log_text("reason", reason),
              log_uint("suppressed", suppressed));
}

static void sends_park(struct shard *s, struct incoming *in, const char *reason)
{
    check(!in->origin.parked);
    sends_log_parked(s, in, reason);
    turn_park(s, in, reason);
}

/* false: it waits for a load. */
static bool sends_run(struct shard *s, struct incoming *in)
{
    struct message *m = &in->message;
    struct actor *a;
    const char *obstacle = sends_obstacle(s, in, &a);
    if (obstacle != NULL) {
        sends_park(s, in, obstacle);
        return true;
    }
    if ((a->flags & ACTOR_LOADING) != 0)
        return false;
    enum turn_result result = running_send(s, a, m);
    if (result == TURN_FAILED)
        sends_park(s, in, s->turn.failure);
    if (result == TURN_WAIT)
        return false; /* its target stays, even if there is none: it would be looked for anew */
    ingress_let_go(&s->ingress, a);
    return true;
}

void running_sends(struct shard *s)
{
    uint32_t cursor = 0;
    struct incoming *in;
    while ((in = streams_peek(&s->streams, &cursor)) != NULL && running_time_left(s)) {
        if (in->retry_ns > s->running.now_ns) {
            cursor++;
        } else if (sends_run(s, in)) {
            streams_pop(&s->streams, &in->origin);
        } else {
            sends_seek(s, in);
            in->waits = true;
            s->schedule.send_waits = true;
            cursor++;
        }
    }
    s->streams.left = in != NULL;
    streams_rotate(&s->streams);
}

static void sends_put_off(struct shard *s, struct incoming *in)
{
    if (!in->waits)
        return;
    uint64_t retry_ns = incoming_put_off(in, env_mono_ns(s->env));
    if (s->sends_alarm.due_ns == 0 || s->sends_alarm.due_ns > retry_ns)
        env_alarm_set(s->env, &s->sends_alarm, retry_ns);
}

/* It is not known whose load failed. */
void running_sends_put_off(struct shard *s)
{
    struct incoming *in;
    if (s->parked_retry.next != NULL)
        sends_put_off(s, s->parked_retry.next);
    for (uint32_t cursor = 0; (in = streams_peek(&s->streams, &cursor)) != NULL; cursor++)
        sends_put_off(s, in);
}

void running_send_gave_up(struct shard *s)
{
    struct incoming *in = container_of(s->turn.message, struct incoming, message);
    enum turn_result result = turn_gave_up(s);
    check(result == TURN_FAILED);
    if (in->origin.parked) {
        parked_retry_drop(&s->parked_retry); /* it stays parked */
        return;
    }
    sends_park(s, in, s->turn.failure);
    streams_pop(&s->streams, &in->origin);
}
