/* SPDX-License-Identifier: Apache-2.0 */
/* Messages that make something have no target, so locators choose the slot: that of the first id
 * that the client gave, since all accounts of a posting are in one shard, or of the owner, or else
 * any. The second member of a rule is the id under which a later message with the same id finds
 * this decision again; events without one (openings, expiries) are found by the state they leave.
 * Needs name both accounts of a transfer, so that the projector loads the states of many events at
 * once. */
#include "actors/ledger/ledger_service.h"

#include "actors/common/owner_id.h"
#include "actors/ledger/account.h"
#include "actors/ledger/account_queries.h"
#include "actors/ledger/account_views.h"
#include "actors/ledger/bulk_request.h"
#include "actors/ledger/group_messages.h"
#include "actors/ledger/group_movement.h"
#include "actors/ledger/ledger_audit.h"
#include "actors/ledger/ledger_directory.h"
#include "actors/ledger/ledger_totals.h"
#include "actors/ledger/movement.h"
#include "actors/ledger/past_balance.h"
#include "actors/ledger/past_trial_balance.h"
#include "actors/ledger/pending_transfer.h"
#include "actors/ledger/reservation.h"
#include "actors/ledger/statement.h"
#include "actors/ledger/transfer.h"
#include "actors/ledger/transfer_queries.h"
#include "actors/ledger/transfer_views.h"
#include "actors/ledger/trial_balance.h"

/* The ledger of the shard that has this slot. */
static struct place ledger_at(uint16_t slot)
{
    return (struct place){LEDGER_DIRECTORY_ID, slot};
}

/* Where the first of several things is at home, or anywhere. */
static struct place ledger_of(bool given, struct id128 id, uint16_t any)
{
    return ledger_at(given && !id128_is_zero(id) ? id128_slot(id) : any);
}

static struct place locate_account(const void *body, const struct principal *who, uint16_t any)
{
    const struct account_create *c = body;
    if (!c->has_account_id && c->has_owner)
        return ledger_at(id128_slot(owner_id_of(who, c->owner)));
    return ledger_of(c->has_account_id, c->account_id, any);
}

static struct place locate_accounts(const void *body, const struct principal *who, uint16_t any)
{
    const struct accounts_create *c = body;
    (void)who;
    return c->accounts_count > 0 ? ledger_of(true, c->accounts[0].id, any) : ledger_at(any);
}

static struct place locate_transfers(const void *body, const struct principal *who, uint16_t any)
{
    const struct transfers_create *c = body;
    const struct transfer_spec *first = c->transfers;
    (void)who;
    return c->transfers_count > 0
               ? ledger_of(true, transfer_home(first->debit_account_id, first->pending_id), any)
               : ledger_at(any);
}

static struct place locate_batch(const void *body, const struct principal *who, uint16_t any)
{
    const struct transfers_batch *c = body;
    const struct transfer_create *first = c->transfers;
    (void)who;
    return c->transfers_count > 0
               ? ledger_of(true, transfer_home(first->debit_account_id, first->pending_id), any)
               : ledger_at(any);
}

static struct place locate_transaction(const void *body, const struct principal *who, uint16_t any)
{
    const struct transaction_create *c = body;
    (void)who;
    return c->legs_count > 0 ? ledger_of(true, c->legs[0].debit_account_id, any) : ledger_at(any);
}

/* Of the only shard; of several all are asked. */
static struct place locate_balance(const void *body, const struct principal *who, uint16_t any)
{
    (void)body, (void)who;
    return ledger_at(any);
}

/* Where something is held for a pending transfer of another shard. */
static struct place locate_half(const void *body, const struct principal *who, uint16_t any)
{
    (void)who, (void)any;
    return place_of(((const struct transfer_half_end *)body)->credit_account_id);
}

/* Where a transfer between shards is decided: the account that it came for. */
static struct place locate_token(const void *body, const struct principal *who, uint16_t any)
{
    (void)who, (void)any;
    return place_of(((const struct transfer_token *)body)->token.credit_account_id);
}

static const struct locator locators[] = {
    {&account_create_type, locate_account},         {&accounts_create_type, locate_accounts},
    {&transfers_create_type, locate_transfers},     {&transfers_batch_type, locate_batch},
    {&transaction_create_type, locate_transaction}, {&trial_balance_get_type, locate_balance},
    {&transfer_token_type, locate_token},           {&transfer_half_end_type, locate_half},
};

static const struct gatherer gatherers[] = {
    {&trial_balance_get_type, {0, LEDGER_DIRECTORY_NUMBER}, trial_balance_join},
};

#define KEY(type, member) (uint16_t) offsetof(struct type, member)

static const struct event_rule rules[] = {
    {&account_opened_type, MESSAGE_NO_OFFSET, account_opened_apply, account_opened_project},
    {&account_marked_type, MESSAGE_NO_OFFSET, account_marked_apply, account_marked_project},
    {&account_updated_type, MESSAGE_NO_OFFSET, account_updated_apply, account_updated_project},
    {&transfer_posted_type, KEY(transfer_posted, id), transfer_posted_apply,
     transfer_posted_project},
    {&transfer_pending_type, KEY(transfer_pending, id), transfer_pending_apply,
     transfer_pending_project},
    {&transfer_resolved_type, KEY(transfer_resolved, id), transfer_resolved_apply,
     transfer_resolved_project},
    {&transfer_expired_type, MESSAGE_NO_OFFSET, transfer_expired_apply, transfer_expired_project},
    {&transfer_reserved_type, KEY(transfer_reserved, id), transfer_reserved_apply,
     transfer_reserved_project},
    {&transfer_released_type, MESSAGE_NO_OFFSET, transfer_released_apply,
     transfer_released_project},
    {&transfer_crossed_type, KEY(transfer_crossed, id), transfer_crossed_apply,
     transfer_crossed_project},
    {&transfer_half_ended_type, MESSAGE_NO_OFFSET, transfer_half_ended_apply,
     transfer_half_ended_project},
    {&group_reserved_type, KEY(group_reserved, share_id), group_reserved_apply,
     group_reserved_project},
    {&group_released_type, MESSAGE_NO_OFFSET, group_released_apply, group_released_project},
    {&leg_reserved_type, KEY(leg_reserved, id), event_kept_apply, NULL},
    {&leg_posted_type, KEY(leg_posted, id), leg_posted_apply, leg_posted_project},
    {&bulk_begun_type, KEY(bulk_begun, bulk_id), bulk_begun_apply, NULL},
    {&bulk_followed_type, MESSAGE_NO_OFFSET, bulk_followed_apply, NULL},
    {&leg_held_type, KEY(leg_held, id), leg_held_apply, leg_held_project},
    {&leg_told_type, KEY(leg_told, told_key), event_kept_apply, NULL},
    {&half_end_came_type, KEY(half_end_came, end_key), event_kept_apply, NULL},
    {&transaction_begun_type, KEY(transaction_begun, transaction_id), event_kept_apply, NULL},
    {&transfer_refused_type, KEY(transfer_refused, id), event_kept_apply, NULL},
    {&transfer_reversed_type, KEY(transfer_reversed, reversal_key), event_kept_apply, NULL},
    {&reversal_begun_type, KEY(reversal_begun, reversal_key), event_kept_apply, NULL},
    {&transfer_noted_type, KEY(transfer_noted, note_key), event_kept_apply, transfer_noted_project},
    {&transaction_recorded_type, KEY(transaction_recorded, transaction_id), event_kept_apply,
     transaction_recorded_project},
};

#define BOTH_ACCOUNTS(type)                                                                        \
    KIND_ACCOUNT, 2, {KEY(type, debit_account_id), KEY(type, credit_account_id)}

static const struct event_needs needs[] = {
    {&transfer_posted_type, BOTH_ACCOUNTS(transfer_posted)},
    {&transfer_pending_type, BOTH_ACCOUNTS(transfer_pending)},
    {&transfer_resolved_type, BOTH_ACCOUNTS(transfer_resolved)},
    /* One of them is in another shard. */
    {&transfer_reserved_type, BOTH_ACCOUNTS(transfer_reserved)},
    {&transfer_crossed_type, BOTH_ACCOUNTS(transfer_crossed)},
    {&leg_posted_type, BOTH_ACCOUNTS(leg_posted)},
    {&leg_held_type, BOTH_ACCOUNTS(leg_held)},
};

static const struct query queries[] = {
    {&accounts_list_type, account_query_list},
    {&account_balance_at_type, past_balance_query},
    {&trial_balance_at_type, past_trial_balance_query},
    {&account_entries_type, account_query_entries},
    {&account_transactions_type, account_query_transactions},
    {&account_statement_type, statement_query},
    {&transfers_list_type, transfer_query_list},
};

static const struct actor_kind *const kinds[] = {
    &ledger_directory_kind, &ledger_totals_kind, &account_kind,      &pending_transfer_kind,
    &reservation_kind,      &group_share_kind,   &bulk_request_kind,
};

/* And the one that all services have in common. */
static const struct view_table *const views[] = {
    &attributions_view, &accounts_view,     &account_changes_view, &entries_view,
    &late_entries_view, &transfers_view,    &transfer_notes_view,  &transaction_transfers_view,
    &kept_aside_view,   &ended_halves_view,
};

const struct service ledger_service = {
    .name = "ledger",
    .kinds = kinds,
    .kind_count = array_len(kinds),
    .rules = rules,
    .rule_count = array_len(rules),
    .needs = needs,
    .needs_count = array_len(needs),
    .queries = queries,
    .query_count = array_len(queries),
    .locators = locators,
    .locator_count = array_len(locators),
    .gatherers = gatherers,
    .gatherer_count = array_len(gatherers),
    .views = views,
    .view_count = array_len(views),
    .refusal = &transfer_refused_type,
    .attributions = &attributions_view,
    .audit = ledger_audit,
};
