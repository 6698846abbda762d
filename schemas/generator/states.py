# SPDX-License-Identifier: Apache-2.0
"""States: how the states of a service's actors are stored, and how turns and events find them.

The struct is written by hand where the actor is, for its layout in memory matters; that its members
have the declared names and types is checked when it is compiled."""
import textwrap

from .declarations import STATE_FORMAT
from .structs import C_TYPES, get, put
from .text import comment, generated, quote, upper

OWNED = ("text", "metadata", "list")
DECLARED = """
#define DECLARED(name, member, type)                                            \\
    _Static_assert(_Generic(((struct name *)0)->member, type : 1, default : 0), \\
                   #member " of struct " #name " is declared as " #type)
"""


def header(schema, service):
    guard = upper("schemas", service, "states_h")
    out = [generated(f"The states of {service}: how they are stored, and found.",
                     f"{service}.toml"),
           f"#ifndef {guard}\n#define {guard}\n\n#include \"runtime/actor/domain.h\"\n"
           "#include \"schemas/common.h\"\n"]
    out += [_state_header(s) for s in schema.of(service, schema.states)]
    return "".join(out + ["\n#endif\n"])


def _state_header(s):
    n, kind = s.name, upper("kind", s.kind)
    out = "\n" + comment(s.doc) + f"struct {n};\nextern const struct state_codec {n}_codec;\n"
    by_hand = [f.name for f in s.fields if f.by_hand]
    if by_hand:
        out += "\n" + comment(
            "By hand, for what is kept in a form of its own. put writes what is declared, get "
            "reads it into a zeroed state (false, or a failed reader, on damage), free frees what "
            "the state owns of it, if anything.")
    for f in by_hand:
        out += (f"void {n}_put_{f}(struct wire_writer *w, const struct {n} *s);\n"
                f"must_check bool {n}_get_{f}(struct registry *registry, struct wire_reader *r,\n"
                f"    struct {n} *s);\n"
                f"void {n}_free_{f}(struct registry *registry, struct {n} *s);\n")
    return out + f"""
/* turn_find(), typed. *state is NULL unless it is THERE. */
must_check static inline enum presence turn_find_{n}(struct turn *t, struct id128 id,
    const struct {n} **state)
{{
    const void *found = NULL;
    enum presence presence = turn_find(t, {kind}, id, &found);
    *state = found;
    return presence;
}}

/* One that was found before in this turn, or made by it. */
static inline const struct {n} *turn_found_{n}(struct turn *t, struct id128 id)
{{
    const struct {n} *state;
    enum presence presence = turn_find_{n}(t, id, &state);
    check(presence == PRESENCE_THERE);
    return state;
}}

/* registry_state(), typed. */
static inline struct {n} *registry_{n}(struct registry *registry,
    struct id128 id)
{{
    return registry_state(registry, {kind}, id);
}}
"""


# --- the source -----------------------------------------------------------------------------------

def source(schema, service):
    states = schema.of(service, schema.states)
    includes = sorted({s.header for s in states} | {f"schemas/{service}.h"})
    if states:
        includes.append("actors/common/owned_text.h")
    out = [generated(f"How the states of {service} are stored.", f"{service}.toml"),
           f"#include \"schemas/{service}_states.h\"\n\n"]
    out += [f"#include \"{name}\"\n" for name in sorted(includes)]
    if states:
        out.append(DECLARED)
    for s in states:
        out += [_types(s), _write(s), _release(s), _read(schema, s), _codec(s)]
    return "".join(out)


def _types(s):
    out = "\n"
    for f in s.fields:
        if f.by_hand:
            continue
        if f.optional and f.type != "id":
            out += f"DECLARED({s.name}, {_has(f)}, bool);\n"
        if f.type == "list":
            out += f"DECLARED({s.name}, {f.member}, struct {f.argument} *);\n"
            out += f"DECLARED({s.name}, {f.member}_count, uint32_t);\n"
        else:
            out += f"DECLARED({s.name}, {f.member}, {C_TYPES[f.type].strip()});\n"
    return out


def _indented(lines, indent="    "):
    return "".join(f"{indent}{line}\n" for line in lines)


def _has(f):
    """The member beside it that says whether it is there."""
    path, _, name = f.member.rpartition(".")
    return f"{path}.has_{name}" if path else f"has_{name}"


def _put_field(s, f):
    if f.by_hand:
        return [f"{s.name}_put_{f.name}(w, s);"]
    if f.optional: # no id is zero
        there = f"!id128_is_zero(s->{f.member})" if f.type == "id" else f"s->{_has(f)}"
        return [f"if ({there})", *(f"    {line}" for line in put(f, f"s->{f.member}")),
                "else", "    wire_put_nil(w);"]
    if f.type == "flags": # bits beyond the declared ones are for the memory alone
        return [f"wire_put_uint(w, s->{f.member} & {upper(f.argument, 'all')});"]
    return put(f, f"s->{f.member}")


def _write(s):
    out = (f"\nstatic void {s.name}_write(struct wire_writer *w, const void *state)\n{{\n"
           f"    const struct {s.name} *s = state;\n"
           f"    wire_put_array(w, {1 + len(s.fields)});\n"
           f"    wire_put_uint(w, {STATE_FORMAT});\n")
    return out + "".join(_indented(_put_field(s, f)) for f in s.fields) + "}\n"


def _owns(s):
    return [f for f in s.fields if f.by_hand or f.type in OWNED]


def _release(s):
    if not _owns(s):
        return ""
    out = (f"\nstatic void {s.name}_release(struct registry *registry, void *state)\n{{\n"
           f"    struct {s.name} *s = state;\n")
    for f in _owns(s):
        if f.by_hand:
            out += f"    {s.name}_free_{f.name}(registry, s);\n"
        elif f.type == "text":
            out += f"    owned_text_free(registry, s->{f.member});\n"
        elif f.type == "metadata":
            out += f"    owned_metadata_free(registry, &s->{f.member});\n"
        else:
            out += f"    registry_free(registry, s->{f.member});\n"
    return out + "}\n"


def _get_field(schema, s, f):
    at = f"s->{f.member}"
    if f.by_hand:
        return [f"if (!r->failed && !{s.name}_get_{f.name}(registry, r, s))",
                "    r->failed = true;"]
    if f.optional:
        has = [] if f.type == "id" else [f"    s->{_has(f)} = true;"]
        return ["if (!wire_get_nil(r)) {", *has,
                *(f"    {line}" for line in get(schema, f, at)), "}"]
    if f.type == "text":
        return [f"{at} = owned_text_read(registry, r, {f.max});"]
    if f.type == "metadata":
        return [f"{at} = owned_metadata_read(registry, r);"]
    if f.type == "enum" and f.since > 1: # zero: stored before there was the field
        return [f"{at} = (uint8_t)wire_get_uint(r, {upper(f.argument, 'count')});"]
    if f.type == "list":
        return [f"{at}_count = wire_get_array(r, {f.max});",
                f"if ({at}_count != 0)",
                f"    {at} = registry_alloc(registry, {at}_count * sizeof *{at});",
                f"for (uint32_t i = 0; i < {at}_count && !r->failed; i++)",
                f"    r->failed |= !{f.argument}_read(r, NULL, &{at}[i]);"]
    return get(schema, f, at)


def _read(schema, s):
    base = 1 + sum(f.since == 1 for f in s.fields)
    later = base <= len(s.fields)
    out = (f"\nstatic bool {s.name}_read(struct registry *registry, struct wire_reader *r, "
           f"void *state)\n{{\n")
    out += "" if _owns(s) else "    (void)registry;\n"
    out += f"    struct {s.name} *s = state;\n"
    out += ("    uint32_t count = " if later else "    (void)") + \
        f"fields_open_state(r, {STATE_FORMAT}, {base}, {1 + len(s.fields)});\n"
    for i, f in enumerate(s.fields, 1):
        lines = _get_field(schema, s, f)
        if f.since > 1:
            out += f"    if (count > {i}) {{\n" + _indented(lines, "        ") + "    }\n"
        else:
            out += _indented(lines)
    if not _owns(s):
        return out + "    return !r->failed;\n}\n"
    return out + (f"    if (r->failed)\n        {s.name}_release(registry, s);\n"
                  "    return !r->failed;\n}\n")


def _codec(s):
    words = textwrap.wrap(" ".join(["format"] + [f.name for f in s.fields]), 80)
    names = "\n        ".join(quote(line + " ") for line in words[:-1]) + \
        ("\n        " if words[:-1] else "") + quote(words[-1])
    return f"""
const struct state_codec {s.name}_codec = {{
    .fields = {names},
    .write = {s.name}_write,
    .read = {s.name}_read,
    .release = {s.name + '_release' if _owns(s) else 'NULL'},
}};
"""
