/* SPDX-License-Identifier: Apache-2.0 */
/* Round trips, truncations and changed bytes. Inputs are copied to memory of their exact size, so
 * that the address sanitizer sees every byte read too far. */
#include "tests/unit/schemas/message_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_MAX (16u << 20)
#define OUTPUT_MAX (4u << 20)
#define TEXT_MAX 65536
#define EVERY_MAX 2000  /* up to this length every place is tried ... */
/* ... of longer inputs this many, evenly spread: the extremes repeat anyway */
#define PLACES_MAX 300

struct run {
    const struct message_test *test;
    struct arena arena;
    struct arena other;
    struct wire_writer wire;
    struct wire_writer again;
    struct json_writer json;
    struct json_writer json_again;
    void *body;
    void *copy;
};

struct slice message_test_text(uint32_t len)
{
    static char text[TEXT_MAX];
    memset(text, 'x', sizeof text);
    check(len <= sizeof text);
    return (struct slice){text, len};
}

struct slice message_test_bytes(uint32_t len)
{
    static char bytes[TEXT_MAX];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i * 37 + 255);
    check(len <= sizeof bytes);
    return (struct slice){bytes, len};
}

struct metadata message_test_metadata(enum sample which)
{
    static struct metadata_pair usual[] = {
        {{"order", 5}, {"A-17", 4}},
        {{"note \"x\"", 8}, {"Z\303\274rich \\ \360\237\222\266", 14}},
    };
    static struct metadata_pair most[METADATA_PAIRS_MAX];
    static char keys[METADATA_PAIRS_MAX][METADATA_KEY_MAX];
    for (size_t i = 0; i < METADATA_PAIRS_MAX; i++) {
        memset(keys[i], 'k', METADATA_KEY_MAX);
        keys[i][METADATA_KEY_MAX - 1] = (char)('a' + i);
        most[i] = (struct metadata_pair){{keys[i], METADATA_KEY_MAX},
                                         message_test_text(METADATA_VALUE_MAX)};
    }
    if (which == SAMPLE_LEAST)
        return (struct metadata){0};
    return which == SAMPLE_USUAL ? (struct metadata){usual, array_len(usual)}
                                 : (struct metadata){most, METADATA_PAIRS_MAX};
}

/* Decodes exactly these bytes. */
static bool wire_decode(struct run *r, struct arena *a, const void *data, size_t len, void *m)
{
    struct wire_reader reader;
    arena_reset(a);
    memset(m, 0, r->test->type->size);
    wire_reader_init(&reader, data, len);
    bool ok = r->test->type->read(&reader, a, m);
    check(ok == !reader.failed);
    return ok && wire_finished(&reader);
}

static struct slice wire_encode(struct run *r, struct wire_writer *w, const void *m)
{
    wire_writer_clear(w);
    r->test->type->write(w, m);
    check(!w->failed);
    return wire_written(w);
}

static bool json_decode(struct run *r, struct arena *a, struct slice text, void *m)
{
    struct json_error e = {.rule = NULL};
    struct json_input in;
    arena_reset(a);
    memset(m, 0, r->test->type->size);
    json_input_init(&in, a, &e);
    const struct yyjson_val *root = json_parse(text, a, &e);
    bool ok = root != NULL && json_read_object(r->test->json, m, root, &in) &&
              json_complete(r->test->json, m, &in);
    check(ok || (e.rule != NULL && e.code != 0 && strlen(e.field) < sizeof e.field));
    return ok;
}

static struct slice json_encode(struct run *r, struct json_writer *w, const void *m)
{
    json_writer_clear(w);
    r->test->json->write(w, m);
    check(!w->failed);
    return json_written(w);
}

/* What was accepted has one canonical form: writing it and reading that gives the same bytes. */
static void wire_canonical(struct run *r, const void *m)
{
    struct slice first = wire_encode(r, &r->wire, m);
    check(wire_decode(r, &r->other, first.data, first.len, r->copy));
    check(slice_equal(first, wire_encode(r, &r->again, r->copy)));
}

static void json_canonical(struct run *r, const void *m)
{
    struct slice first = json_encode(r, &r->json, m);
    check(json_decode(r, &r->other, first, r->copy));
    check(slice_equal(first, json_encode(r, &r->json_again, r->copy)));
}

/* Any decoded message can be written as JSON, whatever its values are. */
static void json_valid(struct run *r, const void *m)
{
    struct json_error e;
    struct slice text = json_encode(r, &r->json, m);
    arena_reset(&r->other);
    check(json_parse(text, &r->other, &e) != NULL);
}

size_t message_test_step(size_t len)
{
    return len <= EVERY_MAX ? 1 : len / PLACES_MAX;
}

static char *exact_copy(struct slice s)
{
    char *copy = malloc(s.len == 0 ? 1 : s.len);
    check(copy != NULL);
    memcpy(copy, s.data, s.len);
    return copy;
}

const uint8_t message_test_masks[] = {0x01, 0x02, 0x04, 0x08, 0x10,
                                      0x20, 0x40, 0x80, 0xFF};

static void wire_hurt(struct run *r, struct slice good)
{
    char *bytes = exact_copy(good);
    size_t step = message_test_step(good.len);
    for (size_t at = 0; at < good.len; at += step) {
        for (size_t i = 0; i < MESSAGE_TEST_MASKS; i++) {
            bytes[at] = (char)(good.data[at] ^ message_test_masks[i]);
            if (wire_decode(r, &r->arena, bytes, good.len, r->body)) {
                wire_canonical(r, r->body);
                json_valid(r, r->body);
            }
        }
        bytes[at] = good.data[at];
    }
    free(bytes);
    for (size_t len = 0; len < good.len; len += step) {
        char *cut = exact_copy((struct slice){good.data, (uint32_t)len});
        check(!wire_decode(r, &r->arena, cut, len, r->body));
        free(cut);
    }
}

static void json_hurt(struct run *r, struct slice good)
{
    char *text = exact_copy(good);
    size_t step = message_test_step(good.len);
    for (size_t at = 0; at < good.len; at += step) {
        for (size_t i = 0; i < MESSAGE_TEST_MASKS; i++) {
            text[at] = (char)(good.data[at] ^ message_test_masks[i]);
            if (json_decode(r, &r->arena, (struct slice){text, good.len}, r->body))
                json_canonical(r, r->body);
        }
        text[at] = good.data[at];
    }
    free(text);
    for (size_t len = 0; len < good.len; len += step) {
        char *cut = exact_copy((struct slice){good.data, (uint32_t)len});
        check(!json_decode(r, &r->arena, (struct slice){cut, (uint32_t)len}, r->body));
        free(cut);
    }
}

/* An owned copy, since the writers are used again below. */
static struct slice kept(struct slice s)
{
    return (struct slice){exact_copy(s), s.len};
}

static void sample_run(struct run *r, enum sample which)
{
    memset(r->body, 0, r->test->type->size);
    r->test->sample(r->body, which);
    struct slice wire = kept(wire_encode(r, &r->wire, r->body));
    struct slice json = kept(json_encode(r, &r->json, r->body));
    check(wire_decode(r, &r->arena, wire.data, wire.len, r->body));
    check(slice_equal(wire, wire_encode(r, &r->again, r->body)));
    check(slice_equal(json, json_encode(r, &r->json_again, r->body)));
    check(json_decode(r, &r->arena, json, r->body));
    check(slice_equal(json, json_encode(r, &r->json_again, r->body)));
    if (r->test->json_complete)
        check(slice_equal(wire, wire_encode(r, &r->again, r->body)));
    wire_hurt(r, wire);
    json_hurt(r, json);
    free((void *)(uintptr_t)wire.data);
    free((void *)(uintptr_t)json.data);
}

static void message_run(const struct message_test *test)
{
    struct run r = {.test = test};
    arena_init(&r.arena, ARENA_MAX);
    arena_init(&r.other, ARENA_MAX);
    wire_writer_init(&r.wire, OUTPUT_MAX);
    wire_writer_init(&r.again, OUTPUT_MAX);
    json_writer_init(&r.json, OUTPUT_MAX);
    json_writer_init(&r.json_again, OUTPUT_MAX);
    r.body = malloc(test->type->size);
    r.copy = malloc(test->type->size);
    check(r.body != NULL && r.copy != NULL && test->json->size == test->type->size);
    for (int which = 0; which < SAMPLES; which++) {
        fprintf(stderr, "%s, sample %d\n", test->type->name, which);
        sample_run(&r, (enum sample)which);
    }
    free(r.body);
    free(r.copy);
    arena_done(&r.arena);
    arena_done(&r.other);
    wire_writer_done(&r.wire);
    wire_writer_done(&r.again);
    json_writer_done(&r.json);
    json_writer_done(&r.json_again);
}

static void example_run(const struct message_example *example)
{
    struct arena arena;
    struct json_error e = {.rule = ""};
    struct json_input in;
    arena_init(&arena, ARENA_MAX);
    json_input_init(&in, &arena, &e);
    void *m = arena_alloc(&arena, example->json->size);
    check(m != NULL);
    const struct yyjson_val *root = json_parse(slice_of(example->text), &arena, &e);
    bool ok = json_read_object(example->json, m, root, &in) && json_complete(example->json, m, &in);
    if (!ok)
        fprintf(stderr, "example of %s: %s %s\n%s\n", example->json->name, e.field, e.rule,
                example->text);
    check(ok);
    arena_done(&arena);
}

void message_example_run(const struct message_example *examples, size_t count)
{
    for (size_t i = 0; i < count; i++)
        example_run(&examples[i]);
}

int message_test_run(const struct message_test *tests, size_t count)
{
    for (size_t i = 0; i < count; i++)
        message_run(&tests[i]);
    return 0;
}
