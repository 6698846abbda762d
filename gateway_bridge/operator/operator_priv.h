/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the operator share: operator.c (frames, messages to actors, life),
 * operator_answer.c (answers), operator_node.c (messages to the process), operator_run_on_shard.c
 * (the way to shards), operator_actors.c (actors seen from outside), operator_shards.c and
 * operator_parked.c (what shards send to each other), operator_batch.c (batches of the journal),
 * operator_tokens.c (revocations), operator_verify.c (the verification). Not for anyone else. */
#ifndef OPERATOR_OPERATOR_PRIV_H
#define OPERATOR_OPERATOR_PRIV_H

#include "gateway_bridge/operator/operator.h"
#include "runtime/base/arena.h"
#include "runtime/link/link_server.h"
#include "runtime/node/node.h"
#include "runtime/node/worker.h"
#include "runtime/projector/verify.h"
#include "schemas/operator.h"

#define OPERATOR_TOTALS_MAX 200     /* currencies in a verification */
#define OPERATOR_SUSPENDED_MAX 1024 /* actors suspended at once */
#define OPERATOR_REPLY_MAX (ENVELOPE_FRAME_MAX - ENVELOPE_HEAD_MAX)

/* An actor that the operator suspended. */
struct suspended {
    uint16_t kind, shard;
    struct id128 id;
};

/* One request in work; there is one for each context of the link. Whoever works on it, this thread
 * or a shard's, has it alone. */
struct operator_request {
    struct operator *operator;
    struct link_exchange *exchange;
    const void *body; /* of the request, decoded into the arena */
    struct arena arena;
    struct message message; /* to actors; its reply buffer also serves answers of our own */
    char request_id[ATTRIBUTION_REQUEST_MAX];

    /* What runs on one shard or on all of them, in order. */
    struct inbox_item mail;
    uint16_t shard, shard_last;
    void (*run)(struct operator_request *q, struct shard *s); /* on the shard's thread */
    void (*finish)(struct operator_request *q);                 /* back on ours */
    uint16_t code;     /* found on a shard */
    void *answer;      /* being made */
    struct work work;  /* on the worker */
};

/* The verification: at most one runs; its outcome stays until the next begins. */
struct verification {
    struct operator *operator;
    bool running;
    bool abandoned;      /* the operator stops */
    void (*stopped)(struct operator* o); /* called when it ends, if it was abandoned */
    struct verify *verify; /* of the shard that is being replayed, or NULL */
    struct marks *marks;   /* of all of them, read after that; NULL while none runs */
    bool comparing;        /* they are being read */
    struct operator_request verdict; /* the run that tells the shard */
    uint16_t shard;
    uint16_t shards;
    struct work work;
    struct verify_info info;
    struct verify_shard *lines;  /* one per shard */
    char (*hashes)[2 * SHA256_SIZE];
    struct verify_total totals[OPERATOR_TOTALS_MAX];
    char problem[REPLAY_REASON_MAX];
    /* What the worker found in the step that ran; taken over on the loop's thread. */
    struct {
        struct verify_info totals; /* only these are set */
        bool more;
        uint64_t events, records, batches;
        struct sha256_digest hash;
    } step;
};

struct operator {
    struct operator_options options;
    struct link_server *server;
    struct worker *worker; /* verification and sizes, never in the way of lists */
    struct operator_request *requests;
    uint32_t request_count;
    struct wire_writer frame; /* scratch */
    struct verification verification;
    struct suspended suspended[OPERATOR_SUSPENDED_MAX];
    uint32_t suspended_count;
    struct operator_request resumption; /* the runs of operator_resume_all() */
    struct suspended resumed;           /* by the run that is on its way */
    void (*all_resumed)(struct operator* o);
    bool stopping;                      /* nothing is suspended any more */
    bool server_stopped;
    void (*stopped)(void *context);
    void *stopped_context;
};

static inline struct shard_set *operator_shards(const struct operator *o)
{
    return node_shard_set(o->options.node);
}

/* operator_answer.c: answers and is done with the request. */
void operator_answer(struct operator_request *q, uint16_t code);
void operator_answer_with(struct operator_request *q, const struct message_type *type,
                          const void *answer);
void operator_refuse_field(struct operator_request *q, const char *field, const char *rule);
void operator_refuse_shard(struct operator_request *q); /* there is none of this number */
void operator_answer_actor(struct operator_request *q); /* with what q->message was answered */
void operator_answer_empty(struct operator_request *q);
/* Memory for q->answer; false, and answered, without it. */
must_check bool operator_make_answer(struct operator_request *q, size_t size);

/* operator_node.c: false if the message is not for the process. */
bool operator_node(struct operator_request *q, const struct message_type *type);

uint8_t operator_condition_of(enum shard_state state); /* as declared */

/* operator_run_on_shard.c: `run` is called on the thread of each of these shards, one after
 * another; if it leaves q->code RESULT_OK, finish runs on the operator's thread in the end, else
 * q->code is the answer. */
void operator_run_on_shard(struct operator_request *q, uint16_t first, uint16_t last,
                           void (*run)(struct operator_request *q, struct shard *s),
                           void (*finish)(struct operator_request *q));
void operator_run_on_shards(struct operator_request *q,
                            void (*run)(struct operator_request *q, struct shard *s),
                            void (*finish)(struct operator_request *q));

/* operator_actors.c */
struct slice operator_actor_name(struct arena *a, uint16_t kind, struct id128 id);
void operator_actor_list(struct operator_request *q);
void operator_actor_get(struct operator_request *q);
void operator_actor_control(struct operator_request *q);
/* Lifts every suspension, so that no message waits for ever; no actor is suspended from here on. */
void operator_resume_all(struct operator* o, void (*resumed)(struct operator* o));

/* operator_text.c: a state's msgpack as text of at most len_max bytes, in the arena; `names` of its
 * elements as state_codec.fields has them. */
struct slice operator_state_text(struct arena *a, struct slice bytes, const char *names,
                                 uint32_t len_max);

/* operator_batch.c */
void operator_batch_get(struct operator_request *q);
void operator_run_get(struct operator_request *q);

/* operator_shards.c, operator_parked.c */
void operator_shard_list(struct operator_request *q);
void operator_parked_list(struct operator_request *q);
void operator_parked_get(struct operator_request *q);
void operator_parked_retry(struct operator_request *q);
void operator_parked_refuse(struct operator_request *q);

/* operator_tokens.c */
void operator_token_revoke(struct operator_request *q);
void operator_subject_revoke(struct operator_request *q);
void operator_revocation_list(struct operator_request *q);

/* operator_verify.c */
void verification_start(struct verification *v);
void verification_report(struct verification *v, struct verify_info *info);
void verification_done(struct verification *v);

#endif
