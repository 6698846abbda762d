#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""SIGTERM: payd finishes what it accepted, leaves within 5 s with code 0, and loses nothing."""
import contextlib
import json
import pathlib
import signal
import socket
import sqlite3
import struct
import subprocess
import sys
import threading
import time

import scenarios
from load import Load
from payd import PAYCTL, Payd, Unanswered, parallel
from scenarios import contains, equal, true, wait_for
from test_faults import FAULTS, Faulty

LEAVES_S = 5.0
LEAVES_LISTS_S = 3.5  # lists need not be waited for
ROUNDS = 5
SLOW_SYNC_S = 3.0


def stopped(payd, leaves_s=LEAVES_S):
    """How it left, and how long that took."""
    begin = time.monotonic()
    code = payd.stop()
    took = time.monotonic() - begin
    equal(code, 0, "the exit code")
    true(took < leaves_s, f"an end within {leaves_s} s, it took {took:.1f} s")
    return took


def test_under_load(_):
    with Payd(log_level="warn") as payd:
        with Load(payd, clients=16) as load:
            for _ in range(ROUNDS):
                before = load.acknowledged()
                wait_for(lambda: load.acknowledged() > before + 200, "the load to go on")
                stopped(payd)
                payd.start()
        true(load.judge() > ROUNDS * 200, "transfers of all rounds")


def test_what_was_sent_before_is_answered(_):
    """Pipelined requests that were read are answered, then the connection ends in order."""
    with Payd(log_level="warn") as payd:
        with payd.bank() as bank:
            wallet = bank.open_wallet(funds="10.00")
            head = (f"GET /wallets/{wallet}/balance HTTP/1.1\r\nHost: a\r\n"
                    f"Authorization: Bearer {bank.token}\r\n\r\n").encode()
        with socket.create_connection(("127.0.0.1", payd.port), timeout=10) as s:
            s.sendall(head * 10)
            got = s.recv(65536)
            payd.terminate()
            while True:
                more = s.recv(65536)
                if not more:
                    break
                got += more
        true(got.count(b"HTTP/1.1 200 OK") >= 1, "answers")
        equal(got.count(b"HTTP/1.1 "), got.count(b"HTTP/1.1 200 OK"), "answers that are 200")
        equal(got.rsplit(b"}", 1)[1].strip(), b"", "what follows the last answer")
        equal(payd.process.wait(LEAVES_S), 0, "the exit code")


def test_with_idle_and_unfinished_connections(_):
    """A client that only keeps a connection open cannot delay the stop."""
    with Payd(log_level="warn") as payd:
        held = [socket.create_connection(("127.0.0.1", payd.port), timeout=10) for _ in range(50)]
        for number, s in enumerate(held):
            if number % 2:
                s.sendall(b"POST /wallets HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{")
        with payd.bank() as bank:
            bank.open_wallet(funds="1.00")
        stopped(payd)
        for s in held:
            s.close()


def operator(payd, *words):
    """What payctl tells of the tenant that its benchmark uses."""
    done = subprocess.run([PAYCTL, "--socket", payd.data / "payd.sock", "--json", *words],
                          check=True, stdout=subprocess.PIPE, timeout=60)
    return json.loads(done.stdout)


def test_with_views_far_behind(_):
    """A large step of the projector is given up; the next start makes up for it."""
    with Payd(log_level="warn") as payd:
        operator(payd, "bench", "--accounts", "100000", "--transfers", "600000")
        stopped(payd)
        payd.start()
        line, = operator(payd, "--tenant", "bench", "ledger", "trial-balance")["lines"]
        true(line["balanced"], "debits and credits are equal")
        equal(line["transfer_count"], "600000", "transfers")


def views_complete(payd):
    """A list that is asked for hurries the views."""
    with payd.bank() as bank:
        return bank.get("/transfers", limit="1").status == 200


def ask_for_list(payd, token, sent):
    """What a client hears that wants a list: the answer, or None if the connection just ended."""
    with payd.client_of(token) as client:
        try:
            client.connect()
            sent.append(None)
            return client.get("/transfers", limit="100")
        except Unanswered:
            return None


def test_with_lists_that_wait(_):
    """Lists that wait for the views are told to come again; what was written is answered and kept.
    """
    count, tools = 200, 10
    with Payd(log_level="warn") as payd:
        with Load(payd, clients=4) as load:
            operator(payd, "bench", "--accounts", "50000", "--transfers", "250000")
            token, sent, found = payd.token(), [], []
            asking = threading.Thread(target=lambda: found.extend(
                parallel(count, lambda _: ask_for_list(payd, token, sent))))
            asking.start()
            listing = [subprocess.Popen([PAYCTL, "--socket", payd.data / "payd.sock", "transfers",
                                         "list"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
                       for _ in range(tools)]
            wait_for(lambda: len(sent) == count, "all lists to be asked for")
            time.sleep(0.2)
            stopped(payd, LEAVES_LISTS_S)
            asking.join()
            told = [tool.communicate(timeout=30)[1] for tool in listing]
            payd.start()
            before = load.acknowledged()
            wait_for(lambda: load.acknowledged() > before + 100, "the load to go on")
        wait_for(lambda: views_complete(payd), "the views to catch up", 120)
        true(load.judge() > 100, "transfers before and after")
    statuses = [answer.status for answer in found if answer is not None]
    true(statuses.count(503) > count / 2, f"most lists to be put off, found {statuses}")
    true({200, 503} >= set(statuses), f"lists answered or put off, found {statuses}")
    for answer in found:
        if answer is not None and answer.status == 503:
            answer.expect(503, "unavailable")
            true(int(answer.headers["retry-after"]) >= 1, "when to come again")
            equal(answer.headers["connection"], "close", "what follows")
    for line in told:
        contains(line, b"unavailable")


def test_with_lists_that_wait_for_other_shards(_):
    with Payd(log_level="warn", shards=3, loops=2) as payd:
        token, sent, found = payd.token(), [], []
        for shard in range(3):
            operator(payd, "bench", "--accounts", "50000", "--transfers", "100000", "--shard",
                     str(shard))
        asking = threading.Thread(target=lambda: found.extend(
            parallel(50, lambda _: ask_for_list(payd, token, sent))))
        asking.start()
        wait_for(lambda: len(sent) == 50, "all lists to be asked for")
        stopped(payd)
        asking.join()
        statuses = {answer.status for answer in found if answer is not None}
        true({200, 503} >= statuses, f"lists answered or put off, found {statuses}")


def test_with_clients_that_do_not_read(_):
    """Nor can one that asks for much and reads none of it."""
    with Payd(log_level="warn") as payd:
        get = (f"GET /openapi.json HTTP/1.1\r\nHost: a\r\n"
               f"Authorization: Bearer {payd.token()}\r\n\r\n").encode()
        held = []
        for _ in range(5):
            s = socket.socket()
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            s.connect(("127.0.0.1", payd.port))
            s.sendall(get * 100)
            held.append(s)
        time.sleep(0.3)
        stopped(payd)
        for s in held:
            s.close()


def test_twice_and_at_once(_):
    with Payd(log_level="warn") as payd:
        payd.terminate()
        payd.terminate()
        equal(payd.process.wait(LEAVES_S), 0, "the exit code")
        payd.start()
        stopped(payd)


def test_while_it_starts(_):
    payd = Payd(log_level="warn")
    try:
        for wait_s in (0.0, 0.005, 0.01, 0.02, 0.05):
            payd.spawn()
            time.sleep(wait_s)
            payd.terminate()
            code = payd.process.wait(LEAVES_S)
            true(code in (0, -15), f"a plain end, found {code}: {payd.log()}")
        payd.start()
        with payd.bank() as bank:
            bank.open_wallet(funds="1.00")
        stopped(payd)
    finally:
        payd.close()


def cut_off(file):
    """As a process leaves it that is killed while it makes the file: a page of it is written, and
    the rollback journal beside says that there was none before."""
    with contextlib.closing(sqlite3.connect(file)) as made:
        made.execute("CREATE TABLE t (x)")
    head = bytes.fromhex("d9d505f920a163d7") + struct.pack(">5I", 0, 0, 0, 512, 4096)
    pathlib.Path(f"{file}-journal").write_bytes(head.ljust(512, b"\0"))


def test_after_a_first_start_that_was_cut_off(_):
    for names in (("journal.db",), ("journal.db", "views.db")):
        payd = Payd(log_level="warn")
        try:
            payd.data.mkdir(mode=0o700)
            for name in names:
                cut_off(payd.data / name)
                (payd.data / name).chmod(0o600)
            payd.start()
            with payd.bank() as bank:
                bank.open_wallet(funds="1.00")
            stopped(payd)
        finally:
            payd.close()


def test_right_after_the_port_opens(_):
    """Whoever has seen the port open may stop the node, and the stop is an orderly one."""
    with Payd(log_level="info") as payd:
        stopped(payd)
        for _ in range(ROUNDS * 4):
            payd.spawn()
            wait_for(lambda: connected(payd), "the port to open")
            stopped(payd)
            contains(payd.log(lines=1), '"stopped"')


def test_on_a_disk_that_takes_its_time(_):
    """The syncs of closing the stores are not waited for: what was acknowledged is durable."""
    if not FAULTS:
        return
    payd = Faulty()
    try:
        payd.start()
        with payd.bank() as bank:
            ann = bank.open_wallet(funds="1.00")
        payd.order.give(["sync"], ["journal.db", "journal.db-wal", "views.db", "views.db-wal"],
                        delay_s=SLOW_SYNC_S)
        payd.send(signal.SIGTERM)
        payd.left()
        payd.order.end()
        payd.start()
        with payd.bank() as bank:
            equal(bank.get(f"/wallets/{ann}").expect(200).json["balance"], "1.00", "the balance")
    finally:
        payd.close()


def connected(payd):
    try:
        socket.create_connection(("127.0.0.1", payd.port), timeout=10).close()
        return True
    except ConnectionRefusedError:
        return False


def main():
    return scenarios.run(globals(), lambda name: (name,))


if __name__ == "__main__":
    sys.exit(main())
