/* SPDX-License-Identifier: Apache-2.0 */
/* The state of accounts: rules that postings ask for, what the account's own events do to it, and
 * its stored form. The messages are in account_messages.c. */
#include "actors/ledger/account.h"

#include <string.h>

#include "actors/ledger/account_messages.h"
#include "actors/ledger/group_messages.h"
#include "actors/ledger/ledger_totals.h"
#include "actors/ledger/listed_transfer.h"
#include "actors/ledger/pending_half.h"
#include "actors/ledger/transfer_crossing.h"
#include "actors/ledger/transfer_messages.h"
#include "runtime/base/mutant.h"
#include "runtime/base/sha256.h"
#include "schemas/common.h"
#include "schemas/ledger_states.h"
#include "schemas/result.h"

#define HOLDS_CAPACITY_MIN 4

/* --- rules ------------------------------------------------------------------------------------ */

enum account_status account_status_of(uint32_t flags)
{
    if ((flags & ACCOUNT_FLAGS_CLOSED) != 0)
        return ACCOUNT_STATUS_CLOSED;
    if ((flags & (ACCOUNT_FLAGS_DEBITS_FROZEN | ACCOUNT_FLAGS_CREDITS_FROZEN)) != 0)
        return ACCOUNT_STATUS_FROZEN;
    return ACCOUNT_STATUS_OPEN;
}

u128 account_net(u128 debits, u128 credits, uint8_t *side)
{
    *side = debits > credits ? BALANCE_SIDE_DEBIT : BALANCE_SIDE_CREDIT;
    return debits > credits ? debits - credits : credits - debits;
}

static u128 above_zero(u128 a, u128 b)
{
    return a > b ? a - b : 0;
}

static u128 account_least(u128 a, u128 b)
{
    return a < b ? a : b;
}

/* a + b, at most the largest number: for comparing only. */
static u128 account_saturated(u128 a, u128 b)
{
    u128 sum;
    return u128_add(a, b, &sum) ? sum : U128_MAX;
}

u128 account_debit_room(const struct account *a)
{
    u128 room =
        above_zero(a->credits_posted, account_saturated(a->debits_posted, a->debits_pending));
    if ((a->flags & ACCOUNT_LIMITED) != 0 &&
        (a->extra->limits & ACCOUNT_LIMITS_CREDIT_BALANCE_MIN) != 0)
        room = above_zero(room, a->extra->credit_balance_min);
    return room;
}

u128 account_credit_room(const struct account *a)
{
    u128 credits = account_saturated(a->credits_posted, a->credits_pending);
    u128 room = above_zero(a->debits_posted, credits);
    if ((a->flags & ACCOUNT_LIMITED) != 0 &&
        (a->extra->limits & ACCOUNT_LIMITS_CREDIT_BALANCE_MAX) != 0)
        room = account_least(
            room,
            above_zero(account_saturated(a->debits_posted, a->extra->credit_balance_max), credits));
    return room;
}

u128 account_debit_most(const struct account *a)
{
    u128 debits = account_saturated(a->debits_pending, a->debits_posted), most = U128_MAX;
    if ((a->flags & ACCOUNT_FLAGS_DEBITS_MUST_NOT_EXCEED_CREDITS) != 0)
        most = above_zero(a->credits_posted, debits);
    if ((a->flags & ACCOUNT_LIMITED) == 0)
        return most;
    const struct account_extra *x = a->extra;
    if ((x->limits & ACCOUNT_LIMITS_DEBIT_BALANCE_MAX) != 0)
        most = account_least(
            most, above_zero(account_saturated(a->credits_posted, x->debit_balance_max), debits));
    if ((x->limits & ACCOUNT_LIMITS_CREDIT_BALANCE_MIN) != 0)
        most = account_least(
            most, above_zero(above_zero(a->credits_posted, x->credit_balance_min), debits));
    return most;
}

static uint16_t debit_limits_check(const struct account *a, u128 debits)
{
    const struct account_extra *x = a->extra;
    if (MUTANT(IGNORE_LIMITS))
        return RESULT_OK;
    check(x != NULL);
    check(x->limits != 0);
    if ((x->limits & ACCOUNT_LIMITS_DEBIT_BALANCE_MAX) != 0 &&
        debits > account_saturated(a->credits_posted, x->debit_balance_max))
        return RESULT_EXCEEDS_DEBIT_BALANCE_MAX;
    if ((x->limits & ACCOUNT_LIMITS_CREDIT_BALANCE_MIN) != 0 &&
        account_saturated(debits, x->credit_balance_min) > a->credits_posted)
        return RESULT_BELOW_CREDIT_BALANCE_MIN;
    return RESULT_OK;
}

uint16_t account_debit_check(const struct account *a, u128 amount)
{
    u128 debits = account_saturated(account_saturated(a->debits_pending, a->debits_posted), amount);
    if ((a->flags & ACCOUNT_FLAGS_DEBITS_MUST_NOT_EXCEED_CREDITS) != 0 &&
        debits > a->credits_posted && !MUTANT(OVERDRAW))
        return RESULT_EXCEEDS_CREDITS;
    return (a->flags & ACCOUNT_LIMITED) != 0 ? debit_limits_check(a, debits) : RESULT_OK;
}

uint16_t account_credit_check(const struct account *a, u128 amount)
{
    u128 credits =
        account_saturated(account_saturated(a->credits_pending, a->credits_posted), amount);
    if ((a->flags & ACCOUNT_FLAGS_CREDITS_MUST_NOT_EXCEED_DEBITS) != 0 &&
        credits > a->debits_posted)
        return RESULT_EXCEEDS_DEBITS;
    if ((a->flags & ACCOUNT_LIMITED) != 0 &&
        (a->extra->limits & ACCOUNT_LIMITS_CREDIT_BALANCE_MAX) != 0 &&
        credits > account_saturated(a->debits_posted, a->extra->credit_balance_max))
        return RESULT_EXCEEDS_CREDIT_BALANCE_MAX;
    return RESULT_OK;
}

/* --- what lies beyond the hot state ----------------------------------------------------------- */

static const char *extra_text(const struct account_extra *x)
{
    return (const char *)(x + 1);
}

struct slice account_name(const struct account *a)
{
    if (a->extra == NULL)
        return (struct slice){NULL, 0};
    return (struct slice){extra_text(a->extra), a->extra->name_len};
}

struct slice account_owner(const struct account *a)
{
    if (a->extra == NULL)
        return (struct slice){NULL, 0};
    return (struct slice){extra_text(a->extra) + a->extra->name_len, a->extra->owner_len};
}

struct slice account_metadata(const struct account *a)
{
    if (a->extra == NULL)
        return (struct slice){NULL, 0};
    return (struct slice){extra_text(a->extra) + a->extra->name_len + a->extra->owner_len,
                          a->extra->metadata_len};
}

struct metadata account_pairs(struct turn *t, struct slice encoded)
{
    struct metadata m = {NULL, 0};
    if (encoded.len == 0)
        return m;
    struct wire_reader r;
    wire_reader_init(&r, encoded.data, encoded.len);
    uint32_t count = wire_get_map(&r, METADATA_PAIRS_MAX);
    m.items = count == 0 ? NULL : turn_alloc(t, count * sizeof *m.items);
    for (uint32_t i = 0; i < count; i++) {
        m.items[i].key = wire_get_text(&r, METADATA_KEY_MAX);
        m.items[i].value = wire_get_text(&r, METADATA_VALUE_MAX);
    }
    check(!r.failed);
    m.count = count;
    return m;
}

static bool extra_needed(const struct account_details *d)
{
    return d->user_data_128 != 0 || d->user_data_64 != 0 || d->user_data_32 != 0 ||
           d->limits != 0 || d->name.len != 0 || d->owner.len != 0 || d->metadata.len != 0 ||
           d->asked_limits != 0 || d->asked_name != 0 || d->asked_metadata != 0;
}

static struct account_extra *extra_new(struct registry *r, const struct account_details *d)
{
    const struct slice pieces[] = {d->name, d->owner, d->metadata};
    check(d->name.len <= UINT16_MAX);
    check(d->owner.len <= UINT16_MAX);
    check(d->metadata.len <= UINT16_MAX);
    struct account_extra *x =
        registry_alloc(r, sizeof *x + (size_t)d->name.len + d->owner.len + d->metadata.len);
    *x = (struct account_extra){
        .user_data_128 = d->user_data_128,
        .user_data_64 = d->user_data_64,
        .user_data_32 = d->user_data_32,
        .limits = d->limits,
        .debit_balance_max = d->debit_balance_max,
        .credit_balance_max = d->credit_balance_max,
        .credit_balance_min = d->credit_balance_min,
        .asked = {d->asked_limits, d->asked_name, d->asked_metadata},
        .name_len = (uint16_t)d->name.len,
        .owner_len = (uint16_t)d->owner.len,
        .metadata_len = (uint16_t)d->metadata.len,
    };
    char *at = (char *)(x + 1);
    for (size_t i = 0; i < array_len(pieces); i++) {
        if (pieces[i].len > 0)
            memcpy(at, pieces[i].data, pieces[i].len);
        at += pieces[i].len;
    }
    check(at == extra_text(x) + x->name_len + x->owner_len + x->metadata_len);
    return x;
}

/* Replaces the extra; the details may still point into the old one. */
static void extra_set(struct registry *r, struct account *a, const struct account_details *d)
{
    struct account_extra *old = a->extra;
    a->extra = extra_needed(d) ? extra_new(r, d) : NULL;
    a->flags &= ~ACCOUNT_LIMITED;
    if (d->limits != 0)
        a->flags |= ACCOUNT_LIMITED;
    check(a->extra != NULL || d->limits == 0);
    registry_free(r, old);
}

static struct account_details details_of(const struct account *a)
{
    const struct account_extra *x = a->extra;
    if (x == NULL)
        return (struct account_details){.limits = 0};
    return (struct account_details){
        .user_data_128 = x->user_data_128,
        .user_data_64 = x->user_data_64,
        .user_data_32 = x->user_data_32,
        .limits = x->limits,
        .debit_balance_max = x->debit_balance_max,
        .credit_balance_max = x->credit_balance_max,
        .credit_balance_min = x->credit_balance_min,
        .name = account_name(a),
        .owner = account_owner(a),
        .metadata = account_metadata(a),
        .asked_limits = x->asked.limits,
        .asked_name = x->asked.name,
        .asked_metadata = x->asked.metadata,
    };
}

void account_assert(const struct account *a)
{
    bool limits = a->extra != NULL && a->extra->limits != 0;
    check(a->version > 0);
    check(a->currency != 0);
    check(((a->flags & ACCOUNT_LIMITED) != 0) == limits);
    check((a->holds != NULL) == (a->hold_listed > 0));
    check(a->hold_listed <= a->hold_count);
    check(a->hold_listed <= ACCOUNT_HOLDS_LISTED_MAX);
    check(a->hold_count > 0 || (a->debits_pending == 0 && a->credits_pending == 0));
}

/* Only the list: stored states bring their count with them. */
static void hold_list_add(struct registry *r, struct account *a, struct id128 hold)
{
    if (a->hold_listed == ACCOUNT_HOLDS_LISTED_MAX)
        return;
    if (a->holds == NULL || a->hold_listed == a->holds->capacity) {
        uint32_t capacity = a->holds == NULL ? HOLDS_CAPACITY_MIN : a->holds->capacity * 2;
        check(capacity > a->hold_listed);
        struct account_holds *bigger =
            registry_alloc(r, sizeof *bigger + capacity * sizeof bigger->ids[0]);
        bigger->capacity = capacity;
        if (a->holds != NULL)
            memcpy(bigger->ids, a->holds->ids, a->hold_listed * sizeof bigger->ids[0]);
        registry_free(r, a->holds);
        a->holds = bigger;
    }
    check(a->hold_listed < a->holds->capacity);
    a->holds->ids[a->hold_listed++] = hold;
}

void account_hold_add(struct registry *r, struct account *a, struct id128 hold)
{
    check(!id128_is_zero(hold));
    check(a->hold_count < UINT32_MAX);
    check(a->hold_listed <= a->hold_count);
    a->hold_count++;
    hold_list_add(r, a, hold);
}

/* A copy without the entry: the old list must survive an undo of the turn. */
static void hold_list_without(struct registry *r, struct account *a, uint32_t index)
{
    struct account_holds *old = a->holds;
    check(old != NULL);
    check(index < a->hold_listed);
    uint32_t rest = a->hold_listed - 1;
    a->holds = NULL;
    if (rest > 0) {
        uint32_t capacity = rest < HOLDS_CAPACITY_MIN ? HOLDS_CAPACITY_MIN : rest;
        a->holds = registry_alloc(r, sizeof *old + capacity * sizeof old->ids[0]);
        a->holds->capacity = capacity;
        memcpy(a->holds->ids, old->ids, index * sizeof old->ids[0]);
        memcpy(a->holds->ids + index, old->ids + index + 1, (rest - index) * sizeof old->ids[0]);
    }
    a->hold_listed = rest;
    registry_free(r, old);
}

void account_hold_remove(struct registry *r, struct account *a, struct id128 hold)
{
    check(a->hold_count > 0);
    a->hold_count--;
    for (uint32_t i = 0; i < a->hold_listed; i++) {
        if (id128_equal(a->holds->ids[i], hold)) {
            hold_list_without(r, a, i);
            return;
        }
    }
    check(a->hold_listed <= a->hold_count); /* it was not among those listed */
}

void account_hold_count(struct account *a, int change)
{
    check(change == 1 || change == -1);
    check(change > 0 ? a->hold_count < UINT32_MAX : a->hold_count > a->hold_listed);
    a->hold_count += (uint32_t)change;
}

/* --- what was asked for ----------------------------------------------------------------------- */

static uint64_t account_digest(struct slice first, struct slice second)
{
    const struct slice pieces[] = {first, {"", 1}, second};
    return sha256_id(pieces, array_len(pieces)).hi;
}

static uint64_t account_limit_digest(const char *name, bool has, u128 limit)
{
    uint8_t bytes[16];
    id128_store((struct id128){(uint64_t)(limit >> 64), (uint64_t)limit}, bytes);
    return has ? account_digest(slice_of(name), (struct slice){(const char *)bytes, sizeof bytes})
               : 0;
}

struct account_asked account_asked_of(const struct account_opened *e)
{
    struct account_asked asked = {
        .limits =
            account_limit_digest("debit max", e->has_debit_balance_max, e->debit_balance_max) ^
            account_limit_digest("credit max", e->has_credit_balance_max, e->credit_balance_max) ^
            account_limit_digest("credit min", e->has_credit_balance_min, e->credit_balance_min),
        .name = e->has_name ? account_digest(slice_of("name"), e->name) : 0,
    };
    for (uint32_t i = 0; e->has_metadata && i < e->metadata.count; i++)
        asked.metadata ^= account_digest(e->metadata.items[i].key, e->metadata.items[i].value);
    return asked;
}

/* --- events ----------------------------------------------------------------------------------- */

static void extra_limits(struct account_details *x, const struct account_updated *e)
{
    x->limits = (e->has_debit_balance_max ? ACCOUNT_LIMITS_DEBIT_BALANCE_MAX : 0u) |
                (e->has_credit_balance_max ? ACCOUNT_LIMITS_CREDIT_BALANCE_MAX : 0u) |
                (e->has_credit_balance_min ? ACCOUNT_LIMITS_CREDIT_BALANCE_MIN : 0u);
    x->debit_balance_max = e->has_debit_balance_max ? e->debit_balance_max : 0;
    x->credit_balance_max = e->has_credit_balance_max ? e->credit_balance_max : 0;
    x->credit_balance_min = e->has_credit_balance_min ? e->credit_balance_min : 0;
}

/* An absent member is ignored whatever its bytes are: the journal does not contain it. */
static struct slice account_given(bool has, struct slice text)
{
    return has ? text : (struct slice){NULL, 0};
}

/* Sets extra with the event's metadata encoded. */
static void extra_set_with(struct registry *r, struct account *a, struct account_details *d,
                           const struct metadata *m)
{
    struct wire_writer w;
    wire_writer_init(&w, ACCOUNT_METADATA_MAX);
    if (m != NULL && m->count > 0)
        fields_put_metadata(&w, m);
    check(!w.failed);
    d->metadata = wire_written(&w);
    extra_set(r, a, d);
    wire_writer_done(&w);
}

struct account_updated account_limits_of(const struct account_opened *e)
{
    return (struct account_updated){
        .has_debit_balance_max = e->has_debit_balance_max,
        .debit_balance_max = e->debit_balance_max,
        .has_credit_balance_max = e->has_credit_balance_max,
        .credit_balance_max = e->credit_balance_max,
        .has_credit_balance_min = e->has_credit_balance_min,
        .credit_balance_min = e->credit_balance_min,
    };
}

void account_opened_apply(struct registry *r, const void *event, uint64_t time_ns)
{
    const struct account_opened *e = event;
    struct account *a = registry_create(r, KIND_ACCOUNT, e->account_id);
    check(a->version == 0);
    check(a->extra == NULL);
    check(a->holds == NULL);
    check(!id128_is_zero(e->account_id));
    check(e->currency != 0);
    check((e->flags & ~ACCOUNT_FLAGS_ALL) == 0);
    a->tenant_id = e->tenant_id;
    a->version = 1;
    a->opened_time = e->has_effective_time ? e->effective_time : time_ns;
    a->currency = e->currency;
    a->code = e->code;
    a->flags = e->flags;
    const struct account_updated limits = account_limits_of(e);
    const struct account_asked asked = account_asked_of(e);
    struct account_details d = {
        .user_data_128 = e->user_data_128,
        .user_data_64 = e->user_data_64,
        .user_data_32 = e->user_data_32,
        .name = account_given(e->has_name, e->name),
        .owner = account_given(e->has_owner, e->owner),
        .asked_limits = asked.limits,
        .asked_name = asked.name,
        .asked_metadata = asked.metadata,
    };
    extra_limits(&d, &limits);
    const struct metadata *metadata = e->has_metadata ? &e->metadata : NULL;
    if (extra_needed(&d) || (metadata != NULL && metadata->count > 0))
        extra_set_with(r, a, &d, metadata);
    account_assert(a);
    ledger_totals_count_account(r, e);
}

void account_marked_apply(struct registry *r, const void *event, uint64_t time_ns)
{
    (void)time_ns;
    const struct account_marked *e = event;
    struct account *a = registry_state(r, KIND_ACCOUNT, e->account_id);
    account_assert(a);
    check((a->flags & ACCOUNT_FLAGS_CLOSED) == 0);
    check(e->change != 0);
    check((e->flags & ~ACCOUNT_FLAGS_ALL) == 0);
    a->flags = (a->flags & ACCOUNT_LIMITED) | e->flags;
    a->version++;
}

void account_updated_apply(struct registry *r, const void *event, uint64_t time_ns)
{
    (void)time_ns;
    const struct account_updated *e = event;
    struct account *a = registry_state(r, KIND_ACCOUNT, e->account_id);
    check((a->flags & ACCOUNT_FLAGS_CLOSED) == 0);
    check(e->currency == a->currency);
    struct account_details d = details_of(a);
    d.name = account_given(e->has_name, e->name);
    extra_limits(&d, e);
    extra_set_with(r, a, &d, e->has_metadata ? &e->metadata : NULL);
    a->version++;
    account_assert(a);
}

/* --- stored form: what is kept apart ---------------------------------------------------------- */

void account_put_extra(struct wire_writer *w, const struct account *a)
{
    struct account_details d = details_of(a);
    if (a->extra == NULL)
        wire_put_nil(w);
    else
        account_details_write(w, &d);
}

bool account_get_extra(struct registry *r, struct wire_reader *from, struct account *a)
{
    struct account_details d;
    if (wire_get_nil(from))
        return true;
    if (!account_details_read(from, NULL, &d))
        return false;
    extra_set(r, a, &d);
    return true;
}

void account_free_extra(struct registry *r, struct account *a)
{
    registry_free(r, a->extra);
    a->extra = NULL;
}

void account_put_holds(struct wire_writer *w, const struct account *a)
{
    check(a->hold_listed <= a->hold_count);
    wire_put_array(w, a->hold_listed);
    for (uint32_t i = 0; i < a->hold_listed; i++)
        account_hold_write(w, &(struct account_hold){a->holds->ids[i]});
}

/* Needs the count of open holds, which is read before. */
bool account_get_holds(struct registry *r, struct wire_reader *from, struct account *a)
{
    uint32_t listed = wire_get_array(from, ACCOUNT_HOLDS_LISTED_MAX);
    struct account_hold hold;
    for (uint32_t i = 0; i < listed && account_hold_read(from, NULL, &hold); i++)
        if (!MUTANT(FORGET_HOLD))
            hold_list_add(r, a, hold.transfer_id);
    return !from->failed && listed <= a->hold_count;
}

void account_free_holds(struct registry *r, struct account *a)
{
    registry_free(r, a->holds);
    a->holds = NULL;
}

static const struct handler handlers[] = {
    {&account_get_type, account_on_get},       {&account_update_type, account_on_update},
    {&account_freeze_type, account_on_freeze}, {&account_unfreeze_type, account_on_unfreeze},
    {&account_close_type, account_on_close},   {&transfer_create_type, transfer_on_create},
    {&transfer_token_type, transfer_on_token}, {&transfer_half_end_type, transfer_on_half_end},
    {&group_token_type, group_on_token},       {&listed_transfer_type, listed_transfer_on_make},
};

static const struct message_type *const account_refusable[] = {
    &transfer_token_type, &group_token_type, &listed_transfer_type};

const struct actor_kind account_kind = {
    .name = "account",
    .number = KIND_ACCOUNT,
    .state_size = sizeof(struct account),
    .hot_size = ACCOUNT_HOT_SIZE,
    .handlers = handlers,
    .handler_count = array_len(handlers),
    .refusable = account_refusable,
    .refusable_count = array_len(account_refusable),
    .codec = &account_codec,
};
