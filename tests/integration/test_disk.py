#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Disks that are full or fail: nothing acknowledged is lost, and what can go on goes on.

A full disk is shown on a small file system of its own where that may be mounted, and with a limit
on the size of files everywhere. Failing calls are injected with strace.
"""
import collections
import os
import pathlib
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import scenarios
from load import Load
from payd import PAYCTL, NotReady, Payd, Unanswered
from scenarios import contains, equal, skip, true, wait_for

SEED = int(os.environ.get("DISK_SEED", time.time()))
ONCE, STICKY = 6, 3  # how many places of each kind are tried
STICKY_S = 3
FULL = 3  # times that the disk is filled; a file that is removed may give space between
LEAVES_S = 6  # a shard that stops takes the node with it


def refused_as_full(bank, purse):
    """A write that says clearly what is wrong, and when to come again."""
    answer = bank.post(f"/wallets/{purse}/withdraw", {"amount": "0.01"})
    if answer.status == 201:
        return None
    answer.expect(503)
    true(int(answer.headers["retry-after"]) >= 1, f"a Retry-After in {answer}")
    return answer


def lists_go_on(bank, load):
    """As of a time that they name, and whoever asks whether the node is ready is told."""
    listed = bank.get(f"/wallets/{load.source}/transactions?limit=1").expect(200)
    bank.get("/wallets").expect(200)
    ready = bank.get("/health/ready").expect(200).json
    equal(ready["status"], "degraded", f"the status in {ready}")
    contains(ready["warning"], "space")
    as_of = listed.headers["x-stale-as-of"]
    for words in (("wallets", "list"), ("wallets", "list", "--json")):
        told = subprocess.run([PAYCTL, "--socket", load.payd.data / "payd.sock", *words],
                              capture_output=True, text=True, timeout=60, check=True).stderr
        contains(told, "may lack what came after", as_of[:10])


def reads_go_on(bank, load):
    bank.get(f"/wallets/{load.source}/balance").expect(200)
    bank.get(f"/wallets/{load.source}").expect(200)
    bank.get("/trial-balance").expect(200)
    bank.get("/health").expect(200)


def lists_show_all(bank, load):
    path = f"/wallets/{load.source}/transactions?limit=1"
    return "x-stale-as-of" not in bank.get(path).expect(200).headers


def resumes(bank, load):
    """By itself, without a restart, for requests that are repeated."""
    before = load.acknowledged()
    wait_for(lambda: load.acknowledged() > before + 20, "transfers to go on", 30)
    wait_for(lambda: lists_show_all(bank, load), "lists to show all")


# --- no space -------------------------------------------------------------------------------------


class Mount:
    """A small file system in memory; skips where it must not be mounted."""

    def __init__(self, megabytes):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="payd-disk-"))
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs",
                               str(self.folder)], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            self.folder.rmdir()
            skip(f"no file system may be mounted here: {done.stderr.strip()}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run(["umount", "-l", str(self.folder)], check=True)
        self.folder.rmdir()

    def fill(self):
        with (self.folder / "ballast").open("wb", buffering=0) as file:
            for size in (1 << 20, 4096, 1):
                try:
                    while True:
                        file.write(bytes(size))
                except OSError:
                    pass

    def free(self):
        (self.folder / "ballast").unlink()


def test_a_full_disk(_):
    with Mount(128) as disk, Payd(data=disk.folder / "data") as payd:
        with payd.bank() as bank, Load(payd) as load:
            purse = bank.open_wallet(funds="10.00")
            wait_for(lambda: load.acknowledged() > 100, "the load to begin")
            for _ in range(FULL):
                disk.fill()
                found = wait_for(lambda: refused_as_full(bank, purse), "a write to be refused")
                equal(found.code, "store_full", f"the code in {found}")
                reads_go_on(bank, load)
                time.sleep(0.7)  # a probe or two in vain
                refused = refused_as_full(bank, purse)
                true(refused is not None, "writes to be refused as long as the disk is full")
                wait_for(lambda: "warning" in bank.get("/health/ready").json, "a warning")
                lists_go_on(bank, load)
                disk.free()
                resumes(bank, load)
        load.judge()
        told = re.findall('"event":"(store_full|store_writable)"', payd.log(1 << 20))
        equal(told, ["store_full", "store_writable"] * (len(told) // 2), "one line for each change")
        true(len(told) >= 2 * FULL, f"a line for each time that the disk was filled in {told}")
        disk.fill()
        equal(payd.stop(), 0, "the exit code of a stop while the disk is full")
        disk.free()
        payd.start()
        true(load.judge() > 100, "a hundred transfers")


def test_a_start_on_a_full_disk(_):
    with Mount(16) as disk:
        disk.fill()
        payd = Payd(data=disk.folder / "data", log_level="error")
        try:
            payd.spawn()
            try:
                payd.wait_ready()
                raise AssertionError("expected no start without space")
            except NotReady as told:
                true("space" in str(told) or "full" in str(told), f"the lack of space in: {told}")
            disk.free()
            payd.start()
            with payd.bank() as bank:
                bank.open_wallet(funds="1.00")
            equal(payd.stop(), 0, "the exit code")
        finally:
            payd.close()


def test_files_that_must_not_grow(_):
    """RLIMIT_FSIZE: the same where nothing may be mounted."""
    with Payd() as payd:
        pid = payd.process.pid
        hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)[1]
        with Load(payd) as load, payd.bank() as bank:
            for _ in range(3):
                wait_for(lambda: load.acknowledged() > 100, "the load to begin")
                load.last.clear()
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (4096, hard))
                wait_for(lambda: any(a.code == "store_full" for a in load.last),
                         "a write to be refused as store_full")
                time.sleep(0.7)  # a probe or two in vain
                true(payd.running(), "payd to be there")
                reads_go_on(bank, load)
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))
                resumes(bank, load)
        load.judge()
        equal(payd.stop(), 0, "the exit code")
        payd.start()
        load.judge()


# --- calls that fail ------------------------------------------------------------------------------


def strace():
    tool = shutil.which("strace")
    if tool is None:
        skip("no strace")
    tried = subprocess.run([tool, "-f", "-o", "/dev/null", "true"], capture_output=True, text=True,
                           check=False)
    if tried.returncode != 0:
        skip(f"strace may not trace here: {tried.stderr.strip()}")
    return tool


class Traced(Payd):
    """payd under a tracer that sees some calls of its threads."""

    def __init__(self, tool, calls, *options, trace="/dev/null"):
        super().__init__(log_level="warn")
        self.wrap = (tool, "-f", "-qq", "-o", trace, "-e", f"trace={calls}", *options)

    def attack(self):
        """Starts, or tries to: a failing first call may keep it from starting."""
        self.spawn(self.wrap)
        try:
            return self.wait_ready()
        except NotReady:
            return None

    def end(self):
        """kill -9 for the process itself, not for its tracer."""
        if not self.running():
            return
        me = self.process.pid
        children = pathlib.Path(f"/proc/{me}/task/{me}/children").read_text().split()
        os.kill(int(children[0]) if children else me, signal.SIGKILL)
        self.process.wait(20)


def has_left(payd):
    """A connection ends a little before the process does."""
    try:
        payd.process.wait(LEAVES_S)
        return True
    except subprocess.TimeoutExpired:
        return False


def load_of(payd):
    """The call may fail while the load's accounts are opened: 503 then means to ask again."""
    for _ in range(20):
        try:
            return Load(payd, clients=3)
        except AssertionError as e:
            if "answered 503" not in str(e):
                raise
            time.sleep(0.25)
    raise AssertionError("the accounts of the load cannot be opened")


def endure(tool, calls, error, when):
    """Transfers before, at and after the error; what was acknowledged is there after a restart."""
    what, sticky = f"{calls} fails with {error} at {when}", "+" in when
    payd = Traced(tool, calls, "-e", f"inject={calls}:error={error}:when={when}")
    try:
        payd.start()
        payd.stop()  # a directory with a history, so that the start needs few calls
        load = None
        try:
            if payd.attack() is not None:
                load = load_of(payd)
                with load:
                    if sticky:
                        time.sleep(STICKY_S)
                    else:
                        wait_for(lambda: load.acknowledged() > 40 or not payd.running(),
                                 "transfers to go on", 20)
        except (OSError, Unanswered, AssertionError):
            if not sticky and not has_left(payd):
                raise
        payd.end()
        payd.start()
        if load is not None:
            count = load.acknowledged()
            load.judge()
            return count
        with payd.bank() as bank:
            bank.check_books()
        return 0
    except (AssertionError, NotReady) as e:
        raise AssertionError(f"{what}: {e}") from e
    finally:
        payd.end()
        payd.close()


def calls_of_a_start(tool, calls):
    """How many of them the thread with most of them makes until the node is ready."""
    with tempfile.NamedTemporaryFile(mode="r") as trace:
        payd = Traced(tool, calls, trace=trace.name)
        try:
            payd.start()
            payd.stop()
            true(payd.attack() is not None, "a start without an error")
        finally:
            payd.end()
            payd.close()
        return max(collections.Counter(line.split()[0] for line in trace).values())


def inject_some(calls, errors, sticky):
    """At calls of the start or soon after it; the last always where transfers come before it."""
    tool, dice = strace(), random.Random(f"{SEED}/{calls}/{sticky}")
    print(f"seed {SEED}")
    places = [dice.randint(1, 40) for _ in range((STICKY if sticky else ONCE) - 1)]
    places.append(calls_of_a_start(tool, calls) + dice.randint(20, 60))
    counts = [endure(tool, calls, errors[number % len(errors)], f"{when}+" if sticky else str(when))
              for number, when in enumerate(places)]
    true(any(counts), "some transfers to be acknowledged")


def test_a_sync_that_fails_once(_):
    inject_some("fdatasync,fsync", ("EIO", "ENOSPC"), False)


def test_syncs_that_fail_from_then_on(_):
    inject_some("fdatasync,fsync", ("EIO", "ENOSPC"), True)


def test_a_write_that_fails_once(_):
    inject_some("pwrite64,write", ("EIO", "ENOSPC"), False)


def test_writes_that_fail_from_then_on(_):
    inject_some("pwrite64", ("EIO", "ENOSPC"), True)


def test_reads_that_fail(_):
    inject_some("pread64", ("EIO",), False)


def main():
    return scenarios.run(globals(), lambda name: (name,))


if __name__ == "__main__":
    sys.exit(main())
