# SPDX-License-Identifier: Apache-2.0
"""Clients that keep transferring while something happens to payd, and the judge of what they got.

Each transfer has a key of its own. What got no final answer is asked again with the same key, as a
careful client does. In the end `Load.judge` asks everything once more: what was acknowledged must
give the same answer again, and the ledger must hold exactly what the answers say.
"""
import threading
import time

from payd import NOT_FINAL, Unanswered, account_of, amount, cents, new_key

FUNDS = "100000.00"


class Transfer:
    def __init__(self, source, target):
        self.path, self.key = f"/wallets/{source}/transfer", new_key()
        self.body = {"to_wallet_id": target, "amount": "1.00"}
        self.answer = None  # (status, body) when it was final

    def ask(self, client):
        return client.post(self.path, self.body, key=self.key)


class Load:
    def __init__(self, payd, clients=8):
        self.payd, self.token = payd, payd.token()
        with payd.bank() as bank:
            self.source, self.target = bank.open_wallet(funds=FUNDS), bank.open_wallet()
        self.over, self.transfers, self.failures = threading.Event(), [], []
        self.last = []  # the newest answers that were not final
        self.threads = [threading.Thread(target=self.run) for _ in range(clients)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.finish()

    def finish(self):
        self.over.set()
        for thread in self.threads:
            thread.join()
        if self.failures:
            raise self.failures[0]

    def run(self):
        try:
            with self.payd.client_of(self.token) as client:
                while not self.over.is_set():
                    transfer = Transfer(self.source, self.target)
                    self.transfers.append(transfer)
                    self.carry_out(client, transfer)
        except BaseException as e:  # told by finish()
            self.failures.append(e)

    def carry_out(self, client, transfer):
        while not self.over.is_set():
            try:
                answer = transfer.ask(client)
            except (OSError, Unanswered):
                time.sleep(0.02)
                continue
            if answer.status not in NOT_FINAL:
                transfer.answer = (answer.expect(201).status, answer.body)
                return
            self.last.append(answer)
            time.sleep(0.02)

    def acknowledged(self):
        return sum(t.answer is not None for t in self.transfers)

    def judge(self):
        """Against the payd that runs now; how many transfers there are."""
        with self.payd.client_of(self.token) as client:
            for transfer in list(self.transfers):
                answer = transfer.ask(client).expect(201)
                if transfer.answer is None:
                    transfer.answer = (answer.status, answer.body)
                elif transfer.answer != (answer.status, answer.body) or not answer.replayed:
                    raise AssertionError(f"acknowledged was {transfer.answer}, but now {answer}")
        done = len(self.transfers)
        with self.payd.bank() as bank:
            bank.check_books()
            expected = {self.source: cents(FUNDS) - done * 100, self.target: done * 100}
            for wallet, has in expected.items():
                found = bank.balance(wallet)["balance"]
                if found != amount(has):
                    raise AssertionError(f"after {done} transfers {wallet} should have "
                                         f"{amount(has)}, found {found}")
            entries = bank.entries(account_of(self.target))
            posted = [e["transfer_id"] for e in entries if "transfer_id" in e]
            if len(set(posted)) != done or len(posted) != done:
                raise AssertionError(f"{done} transfers, but {len(posted)} entries of "
                                     f"{len(set(posted))} transfers")
        return done
