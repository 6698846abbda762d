# SPDX-License-Identifier: Apache-2.0
"""The API's own document as a judge: is every answer one that /openapi.json declares?

`Document` finds the operation of a request, checks answers and remembers what was seen of which
operation. `CheckedBank` is a client that has each of its answers checked.
"""
import datetime
import json
import re
import sys

import scenarios
from payd import SHARDS, Bank, Client, Payd

WORDS = {"type", "format", "enum", "pattern", "minLength", "maxLength", "minimum", "maximum",
         "items", "minItems", "maxItems", "uniqueItems", "properties", "required",
         "additionalProperties", "propertyNames", "maxProperties", "$ref", "description",
         "examples"}
# Only on a repeated answer, where clients are limited, or while there is a next page.
SOMETIMES = {"Idempotency-Replayed", "RateLimit", "RateLimit-Policy", "X-Stale-As-Of",
             "X-Journal-Quota-Used", "Link", "X-Total-Count"}
TYPES = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool,
         "number": (int, float)}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z")


class Undeclared(AssertionError):
    """An answer that the document does not declare."""


class Document:
    """`payd` may be the port of a service: payd.at("wallet")."""

    def __init__(self, payd):
        with Client(payd) as client:
            self.json = client.get("/openapi.json").expect(200).json
        self.operations = {}  # (method, template) -> operation
        for template, methods in self.json["paths"].items():
            for method, operation in methods.items():
                self.operations[method.upper(), template] = operation
        self.seen = {key: set() for key in self.operations}
        self.patterns = [(key, re.compile(re.sub(r"\{[^}]+\}", "[^/]+", key[1]) + "$"))
                         for key in sorted(self.operations, key=lambda k: k[1].count("{"))]

    def find(self, method, path):
        """The operation's key; None if no operation has this path and method."""
        for key, pattern in self.patterns:
            if key[0] == method and pattern.match(path.split("?")[0]):
                return key
        return None

    def resolve(self, node):
        while "$ref" in node:
            target = self.json
            for part in node["$ref"].removeprefix("#/").split("/"):
                target = target[part]
            node = target
        return node

    # --- values ---------------------------------------------------------------------------------

    def validate(self, schema, value, where):
        """Raises Undeclared, naming the place, unless the value is as declared."""
        schema = self.resolve(schema)
        unknown = set(schema) - WORDS
        if unknown:
            raise Undeclared(f"{where}: this test does not know the schema words {unknown}")
        kind = TYPES[schema["type"]]
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise Undeclared(f"{where} is {value!r}, declared is {schema['type']}")
        if "enum" in schema and value not in schema["enum"]:
            raise Undeclared(f"{where} is {value!r}, declared is one of {schema['enum']}")
        check = {dict: self.validate_object, list: self.validate_array, str: self.validate_text,
                 int: self.validate_number, TYPES["number"]: self.validate_number}.get(kind)
        if check is not None:
            check(schema, value, where)

    @staticmethod
    def validate_text(schema, value, where):
        size = len(value.encode())
        if not schema.get("minLength", 0) <= size <= schema.get("maxLength", size):
            raise Undeclared(f"{where} has {size} bytes: {value!r}")
        if not re.search(schema.get("pattern", ""), value):
            raise Undeclared(f"{where} is {value!r}, declared is {schema['pattern']}")
        if schema.get("format") == "date-time":
            if not TIME.fullmatch(value):
                raise Undeclared(f"{where} is no time in UTC: {value!r}")
            datetime.datetime.fromisoformat(value[:19])

    @staticmethod
    def validate_number(schema, value, where):
        if not schema.get("minimum", value) <= value <= schema.get("maximum", value):
            raise Undeclared(f"{where} is out of its range: {value}")

    def validate_array(self, schema, value, where):
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
            raise Undeclared(f"{where} has {len(value)} items")
        if schema.get("uniqueItems") and len({json.dumps(v) for v in value}) != len(value):
            raise Undeclared(f"{where} repeats an item: {value}")
        for index, item in enumerate(value):
            self.validate(schema["items"], item, f"{where}[{index}]")

    def validate_object(self, schema, value, where):
        """What an answer has beside the declared is as wrong as what it lacks."""
        declared, more = schema.get("properties", {}), schema.get("additionalProperties", False)
        lacking = [name for name in schema.get("required", []) if name not in value]
        if lacking:
            raise Undeclared(f"{where} lacks {lacking}")
        if len(value) > schema.get("maxProperties", len(value)):
            raise Undeclared(f"{where} has {len(value)} members")
        for name, member in value.items():
            if name not in declared and not more:
                raise Undeclared(f"{where}.{name} is not declared")
            self.validate(declared.get(name, more), member, f"{where}.{name}")

    # --- answers --------------------------------------------------------------------------------

    def check(self, method, path, answer):
        """Raises Undeclared, with the whole exchange, unless the document declares this answer."""
        key = self.find(method, path)
        if key is None:
            return
        try:
            self.check_answer(key, path, answer)
        except Undeclared as e:
            raise Undeclared(f"{key[0]} {key[1]}: {e}\n    {answer}") from None
        self.seen[key].add(answer.code or answer.status)

    def check_answer(self, key, path, answer):
        declared = self.operations[key]["responses"].get(str(answer.status))
        if declared is None:
            raise Undeclared(f"the status {answer.status} is not declared")
        contents = declared.get("content", {"": None})
        media = answer.headers.get("content-type", "").split(";")[0]
        if media not in contents:
            raise Undeclared(f"declared are {list(contents)}, found {media}")
        content = contents[media]
        if content is not None and media != "text/csv":
            self.validate(content["schema"], answer.json, "the answer")
        self.check_headers(declared, answer)
        if answer.status >= 400:
            self.check_problem(content, path, answer)

    @staticmethod
    def check_headers(declared, answer):
        for name in declared["headers"]:
            if name in SOMETIMES:
                continue
            if name.lower() not in answer.headers:
                raise Undeclared(f"the header {name} is missing")
        for name in ("etag", "retry-after", "idempotency-replayed", "location", "allow"):
            if name in answer.headers and name not in map(str.lower, declared["headers"]):
                if answer.status >= 400 and name == "idempotency-replayed":
                    continue  # refusals are remembered as well
                raise Undeclared(f"the header {name} is not declared")
        if answer.headers["cache-control"] != "no-store":
            raise Undeclared("an answer about money may be stored by caches")
        if "etag" in answer.headers and answer.body and "version" in answer.json:
            if not re.fullmatch(f'"{answer.json["version"]}(-[0-9a-f]{{8}})?"', answer.etag):
                raise Undeclared(f"the ETag {answer.etag} is not the version")

    def check_problem(self, content, path, answer):
        problem = answer.json
        if problem["code"] not in content["examples"]:
            raise Undeclared(f"the code {problem['code']} is not declared for {answer.status}")
        example = self.resolve(content["examples"][problem["code"]])["value"]
        for member in ("type", "title", "status"):
            if problem[member] != example[member]:
                raise Undeclared(f"{member} is {problem[member]!r}, declared {example[member]!r}")
        if problem.get("request_id") != answer.headers["x-request-id"]:
            raise Undeclared("request_id is not that of the header X-Request-Id")
        asked = re.sub("%(?![0-9A-Fa-f]{2})", "%25", path.split("?")[0])
        if problem.get("instance") != asked.replace("[", "%5B").replace("]", "%5D"):
            raise Undeclared("instance is not the path asked for")

    # --- what was seen --------------------------------------------------------------------------

    def missing(self, *tags):
        """Operations with these tags that were not seen succeed, or not seen refuse."""
        lines = []
        for key, operation in self.operations.items():
            if not set(tags) & set(operation["tags"]) or operation.get("deprecated"):
                continue  # deprecated is what everyone is refused: test_acceptance has it
            if not any(isinstance(what, int) for what in self.seen[key]):
                lines.append(f"{key[0]} {key[1]} never succeeded")
            if not any(isinstance(what, str) for what in self.seen[key]):
                lines.append(f"{key[0]} {key[1]} never refused anything")
        return lines


class CheckedBank(Bank):
    """Has each of its answers checked by the document, and follows every Location."""

    def __init__(self, payd, token, document):
        super().__init__(payd, token)
        self.payd, self.document = payd, document

    def request(self, method, path, body=None, key=None, headers=None):
        answer = super().request(method, path, body, key, headers)
        self.document.check(method, path, answer)
        if answer.status == 201:
            made = self.get(answer.headers["location"])
            if made.status != 200 and made.code != "insufficient_scope":
                raise Undeclared(f"what {answer} made is not there: {made}")
        return answer

    def post_as(self, token, path, body=None, key=True, **headers):
        """One request with another token on this connection."""
        own, self.token = self.token, token
        try:
            return self.post(path, body, key, **headers)
        finally:
            self.token = own

    def get_as(self, token, path, **query):
        own, self.token = self.token, token
        try:
            return self.get(path, **query)
        finally:
            self.token = own


def run(module, make, *tags):
    """Runs the scenarios of a test file against a payd of their own, each with make(bank, payd). In
    the end every operation with one of these tags was seen to succeed and to refuse, unless there
    are more shards than one, and the books balance. The exit code."""
    with Payd() as payd:
        document = Document(payd)
        bank = CheckedBank(payd, payd.token(), document)
        code = scenarios.run(module, lambda name: (make(bank, payd),), payd)
        bank.check_books()
        missing = document.missing(*tags)
        if code == 0 and SHARDS == 1 and len(sys.argv) == 1 and missing:
            print("FAILED  not seen:", *missing, sep="\n  ")
            return 1
        return code
