"""Runs scenarios one after the other in one world; those with the same settings share one start of prot."""
import dataclasses
import json
import pathlib
import shutil
import subprocess
import time

from .chats import new_conversation
from .expectations import Expectations
from .format import Scenario
from .steps import StepFailed, Steps
from .world import World, wait_for

REST = 10.0  # s: prot must have come to rest this long after the last step


@dataclasses.dataclass
class Result:
    name: str
    path: str
    outcome: str  # passed, failed, error
    seconds: float
    problems: list[str]
    timeline: list[str]

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self))


def group_key(scenario: Scenario) -> str:
    """Scenarios with the same key may share one start."""
    alone = scenario.alone or scenario.files or any(i.verb == "start_fails" for i in scenario.expect)
    return json.dumps([scenario.language, scenario.recognizer, scenario.voice, sorted(scenario.settings.items()),
                       scenario.name if alone else ""], default=str)


def groups_of(scenarios: list[Scenario]) -> list[list[Scenario]]:
    groups: dict[str, list[Scenario]] = {}
    for scenario in scenarios:
        groups.setdefault(group_key(scenario), []).append(scenario)
    return sorted(groups.values(), key=len, reverse=True)


def with_problems(result: Result, problems: list[str]) -> Result:
    if not problems:
        return result
    return dataclasses.replace(result, outcome="failed", problems=result.problems + problems)


class Runner:
    """`keep`: folder for recordings, timelines, requests and logs; empty: nothing is kept."""

    def __init__(self, world: World, keep: pathlib.Path | None, report):
        self._world = world
        self._keep = keep
        self._report = report  # called with each Result

    def run(self, scenarios: list[Scenario]) -> bool:
        """True: all have passed."""
        good = True
        for group in groups_of(scenarios):
            good = self._run_group(group) and good
        return good

    def _run_group(self, group: list[Scenario]) -> bool:
        good, fresh = True, True
        for number, scenario in enumerate(group):
            if fresh and not self._start(scenario):
                good = False
                continue
            if self._world.prot is None:  # it was to fail, and did
                continue
            result = self._one(scenario)
            fresh = result.outcome != "passed"  # whatever went wrong is not to be the next one's fault
            if fresh or number + 1 == len(group):
                self._keep_logs(scenario)
                result = with_problems(result, self._world.end_run())
            good = good and result.outcome == "passed"
            self._report(result)
        return good

    def _start(self, scenario: Scenario) -> bool:
        """False: prot does not start, and was expected to, or fails otherwise than it was expected to."""
        begun = time.monotonic()
        expected = [i.value for i in scenario.expect if i.verb == "start_fails"]
        try:
            self._world.begin_run(self._world.settings_of(scenario), 5 if expected else 60)
            return True
        except (RuntimeError, subprocess.SubprocessError) as error:
            message = str(error)
            self._world.end_run(now=True)
        wanted = f"; expected in its message: {expected[0]!r}; seen" if expected else ""
        good = bool(expected) and expected[0] in message
        problems = [] if good else [f"{scenario.path}: prot did not start{wanted}: {message}"]
        self._report(Result(scenario.name, str(scenario.path), "passed" if good else "failed",
                            time.monotonic() - begun, problems, []))
        return good

    def _one(self, scenario: Scenario) -> Result:
        world = self._world
        begun = time.monotonic()
        steps = Steps(world, scenario)
        problems: list[str] = []
        outcome = "failed"
        begin = begun
        try:
            self._settle(10)
            new_conversation(world.prot.runtime / "chat.sock")
            before = world.stages()
            world.services.begin(scenario)
            world.timeline.clear()
            begin = time.monotonic()
            try:
                with world.echo(scenario.echo, scenario.echo_ms):
                    steps.run()
                    self._settle(REST)
            except (StepFailed, TimeoutError) as error:
                problems.append(f"{scenario.path}: {error}")
            finally:
                steps.close()
            time.sleep(0.05)  # the recordings' latency
            steps.settle()
            end = time.monotonic()
            problems += Expectations(world, scenario, steps, begin, end, world.stages(), before).problems()
            outcome = "failed" if problems else "passed"
        except (RuntimeError, OSError, TimeoutError, subprocess.SubprocessError) as error:
            outcome = "error"
            problems.append(f"{scenario.path}: {type(error).__name__}: {error}")
        self._keep_scenario(scenario, begin)
        lines = [f"{e.at - begin:8.3f} {e.label}" + (f": {' '.join(e.text.split())[:90]}" if e.text else "")
                 for e in sorted(world.timeline.events(), key=lambda e: e.at)]
        return Result(scenario.name, str(scenario.path), outcome, time.monotonic() - begun, problems, lines)

    def _settle(self, seconds: float) -> None:
        """Until nobody speaks, thinks or listens."""
        world = self._world
        wait_for("prot at rest (idle or active, and silent)",
                 lambda: world.settled and world.prot.status()["conversation"] in ("idle", "active"), seconds, 0.03)

    # -- --keep -----------------------------------------------------------------------------------------------------
    def _keep_scenario(self, scenario: Scenario, begin: float) -> None:
        if self._keep is None:
            return
        folder = self._keep / scenario.name
        folder.mkdir(parents=True, exist_ok=True)
        now = time.monotonic()
        self._world.microphone.save(folder / "microphone.wav", begin, now)
        self._world.loudspeaker.save(folder / "loudspeaker.wav", begin, now)
        with open(folder / "timeline.jsonl", "w", encoding="utf-8", errors="backslashreplace") as file:
            for event in sorted(self._world.timeline.events(), key=lambda e: e.at):
                line = {"at": round(event.at - begin, 4), "label": event.label, "text": event.text, **event.data}
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
        with open(folder / "requests.jsonl", "w", encoding="utf-8", errors="backslashreplace") as file:
            for record in self._world.services.requests():
                file.write(json.dumps(dataclasses.asdict(record), ensure_ascii=False, default=str) + "\n")

    def _keep_logs(self, scenario: Scenario) -> None:
        if self._keep is None:
            return
        target = self._keep / scenario.name / "logs"
        shutil.rmtree(target, ignore_errors=True)
        for log in self._world.state_folder().rglob("log"):
            shutil.copytree(log, target, dirs_exist_ok=True)
