/* SPDX-License-Identifier: Apache-2.0 */
/* Loader: reads what turns wait for. Requests for states, decisions and journal parts are collected
 * while one group of them is being read on a load worker, so that a thousand cold accounts cost one
 * job of the worker. Lists are read elsewhere: no turn waits for them. Loop thread, except the
 * reading. */
#ifndef SHARD_LOADER_H
#define SHARD_LOADER_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/env.h"
#include "runtime/base/slab.h"
#include "runtime/base/table.h"
#include "runtime/journal/record.h"
#include "runtime/store/journal_store.h"
#include "runtime/store/view_store.h"

/* Journal parts kept for turns that will run again: far more than any one turn needs (a message
 * names 8,192 transfers at most). If the turns that wait need more than that together, the owner
 * decides what to do (admission.h). */
#define LOADER_PARTS_MAX 65536

enum load_what {
    LOAD_STATE,   /* of an actor */
    LOAD_DECISION, /* position of a key, from the views */
    LOAD_PART,    /* record or event at a position, from the journal */
};

struct load {
    enum load_what what;
    uint16_t kind;      /* STATE */
    struct id128 id;    /* STATE: the actor; DECISION: the key */
    bool is_key;        /* DECISION: of the table of keys, not of ids */
    uint64_t position;     /* PART: asked; DECISION: answer, 0 = none */
    enum err result;
    uint64_t due_ns;    /* STATE */
    struct slice body;  /* STATE: its bytes, allocated */
    struct part *part;  /* PART */
};

/* A journal part brought back: a record's end (with key and outcome) or an event. */
struct part {
    struct table_entry entry; /* {0, position} */
    struct record_reader record;
    char bytes[]; /* what record.event or record.answer.reply, .keys and .attribution point into */
};

struct loader {
    struct env *env;
    struct worker *worker;
    struct journal_store *journal_store;
    struct view_store *view_store;
    uint16_t shard;
    struct load *asked;   /* for the next group */
    struct load *reading; /* the group on the worker */
    size_t asked_count, asked_cap, reading_count, reading_cap;
    bool busy;
    bool stale; /* the group was asked for before a recovery: its answers are dropped */
    struct work work;
    struct table parts;
    uint64_t damaged; /* position of the newest part that was asked for of a batch that turned out
                         to be damaged; 0 = none */
    /* Called on the loop for each load of a group; what it points to is freed after the call,
     * except parts. Then `finished`, once for the group, with whether a part of it found no room.
     */
    void (*loaded)(void *context, struct load *l);
    void (*finished)(void *context, bool overflowed);
    void *context;
};

void loader_init(struct loader *l, struct env *env, struct worker *worker,
                 struct journal_store *journal_store, struct view_store *view_store,
                 uint16_t shard);
void loader_done(struct loader *l);

/* Asks for one thing; the request is copied. The same may be asked for twice. */
void loader_ask(struct loader *l, const struct load *load);

/* A part that was loaded, or NULL; valid until loader_forget(). */
const struct part *loader_part(const struct loader *l, uint64_t position);

/* Forgets loaded parts: no turn is waiting. */
void loader_forget(struct loader *l);

/* Forgets all that was asked as well: the shard starts over. */
void loader_reset(struct loader *l);

#endif
