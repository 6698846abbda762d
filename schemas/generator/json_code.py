# SPDX-License-Identifier: Apache-2.0
"""JSON: the readers and writers of a service's messages."""
from .text import base64url_length, generated, quote, upper


def source(schema, service):
    out = [generated(f"The messages of {service} in JSON.", f"{service}.toml"),
           f"#include \"schemas/{service}.h\"\n#include \"schemas/json_writer.h\"\n"
           "#include \"schemas/result.h\"\n"]
    for m in schema.ordered(service):
        out += [_find(m), _set(m), _amounts(m), _needed(m), _writer(m), _type(m)]
    return "".join(out)


def _find(m):
    """Field by name: a switch on the length, then a comparison."""
    out = f"\nstatic int {m.name}_find(struct slice name)\n{{\n"
    lengths = {}
    for i, f in enumerate(m.json_fields):
        lengths.setdefault(len(f.json_name), []).append((i, f.json_name))
    if not lengths:
        return out + "    (void)name;\n    return -1;\n}\n"
    out += "    switch (name.len) {\n"
    for length, entries in sorted(lengths.items()):
        out += f"    case {length}:\n"
        for i, name in entries:
            out += (f"        if (memcmp(name.data, {quote(name)}, {length}) == 0)\n"
                    f"            return {i};\n")
        out += "        return -1;\n"
    return out + "    default:\n        return -1;\n    }\n}\n"


def _limits(f):
    return f"{f.min} to {f.max}" if f.min > 0 else f"at most {f.max}"


def _getter(m, f):
    """(statements before, the call that reads the field, statements after)"""
    at = f"m->{f.name}"
    ref = f"&{at}"
    if f.type in ("u8", "u16", "u32"):
        bits = f.type[1:]
        rule = quote(f"must be a whole number from {f.min} to {f.max}")
        return (["uint64_t number;"],
                f"json_get_uint(t, in, {f.min}, {f.max}u,\n                {rule}, &number)",
                [f"{at} = (uint{bits}_t)number;"])
    if f.type == "amount":
        slot = [x for x in m.json_fields if x.type == "amount"].index(f)
        return [], f"json_get_amount(t, in, {slot}, {ref})", []
    if f.type == "id":
        rule = quote(f'must be an id like "{f.argument}_01J8Z3N5..."')
        if f.also:
            return [], (f"json_get_id_either(t, in, {quote(f.argument)}, {quote(f.also)},\n"
                        f"            {rule}, {ref})"), []
        return [], f"json_get_id(t, in, {quote(f.argument)},\n            {rule}, {ref})", []
    if f.type in ("text", "bytes"):
        rule = f"must have {_limits(f)} bytes"
        if f.type == "bytes":
            rule = (f"must be {base64url_length(f.min)} to {base64url_length(f.max)} characters of "
                    f"base64url, for {_limits(f)} bytes")
        kind = "words" if f.words else f.type
        return [], f"json_get_{kind}(t, in, {f.min}, {f.max}, {quote(rule)}, {ref})", []
    if f.type in ("enum", "flags"):
        names = f"{f.argument}_names, {upper(f.argument, 'count')}"
        if f.unknown:
            return [], (f"json_get_enum_or(t, in, {names},\n            "
                        f"{upper('result', f.unknown)}, {ref})"), []
        rule = "must be one of: " if f.type == "enum" else "must be names out of: "
        return [], (f"json_get_{f.type}(t, in, {names},\n            {quote(rule)} "
                    f"{upper(f.argument, 'listed')}, {ref})"), []
    if f.type == "message":
        return [], f"json_get_message(t, in, &{f.argument}_json, {ref})", []
    if f.type == "list":
        rule = quote(f"must have {_limits(f)} items")
        return (["void *items;"],
                f"json_get_list(t, in, &{f.argument}_json, {f.min}, {f.max},\n"
                f"                {rule}, &items, &{at}_count)", [f"{at} = items;"])
    return [], f"json_get_{'plain' if f.plain else f.type}(t, in, {ref})", []


def _set(m):
    n = m.name
    out = (f"\nstatic bool {n}_set(void *message, int field, const struct json_token *t,\n"
           f"    struct json_input *in)\n{{\n")
    if not m.json_fields:
        return out + ("    (void)message;\n    (void)t;\n    (void)in;\n"
                      "    check(field < 0);\n    return false;\n}\n")
    out += f"    struct {n} *m = message;\n    switch (field) {{\n"
    for i, f in enumerate(m.json_fields):
        before, call, after = _getter(m, f)
        out += f"    case {i}:"
        out += " {\n" if before else "\n"
        out += "".join(f"        {line}\n" for line in before)
        if f.optional:
            after = after + [f"m->has_{f.name} = true;"]
        if after:
            out += f"        if (!{call})\n            return false;\n"
            out += "".join(f"        {line}\n" for line in after)
            out += "        return true;\n"
        else:
            out += f"        return {call};\n"
        out += "    }\n" if before else ""
    return out + "    default:\n        check(false);\n        return false;\n    }\n}\n"


def _amounts(m):
    amounts = [f for f in m.json_fields if f.type == "amount"]
    if not amounts:
        return ""
    n = m.name
    out = (f"\nstatic bool {n}_amounts(void *message, struct json_input *in)\n{{\n"
           f"    struct {n} *m = message;\n    bool good = true;\n")
    for slot, f in enumerate(amounts):
        i = m.json_fields.index(f)
        out += (f"    if ((in->seen >> {i} & 1) != 0 &&\n"
                f"        !json_amount_minor(in, {quote(f.json_name)}, {slot}, m->{f.currency}, "
                f"&m->{f.name}))\n"
                f"        good = false;\n")
    return out + "    return good;\n}\n"


def _needed(m):
    """Bits of the optional fields that the message's flags make needed."""
    needed = [f for f in m.json_fields if f.unless_flags]
    if not needed:
        return ""
    n = m.name
    [flags] = [f for f in m.fields if f.name == "flags"]
    out = (f"\nstatic uint64_t {n}_needed(const void *message)\n{{\n"
           f"    const struct {n} *m = message;\n    uint64_t needed = 0;\n")
    for f in needed:
        set_ = " | ".join(upper(flags.argument, name) for name in f.unless_flags)
        out += (f"    if ((m->flags & ({set_})) == 0)\n"
                f"        needed |= {1 << m.json_fields.index(f):#x};\n")
    return out + "    return needed;\n}\n"


def _put(f):
    at = f"m->{f.name}"
    old = "_compat" if f.compat == "number" else ""
    if f.type in ("u8", "u16", "u32"):
        return [f"json_put_uint(w, {at});"]
    if f.type == "amount":
        return [f"json_put_amount{old}(w, {at}, m->{f.currency});"]
    if f.type == "decimal":
        return [f"json_put_decimal{old}(w, {at});"]
    if f.type == "id":
        return [f"json_put_id(w, {quote(f.argument)}, {at});"]
    if f.type in ("enum", "flags"):
        return [f"json_put_{f.type}(w, {f.argument}_names, {upper(f.argument, 'count')}, {at});"]
    if f.words:
        return [f"json_put_words(w, {at});"]
    if f.type == "metadata":
        return [f"json_put_metadata(w, &{at});"]
    if f.type == "message":
        return [f"{f.argument}_to_json(w, &{at});"]
    if f.type == "list":
        return ["mark = json_open(w);",
                f"for (uint32_t i = 0; i < {at}_count; i++) {{",
                "    json_put_comma(w);",
                f"    {f.argument}_to_json(w, &{at}[i]);", "}",
                "json_close_array(w, mark);"]
    return [f"json_put_{f.type}(w, {at});"]


def _writer(m):
    n = m.name
    out = f"\nvoid {n}_to_json(struct json_writer *w, const struct {n} *m)\n{{\n"
    out += "    size_t object = json_open(w);\n" if m.json_fields else ""
    out += "    size_t mark;\n" if any(f.type == "list" for f in m.json_fields) else ""
    if m.bare:
        out += "    if (w->compat) {\n"
        out += "".join(f"        {line}\n" for line in _put(m.bare)) + "        return;\n    }\n"
    for f in m.json_fields:
        key = quote(f',"{f.json_name}":')
        lines = [f"json_put_literal(w, {key});"] + _put(f)
        if f.optional:
            out += f"    if (m->has_{f.name}) {{\n"
            out += "".join(f"        {line}\n" for line in lines) + "    }\n"
        else:
            out += "".join(f"    {line}\n" for line in lines)
    if not m.json_fields:
        return out + "    (void)m;\n    json_put_literal(w, \"{}\");\n}\n"
    return out + "    json_close_object(w, object);\n}\n"


def _type(m):
    n = m.name
    fields = m.json_fields
    required = sum(1 << i for i, f in enumerate(fields) if not f.optional)
    together = sum(1 << i for i, f in enumerate(fields) if f.json_name in m.together)
    out = ""
    if fields:
        out += f"\nstatic const char *const {n}_fields[] = {{\n"
        out += "".join(f"    {quote(f.json_name)},\n" for f in fields) + "};\n"
    amounts = any(f.type == "amount" for f in fields)
    return out + f"""
static void {n}_to_json_any(struct json_writer *w, const void *m)
{{
    {n}_to_json(w, m);
}}

const struct json_type {n}_json = {{
    .name = {quote(n)},
    .size = sizeof(struct {n}),
    .count = {len(fields)},
    .fields = {n + '_fields' if fields else 'NULL'},
    .required = {required:#x},
    .together = {together:#x},
    .lacking = {upper('result', m.lacking) if m.together else 0},
    .needed = {n + '_needed' if any(f.unless_flags for f in fields) else 'NULL'},
    .find = {n}_find,
    .set = {n}_set,
    .amounts = {n + '_amounts' if amounts else 'NULL'},
    .write = {n}_to_json_any,
}};
"""
