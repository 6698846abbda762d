/* SPDX-License-Identifier: Apache-2.0 */
/* Workload: what clients ask for, drawn from what the history knows to exist. */
#ifndef SIMULATION_WORKLOAD_H
#define SIMULATION_WORKLOAD_H

#include "tests/simulation/run.h"

/* Fills type, body, who, shard and expects of a zeroed request. */
void workload_make(struct run *run, struct request *q);

/* --- shared by the files of the workload ------------------------------------------------------ */

/* Where the request must be decided. */
void workload_place(const struct run *run, struct request *q);

struct operation {
    const char *name;
    /* false: nothing there to do it to */
    bool (*make)(struct run *run, struct request *q);
};

extern const uint16_t workload_currencies[SWARM_CURRENCIES_MAX];
extern const struct operation account_operations[], ledger_operations[], wallet_operations[],
    payment_operations[], tally_operations[], forex_operations[];
extern const uint32_t account_operation_count, ledger_operation_count, wallet_operation_count,
    payment_operation_count, tally_operation_count, forex_operation_count;

/* Of the tenant that acts: its owner n, or the clerk, who may act for each of them. */
struct principal workload_owner(const struct run *run, uint32_t n);
struct principal workload_clerk(const struct run *run);
/* The clerk who keeps the books: may adjust what services manage, some of the time. */
struct principal workload_bookkeeper(struct run *run);
/* Given most of the time. */
void workload_reason(struct run *run, bool *given, struct slice *reason);
/* Sees all tenants. */
struct principal workload_operator(void);
/* The owner with this subject_id, most of the time. */
struct principal workload_principal(struct run *run, struct id128 owner_id);

u128 workload_amount(struct run *run);
/* One more than fits beside what the two have moved (NULL: nothing), by any of the counters that
 * are looked at, or just as much; or all that their ledger can still move. */
u128 workload_edge(struct run *run, const struct ref_account *from, const struct ref_account *to,
                   bool pending);
/* All that its ledger can still move. */
u128 workload_rest(const struct run *run, const struct ref_account *a);
/* The amount, or at times such an edge, more often where something is promised; zero: a service's
 * own account. */
u128 workload_moved(struct run *run, u128 amount, struct id128 from, struct id128 to, bool pending);
/* A wallet with money in it, if one is found soon; NULL if there is none at all. What it can spend,
 * most of the time. */
const struct ref_wallet *workload_payer(struct run *run);
/* Whom it may pay: another of its currency, in half of the cases one of another shard, if one is
 * found soon. */
const struct ref_wallet *workload_payee(struct run *run, const struct ref_wallet *from);
/* One to which something is on its way that is not there yet; NULL: there is none. */
const struct ref_wallet *workload_promised(struct run *run);
/* One that has more than a wallet of another shard can take beside what it has, or is promised; not
 * `has`: that lacks it, and could be given it. */
struct workload_pair {
    const struct ref_wallet *from, *to;
    u128 amount;
};
bool workload_overfull(struct run *run, bool has, struct workload_pair *found);
/* A payment of it. */
bool workload_pays_over(struct run *run, struct request *q, const struct workload_pair *over);

u128 workload_payable(struct run *run, const struct ref_wallet *w);
u128 workload_available(const struct run *run, const struct ref_wallet *w);
/* More than it spends at once comes to this wallet. */
bool workload_funded(struct run *run, struct request *q, const struct ref_wallet *w);
/* Of what is left of something, or one or two more. */
u128 workload_part(struct run *run, u128 left);
struct decimal workload_decimal(u128 minor, uint16_t currency);
/* One pair, the same one now and then. */
struct metadata workload_pairs(struct run *run);
uint16_t workload_currency(struct run *run);
/* For something in this shard; or most of the time. */
struct id128 workload_id_in(struct run *run, uint16_t shard);
struct id128 workload_new_id(struct run *run, uint16_t shard);
/* The shard of new accounts: any, but of one tenant the same one most of the time. */
uint16_t workload_shard(struct run *run);
uint32_t workload_expiry_s(struct run *run);
/* Whether a time is given for what cannot count before `earliest`, and which: one that is refused,
 * now and then. The accounts were opened then, not later. */
bool workload_effective(struct run *run, uint32_t one_in, uint64_t opened, uint64_t earliest,
                        uint64_t *time);
/* Since when both accounts are there. */
uint64_t workload_earliest(const struct run *run, struct id128 debit, struct id128 credit);
uint64_t workload_imported_at(struct run *run);
bool workload_chance(struct run *run, uint32_t one_in);

/* Most of the time of the tenant that acts, and no service's. */
const struct ref_account *workload_account(struct run *run);
const struct ref_wallet *workload_wallet(struct run *run);

/* Hears nothing of the other one now: the shard of the first, or of the second. */
bool workload_cut(const struct run *run, struct id128 first, struct id128 second);

/* A request like another one, but for one or two fields. */
bool workload_changed(struct run *run, struct request *q);

/* Where this is. A transfer or transaction may be elsewhere than where its id leads: then the first
 * shard that knows one has it. */
uint16_t workload_found_in(const struct run *run, struct id128 id, uint16_t kind);

/* The id that the client chose for what the request makes; NULL if none. */
const struct id128 *workload_chosen_id(const struct request *q);
/* Is the id that was chosen in use, or may it be, in another shard than that of the request, and
 * not on purpose? Shards know only the ids of their own transfers: what the id leads to would be
 * another one from then on, also for a request that comes again. */
bool workload_chosen_elsewhere(const struct run *run, const struct request *q);

/* One of this type that was answered, most of the time with success; NULL if none is found soon. */
/* Whatever comes of it. */
extern const struct request_expects workload_unknown;

/* What is asked for, and by whom, as in another request. */
void workload_copy(struct request *q, const struct request *from);

const struct request *workload_earlier(struct run *run, const struct message_type *type);
/* A request of this type about what an earlier one made, in another form or under another id. */
bool workload_alike(struct run *run, struct request *q, const struct message_type *type);

/* What a request on its way asks for, under an id that its client chose. NULL: there is none. */
const struct transfer_create *workload_being_made(struct run *run);
/* At times a post, void or reversal of that, if its id leads to where it will be. */
bool workload_unmade(struct run *run, struct request *q, const struct message_type *type);

/* A post or void in the form of a transfer. */
bool workload_resolving(struct run *run, struct request *q);

/* Ledger operations on the transfer of a payment or hold. */
bool workload_beneath_payment(struct run *run, struct request *q);
bool workload_beneath_hold(struct run *run, struct request *q);
/* An adjustment of half of what its ledger can still move, to a wallet to which something is
 * promised. */
bool workload_filled(struct run *run, struct request *q);
/* Closes the payee in another shard, still empty, of what is only authorised. */
bool workload_payee_closes(struct run *run, struct request *q);

/* Transactions of which the accounts are in any shards; one that is under way once more; one shown,
 * be it under way. */
bool workload_transaction_across(struct run *run, struct request *q);
bool workload_transaction_again(struct run *run, struct request *q);
bool workload_crossing_reversed(struct run *run, struct request *q);
bool workload_deaf(const struct run *run); /* does a shard hear nothing from one of many others? */
bool workload_transaction_held(struct run *run, struct request *q);
bool workload_held_ends(struct run *run, struct request *q);
bool workload_reversal_again(struct run *run, struct request *q);
/* The id of the transaction that is made, if it is given; else NULL. */
const struct id128 *workload_transaction_id(const struct request *q);
bool workload_transaction_show(struct run *run, struct request *q);
/* A leg from any account to another of its tenant and currency, at times on with what the one
 * before brought. */
bool workload_leg_across(struct run *run, struct transaction_leg *leg,
                         const struct transaction_leg *before);

/* Lists of which the accounts are in any shards, some in chains; one that is under way once more.
 */
bool workload_bulk_across(struct run *run, struct request *q);
bool workload_bulk_again(struct run *run, struct request *q);
/* A list that asks another shard for the id of what is on its way between two. */
bool workload_bulk_beside(struct run *run, struct request *q);

#endif
