/* SPDX-License-Identifier: Apache-2.0 */
/* As long as the table is too wide, the widest of the columns behind the first becomes narrower;
 * when none can, columns are left out from the right, and in the end the first one is narrowed.
 * Widths are in characters; UTF-8 is cut between them. */
#include "bin/payctl/payctl_fit.h"

#include <stdio.h>
#include <string.h>

#define ELLIPSIS "\xe2\x80\xa6" /* one character */
#define ID_HEAD 4               /* "acc_" */
#define ID_LEN 30

int fit_width(const char *text)
{
    int width = 0;
    for (; *text != '\0'; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

static int fit_table_width(const struct column *columns, uint32_t count)
{
    int width = -FIT_GAP;
    for (uint32_t i = 0; i < count; i++)
        width += columns[i].filled ? columns[i].width + FIT_GAP : 0;
    return width;
}

static int fit_narrowest(const struct column *c)
{
    int name = fit_width(c->name);
    return c->right ? c->width : name > FIT_WIDTH_MIN ? name : FIT_WIDTH_MIN;
}

/* The column that can give most, from `first` on; NULL: none can. */
static struct column *fit_widest(struct column *columns, uint32_t first, uint32_t count)
{
    struct column *best = NULL;
    for (uint32_t i = first; i < count; i++) {
        struct column *c = &columns[i];
        if (c->filled && c->width > fit_narrowest(c) && (best == NULL || c->width > best->width))
            best = c;
    }
    return best;
}

bool fit_columns(struct column *columns, uint32_t count, int room)
{
    uint32_t first = 0, last = count;
    while (first < count && !columns[first].filled)
        first++;
    if (fit_table_width(columns, count) <= room)
        return false;
    while (fit_table_width(columns, count) > room) {
        struct column *c = fit_widest(columns, first + 1, count);
        if (c != NULL)
            c->width--;
        else if (last > first + 1)
            columns[--last].filled = false;
        else if ((c = fit_widest(columns, first, first + 1)) != NULL)
            c->width--;
        else
            break;
    }
    return true;
}

/* Where the character of this number begins. */
static const char *fit_at_character(const char *text, int number)
{
    for (; *text != '\0'; text++)
        if (((unsigned char)*text & 0xc0) != 0x80 && number-- == 0)
            break;
    return text;
}

void fit_cell(char cell[FIT_CELL_MAX], int width)
{
    char cut[FIT_CELL_MAX];
    int whole = fit_width(cell);
    if (whole <= width || width < 1)
        return;
    bool id = whole == ID_LEN && cell[ID_HEAD - 1] == '_' && width > ID_HEAD + 1;
    int head = id ? ID_HEAD : width - 1;
    const char *tail = fit_at_character(cell, whole - (width - 1 - head));
    int bytes = (int)(fit_at_character(cell, head) - cell);
    snprintf(cut, sizeof cut, "%.*s" ELLIPSIS "%s", bytes, cell, tail);
    memcpy(cell, cut, strlen(cut) + 1);
}
