/* SPDX-License-Identifier: Apache-2.0 */
/* Blocked Bloom filter (Putze, Sanders, Singler 2007): one cache line per key, 8 bits each. Says
 * "certainly new" or "maybe seen"; it only spares a look-up in the store and is never the
 * authority. Not thread-safe. */
#ifndef BASE_FILTER_H
#define BASE_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/check.h"
#include "runtime/base/id128.h"

struct filter {
    uint8_t *memory; /* with the blocks in it, aligned */
    uint64_t (*blocks)[8];
    size_t block_mask;
    uint64_t added;
};

/* Takes about `bytes` (rounded down to a power of two, at least 64). */
void filter_init(struct filter *f, size_t bytes);
void filter_done(struct filter *f);
void filter_clear(struct filter *f); /* of all that was added */

void filter_add(struct filter *f, struct id128 key);
void filter_prefetch(const struct filter *f, struct id128 key); /* for the next two calls */
bool filter_maybe(const struct filter *f, struct id128 key);

#endif
