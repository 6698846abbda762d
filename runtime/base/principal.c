/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/principal.h"

#include "runtime/base/array.h"
#include "runtime/base/sha256.h"

bool principal_reserved(struct slice subject)
{
    const struct slice prefix = slice_of(PRINCIPAL_UNIX);
    bool prefixed =
        subject.len >= prefix.len && slice_equal((struct slice){subject.data, prefix.len}, prefix);
    return prefixed || slice_equal(subject, slice_of(PRINCIPAL_SYSTEM));
}

void principal_identify(struct principal *p)
{
    uint8_t token[16];
    const struct slice zero = {"", 1};
    const struct slice named_by = slice_of(p->operator? "user" : "token");
    id128_store(p->token_id, token);
    const struct slice token_id = {(const char *)token, sizeof token};
    const struct slice pieces[] = {p->tenant, zero, p->subject, zero,
                                   p->client, zero, named_by,   token_id};
    check(p->subject.len > 0);
    p->tenant_id = sha256_id(pieces, 1);
    p->subject_id = sha256_id(pieces, 3);
    p->id = sha256_id(pieces, array_len(pieces));
}

struct principal principal_system(void)
{
    return (struct principal){
        .subject = slice_of(PRINCIPAL_SYSTEM),
        .id = {0, 1},
        .operator= true,
    };
}
