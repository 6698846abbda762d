#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Many at once: nothing is spent twice, done twice, or lost between two.

THREADS connections ask at the same time; a barrier lets each round begin together.
"""
import collections
import json
import os
import subprocess
import sys
import threading

import scenarios
from payd import (Bank, NOT_FINAL, PAYCTL, Payd, account_of, amount, cents, clean_environment,
                  new_id, new_key, parallel)
from scenarios import equal, true

SMALL = os.environ.get("CONCURRENCY", "full") == "small"  # for the thread sanitizer
THREADS = 16 if SMALL else 50
SPENDS = 160 if SMALL else 1000
AFFORDED = 40 if SMALL else 100
RACES = 4 if SMALL else 20


class World:
    def __init__(self, payd):
        self.payd, self.token = payd, payd.token()
        self.bank = Bank(payd, self.token)

    def at_once(self, count, request):
        """request(bank, i) for each i, THREADS at a time; the final answers."""
        gate, answers = threading.Barrier(THREADS), [None] * count

        def work(thread):
            with Bank(self.payd, self.token) as bank:
                bank.connect()
                gate.wait()
                for i in range(thread, count, THREADS):
                    answers[i] = final(bank, lambda: request(bank, i))
        parallel(THREADS, work)
        return answers

    def balances(self, *wallets):
        return [self.bank.balance(w)["balance"] for w in wallets]


def final(bank, ask):
    """The first answer that is not "again, please"."""
    while True:
        answer = ask()
        if answer.status not in NOT_FINAL:
            return answer


def outcomes(answers):
    return collections.Counter(a.code or a.status for a in answers)


# --- money is spent once --------------------------------------------------------------------------


def test_a_thousand_spends_of_what_affords_a_hundred(world):
    source, target = world.bank.open_wallet(funds=amount(AFFORDED * 100)), world.bank.open_wallet()
    keys = [new_key() for _ in range(SPENDS)]
    body = {"to_wallet_id": target, "amount": "1.00"}

    def spend(bank, i):
        return bank.post(f"/wallets/{source}/transfer", body, key=keys[i])
    answers = world.at_once(SPENDS, spend)
    equal(outcomes(answers), {201: AFFORDED, "exceeds_credits": SPENDS - AFFORDED})
    equal(world.balances(source, target), ["0.00", amount(AFFORDED * 100)])
    versions = [int(e["version"]) for e in world.bank.entries(account_of(source))]
    equal((len(versions), versions), (AFFORDED + 2, sorted(set(versions))))
    again = world.at_once(SPENDS, spend)
    equal([(a.status, a.body) for a in again if a.status == 201],
          [(a.status, a.body) for a in answers if a.status == 201], "the answers asked again")
    equal(world.balances(source, target), ["0.00", amount(AFFORDED * 100)])


def test_spends_of_all_kinds_share_one_balance(world):
    source, target = world.bank.open_wallet(funds="100.00"), world.bank.open_wallet()
    kinds = ((f"/wallets/{source}/transfer", {"to_wallet_id": target, "amount": "1.00"}),
             (f"/wallets/{source}/withdraw", {"amount": "1.00"}),
             (f"/wallets/{source}/holds", {"amount": "1.00"}),
             ("/payments", {"from_account": source, "to_account": target, "amount": "1.00",
                            "currency": "USD"}),
             ("/payments", {"from_account": source, "to_account": target, "amount": "1.00",
                            "currency": "USD", "capture": "manual"}),
             ("/transfers", {"debit_account_id": account_of(source), "currency": "USD",
                             "credit_account_id": account_of(target), "amount": "1.00",
                             "reason": "a test"}))
    answers = world.at_once(300, lambda bank, i: bank.post(*kinds[i % len(kinds)]))
    equal(outcomes(answers), {201: 100, "exceeds_credits": 200})
    equal(world.bank.balance(source)["available_balance"], "0.00")


def test_limits_of_a_day_hold(world):
    source, target = world.bank.open_wallet(funds="1000.00"), world.bank.open_wallet()
    world.bank.request("PUT", f"/wallets/{source}/limits", {"per_day": "25.00"}).expect(200)
    body = {"to_wallet_id": target, "amount": "1.00"}
    answers = world.at_once(120, lambda bank, i: bank.post(f"/wallets/{source}/transfer", body))
    equal(outcomes(answers), {201: 25, "daily_limit_exceeded": 95})


def test_one_wallet_per_owner_and_currency(world):
    answers = world.at_once(THREADS, lambda bank, i: bank.post(
        "/wallets", {"currency": "USD", "user_id": "everybody"}, key=None))
    equal(outcomes(answers), {201: 1, "wallet_exists": THREADS - 1})


# --- a key is one effect --------------------------------------------------------------------------


def test_the_same_key_everywhere_at_once(world):
    source, target = world.bank.open_wallet(funds="100.00"), world.bank.open_wallet()
    for round_ in range(RACES):
        key, body = new_key(), {"to_wallet_id": target, "amount": "1.00"}
        answers = world.at_once(50, lambda bank, i: bank.post(f"/wallets/{source}/transfer", body,
                                                              key=key))
        equal(len({(a.status, a.body) for a in answers}), 1, "how many different answers")
        equal(sum(not a.replayed for a in answers), 1, "how often it was done")
        equal(world.balances(target), [amount((round_ + 1) * 100)])


def test_the_same_key_with_different_bodies(world):
    source, target = world.bank.open_wallet(funds="1000.00"), world.bank.open_wallet()
    key = new_key()
    answers = world.at_once(THREADS, lambda bank, i: bank.post(
        f"/wallets/{source}/transfer", {"to_wallet_id": target, "amount": amount(i + 1)}, key=key))
    equal(outcomes(answers), {201: 1, "key_reused": THREADS - 1})
    [done] = [i for i, a in enumerate(answers) if a.status == 201]
    equal(world.balances(target), [amount(done + 1)])


def test_the_same_id_everywhere_at_once(world):
    source, target = world.bank.open_account(), world.bank.open_account()
    body = {"debit_account_id": source, "credit_account_id": target, "amount": "1.00",
            "currency": "USD", "transfer_id": new_id("trf")}
    answers = world.at_once(THREADS, lambda bank, i: bank.post("/transfers", body))
    equal(len({(a.status, a.body) for a in answers}), 1, "how many different answers")
    answers[0].expect(201)
    equal(world.bank.account(target)["balance"], "1.00")


# --- steps of one payment -------------------------------------------------------------------------


def test_captures_cancels_and_refunds_race(world):
    for _ in range(RACES):
        source, target = world.bank.open_wallet(funds="10.00"), world.bank.open_wallet()
        payment = world.bank.authorise(source, target, "10.00")["payment_id"]
        steps = [("capture", {"amount": "1.00"})] * 14 + [("refund", {"amount": "1.00"})] * 4 + \
            [("capture", {"amount": "3.00", "final": True}), ("cancel", {})]
        answers = world.at_once(20, lambda bank, i: bank.post(
            f"/payments/{payment}/{steps[i][0]}", steps[i][1]))
        true(all(a.status in (200, 409, 422) for a in answers), "only successes and refusals")
        shown = world.bank.get(f"/payments/{payment}").expect(200).json
        moved = {"capture": 0, "refund": 0, "cancel": 0}
        for (action, body), answer in zip(steps, answers):
            if answer.status == 200:
                moved[action] += cents(body.get("amount", "0.00"))
        equal((cents(shown["captured_amount"]), cents(shown["refunded_amount"])),
              (moved["capture"], moved["refund"]), "captured and refunded")
        true(moved["refund"] <= moved["capture"] <= 1000, f"no more than there was: {moved}")
        balance = world.bank.balance(source)
        equal(cents(balance["balance"]), 1000 - moved["capture"] + moved["refund"])
        equal(world.balances(target), [amount(moved["capture"] - moved["refund"])])


def test_refunds_race_for_what_was_captured(world):
    source, target = world.bank.open_wallet(funds="10.00"), world.bank.open_wallet(funds="50.00")
    payment = world.bank.pay(source, target, "10.00")["payment_id"]
    answers = world.at_once(50, lambda bank, i: bank.post(f"/payments/{payment}/refund",
                                                          {"amount": "1.00"}))
    equal(outcomes(answers)[200], 10, "refunds")
    equal(world.balances(source, target), ["10.00", "50.00"])


def test_a_hold_is_captured_or_released(world):
    for _ in range(RACES):
        source = world.bank.open_wallet(funds="5.00")
        hold = world.bank.post(f"/wallets/{source}/holds", {"amount": "5.00"}).expect(201)
        path = f"/wallets/{source}/holds/{hold.json['hold_id']}"
        answers = world.at_once(10, lambda bank, i: bank.post(
            f"{path}/{'capture' if i % 2 else 'release'}", {} if i % 2 else None))
        equal(outcomes(answers), {200: 1, "hold_not_open": 9})
        [done] = [i for i, a in enumerate(answers) if a.status == 200]
        equal(world.balances(source), ["0.00" if done % 2 else "5.00"])


def test_one_version_lets_one_through(world):
    source, target = world.bank.open_wallet(funds="100.00"), world.bank.open_wallet()
    seen = world.bank.get(f"/wallets/{source}/balance").etag
    body = {"to_wallet_id": target, "amount": "1.00"}
    answers = world.at_once(THREADS, lambda bank, i: bank.post(
        f"/wallets/{source}/transfer", body, **{"If-Match": seen}))
    equal(outcomes(answers), {201: 1, "precondition": THREADS - 1})


# --- to and fro -----------------------------------------------------------------------------------


def test_opposite_transfers_conserve(world):
    wallets = [world.bank.open_wallet(funds="20.00") for _ in range(4)]

    def move(bank, i):
        source, target = wallets[i % 4], wallets[(i + 1 + i // 4 % 3) % 4]
        return bank.post(f"/wallets/{source}/transfer", {"to_wallet_id": target,
                                                         "amount": amount(1 + i * 7 % 900)})
    answers = world.at_once(SPENDS // 2, move)
    true(set(outcomes(answers)) <= {201, "exceeds_credits"}, f"no other end: {outcomes(answers)}")
    equal(sum(cents(b) for b in world.balances(*wallets)), 8000, "the money of all")
    for wallet in wallets:
        before = 0
        for entry in world.bank.entries(account_of(wallet))[1:]:
            moved = cents(entry["amount"]) * (1 if entry["direction"] == "credit" else -1)
            equal(cents(entry["balance"]), before + moved, f"the balance after {entry}")
            before += moved
            true(before >= 0, f"no balance below zero: {entry}")


def test_the_journal_says_the_same(world):
    world.bank.check_books()
    if not os.path.exists(PAYCTL):
        scenarios.skip(f"no payctl at {PAYCTL}")
    done = subprocess.run([PAYCTL, "ledger", "verify", "--json", "--socket",
                           str(world.payd.data / "payd.sock")], capture_output=True, text=True,
                          env=clean_environment(), timeout=120, check=False)
    equal(done.returncode, 0, f"payctl's exit code after {done.stderr}")
    found = json.loads(done.stdout)
    equal(found["state"], "passed")
    for total in found["totals"]:
        equal(total["debits_posted"], total["credits_posted"], "credits")


def main():
    with Payd(log_level="warn") as payd:
        world = World(payd)
        code = scenarios.run(globals(), lambda name: (world,), payd)
        return code or payd.stop(60)


if __name__ == "__main__":
    sys.exit(main())
