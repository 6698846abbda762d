/* SPDX-License-Identifier: Apache-2.0 */
/* Rows are made from the account's state as its event left it, not from the event: one function
 * fills the row for every event, and no event needs all columns. */
#include "actors/ledger/account_views.h"

#include "actors/ledger/account.h"
#include "actors/ledger/entry.h"
#include "schemas/common.h"

void account_put_row(struct projection *p, struct id128 id)
{
    const struct account *a = registry_state(projection_registry(p), KIND_ACCOUNT, id);
    check(a->version > 0);
    struct accounts_row row = {
        .account_id = id,
        .tenant_id = a->tenant_id,
        .currency = a->currency,
        .code = a->code,
        .flags = a->flags & ACCOUNT_FLAGS_ALL,
        .status = (uint8_t)account_status_of(a->flags),
        .version = a->version,
        .name = account_name(a),
        .owner = account_owner(a),
        .opened_time = a->opened_time,
    };
    row.has_name = row.name.len > 0;
    row.has_owner = row.owner.len > 0;
    if (a->extra != NULL) {
        row.user_data_128 = a->extra->user_data_128;
        row.user_data_64 = a->extra->user_data_64;
        row.user_data_32 = a->extra->user_data_32;
    }
    struct value values[ACCOUNTS_COLUMNS];
    accounts_row_to_values(&row, values);
    projection_put(p, &accounts_view, values);
}

/* The row beside the entry of the account's present version. */
static void account_put_change(struct projection *p, struct account_changes_row *row)
{
    const struct account *a = registry_state(projection_registry(p), KIND_ACCOUNT, row->account_id);
    struct value values[ACCOUNT_CHANGES_COLUMNS];
    check(a->version > 0);
    row->version = a->version;
    row->currency = a->currency;
    account_changes_row_to_values(row, values);
    projection_put(p, &account_changes_view, values);
}

void account_opened_project(struct projection *p, const void *event, uint64_t time_ns)
{
    const struct account_opened *e = event;
    uint64_t effective = e->has_effective_time ? e->effective_time : time_ns;
    struct account_changes_row limits = {.version = 0};
    account_changes_row_from_account_opened(&limits, e);
    entry_put_change(p, ENTRY_KIND_OPENED, e->account_id, effective, time_ns);
    if (e->has_debit_balance_max || e->has_credit_balance_max || e->has_credit_balance_min)
        account_put_change(p, &limits);
    account_put_row(p, e->account_id);
}

void account_marked_project(struct projection *p, const void *event, uint64_t time_ns)
{
    const struct account_marked *e = event;
    struct account_changes_row mark = {.version = 0};
    account_changes_row_from_account_marked(&mark, e);
    entry_put_change(p, e->change, e->account_id, time_ns, time_ns);
    account_put_change(p, &mark);
    account_put_row(p, e->account_id);
}

void account_updated_project(struct projection *p, const void *event, uint64_t time_ns)
{
    const struct account_updated *e = event;
    struct account_changes_row limits = {.version = 0};
    account_changes_row_from_account_updated(&limits, e);
    entry_put_change(p, ENTRY_KIND_UPDATED, e->account_id, time_ns, time_ns);
    account_put_change(p, &limits);
    account_put_row(p, e->account_id);
}
