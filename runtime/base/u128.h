/* SPDX-License-Identifier: Apache-2.0 */
/* Unsigned 128-bit integers, the type of every amount and counter (minor units). Additions go
 * through the checked forms; a plain + on money is a bug. */
#ifndef BASE_U128_H
#define BASE_U128_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

__extension__ typedef unsigned __int128 u128;

#define U128_MAX (~(u128)0)
#define U128_TEXT_MAX 40 /* 39 digits and NUL */

/* false on overflow or underflow; *sum is then untouched. */
static inline bool u128_add(u128 a, u128 b, u128 *sum)
{
    u128 s = a + b;
    if (s < a)
        return false;
    *sum = s;
    return true;
}

static inline bool u128_sub(u128 a, u128 b, u128 *difference)
{
    if (b > a)
        return false;
    *difference = a - b;
    return true;
}

/* false on overflow; *product is then untouched. */
bool u128_mul(u128 a, u128 b, u128 *product);

/* Decimal digits without sign or leading zeros; returns the length (NUL-terminated as well). */
size_t u128_text(u128 value, char text[U128_TEXT_MAX]);

/* Parses 1..39 decimal digits; false on anything else, leading zeros beyond "0" included. */
bool u128_parse(const char *text, size_t len, u128 *value);

#endif
