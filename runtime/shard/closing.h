/* SPDX-License-Identifier: Apache-2.0 */
/* Closing: how far a shard is on its way to a stop, and until when. It takes nothing any more,
 * finishes what it accepted, lets the views catch up for a while, and gives the lease back:
 *
 *     OPEN ──▶ ENDING ──▶ CLOSING ──all is finished──▶ RELEASING ──▶ RELEASED
 *
 * Loop thread only. */
#ifndef SHARD_CLOSING_H
#define SHARD_CLOSING_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/env.h"
#include "runtime/base/time.h"
#include "runtime/store/journal_store.h"

#define CLOSING_VIEWS_NS (3 * NS_PER_S / 2)

enum closing_phase {
    CLOSING_OPEN,      /* no stop is near */
    CLOSING_ENDING,    /* the node stops soon: lists end, a long recovery is given up */
    CLOSING_CLOSING,   /* no message is taken any more */
    CLOSING_RELEASING, /* the store is giving back the lease: no batch may follow */
    CLOSING_RELEASED,
};

struct closing {
    /* What it works with; all of it outlives it. */
    struct env *env;
    struct worker *worker; /* the journal's */
    struct journal_store *store;
    uint16_t number; /* of the shard */
    void (*released)(void *context);
    void *context;

    enum closing_phase phase;
    uint64_t ending_ns; /* since when it is more than OPEN */
    uint64_t views_ns;  /* of a CLOSING one: until then it waits for the views */
    uint64_t epoch;     /* of the lease that is given back */
    struct alarm alarm; /* fires at these times */
    struct work release;
};

/* `uses`: only the members that it works with are set. */
void closing_init(struct closing *c, const struct closing *uses);

/* The node stops soon; nothing if that is known. `timed`: there is something to wait for. */
void closing_end(struct closing *c, bool timed);

/* The shard closes; nothing if it does already. After closing_end(). */
void closing_begin(struct closing *c, bool timed);

/* All is finished: the lease is given back, then released() is called. */
void closing_release(struct closing *c, uint64_t epoch);

/* As if the process had been killed. */
void closing_kill(struct closing *c);

/* Is a stop near? */
static inline bool closing_ends(const struct closing *c)
{
    return c->phase >= CLOSING_ENDING;
}

/* Messages are not taken any more. */
static inline bool closing_begun(const struct closing *c)
{
    return c->phase >= CLOSING_CLOSING;
}

static inline bool closing_releases(const struct closing *c)
{
    return c->phase == CLOSING_RELEASING;
}

/* The views had time enough: the next start goes on with them. */
bool closing_is_late(const struct closing *c);

/* Is there time for a recovery, which finds out what became of requests? */
bool closing_has_time(const struct closing *c);

#endif
