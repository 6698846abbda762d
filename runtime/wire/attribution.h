/* SPDX-License-Identifier: Apache-2.0 */
/* Attribution: who asked for a record and by which request, as records of the journal and rows of
 * the view `attributions` name it. Two msgpack values:
 *
 *     [tenant | nil, subject, client | nil, token | nil]    a principal appears first, or
 *     number                                                one that did so before
 *     nil | request
 *
 * Principals are numbered from 0 in the order in which they appear first in a batch, so that one
 * who asks often costs a byte each time. Without a tenant it is the platform itself; without a
 * client an operator, whose subject is their Unix user. The token is the hash of its jti. A request
 * that the bridge named itself is 16 bytes, of which ATTRIBUTION_REQUEST_MADE and their base 32
 * make the text of X-Request-Id and of the log; one that its client named is that text. */
#ifndef WIRE_ATTRIBUTION_H
#define WIRE_ATTRIBUTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/principal.h"
#include "runtime/wire/reader.h"
#include "runtime/wire/writer.h"

#define ATTRIBUTION_REQUEST_MADE "req_"
#define ATTRIBUTION_REQUEST_MAX 128 /* bytes of its text */
#define ATTRIBUTION_TEXT_MAX 255    /* of a principal's; far more than any has */
#define ATTRIBUTION_PARTS 2         /* values that it is */

/* What is absent is empty, a token's hash zero. Slices point into what was read. */
struct attribution {
    uint32_t number; /* of the principal */
    bool first;      /* the principal appears here: the texts are given */
    struct slice tenant, subject, client;
    struct id128 token_id;
    struct slice request; /* as it stands: see attribution_request_text() */
    bool request_made;    /* by the bridge: 16 bytes */
};

/* `number`: of the principal; it appears first if `first`. request: the text, empty = none. */
void attribution_put(struct wire_writer *w, const struct principal *who, uint32_t number,
                     bool first, struct slice request);

/* The same again, of what was read. */
void attribution_put_again(struct wire_writer *w, const struct attribution *a);

/* `*known` principals appeared before; counts on if this is the first of one. What does not follow
 * the grammar fails the reader. */
void attribution_get(struct wire_reader *r, uint32_t *known, struct attribution *a);

/* Makes the text of a request's id from a time and 64 random bits; returns its length. */
size_t attribution_make_request(uint64_t unix_ms, uint64_t random,
                                char text[ATTRIBUTION_REQUEST_MAX]);

/* Writes the text of the request; returns its length, 0 = none. */
size_t attribution_request_text(const struct attribution *a, char text[ATTRIBUTION_REQUEST_MAX]);

/* Copies all texts to `to`, which has room for as many bytes as this says, and names them there. */
size_t attribution_texts_len(const struct attribution *a);
void attribution_keep(struct attribution *a, char *to);

/* The principals of a batch by their numbers. All zero at first; the texts are not copied. */
struct attribution_list {
    struct attribution *items;
    uint32_t count, cap;
};

/* Gives an attribution that was read, the next of its batch, the texts that came with an earlier
 * one. */
void attribution_resolve(struct attribution_list *l, struct attribution *a);
void attribution_list_done(struct attribution_list *l);

/* Attributions of a batch written again, some of them left out: who appears first in one that is
 * left out then does so in the next one, and has another number. All zero at first. */
struct attribution_copy {
    struct attribution_list read; /* first: was not written yet; number: as it was written */
    uint32_t written;             /* principals */
};

/* Each of the batch in its order, before it is written or left out; gives it the texts. */
void attribution_copy_read(struct attribution_copy *c, struct attribution *a);
void attribution_copy_put(struct attribution_copy *c, struct wire_writer *w,
                          const struct attribution *a);
/* For the next batch. */
void attribution_copy_clear(struct attribution_copy *c);
void attribution_copy_done(struct attribution_copy *c);

#endif
