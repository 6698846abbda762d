#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fetches the foreign parts of the documents, as assets.json pins them, with npm.

usage: assets.py OUTPUT_FOLDER

Each file is written to OUTPUT_FOLDER under its own name, with the texts replaced that assets.json
names for it: what would be asked of another site. Where npm is not installed, or nothing can be
fetched, the files are empty and a line says so: the documents are then the platform's own page
alone. A package with another content than the pinned one ends the build.
"""
import base64
import hashlib
import json
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
FETCH_S = 120


def fetched(folder, name, version):
    """The package's archive, or None with a line about why not."""
    if not shutil.which("npm"):
        print(f"assets.py: npm is not installed: no {name} in the documents", file=sys.stderr)
        return None
    try:
        done = subprocess.run(["npm", "pack", "--silent", "--prefer-offline", f"{name}@{version}"],
                              cwd=folder, capture_output=True, text=True, timeout=FETCH_S,
                              check=False)
    except subprocess.TimeoutExpired:
        done = None
    archives = list(folder.glob("*.tgz"))
    if done is None or done.returncode != 0 or len(archives) != 1:
        print(f"assets.py: npm cannot fetch {name} {version}: not in the documents",
              file=sys.stderr)
        return None
    return archives[0]


def pinned(archive, name, integrity):
    digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if integrity != f"sha512-{digest}":
        sys.exit(f"assets.py: {name} is sha512-{digest}, pinned is {integrity}")
    return archive


def content(archive, path, replaced):
    with tarfile.open(archive) as package:
        text = package.extractfile(f"package/{path}").read().decode()
    for old, new in replaced.items():
        if text.count(old) != 1:
            sys.exit(f"assets.py: {path} has {old} {text.count(old)} times")
        text = text.replace(old, new)
    return text


def main():
    output = pathlib.Path(sys.argv[1])
    for name, package in json.loads((HERE / "assets.json").read_text()).items():
        with tempfile.TemporaryDirectory() as folder:
            archive = fetched(pathlib.Path(folder), name, package["version"])
            if archive is not None:
                pinned(archive, name, package["integrity"])
            for path, replaced in package["files"].items():
                text = "" if archive is None else content(archive, path, replaced)
                (output / pathlib.PurePath(path).name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
