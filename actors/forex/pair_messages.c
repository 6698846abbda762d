/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever changes what counts is told to all shards in the same record. Answers are of the home,
 * whatever the copies know yet. */
#include "actors/forex/pair_messages.h"

#include <stdio.h>

#include "actors/common/refusal.h"
#include "actors/forex/exchange.h"
#include "actors/forex/pair.h"
#include "runtime/base/mutant.h"
#include "runtime/base/time.h"
#include "schemas/forex_states.h"
#include "schemas/result.h"

#define PAIR_AHEAD_NS (5 * NS_PER_S)    /* an observation may be from the future by so much */
#define PAIR_MANUAL_NS (7 * NS_PER_DAY) /* the longest time that can be set for a rate */
#define PAIR_SOURCES_MAX 72

static enum turn_result pair_refuse(struct turn *t, uint16_t code)
{
    turn_refuse(t, code);
    return TURN_DONE;
}

/* --- shown ------------------------------------------------------------------------------------ */

static enum turn_result pair_show(struct turn *t, struct pair_name name, const struct exchange *e,
                                  struct slice note)
{
    uint64_t now_ns = turn_time(t);
    char sources[PAIR_SOURCES_MAX] = "identity";
    if (e->way.count > 0)
        snprintf(sources, sizeof sources, "%.*s%s%.*s", (int)e->sources[0].len, e->sources[0].data,
                 e->way.count > 1 ? ", " : "", (int)e->sources[1].len,
                 e->way.count > 1 ? e->sources[1].data : "");
    const struct exchange_rate shown = {
        .from_currency = name.from,
        .to_currency = name.to,
        .rate = rate_shown(&e->way),
        .timestamp = e->observed_ns,
        .source = slice_of(sources),
        .manual = e->manual,
        .observed_at = e->observed_ns,
        .age_ms = now_ns > e->observed_ns ? (now_ns - e->observed_ns) / NS_PER_MS : 0,
        .has_stale_after = e->stale_after_ns != UINT64_MAX,
        .stale_after = e->stale_after_ns,
        .stale = exchange_stale(e, now_ns),
        .derived = e->derived,
        .version = e->version,
        .has_note = note.len > 0 && e->manual && e->way.count == 1,
        .note = note,
    };
    turn_reply(t, RESULT_OK, &exchange_rate_type, &shown, 0);
    return TURN_DONE;
}

static enum turn_result pair_get(struct turn *t, uint16_t code, struct pair_name name,
                                 bool allow_stale)
{
    struct exchange e;
    const struct pair *p = NULL;
    if (code != RESULT_OK)
        return pair_refuse(t, code);
    enum presence found = exchange_find(t, exchange_look_home, name, &e);
    if (found == PRESENCE_WAITING)
        return TURN_WAIT;
    if (found == PRESENCE_ABSENT)
        return pair_refuse(t, RESULT_RATE_UNKNOWN);
    if (exchange_stale(&e, turn_time(t)) && !allow_stale)
        return pair_refuse(t, RESULT_RATE_STALE);
    bool direct = e.derived == RATE_DERIVATION_DIRECT;
    if (direct && turn_find_pair(t, pair_id(name), &p) == PRESENCE_WAITING)
        return TURN_WAIT;
    return pair_show(t, name, &e, p != NULL ? p->note : (struct slice){0});
}

enum turn_result pair_on_get(struct turn *t, struct id128 self, const struct message *m)
{
    const struct rate_get *get = m->body;
    struct pair_name name;
    uint16_t code = pair_of_codes(get->from_currency, get->to_currency, &name);
    (void)self;
    return pair_get(t, code, name, get->has_allow_stale && get->allow_stale);
}

enum turn_result pair_on_pair_get(struct turn *t, struct id128 self, const struct message *m)
{
    const struct rate_pair_get *get = m->body;
    struct pair_name name;
    uint16_t code = pair_of_text(get->pair, &name);
    (void)self;
    return pair_get(t, code, name, get->has_allow_stale && get->allow_stale);
}

/* --- changed ---------------------------------------------------------------------------------- */

/* The pair as it was, in the home that the message is for; NULL in *ret: not known yet. */
static enum presence pair_find(struct turn *t, struct pair_name name, const struct pair **ret)
{
    enum presence found = turn_find_pair(t, pair_id(name), ret);
    if (found == PRESENCE_ABSENT)
        *ret = NULL;
    return found;
}

static void pair_change(struct turn *t, const struct rate_changed *changed)
{
    const struct rate_told told = {changed->from_currency, changed->to_currency, changed->version,
                                   changed->core};
    check(turn_shard(t) == 0);
    turn_emit(t, &rate_changed_type, changed);
    if (!(MUTANT(TELL_NO_COPIES) && changed->version % 4 == 2))
        turn_send_all(t, &rate_told_type, &told);
}

static uint16_t pair_check_new(uint16_t code, struct pair_name name, struct decimal d,
                               struct rate *rate)
{
    if (code != RESULT_OK)
        return code;
    if (name.from == name.to)
        return RESULT_CURRENCIES_EQUAL;
    return rate_of_decimal(d, rate) ? RESULT_OK : RESULT_RATE_OUT_OF_RANGE;
}

/* Is it further from what counts now than may be believed? */
static bool pair_jumps(const struct pair *p, struct rate rate, uint64_t now_ns)
{
    struct pair_now now;
    return p != NULL && pair_at(&p->core, p->version, now_ns, &now) && !pair_stale(&now, now_ns) &&
           rate_jumped(now.rate, rate, PAIR_JUMP_PARTS);
}

/* A second person asks for what the first one did. */
static bool pair_confirmed(const struct pair *p, const struct rate_set *set, struct rate rate,
                           const struct principal *who)
{
    bool same = p->proposed.digits == rate.digits && p->proposed.scale == rate.scale;
    return set->has_confirm && set->confirm && same &&
           (!id128_equal(p->proposer, who->subject_id) || MUTANT(CONFIRM_ALONE));
}

static enum turn_result pair_propose(struct turn *t, struct pair_name name, struct rate rate,
                                     const struct principal *who)
{
    const struct rate_proposed proposed = {name.from, name.to, rate.digits, rate.scale,
                                           who->subject_id};
    turn_emit(t, &rate_proposed_type, &proposed);
    return pair_refuse(t, RESULT_RATE_JUMP);
}

static enum turn_result pair_fix(struct turn *t, struct pair_name name, const struct pair *p,
                                 const struct rate_set *set, struct rate rate)
{
    struct rate_changed changed = {.from_currency = name.from,
                                   .to_currency = name.to,
                                   .version = (p != NULL ? p->version : 0) + 1,
                                   .change = RATE_CHANGE_FIXED,
                                   .has_note = set->has_note,
                                   .note = set->note};
    if (p != NULL)
        changed.core = p->core;
    changed.core.manual_digits = rate.digits;
    changed.core.manual_scale = rate.scale;
    changed.core.manual_at = turn_time(t);
    changed.core.manual_until = set->has_valid_until ? set->valid_until : 0;
    pair_change(t, &changed);
    struct exchange e;
    enum presence found = exchange_find(t, exchange_look_home, name, &e);
    check(found == PRESENCE_THERE);
    return pair_show(t, name, &e, set->has_note ? set->note : (struct slice){0});
}

enum turn_result pair_on_set(struct turn *t, struct id128 self, const struct message *m)
{
    const struct rate_set *set = m->body;
    const struct pair *p;
    struct pair_name name;
    struct rate rate;
    uint16_t code = pair_check_new(pair_of_text(set->pair, &name), name, set->rate, &rate);
    (void)self;
    if (code == RESULT_OK && set->has_valid_until &&
        (set->valid_until <= turn_time(t) || set->valid_until - turn_time(t) > PAIR_MANUAL_NS))
        code = RESULT_VALID_UNTIL_OUT_OF_RANGE;
    if (code != RESULT_OK)
        return pair_refuse(t, code);
    if (pair_find(t, name, &p) == PRESENCE_WAITING)
        return TURN_WAIT;
    if (pair_jumps(p, rate, turn_time(t)) && !pair_confirmed(p, set, rate, &m->who))
        return pair_propose(t, name, rate, &m->who);
    return pair_fix(t, name, p, set, rate);
}

static bool pair_is_manual(const struct pair *p, uint64_t now_ns)
{
    struct pair_now now;
    return p != NULL && pair_at(&p->core, p->version, now_ns, &now) && now.manual;
}

enum turn_result pair_on_release(struct turn *t, struct id128 self, const struct message *m)
{
    const struct rate_release *release = m->body;
    const struct pair *p;
    struct pair_name name;
    uint16_t code = pair_of_text(release->pair, &name);
    (void)self;
    if (code != RESULT_OK)
        return pair_refuse(t, code);
    if (pair_find(t, name, &p) == PRESENCE_WAITING)
        return TURN_WAIT;
    if (!pair_is_manual(p, turn_time(t)))
        return pair_refuse(t, RESULT_RATE_NOT_MANUAL);
    struct rate_changed changed = {.from_currency = name.from,
                                   .to_currency = name.to,
                                   .version = p->version + 1,
                                   .change = RATE_CHANGE_RELEASED,
                                   .core = p->core};
    changed.core.manual_digits = changed.core.manual_at = changed.core.manual_until = 0;
    changed.core.manual_scale = 0;
    const struct pair_state shown = {.from_currency = name.from,
                                     .to_currency = name.to,
                                     .version = changed.version,
                                     .has_rate = changed.core.digits != 0,
                                     .rate = {changed.core.digits, changed.core.scale},
                                     .has_source = changed.core.digits != 0,
                                     .source = changed.core.source,
                                     .has_observed_at = changed.core.digits != 0,
                                     .observed_at = changed.core.observed_at};
    pair_change(t, &changed);
    turn_reply(t, RESULT_OK, &pair_state_type, &shown, 0);
    return TURN_DONE;
}

/* --- observed --------------------------------------------------------------------------------- */

static enum turn_result pair_tell_outcome(struct turn *t, struct pair_name name, uint8_t outcome,
                                          bool manual, uint64_t version)
{
    const struct observation_result result = {name.from, name.to, outcome, manual, version};
    turn_reply(t, RESULT_OK, &observation_result_type, &result, 0);
    return TURN_DONE;
}

/* The provider's rates alone: what a person has set does not make one jump. */
static bool pair_believes(const struct pair *p, const struct rate_observe *o, struct rate rate,
                          uint64_t now_ns)
{
    if (p == NULL || p->core.digits == 0 || now_ns > p->core.stale_after || MUTANT(BELIEVE_JUMPS))
        return true;
    const struct rate before = {p->core.digits, p->core.scale};
    return !rate_jumped(before, rate, PAIR_JUMP_PARTS) ||
           (p->aside.digits != 0 && !slice_equal(p->aside_source, o->source) &&
            !rate_jumped(p->aside, rate, PAIR_AGREE_PARTS));
}

static enum turn_result pair_keep_aside(struct turn *t, struct pair_name name, const struct pair *p,
                                        const struct rate_observe *o, struct rate rate)
{
    const struct rate_kept_aside aside = {name.from, name.to, rate.digits, rate.scale, o->source};
    const bool manual = pair_is_manual(p, turn_time(t));
    const uint64_t version = p->version;
    turn_emit(t, &rate_kept_aside_type, &aside);
    return pair_tell_outcome(t, name, RATE_OUTCOME_KEPT_ASIDE, manual, version);
}

static enum turn_result pair_take(struct turn *t, struct pair_name name, const struct pair *p,
                                  const struct rate_observe *o, struct rate rate)
{
    const uint64_t limit_ns = (o->has_limit_s ? o->limit_s : PAIR_LIMIT_S) * NS_PER_S;
    struct rate_changed changed = {.from_currency = name.from,
                                   .to_currency = name.to,
                                   .version = (p != NULL ? p->version : 0) + 1,
                                   .change = RATE_CHANGE_OBSERVED};
    if (p != NULL)
        changed.core = p->core;
    changed.core.digits = rate.digits;
    changed.core.scale = rate.scale;
    changed.core.observed_at = o->observed_at;
    changed.core.stale_after = o->observed_at + limit_ns;
    changed.core.source = o->source;
    const bool manual = pair_is_manual(p, turn_time(t));
    pair_change(t, &changed);
    return pair_tell_outcome(t, name, RATE_OUTCOME_TAKEN, manual, changed.version);
}

enum turn_result pair_on_observe(struct turn *t, struct id128 self, const struct message *m)
{
    const struct rate_observe *o = m->body;
    const struct pair *p;
    struct pair_name name;
    struct rate rate;
    uint16_t code = pair_check_new(pair_of_text(o->pair, &name), name, o->rate, &rate);
    (void)self;
    if (code == RESULT_OK && o->observed_at > turn_time(t) + PAIR_AHEAD_NS)
        code = RESULT_RATE_FROM_FUTURE;
    if (code != RESULT_OK)
        return pair_refuse(t, code);
    if (pair_find(t, name, &p) == PRESENCE_WAITING)
        return TURN_WAIT;
    if (p != NULL && p->core.digits != 0 && o->observed_at <= p->core.observed_at &&
        !MUTANT(OLDER_REPLACES))
        return pair_tell_outcome(t, name, RATE_OUTCOME_OLDER, pair_is_manual(p, turn_time(t)),
                                 p->version);
    if (!pair_believes(p, o, rate, turn_time(t)))
        return pair_keep_aside(t, name, p, o, rate);
    return pair_take(t, name, p, o, rate);
}
