/* SPDX-License-Identifier: Apache-2.0 */
#include "actors/rule_engine/facts.h"

#include <ctype.h>

static const char *const fact_names[FACTS] = {
    [FACT_AMOUNT] = "transaction_amount",
    [FACT_TYPE] = "transaction_type",
    [FACT_USER] = "user_id",
    [FACT_COUNTRY] = "country",
};

/* FNV-1a: what it is looked up in was written by an operator, not by who asks. */
uint64_t facts_hash(struct slice text)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (uint32_t i = 0; i < text.len; i++)
        hash = (hash ^ (unsigned char)text.data[i]) * UINT64_C(0x100000001b3);
    return hash;
}

void facts_amount(struct facts *f, struct decimal amount, uint16_t currency)
{
    f->all[FACT_AMOUNT] =
        (struct fact){.state = FACT_KNOWN, .number = amount, .currency = currency};
}

void facts_text(struct facts *f, enum fact_name name, struct slice text)
{
    check(name != FACT_AMOUNT && name < FACTS);
    f->all[name] = (struct fact){.state = FACT_KNOWN, .text = text, .hash = facts_hash(text)};
}

bool facts_country(struct facts *f, struct slice text)
{
    if (text.len != FACTS_COUNTRY_LEN)
        return false;
    for (uint32_t i = 0; i < FACTS_COUNTRY_LEN; i++) {
        unsigned char letter = (unsigned char)text.data[i];
        if (letter >= 0x80 || !isalpha(letter))
            return false;
        f->country[i] = (char)toupper(letter);
    }
    facts_text(f, FACT_COUNTRY, (struct slice){f->country, FACTS_COUNTRY_LEN});
    return true;
}

void facts_fail(struct facts *f, enum fact_name name)
{
    check(name < FACTS);
    f->all[name] = (struct fact){.state = FACT_FAILED};
    f->failed |= 1u << name;
}

bool facts_find(struct slice name, enum fact_name *ret)
{
    for (uint32_t i = 0; i < array_len(fact_names); i++) {
        if (slice_equal(name, slice_of(fact_names[i]))) {
            *ret = (enum fact_name)i;
            return true;
        }
    }
    return false;
}
