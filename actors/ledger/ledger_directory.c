/* SPDX-License-Identifier: Apache-2.0 */
/* A new name is put after the others: an undo of the turn restores the count and needs no copy of
 * the list. A full list is replaced by a copy with twice the room; the old one is freed when an
 * undo can no longer need it. */
#include "actors/ledger/ledger_directory.h"

#include <string.h>

#include "actors/ledger/account_messages.h"
#include "actors/ledger/transaction_messages.h"
#include "actors/ledger/transfer_batch.h"
#include "actors/ledger/trial_balance.h"
#include "schemas/common.h"
#include "schemas/ledger_states.h"

static void directory_grow(struct registry *r, struct ledger_directory *d)
{
    check(d->names_count >= d->names_room); /* more: as it was read, without room */
    d->names_room = d->names_count == 0 ? 1 : d->names_count * 2;
    struct ledger_name *names = registry_alloc(r, d->names_room * sizeof *names);
    if (d->names_count > 0)
        memcpy(names, d->names, d->names_count * sizeof *names);
    registry_free(r, d->names);
    d->names = names;
}

void ledger_directory_add(struct registry *r, struct ledger_name name)
{
    const struct id128 id = LEDGER_DIRECTORY_ID;
    struct ledger_directory *d = registry_state_if(r, KIND_LEDGER, id);
    if (d == NULL)
        d = registry_create(r, KIND_LEDGER, id);
    check(d->names_count < LEDGERS_MAX);
    if (d->names_count >= d->names_room)
        directory_grow(r, d);
    check(name.currency != 0);
    check(d->names_count < d->names_room);
    d->names[d->names_count++] = name;
}

static const struct handler handlers[] = {
    {&account_create_type, account_on_create},
    {&accounts_create_type, accounts_on_create},
    {&transfers_create_type, transfers_on_create},
    {&transfers_batch_type, transfers_on_batch},
    {&transaction_create_type, transaction_on_create},
    {&trial_balance_get_type, trial_balance_on_get},
};

const struct actor_kind ledger_directory_kind = {
    .name = "ledger",
    .number = KIND_LEDGER,
    .state_size = sizeof(struct ledger_directory),
    .handlers = handlers,
    .handler_count = array_len(handlers),
    .codec = &ledger_directory_codec,
    .pinned = true,
    .independent = true,
};
