/* SPDX-License-Identifier: Apache-2.0 */
/* Wrap: text for people, broken into lines at its blanks. */
#ifndef BIN_WRAP_H
#define BIN_WRAP_H

#include <stdio.h>

#include "runtime/base/slice.h"

#define WRAP_WIDTH_UNKNOWN 100 /* characters of a line where it is not shown on a terminal */

/* Characters in a line of the terminal that shows stdout; 0 = none does. */
int wrap_terminal_width(void);

/* Writes the text and ends its last line. `width` of a line: 0 = not known; `column` of the first
 * are taken; further lines begin after `indent` blanks. */
void wrap_put(FILE *out, int width, int column, int indent, struct slice text);

#endif
