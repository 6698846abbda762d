/* SPDX-License-Identifier: Apache-2.0 */
/* Every request is answered exactly once. Its reply is written into the buffer of its message,
 * framed in the operator's scratch buffer and handed to the link; its arena is free from then on.
 */
#include "gateway_bridge/operator/operator_priv.h"
#include "schemas/result.h"

#define REPLY_KEPT_MAX (64 * 1024) /* a larger buffer is not kept */

static void operator_send_reply(struct operator_request *q, const struct envelope_reply *reply)
{
    struct operator* o = q->operator;
    struct link_exchange *x = q->exchange;
    check(x != NULL);
    wire_writer_clear(&o->frame);
    envelope_put_reply(&o->frame, reply);
    check(!o->frame.failed);
    q->exchange = NULL;
    arena_reset(&q->arena);
    if (q->message.reply.cap > REPLY_KEPT_MAX) {
        wire_writer_done(&q->message.reply);
        wire_writer_init(&q->message.reply, OPERATOR_REPLY_MAX);
    }
    link_server_reply(o->server, x, wire_written(&o->frame));
}

void operator_answer(struct operator_request *q, uint16_t code)
{
    operator_send_reply(q, &(struct envelope_reply){.code = code});
}

void operator_answer_with(struct operator_request *q, const struct message_type *type,
                          const void *answer)
{
    struct wire_writer *w = &q->message.reply;
    wire_writer_clear(w);
    type->write(w, answer);
    if (w->failed) {
        operator_answer(q, RESULT_TOO_LARGE);
        return;
    }
    operator_send_reply(q,
                        &(struct envelope_reply){.number = type->number, .body = wire_written(w)});
}

void operator_refuse_field(struct operator_request *q, const char *field, const char *rule)
{
    const struct field_refusal refusal = {slice_of(field), slice_of(rule)};
    struct wire_writer *w = &q->message.reply;
    wire_writer_clear(w);
    field_refusal_type.write(w, &refusal);
    operator_send_reply(q, &(struct envelope_reply){.code = RESULT_INVALID_FIELD,
                                                    .number = field_refusal_type.number,
                                                    .body = wire_written(w)});
}

void operator_refuse_shard(struct operator_request *q)
{
    operator_refuse_field(q, "shard",
                          "must be less than the number of shards, which payctl ping shows");
}

void operator_answer_actor(struct operator_request *q)
{
    const struct message *m = &q->message;
    operator_send_reply(q, &(struct envelope_reply){
                               .code = m->code,
                               .number = m->reply_type,
                               .version = m->version,
                               .replayed = m->replayed,
                               .retry_after_ms = m->retry_after_ms,
                               .stale = m->stale && m->code == RESULT_OK,
                               .shown_ns = m->stale ? m->shown_ns : 0,
                               .body = wire_written(&m->reply),
                           });
}

void operator_answer_empty(struct operator_request *q)
{
    struct empty nothing = {0};
    operator_answer_with(q, &empty_type, &nothing);
}

bool operator_make_answer(struct operator_request *q, size_t size)
{
    q->answer = arena_alloc(&q->arena, size);
    if (q->answer == NULL)
        operator_answer(q, RESULT_NO_MEMORY);
    return q->answer != NULL;
}
