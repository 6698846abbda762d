/* SPDX-License-Identifier: Apache-2.0 */
/* A balance is found by binary search over the entries, each having the counters after it, and then
 * corrected. Late entries stand behind that place, but count by then; they are looked at span
 * by span, each as far as its rows can be that late, and at most PAST_BALANCE_LATE_MAX of all,
 * beyond which the query is refused rather than wrong. What the account still keeps aside may be
 * decided by then, though the account has no entry of it yet: the other account's history tells.
 * And what it holds for a pending transfer of another shard may have ended there. */
#include "actors/ledger/past_balance.h"

#include <string.h>

#include "actors/ledger/account.h"
#include "actors/ledger/entry.h"
#include "actors/ledger/kept_aside.h"
#include "actors/ledger/late_entry.h"
#include "runtime/base/mutant.h"
#include "schemas/common.h"
#include "schemas/result.h"

struct past_balance {
    struct ledger_list *list;
    struct account_balance *balance;
    enum time_axis axis;
    uint64_t place; /* the version of the last entry of which all before it count */
    uint64_t at;
    uint32_t looked; /* late entries */
    u128 debits_released, credits_released;
};

static void past_balance_add(struct past_balance *b, uint8_t direction, u128 posted, u128 held,
                             u128 released)
{
    struct account_balance *to = b->balance;
    if (direction == ENTRY_DIRECTION_DEBIT) {
        to->debits_posted += posted;
        to->debits_pending += held;
        b->debits_released += released;
    } else if (direction == ENTRY_DIRECTION_CREDIT) {
        to->credits_posted += posted;
        to->credits_pending += held;
        b->credits_released += released;
    }
}

/* --- late entries ----------------------------------------------------------------------------- */

struct late_walk {
    struct past_balance *balance;
    uint64_t span_ns;
};

static bool late_take(void *context, const struct value *values)
{
    struct late_walk *w = context;
    struct past_balance *b = w->balance;
    struct late_entries_row row;
    bool read = late_entries_row_from_values(values, &row);
    check(read);
    check(row.version > b->place);
    check(row.time < row.place);
    if (row.place > b->at && row.place - b->at > w->span_ns)
        return false; /* those behind it stand no earlier */
    b->looked++;
    if (row.time > b->at || (MUTANT(FORGET_FOLLOWED) && b->axis == TIME_AXIS_RECORDED))
        return true;
    if (row.version > b->balance->version)
        b->balance->version = row.version;
    past_balance_add(b, row.direction, row.posted, row.held, row.released);
    return true;
}

/* Adds what stands behind the place but counts before the moment. */
static void late_add(struct past_balance *b)
{
    struct value prefix[] = {{VALUE_ID, .id = b->balance->account_id},
                             {VALUE_UINT, .number = b->axis},
                             {VALUE_UINT, .number = 0}};
    const struct value from = {VALUE_UINT, .number = b->place};
    const struct view_scan scan = {
        .table = &late_entries_view,
        .index = &late_entries_view.key,
        .prefix = prefix,
        .prefix_count = array_len(prefix),
        .from = &from,
        .from_count = 1,
        .limit = PAST_BALANCE_LATE_MAX + 1,
    };
    for (unsigned span = 0; span < LATE_ENTRY_SPANS && b->list->error == ERR_OK; span++) {
        struct late_walk w = {b, late_entry_span_ns(span)};
        prefix[2].number = span;
        b->list->error = views_scan(b->list->store, &scan, late_take, &w);
    }
}

/* --- decided and not followed ----------------------------------------------------------------- */

struct kept_item {
    struct kept_item *next;
    struct kept_aside_row row;
};

struct kept_walk {
    struct ledger_list *list;
    struct kept_item *first;
};

static bool kept_take(void *context, const struct value *values)
{
    struct kept_walk *w = context;
    struct kept_item *item = arena_alloc(&w->list->page.arena, sizeof *item);
    if (item == NULL)
        return false;
    bool read = kept_aside_row_from_values(values, &item->row);
    check(read);
    if (item->row.has_parts) {
        char *parts = arena_alloc(&w->list->page.arena, item->row.parts.len);
        if (parts == NULL)
            return false;
        memcpy(parts, item->row.parts.data, item->row.parts.len);
        item->row.parts.data = parts;
    }
    item->next = w->first;
    w->first = item;
    return true;
}

struct decision_walk {
    const struct kept_aside_row *kept;
    bool found;
    struct entries_row entry;
    uint32_t looked;
};

/* Nothing was decided before it was asked. */
static bool decision_take(void *context, const struct value *values)
{
    struct decision_walk *w = context;
    struct entries_row row;
    bool read = entries_row_from_values(values, &row);
    check(read);
    if (row.recorded_time < w->kept->recorded_time)
        return false;
    w->looked++;
    const struct kept_aside_row *kept = w->kept;
    struct id128 id = kept->has_decided_as ? kept->decided_as : kept->transfer_id;
    if (!row.has_transfer_id || !id128_equal(row.transfer_id, id))
        return true;
    w->found = true;
    w->entry = row;
    return false;
}

/* All that the group moves of the account. */
static uint16_t decision_add_group(struct past_balance *b, const struct kept_aside_row *kept,
                                   uint64_t decided)
{
    struct group_parts all;
    struct wire_reader from;
    wire_reader_init(&from, kept->parts.data, kept->parts.len);
    if (!group_parts_read(&from, &b->list->page.arena, &all))
        return b->list->page.arena.failed ? RESULT_TOO_LARGE : RESULT_CORRUPT;
    for (uint32_t i = 0; i < all.parts_count; i++) {
        const struct group_part *p = &all.parts[i];
        bool given = b->axis == TIME_AXIS_EFFECTIVE && p->has_effective_time;
        if ((given ? p->effective_time : decided) <= b->at && !MUTANT(FORGET_DECIDED))
            past_balance_add(b, p->direction, p->held ? 0 : p->amount, p->held ? p->amount : 0, 0);
    }
    return RESULT_OK;
}

static uint16_t decision_add(struct past_balance *b, const struct kept_aside_row *kept)
{
    struct decision_walk w = {.kept = kept};
    uint16_t code =
        ledger_list_entries(b->list, kept->counterparty_id, ENTRY_FROM_NEWEST, decision_take, &w);
    if (code != RESULT_OK)
        return code;
    if (w.looked > LEDGER_LIST_ROWS_MAX)
        return RESULT_TOO_MANY_LATE_ENTRIES;
    const struct entries_row *e = &w.entry;
    uint64_t decided = e->has_decided_time ? e->decided_time : e->recorded_time;
    if (kept->has_parts)
        return w.found ? decision_add_group(b, kept, decided) : RESULT_OK;
    uint64_t time = b->axis == TIME_AXIS_EFFECTIVE ? e->effective_time : decided;
    if (!w.found || time > b->at || MUTANT(FORGET_DECIDED))
        return RESULT_OK;
    bool holds = e->kind == ENTRY_KIND_PENDING;
    past_balance_add(b, kept->direction, holds ? 0 : e->amount, holds ? e->amount : 0, kept->ends);
    return RESULT_OK;
}

static uint16_t decisions_add(struct past_balance *b)
{
    const struct value prefix = {VALUE_ID, .id = b->balance->account_id};
    const struct value sums = {VALUE_ID, .id = KEPT_ASIDE_SUMS};
    const struct view_scan scan = {
        .table = &kept_aside_view,
        .index = &kept_aside_view.key,
        .prefix = &prefix,
        .prefix_count = 1,
        .from = &sums,
        .from_count = 1,
        .limit = LEDGER_LIST_ROWS_MAX,
    };
    struct kept_walk w = {.list = b->list};
    uint16_t code = RESULT_OK;
    if (b->list->error == ERR_OK)
        b->list->error = views_scan(b->list->store, &scan, kept_take, &w);
    for (const struct kept_item *k = w.first; k != NULL && code == RESULT_OK; k = k->next) {
        bool later = b->axis == TIME_AXIS_RECORDED && k->row.recorded_time > b->at;
        code = later ? RESULT_OK : decision_add(b, &k->row); /* it may be effective before */
    }
    return code;
}

/* --- ended at home and not followed ----------------------------------------------------------- */

static bool ended_take(void *context, const struct value *values)
{
    struct past_balance *b = context;
    struct ended_halves_row row;
    bool read = ended_halves_row_from_values(values, &row);
    check(read);
    uint64_t time = b->axis == TIME_AXIS_EFFECTIVE ? row.effective_time : row.recorded_time;
    b->looked++;
    if (!row.followed && time <= b->at && !MUTANT(FORGET_ENDED))
        past_balance_add(b, ENTRY_DIRECTION_CREDIT, 0, 0, row.released);
    return true;
}

static void ended_add(struct past_balance *b)
{
    const struct value prefix = {VALUE_ID, .id = b->balance->account_id};
    const struct view_scan scan = {
        .table = &ended_halves_view,
        .index = &ended_halves_view.key,
        .prefix = &prefix,
        .prefix_count = 1,
        .limit = PAST_BALANCE_LATE_MAX + 1,
    };
    if (b->list->error == ERR_OK)
        b->list->error = views_scan(b->list->store, &scan, ended_take, b);
}

/* --- all of it -------------------------------------------------------------------------------- */

/* A release back-dated before its hold: nothing was pending yet. */
static u128 past_balance_less(u128 counter, u128 amount)
{
    return counter > amount ? counter - amount : 0;
}

static uint16_t past_balance_correct(struct past_balance *b)
{
    struct account_balance *to = b->balance;
    late_add(b);
    ended_add(b);
    if (b->looked > PAST_BALANCE_LATE_MAX)
        return RESULT_TOO_MANY_LATE_ENTRIES;
    uint16_t code = decisions_add(b);
    to->debits_pending = past_balance_less(to->debits_pending, b->debits_released);
    to->credits_pending = past_balance_less(to->credits_pending, b->credits_released);
    return b->list->error != ERR_OK ? (uint16_t)b->list->error : code;
}

/* The counters after the entry at the place. */
static uint16_t past_balance_begin(struct past_balance *b, const struct entries_row *newest)
{
    struct entries_row row = *newest;
    struct account_balance *to = b->balance;
    check(b->place <= newest->version);
    if (b->place == 0)
        return RESULT_OK;
    if (b->place != newest->version && !ledger_list_entry(b->list, to->account_id, b->place, &row))
        return b->list->error != ERR_OK ? (uint16_t)b->list->error : RESULT_CORRUPT;
    check(row.kept_debits <= row.debits_pending && row.kept_credits <= row.credits_pending);
    to->debits_pending = row.debits_pending - row.kept_debits;
    to->debits_posted = row.debits_posted;
    to->credits_pending = row.credits_pending - row.kept_credits;
    to->credits_posted = row.credits_posted;
    if (MUTANT(SHOW_KEPT))
        to->debits_pending = row.debits_pending;
    return RESULT_OK;
}

uint16_t past_balance_find(struct ledger_list *list, const struct account_balance_at *q,
                           struct account_balance *b)
{
    struct accounts_row account;
    struct entries_row newest;
    uint16_t code = ledger_list_account(list, q->account_id, &account);
    if (code != RESULT_OK)
        return code;
    if (!ledger_list_last_entry(list, q->account_id, &newest))
        return list->error != ERR_OK ? (uint16_t)list->error : RESULT_CORRUPT;
    struct past_balance p = {
        .list = list,
        .balance = b,
        .axis = q->has_time ? q->time : TIME_AXIS_EFFECTIVE,
        .place = newest.version,
        .at = q->at,
    };
    if (q->has_at)
        p.place = ledger_list_version_at(list, q->account_id, newest.version, q->at,
                                         p.axis == TIME_AXIS_EFFECTIVE ? LEDGER_LIST_EFFECTIVE
                                                                       : LEDGER_LIST_RECORDED);
    if (list->error != ERR_OK)
        return (uint16_t)list->error;
    *b = (struct account_balance){
        .account_id = q->account_id,
        .currency = account.currency,
        .has_at = q->has_at,
        .at = q->at,
        .time = (uint8_t)p.axis,
        .version = p.place,
    };
    code = past_balance_begin(&p, &newest);
    if (code == RESULT_OK && q->has_at)
        code = past_balance_correct(&p);
    b->balance = account_net(b->debits_posted, b->credits_posted, &b->balance_side);
    return code;
}

uint16_t past_balance_query(struct view_store *s, const struct message *m,
                            struct wire_writer *reply, uint16_t *reply_type)
{
    struct ledger_list list;
    struct account_balance b;
    uint16_t code = ledger_list_init(&list, s, m, false, 0);
    if (code == RESULT_OK)
        code = past_balance_find(&list, m->body, &b);
    if (code == RESULT_OK && list.page.arena.failed)
        code = RESULT_TOO_LARGE;
    ledger_list_done(&list);
    if (code != RESULT_OK)
        return code;
    account_balance_write(reply, &b);
    *reply_type = ACCOUNT_BALANCE_NUMBER;
    return RESULT_OK;
}
