/* SPDX-License-Identifier: Apache-2.0 */
/* Runs, chunks and filters are rows of three views. A key is looked up by a scan of one row: the
 * last chunk, or filter, that begins at the key or before it. A source reads a run by pages of
 * chunks, a sink writes a chunk or filter when it is full. A row that does not fit its form is
 * ERR_CORRUPT. */
#include "runtime/store/sqlite/key_run.h"

#include <stdlib.h>

#include "runtime/base/check.h"
#include "runtime/base/memory.h"
#include "runtime/store/sqlite/sqlite_views.h"

#define ENTRY_SIZE 24
#define ERASE_PAGE 32 /* rows found, then deleted */

static_assert(KEYS_WALK_MIN >= KEY_CHUNK_ENTRIES, "a call of a walk gives a chunk");
static_assert(sizeof((struct key_sink *)0)->chunk == KEY_CHUNK_ENTRIES * ENTRY_SIZE, "a chunk");

/* --- tables ----------------------------------------------------------------------------------- */

static const char *const run_names[KEY_RUN_COLUMNS] = {
    [KEY_RUN_SHARD] = "shard",         [KEY_RUN_KIND] = "kind",
    [KEY_RUN_NUMBER] = "run",          [KEY_RUN_KEYS] = "keys",
    [KEY_RUN_FIRST] = "first",         [KEY_RUN_LAST] = "last",
    [KEY_RUN_OLDEST_NS] = "oldest_ns", [KEY_RUN_NEWEST_NS] = "newest_ns",
    [KEY_RUN_STATE] = "state",
};

static const enum value_type run_types[KEY_RUN_COLUMNS] = {
    [KEY_RUN_SHARD] = VALUE_UINT,     [KEY_RUN_KIND] = VALUE_UINT,
    [KEY_RUN_NUMBER] = VALUE_UINT,    [KEY_RUN_KEYS] = VALUE_UINT,
    [KEY_RUN_FIRST] = VALUE_ID,       [KEY_RUN_LAST] = VALUE_ID,
    [KEY_RUN_OLDEST_NS] = VALUE_UINT, [KEY_RUN_NEWEST_NS] = VALUE_UINT,
    [KEY_RUN_STATE] = VALUE_UINT,
};

const struct view_table key_runs_view = {
    .name = "key_runs",
    .column_names = run_names,
    .column_types = run_types,
    .column_count = KEY_RUN_COLUMNS,
    .key = {"key", {KEY_RUN_SHARD, KEY_RUN_KIND, KEY_RUN_NUMBER}, 3},
};

static const char *const chunk_names[KEY_CHUNK_COLUMNS] = {
    [KEY_CHUNK_SHARD] = "shard", [KEY_CHUNK_KIND] = "kind",       [KEY_CHUNK_RUN] = "run",
    [KEY_CHUNK_FIRST] = "first", [KEY_CHUNK_BYTES] = "entries",
};

static const enum value_type chunk_types[KEY_CHUNK_COLUMNS] = {
    [KEY_CHUNK_SHARD] = VALUE_UINT, [KEY_CHUNK_KIND] = VALUE_UINT,
    [KEY_CHUNK_RUN] = VALUE_UINT,   [KEY_CHUNK_FIRST] = VALUE_ID,
    [KEY_CHUNK_BYTES] = VALUE_BYTES,
};

const struct view_table key_chunks_view = {
    .name = "key_chunks",
    .column_names = chunk_names,
    .column_types = chunk_types,
    .column_count = KEY_CHUNK_COLUMNS,
    .key = {"key", {KEY_CHUNK_SHARD, KEY_CHUNK_KIND, KEY_CHUNK_RUN, KEY_CHUNK_FIRST}, 4},
};

static const char *const filter_names[KEY_FILTER_COLUMNS] = {
    [KEY_FILTER_SHARD] = "shard", [KEY_FILTER_KIND] = "kind", [KEY_FILTER_RUN] = "run",
    [KEY_FILTER_FIRST] = "first", [KEY_FILTER_LAST] = "last", [KEY_FILTER_BITS] = "bits",
};

static const enum value_type filter_types[KEY_FILTER_COLUMNS] = {
    [KEY_FILTER_SHARD] = VALUE_UINT, [KEY_FILTER_KIND] = VALUE_UINT,
    [KEY_FILTER_RUN] = VALUE_UINT,   [KEY_FILTER_FIRST] = VALUE_ID,
    [KEY_FILTER_LAST] = VALUE_ID,    [KEY_FILTER_BITS] = VALUE_BYTES,
};

const struct view_table key_filters_view = {
    .name = "key_filters",
    .column_names = filter_names,
    .column_types = filter_types,
    .column_count = KEY_FILTER_COLUMNS,
    .key = {"key", {KEY_FILTER_SHARD, KEY_FILTER_KIND, KEY_FILTER_RUN, KEY_FILTER_FIRST}, 4},
};

const struct view_table *const key_views[KEY_VIEWS] = {&key_runs_view, &key_chunks_view,
                                                               &key_filters_view};

/* Chunks and filters are keyed alike: shard, kind, run, first. */
#define PART_KEY 4
#define PART_FIRST KEY_CHUNK_FIRST
static_assert((int)KEY_CHUNK_FIRST == (int)KEY_FILTER_FIRST, "the same columns in front");

/* --- rows ------------------------------------------------------------------------------------- */

static enum err key_rows_scan(const struct key_rows *rows, const struct view_scan *q,
                              view_row_cb row, void *context)
{
    return sqlite_views_scan_with(rows->store, rows->db, q, row, context);
}

/* Only the writer's connection has a transaction to write in. */
static enum err key_rows_put(const struct key_rows *rows, const struct view_table *t,
                             const struct value *row)
{
    check(rows->db == &rows->store->views_writer);
    return sqlite_views_put_row(&rows->store->views_base, t, row);
}

static enum err key_rows_delete(const struct key_rows *rows, const struct view_table *t,
                                const struct value *key)
{
    check(rows->db == &rows->store->views_writer);
    return sqlite_views_delete_row(&rows->store->views_base, t, key);
}

static struct value key_run_number(uint64_t n)
{
    return (struct value){.type = VALUE_UINT, .number = n};
}

static struct value key_run_id(struct id128 key)
{
    return (struct value){.type = VALUE_ID, .id = key};
}

static struct value key_run_bytes(const uint8_t *data, uint32_t len)
{
    return (struct value){.type = VALUE_BYTES, .text = {(const char *)data, len}};
}

/* --- runs ------------------------------------------------------------------------------------- */

struct each {
    key_run_cb run;
    void *context;
    bool damaged;
};

static bool give_run(void *context, const struct value *row)
{
    struct each *each = context;
    const struct key_run run = {
        .number = row[KEY_RUN_NUMBER].number,
        .keys = row[KEY_RUN_KEYS].number,
        .first = row[KEY_RUN_FIRST].id,
        .last = row[KEY_RUN_LAST].id,
        .oldest_ns = row[KEY_RUN_OLDEST_NS].number,
        .newest_ns = row[KEY_RUN_NEWEST_NS].number,
        .state = (enum key_run_state)row[KEY_RUN_STATE].number,
    };
    each->damaged = run.state < KEY_RUN_LIVE || run.state > KEY_RUN_GONE;
    if (!each->damaged)
        each->run(each->context, &run);
    return !each->damaged;
}

enum err key_runs_each(const struct key_rows *rows, key_run_cb run, void *context)
{
    const struct value prefix[] = {key_run_number(rows->space.shard),
                                   key_run_number(rows->space.kind)};
    const struct view_scan q = {
        .table = &key_runs_view,
        .index = &key_runs_view.key,
        .prefix = prefix,
        .prefix_count = array_len(prefix),
        .limit = UINT32_MAX,
    };
    struct each each = {run, context, false};
    enum err e = key_rows_scan(rows, &q, give_run, &each);
    return e == ERR_OK && each.damaged ? ERR_CORRUPT : e;
}

enum err key_run_put(const struct key_rows *rows, const struct key_run *run)
{
    const struct value row[KEY_RUN_COLUMNS] = {
        [KEY_RUN_SHARD] = key_run_number(rows->space.shard),
        [KEY_RUN_KIND] = key_run_number(rows->space.kind),
        [KEY_RUN_NUMBER] = key_run_number(run->number),
        [KEY_RUN_KEYS] = key_run_number(run->keys),
        [KEY_RUN_FIRST] = key_run_id(run->first),
        [KEY_RUN_LAST] = key_run_id(run->last),
        [KEY_RUN_OLDEST_NS] = key_run_number(run->oldest_ns),
        [KEY_RUN_NEWEST_NS] = key_run_number(run->newest_ns),
        [KEY_RUN_STATE] = key_run_number(run->state),
    };
    return key_rows_put(rows, &key_runs_view, row);
}

enum err key_run_delete(const struct key_rows *rows, uint64_t run)
{
    const struct value key[] = {key_run_number(rows->space.shard), key_run_number(rows->space.kind),
                                key_run_number(run)};
    return key_rows_delete(rows, &key_runs_view, key);
}

/* The first keys of some rows. */
struct page {
    struct id128 firsts[ERASE_PAGE];
    size_t count;
};

static bool keep_first(void *context, const struct value *row)
{
    struct page *page = context;
    page->firsts[page->count++] = row[PART_FIRST].id;
    return true;
}

static enum err erase_page(const struct key_rows *rows, const struct view_table *t,
                           uint64_t run, struct page *page)
{
    struct value key[PART_KEY] = {key_run_number(rows->space.shard),
                                  key_run_number(rows->space.kind), key_run_number(run)};
    const struct view_scan q = {
        .table = t,
        .index = &t->key,
        .prefix = key,
        .prefix_count = PART_KEY - 1,
        .limit = ERASE_PAGE,
    };
    page->count = 0;
    enum err e = key_rows_scan(rows, &q, keep_first, page);
    for (size_t i = 0; e == ERR_OK && i < page->count; i++) {
        key[PART_KEY - 1] = key_run_id(page->firsts[i]);
        e = key_rows_delete(rows, t, key);
    }
    return e;
}

enum err key_run_erase(const struct key_rows *rows, uint64_t run, size_t *left)
{
    const struct view_table *const tables[] = {&key_chunks_view, &key_filters_view};
    for (size_t i = 0; i < array_len(tables); i++) {
        struct page page;
        do {
            enum err e = erase_page(rows, tables[i], run, &page);
            if (e != ERR_OK)
                return e;
            *left -= page.count < *left ? page.count : *left;
            if (*left == 0)
                return ERR_OK;
        } while (page.count == ERASE_PAGE);
    }
    return ERR_OK;
}

/* --- looking up ------------------------------------------------------------------------------- */

/* The chunk or filter that begins at the key, else the one before it. */
static enum err part_at(const struct key_rows *rows, const struct view_table *t,
                        uint64_t run, struct id128 key, view_row_cb row, void *context)
{
    const struct value prefix[] = {key_run_number(rows->space.shard),
                                   key_run_number(rows->space.kind), key_run_number(run)};
    const struct value behind =
        key_run_id((struct id128){key.hi + (key.lo == UINT64_MAX), key.lo + 1});
    const bool last = id128_is_max(key);
    const struct view_scan q = {
        .table = t,
        .index = &t->key,
        .prefix = prefix,
        .prefix_count = array_len(prefix),
        .from = last ? NULL : &behind,
        .from_count = last ? 0 : 1,
        .descending = true,
        .limit = 1,
    };
    return key_rows_scan(rows, &q, row, context);
}

/* The entries of a chunk; false: it is damaged. */
static bool key_chunk_read(const struct value *row, struct key_entry entries[KEY_CHUNK_ENTRIES],
                    uint32_t *count)
{
    struct slice packed = row[KEY_CHUNK_BYTES].text;
    *count = packed.len / ENTRY_SIZE;
    if (*count == 0 || *count > KEY_CHUNK_ENTRIES || packed.len % ENTRY_SIZE != 0)
        return false;
    for (uint32_t i = 0; i < *count; i++) {
        uint8_t entry[2 * 16] = {0}; /* the position as the lower half of a second id */
        memcpy(entry, packed.data + i * ENTRY_SIZE, 16);
        memcpy(entry + 24, packed.data + i * ENTRY_SIZE + 16, 8);
        entries[i] = (struct key_entry){id128_load(entry), id128_load(entry + 16).lo};
    }
    return true;
}

/* The first of these that is not below the key. */
static uint32_t lower_bound(const struct key_entry *entries, uint32_t count, struct id128 key)
{
    uint32_t low = 0, high = count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (id128_compare(entries[middle].key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct probe {
    struct id128 key;
    uint64_t position;
    enum err result;
};

static bool search_chunk(void *context, const struct value *row)
{
    struct probe *p = context;
    struct key_entry entries[KEY_CHUNK_ENTRIES];
    uint32_t count;
    if (!key_chunk_read(row, entries, &count)) {
        p->result = ERR_CORRUPT;
        return false;
    }
    uint32_t at = lower_bound(entries, count, p->key);
    if (at < count && id128_equal(entries[at].key, p->key)) {
        p->position = entries[at].position;
        p->result = ERR_OK;
    }
    return false;
}

enum err key_run_find(const struct key_rows *rows, uint64_t run, struct id128 key,
                      uint64_t *position)
{
    struct probe p = {.key = key, .result = ERR_NOT_FOUND};
    enum err e = part_at(rows, &key_chunks_view, run, key, search_chunk, &p);
    if (e == ERR_OK && p.result == ERR_OK)
        *position = p.position;
    return e == ERR_OK ? p.result : e;
}

struct filter_reading {
    key_run_filter_cb give;
    void *context;
    enum err result;
};

static bool give_filter(void *context, const struct value *row)
{
    struct filter_reading *r = context;
    r->result = key_filter_fits(row[KEY_FILTER_BITS].text) ? ERR_OK : ERR_CORRUPT;
    if (r->result == ERR_OK)
        r->give(r->context, row[KEY_FILTER_FIRST].id, row[KEY_FILTER_LAST].id,
                row[KEY_FILTER_BITS].text);
    return false;
}

enum err key_run_filter(const struct key_rows *rows, uint64_t run,
                        struct id128 key, key_run_filter_cb give, void *context)
{
    struct filter_reading r = {give, context, ERR_NOT_FOUND};
    enum err e = part_at(rows, &key_filters_view, run, key, give_filter, &r);
    return e == ERR_OK ? r.result : e;
}

/* --- reading all of it ------------------------------------------------------------------------ */

static bool take_chunk(void *context, const struct value *row)
{
    struct key_source *source = context;
    uint32_t count;
    if (!key_chunk_read(row, source->entries + source->count, &count)) {
        source->damaged = true;
        return false;
    }
    source->begun = true;
    source->chunk = row[KEY_CHUNK_FIRST].id;
    source->count += count;
    return true;
}

static enum err read_page(struct key_source *source, const struct key_rows *rows)
{
    const struct value prefix[] = {key_run_number(rows->space.shard),
                                   key_run_number(rows->space.kind), key_run_number(source->run)};
    const struct value from = key_run_id(source->chunk);
    const struct view_scan q = {
        .table = &key_chunks_view,
        .index = &key_chunks_view.key,
        .prefix = prefix,
        .prefix_count = array_len(prefix),
        .from = source->begun ? &from : NULL,
        .from_count = source->begun ? 1 : 0,
        .limit = KEY_PAGE_CHUNKS,
    };
    source->at = source->count = 0;
    enum err e = key_rows_scan(rows, &q, take_chunk, source);
    source->ended = source->count == 0;
    return e == ERR_OK && source->damaged ? ERR_CORRUPT : e;
}

/* The chunk that `after` is in, from there on. */
static enum err skip_to(struct key_source *source, const struct key_rows *rows,
                        struct id128 after)
{
    enum err e = part_at(rows, &key_chunks_view, source->run, after, take_chunk, source);
    if (e == ERR_OK && source->damaged)
        e = ERR_CORRUPT;
    if (e != ERR_OK)
        return e;
    source->at = lower_bound(source->entries, (uint32_t)source->count, after);
    if (source->at < source->count && id128_equal(source->entries[source->at].key, after))
        source->at++;
    return ERR_OK;
}

enum err key_source_init(struct key_source *source, const struct key_rows *rows,
                         uint64_t run, const struct id128 *after)
{
    *source = (struct key_source){.run = run};
    source->entries = memory_take(KEY_PAGE_CHUNKS * KEY_CHUNK_ENTRIES * sizeof *source->entries);
    enum err e = after == NULL ? ERR_OK : skip_to(source, rows, *after);
    if (e == ERR_OK && source->at == source->count)
        e = read_page(source, rows);
    if (e != ERR_OK)
        key_source_done(source);
    return e;
}

void key_source_done(struct key_source *source)
{
    free(source->entries);
    source->entries = NULL;
}

enum err key_source_next(struct key_source *source, const struct key_rows *rows)
{
    source->at++;
    return source->at < source->count || source->ended ? ERR_OK : read_page(source, rows);
}

/* Of all runs, in whatever state. */
struct chunk_walk {
    struct key_cursor *cursor;
    key_cb key;
    void *context;
    uint32_t chunks;
    bool damaged;
};

static bool give_chunk(void *context, const struct value *row)
{
    struct chunk_walk *w = context;
    struct key_entry entries[KEY_CHUNK_ENTRIES];
    uint32_t count;
    w->damaged = !key_chunk_read(row, entries, &count);
    if (w->damaged)
        return false;
    w->chunks++;
    w->cursor->begun = true;
    w->cursor->part = row[KEY_CHUNK_RUN].number;
    w->cursor->after = row[KEY_CHUNK_FIRST].id;
    for (uint32_t i = 0; i < count; i++)
        w->key(w->context, entries[i].key);
    return true;
}

enum err key_chunks_walk(const struct key_rows *rows, struct key_cursor *cursor, uint32_t most,
                         key_cb key, void *context)
{
    struct chunk_walk walk = {.cursor = cursor, .key = key, .context = context};
    const struct value prefix[] = {key_run_number(rows->space.shard),
                                   key_run_number(rows->space.kind)};
    const struct value from[] = {key_run_number(cursor->part), key_run_id(cursor->after)};
    const struct view_scan q = {
        .table = &key_chunks_view,
        .index = &key_chunks_view.key,
        .prefix = prefix,
        .prefix_count = array_len(prefix),
        .from = cursor->begun ? from : NULL,
        .from_count = cursor->begun ? array_len(from) : 0,
        .limit = most / KEY_CHUNK_ENTRIES,
    };
    check(most >= KEYS_WALK_MIN && !cursor->ended);
    enum err e = key_rows_scan(rows, &q, give_chunk, &walk);
    cursor->ended = e == ERR_OK && walk.chunks < q.limit;
    return e == ERR_OK && walk.damaged ? ERR_CORRUPT : e;
}

/* --- writing ---------------------------------------------------------------------------------- */

void key_sink_init(struct key_sink *sink, struct key_run *run)
{
    sink->run = run;
    sink->chunk_count = sink->hash_count = 0;
}

static enum err put_chunk(struct key_sink *sink, const struct key_rows *rows)
{
    const struct value row[KEY_CHUNK_COLUMNS] = {
        [KEY_CHUNK_SHARD] = key_run_number(rows->space.shard),
        [KEY_CHUNK_KIND] = key_run_number(rows->space.kind),
        [KEY_CHUNK_RUN] = key_run_number(sink->run->number),
        [KEY_CHUNK_FIRST] = key_run_id(sink->chunk_first),
        [KEY_CHUNK_BYTES] = key_run_bytes(sink->chunk, sink->chunk_count * ENTRY_SIZE),
    };
    sink->chunk_count = 0;
    return key_rows_put(rows, &key_chunks_view, row);
}

static enum err put_filter(struct key_sink *sink, const struct key_rows *rows)
{
    uint8_t bits[KEY_FILTER_BYTES_MAX];
    const struct value row[KEY_FILTER_COLUMNS] = {
        [KEY_FILTER_SHARD] = key_run_number(rows->space.shard),
        [KEY_FILTER_KIND] = key_run_number(rows->space.kind),
        [KEY_FILTER_RUN] = key_run_number(sink->run->number),
        [KEY_FILTER_FIRST] = key_run_id(sink->filter_first),
        [KEY_FILTER_LAST] = key_run_id(sink->run->last),
        [KEY_FILTER_BITS] =
            key_run_bytes(bits, key_filter_make(sink->hashes, sink->hash_count, bits)),
    };
    sink->hash_count = 0;
    return key_rows_put(rows, &key_filters_view, row);
}

static void pack_entry(const struct key_entry *entry, uint8_t *to)
{
    uint8_t position[16];
    id128_store(entry->key, to);
    id128_store((struct id128){0, entry->position}, position);
    memcpy(to + 16, position + 8, 8);
}

enum err key_sink_put(struct key_sink *sink, const struct key_rows *rows,
                      const struct key_entry *entry)
{
    struct key_run *run = sink->run;
    if (run->keys++ == 0)
        run->first = entry->key;
    run->last = entry->key;
    if (sink->chunk_count == 0)
        sink->chunk_first = entry->key;
    if (sink->hash_count == 0)
        sink->filter_first = entry->key;
    pack_entry(entry, sink->chunk + sink->chunk_count++ * ENTRY_SIZE);
    sink->hashes[sink->hash_count++] = key_filter_hash(entry->key);
    enum err e = sink->chunk_count < KEY_CHUNK_ENTRIES ? ERR_OK : put_chunk(sink, rows);
    if (e == ERR_OK && sink->hash_count == KEY_FILTER_KEYS)
        e = put_filter(sink, rows);
    return e;
}

enum err key_sink_flush(struct key_sink *sink, const struct key_rows *rows)
{
    enum err e = sink->chunk_count == 0 ? ERR_OK : put_chunk(sink, rows);
    if (e == ERR_OK && sink->hash_count > 0)
        e = put_filter(sink, rows);
    return e;
}
