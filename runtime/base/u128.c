/* SPDX-License-Identifier: Apache-2.0 */
/* What needs more than the compiler's own operators. Decimal text divides by ten, in 128 bits only
 * as long as the value needs it; reading refuses what has a second spelling. */
#include "runtime/base/u128.h"

#define DIGITS_MAX (U128_TEXT_MAX - 1)

bool u128_mul(u128 a, u128 b, u128 *product)
{
    u128 p;
    if (__builtin_mul_overflow(a, b, &p))
        return false;
    *product = p;
    return true;
}

size_t u128_text(u128 value, char text[U128_TEXT_MAX])
{
    char reversed[DIGITS_MAX];
    size_t len = 0;
    /* Division of 128 bits is a library call; most amounts leave this loop at once. */
    while (value > UINT64_MAX) {
        reversed[len++] = (char)('0' + (int)(value % 10));
        value /= 10;
    }
    uint64_t rest = (uint64_t)value;
    do {
        reversed[len++] = (char)('0' + (int)(rest % 10));
        rest /= 10;
    } while (rest != 0);
    for (size_t i = 0; i < len; i++)
        text[i] = reversed[len - 1 - i];
    text[len] = '\0';
    return len;
}

bool u128_parse(const char *text, size_t len, u128 *value)
{
    if (len == 0 || len > DIGITS_MAX || (text[0] == '0' && len > 1))
        return false;
    u128 v = 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        if (!u128_mul(v, 10, &v) || !u128_add(v, (u128)(text[i] - '0'), &v))
            return false;
    }
    *value = v;
    return true;
}
