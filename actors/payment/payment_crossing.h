/* SPDX-License-Identifier: Apache-2.0 */
/* Payments to a wallet of another shard. The payment's shard keeps the money aside and shows the
 * payment as processing; the payee's decides about its wallet and takes the money; what it decided
 * comes back and is carried out (actors/ledger/token.h). The request stays open until then, and who
 * does not wait so long is told of the payment as it is. Who the payee is comes with the decision:
 * until then only the payer sees the payment. Captures and refunds go the same way. */
#ifndef PAYMENT_PAYMENT_CROSSING_H
#define PAYMENT_PAYMENT_CROSSING_H

#include "actors/payment/payment.h"
#include "actors/wallet/funds.h"

/* The rest of payment_create, once the payer's wallet has nothing against it: paid at once, or only
 * authorised, which keeps the money aside here and asks whether there is such a payee. */
enum turn_result payment_cross(struct turn *t, const struct message *m,
                               const struct payment_created *asked, const struct funds_move *move);
enum turn_result payment_cross_authorization(struct turn *t, const struct message *m,
                                             const struct payment_created *asked,
                                             const struct funds_move *move);

/* The rest of a capture: `take` is the posting that takes the money from the payer. */
enum turn_result payment_cross_capture(struct turn *t, const struct message *m,
                                       const struct payment *p, struct posting *take,
                                       const struct payment_captured *asked);

/* The rest of a refund: `move` is from payee to payer. The payer's end is kept aside here, the
 * payee's shard decides whether the payee has as much. */
enum turn_result payment_cross_refund(struct turn *t, const struct message *m,
                                      const struct funds_move *move);

/* The payee's side: `self` is the wallet's id. */
enum turn_result payment_on_token(struct turn *t, struct id128 self, const struct message *m);
enum turn_result payment_on_ask(struct turn *t, struct id128 self, const struct message *m);
/* The payer's again. */
enum turn_result payment_on_follow(struct turn *t, struct id128 self, const struct message *m);
enum turn_result payment_on_told(struct turn *t, struct id128 self, const struct message *m);

#endif
