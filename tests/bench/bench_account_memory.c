/* SPDX-License-Identifier: Apache-2.0 */
/* What an idle account costs in memory: a million of them opened in a real shard on the embedded
 * store, none with work; growth of the process's resident memory, in which table, slab, projector
 * and the store's caches have their part. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include "actors/ledger/account.h"
#include "actors/ledger/ledger_service.h"
#include "runtime/actor/actor.h"
#include "schemas/ledger.h"
#include "tests/bench/bench.h"

#define ACCOUNTS 1000000
#define BATCH 8000
#define USD 840
#define ID_TIME ((uint64_t)1767225600000 << 16)

struct opening {
    struct bench bench;
    struct message message;
    struct accounts_create body;
    uint64_t opened;
    uint64_t before_bytes, opened_bytes, after_bytes;
};

static void open_more(struct opening *o)
{
    o->body.accounts_count = 0;
    while (o->body.accounts_count < BATCH && o->opened < ACCOUNTS)
        o->body.accounts[o->body.accounts_count++] = (struct account_spec){
            .id = {ID_TIME, ++o->opened << 16}, .currency = USD, .code = 1};
    bench_post(&o->bench, &o->message);
}

/* What the projector needed for them is free again. */
static void on_projected(struct bench *b)
{
    struct opening *o = container_of(b, struct opening, bench);
    struct shard_stats stats;
    shard_get_stats(shard_set_shard(node_shard_set(b->node), 0), &stats);
    check(stats.resident >= ACCOUNTS);
    malloc_trim(0);
    o->after_bytes = bench_resident_bytes();
    bench_finish(b);
}

static void on_opened(struct message *m)
{
    struct opening *o = container_of(m, struct opening, message);
    check(m->code == ERR_OK);
    if (o->opened < ACCOUNTS) {
        open_more(o);
        return;
    }
    o->opened_bytes = bench_resident_bytes();
    bench_when_projected(&o->bench, on_projected);
}

static void memory_start(struct bench *b)
{
    struct opening *o = container_of(b, struct opening, bench);
    o->before_bytes = bench_resident_bytes();
    o->message = bench_message(&accounts_create_type, &o->body, on_opened);
    open_more(o);
}

int main(void)
{
    static struct account_spec specs[BATCH];
    static struct opening o = {
        .bench = {.service = &ledger_service, .resident_max = 2 * ACCOUNTS, .start = memory_start},
        .body.accounts = specs,
    };
    bench_run(&o.bench);
    wire_writer_done(&o.message.reply);
    bench_print("account_memory", (double)(o.after_bytes - o.before_bytes) / ACCOUNTS, "bytes",
                "{\"below\":400,\"aim\":200}");
    printf(",\"before_projection\":%.1f,\"accounts\":%d,\"struct_actor\":%zu,"
           "\"struct_account\":%zu,\"table_slot\":%zu,"
           "\"fsync\":\"SQLite WAL, synchronous=FULL\"}\n",
           (double)(o.opened_bytes - o.before_bytes) / ACCOUNTS, ACCOUNTS, sizeof(struct actor),
           sizeof(struct account), sizeof(uintptr_t));
    return 0;
}
