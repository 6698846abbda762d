#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each allocation of a request, a step of the views, a start or a stop fails: alone, or with all
that follow.

First the places where each of them allocates are noted (allocations.c, preloaded). Then one place
after another fails while it is done again. payd may answer 503, close the connection, or end with
one line that says that memory is out; never with a signal of a fault, and never with an answer
that is final. It then starts again and gives each request its answer: what it answered before, or
what it should. In the end wallets hold what the answers say, and the journal is whole.

usage: test_allocations.py [--seconds S | --all] [--seed N] [--kind KIND]
"""
import argparse
import json
import mmap
import os
import pathlib
import random
import re
import signal
import struct
import subprocess
import sys
import time

from payd import (PAYCTL, Client, NotReady, Payd, Unanswered, clean_environment, cents, new_key)
from test_kill import settled

ALLOCATIONS = os.environ.get("ALLOCATIONS", "")
SECONDS = 30      # of ./check, with one seed: the sample is the same each time
SEED = 15
ROUNDS = 3        # of each kind, while its places are noted
ENDS_S = 5.5      # after SIGTERM, or a connection that was closed by the end of the process
FUNDS = 1_000_000
OUT_OF_MEMORY = "out of memory"
# It takes no allocator, and reads through NULL; so an allocation that it asks for may end so.
READS_NULL = "libnng"
# What glibc says when it has no memory for its name service, and ends; or it reads through NULL.
NAMES_ENDED = re.compile(r"Unexpected error\.|payd: nss_\w+\.c:\d+: \w+: Assertion .* failed\.")
NAMES_READ_NULL = "__nss_database_get"
TASK_NONE, TASK_NOTE, TASK_FAIL = range(3)


class Order:
    """What allocations.c is told, in memory that both share."""

    HEAD = struct.Struct("<IIQiI")
    PLACES = 8192

    def __init__(self, path):
        path.write_bytes(bytes(self.HEAD.size + 8 * self.PLACES))
        with path.open("r+b") as file:
            self.page = mmap.mmap(file.fileno(), 0)

    def note(self):
        self.page[self.HEAD.size:] = bytes(8 * self.PLACES)
        self.page[:self.HEAD.size] = self.HEAD.pack(TASK_NOTE, 0, 0, 0, 0)

    def noted(self):
        numbers = struct.unpack(f"<{self.PLACES}Q", self.page[self.HEAD.size:])
        return {place for place in numbers if place}

    def fail(self, place, once, left):
        self.page[4:self.HEAD.size] = self.HEAD.pack(TASK_FAIL, once, place, left, 0)[4:]
        self.page[:4] = struct.pack("<I", TASK_FAIL)

    def end(self):
        self.page[:4] = struct.pack("<I", TASK_NONE)

    def failed(self):
        return self.HEAD.unpack(self.page[:self.HEAD.size])[4]


class Short(Payd):
    """Starts with allocations.c, and knows what it said since its start."""

    def __init__(self, **settings):
        super().__init__(log_level="warn", **settings)
        self.order = Order(self.root / "order")
        self.began = 0

    def environment(self):
        return {**clean_environment(), "LD_PRELOAD": ALLOCATIONS,
                "ALLOCATIONS": str(self.root / "order")}

    def spawn(self, wrap=()):
        self.began = self.stderr.stat().st_size if self.stderr.exists() else 0
        return super().spawn(wrap)

    def told(self):
        """Who called the allocation that failed first, innermost first."""
        lines = (self.root / "order.told").read_text(errors="replace").splitlines()
        return [line for line in lines if not line.startswith(ALLOCATIONS)]

    def said(self):
        """But for the log."""
        lines = self.stderr.read_bytes()[self.began:].decode(errors="replace").splitlines()
        return [line for line in lines if not line.startswith("{")]


class Asked:
    """A request that is done once, and what it moves: (wallet, cents) each."""

    def __init__(self, path, body, moves=()):
        self.path, self.body, self.moves = path, body, moves
        self.key, self.answer = new_key(), None

    def __str__(self):
        return f"POST {self.path} {self.body}"

    def ask(self, client):
        return client.post(self.path, self.body, key=self.key)


class World:
    def __init__(self, options):
        self.options, self.random = options, random.Random(options.seed)
        self.payd = Short().start()
        self.asked, self.deaths, self.cases, self.unmet = [], 0, 0, 0
        self.connect()
        self.a, self.b = (self.bank.open_wallet(funds=f"{FUNDS}.00") for _ in "ab")
        self.account = self.bank.open_account()
        self.other = self.bank.open_account()

    def connect(self):
        self.token = self.payd.token()
        self.bank = self.payd.bank()

    # --- what is done ---------------------------------------------------------------------------
    # Each gives what is asked while memory is short: requests, or a function that reads.

    def do_open(self):
        return Asked("/wallets", {"currency": "USD", "user_id": new_key(), "metadata": {"a": "b"}})

    def do_fund(self):
        return Asked(f"/wallets/{self.a}/fund", {"amount": "0.07"}, [(self.a, 7)])

    def do_transfer(self):
        return Asked(f"/wallets/{self.a}/transfer", {"to_wallet_id": self.b, "amount": "0.01"},
                     [(self.a, -1), (self.b, 1)])

    def do_move(self):
        return Asked("/transfers", {"debit_account_id": self.account, "amount": "0.02",
                                    "credit_account_id": self.other, "currency": "USD"})

    def do_hold(self):
        return Asked(f"/wallets/{self.a}/holds", {"amount": "0.01"})

    def do_capture(self):
        hold = self.answered(self.do_hold())["hold_id"]
        return Asked(f"/wallets/{self.a}/holds/{hold}/capture", {"to_wallet_id": self.b},
                     [(self.a, -1), (self.b, 1)])

    def do_payment(self):
        return Asked("/payments", {"from_account": self.a, "to_account": self.b, "amount": "0.03",
                                   "currency": "USD"}, [(self.a, -3), (self.b, 3)])

    def do_authorisation(self):
        asked = self.do_payment()
        asked.body["capture"], asked.moves = "manual", ()
        return asked

    def do_payment_capture(self):
        payment = self.answered(self.do_authorisation())["payment_id"]
        return Asked(f"/payments/{payment}/capture", {}, [(self.a, -3), (self.b, 3)])

    def do_refund(self):
        payment = self.answered(self.do_payment())["payment_id"]
        return Asked(f"/payments/{payment}/refund", {"amount": "0.02"},
                     [(self.a, 2), (self.b, -2)])

    def do_refused(self):
        return Asked(f"/wallets/{self.b}/transfer", {"to_wallet_id": self.a,
                                                     "amount": "90000000.00"})

    def do_list(self):
        """The list waits for the views: a step of theirs is in it."""
        self.answered(self.do_transfer())
        return lambda client: client.get(f"/wallets/{self.a}/transactions", limit=5)

    def do_accounts(self):
        self.answered(self.do_payment())
        return lambda client: client.get("/accounts", limit=5)

    def do_trial_balance(self):
        return lambda client: client.get("/trial-balance")

    def do_token(self):
        return lambda _: self.payd.ask_token(subject=new_key())

    def do_document(self):
        return lambda client: client.get("/openapi.json")

    def do_metrics(self):
        return lambda client: client.get("/metrics")

    def do_unknown_token(self):
        """Its signature is looked at, not only its text in a table."""
        token = self.with_memory(lambda: self.payd.token(subject=new_key()))
        def ask(_):
            with Client(self.payd, token) as client:
                return client.get("/wallets", limit=1)
        return ask

    def do_operator(self):
        """Over the operators' link; payctl itself has all the memory it wants."""
        def ask(_):
            subprocess.run([PAYCTL, "--socket", self.payd.data / "payd.sock", "store", "status"],
                           capture_output=True, timeout=ENDS_S, check=False)
        return ask

    def do_stop(self):
        self.answered(self.do_transfer())
        def stop(_):
            self.payd.terminate()
            self.payd.process.wait(ENDS_S)
        return stop

    def do_start(self):
        self.answered(self.do_payment())
        self.payd.order.end()
        self.payd.kill()
        def start(_):
            self.payd.start()
        return start

    # --- one case -------------------------------------------------------------------------------

    def with_memory(self, act):
        """The thread that lacked it in the case before may end the process a little later."""
        try:
            return act()
        except (OSError, Unanswered):
            self.check_end("")
            return act()

    def ask(self, asked):
        return self.with_memory(lambda: asked.ask(self.bank))

    def answered(self, asked):
        answer = self.ask(asked)
        if answer.status not in (200, 201):
            raise AssertionError(f"not done although there is memory: {answer}")
        self.asked.append(asked)
        asked.answer = settled(answer)
        return answer.json

    def short(self, what):
        """What came of it: an answer, or None."""
        try:
            with Client(self.payd, self.token) as client:
                return what.ask(client) if isinstance(what, Asked) else what(client)
        except (OSError, Unanswered, NotReady, subprocess.TimeoutExpired):
            return None
        finally:
            self.failures = self.payd.order.failed()
            self.payd.order.end()

    def check_answer(self, what, answer):
        """Final answers are what they would be with memory; else 503."""
        if answer is None or answer.status in (200, 201) or answer.status == 503:
            return
        if isinstance(what, Asked) and answer.code == "exceeds_credits":
            return
        raise AssertionError(f"answered for want of memory: {answer}")

    def check_end(self, kind):
        """payd lives, or left with its one line."""
        end = time.monotonic() + ENDS_S
        while self.payd.running() and time.monotonic() < end:
            try:
                with Client(self.payd) as client:
                    client.get("/health/live").expect(200)
                return
            except (OSError, Unanswered):
                time.sleep(0.002)
        code, lines = self.payd.process.wait(ENDS_S), self.payd.said()
        self.deaths += code != 0
        ended = sum(line.startswith(OUT_OF_MEMORY) for line in lines)
        told = any(line.startswith("payd: ") for line in lines)
        callers = self.payd.told()
        reads_null = (READS_NULL in "".join(callers[:1])
                      or any(NAMES_READ_NULL in caller for caller in callers))
        if not ((code == -signal.SIGABRT and ended == 1 and len(lines) == 1)
                or (code == -signal.SIGABRT and len(lines) == 1 and NAMES_ENDED.fullmatch(lines[0]))
                or (code == -signal.SIGSEGV and not lines and reads_null)
                or (code == 0 and kind == "stop") or (code == 1 and told and kind == "start")):
            raise AssertionError(f"it left with {code}, and said {lines}")
        self.payd.start()
        self.connect()

    def check_again(self, what, answer):
        """With memory: the same answer if there was one."""
        before = settled(answer) if answer is not None and answer.status != 503 else None
        again = settled(self.ask(what))
        if again[0] not in (200, 201, 422) or (before is not None and again != before):
            raise AssertionError(f"{what}\n  before: {before}\n  now:    {again}")
        what.answer = again
        self.asked.append(what)

    def case(self, kind, place, once, left):
        what = getattr(self, f"do_{kind}")()
        self.payd.order.fail(place, once, left)
        answer = self.short(what)
        self.cases += 1
        self.unmet += self.failures == 0
        try:
            self.check_answer(what, answer)
            self.check_end(kind)
            if isinstance(what, Asked):
                self.check_again(what, answer)
        except (AssertionError, NotReady) as e:
            how = "alone" if once else "with all that follow"
            raise AssertionError(f"{kind}: the allocation at {place:#x}, after {left} there, "
                                 f"failed {how}: {e}\n" + "\n".join(self.payd.told())) from e

    # --- all of them ----------------------------------------------------------------------------

    def kinds(self):
        wanted = self.options.kind
        return wanted or [name[3:] for name in dir(self) if name.startswith("do_")]

    def places(self, kind):
        found = set()
        for _ in range(ROUNDS):
            what = getattr(self, f"do_{kind}")()
            self.payd.order.note()
            self.short(what)
            found |= self.payd.order.noted()
            if not self.payd.running():
                self.payd.start()
                self.connect()
            if kind == "start":
                self.connect()
            if isinstance(what, Asked):
                self.check_again(what, None)
        return found

    def torment(self):
        cases = []
        for kind in self.kinds():
            places = sorted(self.places(kind))
            print(f"{kind}: {len(places)} places", flush=True)
            if not places:
                raise AssertionError(f"no allocation was seen of {kind}")
            these = [(kind, place, once) for place in places for once in (True, False)]
            self.random.shuffle(these)
            cases += enumerate(these)
        cases = [case for _, case in sorted(cases, key=lambda one: one[0])]  # kind after kind
        end = time.monotonic() + self.options.seconds
        for kind, place, once in cases:
            if not self.options.all and time.monotonic() > end:
                break
            self.case(kind, place, once, self.random.choice((0, 0, 0, 1)))
        print(f"{self.cases} of {len(cases)} cases, in {self.unmet} nothing failed, "
              f"{self.deaths} ends")

    def judge(self):
        wallets = {self.a: 100 * FUNDS, self.b: 100 * FUNDS}
        for asked in self.asked:
            again = self.ask(asked)
            if settled(again) != asked.answer:
                raise AssertionError(f"{asked}\n  before: {asked.answer}\n  now: {again}")
            for wallet, moved in asked.moves if asked.answer[0] in (200, 201) else ():
                wallets[wallet] += moved
        for wallet, expected in wallets.items():
            found = cents(self.bank.balance(wallet)["balance"])
            if found != expected:
                raise AssertionError(f"{wallet} should have {expected} cents, it has {found}")
        self.bank.check_books()
        if self.payd.stop() != 0:
            raise AssertionError(f"it did not stop: {self.payd.log()}")
        done = subprocess.run([PAYCTL, "ledger", "verify", "--data", self.payd.data],
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise AssertionError(f"verify: {done.stdout}{done.stderr}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--all", action="store_true", help="every place, however long it takes")
    parser.add_argument("--kind", action="append")
    parser.add_argument("--seed", type=int, default=SEED)
    options = parser.parse_args()
    if not pathlib.Path(ALLOCATIONS).is_file():
        print("skipped: ALLOCATIONS does not name the library of allocations.c")
        return 77
    print(f"seed {options.seed}")
    world = World(options)
    try:
        world.torment()
        world.judge()
    except (AssertionError, NotReady, OSError, Unanswered) as failure:
        print(f"FAILED: {failure}: {world.payd.log()}")
        return 1
    finally:
        world.payd.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
