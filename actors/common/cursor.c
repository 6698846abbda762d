/* SPDX-License-Identifier: Apache-2.0 */
/* One byte for the list, eight, big-endian, for each number of the key; then the first bytes of two
 * SHA-256: of the request, and of all before. The second tells a changed or cut cursor. It has no
 * key, so that a cursor is good on every node and after a restart; who makes one up begins
 * elsewhere in a list whose rows are checked against the caller all the same. */
#include "actors/common/cursor.h"

#include <string.h>

#include "runtime/base/array.h"
#include "runtime/base/sha256.h"
#include "schemas/result.h"

#define CURSOR_BODY_MAX 512           /* bytes of a request's struct */
#define CURSOR_REQUEST_MAX (64 << 10) /* bytes of it, written */

static void cursor_clear(char *body, uint16_t offset)
{
    const bool no = false;
    memcpy(body + offset, &no, sizeof no);
}

/* The request as it is for all pages of its list. */
static void cursor_put_request(struct wire_writer *to, const struct message *m)
{
    const struct message_paging *p = m->type->paging;
    _Alignas(max_align_t) char body[CURSOR_BODY_MAX];
    check(p != NULL);
    check(m->type->size <= sizeof body);
    memcpy(body, m->body, m->type->size);
    cursor_clear(body, p->has_limit);
    cursor_clear(body, p->has_cursor);
    cursor_clear(body, p->has_count);
    m->type->write(to, body);
}

static struct sha256_digest cursor_request(const struct message *m)
{
    const struct principal *who = &m->who;
    struct wire_writer w;
    wire_writer_init(&w, CURSOR_REQUEST_MAX);
    wire_put_uint(&w, m->type->number);
    wire_put_bool(&w, who->operator);
    wire_put_bool(&w, who->one_tenant);
    wire_put_id(&w, who->tenant_id);
    wire_put_id(&w, principal_sees_all_owners(who) ? ID128_ZERO : who->subject_id);
    cursor_put_request(&w, m);
    check(!w.failed);
    const struct slice written = wire_written(&w);
    struct sha256_digest digest = sha256(&written, 1);
    wire_writer_done(&w);
    return digest;
}

static struct sha256_digest cursor_check(const uint8_t *bytes, uint32_t len)
{
    const struct slice pieces[] = {slice_of("cursor"), {(const char *)bytes, len}};
    return sha256(pieces, array_len(pieces));
}

void cursor_make(struct cursor *c, const struct message *m, enum page_list list,
                 const uint64_t *numbers, uint32_t count)
{
    check(count <= CURSOR_NUMBERS_MAX);
    c->len = 0;
    c->bytes[c->len++] = (uint8_t)list;
    for (uint32_t i = 0; i < count; i++) {
        for (int shift = 56; shift >= 0; shift -= 8)
            c->bytes[c->len++] = (uint8_t)(numbers[i] >> shift);
    }
    struct sha256_digest digest = cursor_request(m);
    memcpy(c->bytes + c->len, digest.bytes, CURSOR_DIGEST);
    c->len += CURSOR_DIGEST;
    digest = cursor_check(c->bytes, c->len);
    memcpy(c->bytes + c->len, digest.bytes, CURSOR_DIGEST);
    c->len += CURSOR_DIGEST;
}

/* Is it as some list gave it? */
static bool cursor_whole(struct slice cursor)
{
    if (cursor.len < 1 + 2 * CURSOR_DIGEST)
        return false;
    const uint8_t *bytes = (const uint8_t *)cursor.data;
    uint32_t len = cursor.len - CURSOR_DIGEST;
    const struct sha256_digest digest = cursor_check(bytes, len);
    return memcmp(bytes + len, digest.bytes, CURSOR_DIGEST) == 0;
}

uint16_t cursor_read(struct slice cursor, const struct message *m, enum page_list list,
                     uint64_t *numbers, uint32_t count)
{
    if (!cursor_whole(cursor))
        return RESULT_INVALID_CURSOR;
    const struct sha256_digest request = cursor_request(m);
    const uint8_t *at = (const uint8_t *)cursor.data;
    if (cursor.len != 1 + 8 * count + 2 * CURSOR_DIGEST || *at++ != (uint8_t)list ||
        memcmp(at + (size_t)8 * count, request.bytes, CURSOR_DIGEST) != 0)
        return RESULT_CURSOR_OF_OTHER_LIST;
    for (uint32_t i = 0; i < count; i++) {
        numbers[i] = 0;
        for (int j = 0; j < 8; j++)
            numbers[i] = numbers[i] << 8 | *at++;
    }
    return RESULT_OK;
}
