/* SPDX-License-Identifier: Apache-2.0 */
/* Headers: the grammars of the header fields whose values mean something here, a function each. No
 * socket, no clock, no allocation: `value` is borrowed bytes of a client, of any content, and a
 * slice that comes out points into it. A function that returns false has left its results alone. */
#ifndef HTTP_HEADERS_H
#define HTTP_HEADERS_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/check.h"
#include "runtime/base/precondition.h"
#include "runtime/base/slice.h"

#define HEADER_REQUEST_ID_MAX 128 /* bytes of X-Request-Id */
#define HEADER_KEY_MAX 255        /* characters of an idempotency key */
#define HEADER_TRACEPARENT_LEN 55 /* 00-<32>-<16>-<2> */
#define HEADER_TRACE_ID_AT 3      /* in a traceparent */
#define HEADER_TRACE_ID_LEN 32
#define HEADER_DIGEST_LEN 8 /* digits of it in an entity tag */

static inline char header_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

/* Is it this text, which is in lower case, whatever the case of its letters? */
bool header_equal(struct slice value, const char *lower);
bool header_starts(struct slice value, const char *lower);

/* Host: uri-host [":" port], RFC 9110 section 7.2. An empty host names nothing we serve. */
must_check bool header_host_valid(struct slice value);

/* Of a valid Host: without port, and an IPv6 address without its brackets. */
struct slice header_host_name(struct slice value);

/* Authorization: Bearer <token>, RFC 6750 section 2.1. The token may be empty. */
must_check bool header_bearer(struct slice value, struct slice *token);

/* Content-Type: application/json in UTF-8. Other parameters mean nothing to it (RFC 8259
 * section 11). */
must_check bool header_media_type_json(struct slice value);

/* Content-Type: is it this one, in small letters, whatever its parameters? */
must_check bool header_media_type_is(struct slice value, const char *type);

/* Accept: is this media type welcome, and more than the other one, which comes if nothing is said
 * (RFC 9110 section 12.5.1)? Ranges such as text/... name none in particular. */
bool header_prefers(struct slice value, const char *type, const char *other);

/* Accept-Encoding: is gzip welcome, and not less than what is not coded (RFC 9110 section 12.5.3)?
 * A malformed value welcomes nothing. */
must_check bool header_takes_gzip(struct slice value);

/* X-Request-Id: 1 to HEADER_REQUEST_ID_MAX letters, digits, '-', '_' and '.', so that it is
 * harmless in logs and answers. */
must_check bool header_request_id_valid(struct slice value);

/* traceparent of W3C Trace Context, as version 00 has it, which is the one we speak: of a later
 * version the part that it shares with 00. */
must_check bool header_traceparent(struct slice value, char out[HEADER_TRACEPARENT_LEN]);

/* Idempotency-Key: 1 to HEADER_KEY_MAX visible characters of ASCII, or a string of structured
 * fields (RFC 8941 section 3.3.3), which may have spaces and, behind it, parameters, which mean
 * nothing. `key` gets the content of the string. */
must_check bool header_idempotency_key(struct slice value, char key[HEADER_KEY_MAX], uint32_t *len);

/* If-Match and If-None-Match: one line of entity tags, added to those of the lines before; ours are
 * versions, like "17", or of one of a version's answers, like "17-0a1b2c3d". Another's tag names
 * none, nor does a weak one, such as a proxy makes of ours, unless weak_counts (RFC 9110 sections
 * 13.1.1 and 13.1.2). False if it is no list of tags, if "*" is not alone, or if there are more
 * than VERSION_LIST_MAX versions; *list is of no use then. */
must_check bool header_version_list(struct slice value, bool weak_counts,
                                    struct version_list *list);

/* Is `tag`, as it stands in an ETag, one of the list of If-None-Match or If-Match, or is that "*"?
 * Weak tags count if weak_counts. */
must_check bool header_tag_listed(struct slice value, bool weak_counts, struct slice tag);

#endif
