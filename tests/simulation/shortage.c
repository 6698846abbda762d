/* SPDX-License-Identifier: Apache-2.0 */
/* The linker lets calls of the functions of memory.h go through the ones here (--wrap). */
#include "tests/simulation/shortage.h"

#include <stddef.h>

#include "runtime/base/memory.h"

static struct shortage *watched;

void shortage_watch(struct shortage *s)
{
    watched = s;
}

void shortage_leave(void)
{
    watched = NULL;
}

static void shortage_count(void)
{
    if (watched != NULL && watched->left > 0 && --watched->left == 0)
        watched->met(watched->context);
}

void *__real_memory_take(size_t size);
void *__wrap_memory_take(size_t size);
void *__wrap_memory_take(size_t size)
{
    shortage_count();
    return __real_memory_take(size);
}

void *__real_memory_take_zeroed(size_t count, size_t size);
void *__wrap_memory_take_zeroed(size_t count, size_t size);
void *__wrap_memory_take_zeroed(size_t count, size_t size)
{
    shortage_count();
    return __real_memory_take_zeroed(count, size);
}

void *__real_memory_take_aligned(size_t align, size_t size);
void *__wrap_memory_take_aligned(size_t align, size_t size);
void *__wrap_memory_take_aligned(size_t align, size_t size)
{
    shortage_count();
    return __real_memory_take_aligned(align, size);
}

void *__real_memory_resize(void *memory, size_t count, size_t size);
void *__wrap_memory_resize(void *memory, size_t count, size_t size);
void *__wrap_memory_resize(void *memory, size_t count, size_t size)
{
    shortage_count();
    return __real_memory_resize(memory, count, size);
}
