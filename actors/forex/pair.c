/* SPDX-License-Identifier: Apache-2.0 */
/* A rate set by hand counts before any other until it is released or its time ends, which nobody
 * has to notice: whoever looks, here or at a copy, looks at the time. */
#include "actors/forex/pair.h"

#include <string.h>

#include "actors/common/owned_text.h"
#include "actors/forex/pair_messages.h"
#include "runtime/base/mutant.h"
#include "schemas/common.h"
#include "schemas/forex_states.h"
#include "schemas/result.h"

#define PAIR_ID_HI (UINT64_C(0x72617465) << 32) /* so that no id is 0 */

struct id128 pair_id(struct pair_name name)
{
    const uint64_t both = (uint64_t)name.from << 16 | name.to;
    return (struct id128){PAIR_ID_HI | both, EVERYWHERE_SLOT};
}

static uint16_t pair_currency(struct slice code)
{
    char upper[CURRENCY_CODE_LEN];
    if (code.len != sizeof upper)
        return 0;
    for (size_t i = 0; i < sizeof upper; i++) {
        char letter = code.data[i];
        upper[i] = letter >= 'a' && letter <= 'z' ? (char)(letter - 'a' + 'A') : letter;
    }
    const struct currency *c = currency_by_code(upper, sizeof upper);
    return c != NULL ? c->number : 0;
}

uint16_t pair_of_codes(struct slice from, struct slice to, struct pair_name *ret)
{
    *ret = (struct pair_name){pair_currency(from), pair_currency(to)};
    return ret->from != 0 && ret->to != 0 ? RESULT_OK : RESULT_RATE_CURRENCY_UNKNOWN;
}

static bool pair_is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

uint16_t pair_of_text(struct slice text, struct pair_name *ret)
{
    *ret = (struct pair_name){0};
    if (text.len != PAIR_CODE_LEN)
        return RESULT_INVALID_PAIR;
    for (uint32_t i = 0; i < text.len; i++)
        if (!pair_is_letter(text.data[i]))
            return RESULT_INVALID_PAIR;
    return pair_of_codes((struct slice){text.data, CURRENCY_CODE_LEN},
                         (struct slice){text.data + CURRENCY_CODE_LEN, CURRENCY_CODE_LEN}, ret);
}

struct place pair_locate_codes(const void *body, const struct principal *who, uint16_t any)
{
    const struct rate_get *get = body;
    struct pair_name name;
    (void)who, (void)any;
    (void)pair_of_codes(get->from_currency, get->to_currency, &name);
    return place_of(pair_id(name));
}

struct place pair_locate_text(const void *body, const struct principal *who, uint16_t any)
{
    const struct rate_pair_get *get = body;
    struct pair_name name;
    (void)who, (void)any;
    (void)pair_of_text(get->pair, &name);
    return place_of(pair_id(name));
}

bool pair_at(const struct rate_core *core, uint64_t version, uint64_t now_ns, struct pair_now *ret)
{
    bool manual =
        core->manual_digits != 0 && (core->manual_until == 0 || now_ns < core->manual_until);
    if (!manual && core->digits == 0)
        return false;
    if (MUTANT(PROVIDER_BEFORE_PERSON) && core->digits != 0)
        manual = false;
    *ret = (struct pair_now){
        .rate = {manual ? core->manual_digits : core->digits,
                 manual ? core->manual_scale : core->scale},
        .manual = manual,
        .observed_ns = manual ? core->manual_at : core->observed_at,
        .stale_after_ns = manual ? UINT64_MAX : core->stale_after,
        .source = manual ? slice_of("manual") : core->source,
        .version = version,
    };
    if (manual && core->manual_until != 0)
        ret->stale_after_ns = core->manual_until;
    return true;
}

/* --- what events do --------------------------------------------------------------------------- */

void pair_core_set(struct registry *r, struct rate_core *to, const struct rate_core *from)
{
    struct slice source = owned_text_copy(r, from->source);
    owned_text_free(r, to->source);
    *to = *from;
    to->source = source;
}

static struct pair *pair_of(struct registry *r, struct pair_name name)
{
    struct pair *p = registry_state_if(r, KIND_PAIR, pair_id(name));
    return p != NULL ? p : registry_create(r, KIND_PAIR, pair_id(name));
}

static void pair_set_text(struct registry *r, struct slice *to, struct slice from)
{
    owned_text_free(r, *to);
    *to = owned_text_copy(r, from);
}

void pair_apply_changed(struct registry *r, const void *event, uint64_t time_ns)
{
    const struct rate_changed *e = event;
    struct pair *p = pair_of(r, (struct pair_name){e->from_currency, e->to_currency});
    (void)time_ns;
    check(e->version == p->version + 1);
    p->version = e->version;
    pair_core_set(r, &p->core, &e->core);
    if (e->change != RATE_CHANGE_OBSERVED)
        pair_set_text(r, &p->note, e->has_note ? e->note : (struct slice){0});
    if (e->change == RATE_CHANGE_OBSERVED) {
        p->aside = (struct rate){0};
        pair_set_text(r, &p->aside_source, (struct slice){0});
    } else {
        p->proposed = (struct rate){0};
        p->proposer = ID128_ZERO;
    }
}

void pair_apply_kept_aside(struct registry *r, const void *event, uint64_t time_ns)
{
    const struct rate_kept_aside *e = event;
    struct pair *p = pair_of(r, (struct pair_name){e->from_currency, e->to_currency});
    (void)time_ns;
    p->aside = (struct rate){e->digits, e->scale};
    pair_set_text(r, &p->aside_source, e->source);
}

void pair_apply_proposed(struct registry *r, const void *event, uint64_t time_ns)
{
    const struct rate_proposed *e = event;
    struct pair *p = pair_of(r, (struct pair_name){e->from_currency, e->to_currency});
    (void)time_ns;
    p->proposed = (struct rate){e->digits, e->scale};
    p->proposer = e->proposer;
}

static const struct handler handlers[] = {
    {&rate_get_type, pair_on_get},         {&rate_pair_get_type, pair_on_pair_get},
    {&rate_set_type, pair_on_set},         {&rate_release_type, pair_on_release},
    {&rate_observe_type, pair_on_observe},
};

const struct actor_kind pair_kind = {
    .name = "pair",
    .number = KIND_PAIR,
    .state_size = sizeof(struct pair),
    .handlers = handlers,
    .handler_count = array_len(handlers),
    .codec = &pair_codec,
};
