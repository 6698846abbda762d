/* SPDX-License-Identifier: Apache-2.0 */
/* CSV: one line into cells, as RFC 4180 has it: commas, quotes, doubled quotes within them. A cell
 * cannot hold a line break. */
#ifndef PAYCTL_PAYCTL_IMPORT_CSV_H
#define PAYCTL_PAYCTL_IMPORT_CSV_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/slice.h"

#define CSV_CELLS_MAX 64

struct csv_row {
    struct slice cells[CSV_CELLS_MAX];
    uint32_t count;
    bool good; /* false: too many cells, or a quote that does not end */
};

/* Unquotes in place; the cells point into the line. */
void csv_parse(char *line, struct csv_row *row);

#endif
