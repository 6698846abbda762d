/* SPDX-License-Identifier: Apache-2.0 */
/* A span is read by one job. Ids up to the early ids' floor need not be read, so that a start reads
 * nothing of what is older than the views. A span with more than EARLY_FILL_MAX is not kept: its
 * ids are looked up. */
#include "runtime/shard/early_fill.h"

#include <stdlib.h>

#include "runtime/base/check.h"
#include "runtime/base/memory.h"

#define EARLY_FILL_MAX 50000
#define EARLY_FILL_RETRY_NS NS_PER_S

static bool early_fill_keep(void *context, struct id128 id)
{
    struct early_fill *f = context;
    if (f->count < EARLY_FILL_MAX)
        f->ids[f->count] = id;
    return f->count++ < EARLY_FILL_MAX;
}

static bool early_fill_keep_state(void *context, const struct state_row *row)
{
    struct early_fill *f = context;
    return id128_compare(row->id, f->to) <= 0 && early_fill_keep(f, row->id);
}

static void early_fill_run(struct work *w)
{
    struct early_fill *f = container_of(w, struct early_fill, work);
    struct key_range range = {{f->number, KEY_KIND_EVENT}, f->from, f->to, early_fill_keep, f};
    check(f->busy);
    f->count = 0;
    f->result = f->store->ops->keys_between(f->store, &range);
    range.space.kind = KEY_KIND_REFUSAL;
    if (f->result == ERR_OK)
        f->result = f->store->ops->keys_between(f->store, &range);
    for (uint16_t kind = 0; f->result == ERR_OK && kind < KIND_MAX; kind++)
        if (f->domain->kinds[kind] != NULL)
            f->result = f->store->ops->states_each(f->store, f->number, kind, id128_before(f->from),
                                                   early_fill_keep_state, f);
}

static void early_fill_take(struct early_fill *f)
{
    for (size_t i = 0; i < f->count && i < EARLY_FILL_MAX; i++)
        early_ids_note(f->early_ids, f->ids[i]);
    if (f->count > EARLY_FILL_MAX)
        early_ids_crowded(f->early_ids, f->span);
    else
        early_ids_learned(f->early_ids, f->span);
}

static void early_fill_end(struct work *w)
{
    struct early_fill *f = container_of(w, struct early_fill, work);
    check(f->busy);
    f->busy = false;
    if (f->result == ERR_CORRUPT)
        f->store->ops->damaged(f->store);
    if (f->result != ERR_OK)
        f->retry_ns = env_mono_ns(f->env) + EARLY_FILL_RETRY_NS;
    else if (*f->running && f->serial == f->early_ids->serial)
        early_fill_take(f);
    free(f->ids);
    f->ids = NULL;
}

void early_fill_init(struct early_fill *f, const struct early_fill *uses)
{
    check(uses->env != NULL);
    check(uses->store != NULL);
    check(uses->domain != NULL);
    check(uses->early_ids != NULL);
    check(uses->running != NULL);
    *f = *uses;
    f->work.run = early_fill_run;
    f->work.done = early_fill_end;
}

static void early_fill_begin(struct early_fill *f, uint64_t span)
{
    const uint64_t first_ms = span << EARLY_SPAN_SHIFT, end_ms = (span + 1) << EARLY_SPAN_SHIFT;
    const uint64_t above_ms = f->early_ids->floor_ms + 1;
    const uint64_t from_ms = above_ms > first_ms ? above_ms : first_ms;
    if (from_ms >= end_ms) {
        early_ids_learned(f->early_ids, span);
        return;
    }
    f->span = span;
    f->serial = f->early_ids->serial;
    f->from = (struct id128){from_ms << 16, 0};
    f->to = id128_before((struct id128){end_ms << 16, 0});
    f->ids = memory_take(EARLY_FILL_MAX * sizeof *f->ids);
    f->busy = true;
    env_work(f->env, f->worker, &f->work);
}

void early_fill_step(struct early_fill *f)
{
    uint64_t span;
    check(*f->running);
    if (f->busy || !early_ids_unknown(f->early_ids, &span) || env_mono_ns(f->env) < f->retry_ns)
        return;
    early_fill_begin(f, span);
}

void early_fill_done(struct early_fill *f)
{
    check(!f->busy);
    free(f->ids); /* read, but never delivered: shard_kill() */
}
