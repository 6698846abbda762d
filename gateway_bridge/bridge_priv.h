/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the bridge share: its state and one exchange. Not for anyone else. */
#ifndef GATEWAY_BRIDGE_BRIDGE_PRIV_H
#define GATEWAY_BRIDGE_BRIDGE_PRIV_H

#include "gateway_bridge/bridge.h"
#include "gateway_bridge/router.h"
#include "runtime/base/slab.h"
#include "runtime/observe/log.h"

#define BRIDGE_DATE_LEN 29         /* Sun, 06 Nov 1994 08:49:37 GMT */
#define BRIDGE_TRACEPARENT_LEN 55  /* 00-<32>-<16>-<2> */
#define BRIDGE_TRACE_ID_AT 3
#define BRIDGE_TRACE_ID_LEN 32

struct issuer_answer;
struct page;

/* Bits of the scopes of a route, in the order of options.routes. */
struct bridge_access {
    uint64_t scope;
    uint64_t any_owner;
};

struct bridge {
    struct bridge_options options;
    struct http_server *server;
    struct router *router;
    struct bridge_access *access;
    struct slab exchanges;
    struct fifo spare;         /* free list: exchanges with their arena and buffers */
    uint32_t in_work;          /* exchanges not in `spare` */
    struct wire_writer encoded; /* scratch of fingerprints */
    struct json_writer body;    /* scratch of answers */
    uint64_t clock_ms;          /* uv_now() when the next three were read */
    uint64_t mono_ns;
    uint64_t wall_s;
    uint64_t date_s;
    char date[BRIDGE_DATE_LEN + 1];
    struct log_limit refusals; /* lines about them */
    struct log_limit shortages; /* the same of clients that could not be let in */
    void (*stopped)(void *context);
    void *stopped_context;
};

/* One request from its arrival to its answer. Reused: arena, reply buffer and object stay. */
struct exchange {
    struct http_answer answer;
    struct bridge *bridge;
    const struct route *route; /* NULL: none was found */
    uint64_t arrived_ns;       /* the bridge's clock when the request was whole */
    const struct page *page;   /* the answer is one of the bridge's own pages */
    const char *allow;         /* methods of the path, with a 405 or asked by OPTIONS */
    const struct issuer_answer *issued; /* the answer is the issuer's; in the arena */
    struct token_claims *claims;        /* a reference; NULL without a good token */
    struct slice path;           /* copy */
    struct slice none_match;     /* copy of If-None-Match; empty = absent or of no meaning */
    uint16_t refusal;            /* enum result: the bridge's own; RESULT_OK = the message has it */
    enum challenge challenge;
    enum token_reason token; /* why the token was refused */
    struct rate_verdict rate;
    bool rated;          /* `rate` counts this request */
    bool keep_alive_1_0; /* HTTP/1.0 wants to be told */
    bool no_content;     /* asked by HEAD: the answer's head alone is sent */
    bool traced;
    uint8_t request_id_len;
    char request_id[BRIDGE_REQUEST_ID_MAX];
    char traceparent[BRIDGE_TRACEPARENT_LEN];
    struct json_error error; /* which field broke which rule; rule NULL = none */
    const void *made;        /* the reply of a 201, in the arena; NULL = nothing was made */
    struct message message;
    struct arena arena;
};

/* For the answer and the log. */
static inline struct slice exchange_request_id(const struct exchange *x)
{
    return (struct slice){x->request_id, x->request_id_len};
}

/* Empty if the client sent none. */
static inline struct slice exchange_trace_id(const struct exchange *x)
{
    return x->traced ? (struct slice){x->traceparent + BRIDGE_TRACE_ID_AT, BRIDGE_TRACE_ID_LEN}
                     : (struct slice){0};
}

/* Reads the clocks at most once per loop pass. */
void bridge_clock(struct bridge *b);

/* --- exchange.c ------------------------------------------------------------------------------- */

struct http_answer *exchange_request(void *context, struct http_connection *c,
                                     const struct request *r);
struct http_answer *exchange_refuse(void *context, struct http_connection *c,
                                    const struct request *r);
void exchange_forget_connection(void *context, void *user); /* its token_memo */
void exchange_release(void *context, struct http_answer *a);
void exchange_free_all(struct bridge *b);

/* --- response.c ------------------------------------------------------------------------------- */

void response_write(void *context, struct http_answer *a, struct json_writer *out);

/* --- pages.c ---------------------------------------------------------------------------------- */

/* Adds the bridge's own pages; false without memory. */
must_check bool pages_add(struct bridge *b);
/* The page behind a route, or NULL. */
const struct page *page_of(const struct route *route);
const char *page_content_type(const struct page *p);
bool page_is_document(const struct page *p); /* HTML and what it loads: gets a security policy */
uint16_t page_write(const struct page *p, struct bridge *b, struct json_writer *body);

#endif
