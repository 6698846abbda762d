/* SPDX-License-Identifier: Apache-2.0 */
/* One connection to payd for the whole run, opened by the first request. A request that changes
 * something gets a key; if the connection is lost before its answer, the hint says how to ask again
 * with that key. Refusals are printed here, the same way for all commands. */
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "bin/escape.h"
#include "bin/payctl/payctl.h"
#include "runtime/base/id128.h"
#include "schemas/catalog.h"
#include "schemas/instant.h"
#include "schemas/json_writer.h"
#include "schemas/operator.h"
#include "schemas/result.h"

#define LINE_MAX_BYTES 1024
#define SUBJECT_MAX_BYTES 128
#define GRACE_MS 1000 /* the server answers EXPIRED at its deadline: wait that long for it */

void payctl_print_error(const struct payctl *p, const char *code, const char *field,
                        const char *text)
{
    if (!p->args.json) {
        fprintf(stderr, "payctl: %s%s", code != NULL ? code : "", code != NULL ? ": " : "");
        escape_put(stderr, slice_of(field != NULL ? field : ""));
        fprintf(stderr, "%s", field != NULL ? " " : "");
        escape_put(stderr, slice_of(text));
        fputc('\n', stderr);
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
    escape_put(stderr, json_written(&w));
    fputc('\n', stderr);
    json_writer_done(&w);
}

/* What to do about it, where that is not in the explanation. */
static const char *session_hint(const struct payctl *p, uint16_t code)
{
    bool actors = strncmp(p->args.command->spec.name, "actors ", 7) == 0;
    switch (code) {
    case RESULT_NOT_FOUND:
        return actors ? " Only actors in memory are found: its next message brings it there." : "";
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

/* "accounts show acc_01J8Z3N5...": what was asked, by the command's first argument. */
static void session_put_subject(const struct payctl *p, char *line, size_t size)
{
    const struct command *spec = &p->args.command->spec;
    bool named = spec->option_count > 0 && spec->options[0].required;
    snprintf(line, size, "%s%s%s: ", spec->name, named ? " " : "", named ? p->args.values[0] : "");
}

/* `named` is what came with it: which leg it was, which wallet there is. */
static void session_print_refusal_with(const struct payctl *p, uint16_t code, struct slice named)
{
    char line[LINE_MAX_BYTES];
    const struct result_info *info = result_info(code);
    if (info == NULL) {
        snprintf(line, sizeof line, "payd refused with code %u, which this payctl does not know",
                 code);
        payctl_print_error(p, "unknown_code", NULL, line);
        return;
    }
    char subject[SUBJECT_MAX_BYTES] = "";
    if (code == RESULT_NOT_FOUND)
        session_put_subject(p, subject, sizeof subject);
    snprintf(line, sizeof line, "%s%s. %s%s%s%.*s", subject, info->title, info->detail,
             session_hint(p, code), named.len > 0 ? " " : "", (int)named.len, named.data);
    payctl_print_error(p, info->name, NULL, line);
}

void payctl_print_refusal(const struct payctl *p, uint16_t code)
{
    session_print_refusal_with(p, code, (struct slice){"", 0});
}

static void session_print_refusal(struct payctl *p, const struct payctl_reply *reply)
{
    const struct catalog_entry *entry = catalog_by_number(reply->number);
    void *named = entry != NULL ? arena_alloc(&p->arena, entry->type->size) : NULL;
    struct json_writer w;
    json_writer_init(&w, LINE_MAX_BYTES / 2);
    if (named != NULL && payctl_read_reply(p, reply, entry->type, named) == PAYCTL_OK)
        entry->json->write(&w, named);
    session_print_refusal_with(p, reply->code, w.failed ? (struct slice){"", 0} : json_written(&w));
    json_writer_done(&w);
}

/* A field as the option it came from. */
static void session_print_field_refusal(struct payctl *p, const struct payctl_reply *reply)
{
    struct field_refusal refusal;
    char option[SUBJECT_MAX_BYTES], rule[LINE_MAX_BYTES];
    if (payctl_read_reply(p, reply, &field_refusal_type, &refusal) != PAYCTL_OK)
        return;
    snprintf(option, sizeof option, "--%.*s", (int)refusal.field.len, refusal.field.data);
    payctl_args_dashed(option);
    snprintf(rule, sizeof rule, "%.*s", (int)refusal.rule.len, refusal.rule.data);
    payctl_print_error(p, result_info(reply->code)->name, option, rule);
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

/* Names the key with which the same command can be repeated safely, if it needs one. */
static int session_lost(struct payctl *p, enum link_result result)
{
    char line[LINE_MAX_BYTES];
    const char *key = p->args.key;
    snprintf(line, sizeof line, "%s%s%s",
             result == LINK_TIMEOUT ? "payd does not answer in time"
                                    : "the connection ended before the answer came",
             key == NULL ? ""
                         : "; whether the request was carried out is not known: repeat it safely "
                           "with --key ",
             key != NULL ? key : "");
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
        return session_lost(p, result);
    if (!envelope_get_reply(frame, &e)) {
        payctl_print_error(p, "malformed", NULL, "the answer cannot be read: is payd newer?");
        return PAYCTL_REFUSED;
    }
    reply->code = e.code;
    reply->number = e.number;
    reply->body = e.body;
    reply->replayed = e.replayed;
    reply->stale = e.stale;
    reply->shown_ns = e.shown_ns;
    return PAYCTL_OK;
}

/* A key for one request that changes something; its memory is the arena's. */
static const char *session_new_key(struct payctl *p)
{
    uint64_t random[2];
    char *key = arena_alloc(&p->arena, ID128_TEXT_LEN + 1);
    if (key == NULL || getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        return NULL;
    id128_text((struct id128){random[0], random[1]}, key);
    return key;
}

static void session_print_notes(const struct payctl *p, const struct payctl_reply *reply)
{
    char text[INSTANT_TEXT_MAX];
    if (reply->replayed && !p->args.json)
        fprintf(stderr, "payctl: this key was used before: nothing was done again, this is the "
                        "first answer\n");
    if (reply->stale)
        fprintf(stderr,
                "payctl: the store has no space left: this list may lack what came after "
                "%.*s\n",
                (int)instant_text(reply->shown_ns, text), text);
}

int payctl_ask(struct payctl *p, const struct message_type *type, const void *body,
               struct payctl_reply *reply)
{
    int code = payctl_connect(p, 1);
    if (code != PAYCTL_OK)
        return code;
    if (type->mutates && p->args.key == NULL)
        p->args.key = session_new_key(p);
    if (!payctl_send(p, type, body, type->mutates ? p->args.key : NULL, 0))
        return PAYCTL_REFUSED;
    code = payctl_receive(p, reply);
    if (code == PAYCTL_OK)
        session_print_notes(p, reply);
    if (code != PAYCTL_OK || reply->code == RESULT_OK)
        return code;
    if (reply->number == field_refusal_type.number)
        session_print_field_refusal(p, reply);
    else
        session_print_refusal(p, reply);
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
