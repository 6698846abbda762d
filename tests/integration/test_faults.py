#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Faults of all kinds at random moments, one after another, under the load of test_kill.py.

Each round draws a few: calls on the data directory's files that fail, write a part or take long
(faults.c, preloaded), a process that is killed, stopped, halted for a while or told to leave while
it starts, views that are lost or damaged between two runs. payd may leave only as it says: with a
signal that it was sent, with 0 after SIGTERM, or with 1 and a line that tells why. Then the faults
end, it comes up, and in the end test_kill's judge looks at everything that was ever asked.
"""
import argparse
import errno
import mmap
import os
import pathlib
import signal
import struct
import sys
import time

import test_kill
from payd import NotReady, Payd, Unanswered, clean_environment

FAULTS = os.environ.get("FAULTS", "")
SECONDS = 40
LEAVES_S = 5.5     # after SIGTERM, whatever the disk does
UP_S = 40
TOLD_LINES = 12

CALLS = {"read": 1, "write": 2, "sync": 4, "open": 8, "truncate": 16}
FILES = ["journal.db", "journal.db-wal", "journal.db-shm", "views.db", "views.db-wal",
         "views.db-shm", "commit-mark"]
ERRORS = [errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.EINTR, errno.EACCES, errno.ENOMEM]
ALWAYS = 1_000_000


class Order:
    """What faults.c is told, in memory that both share."""

    LAYOUT = struct.Struct("<7Ii")
    WALL_AT = LAYOUT.size

    def __init__(self, path):
        path.write_bytes(bytes(mmap.PAGESIZE))
        with path.open("r+b") as file:
            self.page = mmap.mmap(file.fileno(), mmap.PAGESIZE)

    def give(self, calls, files, error=0, chance=ALWAYS, delay_s=0.0, part=0, left=-1):
        self.end()
        masks = sum(CALLS[c] for c in calls), sum(1 << FILES.index(f) for f in files)
        text = self.LAYOUT.pack(0, *masks, error, chance, int(delay_s * 1e6), part, left)
        self.page[4:len(text)] = text[4:]
        self.page[:4] = struct.pack("<I", 1)

    def end(self):
        self.page[:4] = bytes(4)

    def set_wall_clock(self, ahead_s):
        self.page[self.WALL_AT:self.WALL_AT + 4] = struct.pack("<i", ahead_s)


class Faulty(Payd):
    """Starts with faults.c, and knows which signals it was sent."""

    def __init__(self, **settings):
        super().__init__(log_level="warn", **settings)
        self.order = Order(self.root / "order")
        self.sent, self.began = set(), 0

    def environment(self):
        return {**clean_environment(), "LD_PRELOAD": FAULTS, "FAULTS": str(self.root / "order")}

    def spawn(self, wrap=()):
        self.sent = set()
        self.began = self.stderr.stat().st_size if self.stderr.exists() else 0
        return super().spawn(wrap)

    def send(self, number):
        self.sent.add(number)
        self.process.send_signal(number)

    def left(self):
        """Waits for its end, and looks at how it went."""
        begin = time.monotonic()
        code = self.process.wait(UP_S)
        took = time.monotonic() - begin
        with self.stderr.open("rb") as file:
            file.seek(self.began)
            lines = file.read().decode(errors="replace").splitlines()
        told = any(line.startswith("payd: ") or "timed_out" in line for line in lines)
        if took > LEAVES_S:
            raise AssertionError(f"it took {took:.1f} s to leave: {lines[-TOLD_LINES:]}")
        if not (-code in self.sent or (code == 0 and signal.SIGTERM in self.sent)
                or (code == 1 and told)):
            raise AssertionError(f"it left with {code}, was sent {self.sent}: "
                                 f"{lines[-TOLD_LINES:]}")

    def end_with(self, number):
        if self.running():
            self.send(number)
        self.left()


class World(test_kill.World):
    """The load and the judge of test_kill, with more that goes wrong."""

    def __init__(self, options, folder):
        super().__init__(options, folder, Faulty())
        self.seconds = options.seconds
        self.rounds = {}

    def rest(self, low, high):
        end = time.monotonic() + self.random.uniform(low, high)
        while time.monotonic() < end and self.payd.running() and not self.over.is_set():
            time.sleep(0.01)

    def end_somehow(self):
        self.payd.end_with(self.random.choice((signal.SIGKILL, signal.SIGTERM)))

    def order_some(self):
        r = self.random
        calls = r.choice((["sync"], ["write"], ["read"], ["open"], ["truncate"], ["sync", "write"]))
        files = r.choice((FILES, FILES[:2], FILES[3:5], [r.choice(FILES)]))
        self.payd.order.give(calls, files, r.choice(ERRORS), r.choice((ALWAYS, 200_000, 10_000)),
                             left=r.choice((1, 3, -1)))

    # --- the faults ---------------------------------------------------------------------------

    def fault_calls_fail(self):
        self.order_some()
        self.rest(0.3, 1.5)
        if self.random.random() < 0.3:
            self.end_somehow()

    def fault_calls_fail_at_the_start(self):
        self.end_somehow()
        self.order_some()
        self.payd.spawn()
        self.rest(0.1, 1.5)

    def fault_calls_do_a_part(self):
        self.payd.order.give(["write", "read"], FILES, chance=200_000, part=1)
        self.rest(0.3, 1.0)

    def fault_the_disk_is_slow(self):
        self.payd.order.give(["sync"], FILES, delay_s=self.random.choice((0.05, 0.5, 2.0)))
        self.rest(0.3, 1.5)
        if self.random.random() < 0.5:
            self.end_somehow()

    def fault_a_slow_start_is_ended(self):
        self.end_somehow()
        self.lose_views()
        self.payd.order.give(["read"], FILES[:2], delay_s=0.005)
        self.payd.spawn()
        self.rest(0.0, 1.0)
        self.end_somehow()

    def fault_halted(self):
        self.payd.process.send_signal(signal.SIGSTOP)
        time.sleep(self.random.choice((0.05, 1.0)))
        self.payd.process.send_signal(signal.SIGCONT)
        if self.random.random() < 0.5:
            self.payd.end_with(signal.SIGTERM)

    def fault_views_are_damaged(self):
        self.end_somehow()
        path = self.payd.data / self.random.choice(("views.db", "views.db-wal"))
        size = path.stat().st_size if path.exists() else 0
        if size == 0:
            return
        if self.random.random() < 0.4:
            os.truncate(path, self.random.randrange(size))
            return
        with path.open("r+b") as file:
            file.seek(self.random.randrange(size))
            file.write(b"\xa5" * self.random.choice((1, 4096)))

    def fault_views_are_lost(self):
        self.end_somehow()
        self.lose_views()

    def lose_views(self):
        for path in self.payd.data.glob("views.db*"):
            path.unlink()

    # --- the rounds ---------------------------------------------------------------------------

    def come_up(self):
        """Damage may be met once more by the first start: it leaves, and the next one mends."""
        self.payd.order.end()
        for last in (False, False, True):
            if not self.payd.running():
                self.payd.left()
                self.payd.spawn()
            try:
                self.payd.wait_ready(UP_S)
                return
            except NotReady:
                if last or self.payd.running():
                    raise

    def torment(self):
        for worker in self.workers:
            worker.start()
        faults = [name for name in dir(self) if name.startswith("fault_")]
        end = time.monotonic() + self.seconds
        while time.monotonic() < end and not self.over.is_set():
            name = self.random.choice(faults)
            self.rounds[name] = self.rounds.get(name, 0) + 1
            try:
                getattr(self, name)()
                self.come_up()
            except (AssertionError, NotReady) as e:
                raise AssertionError(f"{name}: {e}") from e
            self.rest(0.05, 0.3)
        self.kills = sum(self.rounds.values())
        print(self.rounds)
        self.over.set()
        for worker in self.workers:
            worker.join()
            if worker.failure is not None:
                raise worker.failure

    # --- the judge ----------------------------------------------------------------------------

    def judge(self):
        """A fault of the last rounds may be met only now: payd says so and leaves, and mends."""
        for last in (False, False, True):
            try:
                return super().judge()
            except (OSError, Unanswered) as e:
                if last:
                    raise AssertionError(f"not judged: {e}: {self.payd.log()}") from e
                self.payd.left()
                self.come_up()
            except AssertionError as e:
                if last or '"code":"corrupt"' not in str(e):
                    raise
                self.payd.end_with(signal.SIGTERM)  # lists are refused until a start mends
                self.come_up()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--clients", type=int, default=6)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    options.kills = 0
    if not pathlib.Path(FAULTS).is_file():
        print("skipped: FAULTS does not name the library of faults.c")
        return 77
    return test_kill.torment_and_judge(World, options)


if __name__ == "__main__":
    sys.exit(main())
