/* SPDX-License-Identifier: Apache-2.0 */
/* See mutants.h. */
#include "tests/simulation/mutants.h"

#include <string.h>

enum mutant mutant_active = MUTANT_NONE;

const char *const mutant_names[MUTANT_COUNT] = {
    "",
#define X(name, text) text,
    MUTANT_LIST(X)
#undef X
};

bool mutant_find(const char *name, enum mutant *mutant)
{
    for (int i = 1; i < MUTANT_COUNT; i++) {
        if (strcmp(name, mutant_names[i]) == 0) {
            *mutant = (enum mutant)i;
            return true;
        }
    }
    return false;
}
