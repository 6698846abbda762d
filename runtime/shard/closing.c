/* SPDX-License-Identifier: Apache-2.0 */
/* The phases only advance, in closing_move(). What is still to be finished in each is decided in
 * shard_stop.c; here are the times, and the job that gives the lease back. A lease that cannot be
 * given back is taken over by the next start all the same. */
#include "runtime/shard/closing.h"

#include "runtime/base/check.h"

static void closing_move(struct closing *c, enum closing_phase to)
{
    check(to == c->phase + 1);
    c->phase = to;
}

static void closing_wake(struct alarm *a)
{
    env_wake(a->env);
}

static void closing_run(struct work *w)
{
    struct closing *c = container_of(w, struct closing, release);
    check(c->phase == CLOSING_RELEASING);
    (void)c->store->ops->lease_release(c->store, c->number, c->epoch);
}

static void closing_done(struct work *w)
{
    struct closing *c = container_of(w, struct closing, release);
    check(c->phase == CLOSING_RELEASING);
    closing_move(c, CLOSING_RELEASED);
    c->released(c->context);
}

void closing_init(struct closing *c, const struct closing *uses)
{
    check(uses->env != NULL);
    check(uses->worker != NULL);
    check(uses->store != NULL);
    check(uses->released != NULL);
    check(uses->phase == CLOSING_OPEN);
    *c = *uses;
    c->alarm.fire = closing_wake;
    c->release.run = closing_run;
    c->release.done = closing_done;
}

void closing_end(struct closing *c, bool timed)
{
    check(c->env != NULL);
    if (c->phase != CLOSING_OPEN)
        return;
    closing_move(c, CLOSING_ENDING);
    c->ending_ns = env_mono_ns(c->env);
    if (timed)
        env_alarm_set(c->env, &c->alarm, c->ending_ns + CLOSING_VIEWS_NS);
}

void closing_begin(struct closing *c, bool timed)
{
    check(closing_ends(c));
    if (closing_begun(c))
        return;
    closing_move(c, CLOSING_CLOSING);
    c->views_ns = env_mono_ns(c->env) + CLOSING_VIEWS_NS;
    if (timed)
        env_alarm_set(c->env, &c->alarm, c->views_ns);
}

void closing_release(struct closing *c, uint64_t epoch)
{
    check(epoch != 0);
    closing_move(c, CLOSING_RELEASING);
    c->epoch = epoch;
    env_work(c->env, c->worker, &c->release);
}

void closing_kill(struct closing *c)
{
    c->phase = CLOSING_RELEASED;
}

bool closing_is_late(const struct closing *c)
{
    check(c->phase <= CLOSING_RELEASED);
    return closing_begun(c) && env_mono_ns(c->env) >= c->views_ns;
}

bool closing_has_time(const struct closing *c)
{
    check(closing_ends(c));
    return env_mono_ns(c->env) < c->ending_ns + CLOSING_VIEWS_NS;
}
