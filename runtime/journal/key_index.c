/* SPDX-License-Identifier: Apache-2.0 */
/* See key_index.h. */
#include "runtime/journal/key_index.h"

#include <stdlib.h>

#define ENTRY_SIZE 24
#define PAGE_CHUNKS 64  /* of a run that is being merged, in memory at once */
#define SOURCES_MAX 64  /* of a merge: their sizes double */

/* --- tables ---------------------------------------------------------------------------------- */

static const char *const run_names[KEY_RUN_COLUMNS] = {
    [KEY_RUN_SHARD] = "shard",         [KEY_RUN_KIND] = "kind",
    [KEY_RUN_NUMBER] = "run",          [KEY_RUN_KEYS] = "keys",
    [KEY_RUN_FIRST] = "first",         [KEY_RUN_LAST] = "last",
    [KEY_RUN_OLDEST_NS] = "oldest_ns", [KEY_RUN_NEWEST_NS] = "newest_ns",
};

static const enum value_type run_types[KEY_RUN_COLUMNS] = {
    [KEY_RUN_SHARD] = VALUE_UINT,     [KEY_RUN_KIND] = VALUE_UINT,
    [KEY_RUN_NUMBER] = VALUE_UINT,    [KEY_RUN_KEYS] = VALUE_UINT,
    [KEY_RUN_FIRST] = VALUE_ID,       [KEY_RUN_LAST] = VALUE_ID,
    [KEY_RUN_OLDEST_NS] = VALUE_UINT, [KEY_RUN_NEWEST_NS] = VALUE_UINT,
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

const struct view_table *const runtime_views[RUNTIME_VIEWS] = {&key_runs_view, &key_chunks_view};

static struct value number(uint64_t n)
{
    return (struct value){.type = VALUE_UINT, .number = n};
}

static struct value id(struct id128 key)
{
    return (struct value){.type = VALUE_ID, .id = key};
}

/* --- life ------------------------------------------------------------------------------------ */

void key_index_init(struct key_index *k, uint16_t shard, enum key_kind kind, uint64_t keep_ns)
{
    *k = (struct key_index){.shard = shard, .kind = kind, .keep_ns = keep_ns};
}

void key_index_done(struct key_index *k)
{
    free(k->runs);
    free(k->added);
    *k = (struct key_index){0};
}

void key_index_clear(struct key_index *k)
{
    k->run_count = k->added_count = 0;
    k->loaded = false;
}

/* Room for one more item. */
static void *room(void *items, size_t count, size_t *cap, size_t size)
{
    if (count < *cap)
        return items;
    *cap = *cap == 0 ? 64 : *cap * 2;
    items = realloc(items, *cap * size);
    check(items != NULL);
    return items;
}

static void push_run(struct key_index *k, const struct key_run *run)
{
    k->runs = room(k->runs, k->run_count, &k->run_cap, sizeof *k->runs);
    k->runs[k->run_count++] = *run;
}

static bool keep_run(void *context, const struct value *row)
{
    const struct key_run run = {
        .number = row[KEY_RUN_NUMBER].number,
        .keys = row[KEY_RUN_KEYS].number,
        .first = row[KEY_RUN_FIRST].id,
        .last = row[KEY_RUN_LAST].id,
        .oldest_ns = row[KEY_RUN_OLDEST_NS].number,
        .newest_ns = row[KEY_RUN_NEWEST_NS].number,
    };
    push_run(context, &run);
    return true;
}

enum err key_index_load(struct key_index *k, struct store *s)
{
    const struct value prefix[] = {number(k->shard), number(k->kind)};
    const struct view_scan q = {
        .table = &key_runs_view,
        .index = &key_runs_view.key,
        .prefix = prefix,
        .prefix_count = array_len(prefix),
        .limit = UINT32_MAX,
    };
    key_index_clear(k);
    enum err e = s->ops->scan(s, &q, keep_run, k);
    k->loaded = e == ERR_OK;
    return e;
}

void key_index_add(struct key_index *k, struct id128 key, uint64_t place, uint64_t time_ns)
{
    if (k->added_count == 0)
        k->oldest_ns = time_ns;
    k->newest_ns = time_ns;
    k->added = room(k->added, k->added_count, &k->added_cap, sizeof *k->added);
    k->added[k->added_count++] = (struct key_entry){key, place};
}

/* --- chunks ---------------------------------------------------------------------------------- */

static void store_number(uint64_t n, uint8_t bytes[8])
{
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(n >> (56 - 8 * i));
}

bool key_chunk_read(const struct value *row, struct key_entry entries[KEY_CHUNK_ENTRIES],
                    uint32_t *count)
{
    struct slice bytes = row[KEY_CHUNK_BYTES].text;
    *count = bytes.len / ENTRY_SIZE;
    if (*count == 0 || *count > KEY_CHUNK_ENTRIES || bytes.len % ENTRY_SIZE != 0)
        return false;
    for (uint32_t i = 0; i < *count; i++) {
        uint8_t entry[2 * 16] = {0}; /* the place as the lower half of a second id */
        memcpy(entry, bytes.data + i * ENTRY_SIZE, 16);
        memcpy(entry + 24, bytes.data + i * ENTRY_SIZE + 16, 8);
        entries[i] = (struct key_entry){id128_load(entry), id128_load(entry + 16).lo};
    }
    return true;
}

/* Reading a run from its front: a chunk that was taken is deleted. */
struct source {
    uint64_t run;
    struct key_entry *entries; /* PAGE_CHUNKS of them, or what was added */
    size_t at, count;
    bool ended; /* nothing comes after these */
    struct id128 firsts[PAGE_CHUNKS];
    size_t chunks;
    enum err error;
};

static bool take_chunk(void *context, const struct value *row)
{
    struct source *source = context;
    uint32_t count;
    if (!key_chunk_read(row, source->entries + source->count, &count)) {
        source->error = ERR_CORRUPT;
        return false;
    }
    source->firsts[source->chunks++] = row[KEY_CHUNK_FIRST].id;
    source->count += count;
    return true;
}

static enum err take_page(const struct key_index *k, struct store *s, struct source *source)
{
    struct value key[] = {number(k->shard), number(k->kind), number(source->run), {0}};
    const struct view_scan q = {
        .table = &key_chunks_view,
        .index = &key_chunks_view.key,
        .prefix = key,
        .prefix_count = array_len(key) - 1,
        .limit = PAGE_CHUNKS,
    };
    source->at = source->count = source->chunks = 0;
    enum err e = s->ops->scan(s, &q, take_chunk, source);
    if (e == ERR_OK)
        e = source->error;
    for (size_t i = 0; e == ERR_OK && i < source->chunks; i++) {
        key[array_len(key) - 1] = id(source->firsts[i]);
        e = s->ops->delete_row(s, &key_chunks_view, key);
    }
    source->ended = source->chunks < PAGE_CHUNKS;
    return e;
}

/* Writing a run. */
struct sink {
    struct key_run run;
    uint8_t bytes[KEY_CHUNK_ENTRIES * ENTRY_SIZE];
    uint32_t count;
    struct id128 first;
};

static enum err put_chunk(const struct key_index *k, struct store *s, struct sink *sink)
{
    if (sink->count == 0)
        return ERR_OK;
    const struct value row[KEY_CHUNK_COLUMNS] = {
        [KEY_CHUNK_SHARD] = number(k->shard),
        [KEY_CHUNK_KIND] = number(k->kind),
        [KEY_CHUNK_RUN] = number(sink->run.number),
        [KEY_CHUNK_FIRST] = id(sink->first),
        [KEY_CHUNK_BYTES] = {.type = VALUE_BYTES,
                             .text = {(const char *)sink->bytes, sink->count * ENTRY_SIZE}},
    };
    sink->count = 0;
    return s->ops->put_row(s, &key_chunks_view, row);
}

static enum err put_entry(const struct key_index *k, struct store *s, struct sink *sink,
                          const struct key_entry *entry)
{
    if (sink->run.keys++ == 0)
        sink->run.first = entry->key;
    sink->run.last = entry->key;
    if (sink->count == 0)
        sink->first = entry->key;
    uint8_t *bytes = sink->bytes + sink->count * ENTRY_SIZE;
    id128_store(entry->key, bytes);
    store_number(entry->place, bytes + 16);
    return ++sink->count < KEY_CHUNK_ENTRIES ? ERR_OK : put_chunk(k, s, sink);
}

static enum err put_run(const struct key_index *k, struct store *s, const struct key_run *run)
{
    const struct value row[KEY_RUN_COLUMNS] = {
        [KEY_RUN_SHARD] = number(k->shard),
        [KEY_RUN_KIND] = number(k->kind),
        [KEY_RUN_NUMBER] = number(run->number),
        [KEY_RUN_KEYS] = number(run->keys),
        [KEY_RUN_FIRST] = id(run->first),
        [KEY_RUN_LAST] = id(run->last),
        [KEY_RUN_OLDEST_NS] = number(run->oldest_ns),
        [KEY_RUN_NEWEST_NS] = number(run->newest_ns),
    };
    return s->ops->put_row(s, &key_runs_view, row);
}

static enum err delete_run(const struct key_index *k, struct store *s, uint64_t run)
{
    const struct value key[] = {number(k->shard), number(k->kind), number(run)};
    return s->ops->delete_row(s, &key_runs_view, key);
}

/* --- merging --------------------------------------------------------------------------------- */

/* The newest of several places of a key goes last. */
static int compare_added(const void *left, const void *right)
{
    const struct key_entry *a = left, *b = right;
    int keys = id128_compare(a->key, b->key);
    return keys != 0 ? keys : (a->place > b->place) - (a->place < b->place);
}

static void sort_added(struct key_index *k)
{
    size_t kept = 0;
    qsort(k->added, k->added_count, sizeof *k->added, compare_added);
    for (size_t i = 0; i < k->added_count; i++)
        if (i + 1 == k->added_count || !id128_equal(k->added[i].key, k->added[i + 1].key))
            k->added[kept++] = k->added[i];
    k->added_count = kept;
}

/* How many of the newest runs the new one takes in. */
static size_t runs_to_take(const struct key_index *k)
{
    uint64_t keys = k->added_count;
    size_t taken = 0;
    while (taken < k->run_count && taken + 1 < SOURCES_MAX) {
        const struct key_run *run = &k->runs[k->run_count - 1 - taken];
        bool old = k->keep_ns != 0 && k->newest_ns - run->oldest_ns > KEY_RUN_SPAN_NS;
        if (run->keys > keys || run->keys + keys > KEY_RUN_KEYS_MAX || old)
            break;
        keys += run->keys;
        taken++;
    }
    return taken;
}

/* The source that stands at the smallest key; of equal ones the first, which is the newest. */
static struct source *smallest(struct source *sources, size_t count)
{
    struct source *found = NULL;
    for (size_t i = 0; i < count; i++) {
        struct source *other = &sources[i];
        if (other->at < other->count &&
            (found == NULL || id128_compare(other->entries[other->at].key,
                                            found->entries[found->at].key) < 0))
            found = other;
    }
    return found;
}

static enum err advance(const struct key_index *k, struct store *s, struct source *source)
{
    source->at++;
    return source->at < source->count || source->ended ? ERR_OK : take_page(k, s, source);
}

/* sources[0] is what was added; the others are runs, newest first. */
static enum err merge(const struct key_index *k, struct store *s, struct source *sources,
                      size_t count, struct sink *sink)
{
    enum err e = ERR_OK;
    for (size_t i = 1; e == ERR_OK && i < count; i++)
        e = take_page(k, s, &sources[i]);
    struct source *next;
    while (e == ERR_OK && (next = smallest(sources, count)) != NULL) {
        struct key_entry entry = next->entries[next->at];
        e = put_entry(k, s, sink, &entry);
        for (struct source *same = next; e == ERR_OK && same < sources + count; same++)
            if (same->at < same->count && id128_equal(same->entries[same->at].key, entry.key))
                e = advance(k, s, same);
    }
    return e == ERR_OK ? put_chunk(k, s, sink) : e;
}

static enum err add_run(struct key_index *k, struct store *s)
{
    sort_added(k);
    size_t taken = runs_to_take(k);
    struct source *sources = calloc(taken + 1, sizeof *sources);
    check(sources != NULL);
    sources[0] = (struct source){.entries = k->added, .count = k->added_count, .ended = true};
    struct sink sink = {
        .run = {.number = k->run_count == 0 ? 1 : k->runs[k->run_count - 1].number + 1,
                .oldest_ns = k->oldest_ns,
                .newest_ns = k->newest_ns},
    };
    enum err e = ERR_OK;
    for (size_t i = 1; i <= taken; i++) {
        const struct key_run *run = &k->runs[k->run_count - i];
        sources[i].run = run->number;
        sources[i].entries = malloc(PAGE_CHUNKS * KEY_CHUNK_ENTRIES * sizeof(struct key_entry));
        check(sources[i].entries != NULL);
        sink.run.oldest_ns = run->oldest_ns;
        if (e == ERR_OK)
            e = delete_run(k, s, run->number);
    }
    if (e == ERR_OK)
        e = merge(k, s, sources, taken + 1, &sink);
    if (e == ERR_OK)
        e = put_run(k, s, &sink.run);
    for (size_t i = 1; i <= taken; i++)
        free(sources[i].entries);
    free(sources);
    k->run_count -= taken;
    push_run(k, &sink.run);
    k->added_count = 0;
    return e;
}

/* --- expiry ---------------------------------------------------------------------------------- */

/* Takes a page off the oldest run, and with its last page the run. */
static enum err expire_page(struct key_index *k, struct store *s, struct key_entry *entries,
                            size_t *gone)
{
    struct source source = {.run = k->runs[0].number, .entries = entries};
    enum err e = take_page(k, s, &source);
    *gone += source.count;
    if (e != ERR_OK || !source.ended)
        return e;
    e = delete_run(k, s, source.run);
    k->run_count--;
    memmove(k->runs, k->runs + 1, k->run_count * sizeof *k->runs);
    return e;
}

static bool expired(const struct key_index *k, uint64_t now_ns)
{
    return k->keep_ns != 0 && k->run_count > 0 && now_ns >= k->keep_ns &&
           k->runs[0].newest_ns <= now_ns - k->keep_ns;
}

/* As many as came, and a page more: however fast keys come, they leave as fast. */
static enum err expire(struct key_index *k, struct store *s, uint64_t now_ns, size_t came)
{
    if (!expired(k, now_ns))
        return ERR_OK;
    struct key_entry *entries = malloc(PAGE_CHUNKS * KEY_CHUNK_ENTRIES * sizeof *entries);
    check(entries != NULL);
    size_t gone = 0;
    enum err e;
    do
        e = expire_page(k, s, entries, &gone);
    while (e == ERR_OK && gone <= came && expired(k, now_ns));
    free(entries);
    return e;
}

enum err key_index_flush(struct key_index *k, struct store *s, uint64_t now_ns)
{
    size_t came = k->added_count;
    enum err e = came > 0 ? add_run(k, s) : ERR_OK;
    return e == ERR_OK ? expire(k, s, now_ns, came) : e;
}

/* --- looking up ------------------------------------------------------------------------------ */

static bool keep_number(void *context, const struct value *row)
{
    *(uint64_t *)context = row[KEY_RUN_NUMBER].number;
    return false;
}

/* Do the runs differ from what `k` knows? Each change of them but an expiry has a newer run. */
static enum err changed(const struct key_index *k, struct store *s, bool *ret)
{
    const struct value prefix[] = {number(k->shard), number(k->kind)};
    const struct view_scan q = {
        .table = &key_runs_view,
        .index = &key_runs_view.key,
        .prefix = prefix,
        .prefix_count = array_len(prefix),
        .descending = true,
        .limit = 1,
    };
    uint64_t newest = 0;
    enum err e = s->ops->scan(s, &q, keep_number, &newest);
    *ret = newest != (k->run_count == 0 ? 0 : k->runs[k->run_count - 1].number);
    return e;
}

struct probe {
    struct id128 key;
    uint64_t place;
    bool found;
    enum err error;
};

static bool search_chunk(void *context, const struct value *row)
{
    struct probe *p = context;
    struct key_entry entries[KEY_CHUNK_ENTRIES];
    uint32_t count;
    if (!key_chunk_read(row, entries, &count)) {
        p->error = ERR_CORRUPT;
        return false;
    }
    uint32_t low = 0, high = count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (id128_compare(entries[middle].key, p->key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    p->found = low < count && id128_equal(entries[low].key, p->key);
    if (p->found)
        p->place = entries[low].place;
    return false;
}

/* The chunk that begins at the key, else the one before it. */
static enum err probe_run(const struct key_index *k, struct store *s, const struct key_run *run,
                          struct probe *p)
{
    if (id128_compare(p->key, run->first) < 0 || id128_compare(p->key, run->last) > 0)
        return ERR_OK;
    const struct value prefix[] = {number(k->shard), number(k->kind), number(run->number)};
    const struct value behind = id(
        (struct id128){p->key.hi + (p->key.lo == UINT64_MAX), p->key.lo + 1});
    const bool last = id128_is_max(p->key);
    const struct view_scan q = {
        .table = &key_chunks_view,
        .index = &key_chunks_view.key,
        .prefix = prefix,
        .prefix_count = array_len(prefix),
        .from = last ? NULL : &behind,
        .from_count = last ? 0 : 1,
        .descending = true,
        .limit = 1,
    };
    enum err e = s->ops->scan(s, &q, search_chunk, p);
    return e == ERR_OK ? p->error : e;
}

/* A run may be merged away between two reads: what was not found counts only if none was. */
enum err key_index_find(struct key_index *k, struct store *s, struct id128 key, uint64_t *place)
{
    struct probe p = {.key = key};
    enum err e = ERR_OK;
    bool stale = !k->loaded;
    do {
        if (stale)
            e = key_index_load(k, s);
        for (size_t i = k->run_count; e == ERR_OK && !p.found && i-- > 0;)
            e = probe_run(k, s, &k->runs[i], &p);
        if (e == ERR_OK && !p.found)
            e = changed(k, s, &stale);
    } while (e == ERR_OK && !p.found && stale);
    *place = p.place;
    return e != ERR_OK ? e : p.found ? ERR_OK : ERR_NOT_FOUND;
}
