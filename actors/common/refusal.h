/* SPDX-License-Identifier: Apache-2.0 */
/* Refusal: an answer that changes nothing and says more than its code. */
#ifndef COMMON_REFUSAL_H
#define COMMON_REFUSAL_H

#include <stdint.h>

#include "runtime/actor/turn.h"

/* Refuses the request for what this field of it has; for codes that several fields can be refused
 * with. */
void refusal_of_field(struct turn *t, uint16_t code, const char *field);

#endif
