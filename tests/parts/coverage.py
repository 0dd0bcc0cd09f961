#!/usr/bin/env python3
"""Which lines of prot's programs the tests have run, by folder, from the counts that they left.

usage: coverage.py COUNTS BUILD FLOORS

Fetches the counts to the objects below BUILD, asks gcovr, writes BUILD/uncovered.txt (the lines that never ran, by file) and
prints a table and "coverage: lines NN.N %". Exit 1, with the reason as its last line, when all of prot is below 85 % or a
folder below its floor. FLOORS has a line for each folder: its name, the per cent, and why where that is below 85.
"""
import collections
import json
import pathlib
import subprocess
import sys

TOTAL = 85.0
FOLDERS = ("core", "capture", "stt", "brain", "tts", "player", "memory", "supervisor", "top", "web")


class Uncounted(Exception):
    """Why there is no share."""


def fetch(counts: pathlib.Path, build: pathlib.Path) -> int:
    """Each file is called after the place where the compiler saw its object, with # for /. The compiler's cache may have it
    from another checkout, so only what follows the build folder's name counts."""
    fetched = 0
    marker = "#build#coverage#"
    for file in counts.glob("*.gcda"):
        place = build / file.name.rpartition(marker)[2].replace("#", "/")
        if marker in file.name and place.with_suffix(".gcno").exists():
            place.write_bytes(file.read_bytes())
            fetched += 1
    return fetched


def ask_gcovr(root: pathlib.Path, build: pathlib.Path) -> dict:
    report = build / "coverage.json"
    filters = [word for folder in FOLDERS for word in ("--filter", f"{root}/{folder}/")]
    report.unlink(missing_ok=True)
    status = subprocess.run(["gcovr", "-r", root, "-j", "2", *filters, "--exclude-unreachable-branches", "--json", report, build],
                            check=False, stdout=subprocess.DEVNULL).returncode
    if status != 0:
        raise Uncounted(f"gcovr ended with status {status}")
    return json.loads(report.read_text(encoding="utf-8"))


def folder_of(name: str) -> str:
    parts = name.split("/")
    return "/".join(parts[:2]) if parts[0] == "core" else parts[0]


def lines_of(report: dict) -> tuple[dict, dict]:
    """Folder -> [run, all]; file -> numbers of the lines that never ran."""
    folders, missing = collections.defaultdict(lambda: [0, 0]), {}
    for file in report["files"]:
        counted = [line for line in file["lines"] if not line.get("gcovr/noncode") and not line.get("gcovr/excluded")]
        never = [line["line_number"] for line in counted if line["count"] == 0]
        for key in (folder_of(file["file"]), "all"):
            folders[key][0] += len(counted) - len(never)
            folders[key][1] += len(counted)
        if never:
            missing[file["file"]] = never
    return folders, missing


def ranges(numbers: list[int]) -> str:
    words, start = [], None
    for number, following in zip(numbers, [*numbers[1:], -1]):
        start = number if start is None else start
        if following != number + 1:
            words.append(str(number) if start == number else f"{start}-{number}")
            start = None
    return ",".join(words)


def read_floors(text: str) -> tuple[dict[str, float], list[str]]:
    floors, problems = {}, []
    for line in text.splitlines():
        words = line.split(None, 2)
        if not words or words[0].startswith("#"):
            continue
        try:
            floors[words[0]] = float(words[1])
        except (IndexError, ValueError):
            raise Uncounted(f"a floor is no number: {line}") from None
        if floors[words[0]] < TOTAL and len(words) < 3:
            problems.append(f"the floor of {words[0]} is below {TOTAL:.0f} % without a reason")
    return floors, problems


def judge(folders: dict, floors: dict[str, float]) -> list[str]:
    """What is below its floor; a folder without one, and a floor without a folder, are mistakes too."""
    problems = []
    for name, (run, all_lines) in sorted(folders.items()):
        share = 100 * run / all_lines
        floor = TOTAL if name == "all" else floors.get(name)
        if floor is None:
            problems.append(f"{name} has no floor")
        elif share < floor:
            problems.append(f"{name} is at {share:.1f} %, its floor is {floor:.1f} %")
    return problems + [f"there is no folder {name}" for name in floors if name not in folders]


def count() -> int:
    counts, build, floor_file = (pathlib.Path(a).resolve() for a in sys.argv[1:])
    root = pathlib.Path.cwd().resolve()
    if fetch(counts, build) == 0:
        raise Uncounted("no program left a count")
    folders, missing = lines_of(ask_gcovr(root, build))
    if not folders:
        raise Uncounted("gcovr saw no line of prot")
    floors, problems = read_floors(floor_file.read_text(encoding="utf-8"))
    (build / "uncovered.txt").write_text(
        "".join(f"{name}: {len(never)}: {ranges(never)}\n" for name, never in sorted(missing.items())), encoding="utf-8")
    print(f"{'folder':<16}{'lines':>8}{'never':>8}{'run %':>8}{'floor':>8}")
    for name, (run, all_lines) in sorted(folders.items()):
        floor = floors.get(name, TOTAL)
        print(f"{name:<16}{all_lines:>8}{all_lines - run:>8}{100 * run / all_lines:>8.1f}{floor:>8.1f}")
    print(f"what never ran: {build / 'uncovered.txt'}")
    run, all_lines = folders["all"]
    print(f"coverage: lines {100 * run / all_lines:.1f} %")
    problems += judge(folders, floors)
    if problems:
        print("coverage: " + "; ".join(problems))
    return 1 if problems else 0


def main() -> int:
    try:
        return count()
    except (Uncounted, OSError, json.JSONDecodeError) as problem:
        print(f"coverage: the lines could not be counted: {problem}")
        return 1


if __name__ == "__main__":
    sys.exit(main())
