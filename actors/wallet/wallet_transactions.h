/* SPDX-License-Identifier: Apache-2.0 */
/* Wallet transactions: the movements of a wallet's money, which are entries of its account. One per
 * query, on the read worker. */
#ifndef WALLET_WALLET_TRANSACTIONS_H
#define WALLET_WALLET_TRANSACTIONS_H

#include "actors/ledger/ledger_list.h"
#include "actors/wallet/wallet_queries.h"
#include "schemas/wallet.h"

struct wallet_transactions {
    struct ledger_list list; /* its page counts the items */
    const struct wallet_transaction_list *request;
    struct wallet_row wallet;
    struct wallet_transaction *items;   /* room for as many as the page may have */
    uint16_t codes[PAGE_LIMIT_MAX];     /* of each; 0 = not a service's */
    uint16_t homes[PAGE_LIMIT_MAX];     /* the shard of the transfer of each */
    uint64_t positions[PAGE_LIMIT_MAX]; /* of each, in the journal */
    uint64_t versions[PAGE_LIMIT_MAX];  /* of the account after each */
    bool damaged;
};

/* Takes the entry as a movement, unless it is none or another is asked for. */
void wallet_transactions_add(struct wallet_transactions *scan, const struct entries_row *row);

/* Holds, payments and words of what was taken: RESULT_OK, or why the list cannot be given. */
must_check uint16_t wallet_transactions_complete(struct view_store *s,
                                                 struct wallet_transactions *scan);

uint16_t wallet_query_transactions(struct view_store *s, const struct message *m,
                                   struct wire_writer *reply, uint16_t *reply_type);
uint16_t wallet_query_transaction(struct view_store *s, const struct message *m,
                                  struct wire_writer *reply, uint16_t *reply_type);

#endif
