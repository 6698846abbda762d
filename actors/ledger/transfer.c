/* SPDX-License-Identifier: Apache-2.0 */
/* Making, resolving, reversing and showing transfers. */
#include "actors/ledger/transfer.h"

#include "actors/ledger/account.h"
#include "actors/ledger/bulk.h"
#include "actors/ledger/pending_transfer.h"
#include "runtime/base/time.h"
#include "schemas/common.h"
#include "schemas/currency.h"
#include "schemas/result.h"

#define CODE_DEFAULT 1
#define RESOLVES (TRANSFER_FLAGS_POST_PENDING | TRANSFER_FLAGS_VOID_PENDING)
#define BALANCES (TRANSFER_FLAGS_BALANCING_DEBIT | TRANSFER_FLAGS_BALANCING_CREDIT)

/* Derived keys set bits of the id's time that no id of our time has: no client can choose one. The
 * highest is in both: it says that the rest tells no time (dedup_table.h). */
#define NOTE_BIT ((uint64_t)1 << 63)
#define REVERSAL_BITS ((uint64_t)3 << 62)

struct id128 transfer_note_key(struct id128 transfer_id)
{
    return (struct id128){transfer_id.hi | NOTE_BIT, transfer_id.lo};
}

struct id128 transfer_reversal_key(struct id128 transfer_id)
{
    return (struct id128){transfer_id.hi | REVERSAL_BITS, transfer_id.lo};
}

void transfer_note_emit(struct turn *t, struct id128 tenant_id, struct id128 transfer_id,
                        const struct transfer_note *note)
{
    if (!note->has_description && (!note->has_metadata || note->metadata.count == 0))
        return;
    struct transfer_noted e = {
        .note_key = transfer_note_key(transfer_id),
        .transfer_id = transfer_id,
        .tenant_id = tenant_id,
        .has_description = note->has_description,
        .description = note->description,
        .has_metadata = note->has_metadata,
        .metadata = note->metadata,
    };
    turn_emit(t, &transfer_noted_type, &e);
}

void transfer_reversal_emit(struct turn *t, struct id128 transfer_id, struct id128 reversal_id)
{
    struct transfer_reversed e = {transfer_reversal_key(transfer_id), transfer_id, reversal_id};
    turn_emit(t, &transfer_reversed_type, &e);
}

/* --- showing ---------------------------------------------------------------------------------- */

static void info_set_pending(struct transfer_info *info, const struct pending_transfer *h)
{
    info->has_posted_amount = true;
    info->posted_amount = h->posted;
    info->has_remaining_amount = true;
    info->remaining_amount = h->held;
    info->has_expires_time = h->due_time != 0;
    info->expires_time = h->due_time;
}

static struct transfer_info info_of_hold(struct id128 id, const struct pending_transfer *h)
{
    struct transfer_info info = {
        .transfer_id = id,
        .debit_account_id = h->debit_account_id,
        .credit_account_id = h->credit_account_id,
        .amount = h->amount,
        .currency = h->currency,
        .code = h->code,
        .status = h->status,
        .flags = h->flags,
        .has_reverses_id = !id128_is_zero(h->reverses_id),
        .reverses_id = h->reverses_id,
        .has_transaction_id = !id128_is_zero(h->transaction_id),
        .transaction_id = h->transaction_id,
        .user_data_128 = h->user_data_128,
        .user_data_64 = h->user_data_64,
        .user_data_32 = h->user_data_32,
        .effective_time = h->effective_time,
        .recorded_time = h->recorded_time,
    };
    info_set_pending(&info, h);
    return info;
}

static struct transfer_info info_of_posted(const struct transfer_posted *e, uint64_t time_ns)
{
    return (struct transfer_info){
        .transfer_id = e->id,
        .debit_account_id = e->debit_account_id,
        .credit_account_id = e->credit_account_id,
        .amount = e->amount,
        .currency = e->currency,
        .code = e->code,
        .status = TRANSFER_STATUS_POSTED,
        .flags = e->flags,
        .has_reverses_id = e->has_reverses_id,
        .reverses_id = e->reverses_id,
        .has_transaction_id = e->has_transaction_id,
        .transaction_id = e->transaction_id,
        .user_data_128 = e->user_data_128,
        .user_data_64 = e->user_data_64,
        .user_data_32 = e->user_data_32,
        .effective_time = e->effective_time != 0 ? e->effective_time : time_ns,
        .recorded_time = time_ns,
    };
}

static struct transfer_info info_of_resolved(const struct transfer_resolved *e, uint64_t time_ns)
{
    bool voids = (e->flags & TRANSFER_FLAGS_VOID_PENDING) != 0;
    return (struct transfer_info){
        .transfer_id = e->id,
        .debit_account_id = e->debit_account_id,
        .credit_account_id = e->credit_account_id,
        .amount = voids ? e->released : e->amount,
        .currency = e->currency,
        .code = e->code,
        .status = voids ? TRANSFER_STATUS_VOIDED : TRANSFER_STATUS_POSTED,
        .flags = e->flags,
        .has_pending_id = true,
        .pending_id = e->pending_id,
        .has_transaction_id = e->has_transaction_id,
        .transaction_id = e->transaction_id,
        .user_data_128 = e->user_data_128,
        .user_data_64 = e->user_data_64,
        .user_data_32 = e->user_data_32,
        .effective_time = e->effective_time != 0 ? e->effective_time : time_ns,
        .recorded_time = time_ns,
    };
}

static enum presence find_transfer(struct turn *t, struct id128 id, struct transfer_info *info,
                                   struct id128 *tenant_id)
{
    const void *state = NULL;
    enum presence there = turn_find(t, KIND_TRANSFER, id, &state);
    if (there == PRESENCE_WAITING)
        return there;
    if (there == PRESENCE_THERE) {
        *info = info_of_hold(id, state);
        *tenant_id = ((const struct pending_transfer *)state)->tenant_id;
        return there;
    }
    struct stored_event stored;
    there = turn_find_decision(t, id, &stored);
    if (there != PRESENCE_THERE)
        return there;
    if (stored.number == TRANSFER_POSTED_NUMBER)
        *info = info_of_posted(stored.event, stored.time_ns);
    else if (stored.number == TRANSFER_RESOLVED_NUMBER)
        *info = info_of_resolved(stored.event, stored.time_ns);
    else
        return PRESENCE_ABSENT;
    there = turn_find(t, KIND_ACCOUNT, info->debit_account_id, &state);
    if (there == PRESENCE_THERE)
        *tenant_id = ((const struct account *)state)->tenant_id;
    return there;
}

enum presence transfer_info_find(struct turn *t, struct id128 id, struct transfer_info *info,
                                 struct id128 *tenant_id)
{
    enum presence there = find_transfer(t, id, info, tenant_id);
    if (there == PRESENCE_ABSENT)
        return there;
    struct stored_event note, reversal;
    enum presence noted = turn_find_decision(t, transfer_note_key(id), &note);
    enum presence reversed = turn_find_decision(t, transfer_reversal_key(id), &reversal);
    if (there == PRESENCE_WAITING || noted == PRESENCE_WAITING || reversed == PRESENCE_WAITING)
        return PRESENCE_WAITING;
    if (noted == PRESENCE_THERE) {
        const struct transfer_noted *e = note.event;
        info->has_description = e->has_description;
        info->description = e->description;
        info->metadata = e->metadata;
    }
    if (reversed == PRESENCE_THERE) {
        info->has_reversed_by_id = true;
        info->reversed_by_id = ((const struct transfer_reversed *)reversal.event)->reversal_id;
    }
    return PRESENCE_THERE;
}

enum turn_result transfer_on_get(struct turn *t, struct id128 self, const struct message *m)
{
    (void)m;
    struct transfer_info info;
    struct id128 tenant_id = ID128_ZERO;
    enum presence there = transfer_info_find(t, self, &info, &tenant_id);
    if (there == PRESENCE_WAITING)
        return TURN_WAIT;
    if (there == PRESENCE_THERE && turn_may_see(t, tenant_id, ID128_ZERO))
        turn_reply(t, RESULT_OK, &transfer_info_type, &info, 0);
    else
        turn_refuse(t, RESULT_NOT_FOUND);
    return TURN_DONE;
}

/* --- making ----------------------------------------------------------------------------------- */

struct transfer_info transfer_info_of_posting(struct turn *t, const struct posting *p,
                                              const struct transfer_note *note)
{
    const struct transfer_spec *s = &p->transfer;
    const struct pending_transfer *h = (s->flags & RESOLVES) != 0 ? p->pending : NULL;
    uint64_t now = turn_time(t);
    bool pending = (s->flags & TRANSFER_FLAGS_PENDING) != 0;
    struct transfer_info info = {
        .transfer_id = s->id,
        .debit_account_id = p->debit_id,
        .credit_account_id = p->credit_id,
        .amount = p->amount,
        .currency = p->debit->currency,
        .code = h != NULL ? h->code : s->code,
        .status = pending                                             ? TRANSFER_STATUS_PENDING
                  : (s->flags & TRANSFER_FLAGS_VOID_PENDING) != 0 ? TRANSFER_STATUS_VOIDED
                                                                      : TRANSFER_STATUS_POSTED,
        .flags = s->flags,
        .has_pending_id = h != NULL,
        .pending_id = s->pending_id,
        .has_posted_amount = pending,
        .has_remaining_amount = pending,
        .remaining_amount = p->amount,
        .has_expires_time = s->timeout_s != 0,
        .expires_time = now + (uint64_t)s->timeout_s * NS_PER_S,
        .has_reverses_id = !id128_is_zero(p->reverses_id),
        .reverses_id = p->reverses_id,
        .has_transaction_id = !id128_is_zero(p->transaction_id),
        .transaction_id = p->transaction_id,
        .user_data_128 = s->user_data_128 != 0 || h == NULL ? s->user_data_128 : h->user_data_128,
        .user_data_64 = s->user_data_64 != 0 || h == NULL ? s->user_data_64 : h->user_data_64,
        .user_data_32 = s->user_data_32 != 0 || h == NULL ? s->user_data_32 : h->user_data_32,
        .effective_time = s->effective_time != 0 ? s->effective_time : now,
        .recorded_time = now,
        .has_description = note->has_description,
        .description = note->description,
        .metadata = note->metadata,
    };
    return info;
}

/* The end of every single transfer: emit and show it, show the earlier one, or refuse. */
static enum turn_result transfer_conclude(struct turn *t, struct posting *p, uint16_t code,
                                          const struct transfer_note *note, bool id_chosen)
{
    struct transfer_info info;
    struct id128 tenant_id = ID128_ZERO;
    if (code == RESULT_EXISTS) {
        if (transfer_info_find(t, p->transfer.id, &info, &tenant_id) == PRESENCE_WAITING)
            return TURN_WAIT;
        turn_reply(t, RESULT_OK, &transfer_info_type, &info, 0);
        return TURN_DONE;
    }
    if (code != RESULT_OK) {
        if (id_chosen)
            posting_refused(t, p, code);
        turn_refuse(t, code);
        return TURN_DONE;
    }
    info = transfer_info_of_posting(t, p, note);
    tenant_id = p->debit->tenant_id;
    posting_emit(t, p);
    transfer_note_emit(t, tenant_id, p->transfer.id, note);
    if (!id128_is_zero(p->reverses_id))
        transfer_reversal_emit(t, p->reverses_id, p->transfer.id);
    turn_reply(t, RESULT_OK, &transfer_info_type, &info, 0);
    return TURN_DONE;
}

enum turn_result transfer_on_create(struct turn *t, struct id128 self, const struct message *m)
{
    (void)self;
    const struct transfer_create *c = m->body;
    bool resolves = (c->flags & RESOLVES) != 0;
    bool all = resolves || (c->flags & BALANCES) != 0;
    struct posting p = {
        .transfer =
            {
                .id = c->has_transfer_id ? c->transfer_id : turn_new_id(t),
                .debit_account_id = c->debit_account_id,
                .credit_account_id = c->credit_account_id,
                .amount = c->has_amount ? c->amount : all ? POSTING_AMOUNT_ALL : 0,
                .pending_id = c->pending_id,
                .currency = c->currency,
                .code = c->has_code ? c->code : resolves ? 0 : CODE_DEFAULT,
                .flags = c->flags,
                .timeout_s = c->timeout_s,
                .effective_time = c->effective_time,
                .user_data_128 = c->user_data_128,
                .user_data_64 = c->user_data_64,
                .user_data_32 = c->user_data_32,
            },
        .tenant_id = m->who.tenant_id,
        .any_tenant = m->who.operator,
    };
    const struct transfer_note note = {c->has_description, c->has_metadata, c->description,
                                       c->metadata};
    if (posting_find(t, &p) == PRESENCE_WAITING)
        return TURN_WAIT;
    uint16_t code = (c->flags & TRANSFER_FLAGS_LINKED) != 0 ? RESULT_LINKED_EVENT_CHAIN_OPEN
                                                            : posting_check(t, &p);
    return transfer_conclude(t, &p, code, &note, c->has_transfer_id);
}

/* --- many ------------------------------------------------------------------------------------- */

/* Of so many items at once the accounts are brought into the cache: found for those after the next
 * ones, then fetched for the next ones. */
#define GROUP (TURN_AHEAD_MAX / 2)

struct transfers {
    const struct transfer_spec *specs;
    uint32_t count;
    uint32_t at;            /* the item at work */
    struct posting posting; /* of it; keeps what the one before had in common with it */
    const void *found[2][TURN_AHEAD_MAX]; /* accounts of this group and the next one */
};

static void take_up(struct transfers *all, uint32_t i)
{
    all->at = i;
    all->posting.transfer = all->specs[i];
}

/* The accounts of the group that begins at this item; how many. */
static uint32_t group_accounts(const struct transfers *all, uint32_t first, struct id128 *ids)
{
    uint32_t count = 0;
    for (uint32_t i = first; i < first + GROUP && i < all->count; i++) {
        ids[count++] = all->specs[i].debit_account_id;
        ids[count++] = all->specs[i].credit_account_id;
    }
    return count;
}

static void bring_soon(struct turn *t, const struct transfers *all, uint32_t first)
{
    struct id128 ids[TURN_AHEAD_MAX] = {ID128_ZERO};
    turn_prefetch_slots(t, KIND_ACCOUNT, ids, group_accounts(all, first, ids));
    for (uint32_t i = first; i < first + GROUP && i < all->count; i++)
        turn_prefetch_decision(t, all->specs[i].id);
}

static void bring_next(struct turn *t, struct transfers *all, uint32_t first)
{
    struct id128 ids[TURN_AHEAD_MAX] = {ID128_ZERO};
    uint32_t count = group_accounts(all, first, ids);
    turn_prefetch_states(t, KIND_ACCOUNT, ids, count, all->found[first / GROUP % 2]);
}

static void look_ahead(struct turn *t, struct transfers *all, uint32_t i)
{
    if (i % GROUP == 0) {
        bring_soon(t, all, i + 2 * GROUP);
        bring_next(t, all, i + GROUP);
    }
    const void *const *found = &all->found[i / GROUP % 2][i % GROUP * 2];
    turn_expect(t, found[0]);
    turn_expect(t, found[1]);
}

static bool spec_linked(const struct bulk *b, uint32_t i)
{
    const struct transfers *all = b->context;
    return (all->specs[i].flags & TRANSFER_FLAGS_LINKED) != 0;
}

static bool spec_imported(const struct bulk *b, uint32_t i)
{
    const struct transfers *all = b->context;
    return (all->specs[i].flags & TRANSFER_FLAGS_IMPORTED) != 0;
}

static uint16_t spec_make(const struct bulk *b, struct turn *t, uint32_t i)
{
    struct transfers *all = b->context;
    look_ahead(t, all, i);
    take_up(all, i);
    if (posting_find(t, &all->posting) == PRESENCE_WAITING)
        return BULK_WAITING;
    uint16_t code = posting_check(t, &all->posting);
    if (code == RESULT_OK)
        posting_emit(t, &all->posting);
    return code;
}

static void spec_refused(const struct bulk *b, struct turn *t, uint32_t i, uint16_t code)
{
    struct transfers *all = b->context;
    take_up(all, i);
    posting_refused(t, &all->posting, code);
}

/* Makes them all in order, filling codes[count]; false: something is being loaded. It hopes that
 * nothing is missing, as is usual: one look at each account is then enough. Else nothing is made,
 * and all that the rest needs is asked for together. */
static bool make_all(struct turn *t, const struct message *m, const struct transfer_spec *specs,
                     uint32_t count, uint16_t *codes)
{
    struct transfers all = {
        .specs = specs,
        .count = count,
        .posting = {.tenant_id = m->who.tenant_id, .any_tenant = m->who.operator},
    };
    const struct bulk b = {count, &all, spec_linked, spec_imported, spec_make, spec_refused};
    const struct turn_savepoint start = turn_savepoint(t);
    bring_soon(t, &all, 0);
    bring_soon(t, &all, GROUP);
    bring_next(t, &all, 0);
    if (bulk_run(&b, t, codes))
        return true;
    turn_rollback(t, start);
    for (uint32_t i = all.at; i < count; i++) {
        take_up(&all, i);
        (void)!posting_find(t, &all.posting);
    }
    return false;
}

enum turn_result transfers_on_create(struct turn *t, struct id128 self, const struct message *m)
{
    (void)self;
    const struct transfers_create *c = m->body;
    uint16_t *codes = turn_alloc(t, (c->transfers_count + 1) * sizeof *codes);
    struct item_result *results = turn_alloc(t, (c->transfers_count + 1) * sizeof *results);
    if (codes == NULL || results == NULL) {
        turn_refuse(t, RESULT_NO_MEMORY);
        return TURN_DONE;
    }
    if (!make_all(t, m, c->transfers, c->transfers_count, codes))
        return TURN_WAIT;
    bulk_reply(t, codes, c->transfers_count, results);
    return TURN_DONE;
}

enum turn_result transfers_on_batch(struct turn *t, struct id128 self, const struct message *m)
{
    (void)self;
    const struct transfers_batch *c = m->body;
    uint32_t count = c->transfers_count;
    uint16_t *codes = turn_alloc(t, (count + 1) * sizeof *codes);
    struct batch_results reply = {.results =
                                      turn_alloc(t, (count + 1) * sizeof *reply.results)};
    if (codes == NULL || reply.results == NULL) {
        turn_refuse(t, RESULT_NO_MEMORY);
        return TURN_DONE;
    }
    if (!make_all(t, m, c->transfers, count, codes))
        return TURN_WAIT;
    for (uint32_t i = 0; i < count; i++) {
        reply.results[i] = (struct batch_result){i, c->transfers[i].id, codes[i]};
        if (codes[i] == RESULT_OK || codes[i] == RESULT_EXISTS)
            reply.succeeded++;
        else
            reply.failed++;
    }
    reply.results_count = count;
    turn_reply(t, RESULT_OK, &batch_results_type, &reply, 0);
    return TURN_DONE;
}

/* --- post, void, reverse ---------------------------------------------------------------------- */

/* The part of `post` that needs the pending transfer's currency. */
static uint16_t posted_amount(const struct transfer_post *c, struct posting *p)
{
    if (c->has_currency && c->currency != p->pending->currency)
        return RESULT_CURRENCY_MISMATCH;
    if (!c->has_amount)
        return RESULT_OK;
    const struct currency *currency = currency_by_number(p->pending->currency);
    check(currency != NULL);
    switch (currency_minor(c->amount, currency, &p->transfer.amount)) {
    case CURRENCY_FITS:
        return p->transfer.amount == 0 ? RESULT_AMOUNT_MUST_NOT_BE_ZERO : RESULT_OK;
    case CURRENCY_TOO_PRECISE:
        return RESULT_AMOUNT_TOO_PRECISE;
    default:
        return RESULT_AMOUNT_OUT_OF_RANGE;
    }
}

/* Finds what a post or void names. OK, or why there is nothing to resolve. */
static uint16_t pending_seen(struct turn *t, const struct posting *p)
{
    if (p->pending != NULL)
        return turn_may_see(t, p->pending->tenant_id, ID128_ZERO) ? RESULT_OK : RESULT_NOT_FOUND;
    return p->pending_was_final ? RESULT_PENDING_TRANSFER_NOT_PENDING : RESULT_NOT_FOUND;
}

enum turn_result transfer_on_post(struct turn *t, struct id128 self, const struct message *m)
{
    const struct transfer_post *c = m->body;
    struct posting p = {
        .transfer =
            {
                .id = c->has_posting_id ? c->posting_id : turn_new_id(t),
                .pending_id = self,
                .amount = POSTING_AMOUNT_ALL,
                .flags = TRANSFER_FLAGS_POST_PENDING |
                         (c->keep_remainder ? TRANSFER_FLAGS_KEEP_REMAINDER : 0u),
                .effective_time = c->effective_time,
            },
        .tenant_id = m->who.tenant_id,
        .any_tenant = m->who.operator,
    };
    if (posting_find(t, &p) == PRESENCE_WAITING)
        return TURN_WAIT;
    uint16_t code = pending_seen(t, &p);
    if (code == RESULT_OK)
        code = posted_amount(c, &p);
    if (code == RESULT_OK)
        code = posting_check(t, &p);
    const struct transfer_note note = {c->has_description, c->has_metadata, c->description,
                                       c->metadata};
    return transfer_conclude(t, &p, code, &note, c->has_posting_id);
}

enum turn_result transfer_on_void(struct turn *t, struct id128 self, const struct message *m)
{
    const struct transfer_void *c = m->body;
    struct posting p = {
        .transfer =
            {
                .id = c->has_posting_id ? c->posting_id : turn_new_id(t),
                .pending_id = self,
                .flags = TRANSFER_FLAGS_VOID_PENDING,
            },
        .tenant_id = m->who.tenant_id,
        .any_tenant = m->who.operator,
    };
    if (posting_find(t, &p) == PRESENCE_WAITING)
        return TURN_WAIT;
    uint16_t code = pending_seen(t, &p);
    if (code == RESULT_OK)
        code = posting_check(t, &p);
    const struct transfer_note note = {c->has_description, c->has_metadata, c->description,
                                       c->metadata};
    return transfer_conclude(t, &p, code, &note, c->has_posting_id);
}

uint16_t transfer_reversible(const struct transfer_info *info)
{
    if (info->has_reversed_by_id)
        return RESULT_ALREADY_REVERSED;
    /* What a pending transfer moved was moved by the transfers that posted it. */
    if (info->status != TRANSFER_STATUS_POSTED || (info->flags & TRANSFER_FLAGS_PENDING) != 0)
        return RESULT_TRANSFER_NOT_POSTED;
    return RESULT_OK;
}

struct posting transfer_reversal_of(const struct transfer_info *info, struct id128 reversal_id,
                                    struct id128 tenant_id, uint64_t effective_time)
{
    return (struct posting){
        .transfer =
            {
                .id = reversal_id,
                .debit_account_id = info->credit_account_id,
                .credit_account_id = info->debit_account_id,
                .amount = info->amount,
                .currency = info->currency,
                .code = info->code,
                .effective_time = effective_time,
                .user_data_128 = info->user_data_128,
                .user_data_64 = info->user_data_64,
                .user_data_32 = info->user_data_32,
            },
        .tenant_id = tenant_id,
        .reverses_id = info->transfer_id,
    };
}

enum turn_result transfer_on_reverse(struct turn *t, struct id128 self, const struct message *m)
{
    const struct transfer_reverse *c = m->body;
    struct transfer_info info;
    struct id128 tenant_id = ID128_ZERO;
    enum presence there = transfer_info_find(t, self, &info, &tenant_id);
    if (there == PRESENCE_WAITING)
        return TURN_WAIT;
    if (there == PRESENCE_ABSENT || !turn_may_see(t, tenant_id, ID128_ZERO)) {
        turn_refuse(t, RESULT_NOT_FOUND);
        return TURN_DONE;
    }
    struct id128 id = c->has_reversal_id ? c->reversal_id : turn_new_id(t);
    struct posting p = transfer_reversal_of(&info, id, tenant_id, c->effective_time);
    if (posting_find(t, &p) == PRESENCE_WAITING)
        return TURN_WAIT;
    uint16_t code = transfer_reversible(&info);
    bool retried = code == RESULT_ALREADY_REVERSED && c->has_reversal_id &&
                   id128_equal(info.reversed_by_id, c->reversal_id);
    if (code == RESULT_OK || retried)
        code = posting_check(t, &p);
    const struct transfer_note note = {c->has_description, c->has_metadata, c->description,
                                       c->metadata};
    return transfer_conclude(t, &p, code, &note, c->has_reversal_id);
}
