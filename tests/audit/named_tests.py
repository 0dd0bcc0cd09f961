#!/usr/bin/env python3
"""Holds doc/audit.md and SECURITY.md against the tests that they name as `TEST: CASE` (TEST is Meson's name; CASE a doctest
case, `Class.test_name` of a Python test, or `*` for all of it).

usage: named_tests.py SOURCE BUILD              each is in Meson's list, and its case in one of its sources; each finding
                                                has all that a reader looks for, and the mutations of tests/mutations
       named_tests.py SOURCE BUILD --ran [--quick]   each has run and passed, says the log of the last `meson test`, and
                                                none of its named cases was left out (seen as root alone: some of them need
                                                another user); with --quick those may be missing whose suites
                                                ./test --quick leaves out
exit 0: true, 1: not (one line each)
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import tomllib

DOCUMENTS = ("doc/audit.md", "SECURITY.md")
NAMED = re.compile(r"`([a-z][a-z0-9_-]*): ([^`]+)`")
FINDINGS = [f"F{number}" for number in range(1, 23)]
NOT_QUICK = {"models", "e2e", "clang"}
PART = re.compile(r"^(prot|Status|Tests|Mutation|Evidence|Risk)s?: (.*?)(?=^[A-Z]\w+: |\Z)", re.S | re.M)
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
    broken = {(m["test"], m.get("case", "*")): f"tests/mutations: {m['name']}" for m in mutations_of(source, "findings.toml", "parts.toml")}
    for (name, case), where in {**broken, **named(source)}.items():
        if name not in tests:
            problems.append(f"{where}: there is no test '{name}' in this build")
        elif case != "*" and not any(case in cases_of(f) for f in sources_of(tests[name], targets) if f.exists()):
            problems.append(f"{where}: test '{name}' has no case '{case}'")
    return problems


def mutations_of(source: pathlib.Path, *files: str) -> list[dict]:
    return [m for f in files for m in tomllib.loads((source / "tests/mutations" / f).read_text(encoding="utf-8"))["mutation"]]


def check_findings(source: pathlib.Path) -> list[str]:
    """Each of them says what it is, how it is tested and broken, what that showed, and what is left of it."""
    text = (source / "doc/audit.md").read_text(encoding="utf-8")
    mutations = mutations_of(source, "findings.toml")
    problems = []
    for finding in FINDINGS:
        section = re.search(rf"^### {finding} .*?(?=^### |^## |\Z)", text, re.S | re.M)
        parts = dict(PART.findall(section[0] if section else ""))
        problems += [f"doc/audit.md: {finding} has no '{part}'" for part in ("prot", "Status", "Tests", "Mutation", "Evidence", "Risk")
                     if part not in parts]
        told = set(re.findall(r"`([^`]+)`", parts.get("Mutation", "")))
        there = {m["name"] for m in mutations if m["finding"] == finding}
        problems += [f"doc/audit.md: {finding} and tests/mutations/findings.toml disagree about '{name}'" for name in sorted(told ^ there)]
    return problems


def left_out(case: str, test: dict, output: str) -> bool:
    """Was this case not among those that ran, although its test passed?"""
    if any(part.endswith(".py") for part in test["cmd"]):
        name, method = case.split(".")
        told = re.search(rf"^{method} \(\S*\b{name}\b[^)]*\).*?\.\.\. (skipped)?", output, re.M | re.S)
        return told is None or bool(told[1])  # without -v nobody says which: each may be the one
    # Without running any: not what is decorated with skip(), nor what the compiler has not seen.
    listed = subprocess.run([*test["cmd"], "--list-test-cases"], cwd=test["workdir"], env={**os.environ, **test["env"]},
                            capture_output=True, text=True, timeout=60).stdout
    return case not in listed.splitlines()


def check_ran(source: pathlib.Path, build: pathlib.Path, quick: bool) -> list[str]:
    tests = {t["name"]: t for t in json.loads((build / "meson-info/intro-tests.json").read_text())}
    suites = {name: {s.split(":")[-1] for s in t["suite"]} for name, t in tests.items()}
    log = build / "meson-logs/testlog.json"
    results = {r["name"].split(" / ")[-1]: r for r in map(json.loads, log.read_text().splitlines())} if log.exists() else {}
    problems, told = [], set()
    for (name, case), where in named(source).items():
        if quick and suites.get(name, set()) & NOT_QUICK:
            continue
        result = results.get(name, {"result": "not run"})
        if result["result"] != "OK":
            if name not in told:
                problems.append(f"{where}: names test '{name}': {result['result']}")
            told.add(name)
        elif case != "*" and os.geteuid() == 0 and left_out(case, tests[name], result.get("stdout", "") + result.get("stderr", "")):
            problems.append(f"{where}: names '{case}' of test '{name}', which was left out")
    return problems


def main() -> int:
    if len(sys.argv) < 3:
        print(__doc__)
        return 2
    source, build = (pathlib.Path(argument).resolve() for argument in sys.argv[1:3])
    ran = "--ran" in sys.argv
    problems = check_ran(source, build, "--quick" in sys.argv) if ran else [*check(source, build), *check_findings(source)]
    if not ran and len(named(source)) < 50:
        problems.append(f"only {len(named(source))} tests are named: this check reads them wrongly")
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
