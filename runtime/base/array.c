/* SPDX-License-Identifier: Apache-2.0 */
/* Growth by doubling, with at least BYTES_MIN bytes at first. Overflow of count times size is
 * caught by reallocarray(). */
#include "runtime/base/array.h"

#include <stdlib.h>

#include "runtime/base/memory.h"

#define BYTES_MIN 512 /* the first capacity: smaller steps would only be copied */

cold size_t array_larger(size_t cap, size_t needed, size_t size, size_t cap_max)
{
    check(needed > cap && needed <= cap_max && size > 0);
    size_t larger = cap <= cap_max / 2 ? cap * 2 : cap_max;
    if (larger < BYTES_MIN / size)
        larger = BYTES_MIN / size;
    if (larger < needed)
        larger = needed;
    return larger < cap_max ? larger : cap_max;
}

cold void *array_resize(void *items, size_t cap, size_t size)
{
    return memory_resize(items, cap, size);
}

void *array_try_grow(void *bytes, size_t *cap, size_t needed, size_t cap_max)
{
    if (needed > cap_max)
        return NULL;
    size_t larger = array_larger(*cap, needed, 1, cap_max);
    void *moved = realloc(bytes, larger);
    if (moved != NULL)
        *cap = larger;
    return moved;
}
