/* SPDX-License-Identifier: Apache-2.0 */
/* See stash.h. */
#include "runtime/shard/stash.h"

#include "runtime/base/time.h"
#include "runtime/shard/shard_priv.h"

#define STASH_LOOK_NS (100 * NS_PER_MS) /* how late an answer EXPIRED may be */

static void stash_expire(struct alarm *a);

void stash_init(struct stash *p)
{
    *p = (struct stash){.expiry.fire = stash_expire};
    fifo_init(&p->messages);
}

static void stash_append(struct shard *s, struct message *m)
{
    struct stash *p = &s->stash;
    p->count++;
    fifo_push(&p->messages, &m->link);
    if (m->deadline_ns != 0 && p->expiry.due_ns == 0)
        env_alarm_set(s->env, &p->expiry, env_mono_ns(s->env) + STASH_LOOK_NS);
}

bool stash_put(struct shard *s, struct message *m)
{
    if (s->stash.count >= STASH_MAX)
        return false;
    stash_append(s, m);
    return true;
}

void stash_put_mailboxes(struct shard *s)
{
    fifo_init(&s->run_queue);
    fifo_init(&s->wait_queue);
    for (int k = 0; k < KIND_MAX; k++) {
        size_t cursor = 0;
        struct table_entry *e;
        while ((e = table_next(&s->registry.actors[k], &cursor)) != NULL) {
            struct actor *a = actor_of_entry(e);
            while (a->mailbox_last != NULL) {
                struct message *m = container_of(actor_mailbox_take(a), struct message, link);
                if (m->type == NULL)
                    m->done(m); /* deadlines are armed again by the replay */
                else
                    stash_append(s, m);
            }
        }
        s->stats.kinds[k].depth = 0;
    }
    for (size_t i = 0; i < s->ingress.count; i++)
        stash_append(s, s->ingress.items[i].message);
    s->ingress.count = 0;
}

struct message *stash_take(struct shard *s)
{
    struct fifo_link *link = fifo_pop(&s->stash.messages);
    if (link == NULL)
        return NULL;
    s->stash.count--;
    return container_of(link, struct message, link);
}

static void stash_expire(struct alarm *a)
{
    struct shard *s = container_of(a, struct shard, stash.expiry);
    uint64_t now_ns = env_mono_ns(s->env);
    for (size_t left = s->stash.count; left > 0; left--) {
        struct message *m = stash_take(s);
        if (m->deadline_ns == 0 || now_ns <= m->deadline_ns) {
            stash_append(s, m); /* once around keeps the order */
            continue;
        }
        s->stats.kinds[m->target_kind].expired++;
        shard_finish(s, m, ERR_EXPIRED);
    }
}
