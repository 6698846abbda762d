/* SPDX-License-Identifier: Apache-2.0 */
/* yyjson parses into the caller's memory, whose size follows from the text's length, so reading
 * allocates nothing. One recursion then checks depth, number of members and repeated names, each
 * name against those before it; a member given twice is refused because parsers differ in which one
 * counts. */
#include "gateway_bridge/auth/jose_json.h"

#include <yyjson.h>

#include "schemas/fields.h"

size_t jose_memory_size(size_t text_len)
{
    /* The pool's own bookkeeping comes on top of what the reader asks for. */
    return yyjson_read_max_memory_usage(text_len, YYJSON_READ_NOFLAG) + 1024;
}

static bool jose_object_strict(yyjson_val *object, uint32_t depth);

static bool jose_value_strict(yyjson_val *value, uint32_t depth)
{
    if (yyjson_is_obj(value))
        return jose_object_strict(value, depth);
    if (!yyjson_is_arr(value))
        return true;
    if (depth == 0)
        return false;
    yyjson_arr_iter items = yyjson_arr_iter_with(value);
    for (yyjson_val *item = yyjson_arr_iter_next(&items); item != NULL;
         item = yyjson_arr_iter_next(&items))
        if (!jose_value_strict(item, depth - 1))
            return false;
    return true;
}

static bool jose_object_strict(yyjson_val *object, uint32_t depth)
{
    struct slice names[JOSE_MEMBERS_MAX];
    uint32_t count = 0;
    if (depth == 0 || yyjson_obj_size(object) > JOSE_MEMBERS_MAX)
        return false;
    yyjson_obj_iter members = yyjson_obj_iter_with(object);
    for (yyjson_val *key = yyjson_obj_iter_next(&members); key != NULL;
         key = yyjson_obj_iter_next(&members)) {
        struct slice name = {yyjson_get_str(key), (uint32_t)yyjson_get_len(key)};
        for (uint32_t i = 0; i < count; i++)
            if (slice_equal(names[i], name))
                return false;
        names[count++] = name;
        if (!jose_value_strict(yyjson_obj_iter_get_val(key), depth - 1))
            return false;
    }
    return true;
}

struct yyjson_val *jose_read(struct slice text, void *memory, size_t memory_size)
{
    yyjson_alc pool;
    if (!yyjson_alc_pool_init(&pool, memory, memory_size))
        return NULL;
    /* Without the in-situ flag the text is only read; the type merely lacks the const. */
    yyjson_doc *doc =
        yyjson_read_opts((char *)text.data, text.len, YYJSON_READ_NOFLAG, &pool, NULL);
    yyjson_val *root = yyjson_doc_get_root(doc);
    if (!yyjson_is_obj(root) || !jose_object_strict(root, JOSE_DEPTH_MAX))
        return NULL;
    return root;
}

yyjson_val *jose_member(yyjson_val *object, const char *name)
{
    return yyjson_obj_get(object, name);
}

enum jose_found jose_text(yyjson_val *object, const char *name, uint32_t len_max,
                          struct slice *text)
{
    yyjson_val *value = jose_member(object, name);
    if (value == NULL)
        return JOSE_ABSENT;
    if (!yyjson_is_str(value))
        return JOSE_WRONG;
    struct slice found = {yyjson_get_str(value), (uint32_t)yyjson_get_len(value)};
    if (found.len == 0 || found.len > len_max)
        return JOSE_WRONG;
    if (!fields_printable(found)) /* it may be recorded: as strict as the fields of events */
        return JOSE_WRONG;
    if (found.data[0] == ' ' || found.data[found.len - 1] == ' ')
        return JOSE_WRONG;
    *text = found;
    return JOSE_FOUND;
}
