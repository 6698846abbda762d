/* SPDX-License-Identifier: Apache-2.0 */
/* The wallet service: owners, wallets and holds, as the runtime sees them. */
#ifndef WALLET_WALLET_SERVICE_H
#define WALLET_WALLET_SERVICE_H

#include "runtime/actor/domain.h"

extern const struct service wallet_service;

#endif
