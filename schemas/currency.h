/* SPDX-License-Identifier: Apache-2.0 */
/* Currencies (ISO 4217) and decimal text to and from minor units. Never a double anywhere. */
#ifndef SCHEMAS_CURRENCY_H
#define SCHEMAS_CURRENCY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/check.h"
#include "runtime/base/u128.h"

#define CURRENCY_NUMBER_MAX 999
#define CURRENCY_CODE_LEN 3
#define CURRENCY_DECIMALS_MAX 8
#define DECIMAL_SCALE_MAX 48  /* digits after the point: rates have more than amounts */
#define DECIMAL_TEXT_MAX 56   /* a u128 with a point and zeros before it, and NUL */

struct currency {
    char code[CURRENCY_CODE_LEN + 1];
    uint16_t number; /* ISO 4217 numeric */
    uint8_t decimals;
    const char *name;
};

/* digits / 10^scale, as the client wrote it: 10.50 is {1050, 2}. */
struct decimal {
    u128 digits;
    uint8_t scale;
};

enum currency_fit {
    CURRENCY_FITS,
    CURRENCY_TOO_PRECISE, /* more decimals than the currency has */
    CURRENCY_OVERFLOW,    /* beyond 128 bits of minor units */
};

/* The list, generated from currencies.toml: ordered by code; currency_decimals holds for each
 * numeric code its place in the list plus one, or 0. */
extern const struct currency currency_list[];
extern const uint32_t currency_count;
extern const uint8_t currency_decimals[CURRENCY_NUMBER_MAX + 1];

/* NULL if there is no such active currency; codes are upper case. */
const struct currency *currency_by_code(const char *code, size_t len);
const struct currency *currency_by_number(uint32_t number);

enum decimal_form {
    DECIMAL_GOOD,
    DECIMAL_MALFORMED,
    DECIMAL_TOO_PRECISE, /* more than DECIMAL_SCALE_MAX decimals: more than anything has */
    DECIMAL_TOO_LARGE,   /* its digits are a number beyond 128 bits */
};

/* Digits with at most one point between digits: no sign, exponent, blank or needless leading zero.
 * *d is written only if it is good. */
must_check enum decimal_form decimal_parse(const char *text, size_t len, struct decimal *d);

/* The text of d with all its decimals; returns the length (NUL-terminated as well). */
size_t decimal_text(struct decimal d, char text[DECIMAL_TEXT_MAX]);

/* d in units of 10^-decimals; *minor is written only if it fits. */
must_check enum currency_fit decimal_minor(struct decimal d, uint8_t decimals, u128 *minor);
must_check enum currency_fit currency_minor(struct decimal d, const struct currency *c,
                                            u128 *minor);

/* Minor units as decimal text with exactly the currency's decimals: 1050 USD gives "10.50". */
size_t currency_text(u128 minor, const struct currency *c, char text[DECIMAL_TEXT_MAX]);

#endif
