#!/usr/bin/env python3
"""Runs spin over tests/model/wake.pml: the protocol must hold, and each of its mutations must fail.

What passed is remembered: the answer depends on the files here, spin and the compiler alone. Exit code 77 (skipped) only
when spin is not installed.
"""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools"))
from remembered import Remembered, version  # noqa: E402

# (name, defines, must hold)
CONFIGURATIONS = [
    ("the protocol, nobody dies", ["KILLS=0", "FRAMES=3"], True),
    ("the protocol, two deaths", ["KILLS=2"], True),
    ("both sides sleep, nobody dies", ["KILLS=0", "FRAMES=3", "CAPACITY=1", "NO_CANCEL"], True),
    ("both sides sleep, two deaths", ["KILLS=2", "CAPACITY=1", "NO_CANCEL"], True),
    ("eventfd read empty after arming", ["KILLS=0", "CLEAR_AFTER_ARM"], False),
    ("ticket numbers begin again at a restart", ["RESET_NUMBERS"], False),
    ("no second look before the sleep", ["KILLS=0", "NO_RECHECK"], False),
    ("no ring at attach", ["NO_ATTACH_WAKE"], False),
    ("no fence: stores wait in a buffer", ["KILLS=0", "NO_FENCE"], False),
    ("no fence in the waker", ["KILLS=0", "NO_WAKER_FENCE"], False),
    ("no fence in the waiter", ["KILLS=0", "NO_WAITER_FENCE"], False),
]


def run(arguments, folder):
    result = subprocess.run(arguments, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    if result.returncode != 0:
        sys.exit(f"{' '.join(arguments)} failed:\n{result.stdout}{result.stderr}")
    return result.stdout


def check(model, name, defines, must_hold):
    with tempfile.TemporaryDirectory() as folder:
        run(["spin", *[f"-D{define}" for define in defines], "-a", str(model)], folder)
        # A lost wake is found at once; to find that there is none takes all states.
        run(["cc", "-O1" if must_hold else "-O0", "-w", "-DSAFETY", "-DMEMLIM=1024", "-o", "pan", "pan.c"], folder)
        output = run(["./pan", "-m100000"], folder)
    errors = int(re.search(r"errors: (\d+)", output).group(1))
    states = int(re.search(r"(\d+) states, stored", output).group(1))
    whole = "Search not completed" not in output and "max search depth too small" not in output
    lost = "invalid end state" in output
    good = (errors == 0 and whole) if must_hold else (errors > 0 and lost)
    found = "no error" if errors == 0 else ("a wake is lost" if lost else "another error")
    print(f"{name:44} {found:16} {states:8} states  {'ok' if good else 'FAILED'}", flush=True)
    if not good:
        print(output)
    return good


def main():
    if shutil.which("spin") is None:
        print("skipped: spin is not installed (package spin)")
        return 77
    model = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else __file__).resolve().parent / "wake.pml"
    checked = Remembered("wake-model", version("spin", "-V"), version("cc", "--version"))
    key = checked.key(model.read_bytes(), pathlib.Path(__file__).read_bytes())
    if checked.has(key):
        print(f"as it was when all {len(CONFIGURATIONS)} configurations were searched")
        return 0
    if not all([check(model, *configuration) for configuration in CONFIGURATIONS]):
        return 1
    checked.add([key])
    return 0


if __name__ == "__main__":
    sys.exit(main())
