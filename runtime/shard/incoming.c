/* SPDX-License-Identifier: Apache-2.0 */
/* One block of memory: the struct, behind it the texts and the encoded body. */
#include "runtime/shard/incoming.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/base/memory.h"
#include "runtime/base/time.h"

#define INCOMING_RETRY_NS (20 * NS_PER_MS)
#define INCOMING_DOUBLED_MAX 6 /* the pause: then 1.3 s */
#define INCOMING_BODY_MAX ((size_t)4 << 20) /* a send's 64 KiB, read */

const struct message_type *incoming_type(const struct domain *domain, uint16_t kind_number,
                                         uint16_t type)
{
    const struct actor_kind *kind = kind_number < KIND_MAX ? domain->kinds[kind_number] : NULL;
    for (uint32_t i = 0; kind != NULL && i < kind->handler_count; i++)
        if (kind->handlers[i].type->number == type)
            return kind->handlers[i].type;
    return NULL;
}

bool incoming_refusable(const struct domain *domain, uint16_t kind_number,
                        const struct message_type *type)
{
    check(type == NULL || kind_number < KIND_MAX);
    const struct actor_kind *kind = type != NULL ? domain->kinds[kind_number] : NULL;
    for (uint32_t i = 0; kind != NULL && i < kind->refusable_count; i++)
        if (kind->refusable[i] == type)
            return true;
    return false;
}

/* Copies the text behind the last one. */
static struct slice incoming_keep(char **to, struct slice text)
{
    struct slice copy = {*to, text.len};
    if (text.len > 0)
        memcpy(*to, text.data, text.len);
    *to += text.len;
    return copy;
}

/* NULL: its bytes do not follow its type. */
static const void *incoming_read(struct incoming *in)
{
    const struct message_type *type = in->message.type;
    struct wire_reader wire;
    if (type == NULL)
        return NULL;
    void *body = arena_alloc(&in->arena, type->size);
    if (body == NULL)
        return NULL;
    memset(body, 0, type->size);
    wire_reader_init(&wire, in->encoded.data, in->encoded.len);
    return type->read(&wire, &in->arena, body) && wire_finished(&wire) ? body : NULL;
}

/* From its texts, as the records of the sending shard have them. */
static void incoming_identify(struct principal *who)
{
    struct principal system = principal_system();
    if (who->tenant.len == 0 && who->client.len == 0 && slice_equal(who->subject, system.subject))
        *who = system;
    else
        principal_identify(who);
}

struct incoming *incoming_new(const struct domain *domain, const struct frame *f)
{
    size_t texts = f->who.tenant.len + f->who.subject.len + f->who.client.len + f->request_id.len +
                   f->message.len;
    struct incoming *in = memory_take_zeroed(1, sizeof *in + texts);
    char *to = (char *)(in + 1);
    struct message *m = &in->message;
    arena_init(&in->arena, INCOMING_BODY_MAX);
    in->origin = (struct send_origin){.shard = f->from,
                                      .to_all = f->to_all,
                                      .n = f->mark.n,
                                      .place = f->mark.place,
                                      .hash = f->mark.hash,
                                      .time_ns = f->time_ns};
    in->type = f->type;
    in->bytes = sizeof *in + texts;
    m->origin = &in->origin;
    m->type = incoming_type(domain, f->kind, f->type);
    m->target = f->target;
    m->target_kind = f->kind;
    in->refusable = incoming_refusable(domain, m->target_kind, m->type);
    m->who = f->who;
    m->who.tenant = incoming_keep(&to, f->who.tenant);
    m->who.subject = incoming_keep(&to, f->who.subject);
    m->who.client = incoming_keep(&to, f->who.client);
    incoming_identify(&m->who);
    m->request_id = incoming_keep(&to, f->request_id);
    in->encoded = incoming_keep(&to, f->message);
    wire_writer_init(&m->reply, 0);
    m->body = incoming_read(in);
    return in;
}

uint64_t incoming_put_off(struct incoming *in, uint64_t now_ns)
{
    check(in->waits && in->tries <= INCOMING_DOUBLED_MAX);
    in->waits = false;
    in->retry_ns = now_ns + (INCOMING_RETRY_NS << in->tries);
    if (in->tries < INCOMING_DOUBLED_MAX)
        in->tries++;
    return in->retry_ns;
}

void incoming_free(struct incoming *in)
{
    wire_writer_done(&in->message.reply);
    arena_done(&in->arena);
    free(in);
}
