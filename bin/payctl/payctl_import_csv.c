/* SPDX-License-Identifier: Apache-2.0 */
/* Unquoting moves the content of a cell to its front: it only becomes shorter, so no memory is
 * needed. NUL, CR and LF all end the line. */
#include "bin/payctl/payctl_import_csv.h"

#include <string.h>

static bool import_csv_at_end(char c)
{
    return c == '\0' || c == '\n' || c == '\r';
}

/* Moves the content of a quoted cell to its front; returns what follows the closing quote, or NULL.
 */
static char *import_csv_unquote(char *at, struct slice *cell)
{
    char *to = at;
    const char *begin = at;
    for (; !import_csv_at_end(*at); at++) {
        if (*at == '"' && at[1] != '"') {
            *cell = (struct slice){begin, (uint32_t)(to - begin)};
            return at + 1;
        }
        at += *at == '"';
        *to++ = *at;
    }
    return NULL;
}

void csv_parse(char *line, struct csv_row *row)
{
    char *at = line;
    *row = (struct csv_row){.good = true};
    for (;;) {
        if (row->count == CSV_CELLS_MAX) {
            row->good = false;
            return;
        }
        struct slice *cell = &row->cells[row->count++];
        if (*at == '"') {
            at = import_csv_unquote(at + 1, cell);
            if (at == NULL || (*at != ',' && !import_csv_at_end(*at))) {
                row->good = false;
                return;
            }
        } else {
            size_t len = strcspn(at, ",\r\n");
            *cell = (struct slice){at, (uint32_t)len};
            at += len;
        }
        if (import_csv_at_end(*at))
            return;
        at++;
    }
}
