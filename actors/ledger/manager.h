/* SPDX-License-Identifier: Apache-2.0 */
/* Manager: the service's thing that made an account or a transfer and alone resolves it: a wallet,
 * a hold, a payment. The flag `managed` says that there is one; which it is follows from the code,
 * for a service gives its own codes only, so nothing else is stored. The ledger's own messages show
 * what is managed and refuse to change it; the refusal names the manager and the operation to
 * use. */
#ifndef LEDGER_MANAGER_H
#define LEDGER_MANAGER_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/actor/turn.h"
#include "schemas/ledger.h"

struct account; /* actors/ledger/account.h */
struct posting; /* actors/ledger/posting.h */

#define MANAGER_TEXT_MAX 32

/* Codes of managed accounts. */
enum managed_account {
    MANAGED_WALLET = 1, /* a wallet's, which has its id */
    MANAGED_CLEARING,   /* where money from and to the outside passes: nobody's in particular */
};

/* Codes of managed transfers; one that resolves a pending transfer has that one's. The reference of
 * a hold's or payment's is in user_data_128. */
enum managed_transfer {
    MANAGED_DEPOSIT = 1,
    MANAGED_WITHDRAWAL,
    MANAGED_TRANSFER,
    MANAGED_HOLD,         /* pending, to clearing */
    MANAGED_HOLD_FORWARD, /* captured money from clearing on to the wallet that receives it */
    MANAGED_PAYMENT,      /* posted at once, or pending when authorised */
    MANAGED_REFUND,
    MANAGED_AUTHORIZATION,   /* pending, to clearing: a payment to a payee of another shard */
    MANAGED_PAYMENT_FORWARD, /* captured money from clearing on to that payee */
};

/* What the ledger is asked for and refuses. */
enum manager_act {
    /* Of a managed transfer. */
    MANAGER_POST,
    MANAGER_VOID,
    MANAGER_REVERSE,
    /* Of a managed account. */
    MANAGER_KEEP_ASIDE,
    MANAGER_FREEZE,
    MANAGER_UNFREEZE,
    MANAGER_CLOSE,
    MANAGER_LIMIT,
    MANAGER_ACTS,
};

struct manager {
    struct id128 id;
    const char *prefix;      /* of its id's text */
    const char *const *uses; /* the operation for each act; NULL: there is none */
    uint16_t code;           /* which rule these are of */
};

struct manager manager_of_transfer(uint16_t code, struct id128 debit_account_id,
                                   struct id128 credit_account_id, u128 user_data_128);
struct manager manager_of_account(uint16_t code, struct id128 account_id);

/* What an account with this code and these flags is for; 0: a client's own. */
uint8_t manager_purpose(uint16_t code, uint32_t flags);

/* Of any struct with these members: an event, a state, a row, an info. */
#define MANAGER_OF_TRANSFER(x)                                                                     \
    manager_of_transfer((x)->code, (x)->debit_account_id, (x)->credit_account_id,                  \
                        (x)->user_data_128)

/* Its id as clients know it, such as pay_01J8Z3Q4R5S6T7V8W9XAYBZC00; in `memory`. */
struct slice manager_text(const struct manager *m, char memory[MANAGER_TEXT_MAX]);

/* What goes with a refusal as MANAGED: the manager, and the operation that does this act instead.
 * In the turn's memory. */
struct managed_refusal manager_refusal(struct turn *t, const struct manager *m,
                                       enum manager_act act);

/* The same of a posting that posting_check() refused as MANAGED. */
struct managed_refusal manager_refusal_of_posting(struct turn *t, const struct posting *p);

/* The same without texts, for another shard: into a refusal, and from one that manager_told(). */
void manager_note_posting(const struct posting *p, struct bulk_refusal *r);
void manager_note_away(struct turn *t, struct id128 account_id, bool closes,
                       struct bulk_refusal *r);
bool manager_told(const struct bulk_refusal *r);
struct managed_refusal manager_refusal_told(struct turn *t, const struct bulk_refusal *r);

/* The same of an account of another shard, which refused it: one that is managed is a wallet's or a
 * house account. */
struct managed_refusal manager_refusal_away(struct turn *t, struct id128 account_id, bool closes);

/* Into a struct that has these members: an answer for one item of several. */
#define MANAGER_TELL(answer, refusal)                                                              \
    ((answer)->has_managed_by = true, (answer)->managed_by = (refusal).managed_by,                 \
     (answer)->has_use = (refusal).has_use, (answer)->use = (refusal).use)

/* Refuses with MANAGED. */
void manager_refuse(struct turn *t, const struct manager *m, enum manager_act act);

/* May the ledger's own messages do this to an account? false: refused, as above. */
must_check bool manager_allows(struct turn *t, const struct account *a, struct id128 id,
                               enum manager_act act);

#endif
