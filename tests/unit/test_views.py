#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The tables that the migrations create are those that the declarations promise: columns, their
order, types and nulls, primary key and indexes."""
import os
import re
import sqlite3
import sys
import unittest
from pathlib import Path

ROOT = Path(os.environ.get("SOURCE_ROOT", Path(__file__).resolve().parent.parent.parent))
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "schemas"))
from generator import declarations, structs  # noqa: E402

TYPES = {"UINT": "INTEGER", "U128": "ANY", "ID": "BLOB", "TEXT": "TEXT", "BYTES": "BLOB"}


def declared_type(column):
    return TYPES[structs.VALUES.get(column.type, ("UINT",))[0]]


def declared(view):
    """(columns, key, indexes) of a view's table."""
    own = set(view.key).union(*view.indexes.values())
    columns = [(c.name, declared_type(c), not c.optional) for c in view.columns
               if not view.packed or c.name in own]
    if view.packed:
        columns.append(("rest", "BLOB", True))
    indexes = {f"{view.name}_{name}": over for name, over in view.indexes.items()}
    return columns, view.key, indexes


def created(database, table):
    """The same of a table."""
    info = database.execute(f"PRAGMA table_info({table})").fetchall()
    columns = [(name, kind, bool(not_null)) for _, name, kind, not_null, _, _ in info]
    key = [row[1] for row in sorted((r for r in info if r[5]), key=lambda r: r[5])]
    indexes = {}
    for _, name, _, origin, _ in database.execute(f"PRAGMA index_list({table})").fetchall():
        if origin == "c":
            indexes[name] = [r[2] for r in database.execute(f"PRAGMA index_info({name})")]
    return columns, key, indexes


class Sqlite(unittest.TestCase):
    def setUp(self):
        self.database = sqlite3.connect(":memory:")
        for file in sorted((ROOT / "sql" / "sqlite").glob("*_views_*.sql")):
            self.database.executescript(file.read_text(encoding="utf-8"))
        build = (ROOT / "schemas" / "meson.build").read_text(encoding="utf-8")
        services = re.findall(r"'(\w+)'", re.search(r"services = \[(.*?)\]", build, re.S).group(1))
        self.views = declarations.load([ROOT / "schemas"], services).views

    def tearDown(self):
        self.database.close()

    def test_tables_are_as_declared(self):
        self.assertTrue(self.views)
        for view in self.views.values():
            with self.subTest(view.name):
                columns, key, indexes = created(self.database, view.name)
                wanted_columns, wanted_key, wanted_indexes = declared(view)
                self.assertEqual(columns, wanted_columns)
                self.assertEqual(key, wanted_key)
                self.assertEqual(indexes, wanted_indexes)


if __name__ == "__main__":
    unittest.main()
