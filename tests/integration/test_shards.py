#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Three shards, or SHARDS, on two loops: each owner lives in one of them, and what is told of the
node is told of all. Lists show what whichever shard committed."""
import concurrent.futures
import json
import os
import subprocess
import sys

import scenarios
from load import Load
from payd import (PAYCTL, NotReady, Payd, SLOTS, new_id, new_key, operator, parallel,
                  refused_start, shard_of, slot_in, slot_of)
from scenarios import contains, equal, true, wait_for

SHARDS = max(3, int(os.environ.get("SHARDS", "3")))
ROUNDS = 40
SCATTERED = 20 * SHARDS  # of any slot: one of 16 shards gets none in 1 of 50 million runs


def home(thing):
    return shard_of(slot_of(thing), SHARDS)


def account_in(shard):
    """A new account id of this shard."""
    return new_id("acc", slot_in(shard, SHARDS))


def refused(payd, *words):
    """The code of the refusal."""
    done = subprocess.run([PAYCTL, "--socket", payd.data / "payd.sock", "--json", *words],
                          stderr=subprocess.PIPE, timeout=60)
    true(done.returncode != 0, "payctl to fail")
    return json.loads(done.stderr)["code"]


def test_an_owner_has_everything_in_one_shard(payd):
    """Wallets of all currencies, holds, payments, accounts; whoever opens them."""
    slots = set()
    for shard in range(SHARDS):
        with payd.bank(tenant="owners") as bank:
            user, shop = bank.somebody(shard), bank.somebody(shard)
            dollars = bank.open_wallet(user, funds="10.00")
            euros = bank.open_wallet(user, currency="EUR")
            account = bank.post("/accounts", {"currency": "USD", "code": 1, "owner": user})
            account = account.expect(201).json["account_id"]
            hold = bank.post(f"/wallets/{dollars}/holds", {"amount": "1.00"})
            hold = hold.expect(201).json["hold_id"]
            payment = bank.pay(dollars, bank.open_wallet(shop), "2.00")["payment_id"]
            own = {slot_of(thing) for thing in (dollars, euros, account, hold, payment)}
            equal(len(own), 1, "slots of one owner")
            equal(home(dollars), shard, "the shard")
            slots |= own
    equal(len(slots), SHARDS, "slots")


def test_a_tenant_is_in_all_shards(payd):
    """Also with accounts of no owner, which get any slot; the books are its own all the same."""
    with payd.bank(tenant="scattered") as bank:
        made = [bank.post("/accounts", {"currency": "USD", "code": 1}).expect(201)
                .json["account_id"] for _ in range(SCATTERED)]
        equal({home(account) for account in made}, set(range(SHARDS)), "shards")
        for account in made:
            equal(bank.account(account)["account_id"], account, "the account")
        listed = {a["account_id"] for a in bank.pages("/accounts", "accounts", limit=1000)}
        equal(listed, set(made), "the accounts")
        line, = bank.check_books()
        equal(line["account_count"], str(SCATTERED), "accounts")


def test_a_transfer_over_shards_is_refused_as_one_inside(payd):
    wrong = ({"pending_id": new_id("trf")}, {"timeout_s": 5}, {"amount": "0.00"},
             {"effective_time": "2500-01-01T00:00:00Z"}, {"effective_time": "2001-01-01T00:00:00Z"},
             {"flags": ["keep_remainder"]}, {"flags": ["closing_debit"]}, {"flags": ["imported"]},
             {"flags": ["linked"]}, {"flags": ["managed"]}, {"currency": "EUR"},
             {"transfer_id": "trf_" + "0" * 26})
    with payd.bank(tenant="forms") as bank:
        debit, near, far = (bank.open_account(account_id=account_in(shard)) for shard in (0, 0, 1))
        for fields in wrong:
            body = {"debit_account_id": debit, "amount": "1.00", "currency": "USD", **fields}
            inside, over = (bank.post("/transfers", {**body, "credit_account_id": credit})
                            for credit in (near, far))
            equal((over.status, over.code), (inside.status, inside.code), f"with {fields}")
            equal(over.status, 422, f"with {fields}")


def test_a_transfer_is_found_under_any_id(payd):
    """It lives with its debit account, whatever shard the id would name."""
    with payd.bank(tenant="chosen") as bank:
        debit, credit = (bank.open_account(account_id=account_in(0)) for _ in range(2))
        for shard in range(SHARDS):
            chosen = new_id("trf", slot_in(shard, SHARDS))
            bank.move(debit, credit, "1.00", transfer_id=chosen, flags=["pending"])
            equal(bank.get(f"/transfers/{chosen}").expect(200).json["status"], "pending")
            bank.post(f"/transfers/{chosen}/post", {}).expect(201)
            equal(bank.get(f"/transfers/{chosen}").expect(200).json["status"], "posted")
        bank.get(f"/transfers/{new_id('trf')}").expect(404, "not_found")


def test_a_key_is_known_wherever_its_request_went(payd):
    with payd.bank(tenant="keys") as bank:
        for number in range(20):
            body, key = {"currency": "USD", "code": 1 + number}, f"opening-{number}"
            first = bank.post("/accounts", body, key).expect(201)
            again = bank.post("/accounts", body, key).expect(201)
            equal((first.replayed, again.replayed), (False, True), "replayed")
            equal(again.json["account_id"], first.json["account_id"], "the account")
            bank.post("/accounts", {**body, "code": 99}, key).expect(422, "key_reused")


def ledgers(payd):
    """The totals in memory, name and shard."""
    top = operator(payd, "actors", "top", "--limit", "100")["actors"]
    return {(line["actor"], line["shard"]) for line in top if line["kind"] == "ledger_totals"}


def test_an_actor_is_found_in_whichever_shard_it_is(payd):
    """The totals of a tenant lie wherever it has accounts, under the same id in each."""
    for number in range(100):
        before = ledgers(payd)
        operator(payd, "--tenant", f"scattered-{number}", "accounts", "create", "USD", "1",
                 "--account-id", account_in(1))
        (name, shard), = ledgers(payd) - before
        equal(shard, 1, "the shard")
        own = shard_of(int(name[-4:], 16), SHARDS)
        if own != shard:
            break
    equal(operator(payd, "actors", "show", name)["shard"], shard, "where it is found")
    for asked, code in ((own, "not_found"), (SHARDS, "invalid_field")):
        equal(refused(payd, "actors", "show", name, "--shard", str(asked)), code, "the refusal")
    operator(payd, "actors", "suspend", name)
    found = operator(payd, "actors", "show", name, "--shard", str(shard))
    equal(found["suspended"], True, "suspended")
    operator(payd, "actors", "resume", name)
    equal(operator(payd, "actors", "show", name)["suspended"], False, "suspended")


def test_what_another_shard_wrote_is_listed_at_once(payd):
    """Ids of the client's own may name any shard; lists of the tenant are asked of one."""
    def write(number):
        with payd.bank(tenant=f"writer-{number}") as bank:
            made = []
            for count in range(ROUNDS):
                pair = [account_in(count % SHARDS) for _ in range(2)]
                for account in pair:
                    bank.post("/accounts", {"account_id": account, "currency": "USD",
                                            "code": 100}).expect(201)
                moved = bank.move(*pair, "1.00")["transfer_id"]
                made += pair
                listed = {a["account_id"] for a in bank.pages("/accounts", "accounts", limit=1000)}
                equal(listed, set(made), "the accounts")
                listed = {t["transfer_id"]
                          for t in bank.pages("/transfers", "transfers", limit=1000)}
                true(moved in listed, "the newest transfer to be listed")
                equal(len(listed), count + 1, "transfers")
            line, = bank.check_books()
            equal((line["account_count"], line["transfer_count"], line["debits_posted"]),
                  (str(2 * ROUNDS), str(ROUNDS), f"{ROUNDS}.00"), "the trial balance")
    parallel(4, write)


def test_wallets_and_payments_are_listed_at_once(payd):
    def write(shard):
        with payd.bank(tenant=f"listed-{shard}", subject="ann") as bank:
            payer = bank.open_wallet(bank.somebody(shard), funds="100.00")
            payee = bank.open_wallet(bank.somebody(shard))
            before = len(bank.pages("/payments", "payments"))
            for count in range(ROUNDS):
                bank.pay(payer, payee, "1.00")
                equal(len(bank.pages("/payments", "payments")), before + count + 1, "payments")
            true({payer, payee} <= {w["wallet_id"] for w in bank.pages("/wallets", "wallets")},
                 "both wallets")
    parallel(SHARDS, write)


def test_money_moves_between_accounts_of_two_shards(payd):
    with payd.bank(tenant="divided") as bank:
        debit, credit = account_in(0), account_in(1)
        for account in (debit, credit):
            bank.post("/accounts", {"account_id": account, "currency": "USD",
                                    "code": 100}).expect(201)
        body = {"debit_account_id": debit, "credit_account_id": credit, "amount": "1.00",
                "currency": "USD", "code": 1}
        made = bank.post("/transfers", body, "once").expect(201).json
        equal(bank.post("/transfers", body, "once").expect(201).json, made, "the answer again")
        equal(bank.get(f"/transfers/{made['transfer_id']}").expect(200).json["status"], "posted",
              "its status")
        for account, name in ((debit, "debits_posted"), (credit, "credits_posted")):
            equal(bank.get(f"/accounts/{account}").expect(200).json[name], "1.00", name)
            *_, entry = bank.entries(account)
            equal((entry["transfer_id"], entry["effective_time"]),
                  (made["transfer_id"], made["effective_time"]), "the newest entry")
    line, = operator(payd, "--tenant", "divided", "ledger", "trial-balance")["lines"]
    equal((line["debits_posted"], line["credits_posted"], line["transfer_count"], line["balanced"]),
          ("1.00", "1.00", "1", True), "the trial balance")


def test_a_list_moves_money_over_shards(payd):
    """Chains all or none, the others each for itself; again under its key and its ids."""
    with payd.bank(tenant="lists") as bank:
        bank_of = bank.open_account(account_id=account_in(0))
        strict = "debits_must_not_exceed_credits"
        inside = bank.open_account(account_id=account_in(0))
        first = bank.open_account(strict, account_id=account_in(1))
        second = bank.open_account(strict, account_id=account_in(2))

        def item(debit, credit, units, **more):
            return {"transfer_id": new_id("trf"), "debit_account_id": debit,
                    "credit_account_id": credit, "amount": units, "currency": "USD", **more}

        items = [item(bank_of, inside, "1.00"), item(bank_of, first, "10.00"),
                 item(bank_of, first, "5.00", flags=["linked"]),
                 item(first, second, "5.00", flags=["linked"]), item(second, inside, "2.00"),
                 item(bank_of, first, "9.00", flags=["linked"]), item(second, first, "90.00"),
                 item(first, second, "70.00")]
        key = new_key()
        found = bank.post("/transfers/batch", {"transfers": items}, key=key).expect(200).json
        codes = ["ok"] * 5 + ["linked_event_failed", "exceeds_credits", "exceeds_credits"]
        equal([r["result"] for r in found["results"]], codes)
        again = bank.post("/transfers/batch", {"transfers": items}, key=key).expect(200).json
        equal(again, found, "the answer again")
        again = bank.post("/transfers/batch", {"transfers": items}).expect(200).json
        codes = ["exists"] * 3 + ["linked_event_failed"] * 3 + ["id_already_failed"] * 2
        equal([r["result"] for r in again["results"]], codes, "what was made before")
        equal([bank.account(a)["balance"] for a in (inside, first, second)],
              ["3.00", "10.00", "3.00"])
        equal(bank.get(f"/transfers/{items[3]['transfer_id']}").expect(200).json["amount"], "5.00")
        bank.check_books()


def test_what_is_pending_between_two_shards_is_posted_voided_and_expires(payd):
    with payd.bank(tenant="held") as bank:
        debit, credit = account_in(0), account_in(1)
        for account in (debit, credit):
            bank.post("/accounts", {"account_id": account, "currency": "USD",
                                    "code": 100}).expect(201)

        def held(**more):
            made = bank.post("/transfers", {
                "debit_account_id": debit, "credit_account_id": credit, "amount": "1.00",
                "currency": "USD", "flags": ["pending"],
                "transfer_id": new_id("trf", slot_in(made_in, SHARDS)), **more}).expect(201).json
            equal((made["status"], made["remaining_amount"]), ("pending", "1.00"))
            return f"/transfers/{made['transfer_id']}"

        for made_in in (0, 1):
            path = held()
            for account in (debit, credit):
                hold, = bank.get(f"/accounts/{account}").expect(200).json["holds"]
                equal(hold["amount"], "1.00", "what is held")
            post, key = {"amount": "0.40", "keep_remainder": True}, new_key()
            posted = bank.post(f"{path}/post", post, key=key).expect(201).json
            equal(bank.post(f"{path}/post", post, key=key).expect(201).json, posted, "once more")
            equal(bank.get(path).expect(200).json["remaining_amount"], "0.60", "what is left")
            bank.post(f"{path}/void", {}).expect(201)
            bank.post(f"{path}/post", {}).expect(409, "pending_transfer_already_voided")
            equal(bank.get(path).expect(200).json["status"], "voided", "its status")
            path = held(timeout_s=1)
            wait_for(lambda: bank.get(path).expect(200).json["status"] == "expired", "its end")
        wait_for(lambda: not bank.get(f"/accounts/{credit}").expect(200).json["holds"], "no hold")
        equal(bank.get(f"/accounts/{credit}").expect(200).json["credits_posted"], "0.80")
        bank.check_books()


def test_a_transfer_between_two_shards_is_reversed_once(payd):
    with payd.bank(tenant="reversed") as bank:
        debit, credit = account_in(0), account_in(1)
        for account in (debit, credit):
            bank.post("/accounts", {"account_id": account, "currency": "USD",
                                    "code": 100}).expect(201)
        body = {"debit_account_id": debit, "credit_account_id": credit, "amount": "1.00",
                "currency": "USD"}
        for shard in (0, 1):
            moved = new_id("trf", slot_in(shard, SHARDS))
            bank.post("/transfers", {**body, "transfer_id": moved}).expect(201)
            key = new_key()
            path, words = f"/transfers/{moved}/reverse", {"description": "twice"}
            back = bank.post(path, words, key=key).expect(201).json
            equal((back["reverses_id"], back["amount"]), (moved, "1.00"))
            equal(bank.post(path, words, key=key).expect(201).json, back, "the answer again")
            equal(bank.get(f"/transfers/{moved}").json["reversed_by_id"], back["transfer_id"])
            bank.post(path, {}).expect(409, "already_reversed")
            moved = bank.post("/transfers", body).expect(201).json["transfer_id"]
            other = {"reversal_id": back["transfer_id"]}
            bank.post(f"/transfers/{moved}/reverse", other).expect(
                409, "exists_with_different_reverses_id", "reversal_id")
        bank.check_books()


def test_payments_reach_other_shards(payd):
    with payd.bank(tenant="unpaid", subject="teller") as bank:
        payer = bank.open_wallet(bank.somebody(0), funds="100.00")
        payee = bank.open_wallet(bank.somebody(1))
        body = {"from_account": payer, "to_account": payee, "amount": "30.00", "currency": "USD"}
        key = new_key()
        paid = bank.post("/payments", body, key=key).expect(201).json
        equal(bank.post("/payments", body, key=key).expect(201).json, paid, "the answer again")
        equal((paid["status"], paid["captured_amount"]), ("completed", "30.00"), "the payment")
        path = f"/payments/{paid['payment_id']}"
        back = bank.post(f"{path}/refund", {"amount": "10.00"}).expect(200).json
        equal((back["status"], back["refunded_amount"]), ("partially_refunded", "10.00"), "then")
        bank.post(f"{path}/refund", {"amount": "20.01"}).expect(422, "refund_exceeds_captured")
        steps = bank.get(f"{path}/events").expect(200).json["events"]
        equal([(step["type"], step["shard"]) for step in steps],
              [("started", 0), ("created", 1), ("refund_started", 0), ("refunded", 1)], "its steps")
        held = bank.post("/payments", {**body, "capture": "manual"}).expect(201).json
        equal(held["status"], "authorized", "the authorisation")
        path = f"/payments/{held['payment_id']}"
        for amount, status in (("20.00", "partially_captured"), ("10.00", "completed")):
            captured = bank.post(f"{path}/capture", {"amount": amount}).expect(200).json
            equal(captured["status"], status, "the payment")
        equal([bank.balance(wallet)["balance"] for wallet in (payer, payee)], ["50.00", "50.00"],
              "the balances")
        unknown = payee[:-1] + ("0" if payee[-1] != "0" else "1")
        bank.post("/payments", {**body, "to_account": unknown}).expect(422, "payee_not_found")
        bank.check_books()


def test_wallets_pay_those_of_other_shards(payd):
    with payd.bank(tenant="rents", subject="teller") as bank:
        payer = bank.open_wallet(bank.somebody(0), funds="100.00")
        payee = bank.open_wallet(bank.somebody(1))
        key = new_key()
        body = {"to_wallet_id": payee, "amount": "30.00", "description": "rent"}
        first = bank.post(f"/wallets/{payer}/transfer", body, key=key).expect(201)
        again = bank.post(f"/wallets/{payer}/transfer", body, key=key).expect(201)
        equal(again.json, first.json, "the answer to the same key")
        made = first.json
        equal((made["balance"], made["counterparty_wallet_id"]), ("70.00", payee), "the answer")
        for wallet, kind in ((payer, "transfer_out"), (payee, "transfer_in")):
            path = f"/wallets/{wallet}/transactions/{made['transaction_id']}"
            found = bank.get(path).expect(200).json
            equal((found["type"], found["amount"], found["description"]),
                  (kind, "30.00", "rent"), "the movement")
        hold = bank.post(f"/wallets/{payer}/holds", {"amount": "50.00"}).expect(201).json["hold_id"]
        for amount, status in (("20.00", "partially_captured"), ("30.00", "captured")):
            body = {"amount": amount, "to_wallet_id": payee}
            captured = bank.post(f"/wallets/{payer}/holds/{hold}/capture", body).expect(200).json
            equal(captured["status"], status, "the hold")
        equal([bank.balance(wallet)["balance"] for wallet in (payer, payee)], ["20.00", "80.00"],
              "the balances")
        bank.post(f"/wallets/{payer}/transfer", {"to_wallet_id": payee, "amount": "21.00"}) \
            .expect(422, "exceeds_credits")
        bank.check_books()


def test_operators_see_all_shards(payd):
    for shard in range(SHARDS):
        operator(payd, "bench", "--accounts", "100", "--transfers", "2000", "--shard", str(shard))
    status = operator(payd, "store", "status")
    equal([line["shard"] for line in status["shards"]], list(range(SHARDS)), "shards")
    true(all(int(line["committed"]) > 0 for line in status["shards"]), "batches in every shard")
    equal([(line["first_slot"], line["last_slot"]) for line in status["shards"]],
          [(s * SLOTS // SHARDS, (s + 1) * SLOTS // SHARDS - 1) for s in range(SHARDS)],
          "the slots of each")
    line, = operator(payd, "--tenant", "bench", "ledger", "trial-balance")["lines"]
    equal((line["account_count"], line["transfer_count"], line["balanced"]),
          (str(100 * SHARDS), str(2000 * SHARDS), True), "the tenant's trial balance")
    for shard in range(SHARDS):
        line, = operator(payd, "--tenant", "bench", "ledger", "trial-balance", "--shard",
                         str(shard))["lines"]
        equal((line["account_count"], line["transfer_count"], line["balanced"]),
              ("100", "2000", True), f"the trial balance of shard {shard}")
    lines = operator(payd, "ledger", "trial-balance")["lines"]
    everybody, = (line for line in lines if line["currency"] == "USD")
    verified = operator(payd, "ledger", "verify")
    equal(verified["state"], "passed", "the verification")
    equal([line["shard"] for line in verified["shards"]], list(range(SHARDS)), "shards")
    total, = (line for line in verified["totals"] if line["currency"] == "USD")
    for name in ("debits_posted", "credits_posted"):
        equal(total[name], everybody[name], f"{name} of everybody")
    equal((total["accounts"], total["transfers"]),
          (everybody["account_count"], everybody["transfer_count"]), "accounts and transfers")
    top = operator(payd, "actors", "top", "--limit", "100")
    accounts, = (kind for kind in top["kinds"] if kind["kind"] == "account")
    in_transit = 16  # two for each pair of shards between which a tenant has moved money
    equal(int(accounts["resident"]) - in_transit, sum(int(line["account_count"]) for line in lines),
          "accounts in memory")
    equal(operator(payd, "dead-letters", "list")["complete"], True, "all letters")
    pinged = operator(payd, "ping")
    equal((pinged["ready"], pinged["shards"]), (True, SHARDS), "the node")
    with payd.client() as client:
        page = client.get("/metrics").expect(200).body.decode()
    for shard in range(SHARDS):
        contains(page, f'payd_shard_state{{shard="{shard}"}} 1',
                 f'payd_projector_lag_batches{{shard="{shard}"}} ')


def test_who_is_resumed_gets_what_came_meanwhile(payd):
    with payd.bank(tenant="patient") as bank, payd.bank(tenant="patient") as other:
        debit, credit = account_in(0), account_in(1)
        for account in (debit, credit):
            bank.open_account(account_id=account)
        operator(payd, "actors", "suspend", credit)

        def parked():
            return operator(payd, "parked", "list")["parked"]

        def move():
            return bank.move(debit, credit, "1.00")
        with concurrent.futures.ThreadPoolExecutor() as pool:
            moved = pool.submit(move)
            wait_for(lambda: [p["actor"] for p in parked()] == [credit], "it is parked")
            operator(payd, "actors", "resume", credit)
            equal(moved.result()["status"], "posted", "the transfer")
        equal(other.account(credit)["credits_posted"], "1.00", "what came")
        equal(parked(), [], "parked")


def test_the_books_of_one_shard(payd):
    """Each balances by itself, and all together are the tenant's."""
    with payd.bank(tenant="apart") as bank:
        for shard in range(SHARDS):
            users = [bank.somebody(shard) for _ in range(2)]
            a, b = [bank.open_wallet(user) for user in users]
            bank.fund(a, f"{shard + 1}.00")
            bank.transfer(a, b, "0.50")
        found = [bank.get("/trial-balance", shard=shard).expect(200).json
                 for shard in range(SHARDS)]
        equal([books["balanced"] for books in found], [True] * SHARDS, "balanced")
        equal([books["lines"][0]["debits_posted"] for books in found],
              [f"{shard + 1}.50" for shard in range(SHARDS)], "debits")
        equal(bank.get("/trial-balance").expect(200).json["lines"][0]["debits_posted"],
              f"{SHARDS * (SHARDS + 2) / 2:.2f}", "debits of all")
        bank.get("/trial-balance", shard=SHARDS).expect(404, "not_found")
        bank.get("/trial-balance", shard="first").expect(400, "invalid_field", "shard")


def test_an_import_goes_where_its_items_belong(payd):
    """Also one whose lines name one shard after the other; a chain stays together."""
    accounts = [account_in(number % SHARDS) for number in range(10 * SHARDS)]
    lines = ["id,currency,code"] + [f"{account},USD,1" for account in accounts]
    by_home = [accounts[shard::SHARDS] for shard in range(SHARDS)]
    moves = ["id,debit_account_id,credit_account_id,amount,currency,code,flags"]
    for number in range(20 * SHARDS):
        shard = number % SHARDS
        debit, credit = by_home[shard][0], by_home[shard][1 + number % 9]
        transfer = "trf_" + account_in(shard).removeprefix("acc_")
        moves.append(f"{transfer},{debit},{credit},1.00,USD,1,")
    for times in range(2):
        for rows in (lines, moves):
            file = payd.root / "import.csv"
            file.write_text("\n".join(rows) + "\n")
            done = operator(payd, "--tenant", "imported", "ledger", "import", file)
            found = done["already_there"] if times else done["made"]
            equal((found, done["refused"]), (len(rows) - 1, 0), "items")
    line, = operator(payd, "--tenant", "imported", "ledger", "trial-balance")["lines"]
    equal((line["account_count"], line["transfer_count"], line["debits_posted"]),
          (str(10 * SHARDS), str(20 * SHARDS), f"{20 * SHARDS}.00"), "the trial balance")


def test_another_number_of_shards_is_refused(payd):
    with payd.bank() as bank:
        before = bank.check_books()
    equal(payd.stop(), 0, "the exit code")
    for shards in (1, 2, 4):
        code, lines = refused_start("--database-url", f"sqlite:{payd.data}", "--shards", shards,
                                    "--port", payd.port, "--dev-issuer", "on")
        equal(code, 1, "the exit code")
        contains(lines[-1], f"has {SHARDS} shards", f"cannot be opened with {shards}")
    payd.start()
    with payd.bank() as bank:
        equal(bank.check_books(), before, "the books")


def test_stops_under_load(payd):
    with Load(payd, clients=8) as load:
        for _ in range(3):
            before = load.acknowledged()
            scenarios.wait_for(lambda: load.acknowledged() > before + 200, "the load to go on")
            equal(payd.stop(), 0, "the exit code")
            payd.start()
    true(load.judge() > 600, "transfers of all rounds")


def main():
    try:
        with Payd(shards=SHARDS, loops=2, log_level="warn") as payd:
            return scenarios.run(globals(), lambda name: (payd,), payd)
    except NotReady as e:
        print(f"FAILED  {e}")
        return 1


if __name__ == "__main__":
    sys.exit(main())
