#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Counts what the test runs of ./check gave and prints the closing line.

usage: tally.py STEPS BUILD_FOLDER...

Reads meson-logs/testlog.json of each folder (one JSON object a line) and STEPS, a file with one
line for each failed step that is not a test, such as a build. Prints failures and the reasons of
skips, those of rows of the acceptance table that are not built yet among them, then `N passed,
N failed` (`, N skipped` if any). Leaves with 1 if anything failed or nothing ran.
"""
import json
import pathlib
import re
import sys

PASSED = {"OK", "EXPECTEDFAIL"}
SKIPPED = {"SKIP"}
ROW = re.compile(r"^test_(.+) \([0-9.]+ s\) skipped: (row waits for .*)$", re.M)


def results(folder):
    """Yields (test name, result, reason) of one build folder; none if it never came to tests. A row
    that waits is a result of its own."""
    log = folder / "meson-logs" / "testlog.json"
    if not log.exists():
        return
    for line in log.read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        output = (entry.get("stdout", "") + entry.get("stderr", "")).strip().splitlines()
        name = entry["name"].split(":", 1)[-1]
        yield name, entry["result"], output[-1] if output else ""
        for row, reason in ROW.findall(entry.get("stdout", "")):
            yield f"{name}: {row}", "SKIP", reason


def main():
    failed = pathlib.Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()
    skipped, passed = [], 0
    for folder in map(pathlib.Path, sys.argv[2:]):
        for name, result, reason in results(folder):
            if result in PASSED:
                passed += 1
            elif result in SKIPPED:
                skipped.append(f"{folder.name}: {name}: {reason}")
            else:
                failed.append(f"{folder.name}: {name}: {result}")
    for line in skipped:
        print(f"skipped  {line}")
    for line in failed:
        print(f"FAILED   {line}")
    print(f"{passed} passed, {len(failed)} failed"
          + (f", {len(skipped)} skipped" if skipped else ""))
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
