/* SPDX-License-Identifier: Apache-2.0 */
/* See row_sorter.h. */
#include "runtime/journal/row_sorter.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/room.h"
#include "runtime/journal/packed.h"
#include "runtime/journal/views_priv.h"

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

/* --- rows ------------------------------------------------------------------------------------ */

static u128 key_of(const struct view_table *t, const struct value *row, uint8_t i)
{
    if (i >= t->key.count)
        return 0;
    const struct value *v = &row[t->key.columns[i]];
    switch (v->type) {
    case VALUE_UINT:
        return v->number;
    case VALUE_U128:
        return v->big;
    case VALUE_ID:
        return (u128)v->id.hi << 64 | v->id.lo;
    case VALUE_NULL:
    case VALUE_TEXT: /* the order only saves time */
    case VALUE_BYTES:
        break;
    }
    return 0;
}

bool row_sorter_add(struct row_sorter *s, const struct view_table *t, const struct value *row)
{
    uint64_t columns = view_columns(t);
    size_t needed = s->len + packed_size_max(row, columns);
    if (needed > ROW_SORTER_BYTES)
        return false;
    s->rows = room_for(s->rows, s->count + 1, &s->cap, sizeof *s->rows);
    s->bytes = room_for(s->bytes, needed, &s->bytes_cap, 1);
    s->rows[s->count++] = (struct sorted_row){
        .table = t, .at = s->len, .key = {key_of(t, row, 0), key_of(t, row, 1)}};
    s->len = (size_t)(packed_write(s->bytes + s->len, row, columns) - s->bytes);
    return true;
}

static int compare(u128 a, u128 b)
{
    return a < b ? -1 : a > b;
}

static int compare_rows(const void *left, const void *right)
{
    const struct sorted_row *a = left, *b = right;
    if (a->table != b->table)
        return strcmp(a->table->name, b->table->name);
    int first = compare(a->key[0], b->key[0]);
    return first != 0 ? first : compare(a->key[1], b->key[1]);
}

static enum err put(const struct row_sorter *s, const struct sorted_row *row, struct store *store)
{
    struct value values[VIEW_COLUMNS_MAX];
    const uint8_t *read = packed_read(s->bytes + row->at, s->bytes + s->len, values,
                                      view_columns(row->table));
    check(read != NULL);
    return store->ops->put_row(store, row->table, values);
}

enum err row_sorter_flush(struct row_sorter *s, struct store *store,
                          const _Atomic bool *abandoned)
{
    enum err e = ERR_OK;
    if (s->count > 0)
        qsort(s->rows, s->count, sizeof *s->rows, compare_rows);
    for (size_t i = 0; e == ERR_OK && i < s->count; i++)
        e = atomic_load_explicit(abandoned, memory_order_relaxed) ? ERR_UNAVAILABLE
                                                                   : put(s, &s->rows[i], store);
    row_sorter_clear(s);
    return e;
}
