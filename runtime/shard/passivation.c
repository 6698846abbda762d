/* SPDX-License-Identifier: Apache-2.0 */
/* Passivation: keeps the number of resident actors under its limit. A clock hand goes over the
 * tables; an actor not used since its last visit, idle, and unchanged since the views hold it,
 * leaves. It comes back from the views with its next message. While turns wait for the loader the
 * hand goes round only once for each of its answers: every turn that waits looks anew then at all
 * it needs, so nothing leaves that one of them has already been given. */
#include "runtime/base/mutant.h"
#include "runtime/shard/shard_priv.h"

#define PASSIVATION_STEPS 256 /* actors looked at after one pass */

static bool may_leave(const struct shard *s, const struct actor *a)
{
    const uint16_t busy = ACTOR_LOADING | ACTOR_QUEUED | ACTOR_WAITING | ACTOR_CONTROLS;
    return (a->flags & busy) == 0 && actor_mailbox_empty(a) &&
           (a->touched_seq <= s->projector.follower.position.seq || MUTANT(LEAVE_EARLY)) &&
           !s->options.domain->kinds[a->kind]->resident;
}

static void passivation_leave(struct shard *s, struct actor *a)
{
    bool may_exist = (a->flags & ACTOR_EXISTS) != 0 || a->touched_seq != 0;
    uint64_t ms = id128_unix_ms(a->entry.id);
    if (may_exist && id128_tells_time(a->entry.id) && ms > s->evicted_ms[a->kind])
        s->evicted_ms[a->kind] = ms;
    registry_evict(&s->registry, a);
    s->stats.evicted++;
}

/* The next actor under the hand, over all kinds. */
static struct actor *next_under_hand(struct shard *s)
{
    for (int tried = 0; tried <= KIND_MAX; tried++) {
        struct table_entry *e = table_next(&s->registry.actors[s->hand_kind], &s->hand_cursor);
        if (e != NULL)
            return actor_of_entry(e);
        s->hand_kind = (s->hand_kind + 1) % KIND_MAX;
        s->hand_cursor = 0;
    }
    return NULL;
}

void passivation_step(struct shard *s)
{
    for (int i = 0; i < PASSIVATION_STEPS; i++) {
        if (s->registry.resident <= s->options.resident_max)
            return;
        if (!fifo_empty(&s->wait_queue)) {
            if (s->hand_left == 0)
                return;
            s->hand_left--;
        }
        struct actor *a = next_under_hand(s);
        if (a == NULL)
            return;
        if ((a->flags & ACTOR_USED) != 0)
            a->flags &= (uint16_t)~ACTOR_USED;
        else if (may_leave(s, a))
            passivation_leave(s, a);
    }
}

bool passivation_now(struct shard *s, struct actor *a)
{
    if (!may_leave(s, a))
        return false;
    passivation_leave(s, a);
    return true;
}
