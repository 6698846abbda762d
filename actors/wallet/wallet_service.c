/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of constants, and the audit: each hold and wallet in memory by itself, without the ledger.
 * Debits counted and given back have no row in the views, nor has a capture that is not decided
 * yet: they only say what may be done. */
#include "actors/wallet/wallet_service.h"

#include "actors/wallet/hold.h"
#include "actors/wallet/owner.h"
#include "actors/wallet/owner_messages.h"
#include "actors/wallet/wallet.h"
#include "actors/wallet/wallet_history.h"
#include "actors/wallet/wallet_queries.h"
#include "actors/wallet/wallet_transactions.h"
#include "actors/wallet/wallet_views.h"
#include "schemas/common.h"

static const struct actor_kind *const kinds[] = {
    &owner_kind,
    &wallet_kind,
    &hold_kind,
};

static const struct event_rule rules[] = {
    {&wallet_opened_type, MESSAGE_NO_OFFSET, wallet_apply_opened, wallet_project_opened},
    {&wallet_debited_type, MESSAGE_NO_OFFSET, wallet_apply_debited, NULL},
    {&wallet_debit_returned_type, MESSAGE_NO_OFFSET, wallet_apply_debit_returned, NULL},
    {&wallet_status_changed_type, MESSAGE_NO_OFFSET, wallet_apply_status_changed,
     wallet_project_status_changed},
    {&wallet_limits_changed_type, MESSAGE_NO_OFFSET, wallet_apply_limits_changed,
     wallet_project_limits_changed},
    {&wallet_updated_type, MESSAGE_NO_OFFSET, wallet_apply_updated, wallet_project_updated},
    {&wallet_hold_placed_type, MESSAGE_NO_OFFSET, hold_apply_placed, hold_project_placed},
    {&wallet_hold_captured_type, MESSAGE_NO_OFFSET, hold_apply_captured, hold_project_captured},
    {&wallet_hold_capturing_type, (uint16_t)offsetof(struct wallet_hold_capturing, transfer_id),
     hold_apply_capturing, NULL},
    {&wallet_hold_capture_refused_type, MESSAGE_NO_OFFSET, hold_apply_capture_refused, NULL},
    {&wallet_hold_released_type, MESSAGE_NO_OFFSET, hold_apply_released, hold_project_released},
    {&wallet_hold_expired_type, MESSAGE_NO_OFFSET, hold_apply_expired, hold_project_expired},
    {&wallet_hold_extended_type, MESSAGE_NO_OFFSET, hold_apply_extended, hold_project_extended},
};

static const struct query queries[] = {
    {&wallet_list_type, wallet_query_list},
    {&wallet_transaction_list_type, wallet_query_transactions},
    {&wallet_transaction_get_type, wallet_query_transaction},
    {&wallet_hold_list_type, wallet_query_holds},
    {&wallet_event_list_type, wallet_query_events},
    {&wallet_hold_event_list_type, wallet_query_hold_events},
};

static const struct locator locators[] = {
    {&wallet_open_type, owner_locate},
};

static const struct view_table *const views[] = {
    &wallets_view,
    &wallet_holds_view,
    &wallet_events_view,
};

/* --- what must always hold -------------------------------------------------------------------- */

/* An open hold keeps something aside, a closed one nothing, and neither ever more than was asked
 * for. */
static bool audit_hold(void *context, struct id128 id, const void *state)
{
    (void)id;
    const char **broken = context;
    const struct hold *h = state;
    u128 used;
    if (h->has_capturing && h->capturing > h->remaining)
        *broken = "more of a hold is being captured than it keeps aside";
    else if (hold_open(h) != (h->remaining != 0))
        *broken = "an open hold keeps nothing aside, or a closed one something";
    else if (!u128_add(h->captured, h->remaining, &used) || used > h->amount)
        *broken = "a hold keeps more than was asked for";
    return *broken == NULL;
}

static bool audit_wallet(void *context, struct id128 id, const void *state)
{
    (void)id;
    const char **broken = context;
    const struct wallet *w = state;
    if (w->status == WALLET_STATUS_CLOSED && w->open_holds != 0)
        *broken = "a closed wallet has open holds";
    return *broken == NULL;
}

static const char *wallet_service_audit(struct registry *r)
{
    const char *broken = NULL;
    registry_each(r, KIND_HOLD, audit_hold, &broken);
    if (broken == NULL)
        registry_each(r, KIND_WALLET, audit_wallet, &broken);
    return broken;
}

const struct service wallet_service = {
    .name = "wallet",
    .kinds = kinds,
    .kind_count = array_len(kinds),
    .rules = rules,
    .rule_count = array_len(rules),
    .queries = queries,
    .query_count = array_len(queries),
    .locators = locators,
    .locator_count = array_len(locators),
    .views = views,
    .view_count = array_len(views),
    .audit = wallet_service_audit,
};
