/* SPDX-License-Identifier: Apache-2.0 */
/* Memory with one lifetime: allocate forward, free all at once. A request's strings and decoded
 * message live here. Not thread-safe; owned by whoever embeds it. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#include "runtime/base/check.h"
#include "runtime/base/slice.h"

struct arena_chunk;

struct arena {
    struct arena_chunk *chunks; /* newest first; the oldest is kept by arena_reset() */
    size_t allocated;           /* bytes handed out since the last reset */
    size_t allocated_max;       /* beyond this arena_alloc() fails */
    bool failed;                /* something did not fit; sticky until the reset */
    bool no_memory;             /* ... for want of memory; never set unless refusing */
    bool refusing;              /* fails without memory, where others end the process */
};

/* An arena that fails at its limit alone: without memory the process ends (base/memory.h). */
void arena_init(struct arena *a, size_t allocated_max);
/* The bridge's, which can refuse the request: fails without memory as well, with `no_memory`. */
void arena_init_refusing(struct arena *a, size_t allocated_max);
void arena_done(struct arena *a);

/* Forgets everything handed out; keeps one chunk for reuse. */
void arena_forget(struct arena *a);
static inline void arena_reset(struct arena *a)
{
    if (a->allocated > 0 || a->failed)
        arena_forget(a);
}

/* Memory aligned for any type, with whatever is in it: for what is written as a whole next. NULL
 * (and a->failed) if the arena fails. */
must_check void *arena_take(struct arena *a, size_t size);

/* The same, zeroed. */
must_check void *arena_alloc(struct arena *a, size_t size);

/* A copy of the bytes that lives as long as the arena; an empty slice on failure. */
struct slice arena_copy(struct arena *a, struct slice s);

#endif
