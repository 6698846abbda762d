/* SPDX-License-Identifier: Apache-2.0 */
/* Amounts are whole minor units or digits with a scale; conversion multiplies by a power of ten and
 * is exact, or says that it does not fit. A currency is found by its number through an array, by
 * its code by binary search, since the generated list is in the order of codes. A number has one
 * spelling apart from zeros at the end of its decimals. */
#include "schemas/currency.h"

#include <string.h>

static const uint32_t powers[CURRENCY_DECIMALS_MAX + 1] = {
    1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000,
};

const struct currency *currency_by_code(const char *code, size_t len)
{
    if (len != CURRENCY_CODE_LEN)
        return NULL;
    uint32_t low = 0, high = currency_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = memcmp(code, currency_list[middle].code, CURRENCY_CODE_LEN);
        if (order == 0)
            return &currency_list[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

const struct currency *currency_by_number(uint32_t number)
{
    if (number > CURRENCY_NUMBER_MAX || currency_decimals[number] == 0)
        return NULL;
    return &currency_list[currency_decimals[number] - 1];
}

static bool currency_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Where the point is, or would be; false if the text is no decimal. */
static bool decimal_point(const char *text, size_t len, size_t *point)
{
    *point = len;
    if (len == 0 || !currency_is_digit(text[0]) || !currency_is_digit(text[len - 1]))
        return false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '.' && *point == len)
            *point = i;
        else if (!currency_is_digit(text[i]))
            return false;
    }
    return text[0] != '0' || *point == 1;
}

enum decimal_form decimal_parse(const char *text, size_t len, struct decimal *d)
{
    size_t point;
    u128 digits = 0;
    if (!decimal_point(text, len, &point))
        return DECIMAL_MALFORMED;
    size_t scale = point == len ? 0 : len - point - 1;
    if (scale > DECIMAL_SCALE_MAX)
        return DECIMAL_TOO_PRECISE;
    for (size_t i = 0; i < len; i++) {
        if (i == point)
            continue;
        if (digits > U128_MAX / 10 || !u128_add(digits * 10, (u128)(text[i] - '0'), &digits))
            return DECIMAL_TOO_LARGE;
    }
    *d = (struct decimal){digits, (uint8_t)scale};
    return DECIMAL_GOOD;
}

size_t decimal_text(struct decimal d, char text[DECIMAL_TEXT_MAX])
{
    check(d.scale <= DECIMAL_SCALE_MAX);
    char digits[U128_TEXT_MAX];
    size_t len = u128_text(d.digits, digits);
    if (d.scale == 0) {
        memcpy(text, digits, len + 1);
        return len;
    }
    size_t zeros = len > d.scale ? 0 : d.scale + 1 - len; /* so that one digit leads the point */
    size_t whole = len + zeros - d.scale;
    char all[DECIMAL_TEXT_MAX];
    memset(all, '0', zeros);
    memcpy(all + zeros, digits, len);
    memcpy(text, all, whole);
    text[whole] = '.';
    memcpy(text + whole + 1, all + whole, d.scale);
    text[whole + 1 + d.scale] = 0;
    return whole + 1 + d.scale;
}

enum currency_fit decimal_minor(struct decimal d, uint8_t decimals, u128 *minor)
{
    check(decimals <= CURRENCY_DECIMALS_MAX);
    if (d.scale > decimals)
        return CURRENCY_TOO_PRECISE;
    uint32_t factor = powers[decimals - d.scale];
    if (d.digits > U128_MAX / factor)
        return CURRENCY_OVERFLOW;
    *minor = d.digits * factor;
    return CURRENCY_FITS;
}

enum currency_fit currency_minor(struct decimal d, const struct currency *c, u128 *minor)
{
    return decimal_minor(d, c->decimals, minor);
}

size_t currency_text(u128 minor, const struct currency *c, char text[DECIMAL_TEXT_MAX])
{
    return decimal_text((struct decimal){minor, c->decimals}, text);
}
