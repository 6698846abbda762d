/* SPDX-License-Identifier: Apache-2.0 */
/* Ask: a request whose answer other shards decide. It stands in the journal from the record that
 * left it open to the one that gives its answer, and as an actor of this kind meanwhile, so that it
 * outlives the process and a repetition finds it. Its id is the request's idempotency key, or
 * without one the id that the request names. Requests with keys of their own may be attached to it:
 * they are told the same. All asks are in memory while their shard runs. */
#ifndef SENDS_OPEN_ASK_H
#define SENDS_OPEN_ASK_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/actor/domain.h"
#include "runtime/journal/record.h"

#define KIND_OPEN_ASK 29

struct open_ask {
    uint64_t opened_ns;       /* time of its record */
    bool keyed;               /* its id is an idempotency key ... */
    struct id128 fingerprint; /* ... of this request */
    uint32_t key_count;       /* those that are attached */
    struct record_key *keys;  /* as many; NULL: none */
};

extern const struct actor_kind open_ask_kind;

/* NULL: none is open. Not a change. In the live shard, which has all in memory. */
const struct open_ask *open_ask_find(struct registry *r, struct id128 id);

/* The same, and loads it if need be: while events are replayed. */
const struct open_ask *open_ask_load(struct registry *r, struct id128 id);

bool open_ask_has_key(const struct open_ask *ask, struct id128 key);

/* What the end of a record says of an ask (record.h). */
void open_ask_add(struct registry *r, struct id128 id, const struct open_ask *ask);
/* To one that is open. false: it has RECORD_KEYS_MAX already, or this one. */
must_check bool open_ask_attach(struct registry *r, struct id128 id, const struct record_key *key);
void open_ask_remove(struct registry *r, struct id128 id);

#endif
