#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""kill -9 at random moments under load, judged by the clients' own log of what was acknowledged.

usage: test_kill.py [--kills N] [--clients N] [--seed N] [--shards N]

Clients move money with idempotency keys and write every request, before and after, to a log of
their own that payd never sees. payd is killed after a random life and started again on the same
data. An unanswered request is asked again with the same key, or given up: then it may have
happened or not. In the end the judge asks every request once more. Each must answer what it
answered before; and the ledger must hold exactly the transfers of those answers, no more, no less.
With several shards, on two loops, half of the transfers are between two of them.
"""
import argparse
import collections
import json
import os
import pathlib
import random
import sys
import tempfile
import threading
import time

from payd import (NOT_FINAL, SHARDS, NotReady, Payd, Unanswered, account_of, amount, cents, new_id,
                  new_key, operator, shard_of, slot_in, slot_of)

WALLETS = 12  # or two in each shard, so that a payment finds a payee
ACCOUNTS = 4  # or two in each
FUNDS = "1000.00"
LIFE_S = (0.010, 0.150)  # from ready to the kill
BORN_S = (0.0, 0.040)    # every fourth kill: from the start of the process, ready or not
GIVE_UP = 0.15           # share of unanswered requests that are not asked again at once
ENDS_S = 10              # what was left open has its answer after this
SHOWN = 5                # differences told in full
EFFECTS = {"transfer": "transaction_id", "fund": "transaction_id", "payment": "payment_id",
           "refund": "payment_id", "move": "transfer_id"}


class Request:
    """One thing to do once, and what its answer was."""

    def __init__(self, kind, path, body):
        self.kind, self.path, self.body, self.key = kind, path, body, new_key()
        self.answer = None  # (status, text) when acknowledged
        self.sent = 0

    def __str__(self):
        return f"POST {self.path} {self.body} with key {self.key}, sent {self.sent} times"

    def ask(self, client):
        self.sent += 1
        return client.post(self.path, self.body, key=self.key)


class Log:
    """A client's own memory: one line before each sending and one for each answer, synced."""

    def __init__(self, path):
        self.file = path.open("ab")

    def write(self, event, request, **more):
        line = {"event": event, "key": request.key, "kind": request.kind, "path": request.path,
                "body": request.body, "time": time.time(), **more}
        self.file.write(json.dumps(line).encode() + b"\n")
        self.file.flush()
        os.fsync(self.file.fileno())


def settled(answer):
    """What of an answer must be the same each time: all but the name of the request."""
    text = answer.body.decode()
    if answer.status < 400:
        return answer.status, text
    return answer.status, json.dumps({k: v for k, v in answer.json.items() if k != "request_id"})


def read_logs(folder):
    """All requests the clients ever sent, with the answers they got."""
    requests = {}
    for path in sorted(folder.iterdir()):
        for line in path.read_text().splitlines():
            entry = json.loads(line)
            request = requests.setdefault(entry["key"], Request(entry["kind"], entry["path"],
                                                                entry["body"]))
            request.key = entry["key"]
            if entry["event"] == "sent":
                request.sent += 1
            elif request.answer is None:
                request.answer = (entry["status"], entry["answer"])
            elif request.answer != (entry["status"], entry["answer"]):
                raise AssertionError(f"two answers to one request: {request}")
    return list(requests.values())


class Worker(threading.Thread):
    def __init__(self, world, number):
        super().__init__()
        self.world, self.random = world, random.Random(f"{world.seed}/{number}")
        self.log = Log(world.logs / f"client-{number}.jsonl")
        self.payments = []
        self.failure = None

    def run(self):
        try:
            with self.world.payd.client_of(self.world.token) as client:
                while not self.world.over.is_set():
                    self.finish(client, self.invent())
        except BaseException as e:  # told by the main thread
            self.failure = e
            self.world.over.set()

    def pair(self, things, crosses):
        """Two of them, in two shards or in one. One shard has pairs of one kind only."""
        first = self.random.choice(things)
        crosses = crosses and self.world.payd.shards > 1
        home = self.world.home(first)
        return first, self.random.choice([other for other in things if other != first
                                          and (self.world.home(other) != home) == crosses])

    def invent(self):
        r, world = self.random, self.world
        money = amount(r.randint(1, 5000))
        kind = r.choice(("transfer", "transfer", "payment", "payment", "fund", "move", "refund"))
        if kind == "refund" and not self.payments:
            kind = "payment"
        crosses = kind in ("transfer", "move") and r.random() < 0.5
        a, b = self.pair(world.accounts if kind == "move" else world.wallets, crosses)
        if kind == "transfer":
            return Request(kind, f"/wallets/{a}/transfer", {"to_wallet_id": b, "amount": money})
        if kind == "fund":
            return Request(kind, f"/wallets/{a}/fund", {"amount": money})
        if kind == "move":
            return Request(kind, "/transfers", {"debit_account_id": a, "credit_account_id": b,
                                                "amount": money, "currency": "USD"})
        if kind == "refund":
            payment = self.payments.pop()
            return Request(kind, f"/payments/{payment}/refund", {"amount": "0.01"})
        return Request(kind, "/payments", {"from_account": a, "to_account": b, "amount": money,
                                           "currency": "USD"})

    def connected(self, client):
        """Waits while payd is down; false when the test is over."""
        while not self.world.over.is_set():
            try:
                client.connect()
                return True
            except OSError:
                time.sleep(0.005)
        return False

    def finish(self, client, request):
        """Asks until it is answered, or given up, or the test is over."""
        while True:
            if not self.connected(client):
                return
            self.log.write("sent", request)
            try:
                answer = request.ask(client)
                if answer.status not in NOT_FINAL:
                    break
            except (OSError, Unanswered):
                pass
            if self.world.over.is_set() or self.random.random() < GIVE_UP:
                return
        status, text = settled(answer)
        self.log.write("answered", request, status=status, answer=text)
        self.world.acknowledged += 1
        if answer.status == 201 and request.kind == "payment":
            self.payments.append(answer.json["payment_id"])


class World:
    def __init__(self, options, folder, payd=None):
        self.seed, self.kills = options.seed, options.kills
        self.random = random.Random(options.seed)
        self.logs = folder
        self.payd = (payd or Payd(log_level="warn", shards=options.shards,
                                  loops=min(options.shards, 2))).start()
        self.over = threading.Event()
        self.acknowledged = 0
        self.token = self.payd.token()
        with self.payd.bank() as bank:
            shards = self.payd.shards
            self.wallets = [bank.open_wallet(bank.somebody(n % shards), funds=FUNDS)
                            for n in range(max(WALLETS, 2 * shards))]
            self.accounts = [self.open_account(bank, n) for n in range(max(ACCOUNTS, 2 * shards))]
            self.before = set(self.transfers(bank))
        self.workers = [Worker(self, n) for n in range(options.clients)]

    def home(self, thing):
        return shard_of(slot_of(thing), self.payd.shards)

    def open_account(self, bank, number):
        """The first in each shard may owe, so that the others have something to spend."""
        shards = self.payd.shards
        limits = ["debits_must_not_exceed_credits"] if number >= shards else []
        account = new_id("acc", slot_in(number % shards, shards))
        return bank.open_account(*limits, account_id=account)

    # --- the load and the kills -------------------------------------------------------------

    def torment(self):
        for worker in self.workers:
            worker.start()
        for kill in range(self.kills):
            if self.over.is_set():
                break
            if kill % 4 == 3:
                time.sleep(self.random.uniform(*BORN_S))
            else:
                self.payd.wait_ready()
                time.sleep(self.random.uniform(*LIFE_S))
            if not self.payd.running():
                raise AssertionError(f"payd left by itself: {self.payd.log()}")
            self.payd.kill()
            self.payd.spawn()
        self.payd.wait_ready()
        time.sleep(0.2)
        self.over.set()
        for worker in self.workers:
            worker.join()
            if worker.failure is not None:
                raise worker.failure

    # --- the judge --------------------------------------------------------------------------

    def transfers(self, bank):
        """The ledger's transfers by id, from the entries of every account: what each direction
        has, once, as (account, cents)."""
        found, repeated = {}, []
        for account in [account_of(w) for w in self.wallets] + self.accounts:
            for entry in self.read_entries(bank, account):
                if "transfer_id" in entry:
                    sides = found.setdefault(entry["transfer_id"].split("_")[1], {})
                    if entry["direction"] in sides:
                        repeated.append(entry)
                    sides[entry["direction"]] = account, cents(entry["amount"])
        if repeated:
            raise AssertionError(f"posted more than once: {repeated[:SHOWN]}")
        return found

    def read_entries(self, bank, account):
        """Of an account, oldest first, each with the counters the one before makes. Versions are
        without an entry only where something was kept aside for another shard."""
        entries = bank.entries(account)
        debits = credits = before = 0
        for entry in entries:
            version = int(entry["version"])
            if version <= before or (self.payd.shards == 1 and version != before + 1):
                raise AssertionError(f"the entries of {account} have a gap before {entry}")
            before = version
            if entry["kind"] == "posted":
                moved = cents(entry["amount"])
                debits += moved if entry["direction"] == "debit" else 0
                credits += moved if entry["direction"] == "credit" else 0
            if (cents(entry["debits_posted"]), cents(entry["credits_posted"])) != (debits, credits):
                raise AssertionError(f"after this entry {account} should have debits of {debits} "
                                     f"and credits of {credits}: {entry}")
        return entries

    def ended(self, bank, request):
        """Its answer. What waits for another shard may be told to come back, but not for long."""
        end = time.monotonic() + ENDS_S
        while True:
            answer = request.ask(bank)
            if time.monotonic() > end:
                raise AssertionError(f"open after {ENDS_S} s: {request}\n  {answer}")
            if answer.status not in NOT_FINAL:
                return answer
            time.sleep(0.02)

    def ask_again(self, bank, requests):
        """Every request once more: the same answer if it was answered. Sets all answers."""
        for request in requests:
            answer = self.ended(bank, request)
            got = settled(answer)
            if request.answer is not None and got != request.answer:
                raise AssertionError(f"an acknowledged request answers differently\n  {request}"
                                     f"\n  before: {request.answer}\n  now:    {got}")
            if request.answer is not None and not answer.replayed:
                raise AssertionError(f"an acknowledged request was done again: {request}\n  {got}")
            if answer.status not in (200, 201, 422):
                raise AssertionError(f"neither done nor refused: {request}\n  {answer}")
            request.answer = got

    def check_transfers(self, bank, requests):
        """What the answers say was done is what the ledger holds."""
        claimed = collections.Counter()
        for request in requests:
            status, text = request.answer
            if status in (200, 201):
                claimed[json.loads(text)[EFFECTS[request.kind]].split("_")[1]] += \
                    request.kind != "refund"
        twice = [id for id, count in claimed.items() if count > 1]
        if twice:
            raise AssertionError(f"two requests claim one transfer: {twice[:SHOWN]}")
        refunds = sum(r.kind == "refund" and r.answer[0] == 200 for r in requests)
        found = self.transfers(bank)
        held = set(found) - self.before
        lost, extra = set(claimed) - held, held - set(claimed)
        if lost or len(extra) != refunds:
            raise AssertionError(
                f"{len(lost)} acknowledged transfers are not in the ledger {sorted(lost)[:SHOWN]}, "
                f"and {len(extra)} transfers are there beside the answered ones, where {refunds} "
                f"refunds were answered {sorted(extra)[:SHOWN]}")
        for request in requests:
            if request.answer[0] in (200, 201) and request.kind != "refund":
                self.check_both_ends(request, found)
        return len(held)

    def ends(self, request):
        """The accounts that pay and receive; what funds a wallet is of the platform."""
        answer, body = json.loads(request.answer[1]), request.body
        if request.kind == "fund":
            return None, answer["wallet_id"]
        if request.kind == "transfer":
            return answer["wallet_id"], body["to_wallet_id"]
        if request.kind == "move":
            return body["debit_account_id"], body["credit_account_id"]
        if request.kind == "refund":
            return answer["to_account"], answer["from_account"]
        return body["from_account"], body["to_account"]

    def check_both_ends(self, request, found):
        """Both statements have it, with its amount."""
        source, target = self.ends(request)
        moved = cents(request.body["amount"])
        wanted = {"credit": (account_of(target), moved)}
        if source is not None:
            wanted["debit"] = account_of(source), moved
        got = found[json.loads(request.answer[1])[EFFECTS[request.kind]].split("_")[1]]
        if got != wanted:
            raise AssertionError(f"the statements should have {wanted}, have {got}: {request}")

    def check_balances(self, bank, requests):
        fold = collections.Counter({w: cents(FUNDS) for w in self.wallets})
        for request in requests:
            if request.answer[0] not in (200, 201):
                continue
            moved = cents(request.body["amount"])
            source, target = self.ends(request)
            if source is not None:
                fold[source] -= moved
            fold[target] += moved
        for wallet in self.wallets:
            balance, account = bank.balance(wallet), bank.account(account_of(wallet))
            same = account["balance"] == balance["balance"]
            if cents(balance["balance"]) != fold[wallet] or not same:
                raise AssertionError(f"{wallet} should have {amount(fold[wallet])}: {balance}, its "
                                     f"account {account['balance']}")
        for name in self.accounts:
            account = bank.account(name)
            sign = 1 if account["balance_side"] == "credit" else -1
            if cents(account["balance"]) * sign != fold[name]:
                raise AssertionError(f"{name} should have {fold[name]} cents: {account}")

    def check_books(self, bank):
        """Of all, and of each shard with its money in transit."""
        bank.check_books()
        for shard in range(self.payd.shards):
            bank.check_books(shard=shard)

    def judge(self):
        requests = read_logs(self.logs)
        answered = sum(r.answer is not None for r in requests)
        with self.payd.bank() as bank:
            self.check_books(bank)
            self.ask_again(bank, requests)
            held = self.check_transfers(bank, requests)
            self.check_balances(bank, requests)
            self.check_books(bank)
        code = self.payd.stop()
        if code != 0:
            raise AssertionError(f"payd left with exit code {code} after SIGTERM")
        self.payd.start()
        with self.payd.bank() as bank:
            self.check_transfers(bank, requests)
            self.check_balances(bank, requests)
            self.check_books(bank)
        verified = operator(self.payd, "ledger", "verify")
        if verified["state"] != "passed":
            raise AssertionError(f"the ledger is not verified: {verified}")
        kinds = collections.Counter(r.answer[0] for r in requests)
        print(f"{self.kills} kills, {answered} of {len(requests)} requests acknowledged, "
              f"{len(requests) - answered} given up, {held} transfers in the ledger, "
              f"{self.crossed(requests)} between shards, "
              f"answers {dict(kinds)}")

    def crossed(self, requests):
        """How many were done over two shards; some, if there are two."""
        ends = [self.ends(r) for r in requests if r.answer[0] == 201 and r.kind != "fund"]
        crossed = sum(self.home(source) != self.home(target) for source, target in ends)
        if (crossed > 0) != (self.payd.shards > 1):
            raise AssertionError(f"{crossed} transfers between {self.payd.shards} shards")
        return crossed


def torment_and_judge(make_world, options):
    """The exit status of a test: make_world(options, folder) gives a World."""
    print(f"seed {options.seed}")
    with tempfile.TemporaryDirectory(prefix="client-log-") as folder:
        world = make_world(options, pathlib.Path(folder))
        try:
            world.torment()
            world.judge()
        except (AssertionError, NotReady) as failure:
            print(f"FAILED: {failure}")
            return 1
        except (OSError, Unanswered) as failure:
            print(f"FAILED: {failure}: {world.payd.log()}")
            return 1
        finally:
            world.over.set()
            world.payd.close()
    return 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--shards", type=int, default=SHARDS)
    options = parser.parse_args()
    return torment_and_judge(World, options)


if __name__ == "__main__":
    sys.exit(main())
