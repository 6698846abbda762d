/* SPDX-License-Identifier: Apache-2.0 */
/* Revoked tokens: what an operator adds to the list, and how it looks. The list's file is written
 * on the operator's worker. */

#include "gateway_bridge/auth/revocations.h"
#include "gateway_bridge/operator/operator_priv.h"
#include "runtime/base/check.h"
#include "runtime/base/time.h"
#include "schemas/result.h"

#define LISTED_MAX 1000

static_assert((int)REVOCATION_TOKEN == (int)REVOCATION_WHAT_TOKEN &&
                  (int)REVOCATION_SUBJECT == (int)REVOCATION_WHAT_SUBJECT,
              "both are listed as they are stored");

struct addition {
    struct revocation revocation;
    enum revocations_outcome outcome;
};

static uint64_t operator_now_s(const struct operator_request *q)
{
    return env_wall_ns(loop_env(q->operator->options.loop)) / NS_PER_S;
}

static struct revocation_info operator_revocation_info(const struct revocation *v)
{
    bool subject = v->kind == REVOCATION_SUBJECT;
    return (struct revocation_info){
        .what = v->kind,
        .name = slice_of(v->name),
        .has_tenant_name = subject,
        .tenant_name = slice_of(v->tenant),
        .has_issued_before = subject,
        .issued_before = v->before_s * NS_PER_S,
        .revoked_at = v->revoked_s * NS_PER_S,
        .ends_at = v->until_s * NS_PER_S,
    };
}

/* --- adding ----------------------------------------------------------------------------------- */

static void operator_tokens_add(struct work *w)
{
    struct operator_request *q = container_of(w, struct operator_request, work);
    struct addition *a = q->answer;
    a->outcome = revocations_add(q->operator->options.revocations, &a->revocation,
                                 a->revocation.revoked_s);
}

static void operator_tokens_added(struct work *w)
{
    struct operator_request *q = container_of(w, struct operator_request, work);
    const struct addition *a = q->answer;
    struct revocation_info info = operator_revocation_info(&a->revocation);
    switch (a->outcome) {
    case REVOCATIONS_DONE:
        operator_answer_with(q, &revocation_info_type, &info);
        return;
    case REVOCATIONS_FULL:
        operator_answer(q, RESULT_REVOCATIONS_FULL);
        return;
    case REVOCATIONS_WRITING:
        operator_answer(q, RESULT_STORE_FULL);
        return;
    }
}

static struct addition *operator_revocation_code(struct operator_request *q)
{
    q->answer = arena_alloc(&q->arena, sizeof(struct addition));
    if (q->answer == NULL)
        operator_answer(q, RESULT_NO_MEMORY);
    return q->answer;
}

static void operator_tokens_start(struct operator_request *q)
{
    q->work = (struct work){.run = operator_tokens_add, .done = operator_tokens_added};
    env_work(loop_env(q->operator->options.loop), q->operator->worker, &q->work);
}

void operator_token_revoke(struct operator_request *q)
{
    const struct token_revoke *m = q->body;
    struct addition *a = operator_revocation_code(q);
    if (a == NULL)
        return;
    if (revocation_of_token(&a->revocation, m->jti, operator_now_s(q)))
        operator_tokens_start(q);
    else
        operator_refuse_field(q, "jti", "must be the jti of a token");
}

/* A token's iat has whole seconds: those of this second count as issued before now. */
void operator_subject_revoke(struct operator_request *q)
{
    const struct subject_revoke *m = q->body;
    struct slice tenant = m->has_tenant_name ? m->tenant_name : slice_of(OPERATOR_TENANT);
    uint64_t now = operator_now_s(q);
    uint64_t before = m->has_issued_before ? m->issued_before / NS_PER_S : now + 1;
    struct addition *a = operator_revocation_code(q);
    if (a == NULL)
        return;
    if (before > now + 1)
        operator_refuse_field(q, "issued_before", "must not be in the future");
    else if (revocation_of_subject(&a->revocation, tenant, m->subject, before, now))
        operator_tokens_start(q);
    else
        operator_refuse_field(q, "subject", "must be the sub of a token");
}

/* --- listing ---------------------------------------------------------------------------------- */

void operator_revocation_list(struct operator_request *q)
{
    struct revocation *list = arena_alloc(&q->arena, (LISTED_MAX + 1) * sizeof *list);
    struct revocation_info *infos = arena_alloc(&q->arena, LISTED_MAX * sizeof *infos);
    if (list == NULL || infos == NULL) {
        operator_answer(q, RESULT_NO_MEMORY);
        return;
    }
    uint32_t count =
        revocations_list(q->operator->options.revocations, list, LISTED_MAX + 1, operator_now_s(q));
    struct revocation_page page = {.revocations = infos, .complete = count <= LISTED_MAX};
    page.revocations_count = count < LISTED_MAX ? count : LISTED_MAX;
    for (uint32_t i = 0; i < page.revocations_count; i++)
        infos[i] = operator_revocation_info(&list[i]);
    operator_answer_with(q, &revocation_page_type, &page);
}
