/* SPDX-License-Identifier: Apache-2.0 */
/* They are a part of the program, so they are compiled once and never freed. */
#include "actors/rule_engine/seed_rules.h"

static struct {
    bool compiled;
    struct arena arena;
    struct rule_set set;
} seed;

void seed_rules_prepare(void)
{
    struct rule_faults faults;
    if (seed.compiled)
        return;
    arena_init(&seed.arena, RULE_SET_BYTES_MAX);
    seed.compiled = rule_set_read(&seed.set, slice_of(seed_rules_document), &seed.arena, &faults);
    check(seed.compiled);
}

const struct rule_set *seed_rules(void)
{
    check(seed.compiled);
    return &seed.set;
}
