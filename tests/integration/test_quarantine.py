#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""payctl and actors that fail: quarantine, dead letters, and the way back.

The node is tests/integration/haunted.c, found in HAUNTED: its wallets fail while a file exists.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

from payd import COMMAND_S, PAYCTL, clean_environment, new_id, payctl

HAUNTED = os.environ.get("HAUNTED", "")
START_S = 60
FAILURES = 4  # of one actor until it is quarantined


def ask(socket, *words):
    return json.loads(payctl(socket, *words, "--json"))


def letters(socket):
    return ask(socket, "dead-letters", "list")["letters"]


def equal(found, expected):
    if found != expected:
        raise AssertionError(f"found {found!r} instead of {expected!r}")


def contains(text, part):
    if part not in text:
        raise AssertionError(f"{part!r} is not in {text!r}")


def ready(socket):
    end = time.monotonic() + START_S
    while not socket.exists():
        if time.monotonic() > end:
            raise AssertionError("the node does not start")
        time.sleep(0.05)


def scenario(socket, ghost):
    wallet, other = new_id("wal"), new_id("wal")
    for _ in range(FAILURES):
        contains(payctl(socket, "wallets", "freeze", wallet, code=1), "failed")
    # Now it is quarantined: told to whoever asks, shown to the operator, and others go on.
    contains(payctl(socket, "wallets", "freeze", wallet, code=1), "quarantined")
    shown = ask(socket, "actors", "show", wallet)
    equal((shown["quarantined"], shown["failures"]), (True, FAILURES))
    contains(payctl(socket, "actors", "show", wallet), "quarantined")
    page = ask(socket, "actors", "top", "--once")
    equal([a["quarantined"] for a in page["actors"] if a["actor"] == wallet], [True])
    equal([int(k["failed"]) for k in page["kinds"] if k["kind"] == "wallet"], [FAILURES])
    contains(payctl(socket, "wallets", "freeze", other, code=1), "failed")
    contains(payctl(socket, "dead-letters", "list"), "haunted")
    kept = letters(socket)
    equal([l["actor"] for l in kept], [wallet] * (FAILURES + 1) + [other])
    equal({l["message"] for l in kept}, {"wallet_freeze"})
    # Replayed too early, it comes back as a new one.
    payctl(socket, "dead-letters", "replay", kept[0]["number"])
    equal(len(letters(socket)), len(kept))
    equal(int(letters(socket)[-1]["number"]), len(kept) + 1)
    contains(payctl(socket, "dead-letters", "replay", kept[0]["number"], code=1), "not_found")
    # The cause is gone.
    ghost.unlink()
    payctl(socket, "actors", "resume", wallet)
    shown = ask(socket, "actors", "show", wallet)
    equal((shown["quarantined"], shown["failures"]), (False, 0))
    for letter in letters(socket):
        payctl(socket, "dead-letters", "replay", letter["number"])
    equal(letters(socket), [])
    contains(payctl(socket, "wallets", "freeze", wallet, code=1), "wallet_closed")


def main():
    if not os.path.exists(HAUNTED) or not os.path.exists(PAYCTL):
        print("skipped: HAUNTED or PAYCTL is not set")
        return 77
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        ghost = directory / "haunted"
        ghost.touch()
        with subprocess.Popen([HAUNTED, name], env=clean_environment()) as node:
            try:
                ready(directory / "payd.sock")
                scenario(directory / "payd.sock", ghost)
            finally:
                node.terminate()
            equal(node.wait(COMMAND_S), 0)
    print("ok      quarantine")
    return 0


if __name__ == "__main__":
    sys.exit(main())
