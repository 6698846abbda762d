/* SPDX-License-Identifier: Apache-2.0 */
/* The totals follow the events of accounts and transfers (movement.c adds and takes); here they are
 * made, with the first account of a tenant in a currency, and stored. */
#include "actors/ledger/ledger_totals.h"

#include "actors/ledger/ledger_directory.h"
#include "schemas/common.h"

#define LEDGER_TOTALS_STATE_VERSION 1
#define LEDGER_TOTALS_STATE_FIELDS 10 /* the version among them */

struct ledger_totals *ledger_totals_state(struct registry *r, struct id128 tenant_id,
                                          uint16_t currency)
{
    return registry_state(r, KIND_LEDGER_TOTALS, ledger_totals_id(tenant_id, currency));
}

void ledger_totals_count_account(struct registry *r, const struct account_opened *e)
{
    struct id128 id = ledger_totals_id(e->tenant_id, e->currency);
    struct ledger_totals *l = registry_state_if(r, KIND_LEDGER_TOTALS, id);
    if (l == NULL) {
        l = registry_create(r, KIND_LEDGER_TOTALS, id);
        l->currency = e->currency;
        ledger_directory_add(r, e->shard, (struct ledger_name){e->tenant_id, e->currency});
    }
    l->account_count++;
    if ((e->flags & ACCOUNT_FLAGS_IMPORTED) != 0)
        l->imported_account_time = e->effective_time;
}

static void write_state(struct wire_writer *w, const void *state)
{
    const struct ledger_totals *l = state;
    wire_put_array(w, LEDGER_TOTALS_STATE_FIELDS);
    wire_put_uint(w, LEDGER_TOTALS_STATE_VERSION);
    wire_put_uint(w, l->currency);
    wire_put_u128(w, l->debits_pending);
    wire_put_u128(w, l->debits_posted);
    wire_put_u128(w, l->credits_pending);
    wire_put_u128(w, l->credits_posted);
    wire_put_uint(w, l->account_count);
    wire_put_uint(w, l->transfer_count);
    wire_put_uint(w, l->imported_account_time);
    wire_put_uint(w, l->imported_transfer_time);
}

static bool read_state(struct registry *r, struct wire_reader *from, void *state)
{
    (void)r;
    struct ledger_totals *l = state;
    if (wire_get_array(from, LEDGER_TOTALS_STATE_FIELDS) != LEDGER_TOTALS_STATE_FIELDS ||
        wire_get_uint(from, UINT64_MAX) != LEDGER_TOTALS_STATE_VERSION)
        return false;
    l->currency = (uint16_t)wire_get_uint(from, UINT16_MAX);
    l->debits_pending = wire_get_u128(from);
    l->debits_posted = wire_get_u128(from);
    l->credits_pending = wire_get_u128(from);
    l->credits_posted = wire_get_u128(from);
    l->account_count = wire_get_uint(from, UINT64_MAX);
    l->transfer_count = wire_get_uint(from, UINT64_MAX);
    l->imported_account_time = wire_get_uint(from, UINT64_MAX);
    l->imported_transfer_time = wire_get_uint(from, UINT64_MAX);
    return !from->failed;
}

const struct actor_kind ledger_totals_kind = {
    .name = "ledger_totals",
    .number = KIND_LEDGER_TOTALS,
    .state_size = sizeof(struct ledger_totals),
    .write = write_state,
    .state_fields = "format currency debits_pending debits_posted credits_pending "
                    "credits_posted account_count transfer_count imported_account_time "
                    "imported_transfer_time",
    .read = read_state,
    .resident = true,
};
