#!/usr/bin/env python3
"""Holds doc/audit.md and SECURITY.md against the tests that they name as `TEST: CASE` (TEST is Meson's name; CASE a doctest
case, `Class.test_name` of a Python test, or `*` for all of it).

usage: named_tests.py SOURCE BUILD              each is in Meson's list, and its case in one of its sources
       named_tests.py SOURCE BUILD --ran [--quick]   each has run and passed, says the log of the last `meson test`; with
                                                --quick those may be missing whose suites ./test --quick leaves out
exit 0: true, 1: not (one line each)
"""
import json
import pathlib
import re
import sys

DOCUMENTS = ("doc/audit.md", "SECURITY.md")
NAMED = re.compile(r"`([a-z][a-z0-9_-]*): ([^`]+)`")
NOT_QUICK = {"models", "e2e", "clang"}
CASE = re.compile(r"TEST_CASE(?:_FIXTURE)?\((?:\w+,\s*)?((?:\"(?:[^\"\\]|\\.)*\"\s*)+)")


def named(source: pathlib.Path) -> dict[tuple[str, str], str]:
    """(test, case) -> where it is named first."""
    found: dict[tuple[str, str], str] = {}
    for document in DOCUMENTS:
        for number, line in enumerate((source / document).read_text(encoding="utf-8").splitlines(), 1):
            for test, case in NAMED.findall(line):
                found.setdefault((test, case), f"{document}:{number}")
    return found


def cases_of(path: pathlib.Path) -> set[str]:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        found, name = set(), ""
        for line in text.splitlines():
            if match := re.match(r"class (\w+)", line):
                name = match[1]
            elif match := re.match(r"    def (test_\w+)", line):
                found.add(f"{name}.{match[1]}")
        return found
    return {"".join(re.findall(r'"((?:[^"\\]|\\.)*)"', literals)).replace('\\"', '"') for literals in CASE.findall(text)}


def sources_of(test: dict, targets: dict) -> list[pathlib.Path]:
    programs = [targets[i] for i in test["depends"] if i in targets]
    scripts = [pathlib.Path(part) for part in test["cmd"] if part.endswith("_test.py") or part.endswith(".py")]
    if scripts:
        return scripts
    own = [t for t in programs if test["cmd"][0] in t["filename"]]
    return [pathlib.Path(file) for t in own for group in t["target_sources"] for file in group.get("sources", [])]


def check(source: pathlib.Path, build: pathlib.Path) -> list[str]:
    tests = {t["name"]: t for t in json.loads((build / "meson-info/intro-tests.json").read_text())}
    targets = {t["id"]: t for t in json.loads((build / "meson-info/intro-targets.json").read_text())}
    problems = []
    for (name, case), where in named(source).items():
        if name not in tests:
            problems.append(f"{where}: there is no test '{name}' in this build")
        elif case != "*" and not any(case in cases_of(f) for f in sources_of(tests[name], targets) if f.exists()):
            problems.append(f"{where}: test '{name}' has no case '{case}'")
    return problems


def check_ran(source: pathlib.Path, build: pathlib.Path, quick: bool) -> list[str]:
    suites = {t["name"]: {s.split(":")[-1] for s in t["suite"]}
              for t in json.loads((build / "meson-info/intro-tests.json").read_text())}
    log = build / "meson-logs/testlog.json"
    results = {r["name"].split(" / ")[-1]: r["result"] for r in map(json.loads, log.read_text().splitlines())} if log.exists() else {}
    problems = []
    for name, where in {test: where for (test, _), where in reversed(named(source).items())}.items():
        if quick and suites.get(name, set()) & NOT_QUICK:
            continue
        if (result := results.get(name, "not run")) != "OK":
            problems.append(f"{where}: names test '{name}': {result}")
    return problems


def main() -> int:
    if len(sys.argv) < 3:
        print(__doc__)
        return 2
    source, build = (pathlib.Path(argument).resolve() for argument in sys.argv[1:3])
    ran = "--ran" in sys.argv
    problems = check_ran(source, build, "--quick" in sys.argv) if ran else check(source, build)
    if not ran and len(named(source)) < 50:
        problems.append(f"only {len(named(source))} tests are named: this check reads them wrongly")
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
