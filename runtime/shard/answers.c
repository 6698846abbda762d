/* SPDX-License-Identifier: Apache-2.0 */
/* A list that the pass empties. A message of the runtime's own has no home loop; its done() runs at
 * once, like that of a message whose home is this loop. */
#include "runtime/shard/answers.h"

#include "runtime/base/check.h"

void answers_init(struct answers *a, struct env *env)
{
    check(env != NULL);
    *a = (struct answers){.env = env};
    fifo_init(&a->final);
}

void answers_refuse(struct answers *a, struct message *m, uint16_t code)
{
    check(code != ERR_OK);
    m->code = code;
    m->reply_type = 0;
    m->version = 0;
    m->retry_after_ms = 0;
    answers_push(a, m);
    env_wake(a->env);
}

void answers_refuse_busy(struct answers *a, struct message *m, uint16_t code)
{
    answers_refuse(a, m, code);
    m->retry_after_ms = ANSWERS_BUSY_RETRY_MS;
}

void answers_give(struct answers *a)
{
    check(a->env != NULL);
    struct fifo_link *link;
    while ((link = fifo_pop(&a->final)) != NULL)
        message_answer(a->env, container_of(link, struct message, link));
}

void answers_drop(struct answers *a)
{
    struct fifo_link *link;
    while ((link = fifo_pop(&a->final)) != NULL) {
        struct message *m = container_of(link, struct message, link);
        if (m->home == NULL)
            m->done(m);
    }
}
