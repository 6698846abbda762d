/* SPDX-License-Identifier: Apache-2.0 */
/* Page: which part of a list a request wants, and where the next one begins. A cursor is the last
 * row that was looked at. A list with filters looks at a bounded number of rows for each page, so a
 * page may be short while there is a next one. */
#ifndef COMMON_PAGE_H
#define COMMON_PAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "actors/common/cursor.h"
#include "runtime/actor/message.h"
#include "runtime/store/views.h"
#include "schemas/fields.h"

#define PAGE_LIMIT_MAX 100   /* of the lists of wallets and payments */
#define PAGE_ROWS_MAX 2000   /* looked at for one page of them */

struct page_rules {
    uint32_t limit; /* if none is given */
    uint32_t limit_max;
    uint32_t rows_max; /* looked at for one page */
    size_t memory_max; /* of one page: rows with their text */
};

struct page {
    struct arena arena; /* what the rows of the answer own */
    const struct page_rules *rules;
    const struct message *message; /* the request */
    uint32_t limit;
    uint32_t count;     /* taken so far */
    uint32_t looked_at;
    bool more;          /* stopped before the end of the list */
    struct cursor cursor;
    /* Of lists of wallets and payments, whose keys are one id or number. */
    enum page_list list;
    enum value_type type; /* VALUE_ID or VALUE_UINT */
    bool has_from;        /* the request gave a cursor */
    struct value from;    /* of it, for view_scan */
    struct value last;    /* of the last row looked at */
};

/* RESULT_OK, or what is wrong with the limit. page_done() in any case. */
must_check uint16_t page_begin(struct page *p, const struct page_rules *rules,
                               const struct message *m, bool has_limit, uint32_t limit);
void page_done(struct page *p);

/* May one more row be looked at? If not, the scan ends before it. */
bool page_look(struct page *p);

/* The cursor of the next page (cursor.h). Empty if there is none. */
struct slice page_cursor_of(struct page *p, enum page_list list, const uint64_t *numbers,
                            uint32_t count);

/* --- keys of one id or number ----------------------------------------------------------------- */

/* page_begin() by the rules of wallets and payments, and the cursor. */
must_check uint16_t page_init(struct page *p, const struct message *m, enum page_list list,
                              enum value_type type, bool has_limit, uint32_t limit, bool has_cursor,
                              struct slice cursor);

/* The walk over the rows with this prefix (the caller's), ascending, from the request's cursor. */
struct view_scan page_scan(const struct page *p, const struct view_table *table,
                           const struct view_index *index, const struct value *prefix,
                           uint8_t prefix_count);

/* page_look() at this key. */
bool page_next(struct page *p, struct value key);

/* The cursor of the next page; false if there is none. */
bool page_cursor(struct page *p, struct slice *cursor);

/* Metadata as a row has it, in the page's memory; false if damaged or beyond its limit. */
must_check bool page_metadata(struct page *p, struct slice encoded, struct metadata *m);

/* Does metadata as a row has it have all these pairs? */
bool page_metadata_has(struct slice encoded, const struct metadata *wanted);

/* Is the caller allowed to see what belongs to this tenant and owner? */
bool page_may_see(const struct principal *who, struct id128 tenant_id, struct id128 owner_id);

/* The answer to a failed walk over a view. */
uint16_t page_failed(enum err e);

#endif
