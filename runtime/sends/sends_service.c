/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/sends/sends_service.h"

#include "runtime/sends/open_ask.h"
#include "runtime/sends/parked.h"
#include "runtime/sends/stream.h"

static const struct actor_kind *const kinds[] = {
    &stream_kind,
    &open_ask_kind,
    &parked_kind,
    &parked_queue_kind,
};

const struct service sends_service = {
    .name = "sends",
    .kinds = kinds,
    .kind_count = array_len(kinds),
    .rules = parked_rules,
    .rule_count = PARKED_RULES,
};
