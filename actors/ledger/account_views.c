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

void account_opened_project(struct projection *p, const void *event, uint64_t time_ns)
{
    const struct account_opened *e = event;
    uint64_t effective = e->effective_time != 0 ? e->effective_time : time_ns;
    entry_put_change(p, ENTRY_KIND_OPENED, e->account_id, effective, time_ns);
    account_put_row(p, e->account_id);
}

void account_marked_project(struct projection *p, const void *event, uint64_t time_ns)
{
    const struct account_marked *e = event;
    entry_put_change(p, e->change, e->account_id, time_ns, time_ns);
    account_put_row(p, e->account_id);
}

void account_updated_project(struct projection *p, const void *event, uint64_t time_ns)
{
    const struct account_updated *e = event;
    entry_put_change(p, ENTRY_KIND_UPDATED, e->account_id, time_ns, time_ns);
    account_put_row(p, e->account_id);
}
