/* SPDX-License-Identifier: Apache-2.0 */
/* Shard: the unit of order and of atomicity. One thread (its loop's) runs its turns one by one; it
 * is the only writer of its actors and has one journal. Everything here is for that thread.
 *
 *     OPENING ──▶ RUNNING ◀──▶ RECOVERING        STOPPED: fenced, damaged, failed too often,
 *                    └──────────────┴────▶        or closed
 */
#ifndef SHARD_SHARD_H
#define SHARD_SHARD_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/actor/domain.h"
#include "runtime/base/env.h"
#include "runtime/base/slot_map.h"
#include "runtime/journal/committer.h"
#include "runtime/observe/histogram.h"
#include "runtime/projector/projector.h"
#include "runtime/sends/frame.h"
#include "runtime/shard/dead_letters.h"
#include "runtime/shard/progress.h"
#include "runtime/shard/shard_stats.h"

#define SHARD_REASON_MAX 768

struct shard;
struct stream_stats; /* runtime/shard/stream_stats.h */
struct parked;       /* runtime/sends/parked.h */

struct shard_options {
    struct env *env;
    const struct domain *domain;
    struct committer *committer; /* of all shards; has their journal's store and worker */
    struct view_store *view_store;
    struct stepper *stepper;    /* of all shards; has the worker of their views */
    struct worker *read_worker; /* of lists and of what has time */
    struct worker *load_worker; /* of what turns wait for: no list is before it */
    uint16_t number;
    const struct slot_map *slots; /* of the deployment; outlives the shard */
    struct transport transport; /* of sends to other shards, and to this one */
    struct progress *progress; /* of all of them; outlives the shard */
    struct slice owner;       /* name of this process in the lease; static */
    size_t resident_max;      /* actors in memory before passivation starts */
    /* remembered outcomes: unprojected ones always, then recent ones */
    size_t dedup_entries_max;
    size_t filter_bytes;      /* of the filter over idempotency keys */
    uint64_t journal_quota;   /* bytes a day of each tenant; 0 = no limit: quota.h */
    /* The state changed; reason is set for RECOVERING and STOPPED. */
    void (*state_changed)(void *context, enum shard_state state, const char *reason);
    void *context;
};

/* Allocates and starts recovery; the state becomes RUNNING or STOPPED later. */
struct shard *shard_new(const struct shard_options *options);

/* Takes over the message until its done(). It may be answered BUSY, UNAVAILABLE, EXPIRED, ... */
void shard_post(struct shard *s, struct message *m);

/* A frame about sends has come from another shard, or from this one. */
void shard_frame(struct shard *s, const struct frame *f);

/* Runs turns until none is ready or budget_ns has passed; then starts commits. shard_answer()
 * follows it: apart, so that commits of the other shards of a loop start before all answers. */
void shard_pass(struct shard *s, uint64_t budget_ns);
/* Gives back the answers that are final. True if turns are left: another pass, after polling I/O.
 */
bool shard_answer(struct shard *s);

/* For a node that is about to stop. From now on lists are UNAVAILABLE, including those that wait:
 * they change nothing, and the views may be far from what they wait for. A recovery that would take
 * long is given up, with the requests that wait for it. */
void shard_end_lists(struct shard *s);

/* Stops taking messages (UNAVAILABLE), ends lists, finishes what was accepted, projects it,
 * releases the lease and becomes STOPPED with an empty reason. */
void shard_close(struct shard *s);

/* Only in state STOPPED and with no work under way (shard_quiet). */
bool shard_quiet(const struct shard *s);
struct shard *shard_free(struct shard *s); /* returns NULL */

/* As if the process had been killed: memory is freed, nothing is finished, no message is answered.
 * No work of it may run or finish afterwards; only a simulated world can promise that. */
struct shard *shard_kill(struct shard *s);

enum shard_state shard_state(const struct shard *s);
const char *
shard_reason(const struct shard *s);        /* why it stopped; "" = it did not, or was closed */
bool shard_writable(const struct shard *s); /* false while the store is full */

/* Turns an audit over all services (domain.h): NULL if all is well. */
const char *shard_audit(struct shard *s);

/* --- parked sends (runtime/sends/parked.h), for the operator -----------------------------------
 */

/* Lets this one and those to the same target run again, from the first of them on, until one fails;
 * or all that are parked for a target, if any are; or has this one refused. The journal keeps who
 * wanted it, and why. OK: their turns come. Errors: parked_retry.h. */
must_check enum err shard_parked_retry(struct shard *s, struct id128 id, struct slice by);
must_check enum err shard_parked_retry_all(struct shard *s, uint16_t kind, struct id128 target,
                                           struct slice by);
must_check enum err shard_parked_refuse(struct shard *s, struct id128 id, struct slice by,
                                        struct slice reason);

/* What is known of one, in the shard's memory until its next turn. */
struct parked_info {
    const struct parked *parked;
    const struct message_type *type; /* of the message; NULL: its target handles none such */
    bool refusable;
    bool first;     /* of those to its target: the next to run */
    uint64_t count; /* of those to its target */
};
/* NOT_FOUND: there is none of this id. */
must_check enum err shard_parked_info(struct shard *s, struct id128 id, struct parked_info *ret);
/* Calls each, in no order; false stops. */
void shard_parked_each(struct shard *s, bool (*each)(void *context, const struct parked_info *info),
                       void *context);

/* --- runtime inspection ----------------------------------------------------------------------- */

void shard_get_stats(const struct shard *s, struct shard_stats *stats);

/* Of the streams to each shard and of what came from there, two for each, the second of those to
 * all: stream_stats.h. Zeros but while it runs. */
void shard_get_stream_stats(struct shard *s, struct stream_stats *ret);

/* What a verification of the journal has found: NULL, or a problem, with the batch that it is about
 * or 0. Statistics show it until the next one; it is logged. */
void shard_verified(struct shard *s, const char *problem, uint64_t damaged_seq);

/* System messages every actor answers, for the operator. Controls last until they are lifted or the
 * process ends: controls.h. */
enum actor_command {
    ACTOR_COMMAND_SUSPEND, /* its messages wait until their deadlines (and are answered SUSPENDED
                              beyond the mailbox); what is due of it happens once it is resumed */
    ACTOR_COMMAND_RESUME,  /* also lifts a quarantine */
    ACTOR_COMMAND_TRACE,   /* log each of its turns */
    ACTOR_COMMAND_UNTRACE,
    ACTOR_COMMAND_STOP,    /* passivate now; comes back with its next message */
};

struct actor_info {
    uint16_t kind;
    struct id128 id;
    bool resident, exists, suspended, quarantined, traced;
    uint32_t mailbox;
    uint64_t touched_seq, due_ns;
    uint32_t failures;
};

/* ERR_NOT_FOUND if it is not resident, ERR_TOO_LARGE beyond CONTROLS_MAX, ERR_BUSY if it cannot
 * stop now. */
must_check enum err shard_actor_command(struct shard *s, uint16_t kind, struct id128 id,
                                        enum actor_command command);
must_check enum err shard_actor_info(const struct shard *s, uint16_t kind, struct id128 id,
                                     struct actor_info *info);
/* Its state as msgpack (the form of the store). */
must_check enum err shard_actor_state(const struct shard *s, uint16_t kind, struct id128 id,
                                      struct wire_writer *w);
/* Has it more to do, the longer mailbox, or where both are as long, was it changed later? */
bool shard_actor_busier(const struct actor_info *a, const struct actor_info *b);
/* The busiest resident actors, the busiest first; returns how many. */
uint32_t shard_actors_top(const struct shard *s, struct actor_info *infos, uint32_t max);

/* Calls each dead letter, oldest first; false stops. */
void shard_dead_letters(const struct shard *s,
                        bool (*each)(void *context, const struct dead_letter *letter),
                        void *context);
/* Posts it again, as the same request of the same caller with the same key, and removes it; it is
 * put back if no handler takes it now, and becomes a new one if it fails again. */
must_check enum err shard_dead_letter_replay(struct shard *s, uint64_t number);

#endif
