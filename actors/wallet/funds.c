/* SPDX-License-Identifier: Apache-2.0 */
/* Builds postings in the ledger's own form and runs them within the caller's turn: there is no
 * message between wallet and ledger. funds_prepare() finds the clearing account first; if it does
 * not exist, it is opened after a savepoint and the posting is found and checked once more with it,
 * and a refusal rolls the opening back. The clearing account's id is a hash of tenant and currency
 * in the shard, so no table of them is needed and two turns cannot open two; it is one of those
 * that no client may choose, who could take it before. */
#include "actors/wallet/funds.h"

#include "actors/ledger/account.h"
#include "actors/ledger/ledger_directory.h"
#include "actors/ledger/ledger_totals.h"
#include "runtime/base/sha256.h"
#include "schemas/common.h"
#include "schemas/ledger_states.h"
#include "schemas/result.h"

struct posting funds_transfer(const struct funds_move *m)
{
    return (struct posting){
        .transfer =
            {
                .id = m->id,
                .debit_account_id = m->from,
                .credit_account_id = m->to,
                .has_amount = true,
                .amount = m->amount,
                .currency = m->currency,
                .code = m->code,
                .has_user_data_128 = true,
                .user_data_128 = (u128)m->reference.hi << 64 | m->reference.lo,
            },
        .tenant_id = m->tenant_id,
        .managed = true,
    };
}

struct posting funds_pending(const struct funds_move *m)
{
    struct posting p = funds_transfer(m);
    p.transfer.flags = TRANSFER_FLAGS_PENDING;
    return p;
}

/* Accounts, code and reference are those of the pending transfer: zero means that. */
static struct posting funds_resolve(const struct funds_move *m, struct id128 pending_id,
                                    uint32_t flags)
{
    return (struct posting){
        .transfer =
            {
                .id = m->id,
                .pending_id = pending_id,
                .has_amount = true,
                .amount = m->amount,
                .currency = m->currency,
                .flags = flags,
            },
        .tenant_id = m->tenant_id,
        .managed = true,
    };
}

struct posting funds_capture(const struct funds_move *m, struct id128 pending_id, bool keep_rest)
{
    uint32_t keep = keep_rest ? TRANSFER_FLAGS_KEEP_REMAINDER : 0;
    return funds_resolve(m, pending_id, TRANSFER_FLAGS_POST_PENDING | keep);
}

struct posting funds_void(const struct funds_move *m, struct id128 pending_id)
{
    struct posting p = funds_resolve(m, pending_id, TRANSFER_FLAGS_VOID_PENDING);
    p.transfer.has_amount = false;
    return p;
}

uint16_t funds_open_wallet(struct turn *t, struct id128 id, struct id128 tenant_id,
                           uint16_t currency)
{
    struct account_opened opened = {
        .account_id = id,
        .tenant_id = tenant_id,
        .currency = currency,
        .code = MANAGED_WALLET,
        .shard = turn_shard(t),
        .flags = ACCOUNT_FLAGS_DEBITS_MUST_NOT_EXCEED_CREDITS | ACCOUNT_FLAGS_MANAGED,
    };
    uint16_t code = account_open_check(t, &opened, NULL);
    if (code == RESULT_OK)
        account_open(t, &opened);
    return code;
}

void funds_close_wallet(struct turn *t, struct id128 id, const struct account *account)
{
    struct account_marked marked = {
        .account_id = id,
        .change = ENTRY_KIND_CLOSED,
        .flags = (account->flags & ACCOUNT_FLAGS_ALL) | ACCOUNT_FLAGS_CLOSED,
    };
    check((account->flags & ACCOUNT_FLAGS_CLOSED) == 0);
    turn_emit(t, &account_marked_type, &marked);
}

static bool passes_clearing(uint16_t code)
{
    return code == MANAGED_DEPOSIT || code == MANAGED_WITHDRAWAL || code == MANAGED_HOLD ||
           code == MANAGED_AUTHORIZATION;
}

enum presence funds_prepare(struct turn *t, struct posting *p, uint16_t *code)
{
    const struct house clearing = house_of(t, MANAGED_CLEARING, p->tenant_id, p->transfer.currency);
    enum presence there = PRESENCE_THERE;
    if (passes_clearing(p->transfer.code))
        there = house_find(t, &clearing);
    enum presence found = posting_find(t, p);
    if (there == PRESENCE_WAITING || found == PRESENCE_WAITING)
        return PRESENCE_WAITING;
    struct turn_savepoint before = turn_savepoint(t);
    if (there == PRESENCE_ABSENT) {
        house_open(t, &clearing);
        found = posting_find(t, p);
        check(found != PRESENCE_WAITING);
    }
    *code = posting_check(t, p);
    if (*code != RESULT_OK && there == PRESENCE_ABSENT)
        turn_rollback(t, before);
    return PRESENCE_THERE;
}

bool funds_post(struct turn *t, struct posting *p, enum turn_result *end)
{
    uint16_t code;
    *end = TURN_WAIT;
    if (funds_prepare(t, p, &code) == PRESENCE_WAITING)
        return false;
    *end = TURN_DONE;
    if (code == RESULT_OK)
        posting_emit(t, p);
    else
        turn_refuse(t, code);
    return code == RESULT_OK;
}

uint16_t funds_post_both(struct turn *t, struct posting *post, struct posting *forward)
{
    uint16_t code = posting_check(t, post);
    if (code != RESULT_OK || forward == NULL) {
        if (code == RESULT_OK)
            posting_emit(t, post);
        return code;
    }
    struct turn_savepoint before = turn_savepoint(t);
    posting_emit(t, post);
    code = posting_check(t, forward);
    if (code == RESULT_OK)
        posting_emit(t, forward);
    else
        turn_rollback(t, before);
    return code;
}

struct balance funds_balance(u128 debits_pending, u128 debits_posted, u128 credits_pending,
                             u128 credits_posted)
{
    struct balance b = {.held = debits_pending, .incoming = credits_pending};
    bool solvent = u128_sub(credits_posted, debits_posted, &b.posted) &&
                   u128_sub(b.posted, b.held, &b.available);
    check(solvent);
    return b;
}
