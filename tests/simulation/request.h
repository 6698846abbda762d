/* SPDX-License-Identifier: Apache-2.0 */
/* Request: one thing a client wants, through all attempts to get it. */
#ifndef SIMULATION_REQUEST_H
#define SIMULATION_REQUEST_H

#include "runtime/actor/message.h"
#include "runtime/wire/attribution.h"
#include "schemas/forex.h"
#include "schemas/ledger.h"
#include "schemas/payment.h"
#include "schemas/rule_engine.h"
#include "schemas/wallet.h"
#include "tests/simulation/model/ref_total.h"
#include "tests/simulation/swarm.h"
#include "tests/simulation/tally.h"

#define REQUEST_ITEMS_MAX 24
#define REQUEST_ANY (-1)

union request_body {
    struct account_create account_create;
    struct accounts_create accounts_create;
    struct account_get account_get;
    struct account_update account_update;
    struct account_freeze account_freeze;
    struct account_unfreeze account_unfreeze;
    struct account_close account_close;
    struct account_entries account_entries;
    struct account_balance_at account_balance_at;
    struct account_transactions account_transactions;
    struct account_statement account_statement;
    struct accounts_list accounts_list;
    struct transfer_create transfer_create;
    struct transfers_create transfers_create;
    struct transfers_batch transfers_batch;
    struct transfer_get transfer_get;
    struct transfer_post transfer_post;
    struct transfer_void transfer_void;
    struct transfer_reverse transfer_reverse;
    struct transfers_list transfers_list;
    struct trial_balance_at trial_balance_at;
    struct trial_balance_get trial_balance_get;
    struct transaction_create transaction_create;
    struct transaction_get transaction_get;
    struct transaction_reverse transaction_reverse;
    struct wallet_open wallet_open;
    struct wallet_get wallet_get;
    struct wallet_balance_get wallet_balance_get;
    struct wallet_list wallet_list;
    struct wallet_transaction_list wallet_transaction_list;
    struct wallet_transaction_get wallet_transaction_get;
    struct wallet_fund wallet_fund;
    struct wallet_withdraw wallet_withdraw;
    struct wallet_transfer wallet_transfer;
    struct wallet_hold_create wallet_hold_create;
    struct wallet_hold_capture wallet_hold_capture;
    struct wallet_hold_release wallet_hold_release;
    struct wallet_hold_get wallet_hold_get;
    struct wallet_hold_list wallet_hold_list;
    struct wallet_freeze wallet_freeze;
    struct wallet_unfreeze wallet_unfreeze;
    struct wallet_close wallet_close;
    struct wallet_limits_set wallet_limits_set;
    struct wallet_update wallet_update;
    struct wallet_hold_extend wallet_hold_extend;
    struct wallet_event_list wallet_event_list;
    struct wallet_hold_event_list wallet_hold_event_list;
    struct payment_create payment_create;
    struct payment_capture payment_capture;
    struct payment_refund payment_refund;
    struct payment_cancel payment_cancel;
    struct payment_get payment_get;
    struct payment_list payment_list;
    struct payment_event_list payment_event_list;
    struct payment_refund_list payment_refund_list;
    struct payment_update payment_update;
    struct payment_extend payment_extend;
    struct payment_increase payment_increase;
    struct payment_adapter_list payment_adapter_list;
    struct transaction_evaluate transaction_evaluate;
    struct rule_list rule_list;
    struct rate_set rate_set;
    struct rate_release rate_release;
    struct rate_observe rate_observe;
    struct rate_get rate_get;
    struct rate_pair_get rate_pair_get;
    struct rate_history_list rate_history_list;
    struct convert convert;
    struct tally_note tally_note;
    struct tally_news tally_news;
    struct tally_move tally_move;
};

/* What a success must have done; REQUEST_ANY = not known. A refusal must have moved nothing. */
struct request_expects {
    int posted, pending, resolved;
    struct id128 from, to;    /* of what was posted or is pending; zero = not known */
    bool amount_known;
    u128 amount;              /* posted or pending, or moved by the resolution */
    struct id128 resolved_id; /* zero = not known */
};

/* What was durable when a list or a trial balance was asked for, and so must be in the answer. */
struct known {
    uint32_t accounts, transfers, wallets, payments; /* the first N of the reference's */
    uint32_t decisions;
    uint64_t steps;
    struct ref_total totals[SWARM_CURRENCIES_MAX];   /* of the tenants that the caller may see */
};

struct run;

struct request {
    struct run *run;
    uint32_t number;
    const struct message_type *type;
    union request_body body;
    union {
        struct transfer_spec transfers[REQUEST_ITEMS_MAX];
        struct transfer_create singles[REQUEST_ITEMS_MAX];
        struct account_spec accounts[REQUEST_ITEMS_MAX];
        struct transaction_leg legs[REQUEST_ITEMS_MAX];
    } items;
    struct principal who;
    struct slice request_id; /* of request_id_text */
    char request_id_text[ATTRIBUTION_REQUEST_MAX];
    uint16_t shard; /* where it must be decided, if it changes anything */
    bool anywhere;  /* nothing but its key says where */
    bool keyed;
    struct id128 key, fingerprint;
    bool steals; /* the key was used for another request */
    bool conditional;
    struct precondition precondition;
    bool deadline;
    bool hangs_up;    /* some time after it was first sent */
    atomic_bool gone; /* ... which is now; until it is sent again */
    struct request_expects expects;
    struct id128 reads;       /* account that a read is about; its version ... */
    uint64_t reads_version;   /* ... when the request was first made */
    struct known known;       /* when it was last sent */
    bool id_twice;            /* its id is that of a transfer of other shards */
    bool stale;               /* what it is answered may lack anything */

    uint64_t sent_ns;  /* first, in virtual time */
    uint32_t asks;     /* under way */
    uint32_t attempts;
    uint32_t posts;    /* copies that reached the process */
    bool scheduled;    /* will be sent (again) */
    bool answered;     /* finally, at least once */
    bool settled;      /* will not be sent again */
    uint16_t code;
};

#endif
