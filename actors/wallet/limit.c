/* SPDX-License-Identifier: Apache-2.0 */
/* One sum with the day that it belongs to: a new day begins by the first debit whose day differs,
 * without a timer. Time comes from the caller, that of the turn or event, so a replay gives the
 * same sums. */
#include "actors/wallet/limit.h"

#include "schemas/result.h"

static uint32_t day_of(uint64_t time_ns)
{
    return (uint32_t)(time_ns / LIMIT_DAY_NS);
}

u128 limit_spent(const struct limit *l, uint64_t time_ns)
{
    return l->spent_day == day_of(time_ns) ? l->spent : 0;
}

bool limit_consistent(const struct limit *l)
{
    return !l->has_per_transaction || !l->has_per_day || l->per_day >= l->per_transaction;
}

bool limit_forbids(const struct limit *l, u128 amount)
{
    return l->has_per_transaction && amount > l->per_transaction;
}

uint16_t limit_check(const struct limit *l, u128 amount, uint64_t time_ns)
{
    if (limit_forbids(l, amount))
        return RESULT_PER_TRANSACTION_LIMIT_EXCEEDED;
    u128 spent;
    if (l->has_per_day &&
        (!u128_add(limit_spent(l, time_ns), amount, &spent) || spent > l->per_day))
        return RESULT_DAILY_LIMIT_EXCEEDED;
    return RESULT_OK;
}

void limit_use(struct limit *l, u128 amount, uint64_t time_ns)
{
    check(amount != 0);
    /* Without a limit a day's debits may exceed the counter's range: it then stays at its end. */
    u128 spent;
    if (!u128_add(limit_spent(l, time_ns), amount, &spent))
        spent = U128_MAX;
    l->spent = spent;
    l->spent_day = day_of(time_ns);
}

void limit_return(struct limit *l, u128 amount, uint64_t used_ns)
{
    if (l->spent_day != day_of(used_ns))
        return;
    l->spent = amount < l->spent ? l->spent - amount : 0;
}
