/* SPDX-License-Identifier: Apache-2.0 */
/* Manager: the service's thing that made an account or a transfer and alone resolves it: a wallet,
 * a hold, a payment. The flag `managed` says that there is one; which it is follows from the code,
 * for a service gives its own codes only, so nothing else is stored. The ledger's own messages show
 * what is managed and refuse to change it; the refusal names the manager and the operation to
 * use. */
#ifndef LEDGER_MANAGER_H
#define LEDGER_MANAGER_H

#include <stdint.h>

#include "runtime/actor/turn.h"
#include "schemas/ledger.h"

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
};

/* What the ledger is asked to do with a managed transfer. */
enum manager_act {
    MANAGER_POST,
    MANAGER_VOID,
    MANAGER_REVERSE,
};

/* A managed transfer, as far as its manager follows from it. */
struct managed {
    struct id128 debit_account_id;
    struct id128 credit_account_id;
    u128 user_data_128;
    uint16_t code;
};

/* Of an event, state, row or info of a transfer. */
#define MANAGED_OF(x)                                                                              \
    ((struct managed){(x)->debit_account_id, (x)->credit_account_id, (x)->user_data_128, (x)->code})

/* The manager's id as clients know it, such as pay_01J8Z3Q4R5S6T7V8W9XAYBZC00; in `memory`. */
struct slice manager_text(const struct managed *m, char memory[MANAGER_TEXT_MAX]);

/* Refuses with MANAGED, and names the manager and the operation that does this act instead. */
void manager_refuse(struct turn *t, const struct managed *m, enum manager_act act);

#endif
