/* SPDX-License-Identifier: Apache-2.0 */
/* Round trips, truncations and changed bytes of stored states. What is read must own its memory,
 * and what is refused must leave none behind: the address sanitizer says so, for inputs are copied
 * to memory of their exact size, which is freed at once. */
#include "tests/unit/schemas/state_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/actor/registry_priv.h"

#define STATE_BYTES_MAX (1u << 20)

struct state_run {
    const struct state_test *test;
    /* zeroed: without an undo log memory is allocated and freed at once */
    struct registry registry;
    struct wire_writer good, again;
    char *state;
};

static void state_forget(struct state_run *r)
{
    if (r->test->codec->release != NULL)
        r->test->codec->release(&r->registry, r->state);
}

/* Reads exactly these bytes; what was read is to be forgotten. */
static bool state_decode(struct state_run *r, const char *data, size_t len)
{
    char *copy = malloc(len == 0 ? 1 : len);
    check(copy != NULL);
    memcpy(copy, data, len);
    memset(r->state, 0, r->test->size);
    struct wire_reader reader;
    wire_reader_init(&reader, copy, len);
    bool read = r->test->codec->read(&r->registry, &reader, r->state);
    check(read == !reader.failed);
    bool finished = wire_finished(&reader);
    free(copy);
    if (read && !finished)
        state_forget(r);
    return read && finished;
}

static bool state_same(struct state_run *r, struct slice bytes)
{
    wire_writer_clear(&r->again);
    r->test->codec->write(&r->again, r->state);
    check(!r->again.failed);
    state_forget(r);
    return slice_equal(bytes, wire_written(&r->again));
}

/* What was accepted has one stored form: writing it and reading that gives the same bytes. */
static void state_canonical(struct state_run *r)
{
    struct wire_writer first;
    wire_writer_init(&first, STATE_BYTES_MAX);
    r->test->codec->write(&first, r->state);
    state_forget(r);
    struct slice bytes = wire_written(&first);
    check(!first.failed && state_decode(r, bytes.data, bytes.len) && state_same(r, bytes));
    wire_writer_done(&first);
}

static void state_hurt(struct state_run *r, struct slice good)
{
    char *bytes = malloc(good.len);
    check(bytes != NULL);
    memcpy(bytes, good.data, good.len);
    size_t step = message_test_step(good.len);
    for (size_t at = 0; at < good.len; at += step) {
        for (size_t i = 0; i < MESSAGE_TEST_MASKS; i++) {
            bytes[at] = (char)(good.data[at] ^ message_test_masks[i]);
            if (state_decode(r, bytes, good.len))
                state_canonical(r);
        }
        bytes[at] = good.data[at];
        check(!state_decode(r, bytes, at));
    }
    free(bytes);
}

static struct slice state_sample(struct state_run *r, enum sample which, uint32_t count)
{
    wire_writer_clear(&r->good);
    r->test->sample(&r->good, which, count);
    check(!r->good.failed);
    return wire_written(&r->good);
}

static void sample_run(struct state_run *r, enum sample which)
{
    const struct state_test *t = r->test;
    for (uint32_t count = t->count_min; count < t->count; count++) {
        struct slice older = state_sample(r, which, count);
        check(state_decode(r, older.data, older.len));
        state_canonical(r);
    }
    struct slice good = state_sample(r, which, t->count);
    check(state_decode(r, good.data, good.len) && state_same(r, good));
    state_hurt(r, good);
}

static void state_run(const struct state_test *test)
{
    struct state_run r = {.test = test};
    wire_writer_init(&r.good, STATE_BYTES_MAX);
    wire_writer_init(&r.again, STATE_BYTES_MAX);
    r.state = malloc(test->size);
    check(r.state != NULL);
    for (int which = 0; which < SAMPLES; which++) {
        fprintf(stderr, "%s, sample %d\n", test->name, which);
        sample_run(&r, (enum sample)which);
    }
    free(r.state);
    wire_writer_done(&r.good);
    wire_writer_done(&r.again);
}

int state_test_run(const struct state_test *tests, size_t count)
{
    for (size_t i = 0; i < count; i++)
        state_run(&tests[i]);
    return 0;
}
