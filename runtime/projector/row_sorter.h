/* SPDX-License-Identifier: Apache-2.0 */
/* Row sorter: collects what becomes rows and gives it back in the order of their keys. Out of
 * order, like the entries of a thousand accounts in turn, each row costs a search from the root and
 * leaves half-full pages; in order, the rows of one account go side by side into a page that is
 * read and written once. Used by one thread at a time. */
#ifndef PROJECTOR_ROW_SORTER_H
#define PROJECTOR_ROW_SORTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/actor/domain.h"

#define ROW_SORTER_BYTES ((size_t)64 << 20) /* of items: the entries of 100,000 transfers */

struct sorted_row {
    const struct sorted_kind *kind;
    size_t at; /* of its item in `bytes` */
    struct id128 id;
    uint64_t number;
};

struct row_sorter {
    struct sorted_row *rows;
    size_t count, cap;
    uint8_t *bytes;
    size_t len, bytes_cap;
};

void row_sorter_init(struct row_sorter *s);
void row_sorter_done(struct row_sorter *s);

/* Copies the item; false: full. */
must_check bool row_sorter_add(struct row_sorter *s, const struct sorted_kind *kind,
                               struct id128 id, uint64_t number, const void *item);

/* By kind, id and number; what has the same of all stays in the order in which it came. */
void row_sorter_sort(struct row_sorter *s);

static inline void *row_sorter_item(const struct row_sorter *s, const struct sorted_row *row)
{
    return s->bytes + row->at;
}

/* Forgets all items. */
void row_sorter_clear(struct row_sorter *s);

#endif
