/* SPDX-License-Identifier: Apache-2.0 */
/* See projector.h. */
#include "runtime/projector/projector.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/base/mutant.h"
#include "runtime/dedup/dedup_table.h"
#include "runtime/projector/preload.h"

#define STATE_BYTES_MAX ((size_t)16 << 20)

/* --- for the domain --------------------------------------------------------------------------- */

struct registry *projection_registry(struct projection *p)
{
    return &p->projector->registry;
}

uint64_t projection_position(struct projection *p)
{
    return p->position;
}

uint16_t projection_shard(struct projection *p)
{
    return p->projector->shard;
}

static bool is_abandoned(const struct projector *p)
{
    return atomic_load_explicit(&p->abandoned, memory_order_relaxed);
}

static void projector_note(struct projection *p, enum err e)
{
    if (e != ERR_OK && p->error == ERR_OK)
        p->error = e;
}

void projection_put(struct projection *p, const struct view_table *t, const struct value *row)
{
    struct store *s = p->projector->store;
    if (p->error == ERR_OK)
        projector_note(p, s->ops->put_row(s, t, row));
}

/* Puts what was collected; an error is in the projection. */
static void put_sorted(struct projector *p)
{
    const struct sorted_row *before = NULL;
    row_sorter_sort(&p->sorter);
    for (size_t i = 0; i < p->sorter.count && p->projection.error == ERR_OK; i++) {
        const struct sorted_row *row = &p->sorter.rows[i];
        bool follows = before != NULL && before->kind == row->kind;
        row->kind->put(&p->projection, follows ? row_sorter_item(&p->sorter, before) : NULL,
                       row_sorter_item(&p->sorter, row));
        if (is_abandoned(p))
            projector_note(&p->projection, ERR_UNAVAILABLE);
        before = row;
    }
    row_sorter_clear(&p->sorter);
}

void projection_put_sorted(struct projection *p, const struct sorted_kind *kind,
                           struct id128 id, uint64_t number, const void *item)
{
    struct projector *owner = p->projector;
    if (p->error != ERR_OK || row_sorter_add(&owner->sorter, kind, id, number, item))
        return;
    put_sorted(owner);
    bool added = row_sorter_add(&owner->sorter, kind, id, number, item);
    check(added);
}

void projection_delete(struct projection *p, const struct view_table *t, const struct value *key)
{
    struct store *s = p->projector->store;
    if (p->error == ERR_OK)
        projector_note(p, s->ops->delete_row(s, t, key));
}

bool projection_get(struct projection *p, const struct view_table *t, const struct value *key,
                    view_row_cb row, void *context)
{
    struct store *s = p->projector->store;
    if (p->error != ERR_OK)
        return false;
    enum err e = s->ops->get(s, t, key, row, context);
    if (e != ERR_NOT_FOUND)
        projector_note(p, e);
    return e == ERR_OK;
}

/* --- one step, on the views worker ------------------------------------------------------------ */

static bool on_event(void *context, const struct event_rule *rule, const void *event,
                     uint64_t time_ns, uint64_t position)
{
    struct projector *p = context;
    p->projection.position = position;
    if (rule->project != NULL && !(MUTANT(SKIP_PROJECTION) && p->replay.events % 16 == 15))
        rule->project(&p->projection, event, time_ns);
    if (rule->key_offset != MESSAGE_NO_OFFSET) {
        struct id128 id;
        memcpy(&id, (const char *)event + rule->key_offset, sizeof id);
        key_index_add(&p->ids, id, position, time_ns);
    }
    return p->projection.error == ERR_OK;
}

static bool on_key(void *context, struct id128 key, struct id128 fingerprint, uint64_t position,
                   uint64_t time_ns)
{
    struct projector *p = context;
    (void)fingerprint; /* it stands in the record */
    key_index_add(&p->keys, key, position, time_ns);
    return true;
}

/* Reading the journal of one step. */
struct step {
    struct projector *projector;
    uint64_t events_max;
    enum err error;
};

static bool on_batch(void *context, const struct batch_row *row)
{
    struct step *step = context;
    struct projector *p = step->projector;
    if (row->seq > p->target_seq)
        return false;
    step->error = is_abandoned(p) ? ERR_UNAVAILABLE : replay_batch(&p->replay, row);
    if (step->error == ERR_IO && p->projection.error != ERR_OK)
        step->error = p->projection.error;
    return step->error == ERR_OK && p->replay.events < step->events_max &&
           p->keys.added_count < PROJECTOR_STEP_KEYS;
}

static int compare_actors(const void *left, const void *right)
{
    const struct actor *a = *(struct actor *const *)left, *b = *(struct actor *const *)right;
    return a->kind != b->kind ? (a->kind < b->kind ? -1 : 1)
                              : id128_compare(a->entry.id, b->entry.id);
}

static enum err put_states(struct projector *p)
{
    struct registry *r = &p->registry;
    if (r->dirty_count > 0) /* in the order of their table, as the rows */
        qsort(r->dirty, r->dirty_count, sizeof *r->dirty, compare_actors);
    for (size_t i = 0; i < r->dirty_count; i++) {
        struct actor *a = r->dirty[i];
        struct state_row row = {.shard = p->shard, .kind = a->kind, .id = a->entry.id};
        wire_writer_clear(&p->state);
        if ((a->flags & ACTOR_EXISTS) != 0) {
            p->domain->kinds[a->kind]->write(&p->state, actor_state(a));
            check(!p->state.failed);
            row.body = wire_written(&p->state);
            row.due_ns = registry_due(r, a);
        }
        enum err e = is_abandoned(p) ? ERR_UNAVAILABLE : p->store->ops->put_state(p->store, &row);
        if (e != ERR_OK)
            return e;
        a->flags &= (uint16_t)~ACTOR_DIRTY;
    }
    r->dirty_count = 0;
    return ERR_OK;
}

/* What the views said: that they are damaged, or refuse a row that follows from what they hold, is
 * for the next start to mend. */
static enum err of_views(struct projector *p, enum err e)
{
    if (e == ERR_CORRUPT || e == ERR_FAILED)
        p->store->ops->views_damaged(p->store);
    return e;
}

static enum err read_batches(struct projector *p)
{
    struct step step = {.projector = p, .events_max = p->replay.events + PROJECTOR_STEP_EVENTS};
    bool preload = p->source.loads >= PROJECTOR_PRELOAD_MIN;
    p->source.loads = 0;
    if (preload)
        preload_states(&p->replay, p->store, p->target_seq, PROJECTOR_STEP_EVENTS);
    enum err e = p->store->ops->tail(p->store, p->shard, p->replay.seq + 1, on_batch, &step);
    if (e == ERR_CORRUPT && p->replay.reason[0] == '\0')
        snprintf(p->replay.reason, sizeof p->replay.reason,
                 "the journal of shard %u cannot be read after batch %llu; payctl ledger verify "
                 "tells more",
                 p->shard, (unsigned long long)p->replay.seq);
    if (e == ERR_OK)
        e = step.error;
    (void)of_views(p, p->projection.error);
    return e;
}

static enum err write_views(struct projector *p)
{
    put_sorted(p);
    enum err e = p->projection.error;
    if (e == ERR_OK)
        e = put_states(p);
    if (e == ERR_OK)
        e = key_index_flush(&p->keys, p->store, p->replay.time_ns);
    if (e == ERR_OK)
        e = key_index_flush(&p->ids, p->store, p->replay.time_ns);
    return of_views(p, e);
}

/* Forgets what a failed step left behind and stands where the views stand. Only the store knows: a
 * commit that failed may be done all the same, and its events must not reach the states twice. */
static enum err projector_renew(struct projector *p)
{
    struct store_position position;
    enum err e = p->store->ops->position(p->store, p->shard, &position);
    if (e == ERR_OK)
        e = key_index_load(&p->keys, p->store);
    if (e == ERR_OK)
        e = key_index_load(&p->ids, p->store);
    if (e != ERR_OK)
        return e;
    registry_clear(&p->registry);
    row_sorter_clear(&p->sorter);
    replay_done(&p->replay);
    replay_init(&p->replay, p->domain, &p->registry, p->shard, &position);
    p->source.loads = PROJECTOR_PRELOAD_MIN; /* nothing is resident any more */
    p->replay.on_event = on_event;
    p->replay.on_key = on_key;
    p->replay.context = p;
    p->fresh = true;
    return ERR_OK;
}

/* A commit that failed was done all the same. Another one must not follow it: keys would be merged
 * without the position moving, which tells key finders of it. */
static bool is_done(const struct projector *p)
{
    return p->replay.seq >= p->target_seq;
}

static struct store_position stands_at(const struct projector *p)
{
    return (struct store_position){p->replay.seq, p->replay.hash, p->replay.time_ns};
}

static void step_run(struct work *w)
{
    struct projector *p = container_of(w, struct projector, work);
    p->result = ERR_OK;
    if (!p->fresh || p->registry.resident > PROJECTOR_RESIDENT_MAX)
        p->result = of_views(p, projector_renew(p));
    p->projection = (struct projection){.projector = p};
    if (p->result == ERR_OK && is_done(p)) {
        p->reached = stands_at(p);
        return;
    }
    if (p->result == ERR_OK)
        p->result = of_views(p, p->store->ops->begin(p->store));
    if (p->result != ERR_OK)
        return;
    p->result = read_batches(p);
    if (p->result == ERR_OK)
        p->result = write_views(p);
    if (p->result == ERR_OK) {
        struct store_position position = stands_at(p);
        p->result = of_views(p, p->store->ops->commit(p->store, p->shard, &position));
        if (p->result == ERR_OK) {
            p->reached = position;
            return;
        }
    }
    p->store->ops->rollback(p->store);
    p->fresh = false;
}

/* --- on the loop ------------------------------------------------------------------------------ */

static void step_done(struct work *w)
{
    struct projector *p = container_of(w, struct projector, work);
    p->busy = false;
    p->took_ns = env_mono_ns(p->env) - p->started_ns;
    if (p->result == ERR_OK)
        p->position = p->reached;
    p->on_step(p->context, p->result, p->replay.reason);
}

void projector_init(struct projector *p, struct env *env, struct worker *worker,
                    struct store *store, const struct domain *domain, uint16_t shard,
                    size_t merge_keys)
{
    *p = (struct projector){
        .env = env, .worker = worker, .store = store, .domain = domain, .shard = shard};
    p->work.run = step_run;
    p->work.done = step_done;
    registry_init(&p->registry, domain);
    p->source = (struct replay_source){.store = store, .registry = &p->registry, .shard = shard};
    p->registry.load = replay_load;
    p->registry.load_context = &p->source;
    p->registry.collect_dirty = true;
    row_sorter_init(&p->sorter);
    key_index_init(&p->keys, (struct key_space){shard, KEY_KIND_REQUEST}, DEDUP_KEEP_NS,
                   merge_keys);
    key_index_init(&p->ids, (struct key_space){shard, KEY_KIND_EVENT}, 0, merge_keys);
    wire_writer_init(&p->state, STATE_BYTES_MAX);
    replay_init(&p->replay, domain, &p->registry, shard, &p->position);
}

void projector_done(struct projector *p)
{
    check(!p->busy);
    registry_done(&p->registry);
    replay_done(&p->replay);
    row_sorter_done(&p->sorter);
    key_index_done(&p->keys);
    key_index_done(&p->ids);
    wire_writer_done(&p->state);
}

void projector_restart(struct projector *p, const struct store_position *position)
{
    check(!p->busy);
    p->position = *position;
    p->fresh = false;
}

void projector_advance(struct projector *p, uint64_t committed_seq)
{
    if (p->busy || committed_seq <= p->position.seq)
        return;
    p->target_seq = committed_seq;
    p->busy = true;
    p->started_ns = env_mono_ns(p->env);
    env_work(p->env, p->worker, &p->work);
}

void projector_abandon(struct projector *p)
{
    atomic_store_explicit(&p->abandoned, true, memory_order_relaxed);
}
