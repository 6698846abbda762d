/* SPDX-License-Identifier: Apache-2.0 */
/* What it costs a record of the journal to name its principal and request: the records of a batch
 * are written with a client's token and an id of the request, once all of one principal and once
 * each of another one; and as if they were nobody's. In windows that take turns. */
#include <stdio.h>
#include <string.h>

#include "runtime/base/sha256.h"
#include "runtime/journal/batch.h"
#include "tests/bench/bench.h"

#define RECORDS 250      /* of a batch of 64 KiB with transfers */
#define RECORD_BYTES 225 /* of one transfer, beside the begin of its record */
#define BATCHES 400      /* of a window */
#define WINDOWS 9
#define NOBODYS_BYTES 2 /* of a number and nil, which stand there all the same */
#define BODY_MAX ((size_t)16 << 20)

enum kind {
    NOBODYS,
    OF_ONE,
    OF_EACH,
    KINDS
};

struct run {
    struct batch *batch;
    struct principal who[RECORDS];
    char subjects[RECORDS][16];
    char request[ATTRIBUTION_REQUEST_MAX];
    uint32_t request_len;
};

static void principals_make(struct run *r)
{
    for (uint32_t i = 0; i < RECORDS; i++) {
        struct principal *who = &r->who[i];
        snprintf(r->subjects[i], sizeof r->subjects[i], "customer-%05u", i);
        *who = (struct principal){.tenant = slice_of("default"),
                                  .subject = slice_of(r->subjects[i]),
                                  .client = slice_of("shop"),
                                  .token_id = {1, i + 1}};
        principal_identify(who);
    }
    r->request_len =
        (uint32_t)attribution_make_request(1700000000000, 0x123456789abcdef, r->request);
}

static size_t batch_write(struct run *r, enum kind kind)
{
    static const char transfer[RECORD_BYTES];
    const struct id128 key = {1, 2}, fingerprint = {3, 4};
    struct batch *b = r->batch;
    b->state = BATCH_FREE;
    batch_start(b, 1);
    b->state = BATCH_OPEN;
    for (uint32_t i = 0; i < RECORDS; i++) {
        const struct record_head head = {
            .time_ns = 1700000000000000000 + i,
            .key = &key,
            .fingerprint = &fingerprint,
            .who = &r->who[kind == OF_EACH ? i : 0],
            .request = kind == NOBODYS ? (struct slice){NULL, 0}
                                       : (struct slice){r->request, r->request_len},
        };
        if (kind == NOBODYS)
            record_begin(&b->body, &head, 0, false);
        else
            batch_begin_record(b, &head);
        record_end(&b->body, &(struct record_answer){.has_reply = true,
                                                     .reply = {transfer, sizeof transfer}});
        b->records++;
        b->items++;
    }
    check(!b->body.failed);
    return b->body.len;
}

int main(void)
{
    static struct run r;
    double ns[KINDS][WINDOWS];
    size_t bytes[KINDS];
    r.batch = batch_new(BODY_MAX);
    principals_make(&r);
    for (uint32_t w = 0; w < WINDOWS; w++) {
        for (int kind = NOBODYS; kind < KINDS; kind++) {
            uint64_t began_ns = bench_processor_ns();
            for (uint32_t i = 0; i < BATCHES; i++)
                bytes[kind] = batch_write(&r, (enum kind)kind);
            ns[kind][w] = (double)(bench_processor_ns() - began_ns) / (BATCHES * RECORDS);
        }
    }
    double nobodys = bench_median(ns[NOBODYS], WINDOWS), one = bench_median(ns[OF_ONE], WINDOWS);
    double each = bench_median(ns[OF_EACH], WINDOWS);
    const double without = (double)bytes[NOBODYS] / RECORDS - NOBODYS_BYTES;
    bench_print("principals", one - nobodys, "ns/record", "null");
    printf(",\"bytes\":%.1f,\"each_another_ns\":%.1f,\"each_another_bytes\":%.1f,"
           "\"without_ns\":%.1f,\"without_bytes\":%.1f}\n",
           (double)bytes[OF_ONE] / RECORDS - without, each - nobodys,
           (double)bytes[OF_EACH] / RECORDS - without, nobodys, without);
    r.batch->state = BATCH_FREE;
    (void)batch_free(r.batch);
    return 0;
}
