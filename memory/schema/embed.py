#!/usr/bin/env python3
"""Compiles the migrations in: embed.py OUT.cpp 0001_x.sql ... The number in front of the name is the version."""
import pathlib
import sys

out, files = sys.argv[1], [pathlib.Path(f) for f in sys.argv[2:]]
rows = []
for file in sorted(files):
    # Pieces, because a compiler need not take a string literal above 64 KiB.
    text = file.read_text(encoding="utf-8")
    pieces = [text[i:i + 8000] for i in range(0, len(text), 8000)]
    literal = "\n".join(f'R"__sql__({p})__sql__"' for p in pieces)
    rows.append(f'    {{{int(file.name.split("_")[0])}, "{file.name}",\n{literal}}},')
body = "\n".join(rows)
pathlib.Path(out).write_text(f"""#include "schema/schema.hpp"

namespace prot::memory {{
namespace {{
constexpr Migration kMigrations[] = {{
{body}
}};
}}  // namespace
std::span<const Migration> migrations() noexcept {{ return kMigrations; }}
}}  // namespace prot::memory
""", encoding="utf-8")
