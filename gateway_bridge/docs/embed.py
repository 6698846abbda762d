#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes C from files: embed.py OUTPUT FILE... gives each file as `document_<name>_<suffix>`.
JSON loses its blanks."""
import json
import pathlib
import re
import sys


def array(path):
    data = path.read_bytes()
    if path.suffix == ".json":
        data = json.dumps(json.loads(data), separators=(",", ":"), ensure_ascii=False).encode()
    name = re.sub(r"\W", "_", path.name)
    rows = [", ".join(str(byte) for byte in data[at:at + 20]) for at in range(0, len(data), 20)]
    body = ",\n    ".join(rows)
    return (f"static const unsigned char {name}[] = {{\n    {body}}};\n"
            f"const struct document document_{name} = {{{name}, sizeof {name}}};\n")


def main():
    output, *files = (pathlib.Path(argument) for argument in sys.argv[1:])
    content = "/* Generated from gateway_bridge/docs: do not edit. */\n"
    content += "#include \"gateway_bridge/docs/documents.h\"\n\n"
    content += "\n".join(array(path) for path in files)
    output.write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main()
