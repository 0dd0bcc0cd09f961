#!/usr/bin/env python3
"""Thousands of turns with every program of prot: what each of them holds, and whether that grows. See --help."""
import argparse
import os
import pathlib
import signal
import sys

HERE = pathlib.Path(__file__).resolve().parent
OTHERS = ("tests/bench/conversation", "tests/bench/supervisor", "tests/supervisor", "tests/web", "tools/demo")


def arguments():
    parser = argparse.ArgumentParser(prog="leaks", description=__doc__)
    parser.add_argument("--build", required=True, help="the build folder")
    parser.add_argument("--json", default="", metavar="FILE", help="also one JSON object a line")
    parser.add_argument("--quick", action="store_true", help="a little of everything: whether it works")
    parser.add_argument("--turns", type=int, metavar="N", help="so many turns (default 10,000)")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=NUMBER",
                        help="one number of the scale (tests/bench/leaks/sizes.py)")
    return parser, parser.parse_args()


def main() -> int:
    parser, options = arguments()
    build = pathlib.Path(options.build).resolve()
    os.environ |= {"PROT_BUILD": str(build), "PROGRAMS": str(build), "PROT": str(build / "supervisor/prot"),
                   "FIXTURE_STAGE": str(build / "tests/supervisor/fixture-stage")}
    root = HERE.parents[2]
    sys.path[:0] = [str(HERE), *(str(root / folder) for folder in OTHERS)]
    import report
    import sizes
    scale = report.changed(sizes.QUICK if options.quick else sizes.FULL, options.set, parser)
    if options.turns is not None:
        scale.turns = options.turns
    import growth
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(130))  # so that everything is ended on the way out
    return report.measure_all(options.json, ["turns"], lambda _name: growth.rows(scale))


if __name__ == "__main__":
    sys.exit(main())
