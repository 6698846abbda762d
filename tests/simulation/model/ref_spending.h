/* SPDX-License-Identifier: Apache-2.0 */
/* Spending: what the reference knows of a wallet's status and limits. Everything that leaves a
 * wallet, or is kept aside in it, passes spending_use(); what comes back of it, released or
 * refunded, spending_return(). */
#ifndef SIMULATION_REF_SPENDING_H
#define SIMULATION_REF_SPENDING_H

#include "schemas/wallet.h"
#include "tests/simulation/model/reference.h"

/* The owner's debit; broken() if the wallet is not active or a limit is passed. */
void spending_use(struct ref_wallet *w, u128 amount, uint64_t time_ns);

/* Part of a debit of `since_ns` goes back; to the allowance only while its UTC day lasts. */
void spending_return(struct ref_wallet *w, u128 amount, uint64_t since_ns);

/* Something that was promised before leaves the wallet: broken() if it is closed or frozen for all.
 * Whoever owns a frozen one must not be who captured: effects->frozen_owner. */
void spending_capture(const struct ref_wallet *w, struct ref_effects *effects);

/* --- while another shard is asked --------------------------------------------------------------
 *
 * A hold that is being captured ends by nothing but the decision, and what its wallet may do is
 * looked at when it is asked for, not again. A debit counts from the moment it is kept aside, and
 * goes back to its day if the other shard refuses it. */

/* What happened to a wallet's allowance, status or limits, or that another shard is asked. */
void spending_event(const struct reference *r, const struct message_type *type, const void *event,
                    uint64_t time_ns, struct ref_effects *f);

/* The hold is captured: is that what another shard was asked about? */
bool spending_promised(const struct reference *r, struct ref_hold *h,
                       const struct wallet_hold_captured *e, struct ref_effects *f);

/* At the end of a record: what went on its way, or came to its end, is what wallets and holds say
 * of it. */
void spending_check_passing(const struct reference *r, const struct ref_passing *p);

/* A freeze may widen the scope of another and not narrow it. */
void spending_status_changed(struct ref_wallet *w, const struct wallet_status_changed *e);

/* broken() if a day allows less than one transaction. */
void spending_limits_changed(struct ref_wallet *w, const struct wallet_limits_changed *e);

#endif
