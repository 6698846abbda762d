/* SPDX-License-Identifier: Apache-2.0 */
/* Crew: all shards of one node and what they do together: a message finds its shard and the answer
 * its way home, lists learn how far the others are, all end. Each shard belongs to an env, and is
 * touched on that env's thread alone. The node (node.h) lets a crew work on real threads, the
 * simulator on virtual time. */
#ifndef NODE_CREW_H
#define NODE_CREW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/actor/message.h"
#include "runtime/base/env.h"
#include "runtime/base/slice.h"
#include "runtime/shard/shard.h"

#define CREW_SHARDS_MAX 256

struct crew;

struct crew_options {
    const struct domain *domain;
    struct store *store;       /* outlives the crew */
    uint16_t shards;           /* 1 .. CREW_SHARDS_MAX, fixed for the deployment */
    struct env *const *envs;   /* dealt to the shards in turn; read by crew_new() only */
    uint16_t env_count;
    struct lane *journal_lane, *views_lane;
    struct lane *const *read_lanes; /* the same */
    uint16_t reader_count;
    struct slice owner;        /* name of this process in the leases; static */
    size_t resident_max, outcomes_max, filter_bytes, merge_keys; /* of each shard: shard.h */
    /* The shard's thread; reason is set for STOPPED. */
    void (*state_changed)(void *context, uint16_t shard, enum shard_state state,
                          const char *reason);
    /* The shard's thread, once: it is closed and nothing of it is under way. */
    void (*quiet)(void *context, uint16_t shard);
    void *context;
};

/* Makes all shards and starts their recovery, before any of the envs works; NULL: no memory. */
must_check struct crew *crew_new(const struct crew_options *options);

/* All shards are quiet. Takes NULL, returns NULL. */
struct crew *crew_free(struct crew *c);

/* As if the process had been killed: see shard_kill(). Returns NULL. */
struct crew *crew_kill(struct crew *c);

/* The thread of `from`. Sends the message to the shard of its target, which is found from the body
 * (domain_target()) if it is not set; one about the whole node goes to all shards (gathering.h).
 * Sets m->home; m->done runs there. */
void crew_post(struct crew *c, struct env *from, struct message *m);

/* The same to this shard; the target is set. */
void crew_post_to(struct crew *c, struct env *from, struct message *m, uint16_t shard);

/* The shard's thread: shard_pass(). */
bool crew_pass(struct crew *c, uint16_t shard, uint64_t budget_ns);

/* Any thread, once each: shard_end_lists(), which may be left out, and shard_close() of all
 * shards. */
void crew_end_lists(struct crew *c);
void crew_close(struct crew *c);

uint16_t crew_shards(const struct crew *c);
struct shard *crew_shard(const struct crew *c, uint16_t number); /* of its env's thread */
struct env *crew_env(const struct crew *c, uint16_t number);

#endif
