/* SPDX-License-Identifier: Apache-2.0 */
/* Frames from a link: whatever is accepted lies within the frame and is written back as it came,
 * unless its text or numbers were not in the shortest form. */
#include <stdint.h>
#include <string.h>

#include "runtime/base/check.h"
#include "runtime/wire/envelope.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_within(struct slice part, const uint8_t *data, size_t size)
{
    const char *begin = (const char *)data;
    check(part.len == 0 || (part.data >= begin && part.data + part.len <= begin + size));
}

static void request(const uint8_t *data, size_t size)
{
    struct envelope_request e, again;
    if (!envelope_get_request((struct slice){(const char *)data, (uint32_t)size}, &e))
        return;
    check_within(e.key, data, size);
    check_within(e.tenant, data, size);
    check_within(e.body, data, size);
    struct wire_writer w;
    wire_writer_init(&w, size + ENVELOPE_HEAD_MAX);
    envelope_put_request(&w, &e);
    wire_put_raw(&w, e.body);
    check(envelope_get_request(wire_written(&w), &again));
    check(again.number == e.number && again.deadline_ms == e.deadline_ms);
    check(slice_equal(again.key, e.key) && slice_equal(again.tenant, e.tenant));
    check(slice_equal(again.body, e.body));
    wire_writer_done(&w);
}

static void reply(const uint8_t *data, size_t size)
{
    struct envelope_reply e, again;
    if (!envelope_get_reply((struct slice){(const char *)data, (uint32_t)size}, &e))
        return;
    check_within(e.body, data, size);
    struct wire_writer w;
    wire_writer_init(&w, size + ENVELOPE_HEAD_MAX);
    envelope_put_reply(&w, &e);
    check(envelope_get_reply(wire_written(&w), &again));
    check(again.code == e.code && again.number == e.number && again.version == e.version);
    check(again.replayed == e.replayed && again.retry_after_ms == e.retry_after_ms);
    check(again.stale == e.stale && again.shown_ns == e.shown_ns);
    check(slice_equal(again.body, e.body));
    wire_writer_done(&w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    request(data, size);
    reply(data, size);
    return 0;
}
