/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger service: accounts, transfers and totals, as the runtime sees them. */
#ifndef LEDGER_LEDGER_SERVICE_H
#define LEDGER_LEDGER_SERVICE_H

#include "runtime/actor/domain.h"

extern const struct service ledger_service;

#endif
