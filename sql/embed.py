#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Turns the migrations of the embedded store into a C table.

usage: embed.py OUTPUT.c MIGRATION.sql ...

A file is named NNNN_journal_WHAT.sql (goes to journal.db) or NNNN_views_WHAT.sql (views.db). The
order is that of the names; numbers may be shared between the two databases, not within one. The
bytes are embedded as they are: their hash is what tells later that a file was changed.
"""
import pathlib
import re
import sys

NAME = re.compile(r"^([0-9]{4})_(journal|views)_[a-z0-9_]+\.sql$")
BYTES_PER_LINE = 16


def fail(why):
    sys.exit(f"embed.py: {why}")


def migrations(paths):
    """(name, database, bytes) in the order of application."""
    seen = {}
    for path in sorted(paths, key=lambda path: path.name):
        match = NAME.match(path.name)
        if not match:
            fail(f"{path.name}: not NNNN_journal_WHAT.sql or NNNN_views_WHAT.sql")
        place = (match.group(2), match.group(1))
        if place in seen:
            fail(f"{path.name}: number {place[1]} is taken by {seen[place]}")
        seen[place] = path.name
        content = path.read_bytes()
        if b"\0" in content:
            fail(f"{path.name}: contains a NUL byte")
        yield path.name, match.group(2), content


def array(number, content):
    """The bytes as numbers: a string literal may not be longer than 4,095 characters."""
    content += b"\0"
    lines = [f"static const unsigned char sql_{number}[] = {{"]
    for at in range(0, len(content), BYTES_PER_LINE):
        lines.append("    " + " ".join(f"0x{byte:02x}," for byte in
                                       content[at:at + BYTES_PER_LINE]))
    return lines + ["};", ""]


def main():
    if len(sys.argv) < 3:
        fail("usage: embed.py OUTPUT.c MIGRATION.sql ...")
    found = list(migrations([pathlib.Path(name) for name in sys.argv[2:]]))
    lines = ["/* Made by sql/embed.py; changes here are lost. */",
             '#include "runtime/store/sqlite/store_sqlite.h"', ""]
    for number, (_, _, content) in enumerate(found):
        lines += array(number, content)
    lines.append("const struct sqlite_migration sqlite_migrations[] = {")
    for number, (name, database, _) in enumerate(found):
        journal = "true" if database == "journal" else "false"
        lines.append(f'    {{"{name}", (const char *)sql_{number}, {journal}}},')
    lines += ["};", "", f"const uint32_t sqlite_migration_count = {len(found)};"]
    pathlib.Path(sys.argv[1]).write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
