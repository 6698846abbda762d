/* SPDX-License-Identifier: Apache-2.0 */
/* Fields: the types of declared fields that msgpack does not have, to and from the wire. Readers
 * check what the declaration says (lengths, listed values) and fail the reader otherwise. */
#ifndef SCHEMAS_FIELDS_H
#define SCHEMAS_FIELDS_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/arena.h"
#include "runtime/wire/reader.h"
#include "runtime/wire/writer.h"
#include "schemas/currency.h"

#define FIELDS_MAX 64      /* of a declared message */
#define FIELDS_WIRE_MAX 255 /* elements a newer writer may send; the unknown ones are ignored */
#define METADATA_PAIRS_MAX 16
#define METADATA_KEY_MAX 64
#define METADATA_VALUE_MAX 256
#define METADATA_BYTES_MAX 6144 /* of the longest on the wire */

struct metadata_pair {
    struct slice key;
    struct slice value;
};

/* Keys are unique; the order is the sender's. */
struct metadata {
    struct metadata_pair *items;
    uint32_t count;
};

/* No control characters (U+0000 to U+001F, U+007F to U+009F), which terminals obey, and none that
 * reorder the text around them (U+202A to U+202E, U+2066 to U+2069), which people are deceived by.
 * `text` is UTF-8. */
bool fields_printable(struct slice text);
/* Nothing but characters that leave no mark: the white space of Unicode and what has no width. */
bool fields_blank(struct slice text);

/* The head of a message: fails below `count_min` elements; returns how many there are. */
uint32_t fields_open(struct wire_reader *r, uint32_t count_min);
/* Steps over the elements that this version does not know. */
void fields_close(struct wire_reader *r, uint32_t count, uint32_t known);

/* The head of a stored state: its count of elements, which must be one that this version knows (a
 * state with more would lose them when it is stored again), and its format. Returns the count. */
uint32_t fields_open_state(struct wire_reader *r, uint32_t format, uint32_t count_min,
                           uint32_t count_max);

struct decimal fields_get_decimal(struct wire_reader *r);
void fields_put_decimal(struct wire_writer *w, struct decimal d);

struct slice fields_get_text(struct wire_reader *r, uint32_t len_min, uint32_t len_max);
struct slice fields_get_bytes(struct wire_reader *r, uint32_t len_min, uint32_t len_max);

/* 1 .. count */
uint8_t fields_get_enum(struct wire_reader *r, uint8_t count);
/* Only bits of `known`. */
uint32_t fields_get_flags(struct wire_reader *r, uint32_t known);

/* false (and the reader failed) on repeated keys, a length beyond its limit, or no memory. */
bool fields_get_metadata(struct wire_reader *r, struct arena *a, struct metadata *m);
void fields_put_metadata(struct wire_writer *w, const struct metadata *m);
/* The same pairs, in whatever order. */
bool fields_metadata_equal(const struct metadata *a, const struct metadata *b);

/* Memory for a list whose count is already bounded by the bytes left, and whose items are written
 * as a whole when they are read; fails the reader without memory. NULL for an empty list. */
void *fields_list(struct wire_reader *r, struct arena *a, uint32_t count, size_t item_size);

#endif
