#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Bad input to every operation: each refusal names the field and the rule, and changes nothing.

The operations and their fields are read from /openapi.json; for each field this test knows values
that its type does not allow.
"""
import json
import re
import sys

import scenarios
from openapi import CheckedBank, Document
from payd import Payd, account_of, new_id
from scenarios import equal, true

NUMBERS = ["-1", "1.5", "1e3", "true", "null", '""', '"x"', "[]", "{}", "18446744073709551616",
           "1" * 400, "-0", "Infinity", "NaN"]
TEXTS = ["7", "true", "[]", "{}", '"\\u0000"', '"a\\u0007b"', '"\\ud800"', '"\\udc00\\ud800"']
AMOUNTS = ['"-1"', "-1", '"+1"', '"1e3"', "1e3", '"1E+2"', '"0x10"', '""', '" 1"', '"1 "', '"1,5"',
           '"1.2.3"', '".5"', '"1."', '"NaN"', '"Infinity"', "true", "[]", "{}", '"1_000"',
           '"٣"', '"' + "9" * 60 + '"', "9" * 60, '"0.' + "0" * 40 + '1"', '"00000000x"']
DECIMAL = re.compile("1,4?8")  # in its pattern: how many digits may stand after the point
IDS = ['""', "7", '"x"', '"acc_"', '"pay_01J8Z3N5V7Q9C2K4M6P8R0T1W3x"',
       '"wal_!!!!!!!!!!!!!!!!!!!!!!!!!!"',
       '"zzz_01J8Z3N5V7Q9C2K4M6P8R0T1W3"', '"acc_81J8Z3N5V7Q9C2K4M6P8R0T1W3"', "[]", "{}", "true"]
TIMES = ['"yesterday"', '"2026-13-01T00:00:00Z"', '"2026-02-30T00:00:00Z"', '"2026-01-01"',
         "1767225600", '"2026-01-01T00:00:00+0100"', '"2026-01-01T00:00:00"',
         '"2026-01-01T24:00:00Z"', '"1969-12-31T23:59:59Z"', "{}"]
CURRENCIES = ['"usd"', '"XXX"', '"US"', '"USDX"', "840", '""', "[]", '"U\\u0000D"']
ENUMS = ['""', '"nothing"', "1", "true", "[]", "{}"]
LISTS = ['"x"', "7", "{}", '["nothing"]', "[7]", "[[]]", "[null]"]
METADATA = ['"x"', "7", "[]", '{"a": 1}', '{"a": {}}', '{"a": "1", "a": "2"}', '{"": "x"}',
            '{"' + "k" * 65 + '": "x"}', '{"a": "' + "x" * 257 + '"}', '{"a": "\\u0000"}',
            json.dumps({str(n): "x" for n in range(17)})]


def wrong_values(schema):
    """JSON texts that are no such value."""
    schema = schema.get("oneOf", [schema])[0]
    kind, pattern = schema["type"], schema.get("pattern", "")
    if kind == "integer":
        more = [str(schema["maximum"] + 1)] if schema["maximum"] < 2**32 else []
        return [n for n in NUMBERS if n != "null"] + more
    if kind == "boolean":
        return ["0", "1", '"true"', '"yes"', "[]", "{}"]
    if kind == "array":
        return LISTS
    if kind == "object":
        return METADATA
    if "enum" in schema:
        return ENUMS
    if schema.get("format") == "date-time":
        return TIMES
    if pattern == "^[A-Z]{3}$":
        return CURRENCIES
    if "{25}" in pattern:
        return IDS
    if DECIMAL.search(pattern):
        return AMOUNTS
    if pattern == "^(0|[1-9][0-9]*)$":
        return ['"-1"', "-1", '"1.5"', "1e3", '""', '"x"', "true", "[]", '"' + "9" * 40 + '"']
    return TEXTS + ([f'"{"x" * (schema["maxLength"] + 1)}"'] if "maxLength" in schema else [])


def no_json(_):
    raise ValueError


def is_json(text):
    """By RFC 8259 and in UTF-8."""
    try:
        json.dumps(json.loads(text, parse_constant=no_json), ensure_ascii=False).encode()
    except ValueError:
        return False
    return True


class World:
    def __init__(self, payd):
        self.payd, self.document = payd, Document(payd)
        self.bank = CheckedBank(payd, payd.token(), self.document)
        bank = self.bank
        self.ann, self.bob = bank.open_wallet(funds="1000.00"), bank.open_wallet()
        self.payment = bank.authorise(self.ann, self.bob, "100.00")["payment_id"]
        hold = bank.post(f"/wallets/{self.ann}/holds", {"amount": "50.00"}).expect(201).json
        mine, other = (bank.post("/accounts", {"currency": "USD", "code": 1}).expect(201).json
                       for _ in range(2))
        moved = bank.move(mine["account_id"], other["account_id"], "1.00", flags=["pending"])
        self.ids = {"wallet_id": self.ann, "account_id": mine["account_id"],
                    "payment_id": self.payment, "hold_id": hold["hold_id"],
                    "transfer_id": moved["transfer_id"], "transaction_id": new_id("txn"),
                    "pair": "USDINR", "from_currency": "USD", "to_currency": "INR"}
        bank.request("PUT", "/rates/USDINR", {"rate": "83.25"}).expect(200)
        self.before = self.snapshot()

    def snapshot(self):
        paths = [f"/wallets/{self.ann}", f"/wallets/{self.bob}", f"/payments/{self.payment}",
                 f"/accounts/{account_of(self.ann)}", f"/accounts/{account_of(self.bob)}",
                 f"/transfers/{self.ids['transfer_id']}", "/trial-balance", "/payments"]
        return [self.bank.get(path).expect(200).json for path in paths]

    def path(self, template):
        return re.sub(r"\{(\w+)\}", lambda m: self.ids[m.group(1)], template)

    def working(self):
        """All operations but those that everyone is refused."""
        return [(key, operation) for key, operation in self.document.operations.items()
                if not operation.get("deprecated")]

    def bodies(self):
        """(method, path, the body's schema) of every operation that takes one."""
        for (method, template), operation in self.document.operations.items():
            if "requestBody" in operation:
                [content] = operation["requestBody"]["content"].values()
                yield method, self.path(template), self.document.resolve(content["schema"])

    def send(self, method, path, text):
        return self.bank.request(method, path, text, True if method == "POST" else None)

    def refused(self, method, path, text, field, statuses=(400, 413, 422)):
        answer = self.send(method, path, text)
        true(answer.status in statuses, f"one of {statuses} for {answer}")
        if field is not None and answer.code == "invalid_json":
            true(not is_json(text), f"valid JSON to be called so: {answer}")
        elif field is not None:
            named = [e["field"] for e in answer.json.get("errors", []) if e["rule"]]
            true(any(n == field or n.startswith((field + ".", field + "[")) for n in named),
                 f"the field {field} and its rule in {answer}")
            if answer.code.endswith("_field"):
                true(answer.json["detail"].startswith(field), f"the detail to say so: {answer}")

    def unchanged(self):
        equal(self.snapshot(), self.before, "what was there")
        self.bank.check_books()


def good_value(world, name, schema):
    """A value in the right form, for fields that only have to be there."""
    schema = world.document.resolve(schema)
    schema = schema.get("oneOf", [schema])[0]
    if schema["type"] in ("integer", "boolean"):
        return 1 if schema["type"] == "integer" else False
    if schema["type"] == "array":
        return []
    if schema["type"] == "object":
        return {}
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("format") == "date-time":
        return "2026-01-01T00:00:00Z"
    if "{25}" in schema.get("pattern", ""):
        return new_id(schema["pattern"][1:4])
    return {"^[A-Z]{3}$": "USD", "^(0|[1-9][0-9]*)$": "1"}.get(
        schema.get("pattern"), "1.00" if DECIMAL.search(schema.get("pattern", "")) else
        "x" * max(1, schema.get("minLength", 1)))


def needed(schema):
    """Its required fields, and what is required without flags."""
    return schema.get("required", []) + [name for either in schema.get("allOf", [])
                                         for name in either["anyOf"][0]["required"]]


def good_body(world, schema):
    return {name: good_value(world, name, schema["properties"][name]) for name in needed(schema)}


# --- fields ---------------------------------------------------------------------------------------


def test_values_that_a_field_does_not_take(world):
    for method, path, schema in world.bodies():
        for name, field in schema["properties"].items():
            field = world.document.resolve(field)
            rest = good_body(world, schema)
            rest.pop(name, None)
            for value in wrong_values(field):
                text = json.dumps(rest)[:-1] + (", " if rest else "") + f'"{name}": {value}}}'
                world.refused(method, path, text, name)


def test_fields_that_are_missing(world):
    for method, path, schema in world.bodies():
        for name in needed(schema):
            body = good_body(world, schema)
            del body[name]
            world.refused(method, path, json.dumps(body), name, (400,))
            world.refused(method, path, json.dumps({**body, name: None}), name, (400,))


def test_fields_nobody_knows(world):
    for method, path, schema in world.bodies():
        for name in ("is_admin", "Amount", "__proto__", "amount ", ""):
            world.refused(method, path, json.dumps({**good_body(world, schema), name: 1}), name,
                          (400,))


def test_fields_given_twice(world):
    for method, path, schema in world.bodies():
        for name, field in schema["properties"].items():
            value = json.dumps(good_value(world, name, field))
            rest = {k: v for k, v in good_body(world, schema).items() if k != name}
            text = json.dumps(rest)[:-1] + (", " if rest else "") + \
                f'"{name}": {value}, "\\u{ord(name[0]):04x}{name[1:]}": {value}}}'
            world.refused(method, path, text, name, (400,))


def test_path_and_query(world):
    for (method, template), operation in world.working():
        for parameter in map(world.document.resolve, operation.get("parameters", [])):
            if parameter["in"] == "path":
                for wrong in ("x", "wal_1", "%00", "%ff%fe", "..%2f..", "a" * 200, "%zz"):
                    ids, world.ids = world.ids, {**world.ids, parameter["name"]: wrong}
                    path, world.ids = world.path(template), ids
                    # A currency nobody has is not there; and a pair is refused in its own words.
                    own_words = ("pair", "from_currency", "to_currency")
                    named = None if parameter["name"] in own_words else parameter["name"]
                    world.refused(method, path, "{}" if method != "GET" else None, named,
                                  (400, 413, 422) if named else (400, 404))
            elif parameter["in"] == "query":
                name, path = parameter["name"], world.path(template)
                for wrong in ("", "-1", "%00", "%ff", "%zz", "x" * 600):
                    schema = world.document.resolve(parameter["schema"])
                    text = "\\x00" in schema.get("pattern", "")  # of any kind
                    if wrong == "x" * 600 or not text:
                        if wrong == "" and schema["type"] == "array":
                            continue  # a list of nothing
                        world.refused(method, f"{path}?{name}={wrong}", None, name)
                world.refused(method, f"{path}?{name}=1&{name}=1", None, name)
        if method == "GET":
            world.refused(method, world.path(template) + "?nobody=1", None, "nobody")
            world.refused(method, world.path(template) + "?" + "&".join("a=1" for _ in range(99)),
                          None, None)


# --- bodies that are no JSON ----------------------------------------------------------------------


def test_bodies_that_are_no_object(world):
    path = f"/wallets/{world.ann}/transfer"
    good = '{"to_wallet_id": "%s", "amount": "1.00"}' % world.bob
    for text in ("", " ", "null", "true", "7", '"x"', "[]", f"[{good}]", good[:-1], good + "}",
                 good + good, good + "x", "{" + good + "}", good.replace('"', "'"),
                 good.replace("}", ",}"), "/* */" + good, "\ufeff" + good, good.replace(":", "="),
                 "[" * 5000, '{"a":' * 5000, "{" * 60000,
                 '{"metadata": ' + "[" * 17 + "]" * 17 + "}",
                 good[:-1] + ', "x": 1e999999}', good.replace('"1.00"', "01.00"),
                 good.replace('"1.00"', "1."), good.replace('"1.00"', "'1'"),
                 good.replace('"1.00"', '"1.00')):
        world.refused("POST", path, text, None)
    for data in (good.encode("utf-16"), good.encode() + b"\x00", b'{"\xff": 1}',
                 b'{"a": "\xc0\xaf"}',
                 b'{"a": "\xed\xa0\x80"}', b"\x80" * 100, good.encode("utf-16-le")):
        answer = world.bank.send("POST", path, data, {
            "Authorization": f"Bearer {world.bank.token}", "Idempotency-Key": new_id("k"),
            "Content-Type": "application/json"})
        answer.expect(400)


def test_every_cut_of_a_body(world):
    good = '{"to_wallet_id": "%s", "amount": "1.00"}' % world.bob
    for cut in range(len(good)):
        world.refused("POST", f"/wallets/{world.ann}/transfer", good[:cut], None, (400,))


def test_media_types(world):
    body = json.dumps({"to_wallet_id": world.bob, "amount": "1.00"})
    for media in ("text/plain", "application/xml", "application/x-www-form-urlencoded", "", "json",
                  "application/json5", "application/json; charset=latin-1",
                  "application/json, text/plain", "multipart/form-data"):
        world.bank.request("POST", f"/wallets/{world.ann}/transfer", body, True,
                           {"Content-Type": media}).expect(415, "unsupported_media_type")
    world.bank.request("POST", f"/wallets/{world.ann}/transfer", body, True,
                       {"Content-Encoding": "gzip"}).expect(415, "unsupported_media_type")


def test_idempotency_keys(world):
    for (method, template), operation in world.working():
        keys = [p for p in map(world.document.resolve, operation["parameters"])
                if p["name"] == "Idempotency-Key"]
        if not keys:
            true(method == "GET" or template in ("/evaluate", "/convert"),
                 f"{method} {template} to take a key")
            continue
        path = world.path(template)
        if keys[0]["required"]:
            world.bank.request(method, path, "{}").expect(400, "key_missing")
        for key in ("", "x" * 256, "a b", "ä".encode().decode("latin-1"), '"', '"a', 'a"b',
                    '"a\\"'):
            world.bank.request(method, path, "{}", key).expect(400, "invalid_key")


def main():
    with Payd(log_level="warn") as payd:
        world = World(payd)
        code = scenarios.run(globals(), lambda name: (world,), payd)
        world.unchanged()
        return code


if __name__ == "__main__":
    sys.exit(main())
