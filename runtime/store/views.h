/* SPDX-License-Identifier: Apache-2.0 */
/* Views: ordinary tables that the projector writes and lists read. Declared in schemas/, created by
 * the migrations in sql/<store>/. A row is an array of values in the order of the columns. */
#ifndef STORE_VIEWS_H
#define STORE_VIEWS_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/check.h"
#include "runtime/base/error.h"
#include "runtime/base/id128.h"
#include "runtime/base/slice.h"
#include "runtime/base/u128.h"

#define VIEW_COLUMNS_MAX 40
#define VIEW_INDEXES_MAX 8
#define VIEW_INDEX_COLUMNS_MAX 6

enum value_type {
    VALUE_NULL,
    VALUE_UINT,  /* number; in keys and indexes up to 2^63-1, elsewhere all of 64 bits */
    VALUE_U128,  /* number; INTEGER if it fits, else 16 bytes big-endian: both sort right */
    VALUE_ID,    /* 16 bytes big-endian */
    VALUE_TEXT,
    VALUE_BYTES,
};

struct value {
    enum value_type type;
    union {
        uint64_t number;
        u128 big;
        struct id128 id;
        struct slice text; /* TEXT and BYTES; borrowed */
    };
};

struct view_index {
    const char *name;
    uint8_t columns[VIEW_INDEX_COLUMNS_MAX];
    uint8_t count;
};

struct view_table {
    const char *name;
    const char *const *column_names;
    const enum value_type *column_types;
    uint8_t column_count;
    struct view_index key;     /* primary key: put replaces the row with the same key */
    const struct view_index *indexes;
    uint8_t index_count;
    bool packed; /* many rows: a store may keep the columns that no index needs as one (packed.h) */
};

/* One ordered walk over a key or an index: the rows whose first `prefix_count` index columns equal
 * `prefix`, strictly after (or, descending, before) `from`, which gives the remaining columns of
 * the index followed by those of the primary key that are not in it. */
struct view_scan {
    const struct view_table *table;
    const struct view_index *index; /* &table->key or one of table->indexes */
    const struct value *prefix;
    uint8_t prefix_count;
    const struct value *from; /* NULL = from the start */
    uint8_t from_count;
    bool descending;
    uint32_t limit;
};

/* Return false to stop the walk early. Values are valid during the call only. */
typedef bool (*view_row_cb)(void *context, const struct value *row);

struct view_store;

/* On the read worker (queries) or the views worker (projector, which sees its own open
 * transaction). */
must_check enum err views_scan(struct view_store *s, const struct view_scan *q, view_row_cb row,
                               void *context);

/* The row with this primary key; ERR_NOT_FOUND if absent. */
must_check enum err views_get(struct view_store *s, const struct view_table *t,
                              const struct value *key, view_row_cb row, void *context);

#endif
