#!/usr/bin/env python3
"""Writes a text file as a C++ source that defines it: std::string_view NAMESPACE::NAME().

usage: embed_text.py FILE OUT.cpp NAMESPACE NAME

A line "@include OTHER@" stands for the file OTHER beside it.
"""
import pathlib
import re
import sys


def text_of(file: pathlib.Path) -> bytes:
    return re.sub(rb"^@include ([\w.]+)@\n", lambda found: text_of(file.parent / found[1].decode()), file.read_bytes(), flags=re.MULTILINE)


def main(argv: list[str]) -> int:
    if len(argv) != 5:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    data = text_of(pathlib.Path(argv[1]))
    rows = [", ".join(f"'\\x{byte:02x}'" for byte in data[i:i + 16]) for i in range(0, len(data), 16)]
    pathlib.Path(argv[2]).write_text(
        f"// Made of {pathlib.Path(argv[1]).name}.\n#include <string_view>\n\nnamespace {argv[3]} {{\n"
        f"std::string_view {argv[4]}() noexcept;\n"
        f"std::string_view {argv[4]}() noexcept {{\n  static constexpr char kText[] = {{\n    "
        + ",\n    ".join(rows) + "};\n  return {kText, sizeof kText};\n}\n}\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
