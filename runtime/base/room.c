/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/room.h"

#include <stdlib.h>

#define ROOM_MIN 8

void *room_for(void *items, size_t needed, size_t *cap, size_t size)
{
    if (needed <= *cap)
        return items;
    size_t larger = *cap + *cap / 2;
    if (larger < ROOM_MIN)
        larger = ROOM_MIN;
    *cap = larger > needed ? larger : needed;
    void *moved = reallocarray(items, *cap, size);
    check(moved != NULL);
    return moved;
}
