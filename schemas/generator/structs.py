# SPDX-License-Identifier: Apache-2.0
"""Structs: a service's header, and how its messages and rows go to the wire and the views."""
from .declarations import NUMBER_TOPS
from .text import comment, generated, quote, upper

C_TYPES = {
    "bool": "bool ", "u8": "uint8_t ", "u16": "uint16_t ", "u32": "uint32_t ",
    "u64": "uint64_t ", "u128": "u128 ", "decimal": "struct decimal ", "amount": "u128 ",
    "id": "struct id128 ", "raw_id": "struct id128 ", "currency": "uint16_t ",
    "text": "struct slice ", "bytes": "struct slice ", "time": "uint64_t ",
    "result": "uint16_t ", "enum": "uint8_t ", "flags": "uint32_t ",
    "metadata": "struct metadata ",
}
UINT_LIMITS = {"u8": "UINT8_MAX", "u16": "UINT16_MAX", "u32": "UINT32_MAX", "u64": "UINT64_MAX",
               "time": "UINT64_MAX", "result": "UINT16_MAX", "currency": "CURRENCY_NUMBER_MAX"}
VALUES = {"bool": ("UINT", "number"), "u128": ("U128", "big"), "amount": ("U128", "big"),
          "id": ("ID", "id"), "raw_id": ("ID", "id"), "text": ("TEXT", "text"),
          "bytes": ("BYTES", "text")}


def c_type(f):
    if f.type == "list":
        return f"struct {f.argument} *"
    if f.type == "message":
        return f"struct {f.argument} "
    return C_TYPES[f.type]


def header(schema, service, copies=""):
    guard = upper("schemas", service, "h")
    out = [generated(f"The messages, events and rows of {service}.", f"{service}.toml"),
           f"#ifndef {guard}\n#define {guard}\n\n#include \"runtime/actor/message.h\"\n"
           "#include \"runtime/store/views.h\"\n#include \"schemas/fields.h\"\n"
           "#include \"schemas/json_input.h\"\n"]
    out += [f"#include \"schemas/{other}.h\"\n" for other in schema.includes(service)]
    if service == "common":
        out.append(_kinds_header(schema))
    for e in schema.of(service, schema.enums):
        out.append(_enum_header(e))
    for e in schema.of(service, schema.flags):
        out.append(_flags_header(e))
    for m in schema.ordered(service):
        out.append(_message_header(m))
    for v in schema.of(service, schema.views):
        out.append(_view_header(v))
    out.append(copies + "\n#endif\n")
    return "".join(out)


def _kinds_header(schema):
    out = "\n/* Kinds of actors and of things with an id. */\nenum kind {\n"
    for k in schema.kinds.values():
        out += f"    KIND_{k.name.upper()} = {k.number}, /* {k.doc} */\n"
    return out + ("};\n\nstruct kind_info {\n    uint16_t number;\n    const char *name;\n"
                  "    const char *prefix; /* of the text form; NULL: there is none */\n};\n\n"
                  "/* NULL for an unlisted number or prefix. */\n"
                  "const struct kind_info *kind_by_number(uint32_t number);\n"
                  "const struct kind_info *kind_by_name(struct slice name);\n"
                  "const struct kind_info *kind_by_prefix(struct slice prefix);\n")


def _enum_header(e):
    out = "\n" + (comment(e.doc) if e.doc else "") + f"enum {e.name} {{\n"
    for i, v in enumerate(e.values):
        out += f"    {upper(e.name, v)} = {i + 1},\n"
    return out + (f"}};\n#define {upper(e.name, 'count')} {len(e.values)}\n"
                  f"#define {upper(e.name, 'listed')} \"{', '.join(e.values)}\"\n"
                  f"extern const char *const {e.name}_names[{upper(e.name, 'count')}];"
                  f" /* of 1 .. */\n")


def _flags_header(e):
    out = "\n" + (comment(e.doc) if e.doc else "") + f"enum {e.name} {{\n"
    for i, v in enumerate(e.values):
        out += f"    {upper(e.name, v)} = 1 << {i},\n"
    all_bits = (1 << len(e.values)) - 1
    return out + (f"}};\n#define {upper(e.name, 'count')} {len(e.values)}\n"
                  f"#define {upper(e.name, 'all')} {all_bits:#x}u\n"
                  f"#define {upper(e.name, 'listed')} \"{', '.join(e.values)}\"\n"
                  f"extern const char *const {e.name}_names[{upper(e.name, 'count')}];\n")


def _member(f, plain=False):
    out = f"    bool has_{f.name};\n" if f.optional else ""
    out += f"    {c_type(f)}{f.name};"
    if f.doc and not plain:
        doc = f" /* {f.doc.replace('*/', '* /')} */"
        if len(out.split("\n")[-1] + doc) <= 100:
            out += doc
        else:
            out = comment(f.doc, "    ") + out
    out += "\n"
    if f.type == "list":
        out += f"    uint32_t {f.name}_count;\n"
    return out


def _message_header(m):
    n = m.name
    out = "\n" + comment(m.doc) + f"struct {n} {{\n"
    out += "".join(_member(f) for f in m.fields) or "    uint8_t nothing;\n"
    out += "};\n"
    if m.number:
        out += f"#define {upper(n, 'number')} {m.number:#06x}\n"
    out += (f"extern const struct message_type {n}_type;\n"
            f"extern const struct json_type {n}_json;\n"
            f"void {n}_write(struct wire_writer *w, const struct {n} *m);\n"
            f"must_check bool {n}_read(struct wire_reader *r, struct arena *a, struct {n} *m);\n"
            f"void {n}_to_json(struct json_writer *w, const struct {n} *m);\n")
    return out


def _view_header(v):
    n = v.name
    out = "\n" + comment(v.doc) + f"struct {n}_row {{\n"
    out += "".join(_member(f) for f in v.columns) + "};\n\n"
    out += f"enum {n}_column {{\n"
    out += "".join(f"    {upper(n, 'column', c.name)},\n" for c in v.columns)
    out += f"    {upper(n, 'columns')},\n}};\n"
    if v.indexes:
        out += f"\n/* Places in {n}_view.indexes. */\nenum {n}_index {{\n"
        out += "".join(f"    {upper(n, 'index', i)},\n" for i in v.indexes) + "};\n"
    return out + (f"\nextern const struct view_table {n}_view;\n"
                  f"void {n}_row_to_values(const struct {n}_row *row,\n"
                  f"    struct value values[{upper(n, 'columns')}]);\n"
                  f"/* false if a value is not of its column's type or range. */\n"
                  f"must_check bool {n}_row_from_values(const struct value "
                  f"values[{upper(n, 'columns')}],\n    struct {n}_row *row);\n")


# --- the source -----------------------------------------------------------------------------------

def source(schema, service):
    out = [generated(f"The messages of {service} on the wire, and its rows.", f"{service}.toml"),
           f"#include \"schemas/{service}.h\"\n"]
    if service == "common":
        out.append(_kinds_source(schema))
    for e in schema.of(service, schema.enums) + schema.of(service, schema.flags):
        names = "".join(f"    {quote(v)},\n" for v in e.values)
        out.append(f"\nconst char *const {e.name}_names[{upper(e.name, 'count')}] = "
                   f"{{\n{names}}};\n")
    for m in schema.ordered(service):
        out += [_write(m), _read(schema, m), _type(schema, m)]
    for v in schema.of(service, schema.views):
        out += [_view_tables(v), _to_values(v), _from_values(schema, v)]
    return "".join(out)


def _kinds_source(schema):
    out = "\nstatic const struct kind_info kinds[] = {\n"
    for k in schema.kinds.values():
        out += f"    {{{k.number}, {quote(k.name)}, {quote(k.prefix) if k.prefix else 'NULL'}}},\n"
    return out + """};

const struct kind_info *kind_by_number(uint32_t number)
{
    for (size_t i = 0; i < array_len(kinds); i++) {
        if (kinds[i].number == number)
            return &kinds[i];
    }
    return NULL;
}

const struct kind_info *kind_by_name(struct slice name)
{
    for (size_t i = 0; i < array_len(kinds); i++) {
        if (slice_equal(slice_of(kinds[i].name), name))
            return &kinds[i];
    }
    return NULL;
}

const struct kind_info *kind_by_prefix(struct slice prefix)
{
    for (size_t i = 0; i < array_len(kinds); i++) {
        if (kinds[i].prefix != NULL && slice_equal(slice_of(kinds[i].prefix), prefix))
            return &kinds[i];
    }
    return NULL;
}
"""


def put(f, at):
    """C statements that write one field, which is at `at`, without indent."""
    if f.type in UINT_LIMITS or f.type in ("enum", "flags"):
        return [f"wire_put_uint(w, {at});"]
    if f.type in ("u128", "amount"):
        return [f"wire_put_u128(w, {at});"]
    if f.type in ("id", "raw_id"):
        return [f"wire_put_id(w, {at});"]
    if f.type in ("bool", "text", "bytes"):
        return [f"wire_put_{f.type}(w, {at});"]
    if f.type == "decimal":
        return [f"fields_put_decimal(w, {at});"]
    if f.type == "metadata":
        return [f"fields_put_metadata(w, &{at});"]
    if f.type == "message":
        return [f"{f.argument}_write(w, &{at});"]
    return [f"wire_put_array(w, {at}_count);",
            f"for (uint32_t i = 0; i < {at}_count; i++)",
            f"    {f.argument}_write(w, &{at}[i]);"]


def _write_field(f, indent="    "):
    lines = put(f, f"m->{f.name}")
    if not f.optional:
        return "".join(f"{indent}{line}\n" for line in lines)
    many = len(lines) > 1
    out = f"{indent}if (m->has_{f.name}){' {' if many else ''}\n"
    out += "".join(f"{indent}    {line}\n" for line in lines)
    out += f"{indent}}} else {{\n" if many else f"{indent}else\n"
    return out + f"{indent}    wire_put_nil(w);\n" + (f"{indent}}}\n" if many else "")


def _write(m):
    """Fields that were added last and are absent are left out: the bytes, and so a request's
    fingerprint, are those that were written before the fields were added."""
    always = len(m.fields)
    while always > 0 and m.fields[always - 1].since > 1 and m.fields[always - 1].optional:
        always -= 1
    out = f"\nvoid {m.name}_write(struct wire_writer *w, const struct {m.name} *m)\n{{\n"
    if not m.fields:
        out += "    (void)m;\n"
    if always == len(m.fields):
        out += f"    wire_put_array(w, {always});\n"
    else:
        out += f"    uint32_t count = {always};\n"
        for i, f in enumerate(m.fields[always:], always + 1):
            out += f"    if (m->has_{f.name})\n        count = {i};\n"
        out += "    wire_put_array(w, count);\n"
    out += "".join(_write_field(f) for f in m.fields[:always])
    for i, f in enumerate(m.fields[always:], always):
        out += f"    if (count > {i}) {{\n" + _write_field(f, "        ") + "    }\n"
    return out + "}\n"


def get(schema, f, at):
    """C statements that read one field to `at`, without indent."""
    if f.type in UINT_LIMITS:
        cast = C_TYPES[f.type].strip()
        cast = "" if cast == "uint64_t" else f"({cast})"
        limit = f"{f.max}u" if f.type in NUMBER_TOPS else UINT_LIMITS[f.type]
        lines = [f"{at} = {cast}wire_get_uint(r, {limit});"]
        if f.min > 0:
            lines += [f"if ({at} < {f.min})", "    r->failed = true;"]
        return lines
    if f.type in ("u128", "amount"):
        return [f"{at} = wire_get_u128(r);"]
    if f.type in ("id", "raw_id"):
        return [f"{at} = wire_get_id(r);"]
    if f.type == "bool":
        return [f"{at} = wire_get_bool(r);"]
    if f.type in ("text", "bytes"):
        return [f"{at} = fields_get_{f.type}(r, {f.min}, {f.max});"]
    if f.type == "decimal":
        return [f"{at} = fields_get_decimal(r);"]
    if f.type == "enum":
        return [f"{at} = fields_get_enum(r, {upper(f.argument, 'count')});"]
    if f.type == "flags":
        return [f"{at} = fields_get_flags(r, {upper(f.argument, 'all')});"]
    if f.type == "metadata":
        return [f"if (!fields_get_metadata(r, a, &{at}))", "    return false;"]
    if f.type == "message":
        return [f"if (!{f.argument}_read(r, a, &{at}))", "    return false;"]
    lines = [f"{at}_count = wire_get_array(r, {f.max});"]
    if f.min > 0:
        lines += [f"if ({at}_count < {f.min})", "    r->failed = true;"]
    return lines + [
        f"{at} = fields_list(r, a, {at}_count, sizeof *{at});",
        f"for (uint32_t i = 0; i < {at}_count && !r->failed; i++) {{",
        f"    if (!{f.argument}_read(r, a, &{at}[i]))",
        "        return false;", "}"]


def uses_arena(m):
    return any(f.type in ("metadata", "list", "message") for f in m.fields)


def _read(schema, m):
    n = m.name
    base = sum(f.since == 1 for f in m.fields)
    out = f"\nbool {n}_read(struct wire_reader *r, struct arena *a, struct {n} *m)\n{{\n"
    out += "" if uses_arena(m) else "    (void)a;\n"
    out += f"    *m = (struct {n}){{0}};\n"
    out += f"    uint32_t count = fields_open(r, {base});\n"
    for i, f in enumerate(m.fields):
        lines = get(schema, f, f"m->{f.name}")
        if f.since > 1:
            condition = f"count > {i}" + (" && !wire_get_nil(r)" if f.optional else "")
        else:
            condition = "!wire_get_nil(r)" if f.optional else ""
        if condition:
            many = f.optional or len(lines) > 1
            out += f"    if ({condition}){' {' if many else ''}\n"
            out += f"        m->has_{f.name} = true;\n" if f.optional else ""
            out += "".join(f"        {line}\n" for line in lines)
            out += "    }\n" if many else ""
        else:
            out += "".join(f"    {line}\n" for line in lines)
    out += f"    fields_close(r, count, {len(m.fields)});\n    return !r->failed;\n}}\n"
    return out


def _type(schema, m):
    n = m.name
    kind = f"KIND_{m.target_kind.upper()}" if m.target_kind else "0"
    offset = f"offsetof(struct {n}, {m.target_field})" if m.target_field else "MESSAGE_NO_OFFSET"
    ids, lists = _ids(schema, m)
    paging = _paging(m)
    return f"""{ids}{lists}{paging}
static bool {n}_read_any(struct wire_reader *r, struct arena *a, void *body)
{{
    return {n}_read(r, a, body);
}}

static void {n}_write_any(struct wire_writer *w, const void *body)
{{
    {n}_write(w, body);
}}

const struct message_type {n}_type = {{
    .name = {quote(n)},
    .number = {upper(n, 'number') if m.number else 0},
    .target_kind = {kind},
    .target_offset = {offset},
    .size = sizeof(struct {n}),
    .mutates = {str(m.mutates).lower()},
    .passes_quota = {str(m.passes_quota).lower()},
    .view = {str(m.view).lower()},
    .read = {n}_read_any,
    .write = {n}_write_any,
    .paging = {'&' + n + '_paging' if paging else 'NULL'},
    .ids = {n + '_ids' if ids else 'NULL'},
    .lists = {n + '_lists' if lists else 'NULL'},
    .id_count = {f'array_len({n}_ids)' if ids else 0},
    .list_count = {f'array_len({n}_lists)' if lists else 0},
}};
"""


def _paging(m):
    """Where the fields are that every list has; empty if it is none."""
    fields = {f.name: f for f in m.fields}
    if not m.view or not {"limit", "cursor", "count"} <= fields.keys():
        return ""
    places = "".join(f"    .{prefix}{name} = offsetof(struct {m.name}, {prefix}{name}),\n"
                     for name in ("limit", "cursor", "count") for prefix in ("has_", ""))
    return (f"\nstatic const struct message_paging {m.name}_paging = {{\n{places}"
            f"    .limit_max = {fields['limit'].max},\n}};\n")


def _ids(schema, m):
    """Tables of the ids and lists in a body, for those who look ahead; empty if it has none."""
    kinds = schema.prefixes
    ids = [f"    {{offsetof(struct {m.name}, {f.name}), KIND_{kinds[f.argument].name.upper()}}},\n"
           for f in m.fields if f.type == "id"]
    lists = [f"    {{offsetof(struct {m.name}, {f.name}), "
             f"offsetof(struct {m.name}, {f.name}_count), &{f.argument}_type}},\n"
             for f in m.fields if f.type == "list"]
    return (_rows(f"struct message_id {m.name}_ids", ids),
            _rows(f"struct message_list {m.name}_lists", lists))


def _rows(name, rows):
    return f"\nstatic const {name}[] = {{\n{''.join(rows)}}};\n" if rows else ""


def _value(f):
    return VALUES.get(f.type, ("UINT", "number"))


def _index(v, name, over):
    columns = ", ".join(upper(v.name, "column", c) for c in over)
    return f"{{{quote(name)}, {{{columns}}}, {len(over)}}}"


def _view_tables(v):
    n = v.name
    out = f"\nstatic const char *const {n}_column_names[] = {{\n"
    out += "".join(f"    {quote(c.name)},\n" for c in v.columns) + "};\n\n"
    out += f"static const enum value_type {n}_column_types[] = {{\n"
    out += "".join(f"    VALUE_{_value(c)[0]},\n" for c in v.columns) + "};\n\n"
    if v.indexes:
        out += f"static const struct view_index {n}_indexes[] = {{\n"
        out += "".join(f"    {_index(v, i, over)},\n" for i, over in v.indexes.items()) + "};\n\n"
    return out + (f"const struct view_table {n}_view = {{\n    .name = {quote(n)},\n"
                  f"    .column_names = {n}_column_names,\n"
                  f"    .column_types = {n}_column_types,\n"
                  f"    .column_count = {upper(n, 'columns')},\n"
                  f"    .key = {_index(v, 'key', v.key)},\n"
                  f"    .indexes = {n + '_indexes' if v.indexes else 'NULL'},\n"
                  f"    .index_count = {len(v.indexes)},\n"
                  f"    .packed = {str(v.packed).lower()},\n}};\n")


def _to_values(v):
    n = v.name
    out = (f"\nvoid {n}_row_to_values(const struct {n}_row *row,\n"
           f"    struct value values[{upper(n, 'columns')}])\n{{\n")
    for c in v.columns:
        kind, member = _value(c)
        at = f"values[{upper(n, 'column', c.name)}]"
        line = f"{at} = (struct value){{.type = VALUE_{kind}, .{member} = row->{c.name}}};"
        if c.optional:
            out += (f"    {at} = (struct value){{.type = VALUE_NULL}};\n"
                    f"    if (row->has_{c.name})\n        {line}\n")
        else:
            out += f"    {line}\n"
    return out + "}\n"


def _fits(c, at):
    """Condition on a number beyond its type, or None."""
    if c.type == "enum":
        return f"{at}.number >= 1 && {at}.number <= {upper(c.argument, 'count')}"
    if c.type == "flags":
        return f"({at}.number & ~(uint64_t){upper(c.argument, 'all')}) == 0"
    if c.type == "bool":
        return f"{at}.number <= 1"
    if c.type in UINT_LIMITS and UINT_LIMITS[c.type] != "UINT64_MAX":
        return f"{at}.number <= {UINT_LIMITS[c.type]}"
    return None


def _from_values(schema, v):
    n = v.name
    out = (f"\nbool {n}_row_from_values(const struct value values[{upper(n, 'columns')}],\n"
           f"    struct {n}_row *row)\n{{\n    *row = (struct {n}_row){{0}};\n")
    for c in v.columns:
        kind, member = _value(c)
        at = f"values[{upper(n, 'column', c.name)}]"
        fits = _fits(c, at)
        bad = f"{at}.type != VALUE_{kind}" + (f" || !({fits})" if fits else "")
        cast = C_TYPES[c.type].strip()
        read = f"{at}.{member}"
        if member == "number" and cast != "uint64_t":
            read = f"{at}.number != 0" if c.type == "bool" else f"({cast}){read}"
        if c.optional:
            out += (f"    if ({at}.type != VALUE_NULL) {{\n        if ({bad})\n"
                    f"            return false;\n        row->has_{c.name} = true;\n"
                    f"        row->{c.name} = {read};\n    }}\n")
        else:
            out += f"    if ({bad})\n        return false;\n    row->{c.name} = {read};\n"
    return out + "    return true;\n}\n"
