/* SPDX-License-Identifier: Apache-2.0 */
/* Schoolbook arithmetic: a factor or divisor of one limb needs no more. */
#include "runtime/base/wide.h"

#define WIDE_POWER_DIGITS 19 /* 10^19 is the highest power of ten in 64 bits */

static uint64_t wide_power(uint32_t exponent)
{
    uint64_t power = 1;
    check(exponent <= WIDE_POWER_DIGITS);
    for (uint32_t i = 0; i < exponent; i++)
        power *= 10;
    return power;
}

struct wide wide_of(u128 value)
{
    return (struct wide){{(uint64_t)value, (uint64_t)(value >> 64)}};
}

bool wide_multiply(struct wide *w, uint64_t factor)
{
    uint64_t carry = 0;
    for (int i = 0; i < WIDE_LIMBS; i++) {
        u128 product = (u128)w->limbs[i] * factor + carry;
        w->limbs[i] = (uint64_t)product;
        carry = (uint64_t)(product >> 64);
    }
    return carry == 0;
}

uint64_t wide_divide(struct wide *w, uint64_t divisor)
{
    uint64_t rest = 0;
    check(divisor > 0);
    for (int i = WIDE_LIMBS - 1; i >= 0; i--) {
        u128 part = (u128)rest << 64 | w->limbs[i];
        w->limbs[i] = (uint64_t)(part / divisor);
        rest = (uint64_t)(part % divisor);
    }
    return rest;
}

bool wide_shift_up(struct wide *w, uint32_t exponent)
{
    bool fits = true;
    for (; fits && exponent > WIDE_POWER_DIGITS; exponent -= WIDE_POWER_DIGITS)
        fits = wide_multiply(w, wide_power(WIDE_POWER_DIGITS));
    return fits && wide_multiply(w, wide_power(exponent));
}

bool wide_shift_down(struct wide *w, uint32_t exponent)
{
    bool lost = false;
    for (; exponent > WIDE_POWER_DIGITS; exponent -= WIDE_POWER_DIGITS)
        lost |= wide_divide(w, wide_power(WIDE_POWER_DIGITS)) != 0;
    return (wide_divide(w, wide_power(exponent)) != 0) | lost;
}

int wide_compare(const struct wide *a, const struct wide *b)
{
    for (int i = WIDE_LIMBS - 1; i >= 0; i--)
        if (a->limbs[i] != b->limbs[i])
            return a->limbs[i] < b->limbs[i] ? -1 : 1;
    return 0;
}

bool wide_narrow(const struct wide *w, u128 *value)
{
    for (int i = 2; i < WIDE_LIMBS; i++)
        if (w->limbs[i] != 0)
            return false;
    *value = (u128)w->limbs[1] << 64 | w->limbs[0];
    return true;
}
