/* SPDX-License-Identifier: Apache-2.0 */
/* Bounded msgpack reader: a cursor that allocates nothing, checks every length against the bytes
 * left before it computes with it, and fails sticky. msgpack-c's own unpacker trusts array headers
 * (a 41-byte message can reserve gigabytes), so it never sees bytes from outside. Text and bytes
 * point into the input. After a failure every getter returns zero. */
#ifndef WIRE_READER_H
#define WIRE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/check.h"
#include "runtime/base/id128.h"
#include "runtime/base/slice.h"
#include "runtime/base/u128.h"

#define WIRE_DEPTH_MAX 8

struct wire_reader {
    const uint8_t *at;
    const uint8_t *end;
    bool failed;
};

static inline void wire_reader_init(struct wire_reader *r, const void *data, size_t len)
{
    const uint8_t *at = data;
    /* An empty message may have no address, to which nothing may be added. */
    *r = (struct wire_reader){at, len == 0 ? at : at + len, false};
}

/* Nothing failed and nothing is left. */
static inline bool wire_finished(const struct wire_reader *r)
{
    return !r->failed && r->at == r->end;
}

/* What is the next value? Consumes nothing. */
bool wire_next_is_array(const struct wire_reader *r);
bool wire_next_is_bytes(const struct wire_reader *r);

bool wire_get_nil(struct wire_reader *r); /* true and consumed only if the next value is nil */
bool wire_get_bool(struct wire_reader *r);
uint64_t wire_get_uint(struct wire_reader *r, uint64_t max);
int64_t wire_get_int(struct wire_reader *r);
u128 wire_get_u128(struct wire_reader *r); /* uint, or bin 16 beyond 64 bits; shortest form only */
struct id128 wire_get_id(struct wire_reader *r);
struct slice wire_get_text(struct wire_reader *r, uint32_t len_max); /* checked UTF-8 */
struct slice wire_get_bytes(struct wire_reader *r, uint32_t len_max);
/* The count is at most count_max and at most the bytes left (each element takes one or more). */
uint32_t wire_get_array(struct wire_reader *r, uint32_t count_max);
uint32_t wire_get_map(struct wire_reader *r, uint32_t count_max);

/* Steps over one value of any type, at most WIRE_DEPTH_MAX deep; returns its bytes. */
struct slice wire_skip(struct wire_reader *r);

#endif
