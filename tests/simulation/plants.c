/* SPDX-License-Identifier: Apache-2.0 */
/* See plants.h. */
#include "tests/simulation/plants.h"

#include <string.h>

enum plant plant_active = PLANT_NONE;

const char *const plant_names[PLANT_COUNT] = {
    "",
#define X(name, text) text,
    PLANT_LIST(X)
#undef X
};

bool plant_find(const char *name, enum plant *plant)
{
    for (int i = 1; i < PLANT_COUNT; i++) {
        if (strcmp(name, plant_names[i]) == 0) {
            *plant = (enum plant)i;
            return true;
        }
    }
    return false;
}
