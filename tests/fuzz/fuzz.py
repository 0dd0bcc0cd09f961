#!/usr/bin/env python3
"""Runs every libFuzzer target for some seconds, as many beside each other as there are cores.

usage: fuzz.py --build BUILD [--seconds N] [--only NAME,...]

New inputs go to BUILD/found/NAME, so that the next run begins where this one ended; inputs of faults to
BUILD/faults, and are named. The last line is "N passed, N failed".
"""
import argparse
import concurrent.futures
import os
import pathlib
import signal
import sys

import fuzzing


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--only", type=lambda text: text.split(","))
    options = parser.parse_args()
    names = fuzzing.chosen(parser, fuzzing.targets(options.build), options.only)
    failed = 0
    runner = fuzzing.Runner(options.build, options.build / "found", options.build / "faults")
    signal.signal(signal.SIGTERM, lambda *_: runner.stop())
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        runs = [pool.submit(runner.run, name, options.seconds) for name in names]
        for done in concurrent.futures.as_completed(runs):
            run = done.result()
            print(run.line(), flush=True)
            if run.passed:
                continue
            failed += 1
            print(run.complaint())
            for crash in run.crashes:
                print(f"kept: {crash}", flush=True)
    print(f"{len(names) - failed} passed, {failed} failed")
    return 0 if names and not failed else 1


if __name__ == "__main__":
    sys.exit(main())
