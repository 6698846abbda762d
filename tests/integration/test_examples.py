#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every example of /openapi.json is true: what it shows as a request is taken by the server, first
as it stands, then with ids of things that are there; what it shows as an answer is one by its own
schema."""
import json
import re
import sys

import scenarios
from openapi import CheckedBank, Document
from payd import Payd, account_of
from scenarios import equal, true

EXAMPLE_ID = re.compile(r"\b(?:acc|wal)_[0-9A-Z]{26}\b")


class World:
    """Things that are there, each as the operation that is tried needs it."""

    def __init__(self, bank):
        self.bank = bank
        self.purse, self.friend = bank.open_wallet(funds="1000.00"), bank.open_wallet()
        self.accounts = [bank.open_account() for _ in range(3)]

    def held(self):
        made = self.bank.post(f"/wallets/{self.purse}/holds",
                              {"amount": "25.00", "expires_in_s": 60})
        return made.expect(201).json["hold_id"]

    def authorised(self):
        return self.bank.authorise(self.purse, self.friend, "20.00", expires_in_s=60)["payment_id"]

    def paid(self):
        return self.bank.pay(self.purse, self.friend, "20.00")["payment_id"]

    def moved(self, **more):
        return self.bank.move(*self.accounts[:2], "20.00", **more)["transfer_id"]

    def transaction(self):
        leg = {"debit_account_id": self.accounts[0], "credit_account_id": self.accounts[1],
               "amount": "1.00", "currency": "USD"}
        made = self.bank.post("/transactions", {"legs": [leg, leg]})
        return made.expect(201).json["transaction_id"]

    def wallet_for(self, operation):
        """One that can be closed, or unfrozen, or is just there."""
        if operation.endswith("/close"):
            return self.bank.open_wallet()
        if operation.endswith("/unfreeze"):
            frozen = self.bank.open_wallet()
            self.bank.post(f"/wallets/{frozen}/freeze").expect(200)
            return frozen
        return self.purse

    def ids(self, operation):
        """What stands for the parameters of the operation's path."""
        names = re.findall(r"\{(\w+)\}", operation)
        made = {
            "account_id": lambda: account_of(self.purse) if operation.startswith("GET")
            else self.bank.open_account(),
            "wallet_id": lambda: self.wallet_for(operation),
            "hold_id": self.held,
            "payment_id": lambda: self.paid() if operation.endswith("/refund")
            else self.authorised(),
            "transfer_id": lambda: self.movement(operation),
            "transaction_id": self.transaction,
            "pair": lambda: self.rated(operation),
            "from_currency": lambda: self.rated(operation)[:3],
            "to_currency": lambda: self.rated(operation)[3:],
        }
        return {name: made[name]() for name in names}

    def rated(self, operation):
        """A pair with a rate set by hand, unless one is to be observed or set."""
        if not operation.endswith("/observations"):
            self.bank.request("PUT", "/rates/USDINR", {"rate": "83.25"}).expect(200)
        return "USDINR"

    def movement(self, operation):
        if "/wallets/" in operation:
            return self.bank.fund(self.purse, "1.00")["transfer_id"]
        pending = operation.endswith(("/post", "/void"))
        return self.moved(flags=["pending"]) if pending else self.moved()

    def put_into(self, body):
        """The body with ids of things that are there, the same for the same."""
        text, there = json.dumps(body), {}
        free = {"acc": list(self.accounts), "wal": [self.friend]}
        if "from_account" in body:
            free["wal"].insert(0, self.purse)

        def put(found):
            if found[0] not in there:
                there[found[0]] = free[found[0][:3]].pop(0)
            return there[found[0]]

        return json.loads(EXAMPLE_ID.sub(put, text))


def example_of(operation):
    """The body that is shown; None if the operation takes none."""
    content = operation.get("requestBody", {}).get("content", {})
    return content["application/json"]["example"] if content else None


def ask(document, bank, method, path, operation, body):
    """With what is shown for the parameters of the query."""
    query = [f"{p['name']}={p['example']}" for p in map(document.resolve, operation["parameters"])
             if p["in"] == "query" and "example" in p]
    key = True if any(p.get("$ref", "").endswith("/IdempotencyKey")
                      for p in operation["parameters"]) else None
    return bank.request(method, "?".join([path] + ["&".join(query)] * bool(query)), body, key)


def documented(payd):
    document = Document(payd)
    bank = CheckedBank(payd, payd.token(), document)
    return document, bank, [(key, operation) for key, operation in document.operations.items()
                            if "security" not in operation or operation["security"]]


def test_each_request_is_taken_as_it_stands():
    with Payd() as payd:
        document, bank, operations = documented(payd)
        for (method, template), operation in operations:
            shown = {p["name"]: p["example"]
                     for p in map(document.resolve, operation["parameters"]) if p["in"] == "path"}
            answer = ask(document, bank, method, template.format(**shown), operation,
                         example_of(operation))
            true(answer.status not in (400, 415), f"{method} {template} as shown: {answer}")


def test_each_request_succeeds_on_what_is_there():
    with Payd() as payd:
        document, bank, operations = documented(payd)
        for (method, template), operation in operations:
            world, body = World(bank), example_of(operation)
            where = template.format(**world.ids(f"{method} {template}"))
            body = body if body is None else world.put_into(body)
            good = min(int(status) for status in operation["responses"])
            answer = ask(document, bank, method, where, operation, body)
            equal(answer.status, good, f"{method} {template}: {answer}")
            items = answer.json.get("results", []) if answer.body else []
            equal([item for item in items if item["result"] != "ok"], [], f"{method} {template}")
        bank.check_books()


def test_each_answer_is_one_by_its_own_schema():
    with Payd() as payd:
        document, shown = Document(payd), 0
        for (method, template), operation in document.operations.items():
            for status, response in operation["responses"].items():
                for content in document.resolve(response).get("content", {}).values():
                    examples = [content["example"]] if "example" in content else [
                        document.resolve(e)["value"] for e in content.get("examples", {}).values()]
                    if content["schema"].get("type") == "string":
                        continue  # pages and metrics
                    true(examples, f"{method} {template} {status} to have an example")
                    for example in examples:
                        document.validate(content["schema"], example,
                                          f"{method} {template} {status}")
                        shown += 1
        true(shown > 400, f"examples of answers: {shown}")


if __name__ == "__main__":
    sys.exit(scenarios.run(globals()))
