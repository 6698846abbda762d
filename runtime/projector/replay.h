/* SPDX-License-Identifier: Apache-2.0 */
/* Replay: journal rows in, changed states out. Recovery, the projector and `ledger verify` all go
 * through here, so what they see is the same. Checks the hash chain, the numbering and every byte
 * of each row; the first thing wrong stops it with a reason that names the batch. */
#ifndef PROJECTOR_REPLAY_H
#define PROJECTOR_REPLAY_H

#include "runtime/actor/registry_priv.h"
#include "runtime/base/arena.h"
#include "runtime/journal/record.h"
#include "runtime/store/journal_store.h"
#include "runtime/store/view_store.h"

#define REPLAY_REASON_MAX 512

struct replay {
    struct registry *registry; /* NULL: only check the bytes */
    struct view_store *views;  /* states come from them; NULL: all are made from the journal */
    const struct domain *domain;
    uint16_t shard;
    uint64_t seq;              /* last batch replayed */
    uint64_t epoch;            /* of that batch */
    struct sha256_digest hash; /* of that batch */
    uint64_t time_ns;          /* of the last event or record */
    uint64_t events, records;

    /* Called after the event was applied; may be NULL. false stops (ERR_IO). */
    bool (*on_event)(void *context, const struct event_rule *rule, const void *event,
                     uint64_t time_ns, uint64_t position);
    /* Called at the end of each record with a key; may be NULL. */
    bool (*on_key)(void *context, struct id128 key, struct id128 fingerprint, uint64_t position,
                   uint64_t time_ns);
    /* Called at the end of each record; may be NULL. */
    void (*on_record)(void *context, const struct record_reader *record);
    void *context;

    struct arena arena;
    bool fits;                 /* the part just applied follows those before it */
    void *event;               /* scratch for one decoded event */
    size_t event_size;
    uint64_t damaged_seq;      /* the batch that reason names; 0 = none */
    char reason[REPLAY_REASON_MAX];
};

/* Continues after `from` (all zero: from the first batch). */
void replay_init(struct replay *r, const struct domain *d, struct registry *registry,
                 uint16_t shard, const struct store_position *from);
void replay_done(struct replay *r);

/* ERR_OK, or an error with r->reason set: ERR_CORRUPT: the journal is damaged; ERR_FAILED: a state
 * in the views is damaged, or the views do not fit the journal, and are marked for the next start;
 * ERR_IO. */
must_check enum err replay_batch(struct replay *r, const struct batch_row *row);

/* The error of a step whose state could not be loaded for `e`. A damaged state is ERR_FAILED with
 * r->reason set: it is no damage of the journal, and must not be taken for a torn batch. */
enum err replay_load_failed(struct replay *r, enum err e);

/* A registry_load_cb (registry_priv.h) that reads states from a store: its context is a struct
 * replay_source. Blocks; any worker. */
struct replay_source {
    struct view_store *store;
    struct registry *registry;
    uint16_t shard;
    uint64_t loads; /* counts them */
};
enum err replay_load(void *context, const struct actor_kind *kind, struct id128 id, void *state,
                     uint64_t *due_ns);

#endif
