#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What every operation has in common: limits per client, revoked tokens, where metrics are served,
and one request's way through the log."""
import base64
import json
import re
import resource
import shutil
import socket
import subprocess
import sys
import time

import scenarios
from payd import (PAYCTL, Client, Forger, Payd, clean_environment, free_port, refused_start)
from scenarios import contains, equal, true, wait_for


def payctl(payd, *words):
    done = subprocess.run([PAYCTL, "--socket", str(payd.data / "payd.sock"), *words],
                          capture_output=True, text=True, env=clean_environment(), check=False)
    equal(done.returncode, 0, f"the exit code of payctl {words}: {done.stderr}")
    return done.stdout


def test_head_gives_the_head_of_get_and_options_the_methods():
    changing = ("date", "x-request-id", "ratelimit")
    with Payd() as payd, payd.bank() as bank:
        wallet = bank.open_wallet(funds="10.00")
        paths = bank.get("/openapi.json").expect(200).json["paths"]
        own = ["/", "/health", "/health/live", "/health/ready", "/metrics", "/openapi.json",
               "/docs", "/docs/docs.js", "/oauth2/jwks", "/.well-known/openid-configuration",
               "/.well-known/oauth-authorization-server"]
        things = [re.sub(r"{\w+}", wallet, path) for path in paths if "get" in paths[path]]
        for path in things + own:
            got, head = bank.get(path), bank.request("HEAD", path)
            equal((head.status, head.body), (got.status, b""), f"HEAD {path}")
            if path != "/metrics":  # counts its own readers
                equal({k: v for k, v in head.headers.items() if k not in changing},
                      {k: v for k, v in got.headers.items() if k not in changing}, f"HEAD {path}")
            told = bank.request("OPTIONS", path)
            equal((told.status, told.body), (204, b""), f"OPTIONS {path}")
            contains(told.headers["allow"], "GET, HEAD", "OPTIONS")
        wrong = bank.request("HEAD", f"/wallets/{wallet}/fund")
        equal((wrong.status, wrong.headers["allow"]), (405, "POST, OPTIONS"))


class Elsewhere:
    """The same payd on its other port."""

    def __init__(self, port):
        self.port = port


def log_lines(payd):
    return [json.loads(line) for line in payd.stderr.read_text().splitlines()
            if line.startswith("{")]


def test_a_client_that_sends_too_much_is_refused():
    with Payd(rate_limits="on", rate_limit_per_s=5, rate_limit_burst=10) as payd:
        with payd.client() as client, payd.client(tenant="other") as other:
            answers = [client.get("/wallets") for _ in range(11)]
            equal([a.status for a in answers], [200] * 10 + [429])
            equal(answers[0].headers["ratelimit-policy"], '"client";q=10;w=2')
            equal(answers[0].headers["ratelimit"], '"client";r=9;t=1')
            refused = answers[10].expect(429, "rate_limited")
            equal(refused.headers["ratelimit"], '"client";r=0;t=1')
            equal(refused.headers["retry-after"], "1")
            equal(refused.json["violated-policies"], ["client"])
            other.get("/wallets").expect(200)
            client.get("/health").expect(200)


def test_everybody_is_limited_unless_it_is_turned_off():
    for setting in ("on", "off"):
        with Payd(rate_limits=setting) as payd:
            with payd.client() as client, payd.client(subject="ann") as ann:
                told = client.get("/wallets").expect(200).headers.get("ratelimit-policy")
                equal(told, '"client";q=10000;w=5' if setting == "on" else None)
                told = ann.get("/wallets").expect(200).headers.get("ratelimit-policy")
                both = '"subject";q=500;w=5, "client";q=10000;w=5'
                equal(told, both if setting == "on" else None)


def test_one_user_does_not_lock_out_the_others():
    with Payd(rate_limits="on", subject_per_s=1, subject_burst=5) as payd:
        with payd.client(subject="ann") as ann, payd.client(subject="bob") as bob:
            equal([ann.get("/wallets").status for _ in range(6)], [200] * 5 + [429])
            refused = ann.get("/wallets").expect(429, "rate_limited")
            equal(refused.json["violated-policies"], ["subject"])
            bob.get("/wallets").expect(200)


def test_who_shows_no_good_token_is_limited_by_address():
    with Payd(rate_limits="on", address_per_s=1, address_burst=30) as payd:
        with payd.client() as good, Client(payd, "x.y.z") as bad:  # a token counts five times
            good.get("/wallets").expect(200)
            equal([bad.get("/wallets").status for _ in range(6)], [401] * 5 + [429])
            equal(bad.get("/openapi.json").expect(429).json["violated-policies"], ["address"])
            good.get("/wallets").expect(200)
            bad.get("/health/ready").expect(200)


def test_metrics_count_answers_and_refused_tokens():
    with Payd(loops=2, shards=2) as payd, Client(payd) as nobody, payd.client() as client:
        nobody.get("/wallets").expect(401)
        nobody.request("GET", "/wallets", headers={"Authorization": "Bearer none"}).expect(401)
        for _ in range(3):
            client.get("/wallets").expect(200)
        text = client.get("/metrics").expect(200).body.decode()
        contains(text, 'payd_http_answers_total{status="4xx"} 2\n')
        contains(text, 'payd_http_tokens_refused_total{reason="missing"} 1\n')
        contains(text, 'payd_http_tokens_refused_total{reason="invalid"} 1\n')


def promtool():
    return shutil.which("promtool")


def test_metrics_count_requests_by_declared_route():
    with Payd() as payd, payd.bank() as bank, payd.client_of("forged") as thief:
        wallet = bank.open_wallet(funds="5.00")
        for _ in range(3):
            bank.get(f"/wallets/{wallet}/balance").expect(200)
        thief.get(f"/wallets/{wallet}/balance").expect(401)
        bank.get(f"/wallets/{wallet}/nothing").expect(404)
        text = bank.get("/metrics").expect(200).body.decode()
        route = 'service="wallet_service",method="GET",route="/wallets/{wallet_id}/balance"'
        contains(text, f'payd_http_requests_total{{{route},status="2xx"}} 3',
                 f'payd_http_requests_total{{{route},status="4xx"}} 1',
                 f'payd_http_request_seconds_count{{{route}}} 4',
                 'payd_http_requests_total{service="other",method="other",route="other",'
                 'status="4xx"} 1',
                 'payd_build_info{version="', 'compiler="', "process_start_time_seconds 1")
        true(wallet not in text, "no id among the labels")
        [connections] = re.findall(r"^payd_http_connections (\d+)$", text, re.M)
        true(int(connections) >= 2, f"both clients among {connections} connections")
        if promtool() is not None:
            done = subprocess.run([promtool(), "check", "metrics"], input=text, text=True,
                                  capture_output=True, timeout=60, check=False)
            equal((done.returncode, done.stdout + done.stderr), (0, ""), "what promtool objects to")


def test_metrics_are_not_open_to_the_world():
    with Payd() as payd, Client(payd) as client:
        contains(client.get("/metrics").expect(200).body.decode(), "payd_")
    own = free_port()
    with Payd(metrics_listen=f"127.0.0.1:{own}") as payd:
        with Client(payd) as client, Client(Elsewhere(own)) as scraper:
            client.get("/metrics").expect(404)
            contains(scraper.get("/metrics").expect(200).body.decode(), "payd_")
            scraper.get("/health/ready").expect(200)
            scraper.get("/wallets").expect(404)
            scraper.get("/docs").expect(404)
        equal(payd.stop(), 0, "the exit code")
    issuer = {"token_issuer": "https://is.example/oauth2/token", "jwks_file": None,
              "dev_issuer": "off"}
    with Payd() as source, Client(source) as client:
        keys = client.get("/oauth2/jwks").expect(200).body
        issuer["jwks_file"] = str(source.root / "jwks.json")
        (source.root / "jwks.json").write_bytes(keys)
        with Payd(host="0.0.0.0", **issuer) as payd, Client(payd) as world:
            world.get("/metrics").expect(404)
            world.get("/health/ready").expect(200)


def test_both_ports_together_have_the_descriptors_for_all_they_let_in():
    own, crowd = free_port(), []
    payd = Payd(metrics_listen=f"127.0.0.1:{own}", address_connections=1000)
    try:
        payd.start(wrap=("sh", "-c", 'ulimit -n 400; exec "$@"', "sh"))
        for port in (own, payd.port):
            for _ in range(250):
                crowd.append(socket.create_connection(("127.0.0.1", port)))
        time.sleep(0.5)
        with Client(Elsewhere(own)) as scraper:
            text = scraper.get("/metrics").expect(200).body.decode()
        contains(text, 'payd_http_shortages_total{reason="descriptors"} 0')
        true("descriptors_exhausted" not in payd.stderr.read_text(), "descriptors to be left")
    finally:
        for connection in crowd:
            connection.close()
        payd.close()


def test_a_lack_of_descriptors_is_told_and_passes():
    with Payd() as payd, payd.client() as kept:
        equal(kept.get("/health/ready").expect(200).json, {"status": "ready"})
        [used] = re.findall(r"^process_open_fds (\d+)$", kept.get("/metrics").body.decode(), re.M)
        pid, hard = payd.process.pid, resource.prlimit(payd.process.pid, resource.RLIMIT_NOFILE)[1]
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (int(used), hard))
        others = [socket.create_connection(("127.0.0.1", payd.port)) for _ in range(8)]
        try:
            for other in others:
                other.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            time.sleep(0.5)
            ready = kept.get("/health/ready").expect(200).json
            equal(ready["status"], "degraded")
            contains(ready["warning"], "limit of open files")
            text = kept.get("/metrics").expect(200).body.decode()
            [times] = re.findall(r'^payd_http_shortages_total{reason="descriptors"} (\d+)$', text,
                                 re.M)
            true(1 <= int(times) < 40, f"rests, not a busy loop: {times}")
            contains(payd.stderr.read_text(), "descriptors_exhausted")
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (hard, hard))
            for other in others:
                other.settimeout(10)
                contains(other.recv(4096).decode(), "HTTP/1.1 200 OK")
        finally:
            for other in others:
                other.close()


def test_one_tenants_quota_of_the_journal_is_nobody_elses():
    with Payd(journal_quota_mb=1) as payd, payd.bank() as bank, payd.bank(tenant="other") as other:
        purse, friend = bank.open_wallet(funds="100.00"), bank.open_wallet()
        payment = bank.authorise(purse, friend, "10.00")["payment_id"]
        till, safe = bank.open_account(), bank.open_account()
        legs = [{"debit_account_id": till, "credit_account_id": safe, "amount": "2.00",
                 "currency": "USD"}] * 2
        sale = bank.post("/transactions", {"legs": legs}).expect(201).json["transaction_id"]
        note = {"metadata": {f"n{i}": "x" * 250 for i in range(16)}}
        percents = []
        for _ in range(400):
            answer = bank.request("PATCH", f"/wallets/{purse}", note)
            percents.append(int(answer.headers.get("x-journal-quota-used", 0)))
            note["metadata"]["n0"] = str(len(percents))
            if answer.status != 200:
                break
        answer.expect(429, "journal_quota")
        true(int(answer.headers["retry-after"]) >= 1, f"a Retry-After in {answer}")
        equal((percents[0], 80 in percents, percents[-1]), (0, True, 100), "what was told")
        contains(payd.stderr.read_text(), "journal_quota_near", "journal_quota_used_up")
        told = [f'payd_journal_quota_{name}{{shard="0"}} 1\n'
                for name in ("near_tenants", "refused_total")]
        wait_for(lambda: all(line in bank.get("/metrics").body.decode() for line in told),
                 "metrics to tell")
        other.fund(other.open_wallet(), "1.00")
        bank.get(f"/wallets/{purse}").expect(200)
        bank.post(f"/payments/{payment}/capture", {"amount": "4.00"}).expect(200)
        bank.post(f"/payments/{payment}/refund", {"amount": "1.00"}).expect(200)
        bank.post(f"/payments/{payment}/cancel").expect(200)
        bank.post(f"/transactions/{sale}/reverse").expect(201)
        bank.post(f"/wallets/{purse}/freeze", {"reason": "too much"}).expect(200)
        bank.post(f"/wallets/{friend}/fund", {"amount": "1.00"}).expect(429, "journal_quota")


def test_a_wrong_metrics_address_stops_the_start():
    for wrong in ("9100", ":9100", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:99999", "::1:9100",
                  "127.0.0.1:http"):
        code, lines = refused_start("--dev-issuer", "on", "--metrics-listen", wrong)
        equal(code, 2, f"the exit code with METRICS_LISTEN={wrong}")
        contains(" ".join(lines), "METRICS_LISTEN")


def claims_of(token):
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def test_a_revoked_token_is_refused_at_once_and_after_a_restart():
    with Payd() as payd:
        lost, kept = payd.token(subject="ann"), payd.token(subject="ann")
        with Client(payd, lost) as thief, Client(payd, kept) as owner:
            thief.get("/wallets").expect(200)
            jti = claims_of(lost)["jti"]
            told = json.loads(payctl(payd, "tokens", "revoke", jti, "--json"))
            equal((told["what"], told["name"]), ("token", jti))
            refused = thief.get("/wallets").expect(401, "unauthenticated")  # was good before
            equal(refused.json["detail"], "The access token was revoked.")
            owner.get("/wallets").expect(200)
            payd.stop()
            payd.start()
            thief.close()
            owner.close()
            thief.get("/wallets").expect(401, "unauthenticated")
            owner.get("/wallets").expect(200)
            payctl(payd, "tokens", "revoke-subject", "ann")
            owner.get("/wallets").expect(401, "unauthenticated")
            listed = json.loads(payctl(payd, "tokens", "list", "--json"))["revocations"]
            equal({(r["what"], r["name"]) for r in listed}, {("token", jti), ("subject", "ann")})
        time.sleep(1.1)  # tokens have whole seconds
        with payd.client(subject="ann") as again, payd.client(subject="bob") as other:
            again.get("/wallets").expect(200)
            other.get("/wallets").expect(200)


def test_a_damaged_list_of_revocations_stops_the_start():
    with Payd() as payd:
        payctl(payd, "tokens", "revoke", "some-jti")
        payd.stop()
        file = payd.data / "revoked"
        file.write_bytes(file.read_bytes().replace(b"some-jti", b"other-id"))
        code, lines = refused_start(*payd.arguments()[1:])
        equal(code, 1, "the exit code")
        contains(" ".join(lines), str(file), "is damaged")


def test_silent_connections_shut_nobody_out():
    with Payd(address_connections=20) as payd, payd.client() as client:
        silent = []
        for _ in range(60):
            silent.append(socket.create_connection(("127.0.0.1", payd.port), timeout=5))
        with Client(payd) as other:
            other.get("/health/ready").expect(200)
            other.get("/openapi.json").expect(200)
        client.get("/wallets").expect(200)
        counts = client.get("/metrics").body.decode()
        contains(counts, 'payd_http_shortages_total{reason="address"} 0')
        for s in silent:
            s.close()


def test_who_has_all_its_connections_is_told_health_alone():
    with Payd(address_connections=2) as payd, payd.client() as first, payd.client() as second:
        first.get("/wallets").expect(200)
        second.get("/wallets").expect(200)
        with Client(payd, first.token) as third:
            third.get("/wallets").expect(503, "no_place")
            third.get("/health/ready").expect(200)
        said = [e for e in log_lines(payd) if e["event"] == "address_exhausted"]
        equal([(e["address"], e["connections"]) for e in said[:1]], [("127.0.0.1", 3)])


def test_what_reaches_beyond_this_machine_is_said():
    with Payd() as payd, Client(payd) as client:
        for host in ("127.0.0.1:1", "localhost", "[::1]:80"):
            client.send("GET", "/oauth2/jwks", headers={"Host": host}).expect(200)
        equal([e for e in log_lines(payd) if e["level"] == "warn"], [], "warnings")
        client.send("GET", "/oauth2/jwks", headers={"Host": "evil.example"}).expect(200)
        said = [e for e in log_lines(payd) if e["event"] == "issuer_foreign_host"]
        equal([(e["level"], e["host"]) for e in said], [("warn", "evil.example")])
        keys = client.get("/oauth2/jwks").expect(200).body
    payd = Payd(dev_issuer="off", host="0.0.0.0", token_issuer="https://id.example")
    payd.settings["jwks_file"] = payd.root / "keys.json"
    (payd.root / "keys.json").write_bytes(keys)
    with payd:
        said = [e for e in log_lines(payd) if e["event"] == "plain_http"]
        equal([(e["level"], e["host"]) for e in said], [("warn", "0.0.0.0")])


def test_another_issuers_tokens_are_taken_as_its_settings_say():
    with Payd() as issuer, issuer.client() as client:
        forger = Forger(issuer)
        keys = client.get("/oauth2/jwks").expect(200).body
        now = int(time.time())
        good, long = {"typ": "at+jwt"}, {"iat": now, "nbf": now, "exp": now + 7200.5}
        for settings, header, claims, status in (
                ({}, good, {}, 200), ({}, {"typ": "JWT"}, {}, 401),
                ({"token_typ": "at+jwt, JWT"}, {"typ": "JWT"}, {}, 200), ({}, good, long, 401),
                ({"token_lifetime_s": 7200}, good, long, 200)):
            payd = Payd(dev_issuer="off", token_issuer=forger.claims["iss"], **settings)
            payd.settings["jwks_file"] = payd.root / "keys.json"
            (payd.root / "keys.json").write_bytes(keys)
            with payd:
                with Client(payd, forger.token(header, **claims)) as other:
                    equal(other.get("/wallets").status, status, f"{settings} {header} {claims}")
    code, lines = refused_start("--dev-issuer", "on", "--token-typ", "at+jwt,JOSE")
    equal(code, 2)
    contains(lines[-1], "TOKEN_TYP")


def test_one_request_is_found_in_the_log_of_its_actor():
    with Payd() as payd, payd.bank() as bank:
        wallet = bank.open_wallet(funds="10.00")
        payctl(payd, "actors", "trace", wallet)
        trace = "0af7651916cd43dd8448eb211c80319c"
        answer = bank.post(f"/wallets/{wallet}/withdraw", {"amount": "1.00"},
                           **{"X-Request-Id": "order-4711",
                              "traceparent": f"00-{trace}-b7ad6b7169203331-01"}).expect(201)
        equal(answer.headers["x-request-id"], "order-4711")
        [line] = [e for e in log_lines(payd) if e["event"] == "turn"]
        equal((line["message"], line["request_id"], line["trace_id"]),
              ("wallet_withdraw", "order-4711", trace))
        bank.post(f"/wallets/{wallet}/withdraw", {"amount": "0"},
                  **{"X-Request-Id": "order-4712"}).expect(422)
        [line] = [e for e in log_lines(payd) if e["event"] == "request_refused"]
        equal((line["request_id"], line["trace_id"]), ("order-4712", None))


if __name__ == "__main__":
    sys.exit(scenarios.run(globals()))
