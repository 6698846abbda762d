/* SPDX-License-Identifier: Apache-2.0 */
/* First the ids of all accounts that the caller may see, then the balance of each at the moment, as
 * it is shown alone, added to the line of its currency. Nothing is kept of the past but entries, so
 * the work grows with the accounts, and their number is limited. Lines are few: they are searched
 * one by one and put in order by insertion. */
#include "actors/ledger/past_trial_balance.h"

#include "actors/ledger/ledger_list.h"
#include "actors/ledger/past_balance.h"
#include "schemas/result.h"

#define PAST_LINES_MAX 200

struct past_walk {
    struct ledger_list list;
    const struct trial_balance_at *asked;
    struct id128 *ids;
    uint32_t count;
    bool more; /* there are more accounts than one call looks at */
    struct past_trial_balance_line *lines;
    uint32_t line_count;
};

static bool past_take_account(void *context, const struct value *values)
{
    struct past_walk *w = context;
    struct accounts_row row;
    bool read = accounts_row_from_values(values, &row);
    check(read);
    w->more = w->count == LEDGER_LIST_ROWS_MAX;
    if (!w->more)
        w->ids[w->count++] = row.account_id;
    return !w->more;
}

static uint16_t past_find_accounts(struct past_walk *w)
{
    struct ledger_list *list = &w->list;
    bool all = ledger_list_all(list);
    const struct value tenant = {VALUE_ID, .id = list->who->tenant_id};
    const struct view_scan scan = {
        .table = &accounts_view,
        .index = all ? &accounts_view.key : &accounts_view.indexes[ACCOUNTS_INDEX_BY_TENANT],
        .prefix = &tenant,
        .prefix_count = all ? 0 : 1,
        .limit = LEDGER_LIST_ROWS_MAX + 1,
    };
    w->ids = arena_alloc(&list->page.arena, LEDGER_LIST_ROWS_MAX * sizeof *w->ids);
    w->lines = arena_alloc(&list->page.arena, PAST_LINES_MAX * sizeof *w->lines);
    if (w->ids == NULL || w->lines == NULL)
        return RESULT_TOO_LARGE;
    list->error = views_scan(list->store, &scan, past_take_account, w);
    if (list->error != ERR_OK)
        return (uint16_t)list->error;
    return w->more ? RESULT_TOO_MANY_ACCOUNTS : RESULT_OK;
}

/* The line of a currency, made where it belongs; NULL if there are too many. */
static struct past_trial_balance_line *past_line(struct past_walk *w, uint16_t currency)
{
    uint32_t at = 0;
    while (at < w->line_count && w->lines[at].currency < currency)
        at++;
    if (at < w->line_count && w->lines[at].currency == currency)
        return &w->lines[at];
    if (w->line_count == PAST_LINES_MAX)
        return NULL;
    for (uint32_t i = w->line_count++; i > at; i--)
        w->lines[i] = w->lines[i - 1];
    w->lines[at] = (struct past_trial_balance_line){.currency = currency};
    return &w->lines[at];
}

static uint16_t past_add(struct past_walk *w, const struct account_balance *b)
{
    struct past_trial_balance_line *line = past_line(w, b->currency);
    if (line == NULL)
        return RESULT_TOO_LARGE;
    line->account_count++;
    bool fits = u128_add(line->debits_pending, b->debits_pending, &line->debits_pending) &&
                u128_add(line->debits_posted, b->debits_posted, &line->debits_posted) &&
                u128_add(line->credits_pending, b->credits_pending, &line->credits_pending) &&
                u128_add(line->credits_posted, b->credits_posted, &line->credits_posted);
    return fits ? RESULT_OK : RESULT_TOO_LARGE; /* a tenant's do; an operator sees all */
}

static uint16_t past_add_accounts(struct past_walk *w)
{
    uint16_t code = past_find_accounts(w);
    for (uint32_t i = 0; code == RESULT_OK && i < w->count; i++) {
        const struct account_balance_at one = {
            .account_id = w->ids[i],
            .has_at = true,
            .at = w->asked->at,
            .has_time = w->asked->has_time,
            .time = w->asked->time,
        };
        struct account_balance b;
        code = past_balance_find(&w->list, &one, &b);
        if (code == RESULT_OK && b.version > 0)
            code = past_add(w, &b);
    }
    return code == RESULT_OK && w->list.page.arena.failed ? RESULT_TOO_LARGE : code;
}

uint16_t past_trial_balance_query(struct view_store *s, const struct message *m,
                                  struct wire_writer *reply, uint16_t *reply_type)
{
    struct past_walk w = {.asked = m->body};
    uint16_t code = ledger_list_init(&w.list, s, m, false, 0);
    if (code == RESULT_OK)
        code = past_add_accounts(&w);
    if (code == RESULT_OK) {
        struct past_trial_balance b = {
            .at = w.asked->at,
            .time = w.asked->has_time ? w.asked->time : TIME_AXIS_EFFECTIVE,
            .lines = w.lines,
            .lines_count = w.line_count,
            .balanced = true,
        };
        for (uint32_t i = 0; i < w.line_count; i++) {
            struct past_trial_balance_line *line = &w.lines[i];
            line->balanced = line->debits_posted == line->credits_posted &&
                             line->debits_pending == line->credits_pending;
            b.balanced = b.balanced && line->balanced;
        }
        past_trial_balance_write(reply, &b);
        *reply_type = PAST_TRIAL_BALANCE_NUMBER;
    }
    ledger_list_done(&w.list);
    return code;
}
