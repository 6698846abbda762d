/* SPDX-License-Identifier: Apache-2.0 */
/* Plants: the bugs of runtime/base/plant.h by name. */
#ifndef SIMULATION_PLANTS_H
#define SIMULATION_PLANTS_H

#include <stdbool.h>

#include "runtime/base/plant.h"

extern const char *const plant_names[PLANT_COUNT]; /* [PLANT_NONE] is empty */

/* false: there is no such plant. */
bool plant_find(const char *name, enum plant *plant);

#endif
