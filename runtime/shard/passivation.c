/* SPDX-License-Identifier: Apache-2.0 */
/* The CLOCK algorithm: a position (the hand) advances over the tables, clears ACTOR_USED, and
 * passivates each actor found without it. While turns wait for the loader, it goes round only once
 * for each of the loader's answers: every turn that waits then looks anew at all it needs, which
 * sets the flag, so no state is passivated that one of them has already been given. */
#include "runtime/shard/passivation.h"

#include "runtime/base/check.h"
#include "runtime/base/mutant.h"

#define PASSIVATION_STEPS 256 /* actors looked at after one pass */

void passivation_init(struct passivation *p, struct residence *residence, size_t resident_max)
{
    check(residence != NULL);
    *p = (struct passivation){.residence = residence, .resident_max = resident_max};
}

static bool may_leave(const struct passivation *p, const struct actor *a, uint64_t projected_seq)
{
    check(a->kind < KIND_MAX);
    return (a->flags & (ACTOR_STATES | ACTOR_CONTROLS)) == 0 && actor_mailbox_empty(a) &&
           (a->touched_seq <= projected_seq || MUTANT(LEAVE_EARLY)) &&
           ((a->flags & ACTOR_EXISTS) == 0 ||
            !p->residence->registry->domain->kinds[a->kind]->pinned);
}

/* The next actor under the hand, over all kinds. */
static struct actor *next_under_hand(struct passivation *p)
{
    check(p->hand_kind < KIND_MAX);
    for (int tried = 0; tried <= KIND_MAX; tried++) {
        const struct table *actors = &p->residence->registry->actors[p->hand_kind];
        struct table_entry *e = table_next(actors, &p->hand_cursor);
        if (e != NULL)
            return actor_of_entry(e);
        p->hand_kind = (p->hand_kind + 1) % KIND_MAX;
        p->hand_cursor = 0;
    }
    return NULL;
}

void passivation_step(struct passivation *p, uint64_t projected_seq)
{
    const struct residence *r = p->residence;
    for (int i = 0; i < PASSIVATION_STEPS; i++) {
        if (r->registry->resident <= p->resident_max)
            return;
        if (schedule_waits(r->schedule)) {
            if (p->left == 0)
                return;
            p->left--;
        }
        struct actor *a = next_under_hand(p);
        if (a == NULL)
            return;
        if ((a->flags & ACTOR_USED) != 0)
            a->flags &= (uint16_t)~ACTOR_USED;
        else if (may_leave(p, a, projected_seq))
            residence_evict(p->residence, a);
    }
}

bool passivation_now(struct passivation *p, struct actor *a, uint64_t projected_seq)
{
    check(a != NULL);
    if (!may_leave(p, a, projected_seq))
        return false;
    residence_evict(p->residence, a);
    return true;
}

void passivation_loaded(struct passivation *p)
{
    p->left = p->residence->registry->resident;
}
