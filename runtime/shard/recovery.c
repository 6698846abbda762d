/* SPDX-License-Identifier: Apache-2.0 */
/* On the journal worker: reopen the store (not the first time), read the position of the views,
 * replay the journal after it onto an empty registry, take the lease (first time, and only when the
 * journals of all shards have come so far: what one of them refuses changes none). Back on the
 * loop: an answer that was deferred for a batch that turned out durable is given, all others say
 * that the caller should retry. An attempt that fails is made again; no answer is given before one
 * attempt has read what is durable, or the shard stops.
 *
 * What a damaged journal means is decided here:
 *     newest batch torn, never acknowledged, store may tear      cut it, go on
 *     it ends before a batch that was committed                  stop: its end is lost
 *     any other damage, gap, broken chain, older epoch           stop, name the batch
 *     views ahead of the journal, or of another journal          stop: a restored backup
 *     a file removed or replaced while in use                    stop
 */
#include "runtime/shard/recovery.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/base/check.h"
#include "runtime/base/memory.h"
#include "runtime/base/mutant.h"
#include "runtime/base/time.h"
#include "runtime/shard/pinned.h"

#define RECOVERY_RETRY_NS (NS_PER_S / 2)
#define RECOVERY_OTHERS_NS NS_PER_MS /* how often it is looked whether all are accepted */

/* A batch that was with the store when it failed. */
struct doubtful {
    uint64_t seq;
    struct sha256_digest hash;
    bool durable;
};

/* Where an attempt is:
 *
 *     READING ──failed, may be tried again, or others are not──▶ PAUSED ──a while later──▶ READING
 *        │         accepted yet
 *        └──read, or failed for good──▶ ENDED ◀──abandoned──┘
 */
enum recovery_phase {
    RECOVERY_READING, /* the journal worker has registry, wheel and tables */
    RECOVERY_PAUSED,
    RECOVERY_ENDED,
};

struct recovery {
    struct recovery_uses uses;
    enum recovery_phase phase;
    struct work work;
    struct alarm retry;  /* of a PAUSED one */
    enum err cause;      /* ERR_OK at the start */
    bool lease_asked;    /* by an attempt: the store may have written */
    bool looked;         /* the journal was read, and nothing is against it */
    bool torn;           /* its end is, and cut when nobody else can change it */
    bool others_awaited; /* those of all shards are to be accepted before the lease is taken */
    uint64_t now_ns;     /* the shard's clock when it began */
    struct fifo failed;  /* struct batch, oldest first */
    struct doubtful doubtful[APPEND_BATCHES];
    uint32_t doubtful_count;
    _Atomic bool abandoned; /* the loop's, read by the worker */
    /* results */
    enum err result;
    uint64_t epoch;
    struct store_position position;
    struct store_position committed; /* at least this far the journal had come */
    struct replay replay;
    struct replay_source source;
    char reason[RECOVERY_REASON_MAX];
};

/* --- on the journal worker -------------------------------------------------------------------- */

printf_like(3, 4) static enum err
    recovery_fail(struct recovery *r, enum err e, const char *format, ...)
{
    check(e != ERR_OK);
    va_list args;
    va_start(args, format);
    vsnprintf(r->reason, sizeof r->reason, format, args);
    va_end(args);
    return e;
}

/* Damage of the journal, with what an operator can do about it. */
static enum err fail_damaged(struct recovery *r, uint64_t seq, const char *what)
{
    check(seq > 0);
    uint16_t shard = r->uses.number;
    char which[24] = "";
    if (shard > 0)
        snprintf(which, sizeof which, " --shard %u", shard);
    return recovery_fail(
        r, ERR_CORRUPT,
        "%s (in %s); nothing of it was changed. payctl ledger show-batch %llu%s and payctl "
        "ledger verify, each with --data and the directory, tell more; restore the "
        "directory from a backup",
        what, r->uses.journal_store->location, (unsigned long long)seq, which);
}

/* The same of a batch of this shard. */
static enum err fail_at(struct recovery *r, uint64_t seq, const char *how)
{
    check(seq > 0);
    char what[REPLAY_REASON_MAX];
    snprintf(what, sizeof what, "journal of shard %u is damaged at batch %llu: %s", r->uses.number,
             (unsigned long long)seq, how);
    return fail_damaged(r, seq, what);
}

/* May the store have written other than it said? A full store has written nothing, and may have no
 * room for what opening anew writes. */
static bool store_doubtful(const struct recovery *r)
{
    if (r->cause == ERR_OK)
        return r->lease_asked;
    return r->cause != ERR_STORE_FULL && r->cause != ERR_FAILED;
}

static enum err recovery_reopen(struct recovery *r)
{
    struct journal_store *store = r->uses.journal_store;
    enum err e = store_doubtful(r) ? store->ops->reopen(store) : ERR_OK;
    if (e != ERR_OK)
        return recovery_fail(r, e, "the store cannot be reopened: %s (%s)", err_text(e),
                             store->location);
    r->epoch = r->cause != ERR_OK ? r->uses.journal->epoch : 0;
    return ERR_OK;
}

static enum err take_lease(struct recovery *r)
{
    check(r->epoch == 0);
    struct journal_store *store = r->uses.journal_store;
    r->lease_asked = true;
    enum err e = store->ops->lease_take(store, r->uses.number, r->uses.owner, &r->epoch);
    if (e != ERR_OK)
        return recovery_fail(r, e, "the lease of shard %u cannot be taken: %s", r->uses.number,
                             err_text(e));
    return ERR_OK;
}

struct position_check {
    const struct store_position *position;
    bool seen, same, whole;
};

static bool compare_position(void *context, const struct batch_row *row)
{
    struct position_check *c = context;
    c->seen = row->seq == c->position->seq;
    c->same = memcmp(row->hash.bytes, c->position->hash.bytes, SHA256_SIZE) == 0;
    struct sha256_digest hash = batch_hash(row);
    c->whole = memcmp(hash.bytes, row->hash.bytes, SHA256_SIZE) == 0;
    return false;
}

/* Reads the batch of c->position. */
static enum err compare_at(struct recovery *r, struct position_check *c)
{
    struct journal_store *store = r->uses.journal_store;
    uint64_t at = c->position->seq;
    enum err e = store->ops->tail(store, r->uses.number, at, compare_position, c);
    if (e == ERR_CORRUPT)
        return fail_at(r, at, "it cannot be read");
    if (e != ERR_OK)
        return recovery_fail(r, e, "the journal cannot be read at batch %llu: %s",
                             (unsigned long long)at, err_text(e));
    if (!c->seen || !c->whole)
        return fail_at(r, at, c->seen ? "its hash does not match its content" : "it is missing");
    return ERR_OK;
}

/* The views must have been made from this journal, and not be ahead of it. The batch of their
 * position is read and checked; those before it are checked by a verification alone. */
static enum err check_position(struct recovery *r)
{
    struct journal_store *journal_store = r->uses.journal_store;
    struct view_store *view_store = r->uses.view_store;
    uint16_t shard = r->uses.number;
    uint64_t head = 0;
    enum err e = view_store->ops->position(view_store, shard, &r->position);
    if (e == ERR_CORRUPT)
        view_store->ops->damaged(view_store);
    if (e != ERR_OK)
        return recovery_fail(r, e, "the views cannot be read: %s", err_text(e));
    if (r->position.seq == 0)
        return ERR_OK;
    e = journal_store->ops->head(journal_store, shard, &head);
    if (e == ERR_CORRUPT)
        head = UINT64_MAX; /* the reading that follows finds where it breaks off */
    else if (e != ERR_OK)
        return recovery_fail(r, e, "the journal cannot be read: %s", err_text(e));
    unsigned long long at = r->position.seq;
    if (at > head)
        return recovery_fail(
            r, ERR_CORRUPT,
            "the views stand at batch %llu, but the journal of shard %u ends at batch "
            "%llu: its end is lost, or an older one was restored; restore journal and "
            "views together from a backup",
            at, shard, (unsigned long long)head);
    struct position_check c = {.position = &r->position};
    e = compare_at(r, &c);
    if (e != ERR_OK || c.same)
        return e;
    return recovery_fail(
        r, ERR_CORRUPT,
        "the views stand at batch %llu of another journal of shard %u; if the journal is "
        "the right one, delete the views: they are rebuilt",
        at, shard);
}

/* A shard that acknowledged what is missing now must not go on as if nothing had been. */
static enum err check_committed(struct recovery *r)
{
    uint16_t shard = r->uses.number;
    unsigned long long at = r->committed.seq;
    if (at > r->replay.seq)
        return recovery_fail(
            r, ERR_CORRUPT,
            "batch %llu was committed, but the journal of shard %u ends at batch %llu: its "
            "end is lost, or an older one was restored; restore the directory from a "
            "backup, or delete views and commit mark to go on without what is lost",
            at, shard, (unsigned long long)r->replay.seq);
    if (at == 0)
        return ERR_OK;
    struct position_check c = {.position = &r->committed};
    enum err e = compare_at(r, &c);
    if (e != ERR_OK || c.same)
        return e;
    return recovery_fail(
        r, ERR_CORRUPT,
        "batch %llu of the journal of shard %u is not the one that was committed; if this "
        "journal is the right one, delete views and commit mark",
        at, shard);
}

static bool add_event(void *context, const struct event_rule *rule, const void *event,
                      uint64_t time_ns, uint64_t position)
{
    check(position != 0);
    check(rule != NULL);
    struct recovery *r = context;
    if (rule->key_offset != MESSAGE_NO_OFFSET && !MUTANT(FORGET_IDS)) {
        struct id128 key;
        memcpy(&key, (const char *)event + rule->key_offset, sizeof key);
        dedup_table_add(r->uses.ids, key, position, time_ns);
    }
    return true;
}

static bool add_key(void *context, struct id128 key, struct id128 fingerprint, uint64_t position,
                    uint64_t time_ns)
{
    check(position != 0);
    struct recovery *r = context;
    (void)fingerprint;
    if (!MUTANT(FORGET_KEYS))
        dedup_table_add(r->uses.keys, key, position, time_ns);
    return true;
}

static bool is_abandoned(const struct recovery *r)
{
    return atomic_load_explicit(&r->abandoned, memory_order_relaxed);
}

/* Reading the journal after the position. */
struct tail_reading {
    struct recovery *recovery;
    enum err error;
    uint64_t bad_seq;
};

static bool replay_row(void *context, const struct batch_row *row)
{
    struct tail_reading *t = context;
    struct recovery *r = t->recovery;
    check(t->bad_seq == 0 || t->error != ERR_OK);
    if (t->error != ERR_OK) {
        t->bad_seq = 0; /* batches follow the damaged one: it is not a torn end */
        return false;
    }
    if (MUTANT(LOSE_TAIL) && row->seq % 16 == 15)
        return false;
    t->error = is_abandoned(r) ? ERR_UNAVAILABLE : replay_batch(&r->replay, row);
    if (t->error != ERR_OK) {
        t->bad_seq = row->seq;
        return t->error == ERR_CORRUPT;
    }
    for (uint32_t i = 0; i < r->doubtful_count; i++)
        if (r->doubtful[i].seq == row->seq)
            r->doubtful[i].durable =
                memcmp(r->doubtful[i].hash.bytes, row->hash.bytes, SHA256_SIZE) == 0;
    return true;
}

static void start_replay(struct recovery *r)
{
    check(r->doubtful_count <= array_len(r->doubtful));
    const struct recovery_uses *u = &r->uses;
    bool none = r->position.seq == 0; /* of the ids is in the views */
    uint64_t dropped_ms = none ? 0 : r->position.time_ns / NS_PER_MS + EARLY_MS;
    registry_clear(u->registry);
    check(u->registry->resident == 0);
    wheel_init(u->wheel, r->now_ns);
    dedup_table_clear(u->ids, none, dropped_ms);
    dedup_table_clear(u->keys, false, 0);
    early_ids_clear(u->early_ids, dropped_ms);
    for (uint32_t i = 0; i < r->doubtful_count; i++)
        r->doubtful[i].durable = false;
    residence_restart(u->residence, none, dropped_ms);
    u->registry->load = replay_load;
    u->registry->load_context = &r->source;
    replay_done(&r->replay);
    replay_init(&r->replay, u->domain, u->registry, u->number, &r->position);
    r->replay.on_event = add_event;
    r->replay.on_key = add_key;
    r->replay.context = r;
    r->replay.views = r->position.seq > 0 ? u->view_store : NULL;
}

static enum err replay_tail(struct recovery *r)
{
    struct journal_store *store = r->uses.journal_store;
    struct tail_reading t = {.recovery = r};
    start_replay(r);
    check(r->replay.seq >= r->position.seq);
    enum err e = pinned_load(r->uses.residence, r->replay.views, r->uses.number);
    if (e != ERR_OK)
        return recovery_fail(r, e, "the states in the views cannot be read: %s", err_text(e));
    e = store->ops->tail(store, r->uses.number, r->position.seq + 1, replay_row, &t);
    if (t.error == ERR_OK && e == ERR_CORRUPT)
        return fail_at(r, r->replay.seq + 1, "it, or what tells where it is, cannot be read");
    if (t.error == ERR_OK && e != ERR_OK)
        return recovery_fail(r, e, "the journal cannot be read after batch %llu: %s",
                             (unsigned long long)r->replay.seq, err_text(e));
    if (t.error == ERR_CORRUPT && t.bad_seq > r->committed.seq && store->tears) {
        r->torn = r->epoch == 0;
        if (r->torn)
            return ERR_OK;
        e = store->ops->cut(store, r->uses.number, r->epoch, t.bad_seq);
        if (e != ERR_OK)
            return recovery_fail(r, e, "torn batch %llu cannot be removed: %s",
                                 (unsigned long long)t.bad_seq, err_text(e));
        return replay_tail(r); /* once: the end is whole now */
    }
    if (t.error == ERR_CORRUPT && r->replay.damaged_seq != 0)
        return fail_damaged(r, r->replay.damaged_seq, r->replay.reason);
    if (t.error != ERR_OK)
        return recovery_fail(r, t.error, "%s",
                             r->replay.reason[0] != '\0' ? r->replay.reason : err_text(t.error));
    r->uses.registry->load = NULL;
    return ERR_OK;
}

static enum err recovery_look(struct recovery *r)
{
    struct journal_store *store = r->uses.journal_store;
    enum err e = store->ops->committed(store, r->uses.number, &r->committed);
    if (e == ERR_OK)
        e = check_position(r);
    if (e == ERR_OK)
        e = replay_tail(r);
    return e == ERR_OK ? check_committed(r) : e;
}

/* At the start the lease is taken last, since it is the first thing written: what is refused stays
 * as it was found. If another writer has appended before it was taken, or the end is to be cut, all
 * is read again. */
static enum err recovery_take(struct recovery *r)
{
    struct journal_store *store = r->uses.journal_store;
    uint64_t head = 0;
    enum err e = take_lease(r);
    if (e == ERR_OK)
        e = store->ops->head(store, r->uses.number, &head);
    if (e == ERR_OK && (head != r->replay.seq || r->torn))
        e = recovery_look(r);
    else if (e != ERR_OK && r->reason[0] == '\0')
        e = recovery_fail(r, e, "the journal cannot be read: %s", err_text(e));
    return e;
}

static void recovery_run(struct work *w)
{
    struct recovery *r = container_of(w, struct recovery, work);
    check(r->phase == RECOVERY_READING);
    r->reason[0] = '\0';
    r->others_awaited = false;
    if (!r->looked) {
        r->result = recovery_reopen(r);
        if (r->result == ERR_OK)
            r->result = recovery_look(r);
    }
    r->looked = r->result == ERR_OK;
    if (!r->looked || r->epoch != 0)
        return;
    progress_accept(r->uses.progress, r->uses.number);
    r->others_awaited = !progress_all_accepted(r->uses.progress);
    if (r->others_awaited)
        return;
    r->result = recovery_take(r);
    r->looked = r->result == ERR_OK; /* else all is read anew */
    check(!r->looked || r->epoch != 0);
}

/* --- on the loop ------------------------------------------------------------------------------ */

static void recovery_move(struct recovery *r, enum recovery_phase to)
{
    check(to != RECOVERY_READING || r->phase == RECOVERY_PAUSED);
    check(to != RECOVERY_PAUSED || r->phase == RECOVERY_READING);
    check(r->phase != RECOVERY_ENDED);
    r->phase = to;
}

static void recovery_read(struct recovery *r)
{
    check(r->phase == RECOVERY_READING);
    const struct recovery_uses *u = &r->uses;
    r->now_ns = u->clock->now_ns;
    env_work(u->env, u->worker, &r->work);
}

static bool was_durable(const struct recovery *r, uint64_t seq)
{
    for (uint32_t i = 0; i < r->doubtful_count; i++)
        if (r->doubtful[i].seq == seq)
            return r->doubtful[i].durable;
    return false;
}

/* What was promised for a durable batch is said; all else may be tried again with the same key. */
static void answer_failed(struct recovery *r)
{
    check(r->phase == RECOVERY_ENDED);
    const struct recovery_uses *u = &r->uses;
    uint16_t refusal = r->cause == ERR_STORE_FULL ? ERR_STORE_FULL : ERR_UNAVAILABLE;
    struct fifo_link *link;
    while ((link = fifo_pop(&r->failed)) != NULL) {
        struct batch *b = container_of(link, struct batch, link);
        bool durable = r->result == ERR_OK && (was_durable(r, b->seq) || MUTANT(RELEASE_FAILED));
        struct fifo_link *deferred;
        while ((deferred = fifo_pop(&b->deferred)) != NULL) {
            struct message *m = container_of(deferred, struct message, link);
            if (durable)
                answers_push(u->answers, m);
            else
                answers_refuse(u->answers, m, refusal);
        }
        journal_spare(u->journal, b);
    }
}

/* A full store is waited for, one that cannot be read only for a while. */
static bool may_retry(struct recovery *r)
{
    check(r->phase == RECOVERY_READING);
    if (r->result == ERR_IO)
        return failures_add(r->uses.recoveries, env_mono_ns(r->uses.env)) <=
               SUPERVISOR_RECOVERIES_MAX;
    return r->result == ERR_STORE_FULL;
}

static void recovery_retry(struct alarm *a)
{
    struct recovery *r = container_of(a, struct recovery, retry);
    recovery_move(r, RECOVERY_READING);
    recovery_read(r);
}

static void retry_later(struct recovery *r)
{
    check(r->result != ERR_OK);
    check(!is_abandoned(r));
    recovery_move(r, RECOVERY_PAUSED);
    r->uses.stats->recoveries++;
    r->uses.retrying(r->uses.context);
    env_alarm_set(r->uses.env, &r->retry, env_mono_ns(r->uses.env) + RECOVERY_RETRY_NS);
}

/* In vain only because there was no time for it, or none for another attempt. */
static bool cut_short(const struct recovery *r)
{
    check(r->result != ERR_OK);
    return is_abandoned(r) && r->result != ERR_CORRUPT && r->result != ERR_FAILED;
}

static void recovery_end(struct recovery *r)
{
    recovery_move(r, RECOVERY_ENDED);
    if (r->others_awaited)
        r->result = ERR_UNAVAILABLE; /* it was abandoned before its lease was taken */
    answer_failed(r);
    check(fifo_empty(&r->failed));
    if (r->result == ERR_OK)
        r->uses.recovered(r->uses.context, &(struct recovery_found){.cause = r->cause,
                                                                    .epoch = r->epoch,
                                                                    .seq = r->replay.seq,
                                                                    .hash = r->replay.hash,
                                                                    .time_ns = r->replay.time_ns,
                                                                    .position = r->position});
    else
        r->uses.failed(r->uses.context, cut_short(r) ? "" : r->reason);
    replay_done(&r->replay);
    free(r);
}

static void recovery_await_others(struct recovery *r)
{
    check(r->result == ERR_OK);
    recovery_move(r, RECOVERY_PAUSED);
    env_alarm_set(r->uses.env, &r->retry, env_mono_ns(r->uses.env) + RECOVERY_OTHERS_NS);
}

static void recovery_done(struct work *w)
{
    struct recovery *r = container_of(w, struct recovery, work);
    check(r->phase == RECOVERY_READING);
    if (!is_abandoned(r) && r->others_awaited)
        recovery_await_others(r);
    else if (!is_abandoned(r) && may_retry(r))
        retry_later(r);
    else
        recovery_end(r);
}

void recovery_abandon(struct recovery *r)
{
    check(r->phase != RECOVERY_ENDED);
    atomic_store_explicit(&r->abandoned, true, memory_order_relaxed);
    if (r->phase == RECOVERY_READING)
        return; /* its work ends soon */
    env_alarm_stop(r->uses.env, &r->retry);
    recovery_end(r);
}

/* Batches whose outcome is not known; the journal shows that of those that the store was given. */
static void take_failed(struct recovery *r)
{
    struct journal *j = r->uses.journal;
    struct batch *b;
    while (j->open != NULL && (b = journal_take_failed(j)) != NULL) {
        if (r->doubtful_count < j->doubtful) {
            check(r->doubtful_count < array_len(r->doubtful));
            r->doubtful[r->doubtful_count++] = (struct doubtful){b->seq, b->hash, false};
        }
        fifo_push(&r->failed, &b->link);
    }
}

static void recovery_check_uses(const struct recovery_uses *u)
{
    check(u->env != NULL && u->domain != NULL);
    check(u->journal_store != NULL && u->view_store != NULL);
    check(u->worker != NULL && u->registry != NULL);
    check(u->wheel != NULL && u->ids != NULL);
    check(u->early_ids != NULL && u->keys != NULL);
    check(u->residence != NULL && u->clock != NULL);
    check(u->journal != NULL && u->answers != NULL);
    check(u->recoveries != NULL && u->progress != NULL);
    check(u->stats != NULL && u->recovered != NULL);
    check(u->retrying != NULL && u->failed != NULL);
}

struct recovery *recovery_start(const struct recovery_uses *uses, enum err cause)
{
    recovery_check_uses(uses);
    struct recovery *r = memory_take_zeroed(1, sizeof *r);
    r->uses = *uses;
    r->cause = cause;
    r->retry.fire = recovery_retry;
    r->work.run = recovery_run;
    r->work.done = recovery_done;
    r->source = (struct replay_source){
        .store = uses->view_store, .registry = uses->registry, .shard = uses->number};
    fifo_init(&r->failed);
    take_failed(r);
    recovery_read(r);
    return r;
}

void recovery_kill(struct recovery *r)
{
    check(r->phase != RECOVERY_ENDED);
    env_alarm_stop(r->uses.env, &r->retry);
    struct fifo_link *link;
    while ((link = fifo_pop(&r->failed)) != NULL) {
        struct batch *b = container_of(link, struct batch, link);
        fifo_init(&b->deferred);
        journal_spare(r->uses.journal, b);
    }
    replay_done(&r->replay);
    free(r);
}
