#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes C from files: embed.py OUTPUT FILE... gives each file as `document_<name>_<suffix>`, plain
and compressed. JSON loses its blanks."""
import gzip
import hashlib
import json
import pathlib
import re
import sys


def array(name, data):
    rows = [", ".join(str(byte) for byte in data[at:at + 20]) for at in range(0, len(data), 20)]
    body = ",\n    ".join(rows)
    return f"static const unsigned char {name}[] = {{\n    {body}}};\n"


def document(path):
    data = path.read_bytes()
    if path.suffix == ".json":
        data = json.dumps(json.loads(data), separators=(",", ":"), ensure_ascii=False).encode()
    name = re.sub(r"\W", "_", path.name)
    tag = hashlib.sha256(data).hexdigest()[:16]
    return (array(name, data) + array(f"{name}_gzip", gzip.compress(data, 9, mtime=0)) +
            f"const struct document document_{name} = {{\n    {name}, sizeof {name}, {name}_gzip, "
            f"sizeof {name}_gzip, \"{tag}\"}};\n")


def main():
    output, *files = (pathlib.Path(argument) for argument in sys.argv[1:])
    content = "/* Generated from gateway_bridge/docs: do not edit. */\n"
    content += "#include \"gateway_bridge/docs/documents.h\"\n\n"
    content += "\n".join(document(path) for path in files)
    output.write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main()
