/* SPDX-License-Identifier: Apache-2.0 */
/* Works in groups of items. Two groups ahead of the item at work the slots of the tables are
 * fetched, of actors and of decisions; one group ahead, when these have come, the actors' states.
 * When an item begins, the actors found for it are put where a look-up looks first. */
#include "runtime/shard/look_ahead.h"

#include "runtime/shard/shard_priv.h"

static struct id128 look_ahead_id(const struct look_ahead *l, uint32_t item,
                                  const struct message_id *id)
{
    struct id128 at;
    memcpy(&at, l->items + (size_t)item * l->item_size + id->offset, sizeof at);
    return at;
}

static uint32_t look_ahead_end(const struct look_ahead *l, uint32_t first)
{
    return first + LOOK_AHEAD_GROUP < l->count ? first + LOOK_AHEAD_GROUP : l->count;
}

static void look_ahead_slots(struct shard *s, uint32_t first)
{
    const struct look_ahead *l = &s->look_ahead;
    for (uint32_t i = first; i < look_ahead_end(l, first); i++) {
        for (uint16_t k = 0; k < l->actor_count; k++) {
            struct id128 id = look_ahead_id(l, i, &l->actors[k]);
            registry_prefetch_slot(&s->registry, l->actors[k].kind, id128_hash(id));
        }
        for (uint16_t k = 0; k < l->decision_count; k++) {
            struct id128 id = look_ahead_id(l, i, &l->decisions[k]);
            if (!id128_is_zero(id))
                dedup_table_prefetch(&s->ids, id);
        }
    }
}

static void look_ahead_states(struct shard *s, uint32_t first)
{
    struct look_ahead *l = &s->look_ahead;
    struct actor **found = l->found[first / LOOK_AHEAD_GROUP % 2], **at = found;
    for (uint32_t i = first; i < look_ahead_end(l, first); i++) {
        for (uint16_t k = 0; k < l->actor_count; k++) {
            struct id128 id = look_ahead_id(l, i, &l->actors[k]);
            *at++ = registry_guess(&s->registry, l->actors[k].kind, id128_hash(id));
        }
    }
    for (uint16_t k = 0; found < at; found++, k = k + 1 < l->actor_count ? k + 1 : 0)
        registry_prefetch(&s->registry, l->actors[k].kind, *found);
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

void look_ahead_item(struct shard *s, uint32_t item)
{
    struct look_ahead *l = &s->look_ahead;
    check(item < l->count);
    uint32_t within = item % LOOK_AHEAD_GROUP;
    if (within == 0) {
        look_ahead_slots(s, item + 2 * LOOK_AHEAD_GROUP);
        look_ahead_states(s, item + LOOK_AHEAD_GROUP);
    }
    struct actor **found = &l->found[item / LOOK_AHEAD_GROUP % 2][within * l->actor_count];
    for (uint16_t k = 0; k < l->actor_count; k++)
        if (found[k] != NULL)
            registry_recall(&s->registry, found[k]);
}

void look_ahead_forget(struct shard *s)
{
    memset(s->look_ahead.found, 0, sizeof s->look_ahead.found);
}
