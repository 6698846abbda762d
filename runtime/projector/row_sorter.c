/* SPDX-License-Identifier: Apache-2.0 */
/* Items are copied side by side into one block of bytes; what is sorted are small rows that say
 * where the item is. Both keep their memory for the next step. */
#include "runtime/projector/row_sorter.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/base/array.h"

#define ITEM_ALIGN 16

void row_sorter_init(struct row_sorter *s)
{
    *s = (struct row_sorter){0};
}

void row_sorter_done(struct row_sorter *s)
{
    free(s->rows);
    free(s->bytes);
    *s = (struct row_sorter){0};
}

void row_sorter_clear(struct row_sorter *s)
{
    s->count = s->len = 0;
}

bool row_sorter_add(struct row_sorter *s, const struct sorted_kind *kind, struct id128 id,
                    uint64_t number, const void *item)
{
    size_t size = (kind->item_size + ITEM_ALIGN - 1) / ITEM_ALIGN * ITEM_ALIGN;
    if (s->len + size > ROW_SORTER_BYTES)
        return false;
    array_reserve(s->rows, s->cap, s->count + 1);
    array_reserve(s->bytes, s->bytes_cap, s->len + size);
    s->rows[s->count++] = (struct sorted_row){kind, s->len, id, number};
    memcpy(s->bytes + s->len, item, kind->item_size);
    s->len += size;
    return true;
}

static int row_sorter_compare(const void *left, const void *right)
{
    const struct sorted_row *a = left, *b = right;
    if (a->kind != b->kind)
        return strcmp(a->kind->name, b->kind->name);
    if (!id128_equal(a->id, b->id))
        return id128_compare(a->id, b->id);
    if (a->number != b->number)
        return a->number < b->number ? -1 : 1;
    return a->at < b->at ? -1 : a->at > b->at;
}

void row_sorter_sort(struct row_sorter *s)
{
    if (s->count > 0)
        qsort(s->rows, s->count, sizeof *s->rows, row_sorter_compare);
}
