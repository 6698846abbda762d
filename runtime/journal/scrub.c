/* SPDX-License-Identifier: Apache-2.0 */
/* alarm -> scrub_fire() starts a pass or goes on with it -> scrub_run() on the read worker checks
 * SCRUB_STEP_BYTES of batches -> scrub_done() reports and sets the alarm: the next step, or once
 * the pass is over the next pass. A damaged batch ends the pass, and the next one begins at batch 1
 * as usual; a journal that cannot be read now is read on later. */
#include "runtime/journal/scrub.h"

#include <string.h>

#include "runtime/journal/journal.h"
#include "runtime/journal/record.h"
#include "runtime/observe/log.h"

static void scrub_fire(struct alarm *a);
static void scrub_run(struct work *w);
static void scrub_done(struct work *w);

void scrub_init(struct scrub *s, struct env *env, struct worker *worker,
                struct journal_store *store, const struct journal *journal, uint16_t shard)
{
    check(journal != NULL && store != NULL);
    *s = (struct scrub){
        .env = env, .worker = worker, .store = store, .journal = journal, .shard = shard};
    s->alarm.fire = scrub_fire;
    s->work.run = scrub_run;
    s->work.done = scrub_done;
}

static void scrub_after(struct scrub *s, uint64_t wait_ns)
{
    if (s->on)
        env_alarm_set(s->env, &s->alarm, env_mono_ns(s->env) + wait_ns);
}

void scrub_start(struct scrub *s)
{
    s->on = true;
    if (!s->busy && s->alarm.due_ns == 0)
        scrub_after(s, SCRUB_FIRST_NS);
}

void scrub_stop(struct scrub *s)
{
    s->on = false;
    env_alarm_stop(s->env, &s->alarm);
}

/* --- on the read worker ----------------------------------------------------------------------- */

static bool scrub_damaged(struct scrub *s, uint64_t seq, const char *how)
{
    check(seq == s->seq + 1);
    s->step.damaged_seq = seq;
    s->step.damage = how;
    return false;
}

static bool scrub_batch(void *context, const struct batch_row *row)
{
    struct scrub *s = context;
    if (row->seq > s->step.seq_max)
        return false;
    if (row->seq != s->seq + 1)
        return scrub_damaged(s, s->seq + 1, "it is missing");
    if (memcmp(row->prev_hash.bytes, s->hash.bytes, SHA256_SIZE) != 0)
        return scrub_damaged(s, row->seq, "it does not follow the batch before it");
    struct sha256_digest hash = batch_hash(row);
    if (memcmp(row->hash.bytes, hash.bytes, SHA256_SIZE) != 0)
        return scrub_damaged(s, row->seq, "its hash does not match its content");
    s->seq = row->seq;
    s->hash = hash;
    s->step.bytes += row->body.len;
    return s->step.bytes < SCRUB_STEP_BYTES;
}

static void scrub_run(struct work *w)
{
    struct scrub *s = container_of(w, struct scrub, work);
    check(s->busy && s->seq <= s->step.seq_max);
    s->step.bytes = 0;
    s->step.damage = NULL;
    s->step.result = s->store->ops->tail(s->store, s->shard, s->seq + 1, scrub_batch, s);
    if (s->step.damage != NULL)
        return;
    if (s->step.result == ERR_CORRUPT)
        (void)scrub_damaged(s, s->seq + 1, "it cannot be read");
    else if (s->step.result == ERR_OK && s->step.bytes < SCRUB_STEP_BYTES &&
             s->seq < s->step.seq_max)
        (void)scrub_damaged(s, s->seq + 1, "it is missing");
}

/* --- on the loop ------------------------------------------------------------------------------ */

/* A pass ends here; the next begins a day after it did. */
static void scrub_rest(struct scrub *s)
{
    check(s->began_ns != 0);
    uint64_t took_ns = env_mono_ns(s->env) - s->began_ns;
    s->began_ns = 0;
    scrub_after(s,
                took_ns + SCRUB_STEP_NS < SCRUB_PASS_NS ? SCRUB_PASS_NS - took_ns : SCRUB_STEP_NS);
}

static void scrub_done(struct work *w)
{
    struct scrub *s = container_of(w, struct scrub, work);
    check(s->busy && s->seq <= s->step.seq_max);
    s->busy = false;
    if (s->step.damage != NULL) {
        s->damaged_seq = s->step.damaged_seq;
        LOG_ERROR(s->env->log, "journal_damaged", log_uint("shard", s->shard),
                  log_uint("batch", s->damaged_seq), log_text("reason", s->step.damage));
        scrub_rest(s);
    } else if (s->step.result != ERR_OK) {
        LOG_WARN(s->env->log, "journal_not_scrubbed", log_uint("shard", s->shard),
                 log_uint("after_batch", s->seq), log_text("reason", err_text(s->step.result)));
        scrub_after(s, SCRUB_FIRST_NS);
    } else if (s->seq < s->step.seq_max) {
        scrub_after(s, SCRUB_STEP_NS);
    } else {
        s->passes++;
        s->damaged_seq = 0;
        LOG_INFO(s->env->log, "journal_scrubbed", log_uint("shard", s->shard),
                 log_uint("batches", s->seq));
        scrub_rest(s);
    }
}

static void scrub_fire(struct alarm *a)
{
    struct scrub *s = container_of(a, struct scrub, alarm);
    check(s->on && !s->busy);
    if (s->began_ns == 0) {
        s->began_ns = env_mono_ns(s->env);
        s->seq = 0;
        s->hash = (struct sha256_digest){0};
        s->step.seq_max = s->journal->committed_seq;
    }
    s->busy = true;
    env_work(s->env, s->worker, &s->work);
}
