/* SPDX-License-Identifier: Apache-2.0 */
/* Shard, as its own files see it: shard.c (life, pass), ingress.c (post), running.c (turns of a
 * pass), turn.c (one message), recovery.c, view_read.c (lists), supervisor.c (failures, dead
 * letters), controls.c, passivation.c, closing.c. */
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
#include "runtime/shard/clock.h"
#include "runtime/shard/controls.h"
#include "runtime/shard/ingress.h"
#include "runtime/shard/loader.h"
#include "runtime/shard/look_ahead.h"
#include "runtime/shard/shard.h"
#include "runtime/shard/stash.h"
#include "runtime/shard/supervisor.h"

#define SHARD_ACTOR_MESSAGES 64           /* of one actor before the next one's turn */
#define SHARD_CLOSING_VIEWS_NS (3 * NS_PER_S / 2)
#define SHARD_CLOCK_TURNS 16              /* at most before the clock is read again */
#define SHARD_TURN_STALL_NS (5 * NS_PER_MS)      /* a handler longer than this is recorded */
#define SHARD_STALL_LOG_NS (60 * NS_PER_S)   /* ... and told so often: bulk messages always are */
#define SHARD_STALL_LIMITS 64
#define SHARD_TURN_MEMORY ((size_t)32 << 20)
#define SHARD_VIEW_READS_MAX 4096          /* lists waiting or running; more are BUSY */
#define SHARD_BUSY_RETRY_MS 50
#define SHARD_FULL_PROBE_NS (NS_PER_S / 2)    /* how often a full store is tried again */
#define SHARD_DUE_HORIZON_NS NS_PER_HOUR
#define SHARD_DUE_SWEEP_NS (NS_PER_HOUR / 2)

/* A message the runtime sends itself when a durable deadline passes. */
struct timeout_message {
    struct message message;
    struct shard *shard;
    uint8_t tries; /* before this one, in vain */
};

/* The turn that runs; cleared before each. */
struct turn {
    struct shard *shard;
    struct message *message;
    struct actor *actor;         /* whose turn it is */
    uint64_t depends_seq;   /* newest batch among those whose changes it has seen: its answer waits
                               until that one is durable */
    uint64_t ids;           /* how many ids it drew */
    const char *failure;
    uint32_t events;
    bool replied;
    bool waiting;           /* something was asked of the loader */
    bool looks_ahead;       /* it handles the items of a list one by one */
    bool must_finish;       /* it must go through turn_finish(): it wrote, allocated or failed */
    bool recorded;          /* its record is begun in the open batch; the next three are set: */
    uint32_t items_at;      /* items of that batch before this turn, and ... */
    size_t body_at;         /* ... bytes of its body: where the record is cut off if undone */
    uint64_t begin_ns;      /* time of the record and of its first event */
};

/* A deadline read from the store. */
struct due_row {
    struct id128 id;
    uint64_t due_ns;
    uint16_t kind;
};

struct recovery;

/* Whose views a list waits for. */
enum view_read_reach {
    VIEW_READ_OWN, /* it is about one actor, whose rows its shard alone writes */
    VIEW_READ_ALL,
    VIEW_READ_REACHES,
};

struct shard {
    struct shard_options options;
    struct env *env;
    enum shard_state state;
    char reason[SHARD_REASON_MAX];
    bool writable;
    bool ending;               /* it was told of the stop ... */
    uint64_t ending_ns;        /* ... at this time */
    bool closing;
    uint64_t closing_views_ns; /* it waits for the views no longer: the next start goes on */

    struct registry registry;
    struct wheel wheel;
    struct clock clock;
    struct journal journal;
    struct projector projector;
    struct scrub scrub;
    struct loader loader;
    struct dedup_table ids, keys;
    struct supervisor supervisor;
    struct controls controls;
    struct look_ahead look_ahead; /* of the turn that runs, if it looks ahead */
    struct ingress ingress;

    uint64_t ids_ns;         /* of the next id, unless the clock is ahead of it */
    uint64_t evicted_ms[KIND_MAX]; /* newest time in any id of the kind that is not resident but
                                      may exist: a later one is new without asking the store */
    struct fifo run_queue;   /* actors with messages (actor.run_link) */
    struct fifo wait_queue;  /* actors whose first message waits for the loader */
    size_t woken;            /* actors that are ACTOR_WOKEN: what was loaded for them is kept */
    struct actor *alone;     /* while the loader is crowded: only its turn is given journal parts */
    struct fifo answered;    /* final answers to give back in the next pass */
    struct {
        uint64_t end_ns;
        uint64_t now_ns;     /* as of the last look at the clock; since then ran turns ... */
        const struct message_type *type;
        uint16_t kind;       /* ... of one handler alone, that of this type and kind */
        handle_cb handle;    /* NULL: it is for timeouts, or there is none */
        struct shard_kind_stats *stats; /* of this kind */
        const struct message *turns[SHARD_CLOCK_TURNS];
        uint32_t count;
        uint32_t count_max;  /* at so many the clock is read again */
    } running;
    struct turn turn;        /* the one that runs, and ... */
    jmp_buf given_up;        /* ... where things go on if it writes or reads too much */
    struct stash stash;
    enum err load_error;     /* of the group of loads that is being delivered */

    struct {
        struct fifo waiting[VIEW_READ_REACHES]; /* struct view_read, oldest first */
        uint32_t count;      /* waiting and running */
        struct slab slab;
        struct alarm expiry;
        _Atomic bool ended;  /* the loop's, read by the read worker: no list is begun any more */
        struct log_limit damaged_lines;
    } view_reads;

    struct arena turn_arena;
    struct record_reader found; /* the turn's: a part of a batch that is still in memory. Not in
                                   struct turn, where clearing it would cost more than many turns
                                   take */
    struct dedup_entry **added; /* by the turn that runs, to take them back */
    size_t added_count, added_cap;
    struct slab timeouts;

    struct recovery *recovery;
    enum err recovery_cause;
    struct alarm wheel_alarm, probe_alarm, sweep_alarm, closing_alarm;
    struct work sweep_work;
    bool sweeping;
    struct {
        struct due_row *rows;
        size_t count, cap;
        uint64_t due_max_ns;
        enum err result;
        bool outdated; /* the loop's: to be read once more */
    } swept; /* the read worker's while sweeping */
    struct {
        struct work work;
        bool busy;
        enum err result;
        struct key_cursor cursor; /* the keys up to here are in the filter, or in `keys` */
        struct id128 *keys;
        size_t count;
    } filter_fill;
    struct work release_work;  /* gives the lease back */
    bool releasing;
    int hand_kind;           /* passivation: where the clock hand stands */
    size_t hand_cursor;
    size_t hand_left;        /* actors it may look at before the loader's next answer */
    struct shard_stats stats;
    struct log_limit stall_lines[SHARD_STALL_LIMITS]; /* by handler: its message's number modulo */
};

/* shard.c */
#define SHARD_VIEWS_DAMAGED                                                                        \
    "the views are damaged; the next start makes them anew from the journal, or else after they "  \
    "were deleted"
void shard_set_state(struct shard *s, enum shard_state state);
void shard_stop(struct shard *s, const char *format, ...) printf_like(2, 3);
void shard_views_damaged(struct shard *s); /* a state cannot be had: it stops */
void shard_finish(struct shard *s, struct message *m, uint16_t code); /* a final answer, now */
void shard_wake_waiting(struct shard *s);
void shard_served(struct shard *s); /* the one that was alone has run, or cannot */
void shard_recover(struct shard *s, enum err cause);

/* Resident, or a placeholder whose load is under way, or (a fresh id) known to be absent. */
struct actor *shard_load(struct shard *s, uint16_t kind, struct id128 id);
bool shard_fresh(const struct shard *s, uint16_t kind, struct id128 id);

/* Its first message ran, or left. */
static inline void shard_woken_done(struct shard *s, struct actor *a)
{
    if ((a->flags & ACTOR_WOKEN) == 0)
        return;
    a->flags &= (uint16_t)~ACTOR_WOKEN;
    s->woken--;
}

/* Onto the run queue, if it has a message that can run and is not there. */
static inline void shard_ready(struct shard *s, struct actor *a)
{
    const uint16_t held = ACTOR_QUEUED | ACTOR_WAITING | ACTOR_LOADING | ACTOR_SUSPENDED;
    if ((a->flags & held) != 0 || actor_mailbox_empty(a))
        return;
    a->flags |= ACTOR_QUEUED;
    if (fifo_empty(&s->run_queue))
        env_wake(s->env); /* the pass goes on by itself until the queue is empty */
    fifo_push(&s->run_queue, &a->run_link);
}

/* A shard about to be rebuilt lets what was decided become durable and decides nothing more. */
static inline bool shard_may_run(const struct shard *s)
{
    return !journal_full(&s->journal) && !s->supervisor.rebuild;
}

/* running.c */
void running_turns(struct shard *s, uint64_t budget_ns);

/* turn.c: the turn of a message with an idempotency key; one that has no handler of its own; the
 * end of a turn that `must_finish` or is not DONE; an answer that may not be given yet. */
enum turn_result turn_decide_keyed(struct turn *t);
enum turn_result turn_handle_other(struct turn *t);
enum turn_result turn_finish(struct turn *t, enum turn_result result);
void turn_defer_answer(struct turn *t);

/* A turn beyond a limit does not come back but jumps to shard.given_up: this then ends it. */
enum turn_result turn_gave_up(struct shard *s);

/* recovery.c: (re)builds the registry from the store. */
void recovery_start(struct shard *s, enum err cause);
void recovery_abandon(struct shard *s); /* the shard stops; the next start does it again */
void recovery_kill(struct shard *s);

/* view_read.c */
void view_reads_init(struct shard *s);
void view_read_post(struct shard *s, struct message *m);
void view_reads_advance(struct shard *s);
void view_reads_fail_all(struct shard *s, uint16_t code);
void view_reads_end_all(struct shard *s); /* and all that come */

/* closing.c */
bool closing_is_late(const struct shard *s); /* the views had time enough */
void closing_advance(struct shard *s);       /* after each pass of a shard that will stop */

/* passivation.c */
void passivation_step(struct shard *s);
bool passivation_now(struct shard *s, struct actor *a); /* false if it may not leave */

/* filter_fill.c: fills the filter over idempotency keys from the views, in the background. */
void filter_fill_start(struct shard *s);
void filter_fill_done(struct shard *s);

/* deadlines.c */
void deadlines_fire(struct shard *s);
void deadlines_arm_alarm(struct shard *s);
void deadlines_sweep(struct shard *s);

/* --- ingress: what each message goes through, inlined into the loop of a pass ----------------- */

/* The oldest, which is no longer in here; there must be one. */
static inline struct ingress_item *ingress_next(struct shard *s)
{
    struct ingress *a = &s->ingress;
    if (a->next % INGRESS_STEP == 0)
        ingress_look_ahead(s);
    return &a->items[a->next++];
}

/* The actor it goes to, with the one that was seen ahead; NULL if it goes to none. */
static inline struct actor *ingress_target(struct shard *s, struct message *m,
                                            struct actor *seen)
{
    if ((m->type->view || m->type->mutates) && !ingress_may_enter(s, m))
        return NULL;
    if (seen == NULL || !id128_equal(seen->entry.id, m->target))
        seen = shard_load(s, m->target_kind, m->target);
    return seen;
}

/* --- turns: what each message goes through, inlined into the loop of a pass ------------------- */

/* The handler was looked for when the first message of its group came. */
static inline enum turn_result turn_handle(struct shard *s, struct turn *t)
{
    if (s->running.handle == NULL)
        return turn_handle_other(t);
    return s->running.handle(t, t->actor->entry.id, t->message);
}

static inline void turn_answer(struct shard *s, struct turn *t)
{
    if (journal_durable(&s->journal, t->depends_seq))
        fifo_push(&s->answered, &t->message->link);
    else
        turn_defer_answer(t);
}

/* WAIT leaves the message to be run again; DONE and FAILED have answered it. */
static inline enum turn_result turn_run(struct shard *s, struct actor *a, struct message *m)
{
    struct turn *t = &s->turn;
    *t = (struct turn){.shard = s, .message = m, .actor = a};
    enum turn_result result = m->keyed ? turn_decide_keyed(t) : turn_handle(s, t);
    if (result != TURN_DONE || t->must_finish)
        return turn_finish(t, result);
    /* Most turns only look: they leave nothing to take back, to end or to settle. */
    check(t->replied || m->type == NULL);
    turn_answer(s, t);
    return TURN_DONE;
}

#endif
