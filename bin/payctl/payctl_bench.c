/* SPDX-License-Identifier: Apache-2.0 */
/* bench: bulk transfers between accounts of its own, several messages at once. Amounts and accounts
 * are drawn from one seed; ids are new in every run. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "bin/payctl/payctl.h"
#include "bin/payctl/payctl_progress.h"
#include "bin/payctl/payctl_slots.h"
#include "runtime/base/rng.h"
#include "runtime/base/time.h"
#include "schemas/ledger.h"
#include "schemas/operator.h"
#include "schemas/result.h"

#define BATCH_MAX 8192
#define ACCOUNTS_MAX 10000000
#define TRANSFERS_MAX 1000000000
#define AMOUNT_MAX 10000 /* minor units */
#define ACCOUNT_CODE 1
#define TRANSFER_CODE 1
#define WORD_MAX 64

struct bench {
    struct payctl *p;
    uint64_t accounts, transfers, batch, outstanding, shard;
    uint16_t currency;
    struct rng rng;
    uint16_t slot;
    uint64_t id_base; /* random bits of this run's ids */
    struct id128 *ids;
    struct transfer_spec *specs; /* of one message */
    uint64_t sent, refused, messages;
    uint64_t started_ns[LINK_OUTSTANDING_MAX]; /* by tag */
    uint64_t *took_ns;                         /* of each message */
};

static uint64_t bench_now_ns(clockid_t clock)
{
    struct timespec t;
    check(clock_gettime(clock, &t) == 0);
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static bool bench_number(struct bench *b, const char *name, uint64_t unless, uint64_t min,
                         uint64_t max, uint64_t *value)
{
    const char *text = payctl_args_value(&b->p->args, name);
    char option[WORD_MAX], rule[WORD_MAX];
    u128 wide = unless;
    if (text == NULL || (u128_parse(text, (uint32_t)strlen(text), &wide) && wide >= min &&
                         wide <= max)) {
        *value = (uint64_t)wide;
        return true;
    }
    snprintf(option, sizeof option, "--%s", name);
    snprintf(rule, sizeof rule, "must be a whole number from %llu to %llu",
             (unsigned long long)min, (unsigned long long)max);
    payctl_print_error(b->p, NULL, option, rule);
    return false;
}

static struct id128 bench_new_id(struct bench *b, uint64_t serial)
{
    return id128_make(bench_now_ns(CLOCK_REALTIME) / NS_PER_MS, b->id_base + serial, b->slot);
}

static int bench_read_options(struct bench *b)
{
    const char *code = payctl_args_value(&b->p->args, "currency");
    struct slice name = slice_of(code != NULL ? code : "USD");
    const struct currency *currency = currency_by_code(name.data, name.len);
    if (!bench_number(b, "accounts", 1000, 2, ACCOUNTS_MAX, &b->accounts) ||
        !bench_number(b, "transfers", 1000000, 1, TRANSFERS_MAX, &b->transfers) ||
        !bench_number(b, "batch", 8000, 1, BATCH_MAX, &b->batch) ||
        !bench_number(b, "outstanding", 4, 1, LINK_OUTSTANDING_MAX, &b->outstanding) ||
        !bench_number(b, "shard", 0, 0, UINT16_MAX, &b->shard))
        return PAYCTL_USAGE;
    if (currency == NULL) {
        payctl_print_error(b->p, NULL, "--currency",
                           "must be an active ISO 4217 currency code, like USD");
        return PAYCTL_USAGE;
    }
    b->currency = currency->number;
    return PAYCTL_OK;
}

/* All ids have a slot of the shard. */
static int bench_find_slot(struct bench *b)
{
    struct slot_map slots;
    int code = payctl_slots_ask(b->p, &slots);
    if (code != PAYCTL_OK)
        return code;
    if (b->shard < slots.shards) {
        b->slot = slots.ranges[b->shard].first;
        return PAYCTL_OK;
    }
    payctl_print_error(b->p, NULL, "--shard",
                       "must be less than the number of shards, which payctl ping shows");
    return PAYCTL_USAGE;
}

static int bench_make_accounts(struct bench *b)
{
    struct account_spec *specs = calloc(BATCH_MAX, sizeof *specs);
    struct item_results refused;
    int code = PAYCTL_OK;
    check(specs != NULL);
    for (uint64_t done = 0; done < b->accounts && code == PAYCTL_OK;) {
        struct accounts_create body = {specs, 0};
        while (body.accounts_count < b->batch && done < b->accounts) {
            b->ids[done] = bench_new_id(b, done);
            specs[body.accounts_count++] = (struct account_spec){
                .id = b->ids[done++], .currency = b->currency, .code = ACCOUNT_CODE};
        }
        b->p->args.key = NULL;
        code = payctl_ask_for(b->p, &accounts_create_type, &body, &item_results_type, &refused);
        if (code == PAYCTL_OK && refused.results_count > 0) {
            payctl_print_refusal(b->p, refused.results[0].result);
            code = PAYCTL_REFUSED;
        }
        arena_reset(&b->p->arena);
        progress_show("accounts", done, b->accounts);
    }
    b->p->args.key = NULL;
    free(specs);
    return code;
}

static bool bench_send_batch(struct bench *b, uint64_t tag)
{
    struct transfers_create body = {b->specs, 0};
    while (body.transfers_count < b->batch && b->sent < b->transfers) {
        uint64_t debit = rng_below(&b->rng, b->accounts);
        uint64_t credit = (debit + 1 + rng_below(&b->rng, b->accounts - 1)) % b->accounts;
        b->specs[body.transfers_count++] = (struct transfer_spec){
            .id = bench_new_id(b, b->accounts + b->sent++),
            .debit_account_id = b->ids[debit],
            .credit_account_id = b->ids[credit],
            .has_amount = true,
            .amount = 1 + rng_below(&b->rng, AMOUNT_MAX),
            .currency = b->currency,
            .code = TRANSFER_CODE,
        };
    }
    b->started_ns[tag] = bench_now_ns(CLOCK_MONOTONIC);
    return payctl_send(b->p, &transfers_create_type, &body, NULL, tag);
}

static int bench_take_answer(struct bench *b, uint64_t *tag)
{
    struct payctl_reply reply;
    struct item_results refused = {0};
    struct wire_reader r;
    int code = payctl_receive(b->p, &reply);
    if (code != PAYCTL_OK)
        return code;
    if (reply.code != RESULT_OK) {
        payctl_print_refusal(b->p, reply.code);
        return PAYCTL_REFUSED;
    }
    wire_reader_init(&r, reply.body.data, reply.body.len);
    if (!item_results_type.read(&r, &b->p->arena, &refused)) {
        payctl_print_error(b->p, "malformed", NULL, "the answer cannot be read");
        return PAYCTL_REFUSED;
    }
    b->refused += refused.results_count;
    arena_reset(&b->p->arena);
    *tag = reply.tag;
    b->took_ns[b->messages++] = bench_now_ns(CLOCK_MONOTONIC) - b->started_ns[reply.tag];
    progress_show("transfers", b->messages * b->batch, b->transfers);
    return PAYCTL_OK;
}

static int bench_move_money(struct bench *b)
{
    uint64_t under_way = 0, tag = 0;
    for (; under_way < b->outstanding && b->sent < b->transfers; under_way++) {
        if (!bench_send_batch(b, under_way))
            return PAYCTL_REFUSED;
    }
    while (under_way > 0) {
        int code = bench_take_answer(b, &tag);
        if (code != PAYCTL_OK)
            return code;
        under_way--;
        if (b->sent < b->transfers) {
            if (!bench_send_batch(b, tag))
                return PAYCTL_REFUSED;
            under_way++;
        }
    }
    return PAYCTL_OK;
}

static int bench_by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void bench_print_outcome(struct bench *b, uint64_t took_ns)
{
    qsort(b->took_ns, b->messages, sizeof *b->took_ns, bench_by_size);
    uint64_t p50 = b->took_ns[b->messages / 2] / 1000;
    uint64_t p99 = b->took_ns[b->messages * 99 / 100] / 1000;
    uint64_t rate = (uint64_t)((u128)b->transfers * 1000000000 / took_ns);
    printf(b->p->args.json
               ? "{\"benchmark\":\"bulk_transfers\",\"transfers\":%llu,\"refused\":%llu,"
                 "\"accounts\":%llu,\"batch\":%llu,\"outstanding\":%llu,\"took_ms\":%llu,"
                 "\"transfers_per_s\":%llu,\"message_p50_us\":%llu,\"message_p99_us\":%llu}\n"
               : "transfers       %llu\nrefused         %llu\naccounts        %llu\n"
                 "batch           %llu\noutstanding     %llu\ntook_ms         %llu\n"
                 "transfers_per_s %llu\nmessage_p50_us  %llu\nmessage_p99_us  %llu\n",
           (unsigned long long)b->transfers, (unsigned long long)b->refused,
           (unsigned long long)b->accounts, (unsigned long long)b->batch,
           (unsigned long long)b->outstanding, (unsigned long long)(took_ns / NS_PER_MS),
           (unsigned long long)rate, (unsigned long long)p50, (unsigned long long)p99);
}

int payctl_bench(struct payctl *p)
{
    struct bench b = {.p = p};
    if (p->args.tenant == NULL)
        p->args.tenant = PAYCTL_BENCH_TENANT;
    int code = bench_read_options(&b);
    if (code == PAYCTL_OK)
        code = payctl_connect(p, (uint32_t)b.outstanding);
    if (code == PAYCTL_OK)
        code = bench_find_slot(&b);
    if (code != PAYCTL_OK)
        return code;
    b.ids = calloc(b.accounts, sizeof *b.ids);
    b.specs = calloc(BATCH_MAX, sizeof *b.specs);
    b.took_ns = calloc(b.transfers / b.batch + 1, sizeof *b.took_ns);
    check(b.ids != NULL && b.specs != NULL && b.took_ns != NULL);
    check(getrandom(&b.id_base, sizeof b.id_base, 0) == (ssize_t)sizeof b.id_base);
    rng_seed(&b.rng, 1);
    code = bench_make_accounts(&b);
    uint64_t start_ns = bench_now_ns(CLOCK_MONOTONIC);
    if (code == PAYCTL_OK)
        code = bench_move_money(&b);
    uint64_t took_ns = bench_now_ns(CLOCK_MONOTONIC) - start_ns;
    progress_clear();
    if (code == PAYCTL_OK)
        bench_print_outcome(&b, took_ns);
    free(b.ids);
    free(b.specs);
    free(b.took_ns);
    return code;
}
