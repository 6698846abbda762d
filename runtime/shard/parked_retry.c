/* SPDX-License-Identifier: Apache-2.0 */
/* A parked send becomes an incoming one again, with all that its frame had brought. It does not go
 * through its stream's window, whose mark has passed it long ago. While it waits for a load, sends
 * that arrive for its target are parked behind it (running_sends.c), so the order stays. */
#include "runtime/shard/parked_retry.h"

#include <string.h>

#include "runtime/shard/shard_priv.h"

static struct incoming *parked_retry_make(struct shard *s, const struct parked *p)
{
    check(p->place > 0 && parked_n(p->id) > 0);
    const struct frame f = {.what = FRAME_SEND,
                            .from = parked_from(p->id),
                            .to = s->options.number,
                            .to_all = parked_to_all(p->id),
                            .mark = {.n = parked_n(p->id), .place = p->place},
                            .time_ns = p->sent_ns,
                            .kind = p->kind,
                            .type = p->type,
                            .target = p->target,
                            .message = p->message,
                            .who = {.tenant = p->who.tenant,
                                    .subject = p->who.subject,
                                    .client = p->who.client,
                                    .token_id = p->who.token_id,
                                    .any_owner = p->who.any_owner,
                                    .operator= p->who.operator},
                                    .request_id = p->request};
    struct incoming *in = incoming_new(s->options.domain, &f);
    in->origin.parked = true;
    in->origin.refusing = s->parked_retry.wish.refusing;
    return in;
}

/* May its turn run? */
static enum err parked_retry_allowed(struct shard *s, const struct incoming *in)
{
    const struct message *m = &in->message;
    check(in->origin.parked);
    if (m->body == NULL || (in->origin.refusing && !in->refusable))
        return ERR_UNSUPPORTED;
    const struct actor *a = registry_find(&s->registry, m->target_kind, m->target);
    if (a == NULL || (a->flags & ACTOR_HALTED) == 0)
        return ERR_OK;
    return (a->flags & ACTOR_QUARANTINED) != 0 ? ERR_QUARANTINED : ERR_SUSPENDED;
}

/* Nothing is under way, and the one found is set as the next, if it may run. */
static enum err parked_retry_take(struct shard *s, struct id128 id)
{
    const struct parked *p = parked_find(&s->registry, id);
    check(s->parked_retry.next == NULL && p != NULL);
    s->parked_retry.next = parked_retry_make(s, p);
    enum err e = parked_retry_allowed(s, s->parked_retry.next);
    if (e != ERR_OK)
        parked_retry_drop(&s->parked_retry);
    return e;
}

static struct slice parked_retry_keep(char *to, struct slice text)
{
    check(text.len <= PARKED_REASON_MAX);
    if (text.len > 0)
        memcpy(to, text.data, text.len);
    return (struct slice){to, text.len};
}

static void parked_retry_wish(struct parked_retry *p, const struct parked_wish *wish)
{
    check(wish->by.len > 0 && wish->by.len <= PARKED_BY_MAX);
    check(wish->reason.len <= PARKED_REASON_MAX && (wish->reason.len > 0) == wish->refusing);
    p->wish =
        (struct parked_wish){.refusing = wish->refusing,
                             .by = parked_retry_keep(p->texts, wish->by),
                             .reason = parked_retry_keep(p->texts + PARKED_BY_MAX, wish->reason)};
}

enum err parked_retry_begin(struct shard *s, struct id128 id, const struct parked_wish *wish)
{
    if (s->state != SHARD_RUNNING || closing_begun(&s->closing))
        return ERR_UNAVAILABLE;
    if (!s->writable)
        return ERR_STORE_FULL;
    if (s->parked_retry.next != NULL)
        return ERR_BUSY;
    const struct parked *p = parked_find(&s->registry, id);
    if (p == NULL)
        return ERR_NOT_FOUND;
    const struct parked_queue *queue = parked_queue_find(&s->registry, p->kind, p->target);
    check(queue != NULL);
    if (wish->refusing && !id128_equal(queue->first, id))
        return ERR_BUSY;
    parked_retry_wish(&s->parked_retry, wish);
    env_wake(s->env);
    return parked_retry_take(s, queue->first);
}

enum err parked_retry_target(struct shard *s, uint16_t kind, struct id128 target, struct slice by)
{
    if (s->state != SHARD_RUNNING)
        return ERR_UNAVAILABLE;
    const struct parked_queue *queue = parked_queue_find(&s->registry, kind, target);
    if (queue == NULL)
        return ERR_OK;
    check(queue->count > 0);
    return parked_retry_begin(s, queue->first, &(struct parked_wish){.by = by});
}

/* Its turn is done: those behind it follow, unless this one alone was meant. */
static void parked_retry_go_on(struct shard *s)
{
    const struct incoming *done = s->parked_retry.next;
    check(done != NULL && done->origin.parked);
    const struct parked_queue *queue =
        parked_queue_find(&s->registry, done->message.target_kind, done->message.target);
    bool more = queue != NULL && !done->origin.refusing;
    parked_retry_drop(&s->parked_retry);
    if (more)
        (void)parked_retry_take(s, queue->first); /* which may not run stays parked */
}

/* false: it waits for a load. */
static bool parked_retry_run(struct shard *s)
{
    struct message *m = &s->parked_retry.next->message;
    check(m->origin != NULL && m->origin->parked);
    struct actor *a = residence_get(&s->residence, m->target_kind, m->target);
    if ((a->flags & ACTOR_LOADING) != 0)
        return false;
    if ((a->flags & ACTOR_HALTED) != 0) { /* since it was asked for */
        parked_retry_drop(&s->parked_retry);
        return true;
    }
    enum turn_result result = running_send(s, a, m);
    ingress_let_go(&s->ingress, a);
    if (result == TURN_DONE)
        parked_retry_go_on(s);
    else if (result == TURN_FAILED)
        parked_retry_drop(&s->parked_retry);
    return result != TURN_WAIT;
}

void parked_retry_step(struct shard *s)
{
    check(s->state == SHARD_RUNNING);
    while (s->parked_retry.next != NULL && running_time_left(s)) {
        if (s->parked_retry.next->retry_ns > s->running.now_ns)
            return;
        if (!parked_retry_run(s)) {
            s->parked_retry.next->waits = true;
            s->schedule.send_waits = true;
            return;
        }
    }
}

void parked_retry_drop(struct parked_retry *p)
{
    if (p->next != NULL)
        incoming_free(p->next);
    p->next = NULL;
}
