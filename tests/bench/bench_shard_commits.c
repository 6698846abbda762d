/* SPDX-License-Identifier: Apache-2.0 */
/* Commits of many shards of one process: each shard has one batch at a time, and writes the next as
 * soon as that one is durable. Once with one committer for all, once with one for each shard, which
 * is what a transaction for each shard costs; in windows that take turns. */
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/time.h"
#include "runtime/journal/journal.h"
#include "runtime/node/loop.h"
#include "runtime/node/worker.h"
#include "runtime/store/sqlite/store_sqlite.h"
#include "schemas/catalog.h"
#include "tests/bench/bench.h"

#define SHARDS_MAX 16
#define RECORD_BYTES 225 /* of one transfer in a batch */
#define RECORDS 4        /* of a batch */
#define WINDOW_NS (NS_PER_S / 2)
#define WINDOWS 3

struct shard_writer {
    struct run *run;
    struct journal journal;
    struct committer committer; /* its own, of windows with a transaction for each shard */
    uint64_t began_ns;
};

struct run {
    struct loop_hook pass;
    struct loop *loop;
    struct worker *worker;
    struct journal_store *store;
    struct committer committer;
    struct shard_writer writers[SHARDS_MAX];
    uint64_t epochs[SHARDS_MAX], seqs[SHARDS_MAX];
    struct sha256_digest hashes[SHARDS_MAX];
    struct alarm end;
    uint16_t shards;
    bool apart, ends;
    uint64_t commits, waited_ns;
};

static void writer_write(struct shard_writer *l)
{
    static const char event[RECORD_BYTES];
    const struct principal who = principal_system();
    struct batch *b = l->journal.open;
    for (int i = 0; i < RECORDS; i++) {
        batch_begin_record(b, &(struct record_head){.time_ns = 1, .who = &who});
        record_end(&b->body,
                   &(struct record_answer){.has_reply = true, .reply = {event, sizeof event}});
        b->records++;
        b->items += 2;
    }
    l->began_ns = bench_now_ns();
    journal_flush(&l->journal);
}

static void writer_durable(void *context, struct batch *b)
{
    struct shard_writer *l = context;
    (void)b;
    l->run->commits++;
    l->run->waited_ns += bench_now_ns() - l->began_ns;
}

static void writer_failed(void *context, enum err e)
{
    (void)context;
    fprintf(stderr, "an append failed: %s\n", err_text(e));
    exit(1);
}

static bool run_pass(struct loop_hook *h)
{
    struct run *r = container_of(h, struct run, pass);
    bool rest = true;
    for (uint16_t i = 0; i < r->shards; i++) {
        if (!r->ends && journal_idle(&r->writers[i].journal))
            writer_write(&r->writers[i]);
        rest = rest && journal_idle(&r->writers[i].journal);
    }
    if (rest)
        loop_stop(r->loop);
    return false;
}

static void run_end(struct alarm *a)
{
    container_of(a, struct run, end)->ends = true;
}

static void writer_open(struct run *r, uint16_t shard)
{
    struct shard_writer *l = &r->writers[shard];
    l->run = r;
    committer_init(&l->committer, r->worker, r->store);
    journal_init(&l->journal, loop_env(r->loop), r->apart ? &l->committer : &r->committer, shard);
    l->journal.on_durable = writer_durable;
    l->journal.on_failure = writer_failed;
    l->journal.context = l;
    journal_resume(&l->journal, r->epochs[shard], r->seqs[shard], &r->hashes[shard]);
}

static void writer_close(struct run *r, uint16_t shard)
{
    struct shard_writer *l = &r->writers[shard];
    r->seqs[shard] = l->journal.committed_seq;
    r->hashes[shard] = l->journal.hash;
    journal_done(&l->journal);
    committer_done(&l->committer);
}

/* Commits a second, and the mean time of one in µs. */
static void run_window(struct run *r, uint16_t shards, bool apart, double *per_s, double *each_us)
{
    check(loop_new(&(struct loop_options){.name = "bench", .cpu = -1}, &r->loop) == ERR_OK);
    r->shards = shards;
    r->apart = apart;
    r->ends = false;
    r->commits = r->waited_ns = 0;
    for (uint16_t i = 0; i < shards; i++)
        writer_open(r, i);
    r->pass = (struct loop_hook){.run = run_pass};
    r->end = (struct alarm){.fire = run_end};
    loop_add_pass(r->loop, &r->pass);
    uint64_t began_ns = bench_now_ns();
    env_alarm_set(loop_env(r->loop), &r->end, env_mono_ns(loop_env(r->loop)) + WINDOW_NS);
    env_wake(loop_env(r->loop));
    loop_run(r->loop);
    *per_s = (double)r->commits * (double)NS_PER_S / (double)(bench_now_ns() - began_ns);
    *each_us = (double)r->waited_ns / (double)r->commits / 1e3;
    for (uint16_t i = 0; i < shards; i++)
        writer_close(r, i);
    loop_remove_hook(&r->pass);
    r->loop = loop_free(r->loop);
}

/* [0] with a transaction for each shard, [1] with one for all. */
static void measure(struct run *r, uint16_t shards, double per_s[2], double each_us[2])
{
    double rates[2][WINDOWS], times[2][WINDOWS];
    for (int i = 0; i < WINDOWS; i++)
        for (int together = 0; together < 2; together++)
            run_window(r, shards, !together, &rates[together][i], &times[together][i]);
    for (int together = 0; together < 2; together++) {
        per_s[together] = bench_median(rates[together], WINDOWS);
        each_us[together] = bench_median(times[together], WINDOWS);
    }
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *level)
{
    (void)status;
    (void)type;
    (void)level;
    return remove(path);
}

static void run_all(struct run *r)
{
    static const uint16_t shards[] = {1, 4, SHARDS_MAX};
    double per_s[array_len(shards)][2], each_us[array_len(shards)][2];
    for (size_t i = 0; i < array_len(shards); i++)
        measure(r, shards[i], per_s[i], each_us[i]);
    size_t last = array_len(shards) - 1;
    bench_print("shard_commits", per_s[last][1] / per_s[last][0], "times", "null");
    for (size_t i = 0; i < array_len(shards); i++)
        printf(",\"shards_%u\":{\"apart_per_s\":%.0f,\"together_per_s\":%.0f,"
               "\"apart_us\":%.0f,\"together_us\":%.0f}",
               (unsigned)shards[i], per_s[i][0], per_s[i][1], each_us[i][0], each_us[i][1]);
    printf("}\n");
}

int main(void)
{
    static struct run r;
    char directory[PATH_MAX] = "bench-XXXXXX", reason[512];
    struct view_store *views;
    check(mkdtemp(directory) != NULL);
    check(
        store_sqlite_open(&(struct store_sqlite_options){.directory = directory,
                                                         .tables = catalog_views,
                                                         .table_count = catalog_view_count,
                                                         .key_filter_bytes = 1 << 20,
                                                         .migrations = sqlite_migrations,
                                                         .migration_count = sqlite_migration_count},
                          &r.store, &views, reason, sizeof reason) == ERR_OK);
    check(worker_start("journal", URGENCY_HIGH, &r.worker) == ERR_OK);
    committer_init(&r.committer, r.worker, r.store);
    for (uint16_t i = 0; i < SHARDS_MAX; i++)
        check(r.store->ops->lease_take(r.store, i, slice_of("bench"), &r.epochs[i]) == ERR_OK);
    run_all(&r);
    worker_stop(r.worker);
    committer_done(&r.committer);
    views->ops->close(views);
    r.store->ops->close(r.store);
    return nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}
