/* SPDX-License-Identifier: Apache-2.0 */
#include "actors/common/id_places.h"

#include <string.h>

#include "runtime/base/check.h"

#define CAP_FIRST 64 /* a power of two, as all that follow */

/* Where it stands, or would. */
static uint32_t *id_places_slot(const struct id_places *p, struct id128 id)
{
    uint32_t mask = 2 * p->cap - 1;
    uint32_t i = (uint32_t)id128_hash(id) & mask;
    check(p->cap > 0 && p->count <= p->cap);
    while (p->slots[i] != 0 && !id128_equal(p->ids[p->slots[i] - 1], id))
        i = (i + 1) & mask;
    return &p->slots[i];
}

uint32_t id_places_find(const struct id_places *p, struct id128 id)
{
    if (p->count == 0)
        return ID_PLACES_NONE;
    uint32_t found = *id_places_slot(p, id);
    return found == 0 ? ID_PLACES_NONE : found - 1;
}

static void id_places_grow(struct turn *t, struct id_places *p)
{
    const struct id128 *old = p->ids;
    p->cap = p->cap == 0 ? CAP_FIRST : 2 * p->cap;
    check(p->cap > p->count);
    p->ids = turn_alloc(t, p->cap * sizeof *p->ids);
    p->slots = turn_alloc(t, (size_t)2 * p->cap * sizeof *p->slots);
    if (p->count > 0)
        memcpy(p->ids, old, p->count * sizeof *p->ids);
    for (uint32_t i = 0; i < p->count; i++)
        *id_places_slot(p, p->ids[i]) = i + 1;
}

uint32_t id_places_put(struct turn *t, struct id_places *p, struct id128 id)
{
    uint32_t found = id_places_find(p, id);
    if (found != ID_PLACES_NONE)
        return found;
    if (p->count == p->cap)
        id_places_grow(t, p);
    check(p->count < p->cap);
    uint32_t *slot = id_places_slot(p, id);
    p->ids[p->count++] = id;
    *slot = p->count;
    return p->count - 1;
}
