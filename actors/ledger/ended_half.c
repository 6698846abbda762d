/* SPDX-License-Identifier: Apache-2.0 */
/* The two come from the journals of two shards, in whatever order the views read them: whichever
 * comes second takes away the row of the first, so none is left. */
#include "actors/ledger/ended_half.h"

static bool ended_half_take(void *context, const struct value *values)
{
    bool read = ended_halves_row_from_values(values, context);
    check(read);
    return false;
}

/* true: the other one came first, and nothing is left of it. */
static bool ended_half_meets(struct projection *p, const struct ended_halves_row *row)
{
    struct ended_halves_row first;
    const struct value key[] = {{VALUE_ID, .id = row->account_id},
                                {VALUE_ID, .id = row->pending_id}};
    if (!projection_get(p, &ended_halves_view, key, ended_half_take, &first))
        return false;
    check(first.followed != row->followed);
    projection_delete(p, &ended_halves_view, key);
    return true;
}

static void ended_half_store(struct projection *p, const struct ended_halves_row *row)
{
    struct value values[ENDED_HALVES_COLUMNS];
    check(!id128_is_zero(row->account_id));
    if (ended_half_meets(p, row))
        return;
    ended_halves_row_to_values(row, values);
    projection_put(p, &ended_halves_view, values);
}

void ended_half_put(struct projection *p, struct id128 account_id, struct id128 pending_id,
                    const struct transfers_row *end)
{
    const struct ended_halves_row row = {
        .account_id = account_id,
        .pending_id = pending_id,
        .released = end->amount,
        .currency = end->currency,
        .effective_time = end->effective_time,
        .recorded_time = end->recorded_time,
    };
    ended_half_store(p, &row);
}

void ended_half_follow(struct projection *p, struct id128 account_id, struct id128 pending_id,
                       uint16_t currency)
{
    const struct ended_halves_row row = {
        .account_id = account_id, .pending_id = pending_id, .followed = true, .currency = currency};
    ended_half_store(p, &row);
}
