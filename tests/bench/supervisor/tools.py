"""T11, T12, T13: the fuzzer of the control socket, prot-top's JSON, the supervisor's model test."""
import json
import os
import pathlib
import re
import resource
import subprocess
import sys
import time

from anchors import Prot
from instance import FIXTURE, STAGES
from machine import descendants, kill, lives, reap, wait_for
from report import Row

FUZZ = pathlib.Path(__file__).resolve().parents[2] / "fuzz/fuzz.py"
EVERY_S = 0.1


def t11(scale) -> list[Row]:
    build = pathlib.Path(os.environ["FUZZERS"])
    if not os.access(build / "tests/fuzz/control_fuzz", os.X_OK):
        return [Row("T11", "the fuzzer is not built (no libFuzzer): not measured", 0, "")]
    done = subprocess.run([sys.executable, FUZZ, "--build", build, "--seconds", str(scale.fuzz_s), "--only", "control"],
                          capture_output=True, text=True)
    if done.returncode != 0:
        print(done.stdout + done.stderr)
    inputs = re.search(r"^control: (\d+) inputs", done.stdout, re.MULTILINE)
    return [Row("T11", f"control socket fuzzed for {scale.fuzz_s} s under ASan and UBSan: faults", int(done.returncode != 0),
                "faults", "== 0", fact=True),
            Row("T11", "inputs", int(inputs[1]) if inputs else 0, "inputs", ">= 100", fact=True)]


def lines_of(prot, *options) -> list[dict]:
    done = subprocess.run([os.environ["PROT_TOP"], "--instance", prot.instance.name, "--json", *options],
                          env=prot.instance.environment, capture_output=True, text=True, timeout=600)
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    return [json.loads(line) for line in done.stdout.splitlines()]


def t12(scale) -> list[Row]:
    with Prot(dict.fromkeys(STAGES, FIXTURE)) as prot:
        prot.up()
        before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        lines = lines_of(prot, "-d", str(EVERY_S), "-n", str(scale.top_lines))
        after, took = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic() - begin
        cpu = 100 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / took
        family = descendants(prot.pid)
        kill(prot.pid)
        wait_for("all of it is dead", lambda: not any(map(lives, [prot.pid, *family])))
        reap([prot.pid, *family])
        dead = lines_of(prot, "--once")
        prot.pid = 0
    first = lines[0]["rings"]
    return [Row("T12", f"lines of prot-top --json of {scale.top_lines} that are valid", len(lines), "lines",
                f"== {scale.top_lines}", fact=True),
            Row("T12", "rings of the first line with a rate", sum(isinstance(r["frames_per_s"], (int, float)) for r in first),
                "rings", f"== {len(first)}", fact=True),
            Row("T12", "its CPU at 10 Hz", round(cpu, 3), "% of a core", "<= 1"),
            Row("T12", "stages that it shows of an instance whose supervisor was killed", len(dead[0]["stages"]), "stages",
                f"== {len(STAGES)}", fact=True),
            Row("T12", "and it says that it is one", int(dead[0]["post_mortem"]), "", "== 1", fact=True)]


def t13(_scale) -> list[Row]:
    begin = time.monotonic()
    done = subprocess.run([os.environ["SUPERVISOR_TEST"], "-tc=a million events*"], capture_output=True, text=True)
    took = time.monotonic() - begin
    good = done.returncode == 0 and " 1 passed" in done.stdout
    if not good:
        print(done.stdout[-3000:])
    return [Row("T13", "a million random events against the model of a program: failures", int(not good), "failures", "== 0",
                fact=True),
            Row("T13", "and it takes", round(took, 2), "s", "<= 10")]
