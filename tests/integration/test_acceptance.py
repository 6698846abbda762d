#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The acceptance table: what clients of the replaced platform ask, and what they are answered now.

Each row is one request of theirs, at the port that they know. A row that is not built yet says what
it waits for and which request shows that; ./check counts it as skipped, and it fails once the
request is answered otherwise, so that the table follows what is built. Whoever builds a row
replaces its `waiting()` by a scenario.
"""
import base64
import re
import sys
import time

from openapi import Document
from payd import Client, Payd, new_key
from scenarios import contains, equal, run, skip, true

SERVICES = ("forex", "ledger", "payment", "profile", "rule_engine", "wallet")
ORIGIN = "http://localhost:3000"
ID = "pay_01J8Z3N5V7Q9C2K4M6P8R0T1W3"  # of nothing


class World:
    """A payd on its six ports, and a token of an administrator."""

    def __init__(self, payd):
        self.payd, self.token = payd, payd.token()
        self.documents = {service: Document(payd.at(service)) for service in SERVICES}

    def ask(self, service, method, path, body=None, token=True, key=None, headers=None):
        """One request at a service's port; its answer is one that the port declares."""
        with Client(self.payd.at(service), self.token if token else None) as client:
            answer = client.request(method, path, body, key, headers)
            self.documents[service].check(method, path, answer)
            return answer

    def get(self, service, path):
        return self.ask(service, "GET", path)

    def post(self, service, path, body=None):
        return self.ask(service, "POST", path, body, key=new_key())

    def wallets(self):
        """Two of one tenant: with 100.00 USD, and empty."""
        with self.payd.bank() as bank:
            return bank.open_wallet(funds="100.00"), bank.open_wallet()

    def payment(self, **more):
        payer, payee = self.wallets()
        body = {"amount": 10.50, "currency": "usd", "from_account": payer, "to_account": payee}
        return self.post("payment", "/payments", body | more).expect(201).json


def members(answer, *names):
    """The old members are all there."""
    contains(list(answer), *names)


def waiting(what, service, method, path, body=None, told=(404, "no_route")):
    """A row that is not built: the request is refused like this until it is."""
    def row(world):
        answer = world.ask(service, method, path, body, key=new_key())
        if (answer.status, answer.code) != told:
            raise AssertionError(f"it is built: give this row a scenario. {answer}")
        skip(f"row waits for {what}")
    return row


def refused(service, method, path, body, status, code, names):
    """A row whose answer is the same for everyone: a refusal that names what there is instead."""
    def row(world):
        for token in (False, True):
            found = world.ask(service, method, path, body, token=token).expect(status, code)
            contains(found.json["detail"], names)
        with Client(world.payd) as client:
            client.request(method, path, body).expect(status, code)
    return row


# --- every port ---------------------------------------------------------------------------------


def g1_health(world):
    for service in SERVICES:
        found = world.ask(service, "GET", "/health", token=False).expect(200)
        equal(found.body.decode(),
              f'{{"status":"healthy","service":"{service}_service","version":"1.0.0"}}')


def g2_about(world):
    for service in SERVICES:
        found = world.ask(service, "GET", "/", token=False).expect(200).json
        equal(list(found), ["service", "message", "endpoints"])
        equal(found["service"], service.replace("_", " ").title() + " Service")
        true(all(isinstance(one, str) for one in found["endpoints"]), "a list of paths")


def g3_documents(world):
    for service in SERVICES:
        contains(world.ask(service, "GET", "/docs", token=False).expect(200).headers,
                 "content-security-policy")
        equal(world.documents[service].json["openapi"], "3.1.0")


def g4_cors(world):
    asked = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
    for service in SERVICES:
        found = world.ask(service, "OPTIONS", "/health", token=False, headers=asked).expect(204)
        equal(found.headers["access-control-allow-origin"], ORIGIN)
        equal(found.headers["access-control-max-age"], "3600")
        foreign = world.ask(service, "OPTIONS", "/health", token=False,
                            headers=asked | {"Origin": "http://elsewhere.example"})
        true("access-control-allow-origin" not in foreign.headers, "nothing for other origins")


def g5_errors(world):
    found = world.post("payment", "/payments", {"amount": -1}).expect(400)
    equal(found.headers["content-type"], "application/problem+json")
    true(isinstance(found.json["detail"], str), "a detail in words")
    true(all(set(one) == {"field", "rule"} for one in found.json["errors"]), "field and rule")
    contains(found.fields(), "amount", "from_account")


def g6_unknown(world):
    for service in SERVICES:
        world.get(service, "/none").expect(404, "no_route")
        contains(world.ask(service, "DELETE", "/health").expect(405).headers["allow"], "GET")


# --- ledger -------------------------------------------------------------------------------------


def l1_transactions(world):
    """Posted entries, newest first, as a bare list; another tenant's account is not there."""
    wallet, other = world.wallets()
    for cents in range(1, 4):
        world.post("wallet", f"/wallets/{wallet}/transfer",
                   {"to_wallet_id": other, "amount": f"1.0{cents}"}).expect(201)
    account = wallet.replace("wal_", "acc_")
    found = world.get("ledger", f"/transactions/{account}?limit=3").expect(200)
    equal([(one["amount"], one["type"]) for one in found.json],
          [(1.03, "debit"), (1.02, "debit"), (1.01, "debit")])
    for one in found.json:
        members(one, "transaction_id", "account_id", "amount", "currency", "type", "timestamp")
    contains(found.headers["link"], 'rel="next"')
    equal(world.get("ledger", f"/transactions/{wallet}?limit=3").expect(200).json, found.json)
    with Client(world.payd.at("ledger"), world.payd.token(tenant="other")) as stranger:
        stranger.get(f"/transactions/{account}").expect(404, "not_found")


# --- payment ------------------------------------------------------------------------------------


def y1_create(world):
    found = world.payment()
    members(found, "payment_id", "status", "amount", "currency", "timestamp")
    equal((found["status"], found["amount"], found["currency"]), ("completed", 10.5, "USD"))
    world.post("payment", "/payments", {"amount": 1, "currency": "INR", "from_account": "ACC001",
                                        "to_account": "ACC002"}).expect(400)
    world.ask("payment", "POST", "/payments", {"amount": 1}).expect(400, "key_missing")


def y2_adapter_form(world):
    found = world.payment(customer_id="c-1", description="lunch", metadata={"order": "4711"},
                          adapter="wallet")
    members(found, "adapter", "details")
    equal(found["adapter"], "wallet")


FORM = {"amount": 10.5, "currency": "USD"}


def y2_rail(world):
    """Without wallets it would leave the platform."""
    refused = world.post("payment", "/payments", FORM).expect(422, "rail_not_configured")
    contains(refused.json["detail"], "GET /adapters")
    refused = world.post("payment", "/payments", FORM | {"adapter": "stripe"})
    contains(refused.expect(422, "adapter_unknown", "adapter").json["detail"], "GET /adapters")


def y3_show(world):
    made = world.payment()["payment_id"]
    found = world.get("payment", f"/payments/{made}?adapter=wallet").expect(200).json
    members(found, "payment_id", "status", "amount", "currency", "timestamp", "adapter", "details")
    world.get("payment", f"/payments/{ID}").expect(404, "not_found")
    world.get("payment", f"/payments/{made}?adapter=stripe").expect(422, "adapter_unknown")


def y4_capture(world):
    made = world.payment(capture="manual")["payment_id"]
    found = world.post("payment", f"/payments/{made}/capture?adapter=wallet").expect(200).json
    members(found, "payment_id", "status", "adapter", "details")
    equal(found["status"], "completed")
    world.post("payment", f"/payments/{made}/capture").expect(409, "payment_already_captured")


def y5_refund(world):
    made = world.payment()["payment_id"]
    refund = f"/payments/{made}/refund"
    equal(world.post("payment", refund, {"amount": 0.5, "reason": "late"}).expect(200)
          .json["status"], "partially_refunded")
    world.post("payment", refund, {"amount": 10.01}).expect(422, "refund_exceeds_captured")
    equal(world.post("payment", refund).expect(200).json["status"], "refunded")


def y6_cancel(world):
    made = world.payment(capture="manual")["payment_id"]
    cancel = f"/payments/{made}/cancel?adapter=wallet&reason=changed"
    equal(world.post("payment", cancel).expect(200).json["status"], "cancelled")
    made = world.payment()["payment_id"]
    world.post("payment", f"/payments/{made}/cancel").expect(409, "payment_already_captured")


def y1_declined(world):
    payer, payee = world.wallets()
    found = world.post("payment", "/payments", {"amount": 1000, "currency": "USD",
                                                "from_account": payer, "to_account": payee})
    equal(found.expect(422).code, "exceeds_credits", "the code until it is payment_declined")
    true(re.fullmatch("pay_[0-9A-Z]{26}", found.json["payment_id"]), "it is kept")
    skip("row waits for decisions: payment_declined")


def y7_adapters(world):
    found = world.get("payment", "/adapters").expect(200).json
    equal((found["adapters"], found["default"], found["count"]), (["wallet"], "wallet", 1))
    equal([set(one) for one in found["items"]], [{"adapter", "description"}])


# --- profile ------------------------------------------------------------------------------------


def p7_token(world):
    with Client(world.payd.at("profile")) as client:
        for grant, secret, status, error in (
                ("password", "dev-secret", 400, "unsupported_grant_type"),
                ("client_credentials", "wrong", 401, "invalid_client")):
            basic = base64.b64encode(f"dev:{secret}".encode()).decode()
            found = client.send("POST", "/oauth2/token", f"grant_type={grant}".encode(), {
                "Content-Type": "application/x-www-form-urlencoded",
                "Authorization": f"Basic {basic}"})
            equal((found.status, found.headers["cache-control"]), (status, "no-store"))
            equal(found.json["error"], error)
            contains(found.json, "error_description")


# --- rule engine --------------------------------------------------------------------------------

APPROVED = ('{"allowed":true,"rules_applied":["amount_limit","country_check","kyc_verification"],'
            '"risk_score":0.2,"message":"Transaction approved"}')
BLOCKED = ('{"allowed":false,"rules_applied":["country_sanctions"],"risk_score":1.0,'
           '"message":"Transaction blocked: High-risk country"}')
HIGH = ('{"allowed":false,"rules_applied":["high_value_review"],"risk_score":0.9,'
        '"message":"Transaction requires manual verification"}')
LARGE = ('{"allowed":false,"rules_applied":["large_withdrawal_limit"],"risk_score":0.7,'
         '"message":"Large withdrawal requires verification"}')
MONITORED = ('{"allowed":true,"rules_applied":["amount_limit","country_monitoring"],'
             '"risk_score":0.6,"message":"Transaction allowed with monitoring"}')
STANDARD = ('{"allowed":true,"rules_applied":["standard_verification"],"risk_score":0.3,'
            '"message":"Transaction approved"}')
EVALUATED = {
    APPROVED: [(5000, "transfer", "US"), (10000, "transfer", "US"), (0, "transfer", "US"),
               (9999.99, "transfer", "VE")],
    BLOCKED: [(1000, "transfer", "IR"), (100000.01, "withdrawal", "IR"), (1000, "transfer", "ir")],
    HIGH: [(100000.01, "transfer", "US"), (150000, "transfer", "US")],
    LARGE: [(75000, "withdrawal", "US")],
    MONITORED: [(10000, "transfer", "RU"), (25000, "transfer", "RU"), (50000, "transfer", "CN")],
    STANDARD: [(10000.01, "transfer", "US"), (75000, "transfer", "US"), (100000, "transfer", "US"),
               (50000, "withdrawal", "US"), (50000.01, "transfer", "CN")],
}


def asked(amount, kind, country):
    return {"transaction_amount": amount, "transaction_type": kind, "user_id": "ann",
            "country": country}


def r1_evaluate(world):
    """To the byte, without a key."""
    for answer, cases in EVALUATED.items():
        for case in cases:
            found = world.ask("rule_engine", "POST", "/evaluate", asked(*case)).expect(200)
            equal(found.body.decode(), answer, str(case))
    for case, field in (((-5, "transfer", "US"), "transaction_amount"),
                        ((5, "transfer", ""), "country"), ((5, "transfer", "U1"), "country"),
                        ((5, "transfer", "USA"), "country"),
                        (("NaN", "transfer", "US"), "transaction_amount"),
                        ((5, "", "US"), "transaction_type")):
        found = world.ask("rule_engine", "POST", "/evaluate", asked(*case)).expect(400)
        contains(found.fields(), field)
    world.ask("rule_engine", "POST", "/evaluate", asked(5, "transfer", "US"),
              token=False).expect(401)
    with Client(world.payd.at("rule_engine"), world.payd.token(scope="rules:read")) as client:
        client.post("/evaluate", asked(5, "transfer", "US")).expect(403)


def r1_together(world):
    """At the port of all services a score is a decimal text."""
    with Client(world.payd, world.token) as client:
        found = client.post("/evaluate", asked(5, "transfer", "US")).expect(200).json
    equal((found["allowed"], found["risk_score"]), (True, "0.2"))


def r2_rules(world):
    found = world.get("rule_engine", "/rules").expect(200).json
    equal(list(found), ["rules"])
    equal([one["id"] for one in found["rules"]], [f"rule_00{n}" for n in range(1, 7)])
    for one in found["rules"]:
        equal(list(one), ["id", "name", "type", "active"])
        true(one["active"] is True, "asked")
# --- forex --------------------------------------------------------------------------------------


def f1_rate(world):
    world.ask("forex", "GET", "/rates/CHF/SEK").expect(404, "rate_unknown")
    world.ask("forex", "GET", "/rates/CHF/XXX").expect(404, "rate_currency_unknown")
    world.ask("forex", "PUT", "/rates/USDINR", {"rate": 83.25}).expect(200)
    found = world.get("forex", "/rates/usd/INR").expect(200)
    members(found.json, "from_currency", "to_currency", "rate", "timestamp", "source", "manual",
            "observed_at", "age_ms", "derived", "version")
    true(b'"rate":83.25,' in found.body, "a number with the exact digits")
    equal(found.json["timestamp"], found.json["observed_at"])
    equal(world.get("forex", "/rates/INR/USD").expect(200).json["derived"], "inverse")
    same = world.get("forex", "/rates/USD/USD").expect(200).json
    equal((same["rate"], same["source"]), (1, "identity"))
    seen = {"rate": "9.50", "source": "ecb", "observed_at": "2026-01-31T10:00:00Z", "limit_s": 300}
    world.post("forex", "/rates/USDSEK/observations", seen).expect(200)
    world.ask("forex", "GET", "/rates/USD/SEK").expect(503, "rate_stale")
    true(world.get("forex", "/rates/USD/SEK?allow_stale=true").expect(200).json["stale"], "stale")


def f2_manual(world):
    for rate in (0, "1234567890123456789"):
        world.ask("forex", "PUT", "/rates/USDJPY", {"rate": rate}).expect(400, "rate_out_of_range")
    world.ask("forex", "PUT", "/rates/USDJP", {"rate": 1}).expect(400, "invalid_pair")
    world.ask("forex", "PUT", "/rates/USDUSD", {"rate": 1}).expect(422, "currencies_equal")
    body = {"rate": 149.30, "note": "the bank's"}
    found = world.ask("forex", "PUT", "/rates/usdjpy", body).expect(200).json
    equal((found["rate"], found["manual"], found["note"]), (149.3, True, "the bank's"))
    jump = {"rate": 170, "confirm": True}
    world.ask("forex", "PUT", "/rates/USDJPY", jump).expect(409, "rate_jump")
    second = world.payd.token(subject="second", scope="forex:write")
    with Client(world.payd.at("forex"), second) as client:
        client.request("PUT", "/rates/USDJPY", jump).expect(200)
    reader = world.payd.token(scope="forex:read")
    with Client(world.payd.at("forex"), reader) as client:
        client.request("PUT", "/rates/USDJPY", body).expect(403, "insufficient_scope")
    world.ask("forex", "DELETE", "/rates/USDJPY/manual").expect(200)
    world.ask("forex", "DELETE", "/rates/USDJPY/manual").expect(409, "rate_not_manual")
    history = world.get("forex", "/rates/USD/JPY/history").expect(200).json["observations"]
    equal([one["change"] for one in history], ["released", "fixed", "fixed"])
    equal(history[2]["note"], "the bank's")


def f3_pair(world):
    world.ask("forex", "PUT", "/rates/EURUSD", {"rate": "1.0870"}).expect(200)
    equal(world.get("forex", "/rates/eurusd").expect(200).json["rate"], 1.087)
    world.ask("forex", "GET", "/rates/EURUS").expect(400, "invalid_pair")


def f4_convert(world):
    def convert(to, amount):
        body = {"from_currency": "usd", "to_currency": to, "amount": amount}
        return world.ask("forex", "POST", "/convert", body)

    world.ask("forex", "PUT", "/rates/USDKWD", {"rate": 0.30712}).expect(200)
    deadline = time.monotonic() + 10
    while convert("KWD", 100).status != 200 and time.monotonic() < deadline:
        time.sleep(0.1)  # until every shard has been told
    found = convert("KWD", 100).expect(200)
    members(found.json, "from_currency", "to_currency", "amount", "converted_amount", "rate",
            "timestamp", "indicative")
    true(b'"converted_amount":30.712,' in found.body, "exact at three decimals")
    convert("CLF", 1).expect(404, "rate_unknown")


# --- wallet -------------------------------------------------------------------------------------


def w1_wallet(world):
    wallet, _ = world.wallets()
    found = world.get("wallet", f"/wallets/{wallet}").expect(200).json
    members(found, "wallet_id", "user_id", "balance", "currency", "status", "created_at")
    equal((found["balance"], found["status"]), (100.0, "active"))
    stranger = world.payd.token(subject="stranger", scope="wallets:read")
    with Client(world.payd.at("wallet"), stranger) as client:
        client.get(f"/wallets/{wallet}").expect(404, "not_found")


def w2_balance(world):
    wallet, other = world.wallets()
    world.post("payment", "/payments", {"amount": 40, "currency": "USD", "from_account": wallet,
                                        "to_account": other, "capture": "manual"}).expect(201)
    found = world.get("wallet", f"/wallets/{wallet}/balance").expect(200).json
    members(found, "wallet_id", "balance", "currency", "available_balance", "pending_balance")
    equal((found["balance"], found["available_balance"], found["pending_balance"]),
          (100.0, 60.0, 40.0))


def w3_transactions(world):
    wallet, _ = world.wallets()
    [found] = world.get("wallet", f"/wallets/{wallet}/transactions").expect(200).json
    members(found, "transaction_id", "wallet_id", "amount", "type", "timestamp")
    equal((found["amount"], found["type"]), (100.0, "deposit"))


def w3_direction(world):
    payer, payee = world.wallets()
    world.post("payment", "/payments", {"amount": 40, "currency": "USD", "from_account": payer,
                                        "to_account": payee}).expect(201)
    for wallet, wanted in ((payer, [("payment_out", "out"), ("deposit", "in")]),
                           (payee, [("payment_in", "in")])):
        found = world.get("wallet", f"/wallets/{wallet}/transactions").expect(200).json
        equal([(one["type"], one["direction"]) for one in found], wanted)


# --- the table ----------------------------------------------------------------------------------

PERSON = {"username": "ann", "password": "Secret-123", "email": "ann@example.org",
          "first_name": "Ann", "last_name": "Lee"}
ROWS = {
    "G1": g1_health,
    "G2": g2_about,
    "G3": g3_documents,
    "G4": g4_cors,
    "G5": g5_errors,
    "G6": g6_unknown,
    "F1": f1_rate,
    "F1 over an interval": waiting("forex", "forex", "GET",
                                   "/rates/USD/INR?start_time=2026-01-01T00:00:00Z",
                                   told=(400, "unknown_field")),
    "F2": f2_manual,
    "F3": f3_pair,
    "F4": f4_convert,
    "L1": l1_transactions,
    "Y1": y1_create,
    "Y1 declined": y1_declined,
    "Y2": y2_adapter_form,
    "Y2 over a rail": y2_rail,
    "Y3": y3_show,
    "Y4": y4_capture,
    "Y5": y5_refund,
    "Y6": y6_cancel,
    "Y7": y7_adapters,
    "Y8": refused("payment", "POST", "/webhooks/stripe", {"type": "x"}, 404, "adapter_unknown",
                  "GET /adapters"),
    "P1": waiting("profile", "profile", "POST", "/register?mode=instant", PERSON),
    "P2": waiting("profile", "profile", "POST", "/verify-email",
                  {"username": "ann", "code": "123456"}),
    "P3": waiting("profile", "profile", "POST", "/resend-verification-email?username=ann"),
    "P4": waiting("profile", "profile", "GET", "/verification-status/ann"),
    "P5": waiting("profile", "profile", "POST", "/auth/login",
                  {"username": "ann", "password": "Secret-123"}),
    "P6": refused("profile", "POST", "/auth/refresh?refresh_token=x&client_secret=y", None, 400,
                  "secret_in_query", "POST /oauth2/token"),
    "P7": p7_token,
    "P8": waiting("profile", "profile", "GET", "/auth/userinfo?access_token=x"),
    "P9": waiting("profile", "profile", "GET", "/auth/profile"),
    "P10": waiting("profile", "profile", "GET", "/auth/profile/ann"),
    "P11": waiting("profile", "profile", "PATCH", "/auth/profile/ann", {"first_name": "Anna"}),
    "P12": refused("profile", "POST", "/auth/reset-password",
                   {"username": "ann", "new_password": "Secret-124"}, 410, "reset_moved",
                   "identity server"),
    "P13": refused("profile", "GET", "/auth/credentials", None, 410, "credentials_not_served",
                   "register a client"),
    "P14": waiting("profile", "profile", "GET", "/profiles/ann"),
    "P15": waiting("profile", "profile", "GET", "/profiles/ann/kyc"),
    "P16": waiting("profile", "profile", "POST", "/profiles/ann/kyc/initiate",
                   {"verification_level": "basic"}),
    "P17": waiting("profile", "profile", "GET", "/profiles/ann/kyc/status"),
    "P18": waiting("profile", "profile", "POST", "/webhooks/complycube", {"type": "x"}),
    "R1": r1_evaluate,
    "R1 together": r1_together,
    "R2": r2_rules,
    "W1": w1_wallet,
    "W2": w2_balance,
    "W3": w3_transactions,
    "W3 direction": w3_direction,
}


def main():
    with Payd(service_ports="0") as payd:
        world = World(payd)
        return run({f"test_{name}": row for name, row in ROWS.items()}, lambda name: (world,), payd)


if __name__ == "__main__":
    sys.exit(main())
