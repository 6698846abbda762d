#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks the rules of the code that a compiler does not.

usage: style.py GROUP [--build FOLDER] [--cc COMPILER]

GROUP is one of layers, headers, sizes, calls, text, guide, python, repository, or all. Prints one
line for each finding, `file:line: rule: why`, and leaves with 1 if there was any. Works on the
files git knows or would add, so a new file is checked before it is committed.
"""
import argparse
import ast
import concurrent.futures
import fnmatch
import os
import pathlib
import re
import shlex
import subprocess
import sys
import warnings

ROOT = pathlib.Path(__file__).resolve().parents[2]

# -- limits ----------------------------------------------------------------------------------------

FUNCTION_LINES_MAX = 60
FILE_LINES_MAX = 800
HEADER_LINES_WARN = 150  # a longer header is reported but fails nothing
COLUMNS_MAX = 100

# -- layers ----------------------------------------------------------------------------------------

# A service may use those that are named before it.
SERVICES = [name for name in re.findall(
    r"'(\w+)'", re.search(r"^services = \[(.*?)\]", (ROOT / "schemas/meson.build").read_text(),
                          re.M | re.S).group(1)) if (ROOT / "actors" / name).is_dir()]

# Folder -> those of which it may include files, beside its own. Each stands below all that it may
# use, so no circle of folders can come into being; folders_used() sees to it. A folder that is not
# named here is a finding.
FOLDER_USES = {
    "runtime/base": "",
    "runtime/wire": "base",
    "runtime/observe": "base",
    "runtime/store": "base wire",
    "runtime/store/sqlite": "base store",
    "runtime/actor": "base wire store",
    "runtime/journal": "base wire observe store",
    "runtime/dedup": "base journal",
    "runtime/sends": "base wire actor journal",
    "runtime/projector": "base wire store actor journal dedup sends",
    "runtime/shard": "base wire observe store actor journal dedup sends projector",
    "runtime/node": "base observe store actor sends shard",
    "runtime/link": "base wire observe node",
    "runtime/sim": "base wire store",
    "schemas": "base wire store actor",
    "actors/common": "base wire store actor schemas",
    **{f"actors/{service}": " ".join(["base wire store actor schemas actors/common",
                                      *(f"actors/{before}" for before in SERVICES[:i])])
       for i, service in enumerate(SERVICES)},
    "actors": "base actor sends",
    "gateway_bridge/http": "base schemas",
    "gateway_bridge/auth": "base observe schemas gateway_bridge/http",
    "gateway_bridge/docs": "base",
    "gateway_bridge": "base wire observe actor schemas gateway_bridge/http gateway_bridge/auth "
                      "gateway_bridge/docs",
    "gateway_bridge/operator": "base wire observe store actor journal projector shard node link "
                               "sends schemas gateway_bridge/auth",
    "bin": "*",
    "bin/payctl": "*",
    "tests": "*",
}
GENERATED = ("schemas", "actors")  # the build makes headers there
LAYERS = ("runtime", "schemas", "actors", "gateway_bridge", "bin", "tests")

# -- calls -----------------------------------------------------------------------------------------

# The files of runtime/ that are the real world: pattern -> (rules that do not hold there, why). All
# else there and in actors/ reaches clock, randomness, network and disk through struct env and
# the stores. A pattern that exempts nothing is a finding too.
REAL_WORLD = {
    "runtime/base/entropy.c": (("entropy",), "seeds that the process draws before it has an env"),
    "runtime/base/memory.c": (("memory",), "where memory is taken, or the process ends"),
    "runtime/base/ar*.c": (("memory",), "arrays and arenas of the bridge, which can refuse"),
    "runtime/base/slab.c": (("memory",), "slabs of the bridge, which can refuse"),
    "runtime/wire/writer.c": (("memory",), "writers of the bridge, which can refuse"),
    "runtime/node/loop*.c": (("clock", "network"), "the real env: libuv's loops"),
    "runtime/observe/log.c": (("clock", "disk"), "the log's lines: their time and descriptor"),
    "runtime/observe/process.c": (("clock", "disk"), "what the system knows of this process"),
    "runtime/link/link_*.c": (("clock", "network", "disk"), "operators' tools over NNG"),
    "runtime/store/sqlite/*.c": (("disk",), "the embedded store: SQLite's files"),
}


def call(*names):
    """Matches a call of a plain function, not of a member such as env->time()."""
    return re.compile(r"(?<![\w.>])(?:" + "|".join(names) + r")\s*\(")


# (rule, folders, pattern on code without comments and strings, why)
EVERYWHERE = LAYERS
CALL_RULES = [
    ("bounded", EVERYWHERE, call("strcpy", "strcat", "sprintf", "vsprintf", "gets", "strncpy",
                                 "strncat", "stpcpy", "alloca"),
     "no bound on what is written: use snprintf or memcpy with a checked length"),
    ("reentrant", EVERYWHERE, call("gmtime", "localtime", "ctime", "asctime", "strtok", "strerror",
                                   "getpwnam", "readdir_r"),
     "hidden shared state: use the _r form"),
    ("conversion", EVERYWHERE, call("atoi", "atol", "atoll", "atof", "sscanf", "scanf"),
     "cannot report an error"),
    ("random", EVERYWHERE, call("rand", "srand", "random", "srandom", "drand48", "rand_r"),
     "use runtime/base/rng.h, seeded through struct env"),
    ("check", EVERYWHERE, call("assert"),
     "can be compiled out: use check()"),
    ("shell", EVERYWHERE, call("system", "popen"),
     "no shell from the product"),
    ("clock", ("runtime", "actors"), call("time", "clock", "clock_gettime", "gettimeofday", "sleep",
                                          "usleep", "nanosleep", "timespec_get"),
     "time comes through struct env"),
    ("entropy", ("runtime", "actors"), call("getrandom", "getentropy", "arc4random", r"RAND_\w+"),
     "randomness comes through struct env"),
    ("network", ("runtime", "actors"), call("socket", "connect", "bind", "listen", "accept",
                                            "accept4", "send", "sendto", "recv", "recvfrom",
                                            r"nng_\w+", r"uv_\w+"),
     "the network and the loop come through struct env"),
    ("disk", ("runtime", "actors"), call("open", "openat", "fopen", "read", "write", "pread",
                                         "pwrite", "fsync", "fdatasync", "rename", "unlink",
                                         "mkdir", r"sqlite3_\w+"),
     "the disk comes through the stores"),
    ("environment", ("runtime", "actors", "schemas", "gateway_bridge"),
     call("getenv", "secure_getenv", "setenv"),
     "configuration is read in bin/ and handed down"),
    ("memory", ("runtime", "actors"),
     call("malloc", "calloc", "realloc", "reallocarray", "aligned_alloc", "posix_memalign",
          "strdup", "strndup", "asprintf", "vasprintf"),
     "memory comes through runtime/base/memory.h, which gives no NULL"),
    ("threads", ("actors",), call(r"pthread_\w+", r"thrd_\w+", r"mtx_\w+"),
     "an actor runs on its shard's thread and starts none"),
    ("globals", ("runtime", "actors", "schemas"),
     re.compile(r"^\s*static (?!inline\b)(?!.*\bconst\b)[^(){}]*[;=]"),
     "no globals, only const tables"),
    ("floating", ("actors", "schemas"), re.compile(r"\b(?:double|float)\b"),
     "money is never a binary fraction"),
]

# -- text ------------------------------------------------------------------------------------------

TEXT_SUFFIXES = {".c", ".h", ".py", ".sh", ".build", ".txt", ".toml", ".sql", ".md", ".yml",
                 ".yaml", ".service", ""}
LICENSED = {".c", ".h", ".py", ".sh", ".build", ".toml", ".sql"}
NARROW = {".c", ".h", ".py", ".sh", ".build"}
# Split so that this file does not find itself. The last only with a colon: alone it is ISO 4217's
# code for no currency.
UNFINISHED = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|HA" r"CK)\b|\bXX" r"X:")


# -- guide -----------------------------------------------------------------------------------------

# The section of ARCHITECTURE.md that says of each file of these folders, once, what it decides.
GUIDE = "ARCHITECTURE.md"
GUIDE_SECTION = "## Where is what"
GUIDE_FOLDERS = [f"runtime/{name}" for name in (
    "actor shard sends journal dedup projector store store/sqlite node link").split()] + [
    "actors/common", "actors/ledger", "actors/wallet", "actors/payment", "actors/forex",
    "actors/rule_engine", "gateway_bridge", "gateway_bridge/http", "gateway_bridge/auth",
    "gateway_bridge/operator", "bin/payctl"]
GUIDE_WORDS_MAX = 12  # said of one line's files


# -- reading ---------------------------------------------------------------------------------------

def git(*arguments):
    """The lines git prints; None without git or outside a clone."""
    try:
        done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True,
                              check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.split("\n")[:-1]


def project_files():
    """Relative paths of all files of the project, sorted."""
    names = git("ls-files", "--cached", "--others", "--exclude-standard")
    if names is None:  # an unpacked archive
        names = [str(path.relative_to(ROOT)) for path in ROOT.rglob("*")
                 if not re.match(r"(build.*|data|\.git)/", str(path.relative_to(ROOT)))]
    return sorted(name for name in set(names) if (ROOT / name).is_file())


def text_of(name):
    return (ROOT / name).read_text(encoding="utf-8", errors="replace")


def c_files(files, suffixes=(".c", ".h")):
    return [name for name in files if name.endswith(suffixes) and name.split("/")[0] in LAYERS]


COMMENT_OR_LITERAL = re.compile(
    r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.S)


def code_of(name):
    """The code without comments and with empty literals; line numbers stay."""
    def blank(match):
        text = match.group(0)
        newlines = "\n" * text.count("\n")
        return text[0] + text[0] + newlines if text[0] in "\"'" else " " + newlines
    return COMMENT_OR_LITERAL.sub(blank, text_of(name))


# -- the groups: each yields (file, line, rule, why) -----------------------------------------------

def folder_of(name):
    """The folder of a file as FOLDER_USES has it; one that may use all stands for those in it."""
    folder = name.rsplit("/", 1)[0]
    top = folder.split("/")[0]
    return top if folder not in FOLDER_USES and FOLDER_USES.get(top) == "*" else folder


def folders_used(folder):
    """Those that `folder` may include from, itself too; a set of names, or None for all."""
    if FOLDER_USES[folder] == "*":
        return None
    above = list(FOLDER_USES)[:list(FOLDER_USES).index(folder)]
    used = {name if name in FOLDER_USES else f"runtime/{name}"
            for name in FOLDER_USES[folder].split()}
    wrong = used.difference(above)
    if wrong:
        sys.exit(f"FOLDER_USES: {folder} uses {sorted(wrong)}, which must stand above it")
    return used | {folder}


def generated_roots(build):
    """Where generated headers are: the product's, and those of the generator's sample."""
    return [build, build / "tests/unit"] if build else []


def include_refusal(name, included, build):
    """Why `name` may not include `included`, or None."""
    here, there = name.split("/")[0], included.split("/")[0]
    if there not in LAYERS or "/" not in included:
        return "includes are relative to the root: \"runtime/base/check.h\""
    if not any((root / included).exists() for root in [ROOT] + generated_roots(build)):
        return None if there in GENERATED and not build else f"{included} does not exist"
    if included.endswith("_priv.h") and here not in (there, "tests"):
        return f"{included} is private to {there}"
    here, there = folder_of(name), folder_of(included)
    if here not in FOLDER_USES:
        return f"{here} is not in FOLDER_USES of tests/style/style.py"
    used = folders_used(here)
    if used is not None and there not in used:
        return f"{here} may not include files of {there}"
    return None


def layers(files, options):
    for name in c_files(files):
        for number, line in enumerate(text_of(name).splitlines(), 1):
            match = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
            why = match and include_refusal(name, match.group(1), options.build)
            if why:
                yield name, number, "layer", why


def headers(files, options):
    """Each header compiles alone, and twice."""
    command = shlex.split(options.cc) + ["-std=c17", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror",
                                         "-fsyntax-only", "-x", "c", f"-I{ROOT}"]
    if options.build:
        command += [f"-I{root}" for root in generated_roots(options.build)]

    def compile_alone(name):
        return name, subprocess.run(command + ["-"], input=f'#include "{name}"\n' * 2, text=True,
                                    capture_output=True, check=False)

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, done in pool.map(compile_alone, c_files(files, (".h",))):
            if done.returncode != 0:
                first = next((line for line in done.stderr.splitlines() if "error" in line), "")
                yield name, 1, "header", f"does not compile alone: {first.strip()}"


def sizes(files, _options):
    for name in c_files(files):
        lines = text_of(name).splitlines()
        if len(lines) > FILE_LINES_MAX:
            yield name, 1, "file", f"{len(lines)} lines, at most {FILE_LINES_MAX}"
        if name.endswith(".h") and len(lines) > HEADER_LINES_WARN:
            print(f"{name}:1: warning: {len(lines)} lines, aim for {HEADER_LINES_WARN}")
        start = None
        for number, line in enumerate(lines, 1):
            if line == "{":
                start = number
            elif line == "}" and start:
                if number - start - 1 > FUNCTION_LINES_MAX:
                    yield (name, start, "function",
                           f"{number - start - 1} lines, at most {FUNCTION_LINES_MAX}")
                start = None


def calls(files, _options):
    used = set()
    for name in c_files(files):
        folder = name.split("/")[0]
        rules = [rule for rule in CALL_RULES if folder in rule[1]]
        for number, line in enumerate(code_of(name).splitlines(), 1):
            for rule, _, pattern, why in rules:
                if not pattern.search(line):
                    continue
                exempt = {path for path, (excused, _) in REAL_WORLD.items()
                          if rule in excused and fnmatch.fnmatch(name, path)}
                used |= exempt
                if not exempt:
                    yield name, number, rule, why
    for path in sorted(set(REAL_WORLD) - used):
        yield "tests/style/style.py", 1, "real-world", f"{path} needs no exemption"


def text(files, _options):
    for name in files:
        suffix = pathlib.Path(name).suffix
        if suffix not in TEXT_SUFFIXES or "/corpus/" in name:
            continue
        content = text_of(name)
        lines = content.split("\n")
        if content and not content.endswith("\n"):
            yield name, len(lines), "end", "no newline at the end"
        if suffix in LICENSED:
            at = 1 if lines[0].startswith("#!") else 0
            if "SPDX-License-Identifier: Apache-2.0" not in "".join(lines[at:at + 1]):
                yield name, 1, "licence", "the SPDX line comes first"
        for number, line in enumerate(lines, 1):
            if "\t" in line:
                yield name, number, "tab", "four spaces"
            if line != line.rstrip():
                yield name, number, "blank", "blanks at the end of the line"
            if suffix in NARROW and len(line) > COLUMNS_MAX:
                yield name, number, "columns", f"{len(line)} columns, at most {COLUMNS_MAX}"
            if UNFINISHED.search(line):
                yield name, number, "unfinished", "open ends belong in an issue"


def guide_rows():
    """The lines of the section's table: number, folder, names of files, what is said of them."""
    section, folder = False, None
    for number, line in enumerate(text_of(GUIDE).splitlines(), 1):
        if line.startswith("## "):
            section = line == GUIDE_SECTION
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not section or not line.startswith("|") or len(cells) != 3:
            continue
        named = re.match(r"\*\*`([\w/]+)`\*\*", cells[0])
        folder = named.group(1) if named else folder
        if "`" in cells[1]:
            yield number, folder, re.findall(r"`([^`]+)`", cells[1]), cells[2]


def guide(files, _options):
    """The table of ARCHITECTURE.md and the files of its folders know each other."""
    code = [name for name in c_files(files) if name.rsplit("/", 1)[0] in GUIDE_FOLDERS]
    missing = {name.rsplit(".", 1)[0]: name for name in code}
    for number, folder, stems, said in guide_rows():
        texts = ""
        for stem in (f"{folder}/{stem}" for stem in stems):
            if missing.pop(stem, None) is None:
                yield GUIDE, number, "guide", f"{stem} is no file of its folders, or named twice"
            texts += "".join(text_of(name) for name in code if name.rsplit(".", 1)[0] == stem)
        for function in re.findall(r"`(\w+)\(\)`", said):
            if not re.search(rf"\b{function}\(", texts):
                yield GUIDE, number, "guide", f"{function}() is not in the files of this line"
        if len(said.split()) > GUIDE_WORDS_MAX:
            yield GUIDE, number, "guide", f"more than {GUIDE_WORDS_MAX} words"
    for name in sorted(missing.values()):
        yield name, 1, "guide", f"needs a line in \"{GUIDE_SECTION[3:]}\" of {GUIDE}"


def python(files, _options):
    """Python compiles without warnings and needs the standard library alone."""
    scripts = [name for name in files if name.endswith(".py")]
    own = {part for name in scripts for part in pathlib.PurePath(name).with_suffix("").parts}
    for name in scripts:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                tree = ast.parse(text_of(name), name)
                compile(tree, name, "exec")
            except (SyntaxError, Warning) as refused:
                yield name, getattr(refused, "lineno", 1) or 1, "python", str(refused)
                continue
        for node in ast.walk(tree):
            modules = []
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                modules = [node.module]
            for module in {module.split(".")[0] for module in modules} - own:
                if module not in sys.stdlib_module_names:
                    yield name, node.lineno, "import", f"{module} is not in the standard library"


def repository(_files, options):
    """Nothing that is made is committed."""
    for name in git("ls-files", "--cached", "--ignored", "--exclude-standard") or []:
        yield name, 1, "ignored", "is in .gitignore and in git"
    for name in git("ls-files", "--cached") or []:
        if options.build and name.startswith("schemas/") and (options.build / name).is_file():
            yield name, 1, "generated", "is made by the build and also in git"


GROUPS = {group.__name__: group for group in (layers, headers, sizes, calls, text, guide,
                                            python, repository)}


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("\n")[2][7:])
    parser.add_argument("group", choices=[*GROUPS, "all"])
    parser.add_argument("--build", type=pathlib.Path)
    parser.add_argument("--cc", default="cc")
    options = parser.parse_args()
    files = project_files()
    found = 0
    for name, group in GROUPS.items():
        if options.group in (name, "all"):
            for file, line, rule, why in group(files, options):
                print(f"{file}:{line}: {rule}: {why}")
                found += 1
    print(f"{found} findings in {len(files)} files")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
