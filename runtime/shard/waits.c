/* SPDX-License-Identifier: Apache-2.0 */
/* Deadlines are looked at by a walk over all waits, every WAITS_LOOK_NS while there are any: an ask
 * over shards takes milliseconds, so few wait at a time, and nearly none until its deadline. */
#include "runtime/shard/waits.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/base/check.h"
#include "runtime/base/memory.h"
#include "runtime/base/mutant.h"

struct wait {
    struct table_entry entry; /* the ask */
    struct fifo messages;     /* oldest first */
    uint32_t count;
    struct record_answer meanwhile; /* of type 0: nothing; its reply is memory of its own */
    uint64_t told_from;             /* once this batch is durable */
};

static void waits_look(struct alarm *a);

void waits_init(struct waits *w, struct env *env, struct answers *answers,
                const struct journal *journal)
{
    *w = (struct waits){.env = env, .answers = answers, .journal = journal};
    table_init(&w->asks);
    w->alarm.fire = waits_look;
}

static void wait_free(struct wait *wait)
{
    free((char *)wait->meanwhile.reply.data);
    free(wait);
}

void waits_done(struct waits *w)
{
    size_t cursor = 0;
    struct table_entry *e;
    while ((e = table_next(&w->asks, &cursor)) != NULL)
        wait_free(container_of(e, struct wait, entry)); /* after a kill: their askers are gone */
    table_done(&w->asks);
}

static struct wait *waits_find(const struct waits *w, struct id128 ask)
{
    struct table_entry *e = table_find(&w->asks, ask);
    return e != NULL ? container_of(e, struct wait, entry) : NULL;
}

static struct wait *waits_of(struct waits *w, struct id128 ask)
{
    struct wait *wait = waits_find(w, ask);
    if (wait != NULL)
        return wait;
    wait = memory_take_zeroed(1, sizeof *wait);
    wait->entry.id = ask;
    fifo_init(&wait->messages);
    bool inserted = table_insert(&w->asks, &wait->entry);
    check(inserted);
    return wait;
}

void waits_tell(struct waits *w, struct id128 ask, const struct record_answer *meanwhile,
                uint64_t seq)
{
    struct wait *wait = waits_of(w, ask);
    check(meanwhile->has_reply && wait->meanwhile.reply_type == 0);
    char *copy = memory_take_zeroed(1, meanwhile->reply.len);
    memcpy(copy, meanwhile->reply.data, meanwhile->reply.len);
    wait->meanwhile = *meanwhile;
    wait->meanwhile.reply.data = copy;
    wait->told_from = seq;
}

static void waits_tell_pending(struct waits *w, const struct wait *wait, struct message *m)
{
    const struct record_answer *o = &wait->meanwhile;
    answers_refuse(w->answers, m, MUTANT(PENDING_IS_EXPIRED) ? ERR_EXPIRED : ERR_OUTCOME_PENDING);
    m->retry_after_ms = WAITS_RETRY_MS;
    if (o->reply_type == 0 || !journal_durable(w->journal, wait->told_from))
        return;
    wire_writer_clear(&m->reply);
    wire_put_raw(&m->reply, o->reply);
    if (m->reply.failed)
        return;
    m->reply_type = o->reply_type;
    m->version = o->version;
}

void waits_put(struct waits *w, struct id128 ask, struct message *m)
{
    struct wait *wait = waits_of(w, ask);
    if (wait->count == WAITS_OF_ASK_MAX) {
        waits_tell_pending(w, wait, m);
        return;
    }
    fifo_push(&wait->messages, &m->link);
    wait->count++;
    w->count++;
    if (w->alarm.due_ns == 0)
        env_alarm_set(w->env, &w->alarm, env_mono_ns(w->env) + WAITS_LOOK_NS);
}

static struct message *waits_pop(struct waits *w, struct wait *wait)
{
    struct fifo_link *link = fifo_pop(&wait->messages);
    check(link != NULL && wait->count > 0);
    wait->count--;
    w->count--;
    return container_of(link, struct message, link);
}

/* Nobody waits, and whoever comes later is told nothing of its own. */
static void waits_drop_empty(struct waits *w, struct wait *wait)
{
    if (wait->count > 0 || wait->meanwhile.reply_type != 0)
        return;
    table_remove(&w->asks, &wait->entry);
    wait_free(wait);
}

void waits_end(struct waits *w, struct id128 ask)
{
    struct wait *wait = waits_find(w, ask);
    if (wait == NULL)
        return;
    check(wait->count == 0);
    wait->meanwhile.reply_type = 0;
    waits_drop_empty(w, wait);
}

struct message *waits_take(struct waits *w, struct id128 ask)
{
    struct wait *wait = waits_find(w, ask);
    if (wait == NULL || wait->count == 0)
        return NULL;
    struct message *m = waits_pop(w, wait);
    waits_drop_empty(w, wait);
    return m;
}

/* Those that are over, or with a code all of them, are answered; the order of the rest stays. */
static void waits_walk(struct waits *w, uint16_t code)
{
    uint64_t now_ns = env_mono_ns(w->env);
    size_t cursor = 0;
    struct table_entry *e;
    while ((e = table_next(&w->asks, &cursor)) != NULL) {
        struct wait *wait = container_of(e, struct wait, entry);
        for (uint32_t left = wait->count; left > 0; left--) {
            struct message *m = waits_pop(w, wait);
            if (code != ERR_OK) {
                answers_refuse(w->answers, m, code);
            } else if (message_over(m, now_ns)) {
                waits_tell_pending(w, wait, m);
            } else {
                fifo_push(&wait->messages, &m->link);
                wait->count++;
                w->count++;
            }
        }
        if (code != ERR_OK)
            wait->meanwhile.reply_type = 0;
        waits_drop_empty(w, wait);
    }
}

static void waits_look(struct alarm *a)
{
    struct waits *w = container_of(a, struct waits, alarm);
    waits_walk(w, ERR_OK);
    if (w->count > 0)
        env_alarm_set(w->env, a, env_mono_ns(w->env) + WAITS_LOOK_NS);
    env_wake(w->env);
}

void waits_refuse_all(struct waits *w, uint16_t code)
{
    check(code != ERR_OK);
    while (w->asks.count > 0)
        waits_walk(w, code); /* removing while it walks may pass over some */
}
