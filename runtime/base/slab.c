/* SPDX-License-Identifier: Apache-2.0 */
/* Pool of equal objects: a free chain in front of the untouched tail of the newest block. A pool
 * that has become large grows by huge pages: its objects are met in random order, and then most of
 * the cost is in finding where their pages are. */
#include "runtime/base/slab.h"

#include <stdbool.h>
#include <stdlib.h>

#include "runtime/base/huge.h"
#include "runtime/base/memory.h"
#include "runtime/base/prefetch.h"

#define SLAB_BLOCK_SIZE 65536
#define SLAB_LARGE_AT (4u << 20) /* bytes handed out; from then on blocks have ... */
#define SLAB_LARGE_BLOCK_SIZE (4 * HUGE_PAGE_SIZE)
#define SLAB_BLOCK_OBJECTS_MIN 8
#define SLAB_OBJECT_SIZE_MAX (1u << 20)
#define SLAB_ALIGN 16 /* u128 */

/* Each block begins with this; the lead and the objects follow. */
struct block {
    _Alignas(CACHE_LINE) struct block *older;
};

/* A free object begins with this. */
struct free_object {
    struct free_object *next;
};

static void slab_init_layout(struct slab *s, size_t object_size, size_t align, size_t lead)
{
    check(object_size > 0 && object_size <= SLAB_OBJECT_SIZE_MAX);
    size_t size = (object_size + align - 1) / align * align;
    lead += sizeof(struct block);
    size_t count = (SLAB_BLOCK_SIZE - lead) / size;
    if (count < SLAB_BLOCK_OBJECTS_MIN)
        count = SLAB_BLOCK_OBJECTS_MIN;
    size_t bytes = lead + count * size;
    check(size >= sizeof(struct free_object) && bytes <= UINT32_MAX);
    *s = (struct slab){
        .object_size = (uint32_t)size,
        .block_size = (uint32_t)((bytes + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE),
        .lead = (uint32_t)lead,
    };
}

void slab_init(struct slab *s, size_t object_size)
{
    slab_init_layout(s, object_size, SLAB_ALIGN, 0);
}

void slab_init_lined(struct slab *s, size_t object_size, size_t hot_at)
{
    check(hot_at % SLAB_ALIGN == 0 && hot_at < object_size);
    slab_init_layout(s, object_size, CACHE_LINE, (CACHE_LINE - hot_at % CACHE_LINE) % CACHE_LINE);
}

void slab_done(struct slab *s)
{
    struct block *b = s->blocks;
    while (b != NULL) {
        struct block *older = b->older;
        free(b);
        b = older;
    }
    *s = (struct slab){
        .object_size = s->object_size, .block_size = s->block_size, .lead = s->lead};
}

/* NULL without memory, if refusing; else the process ends. */
static void *slab_block(size_t align, size_t size, bool refusing)
{
    return refusing ? aligned_alloc(align, size) : memory_take_aligned(align, size);
}

static bool slab_add_block(struct slab *s, bool refusing)
{
    size_t size = s->block_size;
    struct block *b;
    if (s->live * s->object_size < SLAB_LARGE_AT) {
        b = slab_block(CACHE_LINE, size, refusing);
    } else {
        size = SLAB_LARGE_BLOCK_SIZE;
        b = slab_block(HUGE_PAGE_SIZE, size, refusing);
    }
    if (b == NULL)
        return false;
    if (size == SLAB_LARGE_BLOCK_SIZE)
        huge_page_advise(b, size);
    b->older = s->blocks;
    s->blocks = b;
    s->fresh = (char *)b + s->lead;
    s->fresh_end = s->fresh + (size - s->lead) / s->object_size * s->object_size;
    check(s->fresh < s->fresh_end);
    return true;
}

static inline void *slab_take_either(struct slab *s, bool refusing)
{
    struct free_object *object = s->free;
    if (object != NULL) {
        s->free = object->next;
        s->live++;
        return object;
    }
    if (s->fresh == s->fresh_end && !slab_add_block(s, refusing))
        return NULL;
    void *fresh = s->fresh;
    s->fresh += s->object_size;
    s->live++;
    return fresh;
}

void *slab_take(struct slab *s)
{
    return slab_take_either(s, false);
}

void *slab_try_take(struct slab *s)
{
    return slab_take_either(s, true);
}

void slab_give(struct slab *s, void *object)
{
    check(s->live > 0 && (uintptr_t)object % SLAB_ALIGN == 0);
    struct free_object *head = object;
    head->next = s->free;
    s->free = head;
    s->live--;
}
