#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Audits a journal without a line of the platform's code: written from sql/sqlite/README.md alone,
with nothing but Python's standard library and the declarations in schemas/.

usage: audit_journal.py [--find WORD] [--anchor LOG] DATA_DIRECTORY
                        also of a payd that runs; nothing is written there
       audit_journal.py --help

Checks hash, place and chain of every batch, that each record names who asked for it, that shards
have taken from each other what was sent, once and in order, and that an answer which came later
belongs to a request. Moves the money of every account as the events say, prints the sums of each
currency, which payctl ledger trial-balance must show too, and what is under way: sends not yet
taken or parked, requests without an answer. With --find it also says in which batches something is
spoken of: an id like pay_..., the X-Request-Id of a request, a user; payctl ledger show-batch shows
them. With --anchor the journal is also held against what was noted of it before: LOG has lines of
payd's log, kept elsewhere, and each with "event":"journal_head" names a batch and its hash.
Exit code 0: all holds; 1: something does not; 2: there is no journal.
"""
import array
import contextlib
import hashlib
import json
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
PLACE_BITS = 24  # a place: the number of the batch, then that of the item in it
STRETCH = 1024  # rows of batches of which the index speaks together
KEEP_NS = 31 * 86400 * 10**9  # so long a key has its outcome
SEND_PARKED, SEND_UNPARKED = 4090, 4091  # events of the runtime, which no schema declares
SIDES = {1: "debit", 2: "credit"}  # of a transfer between shards: which one is in the shard
PENDING, VOID_PENDING = 2, 8  # flags of transfers
HOME, AWAY = 1, 2  # sides of one between two shards: where it is at home, and the other
DEBIT_HERE, CREDIT_HERE, DECIDED_HERE = 1, 2, 4  # of a transfer of a group: its ends
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
        self.halves = {}  # pending transfer between shards, side: its event, what is held there
        self.kept = {}  # transfer between shards, account: what it keeps aside for it
        self.transit = {}  # currency: the counters of all accounts of money in transit
        self.crossing = {}  # transfer between shards: what is decided and not followed
        self.shares = {}  # of a group: what each account of a shard keeps aside for it
        self.legs = {}  # transfer of a group: what stands in transit for it, and its amount

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

    def half(self, event, kind, units):
        """What the account of a transfer that is in this shard does, against money in transit."""
        side, other = SIDES[event["side"]], SIDES[3 - event["side"]]
        account, currency = event[f"{side}_account_id"], event["currency"]
        require(self.currencies[account] == currency, "it crosses in another currency")
        transit = self.transit.setdefault(currency, dict.fromkeys(COUNTERS, 0))
        for counters, name in ((self.accounts[account], side), (transit, other)):
            counters[f"{name}s_{kind}"] += units
            require(counters[f"{name}s_{kind}"] >= 0, f"account {account.hex()} lets too much go")
        return account

    @staticmethod
    def aside(event):
        """What is kept aside: of a post nothing, for its pending transfer holds it."""
        return 0 if event.get("pending_id") is not None else amount(event["amount"])

    def let_go(self, transfer, account):
        event = self.kept.pop((transfer, account))
        return self.half(event, "pending", -self.aside(event))

    def decided(self, event, units):
        """Where it is decided, or, with the time of that, where it is followed."""
        followed = event.get("decided_time") is not None
        known = self.crossing.get(event["id"], 0)
        self.crossing[event["id"]] = known + (-units if followed else units)

    def count(self, event):
        self.transfers[event["currency"]] = self.transfers.get(event["currency"], 0) + 1

    def cross(self, event):
        pending = event["flags"] & PENDING != 0
        units = amount(event["amount"])
        account = self.half(event, "pending" if pending else "posted", units)
        if pending:
            self.halves[event["id"], event["side"]] = [event, units]
        else:
            self.decided(event, units)
        if event.get("decided_time") is not None:
            self.let_go(event["id"], account)
            self.count(event)

    def end_half(self, pending, side, units):
        """So much goes back. Returns what it was made with, and what is held then."""
        made = self.halves[pending, side]
        made[1] -= units
        self.half(made[0], "pending", -units)
        return made

    def resolve_half(self, event, side):
        """Home alone voids; a post is made in the other shard, and then followed at home."""
        moved = amount(event["amount"])
        made, held = self.end_half(event["pending_id"], side, moved + amount(event["released"]))
        require(held == amount(event["remaining"]), "a wrong half of a hold")
        account = self.half(made, "posted", moved)
        self.decided(event, moved)
        if event.get("decided_time") is not None:
            self.let_go(event["id"], account)
        if side == HOME:
            self.count(event)

    def share(self, kept, sign):
        """Accounts keep aside on both sides, against money in transit, or let it go."""
        for account, _, debits, credits in kept:
            transit = self.transit.setdefault(self.currencies[account], dict.fromkeys(COUNTERS, 0))
            for side, other, units in (("debits", "credits", debits),
                                       ("credits", "debits", credits)):
                for counters, name in ((self.accounts[account], side), (transit, other)):
                    counters[f"{name}_pending"] += sign * amount(units)
                    require(counters[f"{name}_pending"] >= 0, "a group lets too much go")

    def leg(self, event):
        """A transfer of a group: accounts that are elsewhere are stood for by money in transit."""
        ends, units, currency = event["ends"], amount(event["amount"]), event["currency"]
        passes = ends & DECIDED_HERE and event["debit_peer"] != event["credit_peer"]
        if not ends & (DEBIT_HERE | CREDIT_HERE) and not passes:
            return
        transit = self.transit.setdefault(currency, dict.fromkeys(COUNTERS, 0))
        held, _ = self.legs.get(event["id"], (0, 0))
        for side, here, sign in (("debit", DEBIT_HERE, 1), ("credit", CREDIT_HERE, -1)):
            account = event[f"{side}_account_id"]
            require(not ends & here or self.currencies[account] == currency,
                    "a transfer of a group is in another currency")
            (self.accounts[account] if ends & here else transit)[f"{side}s_posted"] += units
            held += 0 if ends & here else sign * units
        self.legs[event["id"]] = held, units
        if ends & DEBIT_HERE:
            self.transfers[currency] = self.transfers.get(currency, 0) + 1

    def hold(self, event):
        """A pending transfer of a group: of both accounts, or of the one that is here."""
        ends = event["ends"] & (DEBIT_HERE | CREDIT_HERE)
        if ends == DEBIT_HERE | CREDIT_HERE:
            self.held[event["id"]] = [*self.transfer(event, "pending"), amount(event["amount"])]
            return
        made = {**event, "side": HOME if ends == DEBIT_HERE else AWAY}
        self.halves[event["id"], made["side"]] = [made, amount(event["amount"])]
        self.half(made, "pending", amount(event["amount"]))
        if ends == DEBIT_HERE:
            self.count(event)

    def check(self):
        """What is in transit is what one shard has decided and another not followed."""
        require(all(units >= 0 for units in self.crossing.values()), "followed, but not decided")
        held = sum(transit["debits_posted"] - transit["credits_posted"]
                   for transit in self.transit.values())
        require(all(abs(units) in (0, most) for units, most in self.legs.values()),
                "a transfer of a group moved something else than was decided")
        require(held == sum(self.crossing.values()) + sum(units for units, _ in self.legs.values()),
                "other money in transit than what crosses")

    def apply(self, name, event):
        """Other events than these move no money."""
        if name == "account_opened":
            self.accounts[event["account_id"]] = dict.fromkeys(COUNTERS, 0)
            self.currencies[event["account_id"]] = event["currency"]
        elif name == "transfer_posted":
            self.transfer(event, "posted")
        elif name == "transfer_pending":
            self.held[event["id"]] = [*self.transfer(event, "pending"), amount(event["amount"])]
        elif name == "transfer_resolved" and event["pending_id"] not in self.held:
            home = event["flags"] & VOID_PENDING or event.get("decided_time") is not None
            self.resolve_half(event, HOME if home else AWAY)
        elif name == "transfer_resolved":
            debit, credit = self.transfer(event, "posted")
            held = self.held[event["pending_id"]]
            gone = amount(event["amount"]) + amount(event["released"])
            require(held == [debit, credit, gone + amount(event["remaining"])], "a wrong hold")
            held[2] -= gone
            self.move(debit, credit, "pending", -gone)
        elif name == "transfer_half_ended":
            self.end_half(event["pending_id"], AWAY, amount(event["released"]))
        elif name == "transfer_expired" and event["pending_id"] not in self.held:
            self.end_half(event["pending_id"], HOME, self.halves[event["pending_id"], HOME][1])
        elif name == "transfer_expired":
            debit, credit, units = self.held.pop(event["pending_id"])
            self.move(debit, credit, "pending", -units)
        elif name == "transfer_reserved":
            account = self.half(event, "pending", self.aside(event))
            require((event["id"], account) not in self.kept, "keeps aside twice")
            self.kept[event["id"], account] = event
        elif name == "transfer_released":
            self.let_go(event["id"], event["account_id"])
        elif name == "transfer_crossed":
            self.cross(event)
        elif name == "group_reserved":
            require(event["share_id"] not in self.shares, "a group keeps aside twice")
            self.shares[event["share_id"]] = event["kept"]
            self.share(event["kept"], 1)
        elif name == "group_released":
            self.share(self.shares.pop(event["share_id"]), -1)
        elif name == "leg_posted":
            self.leg(event)
        elif name == "leg_held":
            self.hold(event)

    def sums(self, number, mine):
        """Of these accounts, and on one side what is in transit: what both sides have is turnover
        of no account."""
        transit = self.transit.get(number, dict.fromkeys(COUNTERS, 0))
        for name in COUNTERS:
            side, _, kind = name.partition("_")
            other = transit[f"{'credits' if side == 'debits' else 'debits'}_{kind}"]
            yield name, (sum(counters[name] for counters in mine)
                         + max(0, transit[name] - other))

    def totals(self):
        """By currency code: the counters of all accounts, in its decimals, and what there is."""
        found = {}
        for code, currency in declared("currency").items():
            number, decimals = currency["number"], currency["decimals"]
            mine = [counters for account, counters in self.accounts.items()
                    if self.currencies[account] == number]
            if mine:
                found[code] = {name: decimal(units, decimals)
                               for name, units in self.sums(number, mine)}
                found[code]["account_count"] = len(mine)
                found[code]["transfer_count"] = self.transfers.get(number, 0)
        return found


class Sends:
    """What shards have sent, and what they have taken; which requests wait for what was sent."""

    def __init__(self):
        self.sent, self.taken = {}, {}  # (from, to or None: all), (from, to all, to): their marks
        self.parked = {}  # (shard, id): how often
        self.open, self.closed = {}, {}  # (shard, ask): its fingerprint; when it was answered
        self.waiting, self.attached = set(), {}  # (shard, key); (shard, ask): key, print of each

    def send(self, shard, receiver, place, part):
        digest = hashlib.sha256(part).digest()[:8]
        self.sent.setdefault((shard, receiver), array.array("Q")).extend(
            (place, int.from_bytes(digest, "big")))

    def take(self, shard, stream, number, place, digest):
        marks = self.taken.setdefault((stream >> 1, bool(stream & 1), shard), array.array("Q"))
        require(number == len(marks) // 2 + 1, f"takes send {number} of shard {stream >> 1}, "
                                               f"not {len(marks) // 2 + 1}")
        marks.extend((place, digest))

    def park(self, shard, number, fields, taken):
        """An event: fields begin with the number of their form, or of what is gone with the id."""
        name = fields[1] if number == SEND_PARKED else fields[0]
        stream, count = struct.unpack(">QQ", name)
        if number == SEND_PARKED:
            require(taken and taken[1:3] == [stream, count], "parks a send that it does not take")
        require(((shard, name) in self.parked) == (number == SEND_UNPARKED),
                f"parks or lets go send {count} of stream {stream} twice")
        if number == SEND_PARKED:
            self.parked[shard, name] = True
        else:
            del self.parked[shard, name]

    def end(self, shard, part, time_ns, key, fingerprint):
        """[code, reply type, version, reply], ["o", ask], ["a", ask] or ["c", those four, ask,
        fingerprint, keys]."""
        if part[0] == "c":
            self.answer(shard, part, time_ns, key)
            return
        ask = shard, part[1] if part[0] == "o" else key
        require(ask not in self.open and ask not in self.waiting, "decides again what is open")
        if ask in self.closed:
            require(time_ns - self.closed.pop(ask) > KEEP_NS, "decides again what was answered")
        if part[0] == "o":
            require(key in (None, part[1]), "opens another key than its own")
            self.open[ask] = fingerprint
        if part[0] == "a":
            asked = shard, part[1]
            require(key is not None and asked in self.open, "waits for what nobody opened")
            self.waiting.add((shard, key))
            self.attached.setdefault(asked, []).extend((key, fingerprint))

    def answer(self, shard, part, time_ns, key):
        ask = shard, part[5]
        require(key is None and ask in self.open, "answers what nobody waits for")
        require(self.open.pop(ask) == part[6], "answers another request")
        if part[6] is not None:  # the id of what was refused may be used again
            self.closed[ask] = time_ns
        keys = part[7] or []
        told = [keys[i] for i in range(len(keys)) if i % 3 < 2]
        require(told == self.attached.pop(ask, []), "answers other keys than wait")
        for waited in told[::2]:
            self.waiting.remove((shard, waited))
            self.closed[shard, waited] = time_ns

    def check(self):
        """Was all that was taken sent? After the last batch."""
        for (sender, to_all, receiver), taken in self.taken.items():
            sent = self.sent.get((sender, None if to_all else receiver), array.array("Q"))
            both = f"shard {receiver} has taken {len(taken) // 2} sends of shard {sender}"
            require(len(taken) <= len(sent), f"{both}, which has only {len(sent) // 2}")
            if sent[:len(taken)] != taken:
                first = next(i for i, mark in enumerate(taken) if mark != sent[i]) // 2
                raise Damage(f"{both}, but its send {first + 1} is another")

    def under_way(self, shards):
        """Lines about what has not come to its end."""
        for (sender, receiver), sent in sorted(self.sent.items(), key=str):
            for to in shards if receiver is None else [receiver]:
                taken = self.taken.get((sender, receiver is None, to), ())
                if len(taken) < len(sent):
                    yield f"shard {sender}: {(len(sent) - len(taken)) // 2} sends not taken by {to}"
        for name, things in (("parked sends", self.parked), ("requests without answer", self.open)):
            for shard in shards:
                if count := sum(1 for place, _ in things if place == shard):
                    yield f"shard {shard}: {count} {name}"


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


class Places:
    """Where the batches stand, and what the index must say of it: of full stretches."""

    def __init__(self):
        self.rows, self.stretch, self.lines = 0, {}, []

    def add(self, row, shard, seq):
        self.rows = row
        self.stretch.setdefault(shard, []).append((seq, row))
        if row % STRETCH == 0:
            for number, places in self.stretch.items():
                offsets = b"".join(struct.pack(">H", at - places[0][1]) for _, at in places)
                self.lines.append((number, *places[0], offsets))
            self.stretch = {}

    def check(self, lines):
        require(lines == sorted(self.lines), "the index does not tell where the batches stand")


class Audit:
    """All that is known so far."""

    def __init__(self, search, anchors=None):
        self.books, self.sends, self.search = Books(), Sends(), search
        self.anchors = anchors or {}  # by shard and batch: hashes that were noted
        self.heads = {}  # by shard: the newest batch, its hash and epoch, time of the last record
        self.places = Places()
        self.events = {event["number"]: (name, [field["name"] for field in event["fields"]])
                       for name, event in declared("event").items()}
        self.events |= {SEND_PARKED: ("send_parked", []), SEND_UNPARKED: ("send_unparked", [])}

    def record(self, unpacker, place, head, last_ns):
        """What comes after its begin: ["t", from, n, place, hash] if it handles a send; events as
        [number, fields] and sends as ["s", to, ...]; its end. Lengths and letters tell them apart.
        Returns the events and the place of what comes next."""
        shard, (time_ns, key, fingerprint), told, taken = self.search.place[0], head[:3], [], None
        require(time_ns > last_ns, "a time that is not later than the one before")
        while True:
            begin = unpacker.at
            part = unpacker.value()
            if part[0] == "t":
                require(not told and taken is None, "a mark that is not at the begin of its record")
                taken = part
                self.sends.take(shard, *part[1:])
            elif part[0] == "s":
                require(len(part) == 7, "a send of another form")
                self.sends.send(shard, part[1], place, unpacker.data[begin:unpacker.at])
                place += 1
            elif len(part) == 2 and part[0] not in ("o", "a"):
                place += 1
                name, fields = self.events[part[0]]
                self.books.apply(name, dict(zip(fields, part[1])))
                told.append((name, part[1]))
                if part[0] in (SEND_PARKED, SEND_UNPARKED):
                    self.sends.park(shard, *part, taken)
            else:
                require(len(part) == {"o": 2, "a": 2, "c": 8}.get(part[0], 4),
                        "a record without an end")
                self.sends.end(shard, part, head[0], key, fingerprint)
                return told, place

    def body(self, body, count, last_ns):
        """Returns the time of the last record. A record begins with [time, key, fingerprint, wide,
        principal, request]."""
        unpacker, principals, records = Unpacker(body), Principals(), 0
        place = self.search.place[1] << PLACE_BITS
        require(unpacker.value() == SCHEMA_VERSION, "another schema version")
        while unpacker.at < len(body):
            head = unpacker.value()
            principal = principals.take(head[4], self.books.records_by)
            told, place = self.record(unpacker, place + 1, head, last_ns)
            last_ns = head[0]
            self.search.record(records, principal, head[5], told)
            records += 1
        require(records == count, f"{records} records, not {count}")
        return last_ns

    def batch(self, row, shard, seq, epoch, count, prev_hash, found, body):
        before, hash_before, epoch_before, last_ns = self.heads.get(shard, (0, bytes(32), 0, 0))
        head = struct.pack(">HQQQ", shard, seq, epoch, count)
        self.search.place = shard, seq
        try:
            require(seq == before + 1, f"follows batch {before}")
            require(row == self.places.rows + 1, f"stands in row {row} behind {self.places.rows}")
            require(epoch >= epoch_before, "has an older epoch than the one before")
            require(prev_hash == hash_before, "does not name the hash of the batch before")
            require(hashlib.sha256(head + prev_hash + body).digest() == found, "has another hash")
            require(self.anchors.get((shard, seq), {found}) == {found},
                    "has another hash than was noted of it")
            last_ns = self.body(body, count, last_ns)
        except (Damage, IndexError, KeyError, TypeError, ValueError, struct.error) as e:
            raise Damage(f"batch {seq} of shard {shard}: {e!r}") from e
        self.heads[shard] = (seq, found, epoch, last_ns)
        self.places.add(row, shard, seq)


def open_journal(data):
    """For reading only. A reader makes an index where there is a log; without one, nothing."""
    path = pathlib.Path(data, "journal.db").resolve()
    log = path.with_name("journal.db-wal")
    alone = not log.exists() or log.stat().st_size == 0
    return sqlite3.connect(path.as_uri() + ("?immutable=1" if alone else "?mode=ro"), uri=True)


def read_anchors(path):
    """What the lines of a log note of journals: by shard and batch the hashes."""
    anchors = {}
    with open(path, encoding="utf-8", errors="replace") as log:
        for line in log:
            with contextlib.suppress(ValueError, KeyError, TypeError):
                noted = json.loads(line)
                if noted["event"] == "journal_head":
                    anchors.setdefault((noted["shard"], noted["batch"]), set()).add(
                        bytes.fromhex(noted["hash"]))
    return anchors


def audit_whole(data, search=None, anchors=None):
    audited = Audit(search or Search(None), anchors)
    with contextlib.closing(open_journal(data)) as journal:
        journal.execute("BEGIN")  # of one moment
        for row in journal.execute("SELECT row, shard, seq, epoch, count, prev_hash, hash, body"
                                   " FROM batches ORDER BY row"):
            audited.batch(*row)
        audited.places.check(journal.execute(
            "SELECT shard, first_seq, first_row, rows FROM batch_index"
            " ORDER BY shard, first_seq").fetchall())
    for shard, seq in sorted(audited.anchors):
        require(seq <= audited.heads.get(shard, (0,))[0],
                f"batch {seq} of shard {shard}: was noted, and is not there")
    audited.sends.check()
    audited.books.check()
    return audited


def audit(data, search=None):
    """The books and, by shard, the newest batch and its hash."""
    audited = audit_whole(data, search)
    return audited.books, {shard: (head[0], head[1].hex())
                           for shard, head in audited.heads.items()}


def main():
    if sys.argv[1:] in (["--help"], ["-h"]):
        print(__doc__)
        return
    *words, data = sys.argv[1:] or [""]
    options = dict(zip(words[::2], words[1::2]))
    if not data or data.startswith("-") or len(words) != 2 * len(options) or \
            not set(options) <= {"--find", "--anchor"}:
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    if not pathlib.Path(data, "journal.db").is_file():
        print(f"{data} holds no journal.db", file=sys.stderr)
        sys.exit(2)
    search = Search(options.get("--find"))
    try:
        anchors = read_anchors(options["--anchor"]) if "--anchor" in options else {}
    except OSError as e:
        print(f"{options['--anchor']} cannot be read: {e.strerror}", file=sys.stderr)
        sys.exit(2)
    try:
        audited = audit_whole(data, search, anchors)
    except (Damage, sqlite3.Error) as e:
        sys.exit(f"damaged: {e}")
    books = audited.books
    for shard, head in audited.heads.items():
        print(f"shard {shard}: {head[0]} batches, the last with hash {head[1].hex()}")
    for line in audited.sends.under_way(sorted(audited.heads)):
        print(line)
    print(sum(books.records_by.values()), "records of", len(books.records_by), "principals")
    if "--anchor" in options:
        print(len(anchors), "batches are as they were noted")
    if "--find" in options:
        print(*search.found or [f"nothing speaks of {options['--find']}"], sep="\n")
    for code, total in books.totals().items():
        print(code, *(f"{name} {value}" for name, value in total.items()))


if __name__ == "__main__":
    main()
