#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""payctl and messages between shards: streams, what fails and is parked, run again or refused.

The node is tests/integration/haunted.c, found in HAUNTED: wallets fail while a file exists, and
unfreezing one sends two messages to its twin in the other shard, of which the first may be refused.
"""
import contextlib
import json
import os
import pathlib
import pwd
import re
import sqlite3
import subprocess
import sys
import tempfile
import time

from payd import COMMAND_S, PAYCTL, clean_environment, new_id, payctl

HAUNTED = os.environ.get("HAUNTED", "")
PATIENCE_S = 60


class Node:
    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.socket = self.directory / "payd.sock"
        self.ghost = self.directory / "haunted"
        self.process = None

    def start(self):
        self.begin()
        self.until("the node is ready", lambda: self.json("ping")["ready"])

    def begin(self):
        with (self.directory / "log").open("w") as log:
            self.process = subprocess.Popen([HAUNTED, self.directory], env=clean_environment(),
                                            stderr=log)
        self.until("the node starts", self.socket.exists)

    def stop(self):
        self.process.terminate()
        equal(self.process.wait(COMMAND_S), 0)

    def run(self, *words, code=0):
        return payctl(self.socket, *words, code=code)

    def json(self, *words):
        return json.loads(self.run(*words, "--json"))

    def parked(self, *words):
        return self.json("parked", "list", *words)["parked"]

    def stream(self):
        """From shard 0 to shard 1."""
        streams = self.json("shards")["streams"]
        return next(s for s in streams if (s["from"], s["to"]) == (0, 1))

    @staticmethod
    def until(what, happened):
        end = time.monotonic() + PATIENCE_S
        while not happened():
            if time.monotonic() > end:
                raise AssertionError(f"it does not come to this: {what}")
            time.sleep(0.05)


def equal(found, expected):
    if found != expected:
        raise AssertionError(f"found {found!r} instead of {expected!r}")


def contains(text, *parts):
    for part in parts:
        if part not in text:
            raise AssertionError(f"{part!r} is not in {text!r}")


def names(parked):
    return [(p["shard"], p["from"], int(p["number"])) for p in parked]


def what_fails_is_shown(node, wallet, twin):
    contains(node.run("wallets", "unfreeze", wallet, code=1), "wallet_not_frozen")
    node.until("both messages are parked", lambda: len(node.parked()) == 2)
    first, second = sorted(node.parked(), key=lambda p: int(p["number"]))
    equal(names([first, second]), [(1, 0, 1), (1, 0, 2)])
    equal([p["actor"] for p in (first, second)], [twin] * 2)
    equal([p["message"] for p in (first, second)], ["wallet_freeze", "wallet_unfreeze"])
    equal([(p["first"], p["refusable"]) for p in (first, second)], [(True, True), (False, False)])
    equal(first["reason"], "the wallet is haunted")
    contains(second["reason"], "behind another one")
    equal((node.parked("--shard", 0), names(node.parked("--shard", 1))),
          ([], names(node.parked())))
    contains(node.run("parked", "list"), "haunted", twin)
    shown = node.json("parked", "show", 1, 0, 1)
    equal((shown["queued"], shown["actor"], shown["subject"]),
          ("2", twin, "unix:" + pwd.getpwuid(os.getuid()).pw_name))
    contains(shown["content"], "[")
    contains(node.run("parked", "show", 1, 0, 1), "wallet_freeze", "haunted")


def the_operator_sees_it_everywhere(node):
    node.until("the stream is confirmed", lambda: node.stream()["confirmed"] == "2")
    stream = node.stream()
    equal([stream[k] for k in ("sent", "delivered", "outstanding", "parked", "breaker", "all")],
          ["2", "2", "0", "2", "closed", False])
    page = node.json("shards")
    equal([(s["shard"], s["state"], s["parked"]) for s in page["shards"]],
          [(0, "running", "0"), (1, "running", "2")])
    equal([(s["first_slot"], s["last_slot"]) for s in page["shards"]],
          [(0, 0x7fff), (0x8000, 0xffff)])
    equal([s["shard"] for s in node.json("shards", "--shard", 1)["shards"]], [1])
    contains(node.run("shards"), "streams", "confirmed", "closed")
    node.until("its health says so",
               lambda: "parked list" in node.json("ping").get("reason", ""))


def what_names_nothing_is_refused(node):
    contains(node.run("parked", "show", 1, 0, 77, code=1), "not_found")
    contains(node.run("parked", "retry", 0, 0, 1, code=1), "not_found")
    contains(node.run("parked", "retry", 2, 0, 1, code=1), "--shard must be less")
    contains(node.run("parked", "show", 1, 9, 1, code=1), "--from must be less")
    contains(node.run("parked", "list", "--shard", 2, code=1), "--shard must be less")
    contains(node.run("shards", "--shard", 2, code=1), "--shard must be less")
    node.run("parked", "show", 1, 0, code=2)
    node.run("parked", "refuse", 1, 0, 1, code=2)  # without a reason


def one_is_refused_and_the_other_run_again(node):
    contains(node.run("parked", "refuse", 1, 0, 2, "no use", code=1), "parked_not_refusable")
    node.run("parked", "refuse", 1, 0, 1, "the twin is lost")
    node.until("it was refused", lambda: names(node.parked()) == [(1, 0, 2)])
    node.run("parked", "retry", 1, 0, 2)  # it fails again
    equal(names(node.parked()), [(1, 0, 2)])
    node.ghost.unlink()
    node.until("it was run", lambda: again(node) == [])
    equal(node.stream()["parked"], "0")
    node.until("its health is good again", lambda: "reason" not in node.json("ping"))


def again(node):
    """A retry that is under way is busy."""
    for p in node.parked():
        environment = {**clean_environment(), "PAYCTL_SOCKET": str(node.socket)}
        subprocess.run([PAYCTL, "parked", "retry", str(p["shard"]), str(p["from"]), p["number"]],
                       env=environment, capture_output=True, timeout=COMMAND_S, check=False)
    return node.parked()


def the_journal_keeps_who_wanted_it_and_why(node):
    newest = next(s for s in node.json("shards")["shards"] if s["shard"] == 1)["committed"]
    events = []
    for batch in range(1, int(newest) + 1):
        shown = json.loads(node.run("ledger", "show-batch", batch, "--shard", 1, "--json"))
        events += [e for record in shown["records"] for e in record["events"]]
    left = [e for e in events if e.get("event") == "send_unparked"]
    user = "unix:" + pwd.getpwuid(os.getuid()).pw_name
    equal([(e["fields"]["number"], e["fields"]["by"], e["fields"].get("reason")) for e in left],
          [("1", user, "the twin is lost"), ("2", user, None)])


def a_journal_that_lost_its_end_is_told_of(node):
    """Shard 1 has taken what shard 0 does not know of any more, as if it came back from a copy."""
    data = node.directory / "data"
    with contextlib.closing(sqlite3.connect(data / "journal.db")) as journal, journal:
        sends = journal.execute("SELECT max(seq) FROM batches WHERE shard = 0 AND count > 0")
        journal.execute("DELETE FROM batches WHERE shard = 0 AND seq >= ?", sends.fetchone())
    for file in (data / "commit-mark", *data.glob("views.db*")):
        file.unlink()
    told = "shard 1 has taken send 2 of shard 0"
    contains(node.run("ledger", "verify", "--data", data, code=1), "shard 1", "shard 0")
    node.begin()
    node.until("its health says so", lambda: told in node.json("ping").get("reason", ""))
    equal(node.json("ping")["ready"], False)
    shards = node.json("shards", "--shard", 0)["shards"]
    equal([s["state"] for s in shards], ["stopped"])
    contains(shards[0]["reason"], told, "lost its end")
    contains((node.directory / "log").read_text(), told, '"stopped"')
    node.process.kill()


def metrics(node):
    text = (node.directory / "haunted.metrics").read_text()
    return {name: float(value) for name, value in re.findall(r"^(payd_\S+) (\S+)$", text, re.M)}


def main():
    if not os.path.exists(HAUNTED) or not os.path.exists(PAYCTL):
        print("skipped: HAUNTED or PAYCTL is not set")
        return 77
    with tempfile.TemporaryDirectory() as name:
        node = Node(name)
        node.ghost.touch()
        wallet, twin = new_id("wal", slot=5), None
        twin = twin_of(wallet)
        node.start()
        try:
            what_fails_is_shown(node, wallet, twin)
            the_operator_sees_it_everywhere(node)
            what_names_nothing_is_refused(node)
            node.stop()
            found = metrics(node)
            pair = '{from="0",to="1"}'
            equal([found[f"payd_stream_{what}{pair}"] for what in
                   ("sent_total", "delivered", "confirmed", "outstanding", "parked",
                    "waited_seconds", "refused_total")], [2, 2, 2, 0, 2, 0, 0])
            equal(found[f"payd_stream_openings_total{pair}"] >= 1, True)
            equal(found['payd_parked_sends{shard="1"}'], 2)
            equal((found['payd_streams_shut{shard="0"}'], found['payd_waiting_sends{shard="1"}']),
                  (0, 0))
            node.start()
            one_is_refused_and_the_other_run_again(node)
            the_journal_keeps_who_wanted_it_and_why(node)
            node.stop()
            a_journal_that_lost_its_end_is_told_of(node)
        finally:
            if node.process.poll() is None:
                node.process.kill()
    print("ok      parked")
    return 0


def twin_of(wallet):
    """The same but for the highest bit of its slot."""
    digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    value = 0
    for digit in wallet.split("_")[1]:
        value = value << 5 | digits.index(digit)
    value ^= 0x8000
    return "wal_" + "".join(digits[value >> shift & 31] for shift in range(125, -1, -5))


if __name__ == "__main__":
    sys.exit(main())
