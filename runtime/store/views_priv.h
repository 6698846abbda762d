/* SPDX-License-Identifier: Apache-2.0 */
/* What every store needs to walk views. For the files of stores only. */
#ifndef STORE_VIEWS_PRIV_H
#define STORE_VIEWS_PRIV_H

#include "runtime/store/views.h"

#define VIEW_ORDER_COLUMNS_MAX (2 * VIEW_INDEX_COLUMNS_MAX)

/* The columns an index orders by: its own, then those of the primary key that are not among them.
 * Returns how many. */
uint8_t view_index_order(const struct view_table *t, const struct view_index *index,
                         uint8_t columns[VIEW_ORDER_COLUMNS_MAX]);

/* All its columns, one bit each. */
uint64_t view_columns(const struct view_table *t);

/* The columns a key or an index orders by, one bit each. */
uint64_t view_ordered_columns(const struct view_table *t);

/* false if a number is beyond what an ordered column holds (2^63 - 1). The type must be the
 * column's. */
must_check bool value_fits(const struct value *v, enum value_type column);

/* The same for a whole row; `ordered` from view_ordered_columns(). */
must_check bool view_row_fits(const struct view_table *t, uint64_t ordered,
                              const struct value *row);

#endif
