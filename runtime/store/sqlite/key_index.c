/* SPDX-License-Identifier: Apache-2.0 */
/* A step writes its keys as a run, merged with the newest runs as long as all of them together are
 * small; each commit then copies one slice of the larger merges and deletes one slice of the
 * runs that are gone. `runs` is what the rows of the runs say; after a transaction that left
 * nothing, or whose end is not known, they are read again.
 *
 * Why not a table for each day, WITHOUT ROWID, the key its primary key, written in the order of the
 * keys and dropped whole after 31 days? Measured up to 50 million keys on two processors that had
 * other work too, with this store's pages, cache and checkpoints, for steps of 1,000 / 10,000 /
 * 100,000 random keys:
 *
 *     keys in it   us a key                KiB written a key    longest commit
 *     a day's table
 *      5 million   54 / 33 / 9             15 / 12 / 3          1.1 s
 *     20 million   66 / 46 / 25            18 / 17 / 9          2.8 s
 *     50 million   391 / 575 / 449         18 / 17 / 13         59 s
 *     runs
 *      5 million   24 / 4 / 2              1.7 / 0.1 / 0.1      0.3 s
 *     20 million   41 / 4 / 4              3.0 / 0.3 / 0.2      1.0 s
 *     50 million   77 / 9 / 8              3.9 / 0.5 / 0.3      0.9 s
 *
 * Once the table has outgrown the cache, each key of a step is a page of its own that is read,
 * written into the WAL and copied. With 20 million keys a day (230 a second) that still works. At
 * the end of one of 50 million (580 a second) the keys alone take a quarter to a third of the views
 * worker's time, of which it should use a quarter for all it does, and the drop is one transaction
 * of 35 s that writes 1.4 GB into the WAL. So from about 500 keys a second on it fails. Wanted are
 * 1,000 a second, and 200 million keys kept. */
#include "runtime/store/sqlite/key_index.h"

#include <stdlib.h>

#include "runtime/base/array.h"
#include "runtime/base/memory.h"
#include "runtime/store/sqlite/key_merge.h"

/* --- life ------------------------------------------------------------------------------------- */

void key_index_init(struct key_index *k, struct key_rows rows, size_t merge_keys)
{
    *k = (struct key_index){.rows = rows, .expires = rows.space.kind != KEY_KIND_EVENT};
    k->merge_keys = merge_keys == 0 ? KEY_MERGE_KEYS : merge_keys;
    k->sink = memory_take(sizeof *k->sink);
}

void key_index_done(struct key_index *k)
{
    free(k->runs);
    free(k->added);
    free(k->sink);
    *k = (struct key_index){0};
}

void key_index_outdate(struct key_index *k)
{
    k->loaded = false;
}

static void keep_run(void *context, const struct key_run *run)
{
    struct key_index *k = context;
    array_reserve(k->runs, k->run_cap, k->run_count + 1);
    k->runs[k->run_count++] = *run;
}

struct key_run *key_index_push(struct key_index *k, enum key_run_state state)
{
    const uint64_t newest = k->run_count == 0 ? 0 : k->runs[k->run_count - 1].number;
    keep_run(k, &(struct key_run){.number = newest + 1, .state = state, .changed = true});
    return &k->runs[k->run_count - 1];
}

enum err key_index_load(struct key_index *k)
{
    if (k->loaded)
        return ERR_OK;
    k->run_count = k->step_keys = 0;
    enum err e = key_runs_each(&k->rows, keep_run, k);
    k->loaded = e == ERR_OK;
    return e;
}

/* --- what was added --------------------------------------------------------------------------- */

/* By key, then by position: the newest position of a key is the last. */
static int compare_added(const void *left, const void *right)
{
    const struct key_entry *a = left, *b = right;
    int keys = id128_compare(a->key, b->key);
    return keys != 0 ? keys : (a->position > b->position) - (a->position < b->position);
}

/* Copies them into k->added; returns how many different keys there are. */
static size_t sort_added(struct key_index *k, const struct key_decision *decisions, size_t count)
{
    size_t kept = 0;
    array_reserve(k->added, k->added_cap, count);
    for (size_t i = 0; i < count; i++)
        k->added[i] = (struct key_entry){decisions[i].key, decisions[i].position};
    qsort(k->added, count, sizeof *k->added, compare_added);
    for (size_t i = 0; i < count; i++)
        if (i + 1 == count || !id128_equal(k->added[i].key, k->added[i + 1].key))
            k->added[kept++] = k->added[i];
    return kept;
}

/* Writes k->added as a run, and takes the newest runs into it as long as all are small. */
static enum err add_run(struct key_index *k, size_t keys, uint64_t oldest_ns, uint64_t newest_ns)
{
    const size_t before = k->run_count;
    const size_t oldest = key_merge_choose(k, keys, newest_ns, k->merge_keys);
    struct key_source sources[KEY_MERGE_RUNS_MAX] = {
        {.entries = k->added, .count = keys, .ended = true}};
    struct key_run *added = key_index_push(k, KEY_RUN_LIVE);
    added->oldest_ns = oldest_ns;
    added->newest_ns = newest_ns;
    size_t count = 1, left = SIZE_MAX;
    enum err e = ERR_OK;
    for (size_t i = before; e == ERR_OK && i-- > oldest;) {
        struct key_run *run = &k->runs[i];
        if (run->state != KEY_RUN_LIVE)
            continue;
        e = key_source_init(&sources[count++], &k->rows, run->number, NULL);
        added->oldest_ns = run->oldest_ns;
        run->state = KEY_RUN_GONE;
        run->changed = true;
    }
    key_sink_init(k->sink, added);
    if (e == ERR_OK)
        e = key_merge_sources(k, sources, count, &left);
    for (size_t i = 1; i < count; i++)
        key_source_done(&sources[i]);
    return e;
}

enum err key_index_add(struct key_index *k, const struct key_decision *decisions, size_t count)
{
    enum err e = count == 0 ? ERR_OK : key_index_load(k);
    if (e != ERR_OK || count == 0)
        return e;
    const uint64_t oldest_ns = decisions[0].time_ns, newest_ns = decisions[count - 1].time_ns;
    check(oldest_ns <= newest_ns);
    k->step_keys += count;
    return add_run(k, sort_added(k, decisions, count), oldest_ns, newest_ns);
}

/* --- what is deleted -------------------------------------------------------------------------- */

/* A run that is being merged expires after the merge. */
enum err key_index_expire(struct key_index *k, uint64_t until_ns)
{
    check(k->expires);
    enum err e = key_index_load(k);
    for (size_t i = 0; e == ERR_OK && i < k->run_count; i++) {
        struct key_run *run = &k->runs[i];
        if (run->state == KEY_RUN_LIVE && run->newest_ns <= until_ns) {
            run->state = KEY_RUN_GONE;
            run->changed = true;
        }
    }
    return e;
}

static void forget_run(struct key_index *k, size_t i)
{
    k->run_count--;
    memmove(k->runs + i, k->runs + i + 1, (k->run_count - i) * sizeof *k->runs);
}

/* Deletes rows of runs that are gone. The newest run's own row stays, so that no number comes
 * twice. */
static enum err key_index_erase(struct key_index *k, size_t most)
{
    enum err e = ERR_OK;
    for (size_t i = 0; e == ERR_OK && most > 0 && i < k->run_count;) {
        const struct key_run *run = &k->runs[i];
        if (run->state == KEY_RUN_GONE)
            e = key_run_erase(&k->rows, run->number, &most);
        if (run->state != KEY_RUN_GONE || i + 1 == k->run_count) {
            i++;
        } else if (e == ERR_OK && most > 0) {
            e = key_run_delete(&k->rows, run->number);
            forget_run(k, i);
        }
    }
    return e;
}

static enum err put_changed(struct key_index *k)
{
    enum err e = ERR_OK;
    for (size_t i = 0; e == ERR_OK && i < k->run_count; i++) {
        if (!k->runs[i].changed)
            continue;
        e = key_run_put(&k->rows, &k->runs[i]);
        k->runs[i].changed = false;
    }
    return e;
}

/* Deletes at twice the pace of merging: each merged key leaves one to delete, and others expire. */
enum err key_index_advance(struct key_index *k)
{
    enum err e = key_index_load(k);
    size_t most = k->step_keys * KEY_MERGE_PACE;
    if (most < k->merge_keys)
        most = k->merge_keys;
    k->step_keys = 0;
    if (e == ERR_OK)
        e = key_merges_advance(k, most);
    if (e == ERR_OK)
        e = key_index_erase(k, 1 + 2 * most / KEY_CHUNK_ENTRIES);
    return e == ERR_OK ? put_changed(k) : e;
}
