/* SPDX-License-Identifier: Apache-2.0 */
/* Exchange: one request from its arrival to its answer. exchange.c decides what answers it and
 * waits for that; access.c lets it pass or not, message_reader.c makes a message of it, pages.c has
 * the bridge's own answers, response.c writes the answer. Loop's thread. Not for anyone outside the
 * bridge. */
#ifndef GATEWAY_BRIDGE_EXCHANGE_H
#define GATEWAY_BRIDGE_EXCHANGE_H

#include "gateway_bridge/bridge_priv.h"
#include "gateway_bridge/http/headers.h"

#define EXCHANGE_ARENA_MAX (2 * 1024 * 1024) /* of requests up to REQUEST_BODY_MAX */

struct issuer_answer;
struct page;

/* A limit that counted a request. */
struct exchange_rate {
    const char *policy; /* its name, for the client */
    const struct rate_limit *limit;
    struct rate_verdict verdict;
};

#define EXCHANGE_RATES_MAX 3

/* Used again and again: `arena` and the buffer of `message.reply` stay, all else begins as zero. */
struct exchange {
    struct http_answer answer;
    struct bridge *bridge;
    const struct bridge_port *port; /* that it came to */
    uint64_t arrived_ns; /* the bridge's clock when the request was whole */
    struct slice path;   /* copy in the arena, as all that is kept of the request */
    struct slice query;  /* the same; kept only where a header field repeats it */
    struct slice origin; /* of the page that asks, if it may: as the settings have it; or empty */

    /* What answers: one of these, or none if it is refused or `allow` says all. */
    const struct route *route;                 /* an operation: an actor's reply */
    const struct page *page;                   /* one of the bridge's own pages */
    const struct route *refused;               /* that everyone is refused */
    const struct issuer_answer *issuer_answer; /* the development issuer's */
    const char *allow; /* methods of the path, with a 405 or asked by OPTIONS */
    const struct route_service *elsewhere; /* where the path leads to something; NULL = nowhere */

    uint16_t refusal; /* enum result: the bridge's own; RESULT_OK = the message has it */
    enum challenge challenge;
    enum token_reason token;     /* why the token was refused */
    struct json_error error;     /* which field broke which rule; rule NULL = none */
    struct token_claims *claims; /* a reference; NULL without a good token */
    struct exchange_rate rates[EXCHANGE_RATES_MAX];
    uint32_t rate_count;
    const char *rate_refused; /* the policy that it broke, or NULL */

    bool keep_alive_1_0; /* an answer to HTTP/1.0 must say that the connection stays */
    bool no_content;     /* asked by HEAD: the answer's head alone is sent */
    bool traced;         /* it came with a traceparent */
    const char *nonce;   /* of the styles of its page, new each time; NULL = there are none */
    bool gzip;           /* its page goes out in that coding */
    bool known;          /* and the client has it already */
    bool coded;          /* its body has a Content-Encoding, which is refused */
    uint8_t request_id_len;
    char request_id[HEADER_REQUEST_ID_MAX];
    char traceparent[HEADER_TRACEPARENT_LEN];
    const struct precondition *precondition; /* in the arena; NULL = none was given */
    atomic_bool gone;                        /* the client is: for message.gone */
    uint32_t digest;         /* of the reply, in its tag; 0 = its version says all */
    const void *created;     /* the reply of a 201, in the arena; NULL = nothing was created */
    const void *listed;      /* the page whose list is the whole body, in the arena; or NULL */
    bool csv;                /* and that as a table */
    struct message message;
    struct arena arena;
};

/* Which it is about, as far as that is known. */
static inline const struct route_service *exchange_service(const struct exchange *x)
{
    return x->route != NULL ? x->route->service : x->port->options.service;
}

/* For the answer and the log. */
static inline struct slice exchange_request_id(const struct exchange *x)
{
    return (struct slice){x->request_id, x->request_id_len};
}

/* Empty if the client sent none. */
static inline struct slice exchange_trace_id(const struct exchange *x)
{
    return x->traced ? (struct slice){x->traceparent + HEADER_TRACE_ID_AT, HEADER_TRACE_ID_LEN}
                     : (struct slice){0};
}

/* Calls of struct http_handler. */
struct http_answer *exchange_request(void *context, struct http_connection *c,
                                     const struct request *r);
struct http_answer *exchange_head(void *context, struct http_connection *c,
                                  const struct request *r);
struct http_answer *exchange_refuse(void *context, struct http_connection *c,
                                    const struct request *r);
void exchange_abandon(void *context, struct http_answer *a);
void exchange_release(void *context, struct http_answer *a);
/* In response.c: appends the answer of an exchange that is ready; returns a page's fixed
 * content. */
struct slice response_write(void *context, struct http_answer *a, struct json_writer *out);

/* None may be in work. */
void exchange_free_all(struct bridge *b);

#endif
