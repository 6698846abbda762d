/* SPDX-License-Identifier: Apache-2.0 */
/* The states of a payment as a table: for each status and each action the next status, or the code
 * with which the action is refused. The status pending belongs to payments over external rails,
 * which bring their own actions; nothing else leads into it.
 *
 *   (none) -- start ----------> processing -- pay, authorize, decline: as from (none)
 *   (none) -- pay ------------> completed -- refund ---> partially_refunded, refunded
 *   (none) -- authorize ------> authorized              (none) -- decline ----> failed
 *   authorized -- capture ----> partially_captured, completed
 *   authorized -- cancel -----> cancelled              authorized -- expire -----> expired
 *   partially_captured -- capture, cancel, expire ---> completed (for what was captured)
 *
 * What is captured can be refunded while the rest is still open; the status shows that only once
 * nothing is open any more: see payment_status_after().
 */
#ifndef PAYMENT_PAYMENT_STATUS_H
#define PAYMENT_PAYMENT_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/u128.h"
#include "schemas/payment.h"

#define PAYMENT_STATUS_NONE 0 /* before it exists */

enum payment_action {
    PAYMENT_ACTION_START,        /* create, when another shard is asked about the payee */
    PAYMENT_ACTION_PAY,          /* create, captured at once */
    PAYMENT_ACTION_AUTHORIZE,    /* create, captured later */
    PAYMENT_ACTION_DECLINE,      /* create, without moving money */
    PAYMENT_ACTION_CAPTURE_PART, /* something stays authorised */
    PAYMENT_ACTION_CAPTURE_LAST, /* nothing stays authorised */
    PAYMENT_ACTION_CANCEL,
    PAYMENT_ACTION_EXPIRE,
    PAYMENT_ACTION_REFUND_PART,  /* something captured stays with the payee */
    PAYMENT_ACTION_REFUND_LAST,
    PAYMENT_ACTION_COUNT,
};

struct payment_step {
    uint8_t next;     /* enum payment_status; 0 = refused */
    uint16_t refusal; /* enum result, if refused */
};

struct payment_step payment_step(uint8_t status, enum payment_action action);

/* The status after an action that the table allows; `captured` and `refunded` are as after it. */
uint8_t payment_status_after(uint8_t status, enum payment_action action, u128 captured,
                             u128 refunded);

/* Is money still kept aside in this status? */
bool payment_status_open(uint8_t status);

#endif
