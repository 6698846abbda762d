/* SPDX-License-Identifier: Apache-2.0 */
/* Memory for runtime and actors. Without memory the process ends, with one line on stderr that
 * names the size: what was acknowledged stands in the journal, and the next start goes on from
 * there. An error would have to be handed through paths that nobody runs, and one that is forgotten
 * leaves a half-written batch or view behind.
 *
 * The bridge may refuse one request and live: it calls malloc() itself, and its arenas and writers
 * are made by arena_init_refusing() and wire_writer_init_refusing(). */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stddef.h>

#include "runtime/base/check.h"

/* None of these gives NULL, and no size is 0. The memory is freed by free(). */
must_check void *memory_take(size_t size);
must_check void *memory_take_zeroed(size_t count, size_t size);
must_check void *memory_take_aligned(size_t align, size_t size); /* size: a multiple of align */
must_check void *memory_resize(void *memory, size_t count, size_t size);

/* Ends the process. size: what was asked for; 0 if a library does not say. */
_Noreturn void memory_ended(size_t size);

#endif
