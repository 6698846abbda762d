/* SPDX-License-Identifier: Apache-2.0 */
/* Movements are entries, whose type follows from the code of the transfer, the kind of the entry
 * and its direction by a table (first match); entries that are no movement of the wallet are passed
 * over. After the walk, and for the page only, each movement's transfer gives the hold or payment
 * behind it, and that one's row the description and metadata. If such a row is missing, the fields
 * stay empty; one that cannot be read gives CORRUPT. */
#include "actors/wallet/wallet_transactions.h"

#include "actors/wallet/funds.h"
#include "actors/wallet/wallet.h"
#include "runtime/base/slot_map.h"
#include "schemas/payment.h"
#include "schemas/result.h"

struct type_rule {
    uint16_t code;   /* enum managed_transfer */
    uint8_t kind;    /* enum entry_kind; 0 = any */
    uint8_t in, out; /* for credits, for debits */
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
    {MANAGED_PAYMENT_FORWARD, ENTRY_KIND_POSTED, TYPE(PAYMENT_IN), 0},
    {MANAGED_AUTHORIZATION, ENTRY_KIND_PENDING_POSTED, 0, TYPE(PAYMENT_OUT)},
    {MANAGED_AUTHORIZATION, ENTRY_KIND_PENDING, 0, TYPE(PAYMENT_AUTHORIZED)},
    {MANAGED_AUTHORIZATION, 0, 0, TYPE(PAYMENT_RELEASED)},
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

static struct balance entry_balance(const struct entries_row *e)
{
    return funds_balance(e->debits_pending, e->debits_posted, e->credits_pending,
                         e->credits_posted);
}

void wallet_transactions_add(struct wallet_transactions *scan, const struct entries_row *row)
{
    uint8_t type = type_of(row);
    if (type == 0 || !row->has_transfer_id ||
        (scan->request->has_type && type != scan->request->type))
        return;
    struct balance b = entry_balance(row);
    struct page *page = &scan->list.page;
    const uint16_t code = row->managed ? row->code : 0;
    scan->codes[page->count] = code;
    scan->homes[page->count] = row->home;
    scan->positions[page->count] = row->position;
    scan->versions[page->count] = row->version;
    scan->items[page->count++] = (struct wallet_transaction){
        .transfer_id = row->transfer_id,
        .transaction_id = row->transfer_id,
        .wallet_id = row->account_id,
        .amount = row->amount,
        .currency = scan->wallet.currency,
        .type = type,
        .direction = wallet_direction_of(type),
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
    struct wallet_transactions *scan = context;
    struct entries_row row;
    if (!entries_row_from_values(values, &row)) {
        scan->damaged = true;
        return false;
    }
    if (scan->request->has_from && row.recorded_time < scan->request->from)
        return false; /* all that follow are older */
    if (!page_next(&scan->list.page, (struct value){.type = VALUE_UINT, .number = row.version}))
        return false;
    wallet_transactions_add(scan, &row);
    return true;
}

static bool take_reference(void *context, const struct value *values)
{
    struct id128 *reference = context;
    struct transfers_row row;
    if (!transfers_row_from_values(values, &row))
        return false;
    if (row.user_data_128 != 0)
        *reference =
            (struct id128){(uint64_t)(row.user_data_128 >> 64), (uint64_t)row.user_data_128};
    else if (row.has_pending_id)
        *reference = row.pending_id;
    return false;
}

/* The hold or payment that a transfer was made for. */
static enum err add_reference(struct view_store *s, struct wallet_transactions *scan,
                              uint32_t index)
{
    struct wallet_transaction *x = &scan->items[index];
    uint16_t code = scan->codes[index];
    bool held = code == MANAGED_HOLD || code == MANAGED_HOLD_FORWARD;
    bool paid = code >= MANAGED_PAYMENT;
    if (!held && !paid)
        return ERR_OK;
    const struct value key[] = {
        {.type = VALUE_ID, .id = scan->wallet.tenant_id},
        {.type = VALUE_ID, .id = x->transfer_id},
        {.type = VALUE_UINT, .number = scan->homes[index]},
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
    bool has_reason, has_wallets; /* what the row has of these */
    uint32_t reason, from, to;
    bool damaged;
};

/* What passes clearing on its way to another shard names that, not the other wallet. */
static void take_counterparty(struct words *w, const struct value *values)
{
    struct wallet_transaction *x = w->transaction;
    if (!w->has_wallets || x->has_counterparty_wallet_id)
        return;
    const struct id128 from = values[w->from].id, to = values[w->to].id;
    x->has_counterparty_wallet_id = true;
    x->counterparty_wallet_id = id128_equal(x->wallet_id, from) ? to : from;
}

static bool take_words(void *context, const struct value *values)
{
    struct words *w = context;
    struct wallet_transaction *x = w->transaction;
    take_counterparty(w, values);
    const struct value *description = &values[w->description], *metadata = &values[w->metadata];
    x->has_description = description->type == VALUE_TEXT;
    if (x->has_description)
        x->description = arena_copy(&w->page->arena, description->text);
    x->has_reason = w->has_reason && values[w->reason].type == VALUE_TEXT;
    if (x->has_reason)
        x->reason = arena_copy(&w->page->arena, values[w->reason].text);
    if (metadata->type == VALUE_BYTES)
        w->damaged = !page_metadata(w->page, metadata->text, &x->metadata);
    return false;
}

/* Pairs are for whoever made the payment, hold or transfer, not for who receives from it; those of
 * an adjustment for whoever keeps the books. */
static bool pairs_are_others(uint8_t type)
{
    return type == TYPE(TRANSFER_IN) || type == TYPE(HOLD_RECEIVED) || type == TYPE(PAYMENT_IN) ||
           type == TYPE(REFUND_OUT) || type == TYPE(ADJUSTMENT_IN) || type == TYPE(ADJUSTMENT_OUT);
}

/* The words of the hold or payment that the movement was made for, else its own. */
static enum err add_words(struct view_store *s, struct wallet_transactions *scan, uint32_t index)
{
    struct wallet_transaction *x = &scan->items[index];
    struct words words = {.page = &scan->list.page, .transaction = x};
    struct value key[3] = {{.type = VALUE_ID}};
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
        words.has_wallets = true;
        words.from = PAYMENTS_COLUMN_FROM_ACCOUNT;
        words.to = PAYMENTS_COLUMN_TO_ACCOUNT;
    } else {
        table = &transfer_notes_view;
        key[0].id = scan->wallet.tenant_id;
        key[1] = (struct value){.type = VALUE_ID, .id = x->transfer_id};
        key[2] = (struct value){.type = VALUE_UINT, .number = scan->homes[index]};
        words.description = TRANSFER_NOTES_COLUMN_DESCRIPTION;
        words.has_reason = true;
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

uint16_t wallet_transactions_complete(struct view_store *s, struct wallet_transactions *scan)
{
    enum err e = scan->damaged ? ERR_CORRUPT : scan->list.error;
    for (uint32_t i = 0; e == ERR_OK && i < scan->list.page.count; i++)
        e = add_reference(s, scan, i);
    for (uint32_t i = 0; e == ERR_OK && i < scan->list.page.count; i++)
        e = add_words(s, scan, i);
    return e == ERR_OK ? RESULT_OK : page_failed(e);
}

/* Without a cursor a list that ends in time begins at the newest entry before its end. */
static void start_in_time(struct wallet_transactions *scan)
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
        .number = ledger_list_version_at(&scan->list, request->wallet_id, newest.version, last,
                                         LEDGER_LIST_RECORDED) +
                  1,
    };
}

static uint16_t scan_transactions(struct view_store *s, struct wallet_transactions *scan)
{
    start_in_time(scan);
    struct value prefix = {.type = VALUE_ID, .id = scan->request->wallet_id};
    struct view_scan walk =
        page_scan(&scan->list.page, &entries_view, &entries_view.key, &prefix, 1);
    walk.descending = true;
    if (scan->list.error == ERR_OK)
        scan->list.error = views_scan(s, &walk, take_transaction, scan);
    return wallet_transactions_complete(s, scan);
}

/* The page and the wallet; room for as many movements as the page may have. */
static uint16_t begin_transactions(struct view_store *s, const struct message *m,
                                   struct wallet_transactions *scan)
{
    const struct wallet_transaction_list *request = scan->request;
    struct page *page = &scan->list.page;
    scan->list.store = s;
    scan->list.who = &m->who;
    uint16_t code = page_init(page, m, PAGE_MOVEMENTS, VALUE_UINT, request->has_limit,
                              request->limit, request->has_cursor, request->cursor);
    if (code == RESULT_OK)
        code = wallet_row_find(s, &m->who, request->wallet_id, &scan->wallet);
    if (code != RESULT_OK)
        return code;
    scan->items = arena_alloc(&page->arena, page->limit * sizeof *scan->items);
    return scan->items == NULL ? RESULT_TOO_LARGE : RESULT_OK;
}

uint16_t wallet_query_transactions(struct view_store *s, const struct message *m,
                                   struct wire_writer *reply, uint16_t *reply_type)
{
    struct wallet_transactions scan = {.request = m->body};
    uint16_t code = begin_transactions(s, m, &scan);
    if (code == RESULT_OK)
        code = scan_transactions(s, &scan);
    if (code == RESULT_OK) {
        struct wallet_transaction_page page = {.transactions = scan.items,
                                               .transactions_count = scan.list.page.count};
        page.has_next_cursor = page_cursor(&scan.list.page, &page.next_cursor);
        wallet_transaction_page_write(reply, &page);
        *reply_type = WALLET_TRANSACTION_PAGE_NUMBER;
    }
    page_done(&scan.list.page);
    return code;
}

struct recorded { /* of the transfer with this wallet's account */
    struct id128 wallet_id;
    uint64_t time, position;
    bool found, damaged;
};

static bool take_recorded(void *context, const struct value *values)
{
    struct recorded *recorded = context;
    struct transfers_row row;
    recorded->damaged = !transfers_row_from_values(values, &row);
    if (recorded->damaged)
        return false;
    recorded->found = id128_equal(row.debit_account_id, recorded->wallet_id) ||
                      id128_equal(row.credit_account_id, recorded->wallet_id);
    recorded->time = row.recorded_time;
    recorded->position = row.position;
    return !recorded->found;
}

/* Other transfers with this id are in shards that know nothing of the wallet. */
static uint16_t find_recorded(struct view_store *s, struct wallet_transactions *scan,
                              struct id128 transfer_id, struct recorded *recorded)
{
    const struct value prefix[] = {{.type = VALUE_ID, .id = scan->wallet.tenant_id},
                                   {.type = VALUE_ID, .id = transfer_id}};
    const struct view_scan walk = {
        .table = &transfers_view,
        .index = &transfers_view.key,
        .prefix = prefix,
        .prefix_count = array_len(prefix),
        .limit = SLOT_MAP_SHARDS_MAX,
    };
    enum err e = views_scan(s, &walk, take_recorded, recorded);
    if (e == ERR_OK && recorded->damaged)
        e = ERR_CORRUPT;
    if (e != ERR_OK)
        return page_failed(e);
    return recorded->found ? RESULT_OK : RESULT_NOT_FOUND;
}

struct entry_at { /* looked for among the entries of this time */
    struct wallet_transactions *scan;
    struct id128 transfer_id;
    uint64_t recorded_time;
};

static bool take_entry_at(void *context, const struct value *values)
{
    struct entry_at *at = context;
    struct entries_row row = ledger_list_entry_of(&at->scan->list, values);
    if (row.recorded_time != at->recorded_time)
        return false;
    if (!row.has_transfer_id || !id128_equal(row.transfer_id, at->transfer_id))
        return true;
    wallet_transactions_add(at->scan, &row);
    return false;
}

/* The last entry that is not after `place` in the journal, if it is of this transfer. */
static bool take_entry_of(struct wallet_transactions *scan,
                          const struct wallet_transaction_get *get, uint64_t newest, uint64_t place)
{
    struct entries_row row;
    struct ledger_list *list = &scan->list;
    uint64_t version =
        ledger_list_version_at(list, get->wallet_id, newest, place, LEDGER_LIST_POSITION);
    if (version == 0 || !ledger_list_entry(list, get->wallet_id, version, &row) ||
        !row.has_transfer_id || !id128_equal(row.transfer_id, get->transfer_id))
        return false;
    wallet_transactions_add(scan, &row);
    return true;
}

/* No index has an account's entries by transfer, but the entry of an account in the shard of the
 * transfer's row has the row's place in the journal. In another shard it has the time of the
 * decision, which is the transfer's. */
static uint16_t find_transaction(struct view_store *s, struct wallet_transactions *scan,
                                 const struct wallet_transaction_get *get)
{
    struct recorded at = {.wallet_id = get->wallet_id};
    struct entries_row newest;
    uint16_t code = find_recorded(s, scan, get->transfer_id, &at);
    if (code != RESULT_OK)
        return code;
    struct ledger_list *list = &scan->list;
    if (ledger_list_last_entry(list, get->wallet_id, &newest) &&
        !take_entry_of(scan, get, newest.version, at.position)) {
        struct entry_at found = {scan, get->transfer_id, at.time};
        uint64_t last = ledger_list_version_at(list, get->wallet_id, newest.version, at.time,
                                               LEDGER_LIST_RECORDED);
        code = ledger_list_entries(list, get->wallet_id, last + 1, take_entry_at, &found);
    }
    if (code != RESULT_OK)
        return code;
    code = wallet_transactions_complete(s, scan);
    return code == RESULT_OK && list->page.count == 0 ? RESULT_NOT_FOUND : code;
}

uint16_t wallet_query_transaction(struct view_store *s, const struct message *m,
                                  struct wire_writer *reply, uint16_t *reply_type)
{
    const struct wallet_transaction_get *get = m->body;
    const struct wallet_transaction_list one = {
        .wallet_id = get->wallet_id, .has_limit = true, .limit = 1};
    struct wallet_transactions scan = {.request = &one};
    uint16_t code = begin_transactions(s, m, &scan);
    if (code == RESULT_OK)
        code = find_transaction(s, &scan, get);
    if (code == RESULT_OK) {
        wallet_transaction_write(reply, &scan.items[0]);
        *reply_type = WALLET_TRANSACTION_NUMBER;
    }
    page_done(&scan.list.page);
    return code;
}
