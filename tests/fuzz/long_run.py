#!/usr/bin/env python3
"""Lets the libFuzzer targets run in turns, one at a time, with processor time that nobody else wants, until it is told
to stop (SIGTERM, SIGINT), or each target has had its hours.

usage: long_run.py --build BUILD [--folder FOLDER] [--turn SECONDS] [--hours N] [--busy]

FOLDER (BUILD/long by default) has hours.json, what each target had so far, over all runs: seconds, inputs, edges,
faults; log, a line for each turn; found/NAME, inputs that reach something new; faults/, inputs of faults. A target with
a fault goes on with the next turn: others may hide behind it. With --busy it takes its share of the processor from others.
"""
import argparse
import json
import os
import pathlib
import signal
import sys
import time

import fuzzing

LEAST_TURN = 10


class Ledger:
    """The hours of each target, in a file that is whole at any time."""

    def __init__(self, path):
        self.path = path
        self.rows = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}

    def row(self, name):
        return self.rows.setdefault(name, {"seconds": 0, "inputs": 0, "edges": 0, "features": 0, "faults": 0})

    def seconds(self, name):
        return self.row(name)["seconds"]

    def add(self, run, seconds):
        row = self.row(run.name)
        row["seconds"] = round(row["seconds"] + seconds, 1)
        row["inputs"] += run.executions
        row["edges"] = max(row["edges"], run.coverage)
        row["features"] = max(row["features"], run.features)
        row["faults"] += 0 if run.passed else 1
        fresh = self.path.with_suffix(".new")
        fresh.write_text(json.dumps(self.rows, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        fresh.replace(self.path)


def be_idle():
    """Nobody is to notice: of the children, too."""
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def processor_seconds():
    times = os.times()
    return times.children_user + times.children_system


def turn(options, runner, ledger, name):
    # Hours are those of the processor: at idle priority the clock on the wall says nothing.
    before = processor_seconds()
    run = runner.run(name, options.turn)
    if runner.stopped:
        return
    ledger.add(run, processor_seconds() - before)
    with (options.folder / "log").open("a", encoding="utf-8") as log:
        hours = ledger.seconds(name) / 3600
        log.write(f"{time.strftime('%F %T')} {run.line()}; {hours:.2f} h in all\n")
        if not run.passed:
            log.write(run.complaint() + "\n" + "".join(f"kept: {crash}\n" for crash in run.crashes))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--folder", type=pathlib.Path)
    parser.add_argument("--turn", type=int, default=120)
    parser.add_argument("--hours", type=float, default=0, help="0: without end")
    parser.add_argument("--busy", action="store_true")
    options = parser.parse_args()
    options.folder = (options.folder or options.build / "long").resolve()
    if options.turn < LEAST_TURN:
        parser.error(f"a turn has at least {LEAST_TURN} seconds")
    options.folder.mkdir(parents=True, exist_ok=True)
    names = fuzzing.targets(options.build)
    if not names:
        parser.error(f"no target is built in {options.build}")
    ledger = Ledger(options.folder / "hours.json")
    runner = fuzzing.Runner(options.build, options.folder / "found", options.folder / "faults")
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: runner.stop())
    if not options.busy:
        be_idle()
    # Who had least comes first.
    while due := [n for n in names if options.hours == 0 or ledger.seconds(n) < options.hours * 3600]:
        turn(options, runner, ledger, min(due, key=ledger.seconds))
        if runner.stopped:
            break
    return 0


if __name__ == "__main__":
    sys.exit(main())
