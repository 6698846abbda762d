/* SPDX-License-Identifier: Apache-2.0 */
#include "actors/ledger/reservation.h"

#include "actors/ledger/transfer_crossing.h"
#include "runtime/base/sha256.h"
#include "schemas/common.h"
#include "schemas/ledger_states.h"

struct id128 reservation_id(struct id128 transfer_id, struct id128 account_id)
{
    uint8_t id[16];
    check(!id128_is_zero(transfer_id));
    check(!id128_is_zero(account_id));
    id128_store(transfer_id, id);
    const struct slice pieces[] = {slice_of("reservation"), {(const char *)id, sizeof id}};
    return id128_derive(sha256_id(pieces, array_len(pieces)), id128_slot(account_id));
}

static const struct handler handlers[] = {
    {&transfer_follow_type, transfer_on_follow},
};

const struct actor_kind reservation_kind = {
    .name = "reservation",
    .number = KIND_RESERVATION,
    .state_size = sizeof(struct reservation),
    .handlers = handlers,
    .handler_count = array_len(handlers),
    .codec = &reservation_codec,
};
