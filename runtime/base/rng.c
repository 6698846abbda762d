/* SPDX-License-Identifier: Apache-2.0 */
/* xoshiro256** (Blackman and Vigna) with its four words expanded from one seed by splitmix64, which
 * cannot give the state of all zeros. The same seed gives the same numbers on every machine: the
 * simulator's runs are repeated by it. */
#include "runtime/base/rng.h"

#include "runtime/base/check.h"
#include "runtime/base/u128.h"

static uint64_t rng_splitmix64(uint64_t *state)
{
    uint64_t z = (*state += 0x9E3779B97F4A7C15u);
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

void rng_seed(struct rng *r, uint64_t seed)
{
    for (size_t i = 0; i < array_len(r->s); i++)
        r->s[i] = rng_splitmix64(&seed);
}

static uint64_t rng_rotate(uint64_t x, int bits)
{
    return x << bits | x >> (64 - bits);
}

uint64_t rng_next(struct rng *r)
{
    uint64_t *s = r->s;
    uint64_t result = rng_rotate(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rng_rotate(s[3], 45);
    return result;
}

uint64_t rng_below(struct rng *r, uint64_t bound)
{
    check(bound > 0);
    /* The high half of a product is uniform once the few low halves that would favour some
     * results are drawn again (Lemire 2019). */
    u128 product = (u128)rng_next(r) * bound;
    if ((uint64_t)product < bound) {
        uint64_t unfair = (0 - bound) % bound;
        while ((uint64_t)product < unfair)
            product = (u128)rng_next(r) * bound;
    }
    return (uint64_t)(product >> 64);
}

int rng_chance(struct rng *r, uint32_t parts_per_million)
{
    check(parts_per_million <= 1000000);
    return rng_below(r, 1000000) < parts_per_million;
}
