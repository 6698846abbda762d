#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""kill -9 at random moments under load, judged by the clients' own log of what was acknowledged.

usage: test_kill.py [--kills N] [--clients N] [--seed N]

Clients move money with idempotency keys and write every request, before and after, to a log of
their own that payd never sees. payd is killed after a random life and started again on the same
data. An unanswered request is asked again with the same key, or given up: then it may have
happened or not. In the end the judge asks every request once more. Each must answer what it
answered before; and the ledger must hold exactly the transfers of those answers, no more, no less.
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

from payd import (NOT_FINAL, NotReady, Payd, Unanswered, account_of, amount, cents, new_key)

WALLETS = 12
ACCOUNTS = 4
FUNDS = "1000.00"
LIFE_S = (0.010, 0.150)  # from ready to the kill
BORN_S = (0.0, 0.040)    # every fourth kill: from the start of the process, ready or not
GIVE_UP = 0.15           # share of unanswered requests that are not asked again at once
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

    def invent(self):
        r, world = self.random, self.world
        a, b = r.sample(world.wallets, 2)
        money = amount(r.randint(1, 5000))
        kind = r.choice(("transfer", "transfer", "payment", "payment", "fund", "move", "refund"))
        if kind == "refund" and not self.payments:
            kind = "payment"
        if kind == "transfer":
            return Request(kind, f"/wallets/{a}/transfer", {"to_wallet_id": b, "amount": money})
        if kind == "fund":
            return Request(kind, f"/wallets/{a}/fund", {"amount": money})
        if kind == "move":
            a, b = r.sample(world.accounts, 2)
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
        self.payd = (payd or Payd(log_level="warn")).start()
        self.over = threading.Event()
        self.acknowledged = 0
        self.token = self.payd.token()
        with self.payd.bank() as bank:
            self.wallets = [bank.open_wallet(funds=FUNDS) for _ in range(WALLETS)]
            self.accounts = [bank.open_account("debits_must_not_exceed_credits")
                             for _ in range(ACCOUNTS - 1)] + [bank.open_account()]
            self.before = self.transfers(bank)
        self.workers = [Worker(self, n) for n in range(options.clients)]

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
        """The ledger's transfers by id, from the entries of every account, each seen twice."""
        seen = collections.Counter()
        for account in [account_of(w) for w in self.wallets] + self.accounts:
            for entry in self.read_entries(bank, account):
                if "transfer_id" in entry:
                    seen[entry["transfer_id"], entry["direction"]] += 1
        repeated = [key for key, count in seen.items() if count > 1]
        if repeated:
            raise AssertionError(f"posted more than once: {repeated[:SHOWN]}")
        return {transfer for transfer, _ in seen}

    def read_entries(self, bank, account):
        """Of an account, oldest first: no gaps, each with the counters the one before makes."""
        entries = bank.entries(account)
        debits = credits = 0
        for number, entry in enumerate(entries, 1):
            if int(entry["version"]) != number:
                raise AssertionError(f"the entries of {account} have a gap before {entry}")
            if entry["kind"] == "posted":
                moved = cents(entry["amount"])
                debits += moved if entry["direction"] == "debit" else 0
                credits += moved if entry["direction"] == "credit" else 0
            if (cents(entry["debits_posted"]), cents(entry["credits_posted"])) != (debits, credits):
                raise AssertionError(f"after this entry {account} should have debits of {debits} "
                                     f"and credits of {credits}: {entry}")
        return entries

    def ask_again(self, bank, requests):
        """Every request once more: the same answer if it was answered. Sets all answers."""
        for request in requests:
            answer = request.ask(bank)
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
        held = {id.split("_")[1] for id in self.transfers(bank) - self.before}
        lost, extra = set(claimed) - held, held - set(claimed)
        if lost or len(extra) != refunds:
            raise AssertionError(
                f"{len(lost)} acknowledged transfers are not in the ledger {sorted(lost)[:SHOWN]}, "
                f"and {len(extra)} transfers are there beside the answered ones, where {refunds} "
                f"refunds were answered {sorted(extra)[:SHOWN]}")
        return len(held)

    def check_balances(self, bank, requests):
        fold = collections.Counter({w: cents(FUNDS) for w in self.wallets})
        for request in requests:
            status, text = request.answer
            if status not in (200, 201):
                continue
            answer, body = json.loads(text), request.body
            moved = cents(body["amount"])
            if request.kind == "fund":
                fold[answer["wallet_id"]] += moved
                continue
            if request.kind == "transfer":
                source, target = answer["wallet_id"], body["to_wallet_id"]
            elif request.kind == "move":
                source, target = body["debit_account_id"], body["credit_account_id"]
            elif request.kind == "refund":
                source, target = answer["to_account"], answer["from_account"]
            else:
                source, target = body["from_account"], body["to_account"]
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

    def judge(self):
        requests = read_logs(self.logs)
        answered = sum(r.answer is not None for r in requests)
        with self.payd.bank() as bank:
            bank.check_books()
            self.ask_again(bank, requests)
            held = self.check_transfers(bank, requests)
            self.check_balances(bank, requests)
            bank.check_books()
        code = self.payd.stop()
        if code != 0:
            raise AssertionError(f"payd left with exit code {code} after SIGTERM")
        self.payd.start()
        with self.payd.bank() as bank:
            self.check_transfers(bank, requests)
            self.check_balances(bank, requests)
            bank.check_books()
        kinds = collections.Counter(r.answer[0] for r in requests)
        print(f"{self.kills} kills, {answered} of {len(requests)} requests acknowledged, "
              f"{len(requests) - answered} given up, {held} transfers in the ledger, "
              f"answers {dict(kinds)}")


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
    options = parser.parse_args()
    return torment_and_judge(World, options)


if __name__ == "__main__":
    sys.exit(main())
