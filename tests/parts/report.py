#!/usr/bin/env python3
"""What ./test says at its end, from Meson's log of the tests: who was skipped, who failed, "N passed, N failed".

usage: report.py STATUS-OF-MESON TESTLOG.json... -- [FAILURE...]     exit 0: something passed and nothing failed
       report.py --failed TESTLOG.json                               the tests that failed, by the names that Meson takes

A log has one JSON object a line; one that is not there had no tests. Skipped tests are named and not counted. A test that
is in two logs was tried again, alone: the second try counts, and one that passed then is told as such. Each FAILURE
that is not empty counts as one, and is told as "found: FAILURE": it is no test that failed, but what looked on.
$CLOSING_LINE comes before the last line. Where $FAILURES names a file, what failed is added to it with the most telling lines
of its output: the output of many parts is long, and what keeps it may keep its end alone.
"""
import json
import os
import pathlib
import re
import sys

TELLING = re.compile(r"fail|error|exception|assert|expected|missing|timed? ?out|found", re.IGNORECASE)
LINES, WIDTH = 15, 160  # of one failure: so many telling lines and so many last ones

# prot's own log, which often speaks of errors that a test makes: beside the words of the test itself it tells nothing.
LOG = re.compile(r"\d\d:\d\d:\d\d\.\d+ (DEBUG|INFO|WARN|ERROR) ")

GOOD = {"OK", "EXPECTEDFAIL"}


def digest(result: dict) -> str:
    """The telling lines of a test's output and its last ones, in their order."""
    lines = [line.rstrip() for line in (result.get("stdout", "") + result.get("stderr", "")).splitlines() if line.strip()]
    lines = [line for line in lines if not LOG.match(line)] or lines
    last = len(lines) - LINES
    telling = [i for i, line in enumerate(lines[:max(last, 0)]) if TELLING.search(line)][-LINES:]
    kept = [lines[i] for i in telling] + lines[max(last, 0):]
    heading = f"failed: {result['name']}: {result['result']} after {result.get('duration', 0):.0f} s"
    return "\n".join([heading, *(f"    {line[:WIDTH]}" for line in kept)]) + "\n"


def read(logs: list[str]) -> list[dict]:
    paths = map(pathlib.Path, logs)
    return [json.loads(line) for path in paths if path.exists() for line in path.read_text(encoding="utf-8").splitlines()]


def is_bad(result: dict) -> bool:
    return result["result"] not in GOOD | {"SKIP"}


def main() -> int:
    status, *rest = sys.argv[1:]
    if status == "--failed":
        for result in filter(is_bad, read(rest)):
            print(result["name"].split(" / ")[-1])
        return 0
    end = rest.index("--")
    tries, failures = read(rest[:end]), [f for f in rest[end + 1:] if f]
    last: dict[str, dict] = {}
    for r in tries:
        if r["result"] != "SKIP" or r["name"] not in last:
            last[r["name"]] = r
    results = list(last.values())
    passed = [r["name"] for r in results if r["result"] in GOOD]
    failed = [r["name"] for r in results if is_bad(r)]
    for r in results:
        if r["result"] == "SKIP":
            print(f"skipped: {r['name']}")
    for r in tries:
        if is_bad(r) and r["name"] not in failed:
            print(f"failed, then passed alone: {r['name']}")
    for name in failed:
        print(f"failed: {name}")
    for words in failures:
        print(f"found: {words}")
    if os.environ.get("FAILURES"):
        with open(os.environ["FAILURES"], "a", encoding="utf-8") as file:
            file.writelines(digest(r) for r in results if r["name"] in failed)
            file.writelines(f"found: {words}\n" for words in failures)
    if not results:
        print("no test was run")
    elif not failed and status != "0":
        print(f"meson test ended with status {status}")
        failed.append("meson test")
    bad = len(failed) + len(failures)
    if os.environ.get("CLOSING_LINE"):
        print(os.environ["CLOSING_LINE"])
    print(f"{len(passed)} passed, {bad} failed")
    return 0 if passed and not bad else 1


if __name__ == "__main__":
    sys.exit(main())
