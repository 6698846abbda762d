/* SPDX-License-Identifier: Apache-2.0 */
/* Wallets over shards: a transfer to a wallet of another shard, and a hold captured to one. The
 * money is kept aside here, the other shard decides about its wallet and takes it, and its decision
 * comes back and is carried out, whatever has happened to the wallet since (actors/ledger/token.h).
 * A debit counts against the limits from the moment it is kept aside, and is given back to its day
 * if it is refused. A hold that is being captured is ended by nothing else: its time waits. */
#ifndef WALLET_WALLET_CROSSING_H
#define WALLET_WALLET_CROSSING_H

#include "actors/ledger/transfer.h"
#include "actors/wallet/wallet.h"

/* The rest of wallet_transfer, once the wallet that pays has nothing against it. */
enum turn_result wallet_cross(struct turn *t, const struct message *m,
                              const struct funds_move *move, const struct transfer_note *note);

/* A capture whose hold has nothing against it: `take` is the posting that takes the money from the
 * wallet, `forward` what gives it to the other. */
struct hold_capture {
    struct id128 hold_id;
    u128 amount;
    bool final; /* what is left after it goes back */
    struct posting take;
    struct funds_move forward;
};
enum turn_result hold_cross(struct turn *t, const struct message *m, struct hold_capture *c);

enum turn_result wallet_on_token(struct turn *t, struct id128 self, const struct message *m);
enum turn_result wallet_on_follow(struct turn *t, struct id128 self, const struct message *m);
enum turn_result hold_on_follow(struct turn *t, struct id128 self, const struct message *m);

#endif
