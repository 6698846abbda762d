/* SPDX-License-Identifier: Apache-2.0 */
/* Making, storing and spelling of 128-bit identifiers. */
#include "runtime/base/id128.h"

#include "runtime/base/u128.h"

/* Crockford's base32: no I, L, O, U. Their look-alike aliases are refused, so that an id has one
 * spelling per letter case. */
static const char digits[33] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

struct id128 id128_make(uint64_t unix_ms, uint64_t random, uint16_t home)
{
    return (struct id128){
        .hi = unix_ms << 16 | random >> 48,
        .lo = random << 16 | home,
    };
}

void id128_store(struct id128 id, uint8_t bytes[16])
{
    uint64_t hi = __builtin_bswap64(id.hi);
    uint64_t lo = __builtin_bswap64(id.lo);
    _Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the stored form is big-endian");
    __builtin_memcpy(bytes, &hi, 8);
    __builtin_memcpy(bytes + 8, &lo, 8);
}

struct id128 id128_load(const uint8_t bytes[16])
{
    uint64_t hi, lo;
    __builtin_memcpy(&hi, bytes, 8);
    __builtin_memcpy(&lo, bytes + 8, 8);
    return (struct id128){__builtin_bswap64(hi), __builtin_bswap64(lo)};
}

void id128_text(struct id128 id, char text[ID128_TEXT_LEN])
{
    u128 v = (u128)id.hi << 64 | id.lo;
    for (size_t i = ID128_TEXT_LEN; i > 0; i--) {
        text[i - 1] = digits[(unsigned)v & 31];
        v >>= 5;
    }
}

/* 0..31, or -1 for a foreign character. */
static int digit_value(char c)
{
    if (c >= 'a' && c <= 'z')
        c = (char)(c - 'a' + 'A');
    if (c >= '0' && c <= '9')
        return c - '0';
    for (int i = 10; i < 32; i++)
        if (digits[i] == c)
            return i;
    return -1;
}

bool id128_parse(const char *text, size_t len, struct id128 *id)
{
    if (len != ID128_TEXT_LEN)
        return false;
    u128 v = 0;
    for (size_t i = 0; i < len; i++) {
        int d = digit_value(text[i]);
        /* 26 characters carry 130 bits: the first may be at most 7. */
        if (d < 0 || (i == 0 && d > 7))
            return false;
        v = v << 5 | (unsigned)d;
    }
    *id = (struct id128){(uint64_t)(v >> 64), (uint64_t)v};
    return true;
}
