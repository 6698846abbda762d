/* SPDX-License-Identifier: Apache-2.0 */
/* See outcome.h. */
#include "runtime/journal/outcome.h"

#include <stdlib.h>

#include "runtime/journal/record.h"

#define GENERATIONS_MIN 4
#define GENERATIONS_KEPT_MIN 2 /* one is being filled, another was */

struct generation {
    uint32_t count;
    uint64_t newest_seq; /* of its places */
    struct outcome slots[OUTCOME_GENERATION_SLOTS];
};

_Static_assert((OUTCOME_GENERATION_SLOTS & (OUTCOME_GENERATION_SLOTS - 1)) == 0, "a power of two");

/* Stands in the slot of a key that left; no id can be it, and it is answered as new. */
static const struct id128 gone = {UINT64_MAX, UINT64_MAX};

/* --- one generation -------------------------------------------------------------------------- */

static size_t home_of(struct id128 key)
{
    return (size_t)(id128_hash(key) >> 32) & (OUTCOME_GENERATION_SLOTS - 1);
}

/* The key's slot, or the empty one where it would go. */
static struct outcome *slot_of(struct generation *g, struct id128 key)
{
    size_t i = home_of(key);
    while (!id128_is_zero(g->slots[i].key) && !id128_equal(g->slots[i].key, key))
        i = (i + 1) & (OUTCOME_GENERATION_SLOTS - 1);
    return &g->slots[i];
}

static void set_place(struct generation *g, struct outcome *outcome, uint64_t place)
{
    outcome->place = place;
    if (place_seq(place) > g->newest_seq)
        g->newest_seq = place_seq(place);
}

/* --- a row of them --------------------------------------------------------------------------- */

static bool generations_init(struct generations *row, uint32_t cap)
{
    row->items = calloc(cap, sizeof *row->items);
    row->ranges = calloc(cap, sizeof *row->ranges);
    row->cap = cap;
    return row->items != NULL && row->ranges != NULL;
}

static void generations_clear(struct generations *row)
{
    while (row->count > 0)
        free(row->items[--row->count]);
    row->entries = 0;
}

static void generations_done(struct generations *row)
{
    generations_clear(row);
    free(row->items);
    free(row->ranges);
}

static bool has_room(const struct generations *row)
{
    return row->count > 0 && row->items[row->count - 1]->count < OUTCOME_GENERATION_COUNT;
}

static struct generation *newest_with_room(struct generations *row)
{
    if (has_room(row))
        return row->items[row->count - 1];
    if (row->count == row->cap) {
        /* A recovery may bring back more than fits: they all are unprojected. */
        row->cap *= 2;
        row->items = realloc(row->items, row->cap * sizeof *row->items);
        row->ranges = realloc(row->ranges, row->cap * sizeof *row->ranges);
        check(row->items != NULL && row->ranges != NULL);
    }
    struct generation *g = calloc(1, sizeof *g); /* fresh zero pages, touched as they fill */
    check(g != NULL);
    uint64_t reach_ms = row->count == 0 ? 0 : row->ranges[row->count - 1].reach_ms;
    row->ranges[row->count] = (struct outcome_range){UINT64_MAX, reach_ms};
    row->items[row->count++] = g;
    return g;
}

/* The key's entry, and the generation it is in. */
static struct outcome *generations_find(const struct generations *row, bool timed,
                                        struct id128 key, struct generation **where)
{
    uint64_t ms = id128_unix_ms(key);
    for (uint32_t i = row->count; i-- > 0;) {
        if (timed && ms > row->ranges[i].reach_ms)
            return NULL;
        if (timed && ms < row->ranges[i].oldest_ms)
            continue;
        struct generation *g = row->items[i];
        struct outcome *slot = slot_of(g, key);
        if (!id128_is_zero(slot->key)) {
            *where = g;
            return slot;
        }
    }
    return NULL;
}

static struct outcome *generations_put(struct generations *row, struct id128 key, uint64_t place)
{
    check(!id128_is_zero(key));
    struct generation *g = newest_with_room(row);
    struct outcome *outcome = slot_of(g, key);
    outcome->key = key;
    g->count++;
    row->entries++;
    struct outcome_range *range = &row->ranges[row->count - 1];
    uint64_t ms = id128_unix_ms(key);
    if (ms < range->oldest_ms)
        range->oldest_ms = ms;
    if (ms > range->reach_ms)
        range->reach_ms = ms;
    set_place(g, outcome, place);
    return outcome;
}

static void generations_drop_oldest(struct generations *row)
{
    row->entries -= row->items[0]->count;
    free(row->items[0]);
    row->count--;
    memmove(row->items, row->items + 1, row->count * sizeof *row->items);
    memmove(row->ranges, row->ranges + 1, row->count * sizeof *row->ranges);
}

/* --- all of them ----------------------------------------------------------------------------- */

bool outcomes_init(struct outcomes *o, size_t count_max, size_t filter_bytes)
{
    size_t most = count_max / OUTCOME_GENERATION_COUNT;
    if (most < GENERATIONS_MIN)
        most = GENERATIONS_MIN;
    *o = (struct outcomes){
        .decided_max = (uint32_t)most,
        .kept = (uint32_t)most / 4,
        .timed = filter_bytes == 0,
    };
    if (o->kept < GENERATIONS_KEPT_MIN)
        o->kept = GENERATIONS_KEPT_MIN;
    return generations_init(&o->decided, o->decided_max) &&
           generations_init(&o->learned, o->kept) &&
           (o->timed || filter_init(&o->filter, filter_bytes));
}

void outcomes_clear(struct outcomes *o, uint64_t dropped_ms)
{
    generations_clear(&o->decided);
    generations_clear(&o->learned);
    o->dropped_ms = dropped_ms;
}

void outcomes_done(struct outcomes *o)
{
    generations_done(&o->decided);
    generations_done(&o->learned);
    if (!o->timed)
        filter_done(&o->filter);
}

/* A derived id (top bit set) tells no time. */
static bool tells_time(struct id128 id)
{
    return id.hi >> 63 == 0;
}

/* Later than all that left memory: neither the views nor their answers have it. */
static bool fresh(const struct outcomes *o, struct id128 key)
{
    return o->timed && tells_time(key) && id128_unix_ms(key) > o->dropped_ms;
}

enum outcome_answer outcomes_find(const struct outcomes *o, struct id128 key, uint64_t *place)
{
    if (id128_is_zero(key))
        return OUTCOME_NEW; /* no id at all: whoever asks will refuse it */
    /* The filter holds what the generations hold as well, in fewer cache lines. */
    if (o->filter_complete && !filter_maybe(&o->filter, key))
        return OUTCOME_NEW;
    struct generation *where;
    struct outcome *outcome = generations_find(&o->decided, o->timed, key, &where);
    if (outcome == NULL && fresh(o, key))
        return OUTCOME_NEW;
    if (outcome == NULL)
        outcome = generations_find(&o->learned, o->timed, key, &where);
    if (outcome == NULL)
        return OUTCOME_ASK;
    *place = outcome->place;
    return outcome->place == 0 ? OUTCOME_NEW : OUTCOME_FOUND;
}

void outcomes_prefetch(const struct outcomes *o, struct id128 key)
{
    if (!o->timed)
        filter_prefetch(&o->filter, key);
    if (o->decided.count == 0)
        return;
    const struct generation *g = o->decided.items[o->decided.count - 1];
    __builtin_prefetch(&g->slots[home_of(key)]);
}

/* No generation holds it: the filter knows all they hold. */
static bool is_new(const struct outcomes *o, struct id128 key)
{
    return !o->timed && !filter_maybe(&o->filter, key);
}

/* What the views said is true no longer. */
static void unlearn(struct outcomes *o, struct id128 key)
{
    struct generation *where;
    struct outcome *outcome = generations_find(&o->learned, o->timed, key, &where);
    if (outcome != NULL)
        *outcome = (struct outcome){gone, 0};
}

struct outcome *outcomes_add(struct outcomes *o, struct id128 key, uint64_t place)
{
    struct generation *where;
    bool is_known_new = is_new(o, key);
    struct outcome *outcome =
        is_known_new ? NULL : generations_find(&o->decided, o->timed, key, &where);
    if (outcome != NULL) {
        set_place(where, outcome, place);
        return outcome;
    }
    if (!is_known_new && !fresh(o, key))
        unlearn(o, key);
    if (!o->timed)
        filter_add(&o->filter, key);
    return generations_put(&o->decided, key, place);
}

void outcomes_remove(struct outcome *outcome)
{
    outcome->place = 0;
}

void outcomes_learn(struct outcomes *o, struct id128 key, uint64_t place)
{
    /* A turn may have decided it since the question was asked: then memory knows better. */
    struct generation *where;
    if (!is_new(o, key) &&
        (generations_find(&o->decided, o->timed, key, &where) != NULL ||
         generations_find(&o->learned, o->timed, key, &where) != NULL))
        return;
    if (o->learned.count == o->kept && !has_room(&o->learned))
        generations_drop_oldest(&o->learned);
    if (!o->timed)
        filter_add(&o->filter, key);
    generations_put(&o->learned, key, place);
}

/* --- making room ----------------------------------------------------------------------------- */

static void drop_oldest(struct outcomes *o)
{
    const struct generation *g = o->decided.items[0];
    for (size_t i = 0; i < OUTCOME_GENERATION_SLOTS; i++) {
        const struct outcome *outcome = &g->slots[i];
        uint64_t ms = id128_unix_ms(outcome->key);
        if (outcome->place != 0 && tells_time(outcome->key) && ms > o->dropped_ms)
            o->dropped_ms = ms;
    }
    generations_drop_oldest(&o->decided);
}

void outcomes_projected(struct outcomes *o, uint64_t seq)
{
    while (o->decided.count > o->kept && o->decided.items[0]->newest_seq <= seq)
        drop_oldest(o);
}

bool outcomes_full(const struct outcomes *o)
{
    return o->decided.count > o->decided_max ||
           (o->decided.count == o->decided_max && !has_room(&o->decided));
}

bool outcomes_crowded(const struct outcomes *o)
{
    return o->decided.count >= o->decided_max / 2;
}

uint32_t outcomes_behind(const struct outcomes *o, uint64_t seq)
{
    uint32_t behind = 0;
    while (behind < o->decided.count &&
           o->decided.items[o->decided.count - 1 - behind]->newest_seq > seq)
        behind++;
    return behind * 100 / o->decided_max;
}
