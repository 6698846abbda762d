#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One decision has one time, wherever it is told."""
import calendar
import sys
import time

import scenarios
from payd import Payd, account_of
from scenarios import equal


def nanoseconds(text):
    """Of a time as answers have it, since 1970."""
    whole, _, fraction = text.rstrip("Z").partition(".")
    seconds = calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S"))
    return seconds * 10**9 + int(fraction.ljust(9, "0"))


def test_one_decision_has_one_time():
    with Payd() as payd, payd.bank() as bank:
        purse, friend = bank.open_wallet(funds="100.00"), bank.open_wallet()
        wallet = bank.get(f"/wallets/{purse}").json
        equal(bank.account(account_of(purse))["opened_time"], wallet["created_at"], "a wallet")

        def transfer(of):
            made = bank.get(f"/transfers/{of}").expect(200).json
            equal(made["effective_time"], made["recorded_time"], "when it counts")
            return made["recorded_time"]

        paid = bank.pay(purse, friend, "1.00")
        equal(paid["timestamp"], transfer(paid["transfer_id"]), "a payment and its transfer")
        held = bank.authorise(purse, friend, "2.00", expires_in_s=60)
        pending = bank.get(f"/transfers/{held['transfer_id']}").json
        equal(held["timestamp"], pending["recorded_time"], "an authorisation")
        until = nanoseconds(held["details"]["expires_at"])
        equal(until - nanoseconds(held["timestamp"]), 60 * 10**9, "its life")
        took = bank.post(f"/payments/{held['payment_id']}/capture").expect(200).json
        equal(took["updated_at"], transfer(took["last_transfer_id"]), "a capture")
        back = bank.post(f"/payments/{paid['payment_id']}/refund").expect(200).json
        [refund] = bank.get(f"/payments/{paid['payment_id']}/refunds").json["refunds"]
        equal({refund["created_at"], back["updated_at"]}, {transfer(refund["transfer_id"])},
              "a refund")
        for event in bank.get(f"/payments/{held['payment_id']}/events").json["events"]:
            equal(event["timestamp"], transfer(event["transfer_id"])
                  if event["type"] == "captured" else held["timestamp"], "an event")
        hold = bank.post(f"/wallets/{purse}/holds", {"amount": "1.00", "expires_in_s": 60}).json
        of_hold = bank.get(f"/transfers/trf_{hold['hold_id'][4:]}").expect(200).json
        equal(hold["created_at"], of_hold["recorded_time"], "a hold")
        equal(nanoseconds(hold["expires_at"]) - nanoseconds(hold["created_at"]), 60 * 10**9,
              "its life")
        moved = bank.get(f"/wallets/{purse}/events", limit=1).json["events"][0]
        equal(moved["timestamp"], hold["created_at"], "what the wallet tells of it")
        accounts = [bank.open_account() for _ in range(3)]
        legs = [{"debit_account_id": accounts[0], "credit_account_id": to, "amount": "1.00",
                 "currency": "USD"} for to in accounts[1:]]
        made = bank.post("/transactions", {"legs": legs}).expect(201).json
        equal({made["recorded_time"]} | {transfer(t["transfer_id"]) for t in made["transfers"]},
              {made["recorded_time"]}, "a transaction and its transfers")
        for part in made["transfers"]:
            equal(part["recorded_time"], part["effective_time"], "as answered")


def test_a_movement_is_found_among_others_of_its_time():
    with Payd() as payd, payd.bank() as bank:
        purse, outside = bank.open_wallet(funds="10.00"), bank.open_account()
        legs = [{"debit_account_id": outside, "credit_account_id": account_of(purse),
                 "amount": f"{i}.00", "currency": "USD"} for i in range(1, 5)]
        made = bank.post("/transactions", {"legs": legs, "reason": "correction"}).expect(201).json
        for i, part in enumerate(made["transfers"], 1):
            found = bank.get(f"/wallets/{purse}/transactions/{part['transfer_id']}").expect(200)
            equal(found.json["amount"], f"{i}.00", "the movement of a leg")


if __name__ == "__main__":
    sys.exit(scenarios.run(globals()))
