/* SPDX-License-Identifier: Apache-2.0 */
/* The verification: shard after shard, each replayed in steps on the operator's worker; then, if
 * anything was sent between shards, the senders' journals are read once more for the marks. Between
 * steps the loop takes over what is known, so that progress can be asked for at any time. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway_bridge/operator/operator_priv.h"
#include "runtime/base/hex.h"
#include "runtime/base/memory.h"

/* --- on the worker ---------------------------------------------------------------------------- */

static void verification_run_step(struct work *w)
{
    struct verification *v = container_of(w, struct verification, work);
    const struct operator_options *o = &v->operator->options;
    if (v->verify == NULL) {
        v->verify = memory_take(sizeof *v->verify);
        verify_init(v->verify, shard_set_domain(node_shard_set(o->node)), o->journal_store,
                    v->shard, v->marks);
    }
    v->step.more = verify_step(v->verify, OPERATOR_VERIFY_STEP);
    if (!v->step.more && v->verify->problem == NULL && o->totals != NULL)
        o->totals(&v->verify->registry, &v->step.totals);
    v->step.events = v->verify->replay.events;
    v->step.records = v->verify->replay.records;
    v->step.batches = v->verify->replay.seq;
    v->step.hash = v->verify->replay.hash;
}

static void verification_run_comparison(struct work *w)
{
    struct verification *v = container_of(w, struct verification, work);
    v->step.more = marks_step(v->marks, v->shards, OPERATOR_VERIFY_STEP);
}

/* --- on the loop's thread --------------------------------------------------------------------- */

static void verification_next_step(struct verification *v)
{
    struct operator *o = v->operator;
    env_work(loop_env(o->options.loop), o->worker, &v->work);
}

static void verification_close_shard(struct verification *v)
{
    if (v->verify != NULL)
        verify_done(v->verify);
    free(v->verify);
    v->verify = NULL;
}

static void operator_verify_finish(struct verification *v, uint8_t state, const char *problem)
{
    v->info.has_problem = problem != NULL;
    v->info.totals_count = problem == NULL ? v->step.totals.totals_count : 0;
    if (problem != NULL) {
        snprintf(v->problem, sizeof v->problem, "%s", problem);
        v->info.problem = slice_of(v->problem);
    }
    v->info.has_damaged_batch = v->verify != NULL && v->verify->damaged_seq != 0;
    v->info.has_damaged_shard = v->info.has_damaged_batch;
    v->info.damaged_batch = v->info.has_damaged_batch ? v->verify->damaged_seq : 0;
    v->info.damaged_shard = v->shard;
    v->info.state = state;
    verification_close_shard(v);
    marks_done(v->marks);
    free(v->marks);
    v->marks = NULL;
    v->running = false;
    if (v->abandoned)
        v->stopped(v->operator);
}

static void verification_take_over(struct verification *v)
{
    struct verify_shard *line = &v->lines[v->shard];
    char *hash = v->hashes[v->shard];
    v->info.batches += v->step.batches - line->batches;
    v->info.events += v->step.events - line->events;
    line->batches = v->step.batches;
    line->records = v->step.records;
    line->events = v->step.events;
    hex_write(v->step.hash.bytes, SHA256_SIZE, hash);
    line->has_hash = line->batches > 0;
    line->hash = (struct slice){hash, 2 * SHA256_SIZE};
}

/* --- the shard is told ------------------------------------------------------------------------ */

static void on_shard_verdict(struct operator_request *q, struct shard *s)
{
    const struct verification *v = &q->operator->verification;
    if (v->comparing)
        shard_verified(s, v->marks->reason, 0);
    else
        shard_verified(s, v->verify->problem, v->verify->damaged_seq);
}

static void verification_told_marks(struct operator_request *q)
{
    struct verification *v = &q->operator->verification;
    operator_verify_finish(v, VERIFY_STATE_FAILED, v->marks->reason);
}

static void on_comparison(struct work *w)
{
    struct verification *v = container_of(w, struct verification, work);
    if (v->abandoned)
        operator_verify_finish(v, VERIFY_STATE_FAILED, "payd is stopping");
    else if (v->step.more)
        verification_next_step(v);
    else if (!v->marks->failed)
        operator_verify_finish(v, VERIFY_STATE_PASSED, NULL);
    else
        operator_run_on_shard(&v->verdict, v->marks->receiver, v->marks->receiver, on_shard_verdict,
                              verification_told_marks);
}

/* All shards are in order by themselves. */
static void verification_compare(struct verification *v)
{
    verification_close_shard(v);
    v->comparing = true;
    v->work = (struct work){.run = verification_run_comparison, .done = on_comparison};
    verification_next_step(v);
}

static void verification_told(struct operator_request *q)
{
    struct verification *v = &q->operator->verification;
    if (v->verify->problem != NULL) {
        operator_verify_finish(v, VERIFY_STATE_FAILED, v->verify->problem);
    } else if (++v->shard == v->shards) {
        verification_compare(v);
    } else {
        verification_close_shard(v);
        verification_next_step(v);
    }
}

static void on_step(struct work *w)
{
    struct verification *v = container_of(w, struct verification, work);
    verification_take_over(v);
    if (v->abandoned)
        operator_verify_finish(v, VERIFY_STATE_FAILED, "payd is stopping");
    else if (v->step.more)
        verification_next_step(v);
    else
        operator_run_on_shard(&v->verdict, v->shard, v->shard, on_shard_verdict, verification_told);
}

void verification_start(struct verification *v)
{
    struct operator *o = v->operator;
    struct shard_stats stats;
    if (v->running || v->abandoned)
        return;
    v->shards = shard_set_count(operator_shards(o));
    if (v->lines == NULL) {
        v->lines = memory_take_zeroed(v->shards, sizeof *v->lines);
        v->hashes = memory_take_zeroed(v->shards, sizeof *v->hashes);
    }
    memset(v->lines, 0, v->shards * sizeof *v->lines);
    v->info = (struct verify_info){.state = VERIFY_STATE_RUNNING, .totals = v->totals};
    v->step.totals = v->info;
    for (uint16_t i = 0; i < v->shards; i++) {
        node_get_stats(o->options.node, i, &stats);
        v->lines[i].shard = i;
        v->info.batches_total += stats.committed_seq;
    }
    v->shard = 0;
    v->comparing = false;
    v->marks = memory_take(sizeof *v->marks);
    marks_init(v->marks, o->options.journal_store);
    v->verdict.operator= o;
    v->running = true;
    v->work = (struct work){.run = verification_run_step, .done = on_step};
    verification_next_step(v);
}

void verification_report(struct verification *v, struct verify_info *info)
{
    *info = v->info;
    info->shards = v->lines;
    info->shards_count = v->lines != NULL ? v->shards : 0;
    if (info->batches_total < info->batches)
        info->batches_total = info->batches;
}

void verification_done(struct verification *v)
{
    free(v->lines);
    free(v->hashes);
}
