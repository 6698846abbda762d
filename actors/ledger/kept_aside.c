/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept aside counts among an account's open holds without being named, so only of accounts
 * with such holds anything is read. */
#include "actors/ledger/kept_aside.h"

#include "actors/ledger/account.h"
#include "actors/ledger/group.h"
#include "actors/ledger/reservation.h"
#include "schemas/common.h"

static bool kept_aside_take(void *context, const struct value *values)
{
    bool read = kept_aside_row_from_values(values, context);
    check(read);
    return false;
}

/* false: there is none, and the row has nothing but its key. */
static bool kept_aside_get(struct projection *p, struct id128 account_id, struct id128 transfer_id,
                           struct kept_aside_row *row)
{
    const struct value key[] = {{VALUE_ID, .id = account_id}, {VALUE_ID, .id = transfer_id}};
    *row = (struct kept_aside_row){.account_id = account_id, .transfer_id = transfer_id};
    return projection_get(p, &kept_aside_view, key, kept_aside_take, row);
}

static void kept_aside_store(struct projection *p, const struct kept_aside_row *row)
{
    struct kept_aside_row stored = *row;
    struct value values[KEPT_ASIDE_COLUMNS];
    check(!id128_is_zero(row->account_id));
    const struct account *a = registry_state(projection_registry(p), KIND_ACCOUNT, row->account_id);
    stored.currency = a->currency;
    kept_aside_row_to_values(&stored, values);
    projection_put(p, &kept_aside_view, values);
}

static void kept_aside_add(struct projection *p, const struct kept_aside_row *row)
{
    struct kept_aside_row sums;
    check(!id128_is_zero(row->transfer_id));
    check(row->recorded_time != 0);
    kept_aside_store(p, row);
    (void)kept_aside_get(p, row->account_id, KEPT_ASIDE_SUMS, &sums);
    sums.debits += row->debits;
    sums.credits += row->credits;
    kept_aside_store(p, &sums);
}

void kept_aside_put(struct projection *p, const struct transfer_reserved *k, u128 ends,
                    uint64_t time_ns)
{
    bool debit = k->side == CROSSING_SIDE_DEBIT;
    const struct kept_aside_row row = {
        .account_id = reservation_account(k),
        .transfer_id = k->id,
        .counterparty_id = debit ? k->credit_account_id : k->debit_account_id,
        .direction = debit ? ENTRY_DIRECTION_DEBIT : ENTRY_DIRECTION_CREDIT,
        .debits = debit ? reservation_amount(k) : 0,
        .credits = debit ? 0 : reservation_amount(k),
        .recorded_time = time_ns,
        .ends = ends,
    };
    kept_aside_add(p, &row);
}

/* What the group will move of this account. */
static void kept_aside_parts(const struct group *g, struct id128 account_id,
                             struct group_parts *all)
{
    for (uint32_t i = 0; i < g->legs_count; i++) {
        const struct group_leg *l = &g->legs[i];
        bool debit = id128_equal(l->debit_account_id, account_id);
        if (!debit && !id128_equal(l->credit_account_id, account_id))
            continue;
        all->parts[all->parts_count++] = (struct group_part){
            .direction = debit ? ENTRY_DIRECTION_DEBIT : ENTRY_DIRECTION_CREDIT,
            .currency = l->currency,
            .amount = l->amount,
            .held = leg_holds(l),
            .has_effective_time = l->has_effective_time,
            .effective_time = l->effective_time,
        };
    }
    check(all->parts_count > 0);
}

/* Each by itself, as if it were alone: it is decided so. */
static void kept_aside_put_apart(struct projection *p, const struct group_reserved *e,
                                 uint64_t time_ns)
{
    const struct group *g = &e->group;
    const bool debit = e->side == CROSSING_SIDE_DEBIT;
    uint32_t refused = 0; /* in the order of the legs */
    for (uint32_t i = 0; i < g->legs_count && e->has_side; i++) {
        const struct group_leg *l = &g->legs[i];
        if (refused < g->refused_count && g->refused[refused].leg == i) {
            refused++;
            continue;
        }
        const struct kept_aside_row row = {
            .account_id = debit ? l->debit_account_id : l->credit_account_id,
            .transfer_id = l->id,
            .counterparty_id = debit ? l->credit_account_id : l->debit_account_id,
            .direction = debit ? ENTRY_DIRECTION_DEBIT : ENTRY_DIRECTION_CREDIT,
            .debits = debit ? l->amount : 0,
            .credits = debit ? 0 : l->amount,
            .recorded_time = time_ns,
        };
        kept_aside_add(p, &row);
    }
    check(!e->has_side || refused == g->refused_count);
}

void kept_aside_put_group(struct projection *p, const struct group_reserved *e, uint64_t time_ns)
{
    if (e->group.apart) {
        kept_aside_put_apart(p, e, time_ns);
        return;
    }
    for (uint32_t i = 0; i < e->kept_count; i++) {
        struct group_part parts[GROUP_LEGS_MAX];
        struct group_parts all = {.parts = parts};
        struct wire_writer w;
        wire_writer_init(&w, KEPT_ASIDE_PARTS_MAX);
        kept_aside_parts(&e->group, e->kept[i].account_id, &all);
        group_parts_write(&w, &all);
        check(!w.failed);
        const struct kept_aside_row row = {
            .account_id = e->kept[i].account_id,
            .transfer_id = e->share_id,
            .counterparty_id = e->witness_account_id,
            .direction = ENTRY_DIRECTION_NONE,
            .debits = e->kept[i].debits,
            .credits = e->kept[i].credits,
            .recorded_time = time_ns,
            .has_decided_as = true,
            .decided_as = e->witness_id,
            .has_parts = true,
            .parts = wire_written(&w),
        };
        kept_aside_add(p, &row);
        wire_writer_done(&w);
    }
}

/* Rows are missing only after a read that failed, which ends the transaction. */
void kept_aside_remove(struct projection *p, struct id128 account_id, struct id128 transfer_id)
{
    struct kept_aside_row row, sums;
    const struct value key[] = {{VALUE_ID, .id = account_id}, {VALUE_ID, .id = transfer_id}};
    if (!kept_aside_get(p, account_id, transfer_id, &row) ||
        !kept_aside_get(p, account_id, KEPT_ASIDE_SUMS, &sums))
        return;
    check(row.debits <= sums.debits && row.credits <= sums.credits);
    sums.debits -= row.debits;
    sums.credits -= row.credits;
    projection_delete(p, &kept_aside_view, key);
    kept_aside_store(p, &sums);
}

void kept_aside_find(struct projection *p, const struct account *a, struct entries_row *row)
{
    struct kept_aside_row sums;
    check(a->hold_listed <= a->hold_count);
    if (a->hold_listed == a->hold_count ||
        !kept_aside_get(p, row->account_id, KEPT_ASIDE_SUMS, &sums))
        return;
    check(sums.debits <= a->debits_pending && sums.credits <= a->credits_pending);
    row->kept_debits = sums.debits;
    row->kept_credits = sums.credits;
}
