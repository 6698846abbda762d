/* SPDX-License-Identifier: Apache-2.0 */
/* Seed rules: the rules of the replaced platform, which POST /evaluate asks. */
#ifndef RULE_ENGINE_SEED_RULES_H
#define RULE_ENGINE_SEED_RULES_H

#include "actors/rule_engine/rule_set.h"

extern const char seed_rules_document[]; /* seed_rules.json */

/* Compiles them, once, before there are threads. */
void seed_rules_prepare(void);

const struct rule_set *seed_rules(void);

#endif
