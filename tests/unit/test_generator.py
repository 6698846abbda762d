#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The generator refuses bad declarations with one line that names the place, and repeats itself."""
import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
SCHEMAS = Path(os.environ.get("SOURCE_ROOT", HERE.parent.parent)) / "schemas"
GENERATE = SCHEMAS / "generate.py"
SAMPLE = (HERE / "schemas" / "sample.toml").read_text(encoding="utf-8")


sys.dont_write_bytecode = True
sys.path.insert(0, str(SCHEMAS))
from generator import copies, declarations, openapi, structs  # noqa: E402


def generate(*arguments):
    return subprocess.run([sys.executable, GENERATE, *map(str, arguments)], capture_output=True,
                          text=True, check=False)


def message(body, head='number = 0xFE01\ndoc = "x"'):
    return f"\n[message.bad]\n{head}\nfields = [{{ {body} }}]\n"


def state(body, head='kind = "owner"'):
    return f'\n[state.bad]\ndoc = "x"\nheader = "x.h"\n{head}\nfields = [{{ {body} }}]\n'


def route(head, body, section="route"):
    return f'\n[{section}."{head}"]\n{body}\n'


REQUEST = 'number = 0xFE01\ndoc = "x"\ntarget = "account:a"'
SOUND_REFUSED = 'doc = "x"\ntag = "samples"\nerror = "nothing"'
SOUND_ROUTE = 'message = "sample_get"\ndoc = "x"\ntag = "samples"\nscope = "samples:read"'

# What is appended to sample.toml, and what the refusal must say.
BAD = [
    (message('name = "a", type = "u23"'), r"sample.toml: \[message.bad\] a: type 'u23'"),
    (message('name = "a", type = "id:zzz"'), r"\[message.bad\] a: prefix zzz is not declared"),
    (message('name = "a", type = "enum:none"'), r"\[message.bad\] a: enum none"),
    (message('name = "a", type = "flags:none"'), r"\[message.bad\] a: flags none"),
    (message('name = "a", type = "list:none", max = 3'), r"\[message.bad\] a: message none"),
    (message('name = "a", type = "list:empty"'), r"\[message.bad\] a: max is missing"),
    (message('name = "a", type = "u8", also = "wal"'), r"a: also is for ids only"),
    (message('name = "a", type = "id:acc", also = "zzz"'), r"a: prefix zzz is not declared"),
    ('\n[enum.bad]\ndoc = "x"\nvalues = ["a"]\nunknown = "none"\n' +
     message('name = "a", type = "enum:bad"'), r"a: refusal none is not in errors.toml"),
    (message('name = "a", type = "u8"', REQUEST + '\ntogether = ["b"]\nlacking = "not_found"'),
     r"\[message.bad\]: together: b is no field"),
    (message('name = "a", type = "u8"', REQUEST + '\ntogether = ["a"]'), r"lacking is missing"),
    (message('name = "a", type = "u8", compat = "number"'), r"a: compat is number, for an amount"),
    (message('name = "a", type = "list:empty", max = 3, compat = "bare"'),
     r"\[message.bad\]: with a bare list a page has next_cursor"),
    (message('name = "a", type = "text"'), r"\[message.bad\] a: max is missing"),
    (message('name = "a", type = "text", max = 0'), r"\[message.bad\] a: max 0 is outside"),
    (message('name = "a", type = "text", max = 3, min = 4'), r"\[message.bad\] a: min 4"),
    (message('name = "a", type = "u32", range = [2, 1]'), r"\[message.bad\] a: range is"),
    (message('name = "a", type = "u64", range = [1, 2]'), r"\[message.bad\] a: range is"),
    (message('name = "a", type = "bool", max = 3'), r"\[message.bad\] a: max is for text"),
    (message('name = "a", type = "u8", max = 300'), r"a: max 300 is outside 1..255"),
    (message('name = "a", type = "u8", beside = true'), r"\[message.bad\] a: beside is for time"),
    (message('name = "a", type = "time", beside = true'), r"a: beside is for events only"),
    (message('name = "a", type = "time"').replace("message.bad", "event.bad"),
     r"\[event.bad\] a: an event has the time of its record"),
    (message('name = "a", type = "amount"'), r"\[message.bad\] a: its currency currency is no"),
    (message('name = "a", type = "u8", colour = 1'), r"\[message.bad\] a: colour is not known"),
    (message('name = "a", type = "u8", doc = 1'), r"\[message.bad\] a: doc must be text"),
    (message('name = "a", type = "u8", optional = 1'), r"a: optional must be true or false"),
    (message('name = "A", type = "u8"'), r"\[message.bad\]: a field's name 'A'"),
    (message('name = "int", type = "u8"'), r"\[message.bad\]: a field's name 'int'"),
    (message('type = "u8"'), r"\[message.bad\]: a field's name None"),
    (message('name = "a", type = "u8" }, { name = "a", type = "u8"'), r"a: a is declared twice"),
    (message('name = "has_a", type = "u8" }, { name = "a", type = "u8", optional = true'),
     r"a: has_a is declared twice"),
    (message('name = "b", type = "u8" }, { name = "a", type = "u8", json_name = "b"'),
     r"a: json_name b is used twice"),
    (message('name = "b", type = "u8", since = 2 }, { name = "a", type = "u8"'),
     r"a: since 1 after a field of since 2"),
    (message('name = "a", type = "text", max = 5, since = 2'), r"a: was added later"),
    (message('name = "a", type = "u8"', 'number = 0xFF01\ndoc = "x"'),
     r"\[message.bad\]: number 65281 is taken by message sample_reply"),
    (message('name = "a", type = "u8"', 'number = 70000\ndoc = "x"'), r"number 70000 is outside"),
    (message('name = "a", type = "u8"', "number = 0xFE01"), r"\[message.bad\]: doc is missing"),
    (message('name = "a", type = "u8"', REQUEST), r"target: a is no field of type id"),
    (message('name = "a", type = "id:acc"', REQUEST.replace("account", "moon")),
     r"target: kind moon is not declared"),
    (message('name = "a", type = "id:acc"', REQUEST + '\nrefusals = ["rain"]'),
     r"refusal rain is not in errors.toml"),
    (message('name = "a", type = "id:acc"', REQUEST + '\nreply = "rain"'), r"reply rain"),
    (message('name = "a", type = "id:acc"', REQUEST + '\ncli = "samples create"'),
     r"cli 'samples create' is taken by sample_create"),
    (message('name = "a", type = "id:acc"', REQUEST + '\ncli_arguments = ["b"]'),
     "cli_arguments: there is no field b"),
    (message('name = "a", type = "id:acc" }, { name = "b", type = "u8", optional = true',
             REQUEST + '\ncli_arguments = ["b"]'),
     "cli_arguments must have every field that is not optional"),
    (message('name = "a", type = "id:acc"', REQUEST + "\nmutates = true\nview = true"),
     r"a view cannot mutate"),
    (message('name = "a", type = "u8"', 'number = 0xFE01\ndoc = "x"\nmutates = true'),
     r"are for messages with a target"),
    (message('name = "a", type = "message:bad"'), r"\[message.bad\]: contains itself"),
    ("\n[message.Bad]\ndoc = \"x\"\n", r"\[message.Bad\]: names are lower case"),
    ("\n[massage.bad]\ndoc = \"x\"\n", r"\[massage\]: is not a section"),
    ("\n[enum.bad]\nvalues = []\n", r"\[enum.bad\]: values: 1 to 255"),
    ("\n[enum.bad]\nvalues = [\"a\", \"a\"]\n", r"\[enum.bad\]: a value is listed twice"),
    ("\n[flags.bad]\nvalues = [\"a\", \"all\"]\n",
     r"\[flags.bad\]: value 'all' is the name of all"),
    (state('name = "a", type = "u8"', 'kind = "moon"'),
     r"\[state.bad\]: kind moon is not declared"),
    (state('name = "a", type = "u8"', 'kind = "node"'), r"kind node has the state sample_actor"),
    (state('name = "a", type = "decimal"'), r"\[state.bad\] a: what is of this type"),
    (state('name = "a", type = "text", max = 9, optional = true'), r"a: what is .* optional"),
    (state('name = "a", type = "u8", member = "b.a", by_hand = true'), r"by_hand needs no member"),
    (state('name = "a", type = "list:sample_part", max = 3'), r"items of sample_part own memory"),
    (state('name = "a", type = "list:none", max = 3'), r"\[state.bad\] a: message none"),
    (state('name = "b", type = "u8", since = 2 }, { name = "a", type = "u8"'),
     r"\[state.bad\] a: since 1 after a field of since 2"),
    ("\n[event.bad]\ndoc = \"x\"\nfields = []\n", r"\[event.bad\]: number is missing"),
    ("\n[view.bad]\ndoc = \"x\"\nkey = [\"b\"]\ncolumns = [{ name = \"a\", type = \"u8\" }]\n",
     r"\[view.bad\]: key: b is no column"),
    ("\n[view.bad]\ndoc = \"x\"\nkey = [\"a\"]\n"
     "columns = [{ name = \"a\", type = \"metadata\" }]\n",
     r"\[view.bad\] a: metadata is no type of a column"),
    ("\n[view.bad]\ndoc = \"x\"\nkey = [\"a\"]\n"
     "columns = [{ name = \"a\", type = \"u8\", optional = true }]\n", r"a: is part of the key"),
    (route("GET /bad", SOUND_ROUTE.replace('scope = "samples:read"', "")),
     r'\[route.GET /bad\]: scope is missing'),
    (route("GET /bad", SOUND_ROUTE.replace("samples:read", "")), r"scope is one scope, or none"),
    (route("GET /bad/{sample}", SOUND_ROUTE), r"path parameter sample is no field of sample_get"),
    (route("GET /samples/{limit}", SOUND_ROUTE), r"is the same as GET /samples/\{sample_id\}"),
    (route("GET /bad/{limit}", SOUND_ROUTE), r"path parameter limit must be a required scalar"),
    (route("FETCH /bad", SOUND_ROUTE), r"method FETCH is none of"),
    (route("GET bad", SOUND_ROUTE), r"path 'bad' is not"),
    (route("GET /bad", SOUND_REFUSED, "refused"), r"refusal nothing is not in errors.toml"),
    (route("GET /samples/{any}", SOUND_REFUSED, "refused"), r"is the same as GET /samples/"),
    (route("GET /bad", SOUND_REFUSED + "\nstatus = 200", "refused"), r"status 200 is no refusal"),
    (route("GET /bad", SOUND_ROUTE.replace("sample_get", "sample_reply")),
     r"message sample_reply is no message with a target"),
    (route("GET /bad", SOUND_ROUTE.replace("sample_get", "sample_create")),
     r"query parameter parts must be a scalar or a pair"),
    (route("POST /bad/{sample_id}", SOUND_ROUTE + '\nquery = ["rain"]'),
     r"query parameter rain is no field of sample_get"),
    (route("POST /bad", SOUND_ROUTE + '\nquery = ["sample_id"]'), r"sample_id .* must be optional"),
    (route("POST /bad/{sample_id}", SOUND_ROUTE + '\nidempotency = "required"'),
     r"idempotency is for messages that mutate"),
    (route("GET /bad", SOUND_ROUTE + '\nidempotency = "maybe"'), r"idempotency 'maybe'"),
    (route("GET /bad", SOUND_ROUTE + "\nstatus = 404"), r"status 404 is no success"),
    (route("GET /bad", SOUND_ROUTE + "\nnot_modified = false"), r"for what is read with an ETag"),
    (route("POST /bad", SOUND_ROUTE + "\nstatus = 201"), r"status 201 has a location"),
    (route("POST /bad", SOUND_ROUTE + '\nlocation = "/samples/{sample_id}"'),
     r"status 201 has a location"),
    (route("POST /bad", SOUND_ROUTE + '\nstatus = 201\nlocation = "/rain/{sample_id}"'),
     r"location /rain/\{sample_id\} is no path of a GET"),
    (route("POST /bad", SOUND_ROUTE + '\nstatus = 201\nlocation = "/samples/{outcome}"'),
     r"location: outcome is no id"),
    (route("POST /bad", SOUND_ROUTE + "\nexample = '''{'''"), r"example is not JSON"),
    (route("POST /bad", SOUND_ROUTE + "\nexample = '{\"colour\": 1}'"),
     r"example: colour is no field of the body"),
    (route("POST /bad", SOUND_ROUTE + "\nexample = 7"), r"example must be JSON in a text"),
    ("\n[tag.samples\n", r"sample.toml: "),
    ("\n[tag.rain]\ndoc = \"x\"\n", r"position"),
    (route("GET /bad", SOUND_ROUTE.replace('"samples"', '"rain"')), r"tag rain is not declared"),
]


class Document(unittest.TestCase):
    """What generators of clients stumble over."""
    def setUp(self):
        loaded = declarations.load([HERE / "schemas", SCHEMAS],
                                   ["ledger", "wallet", "payment", "sample"])
        self.json = json.loads(openapi.document(loaded, "1"))

    def nodes(self, node, path=()):
        yield path, node
        inner = node.items() if isinstance(node, dict) else enumerate(node)
        for key, value in inner:
            if isinstance(value, (dict, list)):
                yield from self.nodes(value, (*path, key))

    def test_enums_have_names(self):
        for path, node in self.nodes(self.json):
            if "enum" in node and isinstance(node, dict) and path[1] != "headers":
                self.assertEqual(path[:2], ("components", "schemas"))
                self.assertEqual(len(path), 3, path)

    def operations(self):
        for template, methods in self.json["paths"].items():
            for method, operation in methods.items():
                yield method, template, operation

    def test_all_that_changes_something_takes_a_key(self):
        for method, template, operation in self.operations():
            names = [p.get("$ref", "") for p in operation["parameters"]]
            keys = [n for n in names if "IdempotencyKey" in n]
            changes = method != "get" and not operation.get("deprecated")
            self.assertEqual(len(keys), changes, (method, template))

    def test_everything_can_succeed_but_what_everyone_is_refused(self):
        refused = []
        for method, template, operation in self.operations():
            succeeds = any(status.startswith("2") for status in operation["responses"])
            self.assertEqual(succeeds, not operation.get("deprecated"), (method, template))
            if not succeeds:
                refused.append(f"{method.upper()} {template}")
                self.assertEqual(operation["security"], [], "everyone is told the same")
        self.assertIn("POST /webhooks/{adapter}", refused)

    def test_requests_take_numbers_for_amounts_and_answers_have_texts(self):
        schemas = self.json["components"]["schemas"]
        self.assertEqual([one["type"] for one in schemas["amount"]["oneOf"]], ["string", "number"])
        for name in ("payment_create_request", "transaction_leg"):
            self.assertEqual(schemas[name]["properties"]["amount"]["$ref"],
                             "#/components/schemas/amount")
        self.assertEqual(schemas["payment_info"]["properties"]["amount"]["type"], "string")

    def test_requests_take_numbers_for_large_ones_and_answers_have_texts(self):
        schemas = self.json["components"]["schemas"]
        for name in ("user_data_64", "user_data_128"):
            asked, told = (schemas[of]["properties"][name]
                           for of in ("transfer_create_request", "transfer_info"))
            self.assertEqual([one["type"] for one in asked["oneOf"]], ["string", "integer"])
            self.assertEqual(told["type"], "string")

    def test_requests_and_their_parts_take_no_unknown_members(self):
        schemas = self.json["components"]["schemas"]
        for name in [n for n in schemas if n.endswith("_request")] + ["transaction_leg"]:
            self.assertIs(schemas[name]["additionalProperties"], False, name)

    def test_numbers_have_the_range_that_the_actors_take(self):
        schemas = self.json["components"]["schemas"]
        for name in ("account_create_request", "transfer_create_request", "transaction_leg"):
            self.assertEqual(schemas[name]["properties"]["code"]["minimum"], 1, name)

    def test_texts_have_the_pattern_that_is_checked(self):
        for path, node in self.nodes(self.json["components"]["schemas"]):
            free = isinstance(node, dict) and node.get("type") == "string" and "maxLength" in node
            self.assertTrue(not free or "pattern" in node, path)


class Refusals(unittest.TestCase):
    def refused(self, file, content, said, services="sample"):
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, file).write_text(content, encoding="utf-8")
            with self.assertRaisesRegex(declarations.DeclarationError, said) as caught:
                openapi.document(declarations.load([folder, HERE / "schemas", SCHEMAS],
                                                   services.split(",")), "1")
            self.assertNotIn("\n", str(caught.exception))

    def test_on_the_command_line_is_one_line_and_writes_nothing(self):
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "sample.toml").write_text(SAMPLE + BAD[0][0], encoding="utf-8")
            done = generate("--declarations", folder, SCHEMAS, "--services", "sample",
                            "--out", Path(folder, "out"))
            self.assertEqual(done.returncode, 1)
            self.assertRegex(done.stderr, "^generate.py: " + BAD[0][1])
            self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
            self.assertFalse(Path(folder, "out").exists())

    def test_of_declarations(self):
        for addition, said in BAD:
            with self.subTest(said):
                self.refused("sample.toml", SAMPLE + addition, said)

    def test_of_errors(self):
        good = (SCHEMAS / "errors.toml").read_text(encoding="utf-8")
        for addition, said in [
                ('[error.bad]\nnumber = 5\nstatus = 400\ntitle = "x"\ndetail = "x"\n',
                 r"errors.toml: \[error.bad\]: number 5 is taken by error not_found"),
                ('[error.bad]\nnumber = 9999\nstatus = 99\ntitle = "x"\ndetail = "x"\n',
                 r"\[error.bad\]: status 99"),
                ('[error.bad]\nnumber = 9999\nstatus = 400\ntitle = "x"\n', r"detail is missing")]:
            with self.subTest(said):
                self.refused("errors.toml", good + "\n" + addition, said)

    def test_of_currencies(self):
        good = (SCHEMAS / "currencies.toml").read_text(encoding="utf-8")
        for addition, said in [
                ('[currency.usx]\nnumber = 1\ndecimals = 2\nname = "x"\n', r"three upper-case"),
                ('[currency.USX]\nnumber = 840\ndecimals = 2\nname = "x"\n', r"taken by currency"),
                ('[currency.USX]\nnumber = 1\ndecimals = 9\nname = "x"\n', r"decimals 9 is")]:
            with self.subTest(said):
                self.refused("currencies.toml", good + "\n" + addition, said)

    def test_of_kinds(self):
        good = (SCHEMAS / "common.toml").read_text(encoding="utf-8")
        for addition, said in [
                ('[kind.bad]\nnumber = 2\ndoc = "x"\n', r"number 2 is taken by kind account"),
                ('[kind.bad]\nnumber = 30\nprefix = "acc"\ndoc = "x"\n', r"prefix acc is taken"),
                ('[kind.bad]\nnumber = 32\ndoc = "x"\n', r"number 32 is outside")]:
            with self.subTest(said):
                self.refused("common.toml", good + "\n" + addition, said)

    def test_of_a_service_that_is_not_there(self):
        self.refused("sample.toml", SAMPLE, r"absent.toml: is missing", "sample,absent")


class Structs(unittest.TestCase):
    """What is made of a message beyond its wire form."""
    def loaded(self, addition):
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "sample.toml").write_text(SAMPLE + addition, encoding="utf-8")
            return declarations.load([folder, SCHEMAS], ["sample"])

    def copied(self, addition):
        """The lines of each function that copies, by its name."""
        made = copies.header(self.loaded(addition), "sample")
        return {name: [line.strip() for line in body.splitlines() if line.strip()]
                for name, body in re.findall(r"static inline void (\w+)\(.*?\n{\n(.*?)}\n", made,
                                             re.S)}

    def test_copy_what_both_have(self):
        made = self.copied(message('name = "amount", type = "amount" }, '
                                   '{ name = "currency", type = "currency" }, '
                                   '{ name = "other", type = "u8"',
                                   'copies = ["sample_part", "samples_row"]\ndoc = "x"'))
        both = ["to->amount = from->amount;", "to->currency = from->currency;"]
        self.assertEqual(made, {"bad_from_sample_part": both, "bad_from_samples_row": both})

    def test_copy_whether_it_is_there(self):
        made = self.copied(message(
            'name = "name", type = "text", max = 40, optional = true }, '
            '{ name = "sample_id", type = "id:acc", optional = true }, '
            '{ name = "latest", type = "text", max = 10, optional = true }, '
            '{ name = "fee_currency", type = "currency" }, '
            '{ name = "fee", type = "amount", currency = "fee_currency"',
            'copies = ["sample_create"]\ndoc = "x"'))
        self.assertEqual(made["bad_from_sample_create"], [
            "to->has_name = true;", "to->name = from->name;",
            "to->has_sample_id = !id128_is_zero(from->sample_id);",
            "to->sample_id = from->sample_id;",
            "to->has_latest = from->has_latest;", "to->latest = from->latest;",
            "to->fee_currency = from->fee_currency;", "to->fee = from->fee;"])

    def test_copy_lists_with_their_count(self):
        made = self.copied(message('name = "parts", type = "list:sample_part", max = 4',
                                   'copies = ["sample_reply"]\ndoc = "x"'))
        self.assertEqual(made["bad_from_sample_reply"], [
            "to->parts = from->parts;", "to->parts_count = from->parts_count;"])

    def test_leave_metadata_that_one_has_encoded(self):
        view = ('\n[view.bad]\ndoc = "x"\ncopies = ["sample_create"]\nkey = ["sample_id"]\n'
                'columns = [{ name = "sample_id", type = "id:acc" }, '
                '{ name = "metadata", type = "bytes" }]\n')
        self.assertEqual(self.copied(view), {
            "bad_row_from_sample_create": ["to->sample_id = from->sample_id;"]})

    def test_copy_nothing_that_does_not_fit(self):
        for names, body, said in [
                ('"none"', 'name = "a", type = "u8"', r"bad\]: copies none, which is not another"),
                ('"bad"', 'name = "a", type = "u8"', r"bad\]: copies bad, which is not another"),
                ('"samples"', 'name = "a", type = "u8"', r"copies samples, which is not another"),
                ('"sample_part"', 'name = "a", type = "u8"', r"it has no field in common"),
                ('"sample_part"', 'name = "amount", type = "u8"',
                 r"bad\] amount: cannot be copied from that of sample_part"),
                ('"sample_create"', 'name = "part", type = "message:sample_part"',
                 r"bad\] part: cannot be copied")]:
            with self.subTest(said), self.assertRaisesRegex(declarations.DeclarationError, said):
                self.copied(message(body, f'copies = [{names}]\ndoc = "x"'))

    def tables(self, name, addition=""):
        """The rows of a message's tables of ids and lists, and the counts its type names."""
        made = structs.source(self.loaded(addition), "sample")
        rows = [re.findall(r"^    {(.*)},$", found.group(1), re.M) if found else None
                for found in (re.search(rf"struct message_{kind} {name}_{kind}s\[\] = {{\n(.*?)}};",
                                        made, re.S) for kind in ("id", "list"))]
        body = re.search(rf"const struct message_type {name}_type = {{\n(.*?)}};", made, re.S)
        return rows, dict(re.findall(r"\.(ids|lists|id_count|list_count) = (.*),", body[1]))

    def test_name_ids_and_lists(self):
        rows, named = self.tables("sample_reply")
        self.assertEqual(rows, [
            ["offsetof(struct sample_reply, sample_id), KIND_ACCOUNT"],
            ["offsetof(struct sample_reply, parts), offsetof(struct sample_reply, parts_count), "
             "&sample_part_type"]])
        self.assertEqual(named, {
            "ids": "sample_reply_ids", "id_count": "array_len(sample_reply_ids)",
            "lists": "sample_reply_lists", "list_count": "array_len(sample_reply_lists)"})

    def test_name_no_ids_without_a_kind(self):
        rows, named = self.tables("bad", message('name = "a", type = "raw_id"'))
        self.assertEqual(rows, [None, None])
        self.assertEqual(named, {"ids": "NULL", "id_count": "0", "lists": "NULL",
                                 "list_count": "0"})


class Output(unittest.TestCase):
    def test_is_the_same_every_time(self):
        made = []
        for seed in ("1", "2"):
            with tempfile.TemporaryDirectory() as folder:
                os.environ["PYTHONHASHSEED"] = seed
                done = generate("--declarations", HERE / "schemas", SCHEMAS, "--services", "sample",
                                "--out", folder)
                self.assertEqual(done.returncode, 0, done.stderr)
                made.append({p.name: p.read_bytes() for p in Path(folder).iterdir()})
        self.assertEqual(made[0], made[1])

    def test_of_all_declarations_is_well(self):
        done = generate("--check")
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_every_amount_has_its_currency_beside_it(self):
        """Numbers of 128 bits that are none are the client's own. What few accounts have is part of
        the account's state, which has the currency."""
        for path in sorted(SCHEMAS.glob("*.toml")):
            declared = tomllib.loads(path.read_text(encoding="utf-8"))
            for kind in ("event", "message"):
                for name, body in declared.get(kind, {}).items():
                    types = {f["name"]: f["type"] for f in body["fields"]}
                    bare = [n for n, t in types.items()
                            if t == "u128" and not n.startswith("user_data")]
                    self.assertEqual(bare if name != "account_details" else [], [],
                                     f"{path.name}: {kind}.{name}")
                    beside = {f.get("currency", "currency") for f in body["fields"]
                              if f["type"] == "amount"}
                    self.assertEqual({types.get(n) for n in beside} - {"currency"}, set(),
                                     f"{path.name}: {kind}.{name}")
            for name, body in declared.get("view", {}).items():
                types = {c["name"]: c["type"] for c in body["columns"]}
                if any(t == "u128" and not n.startswith("user_data") for n, t in types.items()):
                    self.assertEqual(types.get("currency"), "currency", f"view.{name}")

    def test_covers_every_declared_service(self):
        build = (SCHEMAS / "meson.build").read_text(encoding="utf-8")
        listed = re.findall(r"'(\w+)'", re.search(r"services = \[(.*?)\]", build, re.S).group(1))
        declared = {p.stem for p in SCHEMAS.glob("*.toml")} - {"common", "errors", "currencies"}
        self.assertEqual(set(listed), declared)


if __name__ == "__main__":
    unittest.main()
