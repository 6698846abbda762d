/* SPDX-License-Identifier: Apache-2.0 */
/* The runtime's own service: what sends between shards leave in states. A domain whose handlers
 * send has it among its services. */
#ifndef SENDS_SENDS_SERVICE_H
#define SENDS_SENDS_SERVICE_H

#include "runtime/actor/domain.h"

extern const struct service sends_service;

#endif
