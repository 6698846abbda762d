/* SPDX-License-Identifier: Apache-2.0 */
/* One pass: the body is cut at & and =, and each name and value is decoded into the form's own
 * text, which is never the shorter one. A repeated name is refused, because two readers could each
 * take another value of it. */
#include "gateway_bridge/auth/form.h"

#include "gateway_bridge/http/percent.h"

/* Decodes one name or value to *to, which moves on. */
static bool form_decode(struct slice in, char **to, struct slice *out)
{
    *out = (struct slice){*to, 0};
    if (!percent_decode(in, true, *to, &out->len))
        return false;
    for (uint32_t i = 0; i < out->len; i++)
        if ((uint8_t)out->data[i] < 0x20 || out->data[i] == 0x7f)
            return false;
    *to += out->len;
    return true;
}

/* Up to the mark, or all; *rest is what follows it. */
static struct slice form_cut(struct slice in, char mark, struct slice *rest)
{
    const char *at = in.len == 0 ? NULL : memchr(in.data, mark, in.len);
    uint32_t len = at == NULL ? in.len : (uint32_t)(at - in.data);
    *rest = at == NULL ? (struct slice){in.data + in.len, 0}
                       : (struct slice){at + 1, in.len - len - 1};
    return (struct slice){in.data, len};
}

bool form_read(struct slice body, struct form *f)
{
    char *to = f->text;
    f->count = 0;
    if (body.len > FORM_SIZE_MAX)
        return false;
    while (body.len > 0) {
        struct form_field field;
        struct slice value, pair = form_cut(body, '&', &body);
        struct slice name = form_cut(pair, '=', &value);
        if (pair.len == 0)
            continue;
        if (f->count == FORM_FIELDS_MAX || !form_decode(name, &to, &field.name) ||
            !form_decode(value, &to, &field.value))
            return false;
        for (uint32_t i = 0; i < f->count; i++)
            if (slice_equal(f->fields[i].name, field.name))
                return false;
        f->fields[f->count++] = field;
    }
    return true;
}

struct slice form_get(const struct form *f, const char *name)
{
    for (uint32_t i = 0; i < f->count; i++)
        if (slice_equal(f->fields[i].name, slice_of(name)))
            return f->fields[i].value;
    return (struct slice){NULL, 0};
}
