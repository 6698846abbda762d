/* SPDX-License-Identifier: Apache-2.0 */
/* Headers: the grammars of the header fields whose values mean something here, a function each. No
 * socket, no clock, no allocation: `value` is borrowed bytes of a client, of any content, and a
 * slice that comes out points into it. A function that returns false has left its results alone. */
#ifndef HTTP_HEADERS_H
#define HTTP_HEADERS_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/check.h"
#include "runtime/base/slice.h"

#define HEADER_REQUEST_ID_MAX 128 /* bytes of X-Request-Id */
#define HEADER_KEY_MAX 255        /* characters of an idempotency key */
#define HEADER_TRACEPARENT_LEN 55 /* 00-<32>-<16>-<2> */
#define HEADER_TRACE_ID_AT 3      /* in a traceparent */
#define HEADER_TRACE_ID_LEN 32
#define HEADER_NO_VERSION UINT64_MAX /* a version that nothing ever has */

static inline char header_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

/* Is it this text, which is in lower case, whatever the case of its letters? */
bool header_equal(struct slice value, const char *lower);
bool header_starts(struct slice value, const char *lower);

/* Host: uri-host [":" port], RFC 9110 section 7.2. An empty host names nothing we serve. */
must_check bool header_host_valid(struct slice value);

/* Authorization: Bearer <token>, RFC 6750 section 2.1. The token may be empty. */
must_check bool header_bearer(struct slice value, struct slice *token);

/* Content-Type: application/json in UTF-8. Other parameters mean nothing to it (RFC 8259
 * section 11). */
must_check bool header_media_type_json(struct slice value);

/* X-Request-Id: 1 to HEADER_REQUEST_ID_MAX letters, digits, '-', '_' and '.', so that it is
 * harmless in logs and answers. */
must_check bool header_request_id_valid(struct slice value);

/* traceparent of W3C Trace Context, as version 00 has it, which is the one we speak: of a later
 * version the part that it shares with 00. */
must_check bool header_traceparent(struct slice value, char out[HEADER_TRACEPARENT_LEN]);

/* Idempotency-Key: 1 to HEADER_KEY_MAX visible characters of ASCII, or a string of structured
 * fields (RFC 8941 section 3.3.3), which may have spaces. `key` gets the content of the string. */
must_check bool header_idempotency_key(struct slice value, char key[HEADER_KEY_MAX], uint32_t *len);

enum header_if_match {
    IF_MATCH_MALFORMED,
    IF_MATCH_ANY,     /* "*" */
    IF_MATCH_VERSION, /* one entity tag */
};

/* If-Match with one entity tag. Ours are versions, like "17". A weak tag, such as a proxy makes of
 * ours, and one that we never made are HEADER_NO_VERSION: they match no version (RFC 9110
 * section 13.1.1). *version is set for IF_MATCH_VERSION alone. */
must_check enum header_if_match header_if_match(struct slice value, uint64_t *version);

/* If-None-Match: is this version among the entity tags? Weak tags are taken as strong ones. */
must_check bool header_none_match(struct slice value, uint64_t version);

#endif
