/* SPDX-License-Identifier: Apache-2.0 */
/* The table has a cell for every status and action, so nothing depends on the order of ifs; an
 * action that is refused says why in its cell. One thing does not fit: a refund while part is still
 * authorised leaves the status as it is, and payment_status_after() applies it when the last part
 * is captured or given back. */
#include "actors/payment/payment_status.h"

#include "runtime/base/check.h"
#include "schemas/result.h"

#define TO(status) {PAYMENT_STATUS_##status, 0}
#define NO(code) {0, RESULT_##code}

/* A row per status; columns: start, pay, authorize, decline, capture part and last, cancel, expire,
 * refund part and last. A payment is created once: start, pay, authorize and decline lead out of
 * the first row alone, and the last three of them out of a payment that was started. */
static const struct payment_step steps[PAYMENT_STATUS_COUNT + 1][PAYMENT_ACTION_COUNT] = {
    [PAYMENT_STATUS_NONE] = {TO(PROCESSING), TO(COMPLETED), TO(AUTHORIZED), TO(FAILED),
                             NO(NOT_FOUND), NO(NOT_FOUND), NO(NOT_FOUND), NO(NOT_FOUND),
                             NO(NOT_FOUND), NO(NOT_FOUND)},
    [PAYMENT_STATUS_PENDING] = {NO(PAYMENT_IN_PROGRESS), NO(PAYMENT_IN_PROGRESS),
                                NO(PAYMENT_IN_PROGRESS), NO(PAYMENT_IN_PROGRESS),
                                NO(PAYMENT_IN_PROGRESS), NO(PAYMENT_IN_PROGRESS),
                                NO(PAYMENT_IN_PROGRESS), NO(PAYMENT_IN_PROGRESS),
                                NO(PAYMENT_IN_PROGRESS), NO(PAYMENT_IN_PROGRESS)},
    [PAYMENT_STATUS_PROCESSING] = {NO(PAYMENT_IN_PROGRESS), TO(COMPLETED), TO(AUTHORIZED),
                                   TO(FAILED), NO(PAYMENT_IN_PROGRESS), NO(PAYMENT_IN_PROGRESS),
                                   NO(PAYMENT_IN_PROGRESS), NO(PAYMENT_IN_PROGRESS),
                                   NO(PAYMENT_IN_PROGRESS), NO(PAYMENT_IN_PROGRESS)},
    [PAYMENT_STATUS_AUTHORIZED] = {NO(PAYMENT_IN_PROGRESS), NO(PAYMENT_IN_PROGRESS),
                                   NO(PAYMENT_IN_PROGRESS), NO(PAYMENT_IN_PROGRESS),
                                   TO(PARTIALLY_CAPTURED), TO(COMPLETED), TO(CANCELLED),
                                   TO(EXPIRED), NO(PAYMENT_NOT_CAPTURED),
                                   NO(PAYMENT_NOT_CAPTURED)},
    [PAYMENT_STATUS_PARTIALLY_CAPTURED] = {NO(PAYMENT_IN_PROGRESS), NO(PAYMENT_IN_PROGRESS),
                                           NO(PAYMENT_IN_PROGRESS), NO(PAYMENT_IN_PROGRESS),
                                           TO(PARTIALLY_CAPTURED), TO(COMPLETED), TO(COMPLETED),
                                           TO(COMPLETED), TO(PARTIALLY_CAPTURED),
                                           TO(PARTIALLY_CAPTURED)},
    [PAYMENT_STATUS_COMPLETED] = {NO(PAYMENT_ALREADY_CAPTURED), NO(PAYMENT_ALREADY_CAPTURED),
                                  NO(PAYMENT_ALREADY_CAPTURED), NO(PAYMENT_ALREADY_CAPTURED),
                                  NO(PAYMENT_ALREADY_CAPTURED), NO(PAYMENT_ALREADY_CAPTURED),
                                  NO(PAYMENT_ALREADY_CAPTURED), NO(PAYMENT_ALREADY_CAPTURED),
                                  TO(PARTIALLY_REFUNDED), TO(REFUNDED)},
    [PAYMENT_STATUS_FAILED] = {NO(PAYMENT_FAILED), NO(PAYMENT_FAILED), NO(PAYMENT_FAILED),
                               NO(PAYMENT_FAILED), NO(PAYMENT_FAILED), NO(PAYMENT_FAILED),
                               NO(PAYMENT_FAILED), NO(PAYMENT_FAILED), NO(PAYMENT_FAILED),
                               NO(PAYMENT_FAILED)},
    [PAYMENT_STATUS_CANCELLED] = {NO(PAYMENT_CANCELLED), NO(PAYMENT_CANCELLED),
                                  NO(PAYMENT_CANCELLED), NO(PAYMENT_CANCELLED),
                                  NO(PAYMENT_CANCELLED), NO(PAYMENT_CANCELLED),
                                  NO(PAYMENT_CANCELLED), NO(PAYMENT_CANCELLED),
                                  NO(PAYMENT_CANCELLED), NO(PAYMENT_CANCELLED)},
    [PAYMENT_STATUS_EXPIRED] = {NO(PAYMENT_EXPIRED), NO(PAYMENT_EXPIRED), NO(PAYMENT_EXPIRED),
                                NO(PAYMENT_EXPIRED), NO(PAYMENT_EXPIRED), NO(PAYMENT_EXPIRED),
                                NO(PAYMENT_EXPIRED), NO(PAYMENT_EXPIRED), NO(PAYMENT_EXPIRED),
                                NO(PAYMENT_EXPIRED)},
    [PAYMENT_STATUS_PARTIALLY_REFUNDED] =
        {NO(PAYMENT_ALREADY_CAPTURED), NO(PAYMENT_ALREADY_CAPTURED), NO(PAYMENT_ALREADY_CAPTURED),
         NO(PAYMENT_ALREADY_CAPTURED), NO(PAYMENT_ALREADY_CAPTURED), NO(PAYMENT_ALREADY_CAPTURED),
         NO(PAYMENT_ALREADY_CAPTURED), NO(PAYMENT_ALREADY_CAPTURED), TO(PARTIALLY_REFUNDED),
         TO(REFUNDED)},
    [PAYMENT_STATUS_REFUNDED] = {NO(PAYMENT_ALREADY_REFUNDED), NO(PAYMENT_ALREADY_REFUNDED),
                                 NO(PAYMENT_ALREADY_REFUNDED), NO(PAYMENT_ALREADY_REFUNDED),
                                 NO(PAYMENT_ALREADY_REFUNDED), NO(PAYMENT_ALREADY_REFUNDED),
                                 NO(PAYMENT_ALREADY_REFUNDED), NO(PAYMENT_ALREADY_REFUNDED),
                                 NO(PAYMENT_ALREADY_REFUNDED), NO(PAYMENT_ALREADY_REFUNDED)},
};

struct payment_step payment_step(uint8_t status, enum payment_action action)
{
    check(status <= PAYMENT_STATUS_COUNT && action < PAYMENT_ACTION_COUNT);
    return steps[status][action];
}

uint8_t payment_status_after(uint8_t status, enum payment_action action, u128 captured,
                             u128 refunded)
{
    struct payment_step step = payment_step(status, action);
    check(step.next != 0 && refunded <= captured);
    if (step.next != PAYMENT_STATUS_COMPLETED || refunded == 0)
        return step.next;
    return payment_step(step.next, refunded == captured ? PAYMENT_ACTION_REFUND_LAST
                                                        : PAYMENT_ACTION_REFUND_PART).next;
}

bool payment_status_open(uint8_t status)
{
    return status == PAYMENT_STATUS_AUTHORIZED || status == PAYMENT_STATUS_PARTIALLY_CAPTURED;
}
