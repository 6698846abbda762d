#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Payments over HTTP: at once or authorised, captured, cancelled, refunded, expired; who may.

Every answer is checked against /openapi.json; in the end each operation must have been seen to
succeed and to refuse.
"""
import sys
import uuid

import openapi
from payd import SHARDS, new_id, new_key
from scenarios import equal, true, wait_for

OWN = "wallets:read wallets:write payments:read payments:write payments:refund"


class Deal:
    """A payer with money, a payee without, and their own tokens."""

    def __init__(self, bank, payd, funds="100.00"):
        self.bank = bank
        self.users = ["user-" + uuid.uuid4().hex[:12] for _ in range(2)]
        self.payer, self.payee = (bank.open_wallet(user) for user in self.users)
        bank.fund(self.payer, funds)
        self.payers, self.payees = (payd.token(subject=user, scope=OWN) for user in self.users)

    def body(self, amount, **more):
        return {"from_account": self.payer, "to_account": self.payee, "amount": amount,
                "currency": "USD", **more}

    def pay(self, amount, **more):
        made = self.bank.post_as(self.payers, "/payments", self.body(amount, **more))
        return made.expect(201).json["payment_id"]

    def authorise(self, amount, **more):
        return self.pay(amount, capture="manual", **more)

    def act(self, token, payment, action, body=None, key=True, **headers):
        return self.bank.post_as(token, f"/payments/{payment}/{action}", body or {}, key, **headers)

    def shown(self, payment):
        found = self.bank.get_as(self.payers, f"/payments/{payment}").expect(200).json
        return found["status"], found["captured_amount"], found["refunded_amount"]

    def balances(self):
        """Available of the payer, balance of the payee."""
        return (self.bank.balance(self.payer)["available_balance"],
                self.bank.balance(self.payee)["balance"])

    def kinds(self, payment):
        events = self.bank.pages(f"/payments/{payment}/events", "events", limit=2)
        equal([int(e["sequence"]) for e in events], list(range(1, len(events) + 1)),
              "the numbers of the events")
        return [(e["type"], e["amount"]) for e in outcomes(events)]


def outcomes(events):
    """Without the steps that only ask the shard of a payee who has another one than the payer."""
    asking = ("started", "capture_started", "refund_started")
    return [e for e in events if SHARDS == 1 or e["type"] not in asking]


# --- paying ---------------------------------------------------------------------------------------


def test_a_payment_moves_money_at_once(deal):
    more = {"description": "Lunch", "customer_id": "c-1", "metadata": {"order": "4711"}}
    made = deal.bank.post_as(deal.payers, "/payments", deal.body("30.00", **more)).expect(201)
    for name, value in {**deal.body("30.00"), **more, "status": "completed", "adapter": "wallet",
                        "captured_amount": "30.00", "refunded_amount": "0.00"}.items():
        equal(made.json[name], value, name)
    payment = made.json["payment_id"]
    equal(deal.bank.get_as(deal.payers, f"/payments/{payment}").expect(200).json, made.json)
    # What the payer noted with it is not for the payee.
    received = {k: v for k, v in made.json.items() if k != "customer_id"} | {"metadata": {}}
    equal(deal.bank.get_as(deal.payees, f"/payments/{payment}").expect(200).json, received)
    equal(deal.balances(), ("70.00", "30.00"))
    equal(deal.kinds(payment), [("created", "30.00")])


def test_what_a_payment_must_not_be(deal):
    euros = deal.bank.open_wallet(currency="EUR")
    for changed, code, field in (
            ({"amount": "100.01"}, "exceeds_credits", "amount"),
            ({"amount": "0.00"}, "amount_must_not_be_zero", "amount"),
            ({"to_account": deal.payer}, "payment_to_self", "to_account"),
            ({"to_account": new_id("wal")}, "payee_not_found", "to_account"),
            ({"from_account": new_id("wal")}, "payer_not_found", "from_account"),
            ({"to_account": euros}, "currency_mismatch", "currency"),
            ({"currency": "EUR"}, "currency_mismatch", "currency"),
            ({"expires_in_s": 60}, "expiry_without_authorization", "expires_in_s")):
        deal.bank.post_as(deal.payers, "/payments", {**deal.body("1.00"), **changed}).expect(
            422, code, field)
    for seconds in (0, 30 * 86400 + 1):
        deal.bank.post_as(deal.payers, "/payments", {**deal.body("1.00"), "capture": "manual",
                                                     "expires_in_s": seconds}).expect(
            400, "invalid_field", "expires_in_s")
    closed = deal.bank.open_wallet()
    deal.bank.post(f"/wallets/{closed}/close", {}, key=None).expect(200)
    deal.bank.post_as(deal.payers, "/payments", {**deal.body("1.00"), "to_account": closed}).expect(
        422, "destination_closed", "to_account")
    equal(deal.balances(), ("100.00", "0.00"), "the balances after refusals")
    kept = deal.bank.get_as(deal.payers, "/payments").expect(200).json["payments"]
    true(all(p["status"] == "failed" for p in kept), "only what was declined to be kept")


def test_limits_and_freezes_of_the_payer_hold(deal):
    limits = f"/wallets/{deal.payer}/limits"
    deal.bank.request("PUT", limits, {"per_transaction": "20.00", "per_day": "30.00"}).expect(200)
    deal.bank.post_as(deal.payers, "/payments", deal.body("20.01")).expect(
        422, "per_transaction_limit_exceeded")
    deal.pay("20.00")
    deal.bank.post_as(deal.payers, "/payments", deal.body("10.01")).expect(
        422, "daily_limit_exceeded")
    deal.act(deal.payees, deal.pay("10.00"), "refund", {"amount": "4.00"}).expect(200)
    equal(deal.bank.get(f"/wallets/{deal.payer}").json["spent_today"], "26.00")
    deal.bank.post(f"/wallets/{deal.payer}/freeze", {}, key=None).expect(200)
    deal.bank.post_as(deal.payers, "/payments", deal.body("1.00")).expect(409, "wallet_frozen")


def test_a_freeze_stops_the_owner_and_for_all_everybody(deal):
    held = deal.bank.post_as(deal.payers, f"/wallets/{deal.payer}/holds", {"amount": "50.00"})
    capture = f"/wallets/{deal.payer}/holds/{held.expect(201).json['hold_id']}/capture"
    payment = deal.authorise("30.00")
    freeze = f"/wallets/{deal.payer}/freeze"
    deal.bank.post(freeze, {"reason": "court order"}, key=None).expect(200)
    for body in ({}, {"to_wallet_id": deal.payee}):
        deal.bank.post_as(deal.payers, capture, body).expect(409, "wallet_frozen")
    deal.act(deal.payees, payment, "capture", {"amount": "10.00"}).expect(200)
    deal.bank.post(freeze, {"scope": "all"}, key=None).expect(200)
    deal.act(deal.payees, payment, "capture").expect(409, "wallet_frozen")
    equal(deal.bank.balance(deal.payer)["balance"], "90.00")
    listed = [w for w in deal.bank.get_as(deal.payers, "/wallets").expect(200).json["wallets"]]
    equal([(w["status"], w["freeze_scope"]) for w in listed], [("frozen", "all")], "the list")


def test_the_ledger_undoes_nothing_beneath_a_payment(deal):
    """Else the same money went back twice: once by the reversal, once by the refund."""
    bank = deal.bank

    def refused(transfer, act, manager, use, body=None):
        path = f"/transfers/trf_{transfer[4:]}/{act}"
        answer = bank.post(path, body or {}).expect(409, "managed")
        equal((answer.json["managed_by"], answer.json["use"]), (manager, use), act)
        true(tuple(use.split(" ")) in bank.document.operations, f"{use} to be an operation")
    paid, authorised = deal.pay("50.00"), deal.authorise("10.00")
    payments = "POST /payments/{payment_id}"
    refused(paid, "reverse", paid, f"{payments}/refund")
    refused(authorised, "post", authorised, f"{payments}/capture", {"amount": "4.00"})
    refused(authorised, "void", authorised, f"{payments}/cancel")
    holds = f"/wallets/{deal.payer}/holds"
    hold = bank.post(holds, {"amount": "5.00"}).expect(201).json["hold_id"]
    of_holds = "POST /wallets/{wallet_id}/holds/{hold_id}"
    refused(hold, "post", hold, f"{of_holds}/capture")
    refused(hold, "void", hold, f"{of_holds}/release")
    shown = bank.get(f"/transfers/trf_{hold[4:]}").expect(200).json
    equal((shown["managed_by"], "managed" in shown["flags"]), (hold, True))
    deal.act(deal.payees, paid, "refund").expect(200)
    deal.act(deal.payers, authorised, "cancel").expect(200)
    bank.post(f"{holds}/{hold}/release", {}).expect(200)
    equal(deal.balances(), ("100.00", "0.00"))


# --- authorised payments --------------------------------------------------------------------------


def test_an_authorised_payment_is_captured_in_parts(deal):
    payment = deal.authorise("60.00", expires_in_s=600)
    equal((deal.shown(payment), deal.balances()), (("authorized", "0.00", "0.00"),
                                                   ("40.00", "0.00")))
    deal.act(deal.payees, payment, "capture", {"amount": "60.01"}).expect(
        422, "capture_exceeds_authorized")
    deal.act(deal.payees, payment, "capture", {"amount": "25.00"}).expect(200)
    equal(deal.shown(payment), ("partially_captured", "25.00", "0.00"))
    deal.act(deal.payees, payment, "capture", {"amount": "5.00", "final": True}).expect(200)
    equal((deal.shown(payment), deal.balances()), (("completed", "30.00", "0.00"),
                                                   ("70.00", "30.00")))
    deal.act(deal.payees, payment, "capture").expect(409, "payment_already_captured")
    deal.act(deal.payers, payment, "cancel").expect(409, "payment_already_captured")
    equal(deal.kinds(payment), [("created", "60.00"), ("captured", "25.00"), ("captured", "5.00")])


def test_what_is_captured_is_refunded_while_the_rest_is_open(deal):
    payment = deal.authorise("60.00")
    deal.act(deal.payees, payment, "refund", {"amount": "1.00"}).expect(409, "payment_not_captured")
    deal.act(deal.payees, payment, "capture", {"amount": "25.00"}).expect(200)
    deal.act(deal.payees, payment, "refund", {"amount": "25.01"}).expect(
        422, "refund_exceeds_captured")
    deal.act(deal.payees, payment, "refund").expect(200)
    equal(deal.shown(payment), ("partially_captured", "25.00", "25.00"))
    deal.act(deal.payees, payment, "refund").expect(409, "payment_already_refunded")
    deal.act(deal.payees, payment, "capture", {"amount": "5.00", "final": True}).expect(200)
    equal((deal.shown(payment), deal.balances()), (("partially_refunded", "30.00", "25.00"),
                                                   ("95.00", "5.00")))


def test_a_step_may_name_the_currency_of_its_amount(deal):
    """Who counts in another one is told so, and nothing is done."""
    bank = deal.bank
    path = f"/payments/{bank.authorise(deal.payer, deal.payee, '10.00')['payment_id']}"
    for step, amount in (("increase", "1.00"), ("capture", "3.00"), ("capture", None),
                         ("refund", "1.00"), ("refund", None)):
        body = {"amount": amount} if amount else {}
        bank.post(f"{path}/{step}", {**body, "currency": "EUR"}).expect(422, "currency_mismatch",
                                                                        "currency")
        done = bank.post(f"{path}/{step}", {**body, "currency": "USD"}).expect(200).json
    equal((done["captured_amount"], done["refunded_amount"]), ("11.00", "11.00"))


def test_a_cancelled_payment_gives_back_the_rest(deal):
    payment = deal.authorise("60.00")
    deal.act(deal.payees, payment, "capture", {"amount": "10.00"}).expect(200)
    deal.act(deal.payers, payment, "cancel", {"reason": "changed my mind"}).expect(200)
    equal(deal.balances(), ("90.00", "10.00"))
    other = deal.authorise("20.00")
    deal.act(deal.payers, other, "cancel").expect(200)
    equal(deal.shown(other), ("cancelled", "0.00", "0.00"))
    for action, token in (("cancel", deal.payers), ("capture", deal.payees),
                          ("refund", deal.payees)):
        deal.act(token, other, action).expect(409, "payment_cancelled")
    equal(deal.balances(), ("90.00", "10.00"))
    target = "cancel?adapter=wallet&reason=changed+my+mind"
    # What is in both counts as the body has it.
    for body, reason in ((None, "changed my mind"), ({"reason": "lost"}, "lost")):
        third = deal.authorise("5.00")
        deal.act(deal.payers, third, target, body).expect(200)
        last = deal.bank.pages(f"/payments/{third}/events", "events")[-1]
        equal((last["type"], last["reason"]), ("cancelled", reason))


def test_the_adapter_may_be_named(deal):
    adapters = deal.bank.get("/adapters").expect(200).json
    equal((adapters["adapters"], adapters["default"], adapters["count"]), (["wallet"], "wallet", 1))
    equal([one["adapter"] for one in adapters["items"]], ["wallet"])
    deal.bank.get("/adapters", limit=1).expect(400, "unknown_field")
    payment = deal.pay("1.00", adapter="wallet")
    deal.bank.get(f"/payments/{payment}", adapter="wallet").expect(200)
    for refused in (deal.bank.get(f"/payments/{payment}", adapter="card"),
                    deal.bank.post("/payments", deal.body("1.00", adapter="card"))):
        refused.expect(422, "adapter_unknown", field="adapter")
    body = {"amount": "1.00", "adapter": "wallet"}
    deal.act(deal.payees, payment, "refund", body).expect(200)


def test_an_authorisation_expires_by_itself(deal):
    payment = deal.authorise("60.00", expires_in_s=1)
    wait_for(lambda: deal.shown(payment)[0] == "expired", "it to expire", 10)
    equal(deal.balances(), ("100.00", "0.00"))
    for action, token in (("cancel", deal.payers), ("capture", deal.payees),
                          ("refund", deal.payees)):
        deal.act(token, payment, action).expect(409, "payment_expired")
    equal(deal.kinds(payment), [("created", "60.00"), ("expired", "60.00")])


def test_an_authorisation_is_extended(deal):
    payment = deal.authorise("10.00", expires_in_s=600)
    ends = deal.bank.get(f"/payments/{payment}").json["details"]["expires_at"]
    deal.act(deal.payees, payment, "extend", {}, None).expect(403, "forbidden")
    deal.act(deal.payers, payment, "extend", {"expires_in_s": 60}, None).expect(
        422, "expiry_not_later", "expires_in_s")
    deal.act(deal.payers, payment, "extend", {"expires_in_s": 2592001}, None).expect(
        400, "invalid_field", "expires_in_s")
    longer = deal.act(deal.payers, payment, "extend", {"expires_in_s": 6000}, None).expect(200)
    later = longer.json["details"]["expires_at"]
    true(later > ends, "a later end")
    events = deal.bank.get(f"/payments/{payment}/events").expect(200).json["events"]
    equal([event.get("expires_at") for event in outcomes(events)], [ends, later],
          "until when it lasts")
    deal.act(deal.payees, payment, "capture").expect(200)
    deal.act(deal.payers, payment, "extend", {}, None).expect(409, "payment_already_captured")


def test_an_authorisation_is_increased(deal):
    payment = deal.authorise("60.00")
    deal.act(deal.payees, payment, "increase", {"amount": "1.00"}).expect(403, "forbidden")
    deal.act(deal.payers, payment, "increase", {"amount": "40.01"}).expect(422, "exceeds_credits")
    more = deal.act(deal.payers, payment, "increase", {"amount": "40.00"}).expect(200).json
    equal((more["amount"], more["status"]), ("100.00", "authorized"))
    equal(deal.balances(), ("0.00", "0.00"))
    deal.act(deal.payees, payment, "capture", {"amount": "90.00", "final": True}).expect(200)
    equal(deal.balances(), ("10.00", "90.00"))
    equal(deal.kinds(payment), [("created", "60.00"), ("increased", "40.00"),
                                ("captured", "90.00")])


# --- notes ----------------------------------------------------------------------------------------


def test_the_payer_changes_what_was_noted(deal):
    payment, path = deal.pay("1.00", customer_id="c-9"), "/payments"
    body = {"metadata": {"order": "17", "a b": "c=d"}}
    deal.bank.token, admin = deal.payers, deal.bank.token
    noted = deal.bank.request("PATCH", f"{path}/{payment}", body).expect(200).json
    again = deal.bank.request("PATCH", f"{path}/{payment}", {}).expect(200).json
    deal.bank.request("PATCH", f"{path}/{new_id('pay')}", body).expect(404, "not_found")
    deal.bank.token = admin
    equal((noted["metadata"], again["version"]), (body["metadata"], noted["version"]))
    for query in ({"metadata[order]": "17"}, {"metadata[a b]": "c=d"}, {"customer_id": "c-9"},
                  {"currency": "USD", "from_account": deal.payer}):
        [found] = deal.bank.get_as(deal.payers, path, **query).expect(200).json["payments"]
        equal(found["payment_id"], payment, query)
        if "currency" not in query:
            equal(deal.bank.get_as(deal.payees, path, **query).json["payments"], [], query)
    for query in ({"metadata[order]": "18"}, {"currency": "EUR", "from_account": deal.payer}):
        equal(deal.bank.get_as(deal.payers, path, **query).json["payments"], [], query)
    deal.bank.get(path, **{"metadata[order": "17"}).expect(400, "unknown_field")
    deal.bank.get(path, metadata="order").expect(400, "invalid_field", "metadata")


def test_a_declined_payment_is_kept(deal):
    refused = deal.bank.post_as(deal.payers, "/payments", deal.body("100.01")).expect(
        422, "exceeds_credits", "amount")
    path = f"/payments/{refused.json['payment_id']}"
    kept = deal.bank.get_as(deal.payers, path).expect(200).json
    equal((kept["status"], kept["failure_code"]), ("failed", "exceeds_credits"))
    true("transfer_id" not in kept, "no transfer to be named")
    deal.bank.get_as(deal.payees, path).expect(404, "not_found")
    [listed] = deal.bank.get_as(deal.payers, "/payments", status="failed").json["payments"]
    equal(listed, kept)
    equal(deal.kinds(kept["payment_id"]), [("declined", "100.01")])
    equal(deal.balances(), ("100.00", "0.00"))


# --- refunds --------------------------------------------------------------------------------------


def test_each_step_names_its_transfer(deal):
    """From the payment to its transfers, as an auditor goes."""
    payment = deal.authorise("50.00")
    answers = [deal.bank.get_as(deal.payers, f"/payments/{payment}").expect(200).json] + [
        deal.act(deal.payees, payment, action, {"amount": amount}).expect(200).json
        for action, amount in (("capture", "50.00"), ("refund", "20.00"))]
    steps = [a["last_transfer_id"] for a in answers]
    equal(deal.bank.get(f"/payments/{payment}").json["last_transfer_id"], steps[-1])
    equal(len(set(steps)), 3)
    equal({a["transfer_id"] for a in answers}, {steps[0]})
    path = f"/payments/{payment}/events"
    events = outcomes(deal.bank.get_as(deal.payers, path).expect(200).json["events"])
    equal([e["transfer_id"] for e in events][1:], steps[1:])
    [authorised, captured, refunded] = outcomes(deal.bank.pages(path, "events"))
    true(authorised["request_id"] != captured["request_id"], "a request of each step")
    equal({e["client_id"] for e in (authorised, captured, refunded)}, {"dev"})
    equal([[name in e for name in ("by", "client_id", "request_id")] for e in events],
          [[True] * 3, [False] * 3, [False] * 3], "what the payer is told of who acts")
    for step, amount in zip(steps, ("50.00", "50.00", "20.00")):
        equal(deal.bank.get(f"/transfers/{step}").expect(200).json["amount"], amount)
    [listed] = deal.bank.get_as(deal.payers, "/payments").expect(200).json["payments"]
    equal(listed["transfer_id"], steps[0])


def test_refunds_are_listed(deal):
    payment, own = deal.pay("50.00"), {"metadata": {"case": "8"}}
    for amount in ("20.00", "5.00"):
        body = {"amount": amount, "reason": "returned", **own}
        deal.act(deal.payees, payment, "refund", body).expect(200)
    path = f"/payments/{payment}/refunds"
    refunds = deal.bank.pages(path, "refunds", limit=1)
    equal([(r["amount"], r["status"], r["reason"]) for r in refunds],
          [("20.00", "succeeded", "returned"), ("5.00", "succeeded", "returned")])
    for r in refunds:
        equal(r["refund_id"][4:], r["transfer_id"][4:])
    seen = {token: deal.bank.get_as(token, path).expect(200).json["refunds"][0]["metadata"]
            for token in (deal.payers, deal.payees)}
    equal(seen, {deal.payers: {}, deal.payees: own["metadata"]})
    deal.bank.get(f"/payments/{new_id('pay')}/refunds").expect(404, "not_found")


def test_refunds_never_exceed_what_was_captured(deal):
    payment = deal.pay("50.00")
    deal.act(deal.payees, payment, "refund", {"amount": "50.01"}).expect(
        422, "refund_exceeds_captured")
    deal.act(deal.payees, payment, "refund", {"amount": "20.00", "reason": "broken"}).expect(200)
    equal(deal.shown(payment), ("partially_refunded", "50.00", "20.00"))
    deal.act(deal.payees, payment, "refund", {"amount": "30.01"}).expect(
        422, "refund_exceeds_captured")
    deal.act(deal.payees, payment, "refund").expect(200)
    equal((deal.shown(payment), deal.balances()), (("refunded", "50.00", "50.00"),
                                                   ("100.00", "0.00")))
    for action, token in (("refund", deal.payees), ("capture", deal.payees),
                          ("cancel", deal.payers)):
        deal.act(token, payment, action).expect(409, "payment_already_refunded")


def test_spent_money_is_not_refunded(deal):
    payment = deal.pay("50.00")
    deal.bank.post(f"/wallets/{deal.payee}/withdraw", {"amount": "30.00"}).expect(201)
    deal.act(deal.payees, payment, "refund", {"amount": "20.01"}).expect(422, "payee_lacks_funds")
    deal.act(deal.payees, payment, "refund", {"amount": "20.00"}).expect(200)
    equal(deal.balances(), ("70.00", "0.00"))


# --- who may, which version, again ----------------------------------------------------------------


def test_each_side_has_its_own_actions(deal):
    payment = deal.authorise("10.00")
    deal.act(deal.payers, payment, "capture").expect(403, "forbidden")
    deal.act(deal.payees, payment, "cancel").expect(403, "forbidden")
    deal.act(deal.payees, payment, "capture").expect(200)
    deal.act(deal.payers, payment, "refund").expect(403, "forbidden")
    deal.bank.post_as(deal.payees, "/payments", deal.body("1.00")).expect(422, "payer_not_found")
    for action in ("capture", "refund", "cancel"):
        deal.act(deal.payees, new_id("pay"), action).expect(404, "not_found")
    deal.bank.get(f"/payments/{new_id('pay')}").expect(404, "not_found")
    deal.bank.get(f"/payments/{new_id('pay')}/events").expect(404, "not_found")


def test_an_action_may_demand_the_version_last_seen(deal):
    payment = deal.authorise("10.00")
    seen = deal.bank.get_as(deal.payees, f"/payments/{payment}").etag
    first = deal.act(deal.payees, payment, "capture", {"amount": "1.00"}, **{"If-Match": seen})
    true(first.expect(200).etag != seen, "a new ETag after a capture")
    deal.act(deal.payees, payment, "capture", {"amount": "1.00"}, **{"If-Match": seen}).expect(
        412, "precondition")
    equal(deal.shown(payment), ("partially_captured", "1.00", "0.00"))


def test_what_was_seen_before_is_not_sent_again(deal):
    payment = deal.authorise("10.00")
    path, bank = f"/payments/{payment}", deal.bank
    seen = bank.get(path).expect(200).etag
    same = bank.request("GET", path, headers={"If-None-Match": seen})
    equal((same.status, same.body, same.etag), (304, b"", seen))
    deal.act(deal.payees, payment, "capture").expect(200)
    bank.request("GET", path, headers={"If-None-Match": seen}).expect(200)


def test_a_key_pays_captures_and_refunds_once(deal):
    key, body = new_key(), deal.body("10.00", capture="manual")
    first = deal.bank.post_as(deal.payers, "/payments", body, key=key).expect(201)
    payment = first.json["payment_id"]
    deal.act(deal.payees, payment, "capture", {"amount": "4.00"}).expect(200)
    again = deal.bank.post_as(deal.payers, "/payments", body, key=key).expect(201)
    equal((again.body, again.replayed), (first.body, True), "the first answer, status included")
    deal.bank.post_as(deal.payers, "/payments", {**body, "amount": "11.00"}, key=key).expect(
        422, "key_reused")
    for action, text in (("capture", {"amount": "6.00"}), ("refund", {"amount": "3.00"})):
        key = new_key()
        answers = [deal.act(deal.payees, payment, action, text, key=key) for _ in range(3)]
        equal({(a.status, a.body) for a in answers}, {(200, answers[0].body)}, action)
    equal((deal.shown(payment), deal.balances()), (("partially_refunded", "10.00", "3.00"),
                                                   ("93.00", "7.00")))


# --- lists ----------------------------------------------------------------------------------------


def test_payments_are_listed_for_both_sides(deal):
    # In the order of ids, which within a millisecond is none of time.
    authorised = deal.authorise("1.00")
    ids = sorted([deal.pay("1.00") for _ in range(4)] + [authorised])
    for token in (deal.payers, deal.payees):
        listed, query = [], {"limit": 2}
        while True:
            page = deal.bank.get_as(token, "/payments", **query).expect(200).json
            listed += [p["payment_id"] for p in page["payments"]]
            if "next_cursor" not in page:
                break
            query["cursor"] = page["next_cursor"]
        equal(listed, ids[::-1], "the payments of one side, newest first")
    for query, found in (({"status": "authorized"}, [authorised]), ({"status": "refunded"}, []),
                         ({"from_account": deal.payer}, ids[::-1]),
                         ({"to_account": deal.payer}, []),
                         ({"created_before": "2020-01-01T00:00:00Z"}, [])):
        page = deal.bank.get_as(deal.payers, "/payments", **query).expect(200).json
        equal([p["payment_id"] for p in page["payments"]], found, f"the payments with {query}")
    deal.bank.get("/payments", limit=0).expect(400, field="limit")
    deal.bank.get("/payments", cursor="AAAA").expect(400, "invalid_cursor")
    deal.bank.get("/payments", status="lost").expect(400, field="status")


if __name__ == "__main__":
    sys.exit(openapi.run(globals(), lambda bank, payd: Deal(bank, payd), "payments"))
