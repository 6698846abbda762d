/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of payments, and the history of one. A list of one's own payments is two walks, over those
 * paid and those received, put together newest first; the second leaves out what the caller pays,
 * so that no payment comes twice. Each walk fills a whole page of its own, and what is older than
 * where one of them stopped is left to the next page. A list by time begins and ends ID_SLACK_MS
 * outside its limits, because ids are made a little before their events. */
#include "actors/payment/payment_queries.h"

#include "actors/common/attributions.h"
#include "actors/common/page.h"
#include "actors/payment/payment.h"
#include "runtime/base/time.h"
#include "schemas/result.h"
#include "schemas/wallet.h"

/* An id holds the milliseconds at which it was made, which may differ a little from the time of the
 * event: walks begin earlier and end later by this. */
#define ID_SLACK_MS ((uint64_t)60 * 1000)

/* --- payments --------------------------------------------------------------------------------- */

struct payment_scan {
    struct page page;
    const struct payment_list *request;
    const struct principal *who;
    struct payment_info *payments;
    bool received_only; /* leave out what the caller pays: the other walk has it */
    bool damaged;
};

/* Both parties see a payment, but its payer alone one that was declined. */
static bool payment_queries_seen(const struct principal *who, const struct payments_row *row)
{
    return page_may_see(who, row->tenant_id, row->payer_id) ||
           (row->status != PAYMENT_STATUS_FAILED &&
            page_may_see(who, row->tenant_id, row->payee_id));
}

/* By what the payer noted with it: who only receives it finds nothing by that. */
static bool payment_queries_noted(const struct payment_scan *scan, const struct payments_row *row)
{
    const struct payment_list *request = scan->request;
    if (!request->has_customer_id && !request->has_metadata)
        return true;
    return page_may_see(scan->who, row->tenant_id, row->payer_id) &&
           (!request->has_customer_id ||
            (row->has_customer_id && slice_equal(row->customer_id, request->customer_id))) &&
           (!request->has_metadata || page_metadata_has(row->metadata, &request->metadata));
}

static bool payment_queries_wanted(const struct payment_scan *scan, const struct payments_row *row)
{
    const struct payment_list *request = scan->request;
    if (scan->received_only && id128_equal(row->payer_id, scan->who->subject_id))
        return false;
    return (!request->has_status || row->status == request->status) &&
           (!request->has_from_account || id128_equal(row->from_account, request->from_account)) &&
           (!request->has_to_account || id128_equal(row->to_account, request->to_account)) &&
           (!request->has_created_from || row->created_at >= request->created_from) &&
           (!request->has_created_before || row->created_at < request->created_before) &&
           (!request->has_currency || row->currency == request->currency) &&
           payment_queries_noted(scan, row) && payment_queries_seen(scan->who, row);
}

static void take_row(struct payment_scan *scan, const struct payments_row *row)
{
    struct arena *arena = &scan->page.arena;
    struct payment_info *info = &scan->payments[scan->page.count++];
    *info = (struct payment_info){
        .payment_id = row->payment_id,
        .status = row->status,
        .amount = row->amount,
        .currency = row->currency,
        .timestamp = row->created_at,
        .from_account = row->from_account,
        .to_account = row->to_account,
        .has_description = row->has_description,
        .description = arena_copy(arena, row->description),
        .captured_amount = row->captured_amount,
        .refunded_amount = row->refunded_amount,
        .adapter = slice_of(PAYMENT_ADAPTER),
        .details = {row->capture, row->has_expires_at, row->expires_at},
        .updated_at = row->updated_at,
        .version = row->version,
        .has_failure_code = row->has_failure,
        .failure_code = row->failure,
        .has_transfer_id = row->has_last_transfer_id,
        .transfer_id = row->payment_id,
        .has_last_transfer_id = row->has_last_transfer_id,
        .last_transfer_id = row->last_transfer_id,
    };
    if (!page_may_see(scan->who, row->tenant_id, row->payer_id))
        return; /* what the payer noted with it is not for the payee */
    info->has_customer_id = row->has_customer_id;
    info->customer_id = arena_copy(arena, row->customer_id);
    scan->damaged = !page_metadata(&scan->page, row->metadata, &info->metadata);
}

static bool take_payment(void *context, const struct value *values)
{
    struct payment_scan *scan = context;
    struct payments_row row;
    if (!payments_row_from_values(values, &row)) {
        scan->damaged = true;
        return false;
    }
    if (scan->request->has_created_from &&
        id128_unix_ms(row.payment_id) + ID_SLACK_MS < scan->request->created_from / NS_PER_MS)
        return false; /* all that follow are older */
    if (!page_next(&scan->page, (struct value){.type = VALUE_ID, .id = row.payment_id}))
        return false;
    if (payment_queries_wanted(scan, &row))
        take_row(scan, &row);
    return !scan->damaged;
}

/* Where a walk begins: at the cursor, or at the newest that may have been created in time. */
static void set_start(struct payment_scan *scan)
{
    if (scan->page.has_from || !scan->request->has_created_before)
        return;
    uint64_t ms = scan->request->created_before / NS_PER_MS + ID_SLACK_MS;
    scan->page.has_from = true;
    scan->page.from = (struct value){.type = VALUE_ID, .id = {ms << 16, 0}};
}

struct walk {
    const struct view_index *index;
    struct value prefix[2];
    uint8_t prefix_count;
};

static uint16_t walk_payments(struct view_store *s, const struct message *m,
                              struct payment_scan *scan, const struct walk *walk)
{
    const struct payment_list *request = scan->request;
    uint16_t code = page_init(&scan->page, m, PAGE_PAYMENTS, VALUE_ID, request->has_limit,
                              request->limit, request->has_cursor, request->cursor);
    if (code != RESULT_OK)
        return code;
    scan->payments = arena_alloc(&scan->page.arena, scan->page.limit * sizeof *scan->payments);
    if (scan->payments == NULL)
        return RESULT_TOO_LARGE;
    set_start(scan);
    struct view_scan view = {
        .table = &payments_view,
        .index = walk->index,
        .prefix = walk->prefix,
        .prefix_count = walk->prefix_count,
        .from = scan->page.has_from ? &scan->page.from : NULL,
        .from_count = scan->page.has_from ? 1 : 0,
        .descending = true,
        .limit = PAGE_ROWS_MAX + 1,
    };
    enum err e = views_scan(s, &view, take_payment, scan);
    if (e != ERR_OK)
        return page_failed(e);
    if (scan->page.arena.failed)
        return RESULT_TOO_LARGE;
    return scan->damaged ? RESULT_CORRUPT : RESULT_OK;
}

struct wallet_look {
    const struct principal *who;
    bool may_see;
};

static bool look_at_wallet(void *context, const struct value *values)
{
    struct wallet_look *look = context;
    struct wallets_row row;
    look->may_see = wallets_row_from_values(values, &row) &&
                    page_may_see(look->who, row.tenant_id, row.owner_id);
    return false;
}

/* All that one wallet paid or received, if the caller may see the wallet. Of another owner's
 * wallet, what the caller received from it or paid to it: a walk over the wallet itself would give
 * a cursor that names a payment the caller may not see. */
static uint16_t plan_wallet_walk(struct view_store *s, const struct message *m, struct walk *walk)
{
    const struct payment_list *request = m->body;
    const struct view_index *indexes = payments_view.indexes;
    bool from = request->has_from_account;
    struct value wallet = {.type = VALUE_ID,
                           .id = from ? request->from_account : request->to_account};
    struct wallet_look look = {.who = &m->who};
    enum err e = views_get(s, &wallets_view, &wallet, look_at_wallet, &look);
    if (e != ERR_OK && e != ERR_NOT_FOUND)
        return page_failed(e);
    if (look.may_see)
        *walk = (struct walk){
            &indexes[from ? PAYMENTS_INDEX_BY_FROM : PAYMENTS_INDEX_BY_TO], {wallet}, 1};
    else
        *walk = (struct walk){&indexes[from ? PAYMENTS_INDEX_BY_PAYEE : PAYMENTS_INDEX_BY_PAYER],
                              {{.type = VALUE_ID, .id = m->who.tenant_id},
                               {.type = VALUE_ID, .id = m->who.subject_id}},
                              2};
    return RESULT_OK;
}

/* The walks that together give all that the caller may see of what is asked for. */
static uint16_t plan_walks(struct view_store *s, const struct message *m, struct walk walks[2],
                           uint32_t *count)
{
    const struct payment_list *request = m->body;
    const struct view_index *indexes = payments_view.indexes;
    struct value tenant = {.type = VALUE_ID, .id = m->who.tenant_id};
    struct value subject = {.type = VALUE_ID, .id = m->who.subject_id};
    *count = 1;
    if (request->has_from_account || request->has_to_account)
        return plan_wallet_walk(s, m, &walks[0]);
    if (principal_sees_all_owners(&m->who) && request->has_customer_id) {
        struct value customer = {.type = VALUE_TEXT, .text = request->customer_id};
        walks[0] = (struct walk){&indexes[PAYMENTS_INDEX_BY_CUSTOMER], {tenant, customer}, 2};
        return RESULT_OK;
    }
    if (principal_sees_all_owners(&m->who)) {
        walks[0] = (struct walk){&indexes[PAYMENTS_INDEX_BY_TENANT], {tenant}, 1};
        return RESULT_OK;
    }
    *count = 2;
    walks[0] = (struct walk){&indexes[PAYMENTS_INDEX_BY_PAYER], {tenant, subject}, 2};
    walks[1] = (struct walk){&indexes[PAYMENTS_INDEX_BY_PAYEE], {tenant, subject}, 2};
    return RESULT_OK;
}

/* Puts two walks together into the first one's page. What is older than where a walk stopped is not
 * known to be complete, so it is left to the next page. */
static void payment_queries_merge(struct payment_scan *a, struct payment_scan *b,
                                  struct payment_info *merged)
{
    struct id128 floor = ID128_ZERO;
    if (a->page.more)
        floor = a->page.last.id;
    if (b->page.more && id128_compare(b->page.last.id, floor) > 0)
        floor = b->page.last.id;
    uint32_t count = 0, i = 0, j = 0;
    while (count < a->page.limit && (i < a->page.count || j < b->page.count)) {
        bool first = j == b->page.count ||
                     (i < a->page.count && id128_compare(a->payments[i].payment_id,
                                                         b->payments[j].payment_id) > 0);
        const struct payment_info *next = first ? &a->payments[i] : &b->payments[j];
        if (id128_compare(next->payment_id, floor) < 0)
            break;
        merged[count++] = *next;
        i += first;
        j += !first;
    }
    bool full = count == a->page.limit && (i < a->page.count || j < b->page.count);
    a->page.more = a->page.more || b->page.more || full;
    a->page.last.type = VALUE_ID;
    a->page.last.id = full ? merged[count - 1].payment_id : floor;
    a->page.count = count;
    a->payments = merged;
}

uint16_t payment_query_list(struct view_store *s, const struct message *m,
                            struct wire_writer *reply, uint16_t *reply_type)
{
    struct payment_scan scans[2] = {{.request = m->body, .who = &m->who},
                                    {.request = m->body, .who = &m->who, .received_only = true}};
    struct walk walks[2];
    uint32_t count = 0;
    uint16_t code = plan_walks(s, m, walks, &count);
    for (uint32_t i = 0; code == RESULT_OK && i < count; i++)
        code = walk_payments(s, m, &scans[i], &walks[i]);
    if (code == RESULT_OK && count == 2) {
        struct page *page = &scans[0].page;
        struct payment_info *merged =
            arena_alloc(&page->arena, page->limit * sizeof *merged);
        if (merged == NULL)
            code = RESULT_TOO_LARGE;
        else
            payment_queries_merge(&scans[0], &scans[1], merged);
    }
    if (code == RESULT_OK) {
        struct payment_page page = {
            .payments = scans[0].payments, .payments_count = scans[0].page.count};
        page.has_next_cursor = page_cursor(&scans[0].page, &page.next_cursor);
        payment_page_write(reply, &page);
        *reply_type = PAYMENT_PAGE_NUMBER;
    }
    for (uint32_t i = 0; i < count; i++)
        page_done(&scans[i].page);
    return code;
}

/* --- history ---------------------------------------------------------------------------------- */

struct visible {
    const struct principal *who;
    bool may_see;
    bool as_payer, as_payee;
};

static bool check_visible(void *context, const struct value *values)
{
    struct visible *visible = context;
    struct payments_row row;
    if (!payments_row_from_values(values, &row))
        return false;
    visible->may_see = payment_queries_seen(visible->who, &row);
    visible->as_payer = page_may_see(visible->who, row.tenant_id, row.payer_id);
    visible->as_payee = page_may_see(visible->who, row.tenant_id, row.payee_id);
    return false;
}

struct event_scan {
    struct page page;
    void *rows; /* struct payment_event, or struct payment_refund_info of PAGE_REFUNDS */
    uint64_t positions[PAGE_LIMIT_MAX];  /* of the events in the journal */
    const struct principal *who;         /* looks at them, ... */
    bool as_payer, as_payee;             /* ... as which side */
    bool damaged;
};

/* Which side's act it is: what the payee does not do is the payer's, or the system's. */
static bool event_is_own(const struct event_scan *scan, uint8_t type)
{
    bool payees = type == PAYMENT_EVENT_KIND_CAPTURED || type == PAYMENT_EVENT_KIND_REFUNDED ||
                  type >= PAYMENT_EVENT_KIND_CAPTURE_STARTED; /* those of another shard */
    return payees ? scan->as_payee : scan->as_payer;
}

/* What the payee noted with a capture or refund is the payee's own. */
static bool event_metadata(struct event_scan *scan, const struct payment_events_row *row,
                           struct metadata *m)
{
    *m = (struct metadata){0};
    return !row->has_metadata || !scan->as_payee || page_metadata(&scan->page, row->metadata, m);
}

static bool add_event(struct event_scan *scan, const struct payment_events_row *row)
{
    scan->positions[scan->page.count] = row->position;
    struct payment_event *event = (struct payment_event *)scan->rows + scan->page.count++;
    *event = (struct payment_event){
        .payment_id = row->payment_id,
        .sequence = row->sequence,
        .type = row->type,
        .status = row->status,
        .amount = row->amount,
        .currency = row->currency,
        .timestamp = row->timestamp,
        .shard = row->shard,
        .has_transfer_id = row->has_transfer_id,
        .transfer_id = row->transfer_id,
        .has_expires_at = row->has_expires_at,
        .expires_at = row->expires_at,
        .has_reason = row->has_reason,
        .reason = arena_copy(&scan->page.arena, row->reason),
    };
    return event_metadata(scan, row, &event->metadata);
}

static bool add_refund(struct event_scan *scan, const struct payment_events_row *row)
{
    if (row->type != PAYMENT_EVENT_KIND_REFUNDED)
        return true;
    struct payment_refund_info *refund =
        (struct payment_refund_info *)scan->rows + scan->page.count++;
    *refund = (struct payment_refund_info){
        .refund_id = row->transfer_id,
        .payment_id = row->payment_id,
        .status = REFUND_STATUS_SUCCEEDED,
        .amount = row->amount,
        .currency = row->currency,
        .has_reason = row->has_reason,
        .reason = arena_copy(&scan->page.arena, row->reason),
        .transfer_id = row->transfer_id,
        .created_at = row->timestamp,
    };
    return event_metadata(scan, row, &refund->metadata);
}

static bool take_event(void *context, const struct value *values)
{
    struct event_scan *scan = context;
    struct payment_events_row row;
    if (!payment_events_row_from_values(values, &row)) {
        scan->damaged = true;
        return false;
    }
    if (!page_next(&scan->page, (struct value){.type = VALUE_UINT, .number = row.sequence}))
        return false;
    scan->damaged =
        scan->page.list == PAGE_REFUNDS ? !add_refund(scan, &row) : !add_event(scan, &row);
    return !scan->damaged;
}

static uint16_t scan_events(struct view_store *s, const struct message *m, struct id128 payment_id,
                            struct event_scan *scan)
{
    struct value key = {.type = VALUE_ID, .id = payment_id};
    struct visible visible = {.who = &m->who};
    enum err e = views_get(s, &payments_view, &key, check_visible, &visible);
    if (e != ERR_OK)
        return page_failed(e);
    if (!visible.may_see)
        return RESULT_NOT_FOUND;
    scan->who = &m->who;
    scan->as_payer = visible.as_payer;
    scan->as_payee = visible.as_payee;
    const struct view_scan walk =
        page_scan(&scan->page, &payment_events_view, &payment_events_view.key, &key, 1);
    e = views_scan(s, &walk, take_event, scan);
    if (e != ERR_OK)
        return page_failed(e);
    if (scan->page.arena.failed)
        return RESULT_TOO_LARGE;
    return scan->damaged ? RESULT_CORRUPT : RESULT_OK;
}

/* Who did what is on the page. */
static uint16_t add_authors(struct view_store *s, const struct message *m, struct event_scan *scan)
{
    struct attributions all;
    attributions_init(&all, s, m, &scan->page.arena);
    for (uint32_t i = 0; i < scan->page.count && all.error == ERR_OK; i++) {
        struct payment_event *e = (struct payment_event *)scan->rows + i;
        const struct attributed by =
            attributions_told(&m->who, attributions_find(&all, e->payment_id, scan->positions[i]),
                              event_is_own(scan, e->type));
        payment_event_from_attributed(e, &by);
    }
    attributions_done(&all);
    if (scan->page.arena.failed)
        return RESULT_TOO_LARGE;
    return all.error == ERR_OK ? RESULT_OK : page_failed(all.error);
}

/* Fills a page with rows of this size. page_done() in any case. */
static uint16_t scan_steps(struct view_store *s, const struct message *m,
                           const struct payment_event_list *asked, enum page_list list,
                           uint32_t row_size, struct event_scan *scan)
{
    uint16_t code = page_init(&scan->page, m, list, VALUE_UINT, asked->has_limit, asked->limit,
                              asked->has_cursor, asked->cursor);
    if (code != RESULT_OK)
        return code;
    scan->rows = arena_alloc(&scan->page.arena, (size_t)scan->page.limit * row_size);
    return scan->rows == NULL ? RESULT_TOO_LARGE : scan_events(s, m, asked->payment_id, scan);
}

uint16_t payment_query_events(struct view_store *s, const struct message *m,
                              struct wire_writer *reply, uint16_t *reply_type)
{
    struct event_scan scan = {0};
    uint16_t code =
        scan_steps(s, m, m->body, PAGE_PAYMENT_EVENTS, sizeof(struct payment_event), &scan);
    if (code == RESULT_OK)
        code = add_authors(s, m, &scan);
    if (code == RESULT_OK) {
        struct payment_event_page page = {.events = scan.rows, .events_count = scan.page.count};
        page.has_next_cursor = page_cursor(&scan.page, &page.next_cursor);
        payment_event_page_write(reply, &page);
        *reply_type = PAYMENT_EVENT_PAGE_NUMBER;
    }
    page_done(&scan.page);
    return code;
}

uint16_t payment_query_refunds(struct view_store *s, const struct message *m,
                               struct wire_writer *reply, uint16_t *reply_type)
{
    struct event_scan scan = {0};
    struct payment_event_list asked = {.has_limit = false};
    payment_event_list_from_payment_refund_list(&asked, m->body);
    uint16_t code =
        scan_steps(s, m, &asked, PAGE_REFUNDS, sizeof(struct payment_refund_info), &scan);
    if (code == RESULT_OK) {
        struct payment_refund_page page = {.refunds = scan.rows, .refunds_count = scan.page.count};
        page.has_next_cursor = page_cursor(&scan.page, &page.next_cursor);
        payment_refund_page_write(reply, &page);
        *reply_type = PAYMENT_REFUND_PAGE_NUMBER;
    }
    page_done(&scan.page);
    return code;
}

/* --- adapters --------------------------------------------------------------------------------- */

uint16_t payment_query_adapters(struct view_store *s, const struct message *m,
                                struct wire_writer *reply, uint16_t *reply_type)
{
    (void)s, (void)m;
    struct payment_adapter_info wallet = {
        .adapter = PAYMENT_ADAPTER_WALLET,
        .description = slice_of("Between wallets of this platform, at once or authorised first."),
    };
    struct payment_adapters all = {
        .adapters = PAYMENT_CARRIERS_WALLET,
        .default_adapter = PAYMENT_ADAPTER_WALLET,
        .count = 1,
        .items = &wallet,
        .items_count = 1,
    };
    payment_adapters_write(reply, &all);
    *reply_type = PAYMENT_ADAPTERS_NUMBER;
    return RESULT_OK;
}
