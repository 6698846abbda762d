/* SPDX-License-Identifier: Apache-2.0 */
/* The totals, the shard's own ledger actor, and the tables that make the service. */
#include "actors/ledger/ledger.h"

#include "actors/ledger/account.h"
#include "actors/ledger/account_messages.h"
#include "actors/ledger/entry.h"
#include "actors/ledger/ledger_queries.h"
#include "actors/ledger/movement.h"
#include "actors/ledger/pending_transfer.h"
#include "actors/ledger/transaction.h"
#include "actors/ledger/transfer.h"
#include "actors/ledger/trial_balance.h"
#include "runtime/base/table.h"
#include "schemas/common.h"
#include "schemas/result.h"

#define LEDGER_STATE_VERSION 1
#define LEDGER_STATE_FIELDS 11 /* the version among them */

/* --- totals ----------------------------------------------------------------------------------- */

struct ledger *ledger_state(struct registry *r, struct id128 tenant_id, uint16_t currency)
{
    return registry_state(r, KIND_LEDGER, ledger_id(tenant_id, currency));
}

/* Room in the list for so many names and more: it doubles, so that each name is copied once. */
static uint32_t room_for(uint32_t count)
{
    uint32_t room = 1;
    while (room < count)
        room *= 2;
    return room;
}

/* Adds a name behind the others: what an undo of the turn brings back does not reach so far. A full
 * list is replaced by a larger copy, and lives as long as an undo may want it. */
static void name_ledger(struct registry *r, uint16_t shard, struct id128 tenant_id,
                        uint16_t currency)
{
    struct id128 id = ledger_of_shard(shard);
    struct ledger *own = registry_state_if(r, KIND_LEDGER, id);
    if (own == NULL)
        own = registry_create(r, KIND_LEDGER, id);
    check(own->name_count < LEDGERS_MAX);
    if (own->name_count == 0 || room_for(own->name_count) == own->name_count) {
        struct ledger_name *names =
            registry_alloc(r, room_for(own->name_count + 1) * sizeof *names);
        if (own->name_count > 0)
            memcpy(names, own->names, own->name_count * sizeof *names);
        registry_free(r, own->names);
        own->names = names;
    }
    own->names[own->name_count++] = (struct ledger_name){tenant_id, currency};
}

void ledger_account_opened(struct registry *r, const struct account_opened *e)
{
    struct id128 id = ledger_id(e->tenant_id, e->currency);
    struct ledger *l = registry_state_if(r, KIND_LEDGER, id);
    if (l == NULL) {
        l = registry_create(r, KIND_LEDGER, id);
        l->currency = e->currency;
        name_ledger(r, e->shard, e->tenant_id, e->currency);
        l = registry_state(r, KIND_LEDGER, id);
    }
    l->account_count++;
    if ((e->flags & ACCOUNT_FLAGS_IMPORTED) != 0)
        l->imported_account_time = e->effective_time;
}

/* --- stored form ------------------------------------------------------------------------------ */

static void write_state(struct wire_writer *w, const void *state)
{
    const struct ledger *l = state;
    wire_put_array(w, LEDGER_STATE_FIELDS);
    wire_put_uint(w, LEDGER_STATE_VERSION);
    wire_put_uint(w, l->currency);
    wire_put_u128(w, l->debits_pending);
    wire_put_u128(w, l->debits_posted);
    wire_put_u128(w, l->credits_pending);
    wire_put_u128(w, l->credits_posted);
    wire_put_uint(w, l->account_count);
    wire_put_uint(w, l->transfer_count);
    wire_put_uint(w, l->imported_account_time);
    wire_put_uint(w, l->imported_transfer_time);
    wire_put_array(w, l->name_count * 2);
    for (uint32_t i = 0; i < l->name_count; i++) {
        wire_put_id(w, l->names[i].tenant_id);
        wire_put_uint(w, l->names[i].currency);
    }
}

static void release_state(struct registry *r, void *state)
{
    struct ledger *l = state;
    registry_free(r, l->names);
    l->names = NULL;
}

static bool read_state(struct registry *r, struct wire_reader *from, void *state)
{
    struct ledger *l = state;
    if (wire_get_array(from, LEDGER_STATE_FIELDS) != LEDGER_STATE_FIELDS ||
        wire_get_uint(from, UINT64_MAX) != LEDGER_STATE_VERSION)
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
    uint32_t count = wire_get_array(from, LEDGERS_MAX * 2) / 2;
    if (from->failed)
        return false;
    if (count > 0)
        l->names = registry_alloc(r, room_for(count) * sizeof *l->names);
    for (l->name_count = 0; l->name_count < count; l->name_count++) {
        l->names[l->name_count].tenant_id = wire_get_id(from);
        l->names[l->name_count].currency = (uint16_t)wire_get_uint(from, UINT16_MAX);
    }
    if (from->failed)
        release_state(r, l);
    return !from->failed;
}

/* --- audit ------------------------------------------------------------------------------------ */

#define AUDIT_MEMORY ((size_t)1 << 30)

struct audited_hold {
    struct table_entry entry;
    const struct pending_transfer *hold;
};

struct audit {
    struct arena memory;
    struct table holds; /* those in memory, by id */
    const char *broken;
};

static bool audit_ledger(void *context, struct id128 id, const void *state)
{
    (void)id;
    struct audit *a = context;
    const struct ledger *l = state;
    if (l->debits_posted != l->credits_posted)
        a->broken = "posted debits and credits of a ledger differ";
    else if (l->debits_pending != l->credits_pending)
        a->broken = "pending debits and credits of a ledger differ";
    return a->broken == NULL;
}

static bool audit_account(void *context, struct id128 id, const void *state)
{
    (void)id;
    struct audit *audit = context;
    const struct account *a = state;
    const uint32_t limited = ACCOUNT_FLAGS_DEBITS_MUST_NOT_EXCEED_CREDITS;
    const uint32_t reverse = ACCOUNT_FLAGS_CREDITS_MUST_NOT_EXCEED_DEBITS;
    if ((a->flags & limited) != 0 && a->debits_posted + a->debits_pending > a->credits_posted)
        audit->broken = "an account's debits exceed its credits";
    else if ((a->flags & reverse) != 0 &&
             a->credits_posted + a->credits_pending > a->debits_posted)
        audit->broken = "an account's credits exceed its debits";
    else if (a->hold_count == 0 && (a->debits_pending != 0 || a->credits_pending != 0))
        audit->broken = "an account has something pending without an open hold";
    return audit->broken == NULL;
}

static bool audit_hold(void *context, struct id128 id, const void *state)
{
    struct audit *a = context;
    const struct pending_transfer *h = state;
    /* Without memory it is not named, and what its accounts have pending is not added up. */
    struct audited_hold *seen = h->held == 0 ? NULL : arena_alloc(&a->memory, sizeof *seen);
    if (seen != NULL) {
        *seen = (struct audited_hold){{id}, h};
        bool inserted = table_insert(&a->holds, &seen->entry);
        check(inserted);
    }
    bool pending = h->status == TRANSFER_STATUS_PENDING;
    if (h->posted > h->amount || h->held > h->amount - h->posted)
        a->broken = "a hold keeps or posted more than its amount";
    else if (!pending && h->held != 0)
        a->broken = "a resolved hold still keeps money";
    return a->broken == NULL;
}

/* An account's open holds add up to what it has pending, if all are named and in memory. */
static bool audit_holds_sum(void *context, struct id128 id, const void *state)
{
    struct audit *audit = context;
    const struct account *a = state;
    u128 debits = 0, credits = 0;
    for (uint32_t i = 0; i < a->hold_listed; i++) {
        struct table_entry *e = table_find(&audit->holds, a->holds->ids[i]);
        if (e == NULL)
            return true;
        const struct pending_transfer *h = container_of(e, struct audited_hold, entry)->hold;
        if (id128_equal(h->debit_account_id, id))
            debits += h->held;
        else
            credits += h->held;
    }
    if (a->hold_listed == a->hold_count &&
        (debits != a->debits_pending || credits != a->credits_pending))
        audit->broken = "an account's open holds do not add up to what it has pending";
    return audit->broken == NULL;
}

static const char *ledger_audit(struct registry *r)
{
    struct audit a = {.broken = NULL};
    arena_init(&a.memory, AUDIT_MEMORY);
    table_init(&a.holds);
    registry_each(r, KIND_LEDGER, audit_ledger, &a);
    if (a.broken == NULL)
        registry_each(r, KIND_ACCOUNT, audit_account, &a);
    if (a.broken == NULL)
        registry_each(r, KIND_TRANSFER, audit_hold, &a);
    if (a.broken == NULL)
        registry_each(r, KIND_ACCOUNT, audit_holds_sum, &a);
    table_done(&a.holds);
    arena_done(&a.memory);
    return a.broken;
}

/* --- the service ------------------------------------------------------------------------------ */

static const struct handler handlers[] = {
    {&account_create_type, account_on_create},
    {&accounts_create_type, accounts_on_create},
    {&transfers_create_type, transfers_on_create},
    {&transfers_batch_type, transfers_on_batch},
    {&transaction_create_type, transaction_on_create},
    {&trial_balance_get_type, trial_balance_on_get},
};

const struct actor_kind ledger_kind = {
    .name = "ledger",
    .number = KIND_LEDGER,
    .state_size = sizeof(struct ledger),
    .handlers = handlers,
    .handler_count = array_len(handlers),
    .write = write_state,
    .state_fields = "format currency debits_pending debits_posted credits_pending "
                    "credits_posted account_count transfer_count imported_account_time "
                    "imported_transfer_time ledgers",
    .read = read_state,
    .release = release_state,
    .resident = true,
};

static struct id128 shard_of_id(struct id128 id, const struct principal *who, uint16_t shards)
{
    return ledger_of_shard(id128_is_zero(id) ? ledger_tenant_shard(who->tenant_id, shards)
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

static struct id128 spec_home(const struct transfer_spec *s)
{
    return id128_is_zero(s->debit_account_id) ? s->pending_id : s->debit_account_id;
}

static struct id128 locate_transfers(const void *body, const struct principal *who,
                                     uint16_t shards)
{
    const struct transfers_create *c = body;
    return shard_of_id(c->transfers_count > 0 ? spec_home(&c->transfers[0]) : ID128_ZERO, who,
                       shards);
}

static struct id128 locate_batch(const void *body, const struct principal *who, uint16_t shards)
{
    const struct transfers_batch *c = body;
    return shard_of_id(c->transfers_count > 0 ? spec_home(&c->transfers[0]) : ID128_ZERO, who,
                       shards);
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

/* The operator's accounts may lie in any shard, and a tenant's too if it made their ids itself. */
static const struct gatherer gatherers[] = {
    {&trial_balance_get_type, ledger_of_shard, trial_balance_join},
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
    {&accounts_list_type, ledger_query_accounts},
    {&account_balance_at_type, ledger_query_balance},
    {&account_entries_type, ledger_query_entries},
    {&account_transactions_type, ledger_query_transactions},
    {&transfers_list_type, ledger_query_transfers},
};

static const struct actor_kind *const kinds[] = {&ledger_kind, &account_kind,
                                                 &pending_transfer_kind};

static const struct view_table *const views[] = {
    &accounts_view,  &entries_view,        &late_entries_view,
    &transfers_view, &transfer_notes_view, &transaction_transfers_view,
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
    .audit = ledger_audit,
};
