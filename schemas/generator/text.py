# SPDX-License-Identifier: Apache-2.0
"""Text: what all emitters share."""

WIDTH = 100
HEAD = "/* SPDX-License-Identifier: Apache-2.0 */\n"


def comment(text, indent=""):
    """A C comment, wrapped."""
    words, lines, line = text.replace("*/", "* /").split(), [], indent + "/*"
    for word in words:
        if len(line) + 1 + len(word) > WIDTH - 3:
            lines.append(line)
            line = indent + "  "
        line += " " + word
    return "\n".join(lines + [line + " */"]) + "\n"


def quote(text):
    """A C string literal."""
    out = ""
    for byte in text.encode():
        char = chr(byte)
        out += "\\" + char if char in '"\\' else \
            char if 0x20 <= byte < 0x7F else f"\\{byte:03o}"
    return f'"{out}"'


def base64url_length(size):
    """Characters that so many bytes have, without padding."""
    return (size * 4 + 2) // 3


def upper(*parts):
    return "_".join(parts).upper()


def generated(what, sources):
    return HEAD + comment(f"{what} Generated from {sources}.")


def size_of(fields):
    return f"array_len({fields})"
