/* SPDX-License-Identifier: Apache-2.0 */
/* See cover.h. */
#include "tests/simulation/cover.h"

#include <inttypes.h>
#include <stdio.h>

#include "runtime/base/array.h"
#include "schemas/ledger.h"
#include "schemas/refusals.h"
#include "schemas/result.h"
#include "schemas/rule_engine.h"

#define COVER_SELDOM 10

static_assert(array_len(declared_refusals) <= COVER_REFUSALS_MAX, "each has its count");

static const char *const fault_names[COVER_FAULTS] = {
#define X(name, text) text,
    COVER_FAULT_LIST(X)
#undef X
};

void cover_store(struct cover *c, const struct store_sim_counts *counts)
{
    c->faults[COVER_APPEND_IO] += counts->met[STORE_SIM_APPEND_IO];
    c->faults[COVER_APPEND_WRITTEN] += counts->met[STORE_SIM_UNKNOWN_WRITTEN];
    c->faults[COVER_APPEND_LOST] += counts->met[STORE_SIM_UNKNOWN_LOST];
    c->faults[COVER_READ_IO] += counts->met[STORE_SIM_READ_IO];
    c->faults[COVER_VIEWS_IO] += counts->met[STORE_SIM_VIEWS_COMMIT];
    c->faults[COVER_VIEWS_WRITTEN] += counts->met[STORE_SIM_VIEWS_UNKNOWN];
    c->faults[COVER_LOST] += counts->lost;
    c->faults[COVER_TORN] += counts->torn;
    c->faults[COVER_STALE] += counts->stale;
    c->faults[COVER_JOINT] += counts->joint;
    c->faults[COVER_NEIGHBOUR] += counts->neighbours;
}

/* The index of the first declared refusal that is not before this one. */
static size_t cover_refusal_at(uint16_t message, uint16_t code)
{
    size_t low = 0, high = array_len(declared_refusals);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct declared_refusal *r = &declared_refusals[middle];
        if (r->message < message || (r->message == message && r->code < code))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Whoever asks is not told this of all messages, but of those whose outcome other shards decide.
 * Those of the simulator's own service declare nothing. */
static bool cover_of_crossings(const struct message_type *type, uint16_t code)
{
    const struct declared_refusal *first = &declared_refusals[cover_refusal_at(type->number, 0)];
    bool declares =
        first < declared_refusals + array_len(declared_refusals) && first->message == type->number;
    return declares && (code == ERR_OUTCOME_PENDING || code == ERR_SHARD_UNAVAILABLE);
}

bool cover_answer(struct cover *c, const struct message_type *type, uint16_t code)
{
    check(code < COVER_CODES_MAX);
    c->codes[code]++;
    c->done[type->number] += code == ERR_OK;
    size_t at = cover_refusal_at(type->number, code);
    const struct declared_refusal *r = &declared_refusals[at];
    if (at < array_len(declared_refusals) && r->message == type->number && r->code == code)
        c->refused[at]++;
    else if (code >= ERR_DOMAIN_FIRST || cover_of_crossings(type, code))
        return false;
    return true;
}

void cover_add(struct cover *to, const struct cover *from)
{
    const uint64_t *one = (const uint64_t *)from;
    uint64_t *sum = (uint64_t *)to;
    for (size_t i = 0; i < sizeof *from / sizeof *one; i++)
        sum[i] += one[i];
}

/* --- over the domain -------------------------------------------------------------------------- */

/* Calls each message of the domain; the same order every time. */
static void each_message(const struct domain *d,
                         void (*each)(void *context, const struct message_type *type),
                         void *context)
{
    for (int k = 0; k < KIND_MAX; k++)
        for (uint32_t i = 0; d->kinds[k] != NULL && i < d->kinds[k]->handler_count; i++)
            each(context, d->kinds[k]->handlers[i].type);
    for (size_t i = 0; i < DOMAIN_NUMBER_MAX; i++)
        if (d->queries[i] != NULL)
            each(context, d->queries[i]->type);
}

static const char *code_name(uint16_t code)
{
    const struct result_info *info = result_info(code);
    return info == NULL ? "?" : info->name;
}

struct walk {
    const struct cover *cover;
    int missing;
};

static void print_message(void *context, const struct message_type *type)
{
    const struct walk *w = context;
    printf(" %s %" PRIu64 ",", type->name, w->cover->done[type->number]);
}

static void miss_message(void *context, const struct message_type *type)
{
    struct walk *w = context;
    if (w->cover->done[type->number] > 0)
        return;
    w->missing++;
    printf("never answered OK: the message %s\n", type->name);
}

/* What no run can have the cause of, or no operation asks for yet. */
static const struct {
    const struct message_type *message;
    uint16_t code;
    const char *why;
} excused[] = {
    {&transfer_create_type, RESULT_OVERFLOWS_TIMEOUT, "no clock is so far on before the year 2448"},
    {&transaction_create_type, RESULT_OVERFLOWS_TIMEOUT, "the same"},
    {&transfer_post_type, RESULT_ID_UNDER_WAY, "no list over shards has a post yet"},
    {&transaction_evaluate_type, RESULT_AMOUNT_TOO_PRECISE, "its amount is in no currency"},
    {&transaction_evaluate_type, RESULT_AMOUNT_OUT_OF_RANGE, "the same"},
    {&trial_balance_at_type, RESULT_TOO_MANY_ACCOUNTS, "takes more accounts than a run makes"},
};

static bool cover_excuses(const struct message_type *type, uint16_t code)
{
    for (size_t i = 0; i < array_len(excused); i++) {
        if (excused[i].message == type && excused[i].code == code)
            return true;
    }
    return false;
}

static void miss_refusals(void *context, const struct message_type *type)
{
    struct walk *w = context;
    for (size_t i = cover_refusal_at(type->number, 0);
         i < array_len(declared_refusals) && declared_refusals[i].message == type->number; i++) {
        const uint16_t code = declared_refusals[i].code;
        if (w->cover->refused[i] > 0 || cover_excuses(type, code))
            continue;
        w->missing++;
        printf("never refused: the message %s with %s\n", type->name, code_name(code));
    }
}

/* What may soon be missing. */
static void print_seldom(void *context, const struct message_type *type)
{
    const struct walk *w = context;
    for (size_t i = cover_refusal_at(type->number, 0);
         i < array_len(declared_refusals) && declared_refusals[i].message == type->number; i++) {
        uint64_t count = w->cover->refused[i];
        if (count > 0 && count < COVER_SELDOM)
            printf(" %s with %s %" PRIu64 ",", type->name, code_name(declared_refusals[i].code),
                   count);
    }
}

void cover_print(const struct cover *c, const struct domain *d)
{
    struct walk w = {.cover = c};
    printf("faults:");
    for (int i = 0; i < COVER_FAULTS; i++)
        printf(" %s %" PRIu64 ",", fault_names[i], c->faults[i]);
    printf("\nmessages:");
    each_message(d, print_message, &w);
    printf("\nevents:");
    for (size_t i = 0; i < DOMAIN_NUMBER_MAX; i++)
        if (d->rules[i] != NULL)
            printf(" %s %" PRIu64 ",", d->rules[i]->type->name, c->events[i]);
    printf("\nanswers:");
    for (uint16_t i = 0; i < COVER_CODES_MAX; i++)
        if (c->codes[i] > 0)
            printf(" %s %" PRIu64 ",", code_name(i), c->codes[i]);
    printf("\nseldom refused:");
    each_message(d, print_seldom, &w);
    printf("\n");
}

int cover_missing(const struct cover *c, const struct domain *d)
{
    struct walk w = {.cover = c};
    for (int i = 0; i < COVER_FAULTS; i++) {
        if (c->faults[i] > 0)
            continue;
        w.missing++;
        printf("never happened: the fault '%s'\n", fault_names[i]);
    }
    each_message(d, miss_message, &w);
    each_message(d, miss_refusals, &w);
    for (size_t i = 0; i < DOMAIN_NUMBER_MAX; i++) {
        if (d->rules[i] == NULL || c->events[i] > 0)
            continue;
        w.missing++;
        printf("never happened: the event %s\n", d->rules[i]->type->name);
    }
    return w.missing;
}
