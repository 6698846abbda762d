#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What every list has in common: how many there are, and pages that belong together."""
import sys

import scenarios
from payd import Payd, account_of
from scenarios import equal, true


def given_something_in_each_list(bank):
    """The documents' lists, each with some things: path -> (parameters, where to ask)."""
    purse, friend = bank.open_wallet(funds="100.00"), bank.open_wallet()
    for _ in range(3):
        payment = bank.authorise(purse, friend, "10.00")["payment_id"]
        bank.post(f"/payments/{payment}/capture", {"amount": "4.00"}).expect(200)
        bank.post(f"/payments/{payment}/refund", {"amount": "1.00"}).expect(200)
        bank.post(f"/payments/{payment}/refund", {"amount": "1.00"}).expect(200)
        hold = bank.post(f"/wallets/{purse}/holds", {"amount": "1.00"}).expect(201).json
    bank.post(f"/wallets/{purse}/holds/{hold['hold_id']}/capture", {"amount": "0.50"}).expect(200)
    ids = {"wallet_id": purse, "account_id": account_of(purse), "payment_id": payment,
           "hold_id": hold["hold_id"], "from_currency": "USD", "to_currency": "INR"}
    for rate in ("83.25", "83.26", "83.27"):
        bank.request("PUT", "/rates/USDINR", {"rate": rate}).expect(200)
    paths, lists = bank.get("/openapi.json").expect(200).json["paths"], {}
    for path in paths:
        parameters = [p for p in paths[path].get("get", {}).get("parameters", []) if "name" in p]
        if "cursor" in [p["name"] for p in parameters]:
            lists[path] = parameters, path.format(**ids)
    equal(len(lists), 14, "lists")
    return lists


def things_of(page):
    """Under which name a page has its things."""
    [name] = [key for key, value in page.items() if isinstance(value, list)]
    return name


def test_every_list_tells_how_many_there_are():
    with Payd() as payd, payd.bank() as bank, payd.bank(tenant="other") as other:
        other.open_wallet(funds="5.00")
        for path, (parameters, where) in given_something_in_each_list(bank).items():
            true("count" in [p["name"] for p in parameters], f"{path} to count")
            page = bank.get(where, limit=1, count="true").expect(200).json
            there = len(bank.pages(where, things_of(page), limit=1))
            equal((page["total"], page["total_exact"]), (there, True), path)
            true(there > 0 and "total" not in bank.get(where).expect(200).json, path)
        equal(bank.get("/payments", count="true", status="failed").json["total"], 0)


def some_filter(parameters):
    """A filter of a list, with a value that its schema allows."""
    values = {"currency": "JPY", "code": 7, "user_data_64": "7", "customer_id": "c7",
              "from": "2026-01-01T00:00:00Z", "created_from": "2026-01-01T00:00:00Z"}
    return [(p["name"], values[p["name"]]) for p in parameters
            if p["name"] in values]


def test_a_list_takes_its_own_cursors_alone():
    with Payd() as payd, payd.bank() as bank, payd.bank(tenant="other") as other:
        lists = given_something_in_each_list(bank)
        cursors = {path: bank.get(where, limit=1).expect(200).json["next_cursor"]
                   for path, (_, where) in lists.items()}
        for path, (parameters, where) in lists.items():
            cursor = cursors[path]
            page = bank.get(where, limit=2, count="true", cursor=cursor).expect(200).json
            equal(page["total"] > 1, True, path)
            for name, value in some_filter(parameters):
                bank.get(where, cursor=cursor, **{name: value}).expect(
                    400, "cursor_of_other_list", field="cursor")
            for theirs in set(cursors) - {path}:
                bank.get(where, cursor=cursors[theirs]).expect(400, "cursor_of_other_list")
            foreign = other.get(where, cursor=cursor)
            true(foreign.status in (400, 404), f"{path} in another tenant: {foreign.status}")
            for i in range(0, len(cursor), 5):
                changed = cursor[:i] + ("B" if cursor[i] != "B" else "C") + cursor[i + 1:]
                bank.get(where, cursor=changed).expect(400)
        payd.stop()
        payd.start()
        with payd.bank() as again:
            for path, (_, where) in lists.items():
                again.get(where, limit=1, cursor=cursors[path]).expect(200)


def test_no_row_is_lost_or_shown_twice_while_rows_are_added():
    with Payd() as payd, payd.bank() as bank:
        purse, friend = bank.open_wallet(funds="100.00"), bank.open_wallet()
        account = account_of(purse)
        bank.post(f"/wallets/{purse}/holds", {"amount": "1.00"}).expect(201)
        bank.pay(purse, friend, "1.00")
        lists = ("/wallets", "wallet_id"), ("/payments", "payment_id"), \
            ("/transfers", "transfer_id"), (f"/wallets/{purse}/holds", "hold_id"), \
            (f"/wallets/{purse}/transactions", "transfer_id"), \
            (f"/accounts/{account}/entries", "version"), ("/accounts", "account_id")
        for _ in range(3):
            bank.post(f"/wallets/{purse}/holds", {"amount": "1.00"}).expect(201)
            bank.pay(purse, friend, "1.00")
            bank.open_wallet()
        for where, key in lists:
            page = bank.get(where).expect(200).json
            name, seen, cursor = things_of(page), [], {}
            there = [thing[key] for thing in page[name]]
            while True:
                page = bank.get(where, limit=2, **cursor).expect(200).json
                seen += [thing[key] for thing in page[name]]
                if "next_cursor" not in page or len(seen) > 3 * len(there):
                    break
                cursor = {"cursor": page["next_cursor"]}
                bank.post(f"/wallets/{purse}/holds", {"amount": "0.01"}).expect(201)
                bank.pay(purse, friend, "0.01")
            equal(len(seen), len(set(seen)), f"{where}: things shown once")
            equal(set(there) - set(seen), set(), f"{where}: things lost")


if __name__ == "__main__":
    sys.exit(scenarios.run(globals()))
