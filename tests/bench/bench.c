/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/bench.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base/time.h"
#include "runtime/store/sqlite/store_sqlite.h"
#include "schemas/catalog.h"

#define DEDUP_ENTRIES_MAX 8000000
#define FILTER_BYTES ((size_t)32 << 20)
#define STOP_NS (60 * NS_PER_S)
#define LOOK_AGAIN_NS (100 * NS_PER_MS)
#define REPLY_MAX 65536

/* --- the node --------------------------------------------------------------------------------- */

static void open_store(struct bench *b)
{
    struct store_sqlite_options options = {
        .directory = b->directory,
        .tables = catalog_views,
        .table_count = catalog_view_count,
        .key_filter_bytes = FILTER_BYTES,
        .migrations = sqlite_migrations,
        .migration_count = sqlite_migration_count,
        .shards = 1,
    };
    char reason[512];
    check(store_sqlite_open(&options, &b->journal_store, &b->view_store, reason, sizeof reason) ==
          ERR_OK);
}

static void on_begin(struct inbox_item *item)
{
    struct bench *b = container_of(item, struct bench, begin);
    b->start(b);
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *level)
{
    (void)status;
    (void)type;
    (void)level;
    return remove(path);
}

void bench_run(struct bench *b)
{
    check(getcwd(b->directory, sizeof b->directory - 16) != NULL);
    size_t len = strlen(b->directory);
    snprintf(b->directory + len, sizeof b->directory - len, "/bench-XXXXXX");
    check(mkdtemp(b->directory) != NULL);
    open_store(b);
    domain_init(&b->domain, &b->service, 1);
    struct node_options options = {
        .domain = &b->domain,
        .journal_store = b->journal_store,
        .view_store = b->view_store,
        .slots = b->journal_store->slots,
        .loops = 1,
        .readers = 1,
        .owner = slice_of("bench"),
        .resident_max = b->resident_max,
        .dedup_entries_max = DEDUP_ENTRIES_MAX,
        .filter_bytes = FILTER_BYTES,
    };
    check(node_new(&options, &b->node) == ERR_OK);
    b->begin.deliver = on_begin;
    loop_mail(node_loop(b->node, 0), &b->begin); /* the shard keeps what is posted until it runs */
    check(node_start(b->node) == ERR_OK);
    if (node_run(b->node)) {
        b->node = node_free(b->node);
        b->view_store->ops->close(b->view_store);
        b->journal_store->ops->close(b->journal_store);
    }
    check(nftw(b->directory, remove_one, 8, FTW_DEPTH | FTW_PHYS) == 0);
}

void bench_finish(struct bench *b)
{
    node_stop(b->node, env_mono_ns(loop_env(node_loop(b->node, 0))) + STOP_NS);
}

static void on_alarm(struct alarm *a)
{
    struct bench *b = container_of(a, struct bench, alarm);
    struct shard_stats stats;
    shard_get_stats(shard_set_shard(node_shard_set(b->node), 0), &stats);
    if (stats.projected_seq == stats.committed_seq)
        b->projected(b);
    else
        env_alarm_set(a->env, a, env_mono_ns(a->env) + LOOK_AGAIN_NS);
}

void bench_when_projected(struct bench *b, void (*projected)(struct bench *b))
{
    struct env *env = loop_env(node_loop(b->node, 0));
    b->projected = projected;
    b->alarm.fire = on_alarm;
    env_alarm_set(env, &b->alarm, env_mono_ns(env) + LOOK_AGAIN_NS);
}

struct message bench_message(const struct message_type *type, const void *body,
                             message_done_cb done)
{
    struct message m = {.type = type, .body = body, .done = done, .who = principal_system()};
    wire_writer_init(&m.reply, REPLY_MAX);
    return m;
}

void bench_post(struct bench *b, struct message *m)
{
    m->target = ID128_ZERO;
    m->target_kind = 0;
    shard_set_post(node_shard_set(b->node), loop_env(node_loop(b->node, 0)), m);
}

/* --- figures ---------------------------------------------------------------------------------- */

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec t;
    check(clock_gettime(clock, &t) == 0);
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

uint64_t bench_now_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

uint64_t bench_processor_ns(void)
{
    return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

uint64_t bench_resident_bytes(void)
{
    unsigned long long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    check(f != NULL && fscanf(f, "%*u %llu", &pages) == 1);
    fclose(f);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double bench_median(double *values, uint32_t count)
{
    qsort(values, count, sizeof *values, by_size);
    return (values[(count - 1) / 2] + values[count / 2]) / 2;
}

/* Of the first processor, as the system names it. */
static void processor_name(char name[128])
{
    char line[256];
    FILE *f = fopen("/proc/cpuinfo", "r");
    snprintf(name, 128, "unknown");
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        const char *value = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || value == NULL)
            continue;
        snprintf(name, 128, "%.*s", (int)strcspn(value + 2, "\n\"\\"), value + 2);
        break;
    }
    if (f != NULL)
        fclose(f);
}

void bench_print(const char *name, double value, const char *unit, const char *target)
{
    char processor[128];
    struct utsname system;
    double load = 0;
    processor_name(processor);
    check(uname(&system) == 0 && getloadavg(&load, 1) == 1);
    printf("{\"benchmark\":\"%s\",\"value\":%.4g,\"unit\":\"%s\",\"target\":%s,"
           "\"machine\":{\"processor\":\"%s\",\"cores\":%ld,\"kernel\":\"%s\",\"load\":%.2f}",
           name, value, unit, target, processor, sysconf(_SC_NPROCESSORS_ONLN), system.release,
           load);
}
