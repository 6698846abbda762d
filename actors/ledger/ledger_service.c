/* SPDX-License-Identifier: Apache-2.0 */
/* Messages that make something have no target, so locators choose the shard: the one in the first
 * id that the client gave, since all accounts of a posting are in one shard, or else the shard of
 * the tenant. The second member of a rule is the id under which a later message with the same id
 * finds this decision again; events without one (openings, expiries) are found by the state they
 * leave. Needs name both accounts of a transfer, so that the projector loads the states of many
 * events at once. */
#include "actors/ledger/ledger_service.h"

#include "actors/ledger/account.h"
#include "actors/ledger/account_queries.h"
#include "actors/ledger/account_views.h"
#include "actors/ledger/ledger_audit.h"
#include "actors/ledger/ledger_directory.h"
#include "actors/ledger/ledger_totals.h"
#include "actors/ledger/movement.h"
#include "actors/ledger/past_trial_balance.h"
#include "actors/ledger/pending_transfer.h"
#include "actors/ledger/transfer_queries.h"
#include "actors/ledger/transfer_views.h"
#include "actors/ledger/trial_balance.h"

static struct id128 shard_of_id(struct id128 id, const struct principal *who, uint16_t shards)
{
    check(shards > 0);
    return ledger_directory_id(id128_is_zero(id) ? ledger_tenant_shard(who->tenant_id, shards)
                                             : (uint16_t)(id128_home(id) % shards));
}

static struct id128 locate_account(const void *body, const struct principal *who, uint16_t shards)
{
    return shard_of_id(((const struct account_create *)body)->account_id, who, shards);
}

static struct id128 locate_accounts(const void *body, const struct principal *who, uint16_t shards)
{
    const struct accounts_create *c = body;
    return shard_of_id(c->accounts_count > 0 ? c->accounts[0].id : ID128_ZERO, who, shards);
}

/* A post or void may name its pending transfer alone. */
static struct id128 transfer_home(struct id128 debit_account_id, struct id128 pending_id)
{
    return id128_is_zero(debit_account_id) ? pending_id : debit_account_id;
}

static struct id128 locate_transfers(const void *body, const struct principal *who,
                                     uint16_t shards)
{
    const struct transfers_create *c = body;
    struct id128 home = ID128_ZERO;
    if (c->transfers_count > 0)
        home = transfer_home(c->transfers[0].debit_account_id, c->transfers[0].pending_id);
    return shard_of_id(home, who, shards);
}

static struct id128 locate_batch(const void *body, const struct principal *who, uint16_t shards)
{
    const struct transfers_batch *c = body;
    struct id128 home = ID128_ZERO;
    if (c->transfers_count > 0)
        home = transfer_home(c->transfers[0].debit_account_id, c->transfers[0].pending_id);
    return shard_of_id(home, who, shards);
}

static struct id128 locate_transaction(const void *body, const struct principal *who,
                                       uint16_t shards)
{
    const struct transaction_create *c = body;
    return shard_of_id(c->legs_count > 0 ? c->legs[0].debit_account_id : ID128_ZERO, who, shards);
}

static struct id128 locate_tenant(const void *body, const struct principal *who, uint16_t shards)
{
    (void)body;
    return shard_of_id(ID128_ZERO, who, shards);
}

static const struct locator locators[] = {
    {&account_create_type, locate_account},         {&accounts_create_type, locate_accounts},
    {&transfers_create_type, locate_transfers},     {&transfers_batch_type, locate_batch},
    {&transaction_create_type, locate_transaction}, {&trial_balance_get_type, locate_tenant},
    {&accounts_list_type, locate_tenant},           {&transfers_list_type, locate_tenant},
};

/* The operator's accounts may be in any shard, and a tenant's too if it made their ids itself. */
static const struct gatherer gatherers[] = {
    {&trial_balance_get_type, ledger_directory_id, trial_balance_join},
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
    {&transfer_refused_type, KEY(transfer_refused, id), event_kept_apply, NULL},
    {&transfer_reversed_type, KEY(transfer_reversed, reversal_key), event_kept_apply, NULL},
    {&transfer_noted_type, KEY(transfer_noted, note_key), event_kept_apply,
     transfer_noted_project},
    {&transaction_recorded_type, KEY(transaction_recorded, transaction_id), event_kept_apply,
     transaction_recorded_project},
};

#define BOTH_ACCOUNTS(type)                                                                        \
    KIND_ACCOUNT, 2, {KEY(type, debit_account_id), KEY(type, credit_account_id)}

static const struct event_needs needs[] = {
    {&transfer_posted_type, BOTH_ACCOUNTS(transfer_posted)},
    {&transfer_pending_type, BOTH_ACCOUNTS(transfer_pending)},
    {&transfer_resolved_type, BOTH_ACCOUNTS(transfer_resolved)},
};

static const struct query queries[] = {
    {&accounts_list_type, account_query_list},
    {&account_balance_at_type, account_query_balance},
    {&trial_balance_at_type, past_trial_balance_query},
    {&account_entries_type, account_query_entries},
    {&account_transactions_type, account_query_transactions},
    {&transfers_list_type, transfer_query_list},
};

static const struct actor_kind *const kinds[] = {
    &ledger_directory_kind,
    &ledger_totals_kind,
    &account_kind,
    &pending_transfer_kind,
};

/* And the one that all services have in common. */
static const struct view_table *const views[] = {
    &attributions_view, &accounts_view,  &account_changes_view, &entries_view,
    &late_entries_view, &transfers_view, &transfer_notes_view,  &transaction_transfers_view,
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
