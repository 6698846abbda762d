/* SPDX-License-Identifier: Apache-2.0 */
/* Reading goes through wire_reader, whose failure is sticky: all fields are read, and `failed` is
 * looked at once before anything reaches the caller. A key or tenant that is present must not be
 * empty, since empty means absent in the struct; the frame would have two spellings otherwise.
 * Reading copies nothing. */
#include "runtime/wire/envelope.h"

#include "runtime/wire/reader.h"

#define REQUEST_ELEMENTS 6
#define REPLY_ELEMENTS 8

static void envelope_put_text(struct wire_writer *w, struct slice text)
{
    if (text.len == 0)
        wire_put_nil(w);
    else
        wire_put_text(w, text);
}

void envelope_put_request(struct wire_writer *w, const struct envelope_request *e)
{
    check(e->key.len <= ENVELOPE_KEY_MAX && e->tenant.len <= ENVELOPE_TENANT_MAX);
    wire_put_array(w, REQUEST_ELEMENTS);
    wire_put_uint(w, ENVELOPE_VERSION);
    wire_put_uint(w, e->number);
    wire_put_uint(w, e->deadline_ms);
    envelope_put_text(w, e->key);
    envelope_put_text(w, e->tenant);
}

void envelope_put_reply(struct wire_writer *w, const struct envelope_reply *e)
{
    wire_put_array(w, REPLY_ELEMENTS);
    wire_put_uint(w, ENVELOPE_VERSION);
    wire_put_uint(w, e->code);
    wire_put_uint(w, e->number);
    wire_put_uint(w, e->version);
    wire_put_bool(w, e->replayed);
    wire_put_uint(w, e->retry_after_ms);
    if (e->stale)
        wire_put_uint(w, e->shown_ns);
    else
        wire_put_nil(w);
    if (e->number == 0)
        wire_put_nil(w);
    else
        wire_put_raw(w, e->body);
}

/* Opens a frame with exactly this many elements, the last of them still to come. */
static void envelope_open(struct wire_reader *r, struct slice frame, uint32_t elements)
{
    wire_reader_init(r, frame.data, frame.len);
    if (wire_get_array(r, elements) != elements ||
        wire_get_uint(r, ENVELOPE_VERSION) != ENVELOPE_VERSION)
        r->failed = true;
}

static struct slice envelope_rest(const struct wire_reader *r)
{
    return (struct slice){(const char *)r->at, (uint32_t)(r->end - r->at)};
}

static struct slice envelope_get_text(struct wire_reader *r, uint32_t len_max)
{
    if (wire_get_nil(r))
        return (struct slice){0};
    struct slice text = wire_get_text(r, len_max);
    r->failed = r->failed || text.len == 0;
    return text;
}

bool envelope_get_request(struct slice frame, struct envelope_request *ret)
{
    struct wire_reader r;
    envelope_open(&r, frame, REQUEST_ELEMENTS);
    struct envelope_request e = {0};
    e.number = (uint16_t)wire_get_uint(&r, UINT16_MAX);
    e.deadline_ms = (uint32_t)wire_get_uint(&r, ENVELOPE_DEADLINE_MS_MAX);
    e.key = envelope_get_text(&r, ENVELOPE_KEY_MAX);
    e.tenant = envelope_get_text(&r, ENVELOPE_TENANT_MAX);
    if (r.failed || r.at == r.end)
        return false;
    e.body = envelope_rest(&r);
    *ret = e;
    return true;
}

bool envelope_get_reply(struct slice frame, struct envelope_reply *ret)
{
    struct wire_reader r;
    envelope_open(&r, frame, REPLY_ELEMENTS);
    struct envelope_reply e = {0};
    e.code = (uint16_t)wire_get_uint(&r, UINT16_MAX);
    e.number = (uint16_t)wire_get_uint(&r, UINT16_MAX);
    e.version = wire_get_uint(&r, UINT64_MAX);
    e.replayed = wire_get_bool(&r);
    e.retry_after_ms = (uint32_t)wire_get_uint(&r, UINT32_MAX);
    e.stale = !wire_get_nil(&r);
    e.shown_ns = e.stale ? wire_get_uint(&r, UINT64_MAX) : 0;
    if (e.number == 0 && (!wire_get_nil(&r) || !wire_finished(&r)))
        r.failed = true;
    if (r.failed || (e.number != 0 && r.at == r.end))
        return false;
    if (e.number != 0)
        e.body = envelope_rest(&r);
    *ret = e;
    return true;
}
