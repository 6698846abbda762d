# SPDX-License-Identifier: Apache-2.0
"""Tests: sample values of every message of a service and of every state, for message_test.c and
state_test.c in tests/unit/schemas."""
from .declarations import STATE_FORMAT
from .openapi import whole_example
from .structs import put
from .text import generated, quote, upper

SAMPLES = ("SAMPLE_LEAST", "SAMPLE_USUAL", "SAMPLE_MOST")
USUAL_TEXT = "Zürich \"north\" \\ 金 💶"
ITEMS_MAX = 3     # of a list in a sample
LENGTH_MAX = 1024  # of a text in a sample
NOTHING = "    {0},\n"  # C has no empty arrays
CURRENCIES = (392, 840, 990)  # with 0, 2 and 4 decimals


def source(schema, service):
    messages = schema.ordered(service)
    out = [generated(f"Round trips of the messages of {service}.", f"{service}.toml"),
           "#include \"tests/unit/schemas/message_test.h\"\n",
           f"#include \"schemas/{service}.h\"\n"]
    out += [_sample(schema, m) for m in _with_parts(schema, messages)]
    rows = "".join(f"    {{&{m.name}_type, &{m.name}_json, "
                   f"{str(_complete(schema, m)).lower()}, {m.name}_any}},\n" for m in messages)
    for m in messages:
        out.append(f"\nstatic void {m.name}_any(void *m, enum sample which)\n{{\n"
                   f"    {m.name}_sample(m, which);\n}}\n")
    routes = [r for r in schema.routes if r.service == service]
    shown = "".join(f"    {{&{r.message}_json, {quote(whole_example(schema, r))}}},\n"
                    for r in routes)
    out.append(f"""
/* What the documents show of every route. */
static const struct message_example examples[] = {{
{shown or NOTHING}}};

static const struct message_test tests[] = {{
{rows or NOTHING}}};

int main(void)
{{
    message_example_run(examples, {len(routes)});
    return message_test_run(tests, {len(messages)});
}}
""")
    return "".join(out)


def states(schema):
    """The sample of a state is its stored form: what is kept by hand has one too."""
    all_states = list(schema.states.values())
    parts = _with_parts(schema, [m for s in all_states for m in schema.uses(s)])
    includes = {s.header for s in all_states}
    includes |= {f"schemas/{s.service}_states.h" for s in all_states}
    out = [generated("Round trips of all stored states.", "*.toml"),
           "#include \"tests/unit/schemas/state_test.h\"\n\n"]
    out += [f"#include \"{name}\"\n" for name in sorted(includes)]
    out += [_sample(schema, m) for m in parts]
    out += [_stored_sample(schema, s) for s in all_states]
    rows = "".join(f"    {{{quote(s.name)}, &{s.name}_codec, sizeof(struct {s.name}), "
                   f"{1 + sum(f.since == 1 for f in s.fields)}, {1 + len(s.fields)}, "
                   f"{s.name}_stored}},\n" for s in all_states)
    out.append(f"""
static const struct state_test tests[] = {{
{rows or NOTHING}}};

int main(void)
{{
    return state_test_run(tests, {len(all_states)});
}}
""")
    return "".join(out)


def _stored_sample(schema, s):
    out = (f"\nstatic void {s.name}_stored(struct wire_writer *w, enum sample which, "
           f"uint32_t count)\n{{\n    wire_put_array(w, count);\n"
           f"    wire_put_uint(w, {STATE_FORMAT});\n")
    for i, f in enumerate(s.fields, 1):
        lines = _put_sample(schema, f)
        if f.optional:
            lines = ["if (which == SAMPLE_LEAST) {", "    wire_put_nil(w);", "} else {"] + \
                [f"    {line}" for line in lines] + ["}"]
        if f.since > 1:
            lines = [f"if (count > {i}) {{"] + [f"    {line}" for line in lines] + ["}"]
        out += "".join(f"    {line}\n" for line in lines)
    return out + "}\n"


def _put_sample(schema, f):
    """Statements that write one field of a state for `which`."""
    if f.type == "metadata":
        return ["struct metadata pairs = message_test_metadata(which);"] + put(f, "pairs")
    if f.type == "message":
        return [f"struct {f.argument} part;", f"{f.argument}_sample(&part, which);"] + \
            put(f, "part")
    if f.type == "list":
        least, usual, most = _counts(f)
        return [f"uint32_t count_{f.name} = which == SAMPLE_LEAST ? {least} : "
                f"which == SAMPLE_USUAL ? {usual} : {most};",
                f"wire_put_array(w, count_{f.name});",
                f"for (uint32_t i = 0; i < count_{f.name}; i++) {{",
                f"    struct {f.argument} item;",
                f"    {f.argument}_sample(&item, which);",
                f"    {f.argument}_write(w, &item);", "}"]
    least, usual, most = _numbers(schema, f)
    return put(f, f"which == SAMPLE_LEAST ? {least} :\n        "
                  f"which == SAMPLE_USUAL ? {usual} : {most}")


def _counts(f):
    """How many items of a list the three samples have."""
    return f.min, max(f.min, min(f.max, 2)), max(f.min, min(f.max, ITEMS_MAX))


def _with_parts(schema, messages):
    """The messages and all they contain, parts first, each once."""
    order = []

    def visit(m):
        for part in schema.uses(m):
            visit(part)
        if m not in order:
            order.append(m)

    for m in messages:
        visit(m)
    return order


def _complete(schema, m):
    """Nothing of it is hidden from JSON."""
    return all(f.json for f in m.fields) and all(_complete(schema, p) for p in schema.uses(m))


def _cut(text, limit):
    data = text.encode()[:limit]
    return data.decode(errors="ignore")


def _literal(f):
    text = _cut(USUAL_TEXT, f.max)
    text += "x" * (f.min - len(text.encode()))
    return f"slice_of({quote(text)})"


def _numbers(schema, f):
    """Least, usual and most of a type that is one C expression."""
    if f.type in ("u8", "u16", "u32"):
        return str(f.min), str(max(f.min, min(7, f.max))), f"{f.max}u"
    top = {"u64": "UINT64_MAX", "u128": "U128_MAX", "amount": "U128_MAX"}
    if f.type in top:
        return "0", "7", top[f.type]
    if f.type == "bool":
        return "false", "true", "true"
    if f.type in ("id", "raw_id"):
        return ("ID128_ZERO", "((struct id128){0x0192F0C4A5B60000u, 0x1122334455660003u})",
                "((struct id128){UINT64_MAX, UINT64_MAX})")
    if f.type == "time":
        return "0", "1700000000123456000u", "UINT64_MAX"
    most = "DECIMAL_SCALE_MAX" if f.plain else "CURRENCY_DECIMALS_MAX"
    if f.type == "decimal":
        return ("((struct decimal){0, 0})", "((struct decimal){1050, 2})",
                f"((struct decimal){{U128_MAX, {most}}})")
    if f.type == "currency":
        return tuple(str(n) for n in CURRENCIES)
    if f.type == "result":
        return "0", "5", str(schema.errors[-1].number)
    if f.type == "enum":
        values = schema.enums[f.argument].values
        return tuple(upper(f.argument, values[i]) for i in (0, len(values) // 2, -1))
    if f.type == "flags":
        return "0", "1", upper(f.argument, "all")
    if f.type == "text":
        return (f"message_test_text({f.min})", _literal(f),
                f"message_test_text({min(f.max, max(f.min, LENGTH_MAX))})")
    if f.type == "bytes":
        return tuple(f"message_test_bytes({n})" for n in
                     (f.min, max(f.min, min(f.max, 16)), min(f.max, max(f.min, LENGTH_MAX))))
    return tuple(f"message_test_metadata({s})" for s in SAMPLES)


def _assign(schema, f):
    """Statements that fill one field for `which`."""
    at = f"m->{f.name}"
    if f.type == "message":
        return [f"{f.argument}_sample(&{at}, which);"]
    if f.type == "list":
        counts = _counts(f)
        items = f"{f.name}_items"
        return [f"static struct {f.argument} {items}[{max(counts[-1], 1)}];",
                f"{at} = {items};",
                f"{at}_count = which == SAMPLE_LEAST ? {counts[0]} : "
                f"which == SAMPLE_USUAL ? {counts[1]} : {counts[2]};",
                f"for (uint32_t i = 0; i < {at}_count; i++)",
                f"    {f.argument}_sample(&{items}[i], which);"]
    least, usual, most = _numbers(schema, f)
    return ["switch (which) {", "case SAMPLE_LEAST:", f"    {at} = {least};", "    break;",
            "case SAMPLE_USUAL:", f"    {at} = {usual};", "    break;", "default:",
            f"    {at} = {most};", "}"]


def _sample(schema, m):
    n = m.name
    out = f"\nstatic void {n}_sample(struct {n} *m, enum sample which)\n{{\n"
    out += f"    *m = (struct {n}){{0}};\n"
    if not m.fields:
        out += "    (void)which;\n"
    for f in m.fields:
        lines = _assign(schema, f)
        if f.unless_flags:  # in JSON it is optional no longer
            out += "".join(f"    {line}\n" for line in [f"m->has_{f.name} = true;"] + lines)
        elif f.optional:
            out += f"    if (which != SAMPLE_LEAST) {{\n        m->has_{f.name} = true;\n"
            out += "".join(f"        {line}\n" for line in lines) + "    }\n"
        else:
            out += "".join(f"    {line}\n" for line in lines)
    return out + "}\n"
