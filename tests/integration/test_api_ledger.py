#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The ledger over HTTP: accounts, transfers, transactions, the trial balance.

Every answer is checked against /openapi.json; in the end each operation must have been seen to
succeed and to refuse.
"""
import csv
import io
import re
import sys

import openapi
from payd import new_id, new_key
from scenarios import contains, equal, true, wait_for

NEVER_NEGATIVE = "debits_must_not_exceed_credits"


def two_accounts(bank, funds="100.00"):
    """A source outside, and two accounts of which the first has money."""
    outside = bank.open_account()
    rich, poor = bank.open_account(NEVER_NEGATIVE), bank.open_account(NEVER_NEGATIVE)
    bank.move(outside, rich, funds)
    return outside, rich, poor


def but_who(shown):
    """Without what the answer to whoever made it does not say."""
    return {name: value for name, value in shown.items()
            if name not in ("by", "client_id", "request_id")}


def transfer_body(debit, credit, amount, **more):
    return {"debit_account_id": debit, "credit_account_id": credit, "amount": amount,
            "currency": "USD", **more}


# --- accounts -----------------------------------------------------------------------------------


def test_an_account_has_what_was_asked_for(bank):
    body = {"currency": "USD", "code": 7, "flags": [NEVER_NEGATIVE, "history"], "name": "Deposits",
            "owner": "ann", "credit_balance_max": "1000.00", "user_data_64": "42",
            "user_data_128": "340282366920938463463374607431768211455", "user_data_32": 9,
            "metadata": {"order": "4711"}}
    made = bank.post("/accounts", body).expect(201)
    shown = bank.get(f"/accounts/{made.json['account_id']}").expect(200)
    equal(shown.json, made.json, "the account shown")
    equal(shown.etag, made.etag, "its ETag")
    for name, value in body.items():
        equal(shown.json[name], value, name)
    equal((shown.json["balance"], shown.json["status"]), ("0.00", "open"))
    bank.get(f"/accounts/{new_id('acc')}").expect(404, "not_found")


def test_an_id_of_the_client_opens_one_account(bank):
    body = {"account_id": new_id("acc"), "currency": "EUR", "code": 1}
    made = bank.post("/accounts", body).expect(201).json
    equal(bank.post("/accounts", body).expect(201).json, made, "the same id and content again")
    bank.post("/accounts", {**body, "code": 2}).expect(409, "exists_with_different_code")
    bank.post("/accounts", {**body, "currency": "USD"}).expect(409,
                                                               "exists_with_different_currency")


def test_contradicting_rules_open_no_account(bank):
    both = [NEVER_NEGATIVE, "credits_must_not_exceed_debits"]
    bank.post("/accounts", {"currency": "USD", "code": 1, "flags": both}).expect(
        422, "flags_are_mutually_exclusive")
    for code in (0, 65536):
        bank.post("/accounts", {"currency": "USD", "code": code}).expect(400, "invalid_field",
                                                                         "code")
    bank.post("/accounts", {"currency": "USD", "code": 1, "credit_balance_max": "1.00",
                            "credit_balance_min": "2.00"}).expect(422, "limits_contradict")


def test_limits_and_names_change(bank):
    outside, account, _ = two_accounts(bank)
    path = f"/accounts/{account}"
    body = {"name": "Renamed", "credit_balance_max": "150.00", "metadata": {"a": "b"}}
    changed = bank.request("PATCH", path, body).expect(200).json
    equal((changed["name"], changed["credit_balance_max"]), ("Renamed", "150.00"))
    bank.post("/transfers", transfer_body(outside, account, "50.01")).expect(
        422, "exceeds_credit_balance_max")
    gone = bank.request("PATCH", path, {"remove_limits": ["credit_balance_max"]}).expect(200).json
    true("credit_balance_max" not in gone, "the limit to be gone")
    bank.request("PATCH", path, {"credit_balance_max": "1", "credit_balance_min": "2"}).expect(
        422, "limits_contradict")
    bank.request("PATCH", f"/accounts/{new_id('acc')}", {"name": "x"}).expect(404, "not_found")


def test_a_frozen_account_moves_nothing_until_unfrozen(bank):
    outside, account, _ = two_accounts(bank)
    frozen = bank.post(f"/accounts/{account}/freeze", {"mode": "debits", "reason": "review"},
                       key=None).expect(200).json
    equal((frozen["status"], frozen["flags"]), ("frozen", [NEVER_NEGATIVE, "debits_frozen"]))
    bank.post("/transfers", transfer_body(account, outside, "1.00")).expect(
        409, "debit_account_frozen")
    bank.move(outside, account, "1.00")
    both = bank.post(f"/accounts/{account}/freeze", {"mode": "credits"}, key=None).expect(200).json
    equal(both["flags"], [NEVER_NEGATIVE, "debits_frozen", "credits_frozen"], "freezes that add up")
    bank.post("/transfers", transfer_body(outside, account, "1.00")).expect(
        409, "credit_account_frozen")
    bank.post("/transfers", transfer_body(account, outside, "1.00")).expect(
        409, "debit_account_frozen")
    left = bank.post(f"/accounts/{account}/unfreeze", {"mode": "credits"}, key=None).expect(200)
    equal((left.json["status"], left.json["flags"]), ("frozen", [NEVER_NEGATIVE, "debits_frozen"]))
    equal(bank.post(f"/accounts/{account}/unfreeze", {}, key=None).expect(200).json["status"],
          "open")
    bank.move(account, outside, "1.00")


def test_histories_say_who_did_it_and_why(bank):
    outside, account, _ = two_accounts(bank)
    made = bank.post("/transfers", transfer_body(account, outside, "1.00"),
                     **{"X-Request-Id": "order-4711"}).expect(201)
    bank.request("PATCH", f"/accounts/{account}", {"credit_balance_max": "500.00"}).expect(200)
    frozen = bank.post(f"/accounts/{account}/freeze", {"mode": "debits", "reason": "review"},
                       key=None).expect(200)
    [moved, updated, stopped] = bank.entries(account)[-3:]
    equal((stopped["kind"], stopped["reason"], stopped["flags"], stopped["request_id"]),
          ("frozen", "review", [NEVER_NEGATIVE, "debits_frozen"], frozen.headers["x-request-id"]))
    equal((updated["kind"], updated["credit_balance_max"]), ("updated", "500.00"))
    shown = bank.get(f"/transfers/{made.json['transfer_id']}").expect(200).json
    [listed] = [t for t in bank.pages("/transfers", "transfers", account_id=account)
                if t["transfer_id"] == shown["transfer_id"]]
    for one in (moved, shown, listed):
        equal((one["by"], one["client_id"], one["request_id"]),
              ("dev", "dev", "order-4711"), "who did it")


def test_only_an_empty_account_is_closed(bank):
    outside, account, _ = two_accounts(bank, "3.00")
    path = f"/accounts/{account}/close"
    bank.post(path, {"reason": "over"}, key=None).expect(409, "account_not_empty")
    bank.move(account, outside, "3.00")
    equal(bank.post(path, {}, key=None).expect(200).json["status"], "closed")
    bank.post(path, {}, key=None).expect(409, "account_closed")
    for action in ("freeze", "unfreeze"):
        bank.post(f"/accounts/{account}/{action}", {}, key=None).expect(409, "account_closed")
    bank.request("PATCH", f"/accounts/{account}", {"name": "x"}).expect(409, "account_closed")
    bank.post("/transfers", transfer_body(outside, account, "1.00")).expect(
        409, "credit_account_already_closed")
    bank.post("/transfers", transfer_body(account, outside, "1.00")).expect(
        409, "debit_account_already_closed")


def test_a_change_needs_the_version_it_was_made_for(bank):
    account = bank.open_account()
    path = f"/accounts/{account}"
    first = bank.get(path).expect(200).etag
    second = bank.request("PATCH", path, {"name": "a"}, headers={"If-Match": first}).expect(200)
    bank.request("PATCH", path, {"name": "b"}, headers={"If-Match": first}).expect(
        412, "precondition")
    equal(bank.account(account)["name"], "a", "the name")
    bank.request("PATCH", path, {"name": "c"}, headers={"If-Match": second.etag}).expect(200)
    bank.request("PATCH", path, {"name": "d"}, headers={"If-Match": "*"}).expect(200)
    bank.request("PATCH", path, {"name": "e"}, headers={"If-None-Match": "*"}).expect(
        412, "precondition")
    now = bank.get(path).etag
    bank.request("GET", path, headers={"If-Match": first}).expect(412, "precondition")
    bank.request("PATCH", path, {"name": "f"}, headers={"If-Match": f"{first}, {now},"}).expect(200)


def test_pages_of_accounts_have_each_once(bank):
    mine = {bank.open_account(currency="JPY", code=31) for _ in range(7)}
    seen = [a["account_id"] for a in bank.pages("/accounts", "accounts", limit=2, currency="JPY",
                                                code=31)]
    equal((len(seen), set(seen)), (7, mine), "the accounts of all pages")
    page = bank.get("/accounts", limit=2, currency="JPY", code=31)
    cursor, rows = page.json["next_cursor"], int(page.headers["x-rows-looked-at"])
    true(3 <= rows <= 2001, f"rows that were looked at: {rows}")
    few = bank.get("/accounts", limit=1).headers["x-rows-looked-at"]
    true(int(few) <= 4, f"few rows without a filter: {few}")
    again = [bank.get("/accounts", limit=2, currency="JPY", code=31, cursor=cursor).json
             for _ in range(2)]
    equal(again[0], again[1], "a page asked for twice")
    bank.get("/accounts", cursor="AAAA").expect(400, "invalid_cursor")
    bank.get("/accounts", limit=0).expect(400, field="limit")
    bank.get("/accounts", limit=1001).expect(400, field="limit")


# --- what an account has seen ---------------------------------------------------------------------


def test_entries_tell_the_balance_after_each(bank):
    outside, rich, poor = two_accounts(bank)
    bank.move(rich, poor, "30.00", code=5)
    bank.move(poor, outside, "4.50")
    entries = bank.entries(poor)
    equal([(e["kind"], e["direction"], e["amount"], e["balance"]) for e in entries],
          [("opened", "none", "0.00", "0.00"), ("posted", "credit", "30.00", "30.00"),
           ("posted", "debit", "4.50", "25.50")], "the entries")
    only = bank.get(f"/accounts/{poor}/entries", direction="credit", code=5).expect(200).json
    equal([e["amount"] for e in only["entries"]], ["30.00"], "the credits with code 5")
    bank.get(f"/accounts/{new_id('acc')}/entries").expect(404, "not_found")
    bank.get(f"/accounts/{poor}/entries", cursor="x!").expect(400, field="cursor")


def test_balances_as_of_a_moment(bank):
    outside, rich, _ = two_accounts(bank)
    before = bank.entries(rich)[-1]["recorded_time"]
    opened = bank.account(rich)["opened_time"]
    bank.move(rich, outside, "1.00", effective_time=opened)
    for early in ("1970-01-01T00:00:00Z", "2020-01-01T00:00:00Z"):
        bank.post("/transfers", transfer_body(rich, outside, "1.00", effective_time=early)).expect(
            422, "effective_time_before_account", "effective_time")
    path = f"/accounts/{rich}/balance"
    equal(bank.get(path).expect(200).json["balance"], "99.00")
    equal(bank.get(path, at=before, time="recorded").expect(200).json["balance"], "100.00")
    equal(bank.get(path, at=opened).expect(200).json["balance"], "1.00")
    equal(bank.get(path, at=opened).json["balance_side"], "debit")
    equal(bank.get(path, at="2020-06-01T00:00:00Z").expect(200).json["balance"], "0.00")
    bank.get(f"/accounts/{new_id('acc')}/balance").expect(404, "not_found")


def test_transactions_of_an_account_newest_first(bank):
    outside, rich, poor = two_accounts(bank)
    bank.move(rich, poor, "2.00")
    lines = bank.pages(f"/transactions/{rich}", "transactions", limit=1)
    equal([(t["type"], t["amount"]) for t in lines], [("debit", "2.00"), ("credit", "100.00")])
    bank.get(f"/transactions/{new_id('acc')}").expect(404, "not_found")


def test_a_statement_adds_up(bank):
    outside, rich, poor = two_accounts(bank)
    bank.move(rich, poor, "30.00", description="rent")
    bank.move(poor, outside, "4.50")
    path = f"/accounts/{poor}/statement"
    found = bank.get(path).expect(200).json
    equal([(line["type"], line["amount"], line["balance"]) for line in found["lines"]],
          [("credit", "30.00", "30.00"), ("debit", "4.50", "25.50")], "the lines, oldest first")
    equal((found["opening_balance"], found["credits"], found["debits"], found["closing_balance"]),
          ("0.00", "30.00", "4.50", "25.50"), "before, in, out, after")
    first, second = found["lines"]
    equal(first["description"], "rent")
    equal(first["value_date"], first["timestamp"][:10])
    later = {"from": second["timestamp"]}
    found = bank.get(path, **later).expect(200).json
    equal((found["opening_balance"], len(found["lines"])), ("30.00", 1), "from the second line on")
    equal(bank.pages(path, "lines", limit=1), [first, second])
    bank.get(path, to=first["timestamp"], **later).expect(400, "interval_backwards", "to")
    bank.get(f"/accounts/{new_id('acc')}/statement").expect(404, "not_found")


def test_a_statement_comes_as_a_table(bank):
    _, rich, poor = two_accounts(bank)
    wanted = ["=rent", 'for "two", or more', ""]
    for text in wanted:
        bank.move(rich, poor, "1.50", **({"description": text} if text else {}))
    path, rows, link = f"/accounts/{poor}/statement", [], f"/accounts/{poor}/statement?limit=2"
    while link:
        page = bank.request("GET", link, headers={"Accept": "text/csv"}).expect(200)
        equal(page.headers["content-type"], "text/csv; charset=utf-8; header=present")
        rows += csv.DictReader(io.StringIO(page.body.decode()))
        link = re.search('<(.*)>; rel="next"', page.headers.get("link", ""))
        link = link and link[1]
    lines = bank.get(path).expect(200).json["lines"]
    equal([row["description"] for row in rows], ["'=rent"] + wanted[1:])
    for row, line in zip(rows, lines):
        equal({name: row[name] for name in ("transfer_id", "amount", "balance", "code")},
              {name: str(line[name]) for name in ("transfer_id", "amount", "balance", "code")})
    found = bank.request("GET", path, headers={"Accept": "text/csv;q=0.5, application/json"})
    equal(found.headers["content-type"], "application/json")
    bank.request("GET", path + "?from=x", headers={"Accept": "text/csv"}).expect(
        400, "invalid_field", "from")


# --- transfers ------------------------------------------------------------------------------------


def test_a_transfer_moves_money_once(bank):
    outside, rich, poor = two_accounts(bank)
    body = transfer_body(rich, poor, "10.00", transfer_id=new_id("trf"), description="rent",
                         metadata={"month": "may"}, user_data_64="12")
    made = bank.post("/transfers", body).expect(201).json
    equal((made["status"], made["amount"], made["description"]), ("posted", "10.00", "rent"))
    equal(but_who(bank.get(f"/transfers/{made['transfer_id']}").expect(200).json), made)
    equal(bank.post("/transfers", body).expect(201).json, made, "the same id and content again")
    for field, other in (("amount", "11.00"), ("debit_account_id", poor), ("description", "flat"),
                         ("user_data_64", "13"), ("metadata", {}), ("code", 2)):
        bank.post("/transfers", {**body, field: other}).expect(
            409, f"exists_with_different_{field}", field)
    equal(bank.account(poor)["balance"], "10.00", "what was moved")


def test_what_a_transfer_must_not_be(bank):
    outside, rich, poor = two_accounts(bank)
    euros = bank.open_account(currency="EUR")
    for body, status, code in (
            (transfer_body(rich, rich, "1.00"), 422, "accounts_must_be_different"),
            (transfer_body(rich, poor, "0.00"), 422, "amount_must_not_be_zero"),
            (transfer_body(rich, poor, "100.01"), 422, "exceeds_credits"),
            (transfer_body(rich, euros, "1.00"), 422, "accounts_must_have_the_same_currency"),
            (transfer_body(rich, poor, "1.00", currency="EUR"), 422,
             "transfer_must_have_the_same_currency_as_accounts"),
            (transfer_body(new_id("acc"), poor, "1.00"), 404, "debit_account_not_found"),
            (transfer_body(rich, new_id("acc"), "1.00"), 404, "credit_account_not_found"),
            (transfer_body(rich, poor, "1.00", code=0), 400, "invalid_field"),
            (transfer_body(rich, poor, "1.00", code=65536), 400, "invalid_field"),
            (transfer_body(rich, poor, "1.00", timeout_s=5), 422,
             "timeout_reserved_for_pending_transfer"),
            (transfer_body(rich, poor, "1.00", flags=["pending"], timeout_s=0), 400,
             "invalid_field"),
            (transfer_body(rich, poor, "1.00", flags=["pending", "post_pending"]), 422,
             "flags_are_mutually_exclusive"),
            (transfer_body(rich, poor, "1.00", effective_time="2500-01-01T00:00:00Z"), 422,
             "effective_time_in_future")):
        bank.post("/transfers", body).expect(status, code)
    equal(bank.account(rich)["version"], "2", "the version of an account nothing happened to")


def test_all_that_a_transfer_lacks_is_told_at_once(bank):
    """Amount and receiver may be left out with some flags: without them they are as missing."""
    def lacking(path, body):
        answer = bank.post(path, body).expect(400, "missing_field")
        equal({error["rule"] for error in answer.json["errors"]}, {"is required"})
        return [error["field"] for error in answer.json["errors"]]

    _, rich, poor = two_accounts(bank)
    equal(lacking("/transfers", {"flags": ["pending"]}),
          ["debit_account_id", "credit_account_id", "amount", "currency"])
    equal(lacking("/transfers/batch", {"transfers": [{"debit_account_id": rich}]}),
          ["transfers[0].credit_account_id", "transfers[0].amount", "transfers[0].currency"])
    equal(lacking("/transactions", {"legs": [{"currency": "USD"}]}),
          ["legs[0].debit_account_id", "legs[0].credit_account_id", "legs[0].amount"])
    most = {**transfer_body(rich, poor, "1.00", flags=["balancing_debit"])}
    del most["amount"]
    bank.post("/transfers", most).expect(201)


def test_a_refused_id_stays_refused(bank):
    outside, rich, poor = two_accounts(bank)
    body = transfer_body(rich, poor, "500.00", transfer_id=new_id("trf"))
    bank.post("/transfers", body).expect(422, "exceeds_credits")
    bank.move(outside, rich, "900.00")
    bank.post("/transfers", body).expect(409, "id_already_failed")
    equal(bank.account(poor)["balance"], "0.00")


def test_a_pending_transfer_is_posted_in_parts(bank):
    _, rich, poor = two_accounts(bank)
    held = bank.move(rich, poor, "60.00", flags=["pending"], timeout_s=600)
    path = f"/transfers/{held['transfer_id']}"
    account = bank.account(rich)
    equal((account["available"], account["open_hold_count"], account["holds"][0]["amount"]),
          ("40.00", 1, "60.00"), "the payer's account")
    bank.post(f"{path}/post", {"amount": "20.00", "keep_remainder": True}).expect(201)
    bank.post(f"{path}/post", {"amount": "40.01"}).expect(422, "exceeds_pending_transfer_amount")
    bank.post(f"{path}/post", {"amount": "0"}).expect(422, "amount_must_not_be_zero")
    bank.post(f"{path}/post", {"amount": "1.00", "currency": "EUR"}).expect(422,
                                                                            "currency_mismatch")
    bank.post(f"{path}/post", {"amount": "5.00"}).expect(201)
    bank.post(f"{path}/post", {}).expect(409, "pending_transfer_already_posted")
    bank.post(f"{path}/void", {}).expect(409, "pending_transfer_already_posted")
    equal((bank.account(rich)["balance"], bank.account(rich)["available"]), ("75.00", "75.00"))
    shown = bank.get(path).expect(200).json
    equal((shown["status"], shown["posted_amount"], shown["remaining_amount"]),
          ("posted", "25.00", "0.00"))


def test_a_pending_transfer_is_voided(bank):
    _, rich, poor = two_accounts(bank)
    held = bank.move(rich, poor, "60.00", flags=["pending"])
    path = f"/transfers/{held['transfer_id']}"
    bank.post(f"{path}/void", {"description": "cancelled"}).expect(201)
    bank.post(f"{path}/void", {}).expect(409, "pending_transfer_already_voided")
    bank.post(f"{path}/post", {}).expect(409, "pending_transfer_already_voided")
    equal(bank.account(rich)["available"], "100.00", "what can be spent again")
    for action in ("post", "void"):
        bank.post(f"/transfers/{new_id('trf')}/{action}", {}).expect(404)
    plain = bank.move(rich, poor, "1.00")["transfer_id"]
    bank.post(f"/transfers/{plain}/void", {}).expect(422, "pending_transfer_not_pending")


def test_a_pending_transfer_expires_by_itself(bank):
    _, rich, poor = two_accounts(bank)
    held = bank.move(rich, poor, "60.00", flags=["pending"], timeout_s=1)
    path = f"/transfers/{held['transfer_id']}"
    wait_for(lambda: bank.get(path).json["status"] == "expired", "it to expire", 10)
    equal(bank.account(rich)["available"], "100.00", "what can be spent again")
    bank.post(f"{path}/post", {}).expect(409, "pending_transfer_expired")


def test_a_transfer_is_reversed_once(bank):
    _, rich, poor = two_accounts(bank)
    moved = bank.move(rich, poor, "10.00")["transfer_id"]
    back = bank.post(f"/transfers/{moved}/reverse", {"description": "twice"}).expect(201).json
    equal((back["reverses_id"], back["amount"]), (moved, "10.00"))
    equal(bank.get(f"/transfers/{moved}").json["reversed_by_id"], back["transfer_id"])
    bank.post(f"/transfers/{moved}/reverse", {}).expect(409, "already_reversed")
    held = bank.move(rich, poor, "1.00", flags=["pending"])["transfer_id"]
    bank.post(f"/transfers/{held}/reverse", {}).expect(409, "transfer_not_posted")
    bank.post(f"/transfers/{new_id('trf')}/reverse", {}).expect(404, "not_found")
    equal(bank.account(rich)["balance"], "100.00")


def batch_item(debit, credit, units, **more):
    """With as few fields as a single transfer has."""
    return {"transfer_id": new_id("trf"), "debit_account_id": debit, "credit_account_id": credit,
            "amount": units, "currency": "USD", **more}


def test_a_batch_answers_for_each_transfer(bank):
    _, rich, poor = two_accounts(bank)
    items = [batch_item(rich, poor, "10.00"), batch_item(rich, poor, "1000.00"),
             batch_item(rich, poor, "1.00", flags=["linked"]), batch_item(rich, rich, "1.00"),
             batch_item(rich, poor, "2.00")]
    found = bank.post("/transfers/batch", {"transfers": items}).expect(200).json
    equal([r["result"] for r in found["results"]],
          ["ok", "exceeds_credits", "linked_event_failed", "accounts_must_be_different", "ok"])
    equal((found["succeeded"], found["failed"]), (2, 3))
    again = bank.post("/transfers/batch", {"transfers": items[:1]}).expect(200).json
    equal([r["result"] for r in again["results"]], ["exists"], "the first one again")
    equal(bank.account(poor)["balance"], "12.00")
    bank.post("/transfers/batch", {"transfers": items[:1] * 1001}).expect(400, field="transfers")


def test_a_batch_takes_what_a_single_transfer_takes(bank):
    _, rich, poor = two_accounts(bank)
    words = {"description": "two books", "metadata": {"order": "17"}}
    item = batch_item(rich, poor, "1.00", **words)
    unnamed = {k: v for k, v in batch_item(rich, poor, "2.00").items() if k != "transfer_id"}
    found = bank.post("/transfers/batch", {"transfers": [item, unnamed]}).expect(200).json
    equal(found["succeeded"], 2)
    shown = bank.get(f"/transfers/{item['transfer_id']}").expect(200).json
    equal({name: shown[name] for name in words}, words)
    made = bank.get(f"/transfers/{found['results'][1]['transfer_id']}").expect(200).json
    equal((made["amount"], made["code"]), ("2.00", 1))
    other = [{**item, "description": "three books"}, {**item, "reason": "a fault"}, item]
    again = bank.post("/transfers/batch", {"transfers": other}).expect(200).json
    equal([r["result"] for r in again["results"]],
          ["exists_with_different_description", "exists_with_different_reason", "exists"])


def test_an_id_belongs_to_one_reason(bank):
    _, rich, poor = two_accounts(bank)
    asked = batch_item(rich, poor, "1.00", reason="a fault")
    bank.post("/transfers", asked).expect(201)
    bank.post("/transfers", asked).expect(201)
    for reason in ({"reason": "a theft"}, {}):
        other = {k: v for k, v in asked.items() if k != "reason"}
        bank.post("/transfers", {**other, **reason}).expect(409, "exists_with_different_reason")
    back = {"reversal_id": new_id("trf"), "reason": "found"}
    for reason, status in (("found", 201), ("found", 201), ("lost", 409)):
        path = f"/transfers/{asked['transfer_id']}/reverse"
        bank.post(path, {**back, "reason": reason}).expect(status)


def test_the_document_has_every_refusal_of_a_reversal(bank):
    """Each answer of this client is compared with the document."""
    for act, body, status, code in (
            ({"mode": "debits"}, {}, 409, "debit_account_frozen"),
            (None, {"effective_time": "2100-01-01T00:00:00Z"}, 422, "effective_time_in_future"),
            (None, {"effective_time": "2020-01-01T00:00:00Z"}, 422,
             "effective_time_before_account"),
            (None, {"reversal_id": "txn_" + "0" * 26}, 422, "id_must_not_be_zero"),
            (None, {"reversal_id": "txn_7" + "Z" * 25}, 422, "id_must_not_be_int_max")):
        _, rich, poor = two_accounts(bank)
        leg = {"debit_account_id": rich, "credit_account_id": poor, "amount": "1.00",
               "currency": "USD"}
        made = bank.post("/transactions", {"legs": [leg]}).expect(201).json["transaction_id"]
        moved = bank.move(rich, poor, "1.00")["transfer_id"]
        if act is not None:
            bank.request("POST", f"/accounts/{poor}/freeze", act).expect(200)
        bank.post(f"/transactions/{made}/reverse", body).expect(status, code)
        body = {k: v.replace("txn_", "trf_") for k, v in body.items()}
        bank.post(f"/transfers/{moved}/reverse", body).expect(status, code)
    bank.post("/transfers", batch_item(rich, poor, "1.00", flags=["linked"])).expect(
        422, "linked_event_chain_open")
    wallet = bank.open_wallet(funds="1.00")
    most = {"amount": "3402823669209384634633746074317682114.55"}
    for way in ("fund", "withdraw", "holds"):
        bank.post(f"/wallets/{wallet}/{way}", most).expect(422)


def test_transfers_are_found_by_what_they_have(bank):
    _, rich, poor = two_accounts(bank)
    # In the order of ids, which within a millisecond is none of time.
    ids = sorted(bank.move(rich, poor, "1.00", code=77, user_data_64="5")["transfer_id"]
                 for _ in range(5))
    found = bank.pages("/transfers", "transfers", code=77, limit=2)
    equal([t["transfer_id"] for t in found], ids[::-1], "the transfers with code 77, newest first")
    of_account = bank.pages("/transfers", "transfers", account_id=poor, limit=3)
    equal({t["transfer_id"] for t in of_account}, set(ids), "the transfers of the account")
    equal(bank.get("/transfers", code=77, status="voided").expect(200).json["transfers"], [])
    bank.get("/transfers", status="lost").expect(400, field="status")
    bank.get(f"/transfers/{new_id('trf')}").expect(404, "not_found")


# --- several legs, and the whole ------------------------------------------------------------------


def leg(debit, credit, amount, **more):
    return transfer_body(debit, credit, amount, **more)


def test_a_transaction_does_all_legs_or_none(bank):
    _, rich, poor = two_accounts(bank)
    fees = bank.open_account()
    body = {"transaction_id": new_id("txn"), "description": "purchase with fee",
            "legs": [leg(rich, poor, "10.00"), leg(rich, fees, "0.50", code=9)]}
    made = bank.post("/transactions", body).expect(201).json
    equal([t["amount"] for t in made["transfers"]], ["10.00", "0.50"])
    path = f"/transactions/{made['transaction_id']}/transfers"
    shown = bank.get(path).expect(200).json["transfers"]
    equal([transfer["by"] for transfer in shown], ["dev", "dev"])
    equal([but_who(transfer) for transfer in shown], made["transfers"])
    equal(bank.post("/transactions", body).expect(201).json, made, "what was asked for again")
    bank.post("/transactions", {**body, "description": "x"}).expect(409, "transaction_exists")
    refused = {"legs": [leg(rich, poor, "10.00"), leg(rich, fees, "500.00")]}
    answer = bank.post("/transactions", refused).expect(422, "exceeds_credits")
    assert answer.json["failed_leg"] == 1, answer
    equal([error["field"] for error in answer.json["errors"]], ["legs[1].amount"])
    refused["legs"][1] = leg(rich, fees, "0")
    bank.post("/transactions", refused).expect(422, "amount_must_not_be_zero", "legs[1].amount")
    bank.post("/transactions", {**body, "transaction_id": "txn_" + "0" * 26}).expect(
        422, "id_must_not_be_zero", "transaction_id")
    bank.post("/transactions", {"legs": []}).expect(422, "legs_missing")
    bank.get(f"/transactions/{new_id('txn')}/transfers").expect(404, "not_found")
    equal([bank.account(a)["balance"] for a in (rich, poor, fees)], ["89.50", "10.00", "0.50"])


def test_a_transaction_is_reversed_whole_and_once(bank):
    _, rich, poor = two_accounts(bank)
    fees = bank.open_account()
    made = bank.post("/transactions", {"legs": [leg(rich, poor, "10.00"),
                                                leg(rich, fees, "0.50")]}).expect(201).json
    path, words = f"/transactions/{made['transaction_id']}/reverse", {"description": "returned"}
    back = bank.post(path, words).expect(201).json
    equal([t["reverses_id"] for t in back["transfers"]],
          [t["transfer_id"] for t in made["transfers"]][::-1])
    equal((back["reverses_id"], back["description"]), (made["transaction_id"], "returned"))
    equal([bank.account(a)["balance"] for a in (rich, poor, fees)], ["100.00", "0.00", "0.00"])
    bank.post(path, words).expect(409, "already_reversed")
    single = f"/transfers/{made['transfers'][0]['transfer_id']}/reverse"
    bank.post(single, {}).expect(409, "already_reversed")
    whole = bank.get(f"/transactions/{made['transaction_id']}/transfers").expect(200).json
    equal(whole["reversed_by_id"], back["transaction_id"])
    bank.post(f"/transactions/{new_id('txn')}/reverse", {}).expect(404, "not_found")


def test_a_transfer_of_a_transaction_is_reversed_alone(bank):
    """The transaction shows it, and cannot be reversed as a whole any more; the rest can alone."""
    _, rich, poor = two_accounts(bank)
    fees = bank.open_account()
    made = bank.post("/transactions", {"legs": [leg(rich, poor, "10.00"),
                                                leg(rich, fees, "0.50")]}).expect(201).json
    path = f"/transactions/{made['transaction_id']}"
    sale, fee = [t["transfer_id"] for t in made["transfers"]]
    back = bank.post(f"/transfers/{fee}/reverse").expect(201).json
    equal((back["reverses_id"], "transaction_id" in back), (fee, False), "what moved it back")
    shown = bank.get(f"{path}/transfers").expect(200).json
    equal([t.get("reversed_by_id") for t in shown["transfers"]], [None, back["transfer_id"]])
    true("reversed_by_id" not in shown, "the transaction not to be reversed as a whole")
    equal([bank.account(a)["balance"] for a in (rich, poor, fees)], ["90.00", "10.00", "0.00"])
    refused = bank.post(f"{path}/reverse").expect(409, "already_reversed")
    equal(refused.json["failed_leg"], 1, "the leg that was reversed before")
    bank.post(f"/transfers/{fee}/reverse").expect(409, "already_reversed")
    rest = bank.post(f"/transfers/{sale}/reverse").expect(201).json["transfer_id"]
    shown = bank.get(f"{path}/transfers").expect(200).json
    equal([t["reversed_by_id"] for t in shown["transfers"]], [rest, back["transfer_id"]])
    equal([bank.account(a)["balance"] for a in (rich, poor, fees)], ["100.00", "0.00", "0.00"])


def test_a_transaction_of_an_account_that_is_not_there_leaves_nothing(bank):
    _, rich, _ = two_accounts(bank)
    late, key = new_id("acc"), new_key()
    body = {"legs": [{"debit_account_id": rich, "credit_account_id": late, "amount": "1.00",
                      "currency": "USD"}]}
    bank.post("/transactions", body, key).expect(404, "credit_account_not_found")
    bank.open_account(account_id=late)
    true(not bank.post("/transactions", body, key).expect(201).replayed, "it to be decided anew")


def test_the_books_balance(bank):
    lines = bank.check_books()
    contains([line["currency"] for line in lines], "USD", "EUR", "JPY")
    bank.get("/trial-balance", currency="USD").expect(400, "unknown_field")
    path, day = "/trial-balance/at", "2100-01-01T00:00:00Z"
    past = bank.get(path, at=day, time="recorded").expect(200).json
    lines = bank.get("/trial-balance").expect(200).json["lines"]
    equal([{k: v for k, v in line.items() if k != "transfer_count"} for line in lines],
          past["lines"], "the books of a day to come, as they are now")
    equal(bank.get(path, at="2000-01-01T00:00:00Z").expect(200).json["lines"], [])
    bank.get(path).expect(400, "missing_field", "at")


# --- once and again -------------------------------------------------------------------------------


def test_a_key_gives_the_first_answer_again(bank):
    _, rich, poor = two_accounts(bank)
    key, body = new_key(), transfer_body(rich, poor, "10.00")
    first = bank.post("/transfers", body, key=key).expect(201)
    other_spelling = '{"currency":"USD", "amount" : "10.0", "credit_account_id":"%s",' \
        '"debit_account_id":"%s"}' % (poor, rich)
    for spelled in (body, other_spelling):
        again = bank.post("/transfers", spelled, key=key)
        equal((again.status, again.body, again.replayed), (201, first.body, True), "the answer")
    true(not first.replayed, "the first answer not to be marked as repeated")
    bank.post("/transfers", {**body, "amount": "10.01"}, key=key).expect(422, "key_reused")
    equal(bank.account(poor)["balance"], "10.00")


def test_a_key_remembers_refusals(bank):
    outside, rich, poor = two_accounts(bank)
    key, body = new_key(), transfer_body(rich, poor, "150.00")
    bank.post("/transfers", body, key=key).expect(422, "exceeds_credits")
    bank.move(outside, rich, "900.00")
    bank.post("/transfers", body, key=key).expect(422, "exceeds_credits")
    equal(bank.account(poor)["balance"], "0.00")


def test_a_key_belongs_to_all_operations(bank):
    """Of one shard: an account without an id may be opened in another one."""
    _, rich, poor = two_accounts(bank)
    key = new_key()
    bank.post("/transfers", transfer_body(rich, poor, "1.00"), key=key).expect(201)
    bank.post("/accounts", {"account_id": new_id("acc"), "currency": "USD", "code": 1},
              key=key).expect(422, "key_reused")


if __name__ == "__main__":
    sys.exit(openapi.run(globals(), lambda bank, payd: bank, "accounts",
                         "transfers", "transactions", "ledger"))
