/* SPDX-License-Identifier: Apache-2.0 */
/* What the generated tests do with every message: round trip, every truncation, every byte changed,
 * in msgpack and in JSON. */
#ifndef TESTS_MESSAGE_TEST_H
#define TESTS_MESSAGE_TEST_H

#include "runtime/actor/message.h"
#include "schemas/json_input.h"
#include "schemas/json_writer.h"

/* Samples: nothing set that need not be; something everywhere; the extremes. */
enum sample {
    SAMPLE_LEAST,
    SAMPLE_USUAL,
    SAMPLE_MOST,
    SAMPLES,
};

struct message_test {
    const struct message_type *type;
    const struct json_type *json;
    bool json_complete; /* no field is hidden from JSON: what is read is what was written */
    void (*sample)(void *m, enum sample which);
};

struct message_example {
    const struct json_type *json;
    const char *text;
};

/* Every example must be accepted; prints the first that is not, and aborts. */
void message_example_run(const struct message_example *examples, size_t count);

/* Runs all of them; prints the failing message and place and aborts. Returns the exit code. */
int message_test_run(const struct message_test *tests, size_t count);

/* `len` bytes of text, and of anything; `len` at most 64 KiB. */
struct slice message_test_text(uint32_t len);
struct slice message_test_bytes(uint32_t len);
struct metadata message_test_metadata(enum sample which);

/* How the bytes of an input are changed, one at a time; and how far apart in one of this length. */
#define MESSAGE_TEST_MASKS 9
extern const uint8_t message_test_masks[MESSAGE_TEST_MASKS];
size_t message_test_step(size_t len);

#endif
