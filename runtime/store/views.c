/* SPDX-License-Identifier: Apache-2.0 */
/* What is the same for every store: a scan or look-up is checked here against its table and then
 * passed to the store's own function. Wrong types or counts are mistakes of ours and stop the
 * process; a number above 2^63-1 in a key may come from a request, cannot be in any row, and gives
 * ERR_TOO_LARGE. Sets of columns are bit masks. */
#include "runtime/store/views.h"

#include "runtime/store/view_store.h"
#include "runtime/store/views_priv.h"

uint8_t view_index_order(const struct view_table *t, const struct view_index *index,
                         uint8_t columns[VIEW_ORDER_COLUMNS_MAX])
{
    uint8_t count = 0;
    for (; count < index->count; count++)
        columns[count] = index->columns[count];
    for (uint8_t i = 0; i < t->key.count; i++) {
        bool present = false;
        for (uint8_t k = 0; k < index->count; k++)
            present = present || index->columns[k] == t->key.columns[i];
        if (!present)
            columns[count++] = t->key.columns[i];
    }
    return count;
}

bool value_fits(const struct value *v, enum value_type column)
{
    check(v->type == VALUE_NULL || v->type == column);
    return v->type != VALUE_UINT || v->number <= INT64_MAX;
}

static uint64_t columns_of(const struct view_index *index)
{
    uint64_t columns = 0;
    for (uint8_t i = 0; i < index->count; i++)
        columns |= 1ull << index->columns[i];
    return columns;
}

uint64_t view_columns(const struct view_table *t)
{
    return UINT64_MAX >> (64 - t->column_count);
}

uint64_t view_ordered_columns(const struct view_table *t)
{
    uint64_t columns = columns_of(&t->key);
    for (uint8_t i = 0; i < t->index_count; i++)
        columns |= columns_of(&t->indexes[i]);
    return columns;
}

bool view_row_fits(const struct view_table *t, uint64_t ordered, const struct value *row)
{
    for (uint8_t i = 0; i < t->column_count; i++) {
        const struct value *v = &row[i];
        check(v->type == VALUE_NULL || v->type == t->column_types[i]);
        if (v->type == VALUE_UINT && v->number > INT64_MAX && (ordered >> i & 1) != 0)
            return false;
    }
    return true;
}

enum err views_scan(struct view_store *s, const struct view_scan *q, view_row_cb row, void *context)
{
    uint8_t columns[VIEW_ORDER_COLUMNS_MAX];
    uint8_t count = view_index_order(q->table, q->index, columns);
    check(q->limit > 0);
    check((q->from == NULL) == (q->from_count == 0));
    check(q->prefix_count <= q->index->count && q->prefix_count + q->from_count <= count);
    for (uint8_t i = 0; i < q->prefix_count + q->from_count; i++) {
        const struct value *v =
            i < q->prefix_count ? &q->prefix[i] : &q->from[i - q->prefix_count];
        if (!value_fits(v, q->table->column_types[columns[i]]))
            return ERR_TOO_LARGE;
    }
    return s->ops->scan(s, q, row, context);
}

enum err views_get(struct view_store *s, const struct view_table *t, const struct value *key,
                   view_row_cb row, void *context)
{
    for (uint8_t i = 0; i < t->key.count; i++) {
        check(key[i].type != VALUE_NULL);
        if (!value_fits(&key[i], t->column_types[t->key.columns[i]]))
            return ERR_TOO_LARGE;
    }
    return s->ops->get(s, t, key, row, context);
}
