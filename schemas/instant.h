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

/* YYYY-MM-DDThh:mm:ss[.1-9 digits] and Z or an offset from UTC like +02:00, T and Z in either case;
 * a date that exists, from 1970 on, no leap second; false on anything else and out of range. */
must_check bool instant_parse(const char *text, size_t len, uint64_t *ns);

/* With no decimals, or 3, 6 or 9, whatever is the fewest; returns the length (NUL-terminated). */
size_t instant_text(uint64_t ns, char text[INSTANT_TEXT_MAX]);

#endif
