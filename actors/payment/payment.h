/* SPDX-License-Identifier: Apache-2.0 */
/* Payment: money from one wallet to another, at once or authorised first. Its first transfer has
 * the payment's 128 bits as its id: posted, or pending, with the payment's deadline and none of its
 * own; an increase puts another pending one in its place. One that is declined has none. Rights:
 * the payer's owner creates and cancels, the payee's owner captures and refunds, both see it, but a
 * declined one only its payer; a caller who may act for any owner may do all of it. */
#ifndef PAYMENT_PAYMENT_H
#define PAYMENT_PAYMENT_H

#include <stdint.h>

#include "actors/payment/payment_status.h"
#include "runtime/actor/domain.h"
#include "runtime/base/time.h"

/* How long one that was declined is shown: as long as the answer is kept under its key. The
 * simulator has less patience. */
#ifndef PAYMENT_DECLINED_NS
#define PAYMENT_DECLINED_NS (31 * NS_PER_DAY)
#endif

#define PAYMENT_ADAPTER "wallet" /* what carries it, in the word of the API */

struct payment {
    struct id128 tenant_id;
    struct id128 payer_id; /* owner of from_account */
    struct id128 payee_id; /* payment_knows_payee() */
    struct id128 from_account; /* wallets */
    struct id128 to_account;
    u128 amount;
    u128 captured;
    u128 refunded;                 /* never more than captured ... */
    u128 refunding;                /* ... with what the payee's shard is asked to give back */
    u128 capturing; /* while has_capturing: the payee's shard is asked to take this */
    u128 releasing;                /* goes back to the payer with that */
    struct id128 capture_id;       /* of the transfer that takes it from the payer */
    struct id128 last_transfer_id; /* of its last step; zero: nothing was made yet */
    struct id128 pending_id;       /* the transfer that holds what is authorised and not captured */
    uint64_t created_at;
    uint64_t updated_at;
    uint64_t expires_at;
    struct slice description; /* registry memory, as the next two */
    struct slice customer_id;
    struct metadata metadata;
    uint32_t version; /* counts its events */
    uint16_t currency;
    uint8_t capture;  /* enum payment_capture_mode */
    uint8_t status;   /* enum payment_status; written by payment_move() alone */
    uint16_t failure; /* enum result, of a failed one; else OK */
    bool has_capturing;
    bool has_expires_at; /* it was authorised, not captured at once nor declined */
};

/* actors/wallet/wallet.h */
struct wallet;
struct wallet_ref;

extern const struct actor_kind payment_kind;

/* Does something happen to it by itself, and when? What is open expires, what was declined is
 * forgotten. */
must_check bool payment_due(const struct payment *p, uint64_t *due_ns);

/* Not before another shard has said who it is; zero is nobody's. */
bool payment_knows_payee(const struct payment *p);

/* Authorised, not captured, not given back. */
u128 payment_remaining(const struct payment *p);
/* Captured, not refunded, and not asked for as a refund. */
u128 payment_refundable(const struct payment *p);

/* What is shown of it, and asked of the table: processing as well while a capture is under way. */
uint8_t payment_status(const struct payment *p);

/* Which action a capture of `amount` is when `released` goes back with it, and a refund of
 * `amount`. */
enum payment_action payment_capture_action(const struct payment *p, u128 amount, u128 released);
enum payment_action payment_refund_action(const struct payment *p, u128 amount);

/* What the API shows; text points into the state. */
struct payment_info payment_info_of(struct id128 id, const struct payment *p);

/* --- in turns --------------------------------------------------------------------------------- */

/* What the caller is shown of it: what the payer noted with it is not for the payee. */
struct payment_info payment_shown(struct turn *t, struct id128 id);

/* The request is in order and the payer the caller's, so that it is kept what became of it; what is
 * refused before this is no payment. */
enum turn_result payment_decline(struct turn *t, const struct payment_created *asked,
                                 uint16_t code);

/* May the payee's wallet receive it? Looked at when the payer can pay. */
must_check uint16_t payment_check_payee(struct id128 tenant_id, uint16_t currency,
                                        enum presence found, const struct wallet_ref *payee);

/* May a refund be taken from the payee's wallet? It gives back what the payee received: the payee's
 * limits do not count it. */
must_check uint16_t payment_check_giver(const struct wallet *payee);

/* --- apply, for the table of rules ------------------------------------------------------------ */

void payment_apply_created(struct registry *r, const void *event, uint64_t time_ns);
void payment_apply_started(struct registry *r, const void *event, uint64_t time_ns);
void payment_apply_accepted(struct registry *r, const void *event, uint64_t time_ns);
void payment_apply_refused(struct registry *r, const void *event, uint64_t time_ns);
void payment_apply_capturing(struct registry *r, const void *event, uint64_t time_ns);
void payment_apply_capture_refused(struct registry *r, const void *event, uint64_t time_ns);
void payment_apply_refunding(struct registry *r, const void *event, uint64_t time_ns);
void payment_apply_refund_refused(struct registry *r, const void *event, uint64_t time_ns);
void payment_apply_captured(struct registry *r, const void *event, uint64_t time_ns);
void payment_apply_refunded(struct registry *r, const void *event, uint64_t time_ns);
void payment_apply_cancelled(struct registry *r, const void *event, uint64_t time_ns);
void payment_apply_declined(struct registry *r, const void *event, uint64_t time_ns);
void payment_apply_updated(struct registry *r, const void *event, uint64_t time_ns);
void payment_apply_increased(struct registry *r, const void *event, uint64_t time_ns);
void payment_apply_extended(struct registry *r, const void *event, uint64_t time_ns);
void payment_apply_forgotten(struct registry *r, const void *event, uint64_t time_ns);
void payment_apply_expired(struct registry *r, const void *event, uint64_t time_ns);

#endif
