/* SPDX-License-Identifier: Apache-2.0 */
/* Page: what the lists of the ledger have in common: limit, cursor, memory, and the walk over an
 * account's entries. One page per query, on the read lane. */
#ifndef LEDGER_LEDGER_PAGE_H
#define LEDGER_LEDGER_PAGE_H

#include "runtime/actor/domain.h"
#include "runtime/base/arena.h"
#include "schemas/ledger.h"

#define LEDGER_PAGE_CURSOR_MAX 64

enum ledger_page_list { /* first byte of a cursor, so that one list's cursor is no other's */
    LEDGER_PAGE_ACCOUNTS = 1,
    LEDGER_PAGE_ENTRIES = 2,
    LEDGER_PAGE_TRANSFERS = 3,
};

struct ledger_page {
    struct store *store;
    const struct principal *who;
    struct arena memory;
    uint32_t limit;  /* rows to give */
    uint32_t count;  /* rows given so far */
    uint32_t looked; /* rows looked at */
    bool more;       /* there may be further rows */
    enum err error;
    uint8_t cursor[LEDGER_PAGE_CURSOR_MAX];
};

void ledger_page_init(struct ledger_page *p, struct store *s, const struct message *m,
                      bool has_limit, uint16_t limit);
void ledger_page_done(struct ledger_page *p);

/* To be asked for each row before it is used; false: the page ends before it. */
bool ledger_page_look(struct ledger_page *p);

/* The cursor of the next page: list, then numbers. Empty if there is none. */
struct slice ledger_page_cursor(struct ledger_page *p, enum ledger_page_list list,
                                const uint64_t *numbers, uint32_t count);
/* false if it is not a cursor of this list. */
must_check bool ledger_page_cursor_read(struct slice cursor, enum ledger_page_list list,
                                        uint64_t *numbers, uint32_t count);

/* The account's row, if the caller may see it: RESULT_OK, NOT_FOUND or a failure. Texts live as
 * long as the page. */
must_check uint16_t ledger_page_account(struct ledger_page *p, struct id128 id,
                                        struct accounts_row *row);

/* The account's entry of this version; its hash lives as long as the page. false if absent. */
must_check bool ledger_page_entry(struct ledger_page *p, struct id128 account_id,
                                  uint64_t version, struct entries_row *row);

/* The account's newest entry. */
must_check bool ledger_page_last_entry(struct ledger_page *p, struct id128 account_id,
                                       struct entries_row *row);

/* A copy whose hash lives as long as the page. */
struct entries_row ledger_page_entry_of(struct ledger_page *p, const struct value *values);

#endif
