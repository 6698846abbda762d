/* SPDX-License-Identifier: Apache-2.0 */
/* Wallet: whose money is in an account, and what may be done with it. Balances are those of the
 * ledger account with the same id; the wallet has the owner, the status, the limits and the number
 * of open holds and authorised payments. A frozen wallet still receives. Its owner takes nothing
 * out of it, captures of own holds included; others capture what they were promised before, unless
 * it is frozen for all. What is kept aside can always be given back. The version shown to clients
 * is the wallet's and the account's together: it grows with every change of either. */
#ifndef WALLET_WALLET_H
#define WALLET_WALLET_H

#include <stdbool.h>
#include <stdint.h>

#include "actors/ledger/account.h"
#include "actors/wallet/funds.h"
#include "actors/wallet/limit.h"
#include "runtime/actor/domain.h"
#include "schemas/result.h"
#include "schemas/wallet.h"

#define WALLET_EXPIRY_S_MAX ((uint32_t)30 * 24 * 3600)
#define WALLET_EXPIRY_S_DEFAULT ((uint32_t)7 * 24 * 3600)

struct wallet {
    struct id128 tenant_id;
    struct id128 owner_id;
    struct limit limit;
    uint64_t created_at;
    uint64_t version;         /* of what is here; the account counts its own changes */
    struct slice user_id;     /* registry memory */
    struct metadata metadata; /* registry memory */
    uint32_t open_holds;      /* holds and authorised payments that still keep money aside */
    uint16_t currency;
    uint8_t status;           /* enum wallet_status; changes in wallet_status_changed alone */
    bool frozen_for_all;      /* only while frozen: the freeze stops captures by others too */
};

extern const struct actor_kind wallet_kind;

/* A wallet with its account, as found in a turn. */
struct wallet_ref {
    struct id128 id;
    const struct wallet *wallet;
    const struct account *account;
};

/* Finds a wallet of this shard; one of another shard is ABSENT. */
must_check enum presence wallet_find(struct turn *t, struct id128 id, struct wallet_ref *w);

/* Finds it for the caller, who must be allowed to see it and, with If-Match, know its version.
 * false: the turn ends with *end, refused or waiting. */
must_check bool wallet_enter(struct turn *t, struct id128 id, struct wallet_ref *w,
                             enum turn_result *end);

/* The same wallet again, after events of this turn changed it. */
struct wallet_ref wallet_again(struct turn *t, struct id128 id);

/* enum freeze_scope; 0 while it is not frozen. */
uint8_t wallet_freeze_scope(const struct wallet *w);

uint64_t wallet_version(const struct wallet_ref *w);
struct balance wallet_balance_of(const struct wallet_ref *w);

/* The amount of a request in minor units of the wallet's currency. */
must_check uint16_t wallet_amount(const struct wallet *w, struct decimal d, bool has_currency,
                                  uint16_t currency, u128 *amount);

/* May this much leave the wallet now? Looks at status and limits; the ledger checks the balance. */
must_check uint16_t wallet_check_debit(const struct wallet *w, u128 amount, uint64_t time_ns);

/* And has it as much? Whoever names another wallet is told this first: who cannot pay learns
 * nothing of the other. */
must_check uint16_t wallet_check_payer(const struct wallet_ref *w, u128 amount, uint64_t time_ns);

/* May this caller take what the wallet promised before: capture a hold or an authorised payment?
 * RESULT_OK or RESULT_WALLET_FROZEN. */
must_check uint16_t wallet_check_capture(const struct wallet *w, const struct principal *who);

/* Acts for any owner: may do what a freeze forbids to the owner. */
static inline bool wallet_administrator(const struct principal *who)
{
    return principal_sees_all_owners(who);
}

/* May money of `from` go to this wallet of the same shard? `found` is what wallet_find() said of
 * it. */
must_check uint16_t wallet_check_destination(const struct wallet_ref *from, enum presence found,
                                             const struct wallet_ref *to);
/* May money of this tenant and currency? */
must_check uint16_t wallet_check_receiver(struct id128 tenant_id, uint16_t currency,
                                          enum presence found, const struct wallet_ref *to);

/* A movement that was just made, as its answer shows it: without the other wallet and note. */
/* enum wallet_direction of a movement, by its type. */
uint8_t wallet_direction_of(uint8_t type);

struct wallet_transaction wallet_transaction_made(struct turn *t, struct id128 wallet_id,
                                                  const struct funds_move *move, uint8_t type,
                                                  uint64_t time_ns);

/* How long a hold or authorisation lives: `seconds` (not given: WALLET_EXPIRY_S_DEFAULT), counted
 * from the time of the event that makes it. */
uint64_t wallet_life_ns(bool given, uint32_t seconds);

/* The same for what ends at `present` and is to end later, counted from the time of the event that
 * says so. RESULT_OK or RESULT_EXPIRY_NOT_LATER. */
must_check uint16_t wallet_expiry_after(struct turn *t, bool given, uint32_t seconds,
                                        uint64_t present, uint64_t *expires_at);

static inline enum turn_result wallet_refuse(struct turn *t, uint16_t code)
{
    turn_refuse(t, code);
    return TURN_DONE;
}

/* --- parts of apply functions, also those of payments ----------------------------------------- */

/* Counts a debit against the limits; opens_hold: the money is only kept aside so far. */
void wallet_count_debit(struct registry *r, struct id128 id, u128 amount, uint64_t time_ns,
                        bool opens_hold);

/* Money that was paid or kept aside at `since_ns` goes back to the wallet; ends_hold: nothing is
 * kept aside any more. */
void wallet_count_return(struct registry *r, struct id128 id, u128 amount, uint64_t since_ns,
                         bool ends_hold);

/* --- apply, for the table of rules ------------------------------------------------------------ */

void wallet_apply_opened(struct registry *r, const void *event, uint64_t time_ns);
void wallet_apply_debited(struct registry *r, const void *event, uint64_t time_ns);
void wallet_apply_debit_returned(struct registry *r, const void *event, uint64_t time_ns);
void wallet_apply_status_changed(struct registry *r, const void *event, uint64_t time_ns);
void wallet_apply_updated(struct registry *r, const void *event, uint64_t time_ns);
void wallet_apply_limits_changed(struct registry *r, const void *event, uint64_t time_ns);

#endif
