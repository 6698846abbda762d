/* SPDX-License-Identifier: Apache-2.0 */
/* Id places: at which place in an array what has an id stands, for as long as a turn lasts. */
#ifndef COMMON_ID_PLACES_H
#define COMMON_ID_PLACES_H

#include <stdint.h>

#include "runtime/actor/turn.h"
#include "runtime/base/id128.h"

#define ID_PLACES_NONE UINT32_MAX

struct id_places { /* zeroed: none */
    struct id128 *ids;
    uint32_t *slots; /* twice as many; a place and 1, or 0 */
    uint32_t count, cap;
};

/* ID_PLACES_NONE: it has none. */
uint32_t id_places_find(const struct id_places *p, struct id128 id);

/* The place that it has, or gets: the next one. In the turn's memory. */
uint32_t id_places_put(struct turn *t, struct id_places *p, struct id128 id);

#endif
