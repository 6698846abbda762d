/* SPDX-License-Identifier: Apache-2.0 */
/* Instants: nanoseconds since 1970-01-01T00:00:00Z to and from RFC 3339 text. Own calendar
 * arithmetic: no locale, no time zone, no clock. A uint64_t reaches into the year 2554. */
#ifndef SCHEMAS_INSTANT_H
#define SCHEMAS_INSTANT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/check.h"

#define INSTANT_TEXT_MAX 31 /* 2554-07-21T23:34:33.709551615Z and NUL */

enum instant_found {
    INSTANT_THERE,
    INSTANT_NONE,   /* this is no RFC 3339 time, or a date that does not exist */
    INSTANT_BEYOND, /* it is one, but before 1970 or too late */
};

/* YYYY-MM-DDThh:mm:ss, .digits, and Z or an offset from UTC like +02:00, T and Z in either case.
 * Digits after the ninth are cut. A leap second, which only the end of a month (UTC) can have, is
 * taken as the last nanosecond before it: RFC 3339 5.7, and Unix time has none. */
must_check enum instant_found instant_parse(const char *text, size_t len, uint64_t *ns);

/* With no decimals, or 3, 6 or 9, whatever is the fewest; returns the length (NUL-terminated). */
size_t instant_text(uint64_t ns, char text[INSTANT_TEXT_MAX]);

#endif
