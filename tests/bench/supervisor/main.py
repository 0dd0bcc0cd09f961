#!/usr/bin/env python3
"""What prot's supervisor does to its stages, beside runit and s6 over the same children. See --help."""
import argparse
import dataclasses
import os
import pathlib
import signal
import sys

HERE = pathlib.Path(__file__).resolve().parent
TARGETS = tuple(f"T{n}" for n in range(1, 15))


def arguments():
    parser = argparse.ArgumentParser(prog="supervisor_bench", description=__doc__)
    parser.add_argument("--build", required=True, help="the build folder")
    parser.add_argument("--json", default="", metavar="FILE", help="also one JSON object a line")
    parser.add_argument("--only", default="", metavar="NAMES", help="of " + ",".join(TARGETS))
    scale = parser.add_mutually_exclusive_group()
    scale.add_argument("--quick", action="store_true", help="a little of everything: whether it works")
    scale.add_argument("--short", action="store_true", help="what ./test does")
    parser.add_argument("--no-anchors", action="store_true", help="prot alone")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=NUMBER", help="one number of the scale")
    options = parser.parse_args()
    options.only = options.only.split(",") if options.only else list(TARGETS)
    for name in options.only:
        if name not in TARGETS:
            parser.error(f"there is no target {name}")
    return parser, options


def environment_of(build: pathlib.Path) -> None:
    os.environ.update(PROT=str(build / "supervisor/prot"), FIXTURE_STAGE=str(build / "tests/supervisor/fixture-stage"),
                      PROT_TOP=str(build / "top/prot-top"), PROGRAMS=str(build),
                      TRIVIAL_STAGE=str(build / "tests/bench/supervisor/trivial_stage"),
                      BOARD_PROBE=str(build / "tests/bench/supervisor/board_probe"),
                      SUPERVISOR_TEST=str(build / "tests/supervisor/supervisor-test"),
                      FUZZERS=str(build / "fuzz"))
    sys.path[:0] = [str(HERE), str(HERE.parents[1] / "supervisor")]


def main() -> int:
    parser, options = arguments()
    environment_of(pathlib.Path(options.build).resolve())
    import machine
    import report
    import scale
    import targets
    how = scale.QUICK if options.quick else scale.SHORT if options.short else scale.FULL
    how = report.changed(how, options.set, parser)
    how = dataclasses.replace(how, anchors=not options.no_anchors)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(130))  # so that everything is ended on the way out
    machine.become_subreaper()
    return report.measure_all(options.json, options.only, lambda name: targets.TARGETS[name](how))


if __name__ == "__main__":
    sys.exit(main())
