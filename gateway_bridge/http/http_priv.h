/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the HTTP server share: http.c (the server: its passes, its clock, its end) and
 * http_connection.c (one connection). Not for anyone else. */
#ifndef HTTP_HTTP_PRIV_H
#define HTTP_HTTP_PRIV_H

#include "gateway_bridge/http/http.h"
#include "gateway_bridge/http/listener.h"

enum http_phase {
    PHASE_IDLE,   /* between requests */
    PHASE_HEAD,   /* a head has begun */
    PHASE_BODY,   /* a head is whole, its body is not */
    PHASE_BUSY,   /* nothing but unanswered requests: they have deadlines of their own */
    PHASE_WRITE,  /* the client does not take its answers */
    PHASE_LINGER, /* our side is closed; what still comes is dropped */
    PHASE_COUNT,
};

struct http_connection {
    uv_tcp_t tcp;
    uv_write_t write;
    uv_shutdown_t shutdown;
    struct http_server *server;
    struct request request;
    void *user; /* the handler's */
    struct fifo answers; /* in the order of their requests */
    uint32_t in_work;
    struct list phase_link; /* in server->phases[phase] */
    enum http_phase phase; /* PHASE_COUNT: in none until http_connection_update() */
    uint64_t entered_ms; /* the phase */
    struct list dirty;   /* in server->dirty, or alone */
    char *own;           /* begins with what is left of an unfinished request */
    size_t own_len;
    size_t own_cap;
    char *rest; /* what the socket did not take, being written; NULL = nothing */
    size_t lingered;   /* bytes dropped in PHASE_LINGER */
    uint32_t requests; /* taken so far */
    bool reading;
    bool ended;   /* no further request is taken */
    bool eof;     /* the client sends no more */
    bool closing; /* uv_close() was called */
    bool closed;  /* and is done */
};

struct http_server {
    uv_loop_t *loop;
    struct http_handler handler;
    struct http_limits limits;
    struct listener listener;
    uv_timer_t tick;
    uv_prepare_t prepare;
    uv_idle_t idle;
    uint32_t handles; /* of the four above, not yet closed */
    bool listening;
    bool stopping;
    bool idling;
    struct list phases[PHASE_COUNT];
    struct list dirty; /* connections with something to write or to go on with */
    struct json_writer out;
    struct http_counts *counts;
    uint32_t connections;
    void (*stopped)(void *context);
    void *stopped_context;
    char in[HTTP_READ_SIZE];
};

/* --- http.c ----------------------------------------------------------------------------------- */

/* Something can be written or gone on with: the connection is flushed before the loop blocks. */
void http_server_mark(struct http_connection *c);

/* One connection less; the last one of a server that stops takes it along. */
void http_server_left(struct http_server *s);

/* --- http_connection.c ------------------------------------------------------------------------ */

/* Takes an accepted descriptor; without memory it is closed. */
void http_connection_open(struct http_server *s, int fd);

/* Writes what is ready, and goes on with requests that had to wait. May free the connection. */
void http_connection_flush(struct http_connection *c);

/* After anything happened to a connection: ends it, or sets its phase and whether it reads. */
void http_connection_update(struct http_connection *c);

/* Its phase took too long: a request that came too slowly gets an answer; anything else just
 * ends. */
void http_connection_expire(struct http_connection *c);

#endif
