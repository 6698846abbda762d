/* SPDX-License-Identifier: Apache-2.0 */
/* See key_index.h. */
#include "runtime/dedup/key_index.h"

#include <stdlib.h>

#include "runtime/base/array.h"
#include "runtime/dedup/key_merge.h"

/* --- life ------------------------------------------------------------------------------------- */

void key_index_init(struct key_index *k, struct key_space space, uint64_t keep_ns,
                    size_t merge_keys)
{
    *k = (struct key_index){.space = space, .keep_ns = keep_ns};
    k->merge_keys = merge_keys == 0 ? KEY_MERGE_KEYS : merge_keys;
    k->sink = malloc(sizeof *k->sink);
    check(k->sink != NULL);
}

void key_index_done(struct key_index *k)
{
    free(k->runs);
    free(k->added);
    free(k->sink);
    *k = (struct key_index){0};
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

enum err key_index_load(struct key_index *k, struct store *s)
{
    k->run_count = k->added_count = 0;
    return key_runs_each(k->space, s, keep_run, k);
}

void key_index_add(struct key_index *k, struct id128 key, uint64_t position, uint64_t time_ns)
{
    if (k->added_count == 0)
        k->oldest_ns = time_ns;
    k->newest_ns = time_ns;
    array_reserve(k->added, k->added_cap, k->added_count + 1);
    k->added[k->added_count++] = (struct key_entry){key, position};
}

/* --- what was added --------------------------------------------------------------------------- */

/* The newest of several positions of a key goes last. */
static int compare_added(const void *left, const void *right)
{
    const struct key_entry *a = left, *b = right;
    int keys = id128_compare(a->key, b->key);
    return keys != 0 ? keys : (a->position > b->position) - (a->position < b->position);
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

/* Writes what was added as a run, and takes the newest runs into it as long as all are small. */
static enum err add_run(struct key_index *k, struct store *s)
{
    sort_added(k);
    const size_t before = k->run_count;
    const size_t oldest = key_merge_choose(k, k->added_count, k->newest_ns, k->merge_keys);
    struct key_source sources[KEY_MERGE_RUNS_MAX] = {
        {.entries = k->added, .count = k->added_count, .ended = true}};
    struct key_run *added = key_index_push(k, KEY_RUN_LIVE);
    added->oldest_ns = k->oldest_ns;
    added->newest_ns = k->newest_ns;
    size_t count = 1, left = SIZE_MAX;
    enum err e = ERR_OK;
    for (size_t i = before; e == ERR_OK && i-- > oldest;) {
        struct key_run *run = &k->runs[i];
        if (run->state != KEY_RUN_LIVE)
            continue;
        e = key_source_init(&sources[count++], k->space, s, run->number, NULL);
        added->oldest_ns = run->oldest_ns;
        run->state = KEY_RUN_GONE;
        run->changed = true;
    }
    key_sink_init(k->sink, added);
    if (e == ERR_OK)
        e = key_merge_sources(k, s, sources, count, &left);
    for (size_t i = 1; i < count; i++)
        key_source_done(&sources[i]);
    k->added_count = 0;
    return e;
}

/* --- what goes -------------------------------------------------------------------------------- */

/* A run that is being merged expires after the merge. */
static void key_index_expire(struct key_index *k, uint64_t now_ns)
{
    if (k->keep_ns == 0 || now_ns < k->keep_ns)
        return;
    for (size_t i = 0; i < k->run_count; i++) {
        struct key_run *run = &k->runs[i];
        if (run->state == KEY_RUN_LIVE && run->newest_ns <= now_ns - k->keep_ns) {
            run->state = KEY_RUN_GONE;
            run->changed = true;
        }
    }
}

static void forget_run(struct key_index *k, size_t i)
{
    k->run_count--;
    memmove(k->runs + i, k->runs + i + 1, (k->run_count - i) * sizeof *k->runs);
}

/* Deletes rows of runs that are gone. The newest run's own row stays, so that no number comes
 * twice. */
static enum err key_index_erase(struct key_index *k, struct store *s, size_t most)
{
    enum err e = ERR_OK;
    for (size_t i = 0; e == ERR_OK && most > 0 && i < k->run_count;) {
        const struct key_run *run = &k->runs[i];
        if (run->state == KEY_RUN_GONE)
            e = key_run_erase(k->space, s, run->number, &most);
        if (run->state != KEY_RUN_GONE || i + 1 == k->run_count) {
            i++;
        } else if (e == ERR_OK && most > 0) {
            e = key_run_delete(k->space, s, run->number);
            forget_run(k, i);
        }
    }
    return e;
}

static enum err put_changed(struct key_index *k, struct store *s)
{
    enum err e = ERR_OK;
    for (size_t i = 0; e == ERR_OK && i < k->run_count; i++) {
        if (!k->runs[i].changed)
            continue;
        e = key_run_put(k->space, s, &k->runs[i]);
        k->runs[i].changed = false;
    }
    return e;
}

/* Deletes at twice the pace of merging: each merged key leaves one to delete, and others expire. */
enum err key_index_flush(struct key_index *k, struct store *s, uint64_t now_ns)
{
    size_t most = k->added_count * KEY_MERGE_PACE;
    if (most < k->merge_keys)
        most = k->merge_keys;
    enum err e = k->added_count > 0 ? add_run(k, s) : ERR_OK;
    key_index_expire(k, now_ns);
    if (e == ERR_OK)
        e = key_merges_advance(k, s, most);
    if (e == ERR_OK)
        e = key_index_erase(k, s, 1 + 2 * most / KEY_CHUNK_ENTRIES);
    return e == ERR_OK ? put_changed(k, s) : e;
}
