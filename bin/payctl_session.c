/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "bin/payctl.h"
#include "runtime/base/id128.h"
#include "schemas/catalog.h"
#include "schemas/result.h"

#define LINE_MAX_BYTES 1024
#define GRACE_MS 1000 /* the server answers EXPIRED at its deadline: wait that long for it */

void payctl_print_error(const struct payctl *p, const char *code, const char *field,
                        const char *text)
{
    if (!p->args.json) {
        fprintf(stderr, "payctl: %s%s%s%s%s\n", code != NULL ? code : "", code != NULL ? ": " : "",
                field != NULL ? field : "", field != NULL ? " " : "", text);
        return;
    }
    struct json_writer w;
    json_writer_init(&w, LINE_MAX_BYTES);
    size_t mark = json_open(&w);
    json_put_key(&w, "code");
    json_put_text(&w, slice_of(code != NULL ? code : "usage"));
    if (field != NULL) {
        json_put_key(&w, "field");
        json_put_text(&w, slice_of(field));
    }
    json_put_key(&w, "detail");
    json_put_text(&w, slice_of(text));
    json_close_object(&w, mark);
    fprintf(stderr, "%.*s\n", (int)w.len, w.data);
    json_writer_done(&w);
}

/* What to do about it, where that is not in the explanation. */
static const char *hint_of(const struct payctl *p, uint16_t code)
{
    bool actors = strncmp(p->args.command->spec.name, "actors ", 7) == 0;
    switch (code) {
    case RESULT_NOT_FOUND:
        return actors ? " Only actors in memory can be looked at." : "";
    case RESULT_QUARANTINED:
        return " See payctl dead-letters list and payctl actors resume.";
    case RESULT_SUSPENDED:
        return " See payctl actors resume.";
    case RESULT_CORRUPT:
        return " See payctl ledger verify.";
    default:
        return "";
    }
}

void payctl_print_refusal(const struct payctl *p, uint16_t code)
{
    char line[LINE_MAX_BYTES];
    const struct result_info *info = result_info(code);
    if (info == NULL) {
        snprintf(line, sizeof line, "payd refused with code %u, which this payctl does not know",
                 code);
        payctl_print_error(p, "unknown_code", NULL, line);
        return;
    }
    snprintf(line, sizeof line, "%s. %s%s", info->title, info->detail, hint_of(p, code));
    payctl_print_error(p, info->name, NULL, line);
}

int payctl_connect(struct payctl *p, uint32_t outstanding)
{
    char line[LINE_MAX_BYTES];
    const char *reason;
    if (p->link != NULL)
        return PAYCTL_OK;
    if (link_client_new(p->args.socket, outstanding, &p->link, &reason) == LINK_OK)
        return PAYCTL_OK;
    snprintf(line, sizeof line,
             "no payd listens at %s (%s): start it with ./run, or name its socket with --socket",
             p->args.socket, reason);
    payctl_print_error(p, "no_connection", NULL, line);
    return PAYCTL_NO_CONNECTION;
}

bool payctl_send(struct payctl *p, const struct message_type *type, const void *body,
                 const char *key, uint64_t tag)
{
    wire_writer_clear(&p->frame);
    envelope_put_request(&p->frame, &(struct envelope_request){
                                        .number = type->number,
                                        .deadline_ms = p->args.timeout_ms,
                                        .key = slice_of(key != NULL ? key : ""),
                                        .tenant = slice_of(p->args.tenant != NULL ? p->args.tenant
                                                                                  : ""),
                                    });
    type->write(&p->frame, body);
    if (p->frame.failed) {
        payctl_print_refusal(p, RESULT_TOO_LARGE);
        return false;
    }
    link_client_send(p->link, wire_written(&p->frame), tag);
    return true;
}

/* Names the key with which the same command can be repeated safely. */
static int lost(struct payctl *p, enum link_result result)
{
    char line[LINE_MAX_BYTES];
    snprintf(line, sizeof line, "%s; whether the request was carried out is not known%s%s",
             result == LINK_TIMEOUT ? "payd does not answer in time" : "the connection ended",
             p->args.key != NULL ? ": repeat it safely with --key " : "",
             p->args.key != NULL ? p->args.key : "");
    payctl_print_error(p, result == LINK_TIMEOUT ? "timeout" : "no_connection", NULL, line);
    return PAYCTL_NO_CONNECTION;
}

int payctl_receive(struct payctl *p, struct payctl_reply *reply)
{
    struct slice frame;
    struct envelope_reply e;
    enum link_result result =
        link_client_receive(p->link, p->args.timeout_ms + GRACE_MS, &reply->tag, &frame);
    if (result != LINK_OK)
        return lost(p, result);
    if (!envelope_get_reply(frame, &e)) {
        payctl_print_error(p, "malformed", NULL, "the answer cannot be read: is payd newer?");
        return PAYCTL_REFUSED;
    }
    reply->code = e.code;
    reply->number = e.number;
    reply->body = e.body;
    return PAYCTL_OK;
}

/* A key for one request that changes something; it lives in the arena. */
static const char *new_key(struct payctl *p)
{
    uint64_t random[2];
    char *key = arena_alloc(&p->arena, ID128_TEXT_LEN + 1);
    if (key == NULL || getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        return NULL;
    id128_text((struct id128){random[0], random[1]}, key);
    return key;
}

int payctl_ask(struct payctl *p, const struct message_type *type, const void *body,
               struct payctl_reply *reply)
{
    int code = payctl_connect(p, 1);
    if (code != PAYCTL_OK)
        return code;
    if (type->mutates && p->args.key == NULL)
        p->args.key = new_key(p);
    if (!payctl_send(p, type, body, type->mutates ? p->args.key : NULL, 0))
        return PAYCTL_REFUSED;
    code = payctl_receive(p, reply);
    if (code != PAYCTL_OK || reply->code == RESULT_OK)
        return code;
    payctl_print_refusal(p, reply->code);
    return PAYCTL_REFUSED;
}

int payctl_read_reply(struct payctl *p, const struct payctl_reply *reply,
                      const struct message_type *type, void *answer)
{
    struct wire_reader r;
    wire_reader_init(&r, reply->body.data, reply->body.len);
    memset(answer, 0, type->size);
    if (reply->number == type->number && type->read(&r, &p->arena, answer) && wire_finished(&r))
        return PAYCTL_OK;
    payctl_print_error(p, "malformed", NULL, "the answer cannot be read: is payd newer?");
    return PAYCTL_REFUSED;
}

int payctl_ask_for(struct payctl *p, const struct message_type *type, const void *body,
                   const struct message_type *reply_type, void *answer)
{
    struct payctl_reply reply;
    int code = payctl_ask(p, type, body, &reply);
    return code == PAYCTL_OK ? payctl_read_reply(p, &reply, reply_type, answer) : code;
}
