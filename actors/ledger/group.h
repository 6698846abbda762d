/* SPDX-License-Identifier: Apache-2.0 */
/* Group: several transfers over the accounts of any number of shards, made together or not at all,
 * or apart, each for itself, on their way in a line: home, where they are asked for, then each
 * other shard that has an account of them, in the order in which the legs name them. All but the
 * last keep their parts aside; the last decides and posts its own; whoever refuses tells those
 * before it. Those who are told follow, or let go what they kept: that cannot be refused, and home
 * answers without waiting for the rest.
 *
 * Each account keeps aside the most that any of its first so many legs together take, and bring:
 * not the sum, for a leg may spend what an earlier one of the group brought. Money of an account
 * crosses between its shard and the one that decides, which clears between its accounts of money in
 * transit (transit.h), so each shard balances at every commit.
 *
 *     struct group_way w;
 *     group_begin(t, &group, &w);                                  at home
 *     if (group_find(t, &w) == PRESENCE_WAITING) return TURN_WAIT;
 *     code = group_try(t, &w);                                     refuse; nothing was recorded
 *     if (!group_may_open(t, &w))                                  refuse SHARD_UNAVAILABLE
 *     ask = turn_open(t, id);
 *     group_reserve(t, &w, ask);
 *
 * The rest are the handlers in group_messages.c, and what the asker does when home hears of the
 * decision. */
#ifndef LEDGER_GROUP_H
#define LEDGER_GROUP_H

#include "actors/ledger/earmark.h"
#include "actors/ledger/group_share.h"
#include "actors/ledger/leg.h"
#include "runtime/actor/turn.h"
#include "schemas/ledger.h"

#define GROUP_LEGS_MAX 440 /* the largest have 135 bytes, a refusal 8, and a send 64 KiB */

/* A shard of the line, and its first account in the group; of home it may be none. */
struct group_stop {
    uint16_t shard;
    struct id128 account_id;
};

/* A group as the shard sees it whose turn this is. */
struct group_way {
    struct group *group;
    struct group_stop *line;
    uint32_t stops, at; /* of the line; which of them this shard is */
    uint16_t *codes;    /* of legs apart: why they are not made; else RESULT_OK */
    struct leg_between between;
    struct group_reserved reserved; /* by group_try(): what this shard keeps aside */
    uint32_t failed_leg;            /* if it is refused: by which leg */
    const struct earmarks *spared;  /* by what else home keeps aside in this turn; NULL: nothing */
    bool follows;                   /* it is decided */
};

/* Is one of these accounts in another shard than the turn's? */
bool group_crosses(struct turn *t, struct id128 debit_account_id, struct id128 credit_account_id);

/* The line of a group; the rest of *w is for what follows. */
void group_begin(struct turn *t, struct group *g, struct group_way *w);

must_check enum presence group_find(struct turn *t, const struct group_way *w);

/* The rules that this shard looks at, leg by leg: the first code that is not RESULT_OK, and which
 * leg it is about. Of legs apart: of all of them; RESULT_OK if one is left. */
must_check uint16_t group_try(struct turn *t, struct group_way *w);

/* Is the refusal about what the caller may not see, or what does not exist? */
bool group_unseen(struct turn *t, const struct group_way *w, uint16_t code);

/* Of home: may it be sent on its way? */
bool group_may_open(const struct turn *t, const struct group_way *w);

/* Keeps the parts of this shard aside, and sends the group on. Only after group_try() said
 * RESULT_OK, or at home leg_try() of each of legs apart. */
void group_reserve(struct turn *t, struct group_way *w, struct id128 ask);

/* What home keeps aside of this group. */
static inline struct id128 group_home_share(const struct group *g)
{
    return group_share_id(g->group_id, id128_slot(g->group_id));
}

/* Is it the turn's shard that decides? */
bool group_decides(const struct group_way *w);

/* Of a shard that the group comes to: makes its parts if it decides, `now`, else group_try(). The
 * last of the line alone looks at the time. One that an operator has refused after it was parked is
 * refused as if its time were up. */
must_check uint16_t group_visit(struct turn *t, struct group_way *w, uint64_t now);

/* Tells all before this shard what is decided. */
void group_tell(struct turn *t, const struct group_way *w, uint16_t code, uint64_t decided_time);

/* Of home, of what is not made: nobody has what was noted of it. */
void group_forget_notes(struct turn *t, const struct group *g, const struct group_follow *f);

/* Lets go what this shard keeps aside, and makes its parts if it is not refused. */
void group_carry_out(struct turn *t, struct group_way *w, const struct group_follow *f);

#endif
