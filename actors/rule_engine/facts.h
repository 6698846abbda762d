/* SPDX-License-Identifier: Apache-2.0 */
/* Facts: what rules are asked about. Each is known, absent, or could not be found out. */
#ifndef RULE_ENGINE_FACTS_H
#define RULE_ENGINE_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/check.h"
#include "runtime/base/slice.h"
#include "schemas/currency.h"

#define FACTS_COUNTRY_LEN 2

enum fact_name {
    FACT_AMOUNT, /* a number, of a currency or of none */
    FACT_TYPE,   /* of the transaction */
    FACT_USER,
    FACT_COUNTRY, /* in capitals, however it was given */
    FACTS,
};

enum fact_state {
    FACT_ABSENT, /* a condition says what holds then */
    FACT_KNOWN,
    FACT_FAILED, /* every rule that asks for it is in error */
};

struct fact {
    enum fact_state state;
    uint16_t currency;     /* of the amount; 0 = none */
    struct decimal number; /* of the amount */
    struct slice text;     /* of all others; borrowed */
    uint64_t hash;         /* of the text */
};

/* All absent while zero. Not to be copied: the country lies within. */
struct facts {
    struct fact all[FACTS];
    uint32_t failed; /* bit per fact */
    uint64_t now_ns; /* since 1970 UTC */
    char country[FACTS_COUNTRY_LEN];
};

void facts_amount(struct facts *f, struct decimal amount, uint16_t currency);
/* `text` lives as long as the facts. */
void facts_text(struct facts *f, enum fact_name name, struct slice text);
/* false: it is not two letters. */
must_check bool facts_country(struct facts *f, struct slice text);
void facts_fail(struct facts *f, enum fact_name name);

/* By the name it has in rules; false: there is none. */
must_check bool facts_find(struct slice name, enum fact_name *ret);

/* What lists of texts are searched by. */
uint64_t facts_hash(struct slice text);

#endif
