/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the HTTP server share: http.c (the server: its passes, its clock, its end) and
 * http_connection.c (one connection). Not for anyone else. */
#ifndef HTTP_HTTP_PRIV_H
#define HTTP_HTTP_PRIV_H

#include "gateway_bridge/http/http.h"
#include "gateway_bridge/http/listener.h"
#include "gateway_bridge/http/outgoing.h"
#include "gateway_bridge/http/peers.h"

/* What a connection waits for, with what holds then. connection_move() in http_connection.c is the
 * only mover and has the edges.
 *
 *   phase    input      unanswered  outgoing  reads
 *   FIRST    REQUESTS   0           nothing   yes
 *   IDLE     REQUESTS   0           nothing   yes
 *   HEAD     REQUESTS   any         nothing   below HTTP_PIPELINE_MAX and HTTP_PENDING_MAX
 *   BODY     REQUESTS   any         nothing   below HTTP_PIPELINE_MAX and HTTP_PENDING_MAX
 *   BUSY     any        1 or more   nothing   the same, with input REQUESTS
 *   WRITE    any        any         busy      no
 *   LINGER   REFUSED    0           nothing   yes, and drops it
 *   NONE     any        any         nothing   as before
 *   CLOSING  not REQUESTS, any, any: uv_close() was called
 *   CLOSED   not REQUESTS, any, nothing: the handle is gone; freed once nothing is unanswered */
enum http_phase {
    PHASE_FIRST,  /* nothing has come yet */
    PHASE_IDLE,   /* between requests */
    PHASE_HEAD,   /* a head has begun */
    PHASE_BODY,   /* a head is whole, its body is not */
    PHASE_BUSY,   /* nothing but unanswered requests: they have deadlines of their own */
    PHASE_WRITE,  /* the client does not take its answers */
    PHASE_LINGER, /* our side is closed; what still comes is dropped */
    PHASE_TIMED,  /* those above have a list of the server each, and most of them a limit */
    PHASE_NONE = PHASE_TIMED, /* new, or just took a request: http_connection_update() chooses */
    PHASE_CLOSING,
    PHASE_CLOSED,
    PHASE_COUNT,
};

/* What of the client's bytes is still taken. It never goes back. */
enum http_input {
    INPUT_REQUESTS, /* requests */
    INPUT_REFUSED,  /* none any more: the connection ends after the answers to those it has */
    INPUT_ENDED,    /* and the client has closed its side */
};

/* An address that the server listens on. */
struct http_port {
    struct listener listener;
    struct http_server *server;
    const void *user; /* the handler's */
};

struct http_connection {
    uv_tcp_t tcp;
    struct outgoing outgoing;
    uv_shutdown_t shutdown;
    struct http_server *server;
    const struct http_port *port;
    struct request request;
    void *user;          /* the handler's */
    struct fifo answers; /* in the order of their requests */
    uint32_t unanswered; /* requests: the length of `answers` */
    size_t pending;      /* bytes that the ready ones and `outgoing` hold */
    uint32_t requests;   /* taken so far */
    enum http_phase phase;
    enum http_input input;
    bool reading;           /* what was last set in libuv */
    uint64_t entered_ms;    /* the phase; of the timed ones */
    struct list phase_link; /* in server->phases[phase], or alone */
    struct list flush_link; /* in server->to_flush, or alone */
    struct peer *peer;      /* NULL once it is closed */
    struct list peer_link;  /* in peer->silent while nothing has come, or alone */
    struct list place_link; /* so in server->silent; in server->reserved until it is closed */
    bool heard;             /* something has come */
    bool reserved;
    char *unfinished;       /* begins with what is left of an unfinished request */
    size_t unfinished_len;
    size_t unfinished_cap;
    size_t dropped; /* bytes that came in PHASE_LINGER */
};

struct http_server {
    uv_loop_t *loop;
    struct http_handler handler;
    struct http_limits limits;
    struct http_port ports[HTTP_PORTS_MAX];
    uint32_t port_count;
    uv_timer_t tick;
    uint64_t ticked_ms; /* when it last fired */
    uv_prepare_t prepare;
    uv_idle_t idle;
    uint32_t handles; /* of the four above, ports each, not yet closed */
    bool stopping;
    bool idling;
    struct list phases[PHASE_TIMED]; /* connections, in the order of entered_ms */
    struct list to_flush;            /* connections with something to write or to go on with */
    struct json_writer out;
    size_t pending; /* of all connections */
    struct http_counts *counts;
    uint32_t connections; /* until they are freed */
    uint32_t open;        /* not closed, without those of the reserve */
    uint32_t open_reserved;
    struct peers peers;
    struct list silent, reserved; /* connections, oldest first */
    void (*stopped)(void *context);
    void *stopped_context;
    char in[HTTP_READ_SIZE];
};

/* --- http.c ----------------------------------------------------------------------------------- */

/* Something can be written or gone on with: http_connection_flush() is called before the loop
 * blocks. */
void http_server_flush_later(struct http_connection *c);

/* A new connection of a peer begins. */
void http_server_take_place(struct http_connection *c, bool reserved);

/* Something has come from a new connection: it does not have to make room any more. */
void http_server_heard(struct http_connection *c);

/* A connection is closed: its place is free. */
void http_server_vacate(struct http_connection *c);

/* A connection is gone; the last one of a server that stops takes the server along. */
void http_server_forget(struct http_server *s);

/* --- http_connection.c ------------------------------------------------------------------------ */

/* Takes a descriptor that was accepted at the port; without memory it is closed, and the peer
 * left. */
void http_connection_open(const struct http_port *port, int fd, struct peer *peer, bool reserved);

/* Writes what is ready, and goes on with requests that had to wait. May free the connection. */
void http_connection_flush(struct http_connection *c);

/* After anything happened to a connection: ends it, or sets its phase and whether it reads. */
void http_connection_update(struct http_connection *c);

/* Its phase took too long: a request that came too slowly gets an answer; anything else just
 * ends. */
void http_connection_expire(struct http_connection *c);

/* The server stops: no further request, and a client that does not read has stop_ms from here. */
void http_connection_stop(struct http_connection *c);

#endif
