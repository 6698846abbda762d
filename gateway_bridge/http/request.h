/* SPDX-License-Identifier: Apache-2.0 */
/* Request: bytes in, one checked HTTP request out. llhttp does the grammar; everything it leaves to
 * its user is refused here (RFC 9112 framing, Host, versions, targets, repeated fields, sizes).
 * No socket, no clock, no allocation: the fuzzer and the connection call the same functions. */
#ifndef HTTP_REQUEST_H
#define HTTP_REQUEST_H

#include <llhttp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/check.h"
#include "runtime/base/slice.h"

#define REQUEST_TARGET_MAX 8192           /* bytes of the request target */
#define REQUEST_HEAD_MAX (16 * 1024)      /* bytes of the header block */
#define REQUEST_HEADERS_MAX 64            /* header fields */
#define REQUEST_BODY_MAX (64 * 1024)      /* of ordinary operations */
#define REQUEST_BODY_LARGE_MAX (1024 * 1024) /* of bulk operations */
#define REQUEST_FRAMING_MAX (64 * 1024)   /* chunk sizes, their extensions and trailers together */
#define REQUEST_LINES_MAX 8           /* further lines of fields that are lists */
#define REQUEST_EXTENSION_MAX 256         /* bytes of chunk extensions */

/* The fields that are read; all others are dropped, among them every X-Forwarded-*, X-User* and
 * X-JWT-Assertion a client may send. If-Match and If-None-Match are lists and may have several
 * lines. No other may be repeated; Accept, Accept-Encoding and the last three, which change nothing
 * that is asked for, are as if absent then. */
enum request_field {
    FIELD_HOST,
    FIELD_CONTENT_LENGTH,
    FIELD_TRANSFER_ENCODING,
    FIELD_CONTENT_TYPE,
    FIELD_CONTENT_ENCODING,
    FIELD_EXPECT,
    FIELD_ACCEPT,
    FIELD_ACCEPT_ENCODING,
    FIELD_AUTHORIZATION,
    FIELD_IDEMPOTENCY_KEY,
    FIELD_IF_MATCH,
    FIELD_IF_NONE_MATCH,
    FIELD_TRACEPARENT,
    FIELD_REQUEST_ID,
    FIELD_ORIGIN,
    FIELD_COUNT,
};

/* Bytes of the buffer that the request is read from. */
struct span {
    uint32_t at;
    uint32_t len;
};

/* A further line of a field that is a list. */
struct request_line {
    struct span value;
    enum request_field field;
};

enum request_step {
    REQUEST_MORE,    /* the bytes end before the request does */
    REQUEST_READY,   /* the request is whole */
    REQUEST_REFUSED, /* refusal says why; nothing more may be read from this connection */
};

struct request {
    llhttp_t http;
    const char *data; /* of the buffer given to the last request_parse() */
    /* How large the body may be; asked once the head is whole, and only for bodies that may be
     * larger than REQUEST_BODY_MAX. */
    uint32_t (*body_max)(void *context, const struct request *r);
    void *context;

    struct span target;
    struct span path;  /* of the target, without query */
    struct span query; /* without '?' */
    struct span fields[FIELD_COUNT];
    struct request_line lines[REQUEST_LINES_MAX]; /* beyond the first ones, which are in `fields` */
    struct span body;
    struct span name, value; /* of the header field being read */
    uint32_t seen; /* bit n: field n has come */
    uint32_t line_count;
    uint32_t header_count;
    uint32_t head_at;  /* where the header block begins */
    uint32_t head_end; /* where its last field ends */
    uint32_t fed;     /* bytes of the buffer already parsed */
    uint32_t framing; /* bytes after the head that are not body */
    uint32_t extension;  /* bytes of chunk extensions */
    uint32_t body_limit; /* bytes of this request's body */
    bool no_content; /* the method is HEAD: its answer has no body, refused or not */
    bool head_done;
    bool head_passed; /* its body may come: whoever reads for it has asked */
    bool keep_alive;
    uint16_t refusal;         /* enum result; 0 = none */
    const char *refusal_field; /* what broke the rule, "Host" or "body"; NULL = HTTP's grammar */
    const char *refusal_rule;  /* static, as the other; NULL = the code's own words say all */
};

void request_init(struct request *r, uint32_t (*body_max)(void *, const struct request *),
                  void *context);

/* Makes it ready for the next request of the connection. */
void request_next(struct request *r);

/* Turns it into one refused with REQUEST_TIMEOUT. */
void request_expire(struct request *r);

/* data[0] is the first byte of this request; bytes below request_kept() were given before.
 * READY: *used bytes belonged to the request, whose spans refer to `data`.
 * MORE: the caller keeps the first request_kept() bytes and gives them again, followed by new ones.
 */
must_check enum request_step request_parse(struct request *r, char *data, size_t len,
                                           size_t *used);

static inline size_t request_kept(const struct request *r)
{
    return r->fed;
}

/* Some bytes of a request have come, but not all. */
static inline bool request_begun(const struct request *r)
{
    return r->fed > 0;
}

static inline bool request_expects_continue(const struct request *r)
{
    return r->head_passed && r->body.len == 0 && (r->seen & 1u << FIELD_EXPECT) != 0;
}

static inline struct slice request_slice(const struct request *r, struct span s)
{
    return (struct slice){r->data + s.at, s.len};
}

/* Its head says that there is a body. */
static inline bool request_has_body(const struct request *r)
{
    return r->http.content_length > 0 || (r->seen & 1u << FIELD_TRANSFER_ENCODING) != 0;
}

/* Empty if the field is absent. */
static inline struct slice request_field(const struct request *r, enum request_field f)
{
    return request_slice(r, r->fields[f]);
}

static inline bool request_has(const struct request *r, enum request_field f)
{
    return (r->seen & 1u << f) != 0;
}

#endif
