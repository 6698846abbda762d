/* SPDX-License-Identifier: Apache-2.0 */
/* Journal position: where a record or event stands: 40 bits of its batch's number, 24 of the item
 * in it. Rows of views have it, so it finds what stands there again. */
#ifndef BASE_JOURNAL_POSITION_H
#define BASE_JOURNAL_POSITION_H

#include <stdint.h>

#include "runtime/base/check.h"

#define POSITION_ITEM_BITS 24
#define BATCH_ITEMS_MAX ((uint32_t)1 << POSITION_ITEM_BITS)

static inline uint64_t position_make(uint64_t seq, uint32_t item)
{
    check(item < BATCH_ITEMS_MAX);
    return seq << POSITION_ITEM_BITS | item;
}

static inline uint64_t position_seq(uint64_t position)
{
    return position >> POSITION_ITEM_BITS;
}

static inline uint32_t position_item(uint64_t position)
{
    return (uint32_t)(position & (BATCH_ITEMS_MAX - 1));
}

#endif
