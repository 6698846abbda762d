/* SPDX-License-Identifier: Apache-2.0 */
/* The interval becomes one of versions, found by binary search: the last entry before it and the
 * last one in it have the counters that its two balances come from. All pages keep the last version
 * of the first one, so that what is posted meanwhile belongs to none of them. */
#include "actors/ledger/statement.h"

#include "actors/ledger/account.h"
#include "actors/ledger/ledger_list.h"
#include "schemas/instant.h"
#include "schemas/ledger.h"
#include "schemas/result.h"

#define STATEMENT_DATE_LEN 10 /* of an RFC 3339 time: YYYY-MM-DD */

enum statement_number { /* of its cursor */
    STATEMENT_CLOSING,
    STATEMENT_NEXT_TO,
    STATEMENT_NUMBERS,
};

struct statement_walk {
    struct ledger_list list;
    const struct account_statement *asked;
    struct accounts_row account;
    struct entries_row opening, closing; /* version 0: there was no entry yet */
    uint64_t next_to;                    /* the last version that was looked at */
    struct entries_row *rows;
};

/* --- the interval ----------------------------------------------------------------------------- */

static bool statement_entry(struct statement_walk *w, uint64_t version, struct entries_row *row)
{
    *row = (struct entries_row){.version = 0};
    return version == 0 || ledger_list_entry(&w->list, w->asked->account_id, version, row);
}

/* The version of the last entry that was recorded before this time, up to `newest`. */
static uint64_t statement_version_before(struct statement_walk *w, uint64_t newest, uint64_t time)
{
    return time == 0 ? 0
                     : ledger_list_version_at(&w->list, w->asked->account_id, newest, time - 1,
                                              LEDGER_LIST_RECORDED);
}

/* Of the page before: where it ends, and how far that page came. */
static uint16_t statement_go_on(struct statement_walk *w, uint64_t newest, uint64_t *closing)
{
    uint64_t numbers[STATEMENT_NUMBERS];
    uint16_t code = cursor_read(w->asked->cursor, w->list.page.message, PAGE_STATEMENT, numbers,
                                STATEMENT_NUMBERS);
    if (code != RESULT_OK)
        return code;
    *closing = numbers[STATEMENT_CLOSING];
    w->next_to = numbers[STATEMENT_NEXT_TO];
    return w->next_to <= *closing && *closing <= newest ? RESULT_OK : RESULT_INVALID_CURSOR;
}

static uint16_t statement_interval(struct statement_walk *w)
{
    const struct account_statement *q = w->asked;
    struct entries_row newest;
    if (!ledger_list_last_entry(&w->list, q->account_id, &newest))
        return w->list.error != ERR_OK ? (uint16_t)w->list.error : RESULT_CORRUPT;
    uint64_t closing =
        q->has_to ? statement_version_before(w, newest.version, q->to) : newest.version;
    uint64_t opening = q->has_from ? statement_version_before(w, newest.version, q->from) : 0;
    w->next_to = opening;
    uint16_t code = q->has_cursor ? statement_go_on(w, newest.version, &closing) : RESULT_OK;
    if (code != RESULT_OK || w->list.error != ERR_OK)
        return code != RESULT_OK ? code : (uint16_t)w->list.error;
    if (closing < opening) /* it begins after all that was recorded */
        closing = opening;
    bool there = statement_entry(w, opening, &w->opening) &&
                 statement_entry(w, closing, &w->closing);
    if (w->list.error != ERR_OK)
        return (uint16_t)w->list.error;
    return there ? RESULT_OK : q->has_cursor ? RESULT_INVALID_CURSOR : RESULT_CORRUPT;
}

/* --- lines ------------------------------------------------------------------------------------ */

static bool statement_take(void *context, const struct value *values)
{
    struct statement_walk *w = context;
    struct entries_row row = ledger_list_entry_of(&w->list, values);
    check(row.version > w->next_to);
    if (row.version > w->closing.version || !page_look(&w->list.page))
        return false;
    w->next_to = row.version;
    if (row.kind == ENTRY_KIND_POSTED || row.kind == ENTRY_KIND_PENDING_POSTED)
        w->rows[w->list.page.count++] = row;
    return true;
}

static void statement_collect(struct statement_walk *w)
{
    const struct value account = {VALUE_ID, .id = w->asked->account_id};
    const struct value after = {VALUE_UINT, .number = w->next_to};
    const struct view_scan scan = {
        .table = &entries_view,
        .index = &entries_view.key,
        .prefix = &account,
        .prefix_count = 1,
        .from = &after,
        .from_count = 1,
        .limit = LEDGER_LIST_ROWS_MAX + 1,
    };
    w->list.error = views_scan(w->list.store, &scan, statement_take, w);
}

struct statement_note {
    struct page *page;
    struct statement_line *line;
};

static bool statement_take_note(void *context, const struct value *values)
{
    struct statement_note *n = context;
    struct transfer_notes_row row;
    bool read = transfer_notes_row_from_values(values, &row);
    check(read);
    n->line->has_description = row.has_description;
    n->line->description = arena_copy(&n->page->arena, row.description);
    return false;
}

static void statement_add_note(struct statement_walk *w, const struct entries_row *row,
                               struct statement_line *line)
{
    const struct value key[] = {{VALUE_ID, .id = w->account.tenant_id},
                                {VALUE_ID, .id = row->transfer_id},
                                {VALUE_UINT, .number = row->home}};
    struct statement_note n = {&w->list.page, line};
    if (w->list.error != ERR_OK)
        return;
    enum err e = views_get(w->list.store, &transfer_notes_view, key, statement_take_note, &n);
    if (e != ERR_NOT_FOUND)
        w->list.error = e;
}

/* The day in UTC on which it counts. */
static struct slice statement_date(struct statement_walk *w, uint64_t time)
{
    char text[INSTANT_TEXT_MAX];
    size_t len = instant_text(time, text);
    check(len > STATEMENT_DATE_LEN);
    return arena_copy(&w->list.page.arena, (struct slice){text, STATEMENT_DATE_LEN});
}

static struct statement_line statement_line_of(struct statement_walk *w,
                                               const struct entries_row *row)
{
    bool debit = row->direction == ENTRY_DIRECTION_DEBIT;
    struct statement_line line = {
        .transfer_id = row->transfer_id,
        .type = debit ? ENTRY_TYPE_DEBIT : ENTRY_TYPE_CREDIT,
        .amount = row->amount,
        .currency = w->account.currency,
        .has_counterparty_id = row->has_counterparty_id,
        .counterparty_id = row->counterparty_id,
        .code = row->code,
        .timestamp = row->recorded_time,
        .value_date = statement_date(w, row->effective_time),
    };
    line.balance = account_net(row->debits_posted, row->credits_posted, &line.balance_side);
    statement_add_note(w, row, &line);
    return line;
}

/* --- all of it -------------------------------------------------------------------------------- */

static struct statement statement_of(const struct statement_walk *w)
{
    const struct account_statement *q = w->asked;
    struct statement s = {
        .account_id = q->account_id,
        .currency = w->account.currency,
        .has_from = q->has_from,
        .from = q->from,
        .has_to = q->has_to,
        .to = q->to,
        .debits = w->closing.debits_posted - w->opening.debits_posted,
        .credits = w->closing.credits_posted - w->opening.credits_posted,
    };
    check(w->closing.debits_posted >= w->opening.debits_posted);
    check(w->closing.credits_posted >= w->opening.credits_posted);
    s.opening_balance =
        account_net(w->opening.debits_posted, w->opening.credits_posted, &s.opening_side);
    s.closing_balance =
        account_net(w->closing.debits_posted, w->closing.credits_posted, &s.closing_side);
    return s;
}

static uint16_t statement_write_page(struct statement_walk *w, struct wire_writer *reply)
{
    struct page *p = &w->list.page;
    uint16_t code = ledger_list_account(&w->list, w->asked->account_id, &w->account);
    if (code == RESULT_OK)
        code = statement_interval(w);
    if (code != RESULT_OK)
        return code;
    w->rows = arena_alloc(&p->arena, p->limit * sizeof *w->rows);
    struct statement_line *lines = arena_alloc(&p->arena, p->limit * sizeof *lines);
    if (w->rows == NULL || lines == NULL)
        return RESULT_TOO_LARGE;
    statement_collect(w);
    for (uint32_t i = 0; i < p->count && w->list.error == ERR_OK; i++)
        lines[i] = statement_line_of(w, &w->rows[i]);
    if (w->list.error != ERR_OK)
        return (uint16_t)w->list.error;
    struct statement s = statement_of(w);
    s.lines = lines;
    s.lines_count = p->count;
    const uint64_t next[STATEMENT_NUMBERS] = {[STATEMENT_CLOSING] = w->closing.version,
                                              [STATEMENT_NEXT_TO] = w->next_to};
    s.next_cursor = page_cursor_of(p, PAGE_STATEMENT, next, STATEMENT_NUMBERS);
    s.has_next_cursor = s.next_cursor.len > 0;
    if (p->arena.failed)
        return RESULT_TOO_LARGE;
    statement_type.write(reply, &s);
    return RESULT_OK;
}

uint16_t statement_query(struct view_store *s, const struct message *m, struct wire_writer *reply,
                         uint16_t *reply_type)
{
    const struct account_statement *q = m->body;
    struct statement_walk w = {.asked = q};
    if (q->has_from && q->has_to && q->from > q->to)
        return RESULT_INTERVAL_BACKWARDS;
    uint16_t code = ledger_list_init(&w.list, s, m, q->has_limit, q->limit);
    if (code == RESULT_OK)
        code = statement_write_page(&w, reply);
    ledger_list_done(&w.list);
    if (code == RESULT_OK)
        *reply_type = STATEMENT_NUMBER;
    return code;
}
