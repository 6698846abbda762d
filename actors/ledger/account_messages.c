/* SPDX-License-Identifier: Apache-2.0 */
/* Each handler first finds everything it needs and returns TURN_WAIT while anything is being
 * loaded, then checks, then emits and answers with the account as the event left it. An account
 * that exists as it is asked for is shown again, so that opening can be repeated
 * (account_opening.c). An account of another tenant is NOT_FOUND. Several accounts in one message
 * run through bulk.c. A closed account changes no more; a freeze or unfreeze without a difference
 * records nothing. */
#include "actors/ledger/account_messages.h"

#include "actors/common/owner_id.h"
#include "actors/common/refusal.h"
#include "actors/ledger/bulk.h"
#include "actors/ledger/ledger_directory.h"
#include "actors/ledger/ledger_totals.h"
#include "actors/ledger/manager.h"
#include "actors/ledger/pending_transfer.h"
#include "actors/ledger/transit.h"
#include "runtime/base/time.h"
#include "schemas/common.h"
#include "schemas/currency.h"
#include "schemas/ledger_states.h"
#include "schemas/result.h"

#define FLAGS_CHANGING                                                                             \
    (ACCOUNT_FLAGS_CLOSED | ACCOUNT_FLAGS_DEBITS_FROZEN | ACCOUNT_FLAGS_CREDITS_FROZEN)

/* --- showing ---------------------------------------------------------------------------------- */

static struct account_info info_of(struct turn *t, struct id128 id, const struct account *a)
{
    check(a->version > 0);
    struct account_info info = {
        .account_id = id,
        .currency = a->currency,
        .code = a->code,
        .status = (uint8_t)account_status_of(a->flags),
        .flags = a->flags & ACCOUNT_FLAGS_ALL,
        .version = a->version,
        .debits_pending = a->debits_pending,
        .debits_posted = a->debits_posted,
        .credits_pending = a->credits_pending,
        .credits_posted = a->credits_posted,
        .purpose = manager_purpose(a->code, a->flags),
        .has_opened_time = !transit_is(a, id),
        .opened_time = a->opened_time,
        .open_hold_count = a->hold_count,
        .holds_complete = a->hold_listed == a->hold_count,
    };
    info.balance = account_net(a->debits_posted, a->credits_posted, &info.balance_side);
    bool debit_normal = (a->flags & ACCOUNT_FLAGS_CREDITS_MUST_NOT_EXCEED_DEBITS) != 0;
    u128 in = debit_normal ? a->debits_posted : a->credits_posted;
    u128 out = debit_normal ? a->credits_posted : a->debits_posted;
    u128 held = debit_normal ? a->credits_pending : a->debits_pending;
    info.available = in > out && in - out > held ? in - out - held : 0;
    info.has_managed_by = (a->flags & ACCOUNT_FLAGS_MANAGED) != 0;
    if (info.has_managed_by) {
        const struct manager m = manager_of_account(a->code, id);
        info.managed_by = manager_text(&m, turn_alloc(t, MANAGER_TEXT_MAX));
    }
    info.has_purpose = info.purpose != 0;
    const struct account_extra *x = a->extra;
    if (x == NULL)
        return info;
    info.has_debit_balance_max = (x->limits & ACCOUNT_LIMITS_DEBIT_BALANCE_MAX) != 0;
    info.debit_balance_max = x->debit_balance_max;
    info.has_credit_balance_max = (x->limits & ACCOUNT_LIMITS_CREDIT_BALANCE_MAX) != 0;
    info.credit_balance_max = x->credit_balance_max;
    info.has_credit_balance_min = (x->limits & ACCOUNT_LIMITS_CREDIT_BALANCE_MIN) != 0;
    info.credit_balance_min = x->credit_balance_min;
    info.name = account_name(a);
    info.has_name = info.name.len > 0;
    info.owner = account_owner(a);
    info.has_owner = info.owner.len > 0;
    info.user_data_128 = x->user_data_128;
    info.user_data_64 = x->user_data_64;
    info.user_data_32 = x->user_data_32;
    info.metadata = account_pairs(t, account_metadata(a));
    return info;
}

/* All open holds that the account names are in memory. */
static enum presence find_holds(struct turn *t, const struct account *a)
{
    check((a->holds != NULL) == (a->hold_listed > 0));
    enum presence all = PRESENCE_THERE;
    for (uint32_t i = 0; i < a->hold_listed; i++) {
        const struct pending_transfer *hold;
        if (turn_find_pending_transfer(t, a->holds->ids[i], &hold) == PRESENCE_WAITING)
            all = PRESENCE_WAITING;
    }
    return all;
}

static struct open_hold open_hold_of(struct turn *t, struct id128 account_id, struct id128 id)
{
    const struct pending_transfer *h = turn_found_pending_transfer(t, id);
    bool debit = id128_equal(h->debit_account_id, account_id);
    check(debit || id128_equal(h->credit_account_id, account_id));
    check(h->status == TRANSFER_STATUS_PENDING);
    return (struct open_hold){
        .transfer_id = id,
        .direction = debit ? ENTRY_DIRECTION_DEBIT : ENTRY_DIRECTION_CREDIT,
        .counterparty_id = debit ? h->credit_account_id : h->debit_account_id,
        .amount = h->held,
        .currency = h->currency,
        .code = h->code,
        .has_expires_time = h->has_timeout_s,
        .expires_time = pending_transfer_due_ns(h),
    };
}

/* The account with its holds, which find_holds() found in memory. */
static void reply_account(struct turn *t, struct id128 id, const struct account *a)
{
    struct account_info info = info_of(t, id, a);
    if (a->hold_listed > 0)
        info.holds = turn_alloc(t, a->hold_listed * sizeof *info.holds);
    for (uint32_t i = 0; i < a->hold_listed; i++)
        info.holds[info.holds_count++] = open_hold_of(t, id, a->holds->ids[i]);
    check(info.holds_count <= a->hold_count);
    info.holds_complete = info.holds_count == a->hold_count;
    turn_reply(t, RESULT_OK, &account_info_type, &info, info.version);
}

/* One of money in transit, to an operator who asks for it. */
static void reply_transit(struct turn *t, struct id128 id, const struct account *a)
{
    struct account_info info = info_of(t, id, a);
    info.purpose = ACCOUNT_PURPOSE_TRANSIT;
    info.has_purpose = info.has_peer_shard = true;
    info.peer_shard = transit_peer(t, a, id);
    turn_reply(t, RESULT_OK, &account_info_type, &info, info.version);
}

/* Finds an account that the caller may see, and its holds. False: *result is to be returned. */
static bool find_own(struct turn *t, struct id128 id, const struct account **a,
                     enum turn_result *result)
{
    enum presence there = turn_find_account(t, id, a);
    if (there == PRESENCE_THERE && !transit_is(*a, id) &&
        turn_may_see(t, (*a)->tenant_id, ID128_ZERO)) {
        *result = TURN_WAIT;
        return find_holds(t, *a) == PRESENCE_THERE;
    }
    *result = there == PRESENCE_WAITING ? TURN_WAIT : TURN_DONE;
    if (there != PRESENCE_WAITING)
        turn_refuse(t, RESULT_NOT_FOUND);
    return false;
}

enum turn_result account_on_get(struct turn *t, struct id128 self, const struct message *m)
{
    const struct account *a;
    enum turn_result result;
    if (m->who.operator && turn_find_account(t, self, &a) == PRESENCE_THERE &&
        transit_is(a, self)) {
        reply_transit(t, self, a);
        return TURN_DONE;
    }
    if (!find_own(t, self, &a, &result))
        return result;
    reply_account(t, self, a);
    return TURN_DONE;
}

/* --- create ----------------------------------------------------------------------------------- */

enum turn_result account_on_create(struct turn *t, struct id128 self, const struct message *m)
{
    (void)self;
    const struct account_create *c = m->body;
    struct account_opened e = {.shard = turn_shard(t), .tenant_id = m->who.tenant_id};
    account_opened_from_account_create(&e, c);
    if (!c->has_account_id)
        e.account_id = turn_new_id(t, c->has_owner ? id128_slot(owner_id_of(&m->who, c->owner))
                                                   : turn_any_slot(t));
    const struct account *a;
    if (account_open_find(t, &e, &a) == PRESENCE_WAITING ||
        (a != NULL && find_holds(t, a) == PRESENCE_WAITING))
        return TURN_WAIT;
    uint16_t code = (e.flags & ACCOUNT_FLAGS_LINKED) != 0 ? RESULT_LINKED_EVENT_CHAIN_OPEN
                                                          : account_open_client_check(t, &e, a);
    if (code == RESULT_OK)
        account_open(t, &e);
    else if (code != RESULT_ACCOUNT_EXISTS) {
        turn_refuse(t, code);
        return TURN_DONE;
    }
    check((code == RESULT_OK) == (a == NULL));
    reply_account(t, e.account_id, turn_found_account(t, e.account_id));
    return TURN_DONE;
}

static struct account_opened opened_of(struct turn *t, const struct account_spec *s,
                                       struct id128 tenant_id)
{
    struct account_opened e = {.account_id = s->id, .shard = turn_shard(t), .tenant_id = tenant_id};
    account_opened_from_account_spec(&e, s);
    return e;
}

static const struct account_spec *spec_at(const struct bulk *b, uint32_t i)
{
    const struct message *m = b->context;
    return &((const struct accounts_create *)m->body)->accounts[i];
}

static uint32_t spec_flags(const struct bulk *b, uint32_t i)
{
    return spec_at(b, i)->flags;
}

static uint16_t spec_make(const struct bulk *b, struct turn *t, uint32_t i)
{
    const struct message *m = b->context;
    struct account_opened e = opened_of(t, spec_at(b, i), m->who.tenant_id);
    const struct account *a;
    enum presence there = account_open_find(t, &e, &a);
    check(there != PRESENCE_WAITING);
    uint16_t code = account_open_client_check(t, &e, a);
    if (code == RESULT_OK)
        account_open(t, &e);
    return code;
}

static void spec_refused(const struct bulk *b, struct turn *t, uint32_t i, uint16_t code)
{
    (void)b, (void)t, (void)i, (void)code; /* accounts may be tried again with the same id */
}

enum turn_result accounts_on_create(struct turn *t, struct id128 self, const struct message *m)
{
    (void)self;
    const struct accounts_create *c = m->body;
    bool waiting = false;
    for (uint32_t i = 0; i < c->accounts_count; i++) {
        struct account_opened e = opened_of(t, &c->accounts[i], m->who.tenant_id);
        const struct account *a;
        waiting |= account_open_find(t, &e, &a) == PRESENCE_WAITING;
    }
    if (waiting)
        return TURN_WAIT;
    uint16_t *codes = turn_alloc(t, (c->accounts_count + 1) * sizeof *codes);
    struct item_result *results = turn_alloc(t, (c->accounts_count + 1) * sizeof *results);
    struct bulk b = {.count = c->accounts_count,
                     .context = (void *)(uintptr_t)m,
                     .linked = ACCOUNT_FLAGS_LINKED,
                     .imported = ACCOUNT_FLAGS_IMPORTED,
                     .flags = spec_flags,
                     .make = spec_make,
                     .refused = spec_refused};
    bool made = bulk_run(&b, t, codes);
    check(made);
    const struct item_results refused = bulk_results(codes, b.count, results);
    turn_reply(t, RESULT_OK, &item_results_type, &refused, 0);
    return TURN_DONE;
}

/* --- changing --------------------------------------------------------------------------------- */

/* One new limit in minor units. */
static uint16_t new_limit(bool given, struct decimal d, bool removed, const struct currency *c,
                          bool *has, u128 *limit)
{
    if (removed)
        *has = false;
    if (!given)
        return RESULT_OK;
    *has = true;
    switch (currency_minor(d, c, limit)) {
    case CURRENCY_FITS:
        return RESULT_OK;
    case CURRENCY_TOO_PRECISE:
        return RESULT_AMOUNT_TOO_PRECISE;
    default:
        return RESULT_AMOUNT_OUT_OF_RANGE;
    }
}

/* *field is the limit that is refused by itself; NULL = none is. */
static uint16_t update_limits(const struct account *a, const struct account_update *u,
                              struct account_updated *e, const char **field)
{
    const struct currency *c = currency_by_number(a->currency);
    check(c != NULL); /* or it would not have been opened */
    uint32_t off = u->remove_limits;
    uint16_t code;
    if ((code = new_limit(u->has_debit_balance_max, u->debit_balance_max,
                          (off & ACCOUNT_LIMITS_DEBIT_BALANCE_MAX) != 0, c,
                          &e->has_debit_balance_max, &e->debit_balance_max)) != RESULT_OK)
        *field = "debit_balance_max";
    else if ((code = new_limit(u->has_credit_balance_max, u->credit_balance_max,
                               (off & ACCOUNT_LIMITS_CREDIT_BALANCE_MAX) != 0, c,
                               &e->has_credit_balance_max, &e->credit_balance_max)) != RESULT_OK)
        *field = "credit_balance_max";
    else if ((code = new_limit(u->has_credit_balance_min, u->credit_balance_min,
                               (off & ACCOUNT_LIMITS_CREDIT_BALANCE_MIN) != 0, c,
                               &e->has_credit_balance_min, &e->credit_balance_min)) != RESULT_OK)
        *field = "credit_balance_min";
    else if (account_limits_contradict(e, a->flags))
        code = RESULT_LIMITS_CONTRADICT;
    return code;
}

static bool changes_limits(const struct account_update *u)
{
    return u->has_debit_balance_max || u->has_credit_balance_max || u->has_credit_balance_min ||
           u->remove_limits != 0;
}

/* Is anything other than it is now? What is equal makes no version. */
static bool update_differs(const struct account_info *now, const struct account_updated *e)
{
    return now->has_debit_balance_max != e->has_debit_balance_max ||
           now->has_credit_balance_max != e->has_credit_balance_max ||
           now->has_credit_balance_min != e->has_credit_balance_min ||
           (e->has_debit_balance_max && now->debit_balance_max != e->debit_balance_max) ||
           (e->has_credit_balance_max && now->credit_balance_max != e->credit_balance_max) ||
           (e->has_credit_balance_min && now->credit_balance_min != e->credit_balance_min) ||
           now->has_name != e->has_name || !slice_equal(now->name, e->name) ||
           !fields_metadata_equal(&now->metadata, &e->metadata);
}

enum turn_result account_on_update(struct turn *t, struct id128 self, const struct message *m)
{
    const struct account_update *u = m->body;
    const struct account *a;
    enum turn_result result;
    if (!find_own(t, self, &a, &result))
        return result;
    if (!turn_version_matches(t, a->version) ||
        (changes_limits(u) && !manager_allows(t, a, self, MANAGER_LIMIT)))
        return TURN_DONE;
    struct account_info now = info_of(t, self, a);
    struct account_updated e = {
        .account_id = self,
        .currency = a->currency,
        .has_debit_balance_max = now.has_debit_balance_max,
        .debit_balance_max = now.debit_balance_max,
        .has_credit_balance_max = now.has_credit_balance_max,
        .credit_balance_max = now.credit_balance_max,
        .has_credit_balance_min = now.has_credit_balance_min,
        .credit_balance_min = now.credit_balance_min,
        .has_name = u->has_name || now.has_name,
        .name = u->has_name ? u->name : now.name,
        .has_metadata = true,
        .metadata = u->has_metadata ? u->metadata : now.metadata,
    };
    const char *field = NULL;
    uint16_t code = (a->flags & ACCOUNT_FLAGS_CLOSED) != 0 ? RESULT_ACCOUNT_CLOSED
                    : u->has_currency && u->currency != a->currency
                        ? RESULT_CURRENCY_MISMATCH
                        : update_limits(a, u, &e, &field);
    if (field != NULL) {
        refusal_of_field(t, code, field);
        return TURN_DONE;
    }
    if (code != RESULT_OK) {
        turn_refuse(t, code);
        return TURN_DONE;
    }
    if (update_differs(&now, &e))
        turn_emit(t, &account_updated_type, &e);
    reply_account(t, self, a);
    return TURN_DONE;
}

/* Sets the flags of an open account; without a difference nothing is recorded. */
static void account_mark(struct turn *t, struct id128 self, const struct account *a,
                         struct account_marked e)
{
    e.account_id = self;
    check(e.change != 0);
    check((e.flags & ~ACCOUNT_FLAGS_ALL) == 0);
    check((a->flags & ACCOUNT_FLAGS_CLOSED) == 0);
    check(((e.flags ^ a->flags) & ACCOUNT_FLAGS_ALL & ~FLAGS_CHANGING) == 0);
    if (e.flags != (a->flags & ACCOUNT_FLAGS_ALL))
        turn_emit(t, &account_marked_type, &e);
    reply_account(t, self, a);
}

/* The account, open for changes, or the turn is answered. */
static bool find_to_mark(struct turn *t, struct id128 self, enum manager_act act,
                         const struct account **a, enum turn_result *result)
{
    if (!find_own(t, self, a, result))
        return false;
    *result = TURN_DONE;
    if (!turn_version_matches(t, (*a)->version) || !manager_allows(t, *a, self, act))
        return false;
    if (((*a)->flags & ACCOUNT_FLAGS_CLOSED) == 0)
        return true;
    turn_refuse(t, RESULT_ACCOUNT_CLOSED);
    return false;
}

/* The flags that a mode names; without one both sides. */
static uint32_t frozen_flags(bool has_mode, uint8_t mode)
{
    static const uint32_t frozen[] = {
        [FREEZE_MODE_DEBITS] = ACCOUNT_FLAGS_DEBITS_FROZEN,
        [FREEZE_MODE_CREDITS] = ACCOUNT_FLAGS_CREDITS_FROZEN,
        [FREEZE_MODE_BOTH] = ACCOUNT_FLAGS_DEBITS_FROZEN | ACCOUNT_FLAGS_CREDITS_FROZEN,
    };
    check(!has_mode || (mode != 0 && mode < array_len(frozen)));
    return frozen[has_mode ? mode : FREEZE_MODE_BOTH];
}

/* A freeze adds to those before: whoever freezes the debits does not lift another's freeze of the
 * credits. */
enum turn_result account_on_freeze(struct turn *t, struct id128 self, const struct message *m)
{
    const struct account_freeze *f = m->body;
    const struct account *a;
    enum turn_result result;
    if (!find_to_mark(t, self, MANAGER_FREEZE, &a, &result))
        return result;
    account_mark(t, self, a,
                 (struct account_marked){
                     .change = ENTRY_KIND_FROZEN,
                     .flags = (a->flags & ACCOUNT_FLAGS_ALL) | frozen_flags(f->has_mode, f->mode),
                     .has_reason = f->has_reason,
                     .reason = f->reason,
                 });
    return TURN_DONE;
}

enum turn_result account_on_unfreeze(struct turn *t, struct id128 self, const struct message *m)
{
    const struct account_unfreeze *u = m->body;
    const struct account *a;
    enum turn_result result;
    if (!find_to_mark(t, self, MANAGER_UNFREEZE, &a, &result))
        return result;
    account_mark(t, self, a,
                 (struct account_marked){
                     .change = ENTRY_KIND_UNFROZEN,
                     .flags = a->flags & ACCOUNT_FLAGS_ALL & ~frozen_flags(u->has_mode, u->mode),
                     .has_reason = u->has_reason,
                     .reason = u->reason,
                 });
    return TURN_DONE;
}

enum turn_result account_on_close(struct turn *t, struct id128 self, const struct message *m)
{
    const struct account_close *c = m->body;
    const struct account *a;
    enum turn_result result;
    if (!find_to_mark(t, self, MANAGER_CLOSE, &a, &result))
        return result;
    if (a->hold_count > 0 || a->debits_posted != a->credits_posted) {
        turn_refuse(t, RESULT_ACCOUNT_NOT_EMPTY);
        return TURN_DONE;
    }
    check(a->debits_pending == 0);
    check(a->credits_pending == 0);
    account_mark(t, self, a,
                 (struct account_marked){
                     .change = ENTRY_KIND_CLOSED,
                     .flags = (a->flags & ACCOUNT_FLAGS_ALL) | ACCOUNT_FLAGS_CLOSED,
                     .has_reason = c->has_reason,
                     .reason = c->reason,
                 });
    return TURN_DONE;
}
