#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Two layers, one money: what services do with wallets, holds and payments, and what the ledger is
asked to do with the accounts and transfers beneath them.

Every operation of a service meets every one of the ledger, before it, after it and beside it. What
a service manages the ledger leaves alone; an adjustment moves what it says and nothing else. After
each step the layers agree, and in the end everything is wound up: nobody has gained, lost or got
stuck.
"""
import sys

import scenarios
from payd import Payd, account_of, amount, cents, new_id, parallel
from scenarios import equal, true

ADJUSTED = 200  # cents


def transfer_of(thing):
    """A hold's or payment's first transfer has its 128 bits."""
    return "trf_" + thing[4:]


class World:
    """Two wallets, an account of the books, and between them one thing of each kind."""

    def __init__(self, bank):
        self.bank = bank
        self.ann, self.bob = bank.open_wallet(), bank.open_wallet(funds="20.00")
        self.house = bank.open_account()
        self.funded = bank.fund(self.ann, "100.00")["transfer_id"]
        self.sent = bank.transfer(self.ann, self.bob, "1.00")["transfer_id"]
        self.hold = self.keep_aside("10.00")
        self.authorised = bank.authorise(self.ann, self.bob, "15.00")["payment_id"]
        self.paid = bank.pay(self.ann, self.bob, "5.00")["payment_id"]
        self.payments, self.holds = [self.authorised, self.paid], [self.hold]

    def keep_aside(self, what):
        return self.bank.post(f"/wallets/{self.ann}/holds", {"amount": what}).expect(
            201).json["hold_id"]

    # --- what each layer shows ------------------------------------------------------------------

    def money(self, wallet):
        """Of a wallet in cents, as it and its account agree on it."""
        shown = self.bank.get(f"/wallets/{wallet}").json
        below = self.bank.account(account_of(wallet))
        posted = cents(below["credits_posted"]) - cents(below["debits_posted"])
        equal((posted, cents(below["debits_pending"]), cents(below["credits_pending"])),
              tuple(cents(shown[f"{name}balance"]) for name in ("", "pending_", "incoming_")),
              "what account and wallet show")
        true(posted >= cents(below["debits_pending"]) >= 0, "nothing to be kept aside twice")
        equal("closed" in below["flags"], shown["status"] == "closed", "closed in both layers")
        true(not {"debits_frozen", "credits_frozen"} & set(below["flags"]), "no account frozen")
        return {"status": shown["status"], "posted": posted,
                "kept": cents(below["debits_pending"]), "coming": cents(below["credits_pending"])}

    def kept(self, transfer):
        """What a pending transfer holds, in cents."""
        shown = self.bank.get(f"/transfers/{transfer}").expect(200).json
        return cents(shown["remaining_amount"]) if shown["status"] == "pending" else 0

    def look(self):
        """All of it; the layers agree."""
        holds = [self.bank.get(f"/wallets/{self.ann}/holds/{hold}").json for hold in self.holds]
        payments = [self.bank.get(f"/payments/{payment}").json for payment in self.payments]
        ann, bob = self.money(self.ann), self.money(self.bob)
        kept = 0
        for one in holds:
            kept += cents(one["remaining_amount"])
            equal(self.kept(transfer_of(one["hold_id"])), cents(one["remaining_amount"]), "a hold")
        for one in payments:
            is_open = one["status"] in ("authorized", "partially_captured")
            left = cents(one["amount"]) - cents(one["captured_amount"]) if is_open else 0
            kept += left
            pending = [e["transfer_id"] for e in self.bank.pages(
                f"/payments/{one['payment_id']}/events", "events")
                       if e["type"] in ("created", "increased")][-1]
            equal(self.kept(pending), left, "what is authorised")
        equal(ann["kept"], kept, "what holds and payments keep aside")
        books = self.bank.account(self.house)
        return {"ann": ann, "bob": bob,
                "house": cents(books["credits_posted"]) - cents(books["debits_posted"]),
                "holds": [(h["status"], h["captured_amount"], h["remaining_amount"])
                          for h in holds],
                "payments": [(p["status"], p["amount"], p["captured_amount"],
                              p["refunded_amount"]) for p in payments]}

    def wind_up(self):
        """Everything that is open ends, all money leaves, and the wallets close."""
        bank = self.bank
        bank.post(f"/wallets/{self.ann}/unfreeze", {}, key=None)
        bank.request("PUT", f"/wallets/{self.ann}/limits", {}).expect(200)
        for hold in self.holds:
            if bank.get(f"/wallets/{self.ann}/holds/{hold}").json["remaining_amount"] != "0.00":
                bank.post(f"/wallets/{self.ann}/holds/{hold}/release").expect(200)
        for payment in self.payments:
            if bank.get(f"/payments/{payment}").json["status"] in ("authorized",
                                                                   "partially_captured"):
                bank.post(f"/payments/{payment}/cancel", {}).expect(200)
        for wallet in (self.ann, self.bob):
            left = bank.balance(wallet)["available_balance"]
            if left != "0.00":
                bank.post(f"/wallets/{wallet}/withdraw", {"amount": left}).expect(201)
            bank.post(f"/wallets/{wallet}/close", {}, key=None).expect(200)
        self.look()


# --- what services do ---------------------------------------------------------------------------


def at_wallet(action, key=True, **body):
    def act(world):
        body_of_it = {name: world.bob if value is World else value for name, value in body.items()}
        made = world.bank.post(f"/wallets/{world.ann}/{action}", body_of_it, key=key)
        if made.status == 201 and action == "holds":
            world.holds.append(made.json["hold_id"])
        return made
    return act


def at_hold(action, key=True, **body):
    def act(world):
        body_of_it = {name: world.bob if value is World else value for name, value in body.items()}
        return world.bank.post(f"/wallets/{world.ann}/holds/{world.hold}/{action}", body_of_it,
                               key=key)
    return act


def at_payment(which, action, **body):
    def act(world):
        return world.bank.post(f"/payments/{getattr(world, which)}/{action}", body)
    return act


def new_payment(**more):
    def act(world):
        made = world.bank.post("/payments", {
            "from_account": world.ann, "to_account": world.bob, "amount": "3.00",
            "currency": "USD", **more})
        if made.status == 201:
            world.payments.append(made.json["payment_id"])
        return made
    return act


def limited(world):
    return world.bank.request("PUT", f"/wallets/{world.ann}/limits", {"per_transaction": "1.00"})


SERVICE = {
    "fund": at_wallet("fund", amount="3.00"),
    "withdraw": at_wallet("withdraw", amount="3.00"),
    "transfer": at_wallet("transfer", amount="3.00", to_wallet_id=World),
    "keep aside": at_wallet("holds", amount="3.00"),
    "freeze": at_wallet("freeze", key=None, scope="all"),
    "limit": limited,
    "close": at_wallet("close", key=None),
    "capture a part of the hold": at_hold("capture", amount="4.00"),
    "capture the hold for another": at_hold("capture", to_wallet_id=World),
    "release the hold": at_hold("release"),
    "extend the hold": at_hold("extend", key=None, expires_in_s=900000),
    "pay": new_payment(),
    "authorise": new_payment(capture="manual"),
    "capture a part": at_payment("authorised", "capture", amount="4.00"),
    "capture the last part": at_payment("authorised", "capture", amount="4.00", final=True),
    "increase": at_payment("authorised", "increase", amount="2.00"),
    "extend": at_payment("authorised", "extend", expires_in_s=900000),
    "cancel": at_payment("authorised", "cancel"),
    "refund a part": at_payment("paid", "refund", amount="2.00"),
    "refund": at_payment("paid", "refund"),
}


# --- what the ledger is asked for ----------------------------------------------------------------


def beneath(world):
    """What must be refused as managed: method, path and body."""
    ann = {"debit_account_id": account_of(world.ann), "currency": "USD", "reason": "A trial"}
    out = {**ann, "credit_account_id": world.house, "amount": "2.00"}
    back = {**out, "debit_account_id": world.house, "credit_account_id": account_of(world.ann)}
    for thing in (world.hold, world.authorised):
        pending = transfer_of(thing)
        yield "POST", f"/transfers/{pending}/post", {}
        yield "POST", f"/transfers/{pending}/post", {"amount": "1.00", "keep_remainder": True}
        yield "POST", f"/transfers/{pending}/void", {}
        for verb in ("post_pending", "void_pending"):
            item = {**ann, "pending_id": pending, "flags": [verb]}
            yield "POST", "/transfers", item
            yield "POST", "/transfers/batch", {"transfers": [item]}
            yield "POST", "/transfers/batch", {"transfers": [
                {**item, "flags": [verb, "linked"]}, back]}
    for done in (world.funded, world.sent, transfer_of(world.paid)):
        yield "POST", f"/transfers/{done}/reverse", {"reason": "A trial"}
    for one in (out, back):
        yield "POST", "/transfers", {**one, "flags": ["pending"]}
        yield "POST", "/transfers/batch", {"transfers": [{**one, "flags": ["pending"]}]}
        leg = {name: value for name, value in one.items() if name != "reason"}
        yield "POST", "/transactions", {"legs": [{**leg, "flags": ["pending"]}],
                                        "reason": "A trial"}
    for side, one in (("closing_debit", out), ("closing_credit", back)):
        yield "POST", "/transfers", {**one, "amount": "0.00", "flags": ["pending", side]}
    path = f"/accounts/{account_of(world.ann)}"
    yield "POST", f"{path}/freeze", {"mode": "debits"}
    yield "POST", f"{path}/unfreeze", {}
    yield "POST", f"{path}/close", {}
    yield "PATCH", path, {"credit_balance_max": "1.00"}


def refused_as(answer):
    if answer.status == 200 and "results" in answer.json:
        return answer.json["results"][0]["result"]
    return answer.code


def ask_beneath(world, bank):
    for method, path, body in beneath(world):
        asked = bank.request(method, path, body, key=True)
        equal(refused_as(asked), "managed", f"the refusal of {asked}")


def adjustment(world, out=True, **more):
    sides = [account_of(world.ann), world.house]
    debit, credit = sides if out else sides[::-1]
    return {"debit_account_id": debit, "credit_account_id": credit, "amount": amount(ADJUSTED),
            "currency": "USD", **more}


def adjust_and_back(world, bank):
    made = bank.post("/transfers", adjustment(world, reason="A slip")).expect(201).json
    return bank.post(f"/transfers/{made['transfer_id']}/reverse", {"reason": "Back"})


def transaction_and_back(world, bank):
    made = bank.post("/transactions", {"legs": [adjustment(world)], "reason": "A slip"}).expect(
        201).json
    return bank.post(f"/transactions/{made['transaction_id']}/reverse", {"reason": "Back"})


def imported(world, bank):
    since = bank.get(f"/transfers/{world.funded}").json["recorded_time"]
    return bank.post("/transfers", adjustment(world, reason="From before", flags=["imported"],
                                              effective_time=since))


# What it takes from the wallet, in cents, and how it is asked for.
ADJUST = {
    "take": (ADJUSTED, lambda w, b: b.post("/transfers", adjustment(w, reason="Twice"))),
    "give": (-ADJUSTED, lambda w, b: b.post("/transfers", adjustment(w, False, reason="Lost"))),
    "take in a batch": (ADJUSTED, lambda w, b: b.post("/transfers/batch", {
        "transfers": [adjustment(w, reason="Twice", transfer_id=new_id("trf"))]})),
    "take in a transaction": (ADJUSTED, lambda w, b: b.post("/transactions", {
        "legs": [adjustment(w)], "reason": "Twice"})),
    "take and back": (0, adjust_and_back),
    "transact and back": (0, transaction_and_back),
}


# --- each with each -------------------------------------------------------------------------------


def baseline(bank, act):
    """The answer of an operation alone, and what is seen after it."""
    world = World(bank)
    answer = act(world)
    return answer.status, world.look()


def adjusted_by(seen, taken):
    """What is seen, with as much less in the wallet and more in the books."""
    return {**seen, "ann": {**seen["ann"], "posted": seen["ann"]["posted"] - taken},
            "house": seen["house"] + taken}


def test_the_ledger_leaves_alone_what_services_manage(bank):
    for name, act in SERVICE.items():
        status, expected = baseline(bank, act)
        after, before = World(bank), World(bank)
        equal(act(after).status, status, name)
        ask_beneath(after, bank)
        ask_beneath(before, bank)
        equal(act(before).status, status, f"{name} after the ledger's refusals")
        for world in (after, before):
            equal(world.look(), expected, f"what is seen after: {name}")
            world.wind_up()


def test_an_adjustment_moves_what_it_says_and_nothing_else(bank):
    for name, act in SERVICE.items():
        status, expected = baseline(bank, act)
        after, before = World(bank), World(bank)
        equal(act(after).status, status, name)
        for world in (after, before):
            for how, (_, adjust) in ADJUST.items():
                true(adjust(world, bank).status in (200, 201), f"to {how} beside: {name}")
        equal(act(before).status, status, f"{name} after adjustments")
        taken = sum(cents_taken for cents_taken, _ in ADJUST.values())
        for world in (after, before):
            equal(world.look(), adjusted_by(expected, taken), f"what is seen: {name}")
            world.wind_up()


def test_an_adjustment_takes_nothing_that_is_kept_aside(bank):
    """All there is: what the wallet promised is kept all the same, and nobody is owed money."""
    for name, act in SERVICE.items():
        world = World(bank)
        act(world)
        seen = world.look()
        everything = adjustment(world, reason="Taken", flags=["balancing_debit"])
        del everything["amount"]
        free = seen["ann"]["posted"] - seen["ann"]["kept"]
        too_much = adjustment(world, reason="Taken") | {"amount": amount(free + 1)}
        bank.post("/transfers", too_much).expect(422, "exceeds_credits")
        bank.post("/transfers", everything).expect(201)
        equal(world.look(), adjusted_by(seen, free), f"what is left after: {name}")
        world.wind_up()


def test_an_import_is_an_adjustment_too(bank):
    world = World(bank)
    seen = world.look()
    imported(world, bank).expect(201)
    equal(world.look(), adjusted_by(seen, ADJUSTED))
    for flags in (["imported", "pending"], ["imported"]):
        body = adjustment(world, flags=flags, effective_time="2020-01-01T00:00:00Z")
        true(bank.post("/transfers", body).status >= 400, f"an import with {flags} to be refused")
    equal(world.look(), adjusted_by(seen, ADJUSTED))


def test_both_at_the_same_time(bank):
    with bank.payd.bank() as other:
        for name, act in SERVICE.items():
            status, expected = baseline(bank, act)
            world = World(bank)
            answer, _ = parallel(2, lambda i: ask_beneath(world, other) if i else act(world))
            equal(answer.status, status, name)
            equal(world.look(), expected, f"what is seen after: {name}")
            answer, _ = parallel(2, lambda i: [ADJUST["take and back"][1](world, other)
                                               for _ in range(5)] if i else act(world))
            world.look()
            world.wind_up()


if __name__ == "__main__":
    with Payd() as payd, payd.bank() as client:
        client.payd = payd
        code = scenarios.run(globals(), lambda name: (client,), payd)
        client.check_books()
    sys.exit(code)
