/* SPDX-License-Identifier: Apache-2.0 */
/* Key filter: which keys a stretch of a run certainly lacks. A blocked Bloom filter (Putze,
 * Sanders, Singler 2007), kept in the views beside the keys it is made of: blocks of 64 bytes for
 * 50 keys each, eight bits a key, one in each eighth of its block. 10.2 bits a key; of keys that
 * are not there 1 in 100 passes (0.93 % measured, fewer of small filters). What is stored depends
 * on all of this and on the hash: neither changes without new views. */
#ifndef SQLITE_KEY_FILTER_H
#define SQLITE_KEY_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/id128.h"
#include "runtime/base/slice.h"

#define KEY_FILTER_KEYS 6400       /* at most in one filter */
#define KEY_FILTER_BYTES_MAX 8192  /* of a filter with that number: one overflow page */

static inline uint64_t key_filter_hash(struct id128 key)
{
    uint64_t h = (key.hi ^ key.lo * 0x9E3779B97F4A7C15u) * 0xD6E8FEB86659FD93u;
    h = (h ^ h >> 32) * 0xBF58476D1CE4E5B9u;
    return h ^ h >> 29;
}

/* The filter of the keys with these hashes (1 to KEY_FILTER_KEYS); returns its size. */
uint32_t key_filter_make(const uint64_t *hashes, uint32_t count,
                         uint8_t bytes[KEY_FILTER_BYTES_MAX]);

/* Can these bytes be a filter? */
bool key_filter_fits(struct slice bytes);

/* false: none of its keys has the hash. */
bool key_filter_maybe(struct slice bytes, uint64_t hash);

#endif
