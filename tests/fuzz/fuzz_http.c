/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes of a client to requests, without a socket. The first byte says how large the pieces are in
 * which the rest arrives; in one piece and in small ones the same requests must come out. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gateway_bridge/http/request.h"
#include "runtime/base/sha256.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct reading {
    uint32_t requests;
    bool refused;
    struct id128 hash; /* over everything a request says */
};

static uint32_t body_max(void *context, const struct request *r)
{
    (void)context;
    (void)r;
    return REQUEST_BODY_LARGE_MAX;
}

static void check_span(struct span s, size_t len)
{
    check(s.at <= len && s.len <= len - s.at);
}

/* What every accepted request promises. */
static void take(struct reading *o, const struct request *r, size_t used)
{
    struct slice pieces[FIELD_COUNT + 4];
    uint32_t count = 0;
    check_span(r->path, used);
    check_span(r->query, used);
    check_span(r->body, used);
    check(r->path.len > 0 && r->data[r->path.at] == '/');
    check(request_has(r, FIELD_HOST) || r->http.http_minor == 0);
    check(!(request_has(r, FIELD_CONTENT_LENGTH) && request_has(r, FIELD_TRANSFER_ENCODING)));
    check(r->header_count <= REQUEST_HEADERS_MAX && r->body.len <= REQUEST_BODY_LARGE_MAX);
    uint8_t id[16];
    id128_store(o->hash, id);
    pieces[count++] = (struct slice){(const char *)id, sizeof id};
    pieces[count++] = request_slice(r, r->path);
    pieces[count++] = request_slice(r, r->query);
    pieces[count++] = request_slice(r, r->body);
    for (int f = 0; f < FIELD_COUNT; f++) {
        check_span(r->fields[f], used);
        pieces[count++] = request_field(r, (enum request_field)f);
    }
    o->hash = sha256_id(pieces, count);
    o->requests++;
}

static struct reading run(const uint8_t *data, size_t size, size_t piece)
{
    struct request *r = malloc(sizeof *r);
    char *buffer = malloc(size + 1);
    struct reading o = {0};
    size_t len = 0, given = 0;
    check(r != NULL && buffer != NULL);
    request_init(r, body_max, NULL);
    while (given < size && !o.refused) {
        size_t more = size - given < piece ? size - given : piece;
        memcpy(buffer + len, data + given, more);
        given += more;
        len += more;
        bool wait = false;
        while (len > 0 && !wait && !o.refused) {
            size_t used = 0;
            switch (request_parse(r, buffer, len, &used)) {
            case REQUEST_READY:
                take(&o, r, used);
                request_next(r);
                memmove(buffer, buffer + used, len - used);
                len -= used;
                break;
            case REQUEST_MORE:
                check(request_kept(r) <= len);
                len = request_kept(r);
                wait = true;
                break;
            case REQUEST_REFUSED:
                check(r->refusal != 0);
                o.refused = true;
                break;
            }
        }
    }
    free(buffer);
    free(r);
    return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > 16 * 1024)
        return 0;
    size_t piece = data[0] == 0 ? 1 : data[0];
    struct reading whole = run(data + 1, size - 1, size);
    struct reading pieces = run(data + 1, size - 1, piece);
    check(whole.requests == pieces.requests && whole.refused == pieces.refused);
    check(id128_equal(whole.hash, pieces.hash));
    return 0;
}
