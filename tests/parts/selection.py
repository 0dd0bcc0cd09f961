#!/usr/bin/env python3
"""Which tests run in which instrumented build, and what must be built for them.

usage: selection.py tests BUILD TREE SUITE|TEST...   names of the tests, without what left_out.txt says of TREE
       selection.py targets BUILD TEST...            files below BUILD: prot's programs, and what these tests need
       selection.py header BUILD HEADER              the command that compiles HEADER beforehand, as BUILD's sources are
       selection.py check BUILD                      says which tests of BUILD a part neither chooses nor names in left_out.txt

Exit 1 with one line when a line of left_out.txt means no test at all: it would hide that a test has another name now.
"""
import fnmatch
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

LEFT_OUT = pathlib.Path(__file__).with_name("left_out.txt")
CHOSEN = re.compile(r"^ *choose_tests (\w+) ([\w -]+)$", re.MULTILINE)
PROGRAM = re.compile(r"prot(-[a-z]+)?")


def introspect(build: str, what: str) -> list[dict]:
    done = subprocess.run(["meson", "introspect", build, what], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def read_left_out(text: str, tree: str) -> list[str]:
    """The patterns of one tree. A line: TREE (* all of them), PATTERN of names or suite:NAME, why."""
    patterns = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        words = line.split(None, 2)
        if len(words) < 3:
            sys.exit(f"left_out.txt:{number}: wants TREE, PATTERN and why")
        if words[0] in (tree, "*"):
            patterns.append(words[1])
    return patterns


def suites(test: dict) -> set[str]:
    return {s.split(":")[-1] for s in test["suite"]}


def choose(tests: list[dict], wanted: set[str], patterns: list[str]) -> list[str]:
    """A pattern of a suite only says why that is not wanted."""
    names = {t["name"] for t in tests}
    patterns = [p for p in patterns if not p.startswith("suite:")]
    for pattern in patterns:
        if not fnmatch.filter(names, pattern):
            sys.exit(f"left_out.txt: no test is called {pattern}")
    return sorted(t["name"] for t in tests
                  if wanted & {t["name"], *suites(t)} and not any(fnmatch.fnmatch(t["name"], p) for p in patterns))


def wanted_by(scripts: list[str]) -> dict[str, set[str]]:
    """Tree -> suites and tests that the parts choose."""
    wanted: dict[str, set[str]] = {}
    for text in scripts:
        for tree, words in CHOSEN.findall(text):
            wanted.setdefault(tree, set()).update(words.split())
    return wanted


def unexplained(tests: list[dict], tree: str, wanted: set[str], patterns: list[str]) -> list[str]:
    """What this tree neither runs nor says why; and what it gives a reason for and runs all the same."""
    problems = []
    others = [t for t in tests if not wanted & {t["name"], *suites(t)}]
    for test in others:
        if not any(fnmatch.fnmatch(w, p) for p in patterns for w in (test["name"], *(f"suite:{s}" for s in suites(test)))):
            problems.append(f"left_out.txt: nothing says why {tree} does not run {test['name']}")
    for pattern in patterns:
        suite = pattern.removeprefix("suite:")
        if suite != pattern and any(suite in suites(t) for t in tests) and not any(suite in suites(t) for t in others):
            problems.append(f"left_out.txt: {tree} runs all of suite {suite}")
    return problems


def needed(build: str, names: set[str]) -> list[str]:
    targets = introspect(build, "--targets")
    wanted = {d for t in introspect(build, "--tests") if t["name"] in names for d in t["depends"]}
    root = os.path.abspath(build)
    return [os.path.relpath(t["filename"][0], root) for t in targets
            if t["id"] in wanted or t["type"] == "executable" and PROGRAM.fullmatch(t["name"])]


def header_command(command: str, header: str) -> str:
    """A source's command, made one for a header. Compiled without a cache: ccache takes it for the sources alone."""
    words = shlex.split(command)
    words = words[next(i for i, w in enumerate(words) if re.search(r"(^|/)(g|c|clang)\+\+[-\d]*$", w)):]
    kept, skip = [], False
    for word in words:
        if skip or re.match(r"-(MD|I|D(?!NDEBUG|_))|--coverage", word):
            skip = False
        elif word in ("-o", "-MF", "-MQ", "-c", "-include"):
            skip = True
        else:
            kept.append(word)
    return shlex.join([*kept, "-w", "-x", "c++-header", header, "-o", f"{header}.gch"])


def main() -> int:
    mode, build, *rest = sys.argv[1:]
    if mode == "header":
        entry = json.loads((pathlib.Path(build) / "compile_commands.json").read_text(encoding="utf-8"))[0]
        print(header_command(entry["command"], rest[0]))
    elif mode == "check":
        text = LEFT_OUT.read_text(encoding="utf-8")
        parts = wanted_by([p.read_text(encoding="utf-8") for p in LEFT_OUT.parent.glob("*.sh")])
        tests = introspect(build, "--tests")
        problems = [words for tree, wanted in parts.items() for words in unexplained(tests, tree, wanted, read_left_out(text, tree))]
        print("\n".join(problems or [f"{len(parts)} parts name what they leave out"]))
        return 1 if problems or not parts else 0
    elif mode == "tests":
        patterns = read_left_out(LEFT_OUT.read_text(encoding="utf-8"), rest[0])
        print("\n".join(choose(introspect(build, "--tests"), set(rest[1:]), patterns)))
    else:
        print("\n".join(needed(build, set(rest))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
