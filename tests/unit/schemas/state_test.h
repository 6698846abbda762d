/* SPDX-License-Identifier: Apache-2.0 */
/* What the generated tests do with every stored state: round trip, every truncation, every byte
 * changed, the bytes of before a field was added. */
#ifndef TESTS_STATE_TEST_H
#define TESTS_STATE_TEST_H

#include "runtime/actor/domain.h"
#include "tests/unit/schemas/message_test.h"

struct state_test {
    const char *name;
    const struct state_codec *codec;
    size_t size;              /* of the struct */
    /* elements of the stored form that has none of the later fields ... */
    uint32_t count_min;
    uint32_t count;           /* ... and of today's */
    /* The stored form with this many elements. */
    void (*sample)(struct wire_writer *w, enum sample which, uint32_t count);
};

/* Runs all of them; prints the failing state and aborts. Returns the exit code. */
int state_test_run(const struct state_test *tests, size_t count);

#endif
