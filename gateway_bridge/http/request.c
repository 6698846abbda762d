/* SPDX-License-Identifier: Apache-2.0 */
/* llhttp calls back as it finds the parts of a request: spans of the buffer are noted, and when the
 * head is whole it is checked (method, Host, target, framing, in this order). A callback that
 * refuses ends the parsing. Whatever two HTTP implementations could understand differently is
 * refused, and the connection is not used again (RFC 9112 sections 3, 6, 7 and 11.2). */
#include "gateway_bridge/http/request.h"

#include <string.h>

#include "gateway_bridge/http/headers.h"
#include "runtime/base/check.h"
#include "schemas/result.h"

static int request_refuse(struct request *r, enum result code, const char *field, const char *rule)
{
    if (r->refusal == RESULT_OK) {
        r->refusal = (uint16_t)code;
        r->refusal_field = field;
        r->refusal_rule = rule;
    }
    return HPE_USER;
}

static int request_refuse_header(struct request *r)
{
    static_assert(REQUEST_HEAD_MAX == 16384, "named here");
    return request_refuse(r, RESULT_HEADER_TOO_LARGE, "header", "may have at most 16384 bytes");
}

static int request_refuse_large(struct request *r)
{
    static_assert(REQUEST_BODY_MAX == 65536 && REQUEST_BODY_LARGE_MAX == 1048576, "named here");
    return request_refuse(r, RESULT_TOO_LARGE, "body",
                          r->body_limit > REQUEST_BODY_MAX ? "may have at most 1048576 bytes"
                                                           : "may have at most 65536 bytes");
}

/* --- header fields ---------------------------------------------------------------------------- */

static const struct field_name {
    const char *name; /* lower case */
    uint8_t len;
    uint8_t field;
    const char *shown; /* as it is written */
} field_names[] = {
    {"host", 4, FIELD_HOST, "Host"},
    {"content-length", 14, FIELD_CONTENT_LENGTH, "Content-Length"},
    {"transfer-encoding", 17, FIELD_TRANSFER_ENCODING, "Transfer-Encoding"},
    {"content-type", 12, FIELD_CONTENT_TYPE, "Content-Type"},
    {"content-encoding", 16, FIELD_CONTENT_ENCODING, "Content-Encoding"},
    {"expect", 6, FIELD_EXPECT, "Expect"},
    {"accept", 6, FIELD_ACCEPT, "Accept"},
    {"accept-encoding", 15, FIELD_ACCEPT_ENCODING, "Accept-Encoding"},
    {"authorization", 13, FIELD_AUTHORIZATION, "Authorization"},
    {"idempotency-key", 15, FIELD_IDEMPOTENCY_KEY, "Idempotency-Key"},
    {"if-match", 8, FIELD_IF_MATCH, "If-Match"},
    {"if-none-match", 13, FIELD_IF_NONE_MATCH, "If-None-Match"},
    {"traceparent", 11, FIELD_TRACEPARENT, "traceparent"},
    {"x-request-id", 12, FIELD_REQUEST_ID, "X-Request-Id"},
    {"origin", 6, FIELD_ORIGIN, "Origin"},
};

/* Which field has this name, with '_' taken for '-', as some gateways do; NULL = none that is
 * read. */
static const struct field_name *request_find_field(const char *name, uint32_t len, bool *underscore)
{
    for (size_t i = 0; i < array_len(field_names); i++) {
        if (field_names[i].len != len || field_names[i].name[0] != header_lower(name[0]))
            continue;
        uint32_t at = 1;
        while (at < len) {
            char c = header_lower(name[at]);
            if (c == '_') {
                *underscore = true;
                c = '-';
            }
            if (c != field_names[i].name[at])
                break;
            at++;
        }
        if (at == len)
            return &field_names[i];
    }
    return NULL;
}

static int on_url(llhttp_t *http, const char *at, size_t len)
{
    struct request *r = http->data;
    if (r->target.len == 0)
        r->target.at = (uint32_t)(at - r->data);
    r->no_content = http->method == HTTP_HEAD;
    r->target.len += (uint32_t)len;
    if (r->target.len > REQUEST_TARGET_MAX)
        return request_refuse(r, RESULT_URI_TOO_LONG, NULL, NULL);
    return 0;
}

/* Trailers come by the same callbacks; they are counted as framing and dropped. */
static int on_header_field(llhttp_t *http, const char *at, size_t len)
{
    struct request *r = http->data;
    if (r->head_done)
        return 0;
    uint32_t begin = (uint32_t)(at - r->data);
    if (r->name.len == 0)
        r->name.at = begin;
    if (r->header_count == 0 && r->head_at == 0)
        r->head_at = begin;
    r->name.len += (uint32_t)len;
    r->value = (struct span){0};
    if (begin + len - r->head_at > REQUEST_HEAD_MAX)
        return request_refuse_header(r);
    return 0;
}

static int on_header_value(llhttp_t *http, const char *at, size_t len)
{
    struct request *r = http->data;
    if (r->head_done)
        return 0;
    uint32_t begin = (uint32_t)(at - r->data);
    if (r->value.len == 0)
        r->value.at = begin;
    r->value.len += (uint32_t)len;
    if (begin + len - r->head_at > REQUEST_HEAD_MAX)
        return request_refuse_header(r);
    return 0;
}

/* A field that came before comes again, as r->value. */
static int request_repeat(struct request *r, const struct field_name *known)
{
    enum request_field f = (enum request_field)known->field;
    if (f == FIELD_ACCEPT || f == FIELD_ACCEPT_ENCODING || f == FIELD_TRACEPARENT ||
        f == FIELD_REQUEST_ID || f == FIELD_ORIGIN) {
        r->fields[f] = (struct span){0};
        return 0;
    }
    if (f != FIELD_IF_MATCH && f != FIELD_IF_NONE_MATCH)
        return request_refuse(r, RESULT_BAD_REQUEST, known->shown, "is given twice");
    if (r->line_count == REQUEST_LINES_MAX)
        return request_refuse(r, RESULT_BAD_REQUEST, known->shown, "has too many lines");
    r->lines[r->line_count++] = (struct request_line){r->value, f};
    return 0;
}

static int on_header_value_complete(llhttp_t *http)
{
    struct request *r = http->data;
    if (r->head_done)
        return 0;
    if (++r->header_count > REQUEST_HEADERS_MAX)
        return request_refuse(r, RESULT_HEADER_TOO_LARGE, "header", "may have at most 64 fields");
    bool underscore = false;
    const struct field_name *known =
        request_find_field(r->data + r->name.at, r->name.len, &underscore);
    while (r->value.len > 0) {
        char last = r->data[r->value.at + r->value.len - 1];
        if (last != ' ' && last != '\t')
            break;
        r->value.len--;
    }
    if (known != NULL) {
        enum request_field f = (enum request_field)known->field;
        if (underscore)
            return request_refuse(r, RESULT_BAD_REQUEST, known->shown,
                                  "is spelled with _ in place of -");
        if (request_has(r, f)) {
            int refused = request_repeat(r, known);
            if (refused != 0)
                return refused;
        } else {
            r->seen |= 1u << f;
            r->fields[f] = r->value;
        }
    }
    r->head_end = r->value.len > 0 ? r->value.at + r->value.len : r->name.at + r->name.len;
    r->name = (struct span){0};
    r->value = (struct span){0};
    return 0;
}

/* --- the head as a whole ---------------------------------------------------------------------- */

static int request_check_host(struct request *r)
{
    if (!request_has(r, FIELD_HOST)) {
        if (r->http.http_minor == 0)
            return 0;
        return request_refuse(r, RESULT_BAD_REQUEST, "Host", "is missing");
    }
    if (!header_host_valid(request_field(r, FIELD_HOST)))
        return request_refuse(r, RESULT_BAD_REQUEST, "Host",
                              "must be a host name or address, with a port or without");
    return 0;
}

/* "http://host" before the path: the host that is meant, whatever Host says (RFC 9112 section
 * 3.2.2). *rest is what follows it. */
static int request_take_authority(struct request *r, struct span *rest)
{
    struct slice target = request_slice(r, *rest);
    uint32_t scheme = 0;
    if (header_starts(target, "http://"))
        scheme = 7;
    else if (header_starts(target, "https://"))
        scheme = 8;
    else
        return request_refuse(r, RESULT_BAD_REQUEST, "request target", "must begin with /");
    uint32_t end = scheme;
    while (end < target.len && target.data[end] != '/' && target.data[end] != '?')
        end++;
    struct span authority = {rest->at + scheme, end - scheme};
    if (!header_host_valid(request_slice(r, authority)))
        return request_refuse(r, RESULT_BAD_REQUEST, "request target",
                              "must name a host or address, with a port or without");
    r->fields[FIELD_HOST] = authority;
    *rest = (struct span){rest->at + end, rest->len - end};
    return 0;
}

/* May it stand in a target? Those that some programs encode and others do not are refused, as what
 * has them is no URI (RFC 3986 appendix A, RFC 9112 section 3.2). */
static bool request_target_char(unsigned char c)
{
#define BIT(c) (UINT64_C(1) << ((c) & 63))
    static const uint64_t refused[2] = {
        UINT64_C(0x1ffffffff) | BIT('"') | BIT('#') | BIT('<') | BIT('>'),
        BIT('\\') | BIT('^') | BIT('`') | BIT('{') | BIT('|') | BIT('}') | BIT(0x7f),
    };
    return c < 0x80 && (refused[c >> 6] & BIT(c)) == 0;
#undef BIT
}

/* An empty path is "/" (RFC 9110 section 4.2.3): the one before the authority. */
static void request_set_path(struct request *r, struct span rest)
{
    const char *mark = memchr(r->data + rest.at, '?', rest.len);
    r->path = rest;
    r->query = (struct span){rest.at + rest.len, 0};
    if (mark != NULL) {
        r->path.len = (uint32_t)(mark - r->data) - rest.at;
        r->query = (struct span){r->path.at + r->path.len + 1, rest.len - r->path.len - 1};
    }
    if (r->path.len == 0)
        r->path = (struct span){r->fields[FIELD_HOST].at - 1, 1};
}

static int request_check_target(struct request *r)
{
    struct span rest = r->target;
    const char *data = r->data;
    /* llhttp skips any number of spaces there. Both bytes are in the line: a method is before the
     * target and a version behind it. */
    const char *version = data + rest.at + rest.len + 1;
    if (data[rest.at - 2] == ' ' || version[0] == ' ')
        return request_refuse(r, RESULT_BAD_REQUEST, "request target",
                              "must have one space on each side");
    if (memcmp(version, "HTTP/", 5) != 0) /* llhttp takes RTSP/1.0 and ICE/1.0 as well */
        return request_refuse(r, RESULT_VERSION_NOT_SUPPORTED, NULL, NULL);
    for (uint32_t i = 0; i < rest.len; i++) {
        if (!request_target_char((unsigned char)data[rest.at + i]))
            return request_refuse(r, RESULT_BAD_REQUEST, "request target",
                                  "has a character that must be percent-encoded");
    }
    if (rest.len == 0)
        return request_refuse(r, RESULT_BAD_REQUEST, "request target", "is empty");
    bool whole_server = r->http.method == HTTP_OPTIONS && rest.len == 1 && data[rest.at] == '*';
    if (data[rest.at] != '/' && !whole_server) {
        int refused = request_take_authority(r, &rest);
        if (refused != 0)
            return refused;
    }
    request_set_path(r, rest);
    return 0;
}

static int request_check_framing(struct request *r)
{
    struct slice length = request_field(r, FIELD_CONTENT_LENGTH);
    bool has_length = request_has(r, FIELD_CONTENT_LENGTH);
    bool chunked = request_has(r, FIELD_TRANSFER_ENCODING);
    r->body_limit = REQUEST_BODY_MAX;
    if (chunked) {
        if (has_length)
            return request_refuse(r, RESULT_BAD_REQUEST, "Content-Length",
                                  "comes with Transfer-Encoding");
        if (r->http.http_minor == 0)
            return request_refuse(r, RESULT_BAD_REQUEST, "Transfer-Encoding",
                                  "is unknown to HTTP/1.0");
        if (!header_equal(request_field(r, FIELD_TRANSFER_ENCODING), "chunked"))
            return request_refuse(r, RESULT_BAD_REQUEST, "Transfer-Encoding",
                                  "must be exactly chunked");
    }
    if (has_length && length.len == 0)
        return request_refuse(r, RESULT_BAD_REQUEST, "Content-Length", "is empty");
    uint64_t value = 0;
    for (uint32_t i = 0; i < length.len; i++) {
        if (length.data[i] < '0' || length.data[i] > '9')
            return request_refuse(r, RESULT_BAD_REQUEST, "Content-Length",
                                  "must be decimal digits");
        if (value <= REQUEST_BODY_LARGE_MAX)
            value = value * 10 + (uint64_t)(length.data[i] - '0');
    }
    if (chunked || value > REQUEST_BODY_MAX)
        r->body_limit = r->body_max(r->context, r);
    if (value > r->body_limit)
        return request_refuse_large(r);
    return 0;
}

static int request_check_method(struct request *r)
{
    if (r->http.method == HTTP_CONNECT)
        return request_refuse(r, RESULT_NOT_IMPLEMENTED, NULL, NULL);
    r->http.upgrade = 0; /* an offer, of HTTP/2 for example: we go on as we are */
    if (r->http.http_minor == 0)
        r->seen &= ~(1u << FIELD_EXPECT); /* HTTP/1.0 knows none (RFC 9110 section 10.1.1) */
    if (request_has(r, FIELD_EXPECT) &&
        !header_equal(request_field(r, FIELD_EXPECT), "100-continue"))
        return request_refuse(r, RESULT_EXPECTATION_FAILED, NULL, NULL);
    return 0;
}

static int on_headers_complete(llhttp_t *http)
{
    struct request *r = http->data;
    r->head_done = true;
    if (http->http_major != 1)
        return request_refuse(r, RESULT_VERSION_NOT_SUPPORTED, NULL, NULL);
    if (http->http_minor > 1)
        http->http_minor = 1; /* it understands 1.1 as well (RFC 9110 section 2.5) */
    int refused = request_check_method(r);
    if (refused == 0)
        refused = request_check_host(r);
    if (refused == 0)
        refused = request_check_target(r);
    if (refused == 0)
        refused = request_check_framing(r);
    return refused;
}

/* --- body ------------------------------------------------------------------------------------- */

/* Chunks are moved together, over the chunk sizes between them. */
static int on_body(llhttp_t *http, const char *at, size_t len)
{
    struct request *r = http->data;
    if (len > r->body_limit - r->body.len)
        return request_refuse_large(r);
    if (r->body.len == 0)
        r->body.at = (uint32_t)(at - r->data);
    char *end = (char *)r->data + r->body.at + r->body.len;
    if (end != at)
        memmove(end, at, len);
    r->body.len += (uint32_t)len;
    return 0;
}

/* The size is known before its bytes come. */
static int on_chunk_header(llhttp_t *http)
{
    struct request *r = http->data;
    if (http->content_length > r->body_limit - r->body.len)
        return request_refuse_large(r);
    return 0;
}

static int on_chunk_extension(llhttp_t *http, const char *at, size_t len)
{
    struct request *r = http->data;
    (void)at;
    if (len > REQUEST_EXTENSION_MAX - r->extension)
        return request_refuse(r, RESULT_BAD_REQUEST, "body",
                              "may have at most 256 bytes of chunk extensions");
    r->extension += (uint32_t)len;
    return 0;
}

static int on_message_complete(llhttp_t *http)
{
    struct request *r = http->data;
    r->keep_alive = llhttp_should_keep_alive(http) == 1;
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_url = on_url,
    .on_header_field = on_header_field,
    .on_header_value = on_header_value,
    .on_header_value_complete = on_header_value_complete,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_chunk_header = on_chunk_header,
    .on_chunk_extension_name = on_chunk_extension,
    .on_chunk_extension_value = on_chunk_extension,
    .on_message_complete = on_message_complete,
};

/* --- life ------------------------------------------------------------------------------------- */

void request_init(struct request *r, uint32_t (*body_max)(void *, const struct request *),
                  void *context)
{
    *r = (struct request){.body_max = body_max, .context = context};
    llhttp_init(&r->http, HTTP_REQUEST, &settings);
    llhttp_set_lenient_version(&r->http, 1); /* any digit: on_headers_complete() looks at them */
    r->http.data = r;
}

void request_next(struct request *r)
{
    memset(&r->target, 0, sizeof *r - offsetof(struct request, target));
}

void request_expire(struct request *r)
{
    bool no_content = r->no_content;
    request_next(r);
    r->no_content = no_content;
    r->refusal = RESULT_REQUEST_TIMEOUT;
}

/* RFC 9110 section 5.6.2 */
static bool request_token_char(char c)
{
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
        return true;
    return c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}

/* Does the rest of what came of a request line, from a byte that no known method has there, go on
 * as a method would? */
static bool request_method_goes_on(const char *at, const char *end)
{
    const char *rest = at;
    while (rest < end && request_token_char(*rest))
        rest++;
    return rest > at && (rest == end || *rest == ' ');
}

/* What llhttp itself refuses; `end` is that of the bytes that came. */
static void request_refuse_error(struct request *r, llhttp_errno_t error, const char *end)
{
    switch (error) {
    case HPE_INVALID_METHOD:
        if (request_method_goes_on(llhttp_get_error_pos(&r->http), end))
            request_refuse(r, RESULT_NOT_IMPLEMENTED, NULL, NULL);
        else
            request_refuse(r, RESULT_BAD_REQUEST, NULL, llhttp_get_error_reason(&r->http));
        return;
    case HPE_PAUSED_H2_UPGRADE:
        request_refuse(r, RESULT_VERSION_NOT_SUPPORTED, NULL, NULL);
        return;
    default:
        request_refuse(r, RESULT_BAD_REQUEST, NULL, llhttp_get_error_reason(&r->http));
        return;
    }
}

/* All bytes are parsed and the request is not whole: which of them must the caller keep? */
static enum request_step request_keep(struct request *r, size_t len)
{
    if (!r->head_done) {
        if (len > REQUEST_TARGET_MAX + REQUEST_HEAD_MAX) {
            request_refuse_header(r);
            return REQUEST_REFUSED;
        }
        r->fed = (uint32_t)len;
        return REQUEST_MORE;
    }
    if (r->framing > REQUEST_FRAMING_MAX) {
        request_refuse(r, RESULT_BAD_REQUEST, "body", "is cut into too many chunks");
        return REQUEST_REFUSED;
    }
    r->fed = r->body.len > 0 ? r->body.at + r->body.len : r->head_end;
    return REQUEST_MORE;
}

enum request_step request_parse(struct request *r, char *data, size_t len, size_t *used)
{
    check(len >= r->fed && len < UINT32_MAX && r->refusal == RESULT_OK);
    bool in_body = r->head_done;
    uint32_t body_len = r->body.len;
    size_t fresh = len - r->fed;
    r->data = data;
    llhttp_errno_t error = llhttp_execute(&r->http, data + r->fed, fresh);
    if (error == HPE_OK) {
        if (in_body)
            r->framing += (uint32_t)(fresh - (r->body.len - body_len));
        return request_keep(r, len);
    }
    if (error == HPE_PAUSED) {
        *used = (size_t)(llhttp_get_error_pos(&r->http) - data);
        check(*used <= len);
        llhttp_resume(&r->http);
        return REQUEST_READY;
    }
    request_refuse_error(r, error, data + len);
    return REQUEST_REFUSED;
}
