/* SPDX-License-Identifier: Apache-2.0 */
/* Wallets and holds are one walk over their own view each; balances come from the newest entry of
 * each wallet's account. Movements are entries, whose type follows from the code of the transfer,
 * the kind of the entry and its direction by a table (first match); entries that are no movement of
 * the wallet are passed over. After the walk, and for the page only, each movement's transfer gives
 * the hold or payment behind it, and that one's row the description and metadata. If such a row is
 * missing, the fields stay empty; one that cannot be read gives CORRUPT. */
#include "actors/wallet/wallet_queries.h"

#include "actors/common/page.h"
#include "actors/ledger/ledger_list.h"
#include "actors/wallet/funds.h"
#include "actors/wallet/owner.h"
#include "schemas/payment.h"
#include "schemas/result.h"
#include "schemas/wallet.h"

/* --- one wallet's row ------------------------------------------------------------------------- */

struct wallet_row {
    bool found;
    struct id128 tenant_id;
    struct id128 owner_id;
    uint16_t currency;
};

static bool keep_wallet(void *context, const struct value *values)
{
    struct wallet_row *kept = context;
    struct wallets_row row;
    if (wallets_row_from_values(values, &row))
        *kept = (struct wallet_row){true, row.tenant_id, row.owner_id, row.currency};
    return false;
}

/* The wallet that the list is about, if the caller may see it. */
static uint16_t find_wallet(struct view_store *s, const struct principal *who, struct id128 id,
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

static struct balance entry_balance(const struct entries_row *e)
{
    return funds_balance(e->debits_pending, e->debits_posted, e->credits_pending,
                         e->credits_posted);
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
    struct balance b = entry_balance(&row);
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
    uint16_t code = page_init(&scan.page, PAGE_WALLETS, VALUE_ID, request->has_limit,
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

/* --- movements -------------------------------------------------------------------------------- */

struct type_rule {
    uint16_t code;    /* enum managed_transfer */
    uint8_t kind;     /* enum entry_kind; 0 = any */
    uint8_t in, out;  /* for credits, for debits */
};

#define TYPE(name) WALLET_TRANSACTION_TYPE_##name

/* First match wins. A pending credit is not yet a movement of the wallet (type 0). */
static const struct type_rule type_rules[] = {
    {MANAGED_DEPOSIT, ENTRY_KIND_POSTED, TYPE(DEPOSIT), 0},
    {MANAGED_WITHDRAWAL, ENTRY_KIND_POSTED, 0, TYPE(WITHDRAWAL)},
    {MANAGED_TRANSFER, ENTRY_KIND_POSTED, TYPE(TRANSFER_IN), TYPE(TRANSFER_OUT)},
    {MANAGED_HOLD_FORWARD, ENTRY_KIND_POSTED, TYPE(HOLD_RECEIVED), 0},
    {MANAGED_REFUND, ENTRY_KIND_POSTED, TYPE(REFUND_IN), TYPE(REFUND_OUT)},
    {MANAGED_PAYMENT, ENTRY_KIND_POSTED, TYPE(PAYMENT_IN), TYPE(PAYMENT_OUT)},
    {MANAGED_PAYMENT, ENTRY_KIND_PENDING_POSTED, TYPE(PAYMENT_IN), TYPE(PAYMENT_OUT)},
    {MANAGED_PAYMENT, ENTRY_KIND_PENDING, 0, TYPE(PAYMENT_AUTHORIZED)},
    {MANAGED_PAYMENT, 0, 0, TYPE(PAYMENT_RELEASED)},
    {MANAGED_HOLD, ENTRY_KIND_PENDING, 0, TYPE(HOLD)},
    {MANAGED_HOLD, ENTRY_KIND_PENDING_POSTED, 0, TYPE(HOLD_CAPTURED)},
    {MANAGED_HOLD, 0, 0, TYPE(HOLD_RELEASED)},
};

/* What no service moved is an adjustment, whatever its code. */
static uint8_t type_of(const struct entries_row *e)
{
    if (e->direction != ENTRY_DIRECTION_DEBIT && e->direction != ENTRY_DIRECTION_CREDIT)
        return 0;
    bool in = e->direction == ENTRY_DIRECTION_CREDIT;
    if (!e->managed)
        return in ? TYPE(ADJUSTMENT_IN) : TYPE(ADJUSTMENT_OUT);
    for (size_t i = 0; i < array_len(type_rules); i++) {
        const struct type_rule *r = &type_rules[i];
        if (r->code == e->code && (r->kind == 0 || r->kind == e->kind))
            return in ? r->in : r->out;
    }
    return 0;
}

struct transaction_scan {
    struct ledger_list list;
    const struct wallet_transaction_list *request;
    struct wallet_row wallet;
    struct wallet_transaction *transactions;
    uint16_t codes[PAGE_LIMIT_MAX]; /* of each transaction; 0 = not a service's */
    bool damaged;
};

/* The entry as a movement, unless it is none or another is asked for. */
static void add_transaction(struct transaction_scan *scan, const struct entries_row *row)
{
    uint8_t type = type_of(row);
    if (type == 0 || !row->has_transfer_id ||
        (scan->request->has_type && type != scan->request->type))
        return;
    struct balance b = entry_balance(row);
    struct page *page = &scan->list.page;
    const uint16_t code = row->managed ? row->code : 0;
    scan->codes[page->count] = code;
    scan->transactions[page->count++] = (struct wallet_transaction){
        .transfer_id = row->transfer_id,
        .transaction_id = row->transfer_id,
        .wallet_id = row->account_id,
        .amount = row->amount,
        .currency = scan->wallet.currency,
        .type = type,
        .timestamp = row->recorded_time,
        .balance = b.posted,
        .available_balance = b.available,
        .has_counterparty_wallet_id =
            row->has_counterparty_id &&
            (code == MANAGED_TRANSFER || code == MANAGED_PAYMENT || code == MANAGED_REFUND),
        .counterparty_wallet_id = row->counterparty_id,
    };
}

static bool take_transaction(void *context, const struct value *values)
{
    struct transaction_scan *scan = context;
    struct entries_row row;
    if (!entries_row_from_values(values, &row)) {
        scan->damaged = true;
        return false;
    }
    if (scan->request->has_from && row.recorded_time < scan->request->from)
        return false; /* all that follow are older */
    if (!page_next(&scan->list.page, (struct value){.type = VALUE_UINT, .number = row.version}))
        return false;
    add_transaction(scan, &row);
    return true;
}

static bool take_reference(void *context, const struct value *values)
{
    struct id128 *reference = context;
    struct transfers_row row;
    if (!transfers_row_from_values(values, &row))
        return false;
    if (row.user_data_128 != 0)
        *reference = (struct id128){(uint64_t)(row.user_data_128 >> 64),
                                    (uint64_t)row.user_data_128};
    else if (row.has_pending_id)
        *reference = row.pending_id;
    return false;
}

/* The hold or payment that a transfer was made for. */
static enum err add_reference(struct view_store *s, struct transaction_scan *scan, uint32_t index)
{
    struct wallet_transaction *x = &scan->transactions[index];
    uint16_t code = scan->codes[index];
    bool held = code == MANAGED_HOLD || code == MANAGED_HOLD_FORWARD;
    bool paid = code == MANAGED_PAYMENT || code == MANAGED_REFUND;
    if (!held && !paid)
        return ERR_OK;
    struct value key[2] = {
        {.type = VALUE_ID, .id = scan->wallet.tenant_id},
        {.type = VALUE_ID, .id = x->transfer_id},
    };
    struct id128 reference = ID128_ZERO;
    enum err e = views_get(s, &transfers_view, key, take_reference, &reference);
    if (e != ERR_OK)
        return e == ERR_NOT_FOUND ? ERR_OK : e;
    x->has_hold_id = held && !id128_is_zero(reference);
    x->has_payment_id = paid && !id128_is_zero(reference);
    x->hold_id = x->payment_id = reference;
    return ERR_OK;
}

/* Description and metadata of a movement, in these columns of some row. */
struct words {
    struct page *page;
    struct wallet_transaction *transaction;
    uint32_t description, metadata;
    uint32_t reason; /* 0 = the row has none */
    bool damaged;
};

static bool take_words(void *context, const struct value *values)
{
    struct words *w = context;
    struct wallet_transaction *x = w->transaction;
    const struct value *description = &values[w->description], *metadata = &values[w->metadata];
    x->has_description = description->type == VALUE_TEXT;
    if (x->has_description)
        x->description = arena_copy(&w->page->arena, description->text);
    x->has_reason = w->reason != 0 && values[w->reason].type == VALUE_TEXT;
    if (x->has_reason)
        x->reason = arena_copy(&w->page->arena, values[w->reason].text);
    if (metadata->type == VALUE_BYTES)
        w->damaged = !page_metadata(w->page, metadata->text, &x->metadata);
    return false;
}

/* Pairs are for whoever made the payment, hold or transfer, not for who receives from it. */
static bool pairs_are_others(uint8_t type)
{
    return type == TYPE(TRANSFER_IN) || type == TYPE(HOLD_RECEIVED) || type == TYPE(PAYMENT_IN) ||
           type == TYPE(REFUND_OUT);
}

/* The words of the hold or payment that the movement was made for, else its own. */
static enum err add_words(struct view_store *s, struct transaction_scan *scan, uint32_t index)
{
    struct wallet_transaction *x = &scan->transactions[index];
    struct words words = {.page = &scan->list.page, .transaction = x};
    struct value key[2] = {{.type = VALUE_ID}};
    const struct view_table *table;
    if (x->has_hold_id) {
        table = &wallet_holds_view;
        key[0].id = x->hold_id;
        words.description = WALLET_HOLDS_COLUMN_DESCRIPTION;
        words.metadata = WALLET_HOLDS_COLUMN_METADATA;
    } else if (x->has_payment_id) {
        table = &payments_view;
        key[0].id = x->payment_id;
        words.description = PAYMENTS_COLUMN_DESCRIPTION;
        words.metadata = PAYMENTS_COLUMN_METADATA;
    } else {
        table = &transfer_notes_view;
        key[0].id = scan->wallet.tenant_id;
        key[1] = (struct value){.type = VALUE_ID, .id = x->transfer_id};
        words.description = TRANSFER_NOTES_COLUMN_DESCRIPTION;
        words.reason = TRANSFER_NOTES_COLUMN_REASON;
        words.metadata = TRANSFER_NOTES_COLUMN_METADATA;
    }
    enum err e = views_get(s, table, key, take_words, &words);
    if (e == ERR_OK && words.damaged)
        e = scan->list.page.arena.failed ? ERR_TOO_LARGE : ERR_CORRUPT;
    const struct principal *who = scan->list.who;
    if (pairs_are_others(x->type) && !who->any_owner && !who->operator)
        x->metadata = (struct metadata){0};
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

/* Holds, payments and words of what is on the page. */
static uint16_t complete_transactions(struct view_store *s, struct transaction_scan *scan)
{
    enum err e = scan->damaged ? ERR_CORRUPT : scan->list.error;
    for (uint32_t i = 0; e == ERR_OK && i < scan->list.page.count; i++)
        e = add_reference(s, scan, i);
    for (uint32_t i = 0; e == ERR_OK && i < scan->list.page.count; i++)
        e = add_words(s, scan, i);
    return e == ERR_OK ? RESULT_OK : page_failed(e);
}

/* Without a cursor a list that ends in time begins at the newest entry before its end. */
static void start_in_time(struct transaction_scan *scan)
{
    const struct wallet_transaction_list *request = scan->request;
    struct page *page = &scan->list.page;
    struct entries_row newest;
    if (page->has_from || !request->has_to ||
        !ledger_list_last_entry(&scan->list, request->wallet_id, &newest))
        return;
    uint64_t last = request->to == 0 ? 0 : request->to - 1;
    page->has_from = true;
    page->from = (struct value){
        .type = VALUE_UINT,
        .number =
            ledger_list_version_at(&scan->list, request->wallet_id, newest.version, last, false) +
            1,
    };
}

static uint16_t scan_transactions(struct view_store *s, struct transaction_scan *scan)
{
    start_in_time(scan);
    struct value prefix = {.type = VALUE_ID, .id = scan->request->wallet_id};
    struct view_scan walk =
        page_scan(&scan->list.page, &entries_view, &entries_view.key, &prefix, 1);
    walk.descending = true;
    if (scan->list.error == ERR_OK)
        scan->list.error = views_scan(s, &walk, take_transaction, scan);
    return complete_transactions(s, scan);
}

/* The page and the wallet; room for as many movements as the page may have. */
static uint16_t begin_transactions(struct view_store *s, const struct message *m,
                                   struct transaction_scan *scan)
{
    const struct wallet_transaction_list *request = scan->request;
    struct page *page = &scan->list.page;
    scan->list.store = s;
    scan->list.who = &m->who;
    uint16_t code = page_init(page, PAGE_MOVEMENTS, VALUE_UINT, request->has_limit, request->limit,
                              request->has_cursor, request->cursor);
    if (code == RESULT_OK)
        code = find_wallet(s, &m->who, request->wallet_id, &scan->wallet);
    if (code != RESULT_OK)
        return code;
    scan->transactions = arena_alloc(&page->arena, page->limit * sizeof *scan->transactions);
    return scan->transactions == NULL ? RESULT_TOO_LARGE : RESULT_OK;
}

uint16_t wallet_query_transactions(struct view_store *s, const struct message *m,
                                   struct wire_writer *reply, uint16_t *reply_type)
{
    struct transaction_scan scan = {.request = m->body};
    uint16_t code = begin_transactions(s, m, &scan);
    if (code == RESULT_OK)
        code = scan_transactions(s, &scan);
    if (code == RESULT_OK) {
        struct wallet_transaction_page page = {.transactions = scan.transactions,
                                               .transactions_count = scan.list.page.count};
        page.has_next_cursor = page_cursor(&scan.list.page, &page.next_cursor);
        wallet_transaction_page_write(reply, &page);
        *reply_type = WALLET_TRANSACTION_PAGE_NUMBER;
    }
    page_done(&scan.list.page);
    return code;
}

static bool take_recorded(void *context, const struct value *values)
{
    uint64_t *recorded = context;
    struct transfers_row row;
    if (transfers_row_from_values(values, &row))
        *recorded = row.recorded_time;
    return false;
}

/* No index has an account's entries by transfer, but both have the time of one event. */
static uint16_t find_transaction(struct view_store *s, struct transaction_scan *scan,
                                 const struct wallet_transaction_get *get)
{
    const struct value key[] = {{.type = VALUE_ID, .id = scan->wallet.tenant_id},
                                {.type = VALUE_ID, .id = get->transfer_id}};
    uint64_t recorded = 0;
    struct entries_row newest, row;
    enum err e = views_get(s, &transfers_view, key, take_recorded, &recorded);
    if (e != ERR_OK)
        return page_failed(e);
    struct ledger_list *list = &scan->list;
    uint64_t version = 0;
    if (ledger_list_last_entry(list, get->wallet_id, &newest))
        version = ledger_list_version_at(list, get->wallet_id, newest.version, recorded, false);
    if (version > 0 && ledger_list_entry(list, get->wallet_id, version, &row) &&
        row.has_transfer_id && id128_equal(row.transfer_id, get->transfer_id))
        add_transaction(scan, &row);
    uint16_t code = complete_transactions(s, scan);
    return code == RESULT_OK && list->page.count == 0 ? RESULT_NOT_FOUND : code;
}

uint16_t wallet_query_transaction(struct view_store *s, const struct message *m,
                                  struct wire_writer *reply, uint16_t *reply_type)
{
    const struct wallet_transaction_get *get = m->body;
    const struct wallet_transaction_list one = {
        .wallet_id = get->wallet_id, .has_limit = true, .limit = 1};
    struct transaction_scan scan = {.request = &one};
    uint16_t code = begin_transactions(s, m, &scan);
    if (code == RESULT_OK)
        code = find_transaction(s, &scan, get);
    if (code == RESULT_OK) {
        wallet_transaction_write(reply, &scan.transactions[0]);
        *reply_type = WALLET_TRANSACTION_NUMBER;
    }
    page_done(&scan.list.page);
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
    uint16_t code = page_init(&scan.page, PAGE_HOLDS, VALUE_ID, request->has_limit,
                              request->limit, request->has_cursor, request->cursor);
    if (code == RESULT_OK)
        code = find_wallet(s, &m->who, request->wallet_id, &wallet);
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
