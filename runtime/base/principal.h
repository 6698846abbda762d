/* SPDX-License-Identifier: Apache-2.0 */
/* Principal: on whose behalf something is done, and what they may do. Filled by the bridge from the
 * token, by the operators' link from the Unix user at its other end, by the runtime itself for
 * deadlines. Every record of the journal names its principal (attribution.h). */
#ifndef BASE_PRINCIPAL_H
#define BASE_PRINCIPAL_H

#include <stdbool.h>

#include "runtime/base/id128.h"
#include "runtime/base/slice.h"

#define PRINCIPAL_SYSTEM "system" /* the subject of what happens by itself; it has no tenant */
#define PRINCIPAL_UNIX "unix:"    /* before the name of an operator's Unix user */

/* Texts are borrowed; none contains NUL. */
struct principal {
    struct slice tenant;     /* empty: the platform itself */
    struct slice subject;    /* never empty */
    struct slice client;     /* what the token was given to; an operator's tool */
    struct id128 tenant_id;  /* sha256_id(tenant): what states and views compare */
    struct id128 subject_id; /* sha256_id(tenant, 0, subject) */
    struct id128 token_id;   /* hash of the token's jti; zero: none */
    struct id128 id;         /* of all this together: two with the same are one and the same */
    bool any_owner;          /* may act on things of other owners of the same tenant */
    bool adjusts;            /* may move money of what a service manages, with a reason */
    bool operator;           /* payctl: any tenant, any owner */
    bool one_tenant; /* the operator named the tenant: what is listed is of that one alone */
};

/* Not only things of its own. */
static inline bool principal_sees_all_owners(const struct principal *p)
{
    return p->any_owner || p->operator;
}

/* Is it what the platform itself or an operator is called in records? No user may be: histories
 * would name the wrong one, and what an operator opens would be the user's. */
bool principal_reserved(struct slice subject);

/* Sets tenant_id, subject_id and id from the texts, token_id and `operator`. */
void principal_identify(struct principal *p);

/* The platform itself, for what happens without being asked for. */
struct principal principal_system(void);

#endif
