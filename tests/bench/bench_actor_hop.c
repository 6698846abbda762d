/* SPDX-License-Identifier: Apache-2.0 */
/* One hop: a message of 24 bytes reaches an actor, which is one of a million in a real shard, and
 * the next one goes to another actor drawn at random. Post, mailbox, run queue, handler, answer; no
 * journal. The messages are made beforehand and go round. */
#include <stdio.h>
#include <stdlib.h>

#include "runtime/actor/turn.h"
#include "runtime/base/check.h"
#include "runtime/base/prefetch.h"
#include "runtime/base/rng.h"
#include "runtime/base/u128.h"
#include "tests/bench/bench.h"

#define ACTORS 1000000
#define MESSAGES 256
#define WINDOW_HOPS 2000000
#define WARM_UPS 1
#define WINDOWS 9
#define TOKEN_KIND 1
#define MAKE_COUNT 8000 /* actors made by one message */
#define ID_TIME ((uint64_t)1767225600000 << 16)

/* --- the domain: tokens that hand on ---------------------------------------------------------- */

struct hop {
    struct id128 to;
    uint64_t payload;
};
static_assert(sizeof(struct hop) == 24, "as the benchmark is named");

struct make {
    uint64_t first, count;
};

struct token {
    uint64_t made;
};

static struct id128 token_id(uint64_t n)
{
    return (struct id128){ID_TIME, n << 16};
}

static bool make_read(struct wire_reader *r, struct arena *a, void *body)
{
    struct make *m = body;
    (void)a;
    wire_get_array(r, 2);
    m->first = wire_get_uint(r, UINT64_MAX);
    m->count = wire_get_uint(r, UINT64_MAX);
    return !r->failed;
}

static void make_write(struct wire_writer *w, const void *body)
{
    const struct make *m = body;
    wire_put_array(w, 2);
    wire_put_uint(w, m->first);
    wire_put_uint(w, m->count);
}

static const struct message_type hop_type = {
    .name = "hop", .number = 1, .target_kind = TOKEN_KIND, .target_offset = 0,
    .size = sizeof(struct hop),
};
static const struct message_type make_type = {
    .name = "make", .number = 2, .target_kind = TOKEN_KIND, .target_offset = MESSAGE_NO_OFFSET,
    .size = sizeof(struct make), .mutates = true, .read = make_read, .write = make_write,
};
static const struct message_type made_type = {
    .name = "made", .number = 3, .target_offset = MESSAGE_NO_OFFSET,
    .size = sizeof(struct make), .read = make_read, .write = make_write,
};

static void made_apply(struct registry *r, const void *event, uint64_t time_ns)
{
    const struct make *m = event;
    for (uint64_t n = m->first; n < m->first + m->count; n++)
        ((struct token *)registry_create(r, TOKEN_KIND, token_id(n)))->made = time_ns;
}

static enum turn_result on_make(struct turn *t, struct id128 self, const struct message *m)
{
    (void)self;
    turn_emit(t, &made_type, m->body);
    turn_refuse(t, ERR_OK);
    return TURN_DONE;
}

static enum turn_result on_hop(struct turn *t, struct id128 self, const struct message *m)
{
    const void *state;
    (void)m;
    enum presence p = turn_find(t, TOKEN_KIND, self, &state);
    if (p == PRESENCE_WAITING)
        return TURN_WAIT;
    turn_refuse(t, p == PRESENCE_THERE ? ERR_OK : ERR_NOT_FOUND);
    return TURN_DONE;
}

static void token_write(struct wire_writer *w, const void *state)
{
    wire_put_uint(w, ((const struct token *)state)->made);
}

static bool token_read(struct registry *r, struct wire_reader *from, void *state)
{
    (void)r;
    ((struct token *)state)->made = wire_get_uint(from, UINT64_MAX);
    return !from->failed;
}

static struct place hop_locate(const void *body, const struct principal *who, uint16_t any)
{
    (void)body;
    (void)who;
    (void)any;
    return place_of(token_id(ACTORS));
}

static const struct handler handlers[] = {{&hop_type, on_hop}, {&make_type, on_make}};
static const struct state_codec token_codec = {.write = token_write, .read = token_read};
static const struct actor_kind token_kind = {
    .name = "token", .number = TOKEN_KIND, .state_size = sizeof(struct token),
    .handlers = handlers, .handler_count = array_len(handlers), .codec = &token_codec,
};
static const struct event_rule rules[] = {
    {.type = &made_type, .key_offset = MESSAGE_NO_OFFSET, .apply = made_apply},
};
static const struct locator locators[] = {{&make_type, hop_locate}};
static const struct service tokens = {
    .name = "tokens",
    .kinds = (const struct actor_kind *const[]){&token_kind},
    .kind_count = 1,
    .rules = rules,
    .rule_count = array_len(rules),
    .locators = locators,
    .locator_count = array_len(locators),
};

/* --- the hops --------------------------------------------------------------------------------- */

struct relay;

struct runner {
    _Alignas(CACHE_LINE) struct message message;
    struct hop body;
    struct relay *relay;
};

struct relay {
    struct bench bench;
    struct shard *shard;
    struct rng rng;
    struct message making;
    struct make make;
    struct runner *runners;
    uint64_t hops, window;
    uint64_t since_ns, since_processor_ns;
    double took_ns[WINDOWS], processor_ns[WINDOWS];
    uint32_t under_way;
};

/* True when all windows are done. */
static bool window_ended(struct relay *y)
{
    uint64_t now_ns = bench_now_ns(), processor_ns = bench_processor_ns();
    if (y->window >= WARM_UPS) {
        y->took_ns[y->window - WARM_UPS] = (double)(now_ns - y->since_ns) / WINDOW_HOPS;
        y->processor_ns[y->window - WARM_UPS] =
            (double)(processor_ns - y->since_processor_ns) / WINDOW_HOPS;
    }
    y->since_ns = now_ns;
    y->since_processor_ns = processor_ns;
    y->hops = 0;
    return ++y->window == WARM_UPS + WINDOWS;
}

static void send_on(struct relay *y, struct runner *r)
{
    struct id128 to = token_id((uint64_t)((u128)rng_next(&y->rng) * ACTORS >> 64));
    r->body.to = to;
    r->body.payload++;
    r->message.target_kind = TOKEN_KIND;
    r->message.target = to;
    shard_post(y->shard, &r->message);
}

static void on_hopped(struct message *m)
{
    struct runner *r = container_of(m, struct runner, message);
    struct relay *y = r->relay;
    check(m->code == ERR_OK);
    if (y->window == WARM_UPS + WINDOWS || (++y->hops == WINDOW_HOPS && window_ended(y))) {
        if (--y->under_way == 0)
            bench_finish(&y->bench);
        return;
    }
    send_on(y, r);
}

static void start_hops(struct bench *b)
{
    struct relay *y = container_of(b, struct relay, bench);
    y->shard = shard_set_shard(node_shard_set(y->bench.node), 0);
    y->runners = aligned_alloc(CACHE_LINE, MESSAGES * sizeof *y->runners);
    check(y->runners != NULL);
    y->since_ns = bench_now_ns();
    y->since_processor_ns = bench_processor_ns();
    y->under_way = MESSAGES;
    for (uint32_t i = 0; i < MESSAGES; i++) {
        struct runner *r = &y->runners[i];
        *r = (struct runner){.message = bench_message(&hop_type, &r->body, on_hopped), .relay = y};
        r->message.home = loop_env(node_loop(y->bench.node, 0));
        send_on(y, r);
    }
}

static void on_made(struct message *m)
{
    struct relay *y = container_of(m, struct relay, making);
    check(m->code == ERR_OK);
    y->make.first += y->make.count;
    if (y->make.first < ACTORS)
        bench_post(&y->bench, m);
    else
        bench_when_projected(&y->bench, start_hops);
}

static void hop_start(struct bench *b)
{
    struct relay *y = container_of(b, struct relay, bench);
    y->make = (struct make){0, MAKE_COUNT};
    y->making = bench_message(&make_type, &y->make, on_made);
    bench_post(b, &y->making);
}

int main(void)
{
    static struct relay y = {
        .bench = {.service = &tokens, .resident_max = 2 * ACTORS, .start = hop_start}};
    rng_seed(&y.rng, 1);
    bench_run(&y.bench);
    wire_writer_done(&y.making.reply);
    for (uint32_t i = 0; i < MESSAGES; i++)
        wire_writer_done(&y.runners[i].message.reply);
    free(y.runners);
    double median_ns = bench_median(y.took_ns, WINDOWS);
    bench_print("actor_hop", median_ns, "ns", "{\"below\":80,\"aim\":40}");
    printf(",\"processor_ns\":%.1f,\"best_ns\":%.1f,\"worst_ns\":%.1f,\"actors\":%d,"
           "\"messages_under_way\":%d,\"message_bytes\":%zu,\"hops_a_window\":%d,\"windows\":%d,"
           "\"fsync\":\"no journal\"}\n",
           bench_median(y.processor_ns, WINDOWS), y.took_ns[0], y.took_ns[WINDOWS - 1], ACTORS,
           MESSAGES, sizeof(struct hop), WINDOW_HOPS, WINDOWS);
    return 0;
}
