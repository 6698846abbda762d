#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Who may do what: every operation of /openapi.json times every kind of token.

The operations are read from the document, so a new one is tested without a word here; only what
its path names must be known to THINGS, and what it answers to a stranger, if that is not 404,
to STRANGERS.
"""
import base64
import hashlib
import hmac
import json
import sys
import time

import scenarios
from openapi import Document
from payd import Bank, Forger, Payd, account_of, base64url, new_id
from scenarios import contains, equal, true

# The answers to a caller with a good token that owns nothing of what is named. Lists are empty, and
# what one opens is one's own. `user` is another subject of the tenant, `tenant` another tenant's.
EMPTY, OWN = "empty", "own"
STRANGERS = {
    ("GET", "/accounts"): EMPTY, ("GET", "/transfers"): EMPTY, ("GET", "/wallets"): EMPTY,
    ("GET", "/payments"): EMPTY, ("GET", "/trial-balance"): EMPTY,
    ("GET", "/trial-balance/at"): (400, "missing_field"),
    ("POST", "/accounts"): OWN, ("POST", "/wallets"): OWN,
    ("POST", "/transfers"): (404, "debit_account_not_found"),
    ("POST", "/transactions"): (404, "debit_account_not_found"),
    ("POST", "/transfers/batch"): "refused one by one",
    ("POST", "/payments"): (422, "payer_not_found"),
    ("GET", "/adapters"): (200,), ("GET", "/rules"): (200,),  # the same for everybody
    ("POST", "/evaluate"): (200,),
    ("GET", "/rates/{pair}"): (200,), ("POST", "/convert"): (200,),
    ("GET", "/rates/{from_currency}/{to_currency}"): (200,),
    ("GET", "/rates/{from_currency}/{to_currency}/history"): (200,),
}
# Scopes whose things belong to the tenant and not to one of its users.
OF_TENANT = ("ledger:",)
# These need an owner's rights whose scope alone already allows everything of the tenant.
OF_OPERATORS = ("wallets:admin", "wallets:fund")
# What is written with these is the deployment's, whoever's client does it.
OF_ALL = ("forex:write",)


class World:
    """One of each thing, all ann's, and tokens of every kind."""

    def __init__(self, payd):
        self.payd, self.document, self.forger = payd, Document(payd), Forger(payd)
        self.admin = Bank(payd, payd.token())
        bank = self.admin
        self.wallet, self.other = bank.open_wallet("ann"), bank.open_wallet("bob")
        bank.fund(self.wallet, "1000.00")
        self.payment = bank.authorise(self.wallet, self.other, "10.00")["payment_id"]
        held = bank.post(f"/wallets/{self.wallet}/holds", {"amount": "5.00"}).expect(201)
        moved = bank.move(account_of(self.wallet), account_of(self.other), "1.00", reason="a test")
        legs = [{"debit_account_id": account_of(self.wallet), "amount": "1.00", "currency": "USD",
                 "credit_account_id": account_of(self.other)}]
        made = bank.post("/transactions", {"legs": legs, "reason": "a test"}).expect(201).json
        self.things = {"wallet_id": self.wallet, "account_id": account_of(self.wallet),
                       "payment_id": self.payment, "hold_id": held.json["hold_id"],
                       "transfer_id": moved["transfer_id"],
                       "transaction_id": made["transaction_id"],
                       "pair": "USDINR", "from_currency": "USD", "to_currency": "INR"}
        bank.request("PUT", "/rates/USDINR", {"rate": "83.25"}).expect(200)
        self.bodies = {
            ("POST", "/transfers"): {**legs[0]},
            ("POST", "/transactions"): {"legs": legs},
            ("POST", "/payments"): {"from_account": self.wallet, "to_account": self.other,
                                    "amount": "1.00", "currency": "USD"},
            ("POST", "/wallets/{wallet_id}/transfer"): {"to_wallet_id": self.other,
                                                        "amount": "1.00"},
            ("POST", "/transfers/batch"): {"transfers": [
                {"transfer_id": new_id("trf"), **legs[0]}]},
        }

    def path(self, template):
        for name in template.split("{")[1:]:
            name = name.split("}")[0]
            true(name in self.things, f"this test to know a {name}: add one to World.things")
            template = template.replace(f"{{{name}}}", self.things[name])
        return template

    def ask(self, key, token, scheme="Bearer"):
        """A request that would be done if its token were ann's, with all scopes."""
        method, template = key
        content = self.document.operations[key].get("requestBody", {}).get("content", {})
        body = None
        if content:
            body = self.bodies.get(key, content["application/json"].get("example", {}))
        for item in (body or {}).get("transfers", []):
            item["transfer_id"] = new_id("trf")  # a refused id stays refused
        headers = {} if token is None else {"Authorization": f"{scheme} {token}".strip()}
        with Bank(self.payd) as client:
            return client.request(method, self.path(template), body,
                                  True if method == "POST" else None, headers)

    def operations(self):
        """Without those that are refused to everyone, which test_acceptance has."""
        return [key for key, operation in self.document.operations.items()
                if not operation.get("deprecated")]

    def scope(self, key):
        return self.document.operations[key]["security"][0]["oauth2"][0]

    def snapshot(self):
        """All that a request of the matrix could have changed of ann's."""
        shown = [self.admin.get(path).expect(200).json for path in (
            f"/wallets/{self.wallet}", f"/wallets/{self.other}", f"/payments/{self.payment}",
            f"/accounts/{account_of(self.wallet)}", f"/accounts/{account_of(self.other)}",
            f"/wallets/{self.wallet}/holds/{self.things['hold_id']}", "/trial-balance",
            f"/transfers/{self.things['transfer_id']}")]
        # Strangers may open accounts and wallets of their own.
        shown[6] = {line["currency"]: (line["debits_posted"], line["debits_pending"],
                                       line["transfer_count"])
                    for line in shown[6]["lines"] if line["transfer_count"] != "0"}
        return json.dumps(shown, sort_keys=True)

    def every(self, check):
        """check(key) for every operation; ann's things must be as they were."""
        before, failures = self.snapshot(), []
        for key in self.operations():
            try:
                check(key)
            except AssertionError as e:
                failures.append(f"{key[0]} {key[1]}: {e}")
        if failures:
            raise AssertionError(f"{len(failures)} operations\n" + "\n".join(failures[:5]))
        equal(self.snapshot(), before, "what ann has")

    def refuse_all(self, token, error, scheme="Bearer", told=None):
        """401 everywhere, with the challenge of RFC 6750, which says the same as the problem."""
        def check(key):
            answer = self.ask(key, token, scheme).expect(401, "unauthenticated")
            challenge = answer.headers.get("www-authenticate", "")
            true(challenge.startswith("Bearer ") and (error is None or error in challenge),
                 f"a challenge with {error}, found {challenge!r}")
            true("errors" not in answer.json, "a refusal that explains nothing to attackers")
            detail = answer.json["detail"]
            true(error is None or f'error_description="{detail}"' in challenge,
                 f"{detail!r} in {challenge!r}")
            if told is not None:
                contains(detail, told)
        self.every(check)


# --- tokens that are none -------------------------------------------------------------------------


def test_without_a_token(world):
    world.refuse_all(None, None, told="Authorization: Bearer")


def test_with_another_scheme(world):
    world.refuse_all(base64.b64encode(b"dev:dev-secret").decode(), None, "Basic")
    world.refuse_all("", None)


def test_malformed_tokens(world):
    good = world.payd.token()
    header, claims, signature = good.split(".")
    for wrong in ("x", "a.b.c", good[:-4], f"{header}.{claims}.", f"{header}.{claims}",
                  f"{good}.x", f"{header}..{signature}", good + "=",
                  f"{claims}.{header}.{signature}", "ey" * 5000, good.replace(".", ". ")):
        world.refuse_all(wrong, "invalid_token")


def test_a_token_that_is_no_good_tells_which_way(world):
    """The client's own mistakes; of the claims only under a good signature."""
    now, poor = int(time.time()), world.payd.token(scope="wallets:read")
    for token, told in (
            ("x", "malformed"), (poor[:-8] + "AAAAAAAA", "signature"),
            (world.forger.token(exp=now - 1, iat=now - 600, nbf=now - 600), "expired"),
            (world.forger.token(nbf=now + 600), "not valid yet"),
            (world.forger.token(aud="another-service"), "audience"),
            (world.forger.token(iss="http://evil.example"), "issuer"),
            (world.forger.token(sub=None), "claim"),
            (world.forger.token(header={"kid": "unknown"}), "key"),
            (world.forger.token(header={"typ": "JOSE"}), "no access token")):
        answer = world.ask(("GET", "/wallets"), token).expect(401, "unauthenticated")
        contains(answer.json["detail"], told)
        contains(answer.headers["www-authenticate"], answer.json["detail"])


def test_times(world):
    now = int(time.time())
    for claims in ({"exp": now - 1, "iat": now - 600, "nbf": now - 600}, {"exp": None},
                   {"nbf": now + 600}, {"iat": now + 600}, {"exp": now + 86400 * 30},
                   {"exp": str(now + 600)}, {"exp": -1.5}, {"exp": -1}, {"exp": 2**63}):
        world.refuse_all(world.forger.token(**claims), "invalid_token")


def test_issuers_and_audiences(world):
    for claims in ({"iss": "http://evil.example"}, {"iss": None}, {"iss": ["x"]},
                   {"iss": world.forger.claims["iss"] + "/"}, {"aud": "another-service"},
                   {"aud": None}, {"aud": []}, {"aud": {"payment-platform": 1}}):
        world.refuse_all(world.forger.token(**claims), "invalid_token")


def test_who_is_not_told(world):
    for claims in ({"sub": None}, {"sub": ""}, {"sub": 7}, {"tenant": None, "org_id": "o-1"},
                   {"tenant": ""}, {"azp": None, "client_id": None}, {"azp": "other"},
                   {"nonce": "id token"}, {"cnf": {"x5t#S256": "a"}}, {"scope": ["wallets:read"]}):
        world.refuse_all(world.forger.token(**claims), "invalid_token")


# --- signatures -----------------------------------------------------------------------------------


def test_no_signature(world):
    claims = world.payd.token().split(".")[1]
    for alg in ("none", "None", "NONE", "nOnE", "", None):
        header = base64url(json.dumps({"alg": alg, "typ": "at+jwt"}).encode())
        world.refuse_all(f"{header}.{claims}.", "invalid_token")
        world.refuse_all(f"{header}.{claims}.AA", "invalid_token")


def test_the_public_key_as_a_secret(world):
    """RFC 8725 section 2.1: HMAC with what everybody can read."""
    keys = world.admin.get("/oauth2/jwks").expect(200)
    secrets = [keys.body, b"", *(key[part].encode() for key in keys.json["keys"]
                                 for part in ("n", "x") if part in key)]
    claims = world.payd.token().split(".")[1]
    header = base64url(json.dumps({**world.forger.header, "alg": "HS256"}).encode())
    for secret in secrets:
        code = hmac.new(secret, f"{header}.{claims}".encode(), hashlib.sha256).digest()
        world.refuse_all(f"{header}.{claims}.{base64url(code)}", "invalid_token")


def test_headers_of_tokens(world):
    jwk = {"kty": "RSA", "n": "AQAB", "e": "AQAB"}
    for header in ({"kid": "unknown"}, {"kid": "../../etc/passwd"}, {"kid": ""}, {"kid": 1},
                   {"alg": "RS512"}, {"alg": "ES256"}, {"alg": "PS256"}, {"typ": "JOSE"},
                   {"crit": ["exp"]}, {"b64": False}, {"zip": "DEF"}, {"jwk": jwk},
                   {"jku": "http://127.0.0.1/keys"}, {"x5u": "http://127.0.0.1/cert"}):
        world.refuse_all(world.forger.token(header=header), "invalid_token")


def test_changed_claims(world):
    """The signature of a poor token under the claims of a rich one."""
    poor, rich = world.payd.token(scope="wallets:read", subject="eve"), world.payd.token()
    parts = poor.split(".")
    world.refuse_all(f"{parts[0]}.{rich.split('.')[1]}.{parts[2]}", "invalid_token")


# --- scopes ---------------------------------------------------------------------------------------


def all_scopes(world):
    return sorted({world.scope(key) for key in world.operations()} |
                  {"wallets:admin", "payments:admin"})


def test_every_operation_needs_its_scope(world):
    scopes = all_scopes(world)

    def check(key):
        needed = world.scope(key)
        token = world.payd.token(subject="ann", scope=" ".join(s for s in scopes if s != needed))
        answer = world.ask(key, token).expect(403, "insufficient_scope")
        challenge = answer.headers["www-authenticate"]
        true(f'scope="{needed}"' in challenge, f"the challenge to name {needed}: {challenge}")
    world.every(check)


def test_a_wallet_for_another_owner_names_the_scope(world):
    token = world.payd.token(subject="eve", scope="wallets:write")
    body = {"currency": "EUR", "user_id": "ann"}
    with Bank(world.payd, token) as client:
        answer = client.post("/wallets", body).expect(403, "insufficient_scope")
    contains(answer.json["detail"], "wallets:admin")
    contains(answer.headers["www-authenticate"], 'scope="wallets:admin"')


def test_no_scope_and_unlike_scopes(world):
    for scope in (None, "", "wallets", "wallets:readx", "WALLETS:READ", "*", "wallets:*"):
        token = world.forger.token(scope=scope)
        world.every(lambda key, t=token: world.ask(key, t).expect(403, "insufficient_scope"))


# --- other people's things ------------------------------------------------------------------------


def check_stranger(world, key, token):
    """With all rights of a user and nothing in hand: as if it did not exist."""
    answer = world.ask(key, token)
    wanted = STRANGERS.get(key, (404, "not_found"))
    if wanted == EMPTY:
        lists = [v for v in answer.expect(200).json.values() if isinstance(v, list)]
        equal(lists, [[]], f"what a stranger sees in {answer}")
    elif wanted == OWN:
        answer.expect(201)
    elif isinstance(wanted, str):
        found = answer.expect(200).json["results"]
        equal([r["result"] for r in found], ["debit_account_not_found"])
    else:
        answer.expect(*wanted)
        if answer.status == 404:
            missing = Missing(world).ask(key, token)
            equal((missing.status, missing.code, missing.json["title"]),
                  (404, answer.code, answer.json["title"]), "the answer to an id nobody has")


class Missing(World):
    """The same requests about things that do not exist: a stranger must see no difference."""

    def __init__(self, world):
        self.payd, self.document = world.payd, world.document
        self.things = {name: new_id(thing.split("_")[0]) for name, thing in world.things.items()}
        text = json.dumps([[*key, body] for key, body in world.bodies.items()])
        for kind in ("wal", "acc"):
            for there in (world.wallet, world.other):
                text = text.replace(kind + there[3:], new_id(kind))
        self.bodies = {(method, path): body for method, path, body in json.loads(text)}


def test_another_user_of_the_tenant(world):
    """All scopes but those of operators."""
    def check(key):
        needed = world.scope(key)
        if needed.startswith(OF_TENANT) or needed in OF_OPERATORS + OF_ALL:
            return
        scopes = " ".join(s for s in all_scopes(world) if not s.endswith(":admin")
                          and s != "wallets:fund" and not s.startswith(OF_TENANT))
        check_stranger(world, key, world.payd.token(subject=f"mallory-{time.time_ns()}",
                                                    scope=scopes))
    world.every(check)


def test_another_tenant(world):
    """All scopes there are, the administrators' too, and the same name as the owner."""
    def check(key):
        if world.scope(key) in OF_ALL:
            return
        for subject in ("ann", "dev"):
            tenant = f"tenant-{time.time_ns()}"
            check_stranger(world, key, world.payd.token(subject=subject, tenant=tenant))
    world.every(check)


def test_the_tenant_decides_and_not_its_spelling(world):
    own = world.forger.claims["tenant"]
    for tenant in (own + " ", own.upper(), own + "\u0000", own[:-1], own + "/ann"):
        token = world.forger.token(tenant=tenant)
        for path in (f"/wallets/{world.wallet}", f"/payments/{world.payment}"):
            with Bank(world.payd, token) as bank:
                answer = bank.get(path)
            true(answer.status in (401, 404), f"no wallet for the tenant {tenant!r}: {answer}")


def test_the_owner_sees_what_an_administrator_sees(world):
    with Bank(world.payd, world.payd.token(subject="ann")) as ann:
        for path in (f"/wallets/{world.wallet}", f"/payments/{world.payment}"):
            equal(ann.get(path).expect(200).json, world.admin.get(path).expect(200).json, path)
    own = world.payd.token(subject="ann", scope="wallets:read payments:read")
    with Bank(world.payd, own) as ann:
        equal([w["wallet_id"] for w in ann.get("/wallets").expect(200).json["wallets"]],
              [world.wallet], "the wallets ann sees")
        ann.get(f"/wallets/{world.other}").expect(404, "not_found")
        ann.get(f"/payments/{world.payment}").expect(200)


def test_what_needs_no_token_tells_nothing_of_anybody(world):
    for path in ("/health", "/health/ready", "/openapi.json", "/docs", "/metrics"):
        with Bank(world.payd) as client:
            text = client.get(path).expect(200).body.decode()
        for thing in ("ann", world.wallet, world.payment):
            true(f'"{thing}"' not in text, f"nothing of {thing} in {path}")


def main():
    with Payd() as payd:
        world = World(payd)
        code = scenarios.run(globals(), lambda name: (world,), payd)
        world.admin.check_books()
        return code


if __name__ == "__main__":
    sys.exit(main())
