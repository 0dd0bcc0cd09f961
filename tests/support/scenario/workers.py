"""Several runners at the same time, each a process with a world of its own."""
import json
import os
import pathlib
import subprocess
import sys
import threading

from .format import Scenario
from .run import Result, groups_of

LAST_WORDS = 2000  # characters of a runner's standard error


def parcels_of(scenarios: list[Scenario], workers: int) -> list[list[Scenario]]:
    """Groups, but none larger than half of a worker's share, the largest first: the work is even, and few starts of
    prot are made more than once."""
    share = max(1, -(-len(scenarios) // (workers * 2)))
    parcels = [group[i:i + share] for group in groups_of(scenarios) for i in range(0, len(group), share)]
    return sorted(parcels, key=len, reverse=True)


class Workers:
    """`command`: starts a runner, to which the files are added; it prints one JSON object a scenario. `report` is
    called with each Result, on the workers' threads."""

    def __init__(self, command: list, environment: dict, report):
        self._command = command
        self._environment = environment
        self._report = report
        self._lock = threading.Lock()
        self._parcels: list[list[Scenario]] = []
        self._children: set[subprocess.Popen] = set()
        self._good = True

    def run(self, scenarios: list[Scenario], workers: int) -> bool:
        """True: all have passed. KeyboardInterrupt ends the runners by way of their clean-up."""
        self._parcels = parcels_of(scenarios, workers)
        threads = [threading.Thread(target=self._work) for _ in range(workers)]
        for thread in threads:
            thread.start()
        try:
            while any(thread.is_alive() for thread in threads):
                threads[0].join(0.1)
                threads = [*threads[1:], threads[0]]
        except KeyboardInterrupt:
            with self._lock:
                self._parcels.clear()
                for child in self._children:
                    child.terminate()
            for thread in threads:
                thread.join(120)
            raise
        return self._good

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._parcels:
                    return
                parcel = self._parcels.pop(0)
                child = subprocess.Popen([*self._command, *[s.path for s in parcel]], env=self._environment, text=True,
                                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                self._children.add(child)
            self._follow(child, {s.name: s for s in parcel})

    def _follow(self, child: subprocess.Popen, missed: dict[str, Scenario]) -> None:
        words: list[str] = []
        reader = threading.Thread(target=lambda: words.extend(child.stderr), daemon=True)
        reader.start()
        for line in child.stdout:
            result = Result(**json.loads(line))
            missed.pop(result.name, None)
            self._report(result)
        child.wait()
        reader.join(5)
        with self._lock:
            self._children.discard(child)
            self._good = self._good and child.returncode == 0 and not missed
        last = "".join(words)[-LAST_WORDS:].strip()
        for scenario in missed.values():
            self._report(Result(scenario.name, str(scenario.path), "error", 0.0,
                                [f"{scenario.path}: its runner ended with {child.returncode}: {last}"], []))


def runner_command(program: pathlib.Path, keep: str | None) -> list:
    return [sys.executable, program, "--json", *(["--keep", keep] if keep else []), "--"]


def runner_environment(binaries: pathlib.Path) -> dict:
    return {**os.environ, "PROT_BIN": str(binaries)}
