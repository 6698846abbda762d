/* SPDX-License-Identifier: Apache-2.0 */
/* Admission: turns that wait for loads, and in what order they may run again. A turn that lacks
 * something asks the loader for it and waits; when a group of loads is there, all that wait run
 * again. The loader's room for journal parts is bounded. When a part finds none, the turns would
 * take each other's room for ever; then one of them after the other is given all of it:
 *
 *     OPEN ──a part found no room──▶ SATURATED ──those with room have run──▶ EXCLUSIVE
 *      ▲                                 │ nobody is left that can run           │ its turn has
 * run, └─────────────────────────────────┴───────────────────────────────────────┘ or cannot
 *
 * In each round at least one turn gets through. Loop thread only. */
#ifndef SHARD_ADMISSION_H
#define SHARD_ADMISSION_H

#include <stdbool.h>

#include "runtime/base/error.h"
#include "runtime/shard/answers.h"
#include "runtime/shard/loader.h"
#include "runtime/shard/schedule.h"
#include "runtime/shard/shard_stats.h"

enum admission_state {
    ADMISSION_OPEN,      /* every turn may ask for parts */
    ADMISSION_SATURATED, /* none may: those run again whose parts are there */
    ADMISSION_EXCLUSIVE, /* one actor alone may */
};

struct admission {
    struct schedule *schedule;
    struct loader *loader;
    struct answers *answers;
    struct shard_kind_stats *kinds;
    enum admission_state state;
    const struct actor *exclusive; /* in this state, else NULL */
    enum err failed;               /* a load of the group that is being delivered; ERR_OK: none */
};

void admission_init(struct admission *ad, struct schedule *schedule, struct loader *loader,
                    struct answers *answers, struct shard_kind_stats *kinds);

/* May the turn of this actor ask for journal parts? */
static inline bool admission_grants(const struct admission *ad, const struct actor *a)
{
    return ad->state == ADMISSION_OPEN || ad->exclusive == a;
}

/* The turn of this message lacks something: it stays its actor's first one, and the actor waits. */
void admission_wait(struct admission *ad, struct actor *a, struct message *m);

/* The first message of an actor that waits, and stands in front of all that do, is gone: it goes on
 * with the next one. */
void admission_forgo(struct admission *ad, struct actor *a);

/* A load failed for another reason than that nothing is there; before admission_loaded(). */
void admission_load_failed(struct admission *ad, enum err e);

/* A group of loads was delivered: wakes those that wait, or refuses their messages (UNAVAILABLE)
 * if a load failed, for one of them needs it. `overflowed`: a part found no room. */
void admission_loaded(struct admission *ad, bool overflowed);

/* After the turns of a pass. */
void admission_end_pass(struct admission *ad);

/* The shard starts over; schedule and loader were reset too. */
void admission_reset(struct admission *ad);

/* The exclusive turn has run: see admission_ran(). */
void admission_served(struct admission *ad);

/* The actor's turns of this pass are over. */
static inline void admission_ran(struct admission *ad, const struct actor *a)
{
    if (a == ad->exclusive && (a->flags & ACTOR_WAITING) == 0)
        admission_served(ad);
}

#endif
