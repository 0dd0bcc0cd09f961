#!/usr/bin/env python3
"""Lets the libFuzzer targets run in turns, as many at a time as --jobs says, with processor time that nobody else wants,
until it is told to stop (SIGTERM, SIGINT), or each target has had its hours.

usage: long_run.py --build BUILD [--folder FOLDER] [--only NAME,...] [--turn SECONDS] [--hours N] [--jobs N] [--busy]

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
import threading
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


class Turns:
    """Who is next, for all that run them; one lock over the ledger and the log."""

    def __init__(self, options, names):
        self._options = options
        self._names = names
        self._lock = threading.Lock()
        self._busy = set()
        self._ledger = Ledger(options.folder / "hours.json")
        self.runner = fuzzing.Runner(options.build, options.folder / "found", options.folder / "faults")

    def run(self):
        while not self.runner.stopped and (name := self._take()):
            self._finished(self.runner.run(name, self._options.turn))

    def _take(self):
        """Who had least comes first; None: nobody wants more."""
        hours = self._options.hours
        with self._lock:
            due = [name for name in self._names if name not in self._busy
                   and (hours == 0 or self._ledger.seconds(name) < hours * 3600)]
            if not due:
                return None
            name = min(due, key=self._ledger.seconds)
            self._busy.add(name)
            return name

    def _finished(self, run):
        with self._lock:
            self._busy.discard(run.name)
            if self.runner.stopped:
                return
            # Hours are those of the processor: at idle priority the clock on the wall says nothing.
            self._ledger.add(run, run.processor_s)
            with (self._options.folder / "log").open("a", encoding="utf-8") as log:
                hours = self._ledger.seconds(run.name) / 3600
                log.write(f"{time.strftime('%F %T')} {run.line()}; {hours:.2f} h in all\n")
                if not run.passed:
                    log.write(run.complaint() + "\n" + "".join(f"kept: {crash}\n" for crash in run.crashes))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--folder", type=pathlib.Path)
    parser.add_argument("--only", type=lambda text: text.split(","))
    parser.add_argument("--turn", type=int, default=120)
    parser.add_argument("--hours", type=float, default=0, help="0: without end")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--busy", action="store_true")
    options = parser.parse_args()
    options.folder = (options.folder or options.build / "long").resolve()
    if options.turn < LEAST_TURN:
        parser.error(f"a turn has at least {LEAST_TURN} seconds")
    options.folder.mkdir(parents=True, exist_ok=True)
    names = fuzzing.targets(options.build)
    if not names:
        parser.error(f"no target is built in {options.build}")
    turns = Turns(options, fuzzing.chosen(parser, names, options.only))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: turns.runner.stop())
    if not options.busy:
        be_idle()
    threads = [threading.Thread(target=turns.run) for _ in range(max(options.jobs, 1))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return 0


if __name__ == "__main__":
    sys.exit(main())
