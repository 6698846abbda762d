/* SPDX-License-Identifier: Apache-2.0 */
/* A hash names one block and one of 64 bits in each of its eight parts. Filters are written and
 * read as bytes, not words: they are the same on every machine. */
#include "runtime/store/sqlite/key_filter.h"

#include <string.h>

#include "runtime/base/check.h"

#define BLOCK_SIZE 64
#define BLOCK_KEYS 50
#define BLOCK_PARTS 8 /* of 64 bits each */

static_assert(KEY_FILTER_KEYS / BLOCK_KEYS * BLOCK_SIZE == KEY_FILTER_BYTES_MAX, "a full filter");

/* The block comes from the upper half of the hash, the bits in it from both halves mixed again. */
static uint32_t block_of(uint64_t hash, uint32_t blocks)
{
    return (uint32_t)((hash >> 32) * blocks >> 32) * BLOCK_SIZE;
}

static uint64_t choices_of(uint64_t hash)
{
    return ((hash ^ hash << 31) * 0x9E3779B97F4A7C15u) >> 16; /* six bits for each part */
}

uint32_t key_filter_make(const uint64_t *hashes, uint32_t count,
                         uint8_t bytes[KEY_FILTER_BYTES_MAX])
{
    check(count > 0 && count <= KEY_FILTER_KEYS);
    const uint32_t blocks = (count + BLOCK_KEYS - 1) / BLOCK_KEYS;
    memset(bytes, 0, blocks * BLOCK_SIZE);
    for (uint32_t i = 0; i < count; i++) {
        uint8_t *part = bytes + block_of(hashes[i], blocks);
        uint64_t choices = choices_of(hashes[i]);
        for (int n = 0; n < BLOCK_PARTS; n++, part += 8, choices >>= 6)
            part[choices >> 3 & 7] |= (uint8_t)(1 << (choices & 7));
    }
    return blocks * BLOCK_SIZE;
}

bool key_filter_fits(struct slice bytes)
{
    return bytes.len > 0 && bytes.len <= KEY_FILTER_BYTES_MAX && bytes.len % BLOCK_SIZE == 0;
}

bool key_filter_maybe(struct slice bytes, uint64_t hash)
{
    const uint8_t *part = (const uint8_t *)bytes.data + block_of(hash, bytes.len / BLOCK_SIZE);
    uint64_t choices = choices_of(hash);
    for (int n = 0; n < BLOCK_PARTS; n++, part += 8, choices >>= 6)
        if ((part[choices >> 3 & 7] >> (choices & 7) & 1) == 0)
            return false;
    return true;
}
