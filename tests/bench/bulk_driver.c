/* SPDX-License-Identifier: Apache-2.0 */
/* Bulk load over the operators' link, for the scripts beside it: reads `accounts N` (opens N more
 * in each shard), `transfers N` (between accounts of one shard, those of each message in the next)
 * and `crossing N` (from accounts of one shard to those of the next) from stdin; answers each with
 * a JSON line. Ids are new and in the order of time; accounts and amounts are drawn from one seed.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "runtime/base/array.h"
#include "runtime/base/rng.h"
#include "runtime/base/slot_map.h"
#include "runtime/base/time.h"
#include "runtime/link/link_client.h"
#include "schemas/ledger.h"

#define BATCH 8000
#define OUTSTANDING 4
#define TIMEOUT_MS 60000
#define COUNT_MAX 100000000
#define SHARDS_MAX 16
#define USD 840
#define AMOUNT_MAX 10000 /* minor units */

/* The accounts of one shard. */
struct shard_accounts {
    struct id128 *accounts;
    uint64_t count;
};

struct driver {
    struct link_client *link;
    struct wire_writer frame;
    struct arena arena;
    struct rng rng;
    uint64_t serial; /* of the newest id */
    struct shard_accounts shards[SHARDS_MAX];
    uint32_t shard_count;
    uint32_t turn;                 /* messages written: which shard the next is for */
    uint64_t sent_ns[OUTSTANDING]; /* by tag */
    uint64_t *took_ns;             /* of each message of one command */
    uint64_t messages, refused;
};

static uint64_t now_ns(clockid_t clock)
{
    struct timespec t;
    check(clock_gettime(clock, &t) == 0);
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static struct id128 new_id(struct driver *d, uint32_t shard)
{
    uint16_t slot = (uint16_t)(shard * SLOT_COUNT / d->shard_count);
    return id128_make(now_ns(CLOCK_REALTIME) / NS_PER_MS, ++d->serial, slot);
}

static void send_accounts(struct driver *d, uint32_t count)
{
    static struct account_spec specs[BATCH];
    uint32_t shard = d->turn % d->shard_count;
    struct shard_accounts *s = &d->shards[shard];
    s->accounts = array_resize(s->accounts, s->count + count, sizeof *s->accounts);
    for (uint32_t i = 0; i < count; i++) {
        s->accounts[s->count] = new_id(d, shard);
        specs[i] = (struct account_spec){.id = s->accounts[s->count++], .currency = USD, .code = 1};
    }
    accounts_create_type.write(&d->frame, &(struct accounts_create){specs, count});
}

/* From accounts of the shard whose turn it is to those of the one that is `distance` behind it. */
static void put_transfers(struct driver *d, uint32_t count, uint32_t distance)
{
    static struct transfer_spec specs[BATCH];
    uint32_t shard = d->turn % d->shard_count;
    const struct shard_accounts *from = &d->shards[shard];
    const struct shard_accounts *to = &d->shards[(shard + distance) % d->shard_count];
    for (uint32_t i = 0; i < count; i++) {
        uint64_t debit = rng_below(&d->rng, from->count);
        uint64_t other = 1 + rng_below(&d->rng, to->count - 1);
        specs[i] = (struct transfer_spec){
            .id = new_id(d, shard),
            .debit_account_id = from->accounts[debit],
            .credit_account_id = to->accounts[(debit + other) % to->count],
            .has_amount = true,
            .amount = 1 + rng_below(&d->rng, AMOUNT_MAX),
            .currency = USD,
            .code = 1,
        };
    }
    transfers_create_type.write(&d->frame, &(struct transfers_create){specs, count});
}

static void send_transfers(struct driver *d, uint32_t count)
{
    put_transfers(d, count, 0);
}

static void send_crossing(struct driver *d, uint32_t count)
{
    put_transfers(d, count, 1);
}

typedef void (*send_cb)(struct driver *d, uint32_t count);

static void send_message(struct driver *d, send_cb write, uint64_t count, uint64_t tag)
{
    struct envelope_request request = {
        .number =
            write == send_accounts ? accounts_create_type.number : transfers_create_type.number,
        .deadline_ms = TIMEOUT_MS,
    };
    wire_writer_clear(&d->frame);
    envelope_put_request(&d->frame, &request);
    write(d, (uint32_t)count);
    d->turn++;
    check(!d->frame.failed);
    d->sent_ns[tag] = now_ns(CLOCK_MONOTONIC);
    link_client_send(d->link, wire_written(&d->frame), tag);
}

/* Waits for an answer; the tag that is free again. */
static uint64_t take_answer(struct driver *d)
{
    uint64_t tag = 0;
    struct slice frame;
    struct envelope_reply reply;
    struct item_results refused = {0};
    struct wire_reader r;
    check(link_client_receive(d->link, TIMEOUT_MS, &tag, &frame) == LINK_OK);
    check(envelope_get_reply(frame, &reply) && reply.code == 0);
    wire_reader_init(&r, reply.body.data, reply.body.len);
    check(item_results_type.read(&r, &d->arena, &refused));
    d->refused += refused.results_count;
    arena_reset(&d->arena);
    d->took_ns[d->messages++] = now_ns(CLOCK_MONOTONIC) - d->sent_ns[tag];
    return tag;
}

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* `count` in messages as large as they may be, and that so many times. */
static void driver_run(struct driver *d, send_cb write, uint64_t each, uint32_t rounds)
{
    uint64_t count = each * rounds, left = count, under_way = 0;
    d->messages = d->refused = 0;
    d->took_ns = calloc((each / BATCH + 1) * rounds, sizeof *d->took_ns);
    check(d->took_ns != NULL);
    uint64_t start_ns = now_ns(CLOCK_MONOTONIC);
    while (left > 0 || under_way > 0) {
        uint64_t tag = under_way;
        if (left == 0 || under_way == OUTSTANDING) {
            tag = take_answer(d);
            under_way--;
        }
        if (left > 0) {
            uint64_t of_round = (left - 1) % each + 1;
            uint64_t n = of_round < BATCH ? of_round : BATCH;
            send_message(d, write, n, tag);
            left -= n;
            under_way++;
        }
    }
    uint64_t took_ns = now_ns(CLOCK_MONOTONIC) - start_ns;
    qsort(d->took_ns, d->messages, sizeof *d->took_ns, by_size);
    printf("{\"count\":%" PRIu64 ",\"refused\":%" PRIu64 ",\"per_s\":%.0f,\"p50_us\":%" PRIu64
           ",\"p99_us\":%" PRIu64 "}\n",
           count, d->refused, (double)count * 1e9 / (double)took_ns,
           d->took_ns[d->messages / 2] / 1000, d->took_ns[d->messages * 99 / 100] / 1000);
    fflush(stdout);
    free(d->took_ns);
}

/* One line of stdin; false: it is none. */
static bool driver_obey(struct driver *d, const char *line)
{
    static const struct {
        const char *name;
        send_cb write;
    } commands[] = {
        {"accounts ", send_accounts}, {"transfers ", send_transfers}, {"crossing ", send_crossing}};
    uint64_t count = strtoull(line + strcspn(line, " "), NULL, 10);
    if (count == 0 || count >= COUNT_MAX)
        return false;
    for (size_t i = 0; i < array_len(commands); i++) {
        if (strncmp(line, commands[i].name, strlen(commands[i].name)) != 0)
            continue;
        uint32_t rounds = commands[i].write == send_accounts ? d->shard_count : 1;
        driver_run(d, commands[i].write, count, rounds);
        return true;
    }
    return false;
}

int main(int argc, char **argv)
{
    struct driver d = {.shard_count = argc == 3 ? (uint32_t)strtoul(argv[2], NULL, 10) : 0};
    const char *reason = "usage: bulk_driver SOCKET SHARDS";
    if (d.shard_count == 0 || d.shard_count > SHARDS_MAX ||
        link_client_new(argv[1], OUTSTANDING, &d.link, &reason) != LINK_OK) {
        fprintf(stderr, "bulk_driver: %s\n", reason);
        return 1;
    }
    wire_writer_init(&d.frame, ENVELOPE_FRAME_MAX);
    arena_init(&d.arena, ENVELOPE_FRAME_MAX);
    rng_seed(&d.rng, 1);
    d.serial = now_ns(CLOCK_REALTIME) << 16;
    char line[64];
    while (fgets(line, sizeof line, stdin) != NULL && driver_obey(&d, line))
        ;
    link_client_free(d.link);
    wire_writer_done(&d.frame);
    arena_done(&d.arena);
    for (uint32_t i = 0; i < d.shard_count; i++)
        free(d.shards[i].accounts);
    return 0;
}
