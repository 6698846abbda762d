/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a condition of a rule document and compiles it. */
#ifndef RULE_ENGINE_CONDITION_READER_H
#define RULE_ENGINE_CONDITION_READER_H

#include <stdint.h>

#include "actors/rule_engine/condition.h"
#include "actors/rule_engine/rule_document.h"

#define CONDITIONS_MAX 1024 /* of one rule set */

struct condition_reader {
    struct rule_document *document;
    struct condition *conditions; /* CONDITIONS_MAX */
    uint32_t count;
    uint32_t facts; /* bit per fact that was asked for */
};

/* Appends the condition with all within it; mistakes are noted in the document. `value` may be
 * NULL: it lacks. */
void condition_read(struct condition_reader *r, const struct yyjson_val *value);

#endif
