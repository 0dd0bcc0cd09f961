#!/usr/bin/env python3
"""Checks that every C++ file is as clang-format 14 would write it. exit 0: yes, 1: no, 77: not installed. What passed is
remembered."""
import pathlib
import shutil
import subprocess
import sys

from remembered import Remembered, version

FOLDERS = ["core", "capture", "stt", "brain", "tts", "player", "memory", "supervisor", "top", "web", "tests"]


def main() -> int:
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    program = shutil.which("clang-format-14")
    if program is None:
        print("clang-format-14 is not installed")
        return 77
    files = sorted(str(f) for folder in FOLDERS for f in (root / folder).rglob("*.[ch]pp"))
    checked = Remembered("format", version(program, "--version"), (root / ".clang-format").read_bytes())
    fresh = {f: key for f in files if not checked.has(key := checked.key(pathlib.Path(f).read_bytes()))}
    if not fresh:
        return 0
    done = subprocess.run([program, "--dry-run", "-Werror", "--style=file", *fresh], capture_output=True, text=True)
    print(done.stderr, end="")
    if done.returncode != 0:
        return 1
    checked.add(list(fresh.values()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
