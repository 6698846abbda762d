/* SPDX-License-Identifier: Apache-2.0 */
/* Each step is a job of its own at the worker, so that it comes home to its loop like any other.
 * The first that runs takes all that wait, as the committer does with appends; the jobs of the
 * others then find theirs done and only go home. */
#include "runtime/projector/stepper.h"

#include "runtime/base/check.h"
#include "runtime/base/mutant.h"

void stepper_init(struct stepper *s, struct worker *worker, const struct stepper_sink *sink,
                  void *sink_context)
{
    check(worker != NULL && sink->begin != NULL && sink->commit != NULL && sink->rollback != NULL);
    *s = (struct stepper){.worker = worker, .sink = sink, .sink_context = sink_context};
    check(pthread_mutex_init(&s->lock, NULL) == 0);
    fifo_init(&s->waiting);
}

void stepper_done(struct stepper *s)
{
    pthread_mutex_destroy(&s->lock);
}

/* Takes those that wait. */
static uint32_t stepper_take(struct stepper *s)
{
    uint32_t count = 0;
    struct fifo_link *link;
    check(pthread_mutex_lock(&s->lock) == 0);
    while (count < STEPPER_STEPS_MAX && (link = fifo_pop(&s->waiting)) != NULL)
        s->steps[count++] = container_of(link, struct step, link);
    check(pthread_mutex_unlock(&s->lock) == 0);
    for (uint32_t i = 0; i < count; i++) {
        check(!s->steps[i]->taken);
        s->steps[i]->taken = true;
    }
    return count;
}

/* The steps as one transaction, with one result; *committing: it failed or succeeded as a whole, at
 * the end. */
static enum err stepper_transaction(struct stepper *s, struct step **steps, uint32_t count,
                                    bool *committing)
{
    uint32_t tried = 0, kept = 0;
    enum err e = s->sink->begin(s->sink_context);
    *committing = false;
    for (; e == ERR_OK && tried < count; tried++) {
        e = steps[tried]->write(steps[tried]);
        *committing |= steps[tried]->written;
    }
    *committing &= e == ERR_OK;
    if (*committing)
        e = s->sink->commit(s->sink_context);
    else
        s->sink->rollback(s->sink_context);
    if (MUTANT(KEEP_TAKEN_BACK) && tried > 0)
        kept = tried - 1;
    for (uint32_t i = kept; e != ERR_OK && i < tried; i++)
        steps[i]->take_back(steps[i]);
    for (uint32_t i = 0; i < count; i++)
        steps[i]->result = e;
    return e;
}

static void stepper_run_steps(struct stepper *s, struct step **steps, uint32_t count)
{
    bool committing;
    enum err e = stepper_transaction(s, steps, count, &committing);
    if (e == ERR_OK || committing || count == 1)
        return;
    for (uint32_t i = 0; i < count; i++)
        (void)stepper_transaction(s, &steps[i], 1, &committing);
}

static void stepper_run(struct work *w)
{
    struct step *step = container_of(w, struct step, work);
    struct stepper *s = step->stepper;
    while (!step->taken) {
        uint32_t count = stepper_take(s), together = 0;
        for (uint32_t i = 0; i < count; i++) {
            struct step *next = s->steps[i];
            if (next->alone)
                stepper_run_steps(s, &next, 1);
            else
                s->steps[together++] = next;
        }
        if (together > 0)
            stepper_run_steps(s, s->steps, together);
    }
}

void stepper_post(struct stepper *s, struct env *env, struct step *step)
{
    check(step->write != NULL && step->take_back != NULL && step->work.done != NULL);
    step->work.run = stepper_run;
    step->stepper = s;
    step->written = step->taken = false;
    check(pthread_mutex_lock(&s->lock) == 0);
    fifo_push(&s->waiting, &step->link);
    check(pthread_mutex_unlock(&s->lock) == 0);
    env_work(env, s->worker, &step->work);
}
