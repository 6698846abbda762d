/* SPDX-License-Identifier: Apache-2.0 */
/* Revocations: tokens that are refused although their signature is good, by their jti or by whom
 * and when they were issued. One list for all loops of a process, kept in the file `revoked` of the
 * data directory, which is replaced as a whole. A revocation ends when every token that it could
 * concern has expired. Readers: any thread. */
#ifndef AUTH_REVOCATIONS_H
#define AUTH_REVOCATIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/check.h"
#include "runtime/base/id128.h"
#include "runtime/base/slice.h"

#define REVOCATIONS_MAX 10000
#define REVOCATION_NAME_MAX 128 /* bytes of a jti or subject */
#define REVOCATION_TENANT_MAX 64
#define REVOCATIONS_ERROR_MAX 512

enum revocation_kind {
    REVOCATION_TOKEN = 1, /* the one with this jti */
    REVOCATION_SUBJECT,   /* all that the subject was issued before a time */
};

struct revocation {
    struct id128 id;    /* revocation_token_id(), or the claims' subject_id */
    uint8_t kind;       /* enum revocation_kind */
    uint64_t revoked_s; /* Unix times */
    uint64_t before_s;  /* of a subject: tokens with an iat below this */
    uint64_t until_s;   /* when it ends; known once it is in the list */
    char tenant[REVOCATION_TENANT_MAX + 1]; /* of a subject */
    char name[REVOCATION_NAME_MAX + 1];
};

struct revocations;

struct id128 revocation_token_id(struct slice jti);

/* Makes one; false if tenant or name is empty, too long or has a control character. */
must_check bool revocation_of_token(struct revocation *v, struct slice jti, uint64_t now_s);
must_check bool revocation_of_subject(struct revocation *v, struct slice tenant,
                                      struct slice subject, uint64_t before_s, uint64_t now_s);

/* Reads the file, if there is one; lifetime_s is the longest that any token may have, which decides
 * when those in the list end, and all that come. NULL, with one line in error, if it cannot be read
 * or is damaged: without the list no token could be accepted safely. */
must_check struct revocations *revocations_open(const char *directory, uint32_t lifetime_s,
                                                char error[REVOCATIONS_ERROR_MAX]);
struct revocations *revocations_close(struct revocations *r); /* NULL; takes NULL */

enum revocations_outcome {
    REVOCATIONS_DONE,
    REVOCATIONS_FULL,    /* nothing was done */
    REVOCATIONS_WRITING, /* it is in force, but a restart would forget it: try again */
};

/* Holds at once on all loops, and is durable when this returns DONE; sets v->until_s. Blocks; one
 * call at a time. */
must_check enum revocations_outcome revocations_add(struct revocations *r, struct revocation *v,
                                                    uint64_t now_s);

/* Changes with the list. */
uint64_t revocations_generation(const struct revocations *r);

/* Is a token refused? token_id zero = it has no jti. */
bool revocations_hit(struct revocations *r, struct id128 token_id, struct id128 subject_id,
                     uint64_t issued_s);

/* Copies at most `max` that have not ended, in the order of their ids; returns how many. */
uint32_t revocations_list(struct revocations *r, struct revocation *list, uint32_t max,
                          uint64_t now_s);

#endif
