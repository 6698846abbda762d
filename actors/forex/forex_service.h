/* SPDX-License-Identifier: Apache-2.0 */
/* The service of exchange rates, as the runtime sees it. */
#ifndef FOREX_FOREX_SERVICE_H
#define FOREX_FOREX_SERVICE_H

#include "runtime/actor/domain.h"

extern const struct service forex_service;

#endif
