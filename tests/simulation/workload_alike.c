/* SPDX-License-Identifier: Apache-2.0 */
/* Requests about what an earlier one made, in another form or under another id, as chance would not
 * make them: they are refused for the one thing in which they differ. */
#include "tests/simulation/workload.h"

#include <string.h>

#include "runtime/base/time.h"

#define EARLIER_TRIED 30
#define LATELY 8 /* requests */

const struct request_expects workload_unknown = {REQUEST_ANY, REQUEST_ANY, REQUEST_ANY, {0, 0},
                                                 {0, 0},      false,       0,           {0, 0}};

const struct request *workload_earlier(struct run *run, const struct message_type *type)
{
    for (int i = 0; i < EARLIER_TRIED && run->request_count > 0; i++) {
        const struct request *q = run->requests[rng_below(&run->rng, run->request_count)];
        if (q->answered && q->type == type && (q->code == ERR_OK || workload_chance(run, 4)))
            return q;
    }
    return NULL;
}

void workload_copy(struct request *q, const struct request *from)
{
    q->type = from->type;
    q->who = from->who;
    q->body = from->body;
    q->items = from->items;
    if (q->type == &transaction_create_type)
        q->body.transaction_create.legs = q->items.legs;
}

/* The same once more under another id, or back between its accounts; but for one thing. */
static bool alike_transfer(struct run *run, struct request *q)
{
    const struct request *from = workload_earlier(run, &transfer_create_type);
    if (from == NULL || (from->body.transfer_create.flags & TRANSFER_FLAGS_IMPORTED) != 0)
        return false;
    struct transfer_create *c = &q->body.transfer_create;
    q->type = from->type;
    q->who = from->who;
    *c = from->body.transfer_create;
    c->has_transfer_id = true;
    c->transfer_id = workload_new_id(run, from->shard);
    if (workload_chance(run, 2)) {
        c->debit_account_id = from->body.transfer_create.credit_account_id;
        c->credit_account_id = from->body.transfer_create.debit_account_id;
    }
    switch (rng_below(&run->rng, 6)) {
    case 0:
        c->has_user_data_128 = true;
        c->user_data_128++;
        break;
    case 1:
        c->has_user_data_64 = true;
        c->user_data_64++;
        break;
    case 2:
        c->has_user_data_32 = true;
        c->user_data_32++;
        break;
    case 3:
        c->has_code = true;
        c->code++;
        break;
    }
    return true;
}

/* One that was asked for a moment ago and is not answered. NULL: there is none. */
static const struct request *alike_under_way(struct run *run, bool (*fits)(const struct request *r))
{
    for (uint32_t i = run->request_count; i > 0 && i + LATELY > run->request_count; i--) {
        const struct request *r = run->requests[i - 1];
        if (!r->answered && fits(r))
            return r;
    }
    return NULL;
}

static bool is_plain_transfer(const struct request *r)
{
    const struct transfer_create *c = &r->body.transfer_create;
    return r->type == &transfer_create_type && c->flags == 0 && c->has_transfer_id &&
           c->has_credit_account_id;
}

static bool is_known_by_id(const struct request *r)
{
    return r->type == &transfer_create_type ? r->body.transfer_create.has_transfer_id
                                            : workload_transaction_id(r) != NULL;
}

/* The same that is under way, whose id the client chose, under another key. */
static bool alike_same(struct run *run, struct request *q)
{
    const struct request *from = alike_under_way(run, is_known_by_id);
    if (from == NULL)
        return false;
    workload_copy(q, from);
    return true;
}

/* Back between the accounts of one that is under way, under the same id. */
static bool alike_opposite(struct run *run, struct request *q)
{
    const struct request *from = alike_under_way(run, is_plain_transfer);
    if (from == NULL)
        return false;
    struct transfer_create *c = &q->body.transfer_create;
    q->type = from->type;
    q->who = from->who;
    *c = from->body.transfer_create;
    c->debit_account_id = from->body.transfer_create.credit_account_id;
    c->credit_account_id = from->body.transfer_create.debit_account_id;
    return true;
}

const struct transfer_create *workload_being_made(struct run *run)
{
    for (uint32_t i = run->request_count; i-- > 0 && i + 8 > run->request_count;) {
        const struct request *q = run->requests[i];
        if (q->type == &transfer_create_type && !q->answered &&
            q->body.transfer_create.has_transfer_id)
            return &q->body.transfer_create;
    }
    return NULL;
}

bool workload_unmade(struct run *run, struct request *q, const struct message_type *type)
{
    const struct transfer_create *c = workload_chance(run, 6) ? workload_being_made(run) : NULL;
    bool reverses = type == &transfer_reverse_type;
    if (c == NULL || !c->has_credit_account_id ||
        run_home(run, c->transfer_id) !=
            run_home(run, reverses ? c->credit_account_id : c->debit_account_id))
        return false;
    q->type = type;
    q->who = workload_bookkeeper(run);
    q->expects = workload_unknown;
    memcpy((char *)&q->body + type->target_offset, &c->transfer_id, sizeof c->transfer_id);
    return true;
}

/* A transfer that one in this form, with an id of the client's choice, made or resolved. */
static const struct transfer_create *an_earlier_transfer(struct run *run, uint32_t flags,
                                                         struct principal *who)
{
    for (int i = 0; i < EARLIER_TRIED && run->request_count > 0; i++) {
        const struct request *q = workload_earlier(run, &transfer_create_type);
        const struct transfer_create *c = q == NULL ? NULL : &q->body.transfer_create;
        if (c != NULL && q->code == ERR_OK && c->flags == flags && c->has_transfer_id) {
            *who = q->who;
            return c;
        }
    }
    return NULL;
}

/* What a transfer resolved, asked for as a post or void under its id; or as of another time. */
static bool alike_form(struct run *run, struct request *q, const struct message_type *type)
{
    bool posts = type == &transfer_post_type;
    const uint32_t flag = posts ? TRANSFER_FLAGS_POST_PENDING : TRANSFER_FLAGS_VOID_PENDING;
    const struct transfer_create *c = an_earlier_transfer(run, flag, &q->who);
    if (c == NULL)
        return false;
    q->type = type;
    bool later = workload_chance(run, 3);
    if (posts)
        q->body.transfer_post = (struct transfer_post){
            .transfer_id = c->pending_id,
            .has_posting_id = true,
            .posting_id = c->transfer_id,
            .has_amount = c->has_amount,
            .amount =
                c->has_amount ? workload_decimal(c->amount, c->currency) : (struct decimal){0},
            .has_effective_time = c->has_effective_time || later,
            .effective_time = later ? run_wall_ns(run) - NS_PER_S : c->effective_time,
        };
    else
        q->body.transfer_void = (struct transfer_void){
            .transfer_id = c->pending_id, .has_posting_id = true, .posting_id = c->transfer_id};
    return true;
}

/* A reversal under the id of a transfer that could be that reversal, or of one that takes from the
 * same account. */
static bool alike_reversal(struct run *run, struct request *q)
{
    const struct reference *r = &run->reference;
    const struct transfer_create *c = an_earlier_transfer(run, 0, &q->who);
    const struct ref_transfer *found = NULL;
    bool equal = !workload_chance(run, 6), from_alone = workload_chance(run, 6);
    uint32_t count = 0;
    for (uint32_t i = 0; c != NULL && i < r->transfer_count; i++) {
        const struct ref_transfer *t = &r->transfers[i];
        bool back = id128_equal(t->debit, c->credit_account_id) != from_alone;
        if (t->kind == REF_POSTED && id128_equal(t->credit, c->debit_account_id) && back &&
            (!equal || from_alone || t->amount == c->amount) &&
            rng_below(&run->rng, ++count) == 0)
            found = t;
    }
    if (found == NULL)
        return false;
    q->type = &transfer_reverse_type;
    struct transfer_reverse *v = &q->body.transfer_reverse;
    *v = (struct transfer_reverse){
        .transfer_id = found->id, .has_reversal_id = true, .reversal_id = c->transfer_id};
    return true;
}

bool workload_alike(struct run *run, struct request *q, const struct message_type *type)
{
    if (type == &transfer_reverse_type && workload_chance(run, 2))
        return alike_reversal(run, q);
    if ((type == &transfer_create_type || type == &transaction_create_type) &&
        workload_chance(run, 4) && alike_same(run, q))
        return true;
    if (type == &transfer_create_type && workload_chance(run, 3))
        return (workload_chance(run, 3) && alike_opposite(run, q)) || alike_transfer(run, q);
    bool resolves = type == &transfer_post_type || type == &transfer_void_type;
    return resolves && workload_chance(run, 3) && alike_form(run, q, type);
}
