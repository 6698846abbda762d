/* SPDX-License-Identifier: Apache-2.0 */
/* Writer and reader go over the columns of a bit set from the lowest bit up. A number is written in
 * whole halves of eight bytes, for which packed_size_max() has room, and the next value overwrites
 * the zeros: no loop over bytes. The reader checks each length against what is left, since stored
 * bytes may be damaged. */
#include "runtime/store/packed.h"

#include <endian.h>
#include <string.h>

#include "runtime/base/check.h"

#define TYPE_BITS 3
#define TYPE_MASK ((1u << TYPE_BITS) - 1)
#define HALF 8             /* bytes of half a number */
#define VALUE_BYTES_MAX 17 /* without its text */

static_assert(VALUE_NULL == 0 && VALUE_UINT == 1 && VALUE_U128 == 2 && VALUE_ID == 3 &&
                  VALUE_TEXT == 4 && VALUE_BYTES == 5,
              "these numbers are stored");

static bool is_text(enum value_type type)
{
    return type == VALUE_TEXT || type == VALUE_BYTES;
}

size_t packed_size_max(const struct value *row, uint64_t columns)
{
    size_t size = 0;
    for (; columns > 0; columns &= columns - 1) {
        const struct value *v = &row[__builtin_ctzll(columns)];
        size += VALUE_BYTES_MAX + (is_text(v->type) ? v->text.len : 0);
    }
    return size;
}

/* --- writing ---------------------------------------------------------------------------------- */

/* How many bytes hold it. */
static uint8_t packed_width(uint64_t number)
{
    return number == 0 ? 0 : (uint8_t)(HALF - __builtin_clzll(number) / 8);
}

/* Whole halves are written, for which each value has room; the next value overwrites the zeros. */
static uint8_t *write_number(uint8_t *to, enum value_type type, u128 number)
{
    uint64_t low = (uint64_t)number, high = (uint64_t)(number >> 64);
    uint8_t size = high == 0 ? packed_width(low) : (uint8_t)(HALF + packed_width(high));
    low = htole64(low);
    high = htole64(high);
    *to++ = (uint8_t)(type | size << TYPE_BITS);
    memcpy(to, &low, HALF);
    if (size > HALF)
        memcpy(to + HALF, &high, HALF);
    return to + size;
}

static uint8_t *write_text(uint8_t *to, struct slice text)
{
    uint32_t len = htole32(text.len);
    memcpy(to, &len, sizeof len);
    to += sizeof len;
    if (text.len > 0)
        memcpy(to, text.data, text.len);
    return to + text.len;
}

static uint8_t *write_value(uint8_t *to, const struct value *v)
{
    if (v->type == VALUE_UINT || v->type == VALUE_U128)
        return write_number(to, v->type, v->type == VALUE_UINT ? v->number : v->big);
    *to++ = (uint8_t)v->type;
    if (is_text(v->type))
        return write_text(to, v->text);
    if (v->type != VALUE_ID)
        return to;
    id128_store(v->id, to);
    return to + sizeof v->id;
}

uint8_t *packed_write(uint8_t *to, const struct value *row, uint64_t columns)
{
    for (; columns > 0; columns &= columns - 1)
        to = write_value(to, &row[__builtin_ctzll(columns)]);
    return to;
}

/* --- reading ---------------------------------------------------------------------------------- */

/* Of `size` bytes, up to eight. Where eight may be touched that takes no loop. */
static uint64_t read_half(const uint8_t *from, const uint8_t *end, uint8_t size)
{
    uint64_t half = 0;
    if (end - from < HALF) {
        memcpy(&half, from, size);
        return le64toh(half);
    }
    memcpy(&half, from, HALF);
    return size == 0 ? 0 : le64toh(half) & UINT64_MAX >> 8 * (HALF - size);
}

static const uint8_t *read_number(const uint8_t *from, const uint8_t *end, uint8_t size,
                                  struct value *v)
{
    if (size > (v->type == VALUE_UINT ? HALF : 2 * HALF) || end - from < size)
        return NULL;
    uint64_t low = read_half(from, end, size < HALF ? size : HALF);
    if (v->type == VALUE_UINT)
        v->number = low;
    else if (size <= HALF)
        v->big = low;
    else
        v->big = (u128)read_half(from + HALF, end, (uint8_t)(size - HALF)) << 64 | low;
    return from + size;
}

static const uint8_t *read_text(const uint8_t *from, const uint8_t *end, struct value *v)
{
    uint32_t len;
    if (end - from < (ptrdiff_t)sizeof len)
        return NULL;
    memcpy(&len, from, sizeof len);
    from += sizeof len;
    v->text = (struct slice){(const char *)from, le32toh(len)};
    return (size_t)(end - from) < v->text.len ? NULL : from + v->text.len;
}

static const uint8_t *read_value(const uint8_t *from, const uint8_t *end, struct value *v)
{
    if (from == end)
        return NULL;
    uint8_t size = *from >> TYPE_BITS;
    v->type = (enum value_type)(*from++ & TYPE_MASK);
    if (v->type == VALUE_UINT || v->type == VALUE_U128)
        return read_number(from, end, size, v);
    if (size != 0 || v->type > VALUE_BYTES)
        return NULL;
    if (is_text(v->type))
        return read_text(from, end, v);
    if (v->type == VALUE_NULL)
        return from;
    if (end - from < (ptrdiff_t)sizeof v->id)
        return NULL;
    v->id = id128_load(from);
    return from + sizeof v->id;
}

const uint8_t *packed_read(const uint8_t *from, const uint8_t *end, struct value *row,
                           uint64_t columns)
{
    for (; columns > 0 && from != NULL; columns &= columns - 1)
        from = read_value(from, end, &row[__builtin_ctzll(columns)]);
    return from;
}
