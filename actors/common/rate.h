/* SPDX-License-Identifier: Apache-2.0 */
/* Rate: exact arithmetic of exchange. The rate of a pair says how many units of the second currency
 * one unit of the first is worth. An inverse is never stored: who goes the other way divides by
 * what is. A cross rate is two rates at once; whatever the way, there is one rounding, at the
 * minor unit of the result. */
#ifndef COMMON_RATE_H
#define COMMON_RATE_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/check.h"
#include "runtime/base/u128.h"
#include "schemas/currency.h"

#define RATE_DIGITS_MAX 18
#define RATE_BELOW UINT64_C(1000000000000000000) /* 10^18 */
#define RATE_STEPS_MAX 2
#define RATE_PARTS 1000000u /* a spread, or a share, is in millionths */
#define RATE_SHOWN_DIGITS 12

/* digits / 10^scale. */
struct rate {
    uint64_t digits; /* 1 .. RATE_BELOW - 1 */
    uint8_t scale;   /* at most RATE_DIGITS_MAX */
};

/* From one currency to another: zero (they are the same), one or two rates, each multiplied by or
 * divided by. */
struct rate_way {
    struct rate rates[RATE_STEPS_MAX];
    bool divides[RATE_STEPS_MAX];
    uint8_t count;
};

/* Between which currencies, by the number of their decimals. */
struct rate_decimals {
    uint8_t from, to;
};

enum rate_rounding {
    RATE_DOWN,
    RATE_UP,
    RATE_HALF_EVEN,
};

/* Not 0, at most 18 digits. Zeros behind the last digit after the point do not count. */
must_check bool rate_of_decimal(struct decimal d, struct rate *ret);

/* What `source` is in the other currency, less the spread: against the customer, rounded down.
 * false: beyond 128 bits. */
must_check bool rate_target(const struct rate_way *way, struct rate_decimals d, uint32_t spread,
                            u128 source, enum rate_rounding rounding, u128 *ret);

/* What has to be given so that `target` comes out, the spread included: rounded up, the least of
 * which rate_target() makes as much. false: beyond 128 bits. */
must_check bool rate_source(const struct rate_way *way, struct rate_decimals d, uint32_t spread,
                            u128 target, u128 *ret);

/* The rate of the whole way, to be shown: exact where multiplying gives no more than 18 digits,
 * else RATE_SHOWN_DIGITS of them, half to even. Never to be calculated with. */
struct decimal rate_shown(const struct rate_way *way);

/* Is the new rate further away from the old one than `limit` millionths of it? */
bool rate_jumped(struct rate old, struct rate new, uint32_t limit);

#endif
