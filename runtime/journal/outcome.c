/* SPDX-License-Identifier: Apache-2.0 */
/* See outcome.h. */
#include "runtime/journal/outcome.h"

#include <stdlib.h>

#include "runtime/journal/record.h"

#define GENERATIONS_MIN 4

struct generation {
    uint32_t count;
    uint64_t newest_seq; /* of its places */
    struct outcome slots[OUTCOME_GENERATION_SLOTS];
};

_Static_assert((OUTCOME_GENERATION_SLOTS & (OUTCOME_GENERATION_SLOTS - 1)) == 0, "a power of two");

bool outcomes_init(struct outcomes *o, size_t count_max, size_t filter_bytes)
{
    size_t generations = count_max / OUTCOME_GENERATION_COUNT;
    if (generations < GENERATIONS_MIN)
        generations = GENERATIONS_MIN;
    *o = (struct outcomes){
        .generation_max = (uint32_t)generations,
        .generation_keep = (uint32_t)generations / 4,
        .timed = filter_bytes == 0,
    };
    o->generations = calloc(generations, sizeof *o->generations);
    o->ranges = calloc(generations, sizeof *o->ranges);
    return o->generations != NULL && o->ranges != NULL &&
           (o->timed || filter_init(&o->filter, filter_bytes));
}

void outcomes_clear(struct outcomes *o, uint64_t dropped_ms)
{
    while (o->generation_count > 0)
        free(o->generations[--o->generation_count]);
    o->count = 0;
    o->dropped_ms = dropped_ms;
}

void outcomes_done(struct outcomes *o)
{
    outcomes_clear(o, 0);
    free(o->generations);
    free(o->ranges);
    if (!o->timed)
        filter_done(&o->filter);
}

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

static struct generation *newest_with_room(struct outcomes *o)
{
    struct generation *g =
        o->generation_count == 0 ? NULL : o->generations[o->generation_count - 1];
    if (g != NULL && g->count < OUTCOME_GENERATION_COUNT)
        return g;
    if (o->generation_count == o->generation_max) {
        /* A recovery may bring back more than fits: they all are unprojected. */
        o->generation_max *= 2;
        o->generations = realloc(o->generations, o->generation_max * sizeof *o->generations);
        o->ranges = realloc(o->ranges, o->generation_max * sizeof *o->ranges);
        check(o->generations != NULL && o->ranges != NULL);
    }
    g = calloc(1, sizeof *g); /* fresh zero pages, touched as they fill */
    check(g != NULL);
    uint64_t reach_ms = o->generation_count == 0 ? 0 : o->ranges[o->generation_count - 1].reach_ms;
    o->ranges[o->generation_count] = (struct outcome_range){UINT64_MAX, reach_ms};
    o->generations[o->generation_count++] = g;
    return g;
}

/* --- all of them ----------------------------------------------------------------------------- */

/* A derived id (top bit set) tells no time. */
static bool tells_time(struct id128 id)
{
    return id.hi >> 63 == 0;
}

/* The key's entry, and the generation it is in. */
static struct outcome *find(const struct outcomes *o, struct id128 key, struct generation **where)
{
    uint64_t ms = id128_unix_ms(key);
    for (uint32_t i = o->generation_count; i-- > 0;) {
        if (o->timed && ms > o->ranges[i].reach_ms)
            return NULL;
        if (o->timed && ms < o->ranges[i].oldest_ms)
            continue;
        struct generation *g = o->generations[i];
        struct outcome *slot = slot_of(g, key);
        if (!id128_is_zero(slot->key)) {
            *where = g;
            return slot;
        }
    }
    return NULL;
}

enum outcome_answer outcomes_find(const struct outcomes *o, struct id128 key, uint64_t *place)
{
    if (id128_is_zero(key))
        return OUTCOME_NEW; /* no id at all: whoever asks will refuse it */
    /* The filter holds what the generations hold as well, in fewer cache lines. */
    if (o->filter_complete && !filter_maybe(&o->filter, key))
        return OUTCOME_NEW;
    struct generation *where;
    struct outcome *outcome = find(o, key, &where);
    if (outcome != NULL) {
        *place = outcome->place;
        return outcome->place == 0 ? OUTCOME_NEW : OUTCOME_FOUND;
    }
    bool fresh = o->timed && tells_time(key) && id128_unix_ms(key) > o->dropped_ms;
    return fresh ? OUTCOME_NEW : OUTCOME_ASK;
}

void outcomes_prefetch(const struct outcomes *o, struct id128 key)
{
    if (!o->timed)
        filter_prefetch(&o->filter, key);
    if (o->generation_count == 0)
        return;
    const struct generation *g = o->generations[o->generation_count - 1];
    __builtin_prefetch(&g->slots[home_of(key)]);
}

static void set_place(struct generation *g, struct outcome *outcome, uint64_t place)
{
    outcome->place = place;
    if (place_seq(place) > g->newest_seq)
        g->newest_seq = place_seq(place);
}

/* No generation holds it: the filter knows all they hold. */
static bool is_new(const struct outcomes *o, struct id128 key)
{
    return !o->timed && !filter_maybe(&o->filter, key);
}

static struct outcome *put(struct outcomes *o, struct id128 key, uint64_t place)
{
    check(!id128_is_zero(key));
    if (!o->timed)
        filter_add(&o->filter, key);
    struct generation *g = newest_with_room(o);
    struct outcome *outcome = slot_of(g, key);
    outcome->key = key;
    g->count++;
    o->count++;
    struct outcome_range *range = &o->ranges[o->generation_count - 1];
    uint64_t ms = id128_unix_ms(key);
    if (ms < range->oldest_ms)
        range->oldest_ms = ms;
    if (ms > range->reach_ms)
        range->reach_ms = ms;
    set_place(g, outcome, place);
    return outcome;
}

struct outcome *outcomes_add(struct outcomes *o, struct id128 key, uint64_t place)
{
    struct generation *where;
    struct outcome *outcome = is_new(o, key) ? NULL : find(o, key, &where);
    if (outcome == NULL)
        return put(o, key, place);
    set_place(where, outcome, place);
    return outcome;
}

void outcomes_remove(struct outcome *outcome)
{
    outcome->place = 0;
}

/* --- making room ----------------------------------------------------------------------------- */

static void drop_oldest(struct outcomes *o)
{
    struct generation *g = o->generations[0];
    for (size_t i = 0; i < OUTCOME_GENERATION_SLOTS; i++) {
        const struct outcome *outcome = &g->slots[i];
        uint64_t ms = id128_unix_ms(outcome->key);
        if (outcome->place != 0 && tells_time(outcome->key) && ms > o->dropped_ms)
            o->dropped_ms = ms;
    }
    o->count -= g->count;
    free(g);
    o->generation_count--;
    memmove(o->generations, o->generations + 1, o->generation_count * sizeof *o->generations);
    memmove(o->ranges, o->ranges + 1, o->generation_count * sizeof *o->ranges);
}

void outcomes_projected(struct outcomes *o, uint64_t seq)
{
    o->projected_seq = seq;
    while (o->generation_count > o->generation_keep && o->generations[0]->newest_seq <= seq)
        drop_oldest(o);
}

bool outcomes_full(const struct outcomes *o)
{
    return o->generation_count >= o->generation_max &&
           o->generations[o->generation_count - 1]->count >= OUTCOME_GENERATION_COUNT;
}

bool outcomes_crowded(const struct outcomes *o)
{
    return o->generation_count >= o->generation_max / 2;
}

void outcomes_learn(struct outcomes *o, struct id128 key, uint64_t place)
{
    /* A turn may have decided it since the question was asked: then memory knows better. */
    struct generation *where;
    if (!is_new(o, key) && find(o, key, &where) != NULL)
        return;
    /* Questions alone fill the memory too, and bring no step of the projector that drops it. */
    if (outcomes_full(o))
        outcomes_projected(o, o->projected_seq);
    put(o, key, place);
}
