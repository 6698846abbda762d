/* SPDX-License-Identifier: Apache-2.0 */
/* Metadata becomes one block: the pairs, then all their bytes, so one free ends it. Reading decodes
 * into an arena of its own, which needs room for the pairs alone because their text points into the
 * input, and copies what is whole. Memory comes from the registry, so a turn that is undone gives
 * it back; without memory the process ends, so no caller looks for NULL. */
#include "actors/common/owned_text.h"

#include "runtime/base/arena.h"
#include "runtime/base/check.h"

/* What a decoded metadata may take: the pairs alone, for text points into the input. */
#define OWNED_ARENA_MAX 4096

struct slice owned_text_copy(struct registry *r, struct slice text)
{
    if (text.len == 0)
        return (struct slice){0};
    char *copy = registry_alloc(r, text.len);
    memcpy(copy, text.data, text.len);
    return (struct slice){copy, text.len};
}

static struct slice owned_text_append(char **at, struct slice text)
{
    struct slice copy = {*at, text.len};
    if (text.len != 0)
        memcpy(*at, text.data, text.len);
    *at += text.len;
    return copy;
}

struct metadata owned_metadata_copy(struct registry *r, const struct metadata *m)
{
    check(m->count <= METADATA_PAIRS_MAX);
    if (m->count == 0)
        return (struct metadata){0};
    size_t size = m->count * sizeof *m->items;
    for (uint32_t i = 0; i < m->count; i++)
        size += m->items[i].key.len + (size_t)m->items[i].value.len;
    struct metadata copy = {registry_alloc(r, size), m->count};
    char *at = (char *)(copy.items + m->count);
    for (uint32_t i = 0; i < m->count; i++) {
        copy.items[i].key = owned_text_append(&at, m->items[i].key);
        copy.items[i].value = owned_text_append(&at, m->items[i].value);
    }
    check(at == (char *)copy.items + size);
    return copy;
}

void owned_text_free(struct registry *r, struct slice text)
{
    registry_free(r, (void *)(uintptr_t)text.data);
}

void owned_metadata_free(struct registry *r, const struct metadata *m)
{
    registry_free(r, m->items);
}

struct slice owned_text_read(struct registry *r, struct wire_reader *from, uint32_t len_max)
{
    return owned_text_copy(r, wire_get_text(from, len_max));
}

struct metadata owned_metadata_read(struct registry *r, struct wire_reader *from)
{
    struct arena arena;
    arena_init(&arena, OWNED_ARENA_MAX);
    struct metadata m = {0}, copy = {0};
    if (fields_get_metadata(from, &arena, &m))
        copy = owned_metadata_copy(r, &m);
    arena_done(&arena);
    return copy;
}

void owned_metadata_encode(struct wire_writer *to, const struct metadata *m)
{
    wire_writer_init(to, METADATA_BYTES_MAX);
    fields_put_metadata(to, m);
    check(!to->failed);
}
