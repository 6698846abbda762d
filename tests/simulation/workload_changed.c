/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that are like others but for one or two fields, or for who sends them: what is refused
 * for what it says, and ids that are repeated with something else. Fields are named by where they
 * are in the message, since they are changed in ways that no form of the message would allow. Two
 * transfers are alike where chance would not make them so: the same once more under another id, and
 * what looks like a reversal that it is not. */
#include "tests/simulation/workload.h"

#include <stddef.h>
#include <string.h>

#define IDS_TRIED 20
#define FIELDS_TRIED 200
#define OWNERS_CHANGED 6 /* of which some have nothing */
#define FRESH_TRIED 60
#define FLAGS_SHOWN 12 /* bits that are turned over, one of them unknown */
#define SPAN_MAX_S 5000
#define MESSAGE_BYTES_MAX ((size_t)1 << 16)
#define ALWAYS (-1)

enum member_kind {
    MEMBER_ID,
    MEMBER_FLAGS,
    MEMBER_CURRENCY,
    MEMBER_U16,
    MEMBER_SPAN, /* seconds, waited for until they end: not very long ones */
    MEMBER_U32,
    MEMBER_U64,
    MEMBER_U128,
    MEMBER_TEXT,
    MEMBER_PAIRS,
    MEMBER_DECIMAL,
    MEMBER_BOOL,
    MEMBER_PAYMENT,
    MEMBER_HOLD,
};

struct member {
    const struct message_type *type;
    enum member_kind kind;
    bool of_leg;
    int32_t has_at; /* of the bool that says whether it is given, or ALWAYS */
    uint32_t at;
};

#define IN(message, name, k)                                                                       \
    {                                                                                              \
        &message##_type, MEMBER_##k, false, ALWAYS, offsetof(struct message, name)                 \
    }
#define MAYBE_IN(message, name, k)                                                                 \
    {                                                                                              \
        &message##_type, MEMBER_##k, false, offsetof(struct message, has_##name),                  \
            offsetof(struct message, name)                                                         \
    }
#define IN_LEG(name, k)                                                                            \
    {                                                                                              \
        &transaction_create_type, MEMBER_##k, true, ALWAYS, offsetof(struct transaction_leg, name) \
    }
#define MAYBE_IN_LEG(name, k)                                                                      \
    {                                                                                              \
        &transaction_create_type, MEMBER_##k, true, offsetof(struct transaction_leg, has_##name),  \
            offsetof(struct transaction_leg, name)                                                 \
    }
#define NOTES_IN(message) MAYBE_IN(message, description, TEXT), MAYBE_IN(message, metadata, PAIRS)
#define DATA_IN(message)                                                                           \
    MAYBE_IN(message, user_data_128, U128), MAYBE_IN(message, user_data_64, U64),                  \
        MAYBE_IN(message, user_data_32, U32)

static const struct member members[] = {
    MAYBE_IN(account_create, account_id, ID),
    IN(account_create, currency, CURRENCY),
    IN(account_create, code, U16),
    MAYBE_IN(account_create, flags, FLAGS),
    MAYBE_IN(account_create, debit_balance_max, U128),
    MAYBE_IN(account_create, credit_balance_max, U128),
    MAYBE_IN(account_create, credit_balance_min, U128),
    MAYBE_IN(account_create, name, TEXT),
    MAYBE_IN(account_create, owner, TEXT),
    MAYBE_IN(account_create, metadata, PAIRS),
    MAYBE_IN(account_create, effective_time, U64),
    DATA_IN(account_create),
    MAYBE_IN(account_update, currency, CURRENCY),
    MAYBE_IN(account_update, debit_balance_max, DECIMAL),
    MAYBE_IN(account_update, credit_balance_min, DECIMAL),
    MAYBE_IN(transfer_create, transfer_id, ID),
    IN(transfer_create, debit_account_id, ID),
    MAYBE_IN(transfer_create, credit_account_id, ID),
    MAYBE_IN(transfer_create, amount, U128),
    IN(transfer_create, currency, CURRENCY),
    MAYBE_IN(transfer_create, code, U16),
    MAYBE_IN(transfer_create, flags, FLAGS),
    MAYBE_IN(transfer_create, pending_id, ID),
    MAYBE_IN(transfer_create, timeout_s, SPAN),
    MAYBE_IN(transfer_create, effective_time, U64),
    MAYBE_IN(transfer_create, reason, TEXT),
    DATA_IN(transfer_create),
    NOTES_IN(transfer_create),
    MAYBE_IN(transfer_post, amount, DECIMAL),
    MAYBE_IN(transfer_post, currency, CURRENCY),
    MAYBE_IN(transfer_post, posting_id, ID),
    MAYBE_IN(transfer_post, keep_remainder, BOOL),
    MAYBE_IN(transfer_post, effective_time, U64),
    NOTES_IN(transfer_post),
    MAYBE_IN(transfer_void, posting_id, ID),
    NOTES_IN(transfer_void),
    MAYBE_IN(transfer_reverse, reversal_id, ID),
    MAYBE_IN(transfer_reverse, effective_time, U64),
    MAYBE_IN(transfer_reverse, reason, TEXT),
    NOTES_IN(transfer_reverse),
    MAYBE_IN(transaction_create, transaction_id, ID),
    MAYBE_IN(transaction_create, effective_time, U64),
    IN_LEG(debit_account_id, ID),
    IN_LEG(credit_account_id, ID),
    MAYBE_IN_LEG(amount, U128),
    IN_LEG(currency, CURRENCY),
    MAYBE_IN_LEG(code, U16),
    MAYBE_IN_LEG(flags, FLAGS),
    MAYBE_IN_LEG(timeout_s, SPAN),
    MAYBE_IN(transaction_reverse, reversal_id, ID),
    MAYBE_IN(transaction_reverse, effective_time, U64),
    MAYBE_IN(transaction_reverse, reason, TEXT),
    IN(wallet_open, currency, CURRENCY),
    MAYBE_IN(wallet_open, user_id, TEXT),
    MAYBE_IN(wallet_fund, currency, CURRENCY),
    IN(wallet_fund, amount, DECIMAL),
    MAYBE_IN(wallet_withdraw, currency, CURRENCY),
    IN(wallet_withdraw, amount, DECIMAL),
    MAYBE_IN(wallet_transfer, currency, CURRENCY),
    IN(wallet_transfer, to_wallet_id, ID),
    IN(wallet_transfer, amount, DECIMAL),
    MAYBE_IN(wallet_hold_create, currency, CURRENCY),
    MAYBE_IN(wallet_hold_create, expires_in_s, U32),
    IN(wallet_hold_create, amount, DECIMAL),
    MAYBE_IN(wallet_hold_capture, to_wallet_id, ID),
    IN(wallet_hold_capture, hold_id, HOLD),
    MAYBE_IN(wallet_hold_capture, amount, DECIMAL),
    MAYBE_IN(wallet_hold_capture, currency, CURRENCY),
    MAYBE_IN(wallet_hold_extend, expires_in_s, U32),
    MAYBE_IN(wallet_limits_set, per_transaction, DECIMAL),
    MAYBE_IN(wallet_limits_set, per_day, DECIMAL),
    MAYBE_IN(wallet_limits_set, currency, CURRENCY),
    IN(payment_create, amount, U128),
    IN(payment_create, currency, CURRENCY),
    IN(payment_create, to_account, ID),
    MAYBE_IN(payment_create, expires_in_s, U32),
    MAYBE_IN(payment_extend, expires_in_s, U32),
    IN(payment_extend, payment_id, PAYMENT),
    IN(payment_increase, payment_id, PAYMENT),
    IN(payment_increase, amount, DECIMAL),
    MAYBE_IN(payment_increase, currency, CURRENCY),
    IN(payment_capture, payment_id, PAYMENT),
    MAYBE_IN(payment_capture, amount, DECIMAL),
    MAYBE_IN(payment_capture, currency, CURRENCY),
    IN(payment_refund, payment_id, PAYMENT),
    MAYBE_IN(payment_refund, amount, DECIMAL),
    MAYBE_IN(payment_refund, currency, CURRENCY),
    IN(payment_cancel, payment_id, PAYMENT),
    IN(payment_update, payment_id, PAYMENT),
};

/* --- other values ----------------------------------------------------------------------------- */

const struct id128 *workload_chosen_id(const struct request *q)
{
    const union request_body *b = &q->body;
    if (q->type == &transfer_create_type && b->transfer_create.has_transfer_id)
        return &b->transfer_create.transfer_id;
    if (q->type == &transfer_post_type && b->transfer_post.has_posting_id)
        return &b->transfer_post.posting_id;
    if (q->type == &transfer_void_type && b->transfer_void.has_posting_id)
        return &b->transfer_void.posting_id;
    if (q->type == &transfer_reverse_type && b->transfer_reverse.has_reversal_id)
        return &b->transfer_reverse.reversal_id;
    if (q->type == &transaction_create_type && b->transaction_create.has_transaction_id)
        return &b->transaction_create.transaction_id;
    if (q->type == &transaction_reverse_type && b->transaction_reverse.has_reversal_id)
        return &b->transaction_reverse.reversal_id;
    return NULL;
}

/* One that another request chose in this shard, most of the time one of the same type. */
static struct id128 id_chosen_before(struct run *run, const struct request *q, struct id128 old)
{
    bool any = workload_chance(run, 4);
    for (int i = 0; i < IDS_TRIED * 4 && run->request_count > 0; i++) {
        const struct request *other = run->requests[rng_below(&run->rng, run->request_count)];
        const struct id128 *chosen = workload_chosen_id(other);
        if (chosen != NULL && other->shard == q->shard && (any || other->type == q->type))
            return *chosen;
    }
    return old;
}

static struct id128 id_of_transfer(struct run *run, const struct request *q, struct id128 old)
{
    const struct reference *r = &run->reference;
    for (int i = 0; i < IDS_TRIED && r->transfer_count > 0; i++) {
        const struct ref_transfer *t = &r->transfers[rng_below(&run->rng, r->transfer_count)];
        if (t->shard == q->shard)
            return t->id;
    }
    return old;
}

/* Another id of the same request. */
static struct id128 id_beside(struct run *run, const struct request *q, struct id128 old)
{
    for (int i = 0; i < FIELDS_TRIED; i++) {
        const struct member *m = &members[rng_below(&run->rng, array_len(members))];
        if (m->type != q->type || m->kind != MEMBER_ID)
            continue;
        const char *in = (const char *)&q->body;
        if (m->of_leg && q->body.transaction_create.legs_count == 0)
            return old;
        if (m->of_leg)
            in = (const char *)&q->items.legs[0];
        return *(const struct id128 *)(in + m->at);
    }
    return old;
}

static struct id128 changed_id(struct run *run, const struct request *q, struct id128 old)
{
    const struct reference *r = &run->reference;
    switch (rng_below(&run->rng, 11)) {
    case 0:
        return ID128_ZERO;
    case 1:
        return (struct id128){UINT64_MAX, UINT64_MAX};
    case 2:
        return workload_new_id(run, run_home(run, old));
    case 3:
        return (struct id128){old.hi, old.lo ^ 1};
    case 4:
        return workload_new_id(run, workload_shard(run));
    case 5:
        return r->account_count == 0 ? old : r->accounts[rng_below(&run->rng, r->account_count)].id;
    case 6:
        return id_beside(run, q, old);
    case 7:
    case 8:
        return id_chosen_before(run, q, old);
    default:
        return id_of_transfer(run, q, old);
    }
}

/* Of an account that the request names, or any. */
static u128 changed_to_edge(struct run *run, const struct request *q)
{
    const struct ref_account *a = reference_account(&run->reference, id_beside(run, q, ID128_ZERO));
    if (a == NULL && q->type->target_offset != MESSAGE_NO_OFFSET && workload_chance(run, 2))
        a = reference_account(&run->reference, *(const struct id128 *)((const char *)&q->body +
                                                                       q->type->target_offset));
    const struct reference *r = &run->reference;
    const struct ref_account *other =
        r->account_count == 0 ? NULL : &r->accounts[rng_below(&run->rng, r->account_count)];
    bool pending = workload_chance(run, 2);
    return workload_chance(run, 2) ? workload_edge(run, a, other, pending)
                                   : workload_edge(run, other, a, pending);
}

static u128 changed_number(struct run *run, u128 old, u128 most)
{
    switch (rng_below(&run->rng, 5)) {
    case 0:
        return 0;
    case 1:
        return most - rng_below(&run->rng, 3);
    case 2:
        return old > 0 ? old - 1 : 1;
    case 3:
        return most / 2;
    default:
        return old < most ? old + 1 : 1;
    }
}

static uint16_t changed_currency(struct run *run, uint16_t old)
{
    switch (rng_below(&run->rng, 4)) {
    case 0:
        return 0;
    case 1:
        return 1; /* none has this number */
    default:
        return old == workload_currencies[0] ? workload_currencies[1] : workload_currencies[0];
    }
}

static struct decimal changed_decimal(struct run *run, const struct request *q, struct decimal old)
{
    switch (rng_below(&run->rng, 6)) {
    case 0:
        return (struct decimal){old.digits, (uint8_t)(old.scale + 1 + rng_below(&run->rng, 4))};
    case 1:
        return (struct decimal){U128_MAX / 2, 0};
    case 2:
        return (struct decimal){0, old.scale};
    case 3:
        return (struct decimal){changed_number(run, old.digits, U128_MAX), old.scale};
    default:
        return (struct decimal){changed_to_edge(run, q), old.scale};
    }
}

static void changed_value(struct run *run, const struct request *q, enum member_kind kind,
                          void *value)
{
    const struct reference *r = &run->reference;
    switch (kind) {
    case MEMBER_ID:
        *(struct id128 *)value = changed_id(run, q, *(struct id128 *)value);
        break;
    case MEMBER_FLAGS:
        *(uint32_t *)value ^= (uint32_t)1 << rng_below(&run->rng, FLAGS_SHOWN);
        break;
    case MEMBER_CURRENCY:
        *(uint16_t *)value = changed_currency(run, *(uint16_t *)value);
        break;
    case MEMBER_U16:
        *(uint16_t *)value = (uint16_t)changed_number(run, *(uint16_t *)value, UINT16_MAX);
        break;
    case MEMBER_SPAN:
        *(uint32_t *)value = (uint32_t)changed_number(run, *(uint32_t *)value, SPAN_MAX_S);
        break;
    case MEMBER_U32:
        *(uint32_t *)value = (uint32_t)changed_number(run, *(uint32_t *)value, UINT32_MAX);
        break;
    case MEMBER_U64:
        *(uint64_t *)value = (uint64_t)changed_number(run, *(uint64_t *)value, INT64_MAX);
        break;
    case MEMBER_U128:
        *(u128 *)value = workload_chance(run, 2) ? changed_to_edge(run, q)
                                                 : changed_number(run, *(u128 *)value, U128_MAX);
        break;
    case MEMBER_TEXT:
        *(struct slice *)value = slice_of(workload_chance(run, 2) ? "Changed" : "Changed again");
        break;
    case MEMBER_PAIRS:
        *(struct metadata *)value = workload_pairs(run);
        break;
    case MEMBER_DECIMAL:
        *(struct decimal *)value = changed_decimal(run, q, *(struct decimal *)value);
        break;
    case MEMBER_PAYMENT:
        if (r->payment_count > 0)
            *(struct id128 *)value = r->payments[rng_below(&run->rng, r->payment_count)].id;
        break;
    case MEMBER_HOLD:
        if (r->hold_count > 0)
            *(struct id128 *)value = r->holds[rng_below(&run->rng, r->hold_count)].id;
        break;
    case MEMBER_BOOL:
        *(bool *)value = !*(bool *)value;
        break;
    }
}

static size_t changed_size(enum member_kind kind)
{
    static const size_t sizes[] = {
        [MEMBER_ID] = sizeof(struct id128),
        [MEMBER_FLAGS] = sizeof(uint32_t),
        [MEMBER_CURRENCY] = sizeof(uint16_t),
        [MEMBER_U16] = sizeof(uint16_t),
        [MEMBER_U32] = sizeof(uint32_t),
        [MEMBER_U64] = sizeof(uint64_t),
        [MEMBER_SPAN] = sizeof(uint32_t),
        [MEMBER_BOOL] = sizeof(bool),
        [MEMBER_U128] = sizeof(u128),
        [MEMBER_TEXT] = sizeof(struct slice),
        [MEMBER_PAYMENT] = sizeof(struct id128),
        [MEMBER_HOLD] = sizeof(struct id128),
        [MEMBER_PAIRS] = sizeof(struct metadata),
        [MEMBER_DECIMAL] = sizeof(struct decimal),
    };
    return sizes[kind];
}

/* What is left out is zero. */
static void changed_member(struct run *run, const struct request *q, const struct member *m,
                           char *in)
{
    bool *has = m->has_at == ALWAYS ? NULL : (bool *)(in + m->has_at);
    if (has != NULL && *has && workload_chance(run, 3)) {
        *has = false;
        memset(in + m->at, 0, changed_size(m->kind));
        return;
    }
    changed_value(run, q, m->kind, in + m->at);
    if (has != NULL)
        *has = true;
}

/* --- of a request ----------------------------------------------------------------------------- */

/* Those of many fields more often, but not so much more. */
static const struct message_type *changed_type(struct run *run)
{
    const size_t at = rng_below(&run->rng, array_len(members));
    bool first = at == 0 || members[at - 1].type != members[at].type;
    return first || workload_chance(run, 4) ? members[at].type : changed_type(run);
}

/* Ids and amounts are as likely as all other fields together. */
static const struct member *changed_field(struct run *run, const struct message_type *type)
{
    static const enum member_kind kinds[][2] = {
        {MEMBER_ID, MEMBER_PAYMENT}, {MEMBER_U128, MEMBER_DECIMAL}, {MEMBER_ID, MEMBER_HOLD}};
    const enum member_kind *wanted = kinds[rng_below(&run->rng, array_len(kinds))];
    bool any = workload_chance(run, 2);
    for (int i = 0;; i++) {
        const struct member *m = &members[rng_below(&run->rng, array_len(members))];
        if (m->type == type &&
            (any || i > FIELDS_TRIED || m->kind == wanted[0] || m->kind == wanted[1]))
            return m;
    }
}

static void changed_once(struct run *run, struct request *q)
{
    const struct member *m = changed_field(run, q->type);
    char *in = (char *)&q->body;
    if (q->type == &transaction_create_type && workload_chance(run, 30)) {
        q->body.transaction_create.legs_count = 0;
        return;
    }
    if (m->of_leg && q->body.transaction_create.legs_count == 0)
        return;
    if (m->of_leg)
        in = (char *)&q->items.legs[rng_below(&run->rng, q->body.transaction_create.legs_count)];
    changed_member(run, q, m, in);
}

/* One that some operation makes. */
static bool changed_make(struct run *run, struct request *q, const struct message_type *type)
{
    const struct request blank = *q;
    const struct {
        const struct operation *operations;
        uint32_t count;
    } groups[] = {{account_operations, account_operation_count},
                  {ledger_operations, ledger_operation_count},
                  {wallet_operations, wallet_operation_count},
                  {payment_operations, payment_operation_count}};
    for (int i = 0; i < FRESH_TRIED; i++) {
        const uint64_t group = rng_below(&run->rng, array_len(groups));
        const struct operation *o =
            &groups[group].operations[rng_below(&run->rng, groups[group].count)];
        *q = blank;
        if (o->make(run, q) && q->type == type)
            return true;
    }
    return false;
}

/* Can it be sent at all? */
static bool changed_readable(const struct request *q)
{
    struct wire_writer wire;
    struct wire_reader from;
    struct arena arena;
    union request_body body = {{0}};
    wire_writer_init(&wire, MESSAGE_BYTES_MAX);
    arena_init(&arena, MESSAGE_BYTES_MAX);
    q->type->write(&wire, &q->body);
    wire_reader_init(&from, wire.data, wire.len);
    bool readable = q->type->read(&from, &arena, &body) && wire_finished(&from);
    arena_done(&arena);
    wire_writer_done(&wire);
    return readable;
}

bool workload_chosen_elsewhere(const struct run *run, const struct request *q)
{
    const struct id128 *id = workload_chosen_id(q);
    const struct reference *r = &run->reference;
    if (id == NULL || q->id_twice)
        return false;
    for (uint16_t i = 0; i < run->swarm.shards; i++)
        if (i != q->shard &&
            (reference_transfer(r, i, *id) != NULL || reference_transaction(r, i, *id) != NULL))
            return true;
    for (uint32_t i = 0; i < run->request_count; i++) {
        const struct request *other = run->requests[i];
        const struct id128 *its = workload_chosen_id(other);
        if (its != NULL && other->shard != q->shard && id128_equal(*its, *id))
            return true;
    }
    return false;
}

/* Others that chose the same id may find made what they ask for: it is not known by which. */
static void chosen_by_several(struct run *run, const struct request *q)
{
    const struct id128 *id = workload_chosen_id(q);
    for (uint32_t i = 0; id != NULL && i < run->request_count; i++) {
        struct request *other = run->requests[i];
        const struct id128 *its = workload_chosen_id(other);
        if (its != NULL && !other->answered && id128_equal(*its, *id))
            other->expects = workload_unknown;
    }
}

/* Another sender, who may see less or do less. */
static void changed_sender(struct run *run, struct request *q)
{
    if (workload_chance(run, 3))
        q->who = workload_bookkeeper(run);
    else
        q->who = workload_owner(run, (uint32_t)rng_below(&run->rng, OWNERS_CHANGED));
}

static bool changed_from(struct run *run, struct request *q, const struct message_type *type)
{
    const struct request *earlier = workload_chance(run, 2) ? workload_earlier(run, type) : NULL;
    if (type == &transfer_create_type && workload_chance(run, 3))
        return workload_resolving(run, q);
    if (earlier == NULL)
        return changed_make(run, q, type);
    workload_copy(q, earlier);
    return true;
}

static bool changed_anew(struct run *run, struct request *q, const struct message_type *type)
{
    if (!changed_from(run, q, type))
        return false;
    workload_place(run, q);
    if (workload_chance(run, 6))
        changed_sender(run, q);
    else
        changed_once(run, q);
    if (workload_chance(run, 4))
        changed_once(run, q);
    return true;
}

bool workload_changed(struct run *run, struct request *q)
{
    const struct request blank = *q;
    const struct message_type *type = changed_type(run);
    if (!workload_alike(run, q, type)) {
        *q = blank;
        if (!changed_anew(run, q, type))
            return false;
    }
    q->expects = workload_unknown;
    q->conditional = false;
    q->reads = ID128_ZERO;
    q->id_twice = false;
    workload_place(run, q);
    if (!changed_readable(q) || workload_chosen_elsewhere(run, q))
        return false;
    chosen_by_several(run, q);
    return true;
}
