/* SPDX-License-Identifier: Apache-2.0 */
/* 128-bit identifiers: 48 bits of Unix milliseconds, 64 bits that make it unique, and in the low 16
 * bits the slot, of which a table says the shard (slot_map.h), so that an id routes itself. Of the
 * 64 bits a shard's own ids begin with the fraction of the millisecond, so that they rise in the
 * order they were drawn (turn.c); clients may choose all of them at random. Text form: prefix and
 * 26 characters of Crockford base32 ("acc_01J..."), big-endian, upper case out, either case in. */
#ifndef BASE_ID128_H
#define BASE_ID128_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/check.h"
#include "runtime/base/u128.h"

struct id128 {
    uint64_t hi;
    uint64_t lo;
};

#define ID128_ZERO ((struct id128){0, 0})
#define ID128_TEXT_LEN 26

static inline bool id128_equal(struct id128 a, struct id128 b)
{
    return a.hi == b.hi && a.lo == b.lo;
}

static inline bool id128_is_zero(struct id128 id)
{
    return (id.hi | id.lo) == 0;
}

static inline bool id128_is_max(struct id128 id)
{
    return (id.hi & id.lo) == UINT64_MAX;
}

/* <0, 0, >0 in the order of the text form. */
static inline int id128_compare(struct id128 a, struct id128 b)
{
    if (a.hi != b.hi)
        return a.hi < b.hi ? -1 : 1;
    return (a.lo > b.lo) - (a.lo < b.lo);
}

/* The one before it in this order; not of zero. */
static inline struct id128 id128_before(struct id128 id)
{
    return (struct id128){id.hi - (id.lo == 0), id.lo - 1};
}

static inline uint64_t id128_unix_ms(struct id128 id)
{
    return id.hi >> 16;
}

static inline uint16_t id128_slot(struct id128 id)
{
    return (uint16_t)id.lo;
}

/* false: the first bits are no time, as of ids derived from a hash and of half of those that
 * clients draw at random. Of the others it is a hint: whoever chose the id may have had another
 * clock, or none. */
static inline bool id128_tells_time(struct id128 id)
{
    return id.hi >> 63 == 0;
}

/* One of the greatest, whose first 48 bits are set: no client may choose it. */
static inline bool id128_is_reserved(struct id128 id)
{
    return id128_unix_ms(id) == UINT64_MAX >> 16;
}

/* What the hash of ids is keyed with, in the whole process: a constant until it is set. Programs
 * that take ids of clients draw it (entropy.h); the simulator has its own, so that it repeats. */
struct id128_seed {
    uint64_t words[4];
};
extern struct id128_seed id128_seed;

/* Before the first table is filled, while there is one thread; from then on it stays. */
void id128_set_seed(const struct id128_seed *seed);
void id128_draw_seed(void); /* at random */

/* Both halves of a product, added without carry: without the bits that a factor was masked with
 * nobody knows which others give the same. */
static inline uint64_t id128_fold(uint64_t a, uint64_t b)
{
    u128 product = (u128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Well mixed 64 bits of an id for hash tables. Clients choose ids: keyed with the seed, so that
 * they cannot choose many with the same hash. Nothing that is stored or sent may depend on it. */
static inline uint64_t id128_hash(struct id128 id)
{
    const uint64_t *key = id128_seed.words;
    uint64_t h = id128_fold(id.hi ^ key[0], id.lo ^ key[1]);
    return id128_fold(h ^ key[2], key[3]);
}

/* Builds an id from its parts. */
struct id128 id128_make(uint64_t unix_ms, uint64_t random, uint16_t slot);

/* An id derived from a hash instead of a clock (one per owner): the top bit is set, so it never
 * looks like an id of our time, and the slot is put in. */
static inline struct id128 id128_derive(struct id128 hash, uint16_t slot)
{
    return (struct id128){hash.hi | (uint64_t)1 << 63, (hash.lo & ~(uint64_t)UINT16_MAX) | slot};
}

/* The same for what stands among things whose ids clients choose, as the accounts: 64 bits of the
 * hash in an id that is reserved. */
static inline struct id128 id128_reserve(struct id128 hash, uint16_t slot)
{
    return (struct id128){UINT64_MAX << 16 | (hash.hi & UINT16_MAX),
                          (hash.lo & ~(uint64_t)UINT16_MAX) | slot};
}

/* 16 bytes big-endian, the form of the wire and of the store. */
static inline void id128_store(struct id128 id, uint8_t bytes[16])
{
    uint64_t hi = __builtin_bswap64(id.hi);
    uint64_t lo = __builtin_bswap64(id.lo);
    static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the stored form is big-endian");
    __builtin_memcpy(bytes, &hi, 8);
    __builtin_memcpy(bytes + 8, &lo, 8);
}

static inline struct id128 id128_load(const uint8_t bytes[16])
{
    uint64_t hi, lo;
    __builtin_memcpy(&hi, bytes, 8);
    __builtin_memcpy(&lo, bytes + 8, 8);
    return (struct id128){__builtin_bswap64(hi), __builtin_bswap64(lo)};
}

/* Writes exactly 26 characters, no NUL. */
void id128_text(struct id128 id, char text[ID128_TEXT_LEN]);

/* Reads exactly 26 characters; false on a foreign character or a value beyond 128 bits. */
bool id128_parse(const char *text, size_t len, struct id128 *id);

#endif
