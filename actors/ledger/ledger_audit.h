/* SPDX-License-Identifier: Apache-2.0 */
/* Ledger audit: what must be true of the ledger's states at every moment between two turns. */
#ifndef LEDGER_LEDGER_AUDIT_H
#define LEDGER_LEDGER_AUDIT_H

#include "runtime/actor/domain.h"

/* NULL if all is well, else what is broken (static text). Looks at resident states alone. */
const char *ledger_audit(struct registry *r);

#endif
