/* SPDX-License-Identifier: Apache-2.0 */
/* The payment service, as the runtime sees it. */
#ifndef PAYMENT_PAYMENT_SERVICE_H
#define PAYMENT_PAYMENT_SERVICE_H

#include "runtime/actor/domain.h"

extern const struct service payment_service;

#endif
