#!/usr/bin/env python3
"""Holds README and doc/ against the tree: files and programs they name exist, no machine's path is in them.

usage: check_documents.py [ROOT]     exit 0: true, 1: not (one line each)
"""
import pathlib
import re
import sys

PATHS = re.compile(r"`((?:doc|data|tools|tests|core|capture|stt|brain|tts|player|memory|supervisor|top|web)/[\w./-]*\w)`")
LINKS = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


def problems_of(root: pathlib.Path, file: pathlib.Path) -> list[str]:
    found = []
    text = file.read_text(encoding="utf-8")
    for number, line in enumerate(text.splitlines(), 1):
        where = f"{file.relative_to(root)}:{number}: "
        named = [m.group(1) for m in PATHS.finditer(line)]
        named += [str((file.parent / m.group(1)).resolve().relative_to(root)) for m in LINKS.finditer(line)]
        for name in named:
            if not (root / name).exists():
                found.append(where + f"names {name}, which does not exist")
        if re.search(r"(^|[^\w.])/(work|home|root)/", line):
            found.append(where + "names a path of one machine")
    return found


def main() -> int:
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    files = [root / "README.md", *sorted((root / "doc").glob("*.md"))]
    problems = [p for f in files if f.exists() for p in problems_of(root, f)]
    if not (root / "README.md").exists():
        problems.append("README.md is missing")
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
