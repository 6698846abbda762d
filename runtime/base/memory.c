/* SPDX-License-Identifier: Apache-2.0 */
/* stderr has no buffer of its own, so that the line takes no memory. */
#include "runtime/base/memory.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

_Noreturn void memory_ended(size_t size)
{
    flockfile(stderr); /* for good: other threads without memory wait here for the end */
    if (size > 0)
        fprintf(stderr, "out of memory: %zu bytes wanted\n", size);
    else
        fprintf(stderr, "out of memory\n");
    abort();
}

void *memory_take(size_t size)
{
    check(size > 0);
    void *memory = malloc(size);
    if (memory == NULL)
        memory_ended(size);
    return memory;
}

void *memory_take_zeroed(size_t count, size_t size)
{
    check(count > 0 && size > 0 && count <= SIZE_MAX / size);
    void *memory = calloc(count, size);
    if (memory == NULL)
        memory_ended(count * size);
    return memory;
}

void *memory_take_aligned(size_t align, size_t size)
{
    check(size > 0 && size % align == 0);
    void *memory = aligned_alloc(align, size);
    if (memory == NULL)
        memory_ended(size);
    return memory;
}

void *memory_resize(void *memory, size_t count, size_t size)
{
    check(count > 0 && size > 0 && count <= SIZE_MAX / size);
    void *moved = realloc(memory, count * size);
    if (moved == NULL)
        memory_ended(count * size);
    return moved;
}
