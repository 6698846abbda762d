/* SPDX-License-Identifier: Apache-2.0 */
/* Streams: how the sends of this shard's journal reach other shards, and theirs this one. The
 * durable part is runtime/sends/stream.h; here is what ends with the process: who has confirmed
 * whose mark, how far the sends have left, what has arrived and waits for its turn.
 *
 * A stream is closed until both ends have named their marks, in both directions. So whoever
 * restarts names what it has taken, to all others; the sender compares that with its journal, and
 * reads from it what is missing. A mark that fits no journal stops its sender: one of the two has
 * lost its end.
 *
 * A window bounds what is on its way to each receiver; what exceeds it stays in the journal and is
 * read when there is room. Loop thread only. */
#ifndef SHARD_STREAMS_H
#define SHARD_STREAMS_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/actor/registry.h"
#include "runtime/base/env.h"
#include "runtime/base/time.h"
#include "runtime/journal/journal.h"
#include "runtime/observe/log.h"
#include "runtime/sends/frame.h"
#include "runtime/shard/incoming.h"
#include "runtime/shard/outbox_read.h"

#ifndef STREAM_WINDOW     /* the simulator has few sends */
#define STREAM_WINDOW 256 /* sends on their way to a receiver ... */
#endif
#define STREAM_WINDOW_BYTES ((size_t)1 << 20) /* ... and bytes that wait there */
#define STREAM_LIFE_BITS 20                   /* recoveries under one epoch of the journal */
/* how often streams that stand still are looked at */
#define STREAM_LOOK_NS (200 * NS_PER_MS)
#define STREAM_ASK_MAX_NS (5 * NS_PER_S) /* the longest pause before a mark is named again */
/* sends after which the journal says how far they were taken */
#ifndef STREAM_UNTAKEN_STEP
#define STREAM_UNTAKEN_STEP 128
#endif
#define STREAM_OPEN_MAX 65536 /* sends not known to be taken, and ... */
/* ... the age of the oldest, for new asks to be let in */
#define STREAM_LAG_MAX_NS (10 * NS_PER_S)

/* To one receiver: of the sends to it alone, or of those to all. */
struct outgoing {
    bool opened;                    /* its mark was compared with this journal since both started */
    uint64_t durable;               /* the newest send of the stream in a durable batch */
    uint64_t next;                  /* the next one to leave */
    uint64_t taken;                 /* the newest one known to be durable there */
    uint64_t moved_ns;              /* when that last grew, or there was nothing to take */
    struct stream_mark known;       /* a send from whose place the journal is read, if need be */
    bool verify;                    /* it is a mark of the receiver, with a hash to compare */
    uint64_t *places; /* [STREAM_WINDOW] of those on their way, by number; not of sends
                         to all. NULL until the first leaves: most pairs of many
                         shards have none */
};

/* From one sender. */
struct arriving {
    uint64_t standing;           /* the life of the sender that confirmed our mark; 0 = none */
    bool asked;                  /* our mark was named, and not confirmed yet ... */
    uint64_t asked_n;            /* ... this one ... */
    uint64_t again_ns, pause_ns; /* ... and is named again then */
    struct stream_mark durable;  /* the last send taken that is durable here */
    bool told;                   /* the sender knows of it */
    uint64_t expected;           /* number of the next that may arrive */
    uint64_t place;              /* of the one before it: places rise */
    struct fifo window;          /* struct incoming, oldest first */
    uint32_t count;
    size_t bytes;
};

/* Since the shard was made. */
struct stream_counts {
    uint64_t refused;  /* requests */
    uint64_t openings; /* times that the receiver's mark was found to fit */
};

struct stream_pair {
    uint64_t life;               /* newest seen of the other shard */
    struct stream_counts counts[2];
    struct outgoing outgoing[2]; /* [1]: of those to all shards */
    struct arriving arriving[2];
};

struct streams_uses {
    struct env *env;
    const struct domain *domain;
    uint16_t number, shards;
    struct registry *registry;
    const struct journal *journal;
    struct worker *worker; /* reads the journal */
    struct journal_store *store;
    struct transport transport;
    /* The two journals do not fit: this one has lost its end, or the other's. */
    void (*unfit)(void *context, const char *reason);
    void *context;
};

struct streams {
    struct streams_uses uses;
    struct stream_pair *pairs; /* by shard, itself too */
    bool running;
    uint64_t life;    /* rises with each start, by a recovery too: what was agreed with
                         others before it is void */
    bool left;        /* the last pass ended before all that could run of them */
    uint32_t waiting; /* sends in all windows */
    uint32_t first;   /* the window that is served first */
    struct alarm alarm;
    struct outbox_read read;
    struct log_limit lines; /* about frames that are dropped */
};

void streams_init(struct streams *s, const struct streams_uses *uses);
void streams_done(struct streams *s);

/* The shard runs, with the states of its journal: marks are named. */
void streams_start(struct streams *s);
/* It does not any more: forgets all. */
void streams_stop(struct streams *s);

/* A frame from another shard, or from this one. What none can have said is dropped and logged, a
 * mark that does not fit stops the shard: nothing that it brings ends the process. */
void streams_frame(struct streams *s, const struct frame *f);

/* A batch became durable. */
void streams_durable(struct streams *s, struct batch *b);

/* Before a send is recorded: sets what it says of those before it (record.h). */
void streams_note_untaken(const struct streams *s, struct record_send *send);

/* The oldest send of a window, whose turn may come; NULL: there is none any more. `*cursor` begins
 * with 0 and names the window; whoever leaves it there adds 1 and asks for the next. */
struct incoming *streams_peek(struct streams *s, uint32_t *cursor);
/* The oldest of this window was taken. */
void streams_pop(struct streams *s, const struct send_origin *origin);
/* After each pass: another window comes first in the next one. */
static inline void streams_rotate(struct streams *s)
{
    s->first = (s->first + 1) % (2u * s->uses.shards);
}

/* Is the other shard so far behind, or out of reach for so long, that it gets no new work? */
bool streams_shut(const struct streams *s, uint16_t other, bool to_all);

/* May a request be accepted that other shard must help to decide? If not, it is refused, and
 * counted. */
bool streams_may_open(struct streams *s, uint16_t shard);

#endif
