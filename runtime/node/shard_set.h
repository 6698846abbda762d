/* SPDX-License-Identifier: Apache-2.0 */
/* Shard set: all shards of one node and what they do together: a message finds its shard and the
 * answer its way home, lists wait for the views of all, all end. Each shard belongs to an env,
 * and is touched on that env's thread alone. The node (node.h) lets a shard set work on real
 * threads, the simulator on virtual time. */
#ifndef NODE_SHARD_SET_H
#define NODE_SHARD_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/actor/message.h"
#include "runtime/base/env.h"
#include "runtime/base/slice.h"
#include "runtime/base/slot_map.h"
#include "runtime/shard/shard.h"

#define SHARD_SET_MAX SLOT_MAP_SHARDS_MAX

struct shard_set;

struct shard_set_options {
    const struct domain *domain;
    struct journal_store *journal_store; /* both outlive the shard set */
    struct view_store *view_store;
    const struct slot_map *slots; /* which shard has which slots; outlives the shard set */
    struct env *const *envs;   /* dealt to the shards in turn; read by shard_set_new() only */
    uint16_t env_count;
    struct transport transport; /* of sends between shards; send = NULL: mail between the envs */
    struct worker *journal_worker, *views_worker;
    struct worker *const *read_workers; /* the same */
    uint16_t reader_count;
    struct worker *const *load_workers; /* the same */
    uint16_t loader_count;
    struct slice owner;        /* name of this process in the leases; static */
    size_t resident_max, dedup_entries_max, filter_bytes; /* of each shard: shard.h */
    uint64_t journal_quota;                               /* the same */
    /* The shard's thread; reason is set for RECOVERING and STOPPED. */
    void (*state_changed)(void *context, uint16_t shard, enum shard_state state,
                          const char *reason);
    /* The shard's thread, once: it is closed and nothing of it is under way. */
    void (*quiet)(void *context, uint16_t shard);
    void *context;
};

/* Makes all shards and starts their recovery, before any of the envs works; NULL: no memory. */
must_check struct shard_set *shard_set_new(const struct shard_set_options *options);

/* All shards are quiet. Takes NULL, returns NULL. */
struct shard_set *shard_set_free(struct shard_set *c);

/* As if the process had been killed: see shard_kill(). Returns NULL. */
struct shard_set *shard_set_kill(struct shard_set *c);

/* The thread of `from`. Sends the message to the shard that has the slot of its target, which is
 * found from the body (domain_place()) if it is not set; what may be anywhere goes to a slot of its
 * idempotency key, so that a repetition comes to the same shard, or to one drawn at random. What is
 * used once under an id that a client chose, as a transfer, may be in another shard than the id's:
 * while the answer is NOT_FOUND, which leaves nothing, the next shard is asked, or the one that a
 * turn refers to (turn_refer()). Before that, if it has a key, all are asked whether they know
 * that: an id may have come to be in a shard before the one that decided it. One about the whole
 * node goes to all shards (scatter_gather.h). Sets m->home; m->done runs there. */
void shard_set_post(struct shard_set *c, struct env *from, struct message *m);

/* The same to this shard; the target is set. */
void shard_set_post_to(struct shard_set *c, struct env *from, struct message *m, uint16_t shard);

/* The shard's thread: shard_pass(), shard_answer(). */
void shard_set_pass(struct shard_set *c, uint16_t shard, uint64_t budget_ns);
bool shard_set_answer(struct shard_set *c, uint16_t shard);

/* Any thread, once each: shard_end_lists(), which may be left out, and shard_close() of all
 * shards. */
void shard_set_end_lists(struct shard_set *c);
void shard_set_close(struct shard_set *c);

/* All that is needed to look into a shard: mail to its env, and on that thread its shard. */
uint16_t shard_set_count(const struct shard_set *c);
const struct slot_map *shard_set_slots(const struct shard_set *c);
struct shard *shard_set_shard(const struct shard_set *c, uint16_t number); /* of its env's thread */
struct env *shard_set_env(const struct shard_set *c, uint16_t number);
const struct domain *shard_set_domain(const struct shard_set *c);

#endif
