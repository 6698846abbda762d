/* SPDX-License-Identifier: Apache-2.0 */
/* Mutants: the bugs of runtime/base/mutant.h by name. */
#ifndef SIMULATION_MUTANTS_H
#define SIMULATION_MUTANTS_H

#include <stdbool.h>

#include "runtime/base/mutant.h"

extern const char *const mutant_names[MUTANT_COUNT]; /* [MUTANT_NONE] is empty */

/* false: there is no such mutant. */
bool mutant_find(const char *name, enum mutant *mutant);

#endif
