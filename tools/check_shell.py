#!/usr/bin/env python3
"""Checks the shell scripts with shellcheck, warnings and errors. exit 0: clean, 1: not, 77: not installed. What passed is
remembered.

usage: check_shell.py [ROOT]     A script is a file that names its shell in its first lines, whatever it is called.
"""
import pathlib
import re
import shutil
import subprocess
import sys

from remembered import Remembered, version

SHELL = re.compile(rb"^#!.*\b(ba|da)?sh\b|^# shellcheck shell=", re.MULTILINE)
ELSEWHERE = re.compile(r"build(-.*)?|\.git|demo|shared")


def scripts(root: pathlib.Path) -> list[str]:
    found = []
    for place in sorted(root.iterdir()):
        if ELSEWHERE.fullmatch(place.name):
            continue
        for file in [place] if place.is_file() else sorted(place.rglob("*")):
            if file.suffix in ("", ".sh") and file.is_file() and not file.is_symlink():
                with file.open("rb") as text:
                    if SHELL.search(text.read(600)):
                        found.append(str(file))
    return found


def main() -> int:
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    if shutil.which("shellcheck") is None:
        print("shellcheck is not installed")
        return 77
    found = scripts(root)
    if not found:
        print(f"no script under {root}")
        return 1
    checked = Remembered("shell", version("shellcheck", "--version"))
    # One reads the other, by its name.
    key = checked.key(*(part for file in map(pathlib.Path, found)
                        for part in (str(file.relative_to(root)).encode(), file.read_bytes())))
    if checked.has(key):
        return 0
    status = subprocess.run(["shellcheck", "-x", "-P", root, "-S", "warning", *found], cwd=root, check=False).returncode
    if status == 0:
        checked.add([key])
    return status


if __name__ == "__main__":
    sys.exit(main())
