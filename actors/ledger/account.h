/* SPDX-License-Identifier: Apache-2.0 */
/* Account: the state of a ledger account, its rules for postings, and how accounts are opened. Only
 * apply functions change a state. It takes 128 bytes; open holds have memory of their own, as have
 * limits, texts and user data, which few accounts have. */
#ifndef LEDGER_ACCOUNT_H
#define LEDGER_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/actor/domain.h"
#include "runtime/base/check.h"
#include "schemas/ledger.h"

#define ACCOUNT_HOLDS_LISTED_MAX 1024 /* open holds an account can name; more are only counted */
#define ACCOUNT_METADATA_MAX 6144     /* bytes of encoded metadata */
#define ACCOUNT_STATE_MAX 32768       /* bytes of a stored state */

/* Set in account.flags (and nowhere else) when extra has limits, so that postings need not look
 * there otherwise. */
#define ACCOUNT_LIMITED (1u << 31)

/* Digests of what an account was opened with and may have changed since: by them a repeated request
 * is recognised. 0 of what was not given. */
struct account_asked {
    uint64_t limits, name, metadata;
};

/* What few accounts have. Never changed in place: a change makes a new one, so that the turn can
 * still be undone. */
struct account_extra {
    u128 user_data_128;
    uint64_t user_data_64;
    uint32_t user_data_32;
    uint32_t limits; /* enum account_limits: which of the next three are set */
    u128 debit_balance_max;
    u128 credit_balance_max;
    u128 credit_balance_min;
    struct account_asked asked;
    uint16_t name_len, owner_len, metadata_len;
    /* name, owner and metadata (msgpack map) follow */
};

/* Open holds in the order they were made; entries beyond account.hold_listed may be overwritten,
 * those before it never. */
struct account_holds {
    uint32_t capacity;
    struct id128 ids[];
};

struct account {
    u128 debits_pending;
    u128 debits_posted;
    u128 credits_pending;
    u128 credits_posted;
    struct id128 tenant_id;
    uint64_t version; /* counts the changes: entries, reservations made and let go */
    uint16_t currency;
    uint16_t code;
    uint32_t flags;       /* enum account_flags and ACCOUNT_LIMITED */
    /* Up to here is what every transfer reads, and all that one changes unless it is pending. */
    uint64_t opened_time; /* of imported accounts the given one */
    struct account_extra *extra; /* NULL if nothing is there */
    struct account_holds *holds; /* NULL without open holds */
    uint32_t hold_count;  /* open holds */
    uint32_t hold_listed; /* how many of them `holds` names */
};

#define ACCOUNT_HOT_SIZE offsetof(struct account, opened_time)

static_assert(sizeof(struct account) == 128, "a million accounts fit in memory");
static_assert(ACCOUNT_HOT_SIZE == 96, "with what the runtime keeps of it: two cache lines");

extern const struct actor_kind account_kind;

void account_opened_apply(struct registry *r, const void *event, uint64_t time_ns);
void account_marked_apply(struct registry *r, const void *event, uint64_t time_ns);
void account_updated_apply(struct registry *r, const void *event, uint64_t time_ns);

/* For the apply functions of transfers. */
void account_hold_add(struct registry *r, struct account *a, struct id128 hold);
void account_hold_remove(struct registry *r, struct account *a, struct id128 hold);
/* One more, or one less, that is counted but not named. */
void account_hold_count(struct account *a, int change);

/* What must be true of an account between two events: check() fails otherwise. Reads all of the
 * state, so it is not for what happens with every transfer. */
void account_assert(const struct account *a);

/* How much more a balancing transfer may debit (credit) by the account's own rules. */
u128 account_debit_room(const struct account *a);
u128 account_credit_room(const struct account *a);

/* How much more may be debited by all rules of the account; the largest number if none limits it.
 */
u128 account_debit_most(const struct account *a);

/* RESULT_OK, or which rule of the account refuses a further debit (credit) of this amount. */
uint16_t account_debit_check(const struct account *a, u128 amount);
uint16_t account_credit_check(const struct account *a, u128 amount);

enum account_status account_status_of(uint32_t flags);

/* --- opening, for the other services as well -------------------------------------------------- */

/* Of the limits, name and pairs of this event. */
struct account_asked account_asked_of(const struct account_opened *e);
struct account_updated account_limits_of(const struct account_opened *e);

/* Is this a contradiction: among the limits, or with the flags? */
bool account_limits_contradict(const struct account_updated *limits, uint32_t flags);

/* Finds what opening an account needs; *existing is the account if its id is in use already. */
must_check enum presence account_open_find(struct turn *t, const struct account_opened *e,
                                           const struct account **existing);

/* The rules in the order of their codes; RESULT_ACCOUNT_EXISTS if it was opened before with the
 * same content. Says nothing of the id, which may be a derived one. */
must_check uint16_t account_open_check(struct turn *t, const struct account_opened *e,
                                       const struct account *existing);

/* The same, with the rules for an id that a client gave where they come in the order of the
 * codes. */
must_check uint16_t account_open_client_check(struct turn *t, const struct account_opened *e,
                                              const struct account *existing);

/* Emits. Only after account_open_check() said RESULT_OK. */
void account_open(struct turn *t, const struct account_opened *e);

/* Is this an id that a client may give to something new of this shard? */
must_check uint16_t account_id_check(struct id128 id);

/* --- reading ---------------------------------------------------------------------------------- */

struct slice account_metadata(const struct account *a); /* encoded map */
struct slice account_name(const struct account *a);
struct slice account_owner(const struct account *a);

/* |credits - debits| and the side that is larger. */
u128 account_net(u128 debits, u128 credits, uint8_t *side);

/* Pairs of an encoded map; memory of the turn. Empty if there is none. */
struct metadata account_pairs(struct turn *t, struct slice encoded);

#endif
