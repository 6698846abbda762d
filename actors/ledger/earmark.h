/* SPDX-License-Identifier: Apache-2.0 */
/* Earmark: what transfers that are looked at one after the other will keep aside of an account,
 * before any of that is recorded. The next one is checked against what is left, and cannot use what
 * those before it bring. In the memory of a turn. */
#ifndef LEDGER_EARMARK_H
#define LEDGER_EARMARK_H

#include <stdint.h>

#include "actors/common/id_places.h"
#include "actors/ledger/posting.h"
#include "runtime/actor/turn.h"
#include "runtime/base/u128.h"

struct earmark {
    u128 debits, credits;
    u128 taken, brought;    /* by transfers that do use what those before them bring */
    u128 held_out, held_in; /* by pending ones among them: that nobody spends */
    uint16_t currency;
};

struct earmark_sum { /* of all accounts of a ledger */
    struct id128 totals_id;
    u128 amount;
};

struct earmarks { /* zeroed: none */
    struct id_places accounts;
    struct earmark *all;
    struct earmark_sum *sums;
    uint32_t cap, sum_count, sum_cap;
};

/* That of this account. */
struct earmark *earmark_get(struct turn *t, struct earmarks *e, struct id128 account_id,
                            uint16_t currency);

/* posting_check() is to leave them alone. After posting_find(); `e` may be NULL. */
void earmarks_spare(const struct earmarks *e, struct posting *p);

/* Of this ledger; `e` may be NULL. */
u128 earmarks_sum_of(const struct earmarks *e, struct id128 totals_id);

/* The amount of a posting that posting_check() found OK, of the accounts that are here. */
void earmarks_add(struct turn *t, struct earmarks *e, const struct posting *p);

#endif
