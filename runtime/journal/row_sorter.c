/* SPDX-License-Identifier: Apache-2.0 */
/* See row_sorter.h. */
#include "runtime/journal/row_sorter.h"

#include <stdlib.h>
#include <string.h>

void row_sorter_init(struct row_sorter *s)
{
    *s = (struct row_sorter){0};
    arena_init(&s->bytes, ROW_SORTER_BYTES);
}

void row_sorter_done(struct row_sorter *s)
{
    free(s->rows);
    free(s->values);
    arena_done(&s->bytes);
    *s = (struct row_sorter){0};
}

void row_sorter_clear(struct row_sorter *s)
{
    s->count = s->value_count = 0;
    arena_reset(&s->bytes);
}

/* Room for one more row; grows by halves up to what was asked. */
static void *room(void *items, size_t *cap, size_t needed, size_t size)
{
    if (needed <= *cap)
        return items;
    size_t larger = *cap + *cap / 2;
    *cap = larger > needed ? larger : needed;
    items = realloc(items, *cap * size);
    check(items != NULL);
    return items;
}

static bool copy_bytes(struct row_sorter *s, struct value *v)
{
    if ((v->type != VALUE_TEXT && v->type != VALUE_BYTES) || v->text.len == 0)
        return true;
    v->text = arena_copy(&s->bytes, v->text);
    return v->text.data != NULL;
}

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
    if (s->count == ROW_SORTER_ROWS)
        return false;
    s->rows = room(s->rows, &s->cap, s->count + 1, sizeof *s->rows);
    s->values = room(s->values, &s->value_cap, s->value_count + t->column_count,
                     sizeof *s->values);
    struct value *values = &s->values[s->value_count];
    memcpy(values, row, t->column_count * sizeof *row);
    for (uint8_t i = 0; i < t->column_count; i++)
        if (!copy_bytes(s, &values[i]))
            return false;
    s->rows[s->count++] = (struct sorted_row){
        .table = t, .at = s->value_count, .key = {key_of(t, row, 0), key_of(t, row, 1)}};
    s->value_count += t->column_count;
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

enum err row_sorter_flush(struct row_sorter *s, struct store *store)
{
    enum err e = ERR_OK;
    if (s->count > 0)
        qsort(s->rows, s->count, sizeof *s->rows, compare_rows);
    for (size_t i = 0; e == ERR_OK && i < s->count; i++)
        e = store->ops->put_row(store, s->rows[i].table, &s->values[s->rows[i].at]);
    row_sorter_clear(s);
    return e;
}
