/* SPDX-License-Identifier: Apache-2.0 */
/* ledger verify: in the payd that runs, or here on the data directory of one that does not. Either
 * way the journal is replayed from its first batch by runtime/projector/verify.h; here its end is
 * also compared with commit mark and views, as the payd that runs did when it started. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "actors/ledger/verify_totals.h"
#include "actors/services.h"
#include "bin/payctl/payctl.h"
#include "bin/payctl/payctl_progress.h"
#include "bin/payctl/payctl_store.h"
#include "runtime/base/hex.h"
#include "runtime/projector/journal_end.h"
#include "runtime/projector/verify.h"
#include "schemas/operator.h"

#define POLL_US 200000
#define STEP 100000 /* events and records in one */
#define TOTALS_MAX 200
#define SHARDS_MAX 256
#define SHARD_TEXT_MAX 24
#define ADVICE_MAX 1536
#define PROBLEM_MAX (ADVICE_MAX + REPLAY_REASON_MAX)

/* How to look at the batch that is damaged, and what to do. */
static void verify_put_advice(const struct payctl *p, const struct verify_info *info, char *text,
                              size_t size)
{
    const char *data = payctl_args_value(&p->args, "data");
    char shard[SHARD_TEXT_MAX] = "";
    text[0] = '\0';
    if (!info->has_damaged_batch)
        return;
    if (info->damaged_shard > 0)
        snprintf(shard, sizeof shard, " --shard %u", info->damaged_shard);
    snprintf(text, size,
             "; nothing was changed. payctl ledger show-batch %llu%s%s%s shows what can be read of "
             "it; restore the directory from a backup, or save what is whole of it (payctl store "
             "salvage)",
             (unsigned long long)info->damaged_batch, shard, data != NULL ? " --data " : "",
             data != NULL ? data : "");
}

static int verify_report(struct payctl *p, const struct verify_info *info)
{
    progress_clear();
    if (info->totals_count > 0 || p->args.json)
        payctl_print(p, &verify_info_json, info);
    if (info->state == VERIFY_STATE_PASSED)
        return PAYCTL_OK;
    char problem[PROBLEM_MAX], advice[ADVICE_MAX];
    verify_put_advice(p, info, advice, sizeof advice);
    snprintf(problem, sizeof problem, "%.*s%s", (int)info->problem.len, info->problem.data, advice);
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
            return verify_report(p, &info);
        progress_show("batches", info.batches, info.batches_total);
        arena_reset(&p->arena);
        body.start = false;
        usleep(POLL_US);
    }
}

/* --- without payd ----------------------------------------------------------------------------- */

struct offline {
    struct domain domain;
    struct payctl_store store;
    struct verify verify;
    struct marks marks;
    struct verify_info info;
    struct verify_total totals[TOTALS_MAX];
    struct verify_shard shards[SHARDS_MAX];
    char hashes[SHARDS_MAX][2 * SHA256_SIZE + 1];
    char problem[REPLAY_REASON_MAX];
};

static bool verify_shard(struct offline *o, uint16_t shard)
{
    struct verify_shard *line = &o->shards[o->info.shards_count++];
    verify_init(&o->verify, &o->domain, o->store.journal, shard, &o->marks);
    uint64_t head = o->verify.head_seq != UINT64_MAX ? o->verify.head_seq : 0;
    while (verify_step(&o->verify, STEP))
        progress_show("batches", o->verify.replay.seq, head);
    const struct replay *r = &o->verify.replay;
    char *hash = o->hashes[shard];
    hex_write(r->hash.bytes, SHA256_SIZE, hash);
    *line = (struct verify_shard){.shard = shard,
                                  .batches = r->seq,
                                  .records = r->records,
                                  .events = r->events,
                                  .has_hash = r->seq > 0,
                                  .hash = {hash, 2 * SHA256_SIZE}};
    o->info.batches += r->seq;
    o->info.batches_total += head > r->seq ? head : r->seq;
    o->info.events += r->events;
    bool good = o->verify.problem == NULL;
    if (good)
        verify_totals(&o->verify.registry, &o->info);
    else
        snprintf(o->problem, sizeof o->problem, "%s", o->verify.problem);
    o->info.has_damaged_batch = o->info.has_damaged_shard = o->verify.damaged_seq != 0;
    o->info.damaged_batch = o->verify.damaged_seq;
    o->info.damaged_shard = shard;
    verify_done(&o->verify);
    return good;
}

/* A journal whose batches all hold may still be shorter than it was. */
static bool verify_end(struct offline *o, uint16_t shard)
{
    return journal_end_holds(o->store.journal, o->store.views, shard, o->problem,
                             sizeof o->problem);
}

/* Each shard with batches has slots: else what lives in it would not be found. */
static bool verify_slots(struct offline *o)
{
    const struct slot_map *slots = o->store.journal->slots;
    const char *advice = "restore the directory from a backup, or salvage it";
    uint32_t count = o->info.shards_count;
    if (count > 0 && slots->shards == 0)
        snprintf(o->problem, sizeof o->problem,
                 "journal.db: which slots the shards have cannot be read; %s", advice);
    else if (count > 0 && o->shards[count - 1].shard >= slots->shards)
        snprintf(o->problem, sizeof o->problem,
                 "journal.db: shard %u has batches, but no slots; %s", o->shards[count - 1].shard,
                 advice);
    return o->problem[0] == '\0';
}

/* What shards have taken from each other; those that hold by themselves. */
static bool verify_marks(struct offline *o)
{
    while (marks_step(&o->marks, SHARDS_MAX, STEP))
        continue;
    if (o->marks.failed)
        snprintf(o->problem, sizeof o->problem, "%s", o->marks.reason);
    return !o->marks.failed;
}

int payctl_verify_data(struct payctl *p, const char *data)
{
    struct offline *o = calloc(1, sizeof *o);
    check(o != NULL);
    int code = payctl_store_open(p, data, &o->store);
    if (code != PAYCTL_OK) {
        free(o);
        return code;
    }
    services_domain_init(&o->domain);
    o->info = (struct verify_info){
        .state = VERIFY_STATE_PASSED, .totals = o->totals, .shards = o->shards};
    struct journal_store *journal = o->store.journal;
    marks_init(&o->marks, journal);
    bool holds = true;
    for (uint16_t shard = 0; shard < SHARDS_MAX && holds; shard++) {
        uint64_t head = 1;
        bool empty = journal->ops->head(journal, shard, &head) == ERR_OK && head == 0;
        holds = (empty || verify_shard(o, shard)) && verify_end(o, shard);
    }
    if (!holds || !verify_slots(o) || !verify_marks(o)) {
        o->info.state = VERIFY_STATE_FAILED;
        o->info.has_problem = true;
        o->info.problem = slice_of(o->problem);
        o->info.totals_count = 0;
    }
    code = verify_report(p, &o->info);
    marks_done(&o->marks);
    payctl_store_close(&o->store);
    free(o);
    return code;
}

int payctl_verify(struct payctl *p)
{
    const char *data = payctl_args_value(&p->args, "data");
    return data != NULL ? payctl_verify_data(p, data) : verify_online(p);
}
