#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests the tests: puts one small mistake after another into the code and sees who notices.

usage: mutate.py [--count N] [--seed S] [--file F]... [--at FILE:LINE]... [--operator O]...
                 [--jobs J] [--resume] [--again]
       mutate.py --sample N [--build FOLDER]     the known ones of sample.txt, as ./check does
       mutate.py --record N                      writes sample.txt from what the last runs killed
       mutate.py --list [--file F]...            the mutants, nothing is run

The mutants (mutants.py) of a file are compiled together, each in a copy of the function's body that
MUTATION_NOW switches on, so that each unit test, each fuzz test and the simulator (--seeds N) is
linked once. Of the tests that reach the function, quick ones and those that killed its neighbours
go first. The first that fails, aborts or does not end kills it. One that does not compile does not
count; one whose object equals the original's is equivalent, and so are those of equivalents.txt,
each of which has a reason there. Leaves with 1 if fewer than 97 in 100 of the others were killed.

The tree is copied to build-mutation/ and built there; nothing else is written. Results are kept in
build-mutation/results.jsonl under the mutated function's text: with --resume what was killed is not
tried again, and what survived only if tests/ has changed since; with --again nothing else is tried.
"""
import argparse
import collections
import concurrent.futures
import dataclasses
import functools
import hashlib
import json
import os
import pathlib
import random
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

import mutants

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SUBJECTS = ("actors", "runtime/journal", "runtime/actor", "runtime/shard", "runtime/sends",
            "runtime/dedup", "runtime/projector", "gateway_bridge/auth")
SUITES = {"unit", "fuzz"}
SCORE_LEAST = 97.0
MEMORY_MAX_KIB = 6 << 20  # a mutant that allocates without end stops itself, not the machine
# Which mutant a process has, and what it says of the functions that it reaches; in a file, for a
# test may fork, and abort.
SWITCH = """
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
int mutation_now;
void mutation_reached(const char *name);
__attribute__((constructor)) static void mutation_choose(void)
{
    const char *text = getenv("MUTATION_NOW");
    mutation_now = text == NULL ? 0 : atoi(text);
}
void mutation_reached(const char *name)
{
    int before = errno, fd = open(getenv("MUTATION_PROBE"), O_WRONLY | O_APPEND | O_CREAT, 0600);
    if (fd < 0 || write(fd, name, strlen(name)) < 0 || close(fd) != 0)
        abort();
    errno = before;
}
"""
PROBING = -1  # instead of a mutant's number
# What the objects are compiled with beyond their own command: quick, and without what would make
# the same code differ. Wrong types are errors, as in every build of the product.
COMPILE = ["-g0", "-O1", "-fdiagnostics-color=never", "-Wno-all", "-Wno-extra", "-Wno-conversion",
           "-Wno-shadow", "-Werror=int-conversion", "-Werror=incompatible-pointer-types",
           "-Werror=implicit-function-declaration"]
KILLED, SURVIVED, SAME, BROKEN = "killed", "survived", "same object", "does not compile"
REVIEWED = "equivalent"


# -- the lists: equivalents.txt, sample.txt --------------------------------------------------------

def read_list(name):
    """{key: (file, note)} of entries `file: function: operator`, `- line`, `+ line`, note."""
    found, head, old, new, note = {}, None, "", "", []

    def end():
        if head:
            found[(head[0].rsplit("/", 1)[-1], head[1], old, new)] = (head[0], " ".join(note))

    for line in (HERE / name).read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        if line.startswith("- "):
            old = line[2:]
        elif line.startswith("+ "):
            new = line[2:]
        elif line.startswith("  "):
            note.append(line.strip())
        elif line:
            end()
            head, old, new, note = line.split(": "), "", "", []
    end()
    return found


def entry_text(mutant, note):
    return (f"{mutant.file}: {mutant.function}: {mutant.operator}\n- {mutant.original}\n"
            f"+ {mutant.mutated}\n  {note}\n")


# -- the tree and its build ------------------------------------------------------------------------

def sources(root):
    return [str(path.relative_to(root)) for folder in SUBJECTS if (root / folder).is_dir()
            for path in sorted((root / folder).rglob("*.c"))]


def copy_tree(target):
    """The project's files; one that did not change keeps its time, so little is built anew."""
    names = subprocess.run(["git", "-C", str(ROOT), "ls-files", "--cached", "--others",
                            "--exclude-standard"], capture_output=True, text=True,
                           check=True).stdout.split("\n")
    names = {name for name in names if name and (ROOT / name).is_file()}
    for path in target.rglob("*"):
        if path.is_file() and str(path.relative_to(target)) not in names:
            path.unlink()
    for name in sorted(names):
        there = target / name
        content = (ROOT / name).read_bytes()
        if not there.exists() or there.read_bytes() != content:
            there.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, there)


def tests_hash(root):
    digest = hashlib.sha256()
    for folder in ("tests/unit", "tests/simulation", "tests/fuzz"):
        for path in sorted((root / folder).rglob("*")):
            if path.is_file() and path.suffix in (".c", ".h", ".build"):
                digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


@dataclasses.dataclass
class Test:
    name: str
    command: list
    environment: dict
    link: list  # argv, run in the build folder
    reached: set  # (file, function) of those that are mutated
    twice: bool  # has threads: one failure may be the machine's
    wall: float = 10.0  # of one run of the original, seconds
    processor: float = 10.0

    def limits(self):
        return 5 + 10 * self.processor, 20 + 10 * self.wall


class Build:
    """A configured and built folder: how each source is compiled and each test is linked."""

    def __init__(self, folder, root, seeds):
        self.folder, self.root = folder, root
        self.compile = collections.defaultdict(dict)  # source -> object -> argv
        self.members = collections.defaultdict(list)  # library -> the objects in it
        for entry in json.loads((folder / "compile_commands.json").read_text()):
            source = (folder / entry["file"]).resolve()
            library, is_member, _ = entry["output"].partition(".a.p/")
            if is_member:  # generated sources too, which are not of the root
                self.members[library + ".a"].append(entry["output"])
            if source.is_relative_to(root):
                self.compile[str(source.relative_to(root))][entry["output"]] = \
                    [word for word in shlex.split(entry["command"]) if word != "ccache"]
        if not self.compile:
            sys.exit(f"{folder} is not a build of {root}")
        self.tests = []
        for test in json.loads((folder / "meson-info" / "intro-tests.json").read_text()):
            suites = {suite.split(":")[-1] for suite in test["suite"]}
            exe = pathlib.Path(test["cmd"][0])
            if suites & SUITES and exe.is_relative_to(folder):
                self.add(test["name"], exe, test["cmd"][1:], test["env"], "threads" in suites)
        self.add("sim", folder / "tests/sim", ["--seeds", str(seeds), "--twice-every", "0"], {},
                 False)
        self.seeds = seeds

    def add(self, name, exe, arguments, environment, twice):
        link = [word for word in self.links[str(exe.relative_to(self.folder))] if word != "ccache"]
        self.tests.append(Test(name, arguments, environment, link, set(), twice))

    @functools.cached_property
    def links(self):
        """Executable -> how it is linked."""
        commands = subprocess.run(["ninja", "-C", str(self.folder), "-t", "commands"],
                                  capture_output=True, text=True, check=True).stdout.splitlines()
        found = {}
        for command in commands:
            words = shlex.split(command)
            if "-o" in words and "-c" not in words:
                found[words[words.index("-o") + 1]] = words
        return found


def switched(source, text, chosen):
    """The text with all these mistakes (number -> mutant), none of which is on: each function that
    has any holds its body once for each, and MUTATION_NOW tells which one runs. A message of the
    compiler about one is about the file mutant/NUMBER."""
    parts, at = ["extern int mutation_now;void mutation_reached(const char *name);"], 0
    for function in mutants.functions(text):
        own = [(number, mutant) for number, mutant in chosen.items()
               if function.start <= mutant.start < function.end]
        if not own:
            continue
        line = text.count("\n", 0, function.start) + 1
        leaves = "return;" if mutants.result_of(function) == "void" else "__builtin_trap();"
        parts.append(text[at:function.start] + "{ if (mutation_now == -1) {"
                     " static _Atomic char met; if (!met) { met = 1; mutation_reached("
                     f'"{source} {function.name}\\n"); }} }}')
        for number, mutant in own:
            body = mutant.apply(text)[function.start:]
            body = body[:len(body) - (len(text) - function.end)]
            parts.append(f'\nif (mutation_now == {number}) {{\n#line {line} "mutant/{number}"\n'
                         f"{body}\n{leaves} }}")
        parts.append(f'\n#line {line} "{source}"\n' + text[function.start:function.end] + "}")
        at = function.end
    return "".join(parts) + text[at:]


# -- one run of a test -----------------------------------------------------------------------------

def own_temporary(folder):
    """A prefix that gives a test /tmp and /dev/shm of its own: one that is killed leaves files.
    Empty where this user may not mount, and never what would hide the folder itself."""
    mounts = " ".join(f"mount -t tmpfs tmpfs {place} &&" for place in ("/dev/shm", "/tmp")
                      if not folder.is_relative_to(place))
    prefix = ["unshare", "--mount", "sh", "-c", f'{mounts} exec "$0" "$@"']
    try:
        done = subprocess.run(prefix + ["true"], capture_output=True, check=False)
    except OSError:
        return []
    return prefix if done.returncode == 0 else []


def mutants_in(said, what):
    """The numbers of the mutants that the compiler says this about."""
    return {int(number) for number in re.findall(rf"^mutant/(\d+):\d+:.*{what}", said, re.M)}


class Runner:
    """Compiles, links and runs; each worker has a folder of its own."""

    def __init__(self, build):
        self.build = build
        self.folder = tempfile.TemporaryDirectory(prefix="mutation.", dir=build.folder)
        self.work = pathlib.Path(self.folder.name)
        self.prefix = own_temporary(build.folder)
        self.own = threading.local()
        self.lock = threading.Lock()
        self.count = 0
        self.kills = collections.Counter()  # (function or file, test)
        self.measured = False  # whether it is known which functions a test reaches
        self.numbers = {}  # mutant's key and file -> its number
        self.broken = set()  # numbers of those that do not compile
        self.objects = {}  # target -> the object with its mutants
        self.linking = collections.defaultdict(threading.Lock)
        self.linked = {}  # test's name -> executable

    def place(self):
        if not hasattr(self.own, "place"):
            with self.lock:
                self.count += 1
                self.own.place = self.work / f"worker{self.count}"
            self.own.place.mkdir(exist_ok=True)
        return self.own.place

    def compile(self, source, text, target):
        """The object's bytes, or None, and what the compiler said. Messages of the program show the
        path in the tree."""
        place = self.place()
        path = place / "source" / source
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        out = place / "mutant.o"
        command = list(self.build.compile[source][target])
        for option in ("-MF", "-MQ"):
            at = command.index(option) if option in command else None
            if at is not None:
                del command[at:at + 2]
        command = [word for word in command if word not in ("-MD", "-Werror")]
        command[command.index("-o") + 1] = str(out)
        command[command.index("-c") + 1] = str(path)
        command += COMPILE + [f"-fmacro-prefix-map={place}/source/="]
        done = subprocess.run(command, cwd=self.build.folder, capture_output=True, text=True,
                              check=False)
        return out.read_bytes() if done.returncode == 0 else None, done.stderr

    # -- all mutants in one object a file, one executable a test -----------------------------------

    def prepare(self, chosen, texts, pool):
        """Compiles these mutants, side by side in the objects of their files."""
        by_file = collections.defaultdict(dict)
        for number, mutant in enumerate(chosen, 1):
            self.numbers[mutant.file, mutant.key()] = number
            by_file[mutant.file][number] = mutant
        list(pool.map(lambda name: self.compile_file(name, texts[name], by_file[name]), by_file))
        source = self.work / "switch.c"
        source.write_text(SWITCH, encoding="utf-8")
        subprocess.run(["cc", "-c", "-fPIE", "-D_GNU_SOURCE", str(source), "-o",
                        str(source.with_suffix(".o"))], check=True)
        for library, members in self.build.members.items():
            if self.objects.keys() & set(members):
                archive = self.archive(library)
                archive.unlink(missing_ok=True)
                subprocess.run(["ar", "rcsT", str(archive)] + [
                    str(self.objects.get(member, self.build.folder / member))
                    for member in members], check=True)

    def archive(self, library):
        return self.work / library.replace("/", ".")

    def compile_file(self, name, text, chosen):
        """What does not compile is left out, for all objects of the file."""
        chosen, done = dict(chosen), False
        while not done:
            done, text_now = True, switched(name, text, chosen)
            for number, target in enumerate(self.build.compile[name]):
                made, said = self.compile(name, text_now, target)
                if made is None:
                    wrong = mutants_in(said, "error: ") or mutants_in(said, "in expansion of")
                    if not wrong & chosen.keys():
                        sys.exit(f"{name} itself does not compile: {said}")
                    self.broken |= wrong
                    chosen = {n: mutant for n, mutant in chosen.items() if n not in wrong}
                    done = False
                    break
                path = self.work / f"{name.replace('/', '.')}.{number}.o"
                path.write_bytes(made)
                self.objects[target] = path

    def has_mutants(self, test):
        """Does it link any object that has some?"""
        return any(word in self.objects or self.objects.keys() & set(self.build.members[word])
                   for word in test.link if word.endswith((".o", ".a")))

    def executable(self, test):
        with self.lock:
            linking = self.linking[test.name]
        with linking:
            if test.name not in self.linked:
                self.linked[test.name] = self.link(test)
        return self.linked[test.name]

    def link(self, test):
        exe = self.work / f"test.{test.name}"
        link = list(test.link)
        link[link.index("-o") + 1] = str(exe)
        link = [str(self.objects.get(word, word)) for word in link]
        link = [str(self.archive(word))
                if self.objects.keys() & set(self.build.members.get(word, ())) else word
                for word in link]
        link += [str(self.work / "switch.o"), "-Wl,--strip-debug"] + \
            (["-fuse-ld=gold"] if shutil.which("ld.gold") else [])
        done = subprocess.run(link, cwd=self.build.folder, capture_output=True, text=True,
                              check=False)
        if done.returncode != 0:
            sys.exit(f"{test.name} does not link: {done.stderr}")
        return exe

    # -- running -----------------------------------------------------------------------------------

    def execute(self, test, number, probe=None):
        """None if it passes, else what became of it."""
        exe = self.executable(test)
        processor, wall = test.limits()
        command = ["sh", "-c", f"ulimit -t {int(processor) + 1}; ulimit -d {MEMORY_MAX_KIB}; "
                   'exec "$0" "$@"', str(exe)] + test.command
        started = subprocess.Popen(
            self.prefix + command, cwd=self.place(), stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, start_new_session=True,
            env={**os.environ, **test.environment, "MUTATION_PROBE": str(probe),
                 "MUTATION_NOW": str(number)})
        try:
            code = started.wait(timeout=wall)
        except subprocess.TimeoutExpired:
            code = None
        try:
            os.killpg(started.pid, signal.SIGKILL)  # it too may have started processes
        except ProcessLookupError:
            pass
        if code is None:
            started.wait()
        if code is None or code in (-signal.SIGXCPU, 128 + signal.SIGXCPU):
            return "does not end"
        return None if code == 0 else "fails" if code > 0 and code < 128 else "aborts"

    def baseline(self, test):
        """Which functions the test reaches and how long it takes; False if it fails."""
        place = self.place() / "reached"
        place.unlink(missing_ok=True)
        self.executable(test)
        before, start = os.times(), time.monotonic()
        failed = self.execute(test, PROBING, place)
        after = os.times()
        test.wall = time.monotonic() - start
        # Of all children, so too much where several run: a limit may be generous.
        test.processor = after.children_user - before.children_user
        if place.exists():
            test.reached = {tuple(line.split(" ")) for line in place.read_text().splitlines()}
        return failed is None

    def measure(self, pool):
        """Runs each test as it is; leaves out those that fail so."""
        tests = [test for test in self.build.tests if self.has_mutants(test)]
        passed = list(pool.map(self.baseline, tests))
        for test, good in zip(tests, passed):
            if not good:
                print(f"left out: {test.name} fails without a mutant")
        self.build.tests = [test for test, good in zip(tests, passed) if good]
        self.measured = True

    def order(self, mutant, tests):
        near, far = (mutant.file, mutant.function), (mutant.file, "")
        return sorted(tests, key=lambda test: (
            -self.kills[near, test.name], -self.kills[far, test.name] / (0.1 + test.processor),
            test.processor))

    def is_same(self, mutant, text):
        """Are its objects those of the original?"""
        return all(self.compile(mutant.file, mutant.apply(text), target)[0] ==
                   self.compile(mutant.file, text, target)[0]
                   for target in self.build.compile[mutant.file])

    def try_out(self, mutant, text, first=None):
        """(result, by whom)."""
        number = self.numbers[mutant.file, mutant.key()]
        if number in self.broken:
            return BROKEN, ""
        reached = (mutant.file, mutant.function)
        tests = [test for test in self.build.tests if
                 (reached in test.reached if self.measured else self.has_mutants(test))]
        tests = self.order(mutant, tests)
        tests.sort(key=lambda test: test.name != first)
        for test in tests:
            failed = self.execute(test, number)
            if failed and test.twice and failed == "fails":
                failed = self.execute(test, number)
            if failed:
                with self.lock:
                    self.kills[(mutant.file, mutant.function), test.name] += 1
                    self.kills[(mutant.file, ""), test.name] += 1
                return KILLED, f"{test.name} {failed}"
        if self.is_same(mutant, text):
            return SAME, ""
        return SURVIVED, "" if tests else "reached by no test"


# -- results ---------------------------------------------------------------------------------------

class Results:
    """What is known of mutants from earlier runs: one JSON object a line, the last one counts."""

    def __init__(self, path, tests):
        self.path, self.tests, self.known = path, tests, {}
        self.last = {}  # (file, what it changes) -> result
        if path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                entry = json.loads(line)
                self.known[entry["id"]] = entry
                place = entry["place"].split(":", 2)
                self.last[place[0], place[2]] = entry["result"]

    @staticmethod
    def identity(mutant):
        parts = (mutant.file.rsplit("/", 1)[-1], mutant.body, mutant.original, mutant.mutated)
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]

    def get(self, mutant):
        entry = self.known.get(self.identity(mutant))
        if entry is None or (entry["result"] == SURVIVED and entry["tests"] != self.tests):
            return None
        return entry["result"], entry["by"]

    def survived(self, mutant):
        """Did it, the last time? Its function may have changed since."""
        name = mutant.where().split(":", 2)
        return self.last.get((name[0], name[2])) == SURVIVED

    def put(self, mutant, result, by):
        entry = {"id": self.identity(mutant), "result": result, "by": by, "tests": self.tests,
                 "place": mutant.where()}
        self.known[entry["id"]] = entry
        with self.path.open("a", encoding="utf-8") as out:
            out.write(json.dumps(entry) + "\n")


def stratified(found, seed):
    """An order of which every beginning has its share of each folder and operator."""
    groups = collections.defaultdict(list)
    for mutant in found:
        groups[mutant.folder, mutant.operator].append(mutant)
    ranked, choice = [], random.Random(seed)
    for name in sorted(groups):
        group = groups[name]
        choice.shuffle(group)
        ranked += [((i + choice.random()) / len(group), name, mutant)
                   for i, mutant in enumerate(group)]
    return [mutant for _, _, mutant in sorted(ranked, key=lambda r: r[:2])]


def report(tried, equivalents):
    """Prints the table and the survivors; gives the score and the survivors."""
    table = collections.defaultdict(collections.Counter)
    survivors = []
    for mutant, result, _ in tried:
        if result == SURVIVED and mutant.key() in equivalents:
            result = REVIEWED
        table[mutant.folder][result] += 1
        if result == SURVIVED:
            survivors.append(mutant)
    print(f"\n{'':24} {'killed':>7} {'survived':>9} {'equivalent':>11} {'same object':>12} "
          f"{'score':>7}")
    total = collections.Counter()
    for folder in sorted(table):
        total.update(table[folder])
    for folder, row in [*sorted(table.items()), ("all", total)]:
        counted = row[KILLED] + row[SURVIVED]
        score = f"{100 * row[KILLED] / counted:.1f} %" if counted else "-"
        print(f"{folder:24} {row[KILLED]:7} {row[SURVIVED]:9} {row[REVIEWED]:11} {row[SAME]:12} "
              f"{score:>7}")
    for mutant in sorted(survivors, key=lambda m: (m.file, m.line)):
        print(mutant.where())
    counted = total[KILLED] + total[SURVIVED]
    return 100 * total[KILLED] / counted if counted else 100.0, survivors


# -- the commands ----------------------------------------------------------------------------------

def all_mutants(root, options):
    """The mutants of the chosen files, and each file's text."""
    texts = {name: (root / name).read_text(encoding="utf-8") for name in sources(root)
             if not options.file or any(part in name for part in options.file)}
    found = [mutant for name, text in texts.items() for mutant in mutants.mutants_of(name, text)
             if (not options.operator or mutant.operator in options.operator) and
             (not options.at or any(f"/{mutant.file}:{mutant.line}".endswith("/" + place)
                                    for place in options.at))]
    return found, texts


def prepare(options):
    """The built folder and the tree it was built from."""
    if options.build:
        return Build(options.build.resolve(), ROOT, options.seeds)
    base = ROOT / "build-mutation"
    tree, folder = base / "tree", base / "build"
    tree.mkdir(parents=True, exist_ok=True)
    copy_tree(tree)
    if not (folder / "build.ninja").exists():
        subprocess.run(["meson", "setup", str(folder), str(tree), "--buildtype=plain",
                        "-Doptimization=1", "-Ddebug=false", "-Dwarning_level=0"], check=True,
                       stdout=subprocess.DEVNULL)
    subprocess.run(["ninja", "-C", str(folder), "--quiet"], check=True)
    return Build(folder, tree, options.seeds)


def run(options):
    build = prepare(options)
    found, texts = all_mutants(build.root, options)
    equivalents = read_list("equivalents.txt")
    runner = Runner(build)
    results = Results(build.folder.parent / "results.jsonl", tests_hash(build.root))
    queue = [mutant for mutant in stratified(found, options.seed)
             if not options.again or
             (results.survived(mutant) and mutant.key() not in equivalents)]
    most = options.count or len(queue)
    queue = queue[:most + most // 3]  # some do not compile
    known = {id(mutant): results.get(mutant) if options.resume else None for mutant in queue}
    tried, lock, at = [], threading.Lock(), iter(queue)
    counted = collections.Counter()

    def worker(_):
        while True:
            with lock:
                mutant = next(at, None)
            if mutant is None or counted["all"] >= most:
                return
            before = known[id(mutant)]
            result, by = before or runner.try_out(mutant, texts[mutant.file])
            with lock:
                if not before:
                    results.put(mutant, result, by)
                if result == BROKEN or counted["all"] >= most:
                    continue
                tried.append((mutant, result, by))
                counted["all"] += result in (KILLED, SURVIVED)
                if not before:
                    print(f"[{counted['all']}/{most}] {result:8} {mutant.where()}  ({by})"
                          .replace("  ()", ""), flush=True)

    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        runner.prepare([mutant for mutant in queue if not known[id(mutant)]], texts, pool)
        runner.measure(pool)
        try:
            list(pool.map(worker, range(options.jobs)))
        except KeyboardInterrupt:
            at = iter(())
    score, _ = report(tried, equivalents)
    present = {mutant.key() for mutant in found}
    for key, (file, _) in equivalents.items():
        if file in texts and key not in present:
            print(f"equivalents.txt: no such mutant any more: {file}: {key[1]}: {key[3]}")
    print(f"{score:.1f} % of those not equivalent were killed")
    return 0 if score >= SCORE_LEAST else 1


def sample(options):
    """The first N of sample.txt that the code still has: known as killed, so each must be."""
    build = prepare(options)
    found, texts = all_mutants(build.root, options)
    by_key = {mutant.key(): mutant for mutant in found}
    chosen = [(by_key[key], note) for key, (_, note) in read_list("sample.txt").items()
              if key in by_key][:options.sample]
    runner = Runner(build)
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        runner.prepare([mutant for mutant, _ in chosen], texts, pool)

        def one(entry):
            mutant, killer = entry
            return mutant, *runner.try_out(mutant, texts[mutant.file], killer.split()[0])
        tried = list(pool.map(one, chosen))
    for mutant, result, by in tried:
        print(f"{result:8} {mutant.where()}  ({by})".replace("  ()", ""))
    _, survivors = report(tried, {})
    if len(chosen) < options.sample:
        print(f"sample.txt names only {len(chosen)} mutants of today's code; run mutate.py, "
              "then mutate.py --record")
    return 1 if survivors or len(chosen) < options.sample else 0


def record(options):
    """Twice as many as ./check runs, so that the code may change for a while."""
    found, _ = all_mutants(ROOT, options)
    results = Results(ROOT / "build-mutation" / "results.jsonl", tests_hash(ROOT))
    killed = [(mutant, results.get(mutant)[1]) for mutant in stratified(found, options.seed)
              if (results.get(mutant) or ("", ""))[0] == KILLED]
    # Those that a quick test kills by an assertion: neither the simulator nor a time limit.
    killed = [(mutant, by) for mutant, by in killed
              if by.split(" ")[0] != "sim" and not by.endswith("end")][:options.record]
    head = (HERE / "sample.txt").read_text(encoding="utf-8").split("\n\n")[0].rstrip()
    (HERE / "sample.txt").write_text(
        head + "\n\n" + "\n".join(entry_text(mutant, by) for mutant, by in killed),
        encoding="utf-8")
    print(f"{len(killed)} recorded")
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0],
                                     formatter_class=argparse.RawDescriptionHelpFormatter,
                                     epilog="\n".join(__doc__.split("\n")[2:]), usage="%(prog)s")
    parser.add_argument("--count", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=250)
    parser.add_argument("--file", action="append", help="part of a path")
    parser.add_argument("--at", action="append", help="FILE:LINE")
    parser.add_argument("--operator", action="append",
                        choices=[operator.__name__ for operator in mutants.OPERATORS])
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--again", action="store_true", help="only what survived")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--sample", type=int)
    parser.add_argument("--record", type=int)
    parser.add_argument("--build", type=pathlib.Path, help="a built folder to use as it is")
    options = parser.parse_args()
    if options.list:
        for mutant in all_mutants(ROOT, options)[0]:
            print(f"{mutant.operator:10} {mutant.where()}")
        return 0
    if options.record:
        return record(options)
    return sample(options) if options.sample else run(options)


if __name__ == "__main__":
    sys.exit(main())
