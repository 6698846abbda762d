/* SPDX-License-Identifier: Apache-2.0 */
/* A toy domain for tests of the runtime: purses that hold coins. */
#ifndef TESTS_PURSE_H
#define TESTS_PURSE_H

#include "runtime/actor/domain.h"

#define PURSE_KIND 1

/* Refusals. */
#define PURSE_EMPTY 64
#define PURSE_UNKNOWN 65

#define PURSE_CURSED 13 /* a purse with 13 coins fails when its deadline passes */
#define PURSE_WORDY 17  /* ... and one with 17 then emits more than fits */

struct purse {
    uint64_t coins;
    uint64_t changes;
};

/* Messages: fill adds coins (and makes the purse), move takes them to another, several moves in one
 * chain stand or fall together, look answers the coins, break fails its turn after changing
 * something, expire_at sets a deadline after which the purse is emptied. */
struct purse_fill {
    struct id128 id;
    uint64_t coins;
};
struct purse_move {
    struct id128 from, to;
    uint64_t coins;
    uint32_t times; /* that many moves; one that fails takes all back */
};
struct purse_look {
    struct id128 id;
};
struct purse_break {
    struct id128 id;
};
struct purse_expire {
    struct id128 id;
    uint64_t due_ns;
};
struct purse_coins {
    uint64_t coins, changes;
};

extern const struct message_type purse_fill_type, purse_move_type, purse_look_type,
    purse_break_type, purse_expire_type, purse_coins_type;
extern const struct service purse_service;

#endif
