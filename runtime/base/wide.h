/* SPDX-License-Identifier: Apache-2.0 */
/* Wide: unsigned integers of 512 bits, for what lies between a product and the quotient that is
 * wanted of it. Factors and divisors are of 64 bits: to divide by several of them, one after the
 * other, rounds down once, as dividing by their product would. */
#ifndef BASE_WIDE_H
#define BASE_WIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/check.h"
#include "runtime/base/u128.h"

#define WIDE_LIMBS 8

struct wide {
    uint64_t limbs[WIDE_LIMBS]; /* the lowest first */
};

struct wide wide_of(u128 value);

/* false on overflow; *w is then undefined. */
must_check bool wide_multiply(struct wide *w, uint64_t factor);

/* By something above 0, rounded down; returns the remainder. */
uint64_t wide_divide(struct wide *w, uint64_t divisor);

/* By 10^exponent; false on overflow. */
must_check bool wide_shift_up(struct wide *w, uint32_t exponent);
/* The same down: was anything lost? */
bool wide_shift_down(struct wide *w, uint32_t exponent);

/* Below, equal to or above 0, as a is to b. */
int wide_compare(const struct wide *a, const struct wide *b);

/* false: it is more than 128 bits; *value is then untouched. */
must_check bool wide_narrow(const struct wide *w, u128 *value);

#endif
