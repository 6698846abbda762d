/* SPDX-License-Identifier: Apache-2.0 */
/* Rates: set by hand, confirmed, released, observed, shown, and amounts converted by them. */
#include "tests/simulation/workload.h"

#include "runtime/base/time.h"
#include "schemas/currency.h"

#define SOURCES 3
#define RATE_BASE 10000 /* 100.00 */

/* Of the time that shard 0 has now, as far as is known. */
static uint64_t forex_now(const struct run *run)
{
    uint64_t last_ns = run->shards[0].history.time_ns;
    return last_ns != 0 ? last_ns : WORLD_EPOCH_NS + run->world.now_ns;
}

static struct slice forex_code(struct run *run)
{
    const struct currency *c =
        currency_by_number(workload_currencies[rng_below(&run->rng, SWARM_CURRENCIES_MAX)]);
    return slice_of(workload_chance(run, 40) ? "XXX" : c->code);
}

/* Six letters, most of the time, of two currencies, most of the time. */
static struct slice forex_pair(struct run *run)
{
    static const char *const pairs[] = {"USDJPY", "USDJPY", "usdjpy", "USDEUR", "EURUSD",
                                        "JPYEUR", "USDUSD", "XXXUSD", "USD"};
    return slice_of(
        pairs[rng_below(&run->rng, array_len(pairs) - (workload_chance(run, 4) ? 0 : 3))]);
}

/* About 100.00; more than 5 % away from that one time of five. */
static struct decimal forex_rate(struct run *run)
{
    uint64_t digits = RATE_BASE - 200 + rng_below(&run->rng, 401);
    if (workload_chance(run, 5))
        digits = RATE_BASE * (workload_chance(run, 2) ? 90 : 110) / 100 + rng_below(&run->rng, 60);
    if (workload_chance(run, 50))
        digits = 0;
    return (struct decimal){digits, 2};
}

static bool make_rate_set(struct run *run, struct request *q)
{
    struct rate_set *set = &q->body.rate_set;
    q->type = &rate_set_type;
    q->who = workload_owner(run, (uint32_t)rng_below(&run->rng, 2));
    *set = (struct rate_set){.pair = forex_pair(run), .rate = forex_rate(run)};
    set->has_note = workload_chance(run, 2);
    set->note = slice_of("the bank's");
    set->has_confirm = set->confirm = workload_chance(run, 3);
    set->has_valid_until = workload_chance(run, 4);
    set->valid_until = forex_now(run) + rng_below(&run->rng, 8) * NS_PER_S;
    return true;
}

/* Somebody asks for what was proposed. */
static bool make_rate_confirm(struct run *run, struct request *q)
{
    static const char *const pairs[] = {"USDJPY", "USDEUR", "EURUSD", "JPYEUR"};
    uint32_t first = (uint32_t)rng_below(&run->rng, array_len(pairs));
    for (uint32_t i = 0; i < array_len(pairs); i++) {
        const char *text = pairs[(first + i) % array_len(pairs)];
        const struct ref_pair *p = ref_rates_pair(&run->rates, currency_by_code(text, 3)->number,
                                                  currency_by_code(text + 3, 3)->number);
        if (p == NULL || p->proposed_digits == 0)
            continue;
        q->type = &rate_set_type;
        q->who = workload_owner(run, (uint32_t)rng_below(&run->rng, 2));
        q->body.rate_set = (struct rate_set){.pair = slice_of(text),
                                             .rate = {p->proposed_digits, p->proposed_scale},
                                             .has_confirm = true,
                                             .confirm = true};
        return true;
    }
    return false;
}

static bool make_rate_release(struct run *run, struct request *q)
{
    q->type = &rate_release_type;
    q->who = workload_clerk(run);
    q->body.rate_release = (struct rate_release){forex_pair(run)};
    return true;
}

static bool make_rate_observe(struct run *run, struct request *q)
{
    static const char *const sources[SOURCES] = {"oanda", "ecb", "desk"};
    q->type = &rate_observe_type;
    q->who = workload_clerk(run);
    q->body.rate_observe = (struct rate_observe){
        .pair = forex_pair(run),
        .rate = forex_rate(run),
        .source = slice_of(sources[rng_below(&run->rng, SOURCES)]),
        .observed_at = forex_now(run) - 3 * NS_PER_S + rng_below(&run->rng, 4 * NS_PER_S),
        .has_limit_s = true,
        .limit_s = 1 + (uint32_t)rng_below(&run->rng, workload_chance(run, 4) ? 3 : 3000),
    };
    if (workload_chance(run, 20))
        q->body.rate_observe.observed_at += 100 * NS_PER_DAY;
    return true;
}

static bool make_rate_get(struct run *run, struct request *q)
{
    q->type = &rate_get_type;
    q->who = workload_clerk(run);
    q->body.rate_get =
        (struct rate_get){.from_currency = forex_code(run), .to_currency = forex_code(run)};
    q->body.rate_get.has_allow_stale = q->body.rate_get.allow_stale = workload_chance(run, 3);
    return true;
}

static bool make_rate_pair_get(struct run *run, struct request *q)
{
    q->type = &rate_pair_get_type;
    q->who = workload_clerk(run);
    q->body.rate_pair_get = (struct rate_pair_get){.pair = forex_pair(run)};
    return true;
}

static bool make_rate_history(struct run *run, struct request *q)
{
    q->type = &rate_history_list_type;
    q->who = workload_clerk(run);
    q->body.rate_history_list = (struct rate_history_list){.from_currency = forex_code(run),
                                                           .to_currency = forex_code(run)};
    return true;
}

static bool make_convert(struct run *run, struct request *q)
{
    struct convert *c = &q->body.convert;
    q->type = &convert_type;
    q->who = workload_clerk(run);
    c->from_currency = workload_currencies[rng_below(&run->rng, SWARM_CURRENCIES_MAX)];
    c->to_currency = workload_currencies[rng_below(&run->rng, SWARM_CURRENCIES_MAX)];
    c->amount = 1 + rng_below(&run->rng, workload_chance(run, 3) ? 3 : 1000000);
    if (workload_chance(run, 6))
        c->amount = U128_MAX - 1;
    return true;
}

const struct operation forex_operations[] = {
    {"rate_set", make_rate_set},         {"rate_confirm", make_rate_confirm},
    {"rate_release", make_rate_release}, {"rate_observe", make_rate_observe},
    {"rate_get", make_rate_get},         {"rate_pair_get", make_rate_pair_get},
    {"rate_history", make_rate_history}, {"convert", make_convert},
};
const uint32_t forex_operation_count = array_len(forex_operations);
