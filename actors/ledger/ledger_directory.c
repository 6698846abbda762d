/* SPDX-License-Identifier: Apache-2.0 */
/* A new name goes behind the others, where what an undo of the turn brings back does not reach. A
 * full list is replaced by a copy with twice the room; the old one lives as long as an undo may
 * want it. */
#include "actors/ledger/ledger_directory.h"

#include <string.h>

#include "actors/ledger/account_messages.h"
#include "actors/ledger/transaction.h"
#include "actors/ledger/transfer.h"
#include "actors/ledger/trial_balance.h"
#include "schemas/common.h"

#define LEDGER_DIRECTORY_STATE_VERSION 1
#define LEDGER_DIRECTORY_STATE_FIELDS 2 /* the version among them */

/* Room in a list of this many names: it doubles, so that each name is copied about once. */
static uint32_t directory_room(uint32_t count)
{
    uint32_t room = 1;
    while (room < count)
        room *= 2;
    return room;
}

static void directory_grow(struct registry *r, struct ledger_directory *d)
{
    struct ledger_name *names =
        registry_alloc(r, directory_room(d->name_count + 1) * sizeof *names);
    if (d->name_count > 0)
        memcpy(names, d->names, d->name_count * sizeof *names);
    registry_free(r, d->names);
    d->names = names;
}

void ledger_directory_add(struct registry *r, uint16_t shard, struct ledger_name name)
{
    struct id128 id = ledger_directory_id(shard);
    struct ledger_directory *d = registry_state_if(r, KIND_LEDGER, id);
    if (d == NULL)
        d = registry_create(r, KIND_LEDGER, id);
    check(d->name_count < LEDGERS_MAX);
    if (d->name_count == 0 || directory_room(d->name_count) == d->name_count)
        directory_grow(r, d);
    d->names[d->name_count++] = name;
}

static void write_state(struct wire_writer *w, const void *state)
{
    const struct ledger_directory *d = state;
    wire_put_array(w, LEDGER_DIRECTORY_STATE_FIELDS);
    wire_put_uint(w, LEDGER_DIRECTORY_STATE_VERSION);
    wire_put_array(w, d->name_count * 2);
    for (uint32_t i = 0; i < d->name_count; i++) {
        wire_put_id(w, d->names[i].tenant_id);
        wire_put_uint(w, d->names[i].currency);
    }
}

static void release_state(struct registry *r, void *state)
{
    struct ledger_directory *d = state;
    registry_free(r, d->names);
    d->names = NULL;
}

static bool read_state(struct registry *r, struct wire_reader *from, void *state)
{
    struct ledger_directory *d = state;
    if (wire_get_array(from, LEDGER_DIRECTORY_STATE_FIELDS) != LEDGER_DIRECTORY_STATE_FIELDS ||
        wire_get_uint(from, UINT64_MAX) != LEDGER_DIRECTORY_STATE_VERSION)
        return false;
    uint32_t count = wire_get_array(from, LEDGERS_MAX * 2) / 2;
    if (from->failed)
        return false;
    if (count > 0)
        d->names = registry_alloc(r, directory_room(count) * sizeof *d->names);
    for (d->name_count = 0; d->name_count < count; d->name_count++) {
        d->names[d->name_count].tenant_id = wire_get_id(from);
        d->names[d->name_count].currency = (uint16_t)wire_get_uint(from, UINT16_MAX);
    }
    if (from->failed)
        release_state(r, d);
    return !from->failed;
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
    .write = write_state,
    .state_fields = "format ledgers",
    .read = read_state,
    .release = release_state,
    .resident = true,
};
