/* SPDX-License-Identifier: Apache-2.0 */
/* Arbitrary bytes through the readers of every declared message, as msgpack and as JSON. The first
 * two bytes are the message's number (any other number stands for one of them), the third chooses
 * the form. What is accepted must have one canonical form. */
#include "schemas/catalog.h"
#include "schemas/json_writer.h"

#define ARENA_MAX (4u << 20)
#define OUTPUT_MAX (4u << 20)
#define HEAD 3

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct trial {
    const struct catalog_entry *entry;
    struct arena arena;
    struct arena other; /* holds the second body while the first one is in use */
    struct wire_writer wire[2];
    struct json_writer json[2];
};

static void *body_of(struct arena *a, const struct catalog_entry *entry)
{
    arena_reset(a);
    void *body = arena_alloc(a, entry->type->size);
    check(body != NULL);
    return body;
}

static void *wire_body(struct trial *t, struct arena *a, struct slice bytes)
{
    struct wire_reader r;
    void *body = body_of(a, t->entry);
    wire_reader_init(&r, bytes.data, bytes.len);
    return t->entry->type->read(&r, a, body) && wire_finished(&r) ? body : NULL;
}

static void *json_body(struct trial *t, struct arena *a, struct slice text)
{
    struct json_error e;
    struct json_input in;
    void *body = body_of(a, t->entry);
    json_input_init(&in, a, &e);
    const struct yyjson_val *root = json_parse(text, a, &e);
    return root != NULL && json_read_object(t->entry->json, body, root, &in) &&
                   json_complete(t->entry->json, body, &in)
               ? body
               : NULL;
}

static struct slice wire_bytes(struct trial *t, int which, const void *body)
{
    t->entry->type->write(&t->wire[which], body);
    check(!t->wire[which].failed);
    return wire_written(&t->wire[which]);
}

static struct slice json_text(struct trial *t, int which, const void *body)
{
    t->entry->json->write(&t->json[which], body);
    check(!t->json[which].failed);
    return json_written(&t->json[which]);
}

static void wire_try(struct trial *t, struct slice input)
{
    const void *body = wire_body(t, &t->arena, input);
    if (body == NULL)
        return;
    struct slice first = wire_bytes(t, 0, body);
    const void *again = wire_body(t, &t->other, first);
    check(again != NULL && slice_equal(first, wire_bytes(t, 1, again)));
    struct json_error e;
    struct slice text = json_text(t, 0, body);
    arena_reset(&t->other);
    check(json_parse(text, &t->other, &e) != NULL);
}

static void json_try(struct trial *t, struct slice input)
{
    const void *body = json_body(t, &t->arena, input);
    if (body == NULL)
        return;
    struct slice first = json_text(t, 0, body);
    const void *again = json_body(t, &t->other, first);
    check(again != NULL && slice_equal(first, json_text(t, 1, again)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < HEAD)
        return 0;
    uint16_t number = (uint16_t)(data[0] << 8 | data[1]);
    struct trial t = {.entry = catalog_by_number(number)};
    if (t.entry == NULL)
        t.entry = &catalog_entries[number % catalog_entry_count];
    arena_init(&t.arena, ARENA_MAX);
    arena_init(&t.other, ARENA_MAX);
    for (int i = 0; i < 2; i++) {
        wire_writer_init(&t.wire[i], OUTPUT_MAX);
        json_writer_init(&t.json[i], OUTPUT_MAX);
    }
    struct slice input = {(const char *)data + HEAD, (uint32_t)(size - HEAD)};
    if ((data[2] & 1) == 0)
        wire_try(&t, input);
    else
        json_try(&t, input);
    for (int i = 0; i < 2; i++) {
        wire_writer_done(&t.wire[i]);
        json_writer_done(&t.json[i]);
    }
    arena_done(&t.arena);
    arena_done(&t.other);
    return 0;
}
