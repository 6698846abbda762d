/* SPDX-License-Identifier: Apache-2.0 */
/* ledger verify: in the payd that runs, or here on the data directory of one that does not. Either
 * way the journal is replayed from its first batch by runtime/journal/verify.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actors/ledger/ledger.h"
#include "actors/ledger/totals.h"
#include "actors/payment/payment_service.h"
#include "actors/wallet/wallet_service.h"
#include "bin/payctl.h"
#include "bin/payctl_progress.h"
#include "runtime/journal/key_index.h"
#include "runtime/journal/store_sqlite.h"
#include "runtime/journal/verify.h"
#include "schemas/catalog.h"
#include "schemas/operator.h"
#include "schemas/result.h"

#define POLL_US 200000
#define STEP 100000 /* events and records in one */
#define TOTALS_MAX 200
#define SHARDS_MAX 256
#define PATH_MAX_BYTES 1024
#define REASON_MAX 512

static int report(struct payctl *p, const struct verify_info *info)
{
    progress_clear();
    if (info->totals_count > 0 || p->args.json)
        payctl_print(p, &verify_info_json, info);
    if (info->state == VERIFY_STATE_PASSED)
        return PAYCTL_OK;
    char problem[REASON_MAX];
    snprintf(problem, sizeof problem, "%.*s", (int)info->problem.len, info->problem.data);
    payctl_print_error(p, "corrupt", NULL, problem);
    return PAYCTL_REFUSED;
}

static int verify_online(struct payctl *p)
{
    struct ledger_verify body = {.start = true};
    struct verify_info info;
    for (;;) {
        int code = payctl_ask_for(p, &ledger_verify_type, &body, &verify_info_type, &info);
        if (code != PAYCTL_OK)
            return code;
        if (info.state != VERIFY_STATE_RUNNING)
            return report(p, &info);
        progress_show("batches", info.batches, info.batches_total);
        arena_reset(&p->arena);
        body.start = false;
        usleep(POLL_US);
    }
}

/* --- without payd ----------------------------------------------------------------------------- */

struct offline {
    struct domain domain;
    struct store *store;
    struct verify verify;
    struct verify_info info;
    struct verify_total totals[TOTALS_MAX];
    struct verify_shard shards[SHARDS_MAX];
    char hashes[SHARDS_MAX][2 * SHA256_SIZE + 1];
    char problem[REPLAY_REASON_MAX];
};

static int open_store(struct payctl *p, struct offline *o, const char *data)
{
    static const struct service *const services[] = {&ledger_service, &wallet_service,
                                                     &payment_service};
    char path[PATH_MAX_BYTES], reason[REASON_MAX];
    struct stat status;
    snprintf(path, sizeof path, "%s/journal.db", data);
    if (stat(path, &status) != 0) {
        snprintf(reason, sizeof reason, "%.400s holds no journal.db", data);
        payctl_print_error(p, NULL, NULL, reason);
        return PAYCTL_USAGE;
    }
    const struct view_table **tables = calloc(catalog_view_count + RUNTIME_VIEWS, sizeof *tables);
    check(tables != NULL);
    memcpy(tables, runtime_views, sizeof runtime_views);
    memcpy(tables + RUNTIME_VIEWS, catalog_views, catalog_view_count * sizeof *tables);
    domain_init(&o->domain, services, array_len(services));
    struct store_sqlite_options options = {data, tables, catalog_view_count + RUNTIME_VIEWS,
                                           sqlite_migrations, sqlite_migration_count};
    enum err e = store_sqlite_open(&options, &o->store, reason, sizeof reason);
    free(tables);
    if (e == ERR_OK)
        return PAYCTL_OK;
    if (e == ERR_IN_USE)
        snprintf(reason, sizeof reason, "a payd runs on %.300s: leave --data out to ask it", data);
    payctl_print_error(p, result_info((uint16_t)e)->name, NULL, reason);
    return PAYCTL_REFUSED;
}

static bool verify_shard(struct offline *o, uint16_t shard)
{
    struct verify_shard *line = &o->shards[o->info.shards_count++];
    enum err e = verify_init(&o->verify, &o->domain, o->store, shard);
    if (e != ERR_OK) {
        snprintf(o->problem, sizeof o->problem, "%s", err_text(e));
        return false;
    }
    while (verify_step(&o->verify, STEP))
        progress_show("batches", o->verify.replay.seq, o->verify.head_seq);
    const struct replay *r = &o->verify.replay;
    char *hash = o->hashes[shard];
    for (int i = 0; i < SHA256_SIZE; i++)
        snprintf(hash + 2 * i, 3, "%02x", r->hash.bytes[i]);
    *line = (struct verify_shard){shard, r->seq, r->records, r->events, slice_of(hash)};
    o->info.batches += r->seq;
    o->info.batches_total += o->verify.head_seq;
    o->info.events += r->events;
    bool good = o->verify.problem == NULL;
    if (good)
        ledger_totals(&o->verify.registry, &o->info);
    else
        snprintf(o->problem, sizeof o->problem, "%s", o->verify.problem);
    verify_done(&o->verify);
    return good;
}

static int verify_offline(struct payctl *p, const char *data)
{
    struct offline *o = calloc(1, sizeof *o);
    check(o != NULL);
    int code = open_store(p, o, data);
    if (code != PAYCTL_OK) {
        free(o);
        return code;
    }
    o->info = (struct verify_info){
        .state = VERIFY_STATE_PASSED, .totals = o->totals, .shards = o->shards};
    uint64_t head = 1;
    for (uint16_t shard = 0; shard < SHARDS_MAX && o->info.state == VERIFY_STATE_PASSED; shard++) {
        if (o->store->ops->head(o->store, shard, &head) != ERR_OK || head == 0)
            continue;
        if (verify_shard(o, shard))
            continue;
        o->info.state = VERIFY_STATE_FAILED;
        o->info.has_problem = true;
        o->info.problem = slice_of(o->problem);
        o->info.totals_count = 0;
    }
    code = report(p, &o->info);
    o->store->ops->close(o->store);
    free(o);
    return code;
}

int payctl_verify(struct payctl *p)
{
    const char *data = payctl_args_value(&p->args, "data");
    return data != NULL ? verify_offline(p, data) : verify_online(p);
}
