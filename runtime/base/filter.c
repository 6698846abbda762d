/* SPDX-License-Identifier: Apache-2.0 */
/* A blocked Bloom filter: the upper half of the key's hash picks a block of eight words, which is
 * one cache line, and the rest picks one bit in each word; a look-up therefore costs one miss of
 * the cache. Bits are only ever set: an old key stays "maybe seen", which costs a look-up and no
 * correctness. Huge pages where the system gives them, since each key lies on another page. A page
 * takes memory with its first key: what is asked of the system zeroed it gives when it is touched.
 */
#include "runtime/base/filter.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/base/huge.h"
#include "runtime/base/memory.h"

#define BLOCK_SIZE sizeof(uint64_t[8])
#define BLOCK_WORDS 8
#define BLOCKS_MAX ((size_t)1 << 32) /* the block comes from 32 bits of the hash */

void filter_init(struct filter *f, size_t bytes)
{
    check(bytes > 0);
    size_t blocks = 1;
    while (blocks <= bytes / BLOCK_SIZE / 2 && blocks < BLOCKS_MAX)
        blocks *= 2;
    *f = (struct filter){.block_mask = blocks - 1};
    size_t size = blocks * BLOCK_SIZE, align = size < HUGE_PAGE_SIZE ? BLOCK_SIZE : HUGE_PAGE_SIZE;
    f->memory = memory_take_zeroed(1, size + align);
    f->blocks = (uint64_t(*)[8])(f->memory + (-(uintptr_t)f->memory & (align - 1)));
    huge_page_advise(f->blocks, size);
}

void filter_done(struct filter *f)
{
    free(f->memory);
    *f = (struct filter){0};
}

void filter_clear(struct filter *f)
{
    if (f->added > 0)
        memset(f->blocks, 0, (f->block_mask + 1) * BLOCK_SIZE);
    f->added = 0;
}

/* Six bits per word, from the bits the block was not taken from and mixed again. */
static uint64_t filter_choices(uint64_t hash)
{
    return ((hash ^ hash >> 29) * 0xBF58476D1CE4E5B9u) >> 16;
}

void filter_add(struct filter *f, struct id128 key)
{
    uint64_t hash = id128_hash(key);
    uint64_t *block = f->blocks[(hash >> 32) & f->block_mask];
    uint64_t choices = filter_choices(hash);
    for (size_t i = 0; i < BLOCK_WORDS; i++)
        block[i] |= (uint64_t)1 << (choices >> (6 * i) & 63);
    f->added++;
}

void filter_prefetch(const struct filter *f, struct id128 key)
{
    __builtin_prefetch(f->blocks[(id128_hash(key) >> 32) & f->block_mask], 1);
}

bool filter_maybe(const struct filter *f, struct id128 key)
{
    uint64_t hash = id128_hash(key);
    const uint64_t *block = f->blocks[(hash >> 32) & f->block_mask];
    uint64_t choices = filter_choices(hash);
    uint64_t all = 1;
    for (size_t i = 0; i < BLOCK_WORDS; i++)
        all &= block[i] >> (choices >> (6 * i) & 63);
    return all != 0;
}
