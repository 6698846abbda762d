/* SPDX-License-Identifier: Apache-2.0 */
/* A step, in the stepper's transaction: begin (renew what a failed step left, preload states) ->
 * each batch is replayed on the projector's registry; the domain's project functions put rows, or
 * items that are sorted into rows later -> write (sorted rows, changed states, ids and keys, the
 * position).
 *
 * After a failed step nothing in memory is trusted: the next one begins where the store says that
 * the views stand. Damaged views, or views that refuse a row that follows from what they contain,
 * are marked so that the next start makes them anew. */
#include "runtime/projector/projector.h"

#include <stdlib.h>

#include "runtime/base/array.h"
#include "runtime/base/mutant.h"
#include "runtime/dedup/dedup_table.h"
#include "runtime/projector/preload.h"

#define STATE_BYTES_MAX ((size_t)16 << 20)
#define ATTRIBUTIONS_BYTES_MAX ((size_t)128 << 20) /* a batch's body has less */

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

static void projector_note(struct projection *p, enum err e)
{
    if (e != ERR_OK && p->error == ERR_OK)
        p->error = e;
}

void projection_put(struct projection *p, const struct view_table *t, const struct value *row)
{
    struct view_store *s = p->projector->store;
    p->projector->shown = true;
    if (p->error == ERR_OK)
        projector_note(p, s->ops->put_row(s, t, row));
}

/* Puts what was collected; an error is in the projection. */
static void projector_put_sorted(struct projector *p)
{
    const struct sorted_row *before = NULL;
    row_sorter_sort(&p->sorter);
    for (size_t i = 0; i < p->sorter.count && p->projection.error == ERR_OK; i++) {
        const struct sorted_row *row = &p->sorter.rows[i];
        bool follows = before != NULL && before->kind == row->kind;
        row->kind->put(&p->projection, follows ? row_sorter_item(&p->sorter, before) : NULL,
                       row_sorter_item(&p->sorter, row));
        if (follower_abandoned(&p->follower))
            projector_note(&p->projection, ERR_UNAVAILABLE);
        before = row;
    }
    row_sorter_clear(&p->sorter);
}

void projection_put_sorted(struct projection *p, const struct sorted_kind *kind,
                           struct id128 id, uint64_t number, const void *item)
{
    struct projector *owner = p->projector;
    owner->shown = true;
    if (p->error != ERR_OK || row_sorter_add(&owner->sorter, kind, id, number, item))
        return;
    projector_put_sorted(owner);
    bool added = row_sorter_add(&owner->sorter, kind, id, number, item);
    check(added);
}

void projection_delete(struct projection *p, const struct view_table *t, const struct value *key)
{
    struct view_store *s = p->projector->store;
    if (p->error == ERR_OK)
        projector_note(p, s->ops->delete_row(s, t, key));
}

void projection_scan(struct projection *p, const struct view_scan *q, view_row_cb row,
                     void *context)
{
    if (p->error == ERR_OK)
        projector_note(p, views_scan(p->projector->store, q, row, context));
}

bool projection_get(struct projection *p, const struct view_table *t, const struct value *key,
                    view_row_cb row, void *context)
{
    struct view_store *s = p->projector->store;
    if (p->error != ERR_OK)
        return false;
    enum err e = s->ops->get(s, t, key, row, context);
    if (e != ERR_NOT_FOUND)
        projector_note(p, e);
    return e == ERR_OK;
}

/* --- one step, on the views worker ------------------------------------------------------------ */

static void projector_keep_key(struct key_list *l, struct id128 key, uint64_t position,
                               uint64_t time_ns)
{
    array_reserve(l->items, l->cap, l->count + 1);
    l->items[l->count++] = (struct key_decision){key, position, time_ns};
}

static bool projector_on_event(void *context, const struct event_rule *rule, const void *event,
                               uint64_t time_ns, uint64_t position)
{
    struct projector *p = context;
    p->projection.position = position;
    if (rule->project != NULL && !(MUTANT(SKIP_PROJECTION) && p->replay.events % 16 == 15))
        rule->project(&p->projection, event, time_ns);
    if (rule->key_offset != MESSAGE_NO_OFFSET) {
        struct id128 id;
        memcpy(&id, (const char *)event + rule->key_offset, sizeof id);
        projector_keep_key(rule->type == p->domain->refusal ? &p->refused : &p->ids, id, position,
                           time_ns);
    }
    return p->projection.error == ERR_OK;
}

static bool projector_on_key(void *context, struct id128 key, struct id128 fingerprint,
                             uint64_t position, uint64_t time_ns)
{
    struct projector *p = context;
    (void)fingerprint; /* it stands in the record */
    projector_keep_key(&p->keys, key, position, time_ns);
    return true;
}

/* Nobody asks who asked for a record that no row leads to. */
static void projector_on_record(void *context, const struct record_reader *record)
{
    struct projector *p = context;
    struct attribution a = record->attribution;
    attribution_copy_read(&p->attributed, &a);
    bool shown = p->shown;
    p->shown = false;
    if (!shown)
        return;
    wire_put_uint(&p->attributions, record->begin_item);
    attribution_copy_put(&p->attributed, &p->attributions, &a);
}

static void projector_put_attributions(struct projector *p, uint64_t seq)
{
    const struct value row[] = {
        {VALUE_UINT, .number = p->shard},
        {VALUE_UINT, .number = seq},
        {VALUE_BYTES, .text = wire_written(&p->attributions)},
    };
    check(!p->attributions.failed);
    if (wire_written(&p->attributions).len > 0)
        projection_put(&p->projection, p->domain->attributions, row);
    wire_writer_clear(&p->attributions);
}

static int projector_compare_actors(const void *left, const void *right)
{
    const struct actor *a = *(struct actor *const *)left, *b = *(struct actor *const *)right;
    return a->kind != b->kind ? (a->kind < b->kind ? -1 : 1)
                              : id128_compare(a->entry.id, b->entry.id);
}

static enum err projector_put_states(struct projector *p)
{
    struct registry *r = &p->registry;
    if (r->dirty_count > 0) /* in the order of their table, as the rows */
        qsort(r->dirty, r->dirty_count, sizeof *r->dirty, projector_compare_actors);
    for (size_t i = 0; i < r->dirty_count; i++) {
        struct actor *a = r->dirty[i];
        struct state_row row = {.shard = p->shard, .kind = a->kind, .id = a->entry.id};
        wire_writer_clear(&p->state);
        if ((a->flags & ACTOR_EXISTS) != 0) {
            p->domain->kinds[a->kind]->codec->write(&p->state, actor_state(a));
            check(!p->state.failed);
            row.body = wire_written(&p->state);
            row.due_ns = registry_due(r, a);
        }
        enum err e = follower_abandoned(&p->follower) ? ERR_UNAVAILABLE
                                                      : p->store->ops->put_state(p->store, &row);
        if (e != ERR_OK)
            return e;
        a->flags &= (uint16_t)~ACTOR_DIRTY;
    }
    r->dirty_count = 0;
    return ERR_OK;
}

/* An answer of the views. If they are damaged, or refuse a row that follows from what they contain,
 * the next start makes them anew. */
static enum err views_error(struct view_store *views, enum err e)
{
    if (e == ERR_CORRUPT || e == ERR_FAILED)
        views->ops->damaged(views);
    return e;
}

static enum err projector_views_error(struct projector *p, enum err e)
{
    return views_error(p->store, e);
}

static enum err projector_put_key_list(struct projector *p, enum key_kind kind,
                                       struct key_list *list)
{
    struct view_store *s = p->store;
    const struct key_space space = {p->shard, kind};
    enum err e = s->ops->keys_add(s, space, list->items, list->count);
    if (e == ERR_OK && kind != KEY_KIND_EVENT && p->replay.time_ns >= DEDUP_KEEP_NS)
        e = s->ops->keys_expire(s, space, p->replay.time_ns - DEDUP_KEEP_NS);
    list->count = 0;
    return e;
}

static enum err projector_put_keys(struct projector *p)
{
    enum err e = projector_put_key_list(p, KEY_KIND_REQUEST, &p->keys);
    if (e == ERR_OK)
        e = projector_put_key_list(p, KEY_KIND_EVENT, &p->ids);
    return e == ERR_OK ? projector_put_key_list(p, KEY_KIND_REFUSAL, &p->refused) : e;
}

static enum err projector_put_all(struct projector *p)
{
    projector_put_sorted(p);
    enum err e = p->projection.error;
    if (e == ERR_OK)
        e = projector_put_states(p);
    return projector_views_error(p, e == ERR_OK ? projector_put_keys(p) : e);
}

/* Drops what a failed step left and takes the views' position, which only the store has: a commit
 * that failed may be done all the same, and its events must not reach the states twice. */
static enum err projector_renew(struct projector *p)
{
    struct store_position position;
    enum err e = p->store->ops->position(p->store, p->shard, &position);
    if (e != ERR_OK)
        return e;
    p->keys.count = p->ids.count = p->refused.count = 0;
    registry_clear(&p->registry);
    row_sorter_clear(&p->sorter);
    replay_done(&p->replay);
    replay_init(&p->replay, p->domain, &p->registry, p->shard, &position);
    p->source.loads = PROJECTOR_PRELOAD_MIN; /* nothing is resident any more */
    p->replay.on_event = projector_on_event;
    p->replay.on_key = projector_on_key;
    p->replay.on_record = projector_on_record;
    p->replay.context = p;
    p->replay.views = position.seq > 0 ? p->store : NULL;
    p->fresh = true;
    return ERR_OK;
}

static struct store_position projector_position(const struct projector *p)
{
    return (struct store_position){p->replay.seq, p->replay.hash, p->replay.time_ns};
}

static void projector_rollback(void *context)
{
    ((struct projector *)context)->fresh = false;
}

static enum err projector_begin(void *context, uint64_t target_seq, struct store_position *at)
{
    struct projector *p = context;
    enum err e = ERR_OK;
    if (!p->fresh || p->registry.resident > PROJECTOR_RESIDENT_MAX)
        e = projector_views_error(p, projector_renew(p));
    p->projection = (struct projection){.projector = p};
    if (e != ERR_OK)
        return e;
    *at = projector_position(p);
    /* A commit that failed was done all the same. Another one, which would not move the position,
     * must not follow it. */
    if (at->seq >= target_seq)
        return ERR_OK;
    bool preload = p->source.loads >= PROJECTOR_PRELOAD_MIN;
    p->source.loads = 0;
    p->events_max = p->replay.events + PROJECTOR_STEP_EVENTS;
    if (preload)
        e = projector_views_error(p, preload_states(&p->replay, &p->follower,
                                                    p->follower.options.store, target_seq,
                                                    PROJECTOR_STEP_EVENTS));
    if (e != ERR_OK)
        projector_rollback(p); /* the follower rolls back only what has begun */
    return e;
}

static enum err projector_take(void *context, const struct batch_row *row, bool *full)
{
    struct projector *p = context;
    wire_writer_clear(&p->attributions);
    attribution_copy_clear(&p->attributed);
    p->shown = false;
    enum err e = replay_batch(&p->replay, row);
    if (e == ERR_OK && p->domain->attributions != NULL)
        projector_put_attributions(p, row->seq);
    if (e == ERR_IO && p->projection.error != ERR_OK)
        e = projector_views_error(p, p->projection.error);
    *full = p->replay.events >= p->events_max || p->keys.count >= PROJECTOR_STEP_KEYS;
    return e;
}

static enum err projector_write(void *context, struct store_position *reached)
{
    struct projector *p = context;
    enum err e = projector_put_all(p);
    if (e != ERR_OK)
        return e;
    *reached = projector_position(p);
    return projector_views_error(p, p->store->ops->move(p->store, p->shard, reached));
}

static const char *projector_reason(void *context)
{
    return ((struct projector *)context)->replay.reason;
}

/* --- the transaction of all shards ------------------------------------------------------------ */

static enum err projector_sink_begin(void *context)
{
    struct view_store *views = ((struct projector_stores *)context)->views;
    return views_error(views, views->ops->begin(views));
}

static enum err projector_sink_commit(void *context)
{
    struct projector_stores *stores = context;
    enum err e = views_error(stores->views, stores->views->ops->commit(stores->views));
    stores->journal->ops->tidy(stores->journal);
    return e;
}

static void projector_sink_rollback(void *context)
{
    struct view_store *views = ((struct projector_stores *)context)->views;
    views->ops->rollback(views);
}

const struct stepper_sink projector_sink = {
    .begin = projector_sink_begin,
    .commit = projector_sink_commit,
    .rollback = projector_sink_rollback,
};

/* --- life ------------------------------------------------------------------------------------- */

void projector_init(struct projector *p, struct env *env, struct stepper *stepper,
                    const struct domain *domain, uint16_t shard)
{
    static const struct follower_consumer consumer = {
        .begin = projector_begin,
        .take = projector_take,
        .write = projector_write,
        .rollback = projector_rollback,
        .reason = projector_reason,
    };
    check(stepper->sink == &projector_sink);
    const struct projector_stores *stores = stepper->sink_context;
    *p = (struct projector){.store = stores->views, .domain = domain, .shard = shard};
    follower_init(&p->follower, &(struct follower_options){.env = env,
                                                           .stepper = stepper,
                                                           .store = stores->journal,
                                                           .shard = shard,
                                                           .consumer = &consumer,
                                                           .consumer_context = p});
    registry_init(&p->registry, domain);
    p->source =
        (struct replay_source){.store = stores->views, .registry = &p->registry, .shard = shard};
    p->registry.load = replay_load;
    p->registry.load_context = &p->source;
    p->registry.collect_dirty = true;
    row_sorter_init(&p->sorter);
    wire_writer_init(&p->state, STATE_BYTES_MAX);
    wire_writer_init(&p->attributions, ATTRIBUTIONS_BYTES_MAX);
    replay_init(&p->replay, domain, &p->registry, shard, &p->follower.position);
}

void projector_done(struct projector *p)
{
    check(!p->follower.busy);
    registry_done(&p->registry);
    replay_done(&p->replay);
    row_sorter_done(&p->sorter);
    free(p->keys.items);
    free(p->ids.items);
    free(p->refused.items);
    wire_writer_done(&p->state);
    wire_writer_done(&p->attributions);
    attribution_copy_done(&p->attributed);
}

void projector_restart(struct projector *p, const struct store_position *position)
{
    follower_restart(&p->follower, position);
    p->fresh = false;
}
