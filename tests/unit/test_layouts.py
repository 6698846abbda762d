#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What journals and views hold stays readable: the layout of every numbered message and event and
of every state, the values of enums and flags, and the numbers of result codes only grow.

usage: test_layouts.py            compares schemas/*.toml with tests/unit/schemas/layouts.txt
       test_layouts.py --record   writes layouts.txt anew, if all that it holds still stands

A line of layouts.txt is a kind, a number or name, and what stands there in order. A field is
name:type, with ? if it is optional and @N if it was added as of version N (`since = N`)."""
import os
import sys
import unittest
from pathlib import Path

ROOT = Path(os.environ.get("SOURCE_ROOT", Path(__file__).resolve().parent.parent.parent))
RECORD = ROOT / "tests" / "unit" / "schemas" / "layouts.txt"
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "schemas"))
from generator import declarations  # noqa: E402


def field(f):
    text = f"{f.name}:{f.type}" + (f":{f.argument}" if f.argument else "")
    return text + ("?" if f.optional else "") + (f"@{f.since}" if f.since > 1 else "")


def declared():
    """Everything that is written down by its place or number: (kind, name) to a list of words."""
    schema = declarations.load([ROOT / "schemas"])
    lines = {}
    for m in schema.messages.values():
        key = ("message", f"{m.number:#06x}") if m.number else ("part", m.name)
        lines[key] = [field(f) for f in m.fields]
    for s in schema.states.values():
        lines[("state", s.name)] = [field(f) for f in s.fields]
    for what, values in (("enum", schema.enums), ("flags", schema.flags)):
        for name, value in values.items():
            lines[(what, name)] = list(value.values)
    for e in schema.errors:
        lines[("error", str(e.number))] = [e.name]
    return lines


def recorded():
    lines = {}
    if RECORD.exists():
        for line in RECORD.read_text(encoding="utf-8").splitlines():
            if line and not line.startswith("#"):
                kind, name, *words = line.split()
                lines[(kind, name)] = words
    return lines


def broken(before, now):
    """What an older journal or stored state, or a reader of it, would take wrongly."""
    for (kind, name), words in before.items():
        today = now.get((kind, name))
        if today is None:
            yield f"{kind} {name} is gone: journals may hold it"
        elif today[:len(words)] != words:
            yield f"{kind} {name} was [{' '.join(words)}]; what is there may not change or move"
        elif kind in ("message", "part", "state"):
            for added in today[len(words):]:
                if "@" not in added:
                    yield f"{kind} {name}: {added} is new and needs `since`"


class Layouts(unittest.TestCase):
    def test_what_was_written_is_still_read(self):
        self.assertEqual([], list(broken(recorded(), declared())))

    def test_what_is_declared_is_recorded(self):
        before = recorded()
        new = [" ".join(key) for key, words in declared().items() if before.get(key) != words]
        self.assertEqual([], new, "run tests/unit/test_layouts.py --record and commit layouts.txt")


def record():
    now = declared()
    wrong = list(broken(recorded(), now))
    if wrong:
        sys.exit("\n".join(wrong))
    head = ["# SPDX-License-Identifier: Apache-2.0",
            "# Written by tests/unit/test_layouts.py --record; the test compares. Only ever grows."]
    lines = [" ".join((kind, name, *words)) for (kind, name), words in sorted(now.items())]
    RECORD.write_text("\n".join(head + lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1:] == ["--record"]:
        record()
    else:
        unittest.main()
