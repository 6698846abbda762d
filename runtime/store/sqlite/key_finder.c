/* SPDX-License-Identifier: Apache-2.0 */
/* Which runs there are is read again whenever the position has moved. A look-up goes from the
 * newest run to the oldest: the range of its keys, then the filter (from the cache, else from the
 * database), then the chunk that would have the key. */
#include "runtime/store/sqlite/key_finder.h"

#include <stdlib.h>

#include "runtime/base/array.h"

void key_finder_init(struct key_finder *f, struct key_space space, size_t filter_bytes)
{
    *f = (struct key_finder){.space = space};
    filter_cache_init(&f->filters, filter_bytes);
}

void key_finder_done(struct key_finder *f)
{
    filter_cache_done(&f->filters);
    free(f->runs);
    *f = (struct key_finder){0};
}

/* --- which runs there are --------------------------------------------------------------------- */

static void keep_run(void *context, const struct key_run *run)
{
    struct key_finder *f = context;
    if (run->state != KEY_RUN_LIVE && run->state != KEY_RUN_SOURCE)
        return;
    array_reserve(f->runs, f->run_cap, f->run_count + 1);
    f->runs[f->run_count++] = *run;
}

/* Every change of the runs moves the position. If the position went back, the views were made anew,
 * and a run may have the number of another one before. */
static enum err key_finder_refresh(struct key_finder *f, const struct key_rows *rows, uint64_t seq)
{
    if (f->loaded && f->seq == seq)
        return ERR_OK;
    if (seq < f->seq)
        filter_cache_keep(&f->filters, NULL, 0);
    f->run_count = 0;
    f->loaded = false;
    enum err e = key_runs_each(rows, keep_run, f);
    if (e != ERR_OK)
        return e;
    filter_cache_keep(&f->filters, f->runs, f->run_count);
    f->seq = seq;
    f->loaded = true;
    return ERR_OK;
}

/* --- looking up ------------------------------------------------------------------------------- */

struct fetch {
    struct filter_cache *filters;
    uint64_t run;
    struct id128 key;
    enum filter_answer answer;
};

static void take_filter(void *context, struct id128 first, struct id128 last, struct slice bits)
{
    struct fetch *f = context;
    filter_cache_put(f->filters, f->run, first, last, bits);
    bool maybe = id128_compare(f->key, last) <= 0 &&
                 key_filter_maybe(bits, key_filter_hash(f->key));
    f->answer = maybe ? FILTER_MAYBE : FILTER_ABSENT;
}

static enum err look_into(struct key_finder *f, const struct key_rows *rows,
                          const struct key_run *run, struct id128 key, uint64_t *position)
{
    if (!key_run_spans(run, key))
        return ERR_NOT_FOUND;
    struct fetch fetch = {&f->filters, run->number, key, FILTER_MAYBE};
    fetch.answer = filter_cache_ask(&f->filters, run->number, key);
    if (fetch.answer == FILTER_UNKNOWN) {
        enum err e = key_run_filter(rows, run->number, key, take_filter, &fetch);
        if (e != ERR_OK && e != ERR_NOT_FOUND)
            return e;
    }
    return fetch.answer == FILTER_ABSENT ? ERR_NOT_FOUND
                                         : key_run_find(rows, run->number, key, position);
}

/* The newest run that has the key has the decision that counts. */
enum err key_finder_find(struct key_finder *f, const struct key_rows *rows, uint64_t seq,
                         struct id128 key, uint64_t *position)
{
    enum err e = key_finder_refresh(f, rows, seq);
    if (e != ERR_OK)
        return e;
    e = ERR_NOT_FOUND;
    for (size_t i = f->run_count; e == ERR_NOT_FOUND && i-- > 0;)
        e = look_into(f, rows, &f->runs[i], key, position);
    return e;
}
