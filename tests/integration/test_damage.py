#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What payd does with data directories and settings that are not as they should be.

What the journal says is never guessed: payd refuses to start, with one line that names the file or
the batch and what to do. What is derived from it is made again.
"""
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile

import scenarios
from load import Load
from payd import (NotReady, PAYCTL, Payd, SHARDS, STOP_S, Unanswered, account_of,
                  clean_environment, free_port, refused_start)
from scenarios import contains, equal, skip, true, wait_for

TRANSFERS = 30
PAGE = 16384
SOCKETS = shutil.ignore_patterns("*.sock")


class Deposit:
    """A data directory with a history, and copies of it to spoil."""

    def __init__(self, folder):
        self.folder, self.copies = pathlib.Path(folder), 0
        self.data = self.folder / "good"
        payd = Payd(data=self.data).start()
        with payd.bank() as bank:
            self.ann, self.bob = bank.open_wallet(funds="100.00"), bank.open_wallet()
            for _ in range(TRANSFERS):
                bank.transfer(self.ann, self.bob, "1.00")
            self.shown = self.show(bank)
        # killed: the batches are in the WAL
        self.killed = self.folder / "killed"
        payd.kill()
        shutil.copytree(self.data, self.killed, ignore=SOCKETS)
        payd.start()
        equal(payd.stop(), 0, "the exit code")
        shutil.rmtree(payd.root)

    def show(self, bank):
        """What must be the same wherever it comes from."""
        return [bank.balance(w) for w in (self.ann, self.bob)] + [
            bank.pages(f"/wallets/{self.bob}/transactions", "transactions", limit=7),
            bank.entries(account_of(self.ann)), bank.get("/trial-balance").expect(200).json]

    def copy(self, killed=False):
        self.copies += 1
        to = self.folder / f"copy{self.copies}"
        shutil.copytree(self.killed if killed else self.data, to, ignore=SOCKETS)
        return to

    def batches(self):
        with sqlite3.connect(f"file:{self.data}/journal.db?mode=ro", uri=True) as db:
            rows = db.execute("SELECT seq, body FROM batches ORDER BY row").fetchall()
        db.close()
        return rows

    def starts(self, data, told=None):
        """payd comes up, says so in its log and shows what there was."""
        with Payd(data=data) as payd:
            if told is not None:
                contains(payd.stderr.read_text(), told)
            with payd.bank() as bank:
                equal(self.show(bank), self.shown, "what was there before")
                bank.check_books()
                bank.transfer(self.ann, self.bob, "1.00")
            equal(payd.stop(), 0, "the exit code")


# What says who runs, and what SQLite keeps in memory that processes share.
TRANSIENT = ("lock", "payd.sock", "journal.db-shm", "views.db-shm")


def content(data, but=()):
    """Of all files; an empty one is as good as none."""
    return {path.name: path.read_bytes() for path in sorted(data.iterdir())
            if path.is_file() and path.name not in but and path.stat().st_size > 0}


def unchanged(before, data, but=()):
    after = content(data, but)
    for name in sorted({*before, *after}):
        if name not in but:
            true(before.get(name) == after.get(name),
                 f"{name} to stay as it was ({len(before.get(name, b''))} bytes, "
                 f"now {len(after.get(name, b''))})")


def refused(data, *parts):
    """payd does not come up, and its last word has all parts in one line. It changes no file; views
    that were not there are made, which the commit mark notes."""
    before = content(data)
    said = refused_saying(data, *parts)
    made = () if "views.db" in before else ("views.db", "views.db-wal", "commit-mark")
    unchanged(before, data, (*TRANSIENT, *made))
    return said


def refused_saying(data, *parts):
    payd = Payd(data=data, log_level="error")
    try:
        payd.spawn()
        try:
            payd.wait_ready()
        except NotReady:
            pass
        else:
            raise AssertionError(f"expected a refusal with {parts}, but it is ready")
        equal(payd.process.wait(20), 1, "the exit code")
        said = payd.stderr.read_text(errors="replace").strip().splitlines()
    finally:
        payd.close()
    contains(said[-1], "payd: ", *parts)
    return said


def payctl(code, *words):
    done = subprocess.run([PAYCTL, *words], capture_output=True, text=True,
                          env=clean_environment(), timeout=60, check=False)
    equal(done.returncode, code, f"payctl's exit code after {done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def looks(data, code, *words):
    """Whoever only looks changes nothing, and makes nothing."""
    before, names = content(data), sorted(path.name for path in data.iterdir())
    said = payctl(code, *words, "--data", str(data))
    unchanged(before, data)
    equal(sorted(path.name for path in data.iterdir()), names, "the files")
    return said


def verify(data, code):
    return looks(data, code, "ledger", "verify")


def show_batch(data, code, seq):
    return looks(data, code, "ledger", "show-batch", str(seq))


def overwrite_pages(path, bodies):
    """The pages of the file where one of the bodies begins."""
    content = bytearray(path.read_bytes())
    for page in {content.index(body[:64]) // PAGE for body in bodies}:
        content[page * PAGE:(page + 1) * PAGE] = b"\xff" * PAGE
    path.write_bytes(content)


def flip(path, offset):
    with path.open("r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 0x10]))


def change(data, file, *statements):
    with sqlite3.connect(data / file) as db:
        for statement in statements:
            db.execute(statement)
    db.close()


def leave_in_wal(path, statement):
    """Nothing is copied into the file: only payd puts checksums there."""
    program = ("import os, sqlite3, sys; db = sqlite3.connect(sys.argv[1]); "
               "db.execute(sys.argv[2]); db.commit(); os._exit(0)")
    subprocess.run([sys.executable, "-c", program, str(path), statement], check=True)


def without_views(data):
    for path in data.glob("views.db*"):
        path.unlink()
    return data


# --- the journal ----------------------------------------------------------------------------------


def flipped(deposit, number, data):
    """One bit of the batch's body, in the file itself."""
    body = deposit.batches()[number][1]
    content = (data / "journal.db").read_bytes()
    equal(content.count(body), 1, "how often the file has the batch")
    flip(data / "journal.db", content.index(body) + len(body) // 2)
    return data


def test_a_bit_of_the_last_batch(deposit):
    last = deposit.batches()[-1][0]
    data = flipped(deposit, -1, deposit.copy())
    refused(data, f"batch {last}", "hash", "backup", "journal.db", "nothing of it was changed",
            f"payctl ledger show-batch {last}")
    refused(without_views(data), f"batch {last}")
    contains(verify(data, 1), f"batch {last}")


def test_a_bit_of_an_old_batch(deposit):
    """The views were made before: only a reader of the whole journal sees it."""
    for number in (0, len(deposit.batches()) // 2):
        seq = deposit.batches()[number][0]
        data = flipped(deposit, number, deposit.copy())
        contains(verify(data, 1), f"batch {seq}", "backup",
                 f"ledger show-batch {seq} --data {data}")
        said = show_batch(data, 1, seq)
        contains(said, "its hash does not match its content", f"payctl: corrupt: batch {seq}")
        refused(without_views(data), f"batch {seq}", "hash")


def test_what_a_running_payd_finds_is_shown(deposit):
    number = len(deposit.batches()) // 2
    seq = deposit.batches()[number][0]
    with Payd(data=flipped(deposit, number, deposit.copy()), log_level="info") as payd:
        with payd.client() as client:
            equal(client.get("/health/ready").expect(200).json, {"status": "ready"})
            said = payctl(1, "--socket", str(payd.data / "payd.sock"), "ledger", "verify")
            contains(said, f"batch {seq}")
            warned = wait_for(lambda: client.get("/health/ready").expect(200).json.get("warning"),
                              "a warning")
            contains(warned, "damaged", "payctl store status")
            contains(client.get("/metrics").body.decode(),
                     f'payd_journal_damaged_batch{{shard="0"}} {seq}',
                     'payd_journal_verify_failed{shard="0"} 1')
        contains(payd.stderr.read_text(), "verification_failed")


def test_the_newest_batch_is_logged_with_its_hash(deposit):
    """Soon after the start and then every hour: an auditor who keeps these lines has an anchor."""
    data = deposit.copy()
    with Payd(data=data, log_level="info") as payd:
        line = wait_for(lambda: [line for line in payd.stderr.read_text().splitlines()
                                 if '"journal_head"' in line], "the line")[0]
        equal(payd.stop(), 0, "the exit code")
    shown = json.loads(payctl(0, "--json", "ledger", "show-batch", str(json.loads(line)["batch"]),
                              "--data", str(data)))
    equal(json.loads(line)["hash"], shown["hash"], "the hash")


def test_pages_that_cannot_be_read(deposit):
    """What is said names the file, the batch that is lost and the last that holds."""
    bodies = [body for _, body in deposit.batches()]
    middle = len(bodies) // 2
    for lost in (bodies[middle:middle + 1], bodies[middle:], bodies[:1]):
        data = deposit.copy()
        overwrite_pages(data / "journal.db", lost)
        said = verify(data, 1)
        found = re.search(r"damaged at batch (\d+): it cannot be read from (\S+) .* batch (\d+) is "
                          r"the last that holds", said)
        true(found is not None, f"the batch and the file in {said}")
        equal((found[2], int(found[3])), (f"{data}/journal.db", int(found[1]) - 1))
        contains(said, "backup", "nothing was changed")
        contains(show_batch(data, 1, found[1]), "cannot be read")
        refused(without_views(data), f"batch {found[1]}", "backup")


def test_missing_batches(deposit):
    rows = deposit.batches()
    for number in (0, len(rows) // 2):
        data = deposit.copy()
        change(data, "journal.db", f"DELETE FROM batches WHERE seq = {rows[number][0]}")
        contains(verify(data, 1), f"batch {rows[number][0] + 1}")
        refused(without_views(data), f"batch {rows[number][0] + 1}")
    data = deposit.copy()
    change(data, "journal.db", f"DELETE FROM batches WHERE seq = {rows[-1][0]}")
    contains(verify(data, 1), f"batch {rows[-1][0]} was committed",
             f"ends at batch {rows[-2][0]}", "backup")
    refused(data, f"batch {rows[-1][0]} was committed", f"ends at batch {rows[-2][0]}", "backup")
    (data / "commit-mark").unlink()
    contains(verify(data, 1), f"views stand at batch {rows[-1][0]}")
    refused(data, f"views stand at batch {rows[-1][0]}", f"ends at batch {rows[-2][0]}", "backup")
    contains(verify(without_views(data), 0), "passed")  # nothing else knows of it


def test_a_journal_that_ends_too_early(deposit):
    """Each batch that is left holds: only what stands beside the journal knows of more."""
    rows = deposit.batches()
    for left in (0, 1, len(rows) - 10):
        last = rows[left - 1][0] if left else 0
        for views in (True, False):
            data = deposit.copy()
            change(data, "journal.db", f"DELETE FROM batches WHERE seq > {last}")
            if not views:
                without_views(data)
            contains(verify(data, 1), "was committed", f"shard 0 ends at batch {last}", "corrupt")
            equal(payctl(1, "--json", "ledger", "verify", "--data", str(data)).count('"failed"'), 1)


def test_another_journal_as_long_as_this(deposit):
    rows = deposit.batches()
    data = deposit.copy()
    with Payd() as other:
        with other.bank() as bank:
            wallet = bank.open_wallet()
            for _ in range(len(rows) + 20):
                bank.fund(wallet, "1.00")
        other.stop()
        for path in data.glob("journal.db*"):
            path.unlink()
        shutil.copy(other.data / "journal.db", data / "journal.db")
    contains(verify(data, 1), "is not the one that was committed")
    (data / "commit-mark").unlink()
    contains(verify(data, 1), "views stand at batch", "another journal")


def test_whoever_looks_needs_no_right_to_write(deposit):
    """On a copy that is read-only, whole or killed, with an index of the log or without."""
    seq = deposit.batches()[-1][0]
    for killed in (False, True):
        for without in ((), ("journal.db-shm", "views.db-shm"), ("lock",)):
            data = deposit.copy(killed=killed)
            for name in without:
                (data / name).unlink(missing_ok=True)
            for path in data.iterdir():
                path.chmod(0o400)
            data.chmod(0o500)
            try:
                contains(verify(data, 0), "passed")
                contains(show_batch(data, 0, seq), f"{seq}")
            finally:
                data.chmod(0o700)


def test_a_changed_batch_with_a_hash_of_its_own(deposit):
    """An attacker who can write the file hides what was done to one row."""
    rows = deposit.batches()
    first, second = rows[3][0], rows[4][0]
    data = deposit.copy()
    change(data, "journal.db",
           f"UPDATE batches SET hash = (SELECT hash FROM batches WHERE seq = {rows[5][0]}) "
           f"WHERE seq = {first}")
    contains(verify(data, 1), f"batch {first}")
    data = deposit.copy()
    change(data, "journal.db", f"UPDATE batches SET seq = seq + 0, prev_hash = zeroblob(32) "
           f"WHERE seq = {second}")
    contains(verify(data, 1), f"batch {second}")


def test_a_truncated_journal(deposit):
    data = deposit.copy()
    path = data / "journal.db"
    os.truncate(path, path.stat().st_size // 2 // PAGE * PAGE)
    refused(data, "journal.db", "backup")
    data = deposit.copy()
    os.truncate(data / "journal.db", 0)
    refused(data, "journal.db", "backup")


def test_a_journal_that_is_gone(deposit):
    data = deposit.copy()
    (data / "journal.db").unlink()
    for _ in range(2):  # a refused start changes nothing
        refused(data, "journal.db", "missing", "backup")
        true(not (data / "journal.db").exists(), "no new journal in the place of the lost one")


def taken_away(path):
    """Gives what brings it back."""
    away = path.with_name(path.name + "-away")
    path.rename(away)
    return lambda: away.rename(path)


def test_files_that_are_taken_away_while_in_use(deposit):
    for name in ("", "journal.db", "journal.db-wal"):
        payd = Payd(data=deposit.copy(killed=True)).start()
        with payd.bank() as bank:
            bank.transfer(deposit.ann, deposit.bob, "1.00")
            back = taken_away(payd.data / name)
            bank.post(f"/wallets/{deposit.ann}/withdraw", {"amount": "1.00"}).expect(
                503, "unavailable")
        equal(payd.process.wait(STOP_S), 1, "the exit code")
        contains(payd.log(lines=8 + 4 * SHARDS), "removed or replaced while in use")
        back()
        payd.start()
        with payd.bank() as bank:
            bank.check_books()
            equal(bank.balance(deposit.bob)["balance"], "31.00", "the balance that was answered")
        payd.close()


def test_a_file_that_is_no_journal(deposit):
    data = deposit.copy()
    (data / "journal.db").write_bytes(b"not a database, but long enough to look at" * 1000)
    refused(data, "journal.db")
    data = deposit.copy()
    (data / "journal.db").unlink()
    change(data, "journal.db", "CREATE TABLE t (x)", "INSERT INTO t VALUES (1)")
    refused(data, "journal.db")


def test_an_older_journal_beside_newer_views(deposit):
    data, old = deposit.copy(), deposit.copy()
    deposit.starts(data)
    shutil.copy(old / "journal.db", data / "journal.db")
    for path in data.glob("journal.db-*"):
        path.unlink()
    refused(data, "was committed", "backup")


def test_bits_of_the_log_that_was_not_copied_yet(deposit):
    """SQLite takes a damaged frame for the end of its log. What is behind it is not written over:
    with the bit flipped back all is there."""
    data = deposit.copy(killed=True)
    wal = data / "journal.db-wal"
    true(wal.stat().st_size > 10 * PAGE, "batches in the log")
    flip(wal, wal.stat().st_size // 2)
    contains(verify(data, 1), "was committed", "shard 0 ends at batch", "backup")
    before = content(data)
    for _ in range(2):
        refused(data, "was committed", "shard 0 ends at batch", "backup")
        unchanged(before, data, ("lock",))  # SQLite has not opened it
    flip(wal, wal.stat().st_size // 2)
    contains(verify(data, 0), "passed")
    deposit.starts(data)


def test_a_lost_end_of_the_journal_is_found_without_views(deposit):
    """What was acknowledged may be in the log alone: what remembers it is the commit-mark."""
    for damage in (lambda wal: flip(wal, wal.stat().st_size // 2), pathlib.Path.unlink,
                   lambda wal: os.truncate(wal, wal.stat().st_size // 3),
                   lambda wal: os.truncate(wal, 0), lambda wal: wal.write_bytes(os.urandom(99999))):
        data = without_views(deposit.copy(killed=True))
        damage(data / "journal.db-wal")
        for _ in range(2):  # a refused start changes nothing
            said = refused(data, "was committed", "journal of shard 0 ends at batch", "backup")
        true("payd: stopped: batch" in said[-1], "the batch")
        without_views(data)
        (data / "commit-mark").unlink()  # as the refusal says
        with Payd(data=data) as payd:
            with payd.bank() as bank:
                bank.check_books()
            equal(payd.stop(), 0, "the exit code")


def test_a_torn_end_of_the_log_is_dropped(deposit):
    """What was never acknowledged: a part of a frame behind the last commit."""
    data = deposit.copy(killed=True)
    with (data / "journal.db-wal").open("ab") as wal:
        wal.write(os.urandom(5000))
    deposit.starts(data)


def test_a_newer_version_wrote_it(deposit):
    for file in ("journal.db", "views.db"):
        data = deposit.copy()
        leave_in_wal(data / file, "INSERT INTO migrations (name, sha256) VALUES "
                     "('9999_from_the_future', zeroblob(32))")
        refused(data, file, "9999_from_the_future", "later")
    data = deposit.copy()
    change(data, "journal.db", "UPDATE migrations SET sha256 = zeroblob(32)")
    refused(data, "journal.db", "another content")


# --- backups --------------------------------------------------------------------------------------


def backup(payd, into, code=0):
    return payctl(code, "--json", "--socket", str(payd.data / "payd.sock"), "store", "backup",
                  str(into))


def test_a_running_payd_is_backed_up(deposit):
    """While it serves; again, only what is new is added; and the copy starts."""
    into = deposit.folder / "backup"
    with Payd(data=deposit.copy()) as payd:
        with Load(payd, clients=4) as load:
            for _ in range(2):
                before = load.acknowledged()
                told = json.loads(backup(payd, into))
                equal(told["state"], "passed", "the copy")
                wait_for(lambda: load.acknowledged() > before, "the load to go on")
        load.judge()
        told = json.loads(backup(payd, into))
        newest = json.loads(payctl(0, "--json", "--socket", str(payd.data / "payd.sock"), "store",
                                   "status"))["shards"][0]["committed"]
        equal(told["shards"][0]["batches"], newest, "batches of a quiet node")
        with payd.bank() as bank:
            trial = bank.check_books()
    with Payd(data=into) as copy:
        with copy.bank() as bank:
            equal(bank.check_books(), trial, "the books")
            bank.transfer(deposit.ann, deposit.bob, "1.00")
    with Payd(data=deposit.copy()) as payd:
        contains(backup(payd, into, 1), "a backup of another journal, or a payd ran on it")
        contains(backup(payd, payd.data, 1), "in use")


def test_a_batch_of_several_pieces_is_backed_up(deposit):
    with Payd() as payd:
        payctl(0, "--socket", str(payd.data / "payd.sock"), "bench", "--transfers", "8000",
               "--accounts", "50", "--batch", "8000")
        told = json.loads(backup(payd, deposit.folder / "large"))
        equal(told["totals"][0]["transfers"], "8000", "transfers in the copy")


# --- what can be saved of it ----------------------------------------------------------------------


def salvage(data, into, code, *words):
    before = content(data)
    done = subprocess.run([PAYCTL, "--json", "store", "salvage", str(data), str(into), *words],
                          capture_output=True, text=True, env=clean_environment(), timeout=60,
                          check=False)
    equal(done.returncode, code, f"payctl's exit code after {done.stdout}{done.stderr}")
    unchanged(before, data)
    return json.loads(done.stdout) if done.stdout else done.stderr


def test_batches_behind_a_flipped_bit_of_the_log_are_saved(deposit):
    """SQLite, and so a start, would know of none of them."""
    data, into = deposit.copy(killed=True), deposit.folder / "saved"
    wal = data / "journal.db-wal"
    flip(wal, wal.stat().st_size // 2)
    contains(verify(data, 1), "was committed")
    (data / "revoked").write_text("of last hour\n")
    told = salvage(data, into, 0)
    equal((told["missing"], told["starts"]), ([], True))
    [place] = told["damaged"]
    equal(place["file"], "journal.db-wal")
    at = wal.stat().st_size // 2 - int(place["offset"])
    true(0 <= at < int(place["bytes"]), f"the byte within {place}")
    contains(verify(into, 0), "passed")
    equal((into / "revoked").read_text(), "of last hour\n")
    (into / "revoked").unlink()
    deposit.starts(into)


def test_a_lost_end_is_named_and_the_rest_starts(deposit):
    data, into = deposit.copy(killed=True), deposit.folder / "beginning"
    os.truncate(data / "journal.db-wal", (data / "journal.db-wal").stat().st_size // 2)
    last = deposit.batches()[-1][0]
    told = salvage(data, into, 1)
    [lost] = told["missing"]
    equal((int(lost["last"]), lost["at_the_end"], told["starts"]), (last, True, True))
    equal(int(told["shards"][0]["last_batch"]), int(lost["first"]) - 1)
    with Payd(data=into) as payd:
        with payd.bank() as bank:
            bank.check_books()


def test_a_gap_starts_only_with_a_word(deposit):
    middle = deposit.batches()[len(deposit.batches()) // 2]
    data = flipped(deposit, len(deposit.batches()) // 2, deposit.copy())
    into = deposit.folder / "gap"
    told = salvage(data, into, 1)
    equal(told["missing"], [{"shard": 0, "first": str(middle[0]), "last": str(middle[0]),
                             "at_the_end": False}])
    equal((told["starts"], int(told["shards"][0]["batches"])), (False, len(deposit.batches()) - 1))
    refused(into, f"batch {middle[0]}")
    contains(show_batch(into, 0, middle[0] + 2), "holds")
    cut = deposit.folder / "until-gap"
    told = salvage(data, cut, 1, "--until-gap")
    equal((told["starts"], int(told["shards"][0]["last_batch"]),
           int(told["shards"][0]["left_out"])),
          (True, middle[0] - 1, deposit.batches()[-1][0] - middle[0]))
    with Payd(data=cut) as payd:
        with payd.bank() as bank:
            bank.check_books()
    contains(salvage(data, cut, 1), "exists")


SLOTS_DAMAGED = ("DELETE FROM slots",
                 "UPDATE slots SET shard = (SELECT max(shard) + 1 FROM slots) WHERE shard = 0",
                 "UPDATE slots SET last_slot = 65534",
                 "UPDATE slots SET first_slot = 1",
                 "UPDATE slots SET first_slot = -1",
                 "UPDATE slots SET last_slot = 65536",
                 "UPDATE slots SET first_slot = 65535, last_slot = 0",
                 "INSERT INTO slots SELECT max(shard) + 1, 65535, 65535 FROM slots",
                 "INSERT INTO slots SELECT max(shard) + 2, 0, 65535 FROM slots",
                 "DROP TABLE slots")


def test_which_slots_a_shard_has_is_damaged(deposit):
    """With other ranges accounts would be looked for, and made, where they are not."""
    for number, statement in enumerate(SLOTS_DAMAGED):
        data = deposit.copy()
        change(data, "journal.db", statement)
        refused(data, "journal.db", "slots", "backup", "salvage")
        contains(verify(data, 1), "slots", "backup", "salvage")
        saved = deposit.folder / f"slots-{number}"
        salvage(data, saved, 0)
        contains(verify(saved, 0), "passed")
        deposit.starts(saved)


def test_a_shard_without_slots_is_found(deposit):
    """The ranges that are left are whole, and a node starts on them."""
    with Payd(data=deposit.folder / "two-shards", shards=2) as payd:
        with payd.bank() as bank:
            for shard in range(2):
                bank.fund(bank.open_wallet(bank.somebody(shard)), "5.00")
        payd.stop()
        contains(verify(payd.data, 0), "passed")
        change(payd.data, "journal.db", "DELETE FROM slots WHERE shard = 1",
               "UPDATE slots SET last_slot = 65535")
        contains(verify(payd.data, 1), "shard 1 has batches, but no slots", "backup", "salvage")


# --- what is derived from it ----------------------------------------------------------------------


def test_deleted_views_are_made_again(deposit):
    deposit.starts(without_views(deposit.copy()))


def test_damaged_views_are_made_again(deposit):
    """Whatever was done to them; a reader changes nothing."""
    data = deposit.copy()
    with (data / "views.db").open("r+b") as file:
        file.write(b"\xff" * 200)
    contains(verify(data, 1), "views.db", "rebuilt")
    deposit.starts(data, told="views_rebuilding")
    data = deposit.copy()
    os.truncate(data / "views.db", PAGE // 2 * 3)
    deposit.starts(data, told="views_rebuilding")
    for killed in (False, True):
        for name in ("views.db", "views.db-wal", "views.db-shm"):
            data = deposit.copy(killed=killed)
            (data / name).write_bytes(os.urandom(100_000))
            deposit.starts(data)
            data = deposit.copy(killed=killed)
            (data / name).unlink(missing_ok=True)
            (data / name).mkdir()
            deposit.starts(data, told="is not a file")


def test_why_views_are_made_again_is_told(deposit):
    """As it is, and without advice: nobody has to do anything."""
    data = deposit.copy()
    (data / "views.db").write_bytes(os.urandom(100_000))
    lost = deposit.copy(killed=True)
    (lost / "commit-mark").unlink()
    foreign = deposit.copy()
    without_views(foreign)
    change(foreign, "views.db", "CREATE TABLE t (x)")
    for spoilt, why in ((data, "views.db: "), (lost, "commit mark"), (foreign, "views.db: ")):
        with Payd(data=spoilt) as payd:
            [line] = [json.loads(line) for line in payd.stderr.read_text().splitlines()
                      if "views_rebuilding" in line]
        contains(line["reason"], why)
        for advice in ("delete", "No such file", "rebuilt"):
            true(advice not in line["reason"], f"no {advice!r} in {line['reason']!r}")


def test_a_damaged_page_of_the_views_is_found_when_it_is_read(deposit):
    """Such a list is refused, a state stops the node; the next start makes the views again."""
    data = deposit.copy()
    with sqlite3.connect(data / "views.db") as db:
        [page] = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'entries'").fetchone()
        [size] = db.execute("PRAGMA page_size").fetchone()
    db.close()
    with (data / "views.db").open("r+b") as file:  # the start does not read it
        file.seek((page - 1) * size + 100)
        file.write(b"other")
    payd = Payd(data=data)
    try:
        payd.start()
        with payd.bank() as bank:
            bank.get(f"/wallets/{deposit.bob}/transactions")
    except (NotReady, OSError, Unanswered):
        pass  # it met the damage by itself
    finally:
        payd.close()
    true((data / "views.db-damaged").read_text().startswith("page "), "a page that is named")
    deposit.starts(data, told="damage was found")
    true(not (data / "views.db-damaged").exists(), "no mark any more")


def test_views_of_another_journal(deposit):
    data = deposit.copy()
    with Payd() as other:
        with other.bank() as bank:
            wallet = bank.open_wallet()
            for _ in range(5):
                bank.fund(wallet, "1.00")
        other.stop()
        without_views(data)
        shutil.copy(other.data / "views.db", data / "views.db")
    refused(data, "views stand at batch", "another journal", "rebuilt")
    deposit.starts(without_views(data))


def test_leftovers_are_no_matter(deposit):
    data = deposit.copy()
    (data / "lock").write_text("99999999")
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(data / "payd.sock"))
    deposit.starts(data)
    (data / "payd.sock").unlink(missing_ok=True)
    (data / "payd.sock").write_text("somebody's")
    refused_saying(data, "payd.sock")  # the data is in order: a shard may have begun
    equal((data / "payd.sock").read_text(), "somebody's", "a file that is not ours")


# --- permissions of the directory -----------------------------------------------------------------


def arguments(data, port=None, **more):
    named = {"database_url": f"sqlite:{data}", "port": port or free_port(), "dev_issuer": "on",
             "shards": SHARDS, **more}
    return [text for name, value in named.items()
            for text in (f"--{name.replace('_', '-')}", str(value))]


def refused_line(code, *words, environment=None):
    found, lines = refused_start(*words, environment=environment)
    equal(found, code, f"the exit code after {lines}")
    said = [line for line in lines if not line.startswith("{")]  # the log is JSON
    equal(len(said), 1, f"the number of lines that say why in {lines}")
    return said[0]


def test_a_second_payd_on_the_same_directory(deposit):
    data = deposit.copy()
    with Payd(data=data) as payd:
        line = refused_line(1, *arguments(data))
        contains(line, str(data), "in use", str(payd.process.pid))
        with payd.bank() as bank:
            bank.transfer(deposit.ann, deposit.bob, "1.00")
        payd.process.send_signal(signal.SIGSTOP)
        try:
            contains(refused_line(1, *arguments(data)), "in use")
        finally:
            payd.process.send_signal(signal.SIGCONT)


def test_a_port_that_another_has(deposit):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        contains(refused_line(1, *arguments(deposit.copy(), port)), "listen", str(port), "in use")
    with Payd() as payd:
        for loops in (1, 2):
            line = refused_line(1, *arguments(deposit.copy(), payd.port, loops=loops))
            contains(line, "listen", str(payd.port), "in use")


def test_a_directory_that_cannot_be_written(deposit):
    file = deposit.folder / "file"
    file.write_text("")
    contains(refused_line(1, *arguments(file)), str(file))
    contains(refused_line(1, *arguments(file / "below")), str(file))
    contains(refused_line(1, *arguments(deposit.folder / "no" / "parent")), "directory")
    contains(refused_line(1, *arguments("/proc/payd")), "/proc/payd")
    if os.geteuid() == 0:
        return  # permissions mean nothing to root
    data = deposit.copy()
    data.chmod(0o500)
    contains(refused_line(1, *arguments(data)), str(data), "write access")
    data.chmod(0o700)


def test_files_are_for_their_owner_only(deposit):
    for path in [deposit.data, *deposit.data.rglob("*")]:
        true(path.is_socket() or path.stat().st_mode & 0o077 == 0, f"{path} to be private")


def test_what_others_may_write_is_not_trusted(deposit):
    data = deposit.copy()
    for name in ("", "journal.db", "commit-mark", "issuer"):
        path = data / name
        mode = path.stat().st_mode & 0o777
        path.chmod(mode | 0o002)
        contains(refused_line(1, *arguments(data)), str(path), "may be written by others",
                 f"chmod go-w {path}")
        path.chmod(mode)
    keys = deposit.folder / "open-keys.json"
    keys.write_text("{}")
    keys.chmod(0o666)
    for trusted in ({"jwks_file": keys}, {"jwks_url": "https://x", "jwks_ca_file": keys}):
        refused = {"dev_issuer": "off", "token_issuer": "http://x", **trusted}
        contains(refused_line(1, *arguments(data, **refused)), str(keys), "written by others")
    key = next((data / "issuer").glob("*.pem"))
    key.chmod(0o640)
    contains(refused_line(1, *arguments(data)), str(key), "0600")
    key.chmod(0o600)
    deposit.starts(data)


def test_the_own_group_may_write(deposit):
    """As a umask of 002 has it where each user has a group of their own."""
    data = deposit.copy()
    os.chown(data, -1, os.getegid())
    data.chmod(0o770)
    deposit.starts(data, told="data_directory_open")
    if os.geteuid() != 0:
        return  # only root can give a file to a group that is not its own
    os.chown(data, -1, os.getegid() + 1)
    contains(refused_line(1, *arguments(data)), str(data), "may be written by others")


def test_a_directory_that_others_may_read_is_told(deposit):
    data = deposit.copy()
    data.chmod(0o755)
    deposit.starts(data, told="data_directory_open")
    data.chmod(0o700)
    with Payd(data=data) as payd:
        true("data_directory_open" not in payd.stderr.read_text(), "no word about a private one")


def test_what_is_made_is_private_whatever_the_umask(deposit):
    made = deposit.folder / "made"
    before = os.umask(0)
    try:
        payd = Payd(data=made, operator_socket=deposit.folder / "link.sock")
        with payd:
            for path in [made, *made.rglob("*"), deposit.folder / "link.sock"]:
                true(path.stat().st_mode & 0o077 == 0, f"{path} to be private")
    finally:
        os.umask(before)


# --- settings -------------------------------------------------------------------------------------


def test_wrong_settings_name_themselves(deposit):
    data = deposit.copy()
    before = content(data, but=TRANSIENT)
    for words, parts in (
            (["--port", "0"], ("PORT", "1 to 65535")), (["--port", "x"], ("PORT",)),
            (["--port", "65536"], ("PORT",)), (["--port", "-1"], ("PORT",)),
            (["--port", "80 80"], ("PORT",)), (["--loops", "0"], ("LOOPS", "1 to 64")),
            (["--shards", "257"], ("SHARDS", "1 to 256")),
            (["--readers", ""], ("READERS",)),
            (["--dev-issuer", "yes"], ("DEV_ISSUER", "on or off")),
            (["--log-level", "loud"], ("LOG_LEVEL", "debug")),
            (["--database-url", "postgres://x"], ("DATABASE_URL", "sqlite:")),
            (["--database-url", "sqlite:"], ("DATABASE_URL",)),
            (["--database-url", "sqlite:" + "x" * 600], ("DATABASE_URL",)),
            (["--prot", "8080"], ("--prot", "--help")), (["serve"], ("serve", "--help")),
            (["--port"], ("--port", "value")),
            (["--jwks-url", "http://127.0.0.1/a", "--jwks-file", "b"], ("JWKS_URL", "JWKS_FILE")),
            (["--token-issuer", "http://x"], ("TOKEN_ISSUER", "JWKS_URL")),
            (["--host", "localhost"], ("HOST", "IPv4 or IPv6")), (["--host", ""], ("HOST",)),
            (["--metrics-listen", "here:9000"], ("METRICS_LISTEN", "an address")),
            (["--wso2-is-url", "is.example"], ("WSO2_IS_URL", "https://")),
            (["--token-issuer", "x", "--jwks-url", "http://is.example"], ("JWKS_URL", "https://")),
            (["--jwks-ca-file", "/ca.pem"], ("JWKS_CA_FILE", "JWKS_URL")),
            (["--token-audience", ""], ("TOKEN_AUDIENCE",)),
            (["--tenant-claim", ""], ("TENANT_CLAIM",)),
            (["--tenant-default", "x" * 65], ("TENANT_DEFAULT", "64 bytes")),
            (["--operator-socket", "a\rb"], ("OPERATOR_SOCKET", "control characters")),
            (["--log-level", "\x1b[2Jloud\nx"], ("LOG_LEVEL", "\\u001b[2Jloud\\u000ax"))):
        contains(refused_line(2, *arguments(data), *words), "payd: ", *parts)
    contains(refused_line(2, *arguments(data), environment={"READERS": "many"}), "READERS", "many")
    contains(refused_line(2, "--database-url", f"sqlite:{data}"), "DEV_ISSUER=on")
    unchanged(before, data, but=TRANSIENT)
    deposit.starts(data)


def test_what_settings_name_is_looked_at_before_the_data(deposit):
    data = deposit.copy()
    before = content(data, but=TRANSIENT)
    for socket_path, fault in (("/no/such/link", "No such file"), ("/", "than a socket"),
                               ("/" + "x" * 120, "1 to 100 bytes")):
        contains(refused_line(1, *arguments(data, operator_socket=socket_path)), "OPERATOR_SOCKET",
                 socket_path, fault)
    issuer = {"dev_issuer": "off", "token_issuer": "x"}
    for name, keys in (("JWKS_FILE", {"jwks_file": "/none"}),
                       ("/ca.pem", {"jwks_url": "https://x", "jwks_ca_file": "/ca.pem"})):
        contains(refused_line(1, *arguments(data, **issuer, **keys)), name, "No such file")
    unchanged(before, data, but=TRANSIENT)


def test_no_address_or_keys_to_use(deposit):
    data = deposit.copy()
    contains(refused_line(1, *arguments(data, host="192.0.2.1", dev_issuer="off",
                                        token_issuer="http://x", jwks_file="/nowhere")), "/nowhere")
    contains(refused_line(2, *arguments(data, host="localhost.invalid")), "localhost.invalid")
    keys = deposit.folder / "keys.json"
    for text in ("", "{}", '{"keys": []}', "[1]", '{"keys": [{"kty": "oct", "k": "AA"}]}'):
        keys.write_text(text)
        line = refused_line(1, *arguments(data, dev_issuer="off", token_issuer="http://x",
                                          jwks_file=keys))
        contains(line, "keys")


def test_the_development_issuer_stays_on_loopback(deposit):
    data = deposit.copy()
    for host in ("0.0.0.0", "::", "192.0.2.1"):
        contains(refused_line(2, *arguments(data, host=host)), "development issuer", "loopback",
                 host, "HOST", "DEV_ISSUER")


def test_help_and_settings_are_shown(deposit):
    code, lines = refused_start("--help")
    equal(code, 0, "the exit code")
    contains("\n".join(lines), "DATABASE_URL", "--database-url", "PORT")
    code, lines = refused_start(*arguments("/data/x", 8099), "--print-config")
    equal(code, 0, "the exit code")
    contains(lines, "DATABASE_URL=sqlite:/data/x", "PORT=8099", "DEV_ISSUER=on")


def main():
    if not pathlib.Path(PAYCTL).exists():
        skip(f"no payctl at {PAYCTL}")
    with tempfile.TemporaryDirectory(prefix="payd-damage-") as folder:
        deposit = Deposit(folder)
        return scenarios.run(globals(), lambda name: (deposit,))


if __name__ == "__main__":
    sys.exit(main())
