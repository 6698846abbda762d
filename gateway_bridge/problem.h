/* SPDX-License-Identifier: Apache-2.0 */
/* Problem: a refusal as the client sees it (RFC 9457, application/problem+json). Every code comes
 * from schemas/errors.toml. The client is told which fields broke which rules, but not whether a
 * thing exists that it may not see: 403 and 404 say nothing beyond their code, 401 only what is
 * wrong with the token. Any thread. */
#ifndef GATEWAY_BRIDGE_PROBLEM_H
#define GATEWAY_BRIDGE_PROBLEM_H

#include <stdint.h>

#include "runtime/base/slice.h"

struct json_error;
struct json_type;
struct json_writer;

struct problem {
    uint16_t code;           /* enum result; an unlisted one becomes "failed" */
    uint16_t status;         /* HTTP */
    const char *field;       /* that broke the rule: "" or NULL = the body or request as a whole */
    const char *rule;        /* NULL = the code's own words say all */
    const struct json_error *more; /* further fields that broke rules; NULL = none */
    const char *detail;      /* of this occurrence; NULL = the rule's, else the code's own words */
    struct slice instance;   /* path of the request; empty = left out */
    struct slice request_id; /* empty = left out */
    const struct json_type *named_type; /* members beyond those of every problem; NULL = none */
    const void *named;
    const char *policy;      /* of rate limits, that the request broke; NULL = none */
};

/* HTTP status of a code. */
uint16_t problem_status(uint16_t code);

void problem_write(const struct problem *p, struct json_writer *out);

#endif
