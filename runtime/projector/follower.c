/* SPDX-License-Identifier: Apache-2.0 */
/* A step: follower_advance() on the loop -> follower_write() on the worker (begin, read and take,
 * write), after which the stepper commits -> follower_done() on the loop, which moves the position
 * and sets the next sleep.
 *
 * What fails: the consumer or the journal's medium -> rolled back and tried again; damage, or what
 * the consumer cannot take (ERR_CORRUPT, ERR_FAILED) -> the follower stops, for trying again would
 * find the same; the loop abandons it -> rolled back, as is any step that still begins. */
#include "runtime/projector/follower.h"

#include <stdio.h>

static enum err follower_write(struct step *step);
static void follower_take_back(struct step *step);
static void follower_done(struct work *w);

static void follower_wake(struct alarm *a)
{
    env_wake(a->env);
}

void follower_init(struct follower *f, const struct follower_options *options)
{
    const struct follower_consumer *c = options->consumer;
    check(c->begin != NULL && c->take != NULL && c->write != NULL && options->stepper != NULL);
    check(c->rollback != NULL && c->reason != NULL);
    *f = (struct follower){.options = *options};
    f->step.work.done = follower_done;
    f->step.write = follower_write;
    f->step.take_back = follower_take_back;
    f->alarm.fire = follower_wake;
}

void follower_restart(struct follower *f, const struct store_position *position)
{
    check(!f->busy);
    f->position = *position;
}

/* --- on the worker ---------------------------------------------------------------------------- */

/* Reading the journal in one step. */
struct reading {
    struct follower *follower;
    struct follower_limits left; /* ns: when it ends */
    uint64_t taken_seq;          /* the newest batch the consumer took */
    enum err error;              /* of the consumer */
};

/* Whether this batch reaches a limit. */
static bool follower_is_full(struct reading *step, const struct batch_row *row)
{
    struct follower_limits *left = &step->left;
    bool full = left->batches == 1;
    left->batches -= left->batches > 0;
    if (left->bytes > 0) {
        full |= row->body.len >= left->bytes;
        left->bytes -= full ? 0 : row->body.len;
    }
    return full || (left->ns > 0 && env_mono_ns(step->follower->options.env) >= left->ns);
}

static bool follower_take(void *context, const struct batch_row *row)
{
    struct reading *step = context;
    struct follower *f = step->follower;
    bool full = false;
    if (row->seq > f->target_seq)
        return false;
    step->error = follower_abandoned(f)
                      ? ERR_UNAVAILABLE
                      : f->options.consumer->take(f->options.consumer_context, row, &full);
    if (step->error != ERR_OK)
        return false;
    step->taken_seq = row->seq;
    return !full && !follower_is_full(step, row);
}

static enum err follower_read(struct follower *f, struct reading *step)
{
    const struct follower_options *o = &f->options;
    if (step->left.ns > 0)
        step->left.ns += env_mono_ns(o->env);
    enum err e = o->store->ops->tail(o->store, o->shard, step->taken_seq + 1, follower_take, step);
    if (e == ERR_CORRUPT)
        snprintf(f->unreadable, sizeof f->unreadable,
                 "the journal of shard %u cannot be read after batch %llu; payctl ledger verify "
                 "tells more",
                 o->shard, (unsigned long long)step->taken_seq);
    return e != ERR_OK ? e : step->error;
}

static enum err follower_write(struct step *step)
{
    struct follower *f = container_of(step, struct follower, step);
    const struct follower_consumer *c = f->options.consumer;
    void *context = f->options.consumer_context;
    f->begun = step->written = false;
    enum err e = c->begin(context, f->target_seq, &f->reached);
    if (e != ERR_OK || f->reached.seq >= f->target_seq)
        return e;
    f->begun = true;
    struct reading r = {.follower = f, .left = f->options.limits, .taken_seq = f->reached.seq};
    e = follower_read(f, &r);
    if (e == ERR_OK)
        e = c->write(context, &f->reached);
    if (e == ERR_OK)
        check(f->reached.seq == r.taken_seq);
    step->written = e == ERR_OK;
    return e;
}

static void follower_take_back(struct step *step)
{
    struct follower *f = container_of(step, struct follower, step);
    if (f->begun)
        f->options.consumer->rollback(f->options.consumer_context);
}

/* --- on the loop ------------------------------------------------------------------------------ */

static uint64_t follower_sleep_ns(const struct follower *f)
{
    uint32_t fill = f->fill != NULL ? f->fill(f->context) : 0;
    uint32_t room = fill < FOLLOWER_FULL_PERCENT ? FOLLOWER_FULL_PERCENT - fill : 0;
    uint64_t sleep_ns = f->took_ns * FOLLOWER_SLEEP * room / FOLLOWER_FULL_PERCENT;
    if (sleep_ns < FOLLOWER_SLEEP_MIN_NS)
        sleep_ns = FOLLOWER_SLEEP_MIN_NS;
    return sleep_ns < FOLLOWER_SLEEP_MAX_NS ? sleep_ns : FOLLOWER_SLEEP_MAX_NS;
}

static void follower_moved(struct follower *f)
{
    check(f->reached.seq >= f->position.seq);
    f->position = f->reached;
    f->failing = false;
    f->next_ns = env_mono_ns(f->options.env) + follower_sleep_ns(f);
    if (f->sharing)
        f->next_ns += FOLLOWER_GRID_NS - f->next_ns % FOLLOWER_GRID_NS;
}

static void follower_failed(struct follower *f)
{
    uint64_t twice_ns = 2 * f->retry_ns;
    f->retry_ns = !f->failing                        ? FOLLOWER_RETRY_NS
                  : twice_ns < FOLLOWER_RETRY_MAX_NS ? twice_ns
                                                     : FOLLOWER_RETRY_MAX_NS;
    f->failing = true;
    f->failures++;
    if (f->step.result == ERR_CORRUPT || f->step.result == ERR_FAILED)
        follower_stop(f);
    else
        f->next_ns = env_mono_ns(f->options.env) + f->retry_ns;
}

static void follower_done(struct work *w)
{
    struct follower *f = container_of(container_of(w, struct step, work), struct follower, step);
    const struct follower_options *o = &f->options;
    check(f->busy);
    f->busy = false;
    f->took_ns = env_mono_ns(o->env) - f->started_ns;
    if (f->step.result == ERR_OK)
        follower_moved(f);
    else
        follower_failed(f);
    bool unreadable = f->unreadable[0] != '\0';
    f->on_step(f->context, f->step.result,
               unreadable ? f->unreadable : o->consumer->reason(o->consumer_context));
}

void follower_advance(struct follower *f, uint64_t committed_seq, bool at_once)
{
    struct env *env = f->options.env;
    if (f->busy || f->stopped || follower_lag(f, committed_seq) == 0)
        return;
    if ((at_once && !f->failing) || env_mono_ns(env) >= f->next_ns) {
        f->target_seq = committed_seq;
        f->busy = true;
        f->started_ns = env_mono_ns(env);
        f->step.alone = f->failing;
        stepper_post(f->options.stepper, env, &f->step);
    } else if (f->alarm.due_ns == 0) {
        env_alarm_set(env, &f->alarm, f->next_ns);
    }
}

void follower_retry(struct follower *f)
{
    f->failing = false;
    f->next_ns = env_mono_ns(f->options.env);
}

void follower_stop(struct follower *f)
{
    f->stopped = true;
    env_alarm_stop(f->options.env, &f->alarm);
}

void follower_abandon(struct follower *f)
{
    atomic_store_explicit(&f->abandoned, true, memory_order_relaxed);
}
