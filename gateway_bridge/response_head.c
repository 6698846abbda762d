/* SPDX-License-Identifier: Apache-2.0 */
/* Which header fields an answer has follows from its status and from what answered; none of them is
 * put together from what a client sent but X-Request-Id, which is harmless text, and Link, whose
 * path and query were taken as parts of a request's target. */
#include "gateway_bridge/response_head.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "gateway_bridge/auth/issuer.h"
#include "gateway_bridge/exchange.h"
#include "gateway_bridge/pages.h"
#include "runtime/base/base64url.h"
#include "schemas/instant.h"
#include "schemas/result.h"

#define CURSOR_MAX 64   /* bytes, as every page declares */
#define RETRY_AFTER_S 1 /* where neither actor nor rate limit says how long */

static const struct {
    uint16_t status;
    const char *line;
} status_lines[] = {
    {200, "HTTP/1.1 200 OK\r\n"},
    {201, "HTTP/1.1 201 Created\r\n"},
    {202, "HTTP/1.1 202 Accepted\r\n"},
    {204, "HTTP/1.1 204 No Content\r\n"},
    {304, "HTTP/1.1 304 Not Modified\r\n"},
    {400, "HTTP/1.1 400 Bad Request\r\n"},
    {401, "HTTP/1.1 401 Unauthorized\r\n"},
    {403, "HTTP/1.1 403 Forbidden\r\n"},
    {404, "HTTP/1.1 404 Not Found\r\n"},
    {405, "HTTP/1.1 405 Method Not Allowed\r\n"},
    {406, "HTTP/1.1 406 Not Acceptable\r\n"},
    {408, "HTTP/1.1 408 Request Timeout\r\n"},
    {409, "HTTP/1.1 409 Conflict\r\n"},
    {411, "HTTP/1.1 411 Length Required\r\n"},
    {412, "HTTP/1.1 412 Precondition Failed\r\n"},
    {413, "HTTP/1.1 413 Content Too Large\r\n"},
    {414, "HTTP/1.1 414 URI Too Long\r\n"},
    {415, "HTTP/1.1 415 Unsupported Media Type\r\n"},
    {417, "HTTP/1.1 417 Expectation Failed\r\n"},
    {422, "HTTP/1.1 422 Unprocessable Content\r\n"},
    {428, "HTTP/1.1 428 Precondition Required\r\n"},
    {429, "HTTP/1.1 429 Too Many Requests\r\n"},
    {431, "HTTP/1.1 431 Request Header Fields Too Large\r\n"},
    {500, "HTTP/1.1 500 Internal Server Error\r\n"},
    {501, "HTTP/1.1 501 Not Implemented\r\n"},
    {503, "HTTP/1.1 503 Service Unavailable\r\n"},
    {505, "HTTP/1.1 505 HTTP Version Not Supported\r\n"},
};

static void response_put(struct json_writer *out, const char *text)
{
    json_put_raw(out, text, strlen(text));
}

static void response_put_number(struct json_writer *out, uint64_t value)
{
    char text[U128_TEXT_MAX];
    json_put_raw(out, text, u128_text(value, text));
}

static void response_put_status(struct json_writer *out, uint16_t status)
{
    for (size_t i = 0; i < array_len(status_lines); i++) {
        if (status_lines[i].status == status) {
            response_put(out, status_lines[i].line);
            return;
        }
    }
    /* A status without a line above: the phrase may be empty. */
    json_put_literal(out, "HTTP/1.1 ");
    response_put_number(out, status);
    json_put_literal(out, " \r\n");
}

const char *response_scope(const struct exchange *x)
{
    return x->refusal == RESULT_OK ? x->route->any_owner_scope : x->route->scope;
}

static void response_put_digest(const struct exchange *x, struct json_writer *out)
{
    char text[HEADER_DIGEST_LEN + 2];
    if (x->digest == 0)
        return;
    snprintf(text, sizeof text, "-%08" PRIx32, x->digest);
    response_put(out, text);
}

static void response_put_challenge(const struct exchange *x, struct json_writer *out)
{
    const char *told = token_reason_told(x->token);
    switch (x->challenge) {
    case CHALLENGE_NONE:
    case CHALLENGE_COUNT:
        return;
    case CHALLENGE_TOKEN_MISSING:
        json_put_literal(out, "WWW-Authenticate: Bearer realm=\"payments\"\r\n");
        return;
    case CHALLENGE_TOKEN_INVALID:
        json_put_literal(out, "WWW-Authenticate: Bearer realm=\"payments\", "
                              "error=\"invalid_token\"");
        if (told != NULL) {
            json_put_literal(out, ", error_description=\"");
            response_put(out, told);
            json_put_literal(out, "\"");
        }
        json_put_literal(out, "\r\n");
        return;
    case CHALLENGE_SCOPE:
        json_put_literal(out, "WWW-Authenticate: Bearer realm=\"payments\", "
                              "error=\"insufficient_scope\", scope=\"");
        response_put(out, response_scope(x));
        json_put_literal(out, "\"\r\n");
        return;
    }
}

/* "client";q=10000;w=5 */
static void response_put_rate_item(const struct exchange_rate *rate, char first, uint64_t a,
                                   const char *second, uint64_t b, struct json_writer *out)
{
    json_put_literal(out, "\"");
    response_put(out, rate->policy);
    json_put_literal(out, "\";");
    json_put_raw(out, &first, 1);
    json_put_literal(out, "=");
    response_put_number(out, a);
    response_put(out, second);
    response_put_number(out, b);
}

/* draft-ietf-httpapi-ratelimit-headers: what may be sent, and what of it is left. */
static void response_put_rates(const struct exchange *x, struct json_writer *out)
{
    json_put_literal(out, "RateLimit-Policy: ");
    for (uint32_t i = 0; i < x->rate_count; i++) {
        const struct exchange_rate *rate = &x->rates[i];
        response_put(out, i > 0 ? ", " : "");
        response_put_rate_item(rate, 'q', rate_limit_burst(rate->limit),
                               ";w=", rate_limit_window_s(rate->limit), out);
    }
    json_put_literal(out, "\r\nRateLimit: ");
    for (uint32_t i = 0; i < x->rate_count; i++) {
        const struct exchange_rate *rate = &x->rates[i];
        response_put(out, i > 0 ? ", " : "");
        response_put_rate_item(rate, 'r', rate->verdict.remaining, ";t=", rate->verdict.reset_s,
                               out);
    }
    json_put_literal(out, "\r\n");
}

static void response_put_location(const struct exchange *x, struct json_writer *out)
{
    json_put_literal(out, "Location: ");
    for (uint32_t i = 0; i < x->route->location_count; i++) {
        const struct route_location *piece = &x->route->location[i];
        char text[ID128_TEXT_LEN];
        struct id128 id;
        response_put(out, piece->text);
        if (piece->prefix == NULL)
            continue;
        memcpy(&id, (const char *)x->created + piece->offset, sizeof id);
        id128_text(id, text);
        response_put(out, piece->prefix);
        json_put_literal(out, "_");
        json_put_raw(out, text, sizeof text);
    }
    json_put_literal(out, "\r\n");
}

/* Those of the request's parameters that the next page is asked for with too. */
static void response_put_query(const struct exchange *x, struct json_writer *out)
{
    struct slice rest = x->query, name = slice_of("cursor=");
    while (rest.len > 0) {
        const char *end = memchr(rest.data, '&', rest.len);
        uint32_t len = end != NULL ? (uint32_t)(end - rest.data) : rest.len;
        if (len > 0 && (len < name.len || memcmp(rest.data, name.data, name.len) != 0)) {
            json_put_raw(out, rest.data, len);
            json_put_literal(out, "&");
        }
        len += end != NULL;
        rest = (struct slice){rest.data + len, rest.len - len};
    }
}

/* Of a list without the object around it: the next page (RFC 8288), and how many there are. */
static void response_put_page(const struct exchange *x, struct json_writer *out)
{
    const struct route_paging *at = x->route->paging;
    const char *page = x->listed;
    const struct slice *next = (const void *)(page + at->next);
    if (*(const bool *)(page + at->has_next)) {
        char cursor[BASE64URL_LEN(CURSOR_MAX)];
        check(next->len <= CURSOR_MAX);
        json_put_literal(out, "Link: <");
        json_put_raw(out, x->path.data, x->path.len);
        json_put_literal(out, "?");
        response_put_query(x, out);
        json_put_literal(out, "cursor=");
        json_put_raw(out, cursor, base64url_encode((const uint8_t *)next->data, next->len, cursor));
        json_put_literal(out, ">; rel=\"next\"\r\n");
    }
    if (*(const bool *)(page + at->has_total)) {
        json_put_literal(out, "X-Total-Count: ");
        response_put_number(out, *(const uint32_t *)(const void *)(page + at->total));
        if (*(const bool *)(page + at->has_exact) && !*(const bool *)(page + at->exact))
            json_put_literal(out, "+");
        json_put_literal(out, "\r\n");
    }
}

/* RFC 5789 sections 2.2 and 3.1 */
static bool response_tells_patch(const struct exchange *x, uint16_t status)
{
    return status == 415 ? x->route != NULL && strcmp(x->route->method, "PATCH") == 0
                         : x->allow != NULL && strstr(x->allow, "PATCH") != NULL;
}

static void response_put_stale(const struct message *m, struct json_writer *out)
{
    char text[INSTANT_TEXT_MAX];
    json_put_literal(out, "X-Stale-As-Of: ");
    json_put_raw(out, text, instant_text(m->shown_ns, text));
    json_put_literal(out, "\r\n");
}

/* What a page may read of the answer, or send next: all that is read and written here. */
static void response_put_cors(const struct exchange *x, struct json_writer *out)
{
    json_put_literal(out, "Vary: Origin\r\n");
    if (x->origin.len == 0)
        return;
    json_put_literal(out, "Access-Control-Allow-Origin: ");
    json_put_raw(out, x->origin.data, x->origin.len);
    json_put_literal(out, "\r\nAccess-Control-Allow-Credentials: true\r\n");
    if (x->allow == NULL) {
        json_put_literal(out, "Access-Control-Expose-Headers: Allow, ETag, Idempotency-Replayed, "
                              "Link, Location, RateLimit, RateLimit-Policy, Retry-After, "
                              "traceparent, WWW-Authenticate, X-Journal-Quota-Used, X-Request-Id, "
                              "X-Rows-Looked-At, X-Stale-As-Of, X-Total-Count\r\n");
        return;
    }
    json_put_literal(out, "Access-Control-Allow-Methods: ");
    response_put(out, x->allow);
    json_put_literal(out, "\r\nAccess-Control-Allow-Headers: Authorization, Content-Type, "
                          "Idempotency-Key, If-Match, If-None-Match, traceparent, "
                          "X-Request-Id, X-Requested-With\r\nAccess-Control-Max-Age: 3600\r\n");
}

/* A page of the documents loads nothing from elsewhere and runs no text as a script. Of Redoc's
 * styles one is made before it takes its nonce, empty at first: these two hashes are of it. */
static void response_put_policy(const struct exchange *x, struct json_writer *out)
{
    json_put_literal(out, "Content-Security-Policy: default-src 'none'; script-src 'self'; "
                          "style-src 'self'");
    if (x->nonce != NULL) {
        json_put_literal(out, " 'nonce-");
        response_put(out, x->nonce);
        json_put_literal(out, "' 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=' "
                              "'sha256-DLDPR1ic47WIdK2WyeLkblb/tm2mQH+Jt/NNhZWu1k0='");
    }
    json_put_literal(out, "; connect-src 'self'; img-src 'self'");
    if (page_has_data_images(x->page))
        json_put_literal(out, " data:");
    json_put_literal(out, "; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n"
                          "Referrer-Policy: no-referrer\r\n");
}

/* RFC 6749 sections 5.1 and 5.2 */
static void response_put_issuers(const struct exchange *x, struct json_writer *out)
{
    if (x->issuer_answer == NULL)
        return;
    json_put_literal(out, "Pragma: no-cache\r\n");
    if (x->issuer_answer->authenticate == NULL)
        return;
    json_put_literal(out, "WWW-Authenticate: ");
    response_put(out, x->issuer_answer->authenticate);
    json_put_literal(out, "\r\n");
}

/* Header fields that only some answers carry. */
static void response_put_special(const struct exchange *x, uint16_t status, struct json_writer *out)
{
    const struct message *m = &x->message;
    if ((status == 201 || status == 202) && x->created != NULL)
        response_put_location(x, out);
    if (status < 400 && x->route != NULL && x->route->etag && m->version != 0) {
        json_put_literal(out, "ETag: \"");
        response_put_number(out, m->version);
        response_put_digest(x, out);
        json_put_literal(out, "\"\r\n");
    }
    if (x->bridge->options.cors != NULL)
        response_put_cors(x, out);
    if (x->listed != NULL && status < 400)
        response_put_page(x, out);
    if (x->rate_count > 0)
        response_put_rates(x, out);
    if (m->stale && status < 400)
        response_put_stale(m, out);
    if (status < 400 && m->type != NULL && m->type->view) {
        json_put_literal(out, "X-Rows-Looked-At: ");
        response_put_number(out, m->rows);
        json_put_literal(out, "\r\n");
    }
    if (m->quota_percent > 0) {
        json_put_literal(out, "X-Journal-Quota-Used: ");
        response_put_number(out, m->quota_percent);
        json_put_literal(out, "\r\n");
    }
    if (m->replayed)
        json_put_literal(out, "Idempotency-Replayed: true\r\n");
    if (status == 202 || status == 429 || status == 503) {
        uint32_t seconds = (m->retry_after_ms + 999) / 1000;
        json_put_literal(out, "Retry-After: ");
        response_put_number(out, seconds > 0 ? seconds : RETRY_AFTER_S);
        json_put_literal(out, "\r\n");
    }
    if (x->allow != NULL) {
        json_put_literal(out, "Allow: ");
        response_put(out, x->allow);
        json_put_literal(out, "\r\n");
    }
    if (x->coded && status == 415)
        json_put_literal(out, "Accept-Encoding: identity\r\n");
    if (response_tells_patch(x, status))
        json_put_literal(out, "Accept-Patch: application/json\r\n");
    response_put_challenge(x, out);
    response_put_issuers(x, out);
    if (x->traced) {
        json_put_literal(out, "traceparent: ");
        json_put_raw(out, x->traceparent, sizeof x->traceparent);
        json_put_literal(out, "\r\n");
    }
    if (x->answer.close)
        json_put_literal(out, "Connection: close\r\n");
    else if (x->keep_alive_1_0)
        json_put_literal(out, "Connection: keep-alive\r\n");
}

/* Of a page with a fixed content: it may be kept, but is asked for again each time. */
static void response_put_caching(const struct exchange *x, uint16_t status, bool fixed,
                                 struct json_writer *out)
{
    char tag[PAGE_TAG_MAX];
    if (!fixed) {
        json_put_literal(out, "\r\nCache-Control: no-store\r\n");
        return;
    }
    page_tag(x, tag);
    json_put_literal(out, "\r\nCache-Control: no-cache\r\nVary: Accept-Encoding\r\nETag: ");
    response_put(out, tag);
    json_put_literal(out, "\r\n");
    if (x->gzip && status == 200)
        json_put_literal(out, "Content-Encoding: gzip\r\n");
}

void response_put_head(const struct exchange *x, uint16_t status, const char *content_type,
                       struct slice tail, struct json_writer *out)
{
    struct bridge *b = x->bridge;
    response_put_status(out, status);
    json_put_literal(out, "Date: ");
    json_put_raw(out, b->date, BRIDGE_DATE_LEN);
    if (status != 204 && status != 304) {
        json_put_literal(out, "\r\nContent-Type: ");
        response_put(out, content_type);
        json_put_literal(out, "\r\nContent-Length: ");
        response_put_number(out, b->body.len + tail.len);
    }
    response_put_caching(x, status, tail.len > 0, out);
    json_put_literal(out, "X-Content-Type-Options: nosniff\r\nX-Request-Id: ");
    json_put_raw(out, x->request_id, x->request_id_len);
    json_put_literal(out, "\r\n");
    if (x->page != NULL && page_is_document(x->page))
        response_put_policy(x, out);
    response_put_special(x, status, out);
    json_put_literal(out, "\r\n");
}
