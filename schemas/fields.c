/* SPDX-License-Identifier: Apache-2.0 */
/* Every function reads on after a failure of the reader and returns something harmless, so
 * generated code checks `failed` once, at the end. Messages may have more elements than are known
 * here (a newer sender), stored states may not. */
#include "schemas/fields.h"

#include "runtime/base/utf8.h"

/* Does a character begin here that is refused and has more than one byte? U+0080 to U+009F are C2
 * 80 to C2 9F, U+202A to U+202E are E2 80 AA to E2 80 AE, U+2066 to U+2069 are E2 81 A6 to E2 81
 * A9. */
static bool fields_refused_at(const unsigned char *at, uint32_t left)
{
    if (left >= 2 && at[0] == 0xC2)
        return at[1] < 0xA0;
    if (left < 3 || at[0] != 0xE2)
        return false;
    return (at[1] == 0x80 && at[2] >= 0xAA && at[2] <= 0xAE) ||
           (at[1] == 0x81 && at[2] >= 0xA6 && at[2] <= 0xA9);
}

bool fields_printable(struct slice text)
{
    const unsigned char *data = (const unsigned char *)text.data;
    unsigned control = 0, lead = 0; /* no early exit: the compiler can take 16 bytes at once */
    for (uint32_t i = 0; i < text.len; i++) {
        control |= (data[i] < 0x20) | (data[i] == 0x7F);
        lead |= (data[i] == 0xC2) | (data[i] == 0xE2);
    }
    for (uint32_t i = 0; lead != 0 && i < text.len; i++)
        control |= fields_refused_at(data + i, text.len - i);
    return control == 0;
}

/* Unicode 15, property White_Space; and joiners and marks without a width. */
static bool fields_blank_code(uint32_t code)
{
    return code == 0x20 || code == 0xA0 || code == 0x1680 || (code >= 0x2000 && code <= 0x200F) ||
           code == 0x2028 || code == 0x2029 || code == 0x202F || code == 0x205F || code == 0x2060 ||
           code == 0x3000 || code == 0xFEFF;
}

bool fields_blank(struct slice text)
{
    const uint8_t *at = (const uint8_t *)text.data;
    for (uint32_t left = text.len; left > 0;) {
        size_t len = utf8_len(at, left);
        if (len == 0 || !fields_blank_code(utf8_code(at, len)))
            return false;
        at += len;
        left -= (uint32_t)len;
    }
    return true;
}

uint32_t fields_open(struct wire_reader *r, uint32_t count_min)
{
    uint32_t count = wire_get_array(r, FIELDS_WIRE_MAX);
    if (count < count_min)
        r->failed = true;
    return count;
}

void fields_close(struct wire_reader *r, uint32_t count, uint32_t known)
{
    for (uint32_t i = known; i < count && !r->failed; i++)
        (void)wire_skip(r);
}

uint32_t fields_open_state(struct wire_reader *r, uint32_t format, uint32_t count_min,
                           uint32_t count_max)
{
    check(count_min <= count_max);
    uint32_t count = wire_get_array(r, count_max);
    if (count < count_min || wire_get_uint(r, UINT16_MAX) != format)
        r->failed = true;
    return count;
}

struct decimal fields_get_decimal(struct wire_reader *r)
{
    struct decimal d = {0};
    if (wire_get_array(r, 2) != 2)
        r->failed = true;
    d.digits = wire_get_u128(r);
    d.scale = (uint8_t)wire_get_uint(r, DECIMAL_SCALE_MAX);
    return d;
}

void fields_put_decimal(struct wire_writer *w, struct decimal d)
{
    wire_put_array(w, 2);
    wire_put_u128(w, d.digits);
    wire_put_uint(w, d.scale);
}

struct slice fields_get_text(struct wire_reader *r, uint32_t len_min, uint32_t len_max)
{
    struct slice text = wire_get_text(r, len_max);
    if (text.len < len_min || !fields_printable(text)) {
        r->failed = true;
        return (struct slice){0};
    }
    return text;
}

struct slice fields_get_bytes(struct wire_reader *r, uint32_t len_min, uint32_t len_max)
{
    struct slice bytes = wire_get_bytes(r, len_max);
    if (bytes.len < len_min) {
        r->failed = true;
        return (struct slice){0};
    }
    return bytes;
}

uint8_t fields_get_enum(struct wire_reader *r, uint8_t count)
{
    uint8_t value = (uint8_t)wire_get_uint(r, count);
    if (value == 0)
        r->failed = true;
    return value;
}

uint32_t fields_get_flags(struct wire_reader *r, uint32_t known)
{
    uint32_t value = (uint32_t)wire_get_uint(r, known);
    if ((value & ~known) != 0) {
        r->failed = true;
        return 0;
    }
    return value;
}

bool fields_get_metadata(struct wire_reader *r, struct arena *a, struct metadata *m)
{
    uint32_t count = wire_get_map(r, METADATA_PAIRS_MAX);
    struct metadata_pair *items = fields_list(r, a, count, sizeof *items);
    *m = (struct metadata){0};
    for (uint32_t i = 0; i < count && !r->failed; i++) {
        items[i].key = fields_get_text(r, 1, METADATA_KEY_MAX);
        items[i].value = fields_get_text(r, 0, METADATA_VALUE_MAX);
        for (uint32_t j = 0; j < i; j++) {
            if (slice_equal(items[j].key, items[i].key))
                r->failed = true;
        }
    }
    if (r->failed)
        return false;
    *m = (struct metadata){items, count};
    return true;
}

void fields_put_metadata(struct wire_writer *w, const struct metadata *m)
{
    wire_put_map(w, m->count);
    for (uint32_t i = 0; i < m->count; i++) {
        wire_put_text(w, m->items[i].key);
        wire_put_text(w, m->items[i].value);
    }
}

bool fields_metadata_equal(const struct metadata *a, const struct metadata *b)
{
    uint32_t equal = 0;
    for (uint32_t i = 0; i < a->count; i++) {
        for (uint32_t j = 0; j < b->count; j++) {
            equal += slice_equal(a->items[i].key, b->items[j].key) &&
                     slice_equal(a->items[i].value, b->items[j].value);
        }
    }
    return a->count == b->count && equal == a->count;
}

void *fields_list(struct wire_reader *r, struct arena *a, uint32_t count, size_t item_size)
{
    if (count == 0 || r->failed)
        return NULL;
    void *items = arena_take(a, count * item_size);
    if (items == NULL)
        r->failed = true;
    return items;
}
