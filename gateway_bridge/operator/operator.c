/* SPDX-License-Identifier: Apache-2.0 */
/* The link has a fixed number of contexts, each with one struct operator_request. A frame comes in,
 * its envelope and body are decoded into the request's arena, and the message goes to an actor or
 * to operator_node(). Either answers later on this thread (operator_answer.c), which gives the
 * context back to the link. A stop lifts suspensions, so that all messages are answered, ends the
 * link and waits for the verification. */
#include "gateway_bridge/operator/operator.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway_bridge/operator/operator_priv.h"
#include "runtime/base/memory.h"
#include "runtime/base/sha256.h"
#include "runtime/base/time.h"
#include "runtime/observe/log.h"
#include "runtime/wire/attribution.h"
#include "schemas/catalog.h"
#include "schemas/result.h"

#define ARENA_MAX ((size_t)32 << 20) /* decoded bulk messages take several times their bytes */
#define CLIENT "payctl"

/* --- to actors -------------------------------------------------------------------------------- */

/* The user's Unix name acts, and owns what is opened for nobody else. */
static struct principal operator_principal(const struct operator_request *q, struct slice tenant)
{
    struct principal who = {
        .tenant = tenant.len > 0 ? tenant : slice_of(OPERATOR_TENANT),
        .subject = slice_of(q->exchange->user),
        .client = slice_of(CLIENT),
        .any_owner = true,
        .adjusts = true,
        .operator= true,
        .one_tenant = tenant.len > 0,
    };
    principal_identify(&who);
    return who;
}

static struct slice operator_request_id(struct operator_request *q)
{
    struct env *env = loop_env(q->operator->options.loop);
    size_t len =
        attribution_make_request(env_wall_ns(env) / NS_PER_MS, env_random(env), q->request_id);
    return (struct slice){q->request_id, (uint32_t)len};
}

/* As the HTTP bridge does it, with the message's name in place of method and path. */
static void operator_set_key(struct message *m, const struct envelope_request *e)
{
    struct slice zero = {"", 1}, name = slice_of(m->type->name);
    struct slice key[] = {m->who.tenant, zero, m->who.client, zero, m->who.subject, zero, e->key};
    struct slice fingerprint[] = {name, zero, e->body};
    m->keyed = true;
    m->key = sha256_id(key, array_len(key));
    m->fingerprint = sha256_id(fingerprint, array_len(fingerprint));
}

static void on_actor_answered(struct message *m)
{
    operator_answer_actor(container_of(m, struct operator_request, message));
}

static void operator_ask_actor(struct operator_request *q, const struct message_type *type,
                               const struct envelope_request *e)
{
    struct operator *o = q->operator;
    struct env *env = loop_env(o->options.loop);
    struct message *m = &q->message;
    struct wire_writer reply = m->reply;
    uint32_t deadline_ms = e->deadline_ms != 0 ? e->deadline_ms : OPERATOR_DEADLINE_MS;
    wire_writer_clear(&reply);
    *m = (struct message){
        .type = type,
        .body = q->body,
        .target_kind = type->target_kind,
        .who = operator_principal(q, e->tenant),
        .request_id = operator_request_id(q),
        .deadline_ns = env_mono_ns(env) + deadline_ms * NS_PER_MS,
        .done = on_actor_answered,
        .reply = reply,
    };
    if (type->target_offset != MESSAGE_NO_OFFSET)
        memcpy(&m->target, (const char *)q->body + type->target_offset, sizeof m->target);
    if (e->key.len > 0 && type->mutates)
        operator_set_key(m, e);
    shard_set_post(operator_shards(o), env, m);
}

/* Something in this process handles it: not so for replies, events and parts of others. */
static bool operator_handled(const struct operator* o, const struct message_type *type)
{
    const struct domain *d = shard_set_domain(operator_shards(o));
    if (type->target_kind == KIND_NODE)
        return true;
    return type->target_kind > 0 && type->target_kind < KIND_MAX &&
           d->kinds[type->target_kind] != NULL &&
           (type->view || type->target_offset != MESSAGE_NO_OFFSET ||
            d->locators[type->number] != NULL);
}

/* --- frames ----------------------------------------------------------------------------------- */

static uint16_t operator_read_body(struct operator_request *q, const struct message_type *type,
                                   struct slice body)
{
    struct wire_reader r;
    void *decoded = arena_alloc(&q->arena, type->size);
    if (decoded == NULL)
        return RESULT_NO_MEMORY;
    wire_reader_init(&r, body.data, body.len);
    if (!type->read(&r, &q->arena, decoded) || !wire_finished(&r))
        return q->arena.no_memory ? RESULT_NO_MEMORY
               : q->arena.failed  ? RESULT_TOO_LARGE
                                  : RESULT_MALFORMED;
    q->body = decoded;
    return RESULT_OK;
}

/* What changes something: the books, tokens or what actors do. */
static bool operator_acts(const struct message_type *type)
{
    return type->mutates || type == &token_revoke_type || type == &subject_revoke_type ||
           type == &actor_control_type || type == &dead_letter_replay_type ||
           type == &parked_send_retry_type || type == &parked_send_refuse_type;
}

static void operator_log_act(const struct operator_request *q, const struct message_type *type,
                             const struct envelope_request *e)
{
    LOG_INFO(loop_env(q->operator->options.loop)->log, "operator_act", log_text("act", type->name),
             log_text("by", q->exchange->user), log_slice("tenant", e->tenant));
}

static void on_request(void *context, struct link_exchange *x)
{
    struct operator *o = context;
    struct operator_request *q = &o->requests[x->index];
    struct envelope_request e;
    q->exchange = x;
    if (!envelope_get_request(x->frame, &e)) {
        operator_answer(q, RESULT_MALFORMED);
        return;
    }
    const struct catalog_entry *entry = catalog_by_number(e.number);
    if (entry == NULL || entry->event || !operator_handled(o, entry->type)) {
        operator_answer(q, RESULT_UNSUPPORTED);
        return;
    }
    uint16_t code = operator_read_body(q, entry->type, e.body);
    if (code == RESULT_OK && operator_acts(entry->type))
        operator_log_act(q, entry->type, &e);
    if (code != RESULT_OK)
        operator_answer(q, code);
    else if (!operator_node(q, entry->type))
        operator_ask_actor(q, entry->type, &e);
}

/* --- life ------------------------------------------------------------------------------------- */

static void operator_free(struct operator *o)
{
    for (uint32_t i = 0; i < o->request_count; i++) {
        arena_done(&o->requests[i].arena);
        wire_writer_done(&o->requests[i].message.reply);
    }
    worker_stop(o->worker);
    verification_done(&o->verification);
    wire_writer_done(&o->frame);
    free(o->requests);
    free(o);
}

/* Ends the operator once neither link nor verification is at work. */
static void operator_end(struct operator* o)
{
    if (!o->server_stopped || o->verification.running)
        return;
    void (*stopped)(void *) = o->stopped;
    void *context = o->stopped_context;
    operator_free(o);
    if (stopped != NULL)
        stopped(context);
}

struct operator *operator_new(const struct operator_options *options, char *reason,
                              size_t reason_size)
{
    struct operator *o = memory_take_zeroed(1, sizeof *o);
    o->options = *options;
    o->request_count = LINK_CONTEXTS;
    o->requests = memory_take_zeroed(o->request_count, sizeof *o->requests);
    o->verification = (struct verification){.operator= o, .stopped = operator_end};
    wire_writer_init(&o->frame, ENVELOPE_FRAME_MAX);
    for (uint32_t i = 0; i < o->request_count; i++) {
        o->requests[i].operator = o;
        arena_init_refusing(&o->requests[i].arena, ARENA_MAX);
        wire_writer_init(&o->requests[i].message.reply, OPERATOR_REPLY_MAX);
    }
    const struct link_server_options link = {
        .loop = options->loop,
        .path = options->path,
        .contexts = o->request_count,
        .request = on_request,
        .context = o,
    };
    if (worker_start("operator", URGENCY_LOW, &o->worker) != ERR_OK)
        snprintf(reason, reason_size, "no thread for the operators' link");
    else
        o->server = link_server_new(&link, reason, reason_size);
    if (o->server != NULL)
        return o;
    operator_free(o);
    return NULL;
}

static void on_link_stopped(void *context)
{
    struct operator *o = context;
    o->server_stopped = true;
    operator_end(o);
}

static void operator_all_resumed(struct operator* o)
{
    link_server_stop(o->server, on_link_stopped, o);
}

void operator_stop(struct operator *o, void (*stopped)(void *context), void *context)
{
    o->stopped = stopped;
    o->stopped_context = context;
    o->verification.abandoned = true;
    operator_resume_all(o, operator_all_resumed);
}
