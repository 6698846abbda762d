/* SPDX-License-Identifier: Apache-2.0 */
#include "actors/rule_engine/rule_engine_queries.h"

#include "actors/rule_engine/seed_rules.h"
#include "schemas/result.h"
#include "schemas/rule_engine.h"

/* A score by 1000, as short as it can be with a decimal: 0.2, 0.25, 1.0. */
static struct decimal rule_engine_risk(uint16_t score)
{
    struct decimal risk = {score, 3};
    check(score <= RULE_SCORE_MAX);
    while (risk.scale > 1 && risk.digits % 10 == 0) {
        risk.digits /= 10;
        risk.scale--;
    }
    return risk;
}

uint16_t rule_engine_query_evaluate(struct view_store *s, const struct message *m,
                                    struct wire_writer *reply, uint16_t *reply_type)
{
    (void)s;
    const struct transaction_evaluate *request = m->body;
    const struct rule_set *set = seed_rules();
    struct facts facts = {.failed = 0};
    struct rule_decision decision;
    facts_amount(&facts, request->transaction_amount, 0);
    facts_text(&facts, FACT_TYPE, request->transaction_type);
    facts_text(&facts, FACT_USER, request->user_id);
    if (!facts_country(&facts, request->country))
        return RESULT_INVALID_COUNTRY;
    rule_set_decide(set, &facts, &decision);
    check(decision.hit != RULE_NONE); /* the last one always holds */
    const struct rule *hit = &set->rules[decision.hit];
    struct transaction_evaluation answer = {
        .allowed = decision.outcome == RULE_APPROVE,
        .rules_applied = hit->reasons,
        .risk_score = rule_engine_risk(decision.score),
        .message = hit->message,
    };
    transaction_evaluation_write(reply, &answer);
    *reply_type = TRANSACTION_EVALUATION_NUMBER;
    return RESULT_OK;
}

uint16_t rule_engine_query_rules(struct view_store *s, const struct message *m,
                                 struct wire_writer *reply, uint16_t *reply_type)
{
    (void)s, (void)m;
    const struct rule_set *set = seed_rules();
    struct rule_info rules[RULES_MAX];
    for (uint32_t i = 0; i < set->count; i++)
        rules[i] = (struct rule_info){set->rules[i].id, set->rules[i].name, set->rules[i].type,
                                      .active = true};
    struct rule_list_info answer = {.rules = rules, .rules_count = set->count};
    rule_list_info_write(reply, &answer);
    *reply_type = RULE_LIST_INFO_NUMBER;
    return RESULT_OK;
}
