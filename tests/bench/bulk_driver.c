/* SPDX-License-Identifier: Apache-2.0 */
/* Bulk load over the operators' link, for the scripts beside it: reads `accounts N` (opens N
 * more) and `transfers N` (between those opened so far) from stdin; answers each with a JSON line.
 * Ids are new and in the order of time; accounts and amounts are drawn from one seed. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "runtime/base/array.h"
#include "runtime/base/rng.h"
#include "runtime/base/time.h"
#include "runtime/link/link_client.h"
#include "schemas/ledger.h"

#define BATCH 8000
#define OUTSTANDING 4
#define TIMEOUT_MS 60000
#define COUNT_MAX 100000000
#define USD 840
#define AMOUNT_MAX 10000 /* minor units */

struct driver {
    struct link_client *link;
    struct wire_writer frame;
    struct arena arena;
    struct rng rng;
    uint64_t serial; /* of the newest id */
    struct id128 *accounts;
    uint64_t account_count;
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

static struct id128 new_id(struct driver *d)
{
    return id128_make(now_ns(CLOCK_REALTIME) / NS_PER_MS, ++d->serial, 0);
}

static void send_accounts(struct driver *d, uint32_t count)
{
    static struct account_spec specs[BATCH];
    for (uint32_t i = 0; i < count; i++) {
        d->accounts[d->account_count] = new_id(d);
        specs[i] = (struct account_spec){
            .id = d->accounts[d->account_count++], .currency = USD, .code = 1};
    }
    accounts_create_type.write(&d->frame, &(struct accounts_create){specs, count});
}

static void send_transfers(struct driver *d, uint32_t count)
{
    static struct transfer_spec specs[BATCH];
    for (uint32_t i = 0; i < count; i++) {
        uint64_t debit = rng_below(&d->rng, d->account_count);
        uint64_t other = 1 + rng_below(&d->rng, d->account_count - 1);
        specs[i] = (struct transfer_spec){
            .id = new_id(d),
            .debit_account_id = d->accounts[debit],
            .credit_account_id = d->accounts[(debit + other) % d->account_count],
            .has_amount = true,
            .amount = 1 + rng_below(&d->rng, AMOUNT_MAX),
            .currency = USD,
            .code = 1,
        };
    }
    transfers_create_type.write(&d->frame, &(struct transfers_create){specs, count});
}

typedef void (*send_cb)(struct driver *d, uint32_t count);

static void send_message(struct driver *d, send_cb write, uint64_t count, uint64_t tag)
{
    struct envelope_request request = {
        .number = write == send_accounts ? accounts_create_type.number
                                         : transfers_create_type.number,
        .deadline_ms = TIMEOUT_MS,
    };
    wire_writer_clear(&d->frame);
    envelope_put_request(&d->frame, &request);
    write(d, (uint32_t)count);
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

static void driver_run(struct driver *d, send_cb write, uint64_t count)
{
    uint64_t left = count, under_way = 0;
    d->messages = d->refused = 0;
    d->took_ns = calloc(count / BATCH + 1, sizeof *d->took_ns);
    check(d->took_ns != NULL);
    uint64_t start_ns = now_ns(CLOCK_MONOTONIC);
    while (left > 0 || under_way > 0) {
        uint64_t tag = under_way;
        if (left == 0 || under_way == OUTSTANDING) {
            tag = take_answer(d);
            under_way--;
        }
        if (left > 0) {
            uint64_t n = left < BATCH ? left : BATCH;
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

int main(int argc, char **argv)
{
    struct driver d = {0};
    const char *reason = "usage: bulk_driver SOCKET";
    if (argc != 2 || link_client_new(argv[1], OUTSTANDING, &d.link, &reason) != LINK_OK) {
        fprintf(stderr, "bulk_driver: %s\n", reason);
        return 1;
    }
    wire_writer_init(&d.frame, ENVELOPE_FRAME_MAX);
    arena_init(&d.arena, ENVELOPE_FRAME_MAX);
    rng_seed(&d.rng, 1);
    d.serial = now_ns(CLOCK_REALTIME) << 16;
    char line[64];
    while (fgets(line, sizeof line, stdin) != NULL) {
        bool accounts = strncmp(line, "accounts ", 9) == 0;
        uint64_t count = strtoull(line + strcspn(line, " "), NULL, 10);
        if (count == 0 || count >= COUNT_MAX)
            break;
        if (accounts)
            d.accounts = array_resize(d.accounts, d.account_count + count, sizeof *d.accounts);
        driver_run(&d, accounts ? send_accounts : send_transfers, count);
    }
    link_client_free(d.link);
    wire_writer_done(&d.frame);
    arena_done(&d.arena);
    free(d.accounts);
    return 0;
}
