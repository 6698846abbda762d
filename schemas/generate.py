#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes code, documents and tests from the declarations in this folder; README.md says which."""
import argparse
import sys
from pathlib import Path

sys.dont_write_bytecode = True
from generator import (copies, declarations, json_code, openapi, states, structs,  # noqa: E402
                       tables, tests)


def outputs(schema, version):
    """File name to content, in a fixed order."""
    made = {
        "result.h": tables.result_header(schema),
        "result.c": tables.result_source(schema),
        "currency_table.c": tables.currency_table(schema),
        "catalog.h": tables.catalog_header(schema),
        "catalog.c": tables.catalog_source(schema),
        "refusals.h": tables.refusals_header(schema),
        "openapi.json": openapi.document(schema, version),
        "test_states.c": tests.states(schema),
    }
    for port in schema.ports.values():
        made[f"openapi_{port.name}.json"] = openapi.document(schema.at_port(port), version)
    for service in schema.services:
        made[f"{service}.h"] = structs.header(schema, service, copies.header(schema, service))
        made[f"{service}.c"] = structs.source(schema, service)
        made[f"{service}_states.h"] = states.header(schema, service)
        made[f"{service}_states.c"] = states.source(schema, service)
        made[f"{service}_json.c"] = json_code.source(schema, service)
        made[f"test_{service}_messages.c"] = tests.source(schema, service)
    return made


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, help="folder to write to")
    parser.add_argument("--check", action="store_true", help="only say whether all is well")
    parser.add_argument("--declarations", type=Path, nargs="+",
                        default=[Path(__file__).resolve().parent],
                        help="folders of the .toml files, the first that has one wins "
                        "(default: this script's)")
    parser.add_argument("--services", help="comma-separated, in the order of their use")
    parser.add_argument("--version", default="0.0.0", help="of the product, for the documents")
    options = parser.parse_args()
    if options.out is None and not options.check:
        parser.error("--out or --check is needed")
    services = None if options.services is None else \
        [s for s in options.services.split(",") if s]
    try:
        made = outputs(declarations.load(options.declarations, services), options.version)
    except declarations.DeclarationError as e:
        print(f"generate.py: {e}", file=sys.stderr)
        return 1
    if options.check:
        return 0
    options.out.mkdir(parents=True, exist_ok=True)
    for name, content in made.items():
        (options.out / name).write_text(content, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
