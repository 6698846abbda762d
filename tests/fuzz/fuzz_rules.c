/* SPDX-License-Identifier: Apache-2.0 */
/* Rule documents: whatever the text, it is either compiled or told its mistakes, and what is
 * compiled decides of any facts. */
#include <stdint.h>

#include "actors/rule_engine/rule_set.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_MAX 65536

static void decide(const struct rule_set *set, bool failed)
{
    struct facts f = {.now_ns = UINT64_C(1780185600000000000)};
    struct rule_decision d;
    facts_amount(&f, (struct decimal){1000001, 2}, 840);
    facts_text(&f, FACT_TYPE, slice_of("withdrawal"));
    check(facts_country(&f, slice_of("ru")));
    if (failed)
        facts_fail(&f, FACT_AMOUNT);
    rule_set_decide(set, &f, &d);
    check(d.outcome != RULE_ALLOW && d.score <= RULE_SCORE_MAX);
    check(d.hit == RULE_NONE || rule_set_bit(d.held, d.hit));
    for (uint32_t i = 0; i < set->count; i++) {
        check(!(rule_set_bit(d.held, i) && rule_set_bit(d.error, i)));
        check(!rule_set_bit(d.error, i) || d.outcome != RULE_APPROVE);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > INPUT_MAX)
        return 0;
    struct arena arena;
    struct rule_set set;
    struct rule_faults faults;
    arena_init(&arena, RULE_SET_BYTES_MAX);
    if (rule_set_read(&set, (struct slice){(const char *)data, (uint32_t)size}, &arena, &faults)) {
        decide(&set, false);
        decide(&set, true);
    } else {
        check(faults.count > 0 && faults.items[0].line > 0);
    }
    arena_done(&arena);
    return 0;
}
