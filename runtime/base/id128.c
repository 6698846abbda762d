/* SPDX-License-Identifier: Apache-2.0 */
/* The text is base32 of the number, made in two groups of 60 bits and two single characters, so
 * that no shift of 128 bits is needed. Reading looks each character up in a table and gathers all
 * values in one word; a foreign character sets bits above 31 there, which are looked at once at the
 * end instead of at each of 26 characters. */
#include "runtime/base/id128.h"

#include "runtime/base/entropy.h"

/* Crockford's base32: no I, L, O, U. Their look-alike aliases are refused, so that an id has one
 * spelling per letter case. */
static const char digits[33] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/* Digits of pi, as good as any. */
struct id128_seed id128_seed = {
    {0x243F6A8885A308D3u, 0x13198A2E03707344u, 0xA4093822299F31D0u, 0x082EFA98EC4E6C89u}};

void id128_set_seed(const struct id128_seed *seed)
{
    id128_seed = *seed;
    id128_seed.words[3] |= 1; /* as a factor it must not be 0 */
}

void id128_draw_seed(void)
{
    struct id128_seed seed;
    entropy_fill(&seed, sizeof seed);
    id128_set_seed(&seed);
}

struct id128 id128_make(uint64_t unix_ms, uint64_t random, uint16_t slot)
{
    check(unix_ms >> 48 == 0);
    return (struct id128){
        .hi = unix_ms << 16 | random >> 48,
        .lo = random << 16 | slot,
    };
}

/* The text is 3 bits of hi, 60 more in 12 characters, the last bit of hi with 4 of lo, and the 60
 * bits that are left of lo in 12 characters: no shift of 128 bits is needed. */
#define GROUP_LEN 12
#define GROUP_MASK (((uint64_t)1 << 60) - 1)
#define MIDDLE (1 + GROUP_LEN) /* the character with bits of both */

static inline void id128_put_group(uint64_t bits, char text[GROUP_LEN])
{
    for (unsigned i = 0; i < GROUP_LEN; i++)
        text[i] = digits[bits >> (5 * (GROUP_LEN - 1 - i)) & 31];
}

void id128_text(struct id128 id, char text[ID128_TEXT_LEN])
{
    text[0] = digits[id.hi >> 61];
    id128_put_group(id.hi >> 1 & GROUP_MASK, text + 1);
    text[MIDDLE] = digits[(id.hi & 1) << 4 | id.lo >> 60];
    id128_put_group(id.lo & GROUP_MASK, text + MIDDLE + 1);
}

/* Of each character its value plus one; 0 = foreign. */
#define LETTER(UPPER, LOWER, VALUE) [UPPER] = (VALUE) + 1, [LOWER] = (VALUE) + 1
static const uint8_t values[256] = {
    ['0'] = 1, ['1'] = 2, ['2'] = 3, ['3'] = 4, ['4'] = 5,
    ['5'] = 6, ['6'] = 7, ['7'] = 8, ['8'] = 9, ['9'] = 10,
    LETTER('A', 'a', 10), LETTER('B', 'b', 11), LETTER('C', 'c', 12), LETTER('D', 'd', 13),
    LETTER('E', 'e', 14), LETTER('F', 'f', 15), LETTER('G', 'g', 16), LETTER('H', 'h', 17),
    LETTER('J', 'j', 18), LETTER('K', 'k', 19), LETTER('M', 'm', 20), LETTER('N', 'n', 21),
    LETTER('P', 'p', 22), LETTER('Q', 'q', 23), LETTER('R', 'r', 24), LETTER('S', 's', 25),
    LETTER('T', 't', 26), LETTER('V', 'v', 27), LETTER('W', 'w', 28), LETTER('X', 'x', 29),
    LETTER('Y', 'y', 30), LETTER('Z', 'z', 31),
};

/* 0..31; a foreign character has higher bits set. */
static inline unsigned id128_digit(char c)
{
    return (unsigned)values[(unsigned char)c] - 1;
}

static inline uint64_t id128_get_group(const char text[GROUP_LEN], unsigned *seen)
{
    uint64_t bits = 0;
    for (unsigned i = 0; i < GROUP_LEN; i++) {
        unsigned d = id128_digit(text[i]);
        *seen |= d;
        bits = bits << 5 | (d & 31);
    }
    return bits;
}

bool id128_parse(const char *text, size_t len, struct id128 *id)
{
    if (len != ID128_TEXT_LEN)
        return false;
    unsigned first = id128_digit(text[0]), middle = id128_digit(text[MIDDLE]);
    unsigned seen = first | middle;
    uint64_t upper = id128_get_group(text + 1, &seen);
    uint64_t lower = id128_get_group(text + MIDDLE + 1, &seen);
    /* 26 characters carry 130 bits: the first may be at most 7. */
    if (seen > 31 || first > 7)
        return false;
    id->hi = (uint64_t)first << 61 | upper << 1 | middle >> 4;
    id->lo = (uint64_t)(middle & 15) << 60 | lower;
    return true;
}
