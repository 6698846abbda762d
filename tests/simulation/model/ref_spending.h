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

/* A freeze may widen the scope of another and not narrow it. */
void spending_status_changed(struct ref_wallet *w, const struct wallet_status_changed *e);

/* broken() if a day allows less than one transaction. */
void spending_limits_changed(struct ref_wallet *w, const struct wallet_limits_changed *e);

#endif
