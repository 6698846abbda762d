/* SPDX-License-Identifier: Apache-2.0 */
/* Turn: one message handled, alone in its shard. The handler finds every actor it concerns,
 * decides, emits events (which are applied at once and enter the journal as one record), replies.
 *
 *     enum turn_result on_transfer(struct turn *t, struct id128 self, const struct message *m)
 *     {
 *         find all actors; if any presence is WAITING: return TURN_WAIT  (it runs again later)
 *         validate; refuse with turn_refuse()            -> nothing changed
 *         turn_emit(...) one or more events              -> states changed, record open
 *         turn_reply(...)                                -> deferred until the record is durable
 *         return TURN_DONE
 *     }
 *
 * A handler that has emitted before it found everything it needs rolls back to a savepoint from
 * before, and only then returns TURN_WAIT. It keeps no pointer to a state beyond the turn, and none
 * over registry_create/remove of the same kind. */
#ifndef ACTOR_TURN_H
#define ACTOR_TURN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/actor/message.h"
#include "runtime/base/time.h"
#include "runtime/wire/attribution.h"

struct turn;
struct registry;

enum turn_result {
    TURN_DONE,   /* replied or refused; of a timeout: finished */
    TURN_WAIT,   /* something is being loaded; run me again */
    TURN_FAILED, /* an invariant does not hold: undo the record, restart the actors */
};

enum presence {
    PRESENCE_THERE,
    PRESENCE_ABSENT,
    PRESENCE_WAITING,
};

/* The handler of a message with one list begins with this item of it; in order, each once. Lets the
 * runtime fetch what the items to come will look for. No effect but time. */
void turn_item(struct turn *t, uint32_t item);

/* Finds an actor of this shard; *state (const: only apply changes it) is set if it is THERE. */
must_check enum presence turn_find(struct turn *t, uint16_t kind, struct id128 id,
                                   const void **state);

/* An event stored earlier in this shard's journal, found by its key (event_rule.key_offset). */
struct stored_event {
    uint16_t number; /* its event type */
    uint64_t time_ns;
    const void *event; /* decoded struct; valid during this turn */
};

/* Was this key, such as a transfer's id, decided already? THERE fills *stored. */
must_check enum presence turn_find_decision(struct turn *t, struct id128 key,
                                            struct stored_event *stored);

/* Who asked for what was decided under this key. The texts, that of the request's id among them,
 * are valid during this turn. */
must_check enum presence turn_find_attribution(struct turn *t, struct id128 key,
                                               struct attribution *ret);

/* Records the event and applies it. All that a turn decides has one time, turn_time(), strictly
 * later than all before it. */
void turn_emit(struct turn *t, const struct message_type *type, const void *event);
uint64_t turn_time(struct turn *t);

/* Undoes every event emitted since the savepoint, states and record alike: linked transfers succeed
 * or fail together. Savepoints nest; the reply is not touched. */
struct turn_savepoint {
    size_t undo;     /* entries of the registry's undo log ... */
    size_t record;   /* ... bytes of the open batch's body ... */
    size_t added;    /* ... outcomes ... */
    uint32_t items;  /* ... items of that batch ... */
    uint32_t events; /* ... and events and sends of the turn so far */
    uint32_t sends;
};
struct turn_savepoint turn_savepoint(struct turn *t);
void turn_rollback(struct turn *t, struct turn_savepoint to);

/* Wall clock as the shard sees it now (never backwards), for deadlines. */
uint64_t turn_now(struct turn *t);

/* A new id with this slot. */
struct id128 turn_new_id(struct turn *t, uint16_t slot);
/* One of this shard's slots, drawn; the same in the whole turn. */
uint16_t turn_any_slot(struct turn *t);
/* The slot of what has this id; one of this shard's if that is none of them: a client chose it. */
uint16_t turn_slot_of(struct turn *t, struct id128 id);

uint16_t turn_shard(struct turn *t);
const struct slot_map *turn_slots(struct turn *t); /* of the deployment */

/* Is what has this id at home in the turn's shard? */
bool turn_at_home(struct turn *t, struct id128 id);

/* --- sends: to actors of this shard or of others ------------------------------------------------
 *
 * A send is part of the turn's record: it leaves when the record is durable, and takes effect
 * exactly once, in order for each pair of shards, whatever is lost, repeated or restarted in
 * between. Its target is found as that of any message (domain_place()). The turn that handles it
 * answers nobody; what it cannot do it decides by events and further sends, and one that fails is
 * parked for an operator, while the stream goes on (runtime/sends/parked.h). */
void turn_send(struct turn *t, const struct message_type *type, const void *body);
/* To the actor with this id in every shard, this one included. */
void turn_send_all(struct turn *t, const struct message_type *type, const void *body);

/* --- copies: what is the same in every shard ----------------------------------------------------
 *
 * Actors of a kind that is declared `everywhere` (domain.h) exist in every shard under the same
 * id. They are copies of what shard 0 decides: an actor of another kind with the slot
 * EVERYWHERE_SLOT takes requests there and tells all shards by turn_send_all(), in order; the
 * handler of a copy emits what it was told, and decides nothing. So shard 0 has a copy too, which
 * its turns read like those of all others. What changes rules of decision names a moment at least
 * EVERYWHERE_LEAD_NS ahead, from which on all shards go by it; a state has what was before as well
 * until then. An event of a turn that went by a copy has its version, and the values it read. */
#define EVERYWHERE_SLOT 0
#define EVERYWHERE_LEAD_NS (2 * NS_PER_S)
#ifndef EVERYWHERE_AGE_MAX_NS                 /* the simulator has less time */
#define EVERYWHERE_AGE_MAX_NS (60 * NS_PER_S) /* older copies are not gone by */
#endif

/* This shard's copy, as it is: all are in memory, so nothing is waited for. NULL: there is none. */
const void *turn_copy(struct turn *t, uint16_t kind, struct id128 id);

/* The copy is as shard 0 had it so long ago; UINT64_MAX: that is not known, or what it was told is
 * parked. Whoever decides by a copy that is too old refuses instead. */
uint64_t turn_copy_age_ns(struct turn *t, uint16_t kind, struct id128 id);

/* Which send the turn handles; NULL: somebody asks. */
const struct send_origin *turn_origin(const struct turn *t);

/* Instead of an answer, and before or after the turn's events and sends: it comes with a later
 * record of this shard, by turn_close(). Until then the request is open under its idempotency key,
 * or without one under turn_ask_by_id(id), which the request names: that ask is returned, for
 * whoever closes it.
 * A repetition of the key waits with the first one, also after a restart. */
struct id128 turn_open(struct turn *t, struct id128 id);
struct id128 turn_ask_by_id(struct id128 id);
/* The same was asked for before and is open, under another key or none: this one waits with it. A
 * key of its own is recorded, so that it has the same answer for ever; beyond RECORD_KEYS_MAX such
 * keys it is refused with OUTCOME_PENDING, and leaves nothing. Nothing else is recorded. */
void turn_attach(struct turn *t, struct id128 ask);
/* After turn_open(): what those are told, with OUTCOME_PENDING, whose deadline passes before the
 * answer comes, once the turn's record is durable; without it, and after a restart, that alone. */
void turn_tell_meanwhile(struct turn *t, const struct message_type *type, const void *reply,
                         uint64_t version);
/* false: so much is on its way to that shard, or it is not reached for so long, that no request may
 * be opened which it must help to decide. Refuse it before anything is recorded. */
bool turn_may_open(const struct turn *t, uint16_t shard);
/* Of a turn that handles a send: gives the ask its answer, as turn_reply() does. One that is not
 * open fails the turn: what another shard says is not believed. */
void turn_close(struct turn *t, struct id128 ask, uint16_t code, const struct message_type *type,
                const void *reply, uint64_t version);

/* Limits. More events than a batch holds, or a larger answer than the asker takes: the whole turn
 * is undone and answered TOO_LARGE, and turn_emit(), turn_reply(), turn_savepoint(), turn_alloc()
 * or turn_find_decision() do not return (they jump). So a handler must own nothing that needs
 * freeing: turn_alloc() has its memory. */

/* Answers the message, exactly once for an ask. code 0 = success; version 0 = no ETag. With an
 * idempotency key the answer is recorded with the events; refusals too. */
void turn_reply(struct turn *t, uint16_t code, const struct message_type *type, const void *reply,
                uint64_t version);

/* A refusal without a body. */
void turn_refuse(struct turn *t, uint16_t code);

/* The refusal that was given (of a list: of each of its items) is about what the caller may not
 * see, or what does not exist: unless something was emitted nothing is recorded, under a key
 * either. Who owns nothing leaves nothing; the same request with the same key is decided anew. */
void turn_unseen(struct turn *t);

/* turn_refuse() and turn_unseen(). */
void turn_refuse_unseen(struct turn *t, uint16_t code);

/* It is still being made in this shard. If it is not found in another one, to which this may not be
 * known, the asker is told OUTCOME_PENDING, not NOT_FOUND. Of what is looked for in several. */
void turn_refuse_unmade(struct turn *t);

/* Instead of an answer: this other shard is to handle the message, and has the last word. Only of
 * what is looked for in several shards (shard_set_post()), and never back again. Leaves nothing. */
void turn_refer(struct turn *t, uint16_t shard);

/* Is the caller allowed to see things of this tenant and owner? An owner_id of zero means
 * "any owner of the tenant". Answer NOT_FOUND, never FORBIDDEN, when it is false. */
bool turn_may_see(const struct turn *t, struct id128 tenant_id, struct id128 owner_id);

/* If-Match and If-None-Match: false (and refused with PRECONDITION) if they do not allow this
 * version; 0 for what is about to be made. */
must_check bool turn_version_matches(struct turn *t, uint64_t version);

/* Memory that lives until the turn ends; never NULL. Beyond the turn's limit it does not return. */
void *turn_alloc(struct turn *t, size_t size);

/* Reason of a TURN_FAILED, for the log and the dead letter. Static text. */
enum turn_result turn_fail(struct turn *t, const char *reason);

#endif
