/* SPDX-License-Identifier: Apache-2.0 */
/* List: what the lists of the ledger have in common: where they read and for whom, the page that is
 * filled, and the rows of an account. One per query, on the read worker. */
#ifndef LEDGER_LEDGER_LIST_H
#define LEDGER_LEDGER_LIST_H

#include "actors/common/attributions.h"
#include "actors/common/page.h"
#include "runtime/actor/domain.h"
#include "schemas/ledger.h"

#define LEDGER_LIST_ROWS_MAX                                                                       \
    PAGE_ROWS_MAX /* looked at by one list; then it gives a cursor to go on */
#define LEDGER_LIST_PAGE_DEFAULT 50
#define LEDGER_LIST_PAGE_MAX 1000

struct ledger_list {
    struct page page;
    struct view_store *store;
    const struct principal *who;
    struct attributions attributions; /* who did what is listed */
    enum err error;
};

/* RESULT_OK, or what is wrong with the limit. ledger_list_done() in any case. */
must_check uint16_t ledger_list_init(struct ledger_list *list, struct view_store *s,
                                     const struct message *m, bool has_limit, uint32_t limit);
void ledger_list_done(struct ledger_list *list);

/* Below which version of an account's entries the page begins: cursor_read(). */
must_check uint16_t ledger_list_cursor(struct ledger_list *list, struct slice cursor,
                                       uint64_t *version);

/* Are the accounts of all tenants listed: for an operator who named no tenant? */
static inline bool ledger_list_all(const struct ledger_list *list)
{
    return list->who->operator && !list->who->one_tenant;
}

/* The account's row, if the caller may see it: RESULT_OK, NOT_FOUND or a failure. Texts live as
 * long as the page. */
must_check uint16_t ledger_list_account(struct ledger_list *list, struct id128 id,
                                        struct accounts_row *row);

/* The account's entry of this version, if it has one; its hash lives as long as the page. */
must_check bool ledger_list_entry(struct ledger_list *list, struct id128 account_id,
                                  uint64_t version, struct entries_row *row);

/* Gives the rows of the account's entries below this version, or from ENTRY_FROM_NEWEST on, the
 * newest first, unless reading failed before: RESULT_OK or a failure. */
must_check uint16_t ledger_list_entries(struct ledger_list *list, struct id128 account_id,
                                        uint64_t version, view_row_cb row, void *context);

/* Gives the row of the account's newest entry, if it has any. */
must_check enum err ledger_newest_entry(struct view_store *s, struct id128 account_id,
                                        view_row_cb row, void *context);

/* The account's newest entry, as ledger_list_entry() gives one. */
must_check bool ledger_list_last_entry(struct ledger_list *list, struct id128 account_id,
                                       struct entries_row *row);

/* What never decreases with the version of an account: recorded_time and position in the journal by
 * themselves, effective_max by making. */
enum ledger_list_axis {
    LEDGER_LIST_RECORDED,
    LEDGER_LIST_EFFECTIVE,
    LEDGER_LIST_POSITION,
};

/* The version of the account's last entry, up to that of `newest`, that is not after `at` on this
 * axis; 0 if there is none. */
uint64_t ledger_list_version_at(struct ledger_list *list, struct id128 account_id, uint64_t newest,
                                uint64_t at, enum ledger_list_axis axis);

/* A copy whose hash lives as long as the page. */
struct entries_row ledger_list_entry_of(struct ledger_list *list, const struct value *values);

#endif
