/* SPDX-License-Identifier: Apache-2.0 */
/* The order of the steps decides which refusal a client sees that makes several mistakes: the key,
 * If-Match and If-None-Match, then the first wrong field of path or query, then all wrong and
 * missing ones of the body together. What may stand in the query or in the body counts as the body
 * has it. Texts are copied into the arena as they are decoded, as the request's own bytes are gone
 * when its handler returns. */
#include "gateway_bridge/message_reader.h"

#include <string.h>

#include "gateway_bridge/http/percent.h"
#include "runtime/base/sha256.h"
#include "runtime/base/utf8.h"
#include "schemas/result.h"

#define ARENA_LARGE_MAX (40 * 1024 * 1024) /* of large requests: parsed JSON takes a multiple */

uint16_t message_refuse_field(struct exchange *x, uint16_t code, struct slice field,
                              const char *rule)
{
    uint32_t len = field.len < JSON_FIELD_MAX - 1 ? field.len : JSON_FIELD_MAX - 1;
    if (len > 0)
        memcpy(x->error.field, field.data, len);
    x->error.field[len] = '\0';
    x->error.rule = rule;
    x->error.code = code;
    return code;
}

/* --- path, query, body ------------------------------------------------------------------------ */

/* Percent-decoded copy in the arena, UTF-8; '+' is a space in queries. */
static bool message_decode_text(struct exchange *x, struct slice coded, bool query,
                                struct slice *text)
{
    *text = arena_copy(&x->arena, coded);
    if (coded.len > 0 && text->data == NULL)
        return false;
    return percent_decode(coded, query, (char *)text->data, &text->len) &&
           utf8_valid((const uint8_t *)text->data, text->len);
}

static uint16_t message_read_path(struct exchange *x, void *body, const struct route_match *match,
                                  struct json_input *in)
{
    const struct route *route = x->route;
    for (uint32_t i = 0; i < route->path_field_count; i++) {
        struct slice text, name = slice_of(route->path_fields[i]);
        if (!message_decode_text(x, match->parameters[i], false, &text))
            return message_refuse_field(x, RESULT_BAD_REQUEST, name, "is not percent-encoded text");
        if (!json_text_get(route->request, body, name, text, in))
            return x->error.code;
    }
    return RESULT_OK;
}

static bool message_query_has(const struct route *route, struct slice name)
{
    for (uint32_t i = 0; i < route->query_field_count; i++) {
        if (slice_equal(slice_of(route->query_fields[i]), name))
            return true;
    }
    return false;
}

/* `metadata[order]=17` is the pair order=17 of the field metadata, as an option of payctl has it.
 */
static bool message_name_pair(struct exchange *x, struct slice *name, struct slice *text)
{
    struct slice field = slice_of("metadata");
    uint32_t field_len = field.len;
    if (name->len < field_len + 2 || memcmp(name->data, field.data, field_len) != 0 ||
        name->data[field_len] != '[' || name->data[name->len - 1] != ']')
        return true;
    struct slice key = {name->data + field_len + 1, name->len - field_len - 2};
    char *pair = arena_alloc(&x->arena, (size_t)key.len + 1 + text->len);
    if (pair == NULL || memchr(key.data, '=', key.len) != NULL)
        return false;
    memcpy(pair, key.data, key.len);
    pair[key.len] = '=';
    if (text->len > 0)
        memcpy(pair + key.len + 1, text->data, text->len);
    *text = (struct slice){pair, key.len + 1 + text->len};
    name->len = field_len;
    return true;
}

static uint16_t message_read_pair(struct exchange *x, void *body, struct slice pair,
                                  struct json_input *in)
{
    const char *equals = memchr(pair.data, '=', pair.len);
    uint32_t name_len = equals != NULL ? (uint32_t)(equals - pair.data) : pair.len;
    struct slice name, text, coded = {pair.data + name_len, 0};
    if (equals != NULL)
        coded = (struct slice){equals + 1, pair.len - name_len - 1};
    if (!message_decode_text(x, (struct slice){pair.data, name_len}, true, &name))
        return message_refuse_field(x, RESULT_BAD_REQUEST, slice_of("query"),
                                    "is not percent-encoded text");
    if (!message_decode_text(x, coded, true, &text))
        return message_refuse_field(x, RESULT_BAD_REQUEST, name, "is not percent-encoded text");
    if (name.len == 0 || memchr(name.data, 0, name.len) != NULL)
        return message_refuse_field(x, RESULT_UNKNOWN_FIELD, slice_of("query"),
                                    "has a parameter without a name");
    if (!message_name_pair(x, &name, &text) || !message_query_has(x->route, name))
        return message_refuse_field(x, RESULT_UNKNOWN_FIELD, name,
                                    "is no parameter of this operation");
    return json_text_get(x->route->request, body, name, text, in) ? RESULT_OK : x->error.code;
}

static uint16_t message_read_query(struct exchange *x, void *body, struct slice query,
                                   struct json_input *in)
{
    for (uint32_t pairs = 0; query.len > 0; pairs++) {
        if (pairs == BRIDGE_QUERY_MAX)
            return message_refuse_field(x, RESULT_BAD_REQUEST, slice_of("query"),
                                        "may have at most 32 parameters");
        const char *end = memchr(query.data, '&', query.len);
        uint32_t len = end != NULL ? (uint32_t)(end - query.data) : query.len;
        struct slice pair = {query.data, len};
        uint16_t code = len > 0 ? message_read_pair(x, body, pair, in) : RESULT_OK;
        if (code != RESULT_OK)
            return code;
        uint32_t taken = end != NULL ? len + 1 : len;
        query = (struct slice){query.data + taken, query.len - taken};
    }
    return RESULT_OK;
}

static uint16_t message_check_type(struct exchange *x, const struct request *r)
{
    if (!x->route->body)
        return message_refuse_field(x, RESULT_BAD_REQUEST, slice_of("body"),
                                    "is not taken by this operation");
    x->coded = request_has(r, FIELD_CONTENT_ENCODING);
    return x->coded || !header_media_type_json(request_field(r, FIELD_CONTENT_TYPE))
               ? RESULT_UNSUPPORTED_MEDIA_TYPE
               : RESULT_OK;
}

/* One in chunks may still turn out to be none. */
uint16_t message_check_head(struct exchange *x, const struct request *r)
{
    bool typed = request_has(r, FIELD_CONTENT_TYPE) || request_has(r, FIELD_CONTENT_ENCODING);
    bool sized = request_has(r, FIELD_CONTENT_LENGTH);
    return sized || (typed && x->route->body) ? message_check_type(x, r) : RESULT_OK;
}

static uint16_t message_read_body(struct exchange *x, void *body, const struct request *r,
                                  struct json_input *in)
{
    struct slice text = request_slice(r, r->body);
    if (text.len == 0)
        return RESULT_OK;
    uint16_t code = message_check_type(x, r);
    if (code != RESULT_OK)
        return code;
    const struct yyjson_val *root = json_parse(text, &x->arena, &x->error);
    if (root == NULL)
        return x->error.code;
    bool read = json_read_object(x->route->request, body, root, in);
    return read || in->faults > 0 ? RESULT_OK : x->error.code; /* faults: json_complete() adds */
}

/* The message's struct from path, query and body. */
static uint16_t message_read_fields(struct exchange *x, const struct route_match *match,
                                    const struct request *r)
{
    const struct message_type *type = x->route->message;
    x->arena.allocated_max = r->body.len > REQUEST_BODY_MAX ? ARENA_LARGE_MAX : EXCHANGE_ARENA_MAX;
    void *body = arena_alloc(&x->arena, type->size);
    if (body == NULL)
        return RESULT_NO_MEMORY;
    struct json_input in;
    json_input_init(&in, &x->arena, &x->error);
    in.any_case = x->port->options.compat;
    uint16_t code = message_read_path(x, body, match, &in);
    uint64_t of_path = in.seen;
    if (code == RESULT_OK)
        code = message_read_query(x, body, request_slice(r, r->query), &in);
    in.repeatable = in.seen & ~of_path;
    if (code == RESULT_OK)
        code = message_read_body(x, body, r, &in);
    if (code == RESULT_OK && !json_complete(x->route->request, body, &in))
        code = x->error.code;
    if (code != RESULT_OK)
        return code;
    struct message *m = &x->message;
    x->csv = x->route->csv != NULL &&
             header_prefers(request_field(r, FIELD_ACCEPT), "text/csv", "application/json");
    if (x->csv || (x->route->bare && x->port->options.compat))
        x->query = arena_copy(&x->arena, request_slice(r, r->query));
    m->type = type;
    m->body = body;
    m->target_kind = type->target_kind;
    if (type->target_offset != MESSAGE_NO_OFFSET)
        memcpy(&m->target, (char *)body + type->target_offset, sizeof m->target);
    return RESULT_OK;
}

/* --- idempotency key, preconditions ----------------------------------------------------------- */

static uint16_t message_read_key(struct exchange *x, const struct request *r)
{
    const struct route *route = x->route;
    if (!request_has(r, FIELD_IDEMPOTENCY_KEY))
        return route->idempotency_required ? RESULT_KEY_MISSING : RESULT_OK;
    if (!route->message->mutates)
        return RESULT_OK;
    char key[HEADER_KEY_MAX];
    uint32_t key_len;
    if (!header_idempotency_key(request_field(r, FIELD_IDEMPOTENCY_KEY), key, &key_len))
        return message_refuse_field(x, RESULT_INVALID_KEY, slice_of("Idempotency-Key"),
                                    "must have 1 to 255 visible ASCII characters; spaces only in "
                                    "quotes");
    struct message *m = &x->message;
    const struct principal *who = &m->who;
    /* The subject is in it so that no user of a client is ever given another user's answer. The
     * route is not: with one key only one thing is done, whatever it is sent to; the fingerprint
     * has it. NUL stands between, as no part contains it. */
    struct slice zero = {"", 1};
    struct slice pieces[] = {who->tenant, zero, who->client, zero, who->subject, zero,
                             {key, key_len}};
    m->keyed = true;
    m->key = sha256_id(pieces, array_len(pieces));
    return RESULT_OK;
}

/* Hash of what is asked, however it was spelled. */
static uint16_t message_set_fingerprint(struct exchange *x)
{
    struct wire_writer *w = &x->bridge->encoded;
    struct message *m = &x->message;
    wire_writer_clear(w);
    m->type->write(w, m->body);
    if (w->failed)
        return w->no_memory ? RESULT_NO_MEMORY : RESULT_TOO_LARGE;
    struct slice zero = {"", 1};
    struct slice pieces[] = {slice_of(x->route->method), zero, slice_of(x->route->path), zero,
                             wire_written(w)};
    m->fingerprint = sha256_id(pieces, array_len(pieces));
    return RESULT_OK;
}

/* All lines of the field. */
static bool message_read_tags(const struct request *r, enum request_field field, bool weak_counts,
                              struct version_list *list)
{
    bool good = header_version_list(request_field(r, field), weak_counts, list);
    for (uint32_t i = 0; i < r->line_count; i++) {
        if (r->lines[i].field == field)
            good = good && header_version_list(request_slice(r, r->lines[i].value), weak_counts,
                                               list);
    }
    return good;
}

static const char message_tags_rule[] = "must be entity tags like \"17\", at most 16, or *";

static uint16_t message_read_if_match(struct exchange *x, const struct request *r,
                                      struct version_list *list)
{
    struct slice field = slice_of("If-Match");
    if (!request_has(r, FIELD_IF_MATCH))
        return RESULT_OK;
    if (!x->route->etag)
        return message_refuse_field(x, RESULT_INVALID_HEADER, field,
                                    "this operation has no versions");
    if (!message_read_tags(r, FIELD_IF_MATCH, false, list))
        return message_refuse_field(x, RESULT_INVALID_HEADER, field, message_tags_rule);
    return RESULT_OK;
}

/* What is read is sent whole if the field is no list of tags; what would be changed is not, as
 * money would move against the client's will. */
static uint16_t message_read_if_none_match(struct exchange *x, const struct request *r,
                                           struct version_list *list)
{
    bool mutates = x->route->message->mutates;
    if (!request_has(r, FIELD_IF_NONE_MATCH) || (!mutates && !route_is_conditional(x->route)))
        return RESULT_OK;
    if (message_read_tags(r, FIELD_IF_NONE_MATCH, true, list))
        return RESULT_OK;
    *list = (struct version_list){0};
    return mutates ? message_refuse_field(x, RESULT_INVALID_HEADER, slice_of("If-None-Match"),
                                          message_tags_rule)
                   : RESULT_OK;
}

static uint16_t message_read_precondition(struct exchange *x, const struct request *r)
{
    if (!request_has(r, FIELD_IF_MATCH) && !request_has(r, FIELD_IF_NONE_MATCH))
        return RESULT_OK;
    struct precondition *p = arena_alloc(&x->arena, sizeof *p);
    if (p == NULL)
        return RESULT_NO_MEMORY;
    uint16_t code = message_read_if_match(x, r, &p->match);
    if (code == RESULT_OK)
        code = message_read_if_none_match(x, r, &p->none_match);
    x->precondition = p;
    return code;
}

/* An actor compares the version of what it would change. What has no versions is there all the
 * same, which "*" forbids; what is read is compared once it is there (response.c). */
static uint16_t message_set_precondition(struct exchange *x)
{
    const struct precondition *p = x->precondition;
    if (p == NULL || !x->route->message->mutates)
        return RESULT_OK;
    if (x->route->etag)
        x->message.precondition = p;
    return !x->route->etag && p->none_match.any ? RESULT_PRECONDITION : RESULT_OK;
}

uint16_t message_read(struct exchange *x, const struct route_match *match, const struct request *r)
{
    check(x->route != NULL && x->route == match->route && x->message.type == NULL);
    uint16_t code = message_read_key(x, r);
    if (code == RESULT_OK)
        code = message_read_precondition(x, r);
    if (code == RESULT_OK)
        code = message_read_fields(x, match, r);
    if (code == RESULT_OK && x->message.keyed)
        code = message_set_fingerprint(x);
    return code == RESULT_OK ? message_set_precondition(x) : code;
}
