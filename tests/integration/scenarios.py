# SPDX-License-Identifier: Apache-2.0
"""Runs the scenarios of a test file: every function test_* of a module, in its order.

A scenario fails by an exception and is left out by `skip(reason)`; the others go on. Names on the
command line choose some. The exit code is 77 if all of them were left out.

With SHARDS=16 in the environment each node that is not given a number has 16 shards. Scenarios that
meet a refusal of what is not done over shards yet are left out then, and say which it was.
"""
import sys
import time
import traceback

from payd import SHARDS

# Of requests that concern two shards; each goes when the last request refused with it is done.
NOT_OVER_SHARDS = ("accounts_in_different_shards",)


class Skipped(Exception):
    """This machine cannot show it; the text says why."""


def skip(reason):
    raise Skipped(reason)


def equal(found, expected, what="it"):
    if found != expected:
        raise AssertionError(f"expected {what} to be {expected!r}, found {found!r}")


def contains(text, *parts):
    for part in parts:
        if part not in text:
            raise AssertionError(f"expected {part!r} in {text!r}")


def true(condition, what):
    if not condition:
        raise AssertionError(f"expected {what}")


def wait_for(condition, what, patience_s=30):
    """The condition's first true value, asked again and again."""
    end = time.monotonic() + patience_s
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"expected {what} within {patience_s} s")


def told_of(failure, payd):
    """What becomes of a scenario that ended so; called while the failure is handled."""
    refusals = [code for code in NOT_OVER_SHARDS if SHARDS > 1 and code in str(failure)]
    if refusals:
        return f"skipped: waits for {refusals[0]}"
    return f"FAILED\n{traceback.format_exc()}" + (f"\n{payd.log(lines=3)}" if payd else "")


def run(module, make=lambda name: (), payd=None):
    """The exit code. `make(name)` gives the arguments of a scenario; `payd` is shown when one
    fails, and none is run after it has left."""
    chosen = sys.argv[1:]
    counts = {"ok": 0, "failed": 0, "skipped": 0}
    for name, scenario in list(module.items()):
        if not name.startswith("test_") or (chosen and name not in chosen):
            continue
        begin, told = time.monotonic(), "ok"
        try:
            scenario(*make(name))
        except Skipped as e:
            told = f"skipped: {e}"
        except Exception as e:
            told = told_of(e, payd)
        counts[told.split(":")[0].split("\n")[0].lower()] += 1
        print(f"{name} ({time.monotonic() - begin:.1f} s) {told}", flush=True)
        if payd is not None and not payd.running():
            print(f"FAILED  payd has left: {payd.log()}")
            return 1
    if counts["failed"]:
        return 1
    return 77 if counts["skipped"] and not counts["ok"] else 0
