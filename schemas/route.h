/* SPDX-License-Identifier: Apache-2.0 */
/* Route: what one HTTP operation asks for and gives; constant, generated. Every route has its rule
 * of authorisation, or it does not build. An operation of the replaced platform that is not to come
 * again is a route without a message: whoever asks is refused and told what there is instead. */
#ifndef SCHEMAS_ROUTE_H
#define SCHEMAS_ROUTE_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/actor/message.h"
#include "schemas/json_input.h"

/* A piece of the path under which the new thing can be read: text, then perhaps an id. */
struct route_location {
    const char *text;   /* "/wallets/" */
    const char *prefix; /* of the id: "wal"; NULL: no id follows */
    uint32_t offset;    /* of the struct id128 in the reply's struct */
};

/* Of a page whose list alone may be the body: offsets in the reply's struct of what header fields
 * tell then. */
struct route_paging {
    uint32_t has_next, next;   /* bool, struct slice */
    uint32_t has_total, total; /* bool, uint32_t */
    uint32_t has_exact, exact; /* bool, bool */
};

/* The list of a reply as a table: its member, and what each line has. */
struct route_table {
    const char *list;
    const struct json_type *line;
};

/* One of the services that the platform is to its clients, each with a port of its own. */
struct route_service {
    const char *name;  /* "payment" */
    const char *told;  /* "payment_service": in GET /health, metrics and the log */
    const char *title; /* "Payment Service" */
    const char *doc;
    uint32_t route_first, route_count; /* its operations, of catalog_routes */
};

struct route {
    const char *method; /* "POST" */
    const char *path;   /* template: "/wallets/{wallet_id}/transfer" */
    const char *tag;
    const struct route_service *service; /* that it belongs to */
    const struct message_type *message;
    const struct json_type *request;
    const struct message_type *reply;
    const struct json_type *reply_json;
    const char *scope;             /* NULL: open to everyone */
    const char *any_owner_scope;   /* with it other owners' things are visible; NULL: nothing is */
    const char *adjust_scope;      /* with it money moves that a service manages; NULL: none does */
    bool idempotency_required;     /* without the header Idempotency-Key it is refused */
    bool etag;                     /* the reply carries a version */
    bool not_modified;             /* one version, one reply; else a tag has the reply's digest */
    bool body;                     /* takes a JSON body */
    uint16_t status;               /* of success; of the refusal */
    uint16_t refusal;              /* enum result: what everyone is told; RESULT_OK: it works */
    const struct route_location *location; /* of what a 201 made; NULL: none */
    uint8_t location_count;                /* its pieces */
    bool bare; /* at the port of its service the reply is a list without the object around it */
    const struct route_paging *paging; /* NULL: the reply is always an object */
    const struct route_table *csv;     /* NULL: it does not come as text/csv */
    const char *const *path_fields; /* in the order of the template, JSON names of the message */
    const char *const *query_fields;
    uint8_t path_field_count;
    uint8_t query_field_count;
};

/* What it reads has an ETag: 304 if the client has it. */
static inline bool route_is_conditional(const struct route *r)
{
    return r->etag && !r->body && !r->message->mutates;
}

#endif
