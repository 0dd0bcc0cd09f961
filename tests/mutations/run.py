#!/usr/bin/env python3
"""Puts known defects into a copy of the tree, one after the other, and sees that the test which was written against each
of them fails: findings.toml has at least one for every finding of the original's audit, parts.toml more.

usage: run.py BUILD [--only NAME|FINDING]... [--list] [--check] [--jobs N]
  BUILD     a build folder inside the source tree, built; both are only read
  --check   only: does each text stand where it is said to, and is each test there?
  --jobs    copies that work at the same time (default: 2)
A mutation is caught when its test passes without it and fails with it. One line each; the last one is "N passed, N failed".
A text that is not there any more, what does not compile, and a test that is not there or has been left out, are failures.
"""
import argparse
import concurrent.futures
import contextlib
import ctypes
import dataclasses
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import tomllib

FOLDER = pathlib.Path(__file__).resolve().parent
FINDINGS = [f"F{number}" for number in range(1, 23)]
LIMIT = 150  # s for a test that a defect may have made hang
SKIPPED = 77
running: set[int] = set()  # groups of tests, for who ends this program


@dataclasses.dataclass
class Mutation:
    name: str
    finding: str
    file: str
    old: str
    new: str
    test: str
    case: str = ""
    programs: list[str] = dataclasses.field(default_factory=list)


def read_all() -> list[Mutation]:
    return [Mutation(**entry) for file in ("findings.toml", "parts.toml")
            for entry in tomllib.loads((FOLDER / file).read_text(encoding="utf-8"))["mutation"]]


class Failed(Exception):
    """Why a mutation proves nothing."""


class Tests:
    """What Meson knows of a build folder."""

    def __init__(self, build: pathlib.Path):
        info = build / "meson-info"
        self._tests = {test["name"]: test for test in json.loads((info / "intro-tests.json").read_text())}
        self._files = {target["id"]: target["filename"] for target in json.loads((info / "intro-targets.json").read_text())}
        self._build = build

    def find(self, name: str) -> dict:
        if name not in self._tests:
            raise Failed(f"there is no test '{name}'")
        return self._tests[name]

    def targets(self, name: str) -> set[str]:
        """What must be built for a test."""
        found = {pathlib.Path(file) for one in self.find(name)["depends"] for file in self._files.get(one, [])}
        return {str(file.relative_to(self._build)) for file in found}


def command_of(test: dict, case: str) -> list[str]:
    if not case:
        return test["cmd"]
    if any(part.endswith(".py") for part in test["cmd"]):
        return [*test["cmd"], case]
    return [*test["cmd"], "-tc=" + case.replace(",", "?")]  # a comma would begin another pattern


def end_of(pid: int) -> None:
    """Whatever a test that failed has left: its group, and what it has given to us (we adopt the orphans)."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    for segment in pathlib.Path("/dev/shm").glob("prot.*"):
        if re.search(rf"\D{pid}(\D|$)", segment.name):
            with contextlib.suppress(FileNotFoundError):
                segment.unlink()


class Copy:
    """A copy of the tree and of its build folder, in which defects come and go. One thread."""

    def __init__(self, build: pathlib.Path, folder: pathlib.Path):
        source = build.parent
        self.tree = folder / "tree"
        self.build = self.tree / build.name
        shutil.copytree(source, self.tree, symlinks=True, ignore=lambda at, names: [
            n for n in names if pathlib.Path(at) == source and (n == ".git" or (pathlib.Path(at, n) / "build.ninja").exists())])
        subprocess.run(["cp", "-a", "--reflink=auto", build, self.build], check=True)
        for name in ("build.ninja", "meson-info/intro-tests.json", "meson-info/intro-targets.json"):
            path = self.build / name
            path.write_text(path.read_text().replace(str(source), str(self.tree)))
        self.tests = Tests(self.build)
        self._changed: dict[pathlib.Path, str] = {}
        self._broken: set[str] = set()  # what was last made of a defect: the next test must not run it

    def apply(self, mutation: Mutation) -> None:
        path = self.tree / mutation.file
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        if (times := text.count(mutation.old)) != 1:
            raise Failed(f"its text stands {times} times in {mutation.file}")
        self._changed[path] = text
        path.write_text(text.replace(mutation.old, mutation.new), encoding="utf-8")

    def restore(self) -> None:
        for path, text in self._changed.items():
            path.write_text(text, encoding="utf-8")
        self._changed.clear()

    def make(self, targets: set[str]) -> None:
        targets = targets | self._broken
        self._broken = targets if self._changed else self._broken
        done = subprocess.run(["ninja", "-C", self.build, "-j1", *sorted(targets)], capture_output=True, text=True)
        if done.returncode != 0:
            errors = [line for line in done.stdout.splitlines() if "error" in line.lower()]
            raise Failed("it does not build: " + (errors or done.stdout.splitlines())[0][:300])
        if not self._changed:
            self._broken = set()

    def run(self, mutation: Mutation) -> tuple[bool, str]:
        """Has the case passed? And how it ended."""
        test = self.tests.find(mutation.test)
        environment = {**os.environ, **test["env"]}
        environment["PATH"] = f"{self.build}/bin:{os.environ['PATH']}"
        with tempfile.TemporaryFile("w+") as output:
            process = subprocess.Popen(command_of(test, mutation.case), cwd=test["workdir"] or self.build, env=environment,
                                       stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                                       start_new_session=True)
            running.add(process.pid)
            try:
                code = process.wait(min(test["timeout"], LIMIT))
            except subprocess.TimeoutExpired:
                return False, "by its time limit"
            finally:
                end_of(process.pid)
                process.wait()
                running.discard(process.pid)
            output.seek(0)
            text = output.read()
        ran = re.search(r"test cases:\s+([1-9]\d*)|Ran ([1-9]\d*) test", text)
        if code == SKIPPED or (mutation.case and not ran) or re.search(r"OK \(skipped=", text):
            raise Failed(f"{mutation.test}: '{mutation.case}' was left out")
        return code == 0, "" if code == 0 else f"exit {code}"


def targets_of(copy: Copy, mutation: Mutation) -> set[str]:
    return copy.tests.targets(mutation.test) | set(mutation.programs)


def check(mutations: list[Mutation], build: pathlib.Path) -> list[str]:
    """What can be seen without building."""
    problems = [f"{finding} has no mutation" for finding in FINDINGS if all(m.finding != finding for m in mutations)]
    names = [m.name for m in mutations]
    problems += [f"{name}: two have this name" for name in sorted({n for n in names if names.count(n) > 1})]
    tests = Tests(build)
    for mutation in mutations:
        path = build.parent / mutation.file
        times = path.read_text(encoding="utf-8").count(mutation.old) if path.exists() else 0
        if times != 1:
            problems.append(f"{mutation.name}: its text stands {times} times in {mutation.file}")
        try:
            tests.find(mutation.test)
        except Failed as why:
            problems.append(f"{mutation.name}: {why}")
    return problems


class Run:
    def __init__(self, build: pathlib.Path, folder: pathlib.Path):
        self._build, self._folder = build, folder
        self._lock = threading.Lock()
        self._passes: dict[tuple[str, str], str] = {}  # case -> why it does not pass unmutated; empty: it does
        self.passed = self.failed = 0

    def tell(self, mutation: Mutation, caught: bool, words: str, began: float) -> None:
        with self._lock:
            self.passed, self.failed = self.passed + caught, self.failed + (not caught)
            where = f"{mutation.test}" + (f": {mutation.case}" if mutation.case else "")
            print(f"{'caught' if caught else 'NOT CAUGHT'}: {mutation.finding} {mutation.name} ({words}, "
                  f"{time.monotonic() - began:.0f} s) by {where}", flush=True)

    def lane(self, number: int, mutations: list[Mutation]) -> None:
        if not mutations:
            return
        folder = self._folder / str(number)
        folder.mkdir()
        copy = Copy(self._build, folder)
        for mutation in mutations:
            began = time.monotonic()
            try:
                self.passes_without(copy, mutation)
                copy.apply(mutation)
                copy.make(targets_of(copy, mutation))
                passed, how = copy.run(mutation)
                self.tell(mutation, not passed, how or "its test passes", began)
            except Failed as why:
                self.tell(mutation, False, str(why), began)
            finally:
                copy.restore()

    def passes_without(self, copy: Copy, mutation: Mutation) -> None:
        key = (mutation.test, mutation.case)
        if key not in self._passes:
            copy.make(targets_of(copy, mutation))
            passed, how = copy.run(mutation)
            self._passes[key] = "" if passed else f"its test fails without it, too ({how})"
        if self._passes[key]:
            raise Failed(self._passes[key])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    build = options.build.resolve()
    mutations = read_all()
    if options.list:
        print("\n".join(f"{m.finding:16} {m.name}: {m.test}" + (f": {m.case}" if m.case else "") for m in mutations))
        return 0
    problems = check(mutations, build)
    if options.check:
        print("\n".join([*problems, f"{len(mutations)} mutations, {len(problems)} problems"]))
        return 1 if problems else 0
    for problem in problems:
        print(f"problem: {problem}")
    chosen = [m for m in mutations if not options.only or {m.name, m.finding} & set(options.only)]
    # One copy has all of a test's: it is seen once that it passes, and a file that is changed twice is built once less.
    chosen.sort(key=lambda m: (m.test, m.case, m.file))
    lanes = split(chosen, options.jobs)
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER: what a broken program leaves comes to us
    with tempfile.TemporaryDirectory(prefix="prot-mutations-") as folder:
        pathlib.Path(folder).chmod(0o755)  # the database's user goes through it
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda number, _frame: end_all(folder, number))
        run = Run(build, pathlib.Path(folder))
        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            for done in [pool.submit(run.lane, number, lane) for number, lane in enumerate(lanes)]:
                done.result()
    end_adopted()
    missing = len([p for p in problems if "has no mutation" in p or "two have" in p])
    print(f"{run.passed} passed, {run.failed + missing} failed")
    return 0 if run.passed and not run.failed + missing else 1


def split(mutations: list[Mutation], lanes: int) -> list[list[Mutation]]:
    """By tests, about as many in each."""
    found: list[list[Mutation]] = [[] for _ in range(lanes)]
    for test in dict.fromkeys(m.test for m in mutations):
        min(found, key=len).extend(m for m in mutations if m.test == test)
    return found


def end_all(folder: str, number: int) -> None:
    for pid in tuple(running):
        end_of(pid)
    end_adopted()
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(128 + number)


def end_adopted() -> None:
    own = pathlib.Path(f"/proc/self/task/{os.getpid()}/children")
    for _ in range(50):
        left = own.read_text().split()
        if not left:
            return
        for pid in map(int, left):
            with contextlib.suppress(ProcessLookupError, ChildProcessError):
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, os.WNOHANG)
        time.sleep(0.02)


if __name__ == "__main__":
    sys.exit(main())
