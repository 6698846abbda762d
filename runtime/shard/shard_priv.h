/* SPDX-License-Identifier: Apache-2.0 */
/* Shard, as its core sees it: shard.c (post, pass, reports of its parts), running.c (the turns of a
 * pass), turn_inline.h and turn.c (one message), shard_state.c, shard_stop.c, shard_life.c,
 * inspection.c. Its parts have a header each and do not include this one. */
#ifndef SHARD_SHARD_PRIV_H
#define SHARD_SHARD_PRIV_H

#include <setjmp.h>

#include "runtime/actor/registry_priv.h"
#include "runtime/base/time.h"
#include "runtime/dedup/dedup_table.h"
#include "runtime/journal/journal.h"
#include "runtime/journal/scrub.h"
#include "runtime/observe/log.h"
#include "runtime/projector/projector.h"
#include "runtime/shard/admission.h"
#include "runtime/shard/answers.h"
#include "runtime/shard/clock.h"
#include "runtime/shard/closing.h"
#include "runtime/shard/contact.h"
#include "runtime/shard/controls.h"
#include "runtime/shard/dead_letters.h"
#include "runtime/shard/deadlines.h"
#include "runtime/shard/due_sweep.h"
#include "runtime/shard/early_fill.h"
#include "runtime/shard/filter_fill.h"
#include "runtime/shard/ingress.h"
#include "runtime/shard/loader.h"
#include "runtime/shard/look_ahead.h"
#include "runtime/shard/overdue.h"
#include "runtime/shard/parked_retry.h"
#include "runtime/shard/passivation.h"
#include "runtime/shard/quota.h"
#include "runtime/shard/recovery.h"
#include "runtime/shard/residence.h"
#include "runtime/shard/schedule.h"
#include "runtime/shard/shard.h"
#include "runtime/shard/stash.h"
#include "runtime/shard/stream_stats.h"
#include "runtime/shard/streams.h"
#include "runtime/shard/supervisor.h"
#include "runtime/shard/suspension.h"
#include "runtime/shard/view_reads.h"
#include "runtime/shard/waits.h"

#define SHARD_EARLY_BYTES ((size_t)64 << 10) /* of each span's filter: early_ids.h */
#define SHARD_ACTOR_MESSAGES 64           /* of one actor before the next one's turn */
#define SHARD_CLOCK_TURNS 16              /* at most before the clock is read again */
#define SHARD_TURN_STALL_NS (5 * NS_PER_MS)      /* a handler longer than this is recorded */
/* ... and logged once in this time: bulk messages always are longer */
#define SHARD_STALL_LOG_NS (60 * NS_PER_S)
#define SHARD_STALL_LIMITS 64
#define SHARD_TURN_MEMORY ((size_t)32 << 20)
#define SHARD_FULL_PROBE_NS (NS_PER_S / 2) /* how often a full store is tried again */

/* The turn that runs; cleared before each, for which the processor needs few stores only while it
 * stays small: larger numbers come first, and no gap is left. */
struct turn {
    struct shard *shard;
    struct message *message;
    struct actor *actor;         /* whose turn it is */
    uint64_t depends_seq; /* newest batch among those whose changes it has seen: its answer waits
                             until that one is durable */
    const char *failure;
    uint64_t time_ns;  /* if `recorded`: of the record, and of all that it decides */
    uint32_t body_at;  /* the same: bytes of the open batch's body before this turn, where the
                          record is cut off if undone, and ... */
    uint32_t items_at; /* ... its items before this turn */
    uint32_t events, sends;
    uint32_t ids; /* how many ids it drew */
    bool replied;
    bool tells;             /* of `opened`: shard.closing_answer is for those who wait */
    bool opened, attached;  /* its answer comes later, under shard.ask: the first that asked; one
                               that asked again */
    bool joins;             /* of `attached`: under a key of its own, for the first time */
    bool closes;            /* it gives the answer of shard.ask */
    bool unseen;            /* refused, of what the caller may not see */
    bool over_quota;        /* of a tenant that has used its quota up */
    bool waiting;           /* something was asked of the loader */
    bool looks_ahead;       /* it handles the items of a list one by one */
    bool must_finish;       /* it must go through turn_finish(): it wrote, allocated or failed */
    bool recorded;          /* its record is begun in the open batch */
};
static_assert(sizeof(struct turn) <= 80, "five stores of 16 bytes clear it");

struct shard {
    struct shard_options options;
    struct env *env;
    enum shard_state state;
    char reason[SHARD_REASON_MAX];
    bool runs; /* state is RUNNING: for the parts */
    bool writable;

    struct registry registry;
    struct wheel wheel;
    struct clock clock;
    struct journal journal;
    struct projector projector;
    struct scrub scrub;
    struct {
        bool failed;
        uint64_t damaged_seq; /* the batch that the problem is about, 0 = about none */
    } verified;               /* the last verification: shard_verified() */
    struct loader loader;
    struct early_ids early_ids;
    struct dedup_table ids, keys;
    struct controls controls;
    struct look_ahead look_ahead; /* of the turn that runs, if it looks ahead */
    struct residence residence;
    struct passivation passivation;
    struct suspension suspension;
    struct overdue overdue;
    struct dead_letters dead_letters;
    struct supervisor supervisor;
    struct view_reads view_reads;
    struct ingress ingress;
    struct deadlines deadlines;
    struct due_sweep due_sweep;
    struct filter_fill filter_fill;
    struct early_fill early_fill;

    uint64_t ids_ns; /* of the next id, unless the clock is ahead of it */
    struct schedule schedule;
    struct admission admission;
    struct answers answers;
    struct {
        uint64_t end_ns;
        uint64_t now_ns;     /* as of the last look at the clock; since then ran turns ... */
        const struct message_type *type;
        uint16_t kind;       /* ... of one handler alone, that of this type and kind */
        handle_cb handle;    /* NULL: it is for timeouts, or there is none */
        struct shard_kind_stats *stats; /* of this kind */
        const struct message *turns[SHARD_CLOCK_TURNS];
        uint32_t count;
        uint32_t count_max; /* at this number the clock is read again */
        uint64_t asides;    /* messages that waited aside of their actor so far */
    } running;
    struct quota quota;
    struct turn turn;        /* the one that runs, and ... */
    struct id128 ask;        /* that the turn opened, waits for or closes */
    /* Of the latter, or told meanwhile; its reply is in closing_reply. */
    struct record_answer closing_answer;
    struct wire_writer closing_reply;
    jmp_buf given_up;        /* ... where things go on if it writes or reads too much */
    struct stash stash;
    struct waits waits;
    struct streams streams;
    struct contact contact;
    struct parked_retry parked_retry;
    struct log_limit parked_lines;

    struct arena turn_arena;
    struct record_reader found; /* the turn's: a part of a batch that is still in memory. Not in
                                   struct turn, where clearing it would cost more than many turns
                                   take */
    struct dedup_entry **added; /* by the turn that runs, to take them back */
    size_t added_count, added_cap;

    struct closing closing;
    struct recovery_uses recovery_uses;
    struct recovery *recovery; /* NULL: none is under way */
    enum err recovery_cause;
    struct alarm probe_alarm;
    struct alarm sends_alarm; /* of the next send that is put off */
    struct shard_stats stats;
    struct log_limit stall_lines[SHARD_STALL_LIMITS]; /* by handler: its message's number modulo */
};

/* shard.c: what its parts report (shard_life.c gives them these). */
void shard_on_loaded(void *context, struct load *l);
void shard_on_load_finished(void *context, bool overflowed);
void shard_on_durable(void *context, struct batch *b);
void shard_on_append_failure(void *context, enum err e);
uint32_t shard_unprojected_percent(void *context);
void shard_on_projected(void *context, enum err result, const char *reason);
void shard_on_states_damaged(void *context);
void shard_on_recovered(void *context, const struct recovery_found *found);
void shard_on_recovery_failed(void *context, const char *reason);
void shard_on_recovery_retrying(void *context);
void shard_on_put_off(struct alarm *a);
void shard_on_probe(struct alarm *a);
void shard_on_unfit(void *context, const char *reason);

/* shard.c: begins to get the state from the store. */
void shard_start_recovery(struct shard *s, enum err cause);

/* shard_stop.c: ends everything. An empty reason: it was closed. */
void shard_stop(struct shard *s, const char *format, ...) printf_like(2, 3);
void shard_views_damaged(struct shard *s); /* a state cannot be had: it stops */
void shard_on_released(void *context);

/* shard_stop.c: refuses what waits for batches; with `sent_too` also of those with the store. */
void shard_fail_batches(struct shard *s, bool sent_too);
void shard_stop_alarms(struct shard *s);

/* shard_stop.c: after each pass of a shard that will stop. */
void shard_close_step(struct shard *s);

/* shard_stop.c: takes all messages from the actors, and those on the way to them, into the stash.
 */
void shard_stash_actors(struct shard *s);

/* shard_state.c: the one place that changes the state. shard_set_state() also calls the owner's
 * callback. */
void shard_move(struct shard *s, enum shard_state to);
void shard_set_state(struct shard *s, enum shard_state to);

/* A shard about to be rebuilt lets what was decided become durable and decides nothing more. */
static inline bool shard_may_run(const struct shard *s)
{
    return !journal_full(&s->journal) && !s->supervisor.rebuild;
}

/* running.c */
void running_turns(struct shard *s, uint64_t budget_ns);

/* turn_end.c; what runs a turn is turn_run() in turn_inline.h. */

/* A turn beyond a limit does not come back but jumps to shard.given_up: this then ends it. */
enum turn_result turn_gave_up(struct shard *s);

/* The turn of a send. WAIT: run it again; FAILED: nothing of it is left, it must be parked. */
enum turn_result turn_run_send(struct shard *s, struct actor *a, struct message *m);

/* The send is taken, but its turn does not run: it is parked. */
void turn_park(struct shard *s, struct incoming *in, const char *reason);

/* running_sends.c: the turns of sends that have arrived; a load failed, for which some may wait; of
 * one that jumped, that it failed. */
void running_sends(struct shard *s);
void running_sends_put_off(struct shard *s);
void running_send_gave_up(struct shard *s);

/* running.c, for running_sends.c. */
bool running_time_left(const struct shard *s);
enum turn_result running_send(struct shard *s, struct actor *a, struct message *m);

/* turn.c, for the other files of a turn. The second takes back what the turn decided about ids,
 * beyond the first `keep`. */
void turn_begin_record(struct turn *t);
void turn_take_back_decisions(struct shard *s, size_t keep);
_Noreturn void turn_give_up(struct turn *t);

/* turn_sends.c, for the others: the mark of the send that is handled; that one which
 * was parked is not any more; the end of a record that
 * opens or closes an ask, and those that wait for the latter. */
void turn_take_send(struct turn *t);
void turn_unpark(struct turn *t);
void turn_end_open(struct turn *t);
void turn_end_attached(struct turn *t);
/* Gives the keys that have the answer; returns how many. */
uint32_t turn_end_closing(struct turn *t, struct id128 keys[1 + RECORD_KEYS_MAX]);
/* Its answer is that of an ask under which its key is known, or which has none. */
void turn_wait_for(struct turn *t, struct id128 ask);
void turn_answer_waiting(struct turn *t);

#endif
