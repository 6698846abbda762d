/* SPDX-License-Identifier: Apache-2.0 */
/* Index and finder of a space are made when the space is first named and stay until the store is
 * closed. A finder has a mutex, for any thread may look a key up; an index is the views worker's.
 *
 * Each commit of a shard merges a slice of its spaces' runs. After a transaction that was taken
 * back, or whose end is not known, the indexes read their runs anew. A look-up is one read
 * transaction, so runs cannot be merged away between its reads. */
#include "runtime/store/sqlite/sqlite_keys.h"

#include <stdlib.h>

#include "runtime/base/array.h"
#include "runtime/base/memory.h"
#include "runtime/store/sqlite/key_finder.h"
#include "runtime/store/sqlite/key_index.h"
#include "runtime/store/sqlite/sqlite_states.h"

#define KEY_KINDS 3
#define EVENT_FILTER_BYTES                                                                         \
    ((size_t)8 << 20) /* little: most ids have their time in them and                              \
                         are not looked up */
static_assert(KEY_KIND_REQUEST == 1 && KEY_KIND_REFUSAL == KEY_KINDS, "slots of a shard");

struct sqlite_keys {
    struct key_index index;   /* views worker */
    struct key_finder finder; /* under the mutex */
    pthread_mutex_t mutex;
};

/* --- spaces ----------------------------------------------------------------------------------- */

static struct sqlite_keys *keys_make(struct store_sqlite *s, struct key_space space)
{
    struct sqlite_keys *keys = memory_take_zeroed(1, sizeof *keys);
    key_index_init(&keys->index, (struct key_rows){s, &s->views_writer, space}, s->key_merge_keys);
    key_finder_init(&keys->finder, space,
                    space.kind != KEY_KIND_REQUEST ? EVENT_FILTER_BYTES : s->key_filter_bytes);
    pthread_mutex_init(&keys->mutex, NULL);
    return keys;
}

static struct sqlite_keys *keys_of(struct store_sqlite *s, struct key_space space)
{
    check(space.kind >= 1 && space.kind <= KEY_KINDS);
    const size_t slot = (size_t)space.shard * KEY_KINDS + space.kind - 1;
    pthread_mutex_lock(&s->keys_mutex);
    array_reserve(s->keys, s->keys_cap, slot + 1);
    while (s->keys_count <= slot)
        s->keys[s->keys_count++] = NULL;
    if (s->keys[slot] == NULL)
        s->keys[slot] = keys_make(s, space);
    struct sqlite_keys *found = s->keys[slot];
    pthread_mutex_unlock(&s->keys_mutex);
    return found;
}

void sqlite_keys_done(struct store_sqlite *s)
{
    for (size_t i = 0; i < s->keys_count; i++) {
        if (s->keys[i] == NULL)
            continue;
        key_index_done(&s->keys[i]->index);
        key_finder_done(&s->keys[i]->finder);
        pthread_mutex_destroy(&s->keys[i]->mutex);
        free(s->keys[i]);
    }
    free(s->keys);
}

/* --- views worker ----------------------------------------------------------------------------- */

enum err sqlite_keys_add(struct view_store *base, struct key_space space,
                         const struct key_decision *decisions, size_t count)
{
    return key_index_add(&keys_of(store_sqlite_of_views(base), space)->index, decisions, count);
}

enum err sqlite_keys_expire(struct view_store *base, struct key_space space, uint64_t until_ns)
{
    return key_index_expire(&keys_of(store_sqlite_of_views(base), space)->index, until_ns);
}

enum err sqlite_keys_advance(struct store_sqlite *s, uint16_t shard)
{
    enum err e = ERR_OK;
    for (enum key_kind kind = 1; e == ERR_OK && kind <= KEY_KINDS; kind++)
        e = key_index_advance(&keys_of(s, (struct key_space){shard, kind})->index);
    return e;
}

/* Readers may add a space meanwhile; it knows of no runs yet. */
void sqlite_keys_outdate(struct store_sqlite *s)
{
    pthread_mutex_lock(&s->keys_mutex);
    for (size_t i = 0; i < s->keys_count; i++)
        if (s->keys[i] != NULL)
            key_index_outdate(&s->keys[i]->index);
    pthread_mutex_unlock(&s->keys_mutex);
}

/* --- any worker ------------------------------------------------------------------------------- */

static enum err keys_find_with(struct store_sqlite *s, struct db *d, struct key_space space,
                               struct id128 key, uint64_t *position)
{
    struct sqlite_keys *keys = keys_of(s, space);
    struct store_position as_of;
    const struct key_rows rows = {s, d, space};
    enum err e = db_run(d, DB_BEGIN_READ);
    if (e != ERR_OK)
        return e;
    e = sqlite_states_position_with(d, space.shard, &as_of);
    pthread_mutex_lock(&keys->mutex);
    if (e == ERR_OK)
        e = key_finder_find(&keys->finder, &rows, as_of.seq, key, position);
    pthread_mutex_unlock(&keys->mutex);
    db_rollback(d);
    return e;
}

enum err sqlite_keys_find(struct view_store *base, struct key_space space, struct id128 key,
                          uint64_t *position)
{
    struct store_sqlite *s = store_sqlite_of_views(base);
    struct db *d;
    enum err e = db_pool_borrow(&s->views_readers, &d);
    if (e != ERR_OK)
        return e;
    e = keys_find_with(s, d, space, key, position);
    db_pool_return(&s->views_readers, d);
    return e;
}

/* Runs are merged meanwhile, but only into newer ones, which come later. */
enum err sqlite_keys_walk(struct view_store *base, struct key_space space,
                          struct key_cursor *cursor, uint32_t most, key_cb key, void *context)
{
    struct store_sqlite *s = store_sqlite_of_views(base);
    struct db *d;
    enum err e = db_pool_borrow(&s->views_readers, &d);
    if (e != ERR_OK)
        return e;
    const struct key_rows rows = {s, d, space};
    e = key_chunks_walk(&rows, cursor, most, key, context);
    db_pool_return(&s->views_readers, d);
    return e;
}

/* The runs that may have keys of a range. */
struct range_reading {
    const struct key_range *range;
    uint64_t *runs;
    size_t count, cap;
    bool ended; /* no more are wanted */
};

static void keys_keep_run(void *context, const struct key_run *run)
{
    struct range_reading *r = context;
    bool looked_up = run->state == KEY_RUN_LIVE || run->state == KEY_RUN_SOURCE;
    if (!looked_up || run->keys == 0 || id128_compare(run->first, r->range->to) > 0 ||
        id128_compare(run->last, r->range->from) < 0)
        return;
    array_reserve(r->runs, r->cap, r->count + 1);
    r->runs[r->count++] = run->number;
}

static enum err keys_read_run(struct range_reading *r, const struct key_rows *rows, uint64_t run)
{
    const struct key_range *range = r->range;
    const struct id128 after = id128_before(range->from);
    struct key_source source;
    enum err e = key_source_init(&source, rows, run, &after);
    if (e != ERR_OK)
        return e;
    while (e == ERR_OK && !r->ended && source.at < source.count) {
        const struct id128 key = source.entries[source.at].key;
        if (id128_compare(key, range->to) > 0)
            break;
        r->ended = !range->key(range->context, key);
        e = key_source_next(&source, rows);
    }
    key_source_done(&source);
    return e;
}

static enum err keys_between_with(struct store_sqlite *s, struct db *d,
                                  const struct key_range *range)
{
    const struct key_rows rows = {s, d, range->space};
    struct range_reading r = {.range = range};
    enum err e = db_run(d, DB_BEGIN_READ);
    if (e != ERR_OK)
        return e;
    e = key_runs_each(&rows, keys_keep_run, &r);
    for (size_t i = 0; e == ERR_OK && !r.ended && i < r.count; i++)
        e = keys_read_run(&r, &rows, r.runs[i]);
    db_rollback(d);
    free(r.runs);
    return e;
}

enum err sqlite_keys_between(struct view_store *base, const struct key_range *range)
{
    struct store_sqlite *s = store_sqlite_of_views(base);
    struct db *d;
    check(!id128_is_zero(range->from));
    enum err e = db_pool_borrow(&s->views_readers, &d);
    if (e != ERR_OK)
        return e;
    e = keys_between_with(s, d, range);
    db_pool_return(&s->views_readers, d);
    return e;
}
