/* SPDX-License-Identifier: Apache-2.0 */
/* Room in an array that grows. */
#ifndef BASE_ROOM_H
#define BASE_ROOM_H

#include <stddef.h>

#include "runtime/base/check.h"

/* Room for `needed` items of this size: the array itself, or a larger one in its place, by half at
 * least so that many small steps stay cheap. Without memory the process ends. free() it. */
must_check void *room_for(void *items, size_t needed, size_t *cap, size_t size);

#endif
