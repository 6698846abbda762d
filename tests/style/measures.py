#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures what keeps the code ready to grow, and fails where a limit is passed.

usage: measures.py [--list]

Prints one line for each measure: what, limit, value. --list adds what stands behind the values that
say little alone: each call circle with the calls that tie it, each one-word name, each duplicate,
the longest functions and files. The product is measured: runtime, schemas without what is
generated, actors, gateway_bridge, bin.
"""
import collections
import math
import re
import statistics
import sys

import style

# -- limits ----------------------------------------------------------------------------------------

CALL_CIRCLES_MAX = 5
CALL_CIRCLE_FILES_MAX = 4
ONE_WORD_PERCENT_BELOW = 2
CHECKS_A_FUNCTION_MIN = 0.8
CHECKED_FOLDERS = ("runtime/actor", "runtime/journal", "runtime/shard", "runtime/dedup",
                   "actors/ledger")
FUNCTION_LINES_MEDIAN_MAX = 12
FUNCTION_LINES_P90_MAX = 25
FUNCTION_LINES_MAX = style.FUNCTION_LINES_MAX
C_FILE_LINES_MAX = 600
DUPLICATES_MAX = 0

DUPLICATE_LINES = 6
PRODUCT = ("runtime", "schemas", "actors", "gateway_bridge", "bin")


# -- reading ---------------------------------------------------------------------------------------

class Function:
    """A definition: its body is the lines between `{` and `}` in the first column."""

    def __init__(self, file, name, static, first, body):
        self.file, self.name, self.static, self.first, self.body = file, name, static, first, body


ENDED = re.compile(r"[;}]\s*$|^#")  # a line in front of a definition
ATTRIBUTE = re.compile(r"__attribute__\s*\(\(.*?\)\)|printf_like\s*\([^)]*\)")


def functions_of(file, code):
    """The functions that `code`, without comments, defines."""
    lines = code.splitlines()
    found, start = [], None
    for at, line in enumerate(lines):
        if line == "{":
            start = at
        elif line == "}" and start is not None:
            head = start - 1
            while head > 0 and lines[head - 1].strip() and not ENDED.search(lines[head - 1]):
                head -= 1
            signature = ATTRIBUTE.sub(" ", " ".join(lines[head:start]))
            name = re.search(r"(\w+)\s*\(", signature)
            if name:
                static = bool(re.search(r"\b(?:static|prefetching)\b", signature))
                found.append(Function(file, name.group(1), static, start + 1, lines[start + 1:at]))
            start = None
    return found


class Product:
    def __init__(self):
        self.files = [file for file in style.c_files(style.project_files())
                      if file.split("/")[0] in PRODUCT]
        self.code = {file: style.code_of(file) for file in self.files}
        self.functions = [f for file in self.files for f in functions_of(file, self.code[file])]


# -- call circles ----------------------------------------------------------------------------------

def unit_of(file):
    """A header is one with the source beside it."""
    return file.rsplit(".", 1)[0]


def calls_between(product):
    """(unit, unit called) -> names. Only what exactly one unit defines; a member's name, and so a
    callback in a struct, is no call: what was put there is not known."""
    owners = collections.defaultdict(set)
    for f in product.functions:
        owners[f.name].add((unit_of(f.file), f.static and f.file.endswith(".c")))
    home = {name: unit for name, places in owners.items() if len(places) == 1
            for unit, hidden in places if not hidden}
    edges = collections.defaultdict(set)
    for f in product.functions:
        own = unit_of(f.file)
        for name in re.findall(r"(?<![\w.>])(\w+)\s*\(", "\n".join(f.body)):
            if home.get(name, own) != own:
                edges[own, home[name]].add(name)
    return edges


def circles(edges):
    """Strongly connected sets of more than one unit (Tarjan), the largest first."""
    following = collections.defaultdict(list)
    for caller, called in edges:
        following[caller].append(called)
    index, low, stack, found = {}, {}, [], []

    def visit(unit):
        index[unit] = low[unit] = len(index)
        stack.append(unit)
        for called in following[unit]:
            if called not in index:
                visit(called)
                low[unit] = min(low[unit], low[called])
            elif called in stack:
                low[unit] = min(low[unit], index[called])
        if low[unit] == index[unit]:
            at = stack.index(unit)
            found.append(sorted(stack[at:]))
            del stack[at:]

    sys.setrecursionlimit(10000)
    for unit in list(following):
        if unit not in index:
            visit(unit)
    return sorted((c for c in found if len(c) > 1), key=len, reverse=True)


# -- duplicates ------------------------------------------------------------------------------------

NO_LOGIC = re.compile(
    r"(?:[{}()\[\];,\s]*|else|break;|continue;|return;|default:|case [\w: ]+:"
    r"|(?:static |const |struct |enum |unsigned )*\w+(?: \w+)?"
    r" \**\w+(?:\[[^\]]*\])?(?:, \**\w+)*;)")


def duplicates(product, folder):
    """Pairs of runs of DUPLICATE_LINES or more equal lines of logic: one pair for two functions."""
    seen = collections.defaultdict(list)
    for f in product.functions:
        if not f.file.startswith(folder):
            continue
        lines = [(at, " ".join(line.split())) for at, line in enumerate(f.body, f.first + 1)]
        logic = [(at, line) for at, line in lines if not NO_LOGIC.fullmatch(line)]
        for at in range(len(logic) - DUPLICATE_LINES + 1):
            run = logic[at:at + DUPLICATE_LINES]
            seen["\n".join(line for _, line in run)].append((f.file, f.name, run[0][0]))
    pairs = {}
    for places in seen.values():
        for one, other in zip(places, places[1:]):
            pairs.setdefault((one[:2], other[:2]), (one, other))
    return [pairs[key] for key in sorted(pairs)]


# -- the table -------------------------------------------------------------------------------------

class Table:
    def __init__(self):
        self.missed = 0

    def row(self, what, value, sign, limit, holds):
        self.missed += not holds
        shown = f"{value:.2f}" if isinstance(value, float) else str(value)
        print(f"{'ok' if holds else 'MISSED':<8} {what:<50} {shown:>6}   {sign} {limit}")

    def at_most(self, what, value, limit):
        self.row(what, value, "at most", limit, value <= limit)

    def at_least(self, what, value, limit):
        self.row(what, value, "at least", limit, value >= limit)

    def below(self, what, value, limit):
        self.row(what, value, "below", limit, value < limit)


def measure_circles(product, table):
    # FOLDER_USES allows no circle of folders by its form: one uses only those named above it.
    for folder in style.FOLDER_USES:
        style.folders_used(folder)
    table.at_most("circles of folders by includes", 0, 0)
    edges = calls_between(product)
    found = circles(edges)
    table.at_most("circles of files that call each other", len(found), CALL_CIRCLES_MAX)
    table.at_most("files of the largest", max(map(len, found), default=0), CALL_CIRCLE_FILES_MAX)
    for circle in found:
        yield f"circle of {len(circle)}: {', '.join(circle)}"
        for (one, other), names in sorted(edges.items()):
            if one in circle and other in circle:
                yield f"  {one} -> {other}: {', '.join(sorted(names))}"


def measure_names(product, table):
    local = [f for f in product.functions if f.static and f.file.endswith(".c")]
    short = [f for f in local if "_" not in f.name]
    table.below("one-word names of file-local functions, percent", 100 * len(short) / len(local),
                ONE_WORD_PERCENT_BELOW)
    for f in short:
        yield f"one word: {f.file}:{f.first}: {f.name}"


def measure_assertions(product, table):
    for folder in CHECKED_FOLDERS:
        files = [file for file in product.files if file.rsplit("/", 1)[0] == folder]
        count = sum(f.file in files for f in product.functions)
        checks = sum(len(re.findall(r"(?<!\w)check\(", product.code[file])) for file in files)
        table.at_least(f"assertions a function in {folder}", checks / count, CHECKS_A_FUNCTION_MIN)
        yield f"assertions: {folder}: {checks} in {count} functions"


def measure_lengths(product, table):
    longest = sorted(product.functions, key=lambda f: len(f.body), reverse=True)
    sizes = sorted(len(f.body) for f in longest)
    table.at_most("lines of a function, median", statistics.median_low(sizes),
                  FUNCTION_LINES_MEDIAN_MAX)
    table.at_most("lines of a function, 90th percentile", sizes[math.ceil(len(sizes) * 0.9) - 1],
                  FUNCTION_LINES_P90_MAX)
    table.at_most("lines of the longest function", sizes[-1], FUNCTION_LINES_MAX)
    files = sorted(((len(product.code[file].splitlines()), file) for file in product.files
                    if file.endswith(".c")), reverse=True)
    table.at_most("lines of the longest .c file", files[0][0], C_FILE_LINES_MAX)
    for f in longest[:5]:
        yield f"long function: {f.file}:{f.first}: {f.name}: {len(f.body)}"
    for lines, file in files[:5]:
        yield f"long file: {file}: {lines}"


def measure_duplicates(product, table):
    twice = duplicates(product, "actors/")
    table.at_most("duplicates in actors", len(twice), DUPLICATES_MAX)
    for one, other in twice:
        yield f"duplicate: {one[0]}:{one[2]} {one[1]}() ~ {other[0]}:{other[2]} {other[1]}()"


def main():
    product, table, behind = Product(), Table(), []
    for measure in (measure_circles, measure_names, measure_assertions, measure_lengths,
                    measure_duplicates):
        behind += measure(product, table)
    print(f"{table.missed} missed")
    if "--list" in sys.argv[1:]:
        print("\n".join(behind))
    return 1 if table.missed else 0


if __name__ == "__main__":
    sys.exit(main())
