/* SPDX-License-Identifier: Apache-2.0 */
/* All factors go into one number of 512 bits, then it is divided by all divisors: 128 bits of an
 * amount, two rates of 60, a spread of 20 and a power of ten of 156 fit. */
#include "actors/common/rate.h"

#include "runtime/base/wide.h"

/* A quotient while it is made: what is to be divided by, and the power of ten. */
struct quotient {
    struct wide value;
    uint64_t divisors[RATE_STEPS_MAX + 1];
    uint32_t count;
    int32_t exponent;
};

bool rate_of_decimal(struct decimal d, struct rate *ret)
{
    while (d.scale > 0 && d.digits % 10 == 0 && d.digits > 0) {
        d.digits /= 10;
        d.scale--;
    }
    if (d.digits == 0 || d.digits >= RATE_BELOW || d.scale > RATE_DIGITS_MAX)
        return false;
    *ret = (struct rate){(uint64_t)d.digits, d.scale};
    return true;
}

static bool quotient_divide(struct quotient *q, uint64_t divisor)
{
    check(q->count < RATE_STEPS_MAX + 1 && divisor > 0);
    q->divisors[q->count++] = divisor;
    return true;
}

/* Times the way, or (back) divided by it. */
static bool quotient_go(struct quotient *q, const struct rate_way *way, bool back)
{
    bool fits = true;
    check(way->count <= RATE_STEPS_MAX);
    for (uint8_t i = 0; fits && i < way->count; i++) {
        const struct rate *r = &way->rates[i];
        bool divides = way->divides[i] != back;
        check(r->digits > 0 && r->digits < RATE_BELOW && r->scale <= RATE_DIGITS_MAX);
        fits = divides ? quotient_divide(q, r->digits) : wide_multiply(&q->value, r->digits);
        q->exponent += divides ? r->scale : -(int32_t)r->scale;
    }
    return fits;
}

/* Rounded as asked. To round half to even twice as much is divided. */
static bool quotient_end(struct quotient *q, enum rate_rounding rounding, struct wide *ret)
{
    bool halves = rounding == RATE_HALF_EVEN, lost = false;
    struct wide w = q->value;
    if (halves && !wide_multiply(&w, 2))
        return false;
    if (q->exponent > 0 && !wide_shift_up(&w, (uint32_t)q->exponent))
        return false;
    for (uint32_t i = 0; i < q->count; i++)
        lost |= wide_divide(&w, q->divisors[i]) != 0;
    if (q->exponent < 0)
        lost |= wide_shift_down(&w, (uint32_t)-q->exponent);
    bool more = rounding == RATE_UP && lost;
    if (halves && wide_divide(&w, 2) != 0)
        more = lost || (w.limbs[0] & 1) != 0;
    for (int i = 0; more && i < WIDE_LIMBS; i++)
        more = ++w.limbs[i] == 0;
    *ret = w;
    return true;
}

bool rate_target(const struct rate_way *way, struct rate_decimals d, uint32_t spread, u128 source,
                 enum rate_rounding rounding, u128 *ret)
{
    struct quotient q = {.value = wide_of(source), .exponent = d.to - d.from};
    struct wide w;
    check(spread < RATE_PARTS);
    return quotient_go(&q, way, false) && wide_multiply(&q.value, RATE_PARTS - spread) &&
           quotient_divide(&q, RATE_PARTS) && quotient_end(&q, rounding, &w) &&
           wide_narrow(&w, ret);
}

bool rate_source(const struct rate_way *way, struct rate_decimals d, uint32_t spread, u128 target,
                 u128 *ret)
{
    struct quotient q = {.value = wide_of(target), .exponent = d.from - d.to};
    struct wide w;
    check(spread < RATE_PARTS);
    return quotient_go(&q, way, true) && wide_multiply(&q.value, RATE_PARTS) &&
           quotient_divide(&q, RATE_PARTS - spread) && quotient_end(&q, RATE_UP, &w) &&
           wide_narrow(&w, ret);
}

/* --- to be shown ------------------------------------------------------------------------------ */

/* The way's rate times 10^exponent. */
static u128 rate_scaled(const struct rate_way *way, int32_t exponent)
{
    struct quotient q = {.value = wide_of(1), .exponent = exponent};
    struct wide w;
    u128 value = 0;
    bool fits = quotient_go(&q, way, false) && quotient_end(&q, RATE_HALF_EVEN, &w) &&
                wide_narrow(&w, &value);
    check(fits);
    return value;
}

static struct decimal rate_exact(const struct rate_way *way)
{
    struct decimal d = {1, 0};
    for (uint8_t i = 0; i < way->count; i++) {
        d.digits *= way->rates[i].digits;
        d.scale = (uint8_t)(d.scale + way->rates[i].scale);
    }
    while (d.scale > 0 && d.digits % 10 == 0) {
        d.digits /= 10;
        d.scale--;
    }
    return d;
}

struct decimal rate_shown(const struct rate_way *way)
{
    bool multiplies = true;
    for (uint8_t i = 0; i < way->count; i++)
        multiplies &= !way->divides[i];
    struct decimal exact = rate_exact(way);
    if (multiplies && exact.digits < RATE_BELOW && exact.scale <= RATE_DIGITS_MAX)
        return exact;
    /* The least power of ten with which it has as many digits. */
    int32_t exponent = -2 * RATE_DIGITS_MAX;
    u128 least = 1;
    for (int i = 1; i < RATE_SHOWN_DIGITS; i++)
        least *= 10;
    while (rate_scaled(way, exponent) < least)
        exponent++;
    u128 digits = rate_scaled(way, exponent);
    if (digits == least * 10) {
        digits = least;
        exponent--;
    }
    for (; exponent < 0; exponent++)
        digits *= 10;
    return (struct decimal){digits, (uint8_t)exponent};
}

/* --- jumps ------------------------------------------------------------------------------------ */

/* In units of the same size, however many decimals they have; times `parts`. */
static struct wide rate_unit(struct rate r, uint32_t parts)
{
    struct wide w = wide_of(r.digits);
    bool fits = wide_shift_up(&w, (uint32_t)RATE_DIGITS_MAX - r.scale) && wide_multiply(&w, parts);
    check(fits);
    return w;
}

bool rate_jumped(struct rate old, struct rate new, uint32_t limit)
{
    check(limit < RATE_PARTS);
    const struct wide now = rate_unit(new, RATE_PARTS);
    const struct wide most = rate_unit(old, RATE_PARTS + limit);
    const struct wide least = rate_unit(old, RATE_PARTS - limit);
    return wide_compare(&now, &most) > 0 || wide_compare(&now, &least) < 0;
}
