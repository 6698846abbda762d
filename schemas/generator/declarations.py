# SPDX-License-Identifier: Apache-2.0
"""Declarations: reads schemas/*.toml into plain objects and refuses what is not as README.md says.

Every refusal is one line: file: [table] field: what is wrong."""
import copy
import re
import tomllib
from dataclasses import dataclass, field as list_field
from pathlib import Path

NAME = re.compile(r"^[a-z][a-z0-9_]*$")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
NOT_SERVICES = ("common", "errors", "currencies")
FIELDS_MAX = 64
AMOUNTS_MAX = 16
PORTS_MAX = 7   # HTTP_PORTS_MAX, less that of all together
VIEW_COLUMNS_MAX = 40
VIEW_INDEXES_MAX = 8
VIEW_INDEX_COLUMNS_MAX = 6
TEXT_MAX = 65536
# Types whose zero value is a valid one: what an absent later field may become.
NUMBER_TOPS = {"u8": (1 << 8) - 1, "u16": (1 << 16) - 1, "u32": (1 << 32) - 1}
ZERO_IS_VALID = {"bool", "u8", "u16", "u32", "u64", "u128", "decimal", "amount", "id", "raw_id",
                 "time", "result", "flags", "metadata", "list"}
PLAIN_TYPES = {"bool", "u8", "u16", "u32", "u64", "u128", "decimal", "amount", "raw_id",
               "currency", "text", "bytes", "time", "result", "metadata"}
WITH_ARGUMENT = {"id", "enum", "flags", "list", "message"}
# How the ports of the services write a field that the replaced platform had, and of which types.
WITH_PARTS = {"list", "message", "metadata", "flags"}
COMPAT = {"": PLAIN_TYPES | WITH_ARGUMENT, "number": {"amount", "decimal"}, "bare": {"list"}}
VIEW_TYPES = {"bool", "u8", "u16", "u32", "u64", "u128", "amount", "id", "raw_id", "currency",
              "text", "bytes", "time", "result", "enum", "flags"}
# Those of a state that are stored and read without code by hand, and those of them that may be
# optional: the others have an empty value.
STATE_TYPES = VIEW_TYPES - {"bytes"} | {"metadata", "list"}
STATE_OPTIONAL = {"u8", "u16", "u32", "u64", "u128", "amount", "id", "time"}
STATE_FORMAT = 1   # the first element of every stored state
C_WORDS = set("""auto break case char const continue default do double else enum extern float for
goto if inline int long register restrict return short signed sizeof static struct switch typedef
union unsigned void volatile while bool true false""".split())


class DeclarationError(Exception):
    """A declaration is wrong; the message names file, table and field."""


class Source:
    """Where something is declared, for messages."""

    def __init__(self, file, table, field=None):
        self.file, self.table, self.field = file, table, field

    def at(self, field):
        return Source(self.file, self.table, field)

    def fail(self, what):
        where = f"{self.file}: [{self.table}]"
        if self.field:
            where += f" {self.field}"
        raise DeclarationError(f"{where}: {what}")


@dataclass
class Field:
    name: str
    type: str          # without the argument
    argument: str      # of id, enum, flags, list, message
    doc: str
    optional: bool
    since: int
    json: bool
    json_name: str
    max: int
    min: int
    currency: str      # sibling field of an amount
    beside: bool       # a time of an event that is not that of its record
    example: object
    unless_flags: list  # optional, but in JSON it is needed unless one of these is set
    compat: str         # how the services' own ports write it: number, or bare, or "" = as ever
    source: Source
    member: str = ""   # of a state: where it is in the struct
    by_hand: bool = False  # of a state: written and read by functions of the actor
    also: str = ""     # of an id: another prefix that it may be given with
    words: bool = False  # of a text: in JSON a list of what stands between its blanks
    unknown: str = ""  # of an enum: as Values has it


@dataclass
class Message:
    name: str
    service: str
    doc: str
    number: int        # 0: part of others only
    fields: list
    source: Source
    event: bool = False
    target_kind: str = ""
    target_field: str = ""
    mutates: bool = False
    passes_quota: bool = False
    view: bool = False
    reply: str = ""
    cli: str = ""
    cli_arguments: list = list_field(default_factory=list)
    refusals: list = list_field(default_factory=list)
    copies: list = list_field(default_factory=list) # structs that it takes fields over from
    together: list = list_field(default_factory=list) # fields of which one at least is there ...
    lacking: str = ""  # ... or else this is the refusal

    @property
    def request(self):
        """Somebody handles it; otherwise it is an answer, an event or a part of others."""
        return bool(self.target_kind) or self.view

    @property
    def json_fields(self):
        return [f for f in self.fields if f.json]

    @property
    def bare(self):
        """The list that is all of this page at the service's own port, or None."""
        return next((f for f in self.fields if f.compat == "bare"), None)


@dataclass
class Values:
    """An enum or a set of flags."""
    name: str
    service: str
    doc: str
    values: list
    unknown: str = ""  # of an enum: the refusal of names that are none of these


@dataclass
class View:
    name: str
    service: str
    doc: str
    key: list
    indexes: dict
    packed: bool
    columns: list
    source: Source
    copies: list = list_field(default_factory=list)


@dataclass
class State:
    """What is stored of an actor."""
    name: str          # of the C struct
    service: str
    doc: str
    kind: str
    header: str        # where the struct is
    fields: list
    source: Source


@dataclass
class Route:
    service: str
    method: str
    path: str
    message: str
    doc: str
    tag: str
    scope: str         # "" = open
    any_owner_scope: str
    adjust_scope: str
    idempotency: bool
    status: int
    etag: bool
    goes_on: bool      # 202 with the reply, if its answer takes longer than the client waits
    not_modified: bool # one version, one reply: If-None-Match can be answered with 304
    location: str      # of what a 201 made: a GET's path over fields of the reply
    csv: str           # the list of the reply that also comes as a table; "" = none
    example: object
    path_fields: list
    query_fields: list
    source: Source

    @property
    def body(self):
        return self.method in ("POST", "PUT", "PATCH")


@dataclass
class Refused:
    """An operation of the replaced platform that everyone is refused."""
    service: str
    method: str
    path: str
    doc: str
    tag: str
    error: str
    status: int        # 0 = that of the error
    source: Source


@dataclass
class Service:
    """One of those that have a port of their own."""
    name: str
    title: str
    doc: str


@dataclass
class Kind:
    name: str
    number: int
    prefix: str
    doc: str


@dataclass
class Error:
    name: str
    number: int
    status: int
    title: str
    detail: str
    fields: list       # of the request, that it is about: the first that it has
    type: str          # registered URI of the problem; "" = it has none


@dataclass
class Currency:
    code: str
    number: int
    decimals: int
    name: str


class Table:
    """One TOML table whose keys are taken one by one; finish() refuses what is left."""

    def __init__(self, raw, source):
        if not isinstance(raw, dict):
            source.fail("must be a table")
        self.raw, self.source, self.taken = raw, source, set()

    def get(self, key, kind, default=None, required=False):
        self.taken.add(key)
        if key not in self.raw:
            if required:
                self.source.fail(f"{key} is missing")
            return default
        value = self.raw[key]
        if kind is not object and (not isinstance(value, kind) or
                                   (kind is int and isinstance(value, bool))):
            self.source.fail(f"{key} must be {_said(kind)}, not {_said(type(value))}")
        return value

    def finish(self):
        for key in self.raw:
            if key not in self.taken:
                self.source.fail(f"{key} is not known here")


def _said(kind):
    return {str: "text", int: "an integer", bool: "true or false", list: "a list",
            dict: "a table"}.get(kind, kind.__name__)


class Schema:
    """Everything declared, by name, in the order of the files and within them."""

    def __init__(self):
        self.services = []     # names, common first
        self.ports = {}        # of the services that have one, in the order of their numbers
        self.port = None       # the service whose own port this is a view of; None = all together
        self.kinds, self.enums, self.flags = {}, {}, {}
        self.messages, self.views, self.states = {}, {}, {}
        self.routes, self.refused = [], []
        self.errors, self.currencies = [], []
        self.tags = {}

    def at_port(self, service):
        """What the service's own port has: its routes, and old types where fields have them."""
        view = copy.copy(self)
        view.port = service
        view.routes, view.refused = [[r for r in routes if r.service == service.name]
                                     for routes in (self.routes, self.refused)]
        return view

    def of(self, service, what):
        return [x for x in what.values() if x.service == service]

    @property
    def prefixes(self):
        return {k.prefix: k for k in self.kinds.values() if k.prefix}

    def error(self, name):
        return next((e for e in self.errors if e.name == name), None)

    def uses(self, message):
        """Messages that are part of this one."""
        return [self.messages[f.argument] for f in message.fields
                if f.type in ("list", "message")]

    def ordered(self, service):
        """Messages of a service, each after those it contains."""
        order, state = [], {}

        def visit(m):
            if state.get(m.name) == "open":
                m.source.fail("contains itself")
            if m.name in state:
                return
            state[m.name] = "open"
            for part in self.uses(m):
                visit(part)
            state[m.name] = "done"
            order.append(m)

        for m in self.of(service, self.messages):
            visit(m)
        return [m for m in order if m.service == service]

    def includes(self, service):
        """Services whose header this one's needs; the kinds are in common's."""
        found = {"common"}
        for m in self.of(service, self.messages):
            for f in m.fields:
                other = {"list": self.messages, "message": self.messages, "enum": self.enums,
                         "flags": self.flags}.get(f.type)
                if other is not None:
                    found.add(other[f.argument].service)
        found.discard(service)
        return [s for s in self.services if s in found]


def load(folders, services=None):
    """Reads the declarations of the named services, or of all that are there. A file is taken from
    the first folder that has it."""
    folders = [Path(f) for f in folders]
    if services is None:
        services = sorted({p.stem for f in folders for p in f.glob("*.toml")} - set(NOT_SERVICES))
    schema = Schema()
    schema.services = ["common"] + list(services)
    files = {}
    for stem in ["errors", "currencies"] + schema.services:
        file = next((f / f"{stem}.toml" for f in folders if (f / f"{stem}.toml").exists()), None)
        if file is None:
            raise DeclarationError(f"{stem}.toml: is missing")
        try:
            files[stem] = tomllib.loads(file.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as e:
            raise DeclarationError(f"{file.name}: {e}") from None
    _errors(schema, files["errors"])
    _currencies(schema, files["currencies"])
    for service in schema.services:
        _service(schema, service, files[service])
    _check(schema)
    return schema


def _named(file, raw, section):
    """Entries of a section as (name, Table)."""
    entries = raw.get(section, {})
    if not isinstance(entries, dict):
        Source(file, section).fail("must be a table of tables")
    for name, body in entries.items():
        source = Source(file, f"{section}.{name}")
        if section not in ("route", "refused") and not NAME.match(name):
            source.fail("names are lower case letters, digits and _")
        yield name, Table(body, source)


def _sections(file, raw, known):
    for key in raw:
        if key not in known:
            Source(file, key).fail("is not a section of this file")


def _new(source, what, name, number, taken, low, high):
    if not low <= number <= high:
        source.fail(f"number {number} is outside {low}..{high}")
    if number in taken:
        source.fail(f"number {number} is taken by {what} {taken[number]}")
    taken[number] = name


def _error_fields(t):
    """`field` names one, or a list of which the first counts that the request has."""
    named = t.get("field", object, [])
    fields = [named] if isinstance(named, str) else named
    if not isinstance(fields, list) or not all(isinstance(name, str) for name in fields):
        t.source.fail("field is a name or a list of names")
    return fields


def _errors(schema, raw):
    _sections("errors.toml", raw, ("error",))
    taken = {}
    for name, t in _named("errors.toml", raw, "error"):
        number = t.get("number", int, required=True)
        _new(t.source, "error", name, number, taken, 0, 65535)
        status = t.get("status", int, required=True)
        if not 200 <= status <= 599:
            t.source.fail(f"status {status} is no HTTP status of an answer")
        schema.errors.append(Error(name, number, status, t.get("title", str, required=True),
                                   t.get("detail", str, required=True),
                                   _error_fields(t), t.get("type", str, "")))
        t.finish()
    if 0 not in taken:
        Source("errors.toml", "error").fail("number 0 (ok) is missing")
    schema.errors.sort(key=lambda e: e.number)


def _currencies(schema, raw):
    _sections("currencies.toml", raw, ("currency",))
    taken = {}
    for code, body in raw.get("currency", {}).items():
        t = Table(body, Source("currencies.toml", f"currency.{code}"))
        if not re.match(r"^[A-Z]{3}$", code):
            t.source.fail("a code is three upper-case letters")
        number = t.get("number", int, required=True)
        _new(t.source, "currency", code, number, taken, 1, 999)
        decimals = t.get("decimals", int, required=True)
        if not 0 <= decimals <= 4:
            t.source.fail(f"decimals {decimals} is outside 0..4")
        schema.currencies.append(Currency(code, number, decimals,
                                          t.get("name", str, required=True)))
        t.finish()
    if len(schema.currencies) > 254:
        Source("currencies.toml", "currency").fail("more than 254 currencies")
    schema.currencies.sort(key=lambda c: c.code)


def _service(schema, service, raw):
    file = f"{service}.toml"
    known = ["enum", "flags", "message", "event", "state", "view", "route", "refused", "tag"]
    _sections(file, raw, known + (["kind", "service"] if service == "common" else []))
    for name, t in _named(file, raw, "service"):
        schema.ports[name] = Service(name, t.get("title", str, required=True),
                                     t.get("doc", str, required=True))
        t.finish()
    if len(schema.ports) > PORTS_MAX:
        Source(file, "service").fail(f"more than {PORTS_MAX} services")
    numbers = {k.number: k.name for k in schema.kinds.values()}
    for name, t in _named(file, raw, "kind"):
        number = t.get("number", int, required=True)
        _new(t.source, "kind", name, number, numbers, 1, 31)
        prefix = t.get("prefix", str, "")
        if prefix and not re.match(r"^[a-z]{2,8}$", prefix):
            t.source.fail(f"prefix {prefix!r} must be 2 to 8 lower-case letters")
        if prefix in schema.prefixes:
            t.source.fail(f"prefix {prefix} is taken by kind {schema.prefixes[prefix].name}")
        schema.kinds[name] = Kind(name, number, prefix, t.get("doc", str, required=True))
        t.finish()
    for section, into, limit in (("enum", schema.enums, 255), ("flags", schema.flags, 31)):
        for name, t in _named(file, raw, section):
            _values(schema, service, name, t, into, limit)
    for section in ("message", "event"):
        for name, t in _named(file, raw, section):
            _message(schema, service, name, t, section == "event")
    for name, t in _named(file, raw, "state"):
        _state(schema, service, name, t)
    for name, t in _named(file, raw, "view"):
        _view(schema, service, name, t)
    for name, t in _named(file, raw, "tag"):
        schema.tags[name] = (t.get("position", int, required=True),
                             t.get("doc", str, required=True))
        t.finish()
    for name, t in _named(file, raw, "route"):
        _route(schema, service, name, t)
    for name, t in _named(file, raw, "refused"):
        _refused(schema, service, name, t)


def _values(schema, service, name, t, into, limit):
    values = t.get("values", list, required=True)
    if not values or len(values) > limit:
        t.source.fail(f"values: 1 to {limit} of them")
    for v in values:
        if not isinstance(v, str) or not NAME.match(v):
            t.source.fail(f"value {v!r} must be lower case letters, digits and _")
    if len(set(values)) != len(values):
        t.source.fail("a value is listed twice")
    if into is schema.flags and "all" in values:
        t.source.fail("value 'all' is the name of all flags together")
    if name in schema.enums or name in schema.flags:
        t.source.fail("the name is taken")
    into[name] = Values(name, service, t.get("doc", str, ""), values, t.get("unknown", str, ""))
    t.finish()


def _message(schema, service, name, t, event):
    if name in schema.messages:
        t.source.fail(f"the name is taken by a message of {schema.messages[name].service}.toml")
    number = t.get("number", int, 0, required=event)
    if number != 0 or "number" in t.raw:
        taken = {m.number: m.name for m in schema.messages.values() if m.number}
        _new(t.source, "message", name, number, taken, 1, 65535)
    m = Message(name, service, t.get("doc", str, required=True), number, [], t.source, event)
    for raw in t.get("fields", list, []):
        m.fields.append(_field(raw, t.source))
    if not event:
        target = t.get("target", str, "")
        m.target_kind, _, m.target_field = target.partition(":")
        m.mutates = t.get("mutates", bool, False)
        m.passes_quota = t.get("passes_quota", bool, False)
        m.view = t.get("view", bool, False)
        m.reply = t.get("reply", str, "")
        m.cli = t.get("cli", str, "")
        m.cli_arguments = t.get("cli_arguments", list, [])
        m.refusals = t.get("refusals", list, [])
        m.together = t.get("together", list, [])
        m.lacking = t.get("lacking", str, "", required=bool(m.together))
    m.copies = t.get("copies", list, [])
    t.finish()
    _check_fields(m)
    schema.messages[name] = m


def _field(raw, source, zero_is_valid=frozenset(ZERO_IS_VALID)):
    name = raw.get("name") if isinstance(raw, dict) else None
    if not isinstance(name, str) or not NAME.match(name) or name in C_WORDS:
        source.fail(f"a field's name {name!r} must be lower case letters, digits and _")
    source = source.at(name)
    t = Table(raw, source)
    t.get("name", str)
    text = t.get("type", str, required=True)
    kind, _, argument = text.partition(":")
    if (kind in PLAIN_TYPES and argument) or (kind in WITH_ARGUMENT and not argument) or \
            kind not in PLAIN_TYPES | WITH_ARGUMENT:
        source.fail(f"type {text!r} is not known")
    sized = kind in ("text", "bytes", "list")
    top = NUMBER_TOPS.get(kind, 0)
    for key in ("max", "min"):
        if key in raw and not sized and not top:
            source.fail(f"{key} is for text, bytes, list and numbers up to u32 only")
    high = t.get("max", int, top, required=sized)
    low = t.get("min", int, 1 if kind in ("text", "bytes") else 0)
    if sized and not 1 <= high <= TEXT_MAX:
        source.fail(f"max {high} is outside 1..{TEXT_MAX}")
    if top and not 1 <= high <= top:
        source.fail(f"max {high} is outside 1..{top}")
    if not 0 <= low <= high and (sized or top):
        source.fail(f"min {low} is outside 0..max")
    if "currency" in raw and kind != "amount":
        source.fail("currency is for amount only")
    if "beside" in raw and kind != "time":
        source.fail("beside is for time only")
    f = Field(name, kind, argument, t.get("doc", str, ""), t.get("optional", bool, False),
              t.get("since", int, 1), t.get("json", bool, True),
              t.get("json_name", str, name), high, low, t.get("currency", str, "currency"),
              t.get("beside", bool, False), t.get("example", object),
              t.get("unless_flags", list, []), t.get("compat", str, ""), source)
    f.also = t.get("also", str, "")
    f.words = t.get("words", bool, False)
    f.plain = t.get("plain", bool, False)
    t.finish()
    if f.words and kind != "text":
        source.fail("words is for texts only")
    if f.also and kind != "id":
        source.fail("also is for ids only")
    if f.compat not in COMPAT or kind not in COMPAT[f.compat]:
        source.fail("compat is number, for an amount, or bare, for the list of a page")
    if f.unless_flags and not f.optional:
        source.fail("unless_flags is for optional fields only")
    if not NAME.match(f.json_name):
        source.fail(f"json_name {f.json_name!r} must be lower case letters, digits and _")
    if f.since > 1 and not f.optional and (kind not in zero_is_valid or low > 0):
        source.fail("was added later and has no valid zero: it must be optional")
    return f


def _check_fields(m):
    names, json_names, since = set(), set(), 1
    if len(m.fields) > FIELDS_MAX:
        m.source.fail(f"more than {FIELDS_MAX} fields")
    for f in m.fields:
        for name in [f.name] + ([f"has_{f.name}"] if f.optional else []) + \
                ([f"{f.name}_count"] if f.type == "list" else []):
            if name in names:
                f.source.fail(f"{name} is declared twice")
            names.add(name)
        if f.json and f.json_name in json_names:
            f.source.fail(f"json_name {f.json_name} is used twice")
        json_names.add(f.json_name)
        if f.since < since:
            f.source.fail(f"since {f.since} after a field of since {since}: append only")
        since = f.since
    if sum(f.type == "amount" for f in m.fields) > AMOUNTS_MAX:
        m.source.fail(f"more than {AMOUNTS_MAX} amounts")


def _state(schema, service, name, t):
    if name in schema.states:
        t.source.fail("the name is taken")
    s = State(name, service, t.get("doc", str, required=True), t.get("kind", str, name),
              t.get("header", str, required=True),
              [_state_field(raw, t.source) for raw in t.get("fields", list, required=True)],
              t.source)
    t.finish()
    _check_fields(s)
    schema.states[name] = s


def _state_field(raw, source):
    """A field with what states alone have: where it is, and whether code by hand stores it."""
    table = Table(raw, source)
    member, by_hand = table.get("member", str, ""), table.get("by_hand", bool, False)
    raw = {key: value for key, value in table.raw.items() if key not in table.taken}
    if str(raw.get("type", "")).startswith("text"):
        raw.setdefault("min", 0)
    f = _field(raw, source, STATE_TYPES)
    f.member, f.by_hand = member or f.name, by_hand
    if by_hand and member:
        f.source.fail("by_hand needs no member")
    if not by_hand and f.type not in (STATE_OPTIONAL if f.optional else STATE_TYPES):
        f.source.fail("what is of this type, or optional and of this type, a state keeps by_hand")
    return f


def _view(schema, service, name, t):
    if name in schema.views:
        t.source.fail("the name is taken")
    v = View(name, service, t.get("doc", str, required=True), t.get("key", list, required=True),
             t.get("indexes", dict, {}), t.get("packed", bool, False),
             [_field(c, t.source) for c in _sized(t.get("columns", list, required=True))], t.source,
             t.get("copies", list, []))
    t.finish()
    columns = [c.name for c in v.columns]
    for c in v.columns:
        if c.type not in VIEW_TYPES:
            c.source.fail(f"{c.type} is no type of a column")
        if columns.count(c.name) > 1:
            c.source.fail("is declared twice")
    if not 1 <= len(columns) <= VIEW_COLUMNS_MAX:
        t.source.fail(f"1 to {VIEW_COLUMNS_MAX} columns")
    if len(v.indexes) > VIEW_INDEXES_MAX:
        t.source.fail(f"more than {VIEW_INDEXES_MAX} indexes")
    for index, over in [("key", v.key)] + list(v.indexes.items()):
        if not isinstance(over, list) or not 1 <= len(over) <= VIEW_INDEX_COLUMNS_MAX:
            t.source.fail(f"{index}: 1 to {VIEW_INDEX_COLUMNS_MAX} columns")
        for column in over:
            if column not in columns:
                t.source.fail(f"{index}: {column} is no column")
    for column in v.columns:
        if column.name in v.key and column.optional:
            column.source.fail("is part of the key and cannot be optional")
    schema.views[name] = v


def _sized(columns):
    """Columns need no limits of their own: those are the messages' affair."""
    for c in columns:
        if isinstance(c, dict) and c.get("type") in ("text", "bytes"):
            c.setdefault("max", TEXT_MAX)
            c.setdefault("min", 0)
    return columns


def _method_and_path(schema, name, source):
    method, _, path = name.partition(" ")
    if method not in METHODS:
        source.fail(f"method {method} is none of {', '.join(METHODS)}")
    if not re.match(r"^(/[a-z0-9_.-]+|/\{[a-z0-9_]+\})+$", path):
        source.fail(f"path {path!r} is not /word or /{{field}} repeated")
    shape = re.sub(r"\{\w+\}", "{}", path)
    for other in schema.routes + schema.refused:
        if other.method == method and re.sub(r"\{\w+\}", "{}", other.path) == shape:
            source.fail(f"is the same as {other.method} {other.path}")
    return method, path


def _refused(schema, service, name, t):
    method, path = _method_and_path(schema, name, t.source)
    r = Refused(service, method, path, t.get("doc", str, required=True),
                t.get("tag", str, required=True), t.get("error", str, required=True),
                t.get("status", int, 0), t.source)
    t.finish()
    if r.status and not 400 <= r.status <= 499:
        t.source.fail(f"status {r.status} is no refusal")
    schema.refused.append(r)


def _route(schema, service, name, t):
    method, path = _method_and_path(schema, name, t.source)
    scope = t.get("scope", str, required=True)
    if not scope or " " in scope:
        t.source.fail("scope is one scope, or none")
    idempotency = t.get("idempotency", str, "none")
    if idempotency not in ("required", "none"):
        t.source.fail(f"idempotency {idempotency!r} is neither required nor none")
    r = Route(service, method, path, t.get("message", str, required=True),
              t.get("doc", str, required=True), t.get("tag", str, required=True),
              "" if scope == "none" else scope, t.get("any_owner_scope", str, ""),
              t.get("adjust_scope", str, ""),
              idempotency == "required", t.get("status", int, 200), t.get("etag", bool, False),
              t.get("goes_on", bool, False), t.get("not_modified", bool, True),
              t.get("location", str, ""), t.get("csv", str, ""),
              t.get("example", object), re.findall(r"\{(\w+)\}", path), t.get("query", list, []),
              t.source)
    t.finish()
    if not 200 <= r.status <= 299:
        t.source.fail(f"status {r.status} is no success")
    if not r.not_modified and (not r.etag or r.body):
        t.source.fail("not_modified = false is for what is read with an ETag")
    r.not_modified &= r.etag and not r.body
    if len(set(r.path_fields)) != len(r.path_fields):
        t.source.fail("a path parameter is used twice")
    schema.routes.append(r)


def _check_arguments(m):
    names = [f.json_name for f in m.json_fields]
    needed = [f.json_name for f in m.json_fields if not f.optional]
    for name in m.cli_arguments:
        if name not in names:
            m.source.fail(f"cli_arguments: there is no field {name}")
    if m.cli_arguments and not set(needed) <= set(m.cli_arguments):
        m.source.fail("cli_arguments must have every field that is not optional")


def _check(schema):
    """What needs everything read: names that refer to other tables."""
    for m in schema.messages.values():
        for f in m.fields:
            _check_reference(schema, m, f)
        _check_message(schema, m)
    for v in schema.views.values():
        for c in v.columns:
            _check_reference(schema, None, c)
    for s in schema.states.values():
        _check_state(schema, s)
    commands = {}
    for m in schema.messages.values():
        if m.cli and m.cli in commands:
            m.source.fail(f"cli {m.cli!r} is taken by {commands[m.cli]}")
        commands[m.cli] = m.name
        _check_arguments(m)
    for service in schema.services:
        schema.ordered(service)
        for other in schema.includes(service):
            if schema.services.index(other) > schema.services.index(service):
                raise DeclarationError(f"{service}.toml: uses {other}, which is listed after it")
    for r in schema.routes:
        _check_route(schema, r)
    for r in schema.refused:
        _check_refused(schema, r)
    for m in schema.messages.values():
        _check_bare(m)


def _check_state(schema, s):
    if s.kind not in schema.kinds:
        s.source.fail(f"kind {s.kind} is not declared")
    other = next(o for o in schema.states.values() if o.kind == s.kind)
    if other is not s:
        s.source.fail(f"kind {s.kind} has the state {other.name}")
    for f in s.fields:
        _check_reference(schema, None, f)
        if f.type == "list" and not f.by_hand and \
                any(part.type not in VIEW_TYPES - {"text", "bytes"}
                    for part in schema.messages[f.argument].fields):
            f.source.fail(f"items of {f.argument} own memory: a state keeps them by_hand")


def _check_reference(schema, m, f):
    known = {"id": schema.prefixes, "enum": schema.enums, "flags": schema.flags,
             "list": schema.messages, "message": schema.messages}.get(f.type)
    if known is not None and f.argument not in known:
        what = {"id": "prefix", "list": "message"}.get(f.type, f.type)
        f.source.fail(f"{what} {f.argument} is not declared")
    if f.also and f.also not in schema.prefixes:
        f.source.fail(f"prefix {f.also} is not declared")
    if f.type == "enum":
        f.unknown = schema.enums[f.argument].unknown
        if f.unknown and schema.error(f.unknown) is None:
            f.source.fail(f"refusal {f.unknown} is not in errors.toml")
    if m is not None and f.type == "amount" and f.json:
        sibling = next((s for s in m.fields if s.name == f.currency), None)
        if sibling is None or sibling.type != "currency":
            f.source.fail(f"its currency {f.currency} is no field of type currency")
    if m is not None and f.type == "time" and m.event != f.beside:
        f.source.fail("an event has the time of its record: beside = true says that this is another"
                      if m.event else "beside is for events only")


def _check_message(schema, m):
    for name in m.together:
        if name not in [f.json_name for f in m.json_fields if not f.optional]:
            m.source.fail(f"together: {name} is no field that is always there")
    for name in m.refusals + ([m.lacking] if m.together else []):
        if schema.error(name) is None:
            m.source.fail(f"refusal {name} is not in errors.toml")
    if m.reply:
        reply = schema.messages.get(m.reply)
        if reply is None or reply.event or not reply.number:
            m.source.fail(f"reply {m.reply} is no message with a number")
    if not m.request:
        if m.reply or m.cli or m.mutates:
            m.source.fail("reply, cli and mutates are for messages with a target")
        return
    if not m.number:
        m.source.fail("a message with a target needs a number")
    if m.target_kind and m.target_kind not in schema.kinds:
        m.source.fail(f"target: kind {m.target_kind} is not declared")
    if m.passes_quota and not m.mutates:
        m.source.fail("passes_quota is for messages that mutate")
    if m.mutates and m.view:
        m.source.fail("a view cannot mutate")
    if m.target_field:
        f = next((f for f in m.fields if f.name == m.target_field), None)
        if f is None or f.type not in ("id", "raw_id") or f.optional:
            m.source.fail(f"target: {m.target_field} is no field of type id that is always there")


# What a list without the object around it has no place for: response_head.c has header fields.
PAGING = [("next_cursor", "bytes", True), ("total", "u32", True), ("total_exact", "bool", True)]


def _check_bare(m):
    if m.bare and [(f.name, f.type, f.optional) for f in m.fields if f is not m.bare] != PAGING:
        m.source.fail("with a bare list a page has next_cursor, total and total_exact, no more")


def _check_csv(schema, r, m):
    if not r.csv:
        return
    fields = schema.messages[m.reply].fields if m.reply else []
    lines = next((f for f in fields if f.json_name == r.csv and f.type == "list"), None)
    if lines is None or not set(PAGING) <= {(f.name, f.type, f.optional) for f in fields}:
        r.source.fail(f"csv: {r.csv} is no list of a page, with next_cursor, total and total_exact")
    if any(f.type in WITH_PARTS for f in schema.messages[lines.argument].json_fields):
        r.source.fail(f"csv: {lines.argument} has fields that fit no cell of a table")


def _check_refused(schema, r):
    error = schema.error(r.error)
    if error is None:
        r.source.fail(f"refusal {r.error} is not in errors.toml")
    if r.tag not in schema.tags:
        r.source.fail(f"tag {r.tag} is not declared")
    r.status = r.status or error.status


def _check_route(schema, r):
    m = schema.messages.get(r.message)
    if m is None or not m.request:
        r.source.fail(f"message {r.message} is no message with a target")
    if r.tag not in schema.tags:
        r.source.fail(f"tag {r.tag} is not declared")
    fields = {f.json_name: f for f in m.json_fields}
    for name in r.path_fields:
        if name not in fields:
            r.source.fail(f"path parameter {name} is no field of {m.name}")
        if fields[name].optional or fields[name].type in ("list", "message", "metadata"):
            r.source.fail(f"path parameter {name} must be a required scalar")
    if not r.body:
        r.query_fields = [n for n in fields if n not in r.path_fields]
    for name in r.query_fields:
        if name not in fields or name in r.path_fields:
            r.source.fail(f"query parameter {name} is no field of {m.name} "
                          "beside those of the path")
        if fields[name].type in ("list", "message"):
            r.source.fail(f"query parameter {name} must be a scalar or a pair")
        if r.body and not fields[name].optional:
            r.source.fail(f"query parameter {name} may also stand in the body: it must be optional")
    if r.idempotency and not m.mutates:
        r.source.fail("idempotency is for messages that mutate")
    if r.status == 204 and m.reply and schema.messages[m.reply].fields:
        r.source.fail("status 204 has no body, but the message has a reply")
    _check_location(schema, r, m)
    _check_csv(schema, r, m)


def _check_location(schema, r, m):
    """What a 201 made can be read: by a GET whose ids are in the reply."""
    if (r.status == 201) != bool(r.location):
        r.source.fail("a route of status 201 has a location, and no other")
    if not r.location:
        return
    names = re.findall(r"\{(\w+)\}", r.location)
    shape = re.sub(r"\{\w+\}", "{}", r.location)
    get = next((o for o in schema.routes
                if o.method == "GET" and re.sub(r"\{\w+\}", "{}", o.path) == shape), None)
    if get is None or not names:
        r.source.fail(f"location {r.location} is no path of a GET with ids")
    made = {f.json_name: f for f in schema.messages[m.reply].json_fields} if m.reply else {}
    asked = {f.json_name: f for f in schema.messages[get.message].json_fields}
    for name, path_name in zip(names, get.path_fields):
        f, path_field = made.get(name), asked.get(path_name)
        if f is None or f.type != "id" or f.optional:
            r.source.fail(f"location: {name} is no id that is always in the reply")
        if path_field is None or (path_field.type, path_field.argument) != (f.type, f.argument):
            r.source.fail(f"location: {name} is another kind of id than {path_name} of {get.path}")
