#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Conversion of 100,000 random amounts, compared with Python's Decimal: currencies of 0, 2, 3 and 4
decimals, each way between two currencies, amounts and rates of any size, with and without spread.

usage: test_rates.py PROGRAM [CASES] [SEED]
"""
import decimal
import random
import subprocess
import sys

EXPONENTS = (0, 2, 3, 4)
PARTS = 1_000_000
LARGEST = 2 ** 128 - 1
Decimal = decimal.Decimal


def some_rate(rng):
    """Text of a rate with at most 18 digits, of which at most 18 after the point."""
    digits = rng.randrange(1, 10 ** rng.randint(1, 18))
    scale = rng.randint(0, 18)
    return f"{Decimal(digits).scaleb(-scale):f}"


def some_way(rng):
    return [(rng.choice("*/"), some_rate(rng)) for _ in range(rng.choice((0, 1, 1, 1, 2, 2)))]


def some_amount(rng):
    return min(rng.randrange(10 ** rng.randint(1, 40)), LARGEST)


def fraction(way):
    """The way's rate as numerator and denominator, exactly."""
    above, below = Decimal(1), Decimal(1)
    for what, rate in way:
        if what == "*":
            above *= Decimal(rate)
        else:
            below *= Decimal(rate)
    return above, below


def expected(what, amount, from_decimals, to_decimals, spread, way):
    above, below = fraction(way)
    if what == "source":
        above, below = below, above
        from_decimals, to_decimals = to_decimals, from_decimals
        above, below = above * PARTS, below * (PARTS - spread)
    else:
        above, below = above * (PARTS - spread), below * PARTS
    above = (above * amount).scaleb(to_decimals)
    below = below.scaleb(from_decimals)
    whole, rest = divmod(above, below)
    if what == "source" and rest > 0:
        whole += 1
    if what == "even" and (rest * 2 > below or (rest * 2 == below and whole % 2 == 1)):
        whole += 1
    return "overflow" if whole > LARGEST else f"{whole:f}"


def shown(way):
    above, below = fraction(way)
    if all(what == "*" for what, _ in way):
        text = f"{above:f}"
        if "." in text:
            text = text.rstrip("0").rstrip(".")
        digits = text.replace(".", "").lstrip("0")
        if len(digits) <= 18 and (len(text.split(".")[1]) if "." in text else 0) <= 18:
            return text
    with decimal.localcontext() as twelve:
        twelve.prec, twelve.rounding = 12, decimal.ROUND_HALF_EVEN
        value = above / below
    value += Decimal(0).scaleb(value.adjusted() - 11)  # zeros behind, up to twelve digits
    return f"{value:f}"


def main():
    program = sys.argv[1]
    cases = int(sys.argv[2]) if len(sys.argv) > 2 else 100_000
    rng = random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else 1)
    context = decimal.getcontext()
    context.prec, context.Emax, context.Emin = 400, 999_999, -999_999
    context.traps[decimal.Inexact] = True
    lines, wanted = [], []
    for case in range(cases):
        way = some_way(rng)
        steps = "".join(f" {what}{rate}" for what, rate in way)
        if case % 10 == 0:
            with decimal.localcontext() as inexact:
                inexact.traps[decimal.Inexact] = False
                wanted.append(shown(way))
            lines.append(f"shown{steps}")
            continue
        what = rng.choice(("target", "even", "source"))
        numbers = (some_amount(rng), rng.choice(EXPONENTS), rng.choice(EXPONENTS),
                   rng.choice((0, 0, 5_000, rng.randrange(PARTS))))
        lines.append(" ".join([what, *map(str, numbers)]) + steps)
        wanted.append(expected(what, *numbers, way))
    found = subprocess.run([program], input="\n".join(lines) + "\n", capture_output=True, text=True,
                           check=True).stdout.split("\n")[:-1]
    wrong = [f"{line}: {is_} instead of {should}"
             for line, is_, should in zip(lines, found, wanted) if is_ != should]
    print("\n".join(wrong[:20]))
    print(f"{len(found)} answers, {len(wrong)} wrong, {wanted.count('overflow')} beyond 128 bits")
    return 1 if wrong or len(found) != cases else 0


if __name__ == "__main__":
    sys.exit(main())
