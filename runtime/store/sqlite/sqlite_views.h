/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of views in the embedded store: calls of view_store.h. */
#ifndef SQLITE_VIEWS_H
#define SQLITE_VIEWS_H

#include "runtime/store/sqlite/store_sqlite_priv.h"

/* The last column of a packed table's SQL: all declared columns that order nothing. */
#define VIEW_REST "rest"

/* What the database says of a view beyond its declaration. */
struct view_info {
    const struct view_table *table;
    uint64_t nullable; /* bit n: column n may be NULL */
    uint64_t ordered;  /* bit n: a key or an index orders by column n */
    uint64_t packed;   /* bit n: column n is stored in VIEW_REST */
};

/* For reading: the open transaction's own connection on its thread, else one of the pool. */
must_check enum err sqlite_views_borrow(struct store_sqlite *s, struct db **ret);
void sqlite_views_return(struct store_sqlite *s, struct db *d);
/* A scan through this connection; `row` gets each row until it returns false. */
enum err sqlite_views_scan_with(struct store_sqlite *s, struct db *d, const struct view_scan *q,
                                view_row_cb row, void *context);
enum err sqlite_views_scan(struct view_store *base, const struct view_scan *q, view_row_cb row,
                           void *context);
enum err sqlite_views_get(struct view_store *base, const struct view_table *t,
                          const struct value *key, view_row_cb row, void *context);

/* Views worker, in its transaction. */
enum err sqlite_views_put_row(struct view_store *base, const struct view_table *t,
                              const struct value *row);
enum err sqlite_views_delete_row(struct view_store *base, const struct view_table *t,
                                 const struct value *key);

#endif
