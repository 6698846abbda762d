/* SPDX-License-Identifier: Apache-2.0 */
/* The decoded text is never the longer one, so decoding in place is safe. */
#include "gateway_bridge/http/percent.h"

#include "runtime/base/hex.h"

bool percent_decode(struct slice coded, bool plus, char *out, uint32_t *len)
{
    *len = 0;
    for (uint32_t i = 0; i < coded.len; i++) {
        char c = coded.data[i];
        if (c == '%') {
            int high = coded.len - i > 2 ? hex_value(coded.data[i + 1]) : -1;
            int low = high >= 0 ? hex_value(coded.data[i + 2]) : -1;
            if (low < 0)
                return false;
            c = (char)(high * 16 + low);
            i += 2;
        } else if (plus && c == '+') {
            c = ' ';
        }
        out[(*len)++] = c;
    }
    return true;
}
