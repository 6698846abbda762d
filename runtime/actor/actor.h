/* SPDX-License-Identifier: Apache-2.0 */
/* Actor: what every resident account, wallet, payment costs beyond its own state: 48 bytes. Inside
 * the runtime only; the domain sees states. */
#ifndef ACTOR_ACTOR_H
#define ACTOR_ACTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/check.h"
#include "runtime/base/list.h"
#include "runtime/base/table.h"

#define ACTOR_MAILBOX_MAX 1024 /* messages waiting for one actor; more are answered BUSY */
#define ACTOR_KIND_MAX 32u     /* kinds are numbered below */

enum actor_flags {
    ACTOR_EXISTS = 1 << 0,    /* has a state; without it the struct stands for a known absence,
                                 a removed actor or one whose load is under way */
    ACTOR_USED = 1 << 4,      /* touched since the passivation hand last passed */
    ACTOR_SUSPENDED = 1 << 5, /* by an operator */
    ACTOR_QUARANTINED = 1 << 6, /* by the supervisor */
    ACTOR_DIRTY = 1 << 7,       /* projector only: changed since the last commit of the views */
    ACTOR_TRACED = 1 << 8,      /* each of its turns is logged */

    /* Its state, one of five; changed by runtime/shard/schedule.h alone. */
    ACTOR_IDLE = 0,           /* has nothing to do, or is suspended, or its turns run now */
    ACTOR_LOADING = 1 << 1,   /* its state has been asked of the store */
    ACTOR_QUEUED = 1 << 2,    /* on the shard's run queue */
    ACTOR_WAITING = 1 << 3,   /* its first message waits for a load; on the shard's wait queue */
    ACTOR_RESUMABLE = 1 << 9, /* on the run queue; its first message waited, and can run now */
    ACTOR_STATES = ACTOR_LOADING | ACTOR_QUEUED | ACTOR_WAITING | ACTOR_RESUMABLE,

    ACTOR_HALTED = ACTOR_SUSPENDED | ACTOR_QUARANTINED, /* none of its turns runs */
    ACTOR_CONTROLS = ACTOR_HALTED | ACTOR_TRACED,         /* controls.h */
};

struct actor {
    struct fifo_link *mailbox_last;  /* circular: its next is the oldest message; NULL = empty */
    union {
        struct fifo_link run_link; /* run queue or wait queue */
        size_t loading_at;         /* LOADING: where it stands in schedule.loading */
    };
    /* From here on what every turn that finds it reads: it begins a cache line. */
    struct table_entry entry;        /* the id */
    uint64_t touched_seq;            /* the batch that last changed it */
    uint32_t saved;                  /* undo serial of its last saved copy (registry.c) */
    uint16_t flags;                  /* enum actor_flags */
    uint16_t kind : 5;
    uint16_t mailbox_count : 11;     /* in the highest bits: to count is one instruction */
    /* the state follows, 16-byte aligned */
};

static_assert(sizeof(struct actor) == 48, "an idle actor stays small");

#define ACTOR_HOT_AT offsetof(struct actor, entry)

static inline void *actor_state(struct actor *a)
{
    return a + 1;
}

static inline struct actor *actor_of_state(const void *state)
{
    return (struct actor *)(uintptr_t)state - 1;
}

static inline struct actor *actor_of_run_link(struct fifo_link *link)
{
    return container_of(link, struct actor, run_link);
}

static inline struct actor *actor_of_entry(struct table_entry *entry)
{
    return container_of(entry, struct actor, entry);
}

/* --- the mailbox: a bounded circular list, one pointer when empty ----------------------------- */

/* By the count: the list lies in another cache line, which most turns can do without. */
static inline bool actor_mailbox_empty(const struct actor *a)
{
    return a->mailbox_count == 0;
}

/* Puts a message that was just taken back in front; beyond the limit too. */
static inline void actor_mailbox_put_back(struct actor *a, struct fifo_link *message)
{
    if (a->mailbox_last == NULL) {
        message->next = message;
        a->mailbox_last = message;
    } else {
        message->next = a->mailbox_last->next;
        a->mailbox_last->next = message;
    }
    a->mailbox_count++;
}

/* Appends to the mailbox; false when it is full. */
must_check static inline bool actor_mailbox_put(struct actor *a, struct fifo_link *message)
{
    check((a->mailbox_last == NULL) == (a->mailbox_count == 0));
    if (a->mailbox_count >= ACTOR_MAILBOX_MAX)
        return false;
    actor_mailbox_put_back(a, message);
    a->mailbox_last = message;
    return true;
}

/* The oldest message, left in place; NULL if empty. */
static inline struct fifo_link *actor_mailbox_first(const struct actor *a)
{
    check((a->mailbox_last == NULL) == (a->mailbox_count == 0));
    return a->mailbox_last == NULL ? NULL : a->mailbox_last->next;
}

/* Takes the oldest message out; the mailbox must not be empty. */
static inline struct fifo_link *actor_mailbox_take(struct actor *a)
{
    check(a->mailbox_last != NULL);
    struct fifo_link *first = a->mailbox_last->next;
    if (first == a->mailbox_last)
        a->mailbox_last = NULL;
    else
        a->mailbox_last->next = first->next;
    a->mailbox_count--;
    return first;
}

#endif
