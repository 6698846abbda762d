/* SPDX-License-Identifier: Apache-2.0 */
/* The states change in admission_move() alone. The exclusive actor is the schedule's first: when it
 * waits, it waits in front, and the loader's answers make only its turn run again. A turn that
 * waits looks anew at all it needs when it runs again, so what it asked for is not noted here. A
 * failed load refuses all turns that wait: it is not known which of them asked for it, and each may
 * be tried again with the same key. */
#include "runtime/shard/admission.h"

#include "runtime/base/check.h"

void admission_init(struct admission *ad, struct schedule *schedule, struct loader *loader,
                    struct answers *answers, struct shard_kind_stats *kinds)
{
    check(schedule != NULL);
    check(loader != NULL);
    check(answers != NULL);
    check(kinds != NULL);
    *ad = (struct admission){
        .schedule = schedule, .loader = loader, .answers = answers, .kinds = kinds};
}

static bool admission_leads(enum admission_state from, enum admission_state to)
{
    switch (to) {
    case ADMISSION_OPEN:
        return true;
    case ADMISSION_SATURATED:
        return from == ADMISSION_OPEN;
    case ADMISSION_EXCLUSIVE:
        return from == ADMISSION_SATURATED;
    }
    return false;
}

static void admission_move(struct admission *ad, enum admission_state to,
                           const struct actor *exclusive)
{
    check(admission_leads(ad->state, to));
    check((to == ADMISSION_EXCLUSIVE) == (exclusive != NULL));
    ad->state = to;
    ad->exclusive = exclusive;
    ad->schedule->first = exclusive;
}

void admission_reset(struct admission *ad)
{
    check(ad->loader->parts.count == 0);
    check(!ad->loader->busy || ad->loader->stale);
    check(schedule_idle(ad->schedule));
    admission_move(ad, ADMISSION_OPEN, NULL);
    ad->failed = ERR_OK;
}

void admission_wait(struct admission *ad, struct actor *a, struct message *m)
{
    check((a->flags & ACTOR_STATES) == ACTOR_IDLE);
    actor_mailbox_put_back(a, &m->link);
    ad->kinds[a->kind].depth++;
    schedule_move(ad->schedule, a, ACTOR_WAITING);
}

static void admission_resume_all(struct admission *ad)
{
    check(ad->state != ADMISSION_EXCLUSIVE);
    struct actor *a;
    while ((a = schedule_first_waiting(ad->schedule)) != NULL)
        schedule_resume(ad->schedule, a);
}

void admission_served(struct admission *ad)
{
    check(ad->exclusive != NULL);
    check(ad->state == ADMISSION_EXCLUSIVE);
    admission_move(ad, ADMISSION_OPEN, NULL);
    loader_forget(ad->loader);
    admission_resume_all(ad);
}

void admission_forgo(struct admission *ad, struct actor *a)
{
    check((a->flags & ACTOR_WAITING) != 0);
    schedule_move(ad->schedule, a, ACTOR_IDLE);
    schedule_ready(ad->schedule, a);
    if (a == ad->exclusive)
        admission_served(ad);
}

static void admission_refuse_all(struct admission *ad)
{
    check(fifo_empty(&ad->schedule->wait_queue) || ad->failed != ERR_OK);
    struct actor *a;
    admission_move(ad, ADMISSION_OPEN, NULL);
    while ((a = schedule_first_waiting(ad->schedule)) != NULL) {
        schedule_move(ad->schedule, a, ACTOR_IDLE);
        struct message *m = container_of(actor_mailbox_take(a), struct message, link);
        ad->kinds[a->kind].depth--;
        answers_refuse(ad->answers, m, ERR_UNAVAILABLE);
        schedule_ready(ad->schedule, a);
    }
}

/* What came is the exclusive actor's, if that one waits and has not run already. */
static void admission_resume_exclusive(struct admission *ad)
{
    check(ad->exclusive != NULL);
    struct actor *a = schedule_first_waiting(ad->schedule);
    if ((ad->exclusive->flags & ACTOR_WAITING) == 0)
        return;
    check(a == ad->exclusive);
    if (ad->loader->parts.count >= LOADER_PARTS_MAX)
        loader_forget(ad->loader);
    if (!schedule_resume(ad->schedule, a))
        admission_served(ad); /* suspended: the others need not wait for it */
}

void admission_load_failed(struct admission *ad, enum err e)
{
    check(e != ERR_OK);
    check(e != ERR_NOT_FOUND);
    ad->failed = e;
}

void admission_loaded(struct admission *ad, bool overflowed)
{
    check((ad->state == ADMISSION_EXCLUSIVE) == (ad->exclusive != NULL));
    if (overflowed && ad->state == ADMISSION_OPEN)
        admission_move(ad, ADMISSION_SATURATED, NULL);
    if (ad->failed != ERR_OK)
        admission_refuse_all(ad);
    else if (ad->state == ADMISSION_EXCLUSIVE)
        admission_resume_exclusive(ad);
    else
        admission_resume_all(ad);
    ad->failed = ERR_OK;
}

/* All turns have run for which there was room: of those that wait the first that can run is given
 * all of it. */
static void admission_choose(struct admission *ad)
{
    check(ad->schedule->resumable == 0);
    check(ad->state == ADMISSION_SATURATED);
    struct actor *a;
    loader_forget(ad->loader);
    while ((a = schedule_first_waiting(ad->schedule)) != NULL)
        if (schedule_resume(ad->schedule, a)) {
            admission_move(ad, ADMISSION_EXCLUSIVE, a);
            return;
        }
    admission_move(ad, ADMISSION_OPEN, NULL);
}

void admission_end_pass(struct admission *ad)
{
    check(ad->failed == ERR_OK);
    if (ad->schedule->resumable > 0)
        return;
    if (!schedule_waits(ad->schedule) && ad->loader->parts.count > 0)
        loader_forget(ad->loader);
    if (ad->state == ADMISSION_SATURATED)
        admission_choose(ad);
}
