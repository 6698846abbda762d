/* SPDX-License-Identifier: Apache-2.0 */
/* Works in groups of items. Two groups ahead of the item at work the slots of the tables are
 * fetched, of actors and of decisions; one group ahead, when these have come, the actors' states.
 * When an item begins, the actors found for it are put where a look-up looks first. A group is gone
 * through once for each id that its items have: the table and its size stay in registers then. */
#include "runtime/shard/look_ahead.h"

#include "runtime/shard/shard_priv.h"

/* An id of an item, by its address. */
static inline struct id128 look_ahead_id(const char *item_id)
{
    struct id128 id;
    memcpy(&id, item_id, sizeof id);
    return id;
}

/* Items of the group that begins at this one; the last group may be short, those after it empty. */
static uint32_t look_ahead_length(const struct look_ahead *l, uint32_t first)
{
    uint32_t left = first < l->count ? l->count - first : 0;
    return left < LOOK_AHEAD_GROUP ? left : LOOK_AHEAD_GROUP;
}

static const char *look_ahead_first(const struct look_ahead *l, uint32_t first, uint16_t offset)
{
    return l->items + (size_t)first * l->item_size + offset;
}

static void look_ahead_slots(struct shard *s, uint32_t first)
{
    struct look_ahead *l = &s->look_ahead;
    uint32_t length = look_ahead_length(l, first);
    for (uint16_t k = 0; k < l->actor_count; k++) {
        const char *at = look_ahead_first(l, first, l->actors[k].offset);
        uint64_t *hashes = l->hashes[first / LOOK_AHEAD_GROUP % 2][k];
        for (uint32_t i = 0; i < length; i++, at += l->item_size) {
            hashes[i] = id128_hash(look_ahead_id(at));
            registry_prefetch_slot(&s->registry, l->actors[k].kind, hashes[i]);
        }
    }
    for (uint16_t k = 0; k < l->decision_count; k++) {
        const char *at = look_ahead_first(l, first, l->decisions[k].offset);
        for (uint32_t i = 0; i < length; i++, at += l->item_size) {
            struct id128 id = look_ahead_id(at);
            if (!id128_is_zero(id))
                dedup_table_prefetch(&s->ids, id);
        }
    }
}

/* First all are found, then fetched: so that the slots' misses overlap, too. */
static void look_ahead_states(struct shard *s, uint32_t first)
{
    struct look_ahead *l = &s->look_ahead;
    const struct registry *r = &s->registry;
    uint32_t length = look_ahead_length(l, first);
    for (uint16_t k = 0; k < l->actor_count; k++) {
        uint16_t kind = l->actors[k].kind;
        struct actor **found = l->found[first / LOOK_AHEAD_GROUP % 2][k];
        const uint64_t *hashes = l->hashes[first / LOOK_AHEAD_GROUP % 2][k];
        for (uint32_t i = 0; i < length; i++)
            found[i] = registry_guess(r, kind, hashes[i]);
        for (uint32_t i = 0; i < length; i++)
            registry_prefetch(r, kind, found[i]);
    }
}

static void look_ahead_take_ids(struct look_ahead *l, const struct domain *d,
                                const struct message_type *item)
{
    for (uint16_t i = 0; i < item->id_count; i++) {
        const struct message_id *id = &item->ids[i];
        if (d->decided[id->kind] && l->decision_count < LOOK_AHEAD_IDS_MAX)
            l->decisions[l->decision_count++] = *id;
        else if (!d->decided[id->kind] && l->actor_count < LOOK_AHEAD_IDS_MAX)
            l->actors[l->actor_count++] = *id;
    }
}

void look_ahead_begin(struct shard *s, const struct message *m)
{
    struct look_ahead *l = &s->look_ahead;
    check(m->type->list_count == 1);
    const struct message_list *list = &m->type->lists[0];
    *l = (struct look_ahead){.item_size = list->item->size};
    memcpy(&l->items, (const char *)m->body + list->offset, sizeof l->items);
    memcpy(&l->count, (const char *)m->body + list->count_offset, sizeof l->count);
    look_ahead_take_ids(l, s->options.domain, list->item);
    look_ahead_slots(s, 0);
    look_ahead_slots(s, LOOK_AHEAD_GROUP);
    look_ahead_states(s, 0);
}

static void look_ahead_recall(struct shard *s, uint32_t item)
{
    const struct look_ahead *l = &s->look_ahead;
    struct actor *const *found = &l->found[item / LOOK_AHEAD_GROUP % 2][0][item % LOOK_AHEAD_GROUP];
    struct actor *const *end = found + (size_t)l->actor_count * LOOK_AHEAD_GROUP;
    for (; found < end; found += LOOK_AHEAD_GROUP)
        if (*found != NULL)
            registry_recall(&s->registry, *found);
}

static cold void look_ahead_group(struct shard *s, uint32_t item)
{
    look_ahead_slots(s, item + 2 * LOOK_AHEAD_GROUP);
    look_ahead_states(s, item + LOOK_AHEAD_GROUP);
    look_ahead_recall(s, item);
}

void look_ahead_item(struct shard *s, uint32_t item)
{
    check(item < s->look_ahead.count);
    if (item % LOOK_AHEAD_GROUP == 0)
        look_ahead_group(s, item);
    else
        look_ahead_recall(s, item);
}

void look_ahead_forget(struct shard *s)
{
    memset(s->look_ahead.found, 0, sizeof s->look_ahead.found);
}
