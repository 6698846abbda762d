/* SPDX-License-Identifier: Apache-2.0 */
/* A shard adds up its totals, one actor for each tenant and currency, to one line a currency, kept
 * in the order of the codes; those that are not in memory are loaded first, and the turn runs
 * again. The join decodes the lines of all shards and adds them in the same way. A sum beyond 128
 * bits or a reply that is no trial balance is a refusal, never a wrong sum. */
#include "actors/ledger/trial_balance.h"

#include <string.h>

#include "actors/ledger/ledger_directory.h"
#include "actors/ledger/ledger_totals.h"
#include "actors/ledger/turnover.h"
#include "runtime/base/slot_map.h"
#include "schemas/common.h"
#include "schemas/ledger_states.h"
#include "schemas/result.h"

#define LINES_MAX 200 /* as declared */
#define JOIN_MEMORY ((size_t)1 << 20) /* lines of one shard, decoded */

/* --- of one shard ----------------------------------------------------------------------------- */

static struct turnover line_posted(const struct trial_balance_line *l)
{
    return (struct turnover){l->debits_posted, l->credits_posted, l->transit_debits_posted,
                             l->transit_credits_posted};
}

static struct turnover line_pending(const struct trial_balance_line *l)
{
    return (struct turnover){l->debits_pending, l->credits_pending, l->transit_debits_pending,
                             l->transit_credits_pending};
}

/* false: it does not fit. */
static bool line_add(struct trial_balance_line *line, const struct trial_balance_line *more)
{
    struct turnover posted = line_posted(line), pending = line_pending(line);
    const struct turnover more_posted = line_posted(more), more_pending = line_pending(more);
    check(line->currency == more->currency);
    bool fits = turnover_add(&posted, &more_posted);
    fits = turnover_add(&pending, &more_pending) && fits;
    line->account_count += more->account_count;
    line->transfer_count += more->transfer_count;
    line->debits_posted = posted.debits;
    line->credits_posted = posted.credits;
    line->transit_debits_posted = posted.transit_debits;
    line->transit_credits_posted = posted.transit_credits;
    line->debits_pending = pending.debits;
    line->credits_pending = pending.credits;
    line->transit_debits_pending = pending.transit_debits;
    line->transit_credits_pending = pending.transit_credits;
    return fits;
}

/* The currency's line, kept in order of the codes; NULL when there is no room. */
static struct trial_balance_line *line_of(struct trial_balance *b, uint16_t currency)
{
    uint32_t at = 0;
    check(currency != 0);
    check(b->lines_count <= LINES_MAX);
    while (at < b->lines_count && b->lines[at].currency < currency)
        at++;
    if (at < b->lines_count && b->lines[at].currency == currency)
        return &b->lines[at];
    if (b->lines_count == LINES_MAX)
        return NULL;
    memmove(&b->lines[at + 1], &b->lines[at], (b->lines_count - at) * sizeof *b->lines);
    b->lines_count++;
    b->lines[at] = (struct trial_balance_line){.currency = currency};
    return &b->lines[at];
}

/* false: it does not fit. */
static bool trial_balance_add(struct trial_balance *b, const struct trial_balance_line *more)
{
    struct trial_balance_line *line = line_of(b, more->currency);
    return line != NULL && line_add(line, more);
}

static struct trial_balance_line line_of_totals(const struct ledger_totals *l)
{
    return (struct trial_balance_line){
        .currency = l->currency,
        .debits_pending = l->debits_pending,
        .debits_posted = l->debits_posted,
        .credits_pending = l->credits_pending,
        .credits_posted = l->credits_posted,
        .account_count = l->account_count,
        .transfer_count = l->transfer_count,
        .transit_debits_pending = l->transit_debits_pending,
        .transit_debits_posted = l->transit_debits_posted,
        .transit_credits_pending = l->transit_credits_pending,
        .transit_credits_posted = l->transit_credits_posted,
    };
}

/* Says of each line whether it balances, and of all. */
static void trial_balance_judge(struct trial_balance *b)
{
    b->balanced = true;
    for (uint32_t i = 0; i < b->lines_count; i++) {
        struct trial_balance_line *line = &b->lines[i];
        line->balanced = line->debits_pending == line->credits_pending &&
                         line->debits_posted == line->credits_posted;
        b->balanced = b->balanced && line->balanced;
    }
}

/* Adds the ledgers that the caller may see; the operator sees all, unless a tenant was named. */
static uint16_t sum_up(struct turn *t, const struct principal *who,
                       const struct ledger_directory *own, struct trial_balance *b, bool *waiting)
{
    for (uint32_t i = 0; i < own->names_count; i++) {
        const struct ledger_name *name = &own->names[i];
        bool other = who->one_tenant && !id128_equal(name->tenant_id, who->tenant_id);
        if (other || !turn_may_see(t, name->tenant_id, ID128_ZERO))
            continue;
        const struct ledger_totals *totals;
        enum presence there = turn_find_ledger_totals(
            t, ledger_totals_id(name->tenant_id, name->currency), &totals);
        if (there == PRESENCE_WAITING) {
            *waiting = true;
            continue;
        }
        check(there == PRESENCE_THERE);
        check(totals->currency == name->currency);
        struct trial_balance_line line = line_of_totals(totals);
        if (!trial_balance_add(b, &line))
            return RESULT_TOO_LARGE;
    }
    return RESULT_OK;
}

/* Every shard is asked: those that are not meant have nothing, and a shard that does not exist is
 * refused by all. */
static bool trial_balance_is_of(struct turn *t, const struct trial_balance_get *get)
{
    return !get->has_shard || get->shard == turn_shard(t);
}

enum turn_result trial_balance_on_get(struct turn *t, struct id128 self, const struct message *m)
{
    (void)self;
    const struct trial_balance_get *get = m->body;
    if (get->has_shard && get->shard >= turn_slots(t)->shards) {
        turn_refuse(t, RESULT_NOT_FOUND);
        return TURN_DONE;
    }
    const struct ledger_directory *own;
    enum presence there = turn_find_ledger_directory(t, LEDGER_DIRECTORY_ID, &own);
    if (there == PRESENCE_WAITING)
        return TURN_WAIT;
    struct trial_balance b = {.lines = turn_alloc(t, LINES_MAX * sizeof *b.lines)};
    bool waiting = false;
    uint16_t code = RESULT_OK;
    if (there == PRESENCE_THERE && trial_balance_is_of(t, get))
        code = sum_up(t, &m->who, own, &b, &waiting);
    if (waiting)
        return TURN_WAIT;
    if (code != RESULT_OK) {
        turn_refuse(t, code);
        return TURN_DONE;
    }
    trial_balance_judge(&b);
    turn_reply(t, RESULT_OK, &trial_balance_type, &b, 0);
    return TURN_DONE;
}

/* --- of all shards ---------------------------------------------------------------------------- */

static uint16_t join_one(struct trial_balance *b, struct arena *memory, struct slice reply)
{
    struct wire_reader r;
    struct trial_balance one = {0};
    wire_reader_init(&r, reply.data, reply.len);
    bool read = trial_balance_type.read(&r, memory, &one);
    if (!read)
        return memory->failed ? RESULT_TOO_LARGE : RESULT_CORRUPT;
    for (uint32_t i = 0; i < one.lines_count; i++)
        if (!trial_balance_add(b, &one.lines[i]))
            return RESULT_TOO_LARGE;
    return RESULT_OK;
}

uint16_t trial_balance_join(const struct slice *replies, uint16_t count, struct wire_writer *reply)
{
    struct trial_balance_line lines[LINES_MAX];
    struct trial_balance b = {.lines = lines};
    struct arena memory;
    uint16_t code = RESULT_OK;
    arena_init(&memory, JOIN_MEMORY);
    for (uint16_t i = 0; i < count && code == RESULT_OK; i++) {
        code = join_one(&b, &memory, replies[i]);
        arena_reset(&memory);
    }
    arena_done(&memory);
    trial_balance_judge(&b);
    if (code == RESULT_OK)
        trial_balance_write(reply, &b);
    return code;
}
