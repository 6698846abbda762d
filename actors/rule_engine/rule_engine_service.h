/* SPDX-License-Identifier: Apache-2.0 */
/* The rule engine, as the runtime sees it. */
#ifndef RULE_ENGINE_RULE_ENGINE_SERVICE_H
#define RULE_ENGINE_RULE_ENGINE_SERVICE_H

#include "runtime/actor/domain.h"

extern const struct service rule_engine_service;

#endif
