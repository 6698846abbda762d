/* SPDX-License-Identifier: Apache-2.0 */
/* See row_sorter.h. */
#include "runtime/journal/row_sorter.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#define VALUE_BYTES_MAX 17 /* packed, without its text */

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

/* Room for so many items in all; grows by halves up to what was asked. */
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

/* --- packing: a byte with type and size, then what there is of the value ---------------------- */

#define TYPE_BITS 3 /* of that byte; the others: how many bytes a number has */

static bool is_text(const struct value *v)
{
    return v->type == VALUE_TEXT || v->type == VALUE_BYTES;
}

static size_t packed_max(const struct view_table *t, const struct value *row)
{
    size_t size = t->column_count * (size_t)VALUE_BYTES_MAX;
    for (uint8_t i = 0; i < t->column_count; i++)
        size += is_text(&row[i]) ? row[i].text.len : 0;
    return size;
}

static uint8_t *pack_bytes(uint8_t *to, const void *bytes, size_t size)
{
    if (size > 0)
        memcpy(to, bytes, size);
    return to + size;
}

/* How many bytes hold it. */
static uint8_t width(uint64_t number)
{
    return number == 0 ? 0 : (uint8_t)(8 - __builtin_clzll(number) / 8);
}

/* Whole halves are written, for which each value has room; the next value overwrites the zeros. */
static uint8_t *pack_number(uint8_t *to, enum value_type type, u128 number)
{
    uint64_t low = (uint64_t)number, high = (uint64_t)(number >> 64);
    uint8_t size = high == 0 ? width(low) : 8 + width(high);
    low = htole64(low);
    high = htole64(high);
    *to++ = (uint8_t)(type | size << TYPE_BITS);
    memcpy(to, &low, sizeof low);
    if (size > 8)
        memcpy(to + 8, &high, sizeof high);
    return to + size;
}

/* `size` of the eight bytes there are the number's. */
static uint64_t unpack_half(const uint8_t *from, uint8_t size)
{
    uint64_t half;
    memcpy(&half, from, sizeof half);
    return size == 0 ? 0 : le64toh(half) & UINT64_MAX >> (64 - 8 * size);
}

static u128 unpack_number(const uint8_t *from, uint8_t size)
{
    if (size <= 8)
        return unpack_half(from, size);
    return (u128)unpack_half(from + 8, size - 8) << 64 | unpack_half(from, 8);
}

static uint8_t *pack(uint8_t *to, const struct value *v)
{
    if (v->type == VALUE_UINT || v->type == VALUE_U128)
        return pack_number(to, v->type, v->type == VALUE_UINT ? v->number : v->big);
    *to++ = (uint8_t)v->type;
    if (v->type == VALUE_ID)
        return pack_bytes(to, &v->id, sizeof v->id);
    if (!is_text(v))
        return to;
    to = pack_bytes(to, &v->text.len, sizeof v->text.len);
    return pack_bytes(to, v->text.data, v->text.len);
}

static const uint8_t *unpack(const uint8_t *from, struct value *v)
{
    uint8_t size = *from >> TYPE_BITS;
    v->type = *from++ & ((1 << TYPE_BITS) - 1);
    if (v->type == VALUE_ID) {
        memcpy(&v->id, from, sizeof v->id);
        return from + sizeof v->id;
    }
    if (is_text(v)) {
        memcpy(&v->text.len, from, sizeof v->text.len);
        v->text.data = (const char *)from + sizeof v->text.len;
        return from + sizeof v->text.len + v->text.len;
    }
    if (v->type == VALUE_UINT)
        v->number = unpack_half(from, size);
    else
        v->big = unpack_number(from, size);
    return from + size;
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
    size_t needed = s->len + packed_max(t, row);
    if (needed > ROW_SORTER_BYTES)
        return false;
    s->rows = room(s->rows, &s->cap, s->count + 1, sizeof *s->rows);
    s->bytes = room(s->bytes, &s->bytes_cap, needed, 1);
    s->rows[s->count++] = (struct sorted_row){
        .table = t, .at = s->len, .key = {key_of(t, row, 0), key_of(t, row, 1)}};
    uint8_t *to = s->bytes + s->len;
    for (uint8_t i = 0; i < t->column_count; i++)
        to = pack(to, &row[i]);
    s->len = (size_t)(to - s->bytes);
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
    const uint8_t *from = s->bytes + row->at;
    for (uint8_t i = 0; i < row->table->column_count; i++)
        from = unpack(from, &values[i]);
    return store->ops->put_row(store, row->table, values);
}

enum err row_sorter_flush(struct row_sorter *s, struct store *store)
{
    enum err e = ERR_OK;
    if (s->count > 0)
        qsort(s->rows, s->count, sizeof *s->rows, compare_rows);
    for (size_t i = 0; e == ERR_OK && i < s->count; i++)
        e = put(s, &s->rows[i], store);
    row_sorter_clear(s);
    return e;
}
