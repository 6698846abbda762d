/* SPDX-License-Identifier: Apache-2.0 */
/* A list of chunks, of which only the newest is filled; an allocation that does not fit starts a
 * new chunk, and what was left of the older one stays unused. The first chunk survives resets, so a
 * request of ordinary size costs no malloc. The limit counts the bytes asked for, not those of the
 * chunks, so that it does not depend on how allocations happen to fit. Failure is sticky: a decoder
 * may check once at its end. */
#include "runtime/base/arena.h"

#include <stdlib.h>

#include "runtime/base/memory.h"

#define ARENA_CHUNK_MIN 4000 /* with malloc's and our own header still within one page */
#define ARENA_ALIGN _Alignof(max_align_t)

struct arena_chunk {
    struct arena_chunk *older;
    size_t size;
    size_t used;
    max_align_t memory[];
};

void arena_init(struct arena *a, size_t allocated_max)
{
    *a = (struct arena){.allocated_max = allocated_max};
}

void arena_init_refusing(struct arena *a, size_t allocated_max)
{
    *a = (struct arena){.allocated_max = allocated_max, .refusing = true};
}

static void arena_free_newer(struct arena *a, const struct arena_chunk *kept)
{
    while (a->chunks != kept) {
        struct arena_chunk *older = a->chunks->older;
        free(a->chunks);
        a->chunks = older;
    }
}

void arena_done(struct arena *a)
{
    arena_free_newer(a, NULL);
}

void arena_forget(struct arena *a)
{
    struct arena_chunk *oldest = a->chunks;
    while (oldest != NULL && oldest->older != NULL)
        oldest = oldest->older;
    arena_free_newer(a, oldest);
    if (oldest != NULL)
        oldest->used = 0;
    a->allocated = 0;
    a->failed = a->no_memory = false;
}

/* A chunk with room for `size` bytes in front of the others; false without memory, if refusing. */
static bool arena_add_chunk(struct arena *a, size_t size)
{
    size_t chunk_size = size > ARENA_CHUNK_MIN ? size : ARENA_CHUNK_MIN;
    size_t bytes = sizeof(struct arena_chunk) + chunk_size;
    struct arena_chunk *c = a->refusing ? malloc(bytes) : memory_take(bytes);
    if (c == NULL) {
        a->no_memory = true;
        return false;
    }
    c->older = a->chunks;
    c->size = chunk_size;
    c->used = 0;
    a->chunks = c;
    return true;
}

void *arena_take(struct arena *a, size_t size)
{
    if (a->failed || size > a->allocated_max - a->allocated)
        goto fail;
    size_t rounded = (size + ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN;
    if (rounded < size)
        goto fail;
    struct arena_chunk *c = a->chunks;
    if (c == NULL || rounded > c->size - c->used) {
        if (!arena_add_chunk(a, rounded))
            goto fail;
        c = a->chunks;
    }
    void *memory = (char *)c->memory + c->used;
    c->used += rounded;
    a->allocated += size;
    check(c->used <= c->size && a->allocated <= a->allocated_max);
    return memory;
fail:
    a->failed = true;
    return NULL;
}

void *arena_alloc(struct arena *a, size_t size)
{
    void *memory = arena_take(a, size);
    return memory == NULL ? NULL : memset(memory, 0, size);
}

struct slice arena_copy(struct arena *a, struct slice s)
{
    char *copy = arena_take(a, s.len);
    if (copy == NULL)
        return (struct slice){0};
    if (s.len > 0)
        memcpy(copy, s.data, s.len);
    return (struct slice){copy, s.len};
}
