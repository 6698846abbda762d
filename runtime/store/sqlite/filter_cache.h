/* SPDX-License-Identifier: Apache-2.0 */
/* Filter cache: the filters of runs (key_filter.h) that a reader has in memory, up to bytes_max.
 * Room is made by the clock algorithm: a hand goes round, and evicts what was not asked for since
 * it last passed. One thread at a time. */
#ifndef SQLITE_FILTER_CACHE_H
#define SQLITE_FILTER_CACHE_H

#include "runtime/store/sqlite/key_run.h"

struct cached_filter {
    struct id128 first, last;
    bool asked; /* since the hand passed */
    uint32_t size;
    uint8_t bytes[];
};

struct cached_run {
    uint64_t number;
    struct cached_filter **filters; /* by first */
    size_t count, cap;
};

struct filter_cache {
    struct cached_run *runs; /* by number */
    size_t run_count, run_cap;
    size_t bytes, bytes_max;
    size_t hand_run, hand_filter;
};

enum filter_answer {
    FILTER_UNKNOWN, /* the filter that would know is not here */
    FILTER_ABSENT,  /* the run certainly lacks the key */
    FILTER_MAYBE,
};

void filter_cache_init(struct filter_cache *c, size_t bytes_max);
void filter_cache_done(struct filter_cache *c);

enum filter_answer filter_cache_ask(struct filter_cache *c, uint64_t run, struct id128 key);

/* Keeps a copy, if there is room for it at all. */
void filter_cache_put(struct filter_cache *c, uint64_t run, struct id128 first,
                      struct id128 last, struct slice bits);

/* Forgets the filters of all runs but these, which are sorted by number. */
void filter_cache_keep(struct filter_cache *c, const struct key_run *runs, size_t count);

#endif
