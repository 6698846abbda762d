/* SPDX-License-Identifier: Apache-2.0 */
/* Funds crossing: funds of which the other wallet is in another shard, for wallets and payments
 * alike. What is common to their three turns: the token of a move, what stands against sending it,
 * and what a decision that comes back is about (actors/ledger/token.h). */
#ifndef WALLET_FUNDS_CROSSING_H
#define WALLET_FUNDS_CROSSING_H

#include "actors/ledger/token.h"
#include "actors/wallet/funds.h"

/* Of the service, so marked as managed; of the move's tenant, whoever asks. */
struct token funds_token(struct turn *t, const struct message *m, const struct funds_move *move);

/* Finds what keeping the token's money aside needs. WAITING: nothing was done. Else *code says
 * RESULT_OK, or what this shard has against it, or SHARD_UNAVAILABLE: then nothing is recorded. */
must_check enum presence funds_prepare_token(struct turn *t, const struct message *m,
                                             struct token *k, struct token_end *e, uint16_t *code);

/* A decision that came back: what was kept aside for it. false: the turn ends with *end. */
must_check bool funds_follow(struct turn *t, struct id128 reservation_id, const struct decision *d,
                             struct following *f, enum turn_result *end);

/* Was it kept aside for a move of this kind, of the hold or payment with this id? */
bool funds_kept_for(const struct following *f, uint16_t code, struct id128 reference);

/* Why no shard can have sent this token for what such a move brings to the wallet `self`, or takes
 * from it; NULL: it fits. */
const char *funds_token_fault(struct turn *t, const struct token *k, struct id128 self,
                              bool brings);

#endif
