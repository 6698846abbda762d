#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The services' own ports: which there are, and how what they show differs from the port of all."""
import decimal
import json
import re
import sys

from openapi import Document
from payd import Client, Payd, free_port, refused_start
from scenarios import contains, equal, run, true

TITLES = {"forex": "Forex Service", "ledger": "Ledger Service", "payment": "Payment Service",
          "profile": "Profile Service", "rule_engine": "Rule Engine Service",
          "wallet": "Wallet Service"}
BUILT = {"forex", "ledger", "payment", "rule_engine", "wallet"}  # operations that do something


def opened(payd):
    """Service to port, as the log says."""
    found = re.findall(r'"event":"serving_service","service":"(\w+)_service".*"port":(\d+)',
                       payd.stderr.read_text())
    return {service: int(port) for service, port in found}


def same_things(payd):
    """A wallet with five movements and a payment out of it."""
    with payd.bank() as bank:
        owner = bank.somebody()
        wallet, other = bank.open_wallet(owner), bank.open_wallet(owner, currency="EUR")
        for cents in range(1, 6):
            bank.fund(wallet, f"10.0{cents}")
        return wallet, other, bank.pay(wallet, bank.open_wallet(), "1.50")["payment_id"]


def numbers(answer):
    """The JSON of an answer with its numbers as they are written."""
    return json.loads(answer.body, parse_float=decimal.Decimal, parse_int=decimal.Decimal)


def test_each_port_says_whose_it_is(payd):
    for service, title in TITLES.items():
        with Client(payd.at(service)) as client:
            expected = f'{{"status":"healthy","service":"{service}_service","version":"1.0.0"}}'
            equal(client.get("/health").expect(200).body.decode(), expected)
            info = client.get("/").expect(200).json
            equal(list(info), ["service", "message", "endpoints"])
            equal(info["service"], title)
            contains(info["endpoints"], "/health", "/docs", "/openapi.json")
            equal(client.get("/health/live").expect(200).json["service"], f"{service}_service")
            equal(client.get("/health/ready").expect(200).json["status"], "ready")
            contains(client.get("/metrics").expect(200).body.decode(), "payd_build_info")
    with Client(payd) as client:
        equal(client.get("/health").expect(200).json["service"], "payment_platform")
        equal(list(client.get("/").json), ["service", "message", "version", "endpoints"])


def test_each_port_has_its_own_operations(payd):
    together = {}
    for service in TITLES:
        document = Document(payd.at(service))
        equal(document.json["info"]["title"], TITLES[service])
        works = {path for (_, path), operation in document.operations.items()
                 if not operation.get("deprecated")}
        equal(bool(works), service in BUILT, f"operations of {service}")
        equal(set(document.operations) & set(together), set(), "operations of two services")
        together |= document.operations
        with Client(payd.at(service)) as client:
            paths = client.get("/").json["endpoints"]
            contains(paths, *works)
    equal(set(together), set(Document(payd).operations), "all operations")


def test_what_is_elsewhere_is_told(payd):
    with payd.client() as known, Client(payd.at("wallet"), known.token) as client:
        told = client.get("/payments").expect(404, "no_route").json["detail"]
        contains(told, "Payment Service", f"port {payd.at('payment').port}")
        contains(client.get("/none").expect(404, "no_route").json["detail"], "no resource")


def test_old_fields_are_numbers_there(payd):
    wallet, _, payment = same_things(payd)
    token = payd.token()
    for service, path, fields in (
            ("wallet", f"/wallets/{wallet}", ["balance"]),
            ("wallet", f"/wallets/{wallet}/balance",
             ["balance", "available_balance", "pending_balance"]),
            ("payment", f"/payments/{payment}", ["amount"])):
        with Client(payd, token) as whole, Client(payd.at(service), token) as own:
            everywhere, here = whole.get(path).expect(200), own.get(path).expect(200)
            Document(payd.at(service)).check("GET", path, here)
            for name, value in numbers(here).items():
                text = everywhere.json[name]
                equal(isinstance(value, decimal.Decimal) and isinstance(text, str),
                      name in fields, f"whether {name} is a number there")
                if name in fields:
                    equal(str(value), text, f"the digits of {name}")
                elif not isinstance(value, decimal.Decimal):
                    equal(value, text, name)


def linked(answer):
    """The path of the next page, or None."""
    found = re.fullmatch(r'<([^>]+)>; rel="next"', answer.headers.get("link", ""))
    return found and found.group(1)


def test_old_lists_are_bare_there(payd):
    wallet, _, _ = same_things(payd)
    token = payd.token()
    for service, path in (("wallet", f"/wallets/{wallet}/transactions"),
                          ("ledger", f"/transactions/{wallet.replace('wal_', 'acc_')}")):
        document = Document(payd.at(service))
        with Client(payd, token) as whole, Client(payd.at(service), token) as own:
            expected = whole.pages(path, "transactions")
            found, at, pages = [], f"{path}?limit=4&count=true", 0
            while at:
                answer = own.get(at).expect(200)
                document.check("GET", path, answer)
                equal(answer.headers["x-total-count"], "6")
                found += numbers(answer)
                at, pages = linked(answer), pages + 1
            equal(pages, 2, "pages")
            equal([str(one["amount"]) for one in found], [one["amount"] for one in expected])
            equal([one["transaction_id"] for one in found],
                  [one["transaction_id"] for one in expected])


def test_requests_are_taken_in_both_forms(payd):
    with payd.bank() as bank:
        wallet, token = bank.open_wallet(), bank.token
        for port in (payd, payd.at("wallet")):
            with Client(port, token) as client:
                for amount in ('"2.50"', "2.50"):
                    client.post(f"/wallets/{wallet}/fund", f'{{"amount": {amount}}}').expect(201)
        equal(bank.get(f"/wallets/{wallet}/balance").json["balance"], "10.00")


def test_currency_codes_in_any_case_there(payd):
    token = payd.token()
    body = {"currency": "usd", "user_id": "small-letters"}
    with Client(payd, token) as whole, Client(payd.at("wallet"), token) as own:
        whole.post("/wallets", body).expect(400, "invalid_field", "currency")
        equal(own.post("/wallets", body).expect(201).json["currency"], "USD")
        own.get("/wallets", currency="Usd").expect(200)
        whole.get("/wallets", currency="Usd").expect(400, "invalid_field", "currency")


def test_one_token_is_good_at_every_port(payd):
    for service in TITLES:
        token = Payd.token(payd_at(payd, service))
        with Client(payd, token) as client:
            client.get("/wallets").expect(200)


def payd_at(payd, service):
    """What Payd.token() needs of a payd, at another port."""
    port = payd.at(service)
    port.ask_token = lambda **form: Payd.ask_token(port, **form)
    return port


def test_metrics_and_log_say_which_service(payd):
    with Client(payd.at("wallet")) as client:
        client.get("/wallets").expect(401)
        client.get("/none").expect(404)
        contains(client.get("/metrics").body.decode(),
                 'payd_http_requests_total{service="wallet_service",method="GET",route="/wallets"')
    contains(payd.stderr.read_text(), '"event":"request_refused","service":"wallet_service"')


PREFLIGHT = {"Access-Control-Request-Method": "POST"}


def preflight(client, origin, path="/wallets"):
    return client.request("OPTIONS", path, headers={"Origin": origin, **PREFLIGHT}).expect(204)


def cors_of(answer):
    return {name for name in answer.headers if name.startswith("access-control-")}


def test_pages_of_listed_origins_may_call(payd):
    """Also of a refusal, which the page must be able to read."""
    origin = "http://localhost:3000"
    for port in (payd, payd.at("wallet")):
        with Client(port) as client:
            asked = preflight(client, origin).headers
            equal(asked["access-control-allow-origin"], origin)
            equal(asked["access-control-allow-credentials"], "true")
            equal(asked["access-control-max-age"], "3600")
            contains(asked["access-control-allow-methods"], "POST")
            contains(asked["access-control-allow-headers"], "Authorization", "Idempotency-Key")
            refused = client.request("GET", "/wallets", headers={"Origin": origin}).expect(401)
            equal(refused.headers["access-control-allow-origin"], origin)
            contains(refused.headers["access-control-expose-headers"], "Link", "ETag")
            contains(preflight(client, origin, "/oauth2/token").headers["vary"], "Origin")


def test_other_origins_are_told_nothing(payd):
    with Client(payd.at("wallet")) as client:
        for origin in ("http://localhost:3002", "https://localhost:3000", "null", "*"):
            answer = preflight(client, origin)
            equal(cors_of(answer), set(), f"what {origin} is told")
            equal(answer.headers["vary"], "Origin")
        equal(cors_of(client.get("/health").expect(200)), set(), "without an origin")


def test_origins_by_setting():
    with Payd(cors_origins="https://app.example") as payd, Client(payd) as client:
        equal(preflight(client, "https://app.example").headers["access-control-allow-origin"],
              "https://app.example")
        equal(cors_of(preflight(client, "http://localhost:3000")), set())
    with Payd(cors_origins="off") as payd, Client(payd) as client:
        answer = preflight(client, "http://localhost:3000")
        equal((cors_of(answer), "vary" in answer.headers), (set(), False))
    for wrong in ("*", "app.example", "https://app.example/", "https://APP.example", "https://"):
        code, lines = refused_start("--dev-issuer", "on", "--cors-origins", wrong)
        equal(code, 2, f"exit code of {wrong}")
        contains(lines[0], "CORS_ORIGINS")


def test_ports_by_setting():
    base = free_port()
    for settings, expected in (
            ({}, {}), ({"service_ports": "off"}, {}),
            ({"service_name": "rule-engine", "service_port": base}, {"rule_engine": base}),
            ({"service_name": "wallet_service", "service_port": base, "service_ports": "0"},
             {"wallet": base})):
        with Payd(**settings) as payd:
            equal(opened(payd), expected, f"ports of {settings}")
    with Payd(service_ports="0", loops=2) as payd:
        equal(set(opened(payd)), set(TITLES), "services")
        equal(len(set(opened(payd).values())), 6, "ports of their own")
        for _ in range(20):  # whichever loop accepts
            with Client(payd.at("ledger")) as client:
                equal(client.get("/health").json["service"], "ledger_service")


def test_settings_that_are_refused():
    for words, said in (
            (("--service-ports", "8001"), "SERVICE_PORTS"),
            (("--service-ports", "8001-8007"), "SERVICE_PORTS"),
            (("--service-ports", "base:65533"), "SERVICE_PORTS"),
            (("--service-ports", "base:0"), "SERVICE_PORTS"),
            (("--service-ports", "1,2,3,4,5,5"), "six different ports"),
            (("--service-ports", "1,2,3,4,5,6,7"), "SERVICE_PORTS"),
            (("--service-ports", "base:8080"), "port 8080 is both PORT and that of the Forex"),
            (("--service-name", "banking", "--service-port", "1"), "SERVICE_NAME"),
            (("--service-name", "wallet"), "SERVICE_PORT"),
            (("--service-port", "8006"), "SERVICE_NAME")):
        code, lines = refused_start("--dev-issuer", "on", *words)
        equal(code, 2, f"exit code of {words}")
        contains(lines[0], said)


def test_the_known_ports_are_those_beside_the_known_port():
    for port, expected in (("8080", "8001-8006"), ("8081", "off")):
        _, lines = refused_start("--dev-issuer", "on", "--port", port, "--print-config")
        contains(lines, f"SERVICE_PORTS={expected}")


def test_a_port_that_is_taken_is_named(payd):
    taken = payd.at("wallet").port
    code, lines = refused_start(
        "--dev-issuer", "on", "--port", str(free_port()), "--service-name", "wallet",
        "--service-port", str(taken), "--database-url", f"sqlite:{payd.root}/other")
    true(code != 0, "a start that fails")
    contains(" ".join(lines), f"port {taken}, that of the Wallet Service", "SERVICE_PORTS")


def test_old_settings_without_effect_are_said():
    class Old(Payd):
        def environment(self):
            return {**super().environment(), "LEDGER_SERVICE_URL": "http://ledger:8002"}
    with Old() as payd:
        contains(payd.stderr.read_text(), '"setting":"LEDGER_SERVICE_URL"')


def main():
    with Payd(service_ports="0") as payd:
        needs = {name for name, one in globals().items()
                 if name.startswith("test_") and one.__code__.co_argcount}
        return run(globals(), lambda name: (payd,) if name in needs else (), payd)


if __name__ == "__main__":
    sys.exit(main())
