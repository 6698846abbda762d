/* SPDX-License-Identifier: Apache-2.0 */
/* xoshiro256** (Blackman, Vigna 2018): fast, seedable, not for secrets. The simulated world draws
 * everything from one of these; the real one seeds it from getrandom() for the random bits of ids
 * only. */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include <stdint.h>

struct rng {
    uint64_t s[4];
};

/* Expands one seed with splitmix64. */
void rng_seed(struct rng *r, uint64_t seed);
uint64_t rng_next(struct rng *r);

/* Uniform in [0, bound), bound > 0. */
uint64_t rng_below(struct rng *r, uint64_t bound);

/* True with probability parts_per_million / 1e6. */
int rng_chance(struct rng *r, uint32_t parts_per_million);

#endif
