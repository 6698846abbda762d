/* SPDX-License-Identifier: Apache-2.0 */
/* Wallets and holds are one walk over their own view each; balances come from the newest entry of
 * each wallet's account. */
#include "actors/wallet/wallet_queries.h"

#include "actors/common/owner_id.h"
#include "actors/common/page.h"
#include "actors/ledger/ledger_list.h"
#include "actors/wallet/funds.h"
#include "actors/wallet/owner.h"
#include "schemas/payment.h"
#include "schemas/result.h"
#include "schemas/wallet.h"

/* --- one wallet's row ------------------------------------------------------------------------- */

static bool keep_wallet(void *context, const struct value *values)
{
    struct wallet_row *kept = context;
    struct wallets_row row;
    if (wallets_row_from_values(values, &row))
        *kept = (struct wallet_row){true, row.tenant_id, row.owner_id, row.currency};
    return false;
}

uint16_t wallet_row_find(struct view_store *s, const struct principal *who, struct id128 id,
                         struct wallet_row *row)
{
    *row = (struct wallet_row){0};
    struct value key = {.type = VALUE_ID, .id = id};
    enum err e = views_get(s, &wallets_view, &key, keep_wallet, row);
    if (e != ERR_OK)
        return page_failed(e);
    if (!row->found)
        return RESULT_CORRUPT;
    return page_may_see(who, row->tenant_id, row->owner_id) ? RESULT_OK : RESULT_NOT_FOUND;
}

/* --- wallets ---------------------------------------------------------------------------------- */

struct wallet_scan {
    struct page page;
    const struct wallet_list *request;
    struct wallet_info *wallets;
    bool damaged;
};

static bool wanted_wallet(const struct wallet_list *request, const struct wallets_row *row)
{
    return (!request->has_currency || row->currency == request->currency) &&
           (!request->has_status || row->status == request->status);
}

static bool take_wallet(void *context, const struct value *values)
{
    struct wallet_scan *scan = context;
    struct wallets_row row;
    if (!wallets_row_from_values(values, &row)) {
        scan->damaged = true;
        return false;
    }
    if (!page_next(&scan->page, (struct value){.type = VALUE_ID, .id = row.wallet_id}))
        return false;
    if (!wanted_wallet(scan->request, &row))
        return true;
    struct wallet_info *info = &scan->wallets[scan->page.count++];
    *info = (struct wallet_info){
        .wallet_id = row.wallet_id,
        .user_id = arena_copy(&scan->page.arena, row.user_id),
        .currency = row.currency,
        .status = row.status,
        .has_freeze_scope = row.has_freeze_scope,
        .freeze_scope = row.freeze_scope,
        .created_at = row.created_at,
        .has_per_transaction = row.has_per_transaction,
        .per_transaction = row.per_transaction,
        .has_per_day = row.has_per_day,
        .per_day = row.per_day,
        .open_holds = row.open_holds,
        .version = row.version,
    };
    scan->damaged = !page_metadata(&scan->page, row.metadata, &info->metadata);
    return !scan->damaged;
}

static bool take_balance(void *context, const struct value *values)
{
    struct wallet_info *info = context;
    struct entries_row row;
    if (!entries_row_from_values(values, &row))
        return false;
    struct balance b = funds_balance(row.debits_pending, row.debits_posted, row.credits_pending,
                                     row.credits_posted);
    info->balance = b.posted;
    info->available_balance = b.available;
    info->pending_balance = b.held;
    info->incoming_balance = b.incoming;
    info->total_balance = b.posted;
    info->version += row.version;
    return false;
}

/* The balances after the last entry of each account. */
static enum err add_balances(struct view_store *s, struct wallet_scan *scan)
{
    enum err e = ERR_OK;
    for (uint32_t i = 0; e == ERR_OK && i < scan->page.count; i++) {
        struct wallet_info *wallet = &scan->wallets[i];
        e = ledger_newest_entry(s, wallet->wallet_id, take_balance, wallet);
    }
    return e;
}

/* Wallets of one owner, or of all owners in the tenant. */
static uint16_t scan_wallets(struct view_store *s, const struct message *m,
                             struct wallet_scan *scan)
{
    const struct wallet_list *request = scan->request;
    bool all = principal_sees_all_owners(&m->who) && !request->has_user_id;
    struct id128 owner_id = request->has_user_id ? owner_id_of(&m->who, request->user_id)
                                                 : m->who.subject_id;
    if (!all && !page_may_see(&m->who, m->who.tenant_id, owner_id))
        return RESULT_NOT_FOUND;
    struct value prefix[2] = {
        {.type = VALUE_ID, .id = m->who.tenant_id},
        {.type = VALUE_ID, .id = owner_id},
    };
    const struct view_scan walk =
        page_scan(&scan->page, &wallets_view,
                  &wallets_view.indexes[all ? WALLETS_INDEX_BY_TENANT : WALLETS_INDEX_BY_OWNER],
                  prefix, all ? 1 : 2);
    enum err e = views_scan(s, &walk, take_wallet, scan);
    if (e == ERR_OK)
        e = scan->damaged ? ERR_CORRUPT : add_balances(s, scan);
    return e == ERR_OK ? RESULT_OK : page_failed(e);
}

uint16_t wallet_query_list(struct view_store *s, const struct message *m, struct wire_writer *reply,
                           uint16_t *reply_type)
{
    const struct wallet_list *request = m->body;
    struct wallet_scan scan = {.request = request};
    uint16_t code = page_init(&scan.page, m, PAGE_WALLETS, VALUE_ID, request->has_limit,
                              request->limit, request->has_cursor, request->cursor);
    if (code == RESULT_OK) {
        scan.wallets = arena_alloc(&scan.page.arena, scan.page.limit * sizeof *scan.wallets);
        code = scan.wallets == NULL ? RESULT_TOO_LARGE : scan_wallets(s, m, &scan);
    }
    if (code == RESULT_OK && scan.page.arena.failed)
        code = RESULT_TOO_LARGE;
    if (code == RESULT_OK) {
        struct wallet_page page = {.wallets = scan.wallets, .wallets_count = scan.page.count};
        page.has_next_cursor = page_cursor(&scan.page, &page.next_cursor);
        wallet_page_write(reply, &page);
        *reply_type = WALLET_PAGE_NUMBER;
    }
    page_done(&scan.page);
    return code;
}

/* --- holds ------------------------------------------------------------------------------------ */

struct hold_scan {
    struct page page;
    const struct wallet_hold_list *request;
    struct wallet_hold_info *holds;
    bool damaged;
};

static bool take_hold(void *context, const struct value *values)
{
    struct hold_scan *scan = context;
    struct wallet_holds_row row;
    if (!wallet_holds_row_from_values(values, &row)) {
        scan->damaged = true;
        return false;
    }
    if (!page_next(&scan->page, (struct value){.type = VALUE_ID, .id = row.hold_id}))
        return false;
    if (scan->request->has_status && row.status != scan->request->status)
        return true;
    struct wallet_hold_info *info = &scan->holds[scan->page.count++];
    *info = (struct wallet_hold_info){.version = 0};
    wallet_hold_info_from_wallet_holds_row(info, &row);
    info->description = arena_copy(&scan->page.arena, row.description);
    scan->damaged = !page_metadata(&scan->page, row.metadata, &info->metadata);
    return !scan->damaged;
}

static uint16_t scan_holds(struct view_store *s, struct hold_scan *scan)
{
    struct value prefix = {.type = VALUE_ID, .id = scan->request->wallet_id};
    struct view_scan walk =
        page_scan(&scan->page, &wallet_holds_view,
                  &wallet_holds_view.indexes[WALLET_HOLDS_INDEX_BY_WALLET], &prefix, 1);
    walk.descending = true;
    enum err e = views_scan(s, &walk, take_hold, scan);
    if (e != ERR_OK)
        return page_failed(e);
    return scan->damaged ? RESULT_CORRUPT : RESULT_OK;
}

uint16_t wallet_query_holds(struct view_store *s, const struct message *m,
                            struct wire_writer *reply, uint16_t *reply_type)
{
    const struct wallet_hold_list *request = m->body;
    struct hold_scan scan = {.request = request};
    struct wallet_row wallet;
    uint16_t code = page_init(&scan.page, m, PAGE_HOLDS, VALUE_ID, request->has_limit,
                              request->limit, request->has_cursor, request->cursor);
    if (code == RESULT_OK)
        code = wallet_row_find(s, &m->who, request->wallet_id, &wallet);
    if (code == RESULT_OK) {
        scan.holds = arena_alloc(&scan.page.arena, scan.page.limit * sizeof *scan.holds);
        code = scan.holds == NULL ? RESULT_TOO_LARGE : scan_holds(s, &scan);
    }
    if (code == RESULT_OK && scan.page.arena.failed)
        code = RESULT_TOO_LARGE;
    if (code == RESULT_OK) {
        struct wallet_hold_page page = {.holds = scan.holds, .holds_count = scan.page.count};
        page.has_next_cursor = page_cursor(&scan.page, &page.next_cursor);
        wallet_hold_page_write(reply, &page);
        *reply_type = WALLET_HOLD_PAGE_NUMBER;
    }
    page_done(&scan.page);
    return code;
}
