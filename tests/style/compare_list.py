#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints the files on disk that a meson.build does not list, in one line.

usage: compare_list.py PATTERN [FILE...]

PATTERN is relative to the source root; FILEs are relative to the part of PATTERN without a star.
A listed file that is absent needs no check: the build fails on it.
"""
import os
import pathlib
import sys


def main():
    pattern, listed = sys.argv[1], set(sys.argv[2:])
    root = pathlib.Path(os.environ["MESON_SOURCE_ROOT"])
    folder = root / os.path.dirname(pattern.split("*")[0])
    on_disk = {str(path.relative_to(folder)) for path in root.glob(pattern)}
    print(" ".join(sorted(f"{folder.relative_to(root)}/{name}" for name in on_disk - listed)))


if __name__ == "__main__":
    main()
