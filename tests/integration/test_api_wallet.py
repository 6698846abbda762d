#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Wallets over HTTP: opening, money in and out, holds, freezing, closing, limits, history.

Every answer is checked against /openapi.json; in the end each operation must have been seen to
succeed and to refuse.
"""
import sys
import uuid

import openapi
from payd import account_of, new_id, new_key
from scenarios import equal, true, wait_for


def people(bank, funds="100.00"):
    """A wallet with money and one without."""
    return bank.open_wallet(funds=funds), bank.open_wallet()

# --- opening ------------------------------------------------------------------------------------


def test_an_owner_has_one_wallet_per_currency(bank):
    user = "user-" + uuid.uuid4().hex
    body = {"currency": "USD", "user_id": user, "metadata": {"tier": "gold"}}
    made = bank.post("/wallets", body, key=None).expect(201)
    for name, value in body.items():
        equal(made.json[name], value, name)
    equal(bank.get(f"/wallets/{made.json['wallet_id']}").expect(200).json, made.json)
    refused = bank.post("/wallets", body, key=None).expect(409, "wallet_exists")
    equal(refused.json["wallet_id"], made.json["wallet_id"])
    bank.post("/wallets", {**body, "currency": "EUR"}, key=None).expect(201)
    found = bank.pages("/wallets", "wallets", user_id=user, limit=1)
    equal({w["currency"] for w in found}, {"USD", "EUR"}, "the currencies of the owner's wallets")
    bank.post("/wallets", {"currency": "XXX"}, key=None).expect(400, field="currency")
    bank.get("/wallets", limit=101).expect(400, field="limit")
    bank.get("/wallets", cursor="AA").expect(400, "invalid_cursor")


def test_a_wallet_has_the_decimals_of_its_currency(bank):
    for currency, funds, shown in (("JPY", "1500", "1500"), ("BHD", "1.234", "1.234"),
                                   ("USD", "7", "7.00")):
        wallet = bank.open_wallet(currency=currency, funds=funds)
        equal(bank.balance(wallet)["balance"], shown, f"a balance in {currency}")
        bank.post(f"/wallets/{wallet}/fund", {"amount": shown + (".1" if currency == "JPY" else
                                                                 "1")}).expect(
            422, "amount_too_precise")


# --- money in and out -----------------------------------------------------------------------------


def test_funds_come_from_outside_and_go_back(bank):
    wallet = bank.open_wallet()
    funded = bank.fund(wallet, "100.00")
    equal((funded["type"], funded["amount"], funded["balance"]), ("deposit", "100.00", "100.00"))
    out = bank.post(f"/wallets/{wallet}/withdraw", {"amount": "40.00"}).expect(201).json
    equal((out["type"], out["balance"]), ("withdrawal", "60.00"))
    bank.post(f"/wallets/{wallet}/withdraw", {"amount": "60.01"}).expect(422, "exceeds_credits")
    for action in ("fund", "withdraw"):
        path = f"/wallets/{wallet}/{action}"
        bank.post(path, {"amount": "1.00", "currency": "EUR"}).expect(422, "currency_mismatch")
        bank.post(path, {"amount": "0"}).expect(422, "amount_must_not_be_zero", "amount")
        bank.post(f"/wallets/{new_id('wal')}/{action}", {"amount": "1.00"}).expect(404, "not_found")
    equal(bank.balance(wallet)["balance"], "60.00")


def test_a_transfer_moves_money_to_another_wallet(bank):
    ann, bob = people(bank)
    moved = bank.transfer(ann, bob, "30.00")
    equal((moved["type"], moved["balance"], moved["counterparty_wallet_id"]),
          ("transfer_out", "70.00", bob))
    equal(bank.balance(bob)["available_balance"], "30.00")
    euros = bank.open_wallet(currency="EUR")
    for target, amount, code in ((ann, "1.00", "destination_is_source"),
                                 (new_id("wal"), "1.00", "destination_not_found"),
                                 (euros, "1.00", "currency_mismatch"),
                                 (bob, "70.01", "exceeds_credits")):
        bank.post(f"/wallets/{ann}/transfer", {"to_wallet_id": target, "amount": amount}).expect(
            422, code)
    bank.post(f"/wallets/{new_id('wal')}/transfer",
              {"to_wallet_id": bob, "amount": "1.00"}).expect(404, "not_found")
    equal(bank.balance(ann)["balance"], "70.00", "what is left after refusals")


def test_the_history_names_every_movement(bank):
    ann, bob = people(bank)
    bank.transfer(ann, bob, "30.00")
    hold = bank.post(f"/wallets/{ann}/holds", {"amount": "10.00"}).expect(201).json["hold_id"]
    bank.post(f"/wallets/{ann}/holds/{hold}/release").expect(200)
    history = bank.pages(f"/wallets/{ann}/transactions", "transactions", limit=2)
    equal([(h["type"], h["amount"], h["available_balance"]) for h in history],
          [("hold_released", "10.00", "70.00"), ("hold", "10.00", "60.00"),
           ("transfer_out", "30.00", "70.00"), ("deposit", "100.00", "100.00")], "the history")
    equal([h["type"] for h in bank.pages(f"/wallets/{bob}/transactions", "transactions")],
          ["transfer_in"])
    bank.get(f"/wallets/{new_id('wal')}/transactions").expect(404, "not_found")


# --- holds ----------------------------------------------------------------------------------------


def test_a_hold_is_captured_in_parts(bank):
    ann, bob = people(bank)
    path = f"/wallets/{ann}/holds"
    held = bank.post(path, {"amount": "25.00", "expires_in_s": 3600,
                            "description": "deposit"}).expect(201).json
    one = f"{path}/{held['hold_id']}"
    balance = bank.balance(ann)
    equal((balance["available_balance"], balance["pending_balance"], balance["total_balance"]),
          ("75.00", "25.00", "100.00"))
    part = bank.post(f"{one}/capture", {"amount": "10.00", "to_wallet_id": bob}).expect(200).json
    equal((part["status"], part["remaining_amount"]), ("partially_captured", "15.00"))
    bank.post(f"{one}/capture", {"amount": "15.01"}).expect(422, "capture_exceeds_hold")
    bank.post(f"{one}/capture", {"to_wallet_id": new_id("wal")}).expect(422,
                                                                        "destination_not_found")
    bank.post(f"{one}/capture", {"to_wallet_id": ann}).expect(422, "destination_is_source")
    last = bank.post(f"{one}/capture", {"amount": "5.00", "final": True}).expect(200).json
    equal((last["status"], last["captured_amount"]), ("captured", "15.00"))
    bank.post(f"{one}/capture", {}).expect(409, "hold_not_open")
    bank.post(f"{one}/release").expect(409, "hold_not_open")
    equal(bank.get(one).expect(200).json, last)
    equal([bank.balance(w)["balance"] for w in (ann, bob)], ["85.00", "10.00"])


def test_holds_are_listed_and_refused(bank):
    ann, _ = people(bank)
    path = f"/wallets/{ann}/holds"
    ids = [bank.post(path, {"amount": "1.00"}).expect(201).json["hold_id"] for _ in range(5)]
    bank.post(f"{path}/{ids[0]}/release").expect(200)
    equal([h["hold_id"] for h in bank.pages(path, "holds", limit=2)], ids[::-1])
    equal([h["hold_id"] for h in bank.pages(path, "holds", status="released")], ids[:1])
    bank.post(path, {"amount": "96.01"}).expect(422, "exceeds_credits")
    for seconds in (0, 30 * 86400 + 1):
        bank.post(path, {"amount": "1.00", "expires_in_s": seconds}).expect(
            400, "invalid_field", "expires_in_s")
    bank.get(f"{path}/{new_id('hld')}").expect(404, "not_found")
    bank.post(f"{path}/{new_id('hld')}/capture", {}).expect(404, "not_found")
    bank.post(f"{path}/{new_id('hld')}/release").expect(404, "not_found")
    other = bank.open_wallet()
    bank.get(f"/wallets/{other}/holds/{ids[1]}").expect(404, "not_found")
    bank.post(f"/wallets/{other}/holds/{ids[1]}/release").expect(404, "not_found")
    bank.get(f"/wallets/{new_id('wal')}/holds").expect(404, "not_found")
    bank.post(f"/wallets/{new_id('wal')}/holds", {"amount": "1"}).expect(404, "not_found")


def test_a_hold_expires_by_itself(bank):
    ann, _ = people(bank)
    held = bank.post(f"/wallets/{ann}/holds", {"amount": "60.00", "expires_in_s": 1}).expect(201)
    path = f"/wallets/{ann}/holds/{held.json['hold_id']}"
    wait_for(lambda: bank.get(path).json["status"] == "expired", "it to expire", 10)
    equal(bank.balance(ann)["available_balance"], "100.00")
    bank.post(f"{path}/capture", {}).expect(409, "hold_not_open")


# --- freezing, closing, limits --------------------------------------------------------------------


def test_nothing_is_taken_from_a_frozen_wallet(bank):
    ann, bob = people(bank)
    hold = bank.post(f"/wallets/{ann}/holds", {"amount": "5.00"}).expect(201).json["hold_id"]
    path = f"/wallets/{ann}"
    frozen = bank.post(f"{path}/freeze", {"reason": "stolen"}, key=None).expect(200).json
    equal((frozen["status"], frozen["freeze_scope"]), ("frozen", "owner"))
    again = bank.post(f"{path}/freeze", {}, key=None).expect(200).json
    equal(again["version"], frozen["version"])
    for action, body in (("withdraw", {"amount": "1.00"}), ("holds", {"amount": "1.00"}),
                         ("transfer", {"to_wallet_id": bob, "amount": "1.00"})):
        bank.post(f"{path}/{action}", body).expect(409, "wallet_frozen")
    bank.fund(ann, "1.00")
    bank.post(f"{path}/holds/{hold}/capture", {"amount": "1.00"}).expect(200)
    wider = bank.post(f"{path}/freeze", {"scope": "all"}, key=None).expect(200).json
    equal(wider["freeze_scope"], "all")
    bank.post(f"{path}/holds/{hold}/capture", {}).expect(409, "wallet_frozen")
    bank.post(f"{path}/freeze", {"scope": "some"}, key=None).expect(400, "invalid_field", "scope")
    lifted = bank.post(f"{path}/unfreeze", {}, key=None).expect(200).json
    true("freeze_scope" not in lifted, "a wallet that is not frozen to have no freeze_scope")
    bank.post(f"{path}/unfreeze", {}, key=None).expect(409, "wallet_not_frozen")
    bank.transfer(ann, bob, "1.00")


def test_only_an_empty_wallet_is_closed(bank):
    ann, bob = people(bank)
    path = f"/wallets/{ann}"
    bank.post(f"{path}/close", {}, key=None).expect(409, "wallet_not_empty")
    hold = bank.post(f"{path}/holds", {"amount": "100.00"}).expect(201).json["hold_id"]
    bank.post(f"{path}/close", {}, key=None).expect(409, "wallet_has_holds")
    bank.post(f"{path}/holds/{hold}/capture", {}).expect(200)
    user = bank.get(path).json["user_id"]
    equal(bank.post(f"{path}/close", {"reason": "moved"}, key=None).expect(200).json["status"],
          "closed")
    bank.fund(bob, "5.00")
    for action, body in (("fund", {"amount": "1.00"}), ("withdraw", {"amount": "1.00"}),
                         ("holds", {"amount": "1.00"}),
                         ("transfer", {"to_wallet_id": bob, "amount": "1.00"})):
        bank.post(f"{path}/{action}", body).expect(409, "wallet_closed")
    for action in ("close", "freeze", "unfreeze"):
        bank.post(f"{path}/{action}", {}, key=None).expect(409, "wallet_closed")
    bank.request("PUT", f"{path}/limits", {}).expect(409, "wallet_closed")
    bank.post(f"/wallets/{bob}/transfer", {"to_wallet_id": ann, "amount": "1.00"}).expect(
        422, "destination_closed")
    second = bank.open_wallet(user)
    true(second != ann, "the owner to have a new wallet after the first was closed")


def test_limits_hold_per_transaction_and_per_day(bank):
    ann, bob = people(bank)
    path = f"/wallets/{ann}/limits"
    bank.request("PUT", path, {"per_transaction": "20.00", "per_day": "30.00"}).expect(200)
    body = {"to_wallet_id": bob, "amount": "20.01"}
    bank.post(f"/wallets/{ann}/transfer", body).expect(422, "per_transaction_limit_exceeded")
    bank.transfer(ann, bob, "20.00")
    bank.post(f"/wallets/{ann}/withdraw", {"amount": "10.01"}).expect(422, "daily_limit_exceeded")
    bank.post(f"/wallets/{ann}/holds", {"amount": "10.01"}).expect(422, "daily_limit_exceeded")
    equal(bank.get(f"/wallets/{ann}").json["spent_today"], "20.00")
    lifted = bank.request("PUT", path, {}).expect(200).json
    true("per_day" not in lifted and "per_transaction" not in lifted, "absent limits to be lifted")
    bank.transfer(ann, bob, "50.00")
    for limit in ("per_day", "per_transaction"):
        bank.request("PUT", path, {limit: "1.001"}).expect(422, "amount_too_precise", limit)
    bank.request("PUT", path, {"per_transaction": "2.00", "per_day": "1.99"}).expect(
        422, "per_day_below_per_transaction", "per_day")
    for action in ("freeze", "unfreeze", "close"):
        bank.post(f"/wallets/{new_id('wal')}/{action}", {}, key=None).expect(404, "not_found")
    bank.request("PUT", f"/wallets/{new_id('wal')}/limits", {}).expect(404, "not_found")


def test_all_that_happened_to_a_wallet_says_who_did_it(bank):
    user = "user-" + uuid.uuid4().hex
    token = bank.payd.token(subject=user, scope="wallets:read wallets:write")
    ann = bank.open_wallet(user, funds="100.00")
    path = f"/wallets/{ann}"
    frozen = bank.post(f"{path}/freeze", {"scope": "all", "reason": "review"}, key=None)
    bank.post(f"{path}/unfreeze", {}, key=None).expect(200)
    bank.request("PUT", f"{path}/limits", {"per_day": "90.00"}).expect(200)
    hold = bank.post_as(token, f"{path}/holds", {"amount": "5.00"}).expect(201).json["hold_id"]
    bank.post_as(token, f"{path}/holds/{hold}/extend", {"expires_in_s": 700000}).expect(200)
    bank.post_as(token, f"{path}/holds/{hold}/release").expect(200)
    all_of_it = bank.pages(f"{path}/events", "events", limit=3)
    equal([e["type"] for e in all_of_it],
          ["hold_released", "hold_extended", "hold", "limits_set", "unfrozen", "frozen", "deposit",
           "opened"])
    stopped = all_of_it[5]
    equal({name: stopped[name] for name in ("by", "client_id", "request_id", "freeze_scope",
                                            "reason")},
          {"by": "dev", "client_id": "dev", "request_id": frozen.headers["x-request-id"],
           "freeze_scope": "all", "reason": "review"})
    equal((all_of_it[3]["per_day"], "per_transaction" in all_of_it[3]), ("90.00", False))
    equal((all_of_it[0]["amount"], all_of_it[0]["balance"]), ("5.00", "100.00"))
    seen = bank.get_as(token, f"{path}/events").expect(200).json["events"]
    equal([e.get("by") for e in seen], [user] * 3 + [None] * 4 + ["dev"])
    true("reason" not in seen[5], "the owner not to be told why the wallet was frozen")
    steps = bank.get_as(token, f"{path}/holds/{hold}/events").expect(200).json["events"]
    equal([(e["type"], e["by"]) for e in steps],
          [(kind, user) for kind in ("hold", "hold_extended", "hold_released")])
    bank.get(f"/wallets/{new_id('wal')}/events").expect(404, "not_found")
    bank.get(f"{path}/holds/{new_id('hld')}/events").expect(404, "not_found")
    cursor = bank.get(f"{path}/holds/{hold}/events", limit=1).expect(200).json["next_cursor"]
    bank.get(f"{path}/holds/{hold}/events", cursor=cursor).expect(200)
    theirs = bank.post(f"/wallets/{bank.open_wallet(funds='1.00')}/holds", {"amount": "1.00"})
    for other in (new_id("hld"), theirs.expect(201).json["hold_id"]):
        bank.get(f"{path}/holds/{other}/events", cursor=cursor).expect(400, "cursor_of_other_list")
    bank.get(f"{path}/events", cursor="AA").expect(400, "invalid_cursor")


def test_a_hold_and_limits_may_name_the_currency_of_their_amounts(bank):
    ann, _ = people(bank)
    hold = bank.post(f"/wallets/{ann}/holds", {"amount": "9.00"}).expect(201).json["hold_id"]
    capture, limits = f"/wallets/{ann}/holds/{hold}/capture", f"/wallets/{ann}/limits"
    for body in ({"amount": "4.00"}, {}):
        bank.post(capture, {**body, "currency": "JPY"}).expect(422, "currency_mismatch", "currency")
        bank.post(capture, {**body, "currency": "USD"}).expect(200)
    asked = {"per_transaction": "5.00"}
    bank.request("PUT", limits, {**asked, "currency": "JPY"}).expect(422, "currency_mismatch",
                                                                     "currency")
    set_to = bank.request("PUT", limits, {**asked, "currency": "USD"}).expect(200).json
    equal((set_to["per_transaction"], bank.balance(ann)["balance"]), ("5.00", "91.00"))


def test_accounts_of_the_platform_say_what_they_are_for(bank):
    ann, _ = people(bank)
    account = bank.account(account_of(ann))
    equal(account["purpose"], "wallet")
    true("peer_shard" not in account, "an account that is in one shard alone")
    funded = bank.entries(account_of(ann))
    clearing = next(e["counterparty_id"] for e in funded if "counterparty_id" in e)
    equal((bank.account(clearing)["purpose"], bank.account(clearing)["name"]),
          ("clearing", "External clearing"))
    own = bank.open_account()
    true("purpose" not in bank.account(own), "a client's own account")
    listed = {a["account_id"]: a.get("purpose") for a in bank.pages("/accounts", "accounts")}
    equal([listed[a] for a in (account_of(ann), clearing, own)], ["wallet", "clearing", None])


def test_the_ledger_changes_no_account_of_a_wallet(bank):
    ann, _ = people(bank)
    account = f"/accounts/{account_of(ann)}"
    for method, path, body, use in (
            ("POST", f"{account}/freeze", {}, "POST /wallets/{wallet_id}/freeze"),
            ("POST", f"{account}/unfreeze", {}, "POST /wallets/{wallet_id}/unfreeze"),
            ("POST", f"{account}/close", {}, "POST /wallets/{wallet_id}/close"),
            ("PATCH", account, {"credit_balance_max": "9.00"}, "PUT /wallets/{wallet_id}/limits")):
        refused = bank.request(method, path, body).expect(409, "managed").json
        equal((refused["managed_by"], refused["use"]), (ann, use), path)
        true(tuple(use.split(" ")) in bank.document.operations, f"{use} to be an operation")
    bank.request("PATCH", account, {"name": "Ann"}).expect(200)
    equal(bank.get(account).expect(200).json["managed_by"], ann)


def test_an_adjustment_needs_a_scope_and_a_reason(bank):
    ann, _ = people(bank)
    house = bank.open_account()
    body = {"debit_account_id": account_of(ann), "credit_account_id": house, "amount": "2.00",
            "currency": "USD"}
    bank.post("/transfers", body).expect(422, "reason_missing", "reason")
    body["reason"] = "Booked twice"
    bank.post_as(bank.books, "/transfers", body).expect(403, "adjustment_not_allowed")
    before = bank.balance(ann)["balance"]
    made = bank.post("/transfers", body).expect(201).json
    path = f"/transfers/{made['transfer_id']}/reverse"
    bank.post_as(bank.books, path, {"reason": "Right before"}).expect(403, "adjustment_not_allowed")
    bank.post(path, {"reason": "Right before"}).expect(201)
    equal(bank.balance(ann)["balance"], before)
    history = bank.pages(f"/wallets/{ann}/transactions", "transactions")[:2]
    equal([(m["type"], m["reason"]) for m in history],
          [("adjustment_in", "Right before"), ("adjustment_out", "Booked twice")])
    user = bank.somebody()
    own = bank.open_wallet(user)
    noted = {**body, "debit_account_id": house, "credit_account_id": account_of(own),
             "metadata": {"case": "fraud"}}
    bank.post("/transfers", noted).expect(201)
    path = f"/wallets/{own}/transactions"
    owner = bank.payd.token(subject=user, scope="wallets:read")
    for answer, pairs in ((bank.get(path), noted["metadata"]), (bank.get_as(owner, path), {})):
        seen = answer.expect(200).json["transactions"][0]
        equal((seen["type"], seen["metadata"]), ("adjustment_in", pairs), "what the books noted")
    pending = {**body, "amount": "0.00", "flags": ["pending", "closing_debit"]}
    bank.post("/transfers", pending).expect(409, "managed")


def managed_things(bank):
    """Of each what the ledger may not do with it, as transfers of a list: who manages it, and what
    is to be used instead."""
    ann, bob = people(bank)
    house = bank.post("/accounts", {"currency": "USD", "code": 100}).expect(201).json["account_id"]
    hold = bank.post(f"/wallets/{ann}/holds", {"amount": "5.00"}).expect(201).json["hold_id"]
    payment = bank.authorise(ann, bob, "7.00")["payment_id"]
    resolving = {"debit_account_id": account_of(ann), "currency": "USD"}
    moving = {"debit_account_id": house, "credit_account_id": account_of(ann), "amount": "1.00",
              "currency": "USD", "reason": "A trial"}
    holds, payments = "POST /wallets/{wallet_id}/holds", "POST /payments/{payment_id}"
    for thing, verb, use in ((hold, "post_pending", f"{holds}/{{hold_id}}/capture"),
                             (hold, "void_pending", f"{holds}/{{hold_id}}/release"),
                             (payment, "post_pending", f"{payments}/capture"),
                             (payment, "void_pending", f"{payments}/cancel")):
        pending = "trf_" + thing[4:]
        yield {**resolving, "pending_id": pending, "flags": [verb]}, thing, use
    yield {**moving, "flags": ["pending"]}, ann, holds
    yield ({**moving, "amount": "0.00", "flags": ["pending", "closing_credit"]}, ann,
           "POST /wallets/{wallet_id}/close")


def test_lists_name_who_manages_what_they_do_not_change(bank):
    """One by one, in a batch, in a chain of it, and as a leg of a transaction."""
    things = list(managed_things(bank))
    batch = bank.post("/transfers/batch", {"transfers": [t for t, _, _ in things]}).expect(200)
    for (transfer, owner, use), told in zip(things, batch.json["results"]):
        named = {"managed_by": owner, "use": use}
        equal({name: told.get(name) for name in ("result", *named)}, {"result": "managed", **named})
        alone = bank.post("/transfers", transfer).expect(409, "managed").json
        equal({name: alone[name] for name in named}, named)
        chain = [{**transfer, "flags": [*transfer["flags"], "linked"]}, transfer]
        first, second = bank.post("/transfers/batch", {"transfers": chain}).expect(
            200).json["results"]
        if "managed_by" in first or bank.shards == 1:  # the shard that alone decides may not say
            equal({name: first.get(name) for name in named}, named)
        equal((second["result"], "managed_by" in second), ("linked_event_failed", False))
    legs = [{name: value for name, value in t.items() if name not in ("reason", "pending_id")}
            for t, _, _ in things if "pending" in t["flags"] and len(t["flags"]) == 1]
    told = bank.post("/transactions", {"legs": legs, "reason": "A trial"}).expect(
        409, "managed").json
    equal(told["failed_leg"], 0)
    if "managed_by" in told or bank.shards == 1:
        equal((told["managed_by"], told["use"]), things[4][1:])


def test_words_stay_with_a_movement(bank):
    ann, bob = people(bank)
    words = {"description": "Lunch", "metadata": {"table": "7"}}
    sent = bank.post(f"/wallets/{ann}/transfer", {"to_wallet_id": bob, "amount": "3.00", **words})
    paid = bank.post("/payments", {"from_account": ann, "to_account": bob, "amount": "2.00",
                                   "currency": "USD", **words}).expect(201).json
    held = bank.post(f"/wallets/{ann}/holds", {"amount": "1.00", **words}).expect(201).json
    shown = [sent.expect(201).json, paid, held, *bank.pages(f"/wallets/{ann}/holds", "holds"),
             *bank.pages(f"/wallets/{ann}/transactions", "transactions")[:3],
             *bank.pages(f"/wallets/{bob}/transactions", "transactions")[:2]]
    for seen in shown:
        equal({name: seen.get(name) for name in words}, words, "what was given with it")


# --- versions and repetitions ---------------------------------------------------------------------


def test_a_spend_may_demand_the_version_last_seen(bank):
    ann, bob = people(bank)
    seen = bank.get(f"/wallets/{ann}/balance").expect(200)
    wallet = bank.get(f"/wallets/{ann}")
    true(wallet.etag.startswith(seen.etag[:-1] + "-"), f"{seen.etag} with a digest: {wallet.etag}")
    known = bank.request("GET", f"/wallets/{ann}/balance",
                         headers={"If-None-Match": seen.etag}).expect(304)
    equal((known.etag, known.body), (seen.etag, b""), "an answer that is known already")
    # The version of a wallet does not say that another day began, and with it spent_today: its tag
    # says so.
    bank.request("GET", f"/wallets/{ann}", headers={"If-None-Match": seen.etag}).expect(200)
    bank.request("GET", f"/wallets/{ann}", headers={"If-None-Match": wallet.etag}).expect(304)
    body = {"to_wallet_id": bob, "amount": "1.00"}
    bank.post(f"/wallets/{ann}/transfer", body, **{"If-Match": wallet.etag}).expect(201)
    bank.post(f"/wallets/{ann}/transfer", body, **{"If-Match": seen.etag}).expect(412,
                                                                                  "precondition")
    for foreign in ('"x"', f"W/{bank.get(f'/wallets/{ann}').etag}"):
        bank.post(f"/wallets/{ann}/transfer", body, **{"If-Match": foreign}).expect(
            412, "precondition")
    # If-None-Match forbids the version that is there: no money moves (RFC 9110 13.1.2).
    now = bank.get(f"/wallets/{ann}").etag
    for known in ("*", now, f'"x", W/{now}'):
        for path, wanted in ((f"/wallets/{ann}/transfer", body),
                             (f"/wallets/{ann}/withdraw", {"amount": "1.00"}),
                             (f"/wallets/{ann}/freeze", {"reason": "x"})):
            bank.post(path, wanted, **{"If-None-Match": known}).expect(412, "precondition")
    bank.request("GET", f"/wallets/{ann}/balance", headers={"If-Match": '"1"'}).expect(412)
    for wrong in ("1", '*, "2"'):
        bank.post(f"/wallets/{ann}/transfer", body, **{"If-Match": wrong}).expect(
            400, "invalid_header", field="If-Match")
    equal(bank.balance(ann)["balance"], "99.00")
    bank.get(f"/wallets/{new_id('wal')}").expect(404, "not_found")
    bank.get(f"/wallets/{new_id('wal')}/balance").expect(404, "not_found")


def test_pairs_of_a_wallet_change(bank):
    ann, _ = people(bank)
    path = f"/wallets/{ann}"
    made = bank.request("PATCH", path, {"metadata": {"tier": "gold"}}).expect(200).json
    equal(made["metadata"], {"tier": "gold"})
    for body in ({}, {"metadata": None}, {"metadata": {"tier": "gold"}}):
        equal(bank.request("PATCH", path, body).expect(200).json["version"], made["version"])
    bodiless = bank.request("PATCH", path, None, headers={"Content-Type": "application/json"})
    equal(bodiless.expect(200).json["version"], made["version"])
    equal(bank.request("PATCH", path, {"metadata": {}}).expect(200).json["metadata"], {})
    bank.request("PATCH", f"/wallets/{new_id('wal')}", {}).expect(404, "not_found")


def test_a_hold_is_extended(bank):
    ann, _ = people(bank)
    hold = bank.post(f"/wallets/{ann}/holds", {"amount": "5.00", "expires_in_s": 600}).json
    path = f"/wallets/{ann}/holds/{hold['hold_id']}"
    bank.post(f"{path}/extend", {"expires_in_s": 60}, key=None).expect(
        422, "expiry_not_later", "expires_in_s")
    bank.post(f"{path}/extend", {"expires_in_s": 0}, key=None).expect(400, "invalid_field")
    longer = bank.post(f"{path}/extend", {"expires_in_s": 6000}, key=None).expect(200).json
    true(longer["expires_at"] > hold["expires_at"], "a later end")
    equal(bank.get(path).json["expires_at"], longer["expires_at"])
    bank.post(f"{path}/release", {}).expect(200)
    bank.post(f"{path}/extend", {}, key=None).expect(409, "hold_not_open")


def test_the_owner_reads_what_was_made(bank):
    user = "user-" + uuid.uuid4().hex
    token = bank.payd.token(subject=user, scope="wallets:read wallets:write")
    ann = bank.open_wallet(user, funds="100.00")
    for wanted, made in (("deposit", bank.post(f"/wallets/{ann}/fund", {"amount": "1.00"})),
                         ("withdrawal", bank.post_as(token, f"/wallets/{ann}/withdraw",
                                                     {"amount": "2.00"}))):
        shown = bank.get_as(token, made.expect(201).headers["location"]).expect(200).json
        equal((shown["type"], shown["transfer_id"]), (wanted, made.json["transfer_id"]))
        equal(shown["balance"], made.json["balance"])
    listed = bank.get_as(token, f"/wallets/{ann}/transactions", type="withdrawal").expect(200).json
    equal([t["amount"] for t in listed["transactions"]], ["2.00"])
    bank.get(f"/wallets/{ann}/transactions/{new_id('trf')}").expect(404, "not_found")


def test_a_key_spends_once(bank):
    ann, bob = people(bank)
    key, body = new_key(), {"to_wallet_id": bob, "amount": "60.00"}
    first = bank.post(f"/wallets/{ann}/transfer", body, key=key).expect(201)
    again = bank.post(f"/wallets/{ann}/transfer", body, key=key).expect(201)
    equal((again.body, again.etag, again.replayed), (first.body, first.etag, True))
    bank.post(f"/wallets/{ann}/transfer", {**body, "amount": "1.00"}, key=key).expect(
        422, "key_reused")
    bank.post(f"/wallets/{bob}/transfer", {**body, "to_wallet_id": ann}, key=key).expect(
        422, "key_reused")
    bank.post(f"/wallets/{ann}/withdraw", {"amount": "1.00"}, key=key).expect(422, "key_reused")
    bank.post("/payments", {"from_account": ann, "to_account": bob, "amount": "1.00",
                            "currency": "USD"}, key=key).expect(422, "key_reused")
    equal(bank.balance(ann)["balance"], "40.00")


def with_books(bank, payd):
    """The bank, and a token of somebody who keeps its books and adjusts nothing."""
    bank.books = payd.token(scope="ledger:read ledger:write")
    return bank


if __name__ == "__main__":
    sys.exit(openapi.run(globals(), with_books, "wallets"))
