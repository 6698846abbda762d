/* SPDX-License-Identifier: Apache-2.0 */
/* Six bits a character, most significant first: bits are shifted into an accumulator and whole
 * bytes (or characters) are taken from its upper end. What is left at the end must be zero, so that
 * each byte string has one spelling and a signature cannot be written in two ways. */
#include "runtime/base/base64url.h"

#define FOREIGN 0xff

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static inline uint8_t base64url_digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (uint8_t)(c - 'A');
    if (c >= 'a' && c <= 'z')
        return (uint8_t)(c - 'a' + 26);
    if (c >= '0' && c <= '9')
        return (uint8_t)(c - '0' + 52);
    if (c == '-')
        return 62;
    return c == '_' ? 63 : FOREIGN;
}

bool base64url_decode(struct slice text, uint8_t *out, size_t out_max, uint32_t *len)
{
    uint32_t size = (uint32_t)((uint64_t)text.len * 3 / 4);
    if (text.len % 4 == 1 || size > out_max)
        return false;
    uint32_t bits = 0, count = 0, at = 0;
    for (uint32_t i = 0; i < text.len; i++) {
        uint8_t digit = base64url_digit(text.data[i]);
        if (digit == FOREIGN)
            return false;
        bits = (bits << 6 | digit) & 0xffff;
        count += 6;
        if (count >= 8) {
            count -= 8;
            out[at++] = (uint8_t)(bits >> count);
        }
    }
    if ((bits & ((1u << count) - 1)) != 0)
        return false;
    *len = at;
    return true;
}

size_t base64url_encode(const uint8_t *bytes, size_t size, char *out)
{
    uint32_t bits = 0, count = 0;
    size_t at = 0;
    for (size_t i = 0; i < size; i++) {
        bits = (bits << 8 | bytes[i]) & 0xffff;
        for (count += 8; count >= 6;) {
            count -= 6;
            out[at++] = alphabet[bits >> count & 63];
        }
    }
    if (count > 0)
        out[at++] = alphabet[bits << (6 - count) & 63];
    return at;
}
