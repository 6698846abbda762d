/* SPDX-License-Identifier: Apache-2.0 */
#include "actors/rule_engine/condition.h"

#include "runtime/base/time.h"

#define DAY_S 86400
#define DAYS_OF_WEEK 7
#define WEEKDAY_1970 4 /* the first of January was a Thursday */

/* --- numbers ---------------------------------------------------------------------------------- */

/* With as many decimals more; false: beyond 128 bits, so above everything that is not. */
static bool condition_scale_up(u128 *digits, uint32_t decimals)
{
    bool fits = true;
    for (; fits && decimals > 0 && *digits > 0; decimals--)
        fits = !__builtin_mul_overflow(*digits, (u128)10, digits);
    return fits;
}

int condition_compare(struct decimal a, struct decimal b)
{
    if (a.scale < b.scale && !condition_scale_up(&a.digits, (uint32_t)b.scale - a.scale))
        return 1;
    if (b.scale < a.scale && !condition_scale_up(&b.digits, (uint32_t)a.scale - b.scale))
        return -1;
    return (a.digits > b.digits) - (a.digits < b.digits);
}

static bool condition_in_range(const struct condition *c, struct decimal number)
{
    const struct bound *low = &c->range.low, *high = &c->range.high;
    if (low->there && condition_compare(number, low->figure) < (low->included ? 0 : 1))
        return false;
    return !high->there || condition_compare(number, high->figure) <= (high->included ? 0 : -1);
}

/* --- lists ------------------------------------------------------------------------------------ */

/* Where the text is, or would be. */
static struct word *word_list_slot(const struct word_list *list, struct slice text, uint64_t hash)
{
    uint32_t mask = list->slots - 1;
    check((list->slots & mask) == 0 && list->slots > 0);
    uint32_t at = (uint32_t)(hash ^ hash >> 32) & mask;
    while (list->words[at].text.data != NULL &&
           (list->words[at].hash != hash || !slice_equal(list->words[at].text, text)))
        at = (at + 1) & mask;
    return &list->words[at];
}

bool word_list_add(struct word_list *list, struct slice text)
{
    uint64_t hash = facts_hash(text);
    struct word *w = word_list_slot(list, text, hash);
    if (w->text.data != NULL)
        return false;
    *w = (struct word){hash, text};
    return true;
}

/* --- time ------------------------------------------------------------------------------------- */

static int64_t condition_local_s(const struct condition *c, const struct facts *f)
{
    int64_t local = (int64_t)(f->now_ns / NS_PER_S) + c->offset_s;
    return local < 0 ? local + (int64_t)DAY_S * DAYS_OF_WEEK : local;
}

static bool condition_in_time(const struct condition *c, const struct facts *f)
{
    const struct day_time *t = &c->time;
    uint32_t now = (uint32_t)(condition_local_s(c, f) % DAY_S);
    if (t->from_s < t->to_s)
        return now >= t->from_s && now < t->to_s;
    return now >= t->from_s || now < t->to_s;
}

static bool condition_on_day(const struct condition *c, const struct facts *f)
{
    int64_t day = condition_local_s(c, f) / DAY_S + WEEKDAY_1970;
    return (c->days >> day % DAYS_OF_WEEK & 1) != 0;
}

/* --- all -------------------------------------------------------------------------------------- */

/* Do the conditions within, up to the first that decides, all (any) hold? */
static bool condition_group(const struct condition *c, const struct facts *f, bool any)
{
    for (const struct condition *i = c + 1; i < c + c->span; i += i->span) {
        if (condition_holds(i, f) == any)
            return any;
    }
    return !any;
}

static bool condition_known(const struct condition *c, const struct facts *f)
{
    const struct fact *fact = &f->all[c->fact];
    check(fact->state != FACT_FAILED);
    return fact->state == FACT_KNOWN && (c->currency == 0 || c->currency == fact->currency);
}

bool condition_holds(const struct condition *c, const struct facts *f)
{
    const struct fact *fact = &f->all[c->fact];
    switch ((enum condition_kind)c->kind) {
    case CONDITION_ALWAYS:
        return true;
    case CONDITION_ALL:
        return condition_group(c, f, false);
    case CONDITION_ANY:
        return condition_group(c, f, true);
    case CONDITION_NOT:
        return !condition_holds(c + 1, f);
    case CONDITION_NUMBER:
        return condition_known(c, f) ? condition_in_range(c, fact->number) : c->absent;
    case CONDITION_LIST:
        return condition_known(c, f)
                   ? word_list_slot(&c->list, fact->text, fact->hash)->text.data != NULL
                   : c->absent;
    case CONDITION_TIME:
        return condition_in_time(c, f);
    case CONDITION_WEEKDAY:
        return condition_on_day(c, f);
    }
    check(false);
    return false;
}
