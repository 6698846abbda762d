/* SPDX-License-Identifier: Apache-2.0 */
/* A list in the order of arrival. While a message with a deadline, or whose asker may leave, is in
 * it, a timer looks at all of them every STASH_LOOK_NS: their deadlines differ, and the shard has
 * nothing else to do at that time. */
#include "runtime/shard/stash.h"

#include "runtime/base/check.h"
#include "runtime/base/time.h"

#define STASH_LOOK_NS (100 * NS_PER_MS) /* how late an answer EXPIRED may be */

static void stash_expire(struct alarm *a);

void stash_init(struct stash *p, struct env *env, struct answers *answers,
                struct shard_stats *stats)
{
    check(env != NULL);
    check(answers != NULL);
    check(stats != NULL);
    *p =
        (struct stash){.env = env, .answers = answers, .stats = stats, .expiry.fire = stash_expire};
    fifo_init(&p->messages);
}

void stash_put_beyond(struct stash *p, struct message *m)
{
    check(m->target_kind < KIND_MAX);
    p->count++;
    fifo_push(&p->messages, &m->link);
    if ((m->deadline_ns != 0 || m->gone != NULL) && p->expiry.due_ns == 0)
        env_alarm_set(p->env, &p->expiry, env_mono_ns(p->env) + STASH_LOOK_NS);
}

bool stash_put(struct stash *p, struct message *m)
{
    if (p->count >= STASH_MAX)
        return false;
    stash_put_beyond(p, m);
    return true;
}

static void stash_empty_mailbox(struct stash *p, struct actor *a)
{
    while (a->mailbox_last != NULL) {
        struct message *m = container_of(actor_mailbox_take(a), struct message, link);
        if (m->type == NULL)
            m->done(m); /* deadlines are armed again by the replay */
        else
            stash_put_beyond(p, m);
    }
    check(a->mailbox_count == 0);
}

void stash_put_mailboxes(struct stash *p, struct registry *r)
{
    for (int k = 0; k < KIND_MAX; k++) {
        size_t cursor = 0;
        struct table_entry *e;
        while ((e = table_next(&r->actors[k], &cursor)) != NULL)
            stash_empty_mailbox(p, actor_of_entry(e));
        p->stats->kinds[k].depth = 0;
    }
}

struct message *stash_take(struct stash *p)
{
    struct fifo_link *link = fifo_pop(&p->messages);
    check((link == NULL) == (p->count == 0));
    if (link == NULL)
        return NULL;
    p->count--;
    return container_of(link, struct message, link);
}

static void stash_expire(struct alarm *a)
{
    struct stash *p = container_of(a, struct stash, expiry);
    check(p->expiry.due_ns == 0);
    uint64_t now_ns = env_mono_ns(p->env);
    for (size_t left = p->count; left > 0; left--) {
        struct message *m = stash_take(p);
        if (!message_over(m, now_ns)) {
            stash_put_beyond(p, m); /* once around keeps the order */
            continue;
        }
        p->stats->kinds[m->target_kind].expired++;
        answers_refuse(p->answers, m, ERR_EXPIRED);
    }
}
