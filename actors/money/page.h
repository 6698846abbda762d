/* SPDX-License-Identifier: Apache-2.0 */
/* Page: which part of a list a request wants, and where the next one begins. A cursor is the last
 * place that was looked at: an id, or a number. A list with filters looks at a bounded number of
 * rows for each page, so a page may be short while there is a next one. */
#ifndef MONEY_PAGE_H
#define MONEY_PAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/actor/message.h"
#include "runtime/journal/views.h"
#include "schemas/fields.h"

#define PAGE_LIMIT_MAX 100
#define PAGE_LIMIT_DEFAULT 20
#define PAGE_ROWS_MAX 2000        /* looked at for one page */
#define PAGE_MEMORY_MAX (4 << 20) /* of one page: rows with their text */
#define PAGE_CURSOR_MAX 16

struct page {
    struct arena arena;   /* what the rows of the answer own */
    uint32_t limit;
    uint32_t count;       /* taken so far */
    uint32_t looked_at;
    bool has_from;        /* the request gave a cursor */
    struct value from;    /* of it, for view_scan */
    bool more;            /* stopped before the end of the list */
    enum value_type type; /* of cursors: VALUE_ID or VALUE_UINT */
    struct value last;    /* of the last row looked at */
    uint8_t cursor[PAGE_CURSOR_MAX];
};

/* Reads limit and cursor; RESULT_OK, or what is wrong with them. page_done() in any case. */
must_check uint16_t page_init(struct page *p, enum value_type type, bool has_limit, uint32_t limit,
                              bool has_cursor, struct slice cursor);
void page_done(struct page *p);

/* One more row, at this place: may it still be looked at? If not, the scan ends. */
bool page_next(struct page *p, struct value place);

/* The cursor of the next page; false if there is none. */
bool page_cursor(struct page *p, struct slice *cursor);

/* Metadata as a row has it, in the page's memory; false if damaged or without memory. */
must_check bool page_metadata(struct page *p, struct slice encoded, struct metadata *m);

/* Is the asker allowed to see things of this tenant and owner? */
bool page_may_see(const struct principal *who, struct id128 tenant_id, struct id128 owner_id);

/* The answer to a failed walk over a view. */
uint16_t page_failed(enum err e);

#endif
