#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes C from the seed rules: embed.py OUTPUT FILE gives the text as seed_rules_document. Blanks
go, lines stay, so that a mistake is told with the line that it is in."""
import json
import pathlib
import sys


def main():
    output, source = (pathlib.Path(argument) for argument in sys.argv[1:])
    lines = [line.strip() for line in source.read_text(encoding="ascii").splitlines()]
    body = "\n    ".join(json.dumps(line + "\n") for line in lines)
    output.write_text(f"/* Generated from {source.name}: do not edit. */\n"
                      "#include \"actors/rule_engine/seed_rules.h\"\n\n"
                      f"const char seed_rules_document[] =\n    {body};\n", encoding="ascii")


if __name__ == "__main__":
    main()
