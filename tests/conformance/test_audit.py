#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An auditor's own program against a running payd: audit_journal.py finds the sums that payctl
shows, and every damage. Entries hold too, by the formula of sql/sqlite/README.md."""
import base64
import contextlib
import datetime
import hashlib
import json
import pathlib
import shutil
import sqlite3
import struct
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))

import audit_journal  # noqa: E402
import scenarios  # noqa: E402
from payd import DIGITS, PAYCTL, Payd, account_of  # noqa: E402
from scenarios import contains, equal, true  # noqa: E402

HUGE = 2**100  # minor units: more than 64 bits
COMPARED = (*audit_journal.COUNTERS, "account_count", "transfer_count")


def payctl(payd, *words):
    done = subprocess.run([PAYCTL, "--socket", payd.data / "payd.sock", "--json", *words],
                          check=True, stdout=subprocess.PIPE, timeout=60)
    return json.loads(done.stdout)


def compare(payd):
    """The auditor's sums and hashes with the platform's."""
    books, heads = audit_journal.audit(payd.data)
    expected = {line["currency"]: {name: str(line[name]) for name in COMPARED}
                for line in payctl(payd, "ledger", "trial-balance")["lines"]}
    equal({code: {name: str(total[name]) for name in COMPARED}
           for code, total in books.totals().items()}, expected, "the totals")
    verified = payctl(payd, "ledger", "verify")
    equal(heads, {line["shard"]: (int(line["batches"]), line["hash"])
                  for line in verified["shards"] if int(line["batches"]) > 0}, "the chain's end")


def test_the_sums_are_those_of_the_platform(payd):
    with payd.bank() as bank:
        payer, payee = bank.open_wallet(funds="1000.00"), bank.open_wallet()
        bank.pay(payer, payee, "10.50")
        taken = bank.authorise(payer, payee, "20.00")["payment_id"]
        bank.post(f"/payments/{taken}/capture", {"amount": "5.25"}).expect(200)
        bank.post(f"/payments/{taken}/cancel", {}).expect(200)
        bank.authorise(payer, payee, "3.00")
        accounts = [bank.open_account(currency="JPY") for _ in range(2)]
        bank.move(*accounts, str(HUGE), currency="JPY", code=1)
        bank.post("/transfers", {"debit_account_id": accounts[0], "credit_account_id": accounts[1],
                                 "amount": "1", "currency": "USD", "code": 1}).expect(422)
    with payd.bank(tenant="another") as bank:
        bank.move(bank.open_account(), bank.open_account(), "7.00", code=9)
    compare(payd)
    with payd.bank() as bank:
        bank.authorise(payer, payee, "2.00", expires_in_s=1)
    scenarios.wait_for(lambda: payctl(payd, "payments", "list", "--status", "expired")["payments"],
                       "the authorisation to expire")
    compare(payd)


def test_every_act_names_who_did_it(payd):
    """15 acts, each of a subject of its own: the journal has them, with token and request."""
    with payd.bank() as bank:
        account, other = bank.open_account(), bank.open_account()
        wallet, payee = bank.open_wallet(funds="100.00"), bank.open_wallet()
        moved = bank.move(account, other, "1.00", code=1)["transfer_id"]
        held = bank.post(f"/wallets/{wallet}/holds",
                         {"amount": "1.00", "currency": "USD"}).expect(201).json["hold_id"]
    usd = {"amount": "1.00", "currency": "USD"}
    acts = (
        ("fund", "POST", f"/wallets/{wallet}/fund", usd),
        ("withdraw", "POST", f"/wallets/{wallet}/withdraw", usd),
        ("transfer", "POST", f"/wallets/{wallet}/transfer", {"to_wallet_id": payee, **usd}),
        ("hold", "POST", f"/wallets/{wallet}/holds", usd),
        ("capture", "POST", f"/wallets/{wallet}/holds/{held}/capture", {}),
        ("pay", "POST", "/payments", {"from_account": wallet, "to_account": payee, **usd}),
        ("open wallet", "POST", "/wallets", {"currency": "USD", "user_id": "somebody"}),
        ("freeze wallet", "POST", f"/wallets/{wallet}/freeze", {"reason": "audit"}),
        ("limits", "PUT", f"/wallets/{wallet}/limits", {"per_day": "50.00"}),
        ("move", "POST", "/transfers", {"debit_account_id": account, "code": 1,
                                        "credit_account_id": other, **usd}),
        ("reverse", "POST", f"/transfers/{moved}/reverse", {}),
        ("open", "POST", "/accounts", {"currency": "USD", "code": 1}),
        ("update", "PATCH", f"/accounts/{account}", {"name": "audited"}),
        ("freeze", "POST", f"/accounts/{account}/freeze", {"mode": "debits", "reason": "audit"}),
        ("close", "POST", f"/accounts/{bank.open_account()}/close", {}),
    )
    for act, method, path, body in acts:
        with payd.bank(subject=f"audit {act}") as bank:
            true(bank.request(method, path, body, key=True).status in (200, 201), act)
    books, _ = audit_journal.audit(payd.data)
    for act, *_ in acts:
        equal(books.records_by.get(("default", f"audit {act}")), 1, f"records of {act}")
    true(books.records_by[None, "system"] > 0, "what expired was nobody's act")
    logged = payd.log(lines=10000)
    for act, name in (("freeze wallet", "wallet_freeze"), ("limits", "wallet_limits_set"),
                      ("update", "account_update"), ("freeze", "account_freeze"),
                      ("close", "account_close")):
        contains(logged, f'"event":"administrative_act","act":"{name}"', f'"by":"audit {act}"')
    true('"by":"audit pay"' not in logged, "money that moves is no line of the log")


def test_a_payment_is_found_by_its_request(payd):
    """From the request's id to the batch, and from the payment's; payctl shows the same batch."""
    with payd.bank() as bank:
        payer, payee = bank.open_wallet(funds="20.00"), bank.open_wallet()
    body = {"from_account": payer, "to_account": payee, "amount": "10.50", "currency": "USD",
            "metadata": {"order": "shoes-4711"}}
    with payd.bank(subject="audited payer") as bank:
        paid = bank.request("POST", "/payments", body, key=True,
                            headers={"X-Request-Id": "order-4711"}).expect(201).json
    found = {line for word in ("order-4711", paid["payment_id"], "audited payer", "shoes-4711")
             for line in auditor(0, "--find", word, payd.data).splitlines() if " record " in line}
    equal(len(found), 1, f"records of the payment in {found}")
    [said] = found
    contains(said, "transfer_posted, payment_created by audited payer of default")
    batch = payctl(payd, "ledger", "show-batch", said.split()[3],
                   "--shard", said.split()[1])
    equal([(r["by"], r["request_id"]) for r in batch["records"]
           if r["request_id"] == "order-4711"], [("audited payer", "order-4711")], "who did it")
    contains(auditor(0, "--find", "order-4712", payd.data), "nothing speaks of order-4712")


def test_entries_hold(payd):
    with payd.bank() as bank:
        wallet = bank.get("/wallets").expect(200).json["wallets"][0]["wallet_id"]
        entries = bank.entries(account_of(wallet))
    true(len(entries) > 3, "some entries")
    numbers = {name: {value: number for number, value in enumerate(enum["values"], 1)}
              for name, enum in audit_journal.declared("enum").items()}
    hash_before = bytes(32)
    for version, entry in enumerate(entries, 1):
        equal(int(entry["version"]), version, "the version")
        fields = [(number_of(entry["account_id"]), 16), (version, 8),
                  (numbers["entry_kind"][entry["kind"]], 1),
                  (numbers["entry_direction"][entry["direction"]], 1),
                  (number_of(entry.get("transfer_id")), 16),
                  (number_of(entry.get("counterparty_id")), 16),
                  (units(entry["amount"]), 16), (entry["code"], 2),
                  *((units(entry[name]), 16) for name in audit_journal.COUNTERS),
                  (nanoseconds(entry["effective_time"]), 8),
                  (nanoseconds(entry["recorded_time"]), 8)]
        hashed = hash_before + b"".join(value.to_bytes(size, "big") for value, size in fields)
        hash_before = hashlib.sha256(hashed).digest()
        shown = base64.urlsafe_b64decode(entry["hash"] + "=" * (-len(entry["hash"]) % 4))
        equal(shown, hash_before, f"the hash of entry {version}")


def number_of(text):
    value = 0
    for digit in text.split("_")[1] if text else "":
        value = value << 5 | DIGITS.index(digit)
    return value


def units(text):
    return int(text.replace(".", ""))


def nanoseconds(text):
    moment, _, fraction = text.removesuffix("Z").partition(".")
    seconds = datetime.datetime.fromisoformat(moment).replace(tzinfo=datetime.timezone.utc)
    return int(seconds.timestamp()) * 10**9 + int(fraction.ljust(9, "0"))


def damaged(payd, change):
    """A copy of the stopped payd's journal with this change, and what the audit says of it."""
    copy = payd.root / "damaged"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(payd.data, copy, ignore=shutil.ignore_patterns("payd.sock"))
    with contextlib.closing(sqlite3.connect(copy / "journal.db")) as journal:
        journal.execute(change)
        journal.commit()
    try:
        audit_journal.audit(copy)
    except audit_journal.Damage as e:
        return copy, str(e)
    raise AssertionError(f"not found: {change}")


def test_every_damage_is_found(payd):
    equal(payd.stop(), 0, "the exit code")
    for change, told in (
            ("UPDATE batches SET body = CAST(substr(body, 1, 40) || x'00' || substr(body, 42)"
             " AS BLOB) WHERE seq = 3", "batch 3"),
            ("UPDATE batches SET hash = zeroblob(32) WHERE seq = 2", "batch 2"),
            ("DELETE FROM batches WHERE seq = 4", "follows batch 3"),
            ("UPDATE batches SET count = count + 1 WHERE seq = 5", "batch 5")):
        copy, found = damaged(payd, change)
        contains(found, told)
        refused = subprocess.run([PAYCTL, "ledger", "verify", "--data", copy], text=True,
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        equal(refused.returncode, 1, "payctl's exit code")
    for change, told in (
            ("UPDATE batches SET row = row + 1 WHERE row = (SELECT max(row) FROM batches)",
             "stands in row"),
            ("INSERT INTO batch_index VALUES (0, 1, 1, x'0000')", "index")):
        contains(damaged(payd, change)[1], told)


def packed(value):
    """As msgpack, in the shortest form."""
    if value is None or isinstance(value, bool):
        return bytes([{None: 0xC0, False: 0xC2, True: 0xC3}[value]])
    if isinstance(value, int):
        if value < 128:
            return bytes([value])
        power = next(power for power in range(4) if value < 1 << (8 << power))
        return bytes([0xCC + power]) + value.to_bytes(1 << power, "big")
    if isinstance(value, str):
        return bytes([0xA0 | len(value)]) + value.encode()
    if isinstance(value, bytes):
        return bytes([0xC4, len(value)]) + value
    return bytes([0x90 | len(value)]) + b"".join(map(packed, value))


DONE = [0, 0, 0, None]
SYSTEM = [None, "system", None, None]
KEY, PRINT, OTHER, WAITING = b"K" * 16, b"F" * 16, b"O" * 16, b"W" * 16


class Journal:
    """Further batches for a journal of two shards: what shards say to each other."""

    def __init__(self, path):
        self.db = sqlite3.connect(path)
        self.time_ns = 2 * 10**18

    def append(self, shard, *parts, key=None, by=SYSTEM):
        """A batch with one record."""
        seq, epoch, before = self.db.execute("SELECT seq, epoch, hash FROM batches WHERE shard = ?"
                                             " ORDER BY seq DESC", (shard, )).fetchone()
        self.time_ns += 1000
        head = [self.time_ns, key, key and PRINT, True, by, None]
        body = packed(1) + b"".join(map(packed, [head, *parts]))
        told = struct.pack(">HQQQ", shard, seq + 1, epoch, 1)
        self.db.execute("INSERT INTO batches (shard, seq, epoch, count, prev_hash, hash, body)"
                        " VALUES (?, ?, ?, 1, ?, ?, ?)",
                        (shard, seq + 1, epoch, before,
                         hashlib.sha256(told + before + body).digest(), body))
        return seq + 1

    def send(self, sender, receiver, last):
        """Returns its mark; as it ends its record."""
        part = ["s", receiver, 1, bytes(16), 1, [1, "a message"], None]
        seq = self.append(sender, part, last)
        digest = hashlib.sha256(packed(part)).digest()[:8]
        return [seq << 24 | 1, int.from_bytes(digest, "big")]


def crossing(journal, change=None):
    """Two requests that the other shard helps to decide, and a send to all. The one that is named
    by its id alone is asked again after it was refused; under a key of its own somebody waits for
    the other."""
    first = journal.send(0, 1, DONE)
    journal.append(0, ["o", KEY], key=KEY)
    second = journal.send(0, 1, ["o", OTHER])
    to_all = journal.send(0, None, DONE)
    journal.append(0, ["a", KEY], key=WAITING)
    marks = [["t", 0, 1, *first], ["t", 0, 2, *second], ["t", 1, 1, *to_all]]
    closing = ["c", 0, 0, 0, None, KEY, PRINT, [WAITING, PRINT, False]]
    if change:
        change(journal, marks, closing)
    for mark in marks:
        back = [mark, ["s", 0, 1, bytes(16), 1, [1, "back"], None], DONE]
        journal.append(1, *back)
    journal.append(0, closing)
    journal.append(0, ["c", 0, 0, 0, None, OTHER, None, None])
    journal.append(0, ["o", OTHER])


def wrong(at, number):
    def change(_, marks, _closing):
        marks[at[0]][at[1]] += number
    return change


def answered_as(part, value):
    def change(_, _marks, closing):
        closing[part] = value
    return change


def test_what_shards_said_to_each_other_holds(payd):
    """Marks that are not those of the sends, sends that nobody sent, answers that nobody asked."""
    for change, told, payctl_told in (
            (None, None, None),
            (wrong((0, 4), 1), "its send 1 is another", "those that stand there are others"),
            (wrong((1, 3), 1), "its send 2 is another", "those that stand there are others"),
            (wrong((2, 4), 1), "its send 1 is another", "those that stand there are others"),
            (wrong((0, 2), 1), "takes send 2 of shard 0, not 1", "out of turn"),
            (lambda _, marks, __: marks.append(["t", 0, 3, 2**40, 1]), "which has only 2",
             "only 2 stand there"),
            (lambda journal, *_: journal.append(0, ["o", KEY], key=KEY), "decides again what is",
             "opens an ask that is open"),
            (answered_as(5, PRINT), "answers what nobody waits for", "an ask that is not open"),
            (answered_as(7, None), "answers other keys than wait", "an ask that is not open"),
            (answered_as(7, [OTHER, PRINT, False]), "answers other keys than wait",
             "an ask that is not open"),
            (lambda journal, *_: journal.append(0, ["a", WAITING], key=PRINT),
             "waits for what nobody opened", "attaches a key"),
            (lambda journal, *_: journal.append(0, ["x", KEY]), "KeyError('x')",
             "cannot be read")):
        copy = payd.root / "copy"
        shutil.copytree(payd.data, copy, ignore=shutil.ignore_patterns("payd.sock"))
        journal = Journal(copy / "journal.db")
        with contextlib.closing(journal.db), journal.db:
            crossing(journal, change)
        found = auditor(0 if told is None else 1, copy)
        refused = subprocess.run([PAYCTL, "ledger", "verify", "--data", copy], text=True,
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        equal(refused.returncode, 0 if told is None else 1, f"payctl's exit code: {refused.stdout}")
        if told is None:
            contains(found, "shard 1: 3 sends not taken by 0", "shard 0: 1 requests without answer",
                     "shard 0: 1 sends not taken by 0")
        else:
            contains(found, told)
            contains(refused.stdout, payctl_told)
        shutil.rmtree(copy)


def test_a_record_of_nobody_is_found(payd):
    """In a batch whose hash holds: whoever wrote it left out who had asked."""
    for by, told in (
            (SYSTEM, None),
            ([None, "", None, None], "a record of nobody"),
            ([None, None, None, None], "a record of nobody"),
            ([None, "somebody", None, None], "a record of no tenant"),
            (["default", "somebody", None, b"T" * 16], "a token of no client")):
        copy = payd.root / "copy"
        shutil.copytree(payd.data, copy, ignore=shutil.ignore_patterns("payd.sock"))
        journal = Journal(copy / "journal.db")
        with contextlib.closing(journal.db), journal.db:
            journal.append(0, DONE, by=by)
        found = auditor(0 if told is None else 1, copy)
        contains(found, told or "records of")
        shutil.rmtree(copy)


def auditor(code, *words):
    done = subprocess.run([sys.executable, audit_journal.__file__, *map(str, words)], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    equal(done.returncode, code, f"the exit code after {done.stdout}")
    return done.stdout


def test_the_program_says_how_it_is_used(payd):
    contains(auditor(0, "--help"), "usage: audit_journal.py [--find WORD] [--anchor LOG] DATA")
    for words in ((), ("a", "b"), ("--data", ), ("--find", "x"), ("--find", "x", "y", "z"),
                  ("--anchor", "x"), ("--find", "x", "--find", "y", "z")):
        contains(auditor(2, *words), "usage: audit_journal.py [--find WORD] [--anchor LOG] DATA")
    contains(auditor(2, payd.root), f"{payd.root} holds no journal.db")
    contains(auditor(2, "--anchor", "/nowhere", payd.data), "/nowhere cannot be read")


def rewritten(data, first):
    """Shard 0's batches from this one on with one record's time changed, and every hash made anew:
    who may write the file can do this, and the chain holds."""
    with contextlib.closing(sqlite3.connect(data / "journal.db")) as journal:
        rows = journal.execute("SELECT row, shard, seq, epoch, count, prev_hash, hash, body FROM"
                               " batches WHERE shard = 0 AND seq >= ? ORDER BY seq",
                               (first, )).fetchall()
        before = rows[0][5]
        for row, shard, seq, epoch, count, _, _, body in rows:
            if seq == first:
                at = body.index(b"\xcf") + 8  # the lowest byte of the first time
                body = body[:at] + bytes([body[at] ^ 1]) + body[at + 1:]
            told = struct.pack(">HQQQ", shard, seq, epoch, count)
            found = hashlib.sha256(told + before + body).digest()
            journal.execute("UPDATE batches SET prev_hash = ?, hash = ?, body = ? WHERE row = ?",
                            (before, found, body, row))
            before = found
        journal.commit()


def test_what_was_noted_of_a_journal_is_held_against_it(payd):
    with Payd(log_level="info") as other, other.bank() as bank:
        bank.open_wallet(funds="5.00")
        other.stop()
        other.start()
        scenarios.wait_for(lambda: other.stderr.read_text().count("journal_head") > 1, "the lines")
        equal(other.stop(), 0, "the exit code")
        contains(auditor(0, "--anchor", other.stderr, other.data), "batches are as they were noted")
        seq = max(seq for _, seq in audit_journal.read_anchors(other.stderr))
        copy = other.root / "shorter"
        shutil.copytree(other.data, copy, ignore=shutil.ignore_patterns("payd.sock"))
        with contextlib.closing(sqlite3.connect(copy / "journal.db")) as journal:
            journal.execute("DELETE FROM batches WHERE seq >= ?", (seq, ))
            journal.commit()
        contains(auditor(0, copy), "shard 0: ")
        contains(auditor(1, "--anchor", other.stderr, copy), "was noted, and is not there")
        rewritten(other.data, 2)
        contains(auditor(0, other.data), "shard 0: ")
        contains(auditor(1, "--anchor", other.stderr, other.data),
                 "has another hash than was noted of it")


def test_it_writes_nothing(payd):
    """Also where it may not: the payd has stopped, and left no log."""
    copy = payd.root / "100% read-only?"
    shutil.copytree(payd.data, copy, ignore=shutil.ignore_patterns("payd.sock", "*-shm", "*-wal"))
    before = {path.name: path.read_bytes() for path in copy.iterdir() if path.is_file()}
    copy.chmod(0o500)
    try:
        contains(auditor(0, copy), "shard 0: ", "USD")
        after = {path.name: path.read_bytes() for path in copy.iterdir() if path.is_file()}
        true(before == after, f"no file to change, found {sorted(after)}")
    finally:
        copy.chmod(0o700)


def main():
    with Payd(shards=2, log_level="info") as payd:
        return scenarios.run(globals(), lambda name: (payd,))


if __name__ == "__main__":
    sys.exit(main())
