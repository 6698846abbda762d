/* SPDX-License-Identifier: Apache-2.0 */
/* See clients.h. */
#include "tests/simulation/clients.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/array.h"
#include "runtime/node/scatter_gather.h"
#include "schemas/common.h"
#include "schemas/result.h"
#include "tests/simulation/answers.h"
#include "tests/simulation/pages.h"
#include "tests/simulation/verdict.h"
#include "tests/simulation/workload.h"

#define REPLY_MAX ((size_t)1 << 20)
#define RETRY_NS ((uint64_t)30000000)
#define RETRY_QUIET_NS ((uint64_t)20000000)
#define AGAIN_NS ((uint64_t)2000000000)
#define DEADLINE_NS ((uint64_t)2000000)
#define REQUEST_NAMED "sim-" /* and its number: the id that its client gave it */
#define FIRST_MAX 8     /* requests until there are accounts to do something with */
#define ATTEMPTS_MAX 30 /* beyond that only in the quiet phase */

/* A request on its way. */
struct ask {
    struct message message;
    struct request *request;
    struct list link;
};

static void clients_answered(struct message *m);
static void clients_send(void *context);
static void next_request(void *context);

/* --- sending ---------------------------------------------------------------------------------- */

static void clients_schedule(struct request *q, uint64_t within_ns)
{
    struct run *run = q->run;
    if (q->scheduled)
        return;
    q->scheduled = true;
    world_at(&run->world, run->world.now_ns + 1 + rng_below(&run->rng, within_ns), clients_send, q);
}

static void try_again(struct request *q)
{
    struct run *run = q->run;
    if (run->quiet) {
        clients_schedule(q, RETRY_QUIET_NS);
    } else if (q->attempts >= ATTEMPTS_MAX || rng_chance(&run->rng, run->swarm.give_up_ppm)) {
        q->settled = true;
    } else {
        run->counts.retries++;
        clients_schedule(q, RETRY_NS << (q->attempts < 5 ? q->attempts : 5));
    }
}

/* Where the client's connection is. */
static struct world_loop *some_loop(struct run *run)
{
    uint16_t loops = run->swarm.loops;
    return &run->loops[loops == 1 ? 0 : rng_below(&run->rng, loops)].loop;
}

static void clients_hang_up(void *context)
{
    struct request *q = context;
    q->run->cover.faults[COVER_HUNG_UP] += q->asks > 0;
    q->gone = !q->run->quiet;
}

static void clients_post(struct request *q)
{
    struct run *run = q->run;
    struct ask *ask = calloc(1, sizeof *ask);
    check(ask != NULL);
    ask->request = q;
    list_append(&run->asks, &ask->link);
    ask->message = (struct message){
        .type = q->type,
        .body = &q->body,
        .who = q->who,
        .request_id = q->request_id,
        .keyed = q->keyed,
        .key = q->key,
        .fingerprint = q->fingerprint,
        .precondition = q->conditional ? &q->precondition : NULL,
        .done = clients_answered,
        .gone = &q->gone,
    };
    if (q->deadline && !run->quiet)
        ask->message.deadline_ns =
            run->world.now_ns + 1 + rng_below(&run->rng, DEADLINE_NS);
    wire_writer_init(&ask->message.reply, REPLY_MAX);
    if (q->asks == 0)
        pages_note(run, q);
    if (q->hangs_up && q->attempts == 1)
        world_at(&run->world, run->world.now_ns + 1 + rng_below(&run->rng, DEADLINE_NS),
                 clients_hang_up, q);
    q->asks++;
    q->posts++;
    run->counts.asks++;
    world_note(&run->world, q->type->name, q->number, q->attempts);
    shard_set_post(run->shard_set, &some_loop(run)->env, &ask->message);
}

static void clients_send(void *context)
{
    struct request *q = context;
    struct run *run = q->run;
    q->scheduled = false;
    q->gone = false;
    q->attempts++;
    bool lost = !run->quiet && rng_chance(&run->rng, run->swarm.lost_ppm);
    run->cover.faults[COVER_REQUEST_LOST] += lost;
    if (!run_listens(run) || lost) {
        try_again(q);
        return;
    }
    clients_post(q);
    if (!run->quiet && rng_chance(&run->rng, run->swarm.twice_ppm)) {
        run->cover.faults[COVER_REQUEST_TWICE]++;
        clients_post(q);
    }
}

/* --- making ----------------------------------------------------------------------------------- */

static struct id128 random_id(struct run *run)
{
    return (struct id128){rng_next(&run->rng), rng_next(&run->rng)};
}

/* Where the request is decided if it has this key. */
static uint16_t clients_shard(const struct run *run, const struct request *q, struct id128 key)
{
    return q->anywhere ? run_home(run, key) : q->shard;
}

/* What is looked for in several shards may meet its key in any of them. */
static bool clients_seek(const struct request *q)
{
    return q->type->target_kind == KIND_TRANSFER;
}

/* Is the key of another request of this shard, decided or not. */
static bool key_is_used(const struct run *run, uint16_t shard, struct id128 key)
{
    for (uint32_t i = 0; i < run->request_count; i++) {
        const struct request *other = run->requests[i];
        if (other->keyed && (other->shard == shard || clients_seek(other)) &&
            id128_equal(other->key, key))
            return true;
    }
    return false;
}

/* Takes the key of a request that was decided, if one was. A shard knows only its own: for another
 * one it is a new key. */
static void steal_key(struct run *run, struct request *q)
{
    uint16_t from = (uint16_t)rng_below(&run->rng, run->swarm.shards);
    const struct history *h = &run->shards[from].history;
    if (h->count == 0 || clients_seek(q))
        return;
    struct id128 key = h->records[rng_below(&run->rng, h->count)].key;
    uint16_t shard = clients_shard(run, q, key);
    if (from != shard && key_is_used(run, shard, key))
        return;
    q->key = key;
    q->steals = from == shard;
    run->cover.faults[q->steals ? COVER_KEY_STOLEN : COVER_KEY_ELSEWHERE]++;
}

/* Some are named by their clients, the others by the bridge. */
static void clients_name_request(struct request *q)
{
    size_t len = q->number % 3 == 0
                     ? (size_t)snprintf(q->request_id_text, sizeof q->request_id_text,
                                        REQUEST_NAMED "%u", q->number)
                     : attribution_make_request(q->number, q->number, q->request_id_text);
    q->request_id = (struct slice){q->request_id_text, (uint32_t)len};
}

static bool all_settled(const struct run *run)
{
    for (uint32_t i = 0; i < run->request_count; i++)
        if (!run->requests[i]->settled || run->requests[i]->scheduled)
            return false;
    return true;
}

static void next_later(struct run *run)
{
    world_at(&run->world, run->world.now_ns + 1 + rng_below(&run->rng, 2 * run->swarm.think_ns),
             next_request, run);
}

static void next_request(void *context)
{
    struct run *run = context;
    if (run->closing || run->request_count >= run->swarm.requests)
        return;
    if (run->reference.account_count < 2 && run->request_count >= FIRST_MAX &&
        !all_settled(run)) {
        next_later(run);
        return;
    }
    struct request *q = calloc(1, sizeof *q);
    check(q != NULL);
    q->run = run;
    q->number = run->request_count;
    clients_name_request(q);
    workload_make(run, q);
    q->keyed = q->type->mutates && !(rng_chance(&run->rng, run->swarm.unkeyed_ppm));
    q->key = random_id(run);
    q->fingerprint = random_id(run);
    if (q->keyed && rng_chance(&run->rng, run->swarm.reuse_key_ppm))
        steal_key(run, q);
    q->shard = clients_shard(run, q, q->key);
    q->deadline = rng_chance(&run->rng, run->swarm.deadline_ppm);
    q->hangs_up = rng_chance(&run->rng, run->swarm.hang_up_ppm);
    const struct ref_account *a = reference_account(&run->reference, q->reads);
    q->reads_version = a == NULL ? 0 : a->version;
    array_reserve(run->requests, run->request_cap, run->request_count + 1);
    run->requests[run->request_count++] = q;
    q->scheduled = true;
    clients_send(q);
    next_later(run);
}

void clients_start(struct run *run)
{
    world_at(&run->world, run->world.now_ns + 1, next_request, run);
}

/* --- answers ---------------------------------------------------------------------------------- */

/* Nothing was decided: the same request may be sent again. */
static bool clients_undecided(uint16_t code)
{
    return code == ERR_BUSY || code == ERR_EXPIRED || code == ERR_UNAVAILABLE ||
           code == ERR_STORE_FULL || code == ERR_IO || code == ERR_SUSPENDED ||
           code == ERR_OUTCOME_PENDING || code == ERR_SHARD_UNAVAILABLE || code == ERR_QUARANTINED;
}

static void clients_drop(struct ask *ask)
{
    list_remove(&ask->link);
    ask->request->asks--;
    scatter_gather_kill(&ask->message);
    wire_writer_done(&ask->message.reply);
    free(ask);
}

static void clients_answered(struct message *m)
{
    struct ask *ask = container_of(m, struct ask, message);
    struct request *q = ask->request;
    struct run *run = q->run;
    if (run->ended)
        return; /* it did not come so far */
    if (run->lost_end) {
        clients_drop(ask); /* what was answered before may be void */
        q->settled = true;
        return;
    }
    run->counts.answers++;
    if (!cover_answer(&run->cover, q->type, m->code))
        broken("request %u (%s) is refused with %u, which it does not declare", q->number,
               q->type->name, m->code);
    world_note(&run->world, "answer", q->number, m->code);
    if (m->code == ERR_JOURNAL_QUOTA) {
        answers_check_quota(run, q, m);
        clients_drop(ask);
        q->settled = true; /* it would have to come again tomorrow */
        return;
    }
    if (m->code == ERR_EXPIRED)
        answers_check_expired(run, q);
    if (m->code == ERR_OUTCOME_PENDING || m->code == ERR_QUARANTINED)
        answers_check_later(run, q, m);
    if (clients_undecided(m->code)) {
        clients_drop(ask);
        try_again(q);
        return;
    }
    answers_check(run, q, m);
    world_note(&run->world, "reply", m->version, history_hash(wire_written(&m->reply)));
    if (m->code == ERR_OK)
        run->counts.successes++;
    else
        run->counts.refusals++;
    q->answered = true;
    q->code = m->code;
    clients_drop(ask);
    if (!run->quiet && rng_chance(&run->rng, run->swarm.answer_lost_ppm)) {
        run->cover.faults[COVER_ANSWER_LOST]++;
        try_again(q);
    } else if (!run->quiet && rng_chance(&run->rng, run->swarm.again_ppm)) {
        run->cover.faults[COVER_REQUEST_AGAIN]++;
        clients_schedule(q, AGAIN_NS);
    } else {
        q->settled = true;
    }
}

void clients_disconnected(struct run *run)
{
    while (!list_empty(&run->asks)) {
        struct ask *ask = container_of(run->asks.next, struct ask, link);
        struct request *q = ask->request;
        clients_drop(ask);
        try_again(q);
    }
}

void clients_recorded(void *context, const struct history_record *record)
{
    const struct run_shard *rs = context;
    struct run *run = rs->run;
    for (uint32_t i = run->request_count; i-- > 0;) {
        struct request *q = run->requests[i];
        /* What is looked for in several shards is refused in any that knows the transfer. */
        bool looked_for = clients_seek(q) && record->code != RESULT_OK;
        bool here = q->keyed && !q->steals && (q->shard == rs->number || looked_for);
        if (here && id128_equal(q->key, record->key)) {
            answers_check_record(q, record);
            return;
        }
    }
    broken("the journal of shard %u has a record under a key that no client used there",
           rs->number);
}

/* The request that this text names, or NULL. */
static const struct request *clients_request_of(const struct run *run, struct slice text)
{
    for (uint32_t i = 0; i < run->request_count; i++)
        if (slice_equal(run->requests[i]->request_id, text))
            return run->requests[i];
    return NULL;
}

void clients_attributed(void *context, const struct attribution *a)
{
    const struct run *run = ((const struct run_shard *)context)->run;
    char text[ATTRIBUTION_REQUEST_MAX];
    struct slice request = {text, (uint32_t)attribution_request_text(a, text)};
    if (a->tenant.len == 0 && a->client.len == 0 && request.len == 0 &&
        slice_equal(a->subject, slice_of(PRINCIPAL_SYSTEM)))
        return;
    const struct request *q = clients_request_of(run, request);
    if (q == NULL || !q->type->mutates)
        broken("a record comes from \"%.*s\", which nobody sent", (int)request.len, text);
    struct slice client = q->who.operator? (struct slice){0} : q->who.client;
    if (!slice_equal(a->tenant, q->who.tenant) || !slice_equal(a->subject, q->who.subject) ||
        !slice_equal(a->client, client) || !id128_equal(a->token_id, q->who.token_id))
        broken("a record is attributed to \"%.*s\", not to who sent %.*s", (int)a->subject.len,
               a->subject.data, (int)request.len, text);
}

bool clients_done(const struct run *run)
{
    return run->request_count >= run->swarm.requests && list_empty(&run->asks) &&
           all_settled(run);
}

/* In the quiet phase also what clients had given up on is asked for again. */
void clients_repeat(struct run *run)
{
    for (uint32_t i = 0; i < run->request_count; i++) {
        struct request *q = run->requests[i];
        bool ask = q->settled ? rng_below(&run->rng, 3) == 0 : q->asks == 0;
        if (!ask || q->scheduled)
            continue;
        q->settled = false;
        clients_schedule(q, RETRY_NS);
    }
}

void clients_free(struct run *run)
{
    while (!list_empty(&run->asks))
        clients_drop(container_of(run->asks.next, struct ask, link));
    for (uint32_t i = 0; i < run->request_count; i++)
        free(run->requests[i]);
    free(run->requests);
}
