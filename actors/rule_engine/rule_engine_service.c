/* SPDX-License-Identifier: Apache-2.0 */
/* No actors yet: its rules are a part of the program. */
#include "actors/rule_engine/rule_engine_service.h"

#include "actors/rule_engine/rule_engine_queries.h"
#include "actors/rule_engine/seed_rules.h"
#include "schemas/rule_engine.h"

static const struct query queries[] = {
    {&transaction_evaluate_type, rule_engine_query_evaluate},
    {&rule_list_type, rule_engine_query_rules},
};

const struct service rule_engine_service = {
    .name = "rule_engine",
    .prepare = seed_rules_prepare,
    .queries = queries,
    .query_count = array_len(queries),
};
