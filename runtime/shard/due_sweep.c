/* SPDX-License-Identifier: Apache-2.0 */
/* One job of the load worker collects the rows, back on the loop their deadlines are armed. Where
 * the state in memory is newer than the row, the row is passed over. A sweep that cannot read is
 * made again soon; damage stops the shard, since a hold that never expires would be worse. */
#include "runtime/shard/due_sweep.h"

#include <stdlib.h>

#include "runtime/base/array.h"
#include "runtime/base/check.h"
#include "runtime/base/mutant.h"
#include "runtime/base/time.h"

#define DUE_SWEEP_HORIZON_NS NS_PER_HOUR
#define DUE_SWEEP_PERIOD_NS (NS_PER_HOUR / 2)
#define DUE_SWEEP_RETRY_NS (100 * NS_PER_MS)

/* A deadline read from the store. */
struct due_row {
    struct id128 id;
    uint64_t due_ns;
    uint16_t kind;
};

/* --- from the store, on the load worker ------------------------------------------------------- */

static bool due_sweep_keep(void *context, const struct state_row *row)
{
    struct due_sweep *u = context;
    check(row->due_ns <= u->due_max_ns);
    check(row->kind < KIND_MAX);
    array_reserve(u->rows, u->cap, u->count + 1);
    u->rows[u->count++] = (struct due_row){row->id, row->due_ns, row->kind};
    return true;
}

static void due_sweep_run(struct work *w)
{
    struct due_sweep *u = container_of(w, struct due_sweep, work);
    check(u->count == 0);
    check(u->busy);
    struct view_store *store = u->store;
    u->result = store->ops->states_due(store, u->number, u->due_max_ns, due_sweep_keep, u);
}

/* Is the state in memory newer than the row? Not that of an actor that is still being loaded. */
static bool due_sweep_known(struct due_sweep *u, const struct due_row *row)
{
    const struct actor *a = registry_find(u->registry, row->kind, row->id);
    return (a != NULL && (a->flags & ACTOR_LOADING) == 0) ||
           registry_armed(u->registry, row->kind, row->id);
}

static void due_sweep_arm(struct due_sweep *u)
{
    check(!u->busy);
    for (size_t i = 0; i < u->count; i++) {
        const struct due_row *row = &u->rows[i];
        if (!due_sweep_known(u, row))
            registry_arm(u->registry, row->kind, row->id, row->due_ns);
    }
}

static void due_sweep_again(struct alarm *a)
{
    due_sweep_start(container_of(a, struct due_sweep, alarm));
}

static void due_sweep_end(struct work *w)
{
    struct due_sweep *u = container_of(w, struct due_sweep, work);
    check(u->busy);
    u->busy = false;
    if (*u->running) {
        if (!MUTANT(FORGET_DEADLINES))
            due_sweep_arm(u);
        if (u->outdated)
            due_sweep_start(u);
        else if (u->result == ERR_CORRUPT)
            u->damaged(u->context); /* a hold that never expires is worse */
        else if (u->result != ERR_OK)
            env_alarm_set(u->env, &u->alarm, env_mono_ns(u->env) + DUE_SWEEP_RETRY_NS);
    }
    env_wake(u->env);
}

void due_sweep_init(struct due_sweep *u, const struct due_sweep *uses)
{
    check(uses->env != NULL);
    check(uses->store != NULL);
    check(uses->registry != NULL);
    check(uses->clock != NULL);
    check(uses->running != NULL);
    check(uses->damaged != NULL);
    *u = *uses;
    u->work.run = due_sweep_run;
    u->work.done = due_sweep_end;
    u->alarm.fire = due_sweep_again;
}

void due_sweep_done(struct due_sweep *u)
{
    check(!u->busy);
    free(u->rows);
}

void due_sweep_start(struct due_sweep *u)
{
    if (!*u->running)
        return;
    /* A sweep that began before a recovery misses deadlines that were only in memory then. */
    u->outdated = u->busy;
    if (u->busy)
        return;
    u->busy = true;
    free(u->rows);
    u->rows = NULL;
    u->count = u->cap = 0;
    u->due_max_ns = u->clock->now_ns + DUE_SWEEP_HORIZON_NS;
    env_work(u->env, u->worker, &u->work);
    env_alarm_set(u->env, &u->alarm, env_mono_ns(u->env) + DUE_SWEEP_PERIOD_NS);
}
