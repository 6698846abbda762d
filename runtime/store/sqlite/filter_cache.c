/* SPDX-License-Identifier: Apache-2.0 */
/* Runs, and the filters of each, are sorted arrays searched by halves. The clock's hand is a
 * position in them; after filters were forgotten it points to another, which costs no more than an
 * early eviction. */
#include "runtime/store/sqlite/filter_cache.h"

#include <stdlib.h>

#include "runtime/base/array.h"
#include "runtime/base/memory.h"

void filter_cache_init(struct filter_cache *c, size_t bytes_max)
{
    *c = (struct filter_cache){.bytes_max = bytes_max};
}

static size_t size_of(uint32_t bits)
{
    return sizeof(struct cached_filter) + sizeof(struct cached_filter *) + bits;
}

static void filter_cache_forget(struct filter_cache *c, struct cached_filter *filter)
{
    c->bytes -= size_of(filter->size);
    free(filter);
}

static void forget_run(struct filter_cache *c, struct cached_run *run)
{
    while (run->count > 0)
        filter_cache_forget(c, run->filters[--run->count]);
    free(run->filters);
}

void filter_cache_done(struct filter_cache *c)
{
    while (c->run_count > 0)
        forget_run(c, &c->runs[--c->run_count]);
    free(c->runs);
    *c = (struct filter_cache){0};
}

/* The first run whose number is not below this. */
static size_t run_at(const struct filter_cache *c, uint64_t number)
{
    size_t low = 0, high = c->run_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (c->runs[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct cached_run *find_run(const struct filter_cache *c, uint64_t number)
{
    size_t at = run_at(c, number);
    return at < c->run_count && c->runs[at].number == number ? &c->runs[at] : NULL;
}

/* The number of filters that begin at the key or before it. */
static size_t filter_cache_begun(const struct cached_run *run, struct id128 key)
{
    size_t low = 0, high = run->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (id128_compare(run->filters[middle]->first, key) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

enum filter_answer filter_cache_ask(struct filter_cache *c, uint64_t number, struct id128 key)
{
    const struct cached_run *run = find_run(c, number);
    size_t at = run == NULL ? 0 : filter_cache_begun(run, key);
    if (at == 0)
        return FILTER_UNKNOWN;
    struct cached_filter *filter = run->filters[at - 1];
    if (id128_compare(key, filter->last) > 0)
        return FILTER_UNKNOWN;
    filter->asked = true;
    const struct slice bits = {(const char *)filter->bytes, filter->size};
    return key_filter_maybe(bits, key_filter_hash(key)) ? FILTER_MAYBE : FILTER_ABSENT;
}

/* --- making room ------------------------------------------------------------------------------ */

/* The run that the hand is in, NULL if it has just moved on to the next. */
static struct cached_run *at_hand(struct filter_cache *c)
{
    if (c->hand_run >= c->run_count)
        c->hand_run = c->hand_filter = 0;
    struct cached_run *run = &c->runs[c->hand_run];
    if (c->hand_filter < run->count)
        return run;
    c->hand_run++;
    c->hand_filter = 0;
    return NULL;
}

static void evict_one(struct filter_cache *c)
{
    for (;;) {
        struct cached_run *run = at_hand(c);
        if (run == NULL)
            continue;
        struct cached_filter *filter = run->filters[c->hand_filter];
        if (!filter->asked) {
            run->count--;
            memmove(run->filters + c->hand_filter, run->filters + c->hand_filter + 1,
                    (run->count - c->hand_filter) * sizeof *run->filters);
            filter_cache_forget(c, filter);
            return;
        }
        filter->asked = false;
        c->hand_filter++;
    }
}

/* --- keeping ---------------------------------------------------------------------------------- */

static struct cached_run *add_run(struct filter_cache *c, uint64_t number)
{
    size_t at = run_at(c, number);
    array_reserve(c->runs, c->run_cap, c->run_count + 1);
    memmove(c->runs + at + 1, c->runs + at, (c->run_count - at) * sizeof *c->runs);
    c->run_count++;
    c->runs[at] = (struct cached_run){.number = number};
    return &c->runs[at];
}

void filter_cache_put(struct filter_cache *c, uint64_t number, struct id128 first,
                      struct id128 last, struct slice bits)
{
    const size_t size = size_of(bits.len);
    if (size > c->bytes_max)
        return;
    while (c->bytes + size > c->bytes_max)
        evict_one(c);
    struct cached_run *run = find_run(c, number);
    if (run == NULL)
        run = add_run(c, number);
    size_t at = filter_cache_begun(run, first);
    if (at > 0 && id128_equal(run->filters[at - 1]->first, first))
        return;
    struct cached_filter *filter = memory_take(sizeof *filter + bits.len);
    *filter = (struct cached_filter){first, last, true, bits.len};
    memcpy(filter->bytes, bits.data, bits.len);
    array_reserve(run->filters, run->cap, run->count + 1);
    memmove(run->filters + at + 1, run->filters + at, (run->count - at) * sizeof *run->filters);
    run->filters[at] = filter;
    run->count++;
    c->bytes += size;
}

void filter_cache_keep(struct filter_cache *c, const struct key_run *runs, size_t count)
{
    size_t kept = 0, at = 0;
    for (size_t i = 0; i < c->run_count; i++) {
        while (at < count && runs[at].number < c->runs[i].number)
            at++;
        if (at < count && runs[at].number == c->runs[i].number)
            c->runs[kept++] = c->runs[i];
        else
            forget_run(c, &c->runs[i]);
    }
    c->run_count = kept;
}
