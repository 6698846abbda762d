/* SPDX-License-Identifier: Apache-2.0 */
/* Token: a transfer between two shards on its way in the line of them. The first shard of the line,
 * where the request came, keeps its part aside and sends the token on; the last decides and posts
 * its part, which is the moment the transfer is made, and sends the decision back; the first then
 * follows, or lets go what it kept aside. Only the first two look at any rule: following cannot
 * refuse, whatever happened to the account since. What crosses stands on the accounts of transit.h
 * until both have posted, so each shard balances at every commit.
 *
 * For services. A message of the service has the token among its fields (`message:token`), goes to
 * the last shard, and one with the decision (`message:decision`) comes back; each end does what it
 * has of its own in the same turn:
 *
 *     first    struct token_end e;
 *              if (token_find(t, &k, &e) == PRESENCE_WAITING) return TURN_WAIT;
 *              code = token_check(t, &k, &e);                 refuse; nothing was recorded
 *              if (!turn_may_open(t, e.peer))                 refuse SHARD_UNAVAILABLE
 *              struct id128 ask = turn_open(t, k.id);
 *              posting_reserve(t, &k, &e, ask);
 *              turn_send(t, the service's message with k)
 *     last     token_find(), as above
 *              struct decision d = posting_decide(t, &k, &e); refusals too
 *              turn_send(t, the service's message with d)
 *     first    struct following f;
 *              there = posting_follow_find(t, reservation_id, &f);      WAITING: return TURN_WAIT
 *              posting_follow(t, &f, &d, &made);
 *              turn_close(t, f.kept.ask, d.result, ...)
 *
 * Which account the first shard has does not matter: a refund that is asked for where its credit
 * account lives reserves the credit, and the last shard debits. Handlers of such messages refuse
 * what no shard sent (turn_origin() is NULL): a decision is nobody's to claim. Nor is what a shard
 * sent believed: token_fault() and posting_follow_fault() come before anything rests on it, and
 * what does not fit fails the turn, so that the send is parked (turn_fail()). */
#ifndef LEDGER_TOKEN_H
#define LEDGER_TOKEN_H

#include <stdint.h>

#include "actors/ledger/posting.h"
#include "runtime/actor/turn.h"
#include "runtime/base/time.h"
#include "schemas/ledger.h"

#define TOKEN_PATIENCE_NS (30 * NS_PER_S) /* until when it may be decided */

/* A token as this shard sees it. */
struct token_end {
    struct posting posting; /* of the account of this shard */
    uint8_t side;           /* enum crossing_side: which one that is */
    uint16_t slot;          /* transit_slot() */
    uint16_t peer;          /* the other shard */
    uint32_t place;         /* of one that a list waits for */
};

/* A token is for a transfer between two shards, one of them this one. */
bool token_crosses(struct turn *t, struct id128 debit_id, struct id128 credit_id);

/* Of a transfer that somebody asks this shard for. */
struct token token_of(struct turn *t, const struct transfer_spec *s, const struct principal *who);

/* Why no shard can have sent this token; NULL: it fits. What the first shard looks at in the
 * transfer alone is looked at again. */
const char *token_fault(struct turn *t, const struct token *k);

/* Finds what this shard needs for it. WAITING: return TURN_WAIT. */
must_check enum presence token_find(struct turn *t, const struct principal *who,
                                    const struct token *k, struct token_end *e);

/* The same where the transfer is asked for, though a send brings it: a list's shard sent that. */
must_check enum presence token_find_asked(struct turn *t, const struct principal *who,
                                          const struct token *k, struct token_end *e);

/* The rules that this shard looks at, in the order of the codes: where the transfer is asked for
 * all but those of the other account, then those of the account here alone. RESULT_OUTCOME_PENDING
 * and e->posting.reservation: it was asked for before and is under way. k->amount becomes what this
 * end allows of a balancing transfer. Where the credit end alone balances, the debit end says with
 * k->lack why it gives no more, and with k->wanted what was asked for unless that was all. */
must_check uint16_t token_check(struct turn *t, struct token *k, struct token_end *e);

/* Keeps the part of this shard aside. Only after token_check() said RESULT_OK. */
void posting_reserve(struct turn *t, const struct token *k, const struct token_end *e,
                     struct id128 ask);

/* Checks, and posts the part of this shard unless something is against it. A refusal that may pass
 * is recorded under an id that a client chose, unless that is another's here. One that an operator
 * has refused after it was parked is decided as if its time were up: the kind whose handler calls
 * this has the message among its refusable ones. */
struct decision posting_decide(struct turn *t, struct token *k, struct token_end *e);

/* Where the first shard of the line finds what it kept aside. */
struct id128 token_reservation_id(const struct token *k, const struct token_end *e);

struct following {
    struct id128 reservation_id;
    struct transfer_reserved kept; /* a copy, good after posting_follow() too */
    struct id128 tenant_id;
    bool has_id; /* a client chose the transfer's id, and here it is still this one's */
};

/* ABSENT: nothing is kept aside, which cannot be: fail the turn. */
must_check enum presence posting_follow_find(struct turn *t, struct id128 reservation_id,
                                             struct following *f);

/* Why the shard that was asked cannot have decided so about this; NULL: it fits. */
const char *posting_follow_fault(struct turn *t, const struct following *f,
                                 const struct decision *d);

/* Carries the decision out. Checks no rule and cannot refuse. What it recorded of a transfer that
 * was made is in *made. */
void posting_follow(struct turn *t, const struct following *f, const struct decision *d,
                    struct transfer_crossed *made);

/* The same of a post that was made. Returns what it recorded. */
struct transfer_resolved posting_follow_post(struct turn *t, const struct following *f,
                                             const struct decision *d);

#endif
