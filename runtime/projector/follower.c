/* SPDX-License-Identifier: Apache-2.0 */
/* A step: follower_advance() on the loop -> follower_run() on the worker (begin, read and take,
 * commit)
 * -> follower_done() on the loop, which moves the position and sets the next sleep.
 *
 * What fails: the consumer or the journal's medium -> rolled back and tried again; damage, or what
 * the consumer cannot take (ERR_CORRUPT, ERR_FAILED) -> the follower stops, for trying again would
 * find the same; the loop abandons it -> rolled back, as is any step that still begins. */
#include "runtime/projector/follower.h"

#include <stdio.h>

static void follower_run(struct work *w);
static void follower_done(struct work *w);

static void follower_wake(struct alarm *a)
{
    env_wake(a->env);
}

void follower_init(struct follower *f, const struct follower_options *options)
{
    const struct follower_consumer *c = options->consumer;
    check(c->begin != NULL && c->take != NULL && c->commit != NULL);
    check(c->rollback != NULL && c->reason != NULL);
    *f = (struct follower){.options = *options};
    f->work.run = follower_run;
    f->work.done = follower_done;
    f->alarm.fire = follower_wake;
}

void follower_restart(struct follower *f, const struct store_position *position)
{
    check(!f->busy);
    f->position = *position;
}

/* --- on the worker ---------------------------------------------------------------------------- */

/* Reading the journal in one step. */
struct step {
    struct follower *follower;
    struct follower_limits left; /* ns: when it ends */
    uint64_t taken_seq;          /* the newest batch the consumer took */
    enum err error;              /* of the consumer */
};

/* Whether this batch reaches a limit. */
static bool follower_is_full(struct step *step, const struct batch_row *row)
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
    struct step *step = context;
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

static enum err follower_read(struct follower *f, struct step *step)
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

static enum err follower_try_step(struct follower *f)
{
    const struct follower_consumer *c = f->options.consumer;
    void *context = f->options.consumer_context;
    enum err e = c->begin(context, f->target_seq, &f->reached);
    if (e != ERR_OK || f->reached.seq >= f->target_seq)
        return e;
    struct step step = {.follower = f, .left = f->options.limits, .taken_seq = f->reached.seq};
    e = follower_read(f, &step);
    if (e == ERR_OK)
        e = c->commit(context, &f->reached);
    if (e != ERR_OK)
        c->rollback(context);
    else
        check(f->reached.seq == step.taken_seq);
    return e;
}

static void follower_run(struct work *w)
{
    struct follower *f = container_of(w, struct follower, work);
    f->result = follower_try_step(f);
}

/* --- on the loop ------------------------------------------------------------------------------ */

static uint64_t follower_sleep_ns(const struct follower *f)
{
    uint32_t fill = f->fill != NULL ? f->fill(f->context) : 0;
    uint32_t room = fill < FOLLOWER_FULL_PERCENT ? FOLLOWER_FULL_PERCENT - fill : 0;
    uint64_t sleep_ns = f->took_ns * FOLLOWER_SLEEP * room / FOLLOWER_FULL_PERCENT;
    uint64_t least_ns = FOLLOWER_SLEEP_MIN_NS * (f->sharing > 1 ? f->sharing : 1);
    if (sleep_ns < least_ns)
        sleep_ns = least_ns;
    return sleep_ns < FOLLOWER_SLEEP_MAX_NS ? sleep_ns : FOLLOWER_SLEEP_MAX_NS;
}

static void follower_moved(struct follower *f)
{
    check(f->reached.seq >= f->position.seq);
    f->position = f->reached;
    f->failing = false;
    f->next_ns = env_mono_ns(f->options.env) + follower_sleep_ns(f);
}

static void follower_failed(struct follower *f)
{
    uint64_t twice_ns = 2 * f->retry_ns;
    f->retry_ns = !f->failing                        ? FOLLOWER_RETRY_NS
                  : twice_ns < FOLLOWER_RETRY_MAX_NS ? twice_ns
                                                     : FOLLOWER_RETRY_MAX_NS;
    f->failing = true;
    f->failures++;
    if (f->result == ERR_CORRUPT || f->result == ERR_FAILED)
        follower_stop(f);
    else
        f->next_ns = env_mono_ns(f->options.env) + f->retry_ns;
}

static void follower_done(struct work *w)
{
    struct follower *f = container_of(w, struct follower, work);
    const struct follower_options *o = &f->options;
    check(f->busy);
    f->busy = false;
    f->took_ns = env_mono_ns(o->env) - f->started_ns;
    if (f->result == ERR_OK)
        follower_moved(f);
    else
        follower_failed(f);
    bool unreadable = f->unreadable[0] != '\0';
    f->on_step(f->context, f->result,
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
        env_work(env, f->options.worker, &f->work);
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
