#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes C from files: embed.py OUTPUT FILE... gives each file as `document_<name>_<suffix>`, plain
and compressed. JSON loses its blanks. Megabytes compile in a moment as text, not as numbers."""
import gzip
import hashlib
import json
import pathlib
import re
import sys


# A byte within a string literal; '?' might begin a trigraph.
WRITTEN = [chr(byte) if 0x20 <= byte < 0x7F and chr(byte) not in '"\\?' else f"\\{byte:03o}"
           for byte in range(256)]


def array(name, data):
    rows = ["".join(WRITTEN[byte] for byte in data[at:at + 80]) for at in range(0, len(data), 80)]
    body = "\n    ".join(f'"{row}"' for row in rows) or '""'
    return f"static const unsigned char {name}[] =\n    {body};\n"


def document(path):
    data = path.read_bytes()
    if path.suffix == ".json":
        data = json.dumps(json.loads(data), separators=(",", ":"), ensure_ascii=False).encode()
    name = re.sub(r"\W", "_", path.name)
    tag = hashlib.sha256(data).hexdigest()[:16]
    return (array(name, data) + array(f"{name}_gzip", gzip.compress(data, 9, mtime=0)) +
            f"const struct document document_{name} = {{\n    {name}, sizeof {name} - 1, "
            f"{name}_gzip, sizeof {name}_gzip - 1, \"{tag}\"}};\n")


def main():
    output, *files = (pathlib.Path(argument) for argument in sys.argv[1:])
    content = "/* Generated from gateway_bridge/docs: do not edit. */\n"
    content += "#include \"gateway_bridge/docs/documents.h\"\n\n"
    content += "#pragma GCC diagnostic ignored \"-Woverlength-strings\"\n\n"
    content += "\n".join(document(path) for path in files)
    output.write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main()
