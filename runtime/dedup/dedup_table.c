/* SPDX-License-Identifier: Apache-2.0 */
/* Three rows of generations: `decided` and `early`, which only dedup_table_projected() shortens,
 * oldest first, once the views have all of a generation, and `learned`, which drops its oldest when
 * it is full. Early ids have a row of their own: among the others one far time would end all that
 * the order of times spares. A look-up walks from the newest back. Of a key that memory does not
 * have it is known that it is new if the filter lacks it (hashes), or if its time is beyond that of
 * all that left, but for the early ones, which early_ids.h knows (ids); else the views are asked. A
 * decided key that the views had said to be new is overwritten in `learned`. */
#include "runtime/dedup/dedup_table.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/base/array.h"
#include "runtime/base/check.h"
#include "runtime/base/memory.h"
#include "runtime/journal/record.h"

#define GENERATIONS_MIN 4
#define GENERATIONS_KEPT_MIN 2 /* one is being filled, another was */

/* The entries in the order they came, and a hash table of their numbers: so small that it stays in
 * the cache, where a table of the entries themselves would cost two misses for each new key. */
struct generation {
    uint32_t count;
    uint64_t newest_seq; /* of its positions */
    uint32_t slots[DEDUP_GENERATION_SLOTS]; /* 0, or 1 + the entry's number, 16 bits of its hash
                                                 above: a probe past it then does not read it */
    struct dedup_entry entries[DEDUP_GENERATION_COUNT]; /* never read before they are written */
};

#define SLOT_TAG_SHIFT 16

static_assert((DEDUP_GENERATION_SLOTS & (DEDUP_GENERATION_SLOTS - 1)) == 0, "a power of two");
static_assert(DEDUP_GENERATION_COUNT < 1u << SLOT_TAG_SHIFT, "a number fits below the tag");
static_assert(DEDUP_GENERATION_COUNT < DEDUP_GENERATION_SLOTS, "every probe ends");

/* Stands in the slot of a key that left; no id can be it, and it is answered as new. */
static const struct id128 gone = {UINT64_MAX, UINT64_MAX};

/* --- one generation --------------------------------------------------------------------------- */

static size_t home_of(uint64_t hash)
{
    return (size_t)(hash >> 32) & (DEDUP_GENERATION_SLOTS - 1);
}

/* By the low bits of the hash, of which the home is not made. */
static uint32_t tag_of(uint64_t hash)
{
    return (uint32_t)hash << SLOT_TAG_SHIFT;
}

static struct dedup_entry *entry_of(struct generation *g, uint32_t slot)
{
    const uint32_t number = slot & ((1u << SLOT_TAG_SHIFT) - 1);
    check(number > 0 && number <= DEDUP_GENERATION_COUNT);
    return &g->entries[number - 1];
}

/* NULL: it is not in it. */
static cold struct dedup_entry *generation_find(struct generation *g, struct id128 key)
{
    uint64_t hash = id128_hash(key);
    uint32_t tag = tag_of(hash);
    for (size_t i = home_of(hash);; i = (i + 1) & (DEDUP_GENERATION_SLOTS - 1)) {
        uint32_t slot = g->slots[i];
        if (slot == 0)
            return NULL;
        if ((slot ^ tag) >> SLOT_TAG_SHIFT == 0 && id128_equal(entry_of(g, slot)->key, key))
            return entry_of(g, slot);
    }
}

/* A key that is not in it. */
static struct dedup_entry *generation_put(struct generation *g, struct id128 key)
{
    uint64_t hash = id128_hash(key);
    size_t i = home_of(hash);
    while (g->slots[i] != 0)
        i = (i + 1) & (DEDUP_GENERATION_SLOTS - 1);
    check(g->count < DEDUP_GENERATION_COUNT);
    struct dedup_entry *outcome = &g->entries[g->count++];
    g->slots[i] = tag_of(hash) | g->count;
    check(entry_of(g, g->slots[i]) == outcome);
    outcome->key = key;
    return outcome;
}

static void set_position(struct generation *g, struct dedup_entry *outcome, uint64_t position)
{
    check(position == 0 || position_seq(position) > 0);
    outcome->position = position;
    if (position_seq(position) > g->newest_seq)
        g->newest_seq = position_seq(position);
}

/* --- a row of them ---------------------------------------------------------------------------- */

static void generations_init(struct generations *row, uint32_t cap)
{
    check(cap > 0 && row->items == NULL);
    row->items = memory_take_zeroed(cap, sizeof *row->items);
    row->ranges = memory_take_zeroed(cap, sizeof *row->ranges);
    row->cap = cap;
}

static void generations_clear(struct generations *row)
{
    check(row->count <= row->cap);
    while (row->count > 0)
        free(row->items[--row->count]);
    row->entries = 0;
}

static void generations_done(struct generations *row)
{
    generations_clear(row);
    check(row->count == 0 && row->entries == 0);
    free(row->items);
    free(row->ranges);
}

static bool has_room(const struct generations *row)
{
    check(row->count <= row->cap);
    return row->count > 0 && row->items[row->count - 1]->count < DEDUP_GENERATION_COUNT;
}

static struct generation *newest_with_room(struct generations *row)
{
    if (has_room(row))
        return row->items[row->count - 1];
    if (row->count == row->cap) {
        /* A recovery may bring back more than fits: they all are unprojected. */
        row->cap *= 2;
        row->items = array_resize(row->items, row->cap, sizeof *row->items);
        row->ranges = array_resize(row->ranges, row->cap, sizeof *row->ranges);
    }
    check(row->count < row->cap);
    struct generation *g = memory_take(sizeof *g);
    g->count = 0;
    g->newest_seq = 0;
    memset(g->slots, 0, sizeof g->slots);
    struct id128 reach = row->count == 0 ? ID128_ZERO : row->ranges[row->count - 1].reach;
    row->ranges[row->count] = (struct dedup_range){{UINT64_MAX, UINT64_MAX}, reach};
    row->items[row->count++] = g;
    return g;
}

/* Later than all in the row: so are nearly all ids that are new. */
static inline bool generations_before(const struct generations *row, bool timed, struct id128 key)
{
    check(row->count > 0);
    return timed && id128_tells_time(key) &&
           id128_compare(key, row->ranges[row->count - 1].reach) > 0;
}

static cold struct dedup_entry *generations_search(const struct generations *row, bool timed,
                                                   struct id128 key, struct generation **where)
{
    check(row->count <= row->cap);
    timed = timed && id128_tells_time(key);
    for (uint32_t i = row->count; i-- > 0;) {
        const struct dedup_range *range = &row->ranges[i];
        if (timed && id128_compare(key, range->reach) > 0)
            return NULL;
        if (timed && id128_compare(key, range->oldest) < 0)
            continue;
        struct dedup_entry *outcome = generation_find(row->items[i], key);
        if (outcome != NULL) {
            *where = row->items[i];
            return outcome;
        }
    }
    return NULL;
}

/* The key's entry, and the generation it is in. */
static inline struct dedup_entry *generations_find(const struct generations *row, bool timed,
                                                   struct id128 key, struct generation **where)
{
    if (row->count == 0 || generations_before(row, timed, key))
        return NULL;
    return generations_search(row, timed, key, where);
}

static void range_take_in(struct dedup_range *range, struct id128 key)
{
    if (!id128_tells_time(key))
        return;
    if (id128_compare(key, range->oldest) < 0)
        range->oldest = key;
    if (id128_compare(key, range->reach) > 0)
        range->reach = key;
    else
        check(id128_compare(range->oldest, range->reach) <= 0);
}

static struct dedup_entry *generations_put(struct generations *row, struct id128 key,
                                           uint64_t position)
{
    check(!id128_is_zero(key));
    struct generation *g = newest_with_room(row);
    struct dedup_entry *outcome = generation_put(g, key);
    row->entries++;
    range_take_in(&row->ranges[row->count - 1], key);
    set_position(g, outcome, position);
    return outcome;
}

static void generations_drop_oldest(struct generations *row)
{
    check(row->count > 0 && row->entries >= row->items[0]->count);
    row->entries -= row->items[0]->count;
    free(row->items[0]);
    row->count--;
    memmove(row->items, row->items + 1, row->count * sizeof *row->items);
    memmove(row->ranges, row->ranges + 1, row->count * sizeof *row->ranges);
}

/* --- all of them ------------------------------------------------------------------------------ */

void dedup_table_init(struct dedup_table *o, size_t count_max, struct early_ids *early_ids,
                      size_t filter_bytes)
{
    check(count_max > 0);
    check((early_ids == NULL) == (filter_bytes > 0));
    size_t most = count_max / DEDUP_GENERATION_COUNT;
    if (most < GENERATIONS_MIN)
        most = GENERATIONS_MIN;
    *o = (struct dedup_table){
        .decided_max = (uint32_t)most,
        .kept = (uint32_t)most / 4,
        .early_ids = early_ids,
    };
    if (o->kept < GENERATIONS_KEPT_MIN)
        o->kept = GENERATIONS_KEPT_MIN;
    check(o->kept < o->decided_max);
    generations_init(&o->decided, o->decided_max);
    generations_init(&o->early, 1);
    generations_init(&o->learned, o->kept);
    if (early_ids == NULL)
        filter_init(&o->filter, filter_bytes);
}

void dedup_table_clear(struct dedup_table *o, bool whole, uint64_t dropped_ms)
{
    generations_clear(&o->decided);
    generations_clear(&o->early);
    generations_clear(&o->learned);
    o->whole = whole;
    o->dropped_ms = dropped_ms;
    check(dedup_table_count(o) == 0);
}

void dedup_table_done(struct dedup_table *o)
{
    generations_done(&o->decided);
    generations_done(&o->early);
    generations_done(&o->learned);
    if (o->early_ids == NULL)
        filter_done(&o->filter);
}

/* An id that certainly never left memory: neither the views nor their answers have it. */
static bool dedup_table_fresh(const struct dedup_table *o, struct id128 key)
{
    if (o->early_ids == NULL || o->whole)
        return o->early_ids != NULL;
    return id128_tells_time(key) && id128_unix_ms(key) > o->dropped_ms &&
           early_ids_lack(o->early_ids, key);
}

/* In what was decided here. */
static inline struct dedup_entry *dedup_table_decided(const struct dedup_table *o, struct id128 key,
                                                      struct generation **where)
{
    const bool timed = o->early_ids != NULL;
    check(timed || o->early.count == 0);
    struct dedup_entry *outcome = generations_find(&o->decided, timed, key, where);
    if (outcome == NULL && o->early.count > 0 && id128_tells_time(key))
        outcome = generations_search(&o->early, timed, key, where);
    return outcome;
}

static struct dedup_entry *dedup_table_learned(const struct dedup_table *o, struct id128 key,
                                               struct generation **where)
{
    check(!id128_is_zero(key));
    return generations_find(&o->learned, o->early_ids != NULL, key, where);
}

enum dedup_answer dedup_table_find(const struct dedup_table *o, struct id128 key,
                                   uint64_t *position)
{
    if (id128_is_zero(key))
        return DEDUP_NEW; /* no id at all: whoever asks will refuse it */
    /* The filter holds what the generations hold as well, in fewer cache lines. */
    if (o->filter_complete && !filter_maybe(&o->filter, key))
        return DEDUP_NEW;
    struct generation *where;
    struct dedup_entry *outcome = dedup_table_decided(o, key, &where);
    if (outcome == NULL && dedup_table_fresh(o, key))
        return DEDUP_NEW;
    if (outcome == NULL)
        outcome = dedup_table_learned(o, key, &where);
    if (outcome == NULL)
        return DEDUP_ASK;
    check(id128_equal(outcome->key, key));
    *position = outcome->position;
    return outcome->position == 0 ? DEDUP_NEW : DEDUP_FOUND;
}

void dedup_table_prefetch(const struct dedup_table *o, struct id128 key)
{
    if (o->early_ids == NULL)
        filter_prefetch(&o->filter, key);
    if (o->decided.count == 0)
        return;
    const struct generation *g = o->decided.items[o->decided.count - 1];
    check(g != NULL);
    __builtin_prefetch(&g->slots[home_of(id128_hash(key))]);
}

/* No generation has it: the filter has all that they have. */
static bool is_new(const struct dedup_table *o, struct id128 key)
{
    check(!id128_is_zero(key));
    return o->early_ids == NULL && !filter_maybe(&o->filter, key);
}

/* What the views said is true no longer. */
static void dedup_table_unlearn(struct dedup_table *o, struct id128 key)
{
    struct generation *where;
    struct dedup_entry *outcome = dedup_table_learned(o, key, &where);
    if (outcome != NULL)
        *outcome = (struct dedup_entry){gone, 0};
}

struct dedup_entry *dedup_table_add(struct dedup_table *o, struct id128 key, uint64_t position,
                                    uint64_t time_ns)
{
    struct generation *where;
    check(position != 0);
    bool is_known_new = is_new(o, key);
    struct dedup_entry *outcome = is_known_new ? NULL : dedup_table_decided(o, key, &where);
    if (outcome != NULL) {
        set_position(where, outcome, position);
        return outcome;
    }
    if (!is_known_new)
        dedup_table_unlearn(o, key);
    if (o->early_ids == NULL)
        filter_add(&o->filter, key);
    bool early = o->early_ids != NULL && early_ids_is_early(key, time_ns);
    check(!early || id128_tells_time(key));
    return generations_put(early ? &o->early : &o->decided, key, position);
}

void dedup_table_remove(struct dedup_entry *outcome)
{
    check(outcome->position != 0);
    outcome->position = 0;
}

void dedup_table_cache(struct dedup_table *o, struct id128 key, uint64_t position)
{
    /* A turn may have decided it since the question was asked: memory is then newer. */
    struct generation *where;
    if (!is_new(o, key) && (dedup_table_decided(o, key, &where) != NULL ||
                            dedup_table_learned(o, key, &where) != NULL))
        return;
    if (o->learned.count == o->kept && !has_room(&o->learned))
        generations_drop_oldest(&o->learned);
    check(o->learned.count <= o->kept);
    if (o->early_ids == NULL)
        filter_add(&o->filter, key);
    generations_put(&o->learned, key, position);
}

/* --- making room ------------------------------------------------------------------------------ */

static void drop_oldest(struct dedup_table *o)
{
    check(o->decided.count > o->kept);
    const struct generation *g = o->decided.items[0];
    for (uint32_t i = 0; i < g->count; i++) {
        const struct dedup_entry *outcome = &g->entries[i];
        uint64_t ms = id128_unix_ms(outcome->key);
        if (outcome->position != 0 && id128_tells_time(outcome->key) && ms > o->dropped_ms)
            o->dropped_ms = ms;
    }
    o->whole = false;
    generations_drop_oldest(&o->decided);
}

static void drop_early(struct dedup_table *o)
{
    check(o->early_ids != NULL);
    const struct generation *g = o->early.items[0];
    for (uint32_t i = 0; i < g->count; i++)
        if (g->entries[i].position != 0)
            early_ids_note(o->early_ids, g->entries[i].key);
    o->whole = false;
    generations_drop_oldest(&o->early);
}

/* The generation that is being filled stays. */
void dedup_table_projected(struct dedup_table *o, uint64_t seq)
{
    while (o->decided.count > o->kept && o->decided.items[0]->newest_seq <= seq)
        drop_oldest(o);
    while (o->early.count > 1 && o->early.items[0]->newest_seq <= seq)
        drop_early(o);
    check(o->decided.count > 0 || o->decided.entries == 0);
}

bool dedup_table_full(const struct dedup_table *o)
{
    uint32_t count = o->decided.count + o->early.count;
    return count > o->decided_max || (count == o->decided_max && !has_room(&o->decided));
}

bool dedup_table_filling(const struct dedup_table *o)
{
    check(o->decided_max >= GENERATIONS_MIN);
    return o->decided.count + o->early.count >= o->decided_max / 2;
}

uint32_t dedup_table_behind(const struct dedup_table *o, uint64_t seq)
{
    uint32_t behind = 0;
    while (behind < o->decided.count &&
           o->decided.items[o->decided.count - 1 - behind]->newest_seq > seq)
        behind++;
    check(behind <= o->decided.count && o->decided_max > 0);
    return behind * 100 / o->decided_max;
}
