/* SPDX-License-Identifier: Apache-2.0 */
/* Ledger directory: the shard's own actor of the ledger, in each under the same id. It names all
 * totals that the shard has, and takes the messages that are about no single account: those that
 * open accounts, bulk and trial balances. */
#ifndef LEDGER_LEDGER_DIRECTORY_H
#define LEDGER_LEDGER_DIRECTORY_H

#include <stdint.h>

#include "runtime/actor/domain.h"
#include "schemas/ledger.h"

#define LEDGERS_MAX 65536 /* of one shard: tenants times their currencies; named in one state */

struct ledger_directory {
    struct ledger_name *names; /* of all totals; those that are in it never change */
    uint32_t names_count;
    /* entries the list can take; not stored: 0 in a state that was just read */
    uint32_t names_room;
};

extern const struct actor_kind ledger_directory_kind;

#define LEDGER_DIRECTORY_NUMBER 1
#define LEDGER_DIRECTORY_ID ((struct id128){0, LEDGER_DIRECTORY_NUMBER})

/* For the apply functions: names new totals. There is room: account_open_check() sees to it. */
void ledger_directory_add(struct registry *r, struct ledger_name name);

#endif
