/* SPDX-License-Identifier: Apache-2.0 */
/* View checkers: the rows that lists are made of, against the reference. */
#ifndef SIMULATION_VIEW_CHECKERS_H
#define SIMULATION_VIEW_CHECKERS_H

#include "tests/simulation/run.h"

/* The views stand at the last batch of each history. */
void view_checkers(struct run *run);

#endif
