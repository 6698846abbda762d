/* SPDX-License-Identifier: Apache-2.0 */
/* Cursor: where the next page of a list begins. It is of the request that gave it: of its list, its
 * filters and whose things are listed, not of the size of its pages. Another request is told so,
 * and one that no list gave is none. It depends on nothing but the row, so it is good after a
 * restart and while rows are added. */
#ifndef COMMON_CURSOR_H
#define COMMON_CURSOR_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/actor/message.h"

#define CURSOR_NUMBERS_MAX 5
#define CURSOR_DIGEST 8 /* bytes: of the request, and of all that stands before it */
#define CURSOR_MAX (1 + 8 * CURSOR_NUMBERS_MAX + 2 * CURSOR_DIGEST)

enum page_list { /* first byte of a cursor: which key its numbers are of */
    PAGE_ACCOUNTS = 1,
    PAGE_ENTRIES,
    PAGE_TRANSFERS,
    PAGE_WALLETS,
    PAGE_MOVEMENTS,
    PAGE_HOLDS,
    PAGE_PAYMENTS,
    PAGE_PAYMENT_EVENTS,
    PAGE_LEGS,
    PAGE_REFUNDS,
    PAGE_WALLET_EVENTS,
    PAGE_HOLD_EVENTS,
    PAGE_STATEMENT,
    PAGE_RATES,
};

struct cursor {
    uint8_t bytes[CURSOR_MAX];
    uint32_t len;
};

/* For the answer to this request for a list. */
void cursor_make(struct cursor *c, const struct message *m, enum page_list list,
                 const uint64_t *numbers, uint32_t count);

/* RESULT_OK, INVALID_CURSOR (no list gave it) or CURSOR_OF_OTHER_LIST. */
must_check uint16_t cursor_read(struct slice cursor, const struct message *m, enum page_list list,
                                uint64_t *numbers, uint32_t count);

#endif
