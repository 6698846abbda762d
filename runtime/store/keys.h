/* SPDX-License-Identifier: Apache-2.0 */
/* Keys: 128-bit names that are used once, and where in the journal each was decided. Kept by a view
 * store, for when the shard's memory (dedup/dedup_table.h) does not hold them any more. They come
 * in no order and are many, so how a store keeps them is its own affair: a row for each, a table
 * for a day, sorted runs. */
#ifndef STORE_KEYS_H
#define STORE_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/id128.h"

enum key_kind {
    KEY_KIND_REQUEST = 1, /* idempotency keys, with the position of the record; they expire */
    KEY_KIND_EVENT = 2,   /* ids of things that happen once, such as a transfer, with the position
                             of the event (event_rule.key_offset); kept for good */
    KEY_KIND_REFUSAL = 3, /* ids that were refused (service.refusal); they expire as requests' */
};

/* Whose keys: the same key in two spaces is two keys. */
struct key_space {
    uint16_t shard;
    enum key_kind kind;
};

struct key_decision {
    struct id128 key;
    uint64_t position; /* record.h */
    uint64_t time_ns;  /* Unix time of the decision */
};

/* Where a walk over all keys of a space stands. Zeroed, it begins; what else stands in it is the
 * store's. */
struct key_cursor {
    bool begun, ended;
    uint64_t part;
    struct id128 after;
};

/* The fewest keys that a call of a walk may ask for: a store keeps them in pieces of no more. */
#define KEYS_WALK_MIN 100

typedef void (*key_cb)(void *context, struct id128 key);

/* Both ends belong to it. `key` says false to end the reading. */
struct key_range {
    struct key_space space;
    struct id128 from, to;
    bool (*key)(void *context, struct id128 key);
    void *context;
};

#endif
