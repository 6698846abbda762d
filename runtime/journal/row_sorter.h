/* SPDX-License-Identifier: Apache-2.0 */
/* Row sorter: collects rows and puts them into the store in the order of their keys. Out of order,
 * like the entries of a thousand accounts in turn, each row costs a search from the root and leaves
 * half-full pages; in order, the rows of one account go side by side into a page that is written
 * once. Used by one thread at a time. */
#ifndef JOURNAL_ROW_SORTER_H
#define JOURNAL_ROW_SORTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/journal/store.h"

#define ROW_SORTER_BYTES ((size_t)32 << 20) /* of collected rows: some 150,000 entries */

struct sorted_row {
    const struct view_table *table;
    size_t at;   /* of its values in `bytes` */
    u128 key[2]; /* its first two columns */
};

struct row_sorter {
    struct sorted_row *rows;
    size_t count, cap;
    uint8_t *bytes; /* the values, packed: as they are they take three times the room */
    size_t len, bytes_cap;
};

void row_sorter_init(struct row_sorter *s);
void row_sorter_done(struct row_sorter *s);

/* Copies the row; false: full, flush first. A key must come once only between two flushes. */
must_check bool row_sorter_add(struct row_sorter *s, const struct view_table *t,
                               const struct value *row);

/* Puts all of them, table by table; empty afterwards. The first failure ends it, or *abandoned
 * (ERR_UNAVAILABLE). */
must_check enum err row_sorter_flush(struct row_sorter *s, struct store *store,
                                     const _Atomic bool *abandoned);

/* Forgets all. */
void row_sorter_clear(struct row_sorter *s);

#endif
