/* SPDX-License-Identifier: Apache-2.0 */
/* Ledger totals: the sums of a replayed journal per currency, for a verification's report. */
#ifndef BIN_LEDGER_TOTALS_H
#define BIN_LEDGER_TOTALS_H

struct registry;
struct verify_info;

/* Adds all ledgers in r to info->totals, which has room for every currency. */
void ledger_totals(struct registry *r, struct verify_info *info);

#endif
