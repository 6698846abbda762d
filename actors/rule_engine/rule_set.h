/* SPDX-License-Identifier: Apache-2.0 */
/* Rule set: rules in their order, compiled from a document, and what they decide of the facts of
 * one transaction. Constant once it is read; deciding allocates nothing.
 *
 * The document:
 *   {"name": "seed", "hit": "first",        the first rule that holds decides; or "all"
 *    "rules": [{"id": "rule_001", "name": "...", "type": "sanctions",
 *      "when": CONDITION, "outcome": "decline", "score": 1000,
 *      "reasons": ["country_sanctions"], "message": "..."}]}
 * A CONDITION is one of
 *   {"all": [...]}, {"any": [...]}, {"not": CONDITION}, {"always": true}
 *   {"fact": "transaction_amount", "over": "100000"}  at_least, under, at_most; with "currency":
 *                                                      "USD" of amounts in that currency only
 *   {"fact": "country", "in": ["IR"]}                  or "is": one text
 *   {"time": {"from": "22:00", "to": "06:00", "zone": "+01:00"}}
 *   {"weekday": {"in": ["sunday"], "zone": "UTC"}}
 * With a fact "absent": true or false says what holds without it; false if it does not. */
#ifndef RULE_ENGINE_RULE_SET_H
#define RULE_ENGINE_RULE_SET_H

#include <stdbool.h>
#include <stdint.h>

#include "actors/rule_engine/condition.h"
#include "actors/rule_engine/facts.h"
#include "actors/rule_engine/rule_document.h"

#define RULES_MAX 256
#define RULES_WORDS (RULES_MAX / 64)
#define RULE_REASONS_MAX 16
#define RULE_SCORE_MAX 1000
#define RULE_SET_BYTES_MAX ((size_t)16 << 20)
#define RULE_NONE UINT32_MAX

/* What a rule wants, and what comes of all of them: decline goes over review, review over approve,
 * and allow lifts a review. A set never decides allow. */
enum rule_outcome {
    RULE_APPROVE,
    RULE_ALLOW,
    RULE_REVIEW,
    RULE_DECLINE,
};

struct rule {
    struct slice id, name, type, message;
    struct slice reasons; /* blanks between them */
    uint8_t outcome;      /* enum rule_outcome */
    uint16_t score;
    uint32_t condition; /* its first */
    uint32_t facts;     /* bit per fact that it asks for */
};

struct rule_set {
    struct slice name;
    bool first; /* hit: first */
    struct rule *rules;
    uint32_t count;
    struct condition *conditions;
};

/* Which rules held, and why it came out like this. */
struct rule_decision {
    enum rule_outcome outcome;
    uint16_t score;
    uint32_t hit;                /* the first rule that held, or RULE_NONE */
    uint64_t held[RULES_WORDS];  /* bit per rule */
    uint64_t error[RULES_WORDS]; /* bit per rule: a fact that it asks for failed */
};

/* Compiles the document into `keep`. false: the faults say why. */
must_check bool rule_set_read(struct rule_set *s, struct slice document, struct arena *keep,
                              struct rule_faults *faults);

void rule_set_decide(const struct rule_set *s, const struct facts *f, struct rule_decision *d);

static inline bool rule_set_bit(const uint64_t bits[RULES_WORDS], uint32_t rule)
{
    check(rule < RULES_MAX);
    return (bits[rule / 64] >> rule % 64 & 1) != 0;
}

#endif
