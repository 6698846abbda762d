/* SPDX-License-Identifier: Apache-2.0 */
/* History: the journal of one shard as an independent reader finds it in the store. It follows what
 * became durable, checks numbering, chain, epochs and times, hands each event to the reference of
 * all shards, and keeps what was recorded for each key: the one answer that the shard may ever
 * give. */
#ifndef SIMULATION_HISTORY_H
#define SIMULATION_HISTORY_H

#include "runtime/store/journal_store.h"
#include "runtime/wire/attribution.h"
#include "tests/simulation/model/ref_rates.h"
#include "tests/simulation/model/ref_sends.h"
#include "tests/simulation/model/ref_tallies.h"
#include "tests/simulation/model/reference.h"

struct history_record {
    struct id128 key, fingerprint;
    uint64_t seq;
    uint64_t version;
    uint64_t reply_hash;
    uint16_t code, reply_type;
    bool open; /* the outcome is still to come */
    struct ref_effects effects;
};

/* What the histories of all shards tell. */
struct history_models {
    struct reference *reference;
    struct ref_sends *sends;
    struct ref_tallies *tallies;
    struct ref_rates *rates;
};

struct history {
    const struct domain *domain;
    struct journal_store *store;
    uint16_t shard;
    struct history_models models;
    uint64_t seq, epoch;
    struct sha256_digest hash;
    uint64_t before_ns, time_ns; /* of the record before, and of the last one */
    uint64_t clock_ns; /* of the last one whose time is its shard's clock, not that of a send that
                          was handled, or the next one after it; in this batch */
    uint64_t clock_seq;
    bool unparks;   /* the record being read handles a send that was parked */
    bool of_system; /* something expires, or is forgotten, in the record being read */
    bool of_group;  /* ... carries out what a group decided */
    struct history_record *records; /* those with a key */
    uint32_t count, cap;
    uint32_t *slots;
    uint32_t slot_count;
    uint64_t events;
    uint64_t kinds[DOMAIN_NUMBER_MAX]; /* events by number of their type */
    void (*on_record)(void *context, const struct history_record *record);
    /* Who asked for a record, with or without a key. */
    void (*on_attribution)(void *context, const struct attribution *a);
    void *context;
    struct arena arena;
    void *event;
};

void history_init(struct history *h, const struct domain *domain, struct journal_store *store,
                  uint16_t shard, const struct history_models *models);
void history_done(struct history *h);

/* Reads on to batch `seq`, which is durable; what was read before must still be there. The store
 * must not be made to fail meanwhile. */
void history_follow(struct history *h, uint64_t seq);

/* NULL if nothing was recorded under this key. */
const struct history_record *history_find(const struct history *h, struct id128 key);

uint64_t history_hash(struct slice bytes);

#endif
