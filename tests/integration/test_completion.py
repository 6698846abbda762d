#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What bash, zsh and fish offer while a command of payctl is typed.

usage: test_completion.py bash|zsh|fish [scenario...]

Each shell runs the script that payctl prints for it; zsh in a terminal, with the tab key. Needs no
payd. Leaves with 77 (skipped) where the shell is not installed.
"""
import os
import pathlib
import pty
import re
import select
import shutil
import subprocess
import sys
import tempfile
import time

from payd import PAYCTL, clean_environment
from scenarios import contains, equal, run, true

ANSWER_S = 60
GLOBALS = {"--socket", "--tenant", "--timeout", "--json", "--csv", "--all", "--no-color", "--help",
           "--version"}


class Shell:
    """offers(line): what it would put in place of the last word, without what stands before `=` or
    a comma in it, which is there already; nothing twice."""

    def __init__(self, name, folder):
        self.folder = pathlib.Path(folder)
        self.script = self.folder / name
        self.script.write_bytes(self.run([PAYCTL, "completion", name]).encode())

    def run(self, words):
        done = subprocess.run(words, capture_output=True, text=True, timeout=ANSWER_S,
                              env=clean_environment(), check=False)
        equal((done.returncode, done.stderr), (0, ""), f"the exit code and errors of {words}")
        return done.stdout

    def offers(self, line):
        offered = [re.sub("^.*[=,]", "", one) for one in self.ask(line)]
        equal(sorted(offered), sorted(set(offered)), f"what is offered for {line!r}")
        return set(offered)

    def ask(self, line):
        raise NotImplementedError


class Bash(Shell):
    """Words are split as readline does it, at `=` too."""

    def ask(self, line):
        words = re.findall("=|[^ =]+", line) + ([""] if line.endswith(" ") else [])
        program = (f'source {self.script}; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _payctl\n'
                   "printf '%s\\n' \"${COMPREPLY[@]}\"")
        return self.run(["bash", "-c", program, "bash", *words]).split()


class Fish(Shell):
    def ask(self, line):
        lines = self.run(["fish", "--no-config", "-c",
                          f'source {self.script}; complete -C "{line}"'])
        return [one.split("\t")[0] for one in lines.splitlines()]


class Zsh(Shell):
    """compadd is what completions hand their words to: here it writes them to a file as well."""

    SETUP = """
autoload -U compinit && compinit -u -D
source {script}
compadd() {{
    local -a found
    if [[ ${{@[1,(i)(-|--)]}} != *-(O|A|D)\\ * ]]; then
        builtin compadd -A found "$@"
        print -l -- $found >> {found}
    fi
    builtin compadd "$@"
}}
ask() {{ _main_complete; print -l -- END >> {found} }}
zle -C ask complete-word ask
bindkey '^I' ask
print -l -- READY > {found}
"""

    def __init__(self, name, folder):
        super().__init__(name, folder)
        self.found = self.folder / "found"
        setup = self.folder / "setup"
        setup.write_text(self.SETUP.format(script=self.script, found=self.found))
        pid, self.terminal = pty.fork()
        if pid == 0:
            os.execvpe("zsh", ["zsh", "-f", "-i"], {**clean_environment(), "TERM": "dumb"})
        os.write(self.terminal, f"source {setup}\n".encode())
        self.wait_for("READY")

    def wait_for(self, mark):
        """The lines before the mark. What the terminal shows is read and forgotten."""
        end = time.monotonic() + ANSWER_S
        while time.monotonic() < end:
            if select.select([self.terminal], [], [], 0.01)[0]:
                os.read(self.terminal, 65536)
            lines = self.found.read_text().splitlines() if self.found.exists() else []
            if lines and lines[-1] == mark:
                return lines[:-1]
        raise AssertionError(f"zsh did not answer within {ANSWER_S} s")

    def ask(self, line):
        self.found.write_text("")
        os.write(self.terminal, line.encode() + b"\t")
        offered = self.wait_for("END")
        os.write(self.terminal, b"\x15")  # the line is taken away
        return [one for one in offered if one]


def test_commands(shell):
    equal(shell.offers("payctl wal"), {"wallets"}, "the group")
    contains(shell.offers("payctl "), "wallets", "ping", "help", "completion")
    contains(shell.offers("payctl wallets "), "fund", "show", "transfer")
    equal(shell.offers("payctl wallets transf"), {"transfer"}, "the command")
    equal(shell.offers("payctl nonsense x"), set(), "what is offered for nonsense")


def test_options(shell):
    equal(shell.offers("payctl --"), GLOBALS, "the global options")
    true(shell.offers("payctl wallets fund --")
         >= GLOBALS | {"--wallet-id", "--amount", "--description", "--key"}, "all options")
    equal(shell.offers("payctl wallets fund wal_1 --amount 1.00 --curr"), {"--currency"}, "one")
    equal(shell.offers("payctl ping --js"), {"--json"}, "a global one behind the command")
    equal(shell.offers("payctl ping --no-c"), {"--no-color"}, "a global one behind the command")
    true("--key" not in shell.offers("payctl wallets show --"), "no key for what only reads")


def test_behind_global_options(shell):
    for before in ("--json", "--socket /x", "--socket=/x",
                   "--tenant wallets --timeout 3 --no-color"):
        equal(shell.offers(f"payctl {before} wal"), {"wallets"}, "the group")
        contains(shell.offers(f"payctl {before} wallets "), "fund", "show")
        equal(shell.offers(f"payctl {before} wallets fund --curr"), {"--currency"}, "the option")


def test_values(shell):
    for place in ("--capture ", "--capture="):
        equal(shell.offers(f"payctl payments create {place}"), {"automatic", "manual"}, "values")
        equal(shell.offers(f"payctl payments create {place}m"), {"manual"}, "the value")
    equal(shell.offers("payctl payments create --amount "), set(), "values of an amount")
    equal(shell.offers("payctl wallets fund wal_1 --key "), set(), "values of a key")
    equal(shell.offers("payctl completion "), {"bash", "zsh", "fish"}, "shells")


def test_lists_of_values(shell):
    for before in ("", "history,", "history,imported,"):
        for place in ("--flags ", "--flags="):
            equal(shell.offers(f"payctl accounts create {place}{before}lin"), {"linked"}, "a flag")


def test_files(shell):
    (shell.folder / "moved.csv").write_text("")
    for words in ("ledger import", "ledger verify --data", "--socket"):
        equal(shell.offers(f"payctl {words} {shell.folder}/mov"), {f"{shell.folder}/moved.csv"},
              "files")


def test_help(shell):
    contains(shell.offers("payctl help "), "wallets", "ping")
    equal(shell.offers("payctl help wal"), {"wallets"}, "the group")
    contains(shell.offers("payctl help wallets "), "fund", "show")
    equal(shell.offers("payctl help wallets fund "), set(), "what is offered behind a command")


def main():
    name = sys.argv.pop(1)
    if shutil.which(name) is None:
        print(f"skipped: {name} is not installed")
        return 77
    with tempfile.TemporaryDirectory(prefix="completion-") as folder:
        shell = {"bash": Bash, "zsh": Zsh, "fish": Fish}[name](name, folder)
        return run(globals(), lambda scenario: (shell,))


if __name__ == "__main__":
    sys.exit(main())
