/* SPDX-License-Identifier: Apache-2.0 */
#include "actors/forex/exchange.h"

#include "actors/forex/pair_copy.h"
#include "runtime/base/mutant.h"
#include "runtime/base/time.h"
#include "schemas/common.h"
#include "schemas/forex_states.h"
#include "schemas/result.h"

enum presence exchange_look_home(struct turn *t, struct pair_name name, struct pair_now *ret)
{
    const struct pair *p;
    enum presence found = turn_find_pair(t, pair_id(name), &p);
    if (found != PRESENCE_THERE)
        return found;
    return pair_at(&p->core, p->version, turn_time(t), ret) ? PRESENCE_THERE : PRESENCE_ABSENT;
}

enum presence exchange_look_copy(struct turn *t, struct pair_name name, struct pair_now *ret)
{
    const struct pair_copy *p = turn_copy(t, KIND_PAIR_COPY, pair_id(name));
    if (p == NULL || !pair_at(&p->core, p->version, turn_time(t), ret))
        return PRESENCE_ABSENT;
    if (turn_copy_age_ns(t, KIND_PAIR_COPY, pair_id(name)) > EVERYWHERE_AGE_MAX_NS)
        ret->stale_after_ns = 0;
    return PRESENCE_THERE;
}

static void exchange_step(struct exchange *e, const struct pair_now *p, bool divides)
{
    check(e->way.count < RATE_STEPS_MAX);
    bool first = e->way.count == 0;
    e->way.rates[e->way.count] = p->rate;
    e->way.divides[e->way.count] = divides;
    e->sources[e->way.count++] = p->source;
    e->manual |= p->manual;
    e->version += p->version;
    if (first || p->observed_ns < e->observed_ns)
        e->observed_ns = p->observed_ns;
    if (first || p->stale_after_ns < e->stale_after_ns)
        e->stale_after_ns = p->stale_after_ns;
}

/* The pair or the opposite one. */
static enum presence exchange_go(struct turn *t, exchange_look look, struct pair_name name,
                                 struct exchange *e)
{
    struct pair_now now;
    enum presence there = look(t, name, &now);
    enum presence found = there;
    if (there == PRESENCE_ABSENT)
        found = look(t, (struct pair_name){name.to, name.from}, &now);
    if (found == PRESENCE_THERE)
        exchange_step(e, &now, there == PRESENCE_ABSENT);
    return found;
}

static enum presence exchange_cross(struct turn *t, exchange_look look, struct pair_name name,
                                    struct exchange *e)
{
    if (name.from == EXCHANGE_PIVOT || name.to == EXCHANGE_PIVOT)
        return PRESENCE_ABSENT;
    enum presence found = exchange_go(t, look, (struct pair_name){name.from, EXCHANGE_PIVOT}, e);
    if (found == PRESENCE_THERE)
        found = exchange_go(t, look, (struct pair_name){EXCHANGE_PIVOT, name.to}, e);
    return found;
}

enum presence exchange_find(struct turn *t, exchange_look look, struct pair_name name,
                            struct exchange *ret)
{
    *ret = (struct exchange){.derived = RATE_DERIVATION_IDENTITY, .stale_after_ns = UINT64_MAX};
    if (name.from == name.to) {
        ret->observed_ns = turn_time(t);
        return PRESENCE_THERE;
    }
    enum presence found = exchange_go(t, look, name, ret);
    ret->derived = ret->way.divides[0] ? RATE_DERIVATION_INVERSE : RATE_DERIVATION_DIRECT;
    if (found != PRESENCE_ABSENT)
        return found;
    *ret = (struct exchange){.derived = RATE_DERIVATION_CROSS};
    return exchange_cross(t, look, name, ret);
}

/* --- converting ------------------------------------------------------------------------------- */

static uint16_t exchange_convert(const struct exchange *e, const struct convert *c, u128 *ret)
{
    const struct rate_decimals d = {currency_by_number(c->from_currency)->decimals,
                                    currency_by_number(c->to_currency)->decimals};
    enum rate_rounding rounding = MUTANT(ROUND_FOR_CUSTOMER) ? RATE_UP : RATE_DOWN;
    if (!rate_target(&e->way, d, 0, c->amount, rounding, ret))
        return RESULT_CONVERTED_OUT_OF_RANGE;
    return *ret == 0 ? RESULT_AMOUNT_TOO_SMALL : RESULT_OK;
}

enum turn_result exchange_on_convert(struct turn *t, struct id128 self, const struct message *m)
{
    const struct convert *c = m->body;
    struct exchange e;
    u128 converted = 0;
    enum presence found = exchange_find(t, exchange_look_copy,
                                        (struct pair_name){c->from_currency, c->to_currency}, &e);
    uint16_t code =
        found == PRESENCE_THERE ? exchange_convert(&e, c, &converted) : RESULT_RATE_UNKNOWN;
    if (turn_copy_age_ns(t, KIND_PAIR_COPY, self) > EVERYWHERE_AGE_MAX_NS ||
        (found == PRESENCE_THERE && exchange_stale(&e, turn_time(t))))
        code = RESULT_RATE_STALE;
    if (code != RESULT_OK) {
        turn_refuse(t, code);
        return TURN_DONE;
    }
    const struct conversion conversion = {.from_currency = c->from_currency,
                                          .to_currency = c->to_currency,
                                          .amount = c->amount,
                                          .converted_amount = converted,
                                          .rate = rate_shown(&e.way),
                                          .timestamp = e.observed_ns,
                                          .indicative = true,
                                          .version = e.version};
    turn_reply(t, RESULT_OK, &conversion_type, &conversion, 0);
    return TURN_DONE;
}
