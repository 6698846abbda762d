/* SPDX-License-Identifier: Apache-2.0 */
/* Route: what one HTTP operation asks for and gives; constant, generated. Every route has its rule
 * of authorisation, or it does not build. */
#ifndef SCHEMAS_ROUTE_H
#define SCHEMAS_ROUTE_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/actor/message.h"
#include "schemas/json.h"

struct route {
    const char *method; /* "POST" */
    const char *path;   /* template: "/wallets/{wallet_id}/transfer" */
    const char *tag;
    const struct message_type *message;
    const struct json_type *request;
    const struct message_type *reply;
    const struct json_type *reply_json;
    const char *scope;             /* NULL: open to everyone */
    const char *any_owner_scope;   /* with it other owners' things are visible; NULL: nothing is */
    bool idempotency_required;     /* without the header Idempotency-Key it is refused */
    bool etag;                     /* the reply carries a version */
    bool body;                     /* takes a JSON body */
    uint16_t status;               /* of success */
    const char *const *path_fields; /* in the order of the template, JSON names of the message */
    const char *const *query_fields;
    uint8_t path_field_count;
    uint8_t query_field_count;
};

#endif
