/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1.1 server of one loop: connections with limits and timeouts, requests in, answers out in
 * the order of the requests. One read and one write per connection and loop pass: answers that
 * became ready in a pass leave in the same write. What waits for a client that does not read is
 * bounded, for each and for all together. All on the loop's thread. */
#ifndef HTTP_HTTP_H
#define HTTP_HTTP_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "gateway_bridge/http/address.h"
#include "gateway_bridge/http/http_counts.h"
#include "gateway_bridge/http/request.h"
#include "runtime/base/list.h"
#include "schemas/json_writer.h"

#define HTTP_PORTS_MAX 8                   /* addresses of a server */
#define HTTP_PIPELINE_MAX 16               /* unanswered requests of a connection */
#define HTTP_READ_SIZE (64 * 1024)         /* bytes of one read */
#define HTTP_WRITE_MAX (32 * 1024 * 1024)  /* bytes of one answer, and HTTP_PENDING_MAX */
/* Bytes that wait for a client beyond one answer: no further request of it is taken until they are
 * on their way. */
#define HTTP_PENDING_MAX (64 * 1024)
#define HTTP_RATE_MIN 500 /* bytes per second that keep a head or body from being too slow */
#define HTTP_LINGER_BYTES_MAX (256 * 1024) /* read and dropped after the last answer */

struct http_server;
struct http_connection;

/* The answer to one request, in the order of the connection's requests; embedded in what makes it.
 * Owned by the handler from request() to release(). */
struct http_answer {
    struct fifo_link link;
    struct http_connection *connection;
    bool ready;
    bool close;  /* the connection ends after it */
    size_t held; /* bytes that it holds until it is written, about; known when it is ready */
};

struct http_handler {
    void *context;
    /* A whole request, whose bytes are gone when this returns. Returns its answer, which may be
     * ready already; NULL without memory: the connection is dropped. */
    struct http_answer *(*request)(void *context, struct http_connection *c,
                                   const struct request *r);
    /* A request's head is whole, but not its body, which has not been kept yet. NULL: it may come.
     * Else the request is refused: its answer is the connection's last one. */
    struct http_answer *(*head)(void *context, struct http_connection *c, const struct request *r);
    /* As request() for one that was refused before it was whole: r->refusal says why. */
    struct http_answer *(*refuse)(void *context, struct http_connection *c,
                                  const struct request *r);
    uint32_t (*body_max)(void *context, const struct request *r);
    /* Appends head and body of a ready answer. What it returns is sent after them from where it is:
     * of the program itself, or empty. */
    struct slice (*write)(void *context, struct http_answer *a, struct json_writer *out);
    /* The connection is gone and the answer, which is not ready yet, will be read by nobody. */
    void (*abandon)(void *context, struct http_answer *a);
    /* The answer was written, or its connection is gone. Exactly once, after it was ready. */
    void (*release)(void *context, struct http_answer *a);
    /* A connection ends whose http_connection_user() was set. */
    void (*forget)(void *context, void *user);
    /* A client from `from` could not be let in, or NULL: not accepted yet; `connections` of this
     * server, or of the address, are open. */
    void (*shortage)(void *context, enum http_shortage what, const struct address *from,
                     uint32_t connections);
};

/* A connection that has sent nothing makes room for one that may: the oldest of an address that has
 * address_max, or of all where there are connections_max. Where none is silent, the new one comes
 * into the reserve, for one request: http_connection_reserved(). There the oldest makes room. */
struct http_limits {
    uint32_t first_ms; /* of a new connection, to its first byte */
    /* From a request's first byte to the end of its head, and as long as HTTP_RATE_MIN needs for
     * what came so far, up to head_most_ms in all. */
    uint32_t head_ms, head_most_ms;
    uint32_t body_ms;         /* the same of its body, which has a size instead of an end */
    uint32_t idle_ms;         /* between requests */
    uint32_t write_ms;        /* a client that does not read */
    uint32_t linger_ms;       /* for a client to notice the end */
    uint32_t stop_ms;         /* instead of write_ms, once the server stops */
    uint32_t connections_max;
    uint32_t reserve_max;               /* beyond connections_max */
    uint32_t address_max;               /* of connections_max, of one address that is not trusted */
    const struct address_list *trusted; /* gateways in front; NULL = none; outlives the server */
    uint32_t requests_max;    /* of one connection */
    /* Bytes of all answers that wait: beyond them connections end whose clients do not read. */
    size_t pending_max;
};

/* 10 s, 20 s, 40 s, 20 s, 75 s, 30 s, 2 s, 1 s, 10,000, 32, 1,000, 100,000 and 64 MiB. For heads
 * and bodies that is the patience of Apache's mod_reqtimeout, which honest clients on bad lines can
 * do with. Most proxies give up an idle connection after 60 s: were we first, a request on its way
 * at that moment would be lost. Enough requests for a load test on connections that stay; behind a
 * gateway 1,000 spread the load better over nodes. */
extern const struct http_limits http_limits_default;

/* NULL without memory. `handler` and `limits` are copied; `seed` is random. */
must_check struct http_server *http_server_new(uv_loop_t *loop, const struct http_handler *handler,
                                               const struct http_limits *limits,
                                               struct http_counts *counts, uint64_t seed);

/* Listens on host:port beside the other loops of this process (SO_REUSEPORT); port 0 takes a free
 * one. The `first` of them finds out whether another program listens there already. `user` is what
 * http_connection_port() gives of its connections. 0 or a libuv error. Up to HTTP_PORTS_MAX times:
 * all share the limits. */
must_check int http_server_listen(struct http_server *s, const char *host, uint16_t port,
                                  bool first, const void *user);
/* Of the address with this `user`; 0: it listens on none. */
uint16_t http_server_port(const struct http_server *s, const void *user);

/* Stops listening, lets requests in work be answered, closes idle connections, and those of clients
 * that do not read their answers; `stopped` runs when the last one is gone and the server has freed
 * itself. */
void http_server_stop(struct http_server *s, void (*stopped)(void *context), void *context);

/* The answer can be written now. May be called within handler->request(). */
void http_answer_ready(struct http_answer *a);

/* What http_server_listen() was given for the address that the client connected to. */
const void *http_connection_port(const struct http_connection *c);
/* Of one that may still be answered. */
const struct address *http_connection_address(const struct http_connection *c);
bool http_connection_trusted(const struct http_connection *c);
/* It was let in only to be told that the server lives, or that it is full. */
bool http_connection_reserved(const struct http_connection *c);

/* What the handler remembers of a connection from one request to the next; NULL until set. */
void *http_connection_user(const struct http_connection *c);
void http_connection_set_user(struct http_connection *c, void *user);

#endif
