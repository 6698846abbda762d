/* SPDX-License-Identifier: Apache-2.0 */
/* The first byte says how long a character is; only the second can make it overlong, a surrogate or
 * too large. Text is mostly ASCII, which is passed eight bytes at a time. */
#include "runtime/base/utf8.h"

#include <string.h>

size_t utf8_len(const uint8_t *at, size_t left)
{
    uint8_t first = at[0];
    if (first < 0x80)
        return 1;
    if (first < 0xc2 || first > 0xf4)
        return 0;
    size_t len = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (left < len)
        return 0;
    uint8_t low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    uint8_t high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (at[1] < low || at[1] > high)
        return 0;
    for (size_t i = 2; i < len; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    return len;
}

uint32_t utf8_code(const uint8_t *at, size_t len)
{
    if (len == 1)
        return at[0];
    uint32_t code = at[0] & (0x7fu >> len);
    for (size_t i = 1; i < len; i++)
        code = code << 6 | (at[i] & 0x3fu);
    return code;
}

bool utf8_valid(const uint8_t *at, size_t left)
{
    while (left > 0) {
        uint64_t eight;
        if (left >= sizeof eight) {
            memcpy(&eight, at, sizeof eight);
            if ((eight & 0x8080808080808080u) == 0) {
                at += sizeof eight;
                left -= sizeof eight;
                continue;
            }
        }
        size_t len = utf8_len(at, left);
        if (len == 0)
            return false;
        at += len;
        left -= len;
    }
    return true;
}
