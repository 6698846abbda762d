/* SPDX-License-Identifier: Apache-2.0 */
/* Fit: tables narrowed to a terminal's width. Numbers and the first column, which names the row,
 * keep theirs as long as anything else can give way; what does not fit at all is left out. */
#ifndef PAYCTL_PAYCTL_FIT_H
#define PAYCTL_PAYCTL_FIT_H

#include <stdbool.h>
#include <stdint.h>

#define FIT_GAP 2         /* blanks after a column */
#define FIT_WIDTH_MIN 12  /* no text column is made narrower, nor narrower than its name */
#define FIT_CELL_MAX 8192 /* bytes of one cell; metadata at its longest has 6 KiB */

struct column {
    const char *name;
    int width;   /* in characters */
    bool right;  /* numbers only */
    bool filled; /* false: not shown */
};

/* Characters, not bytes. */
int fit_width(const char *text);

/* Narrows and leaves out until the table has at most `room` characters. false: it did before. */
bool fit_columns(struct column *columns, uint32_t count, int room);

/* Cuts to `width` characters, marked by an ellipsis: an id in its middle, all else at its end. */
void fit_cell(char cell[FIT_CELL_MAX], int width);

#endif
