/* SPDX-License-Identifier: Apache-2.0 */
/* Posting: the one way to move money. Every handler that moves money (a transfer from outside, a
 * wallet, a payment) calls these; balances change nowhere else.
 *
 *     struct posting p = { .transfer = { ... } };
 *     if (posting_find(t, &p) == PRESENCE_WAITING) return TURN_WAIT;
 *     uint16_t code = posting_check(t, &p);      // ordered result codes, RESULT_OK to go on
 *     if (code == RESULT_OK) posting_emit(t, &p);
 */
#ifndef LEDGER_POSTING_H
#define LEDGER_POSTING_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/actor/turn.h"
#include "runtime/base/u128.h"
#include "schemas/ledger.h"

struct account;          /* actors/ledger/account.h */
struct ledger_totals;    /* actors/ledger/ledger_totals.h */
struct pending_transfer; /* actors/ledger/pending_transfer.h */
struct reservation;      /* actors/ledger/reservation.h */
struct group_memo;       /* actors/ledger/group_share.h */

/* Sets of enum transfer_flags. */
#define POSTING_RESOLVES (TRANSFER_FLAGS_POST_PENDING | TRANSFER_FLAGS_VOID_PENDING)
#define POSTING_BALANCES (TRANSFER_FLAGS_BALANCING_DEBIT | TRANSFER_FLAGS_BALANCING_CREDIT)
#define POSTING_CLOSES (TRANSFER_FLAGS_CLOSING_DEBIT | TRANSFER_FLAGS_CLOSING_CREDIT)

/* What a balancing transfer without an amount keeps aside at most of an account that may give any:
 * far more than there is of any currency, and far less than would leave the sums no room for
 * others. */
#define POSTING_CAP_MAX ((u128)1 << 96)

/* One transfer as asked for: generated from schemas/ledger.toml [message.transfer_spec]. */
struct posting {
    struct transfer_spec transfer;
    struct id128 tenant_id;      /* both accounts must be of this tenant ... */
    bool any_tenant;             /* ... or (operator) of one, whichever it is */
    bool managed;                /* a service makes or resolves it: manager.h */
    bool decided;                /* before, under this id, which is its own: nothing is checked */
    bool adjusts;                /* else: who asks may move money of what a service manages */
    struct id128 reverses_id;    /* recorded with the transfer; zero = none */
    uint64_t original_time;      /* with it: when the reversed transfer counts */
    bool reversed;               /* with it, between shards: another transfer has reversed it */
    struct id128 transaction_id; /* the multi-leg transaction it is part of; zero = none */
    /* Between shards (token.h): which account is in another one, and is not looked at here. */
    bool debit_away, credit_away;
    bool over_shards; /* a post may be one that another shard is asked for */
    bool continues; /* another shard, where it was asked for, has checked the rest */
    bool grouped;   /* it is a leg of a group (leg.h) */
    uint16_t from;  /* then: that shard */
    struct group_memo *memo; /* what was read of a group before in this turn; may be NULL */
    /* What is earmarked (earmark.h) of the accounts that are here, and of the sums. */
    u128 debits_kept, credits_kept, sums_kept;
    /* Filled by posting_find(), which keeps what was found earlier in this turn. */
    const struct account *debit, *credit; /* NULL: absent */
    const struct ledger_totals *totals;   /* of the first account's tenant and currency */
    struct id128 debit_id, credit_id; /* those of the pending transfer where none are given */
    struct id128 totals_id;
    const struct pending_transfer *pending; /* for post and void */
    struct stored_event earlier;          /* of the id; number 0 = none */
    bool earlier_is_foreign;              /* it is of another tenant */
    bool earlier_in_group;                /* it is under way in a group */
    const struct reservation *reservation; /* of an earlier one that is under way between shards */
    bool pending_was_final;               /* pending_id names a transfer that was never pending */
    /* Filled by posting_check(). */
    u128 amount;  /* what is really moved: after balancing, or of all that is pending */
    bool exists;  /* the id was used before with equal content: nothing is emitted */
};

static inline bool posting_has(const struct posting *p, uint32_t flags)
{
    return (p->transfer.flags & flags) != 0;
}

/* Finds accounts, pending transfer and an earlier decision about the id. WAITING: something is
 * being loaded, return TURN_WAIT (calling it for further postings first lets them load together).
 * THERE otherwise, whatever was absent. */
must_check enum presence posting_find(struct turn *t, struct posting *p);

/* Asks for all that a posting will need and that is not in memory, so that it loads together with
 * what others need; found or not, posting_find() is called again before it is checked. */
void posting_prepare(struct turn *t, struct posting *p);

/* All checks in the documented order; changes nothing. Sees the effect of postings emitted earlier
 * in the same turn, so a later posting of a chain is checked after the earlier was emitted (and
 * found again if it uses an id of the earlier one). RESULT_EXISTS with p->exists if it is done,
 * RESULT_OUTCOME_PENDING if it is under way between shards, by itself with p->reservation. */
must_check uint16_t posting_check(struct turn *t, struct posting *p);

/* Of these checks those that need nothing but what is asked for. */
must_check uint16_t posting_form_check(const struct posting *p);

/* Emits the event. Only after posting_check() said RESULT_OK, with nothing emitted in between. Of a
 * new transfer, p->transfer is from then on what was recorded. */
void posting_emit(struct turn *t, struct posting *p);

/* Is its refusal, after posting_find(), about what the caller may not see, or what does not exist?
 * So it is if none of what it names can be seen, whatever the code. It leaves nothing:
 * turn_unseen(). */
bool posting_unseen(const struct turn *t, const struct posting *p, uint16_t code);

/* Records a transient refusal (too little money, an account frozen, ...), so that the id is refused
 * for good, however often it is sent again. Only for ids that the client chose. After other codes
 * it does nothing: they would be given again anyway, or leave nothing. */
void posting_refused(struct turn *t, const struct posting *p, uint16_t code);

#endif
