/* SPDX-License-Identifier: Apache-2.0 */
/* A slice opens all sources of one merge behind the last key of the new run, copies the smallest
 * key again and again, and closes them: nothing of a merge is in memory between two slices. An
 * error ends the slice, and the transaction with it. */
#include "runtime/store/sqlite/key_merge.h"

#include "runtime/base/mutant.h"

#define GROWTH 8 /* a run that is merged becomes about this many times as large, or more */

/* A run of keys that were decided in these times would keep some for too long. */
static bool spans_too_much(const struct key_index *k, uint64_t oldest_ns, uint64_t newest_ns)
{
    return k->expires && newest_ns - oldest_ns > KEY_RUN_SPAN_NS;
}

size_t key_merge_choose(const struct key_index *k, uint64_t keys, uint64_t newest_ns,
                        uint64_t keys_max)
{
    size_t found = k->run_count, count = 0;
    for (size_t i = k->run_count; i-- > 0;) {
        const struct key_run *run = &k->runs[i];
        if (run->state == KEY_RUN_GONE)
            continue;
        if (run->state != KEY_RUN_LIVE || ++count == KEY_MERGE_RUNS_MAX ||
            run->keys + keys > keys_max || spans_too_much(k, run->oldest_ns, newest_ns))
            break;
        if (run->keys * (GROWTH - 1) <= keys)
            found = i;
        keys += run->keys;
    }
    return found;
}

/* --- copying ---------------------------------------------------------------------------------- */

/* The source whose next key is the smallest; of equal ones the first, which is the newest. */
static struct key_source *key_merge_smallest(struct key_source *sources, size_t count)
{
    struct key_source *found = NULL;
    for (size_t i = 0; i < count; i++) {
        struct key_source *other = &sources[i];
        if (other->at == other->count)
            continue;
        int order = found == NULL ? -1
                                  : id128_compare(other->entries[other->at].key,
                                                  found->entries[found->at].key);
        if (order < 0 || (order == 0 && MUTANT(OLD_KEY_WINS)))
            found = other;
    }
    return found;
}

enum err key_merge_sources(struct key_index *k, struct key_source *sources,
                           size_t count, size_t *left)
{
    enum err e = ERR_OK;
    struct key_source *next;
    while (e == ERR_OK && *left > 0 && (next = key_merge_smallest(sources, count)) != NULL) {
        struct key_entry entry = next->entries[next->at];
        e = key_sink_put(k->sink, &k->rows, &entry);
        for (struct key_source *same = next; e == ERR_OK && same < sources + count; same++) {
            if (same->at == same->count || !id128_equal(same->entries[same->at].key, entry.key))
                continue;
            e = key_source_next(same, &k->rows);
            *left -= *left > 0;
        }
    }
    return e == ERR_OK ? key_sink_flush(k->sink, &k->rows) : e;
}

/* --- one merge -------------------------------------------------------------------------------- */

static void key_merge_begin(struct key_index *k)
{
    const size_t end = k->run_count;
    const uint64_t newest_ns = end == 0 ? 0 : k->runs[end - 1].newest_ns;
    const size_t oldest = key_merge_choose(k, 0, newest_ns, KEY_RUN_KEYS_MAX);
    if (oldest == end)
        return;
    struct key_run *merged = key_index_push(k, KEY_RUN_UNFINISHED);
    merged->oldest_ns = k->runs[oldest].oldest_ns;
    for (size_t i = oldest; i < end; i++) {
        if (k->runs[i].state != KEY_RUN_LIVE)
            continue;
        k->runs[i].state = KEY_RUN_SOURCE;
        k->runs[i].changed = true;
        merged->newest_ns = k->runs[i].newest_ns;
    }
}

/* The sources of the unfinished run at `merged`, the newest first. */
static size_t sources_of(const struct key_index *k, size_t merged,
                         struct key_run *found[KEY_MERGE_RUNS_MAX])
{
    size_t count = 0;
    for (size_t i = merged; i-- > 0 && k->runs[i].state != KEY_RUN_UNFINISHED;) {
        if (k->runs[i].state != KEY_RUN_SOURCE)
            continue;
        check(count < KEY_MERGE_RUNS_MAX);
        found[count++] = &k->runs[i];
    }
    return count;
}

static void key_merge_finish(struct key_run *merged, struct key_run **runs, size_t count)
{
    merged->state = KEY_RUN_LIVE;
    for (size_t i = 0; i < count; i++) {
        runs[i]->state = KEY_RUN_GONE;
        runs[i]->changed = true;
    }
}

static enum err key_merge_advance(struct key_index *k, size_t at,
                                  size_t *left)
{
    struct key_run *merged = &k->runs[at], *runs[KEY_MERGE_RUNS_MAX];
    struct key_source sources[KEY_MERGE_RUNS_MAX];
    const size_t count = sources_of(k, at, runs);
    const struct id128 last = merged->last;
    size_t open = 0;
    enum err e = ERR_OK;
    while (e == ERR_OK && open < count) {
        e = key_source_init(&sources[open], &k->rows, runs[open]->number,
                            merged->keys == 0 ? NULL : &last);
        open += e == ERR_OK;
    }
    if (e == ERR_OK && MUTANT(LOSE_KEY) && merged->keys > 0 && sources[0].at < sources[0].count)
        e = key_source_next(&sources[0], &k->rows);
    key_sink_init(k->sink, merged);
    merged->changed = true;
    if (e == ERR_OK)
        e = key_merge_sources(k, sources, count, left);
    if (e == ERR_OK && (*left > 0 || MUTANT(MERGE_ENDS_EARLY)))
        key_merge_finish(merged, runs, count);
    while (open > 0)
        key_source_done(&sources[--open]);
    return e;
}

/* --- all of them ------------------------------------------------------------------------------ */

static size_t under_way(const struct key_index *k)
{
    size_t count = 0;
    for (size_t i = 0; i < k->run_count; i++)
        count += k->runs[i].state == KEY_RUN_UNFINISHED;
    return count;
}

/* The next unfinished run after this one, round and round. */
static size_t next_merge(const struct key_index *k, size_t at)
{
    do
        at = (at + 1) % k->run_count;
    while (k->runs[at].state != KEY_RUN_UNFINISHED);
    return at;
}

/* Merges take turns, a whole slice each: every slice reads the first page of all its sources anew.
 */
enum err key_merges_advance(struct key_index *k, size_t most)
{
    if (under_way(k) < KEY_MERGES_MAX)
        key_merge_begin(k);
    enum err e = ERR_OK;
    while (e == ERR_OK && most > 0 && under_way(k) > 0) {
        const size_t at = next_merge(k, k->merged_last % k->run_count);
        k->merged_last = at;
        e = key_merge_advance(k, at, &most);
    }
    return e;
}
