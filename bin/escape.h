/* SPDX-License-Identifier: Apache-2.0 */
/* Escape: text that others wrote, made harmless for a terminal. What could move its cursor, change
 * its colours or the order in which text is read is shown as \u009b: control characters (C0, DEL,
 * C1; ECMA-48), marks of direction (UAX 9), other ends of lines; a byte that is not UTF-8 as \x9b.
 * In JSON the first form means the character itself, so JSON may be written this way too. */
#ifndef BIN_ESCAPE_H
#define BIN_ESCAPE_H

#include <stdio.h>

#include "runtime/base/slice.h"

void escape_put(FILE *out, struct slice text);

/* Appends to the text in `to`, which has `size` bytes; what has no room any more is left out, whole
 * characters at a time. */
void escape_add(char *to, size_t size, struct slice text);

#endif
