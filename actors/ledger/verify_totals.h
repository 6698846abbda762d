/* SPDX-License-Identifier: Apache-2.0 */
/* Verify totals: what all tenants' totals of a shard add up to, per currency, for a verification.
 */
#ifndef LEDGER_VERIFY_TOTALS_H
#define LEDGER_VERIFY_TOTALS_H

#include "runtime/actor/registry.h"
#include "schemas/operator.h"

/* Adds to info->totals, which has room for every currency and is kept in the order of first
 * appearance. */
void verify_totals(struct registry *r, struct verify_info *info);

#endif
