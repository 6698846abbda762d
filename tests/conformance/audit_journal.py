#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Audits a journal without a line of the platform's code: written from sql/sqlite/README.md alone,
with nothing but Python's standard library and the declarations in schemas/.

usage: audit_journal.py DATA_DIRECTORY         also of a payd that runs; nothing is written there
       audit_journal.py --find WORD DATA_DIRECTORY
       audit_journal.py --help

Checks hash, place and chain of every batch and that each record names who asked for it, moves the
money of every account as the events say, prints the sums of each currency, which payctl ledger
trial-balance must show too. With --find it also says in which batches something is spoken of:
an id like pay_..., the X-Request-Id of a request, a user; payctl ledger show-batch shows them.
Exit code 0: all holds; 1: something does not; 2: there is no journal.
"""
import contextlib
import hashlib
import pathlib
import sqlite3
import struct
import sys
import tomllib

SCHEMAS = pathlib.Path(__file__).resolve().parents[2] / "schemas"
SCHEMA_VERSION = 1
PLATFORM = [None, "system", None, None]
DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # of ids: 128 bits in 26 digits
ID_DIGITS = 26
COUNTERS = ("debits_pending", "debits_posted", "credits_pending", "credits_posted")


class Damage(Exception):
    pass


def require(holds, text):
    if not holds:
        raise Damage(text)


class Unpacker:
    """Values of https://msgpack.org, without the negative ones, floats and extensions."""

    SIZES = {0xC4: 1, 0xC5: 2, 0xC6: 4, 0xD9: 1, 0xDA: 2, 0xDB: 4, 0xDC: 2, 0xDD: 4, 0xDE: 2,
             0xDF: 4}
    INTEGERS = {0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8}

    def __init__(self, data):
        self.data = data
        self.at = 0

    def take(self, size):
        piece = self.data[self.at:self.at + size]
        require(len(piece) == size, "a value ends beyond the body")
        self.at += size
        return piece

    def value(self):
        tag = self.take(1)[0]
        if tag <= 0x7F:
            return tag
        if tag in (0xC0, 0xC2, 0xC3):
            return {0xC0: None, 0xC2: False, 0xC3: True}[tag]
        if tag in self.INTEGERS:
            return int.from_bytes(self.take(self.INTEGERS[tag]), "big")
        if tag in self.SIZES:
            size = int.from_bytes(self.take(self.SIZES[tag]), "big")
        elif tag <= 0xBF:
            size = tag & (0x1F if tag >= 0xA0 else 0x0F)
        else:
            raise Damage(f"{tag:#x} begins no value of a journal")
        if 0xC4 <= tag <= 0xC6:
            return self.take(size)
        if 0xA0 <= tag <= 0xBF or 0xD9 <= tag <= 0xDB:
            return self.take(size).decode()
        if tag <= 0x8F or tag >= 0xDE:
            return {self.value(): self.value() for _ in range(size)}
        return [self.value() for _ in range(size)]


def declared(what):
    """All that the declarations have of a kind, by name."""
    return {name: thing for file in SCHEMAS.glob("*.toml")
            for name, thing in tomllib.loads(file.read_text()).get(what, {}).items()}


def forms(word):
    """What the journal has for a word: itself, and if it is an id, 16 bytes."""
    digits = word.partition("_")[2]
    if len(digits) != ID_DIGITS or not set(digits) <= set(DIGITS):
        return {word}
    number = sum(DIGITS.index(digit) << 5 * i for i, digit in enumerate(reversed(digits)))
    return {word, (number & 2**128 - 1).to_bytes(16, "big")}


class Search:
    """The records that speak of a word, as they come by."""

    def __init__(self, word):
        self.wanted = forms(word) if word else set()
        self.place, self.found = None, []  # shard and batch that is read; lines

    def mentions(self, value):
        parts = [*value, *value.values()] if isinstance(value, dict) else value
        return (any(map(self.mentions, parts)) if isinstance(parts, list)
                else value in self.wanted)

    def record(self, number, principal, request, events):
        if self.wanted and self.mentions([principal, request, *(part for _, part in events)]):
            tenant, subject = principal[:2]
            said = ", ".join(name for name, _ in events) or "no event"
            self.found.append(f"shard {self.place[0]} batch {self.place[1]} record {number}: "
                              f"{said} by {subject} of {tenant}")


class Books:
    """What every account has, by the events alone."""

    def __init__(self):
        self.accounts, self.currencies = {}, {}  # id: its counters, its currency
        self.transfers = {}  # currency: how many
        self.records_by = {}  # tenant, subject: how many records are theirs
        self.held = {}  # pending transfer: account to debit, account to credit, what it holds

    def move(self, debit, credit, kind, units):
        for account, side in ((debit, "debits_"), (credit, "credits_")):
            counters = self.accounts[account]
            counters[side + kind] += units
            require(counters[side + kind] >= 0, f"account {account.hex()} gives back too much")

    def transfer(self, event, kind):
        """One that is new. Returns its accounts."""
        accounts = event["debit_account_id"], event["credit_account_id"]
        currency = event["currency"]
        require(all(self.currencies[account] == currency for account in accounts),
                "a transfer between accounts of another currency")
        self.transfers[currency] = self.transfers.get(currency, 0) + 1
        self.move(*accounts, kind, amount(event["amount"]))
        return accounts

    def apply(self, name, event):
        """Other events than these move no money."""
        if name == "account_opened":
            self.accounts[event["account_id"]] = dict.fromkeys(COUNTERS, 0)
            self.currencies[event["account_id"]] = event["currency"]
        elif name == "transfer_posted":
            self.transfer(event, "posted")
        elif name == "transfer_pending":
            self.held[event["id"]] = [*self.transfer(event, "pending"), amount(event["amount"])]
        elif name == "transfer_resolved":
            debit, credit = self.transfer(event, "posted")
            held = self.held[event["pending_id"]]
            gone = amount(event["amount"]) + amount(event["released"])
            require(held == [debit, credit, gone + amount(event["remaining"])], "a wrong hold")
            held[2] -= gone
            self.move(debit, credit, "pending", -gone)
        elif name == "transfer_expired":
            debit, credit, units = self.held.pop(event["pending_id"])
            self.move(debit, credit, "pending", -units)

    def totals(self):
        """By currency code: the counters of all accounts, in its decimals, and what there is."""
        found = {}
        for code, currency in declared("currency").items():
            number, decimals = currency["number"], currency["decimals"]
            mine = [counters for account, counters in self.accounts.items()
                    if self.currencies[account] == number]
            if mine:
                found[code] = {name: decimal(sum(counters[name] for counters in mine), decimals)
                               for name in COUNTERS}
                found[code]["account_count"] = len(mine)
                found[code]["transfer_count"] = self.transfers.get(number, 0)
        return found


def amount(value):
    """Numbers of more than 64 bits are 16 bytes."""
    return int.from_bytes(value, "big") if isinstance(value, bytes) else value


def decimal(units, decimals):
    text = str(units).rjust(decimals + 1, "0")
    return f"{text[:-decimals]}.{text[-decimals:]}" if decimals else text


class Principals:
    """Who asked for the records of a batch: named whole when they first appear, by number later."""

    def __init__(self):
        self.known = []

    def take(self, principal, by):
        if isinstance(principal, list):
            tenant, subject, client, token = principal
            require(isinstance(subject, str) and subject, "a record of nobody")
            require(tenant is not None or principal == PLATFORM, "a record of no tenant")
            require(client is not None or token is None, "a token of no client")
            self.known.append(principal)
        else:
            principal = self.known[principal]
        who = tuple(principal[:2])
        by[who] = by.get(who, 0) + 1
        return principal


def audit_body(body, count, last_ns, events, books, search):
    """Returns the time of the last event. A record is [time, key, fingerprint, wide, principal,
    request], then events as [number, fields], then [code, reply type, version, reply]: the lengths
    tell them apart."""
    unpacker = Unpacker(body)
    principals = Principals()
    require(unpacker.value() == SCHEMA_VERSION, "another schema version")
    records = 0
    while unpacker.at < len(body):
        time_ns, _key, _fingerprint, _wide, principal, request = unpacker.value()
        principal, told = principals.take(principal, books.records_by), []
        while len(part := unpacker.value()) == 2:
            require(time_ns > last_ns, "a time that is not later than the one before")
            last_ns, time_ns = time_ns, time_ns + 1
            name, fields = events[part[0]]
            books.apply(name, dict(zip(fields, part[1])))
            told.append((name, part[1]))
        require(len(part) == 4, "a record without an end")
        search.record(records, principal, request, told)
        records += 1
    require(records == count, f"{records} records, not {count}")
    return last_ns


def open_journal(data):
    """For reading only. A reader makes an index where there is a log; without one, nothing."""
    path = pathlib.Path(data, "journal.db").resolve()
    log = path.with_name("journal.db-wal")
    alone = not log.exists() or log.stat().st_size == 0
    return sqlite3.connect(path.as_uri() + ("?immutable=1" if alone else "?mode=ro"), uri=True)


def audit(data, search=None):
    """The books and, by shard, the newest batch and its hash."""
    with contextlib.closing(open_journal(data)) as journal:
        return audit_batches(journal, search or Search(None))


def audit_batches(journal, search):
    events = {event["number"]: (name, [field["name"] for field in event["fields"]])
              for name, event in declared("event").items()}
    books, heads = Books(), {}
    for row_key, shard, seq, epoch, count, prev_hash, found, body in journal.execute(
            "SELECT row_key, shard, seq, epoch, count, prev_hash, hash, body FROM batches"
            " ORDER BY row_key"):
        before, hash_before, epoch_before, last_ns = heads.get(shard, (0, bytes(32), 0, 0))
        head = struct.pack(">HQQQ", shard, seq, epoch, count)
        search.place = shard, seq
        try:
            require(seq == before + 1, f"follows batch {before}")
            require(row_key == shard * 2**47 + seq, f"stands at {row_key}")
            require(epoch >= epoch_before, "has an older epoch than the one before")
            require(prev_hash == hash_before, "does not name the hash of the batch before")
            require(hashlib.sha256(head + prev_hash + body).digest() == found, "has another hash")
            last_ns = audit_body(body, count, last_ns, events, books, search)
        except (Damage, IndexError, KeyError, TypeError, ValueError) as e:
            raise Damage(f"batch {seq} of shard {shard}: {e!r}") from e
        heads[shard] = (seq, found, epoch, last_ns)
    return books, {shard: (head[0], head[1].hex()) for shard, head in heads.items()}


def main():
    if sys.argv[1:] in (["--help"], ["-h"]):
        print(__doc__)
        return
    *options, data = sys.argv[1:] or [""]
    if not data or data.startswith("-") or (options and options[:-1] != ["--find"]):
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    if not pathlib.Path(data, "journal.db").is_file():
        print(f"{data} holds no journal.db", file=sys.stderr)
        sys.exit(2)
    search = Search(options[1] if options else None)
    try:
        books, heads = audit(data, search)
    except (Damage, sqlite3.Error) as e:
        sys.exit(f"damaged: {e}")
    for shard, (seq, newest) in heads.items():
        print(f"shard {shard}: {seq} batches, the last with hash {newest}")
    print(sum(books.records_by.values()), "records of", len(books.records_by), "principals")
    if options:
        print(*search.found or [f"nothing speaks of {options[1]}"], sep="\n")
    for code, total in books.totals().items():
        print(code, *(f"{name} {value}" for name, value in total.items()))


if __name__ == "__main__":
    main()
