/* SPDX-License-Identifier: Apache-2.0 */
/* Title, status and code come from schemas/errors.toml; `detail` is the rule that was broken, as a
 * sentence with its field, where one is known, else the code's own words. The member `errors` has
 * the same for programs. */
#include "gateway_bridge/problem.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "runtime/base/hex.h"
#include "schemas/json.h"
#include "schemas/json_writer.h"
#include "schemas/result.h"

#define DETAIL_MAX 1024

static const struct result_info *problem_info(uint16_t code)
{
    const struct result_info *info = result_info(code);
    if (info == NULL || info->status < 400)
        info = result_info(RESULT_FAILED);
    return info;
}

uint16_t problem_status(uint16_t code)
{
    return problem_info(code)->status;
}

static void problem_put_text(struct json_writer *out, const char *key, struct slice text)
{
    json_put_key(out, key);
    json_put_text(out, text);
}

/* A registered type, or where the documents explain the code, relative to this service. */
static void problem_put_type(struct json_writer *out, const struct result_info *info)
{
    if (info->type != NULL) {
        problem_put_text(out, "type", slice_of(info->type));
        return;
    }
    json_put_key(out, "type");
    json_put_literal(out, "\"/docs#error-");
    json_put_raw(out, info->name, slice_of(info->name).len);
    json_put_literal(out, "\"");
}

/* "amount must be ...", "The body must be ...", "The request is not valid HTTP: ...". */
static int problem_rule_sentence(const struct problem *p, const struct result_info *info,
                                 char text[DETAIL_MAX])
{
    if (p->field != NULL && p->field[0] != '\0')
        return snprintf(text, DETAIL_MAX, "%s %s", p->field, p->rule);
    if (p->code != RESULT_BAD_REQUEST)
        return snprintf(text, DETAIL_MAX, "The body %s", p->rule);
    int words = (int)strlen(info->detail) - 1; /* without the full stop */
    return snprintf(text, DETAIL_MAX, "%.*s: %s", words, info->detail, p->rule);
}

/* Of this occurrence where it is known which rule was broken. */
static void problem_put_detail(struct json_writer *out, const struct problem *p,
                               const struct result_info *info)
{
    char text[DETAIL_MAX];
    struct slice detail = slice_of(p->detail != NULL ? p->detail : info->detail);
    if (p->rule != NULL && p->rule != info->detail) {
        int len = problem_rule_sentence(p, info, text);
        if (len > 0 && len < DETAIL_MAX) /* cut, it might not be UTF-8 */
            detail = (struct slice){text, (uint32_t)len};
    }
    problem_put_text(out, "detail", detail);
}

/* What of a request's path is no URI reference is encoded: brackets and a '%' that encodes nothing
 * (RFC 3986 section 3.3). All else of it can stand in JSON. */
static void problem_put_instance(struct json_writer *out, struct slice path)
{
    uint32_t from = 0;
    json_put_key(out, "instance");
    json_put_literal(out, "\"");
    for (uint32_t i = 0; i < path.len; i++) {
        char c = path.data[i];
        bool encodes = c == '%' && path.len - i > 2 && hex_value(path.data[i + 1]) >= 0 &&
                       hex_value(path.data[i + 2]) >= 0;
        const char *code = c == '['               ? "%5B"
                           : c == ']'             ? "%5D"
                           : c == '%' && !encodes ? "%25"
                                                  : NULL;
        if (code == NULL)
            continue;
        json_put_raw(out, path.data + from, i - from);
        json_put_raw(out, code, 3);
        from = i + 1;
    }
    json_put_raw(out, path.data + from, path.len - from);
    json_put_literal(out, "\"");
}

static void problem_put_error(struct json_writer *out, const char *field, const char *rule)
{
    json_put_comma(out);
    size_t error = json_open(out);
    problem_put_text(out, "field", slice_of(field != NULL ? field : ""));
    problem_put_text(out, "rule", slice_of(rule));
    json_close_object(out, error);
}

static void problem_put_errors(struct json_writer *out, const struct problem *p)
{
    json_put_key(out, "errors");
    size_t errors = json_open(out);
    problem_put_error(out, p->field, p->rule);
    for (const struct json_error *e = p->more; e != NULL; e = e->next)
        problem_put_error(out, e->field, e->rule);
    json_close_array(out, errors);
}

void problem_write(const struct problem *p, struct json_writer *out)
{
    const struct result_info *info = problem_info(p->code);
    size_t object = json_open(out);
    problem_put_type(out, info);
    problem_put_text(out, "title", slice_of(info->title));
    json_put_key(out, "status");
    json_put_uint(out, p->status);
    problem_put_detail(out, p, info);
    problem_put_text(out, "code", slice_of(info->name));
    if (p->instance.len > 0)
        problem_put_instance(out, p->instance);
    if (p->request_id.len > 0)
        problem_put_text(out, "request_id", p->request_id);
    if (p->rule != NULL)
        problem_put_errors(out, p);
    if (p->policy != NULL) {
        json_put_key(out, "violated-policies");
        size_t policies = json_open(out);
        json_put_comma(out);
        json_put_text(out, slice_of(p->policy));
        json_close_array(out, policies);
    }
    if (p->named_type != NULL)
        json_put_members(out, p->named_type, p->named);
    json_close_object(out, object);
}
