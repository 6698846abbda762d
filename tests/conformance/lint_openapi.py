#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Lints the generated OpenAPI documents with @redocly/cli.

usage: lint_openapi.py WORK_FOLDER DOCUMENT...

The tool is pinned by package.json and package-lock.json beside this script and is installed once
into WORK_FOLDER. Leaves with 77 (skipped) where it cannot be installed.
"""
import filecmp
import os
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
SKIPPED = 77


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(SKIPPED)


def install(folder):
    """Returns the path of the tool; skips where there is none."""
    tool = folder / "node_modules" / ".bin" / "redocly"
    lock = folder / "package-lock.json"
    if tool.exists() and filecmp.cmp(lock, HERE / lock.name, shallow=False):
        return tool
    if not shutil.which("npm"):
        skip("npm is not installed")
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(HERE / name, folder / name)
    try:
        done = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
                              cwd=folder, capture_output=True, text=True, timeout=240, check=False)
    except subprocess.TimeoutExpired:
        skip("npm ci took more than 240 s")
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if "error" in line] or ["no message"]
        skip(f"npm ci failed: {lines[0]}")
    return tool


def main():
    folder, documents = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2:]
    tool = install(folder)
    environment = dict(os.environ, REDOCLY_TELEMETRY="off", REDOCLY_SUPPRESS_UPDATE_NOTICE="true")
    done = subprocess.run([tool, "lint", "--config", HERE / "redocly.yaml", "--format", "stylish",
                           *documents], env=environment, check=False)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
