/* SPDX-License-Identifier: Apache-2.0 */
/* Pool of equal objects: no malloc on the hot path, no per-object header. Memory is taken from the
 * system in blocks and given back only by slab_done(). Not thread-safe. */
#ifndef BASE_SLAB_H
#define BASE_SLAB_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/base/check.h"

struct slab {
    void *free;          /* chain through the first word of each free object */
    void *blocks;        /* chain of all blocks */
    char *fresh;         /* never-used tail of the newest block */
    char *fresh_end;
    uint32_t object_size;
    uint32_t block_size;
    uint32_t lead; /* bytes between a block's begin and its objects */
    size_t live; /* objects handed out */
};

void slab_init(struct slab *s, size_t object_size);

/* Of objects whose byte `hot_at` (a multiple of 16) begins a cache line: what follows it is read in
 * as few lines as its size allows. */
void slab_init_lined(struct slab *s, size_t object_size, size_t hot_at);
void slab_done(struct slab *s);

/* Uninitialised object aligned to 16 bytes. Without memory the process ends. */
must_check void *slab_take(struct slab *s);
/* The same for the bridge, which can refuse the request: NULL without memory. */
must_check void *slab_try_take(struct slab *s);
void slab_give(struct slab *s, void *object);

#endif
