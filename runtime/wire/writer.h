/* SPDX-License-Identifier: Apache-2.0 */
/* msgpack writer over msgpack-c's packing templates: put, put, put, check `failed` once at the end.
 * The buffer grows up to len_max and is reused; it holds the shortest encoding of every value, so
 * equal values give equal bytes (hashes and fingerprints rely on it). */
#ifndef WIRE_WRITER_H
#define WIRE_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/check.h"
#include "runtime/base/id128.h"
#include "runtime/base/slice.h"
#include "runtime/base/u128.h"

struct wire_writer {
    uint8_t *data;
    size_t len;
    size_t cap;
    size_t len_max; /* growing beyond this fails the writer */
    bool failed;    /* it does not fit; sticky until wire_writer_clear() or wire_writer_cut() */
    bool no_memory; /* ... for want of memory; never set unless refusing */
    bool refusing;  /* fails without memory, where others end the process */
};

/* A writer that fails at its limit alone: without memory the process ends (base/memory.h). Whatever
 * actors or the journal write goes into such a one. */
void wire_writer_init(struct wire_writer *w, size_t len_max);
/* The bridge's, which can refuse the request: fails without memory as well, with `no_memory`. */
void wire_writer_init_refusing(struct wire_writer *w, size_t len_max);
void wire_writer_done(struct wire_writer *w);

/* Keeps the memory. */
static inline void wire_writer_clear(struct wire_writer *w)
{
    w->len = 0;
    w->failed = w->no_memory = false;
}

/* Takes back what was written behind `len`, which was whole: also what did not fit, if it began
 * there or later. */
static inline void wire_writer_cut(struct wire_writer *w, size_t len)
{
    check(len <= w->len);
    w->len = len;
    w->failed = w->no_memory = false;
}

/* Makes room for `more` bytes; false if the writer has failed. */
bool wire_reserve(struct wire_writer *w, size_t more);

void wire_put_nil(struct wire_writer *w);
void wire_put_bool(struct wire_writer *w, bool value);
void wire_put_uint(struct wire_writer *w, uint64_t value);
void wire_put_int(struct wire_writer *w, int64_t value);
void wire_put_u128(struct wire_writer *w, u128 value); /* uint if it fits 64 bits, else bin 16 */
void wire_put_id(struct wire_writer *w, struct id128 id); /* bin 16, big-endian */
void wire_put_text(struct wire_writer *w, struct slice text);
void wire_put_bytes(struct wire_writer *w, struct slice bytes);
void wire_put_array(struct wire_writer *w, uint32_t count);
void wire_put_map(struct wire_writer *w, uint32_t count);
void wire_put_raw(struct wire_writer *w, struct slice encoded); /* already msgpack */

static inline struct slice wire_written(const struct wire_writer *w)
{
    return (struct slice){(const char *)w->data, (uint32_t)w->len};
}

#endif
