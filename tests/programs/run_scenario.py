#!/usr/bin/env python3
"""Spoken conversations as data, against the real programs on virtual devices; doc/scenarios.md has the format.

Exit status: 0 all passed, 1 at least one failed, 2 usage or a mistake in a scenario's file, 3 the machine lacks what is
needed (a sound server, a program of prot), 130 interrupted.
"""
import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import threading

HERE = pathlib.Path(__file__)
ROOT = HERE.resolve().parents[2]
for part in ("tests/support", "tools/demo"):
    sys.path.insert(0, str(ROOT / part))
from client import end_by_signal  # noqa: E402
from scenario.format import FormatError, Scenario, load  # noqa: E402
from scenario.keys import STAGES  # noqa: E402
from scenario.run import Result, Runner, group_key  # noqa: E402
from scenario.sounds import make_speech  # noqa: E402
from scenario.workers import Workers, runner_command, runner_environment  # noqa: E402
from scenario.world import World  # noqa: E402

PASSED, FAILED, USAGE, MISSING, INTERRUPTED = 0, 1, 2, 3, 130
SHOWN = 60  # lines of the timeline of a failed scenario


def binaries() -> pathlib.Path:
    """PROT_BIN, or the folder of the link by which this program was called, else build/bin."""
    folder = HERE.parent if HERE.is_symlink() else ROOT / "build" / "bin"
    return pathlib.Path(os.environ.get("PROT_BIN") or folder).absolute()


def scenario_files(names: list[str]) -> list[pathlib.Path]:
    paths = [pathlib.Path(name) for name in names]
    return [file for path in paths for file in (sorted(path.glob("*.toml")) if path.is_dir() else [path])]


def load_all(files: list[pathlib.Path]) -> list[Scenario]:
    problems, scenarios = [], []
    for file in files:
        try:
            scenarios.append(load(file))
        except FormatError as error:
            problems += error.problems
    names = [s.name for s in scenarios]
    problems += [f"{s.path}: another scenario has this name too" for s in scenarios if names.count(s.name) > 1]
    if problems:
        raise FormatError(problems)
    return sorted(scenarios, key=group_key)


def missing(folder: pathlib.Path) -> list[str]:
    tools = [p for p in ("pulseaudio", "pactl", "paplay", "parec", "setpriv") if shutil.which(p) is None]
    programs = ["prot", *(f"prot-{stage}" for stage in STAGES), "run_voice"]
    unbuilt = [folder / p for p in programs if not (folder / p).exists()]
    return [f"{tool} is not installed" for tool in tools] + [f"{path} is missing: build prot" for path in unbuilt]


class Report:
    """One line for each scenario; of one that failed what was expected, what was seen, what happened. Any thread."""

    def __init__(self, as_json: bool):
        self._json = as_json
        self._lock = threading.Lock()
        self.results: list[Result] = []

    def add(self, result: Result) -> None:
        with self._lock:
            self.results.append(result)
            if self._json:
                print(result.to_json(), flush=True)
                return
            print(f"{result.outcome:7} {result.name} ({result.seconds:.1f} s)", flush=True)
            for problem in result.problems:
                print(f"  {problem}", flush=True)
            if result.problems:
                print("\n".join(f"    {line}" for line in result.timeline[-SHOWN:]), flush=True)


def run(scenarios: list[Scenario], options: argparse.Namespace, report: Report) -> bool:
    make_speech({spoken for s in scenarios for spoken in s.spoken()}, binaries() / "run_voice")
    if options.jobs > 1 and len(scenarios) > 1:
        workers = Workers(runner_command(HERE, options.keep), runner_environment(binaries()), report.add)
        return workers.run(scenarios, options.jobs)
    with World(binaries()) as world:
        return Runner(world, pathlib.Path(options.keep) if options.keep else None, report.add).run(scenarios)


def arguments() -> argparse.Namespace:
    what, status = __doc__.strip().split("\n\n")
    parser = argparse.ArgumentParser(prog="run_scenario", description=what, epilog=status)
    parser.add_argument("files", nargs="+", metavar="FILE", help="scenarios, or folders of them")
    parser.add_argument("-j", "--jobs", type=int, default=1, help="so many at the same time, each with its own prot")
    parser.add_argument("--list", action="store_true", help="name them and say what they show; run none")
    parser.add_argument("--json", action="store_true", help="one JSON object a scenario")
    parser.add_argument("--keep", metavar="DIR", help="keep recordings, timelines, requests and logs there")
    options = parser.parse_args()
    if options.jobs < 1:
        parser.error("-j is at least 1")
    return options


def main() -> int:
    options = arguments()
    try:
        scenarios = load_all(scenario_files(options.files))
    except FormatError as error:
        print(error, file=sys.stderr)
        return USAGE
    if options.list:
        for scenario in scenarios:
            print(f"{scenario.name}: {scenario.about}")
        return PASSED
    lacking = missing(binaries())
    if lacking:
        print("\n".join(f"run_scenario: {line}" for line in lacking), file=sys.stderr)
        return MISSING
    end_by_signal()
    sys.stdout.reconfigure(errors="backslashreplace")
    report = Report(options.json)
    try:
        good = run(scenarios, options, report)
    except KeyboardInterrupt:
        print("run_scenario: interrupted", file=sys.stderr)
        return INTERRUPTED
    except (RuntimeError, OSError, TimeoutError, subprocess.SubprocessError) as error:
        print(f"run_scenario: {type(error).__name__}: {error}", file=sys.stderr)
        return FAILED
    if not options.json:
        passed = sum(result.outcome == "passed" for result in report.results)
        print(f"{passed} passed, {len(report.results) - passed} failed")
    return PASSED if good else FAILED


if __name__ == "__main__":
    sys.exit(main())
