/* SPDX-License-Identifier: Apache-2.0 */
/* Bounded msgpack reader. A failure leaves nothing to read, so that the one comparison with the
 * end, which every getter makes anyway, also stops everything after the failure.
 *
 * The typed getters take the shortest form alone: what they accept is byte for byte what the writer
 * would have written. Only wire_skip() is lenient, since it keeps the bytes as they are. */
#include "runtime/wire/reader.h"

#include "runtime/base/utf8.h"

/* First bytes of the format, https://github.com/msgpack/msgpack/blob/master/spec.md. */
enum {
    POSITIVE_FIX_MAX = 0x7f,
    FIX_MAP = 0x80,
    FIX_ARRAY = 0x90,
    FIX_STR = 0xa0,
    NIL = 0xc0,
    NEVER_USED = 0xc1,
    FALSE = 0xc2,
    TRUE = 0xc3,
    BIN_8 = 0xc4,
    EXT_8 = 0xc7,
    FLOAT_32 = 0xca,
    UINT_8 = 0xcc,
    UINT_64 = 0xcf,
    INT_8 = 0xd0,
    INT_64 = 0xd3,
    FIX_EXT_1 = 0xd4,
    STR_8 = 0xd9,
    ARRAY_16 = 0xdc,
    ARRAY_32 = 0xdd,
    MAP_16 = 0xde,
    MAP_32 = 0xdf,
    NEGATIVE_FIX_MIN = 0xe0,
};

static inline size_t reader_left(const struct wire_reader *r)
{
    return (size_t)(r->end - r->at);
}

static uint64_t reader_fail(struct wire_reader *r)
{
    r->failed = true;
    r->at = r->end;
    return 0;
}

/* Big-endian number of `size` bytes at `at`, 1 <= size <= 8. */
static inline uint64_t reader_load(const uint8_t *at, size_t size)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++)
        value = value << 8 | at[i];
    return value;
}

/* The number of `size` bytes behind the first byte, both consumed; 0 and failed if they are not
 * there or if the number has no more than `fits_shorter`. */
static inline uint64_t reader_take_number(struct wire_reader *r, size_t size, uint64_t fits_shorter)
{
    if (reader_left(r) < 1 + size)
        return reader_fail(r);
    uint64_t value = reader_load(r->at + 1, size);
    if (value <= fits_shorter)
        return reader_fail(r);
    r->at += 1 + size;
    return value;
}

/* Steps over the first byte, gives `value`. */
static inline uint64_t reader_take_fix(struct wire_reader *r, uint64_t value)
{
    r->at++;
    return value;
}

bool wire_next_is_array(const struct wire_reader *r)
{
    uint8_t first = r->at == r->end ? NEVER_USED : *r->at;
    return (first >= FIX_ARRAY && first < FIX_STR) || first == ARRAY_16 || first == ARRAY_32;
}

bool wire_next_is_bytes(const struct wire_reader *r)
{
    return r->at != r->end && *r->at >= BIN_8 && *r->at < EXT_8;
}

bool wire_get_nil(struct wire_reader *r)
{
    if (r->at == r->end || *r->at != NIL)
        return false;
    r->at++;
    return true;
}

bool wire_get_bool(struct wire_reader *r)
{
    if (r->at == r->end || (*r->at != FALSE && *r->at != TRUE))
        return reader_fail(r) != 0;
    return *r->at++ == TRUE;
}

static inline uint64_t reader_take_uint(struct wire_reader *r)
{
    if (r->at == r->end)
        return reader_fail(r);
    uint8_t first = *r->at;
    if (first <= POSITIVE_FIX_MAX)
        return reader_take_fix(r, first);
    switch (first) {
    case UINT_8:
        return reader_take_number(r, 1, POSITIVE_FIX_MAX);
    case UINT_8 + 1:
        return reader_take_number(r, 2, UINT8_MAX);
    case UINT_8 + 2:
        return reader_take_number(r, 4, UINT16_MAX);
    case UINT_64:
        return reader_take_number(r, 8, UINT32_MAX);
    default:
        return reader_fail(r);
    }
}

uint64_t wire_get_uint(struct wire_reader *r, uint64_t max)
{
    uint64_t value = reader_take_uint(r);
    return value <= max ? value : reader_fail(r);
}

int64_t wire_get_int(struct wire_reader *r)
{
    if (r->at == r->end)
        return (int64_t)reader_fail(r);
    uint8_t first = *r->at;
    if (first >= NEGATIVE_FIX_MIN)
        return (int8_t)reader_take_fix(r, first);
    if (first < INT_8 || first > INT_64)
        return (int64_t)wire_get_uint(r, INT64_MAX);
    size_t size = (size_t)1 << (first - INT_8);
    if (reader_left(r) < 1 + size)
        return (int64_t)reader_fail(r);
    /* The sign bit moves to the top and is spread back downward. */
    int64_t value = (int64_t)(reader_load(r->at + 1, size) << (64 - 8 * size)) >> (64 - 8 * size);
    /* The half-sized form reaches down to here; the fixed one to -32. */
    int64_t fits_shorter = size == 1 ? -32 : -((int64_t)1 << (4 * size - 1));
    if (value >= fits_shorter)
        return (int64_t)reader_fail(r);
    r->at += 1 + size;
    return value;
}

struct id128 wire_get_id(struct wire_reader *r)
{
    if (reader_left(r) < 18 || r->at[0] != BIN_8 || r->at[1] != 16) {
        reader_fail(r);
        return ID128_ZERO;
    }
    struct id128 id = id128_load(r->at + 2);
    r->at += 18;
    return id;
}

u128 wire_get_u128(struct wire_reader *r)
{
    if (r->at == r->end || *r->at != BIN_8)
        return reader_take_uint(r);
    struct id128 halves = wire_get_id(r);
    if (halves.hi == 0)
        return reader_fail(r);
    return (u128)halves.hi << 64 | halves.lo;
}

/* The `len` bytes at the cursor, unless a getter before failed. */
static inline struct slice reader_take_slice(struct wire_reader *r, uint64_t len, uint32_t len_max)
{
    if (r->failed || len > len_max || len > reader_left(r)) {
        reader_fail(r);
        return (struct slice){0};
    }
    struct slice s = {(const char *)r->at, (uint32_t)len};
    r->at += len;
    return s;
}

struct slice wire_get_text(struct wire_reader *r, uint32_t len_max)
{
    uint64_t len;
    uint8_t first = r->at == r->end ? NEVER_USED : *r->at;
    if (first >= FIX_STR && first < NIL)
        len = reader_take_fix(r, first - FIX_STR);
    else if (first == STR_8)
        len = reader_take_number(r, 1, 31);
    else if (first == STR_8 + 1)
        len = reader_take_number(r, 2, UINT8_MAX);
    else if (first == STR_8 + 2)
        len = reader_take_number(r, 4, UINT16_MAX);
    else
        len = reader_fail(r);
    struct slice text = reader_take_slice(r, len, len_max);
    if (!utf8_valid((const uint8_t *)text.data, text.len)) {
        reader_fail(r);
        return (struct slice){0};
    }
    return text;
}

struct slice wire_get_bytes(struct wire_reader *r, uint32_t len_max)
{
    uint64_t len;
    uint8_t first = r->at == r->end ? NEVER_USED : *r->at;
    if (first == BIN_8 && reader_left(r) >= 2) {
        len = r->at[1]; /* the shortest form there is, even of nothing */
        r->at += 2;
    } else if (first == BIN_8 + 1)
        len = reader_take_number(r, 2, UINT8_MAX);
    else if (first == BIN_8 + 2)
        len = reader_take_number(r, 4, UINT16_MAX);
    else
        len = reader_fail(r);
    return reader_take_slice(r, len, len_max);
}

/* Header of a container whose elements take at least `element_size` bytes each. */
static inline uint32_t reader_take_count(struct wire_reader *r, uint8_t fix, uint8_t wide,
                                         uint32_t count_max, size_t element_size)
{
    uint64_t count;
    uint8_t first = r->at == r->end ? NEVER_USED : *r->at;
    if (first >= fix && first < fix + 16)
        count = reader_take_fix(r, first - fix);
    else if (first == wide)
        count = reader_take_number(r, 2, 15);
    else if (first == wide + 1)
        count = reader_take_number(r, 4, UINT16_MAX);
    else
        count = reader_fail(r);
    if (count > count_max || count > reader_left(r) / element_size)
        count = reader_fail(r);
    return (uint32_t)count;
}

uint32_t wire_get_array(struct wire_reader *r, uint32_t count_max)
{
    return reader_take_count(r, FIX_ARRAY, ARRAY_16, count_max, 1);
}

uint32_t wire_get_map(struct wire_reader *r, uint32_t count_max)
{
    return reader_take_count(r, FIX_MAP, MAP_16, count_max, 2);
}

/* What stands behind a first byte. */
struct shape {
    uint8_t number;    /* bytes of a length or count behind the first byte */
    uint8_t body;      /* bytes behind that, without what the number counts */
    bool container;    /* the number counts values, not bytes */
    uint8_t per_count; /* values or bytes per unit of the number */
};

/* Shapes of 0xc0..0xdf, the formats that are not "fix". */
static const struct shape shapes[] = {
    [NIL - NIL] = {0},
    [NEVER_USED - NIL] = {0},
    [FALSE - NIL] = {0},
    [TRUE - NIL] = {0},
    [BIN_8 - NIL] = {.number = 1, .per_count = 1},
    [BIN_8 + 1 - NIL] = {.number = 2, .per_count = 1},
    [BIN_8 + 2 - NIL] = {.number = 4, .per_count = 1},
    [EXT_8 - NIL] = {.number = 1, .body = 1, .per_count = 1},
    [EXT_8 + 1 - NIL] = {.number = 2, .body = 1, .per_count = 1},
    [EXT_8 + 2 - NIL] = {.number = 4, .body = 1, .per_count = 1},
    [FLOAT_32 - NIL] = {.body = 4},
    [FLOAT_32 + 1 - NIL] = {.body = 8},
    [UINT_8 - NIL] = {.body = 1},
    [UINT_8 + 1 - NIL] = {.body = 2},
    [UINT_8 + 2 - NIL] = {.body = 4},
    [UINT_64 - NIL] = {.body = 8},
    [INT_8 - NIL] = {.body = 1},
    [INT_8 + 1 - NIL] = {.body = 2},
    [INT_8 + 2 - NIL] = {.body = 4},
    [INT_64 - NIL] = {.body = 8},
    [FIX_EXT_1 - NIL] = {.body = 2},
    [FIX_EXT_1 + 1 - NIL] = {.body = 3},
    [FIX_EXT_1 + 2 - NIL] = {.body = 5},
    [FIX_EXT_1 + 3 - NIL] = {.body = 9},
    [FIX_EXT_1 + 4 - NIL] = {.body = 17},
    [STR_8 - NIL] = {.number = 1, .per_count = 1},
    [STR_8 + 1 - NIL] = {.number = 2, .per_count = 1},
    [STR_8 + 2 - NIL] = {.number = 4, .per_count = 1},
    [ARRAY_16 - NIL] = {.number = 2, .container = true, .per_count = 1},
    [ARRAY_32 - NIL] = {.number = 4, .container = true, .per_count = 1},
    [MAP_16 - NIL] = {.number = 2, .container = true, .per_count = 2},
    [MAP_32 - NIL] = {.number = 4, .container = true, .per_count = 2},
};

/* Steps over a first byte and the bytes that belong to it; gives the number of values inside. */
static uint64_t reader_step(struct wire_reader *r, bool *container)
{
    *container = false;
    if (r->at == r->end)
        return reader_fail(r);
    uint8_t first = *r->at++;
    uint64_t bytes = 0, values = 0;
    if (first >= FIX_MAP && first < FIX_STR) {
        *container = true;
        values = first < FIX_ARRAY ? (first & 15u) * 2 : first & 15u;
    } else if (first >= FIX_STR && first < NIL) {
        bytes = first - FIX_STR;
    } else if (first == NEVER_USED) {
        return reader_fail(r);
    } else if (first >= NIL && first < NEGATIVE_FIX_MIN) {
        const struct shape *shape = &shapes[first - NIL];
        if (reader_left(r) < shape->number)
            return reader_fail(r);
        uint64_t counted = reader_load(r->at, shape->number) * shape->per_count;
        r->at += shape->number;
        *container = shape->container;
        values = shape->container ? counted : 0;
        bytes = shape->container ? 0 : counted + shape->body;
    }
    if (bytes > reader_left(r) || values > reader_left(r))
        return reader_fail(r);
    r->at += bytes;
    return values;
}

struct slice wire_skip(struct wire_reader *r)
{
    uint64_t pending[WIRE_DEPTH_MAX]; /* values left in each open container */
    size_t depth = 0;
    const uint8_t *begin = r->at;
    do {
        bool container;
        uint64_t values = reader_step(r, &container);
        if (container) {
            if (depth == WIRE_DEPTH_MAX)
                reader_fail(r);
            else
                pending[depth++] = values;
        } else if (depth > 0) {
            pending[depth - 1]--;
        }
        /* A container that is complete is itself a value of the one around it. */
        while (depth > 0 && pending[depth - 1] == 0 && !r->failed) {
            depth--;
            if (depth > 0)
                pending[depth - 1]--;
        }
    } while (depth > 0 && !r->failed);
    if (r->failed)
        return (struct slice){0};
    return (struct slice){(const char *)begin, (uint32_t)(r->at - begin)};
}
