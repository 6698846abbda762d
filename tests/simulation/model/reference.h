/* SPDX-License-Identifier: Apache-2.0 */
/* Reference: a small second opinion of what the events of the journal mean - accounts, transfers,
 * wallets, holds, payments - written apart from actors/. It refuses (broken()) events that may not
 * follow each other: a posting beyond a limit, a capture of more than is held, an expiry before its
 * time, the same transfer twice. */
#ifndef SIMULATION_REFERENCE_H
#define SIMULATION_REFERENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/actor/domain.h"
#include "runtime/base/slot_map.h"
#include "runtime/base/u128.h"

struct ref_counters {
    u128 debits_pending, debits_posted, credits_pending, credits_posted;
};

struct ref_limit {
    bool given;
    u128 amount;
};

/* An account after one of its changes. */
struct ref_version {
    struct ref_counters counters;
    bool entry; /* it has one: else something was kept aside, or let go */
};

struct ref_account {
    struct id128 id, tenant;
    uint16_t currency;
    uint32_t flags;
    struct ref_limit debit_max, credit_max, credit_min;
    uint64_t opened_ns; /* if it was imported, when it is said to have been */
    uint64_t version;
    uint64_t changed_version; /* of the last change that was not only to its counters */
    struct ref_counters now;
    struct ref_version *past; /* past[v - 1]: after version v */
    uint64_t past_cap;
    uint64_t entry_count;
    uint16_t peer; /* of one for money in transit: the other shard */
};

enum ref_transfer_kind {
    REF_POSTED,
    REF_PENDING,
    REF_RESOLVED,
    REF_REFUSED,
};

/* Whatever a transfer's id stands for in a shard. */
struct ref_transfer {
    struct id128 id, debit, credit;
    enum ref_transfer_kind kind;
    uint16_t shard; /* where it is at home: that of its debit account, whatever its id is */
    uint16_t currency;
    uint32_t flags;
    uint64_t by; /* hash of who asked for it */
    u128 amount;
    uint64_t effective_ns; /* when it counts */
    bool reversed;
    bool grouped;          /* a group over shards made it, and this is the one that was asked */
    struct id128 reverses; /* zero = none */
    /* of a pending one */
    u128 held, posted;
    uint64_t due_ns; /* 0 = never */
    bool open;
    bool crosses;   /* the credit account is in another shard, which has a half of it */
    bool resolving; /* ... and is asked to post it */
    bool tells;     /* another shard shows its transaction ... */
    u128 told;      /* ... and that so much of it is held */
};

/* What that shard holds for it. */
struct ref_half {
    struct id128 id, debit, credit;
    uint16_t home, shard;
    uint32_t flags;
    u128 held;
    u128 way; /* what a post that is decided here, and not followed at home, ends of it there */
    bool open;
    bool ending; /* it has ended at home */
    bool coming; /* its group is decided, and not yet followed there */
    bool came;   /* ... but its end has come */
};

enum ref_moving_state {
    REF_MOVING_KEPT,
    REF_MOVING_DECIDED,
    REF_MOVING_DONE,
    REF_MOVING_RELEASED,
};

/* A transfer between two shards, on its way or at its end. */
struct ref_moving {
    struct id128 id, debit, credit, tenant;
    struct id128 reverses; /* zero = none */
    uint16_t currency, home, decider;
    enum ref_moving_state state;
    u128 kept, most, amount; /* what is kept aside; asked for at most; decided */
    uint32_t flags;
    struct id128 pending; /* of a post */
    bool has_timeout;
    uint32_t timeout_s;
    uint64_t decided_ns, effective_ns; /* once it is decided */
    bool reasoned, managed;
    bool reversed; /* where it is at home, be it before that has heard of the decision */
    bool credits; /* the shard where it was asked for has the account that is credited */
};

struct ref_wallet {
    struct id128 id, tenant, owner;
    uint16_t currency;
    uint8_t status;
    bool frozen_for_all;
    struct ref_limit per_transaction, per_day;
    u128 spent;         /* on spent_day, less what came back */
    uint64_t spent_day; /* days since 1970 */
};

struct ref_hold {
    struct id128 id, wallet;
    u128 amount, captured, remaining;
    u128 capturing; /* another shard is asked whether it takes so much; 0 while none is */
    bool capture_final, captured_frozen; /* all of it ends; its wallet was frozen when it began */
    uint64_t created_ns, expires_ns;
};

struct ref_payment {
    struct id128 id, from, to;
    uint16_t currency;
    u128 amount, captured, refunded, remaining;
    uint64_t created_ns;
    uint64_t expires_ns; /* 0 = captured at once */
    bool declined;       /* no money moved, nor ever will */
    bool forgotten;      /* ... and nobody is shown it any more */
    bool manual;         /* it was only authorised at first */
    /* Of one whose payee is in another shard, which is asked about it. */
    bool crosses, started, captured_frozen;
    uint64_t accepted_step; /* reference.steps when home had heard from the payee's shard */
    u128 capturing, releasing, refunding;
    struct id128 pending; /* the transfer that holds what remains */
};

/* What one record did to money of a service on its way to another shard, and what the service says
 * of the same. */
struct ref_passing {
    struct id128 kept_of, let_go_of, followed_of; /* account from which it goes; zero = nothing */
    u128 kept, let_go, followed;
    struct id128 debited, returned; /* wallet; zero = nothing */
    u128 debited_amount, returned_amount;
    u128 capturing, capture_refused, captured;
    /* What comes to a payer from another shard, and what the payment says of it. */
    u128 awaited, not_coming, came, refunding, refund_refused, refunded;
};

/* What one record did, to be compared with what was asked for. */
struct ref_effects {
    uint32_t events;
    uint32_t posted, pending, resolved, expired;
    uint32_t managed;  /* of those posted, pending and resolved */
    uint32_t adjusted; /* posted by others than who manages one of the accounts */
    uint32_t reasons;
    struct id128 posted_from, posted_to; /* of the first */
    u128 posted_amount;                  /* of all */
    struct id128 pending_from, pending_to;
    u128 pending_amount;
    struct id128 resolved_id;
    u128 resolved_amount, released_amount;
    struct id128 frozen_owner; /* of a frozen wallet of which something was captured */
    uint32_t undone; /* resolutions of what was kept aside for what is refused */
    struct ref_passing passing;
};

struct ref_groups;

struct ref_transaction {
    struct id128 id;
    uint16_t shard;
    bool reversed;
};

struct reference {
    const struct slot_map *slots; /* each thing lives in the shard that has the slot of its id */
    uint16_t shard;  /* whose event is applied */
    uint64_t by;     /* hash of who asked for it */
    uint64_t steps;  /* events so far, of all shards */
    struct ref_account *accounts;
    struct ref_transfer *transfers;
    struct ref_wallet *wallets;
    struct ref_hold *holds;
    struct ref_payment *payments;
    struct ref_transaction *transactions;
    uint32_t account_count, transfer_count, wallet_count, hold_count, payment_count;
    uint32_t account_cap, transfer_cap, wallet_cap, hold_cap, payment_cap;
    uint32_t transaction_count, transaction_cap;
    struct ref_half *halves;
    uint32_t half_count, half_cap;
    struct ref_groups *groups; /* ref_groups.h */
    struct ref_moving *movings;
    struct ref_account *transits; /* accounts of money in transit */
    uint32_t decisions;           /* of transfers between shards */
    uint32_t moving_count, moving_cap, transit_count, transit_cap;
    uint32_t *transfer_slots; /* hash table over ids and shards: index + 1 */
    uint32_t transfer_slot_count;
};

void reference_init(struct reference *r, const struct slot_map *slots);
void reference_done(struct reference *r);

/* One event of that shard, decoded; adds to *effects. */
void reference_apply(struct reference *r, uint16_t shard, const struct message_type *type,
                     const void *event, uint64_t time_ns, struct ref_effects *effects);

/* The record whose events came last is at its end. */
void reference_end(struct reference *r, const struct ref_effects *effects);

struct ref_account *reference_account(const struct reference *r, struct id128 id);
/* Of a shard: elsewhere the same id may be that of another one. */
struct ref_transfer *reference_transfer(const struct reference *r, uint16_t shard, struct id128 id);
struct ref_transaction *reference_transaction(const struct reference *r, uint16_t shard,
                                              struct id128 id);
/* The one that moves money of this account, in whichever shard it is at home. */
struct ref_transfer *reference_transfer_of(const struct reference *r, struct id128 id,
                                           struct id128 account_id);
struct ref_wallet *reference_wallet(const struct reference *r, struct id128 id);
struct ref_hold *reference_hold(const struct reference *r, struct id128 id);
struct ref_payment *reference_payment(const struct reference *r, struct id128 id);

/* For the events of crossings: a counter grows or shrinks; the account has one version more; its
 * rules hold after a debit or a credit; an id is used. */
void reference_add(u128 *counter, u128 amount);
void reference_take(u128 *counter, u128 amount);
/* Sums of several accounts, and of a balance and its limit, may be more than a number holds. */
u128 reference_sum(u128 a, u128 b);
void reference_next_version(struct ref_account *a);
void reference_version_without_entry(struct ref_account *a);
void reference_check_status(const struct ref_account *a, bool debit);
void reference_check_end(const struct ref_account *a, bool debit);
/* It is closed, or open again, with the version that it has now. */
void reference_close(struct ref_account *a, bool close);
struct ref_transfer *reference_add_transfer(struct reference *r, struct id128 id,
                                            enum ref_transfer_kind kind);

uint16_t reference_home(const struct reference *r, struct id128 id);

/* The latest time at which something that is still open should end by itself; 0 = nothing. */
uint64_t reference_last_due(const struct reference *r);

#endif
