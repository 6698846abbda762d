/* SPDX-License-Identifier: Apache-2.0 */
/* See outcome.h. */
#include "runtime/journal/outcome.h"

#include "runtime/journal/record.h"

bool outcomes_init(struct outcomes *o, size_t count_max, size_t filter_bytes)
{
    *o = (struct outcomes){
        .count_max = count_max,
        .count_keep = count_max / 4,
        .timed = filter_bytes == 0,
    };
    table_init(&o->table);
    slab_init(&o->slab, sizeof(struct outcome));
    list_init(&o->by_age);
    return o->timed || filter_init(&o->filter, filter_bytes);
}

void outcomes_done(struct outcomes *o)
{
    table_done(&o->table);
    slab_done(&o->slab);
    if (!o->timed)
        filter_done(&o->filter);
}

void outcomes_clear(struct outcomes *o, uint64_t dropped_ms)
{
    table_done(&o->table);
    slab_done(&o->slab);
    list_init(&o->by_age);
    o->dropped_ms = dropped_ms;
}

static struct outcome *find(const struct outcomes *o, struct id128 key)
{
    struct table_entry *e = table_find(&o->table, key);
    return e == NULL ? NULL : container_of(e, struct outcome, entry);
}

static enum outcome_answer known(const struct outcome *outcome, uint64_t *place)
{
    *place = outcome->place;
    return outcome->place == 0 ? OUTCOME_NEW : OUTCOME_FOUND;
}

/* A derived id (top bit set) tells no time. */
static bool tells_time(struct id128 id)
{
    return id.hi >> 63 == 0;
}

enum outcome_answer outcomes_find(const struct outcomes *o, struct id128 key, uint64_t *place)
{
    /* The filter holds what the table holds as well, in fewer cache lines. */
    if (o->filter_complete && !filter_maybe(&o->filter, key))
        return OUTCOME_NEW;
    struct outcome *outcome = find(o, key);
    if (outcome != NULL)
        return known(outcome, place);
    bool fresh = o->timed && tells_time(key) && id128_unix_ms(key) > o->dropped_ms;
    return fresh ? OUTCOME_NEW : OUTCOME_ASK;
}

static struct outcome *put(struct outcomes *o, struct id128 key, uint64_t place)
{
    struct outcome *outcome = find(o, key);
    if (outcome != NULL) {
        outcome->place = place;
        list_remove(&outcome->age);
        list_append(&o->by_age, &outcome->age);
        return outcome;
    }
    outcome = slab_take(&o->slab);
    check(outcome != NULL);
    *outcome = (struct outcome){.entry.id = key, .place = place};
    list_append(&o->by_age, &outcome->age);
    bool inserted = table_insert(&o->table, &outcome->entry);
    check(inserted);
    return outcome;
}

struct outcome *outcomes_add(struct outcomes *o, struct id128 key, uint64_t place)
{
    if (!o->timed)
        filter_add(&o->filter, key);
    return put(o, key, place);
}

void outcomes_learn(struct outcomes *o, struct id128 key, uint64_t place)
{
    /* A turn may have decided it since the question was asked: then memory knows better. */
    if (find(o, key) == NULL)
        put(o, key, place);
}

void outcomes_remove(struct outcomes *o, struct outcome *outcome)
{
    list_remove(&outcome->age);
    table_remove(&o->table, &outcome->entry);
    slab_give(&o->slab, outcome);
}

void outcomes_projected(struct outcomes *o, uint64_t seq)
{
    o->projected_seq = seq;
    while (o->table.count > o->count_keep) {
        struct outcome *oldest = container_of(o->by_age.next, struct outcome, age);
        if (place_seq(oldest->place) > seq)
            break;
        struct id128 id = oldest->entry.id;
        if (oldest->place != 0 && tells_time(id) && id128_unix_ms(id) > o->dropped_ms)
            o->dropped_ms = id128_unix_ms(id);
        outcomes_remove(o, oldest);
    }
}
