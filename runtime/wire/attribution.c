/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/wire/attribution.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/base/array.h"

#define PRINCIPAL_PARTS 4
#define REQUEST_MADE_LEN 4

static_assert(sizeof ATTRIBUTION_REQUEST_MADE - 1 == REQUEST_MADE_LEN, "its length");

static void attribution_put_text(struct wire_writer *w, struct slice text)
{
    if (text.len == 0)
        wire_put_nil(w);
    else
        wire_put_text(w, text);
}

static void attribution_put_principal(struct wire_writer *w, struct slice tenant,
                                      struct slice subject, struct slice client,
                                      struct id128 token_id)
{
    wire_put_array(w, PRINCIPAL_PARTS);
    attribution_put_text(w, tenant);
    wire_put_text(w, subject);
    attribution_put_text(w, client);
    if (id128_is_zero(token_id))
        wire_put_nil(w);
    else
        wire_put_id(w, token_id);
}

/* Is it in the form that the bridge gives its own, to the letter? Ids are read in lower case, too,
 * but never made so. */
static bool attribution_made(struct slice request, struct id128 *id)
{
    if (request.len != REQUEST_MADE_LEN + ID128_TEXT_LEN ||
        memcmp(request.data, ATTRIBUTION_REQUEST_MADE, REQUEST_MADE_LEN) != 0)
        return false;
    for (uint32_t i = REQUEST_MADE_LEN; i < request.len; i++)
        if (request.data[i] >= 'a')
            return false;
    return id128_parse(request.data + REQUEST_MADE_LEN, ID128_TEXT_LEN, id);
}

void attribution_put(struct wire_writer *w, const struct principal *who, uint32_t number,
                     bool first, struct slice request)
{
    struct id128 id;
    check(who->subject.len > 0);
    if (first)
        attribution_put_principal(w, who->tenant, who->subject,
                                  who->operator? (struct slice){0} : who->client, who->token_id);
    else
        wire_put_uint(w, number);
    if (attribution_made(request, &id))
        wire_put_id(w, id);
    else
        attribution_put_text(w, request);
}

void attribution_put_again(struct wire_writer *w, const struct attribution *a)
{
    if (a->first)
        attribution_put_principal(w, a->tenant, a->subject, a->client, a->token_id);
    else
        wire_put_uint(w, a->number);
    if (a->request_made)
        wire_put_bytes(w, a->request);
    else
        attribution_put_text(w, a->request);
}

static struct slice attribution_get_text(struct wire_reader *r, uint32_t len_max)
{
    if (wire_get_nil(r))
        return (struct slice){0};
    struct slice text = wire_get_text(r, len_max);
    r->failed = r->failed || text.len == 0; /* absent is nil */
    return text;
}

static void attribution_get_principal(struct wire_reader *r, struct attribution *a)
{
    if (wire_get_array(r, PRINCIPAL_PARTS) != PRINCIPAL_PARTS)
        r->failed = true;
    a->first = true;
    a->tenant = attribution_get_text(r, ATTRIBUTION_TEXT_MAX);
    a->subject = wire_get_text(r, ATTRIBUTION_TEXT_MAX);
    a->client = attribution_get_text(r, ATTRIBUTION_TEXT_MAX);
    if (!wire_get_nil(r))
        a->token_id = wire_get_id(r);
    r->failed = r->failed || a->subject.len == 0;
}

void attribution_get(struct wire_reader *r, uint32_t *known, struct attribution *a)
{
    *a = (struct attribution){.number = *known};
    if (wire_next_is_array(r)) {
        attribution_get_principal(r, a);
        ++*known;
    } else if (*known == 0) {
        r->failed = true;
    } else {
        a->number = (uint32_t)wire_get_uint(r, *known - 1);
    }
    a->request_made = wire_next_is_bytes(r);
    if (a->request_made)
        a->request = wire_get_bytes(r, sizeof(struct id128));
    else
        a->request = attribution_get_text(r, ATTRIBUTION_REQUEST_MAX);
    if (a->request_made && a->request.len != sizeof(struct id128))
        r->failed = true;
}

static size_t attribution_made_text(struct id128 id, char text[ATTRIBUTION_REQUEST_MAX])
{
    memcpy(text, ATTRIBUTION_REQUEST_MADE, REQUEST_MADE_LEN);
    id128_text(id, text + REQUEST_MADE_LEN);
    return REQUEST_MADE_LEN + ID128_TEXT_LEN;
}

size_t attribution_make_request(uint64_t unix_ms, uint64_t random,
                                char text[ATTRIBUTION_REQUEST_MAX])
{
    return attribution_made_text(id128_make(unix_ms, random, 0), text);
}

size_t attribution_request_text(const struct attribution *a, char text[ATTRIBUTION_REQUEST_MAX])
{
    if (a->request_made)
        return attribution_made_text(id128_load((const uint8_t *)a->request.data), text);
    check(a->request.len <= ATTRIBUTION_REQUEST_MAX);
    if (a->request.len > 0)
        memcpy(text, a->request.data, a->request.len);
    return a->request.len;
}

size_t attribution_texts_len(const struct attribution *a)
{
    return (size_t)a->tenant.len + a->subject.len + a->client.len + a->request.len;
}

void attribution_keep(struct attribution *a, char *to)
{
    struct slice *const texts[] = {&a->tenant, &a->subject, &a->client, &a->request};
    for (size_t i = 0; i < array_len(texts); i++) {
        if (texts[i]->len > 0)
            memcpy(to, texts[i]->data, texts[i]->len);
        texts[i]->data = to;
        to += texts[i]->len;
    }
}

void attribution_resolve(struct attribution_list *l, struct attribution *a)
{
    if (a->first) {
        check(a->number == l->count);
        array_reserve(l->items, l->cap, l->count + 1);
        l->items[l->count++] = *a;
        return;
    }
    check(a->number < l->count);
    const struct attribution *principal = &l->items[a->number];
    a->tenant = principal->tenant;
    a->subject = principal->subject;
    a->client = principal->client;
    a->token_id = principal->token_id;
}

void attribution_list_done(struct attribution_list *l)
{
    free(l->items);
    *l = (struct attribution_list){0};
}

void attribution_copy_read(struct attribution_copy *c, struct attribution *a)
{
    attribution_resolve(&c->read, a);
}

void attribution_copy_put(struct attribution_copy *c, struct wire_writer *w,
                          const struct attribution *a)
{
    check(a->number < c->read.count);
    struct attribution *principal = &c->read.items[a->number];
    struct attribution again = *a;
    again.first = principal->first;
    if (principal->first) {
        principal->first = false;
        principal->number = c->written++;
    }
    again.number = principal->number;
    attribution_put_again(w, &again);
}

void attribution_copy_clear(struct attribution_copy *c)
{
    c->read.count = 0;
    c->written = 0;
}

void attribution_copy_done(struct attribution_copy *c)
{
    attribution_list_done(&c->read);
}
