#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""payctl against a running payd: every kind of command, its exit codes and its words.

Each function test_* is a scenario of its own; all share one payd, as tenants of their own names
where they would disturb each other.
"""
import csv
import fcntl
import io
import json
import os
import pathlib
import pty
import pwd
import random
import re
import struct
import subprocess
import sys
import tempfile
import termios
import time
import traceback

from payd import (COMMAND_S, PAYCTL, SHARDS, Payd, clean_environment, new_id, payctl, shard_of,
                  slot_of)


class Tool:
    """payctl with a socket and a tenant."""

    def __init__(self, payd, tenant=None):
        self.payd = payd
        self.socket = payd.data / "payd.sock"
        self.tenant = tenant

    def run(self, *words, code=0, stdin=None):
        return payctl(self.socket, *words, code=code, tenant=self.tenant, stdin=stdin)

    def said(self, *words):
        """What it says on stderr while it succeeds."""
        done = subprocess.run([PAYCTL, "--socket", self.socket, "--tenant", self.tenant or "",
                               *map(str, words)], capture_output=True, text=True,
                              timeout=COMMAND_S, check=True)
        return done.stderr

    def json(self, *words, **how):
        return json.loads(self.run(*words, "--json", **how))


def equal(found, expected):
    if found != expected:
        raise AssertionError(f"found {found!r} instead of {expected!r}")


def contains(text, *parts):
    for part in parts:
        if part not in text:
            raise AssertionError(f"{part!r} is not in {text!r}")



def accounts(tool, count=2, currency="USD"):
    """In one shard, as new_id() is; what lists and transactions cannot do over shards they do."""
    words = ("accounts", "create", currency, 1, "--account-id")
    return [tool.json(*words, new_id("acc"))["account_id"] for _ in range(count)]


# -- the declared commands ---------------------------------------------------------------------


def test_ping(tool):
    found = tool.json("ping")
    equal(found["ready"], True)
    contains(tool.run("ping"), "ready", "yes")


def test_accounts_and_transfers(tool):
    debit, credit = accounts(tool)
    made = tool.json("transfers", "create", debit, credit, "10.50", "USD")
    equal(made["amount"], "10.50")
    equal(tool.json("accounts", "show", credit)["balance"], "10.50")
    equal(tool.json("transfers", "show", made["transfer_id"])["status"], "posted")
    entries = tool.json("accounts", "history", credit)["entries"]
    equal({entry["by"] for entry in entries}, {"unix:" + pwd.getpwuid(os.getuid()).pw_name})
    equal([entry["kind"] for entry in entries], ["posted", "opened"])
    contains(tool.run("accounts", "list"), "account_id", debit, credit)
    contains(tool.run("accounts", "show", credit), "balance ", "10.50")


def test_wallets_and_payments(tool):
    payer = tool.json("wallets", "create", "USD", "--user-id", "ann")["wallet_id"]
    payee = tool.json("wallets", "create", "USD", "--user-id", "bob")["wallet_id"]
    tool.run("wallets", "fund", payer, "100.00")
    payment = tool.json("payments", "create", "--from-account", payer, "--to-account", payee,
                        "--amount", "25.00", "--currency", "USD")
    equal(tool.json("payments", "show", payment["payment_id"])["payment_id"],
          payment["payment_id"])
    equal(tool.json("wallets", "balance", payer)["available_balance"], "75.00")
    contains(tool.run("payments", "history", payment["payment_id"]), "payment")
    contains(tool.run("payments", "list"), payment["payment_id"])
    contains(tool.run("wallets", "list"), payer, payee)
    contains(tool.run("wallets", "history", payer), "100.00", "25.00")


def test_a_key_makes_it_once(tool):
    debit, credit = accounts(tool)
    words = ("transfers", "create", debit, credit, "3.00", "USD", "--key", "rent-may")
    equal(tool.json(*words)["transfer_id"], tool.json(*words)["transfer_id"])
    contains(tool.said(*words), "this key was used before: nothing was done again")
    equal(tool.json("accounts", "show", credit)["balance"], "3.00")
    other = [word if word != "3.00" else "4.00" for word in words]
    contains(tool.run(*other, code=1), "key_reused")


def test_tenants_have_their_own(tool):
    tool.run("wallets", "create", "USD")
    equal(len(tool.json("wallets", "list")["wallets"]), 1)
    equal(tool.json("wallets", "list", "--tenant", "stranger"), {"wallets": []})
    debit, credit = accounts(tool)
    made = tool.json("transfers", "create", debit, credit, "1.00", "USD")["transfer_id"]
    listed = tool.json("accounts", "list")["accounts"]
    equal(len({account["tenant_id"] for account in listed}), 1)
    contains([account["account_id"] for account in listed], debit, credit)
    equal([t["transfer_id"] for t in tool.json("transfers", "list")["transfers"]], [made])
    equal(tool.json("ledger", "trial-balance")["lines"][0]["debits_posted"], "1.00")
    for nobodys in (("accounts", "list"), ("transfers", "list")):
        [items] = tool.json(*nobodys, "--tenant", "stranger").values()
        equal(items, [])
        equal(tool.run(*nobodys, "--tenant", "a stranger\x1b"),
              "(none of the tenant a stranger\\u001b)\n")
    tool.tenant = None
    tool.run("accounts", "create", "USD", 1)
    everybodys = tool.json("transfers", "list", "--limit", 100)["transfers"]
    contains([t["transfer_id"] for t in everybodys], made)
    listed = tool.json("accounts", "list", "--limit", 100)["accounts"]
    equal(len({account["tenant_id"] for account in listed}) > 1, True)


def test_accounts_name_their_tenant(tool):
    """Also where who did something last, or opened it, was there for nobody's tenant."""
    wallet = tool.json("wallets", "create", "USD")["wallet_id"]
    tool.run("wallets", "fund", wallet, "1.00")
    [account] = accounts(tool, 1)
    tenant, tool.tenant = tool.tenant, None
    tool.run("accounts", "freeze", account)
    accounts(tool, 1)
    names = {a["account_id"]: a["tenant"]
             for a in tool.json("accounts", "list", "--limit", 1000)["accounts"]}
    equal((names[account], names["acc_" + wallet[4:]]), (tenant, tenant))
    contains(set(names.values()), tenant, "default")


# -- refusals ----------------------------------------------------------------------------------


def test_refusals_name_code_and_explanation(tool):
    [account] = accounts(tool, 1)
    text = tool.run("transfers", "create", account, account, "1.00", "USD", code=1)
    contains(text, "accounts_must_be_different", "cannot debit and credit the same account")
    equal(len(text.strip().splitlines()), 1)
    refusal = json.loads(tool.run("accounts", "show", new_id("acc"), "--json", code=1))
    equal(refusal["code"], "not_found")


def test_wrong_usage_names_the_field(tool):
    [account] = accounts(tool, 1)
    contains(tool.run("transfers", "create", account, account, "1.005", "USD", code=2),
             "--amount", "decimals")
    contains(tool.run("accounts", "show", "wal_1", code=2), "--account-id")
    contains(tool.run("accounts", "shw", code=2), "did you mean accounts show?")
    contains(tool.run("accounts", code=2), "One of: ")
    contains(tool.run("accounts", "create", "--curency", "USD", code=2), "--currency")


def test_no_payd_is_a_clear_line(tool):
    text = tool.run("ping", "--socket", "/nowhere/payd.sock", code=3)
    contains(text, "no payd listens at /nowhere/payd.sock", "./run")


# -- the operator's commands -------------------------------------------------------------------


def test_all_pages_of_a_list(tool):
    made = accounts(tool, 7)
    pages = tool.json("accounts", "list", "--all", "--limit", 3)
    equal(sorted(account["account_id"] for account in pages["accounts"]), sorted(made))
    equal("next_cursor" in pages, False)
    equal(tool.json("accounts", "list", "--all"), pages)
    first = tool.json("accounts", "list", "--limit", 3)
    rest = tool.json("accounts", "list", "--all", "--limit", 2, "--cursor", first["next_cursor"])
    equal(first["accounts"] + rest["accounts"], pages["accounts"])
    contains(tool.run("accounts", "list", "--count", "--limit", 2), "\n7 in all\n")
    contains(tool.run("accounts", "list", "--count", "--limit", 2, "--all"), "\n7 in all\n")
    counted = tool.json("accounts", "list", "--count", "--limit", 2, "--all")
    equal((len(counted["accounts"]), counted["total"], counted["total_exact"]), (7, 7, True))
    said = tool.run("accounts", "list", "--all", "--limit", 3)
    equal([said.count(account) for account in made], [1] * 7)
    equal("--cursor" in said, False)
    equal(tool.json("payments", "list", "--all"), {"payments": []})
    contains(tool.run("accounts", "show", made[0], "--all", code=2), "--all is for lists in pages")


def test_rows_for_a_spreadsheet(tool):
    user = 'Smith, "Ann"'
    made = [tool.json("wallets", "create", "USD", "--user-id", name)["wallet_id"]
            for name in (user, "=1+1", "-5", "bob")]
    text = tool.run("wallets", "list", "--csv", "--all", "--limit", 2)
    rows = list(csv.DictReader(io.StringIO(text)))
    equal({row["wallet_id"]: row["user_id"] for row in rows},
          dict(zip(made, (user, "'=1+1", "-5", "bob"))))
    equal({row["balance"] for row in rows}, {"0.00"})
    one = tool.said("wallets", "list", "--csv", "--limit", 2)
    contains(one, "there are more: --all, or --cursor ")
    header = tool.run("payments", "list", "--csv")
    equal((header.count("\n"), header.startswith("payment_id,")), (1, True))
    contains(tool.run("wallets", "list", "--csv", "--json", code=2), "choose one")
    contains(tool.run("wallets", "show", made[0], "--csv", code=2), "--csv is for lists")


def test_actors(tool):
    [account] = accounts(tool, 1)
    contains(tool.run("actors", "top", "--once"), "ledger", "mailbox")
    shown = tool.json("actors", "show", account)
    equal(shown["kind"], "account")
    contains(shown["state"], "[format: 1, tenant_id: 0x", "currency: 840", "debits_posted: 0")
    tool.run("actors", "suspend", account)
    equal(tool.json("actors", "show", account)["suspended"], True)
    contains(tool.run("accounts", "show", account, "--timeout", 1, code=1), "expired: ")
    tool.run("actors", "resume", account)
    tool.run("accounts", "show", account)
    tool.run("actors", "trace", account)
    equal(tool.json("actors", "show", account)["traced"], True)
    tool.run("actors", "untrace", account)
    unknown = new_id("acc")
    contains(tool.run("actors", "show", unknown, code=1), "not_found", f"actors show {unknown}")
    for word in ("show", "suspend", "resume", "trace", "untrace", "stop"):
        contains(tool.run("actors", word, "acc_wrong", code=1),
                 "invalid_field: --actor must be an id like acc_")
    contains(tool.run("actors", "top", "--limit", 101, code=2),
             "--limit must be a whole number from 1 to 100")
    contains(tool.run("actors", "top", "--once=x", code=2), "--once must be true or false")


def test_the_busiest_actors_come_first(tool):
    """Where no messages wait, those that changed last: not the ones that stand idle."""
    idle = accounts(tool)
    debit, credit = accounts(tool)
    tool.run("transfers", "create", debit, credit, "1.00", "USD")
    actors = tool.json("actors", "top", "--limit", 100)["actors"]
    order = [(actor["mailbox"], int(actor["changed_in_batch"])) for actor in actors]
    equal(order, sorted(order, reverse=True))
    home = shard_of(slot_of(debit), SHARDS)  # of two shards the numbers of batches tell nothing
    names = [actor["actor"] for actor in actors if not actor["actor"].startswith("acc_")
             or shard_of(slot_of(actor["actor"]), SHARDS) == home]
    equal({debit, credit} <= set(names[:4]), True)
    equal(names.index(debit) < min(names.index(account) for account in idle), True)


def test_dead_letters(tool):
    equal(tool.json("dead-letters", "list"), {"letters": [], "complete": True})
    contains(tool.run("dead-letters", "replay", 1, code=1), "not_found", "replay 1")
    contains(tool.run("dead-letters", "replay", 1, "--shard", SHARDS, code=1),
             "--shard must be less")


def test_store_status(tool):
    found = tool.json("store", "status")
    equal(found["store"], "sqlite")
    equal([shard["state"] for shard in found["shards"]], ["running"] * SHARDS)
    equal([shard.get("damaged_batch") for shard in found["shards"]], [None] * SHARDS)
    if int(found["shards"][0]["scrubs"]) not in (0, 1):  # 1 if the scenarios before took a minute
        raise AssertionError(f"scrubs: {found['shards'][0]['scrubs']}")
    if int(found["journal_bytes"]) <= 0:
        raise AssertionError("the journal has no size")


def test_tokens_are_revoked(tool):
    equal(tool.json("tokens", "revoke", "jti-1")["what"], "token")
    told = tool.json("tokens", "revoke-subject", "ann", "--tenant-name", "acme",
                     "--issued-before", "2020-01-01T00:00:00Z")
    equal((told["name"], told["tenant_name"], told["issued_before"]),
          ("ann", "acme", "2020-01-01T00:00:00Z"))
    contains(tool.run("tokens", "list"), "jti-1")
    contains(tool.run("tokens", "revoke-subject", "ann", "--issued-before",
                      "2100-01-01T00:00:00Z", code=1),
             "--issued-before must not be in the future")
    contains(tool.run("tokens", "revoke", "j" * 129, code=2), "--jti")


def test_words_of_all_kinds(tool):
    ann, bob = [tool.json("wallets", "create", "USD", "--user-id", user, "--metadata", "tier=gold",
                          "--metadata", "since=2020")["wallet_id"] for user in ("ann", "bob")]
    equal(tool.json("wallets", "show", ann)["metadata"], {"tier": "gold", "since": "2020"})
    tool.run("wallets", "fund", ann, "5.00", "--description", "Card top-up")
    tool.run("wallets", "transfer", ann, bob, "1.00", "--metadata=table=7", "--metadata=who=a=b")
    moved, funded = tool.json("wallets", "transactions", ann)["transactions"]
    equal((funded["description"], moved["metadata"]),
          ("Card top-up", {"table": "7", "who": "a=b"}))
    contains(tool.run("wallets", "fund", ann, "1.00", "--metadata", "tier", code=2), "--metadata")


def test_a_transaction_and_its_reversal(tool):
    rich, poor = accounts(tool)
    legs = [{"debit_account_id": rich, "credit_account_id": poor, "amount": amount,
             "currency": "USD"} for amount in ("1.00", "2.00")]
    made = tool.json("transactions", "create", "--legs", json.dumps(legs))
    back = tool.json("transactions", "reverse", made["transaction_id"])
    shown = tool.json("transactions", "show", made["transaction_id"])
    equal(shown["reversed_by_id"], back["transaction_id"])
    contains(tool.run("transactions", "reverse", made["transaction_id"], code=1),
             "already_reversed")


def test_help_and_completion(tool):
    contains(tool.run("help", "wallets"), "wallets fund", "wallets show")
    contains(tool.run("help", "walets", "fund", code=2), "did you mean wallets fund?")
    contains(tool.run("wallets", "fund", "--help"), "--wallet-id")
    contains(tool.run("help"), "wallets fund", "ledger verify", "Exit codes")
    contains(tool.run("help", "wallets", "fund"), "--wallet-id", "--key")
    equal(tool.run("wallets", "--help"), tool.run("help", "wallets"))
    contains(tool.run("walets", "fund", "-h", code=2), "did you mean wallets fund?")
    contains(" ".join(tool.run("help", "transactions", "create").split()),
             "Each is an object with debit_account_id, credit_account_id, currency; it may have")
    for shell in ("bash", "zsh", "fish"):
        contains(tool.run("completion", shell), "wallets", "verify")
    contains(tool.run("completion", "tcsh", code=2), "bash, zsh or fish")


# -- the ledger --------------------------------------------------------------------------------


def write_import(path, ids, transfers):
    lines = ["transfer_id,debit_account_id,credit_account_id,amount,currency"]
    lines += [f'{new_id("trf")},{ids[0]},{ids[1]},"0.10",USD' for _ in range(transfers)]
    lines += [f'{new_id("trf")},{ids[0]},{ids[0]},1.00,USD',
              f'{new_id("trf")},{ids[0]},{ids[1]},-1.00,USD']
    path.write_text("\n".join(lines) + "\n")


def test_output_that_cannot_be_written_is_no_success(tool):
    for where, reason in ((">/dev/full", "No space left"), (">&-", "Bad file descriptor")):
        done = subprocess.run(["sh", "-c", f'exec "$0" --socket "$1" ping {where}', PAYCTL,
                               str(tool.socket)], stderr=subprocess.PIPE, text=True,
                              timeout=COMMAND_S, check=False)
        equal(done.returncode, 1)
        contains(done.stderr, "payctl: io: the output cannot be written", reason)


def test_what_is_no_import_is_refused(tool):
    with tempfile.TemporaryDirectory() as folder:
        contains(tool.run("ledger", "import", folder, code=2), folder, "is a directory")
        contains(tool.run("ledger", "import", folder + "/none", code=2),
                 folder + "/none cannot be read: No such file")
        notes = pathlib.Path(folder, "notes.txt")
        notes.write_text("Dear all\n")
        contains(tool.run("ledger", "import", notes, code=2), 'line 1: the header names "Dear all"')
        marked = pathlib.Path(folder, "marked.csv")
        marked.write_text(f"\ufeffaccount_id,currency\n{new_id('acc')},USD\n", encoding="utf-8")
        equal(tool.json("ledger", "import", marked)["made"], 1)


def test_what_others_wrote_does_not_act_on_the_terminal(tool):
    """A header of a file that somebody sent; the same words with --json."""
    with tempfile.TemporaryDirectory() as folder:
        sent = pathlib.Path(folder, "sent.csv")
        sent.write_text("\x1b[2J\x9b31m\u202eDear all\n", encoding="utf-8")
        for words in ((), ("--json",)):
            said = tool.run("ledger", "import", sent, *words, code=2)
            contains(said, "\\u001b[2J\\u009b31m\\u202eDear all")
            equal(said.isascii() and said.rstrip("\n").isprintable(), True)
        user = "Z\u00fcrich \u6771"
        wallet = tool.json("wallets", "create", "USD", "--user-id", user)["wallet_id"]
        contains(tool.run("wallets", "show", wallet), user)


def test_help_names_the_fields_of_an_import(tool):
    said = " ".join(tool.run("help", "ledger", "import").split())
    found = [re.findall(r"\w+", list_) for list_ in re.findall(r": (id, [^.]*)\.", said)]
    equal(len(found), 2)
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder, "all.csv")
        for fields, count in zip(found, (14, 16)):
            equal(len(fields), count)
            file.write_text(",".join(fields) + "\n")
            equal(tool.json("ledger", "import", file)["refused"], 0)


def test_bench_names_its_limits(tool):
    for option, value, limits in (("accounts", 1, "2 to 10000000"), ("batch", 9000, "1 to 8192"),
                                  ("transfers", "x", "1 to 1000000000"),
                                  ("outstanding", 0, "1 to 64")):
        contains(tool.run("bench", f"--{option}", value, code=2), f"--{option} must be", limits)
    contains(tool.run("bench", "--currency", "ABC", code=2), "--currency")
    contains(tool.run("bench", "--shard", SHARDS, code=2), "--shard must be less than")


def test_a_refusal_shows_what_came_with_it(tool):
    wallet = tool.json("wallets", "create", "USD", "--user-id", "eve")["wallet_id"]
    contains(tool.run("wallets", "create", "USD", "--user-id", "eve", code=1), "wallet_exists",
             wallet)


def test_a_wallets_history_says_who_did_it(tool):
    wallet = tool.json("wallets", "create", "USD", "--user-id", "history")["wallet_id"]
    tool.run("wallets", "freeze", wallet, "--reason", "court order")
    operator = "unix:" + pwd.getpwuid(os.getuid()).pw_name
    equal([(e["type"], e["by"], e.get("reason")) for e in
           tool.json("wallets", "history", wallet)["events"]],
          [("frozen", operator, "court order"), ("opened", operator, None)])
    equal(tool.json("wallets", "transactions", wallet)["transactions"], [])
    contains(tool.run("wallets", "hold-history", wallet, new_id("hld"), code=1), "not_found")


def test_import_may_be_repeated(tool):
    ids = [new_id("acc") for _ in range(2)]
    transfers = 9000  # more than one message
    with tempfile.TemporaryDirectory() as folder:
        opened = pathlib.Path(folder, "accounts.jsonl")
        opened.write_text("".join(json.dumps({"id": i, "currency": "USD", "code": 3}) + "\n"
                                  for i in ids))
        equal(tool.json("ledger", "import", opened),
              {"made": 2, "already_there": 0, "refused": 0})
        moved = pathlib.Path(folder, "transfers.csv")
        write_import(moved, ids, transfers)
        text = tool.run("ledger", "import", moved, code=1)
        contains(text, f"line {transfers + 2}: ", "accounts_must_be_different",
                 f"line {transfers + 3}: amount", "invalid_field")
        equal(tool.json("accounts", "show", ids[1])["balance"], "900.00")
        tool.run("ledger", "import", moved, code=1)
        equal(tool.json("accounts", "show", ids[1])["balance"], "900.00")


def test_an_import_keeps_the_words_of_each_line(tool):
    ids = [new_id("acc") for _ in range(3)]
    with tempfile.TemporaryDirectory() as folder:
        opened = pathlib.Path(folder, "accounts.csv")
        opened.write_text("account_id,currency,name,owner,metadata\n" + "".join(
            f'{i},USD,Box {n},Ann {n},shelf={n}\n' for n, i in enumerate(ids)))
        equal(tool.json("ledger", "import", opened)["made"], 3)
        for number, account in enumerate(ids):
            shown = tool.json("accounts", "show", account)
            equal((shown["name"], shown["owner"], shown["metadata"]),
                  (f"Box {number}", f"Ann {number}", {"shelf": str(number)}))
        user = tool.payd.bank(tenant=tool.tenant).somebody()
        wallet = tool.json("wallets", "create", "USD", "--user-id", user)["wallet_id"]
        moved = pathlib.Path(folder, "transfers.jsonl")
        moves = [{"transfer_id": new_id("trf"), "debit_account_id": ids[0],
                  "credit_account_id": "acc_" + wallet[4:], "amount": "1.00", "currency": "USD",
                  "reason": f"Gift {number}"} for number in range(3)]
        moved.write_text("\n".join(map(json.dumps, moves)))
        equal(tool.json("ledger", "import", moved)["made"], 3)
        for move in moves:
            equal(tool.json("transfers", "show", move["transfer_id"])["reason"], move["reason"])
        moved.write_text(json.dumps({**moves[0], "transfer_id": new_id("trf"), "flags": "pending"}))
        contains(tool.run("ledger", "import", moved, code=1), "line 1: ", "managed",
                 f"managed_by {wallet}, use POST /wallets/{{wallet_id}}/holds")


def test_what_a_service_manages_is_left_to_it(tool):
    """The ledger's commands change neither a wallet's account nor a hold's transfer."""
    wallet = tool.json("wallets", "create", "USD", "--user-id", "managed")["wallet_id"]
    account = "acc_" + wallet[4:]
    funded = tool.json("wallets", "fund", wallet, "10.00")["transfer_id"]
    hold = tool.json("wallets", "hold", wallet, "1.00")["hold_id"]
    pending = "trf_" + hold[4:]
    for words in (("accounts", "freeze", account, "--reason", "audit"),
                  ("accounts", "close", account),
                  ("transfers", "reverse", funded),
                  ("transfers", "post", pending), ("transfers", "void", pending)):
        manager = hold if words[2] == pending else wallet
        contains(tool.run(*words, code=1), "managed", f'"managed_by":"{manager}"')
    equal(tool.json("wallets", "show", wallet)["status"], "active")
    equal([held["status"] for held in tool.json("wallets", "holds", wallet)["holds"]], ["held"])


def test_acts_of_operators_are_logged(tool):
    debit, credit = accounts(tool)
    tool.json("transfers", "create", debit, credit, "1.00", "USD")
    tool.json("accounts", "show", debit)  # which is no act
    user = "unix:" + pwd.getpwuid(os.getuid()).pw_name
    acts = [json.loads(line) for line in tool.payd.stderr.read_text().splitlines()
            if '"operator_act"' in line and tool.tenant in line]
    equal([(act["act"], act["by"]) for act in acts],
          [("account_create", user), ("account_create", user), ("transfer_create", user)])


def test_an_import_may_note_what_transfers_are_for(tool):
    debit, credit = accounts(tool)
    with tempfile.TemporaryDirectory() as folder:
        moved = pathlib.Path(folder, "transfers.jsonl")
        moves = [{"transfer_id": new_id("trf"), "debit_account_id": debit, "amount": "1.00",
                  "credit_account_id": credit, "currency": "USD", "description": f"Rent {n}",
                  "metadata": {"month": str(n), "a=b": "c, d"}} for n in range(3)]
        moved.write_text("\n".join(map(json.dumps, moves)))
        equal(tool.json("ledger", "import", moved)["made"], 3)
        for move in moves:
            shown = tool.json("transfers", "show", move["transfer_id"])
            equal((shown["description"], shown["metadata"]),
                  (move["description"], move["metadata"]))
        equal(tool.json("ledger", "import", moved)["already_there"], 3)
        moves[1]["description"] = "Rent of May"
        moved.write_text("\n".join(map(json.dumps, moves)))
        contains(tool.run("ledger", "import", moved, code=1), "line 2: " + moves[1]["transfer_id"],
                 "exists_with_different_description")
        table = pathlib.Path(folder, "transfers.csv")
        table.write_text("id,debit_account_id,credit_account_id,amount,currency,description,"
                         f"metadata\n{new_id('trf')},{debit},{credit},2.00,USD,Heating,month=5\n")
        equal(tool.json("ledger", "import", table)["made"], 1)
        shown = tool.json("transfers", "show", table.read_text().splitlines()[1].split(",")[0])
        equal((shown["description"], shown["metadata"]), ("Heating", {"month": "5"}))


def test_bench_makes_what_it_says(tool):
    tool.tenant = None  # then it has one of its own
    bank = tool.payd.bank()
    before = bank.get("/trial-balance").expect(200).json
    found = tool.json("bench", "--transfers", 20000, "--accounts", 100, "--batch", 1000)
    equal((found["transfers"], found["refused"]), (20000, 0))
    equal(bank.get("/trial-balance").expect(200).json, before)


def test_verify_while_it_runs(tool):
    found = tool.json("ledger", "verify")
    equal(found["state"], "passed")
    [total] = [t for t in found["totals"] if t["currency"] == "USD"]
    equal(total["debits_posted"], total["credits_posted"])
    equal(len(found["shards"][0]["hash"]), 64)
    equal(int(found["batches"]), sum(int(shard["batches"]) for shard in found["shards"]))


def events_of(batch):
    return [event for record in batch["records"] for event in record["events"]]


def test_a_batch_is_shown(tool):
    debit, credit = accounts(tool)
    made = tool.json("transfers", "create", debit, credit, "10.50", "USD")
    newest = tool.json("store", "status")["shards"][0]["committed"]
    batch = tool.json("ledger", "show-batch", newest)
    [event] = [e for e in events_of(batch) if e["event"] == "transfer_posted"]
    equal((event["fields"]["id"], event["fields"]["amount"], event["fields"]["currency"]),
          (made["transfer_id"], "10.50", "USD"))
    [record] = batch["records"]
    user = "unix:" + pwd.getpwuid(os.getuid()).pw_name
    equal((record["by"], record["tenant"], "client_id" in record, "token" in record),
          (user, tool.tenant, False, False))
    contains(record["request_id"], "req_")
    equal({"timeout_s", "effective_time", "reverses_id"} & event["fields"].keys(), set())
    before = tool.json("ledger", "show-batch", int(newest) - 1)
    equal((batch["seq"], batch["previous_hash"], batch["holds"]), (newest, before["hash"], True))
    contains(tool.run("ledger", "show-batch", newest), "transfer_posted", made["transfer_id"],
             "10.50", batch["hash"], "answered with transfer", user, record["request_id"])
    contains(tool.run("ledger", "show-batch", int(newest) + 1, code=1), f"from 1 to {newest}")
    contains(tool.run("ledger", "show-batch", newest, "--shard", SHARDS, code=1), "--shard")
    contains(tool.run("ledger", "show-batch", "first", code=2), "--batch", "number")


def test_a_batch_of_more_than_one_piece(tool):
    tool.tenant = None
    tool.run("bench", "--transfers", 4000, "--accounts", 50, "--batch", 4000)
    last = int(tool.json("store", "status")["shards"][0]["committed"])
    batch = tool.json("ledger", "show-batch", last)
    equal((batch["holds"], batch["size"] > 3 * 65536), (True, True))
    equal(len([e for e in events_of(batch) if e["event"] == "transfer_posted"]), 4000)


def in_terminal(tool, columns, *words):
    """What payctl shows in a terminal of `columns` columns."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {**clean_environment(), "PAYCTL_SOCKET": str(tool.socket),
                   "PAYCTL_TENANT": tool.tenant}
    with subprocess.Popen([PAYCTL, *words], stdout=its, env=environment) as running:
        os.close(its)
        said = b""
        try:
            while piece := os.read(ours, 65536):
                said += piece
        except OSError:  # the other end is closed
            pass
        equal(running.wait(COMMAND_S), 0)
    os.close(ours)
    return said.decode()


def test_tables_fit_the_terminal(tool):
    [account, _] = accounts(tool)
    for columns in (80, 120, 400):
        said = in_terminal(tool, columns, "accounts", "list", "--no-color")
        contains(said, account)
        equal(max(len(line) for line in said.splitlines()) <= columns, True)
        equal("narrowed" in said, columns < 400)
    wide = tool.run("accounts", "list")
    contains(wide, "user_data_128", "opened_time")
    equal("narrowed" in wide or "\u2026" in wide, False)


def test_the_usage_of_a_command_fits_the_terminal(tool):
    for words in (("transfers", "create"), ("payments", "create"), ("ping",)):
        usage = in_terminal(tool, 80, "help", *words).split("\r\n\r\n")[0]
        equal(max(len(line) for line in usage.splitlines()) <= 80, True)
        contains(usage, "usage: payctl " + " ".join(words))


def verify_when_stopped(payd, tool):
    contains(tool.run("ledger", "verify", "--data", payd.data, code=1), "leave --data out")
    [account] = accounts(tool, 1)
    tool.run("actors", "suspend", account)
    tool.run("accounts", "show", account, "--timeout", 1, code=1)  # waits, and is not in the way
    running = tool.json("ledger", "verify")
    equal(payd.stop(), 0)
    stopped = tool.json("ledger", "verify", "--data", payd.data)
    equal(stopped["totals"], running["totals"])
    equal(stopped["state"], "passed")
    last = stopped["shards"][0]
    batch = tool.json("ledger", "show-batch", last["batches"], "--data", payd.data)
    equal((batch["hash"], batch["holds"]), (last["hash"], True))
    beyond = int(last["batches"]) + 1
    contains(tool.run("ledger", "show-batch", beyond, "--data", payd.data, code=1),
             "newest is " + last["batches"])
    for directory in ("/nowhere", ""):
        contains(tool.run("ledger", "verify", "--data", directory, code=2),
                 f"payctl: --data names '{directory}', which holds no journal.db")
    contains(tool.run("ping", code=3), "no payd listens")


def main():
    if not os.path.exists(PAYCTL):
        print(f"skipped: no payctl at {PAYCTL}")
        return 77
    failed = 0
    with Payd() as payd:
        for name, scenario in list(globals().items()):
            if not name.startswith("test_"):
                continue
            try:
                scenario(Tool(payd, tenant=name))
                print(f"ok      {name}")
            except (AssertionError, KeyError, ValueError, subprocess.TimeoutExpired):
                failed += 1
                print(f"FAILED  {name}\n{traceback.format_exc()}\n{payd.log()}")
            if not payd.running():
                print(f"payd has left: {payd.log()}")
                return 1
        verify_when_stopped(payd, Tool(payd))
        print("ok      verify_when_stopped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
