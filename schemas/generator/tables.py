# SPDX-License-Identifier: Apache-2.0
"""Tables: result codes, currencies, and the catalog of everything declared."""
import re

from .openapi import PLATFORM, WITH_AMOUNTS
from .text import generated, quote


def result_header(schema):
    out = generated("Result: every code a message can be answered with.", "errors.toml")
    out += ("#ifndef SCHEMAS_RESULT_H\n#define SCHEMAS_RESULT_H\n\n#include <stdint.h>\n\n"
            "#include \"runtime/base/error.h\"\n#include \"runtime/base/slice.h\"\n\n"
            "enum result {\n")
    for e in schema.errors:
        out += f"    RESULT_{e.name.upper()} = {e.number},\n"
    most = max(len(e.fields) for e in schema.errors)
    return out + f"}};\n\n#define RESULT_FIELDS_MAX {most}\n" + """
struct result_info {
    uint16_t code;
    uint16_t status;     /* HTTP */
    const char *name;    /* "exceeds_credits": stable, for programs */
    const char *title;   /* for people, the same for every occurrence */
    const char *detail;
    /* Of the request, that it is about: the first that it has. NULL ends them. */
    const char *fields[RESULT_FIELDS_MAX + 1];
    const char *type;    /* registered URI of the problem; NULL = it has none */
};

/* NULL for an unlisted code or name. */
const struct result_info *result_info(uint16_t code);
const struct result_info *result_by_name(struct slice name);

#endif
"""


def result_source(schema):
    out = generated("Result codes.", "errors.toml")
    out += "#include \"schemas/result.h\"\n\n#include <stddef.h>\n\n"
    out += "#include \"runtime/base/check.h\"\n\n"
    out += "#define X(name, number, text) \\\n"
    out += "    static_assert((int)ERR_##name == (int)RESULT_##name, "
    out += "\"errors.toml repeats error.h\");\nERR_LIST(X)\n#undef X\n"
    out += "\nstatic const struct result_info results[] = {\n"
    for e in schema.errors:
        fields = ", ".join([quote(name) for name in e.fields] + ["NULL"])
        out += (f"    {{{e.number}, {e.status}, {quote(e.name)}, {quote(e.title)},\n"
                f"     {quote(e.detail)}, {{{fields}}},\n"
                f"     {quote(e.type) if e.type else 'NULL'}}},\n")
    out += "};\n"
    last = schema.errors[-1].number
    out += "\n/* By code, one more than the place in the list; 0 = unlisted. */\n"
    out += f"static const uint16_t places[{last + 1}] = {{\n"
    for i, e in enumerate(schema.errors):
        out += f"    [{e.number}] = {i + 1},\n"
    return out + """};

const struct result_info *result_info(uint16_t code)
{
    if (code >= array_len(places) || places[code] == 0)
        return NULL;
    return &results[places[code] - 1];
}

const struct result_info *result_by_name(struct slice name)
{
    for (size_t i = 0; i < array_len(results); i++) {
        if (slice_equal(slice_of(results[i].name), name))
            return &results[i];
    }
    return NULL;
}
"""


def currency_table(schema):
    out = generated("The currencies of ISO 4217.", "currencies.toml")
    out += "#include \"schemas/currency.h\"\n\nconst struct currency currency_list[] = {\n"
    for c in schema.currencies:
        out += f"    {{{quote(c.code)}, {c.number}, {c.decimals}, {quote(c.name)}}},\n"
    out += f"}};\n\nconst uint32_t currency_count = {len(schema.currencies)};\n\n"
    out += "const uint8_t currency_decimals[CURRENCY_NUMBER_MAX + 1] = {\n"
    places = {c.number: i + 1 for i, c in enumerate(schema.currencies)}
    for number in sorted(places):
        out += f"    [{number}] = {places[number]},\n"
    return out + "};\n"


CATALOG_HEADER = """#ifndef SCHEMAS_CATALOG_H
#define SCHEMAS_CATALOG_H

#include "runtime/actor/message.h"
#include "runtime/store/views.h"
#include "schemas/command.h"
#include "schemas/json_input.h"
#include "schemas/route.h"

struct catalog_entry {
    const struct message_type *type;
    const struct json_type *json;
    const struct message_type *reply; /* NULL: none declared */
    const char *service;
    bool event;
};

/* Every message and event that has a number, by number. */
extern const struct catalog_entry catalog_entries[];
extern const uint32_t catalog_entry_count;

/* NULL for an unlisted number or name. */
const struct catalog_entry *catalog_by_number(uint16_t number);
const struct catalog_entry *catalog_by_name(struct slice name);

extern const struct view_table *const catalog_views[];
extern const uint32_t catalog_view_count;
extern const struct route catalog_routes[];
extern const uint32_t catalog_route_count;
extern const struct route catalog_refused[];
extern const uint32_t catalog_refused_count;
/* Those with a port of their own, in the order of its numbers; and all of them as one. */
extern const struct route_service catalog_services[];
extern const uint32_t catalog_service_count;
extern const struct route_service catalog_platform;
extern const struct command catalog_commands[];
extern const uint32_t catalog_command_count;
"""


REFUSALS_HEADER = """#ifndef SCHEMAS_REFUSALS_H
#define SCHEMAS_REFUSALS_H

#include <stdint.h>

#include "schemas/result.h"

struct declared_refusal {
    uint16_t message; /* number of its type */
    uint16_t code;
};

/* By message and code. */
static const struct declared_refusal declared_refusals[] = {
"""


def refusals_header(schema):
    out = generated("Refusals: what each message may be refused with, beyond what holds for all. "
                    "For tests.", "all declarations") + REFUSALS_HEADER
    for m in sorted((m for m in schema.messages.values() if m.number), key=lambda m: m.number):
        names = set(m.refusals)
        if any(f.type == "decimal" and not f.plain for f in m.fields) and m.request:
            names.update(WITH_AMOUNTS)
        for e in sorted((schema.error(name) for name in names), key=lambda e: e.number):
            out += f"    {{{m.number}, RESULT_{e.name.upper()}}}, /* {m.name} */\n"
    return out + "};\n\n#endif\n"


def catalog_header(schema):
    out = generated("Catalog: everything declared, for those who go by number or by name.",
                    "all declarations")
    return out + CATALOG_HEADER + "\n#endif\n"


def catalog_source(schema):
    out = generated("Catalog of everything declared.", "all declarations")
    out += "#include \"schemas/catalog.h\"\n\n#include <stddef.h>\n\n"
    out += "".join(f"#include \"schemas/{s}.h\"\n" for s in schema.services)
    out += _entries(schema) + _views(schema) + _services(schema) + _routes(schema)
    out += _refused(schema) + _commands(schema)
    return out


def _ended(name, kind, count_name, body, count, empty):
    """A table and its count; C has no empty arrays, so an empty one keeps one zero entry."""
    return (f"\nconst {kind}{name}[] = {{\n{body if count else empty}}};\n"
            f"const uint32_t {count_name} = {count};\n")


def _type_of(schema, name):
    return f"&{name}_type" if name else "NULL"


def _entries(schema):
    numbered = sorted((m for m in schema.messages.values() if m.number), key=lambda m: m.number)
    body = ""
    for m in numbered:
        body += (f"    {{&{m.name}_type, &{m.name}_json, {_type_of(schema, m.reply)}, "
                 f"{quote(m.service)}, {str(m.event).lower()}}},\n")
    return _ended("catalog_entries", "struct catalog_entry ", "catalog_entry_count", body,
                  len(numbered), "    {0},\n") + """
const struct catalog_entry *catalog_by_number(uint16_t number)
{
    uint32_t low = 0, high = catalog_entry_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        uint16_t found = catalog_entries[middle].type->number;
        if (found == number)
            return &catalog_entries[middle];
        if (number < found)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

const struct catalog_entry *catalog_by_name(struct slice name)
{
    for (uint32_t i = 0; i < catalog_entry_count; i++) {
        if (slice_equal(slice_of(catalog_entries[i].type->name), name))
            return &catalog_entries[i];
    }
    return NULL;
}
"""


def _views(schema):
    body = "".join(f"    &{v.name}_view,\n" for v in schema.views.values())
    return _ended("catalog_views", "struct view_table *const ", "catalog_view_count", body,
                  len(schema.views), "    NULL,\n")


def _services(schema):
    """Each with its part of the routes, which are in the order of the services that have them."""
    def entry(name, s, first, count):
        return (f"{{{quote(name)}, {quote(name + '_service' if s.name else 'payment_platform')}, "
                f"{quote(s.title)},\n     {quote(s.doc)}, {first}, {count}}}")
    body = ""
    for s in schema.ports.values():
        places = [i for i, r in enumerate(schema.routes) if r.service == s.name]
        body += f"    {entry(s.name, s, places[0] if places else 0, len(places))},\n"
    return _ended("catalog_services", "struct route_service ", "catalog_service_count", body,
                  len(schema.ports), "    {0},\n") + (
        "\nconst struct route_service catalog_platform =\n    "
        f"{entry('platform', PLATFORM, 0, len(schema.routes))};\n")


def _names(name, fields):
    if not fields:
        return ""
    return f"\nstatic const char *const {name}[] = {{\n" + \
        "".join(f"    {quote(f)},\n" for f in fields) + "};\n"


def location_pieces(schema, r):
    """(text, field of the reply or None) of a location, in its order."""
    if not r.location:
        return []
    fields = {f.json_name: f for f in schema.messages[schema.messages[r.message].reply].json_fields}
    return [(text, fields.get(name))
            for text, name in re.findall(r"([^{]+)(?:\{(\w+)\})?", r.location)]


def _location(name, reply, pieces):
    if not pieces:
        return ""
    return f"\nstatic const struct route_location {name}[] = {{\n" + \
        "".join(f"    {{{quote(text)}, NULL, 0}},\n" if f is None else
                f"    {{{quote(text)}, {quote(f.argument)}, offsetof(struct {reply}, {f.name})}},\n"
                for text, f in pieces) + "};\n"


def _paging(name, reply):
    fields = [f"offsetof(struct {reply}, {prefix}{field})"
              for field in ("next_cursor", "total", "total_exact") for prefix in ("has_", "")]
    return f"\nstatic const struct route_paging {name} = {{\n" + \
        "".join(f"    {field},\n" for field in fields) + "};\n"


def _table(schema, name, r):
    reply = schema.messages[schema.messages[r.message].reply]
    [lines] = [f for f in reply.fields if f.json_name == r.csv]
    return (f"\nstatic const struct route_table {name} = "
            f"{{{quote(r.csv)}, &{lines.argument}_json}};\n")


def _service_of(schema, r):
    if r.service not in schema.ports:
        return "&catalog_platform"
    return f"&catalog_services[{list(schema.ports).index(r.service)}]"


def _refused(schema):
    body = "".join(f"""    {{
        .method = {quote(r.method)},
        .path = {quote(r.path)},
        .tag = {quote(r.tag)},
        .service = {_service_of(schema, r)},
        .status = {r.status},
        .refusal = {schema.error(r.error).number}, /* {r.error} */
    }},
""" for r in schema.refused)
    return _ended("catalog_refused", "struct route ", "catalog_refused_count", body,
                  len(schema.refused), "    {0},\n")


def _routes(schema):
    before, body = "", ""
    for i, r in enumerate(schema.routes):
        m = schema.messages[r.message]
        before += _names(f"route_{i}_path", r.path_fields)
        before += _names(f"route_{i}_query", r.query_fields)
        pieces = location_pieces(schema, r)
        before += _location(f"route_{i}_location", m.reply, pieces)
        bare = bool(m.reply and schema.messages[m.reply].bare)
        before += _paging(f"route_{i}_paging", m.reply) if bare or r.csv else ""
        before += _table(schema, f"route_{i}_csv", r) if r.csv else ""
        body += f"""    {{
        .method = {quote(r.method)},
        .path = {quote(r.path)},
        .tag = {quote(r.tag)},
        .service = {_service_of(schema, r)},
        .message = &{m.name}_type,
        .request = &{m.name}_json,
        .reply = {_type_of(schema, m.reply)},
        .reply_json = {f'&{m.reply}_json' if m.reply else 'NULL'},
        .scope = {quote(r.scope) if r.scope else 'NULL'},
        .any_owner_scope = {quote(r.any_owner_scope) if r.any_owner_scope else 'NULL'},
        .adjust_scope = {quote(r.adjust_scope) if r.adjust_scope else 'NULL'},
        .idempotency_required = {str(r.idempotency).lower()},
        .etag = {str(r.etag).lower()},
        .not_modified = {str(r.not_modified).lower()},
        .body = {str(r.body).lower()},
        .status = {r.status},
        .location = {f'route_{i}_location' if pieces else 'NULL'},
        .location_count = {len(pieces)},
        .bare = {str(bare).lower()},
        .paging = {f'&route_{i}_paging' if bare or r.csv else 'NULL'},
        .csv = {f'&route_{i}_csv' if r.csv else 'NULL'},
        .path_fields = {f'route_{i}_path' if r.path_fields else 'NULL'},
        .query_fields = {f'route_{i}_query' if r.query_fields else 'NULL'},
        .path_field_count = {len(r.path_fields)},
        .query_field_count = {len(r.query_fields)},
    }},
"""
    return before + _ended("catalog_routes", "struct route ", "catalog_route_count", body,
                           len(schema.routes), "    {0},\n")


def option_type(schema, f):
    """What the help of a command calls a field's type."""
    if f.type == "enum":
        return "one of " + ", ".join(schema.enums[f.argument].values)
    if f.type == "flags":
        return "any of " + ",".join(schema.flags[f.argument].values)
    return {"id": f"{f.argument}_...", "raw_id": "32 hex digits", "currency": "code like USD",
            "metadata": "key=value", "time": "RFC 3339 time", "amount": "decimal",
            "list": "JSON list", "message": "JSON object", "bytes": "base64url",
            "u8": "number", "u16": "number", "u32": "number", "u64": "number",
            "u128": "number", "result": "result name"}.get(f.type, f.type)


def option_doc(schema, f):
    """What the help of a command says of a field: also what its flags mean, and what the objects of
    a list have."""
    if f.type == "flags":
        return f"{f.doc} {schema.flags[f.argument].doc}"
    if f.type != "list":
        return f.doc
    fields = schema.messages[f.argument].json_fields
    needed = [g.json_name for g in fields if not g.optional]
    optional = [g.json_name for g in fields if g.optional]
    return (f"{f.doc} Each is an object with {', '.join(needed)}"
            + (f"; it may have {', '.join(optional)}" if optional else "") + ".")


def reply_list(schema, m):
    """The field of the answer that has its rows, if it has one such."""
    lists = [f for f in schema.messages[m.reply].json_fields if f.type == "list"] if m.reply else []
    return lists[0] if len(lists) == 1 else None


def option_order(m):
    """The arguments in their order, then all else."""
    places = {name: place for place, name in enumerate(m.cli_arguments)}
    return sorted(m.json_fields, key=lambda f: places.get(f.json_name, len(places)))


def _commands(schema):
    before, body = "", ""
    commands = sorted((m for m in schema.messages.values() if m.cli), key=lambda m: m.cli)
    for i, m in enumerate(commands):
        rows = reply_list(schema, m)
        if m.json_fields:
            before += f"\nstatic const struct command_option command_{i}_options[] = {{\n"
            for f in option_order(m):
                argument = not f.optional or f.json_name in m.cli_arguments
                before += (f"    {{{quote(f.json_name)}, {quote(option_type(schema, f))},\n"
                           f"     {quote(option_doc(schema, f))}, "
                           f"{str(not f.optional).lower()}, {str(argument).lower()}}},\n")
            before += "};\n"
        body += f"""    {{
        .name = {quote(m.cli)},
        .doc = {quote(m.doc)},
        .message = &{m.name}_type,
        .request = &{m.name}_json,
        .reply = {_type_of(schema, m.reply)},
        .reply_json = {f'&{m.reply}_json' if m.reply else 'NULL'},
        .list = {quote(rows.json_name) if rows else 'NULL'},
        .row_json = {f'&{rows.argument}_json' if rows else 'NULL'},
        .options = {f'command_{i}_options' if m.json_fields else 'NULL'},
        .option_count = {len(m.json_fields)},
    }},
"""
    return before + _ended("catalog_commands", "struct command ", "catalog_command_count", body,
                           len(commands), "    {0},\n")
