/* SPDX-License-Identifier: Apache-2.0 */
/* The totals follow the events of accounts and transfers (movement.c adds and takes); here they are
 * made, with the first account of a tenant in a currency, or with the first money that passes
 * through on its way between two other shards. */
#include "actors/ledger/ledger_totals.h"

#include "actors/ledger/ledger_directory.h"
#include "schemas/common.h"
#include "schemas/ledger_states.h"

struct ledger_totals *ledger_totals_state(struct registry *r, struct id128 tenant_id,
                                          uint16_t currency)
{
    return registry_state(r, KIND_LEDGER_TOTALS, ledger_totals_id(tenant_id, currency));
}

enum presence ledger_totals_find(struct turn *t, struct id128 tenant_id, uint16_t currency)
{
    const struct ledger_totals *totals;
    const struct ledger_directory *directory;
    enum presence own = turn_find_ledger_totals(t, ledger_totals_id(tenant_id, currency), &totals);
    enum presence shard = turn_find_ledger_directory(t, LEDGER_DIRECTORY_ID, &directory);
    return shard == PRESENCE_WAITING ? shard : own;
}

struct ledger_totals *ledger_totals_made(struct registry *r, struct id128 tenant_id,
                                         uint16_t currency)
{
    struct id128 id = ledger_totals_id(tenant_id, currency);
    struct ledger_totals *l = registry_state_if(r, KIND_LEDGER_TOTALS, id);
    if (l == NULL) {
        l = registry_create(r, KIND_LEDGER_TOTALS, id);
        l->currency = currency;
        ledger_directory_add(r, (struct ledger_name){tenant_id, currency});
    }
    check(l->currency == currency);
    return l;
}

void ledger_totals_count_account(struct registry *r, const struct account_opened *e)
{
    struct ledger_totals *l = ledger_totals_made(r, e->tenant_id, e->currency);
    ledger_totals_check(l);
    l->account_count++;
    check(l->account_count > 0);
    if ((e->flags & ACCOUNT_FLAGS_IMPORTED) != 0) {
        check(e->effective_time >= l->accounts_imported_to);
        l->accounts_imported_to = e->effective_time + 1;
    }
}

const struct actor_kind ledger_totals_kind = {
    .name = "ledger_totals",
    .number = KIND_LEDGER_TOTALS,
    .state_size = sizeof(struct ledger_totals),
    .codec = &ledger_totals_codec,
    .pinned = true,
};
