/* SPDX-License-Identifier: Apache-2.0 */
/* Domain: what the runtime needs of the services it runs: kinds of actors, what events do, which
 * queries exist. Constant tables, one `struct service` for each folder of actors/, put together in
 * bin/. */
#ifndef ACTOR_DOMAIN_H
#define ACTOR_DOMAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/actor/message.h"
#include "runtime/actor/registry.h"
#include "runtime/actor/turn.h"
#include "runtime/store/view_store.h"
#include "runtime/store/views.h"

#define KIND_MAX 32 /* kinds are numbered 1 .. KIND_MAX-1 */

typedef enum turn_result (*handle_cb)(struct turn *t, struct id128 self, const struct message *m);

struct handler {
    const struct message_type *type;
    handle_cb handle;
};

/* State to bytes and back: a msgpack array, its first element the number of its format. Made by
 * schemas/generator/states.py from what is declared. */
struct state_codec {
    const char *fields; /* names of the array's first elements, blanks between them, for whoever
                           looks at a state; NULL = without names */
    void (*write)(struct wire_writer *w, const void *state);
    /* Fills a zeroed state. false on damage: then the state owns nothing beyond itself. */
    bool (*read)(struct registry *r, struct wire_reader *from, void *state);
    /* Frees (registry_free) what a state owns beyond itself; NULL = nothing. */
    void (*release)(struct registry *r, void *state);
};

struct actor_kind {
    const char *name;
    uint16_t number;
    uint32_t state_size;
    uint32_t hot_size; /* as much at its begin as registry_hot() may change; 0 = all of it */
    const struct handler *handlers;
    uint32_t handler_count;
    /* Sends that an operator may have refused once they are parked: their handler looks at
     * turn_origin()->refusing, and then decides as if it could not do its work. */
    const struct message_type *const *refusable;
    uint32_t refusable_count;
    const struct state_codec *codec;
    /* The durable deadline passed; may be NULL. m->body is NULL, m->who is the operator. */
    enum turn_result (*timeout)(struct turn *t, struct id128 self);
    bool pinned; /* all that exist are in memory from the start, and stay */
    bool everywhere; /* they are copies, in every shard (turn.h); pinned too */
    /* Its messages are about other actors and their order does not matter: one that waits for a
     * load steps aside for those behind it, and its turn runs under another id (self is not to be
     * used). */
    bool independent;
};

struct projection;

struct event_rule {
    const struct message_type *type;
    uint16_t key_offset; /* of the struct id128 under which turn_find_decision() finds this event
                            later, or MESSAGE_NO_OFFSET */
    /* Pure: changes states in r and nothing else, same result on every replay. */
    void (*apply)(struct registry *r, const void *event, uint64_t time_ns);
    /* Views worker: writes the rows that follow from the event, after its apply(). May be NULL. */
    void (*project)(struct projection *p, const void *event, uint64_t time_ns);
};

/* Whose states an event's apply() asks for: the actors of this kind with the ids in these members.
 * Only saves time: the states of many events are loaded together (runtime/projector/preload.h). */
#define EVENT_NEEDS_MAX 2
struct event_needs {
    const struct message_type *type;
    uint16_t kind;
    uint16_t count;
    uint16_t ids[EVENT_NEEDS_MAX]; /* offsets of struct id128 */
};

/* Answers a message with `view` set, on the read worker. Writes the reply's msgpack, sets
 * *reply_type, returns the code. */
struct query {
    const struct message_type *type;
    uint16_t (*run)(struct view_store *s, const struct message *m, struct wire_writer *reply,
                    uint16_t *reply_type);
};

/* Where a message goes: to this actor, in the shard that has this slot. Actors that every shard has
 * under the same id are the ones of which the id does not name the slot. */
struct place {
    struct id128 target;
    uint16_t slot;
};

static inline struct place place_of(struct id128 id)
{
    return (struct place){id, id128_slot(id)};
}

/* Where a message without a target field goes; `any`: a slot for what may be anywhere. Without a
 * locator it goes there, to the id zero. */
struct locator {
    const struct message_type *type;
    struct place (*locate)(const void *body, const struct principal *who, uint16_t any);
};

/* A message about the whole node, answered by each shard for itself. */
struct gatherer {
    const struct message_type *type; /* changes nothing */
    struct id128 target;             /* in each shard */
    /* The answers of all shards, in their order, become one of the same type. Asker's thread. */
    uint16_t (*join)(const struct slice *replies, uint16_t count, struct wire_writer *reply);
};

struct service {
    const char *name;
    /* Makes what is constant from then on; called by domain_init(), maybe again. May be NULL. */
    void (*prepare)(void);
    const struct actor_kind *const *kinds;
    uint32_t kind_count;
    const struct event_rule *rules;
    uint32_t rule_count;
    const struct event_needs *needs;
    uint32_t needs_count;
    const struct query *queries;
    uint32_t query_count;
    const struct locator *locators;
    uint32_t locator_count;
    const struct gatherer *gatherers;
    uint32_t gatherer_count;
    const struct view_table *const *views;
    uint32_t view_count;
    /* One of the views of one service: who asked for the records of each batch, as its shard, its
     * number and their attributions (wire/attribution.h), each after the item of its record. */
    const struct view_table *attributions;
    /* An event of one service: an id is refused. The views keep such ids as long as the keys of
     * requests (DEDUP_KEEP_NS), and those of all other events for good. */
    const struct message_type *refusal;
    /* Online checker, called by the simulator and `payctl ledger verify`: NULL if all is well,
     * else what is broken. May be NULL. */
    const char *(*audit)(struct registry *r);
};

#define DOMAIN_NUMBER_MAX 4096 /* numbers of messages and events stay below */

/* All services of one deployment. Constant after domain_init(); shared by all threads. */
struct domain {
    const struct service *const *services;
    uint32_t service_count;
    const struct actor_kind *kinds[KIND_MAX];
    bool decided[KIND_MAX]; /* ids of this kind are keys of decisions (event_rule.key_offset) */
    const struct event_rule *rules[DOMAIN_NUMBER_MAX];
    const struct event_needs *needs[DOMAIN_NUMBER_MAX];
    const struct query *queries[DOMAIN_NUMBER_MAX];
    const struct locator *locators[DOMAIN_NUMBER_MAX];
    const struct gatherer *gatherers[DOMAIN_NUMBER_MAX];
    const struct view_table *attributions; /* NULL: no such rows are kept */
    const struct message_type *refusal;    /* NULL: there is no such event */
};

/* A number or kind declared twice is a bug: check() fails. */
void domain_init(struct domain *d, const struct service *const *services, uint32_t count);

struct place domain_place(const struct domain *d, const struct message_type *type, const void *body,
                          const struct principal *who, uint16_t any);

/* --- what project functions may use: views worker, the first failure ends the transaction ----- */

struct registry *projection_registry(struct projection *p);
uint64_t projection_position(struct projection *p); /* of this event: increases over the shard */
uint16_t projection_shard(struct projection *p);
void projection_put(struct projection *p, const struct view_table *t, const struct value *row);
/* What is made rows of later, many at once in the order of an id and a number: much cheaper if they
 * are the key of the rows. Nobody must need the rows before the transaction ends. */
struct sorted_kind {
    const char *name;
    size_t item_size;
    /* Puts the item's rows. `before`: the item of this kind that was put just before, if any. */
    void (*put)(struct projection *p, const void *before, void *item);
};
void projection_put_sorted(struct projection *p, const struct sorted_kind *kind,
                           struct id128 id, uint64_t number, const void *item);
void projection_delete(struct projection *p, const struct view_table *t, const struct value *key);
/* What these read has own writes in it. _get() is false if there is no such row. */
void projection_scan(struct projection *p, const struct view_scan *q, view_row_cb row,
                     void *context);
bool projection_get(struct projection *p, const struct view_table *t, const struct value *key,
                    view_row_cb row, void *context);

/* --- what audit functions may use ------------------------------------------------------------- */

/* Calls each resident state of a kind; false stops. */
void registry_each(struct registry *r, uint16_t kind,
                   bool (*each)(void *context, struct id128 id, const void *state), void *context);

#endif
