/* SPDX-License-Identifier: Apache-2.0 */
/* The actor of a pending transfer: its stored form and its expiry. */
#include "actors/ledger/pending_transfer.h"

#include "actors/ledger/account.h"
#include "actors/ledger/ledger_totals.h"
#include "actors/ledger/transaction.h"
#include "actors/ledger/transfer.h"
#include "runtime/base/mutant.h"
#include "schemas/common.h"

#define PENDING_TRANSFER_STATE_VERSION 1
#define PENDING_TRANSFER_STATE_FIELDS 20 /* the version among them */

static void write_state(struct wire_writer *w, const void *state)
{
    const struct pending_transfer *h = state;
    wire_put_array(w, PENDING_TRANSFER_STATE_FIELDS);
    wire_put_uint(w, PENDING_TRANSFER_STATE_VERSION);
    wire_put_id(w, h->tenant_id);
    wire_put_id(w, h->debit_account_id);
    wire_put_id(w, h->credit_account_id);
    wire_put_u128(w, h->amount);
    wire_put_u128(w, h->held);
    wire_put_u128(w, h->posted);
    wire_put_id(w, h->reverses_id);
    wire_put_id(w, h->transaction_id);
    wire_put_u128(w, h->user_data_128);
    wire_put_uint(w, h->user_data_64);
    wire_put_uint(w, h->user_data_32);
    wire_put_uint(w, h->effective_time);
    wire_put_uint(w, h->recorded_time);
    wire_put_uint(w, h->due_time);
    wire_put_uint(w, h->timeout_s);
    wire_put_uint(w, h->flags);
    wire_put_uint(w, h->currency);
    wire_put_uint(w, h->code);
    wire_put_uint(w, h->status);
}

static bool read_state(struct registry *r, struct wire_reader *from, void *state)
{
    (void)r;
    struct pending_transfer *h = state;
    if (wire_get_array(from, PENDING_TRANSFER_STATE_FIELDS) != PENDING_TRANSFER_STATE_FIELDS ||
        wire_get_uint(from, UINT64_MAX) != PENDING_TRANSFER_STATE_VERSION)
        return false;
    h->tenant_id = wire_get_id(from);
    h->debit_account_id = wire_get_id(from);
    h->credit_account_id = wire_get_id(from);
    h->amount = wire_get_u128(from);
    h->held = wire_get_u128(from) * !MUTANT(FORGET_HOLD);
    h->posted = wire_get_u128(from);
    h->reverses_id = wire_get_id(from);
    h->transaction_id = wire_get_id(from);
    h->user_data_128 = wire_get_u128(from);
    h->user_data_64 = wire_get_uint(from, UINT64_MAX);
    h->user_data_32 = (uint32_t)wire_get_uint(from, UINT32_MAX);
    h->effective_time = wire_get_uint(from, UINT64_MAX);
    h->recorded_time = wire_get_uint(from, UINT64_MAX);
    h->due_time = wire_get_uint(from, UINT64_MAX);
    h->timeout_s = (uint32_t)wire_get_uint(from, UINT32_MAX);
    h->flags = (uint32_t)wire_get_uint(from, TRANSFER_FLAGS_ALL);
    h->currency = (uint16_t)wire_get_uint(from, UINT16_MAX);
    h->code = (uint16_t)wire_get_uint(from, UINT16_MAX);
    h->status = (uint8_t)wire_get_uint(from, TRANSFER_STATUS_COUNT);
    return !from->failed && h->status != 0;
}

static enum turn_result on_timeout(struct turn *t, struct id128 self)
{
    const void *state = NULL;
    enum presence there = turn_find(t, KIND_TRANSFER, self, &state);
    if (there != PRESENCE_THERE)
        return there == PRESENCE_WAITING ? TURN_WAIT : TURN_DONE;
    const struct pending_transfer *h = state;
    if (h->status != TRANSFER_STATUS_PENDING)
        return TURN_DONE;
    const void *debit = NULL, *credit = NULL, *totals = NULL;
    enum presence d = turn_find(t, KIND_ACCOUNT, h->debit_account_id, &debit);
    enum presence c = turn_find(t, KIND_ACCOUNT, h->credit_account_id, &credit);
    enum presence l =
        turn_find(t, KIND_LEDGER_TOTALS, ledger_totals_id(h->tenant_id, h->currency), &totals);
    if (d == PRESENCE_WAITING || c == PRESENCE_WAITING || l == PRESENCE_WAITING)
        return TURN_WAIT;
    if (d != PRESENCE_THERE || c != PRESENCE_THERE || l != PRESENCE_THERE)
        return turn_fail(t, "a pending transfer without its accounts");
    struct transfer_expired e = {self};
    turn_emit(t, &transfer_expired_type, &e);
    return TURN_DONE;
}

static const struct handler handlers[] = {
    {&transfer_get_type, transfer_on_get},         {&transfer_post_type, transfer_on_post},
    {&transfer_void_type, transfer_on_void},       {&transfer_reverse_type, transfer_on_reverse},
    {&transaction_get_type, transaction_on_get},
    {&transaction_reverse_type, transaction_on_reverse},
};

const struct actor_kind pending_transfer_kind = {
    .name = "transfer",
    .number = KIND_TRANSFER,
    .state_size = sizeof(struct pending_transfer),
    .handlers = handlers,
    .handler_count = array_len(handlers),
    .write = write_state,
    .state_fields = "format tenant_id debit_account_id credit_account_id amount held posted "
                    "reverses_id transaction_id user_data_128 user_data_64 user_data_32 "
                    "effective_time recorded_time due_time timeout_s flags currency code status",
    .read = read_state,
    .timeout = on_timeout,
};
