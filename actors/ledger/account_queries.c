/* SPDX-License-Identifier: Apache-2.0 */
/* Every list is one walk over a view: rows are filtered while they are read, and what the page
 * keeps is copied into its arena, since a row is valid during its callback only. Accounts have no
 * counters in their rows; those are in each account's newest entry, read after the walk for the
 * rows of the page alone. */
#include "actors/ledger/account_queries.h"

#include "actors/ledger/account.h"
#include "actors/ledger/entry.h"
#include "actors/ledger/ledger_list.h"
#include "actors/ledger/manager.h"
#include "runtime/base/sha256.h"
#include "schemas/result.h"

#define TRANSACTIONS_ROWS 20 /* of a page unless more are asked for, as old clients know it */

/* --- accounts --------------------------------------------------------------------------------- */

struct accounts_walk {
    struct ledger_list list;
    const struct accounts_list *asked;
    struct account_summary *items;
    struct id128 last; /* the last account looked at */
};

static bool account_wanted(const struct accounts_list *q, const struct accounts_row *row)
{
    return (!q->has_currency || q->currency == row->currency) &&
           (!q->has_code || q->code == row->code) &&
           (!q->has_status || q->status == row->status) &&
           (!q->has_user_data_64 || q->user_data_64 == row->user_data_64);
}

static bool take_account(void *context, const struct value *values)
{
    struct accounts_walk *w = context;
    if (!page_look(&w->list.page))
        return false;
    struct accounts_row row;
    bool read = accounts_row_from_values(values, &row);
    check(read);
    w->last = row.account_id;
    if (!account_wanted(w->asked, &row))
        return true;
    check(w->list.page.count < w->list.page.limit);
    struct account_summary *item = &w->items[w->list.page.count++];
    *item = (struct account_summary){.version = 0};
    account_summary_from_accounts_row(item, &row);
    item->name = arena_copy(&w->list.page.arena, row.name);
    item->owner = arena_copy(&w->list.page.arena, row.owner);
    item->has_tenant_id = w->list.who->operator;
    item->purpose = manager_purpose(row.code, row.flags);
    item->has_purpose = item->purpose != 0;
    item->has_managed_by = (row.flags & ACCOUNT_FLAGS_MANAGED) != 0;
    if (item->has_managed_by) {
        char memory[MANAGER_TEXT_MAX];
        const struct manager m = manager_of_account(row.code, row.account_id);
        item->managed_by = arena_copy(&w->list.page.arena, manager_text(&m, memory));
    }
    return true;
}

static bool name_tenant(struct accounts_walk *w, struct account_summary *item,
                        const struct entries_row *e)
{
    item->tenant = attributions_tenant(&w->list.attributions, item->account_id, e->position);
    item->has_tenant = id128_equal(sha256_id(&item->tenant, 1), item->tenant_id);
    return item->has_tenant;
}

/* States and rows have the hash of a tenant's name. The name stands where something was done to the
 * account for its tenant: with its last entry, or with the one that opened it. */
static void add_tenant(struct accounts_walk *w, struct account_summary *item,
                       const struct entries_row *last)
{
    struct entries_row opened;
    for (const struct account_summary *known = w->items; known < item; known++) {
        if (id128_equal(known->tenant_id, item->tenant_id)) {
            item->has_tenant = known->has_tenant;
            item->tenant = known->tenant;
            return;
        }
    }
    bool named =
        name_tenant(w, item, last) || (ledger_list_entry(&w->list, item->account_id, 1, &opened) &&
                                       name_tenant(w, item, &opened));
    if (!named && w->list.error == ERR_OK)
        w->list.error = w->list.attributions.error;
}

static void add_counters(struct accounts_walk *w)
{
    for (uint32_t i = 0; i < w->list.page.count && w->list.error == ERR_OK; i++) {
        struct account_summary *item = &w->items[i];
        struct entries_row entry;
        if (!ledger_list_last_entry(&w->list, item->account_id, &entry))
            continue;
        check(id128_equal(entry.account_id, item->account_id));
        item->version = entry.version;
        item->debits_pending = entry.debits_pending;
        item->debits_posted = entry.debits_posted;
        item->credits_pending = entry.credits_pending;
        item->credits_posted = entry.credits_posted;
        if (w->list.who->operator)
            add_tenant(w, item, &entry);
    }
}

static uint16_t accounts_page(struct accounts_walk *w, struct wire_writer *reply)
{
    struct ledger_list *list = &w->list;
    w->items = arena_alloc(&list->page.arena, list->page.limit * sizeof *w->items);
    uint64_t numbers[2] = {0};
    if (w->items == NULL)
        return RESULT_TOO_LARGE;
    if (w->asked->has_cursor) {
        uint16_t code = cursor_read(w->asked->cursor, list->page.message, PAGE_ACCOUNTS, numbers,
                                    array_len(numbers));
        if (code != RESULT_OK)
            return code;
    }
    bool all = ledger_list_all(list);
    const struct value tenant = {VALUE_ID, .id = list->who->tenant_id};
    const struct value from = {VALUE_ID, .id = {numbers[0], numbers[1]}};
    const struct view_scan scan = {
        .table = &accounts_view,
        .index = all ? &accounts_view.key : &accounts_view.indexes[ACCOUNTS_INDEX_BY_TENANT],
        .prefix = &tenant,
        .prefix_count = all ? 0 : 1,
        .from = w->asked->has_cursor ? &from : NULL,
        .from_count = w->asked->has_cursor ? 1 : 0,
        .limit = LEDGER_LIST_ROWS_MAX + 1,
    };
    list->error = views_scan(list->store, &scan, take_account, w);
    add_counters(w);
    if (list->error != ERR_OK)
        return (uint16_t)list->error;
    check(list->page.count <= list->page.limit);
    const uint64_t next[] = {w->last.hi, w->last.lo};
    struct account_page page = {.accounts = w->items, .accounts_count = list->page.count};
    page.next_cursor = page_cursor_of(&list->page, PAGE_ACCOUNTS, next, array_len(next));
    page.has_next_cursor = page.next_cursor.len > 0;
    account_page_write(reply, &page);
    return RESULT_OK;
}

uint16_t account_query_list(struct view_store *s, const struct message *m,
                            struct wire_writer *reply, uint16_t *reply_type)
{
    const struct accounts_list *q = m->body;
    struct accounts_walk w = {.asked = q, .last = ID128_ZERO};
    uint16_t code = ledger_list_init(&w.list, s, m, q->has_limit, q->limit);
    if (code == RESULT_OK)
        code = accounts_page(&w, reply);
    ledger_list_done(&w.list);
    if (code == RESULT_OK)
        *reply_type = ACCOUNT_PAGE_NUMBER;
    return code;
}

/* --- entries ---------------------------------------------------------------------------------- */

struct entries_walk {
    struct ledger_list list;
    const struct account_entries *asked;
    bool moved_only; /* only what posted money */
    struct entries_row *items;
    uint64_t last; /* the last version looked at */
};

static bool entry_wanted(const struct entries_walk *w, const struct entries_row *row)
{
    if (w->moved_only)
        return row->kind == ENTRY_KIND_POSTED || row->kind == ENTRY_KIND_PENDING_POSTED;
    const struct account_entries *q = w->asked;
    return (!q->has_direction || q->direction == row->direction) &&
           (!q->has_code || q->code == row->code);
}

static bool take_entry(void *context, const struct value *values)
{
    struct entries_walk *w = context;
    struct entries_row row = ledger_list_entry_of(&w->list, values);
    if (w->asked->has_from && row.recorded_time < w->asked->from)
        return false;
    if (!page_look(&w->list.page))
        return false;
    check(w->last == 0 || row.version < w->last);
    w->last = row.version;
    check(w->list.page.count < w->list.page.limit);
    if (entry_wanted(w, &row))
        w->items[w->list.page.count++] = row;
    return true;
}

/* The version before which the walk begins: the cursor's, or the first recorded too late. */
static uint16_t entries_start(struct entries_walk *w, uint64_t *version)
{
    const struct account_entries *q = w->asked;
    if (q->has_cursor)
        return ledger_list_cursor(&w->list, q->cursor, version);
    struct entries_row row;
    *version = ENTRY_FROM_NEWEST;
    if (!q->has_to || !ledger_list_last_entry(&w->list, q->account_id, &row))
        return RESULT_OK;
    uint64_t before = q->to == 0 ? 0 : q->to - 1;
    *version =
        ledger_list_version_at(&w->list, q->account_id, row.version, before, LEDGER_LIST_RECORDED) +
        1;
    return RESULT_OK;
}

/* Fills items and account; the rest of the page is the caller's. */
static uint16_t entries_collect(struct entries_walk *w, struct accounts_row *account)
{
    struct ledger_list *list = &w->list;
    uint64_t version = ENTRY_FROM_NEWEST;
    uint16_t code = ledger_list_account(list, w->asked->account_id, account);
    if (code == RESULT_OK)
        code = entries_start(w, &version);
    if (code != RESULT_OK)
        return code;
    w->items = arena_alloc(&list->page.arena, list->page.limit * sizeof *w->items);
    if (w->items == NULL)
        return RESULT_TOO_LARGE;
    return ledger_list_entries(list, w->asked->account_id, version, take_entry, w);
}

struct change_reader {
    struct ledger_list *list;
    struct entry *entry;
};

static bool take_change(void *context, const struct value *values)
{
    struct change_reader *reader = context;
    struct account_changes_row row;
    bool read = account_changes_row_from_values(values, &row);
    check(read);
    row.reason = arena_copy(&reader->list->page.arena, row.reason);
    entry_from_account_changes_row(reader->entry, &row);
    return false;
}

/* What an entry that moves nothing changed. */
static void entry_add_change(struct ledger_list *list, struct entry *e)
{
    const struct value key[] = {{VALUE_ID, .id = e->account_id},
                                {VALUE_UINT, .number = e->version}};
    struct change_reader reader = {list, e};
    if (list->error != ERR_OK || e->direction != ENTRY_DIRECTION_NONE)
        return;
    enum err error = views_get(list->store, &account_changes_view, key, take_change, &reader);
    if (error != ERR_NOT_FOUND)
        list->error = error;
}

static struct entry entry_of(struct ledger_list *list, const struct entries_row *row,
                             uint16_t currency)
{
    check(row->version > 0);
    struct entry e = {.currency = currency};
    entry_from_entries_row(&e, row);
    e.balance = account_net(e.debits_posted, e.credits_posted, &e.balance_side);
    const struct attributed by =
        attributions_find(&list->attributions, row->account_id, row->position);
    entry_from_attributed(&e, &by);
    entry_add_change(list, &e);
    return e;
}

static uint16_t entries_page(struct entries_walk *w, struct wire_writer *reply)
{
    struct accounts_row account;
    uint16_t code = entries_collect(w, &account);
    if (code != RESULT_OK)
        return code;
    struct page *p = &w->list.page;
    struct entry *items = arena_alloc(&p->arena, (p->count + 1) * sizeof *items);
    if (items == NULL)
        return RESULT_TOO_LARGE;
    for (uint32_t i = 0; i < p->count; i++)
        items[i] = entry_of(&w->list, &w->items[i], account.currency);
    if (w->list.error == ERR_OK)
        w->list.error = w->list.attributions.error;
    if (w->list.error != ERR_OK)
        return (uint16_t)w->list.error;
    struct entry_page page = {.entries = items, .entries_count = p->count};
    page.next_cursor = page_cursor_of(p, PAGE_ENTRIES, &w->last, 1);
    page.has_next_cursor = page.next_cursor.len > 0;
    entry_page_write(reply, &page);
    return RESULT_OK;
}

uint16_t account_query_entries(struct view_store *s, const struct message *m,
                               struct wire_writer *reply, uint16_t *reply_type)
{
    const struct account_entries *q = m->body;
    struct entries_walk w = {.asked = q};
    uint16_t code = ledger_list_init(&w.list, s, m, q->has_limit, q->limit);
    if (code == RESULT_OK)
        code = entries_page(&w, reply);
    ledger_list_done(&w.list);
    if (code == RESULT_OK)
        *reply_type = ENTRY_PAGE_NUMBER;
    return code;
}

static uint16_t transactions_page(struct entries_walk *w, struct wire_writer *reply)
{
    struct accounts_row account;
    uint16_t code = entries_collect(w, &account);
    if (code != RESULT_OK)
        return code;
    struct page *p = &w->list.page;
    struct transaction_line *lines = arena_alloc(&p->arena, (p->count + 1) * sizeof *lines);
    if (lines == NULL)
        return RESULT_TOO_LARGE;
    for (uint32_t i = 0; i < p->count; i++) {
        const struct entries_row *row = &w->items[i];
        lines[i] = (struct transaction_line){
            .transfer_id = row->transfer_id,
            .transaction_id = row->transfer_id,
            .account_id = row->account_id,
            .amount = row->amount,
            .currency = account.currency,
            .type = row->direction == ENTRY_DIRECTION_DEBIT ? ENTRY_TYPE_DEBIT : ENTRY_TYPE_CREDIT,
            .timestamp = row->recorded_time,
        };
    }
    struct transaction_page page = {.transactions = lines, .transactions_count = p->count};
    page.next_cursor = page_cursor_of(p, PAGE_ENTRIES, &w->last, 1);
    page.has_next_cursor = page.next_cursor.len > 0;
    transaction_page_write(reply, &page);
    return RESULT_OK;
}

uint16_t account_query_transactions(struct view_store *s, const struct message *m,
                                    struct wire_writer *reply, uint16_t *reply_type)
{
    const struct account_transactions *q = m->body;
    const struct account_entries asked = {
        .account_id = q->account_id, .has_cursor = q->has_cursor, .cursor = q->cursor};
    struct entries_walk w = {.asked = &asked, .moved_only = true};
    uint16_t code =
        ledger_list_init(&w.list, s, m, true, q->has_limit ? q->limit : TRANSACTIONS_ROWS);
    if (code == RESULT_OK)
        code = transactions_page(&w, reply);
    ledger_list_done(&w.list);
    if (code == RESULT_OK)
        *reply_type = TRANSACTION_PAGE_NUMBER;
    return code;
}
