/* SPDX-License-Identifier: Apache-2.0 */
/* Bulk: a list of items made in order within one turn, with linked chains that succeed or fail
 * together. */
#ifndef LEDGER_BULK_H
#define LEDGER_BULK_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/actor/turn.h"
#include "schemas/ledger.h"

struct bulk {
    uint32_t count;
    void *context;
    uint32_t linked, imported; /* which flag of an item says so */
    uint32_t (*flags)(const struct bulk *b, uint32_t index);
    /* Makes the item (emits) or returns why not (nothing emitted), BULK_WAITING among it. */
    uint16_t (*make)(const struct bulk *b, struct turn *t, uint32_t index);
    /* The item's refusal is final, and what its chain did is undone: an event may record it now. */
    void (*refused)(const struct bulk *b, struct turn *t, uint32_t index, uint16_t code);
    /* Has this chain, or item that is linked to none, to do with other shards? Then send() makes it
     * on its way, whole: RESULT_OK, or why not and because of which item. NULL: none has. */
    bool (*crosses)(const struct bulk *b, struct turn *t, uint32_t first, uint32_t count);
    uint16_t (*send)(const struct bulk *b, struct turn *t, uint32_t first, uint32_t count,
                     uint32_t *failed);
};

/* Instead of a code of any result: something is being loaded that the item needs; it is on its
 * way. */
#define BULK_WAITING UINT16_MAX
#define BULK_UNDER_WAY (UINT16_MAX - 1)

/* Fills codes[count] with RESULT_OK, BULK_UNDER_WAY or why not. false: it stopped at an item that
 * is WAITING; the caller rolls back what was made before it. */
must_check bool bulk_run(const struct bulk *b, struct turn *t, uint16_t *codes);

/* The items whose code is not RESULT_OK; in `results`, which has room for `count`. */
struct item_results bulk_results(const uint16_t *codes, uint32_t count,
                                 struct item_result *results);

#endif
