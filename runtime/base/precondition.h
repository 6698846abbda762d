/* SPDX-License-Identifier: Apache-2.0 */
/* Precondition: what a request demands of the version of the thing it is about, as If-Match and
 * If-None-Match say (RFC 9110 section 13.1). Values only; any thread. */
#ifndef BASE_PRECONDITION_H
#define BASE_PRECONDITION_H

#include <stdbool.h>
#include <stdint.h>

#define VERSION_LIST_MAX 16

/* Versions begin at 1. A tag that names no version is not in the list, as it matches nothing. A tag
 * may also name which of the answers it is that one version has, by a digest of it. */
struct version_list {
    uint64_t versions[VERSION_LIST_MAX];
    uint8_t count;
    bool given; /* the request carries the field */
    bool any;   /* "*" */
    uint32_t digests[VERSION_LIST_MAX]; /* 0 = none is named */
};

struct precondition {
    struct version_list match;      /* If-Match: one of these ... */
    struct version_list none_match; /* If-None-Match: ... and none of these */
};

static inline bool version_list_has(const struct version_list *list, uint64_t version)
{
    bool found = list->any;
    for (uint8_t i = 0; i < list->count; i++)
        found |= list->versions[i] == version;
    return found;
}

/* As version_list_has(), of one answer; digest 0 = the only one of its version. */
static inline bool version_list_names(const struct version_list *list, uint64_t version,
                                      uint32_t digest)
{
    bool found = list->any;
    for (uint8_t i = 0; i < list->count; i++)
        found |= list->versions[i] == version && list->digests[i] == digest;
    return found;
}

/* Version 0: what is about to be made has none yet. */
static inline bool precondition_holds(const struct precondition *p, uint64_t version)
{
    return (!p->match.given || version_list_has(&p->match, version)) &&
           !version_list_has(&p->none_match, version);
}

#endif
