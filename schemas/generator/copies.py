# SPDX-License-Identifier: Apache-2.0
"""Copies: fields that one struct takes over from another under the same name."""
from .structs import c_type
from .text import comment


class Shape:
    """A message, event or row as C sees it."""

    def __init__(self, name, fields, source, copies):
        self.name, self.fields, self.source, self.copies = name, fields, source, copies


def shapes(schema):
    """Every struct by its name; a view's is that of its rows."""
    found = {m.name: Shape(m.name, m.fields, m.source, m.copies) for m in schema.messages.values()}
    for v in schema.views.values():
        found[f"{v.name}_row"] = Shape(f"{v.name}_row", v.columns, v.source, v.copies)
    return found


def header(schema, service):
    known = shapes(schema)
    own = [known[m.name] for m in schema.of(service, schema.messages)]
    own += [known[f"{v.name}_row"] for v in schema.of(service, schema.views)]
    return "".join(_copy(to, _source(known, to, name)) for to in own for name in to.copies)


def _source(known, to, name):
    if name not in known or name == to.name:
        to.source.fail(f"copies {name}, which is not another message, event or row")
    return known[name]


def _shared(to, source):
    """The fields that both have, as (of to, of source); not metadata that one has encoded."""
    others = {f.name: f for f in source.fields}
    pairs = [(f, others[f.name]) for f in to.fields if f.name in others]
    pairs = [(f, g) for f, g in pairs if {f.type, g.type} != {"metadata", "bytes"}]
    if not pairs:
        to.source.fail(f"copies {source.name}, with which it has no field in common")
    for f, g in pairs:
        if c_type(f) != c_type(g) or f.type == "message":
            f.source.fail(f"cannot be copied from that of {source.name}")
    return pairs


def _field(f, g):
    n = f.name
    if not f.optional:
        return [f"to->{n} = from->{n};"]
    has = f"from->has_{n}" if g.optional else "true"
    if not g.optional and f.type in ("id", "raw_id"):
        has = f"!id128_is_zero(from->{n})"
    return [f"to->has_{n} = {has};", f"to->{n} = from->{n};"]


def _copy(to, source):
    lines = []
    for f, g in _shared(to, source):
        lines += _field(f, g)
        if f.type == "list":
            lines.append(f"to->{f.name}_count = from->{f.name}_count;")
    out = "\n" + comment("Sets the fields that both have: texts and lists are pointed to. The "
                         "others stay.")
    out += (f"static inline void {to.name}_from_{source.name}(struct {to.name} *to,\n"
            f"    const struct {source.name} *from)\n{{\n")
    return out + "".join(f"    {line}\n" for line in lines) + "}\n"
