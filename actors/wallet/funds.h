/* SPDX-License-Identifier: Apache-2.0 */
/* Funds: what wallets and payments ask of the ledger. A wallet's account has the wallet's id. Money
 * from and to the outside passes the clearing account of its tenant, currency and shard, which is
 * opened when it is first needed and may be on either side of zero. */
#ifndef WALLET_FUNDS_H
#define WALLET_FUNDS_H

#include <stdbool.h>
#include <stdint.h>

#include "actors/ledger/house.h"
#include "actors/ledger/manager.h"
#include "actors/ledger/posting.h"

struct funds_move {
    struct id128 id;
    struct id128 tenant_id;
    struct id128 from;
    struct id128 to;
    struct id128 reference; /* the hold or payment that it is for, or zero */
    u128 amount;
    uint16_t currency;
    uint16_t code; /* enum managed_transfer */
};

/* The postings. */
struct posting funds_transfer(const struct funds_move *m);
struct posting funds_pending(const struct funds_move *m);
/* Of a pending transfer: amount moves; what is left stays pending or goes back. */
struct posting funds_capture(const struct funds_move *m, struct id128 pending_id, bool keep_rest);
struct posting funds_void(const struct funds_move *m, struct id128 pending_id);

/* Finds everything, decides, and leaves the posting ready for posting_emit(). WAITING: nothing was
 * done. Else *code says RESULT_OK or why not. Opens the clearing account if the posting moves money
 * from or to it and it is not there yet; if the posting is refused, that is taken back. Emits, so
 * all other checks come before it. */
must_check enum presence funds_prepare(struct turn *t, struct posting *p, uint16_t *code);

/* funds_prepare() and the posting's event. false: nothing moved, and the turn ends with *end,
 * refused or waiting. */
must_check bool funds_post(struct turn *t, struct posting *p, enum turn_result *end);

/* Both or none: the second, unless it is NULL, is checked with what the first did. Both are found
 * already. RESULT_OK, or why not. */
must_check uint16_t funds_post_both(struct turn *t, struct posting *post, struct posting *forward);

/* Emits the opening of a wallet's account; after ledger_totals_find(). RESULT_OK, or why not. */
must_check uint16_t funds_open_wallet(struct turn *t, struct id128 id, struct id128 tenant_id,
                                      uint16_t currency);

/* Emits the end of a wallet's account. */
void funds_close_wallet(struct turn *t, struct id128 id, const struct account *account);

struct balance {
    u128 posted;    /* credits less debits */
    u128 held;      /* pending debits */
    u128 incoming;  /* pending credits */
    u128 available; /* posted less held */
};

/* Of a wallet's account, which never owes anything. */
struct balance funds_balance(u128 debits_pending, u128 debits_posted, u128 credits_pending,
                             u128 credits_posted);

#endif
