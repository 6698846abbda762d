#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the simulator says of a seed that fails: how to repeat it, and what happened until then."""
import re
import subprocess
import sys

SEEDS = 40  # one of them meets the mutant

done = subprocess.run([sys.argv[1], "--seeds", str(SEEDS), "--mutant", "post_twice"],
                      capture_output=True, text=True, check=False)
assert done.returncode == 1, done
*failures, summary = done.stdout.splitlines()
seed = re.match(r"seed (\d+), step \d+ ", failures[0])[1]
assert re.search(rf"again: .*--seed {seed} --trace --mutant post_twice", failures[1]), failures[1]
done = subprocess.run([sys.argv[1], "--seed", seed, "--mutant", "post_twice"],
                      capture_output=True, text=True, check=False)
summary = done.stdout.splitlines()[-1]
asked, steps = [int(re.search(rf"(\d+) {what}", summary)[1]) for what in ("requests", "steps")]
assert asked > 0 and steps > 0, summary
