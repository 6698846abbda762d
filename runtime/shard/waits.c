/* SPDX-License-Identifier: Apache-2.0 */
/* Deadlines are looked at by a walk over all waits, every WAITS_LOOK_NS while there are any: an ask
 * over shards takes milliseconds, so few wait at a time, and nearly none until its deadline. */
#include "runtime/shard/waits.h"

#include <stdlib.h>

#include "runtime/base/check.h"
#include "runtime/base/memory.h"
#include "runtime/base/mutant.h"

struct wait {
    struct table_entry entry; /* the ask */
    struct fifo messages;     /* oldest first */
    uint32_t count;
};

static void waits_look(struct alarm *a);

void waits_init(struct waits *w, struct env *env, struct answers *answers)
{
    *w = (struct waits){.env = env, .answers = answers};
    table_init(&w->asks);
    w->alarm.fire = waits_look;
}

void waits_done(struct waits *w)
{
    size_t cursor = 0;
    struct table_entry *e;
    while ((e = table_next(&w->asks, &cursor)) != NULL)
        free(container_of(e, struct wait, entry)); /* only after a kill: their askers are gone */
    table_done(&w->asks);
}

static struct wait *waits_find(const struct waits *w, struct id128 ask)
{
    struct table_entry *e = table_find(&w->asks, ask);
    return e != NULL ? container_of(e, struct wait, entry) : NULL;
}

static struct wait *waits_add(struct waits *w, struct id128 ask)
{
    struct wait *wait = memory_take_zeroed(1, sizeof *wait);
    wait->entry.id = ask;
    fifo_init(&wait->messages);
    bool inserted = table_insert(&w->asks, &wait->entry);
    check(inserted);
    return wait;
}

static void waits_tell_pending(struct waits *w, struct message *m)
{
    answers_refuse(w->answers, m, MUTANT(PENDING_IS_EXPIRED) ? ERR_EXPIRED : ERR_OUTCOME_PENDING);
    m->retry_after_ms = WAITS_RETRY_MS;
}

void waits_put(struct waits *w, struct id128 ask, struct message *m)
{
    struct wait *wait = waits_find(w, ask);
    if (wait == NULL)
        wait = waits_add(w, ask);
    if (wait->count == WAITS_OF_ASK_MAX) {
        waits_tell_pending(w, m);
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

static void waits_drop_empty(struct waits *w, struct wait *wait)
{
    if (wait->count > 0)
        return;
    table_remove(&w->asks, &wait->entry);
    free(wait);
}

struct message *waits_take(struct waits *w, struct id128 ask)
{
    struct wait *wait = waits_find(w, ask);
    if (wait == NULL)
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
                waits_tell_pending(w, m);
            } else {
                fifo_push(&wait->messages, &m->link);
                wait->count++;
                w->count++;
            }
        }
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
    while (w->count > 0)
        waits_walk(w, code); /* removing while it walks may pass over some */
}
