/* SPDX-License-Identifier: Apache-2.0 */
/* Totals: what all tenants' ledgers of a shard add up to, per currency, for a verification. */
#ifndef LEDGER_TOTALS_H
#define LEDGER_TOTALS_H

#include "runtime/actor/registry.h"
#include "schemas/operator.h"

/* Adds to info->totals, which has room for every currency and is kept in the order of first
 * appearance. */
void ledger_totals(struct registry *r, struct verify_info *info);

#endif
