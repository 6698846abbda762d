/* SPDX-License-Identifier: Apache-2.0 */
/* A shard is looked at on its own thread: the request is mailed to the shard's loop, runs there and
 * is mailed back, one shard after another. Only the thread that has it touches it. */
#include "gateway_bridge/operator/operator_priv.h"
#include "schemas/result.h"

static void operator_run_here(struct inbox_item *item);

static void operator_travel(struct operator_request *q)
{
    q->mail.deliver = operator_run_here;
    env_mail(shard_set_env(operator_shards(q->operator), q->shard), &q->mail);
}

static void operator_come_back(struct inbox_item *item)
{
    struct operator_request *q = container_of(item, struct operator_request, mail);
    if (q->code != RESULT_OK) {
        operator_answer(q, q->code);
    } else if (q->shard < q->shard_last) {
        q->shard++;
        operator_travel(q);
    } else {
        q->finish(q);
    }
}

static void operator_run_here(struct inbox_item *item)
{
    struct operator_request *q = container_of(item, struct operator_request, mail);
    q->run(q, shard_set_shard(operator_shards(q->operator), q->shard));
    q->mail.deliver = operator_come_back;
    loop_mail(q->operator->options.loop, &q->mail);
}

void operator_run_on_shard(struct operator_request *q, uint16_t first, uint16_t last,
                           void (*run)(struct operator_request *q, struct shard *s),
                           void (*finish)(struct operator_request *q))
{
    q->code = RESULT_OK;
    q->shard = first;
    q->shard_last = last;
    q->run = run;
    q->finish = finish;
    operator_travel(q);
}

void operator_run_on_shards(struct operator_request *q,
                            void (*run)(struct operator_request *q, struct shard *s),
                            void (*finish)(struct operator_request *q))
{
    operator_run_on_shard(q, 0, (uint16_t)(shard_set_count(operator_shards(q->operator)) - 1), run,
                          finish);
}
