/* SPDX-License-Identifier: Apache-2.0 */
/* See answers.h. */
#include "tests/simulation/answers.h"

#include <string.h>

#include "runtime/shard/quota.h"
#include "schemas/result.h"
#include "tests/simulation/model/ref_groups.h"
#include "tests/simulation/model/ref_transit.h"
#include "tests/simulation/pages.h"
#include "tests/simulation/verdict.h"
#include "tests/simulation/workload.h"

#define REPLY_MEMORY ((size_t)4 << 20)

/* --- what was recorded ------------------------------------------------------------------------ */

static bool as_expected(int expected, uint32_t found)
{
    return expected == REQUEST_ANY || (uint32_t)expected == found;
}

static bool id_as_expected(struct id128 expected, struct id128 found)
{
    return id128_is_zero(expected) || id128_equal(expected, found);
}

void answers_check_record(const struct request *q, const struct history_record *record)
{
    const struct ref_effects *f = &record->effects;
    const struct request_expects *x = &q->expects;
    if (!id128_equal(q->fingerprint, record->fingerprint))
        broken("request %u is recorded with another fingerprint", q->number);
    if (record->code != RESULT_OK) {
        if (f->posted + f->pending + f->resolved + f->expired != f->undone)
            broken("request %u (%s) was refused, but moved money", q->number, q->type->name);
        return;
    }
    if (!as_expected(x->posted, f->posted) || !as_expected(x->pending, f->pending) ||
        !as_expected(x->resolved, f->resolved) || f->expired != 0)
        broken("request %u (%s) made %u postings, %u holds and %u resolutions", q->number,
               q->type->name, f->posted, f->pending, f->resolved);
    bool ledger = q->type->number >> 8 == account_create_type.number >> 8;
    if (f->managed != (ledger ? 0 : f->posted + f->pending + f->resolved))
        broken("request %u (%s) moved what only the others manage", q->number, q->type->name);
    if (f->adjusted > f->reasons || (f->adjusted > 0 && !q->who.adjusts))
        broken("request %u (%s) adjusts without a reason or a right", q->number, q->type->name);
    if (x->posted == 1 &&
        (!id_as_expected(x->from, f->posted_from) || !id_as_expected(x->to, f->posted_to)))
        broken("request %u (%s) moved money between other accounts", q->number, q->type->name);
    if (x->pending == 1 &&
        (!id_as_expected(x->from, f->pending_from) || !id_as_expected(x->to, f->pending_to)))
        broken("request %u (%s) holds money of other accounts", q->number, q->type->name);
    if (x->resolved == 1 && !id_as_expected(x->resolved_id, f->resolved_id))
        broken("request %u (%s) resolved another transfer", q->number, q->type->name);
    if (!q->who.any_owner && !id128_is_zero(f->frozen_owner) &&
        id128_equal(f->frozen_owner, q->who.subject_id))
        broken("request %u (%s) let the owner of a frozen wallet capture", q->number,
               q->type->name);
    u128 moved = x->resolved == 1  ? f->resolved_amount
                 : x->pending == 1 ? f->pending_amount
                                   : f->posted_amount;
    if (x->amount_known && moved != x->amount)
        broken("request %u (%s) moved another amount than was asked for", q->number, q->type->name);
}

/* --- what was said ---------------------------------------------------------------------------- */

static void check_code(const struct request *q, uint16_t code)
{
    switch (code) {
    case ERR_FAILED:
    case ERR_CORRUPT:
    case ERR_MALFORMED:
    case ERR_UNSUPPORTED:
    case ERR_NO_MEMORY:
    case ERR_FENCED:
    case ERR_UNKNOWN:
        broken("request %u (%s) was answered: %s", q->number, q->type->name,
               err_text((enum err)code));
    default:
        break;
    }
}

/* Of the arena, which the caller ends. */
static const void *reply_read(const struct request *q, const struct message *m,
                              const struct message_type *type, struct arena *arena)
{
    arena_init(arena, REPLY_MEMORY);
    void *reply = arena_alloc(arena, type->size);
    check(reply != NULL);
    struct wire_reader from;
    wire_reader_init(&from, m->reply.data, m->reply.len);
    if (!type->read(&from, arena, reply) || !wire_finished(&from))
        broken("the reply to request %u (%s) cannot be read", q->number, q->type->name);
    return reply;
}

/* Refusals that leave nothing, or nothing if the caller may see none of the accounts: those that
 * come before the accounts are looked at, and those that say that one is not there. */
static bool is_of_the_unseen(const struct request *q, uint16_t code)
{
    if (q->type == &payment_create_type &&
        (code == RESULT_AMOUNT_OUT_OF_RANGE || code == RESULT_EXPIRY_WITHOUT_AUTHORIZATION))
        return true;
    return code == RESULT_PAYER_NOT_FOUND || code == RESULT_PENDING_TRANSFER_NOT_FOUND ||
           code == RESULT_TRANSACTION_EXISTS || code == RESULT_LEGS_MISSING ||
           (code >= ERR_DOMAIN_FIRST && code <= RESULT_CREDIT_ACCOUNT_NOT_FOUND &&
            code != RESULT_EXISTS && q->type != &account_create_type);
}

/* A list of transfers each of which was refused so. */
static bool is_list_of_the_unseen(const struct request *q, const struct message *m)
{
    const uint32_t asked = q->body.transfers_create.transfers_count;
    if (m->code != ERR_OK || q->type != &transfers_create_type)
        return false;
    struct arena arena;
    const struct item_results *r = reply_read(q, m, &item_results_type, &arena);
    uint32_t unseen = 0;
    for (uint32_t i = 0; i < r->results_count; i++)
        unseen += is_of_the_unseen(q, r->results[i].result);
    arena_done(&arena);
    return unseen == asked;
}

static bool is_batch_of_the_unseen(const struct request *q, const struct message *m)
{
    if (m->code != ERR_OK || q->type != &transfers_batch_type)
        return false;
    struct arena arena;
    const struct batch_results *r = reply_read(q, m, &batch_results_type, &arena);
    uint32_t unseen = 0;
    for (uint32_t i = 0; i < r->results_count; i++)
        unseen += is_of_the_unseen(q, r->results[i].result);
    bool all = unseen == r->results_count;
    arena_done(&arena);
    return all;
}

/* What settles something and is refused leaves nothing where the quota is used up. */
static bool is_unkept(const struct run *run, const struct request *q, const struct message *m)
{
    if (m->code < ERR_DOMAIN_FIRST)
        return is_list_of_the_unseen(q, m) || is_batch_of_the_unseen(q, m);
    return is_of_the_unseen(q, m->code) || (q->type->passes_quota && run->swarm.journal_quota != 0);
}

/* Of what is looked for in several shards, that of the one which decided it. */
static const struct history_record *answers_find(const struct run *run, const struct request *q)
{
    const struct history_record *r = history_find(&run->shards[q->shard].history, q->key);
    for (uint16_t i = 0; i < run->swarm.shards && q->type->target_kind == KIND_TRANSFER; i++)
        if (r == NULL || r->open)
            r = history_find(&run->shards[i].history, q->key);
    return r;
}

/* The ids of a list of transfers that its sender chose, from the first on. */
static uint32_t list_ids(const struct request *q, struct id128 ids[REQUEST_ITEMS_MAX])
{
    const struct transfers_create *c = &q->body.transfers_create;
    const struct transfers_batch *l = &q->body.transfers_batch;
    uint32_t count = 0;
    for (uint32_t i = 0; q->type == &transfers_create_type && i < c->transfers_count; i++)
        ids[count++] = c->transfers[i].id;
    for (uint32_t i = 0; q->type == &transfers_batch_type && i < l->transfers_count; i++)
        ids[count++] = l->transfers[i].has_transfer_id ? l->transfers[i].transfer_id : ID128_ZERO;
    return count;
}

static void check_keyed(struct run *run, const struct request *q, const struct message *m)
{
    const struct history_record *record = answers_find(run, q);
    if (q->steals) {
        if (m->code != ERR_KEY_REUSED)
            broken("request %u used the key of another request and was answered %u", q->number,
                   m->code);
        return;
    }
    if (record == NULL || record->open) {
        if ((m->code == ERR_OK || m->code >= ERR_DOMAIN_FIRST) && !is_unkept(run, q, m))
            broken("request %u (%s) was answered %u, but nothing durable says so", q->number,
                   q->type->name, m->code);
        return;
    }
    struct slice reply = m->reply_type == 0 ? (struct slice){NULL, 0} : wire_written(&m->reply);
    if (m->code != record->code || m->reply_type != record->reply_type ||
        m->version != record->version || history_hash(reply) != record->reply_hash)
        broken("request %u (%s) was answered %u, but %u or another reply is recorded", q->number,
               q->type->name, m->code, record->code);
}

static bool counters_equal(const struct ref_counters *a, const struct ref_counters *b)
{
    return a->debits_pending == b->debits_pending && a->debits_posted == b->debits_posted &&
           a->credits_pending == b->credits_pending && a->credits_posted == b->credits_posted;
}

/* A list shows the account after its newest entry, which may have been before what was known. */
static uint64_t listed_version(const struct ref_account *a, uint64_t version)
{
    while (version > 0 && !a->past[version - 1].entry)
        version--;
    return version;
}

/* The counters after this version of the account, which must be durable. */
static void check_counters(struct run *run, const struct request *q, struct id128 id,
                           uint64_t version, const struct ref_counters *c)
{
    const struct ref_account *a = reference_account(&run->reference, id);
    if (a == NULL || version == 0 || version > a->version)
        broken("request %u (%s) shows version %llu of an account, which is not durable", q->number,
               q->type->name, (unsigned long long)version);
    if (!counters_equal(&a->past[version - 1].counters, c))
        broken("request %u (%s) shows other counters than the journal", q->number, q->type->name);
    bool lists = q->type != &account_get_type;
    uint64_t least = lists ? listed_version(a, q->reads_version) : q->reads_version;
    if (id128_equal(q->reads, id) && version < least)
        broken("request %u (%s) shows version %llu of an account after %llu was known", q->number,
               q->type->name, (unsigned long long)version, (unsigned long long)least);
}

static void check_account(struct run *run, const struct request *q, const void *reply)
{
    const struct account_info *i = reply;
    const struct ref_counters c = {i->debits_pending, i->debits_posted, i->credits_pending,
                                   i->credits_posted};
    check_counters(run, q, i->account_id, i->version, &c);
}

static bool is_balance(const struct wallet_balance *b, const struct ref_counters *c)
{
    return c->credits_posted - c->debits_posted == b->balance &&
           c->debits_pending == b->pending_balance && c->credits_pending == b->incoming_balance &&
           b->available_balance + b->pending_balance == b->balance;
}

/* As it stood after some durable version that is not older than what was known. */
static void check_wallet(struct run *run, const struct request *q, const void *reply)
{
    const struct wallet_balance *b = reply;
    const struct ref_account *a = reference_account(&run->reference, b->wallet_id);
    if (a == NULL)
        broken("request %u shows a wallet without an account", q->number);
    uint64_t least = id128_equal(q->reads, b->wallet_id) ? q->reads_version : 1;
    for (uint64_t v = a->version; v >= least && v > 0; v--)
        if (is_balance(b, &a->past[v - 1].counters))
            return;
    broken("request %u shows a balance that the wallet durably never had", q->number);
}

/* Of a transfer that the answer shows; in that to whoever made it, nobody is named. */
static void check_by(const struct request *q, const struct ref_transfer *t, bool has_by,
                     struct slice by)
{
    if (!has_by ? q->type == &transfer_get_type : history_hash(by) != t->by)
        broken("request %u (%s) attributes a transfer to \"%.*s\"", q->number, q->type->name,
               (int)by.len, by.data);
}

static void check_entry_by(const struct run *run, const struct request *q, const struct entry *e)
{
    const struct ref_transfer *t =
        reference_transfer_of(&run->reference, e->transfer_id, e->account_id);
    bool expired = e->kind == ENTRY_KIND_PENDING_EXPIRED;
    if (expired ? !slice_equal(e->by, slice_of(PRINCIPAL_SYSTEM)) : !e->has_by)
        broken("request %u: an entry is of nobody", q->number);
    if (!expired && t != NULL)
        check_by(q, t, e->has_by, e->by);
}

static void check_entries(struct run *run, const struct request *q, const void *reply)
{
    const struct entry_page *page = reply;
    for (uint32_t i = 0; i < page->entries_count; i++) {
        const struct entry *e = &page->entries[i];
        const struct ref_counters c = {e->debits_pending, e->debits_posted, e->credits_pending,
                                       e->credits_posted};
        check_entry_by(run, q, e);
        if (i == 0) {
            check_counters(run, q, e->account_id, e->version, &c);
            continue;
        }
        struct request later = *q;
        later.reads = ID128_ZERO; /* only the first must be as new as what was known */
        check_counters(run, &later, e->account_id, e->version, &c);
    }
}

/* In the journal of the list's home, or of its own; one that was there before may be another
 * shard's. */
static const struct ref_transfer *item_made(const struct run *run, const struct request *q,
                                            const struct transfer_spec *s, bool before)
{
    bool named = !id128_is_zero(s->debit_account_id);
    const struct ref_transfer *t = NULL;
    for (uint16_t i = 0; i < run->swarm.shards && t == NULL; i++) {
        if (i == q->shard || before || !named || i == run_home(run, s->debit_account_id))
            t = reference_transfer(&run->reference, i, s->id);
        if (t != NULL && t->kind == REF_REFUSED)
            t = NULL;
    }
    return t;
}

/* By another shard, and not followed where it was asked for. */
static bool item_decided(const struct run *run, const struct transfer_spec *s)
{
    struct ref_moving leg;
    return ref_groups_decided(&run->reference, s->id, s->debit_account_id, &leg) ||
           ref_transit_decided(&run->reference, s->id, s->debit_account_id) != NULL;
}

/* Does another request name this id, or the list itself once more? */
static bool id_named_again(const struct run *run, const struct request *q, struct id128 id)
{
    uint32_t found = 0;
    for (uint32_t i = 0; i < run->request_count && found < 2; i++) {
        const struct request *other = run->requests[i];
        const struct id128 *chosen = workload_chosen_id(other);
        struct id128 ids[REQUEST_ITEMS_MAX];
        uint32_t count = list_ids(other, ids);
        found += chosen != NULL && id128_equal(*chosen, id) ? 1 + (other != q) : 0;
        for (uint32_t k = 0; k < count; k++)
            found += id128_equal(ids[k], id) ? 1 + (other != q) : 0;
    }
    return found > 1;
}

/* May it have been made by what was asked for elsewhere, or before? */
static bool item_asked_again(const struct run *run, const struct request *q, struct id128 id)
{
    return q->posts > 1 || id_named_again(run, q, id);
}

/* Of two that are asked for under one id at once either may be refused, and no others. */
static void check_rival(const struct run *run, const struct request *q, const struct id128 *id,
                        uint16_t code)
{
    if (code == RESULT_ID_UNDER_WAY && (id == NULL || !id_named_again(run, q, *id)))
        broken("request %u (%s) is refused for another one under its id, which nobody asked for",
               q->number, q->type->name);
}

static void check_item(struct run *run, const struct request *q, const struct transfer_spec *s,
                       uint16_t code)
{
    bool done = code == RESULT_OK || code == RESULT_EXISTS;
    const struct ref_transfer *t = item_made(run, q, s, code == RESULT_EXISTS);
    run->cover.codes[code]++;
    if (q->posts == 1) /* sent again it may meet itself, where the home of an item is elsewhere */
        check_rival(run, q, &s->id, code);
    if (done && t == NULL && (code == RESULT_OK || !item_decided(run, s)))
        broken("request %u: a transfer was acknowledged, but is not in the journal", q->number);
    if (!done && t != NULL && (s->flags & TRANSFER_FLAGS_LINKED) == 0 &&
        id128_equal(t->debit, s->debit_account_id) && t->amount == s->amount &&
        !item_asked_again(run, q, s->id))
        broken("request %u: a transfer is said to be refused, but was made", q->number);
    bool plain = s->has_amount &&
                 (s->flags & ~(uint32_t)(TRANSFER_FLAGS_LINKED | TRANSFER_FLAGS_PENDING)) == 0;
    if (t != NULL && code == RESULT_OK && plain &&
        (t->amount != s->amount || !id128_equal(t->debit, s->debit_account_id) ||
         !id128_equal(t->credit, s->credit_account_id)))
        broken("request %u: a transfer is not what was asked for", q->number);
}

/* All of a chain are made, or none is; and one of them is why, or that it has no end. */
struct chain_codes {
    uint32_t count, made, causes;
    bool open;
};

static void check_chain(const struct request *q, struct chain_codes *c, uint32_t flags,
                        uint16_t code)
{
    c->count++;
    c->made += code == RESULT_OK;
    c->open = code == RESULT_LINKED_EVENT_CHAIN_OPEN;
    c->causes += code != RESULT_OK && code != RESULT_LINKED_EVENT_FAILED && !c->open;
    if ((flags & TRANSFER_FLAGS_LINKED) != 0 && !c->open)
        return;
    if (c->made != c->count && (c->made != 0 || c->causes > 1 || c->causes + c->open == 0))
        broken("request %u: of a chain of %u transfers %u are made, %u refused", q->number,
               c->count, c->made, c->causes);
    *c = (struct chain_codes){.count = 0};
}

/* What the ledger leaves to a service names who that is, and nothing else does. */
static void check_manager_named(const struct request *q, uint16_t code, bool named)
{
    if ((code == RESULT_MANAGED) != named)
        broken("request %u: an item that is managed names nobody, or another one does", q->number);
}

/* Only the refused ones are listed. */
static void check_items(struct run *run, const struct request *q, const void *reply)
{
    const struct item_results *r = reply;
    if (q->type != &transfers_create_type)
        return;
    const struct transfers_create *c = &q->body.transfers_create;
    uint32_t next = 0;
    struct chain_codes chain = {.count = 0};
    for (uint32_t i = 0; i < c->transfers_count; i++) {
        bool listed = next < r->results_count && r->results[next].index == i;
        uint16_t code = listed ? r->results[next].result : RESULT_OK;
        check_item(run, q, &c->transfers[i], code);
        check_chain(q, &chain, c->transfers[i].flags, code);
        next += listed;
    }
    for (uint32_t i = 0; i < r->results_count; i++)
        check_manager_named(q, r->results[i].result, r->results[i].has_managed_by);
    if (next != r->results_count)
        broken("request %u: results that belong to no transfer", q->number);
}

static void check_batch(struct run *run, const struct request *q, const void *reply)
{
    const struct batch_results *r = reply;
    const struct transfers_batch *c = &q->body.transfers_batch;
    if (r->results_count != c->transfers_count)
        broken("request %u: not every transfer has a result", q->number);
    struct chain_codes chain = {.count = 0};
    for (uint32_t i = 0; i < c->transfers_count; i++) {
        if (c->transfers[i].has_transfer_id &&
            !id128_equal(c->transfers[i].transfer_id, r->results[i].transfer_id))
            broken("request %u: a result is of another transfer", q->number);
        const struct transfer_spec item = {
            .id = r->results[i].transfer_id,
            .debit_account_id = c->transfers[i].debit_account_id,
            .credit_account_id = c->transfers[i].credit_account_id,
            .has_amount = c->transfers[i].has_amount,
            .amount = c->transfers[i].amount,
            .flags = c->transfers[i].flags,
        };
        check_item(run, q, &item, r->results[i].result);
        check_chain(q, &chain, item.flags, r->results[i].result);
        check_manager_named(q, r->results[i].result, r->results[i].has_managed_by);
    }
}

/* The shard that decided a transfer shows it before the one where it was asked for has followed. */
static bool check_decided(struct run *run, const struct request *q, const struct transfer_info *i)
{
    struct ref_moving leg;
    const struct ref_moving *c =
        ref_transit_decided(&run->reference, i->transfer_id, i->debit_account_id);
    if (ref_groups_decided(&run->reference, i->transfer_id, i->debit_account_id, &leg))
        c = &leg;
    if (c == NULL)
        return false;
    if (!id128_equal(c->debit, i->debit_account_id) ||
        !id128_equal(c->credit, i->credit_account_id) || c->amount != i->amount ||
        c->effective_ns != i->effective_time)
        broken("request %u (%s) shows another transfer than was decided", q->number, q->type->name);
    return true;
}

static void check_transfer(struct run *run, const struct request *q, const void *reply)
{
    const struct transfer_info *i = reply;
    if (q->type == &transfer_reverse_type &&
        !id128_equal(i->reverses_id, q->body.transfer_reverse.transfer_id))
        broken("request %u is answered with what reverses another transfer", q->number);
    if (check_decided(run, q, i))
        return;
    const struct ref_transfer *t =
        reference_transfer_of(&run->reference, i->transfer_id, i->debit_account_id);
    if (t == NULL || !id128_equal(t->debit, i->debit_account_id) ||
        !id128_equal(t->credit, i->credit_account_id))
        broken("request %u (%s) shows a transfer that is not durable", q->number, q->type->name);
    if (i->effective_time != t->effective_ns)
        broken("request %u (%s) shows another time of a transfer", q->number, q->type->name);
    check_by(q, t, i->has_by, i->by);
}

static bool is_movement_of(const struct run *run, struct id128 id, struct id128 wallet_id)
{
    struct ref_moving leg;
    return ref_groups_decided(&run->reference, id, wallet_id, &leg) ||
           reference_transfer_of(&run->reference, id, wallet_id) != NULL ||
           ref_transit_received(&run->reference, id, wallet_id);
}

static void check_movement(struct run *run, const struct request *q, const void *reply)
{
    const struct wallet_transaction *x = reply;
    const struct wallet_transaction_get *get = &q->body.wallet_transaction_get;
    if (!is_movement_of(run, x->transfer_id, x->wallet_id))
        broken("request %u (%s) shows a movement that is not durable", q->number, q->type->name);
    if (q->type == &wallet_transaction_get_type &&
        (!id128_equal(x->transfer_id, get->transfer_id) ||
         !id128_equal(x->wallet_id, get->wallet_id)))
        broken("request %u shows another movement", q->number);
}

static void check_movements(struct run *run, const struct request *q, const void *reply)
{
    const struct wallet_transaction_page *page = reply;
    const struct wallet_transaction_list *list = &q->body.wallet_transaction_list;
    for (uint32_t i = 0; i < page->transactions_count; i++) {
        const struct wallet_transaction *x = &page->transactions[i];
        check_movement(run, q, x);
        if (!id128_equal(x->wallet_id, list->wallet_id) ||
            (list->has_type && x->type != list->type))
            broken("request %u lists a movement that was not asked for", q->number);
    }
}

/* Whoever may act for any owner is told who did what; a movement is by whom its transfer is. */
static void check_event(struct run *run, const struct request *q, const struct wallet_event *e)
{
    const struct ref_transfer *t =
        e->has_transfer_id ? reference_transfer_of(&run->reference, e->transfer_id, e->wallet_id)
                           : NULL;
    if (e->has_transfer_id && !is_movement_of(run, e->transfer_id, e->wallet_id))
        broken("request %u (%s) shows a movement that is not durable", q->number, q->type->name);
    if (!e->has_by && q->who.any_owner)
        broken("request %u: something happened that nobody did", q->number);
    if (t != NULL && e->has_by)
        check_by(q, t, true, e->by);
    /* The reason stands where it was given: the views of that shard may be behind what came since
     * the list was asked for. */
    bool fresh = t == NULL || (uint32_t)(t - run->reference.transfers) >= q->known.transfers;
    bool adjusted =
        e->type == WALLET_EVENT_KIND_ADJUSTMENT_IN || e->type == WALLET_EVENT_KIND_ADJUSTMENT_OUT;
    if (adjusted && !e->has_reason && !q->stale && !fresh)
        broken("request %u: an adjustment is without a reason", q->number);
}

/* Of a hold all steps fit a page; of a wallet the newest come first. */
static void check_events(struct run *run, const struct request *q, const void *reply)
{
    const struct wallet_event_page *page = reply;
    bool of_hold = q->type == &wallet_hold_event_list_type;
    u128 captured = 0;
    for (uint32_t i = 0; i < page->events_count; i++) {
        const struct wallet_event *e = &page->events[i], *before = i > 0 ? e - 1 : e;
        check_event(run, q, e);
        if (of_hold ? e->timestamp < before->timestamp : e->timestamp > before->timestamp)
            broken("request %u: what happened is not in order", q->number);
        captured += e->type == WALLET_EVENT_KIND_HOLD_CAPTURED ? e->amount : 0;
    }
    if (!of_hold)
        return;
    const struct ref_hold *h = NULL;
    for (uint32_t i = 0; i < run->reference.hold_count && h == NULL; i++)
        if (id128_equal(run->reference.holds[i].id, q->body.wallet_hold_event_list.hold_id))
            h = &run->reference.holds[i];
    if (h == NULL || page->events_count == 0 || page->events[0].type != WALLET_EVENT_KIND_HOLD ||
        page->events[0].amount != h->amount || captured > h->captured)
        broken("request %u shows what did not happen to a hold", q->number);
}

static void check_payment(struct run *run, const struct request *q, const void *reply)
{
    const struct payment_info *i = reply;
    const struct ref_payment *p = reference_payment(&run->reference, i->payment_id);
    if (p == NULL || i->amount > p->amount || i->captured_amount > p->captured ||
        i->refunded_amount > p->refunded)
        broken("request %u (%s) shows a payment that is not durable", q->number, q->type->name);
}

/* In the order of their numbers; who did it is told to whoever may act for any owner. */
static void check_steps(struct run *run, const struct request *q, const void *reply)
{
    const struct payment_event_page *page = reply;
    (void)run;
    for (uint32_t i = 0; i < page->events_count; i++) {
        const struct payment_event *e = &page->events[i];
        if (i > 0 && e->sequence != page->events[i - 1].sequence + 1)
            broken("request %u lacks a step of a payment", q->number);
        if (!e->has_by && q->who.any_owner)
            broken("request %u: a step of a payment is nobody's", q->number);
        if (e->type == PAYMENT_EVENT_KIND_EXPIRED &&
            !slice_equal(e->by, slice_of(PRINCIPAL_SYSTEM)))
            broken("request %u: somebody let a payment expire", q->number);
    }
}

/* The outcome of a move, which must be durable, is the same for all who ask. */
static void check_move(struct run *run, const struct request *q, const void *reply)
{
    const struct tally_move *m = reply;
    const struct ref_move *known = ref_tallies_move(&run->tallies, q->body.tally_move.move);
    if (known == NULL || known->code != m->code || !id128_equal(m->move, known->id))
        broken("request %u is told an outcome of its move that is not durable", q->number);
}

static void check_rate(struct run *run, const struct request *q, const void *reply)
{
    (void)q;
    ref_rates_shown(&run->rates, reply);
}

static void check_conversion(struct run *run, const struct request *q, const void *reply)
{
    ref_rates_converted(&run->rates, reply, q->sent_ns);
}

static void check_rate_history(struct run *run, const struct request *q, const void *reply)
{
    const struct rate_history *page = reply;
    (void)run;
    for (uint32_t i = 1; i < page->observations_count; i++)
        if (page->observations[i].version + 1 != page->observations[i - 1].version)
            broken("request %u lacks a change of a pair", q->number);
}

static const struct reply_check {
    const struct message_type *reply;
    void (*look)(struct run *run, const struct request *q, const void *reply);
} reply_checks[] = {
    {&account_info_type, check_account},
    {&entry_page_type, check_entries},
    {&item_results_type, check_items},
    {&batch_results_type, check_batch},
    {&transfer_info_type, check_transfer},
    {&payment_info_type, check_payment},
    {&wallet_balance_type, check_wallet},
    {&trial_balance_type, pages_check_books},
    {&past_trial_balance_type, pages_check_past_books},
    {&wallet_transaction_type, check_movement},
    {&wallet_transaction_page_type, check_movements},
    {&wallet_event_page_type, check_events},
    {&account_page_type, pages_check_accounts},
    {&statement_type, pages_check_statement},
    {&transfer_page_type, pages_check_transfers},
    {&wallet_page_type, pages_check_wallets},
    {&payment_page_type, pages_check_payments},
    {&payment_event_page_type, check_steps},
    {&tally_moved_type, check_move},
    {&exchange_rate_type, check_rate},
    {&conversion_type, check_conversion},
    {&rate_history_type, check_rate_history},
};

/* A list made without space for the views, or without a shard that has stopped, may lack anything,
 * but what is there must be durable. */
static struct request answers_as_stale(struct run *run, const struct request *q)
{
    struct request asked = *q;
    if (store_sim_counts(run->sim)->met[STORE_SIM_APPEND_FULL] == 0 && !run_any_stopped(run))
        broken("request %u (%s) is stale, but the disk was never full and all shards live",
               q->number, q->type->name);
    run->cover.faults[COVER_LISTED_STALE]++;
    asked.known = (struct known){0};
    asked.reads = ID128_ZERO;
    asked.stale = true;
    return asked;
}

static void check_reply(struct run *run, const struct request *q, const struct message *m)
{
    struct request stale;
    if (m->stale) {
        stale = answers_as_stale(run, q);
        q = &stale;
    }
    for (size_t i = 0; i < array_len(reply_checks); i++) {
        const struct message_type *type = reply_checks[i].reply;
        if (m->reply_type != type->number)
            continue;
        struct arena arena;
        const void *reply = reply_read(q, m, type, &arena);
        reply_checks[i].look(run, q, reply);
        arena_done(&arena);
    }
}

static bool answers_cross(uint16_t code)
{
    return code == RESULT_ACCOUNTS_IN_DIFFERENT_SHARDS;
}

/* What was decided under its key. */
static const struct history_record *answers_recorded(const struct run *run, const struct request *q)
{
    const struct history_record *r = history_find(&run->shards[q->shard].history, q->key);
    return r == NULL || r->open ? NULL : r;
}

void answers_check_expired(const struct run *run, const struct request *q)
{
    if (q->keyed && !q->steals && q->posts == 1 &&
        history_find(&run->shards[q->shard].history, q->key) != NULL)
        broken("request %u (%s) is said to be too late, but is in the journal", q->number,
               q->type->name);
}

/* Does another shard decide it, or a transfer that it names, if it has to? */
static bool answers_may_wait(const struct request *q)
{
    static const struct message_type *const types[] = {
        &tally_move_type,          &transfer_create_type,     &transfers_create_type,
        &transfers_batch_type,     &transfer_reverse_type,    &transfer_post_type,
        &transfer_void_type,       &payment_create_type,      &payment_capture_type,
        &wallet_hold_capture_type, &payment_refund_type,      &wallet_transfer_type,
        &transaction_create_type,  &transaction_reverse_type,
    };
    for (size_t i = 0; i < array_len(types); i++)
        if (q->type == types[i])
            return true;
    return false;
}

void answers_check_later(struct run *run, const struct request *q, const struct message *m)
{
    if (m->code == ERR_QUARANTINED && q->type->target_kind != KIND_TALLY)
        broken("request %u (%s) is for an actor in quarantine, where no turn fails", q->number,
               q->type->name);
    if (m->code != ERR_OUTCOME_PENDING)
        return;
    run->cover.faults[COVER_PENDING]++;
    bool looks = q->type == &transfer_get_type || q->type == &transaction_get_type;
    if (!looks && (m->retry_after_ms == 0 || !answers_may_wait(q)))
        broken("request %u (%s) is told that its outcome is still to come", q->number,
               q->type->name);
    if (m->reply_type != 0) {
        run->cover.faults[COVER_MEANWHILE]++;
        check_reply(run, q, m);
    }
}

void answers_check_quota(struct run *run, const struct request *q, const struct message *m)
{
    const uint32_t used = q->type->passes_quota ? 100 * QUOTA_SETTLING : 100;
    if (run->swarm.journal_quota == 0 || !q->type->mutates || m->quota_percent < used ||
        q->who.operator)
        broken("request %u (%s) is refused for a quota that does not hold it", q->number,
               q->type->name);
    if (m->retry_after_ms == 0)
        broken("request %u (%s) is not told when there is room again", q->number, q->type->name);
    if (q->keyed && !q->steals && q->asks == 1 && answers_recorded(run, q) != NULL)
        broken("request %u (%s) was decided, but is refused for the quota", q->number,
               q->type->name);
    run->cover.faults[COVER_QUOTA]++;
}

void answers_check(struct run *run, const struct request *q, struct message *m)
{
    check_code(q, m->code);
    run->cover.faults[COVER_CROSSING] += answers_cross(m->code);
    if (answers_cross(m->code) && run->swarm.shards == 1)
        broken("request %u (%s) crosses shards where there is one", q->number, q->type->name);
    if (m->code == ERR_KEY_REUSED && !q->steals)
        broken("request %u is taken for another one", q->number);
    check_rival(run, q, workload_chosen_id(q), m->code);
    if (q->keyed)
        check_keyed(run, q, m);
    if ((m->code == ERR_OK || q->type == &tally_move_type) && m->reply_type != 0)
        check_reply(run, q, m);
}
