/* SPDX-License-Identifier: Apache-2.0 */
/* Writing gives lower case only, and so does reading of stored bytes; digits of requests may be of
 * either case. */
#include "runtime/base/hex.h"

static const char hex_digits[] = "0123456789abcdef";

/* 0 to 15, or -1: of lower case alone. */
static int hex_value_lower(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

int hex_value(char digit)
{
    return digit >= 'A' && digit <= 'F' ? digit - 'A' + 10 : hex_value_lower(digit);
}

void hex_write(const uint8_t *bytes, size_t len, char *text)
{
    for (size_t i = 0; i < len; i++) {
        text[2 * i] = hex_digits[bytes[i] >> 4];
        text[2 * i + 1] = hex_digits[bytes[i] & 15];
    }
}

bool hex_read(const char *text, size_t len, uint8_t *bytes)
{
    for (size_t i = 0; i < len; i++) {
        int high = hex_value_lower(text[2 * i]), low = hex_value_lower(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}
