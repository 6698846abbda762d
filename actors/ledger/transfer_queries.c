/* SPDX-License-Identifier: Apache-2.0 */
/* A tenant's list walks the transfers themselves, newest first. An account's or a transaction's
 * walks another table for at most a page of ids (candidates) and then reads each transfer by its
 * key; filters apply there, so such a page may be short. An account's cursor is therefore a version
 * of its entries, a transaction's a place among its legs. Description and metadata are in rows of
 * their own and read last, for the transfers of the page only. */
#include "actors/ledger/transfer_queries.h"

#include "actors/ledger/entry.h"
#include "actors/ledger/ledger_list.h"
#include "actors/ledger/transfer_row.h"
#include "schemas/result.h"

/* One transfer among all: in another shard there may be another one of the same id. */
struct transfer_place {
    struct id128 tenant_id, id;
    uint16_t shard;
    uint64_t position; /* in its journal */
};

struct transfers_walk {
    struct ledger_list list;
    const struct transfers_list *asked;
    struct transfer_info *items;
    struct transfer_place *places;     /* of each item */
    struct transfer_place *candidates; /* of rows still to be read */
    uint32_t candidate_count;
    struct transfer_place last; /* the last row looked at, by id */
    uint64_t last_version;      /* ... or, within an account, by version */
    uint64_t last_leg[2];       /* ... or, within a transaction, by shard and place */
};

static bool transfer_wanted(const struct transfers_list *q, const struct transfers_row *row)
{
    return (!q->has_code || q->code == row->code) && (!q->has_status || q->status == row->status) &&
           (!q->has_flags || (row->flags & q->flags) == q->flags) &&
           (!q->has_user_data_128 || q->user_data_128 == row->user_data_128) &&
           (!q->has_user_data_64 || q->user_data_64 == row->user_data_64) &&
           (!q->has_user_data_32 || q->user_data_32 == row->user_data_32) &&
           (!q->has_transaction_id ||
            (row->has_transaction_id && id128_equal(q->transaction_id, row->transaction_id))) &&
           (!q->has_effective_from || row->effective_time >= q->effective_from) &&
           (!q->has_effective_to || row->effective_time < q->effective_to) &&
           (!q->has_from || row->recorded_time >= q->from) &&
           (!q->has_to || row->recorded_time < q->to);
}

static struct transfer_place transfer_place(const struct transfers_row *row)
{
    return (struct transfer_place){row->tenant_id, row->transfer_id, row->shard, row->position};
}

/* The key of the tables that have something of a transfer. */
#define TRANSFER_KEY(place)                                                                        \
    {                                                                                              \
        {VALUE_ID, .id = (place)->tenant_id}, {VALUE_ID, .id = (place)->id},                       \
        {                                                                                          \
            VALUE_UINT, .number = (place)->shard                                                   \
        }                                                                                          \
    }

static void add_transfer(struct transfers_walk *w, const struct transfers_row *row)
{
    check(w->list.page.count < w->list.page.limit);
    check(row->status != 0);
    w->places[w->list.page.count] = transfer_place(row);
    char memory[MANAGER_TEXT_MAX];
    struct transfer_info *info = &w->items[w->list.page.count++];
    *info = transfer_row_info(row, memory);
    info->managed_by = arena_copy(&w->list.page.arena, info->managed_by);
}

static bool take_transfer(void *context, const struct value *values)
{
    struct transfers_walk *w = context;
    if (!page_look(&w->list.page))
        return false;
    struct transfers_row row;
    bool read = transfers_row_from_values(values, &row);
    check(read);
    w->last = transfer_place(&row);
    if (transfer_wanted(w->asked, &row))
        add_transfer(w, &row);
    return true;
}

/* --- of a tenant ------------------------------------------------------------------------------ */

static uint16_t walk_tenant(struct transfers_walk *w)
{
    struct ledger_list *list = &w->list;
    uint64_t n[5] = {0};
    uint16_t code = RESULT_OK;
    if (w->asked->has_cursor)
        code = cursor_read(w->asked->cursor, list->page.message, PAGE_TRANSFERS, n, array_len(n));
    if (code != RESULT_OK || n[4] > UINT16_MAX)
        return code != RESULT_OK ? code : RESULT_INVALID_CURSOR;
    bool one = !ledger_list_all(list);
    const struct value tenant = {VALUE_ID, .id = list->who->tenant_id};
    const struct value from[] = {{VALUE_ID, .id = {n[0], n[1]}},
                                 {VALUE_ID, .id = {n[2], n[3]}},
                                 {VALUE_UINT, .number = n[4]}};
    const struct view_scan scan = {
        .table = &transfers_view,
        .index = &transfers_view.key,
        .prefix = &tenant,
        .prefix_count = one ? 1 : 0,
        .from = !w->asked->has_cursor ? NULL
                : one                 ? &from[1]
                                      : from,
        .from_count = !w->asked->has_cursor ? 0
                      : one                 ? 2
                                            : 3,
        .descending = true,
        .limit = LEDGER_LIST_ROWS_MAX + 1,
    };
    list->error = views_scan(list->store, &scan, take_transfer, w);
    return (uint16_t)list->error;
}

/* --- by way of another table ------------------------------------------------------------------ */

/* Each entry that a transfer began or resolved something with; an expiry has none of its own. */
static bool take_entry(void *context, const struct value *values)
{
    struct transfers_walk *w = context;
    struct entries_row row;
    bool read = entries_row_from_values(values, &row);
    check(read);
    if (w->candidate_count == w->list.page.limit ||
        w->list.page.looked_at == LEDGER_LIST_ROWS_MAX) {
        w->list.page.more = true;
        return false;
    }
    check(w->candidate_count < w->list.page.limit);
    w->list.page.looked_at++;
    w->last_version = row.version;
    if (row.kind <= ENTRY_KIND_PENDING_VOIDED)
        w->candidates[w->candidate_count++] =
            (struct transfer_place){.id = row.transfer_id, .shard = row.home};
    return true;
}

static uint16_t candidates_of_account(struct transfers_walk *w, struct id128 *tenant_id)
{
    struct ledger_list *list = &w->list;
    struct accounts_row account;
    uint16_t code = ledger_list_account(list, w->asked->account_id, &account);
    if (code != RESULT_OK)
        return code;
    *tenant_id = account.tenant_id;
    uint64_t version = ENTRY_FROM_NEWEST;
    if (w->asked->has_cursor)
        code = ledger_list_cursor(list, w->asked->cursor, &version);
    if (code != RESULT_OK)
        return code;
    return ledger_list_entries(list, w->asked->account_id, version, take_entry, w);
}

static bool take_part(void *context, const struct value *values)
{
    struct transfers_walk *w = context;
    struct transaction_transfers_row row;
    bool read = transaction_transfers_row_from_values(values, &row);
    check(read);
    if (w->candidate_count == w->list.page.limit) {
        w->list.page.more = true;
        return false;
    }
    w->last_leg[0] = row.shard;
    w->last_leg[1] = row.leg;
    w->candidates[w->candidate_count++] =
        (struct transfer_place){.id = row.transfer_id, .shard = row.home};
    return true;
}

static uint16_t candidates_of_transaction(struct transfers_walk *w)
{
    struct ledger_list *list = &w->list;
    uint64_t n[2] = {0};
    uint16_t code = RESULT_OK;
    if (w->asked->has_cursor)
        code = cursor_read(w->asked->cursor, list->page.message, PAGE_LEGS, n, array_len(n));
    if (code != RESULT_OK || n[0] > UINT16_MAX || n[1] > UINT32_MAX)
        return code != RESULT_OK ? code : RESULT_INVALID_CURSOR;
    const struct value from[] = {{VALUE_UINT, .number = n[0]}, {VALUE_UINT, .number = n[1]}};
    const struct value prefix[] = {{VALUE_ID, .id = list->who->tenant_id},
                                   {VALUE_ID, .id = w->asked->transaction_id}};
    const struct view_scan scan = {
        .table = &transaction_transfers_view,
        .index = &transaction_transfers_view.key,
        .prefix = prefix,
        .prefix_count = 2,
        .from = w->asked->has_cursor ? from : NULL,
        .from_count = w->asked->has_cursor ? 2 : 0,
        .limit = list->page.limit + 1,
    };
    list->error = views_scan(list->store, &scan, take_part, w);
    return (uint16_t)list->error;
}

static bool take_candidate(void *context, const struct value *values)
{
    struct transfers_walk *w = context;
    struct transfers_row row;
    bool read = transfers_row_from_values(values, &row);
    check(read);
    if (transfer_wanted(w->asked, &row))
        add_transfer(w, &row);
    return true;
}

static uint16_t read_candidates(struct transfers_walk *w, struct id128 tenant_id)
{
    check(w->candidate_count <= w->list.page.limit);
    for (uint32_t i = 0; i < w->candidate_count; i++) {
        check(!id128_is_zero(w->candidates[i].id));
        w->candidates[i].tenant_id = tenant_id;
        const struct value key[] = TRANSFER_KEY(&w->candidates[i]);
        enum err e = views_get(w->list.store, &transfers_view, key, take_candidate, w);
        if (e != ERR_OK && e != ERR_NOT_FOUND)
            return (uint16_t)e;
    }
    return RESULT_OK;
}

/* --- description and metadata ----------------------------------------------------------------- */

struct note_reader {
    struct page *page;
    struct transfer_info *info;
};

static bool take_note(void *context, const struct value *values)
{
    struct note_reader *n = context;
    struct transfer_notes_row row;
    bool read = transfer_notes_row_from_values(values, &row);
    check(read);
    n->info->has_description = row.has_description;
    n->info->description = arena_copy(&n->page->arena, row.description);
    n->info->has_reason = row.has_reason;
    n->info->reason = arena_copy(&n->page->arena, row.reason);
    bool pairs = !row.has_metadata ||
                 page_metadata(n->page, row.metadata, &n->info->metadata);
    check(pairs || n->page->arena.failed);
    return true;
}

static uint16_t add_notes(struct transfers_walk *w)
{
    for (uint32_t i = 0; i < w->list.page.count; i++) {
        const struct value key[] = TRANSFER_KEY(&w->places[i]);
        struct note_reader n = {&w->list.page, &w->items[i]};
        enum err e = views_get(w->list.store, &transfer_notes_view, key, take_note, &n);
        if (e != ERR_OK && e != ERR_NOT_FOUND)
            return (uint16_t)e;
    }
    return RESULT_OK;
}

/* --- who did it ------------------------------------------------------------------------------- */

static uint16_t add_attributions(struct transfers_walk *w)
{
    struct ledger_list *list = &w->list;
    for (uint32_t i = 0; i < list->page.count; i++) {
        const struct attributed by =
            attributions_find_in(&list->attributions, w->places[i].shard, w->places[i].position);
        transfer_info_from_attributed(&w->items[i], &by);
    }
    return (uint16_t)list->attributions.error;
}

/* --- all of it -------------------------------------------------------------------------------- */

static uint16_t transfers_page(struct transfers_walk *w, struct wire_writer *reply)
{
    struct ledger_list *list = &w->list;
    w->items = arena_alloc(&list->page.arena, list->page.limit * sizeof *w->items);
    w->places = arena_alloc(&list->page.arena, list->page.limit * sizeof *w->places);
    w->candidates = arena_alloc(&list->page.arena, list->page.limit * sizeof *w->candidates);
    if (w->items == NULL || w->places == NULL || w->candidates == NULL)
        return RESULT_TOO_LARGE;
    struct id128 tenant_id = list->who->tenant_id;
    bool by_account = w->asked->has_account_id;
    bool by_transaction = !by_account && w->asked->has_transaction_id;
    uint16_t code = by_account       ? candidates_of_account(w, &tenant_id)
                    : by_transaction ? candidates_of_transaction(w)
                                     : walk_tenant(w);
    if (code == RESULT_OK)
        code = read_candidates(w, tenant_id);
    if (code == RESULT_OK)
        code = add_notes(w);
    if (code == RESULT_OK)
        code = add_attributions(w);
    if (code != RESULT_OK)
        return code;
    const struct transfer_place *last = &w->last;
    const uint64_t next[] = {last->tenant_id.hi, last->tenant_id.lo, last->id.hi, last->id.lo,
                             last->shard};
    struct transfer_page page = {.transfers = w->items, .transfers_count = list->page.count};
    page.next_cursor = by_account ? page_cursor_of(&list->page, PAGE_ENTRIES, &w->last_version, 1)
                       : by_transaction
                           ? page_cursor_of(&list->page, PAGE_LEGS, w->last_leg, 2)
                           : page_cursor_of(&list->page, PAGE_TRANSFERS, next, array_len(next));
    page.has_next_cursor = page.next_cursor.len > 0;
    transfer_page_write(reply, &page);
    return RESULT_OK;
}

uint16_t transfer_query_list(struct view_store *s, const struct message *m,
                             struct wire_writer *reply, uint16_t *reply_type)
{
    const struct transfers_list *q = m->body;
    struct transfers_walk w = {.asked = q};
    uint16_t code = ledger_list_init(&w.list, s, m, q->has_limit, q->limit);
    if (code == RESULT_OK)
        code = transfers_page(&w, reply);
    ledger_list_done(&w.list);
    if (code == RESULT_OK)
        *reply_type = TRANSFER_PAGE_NUMBER;
    return code;
}
