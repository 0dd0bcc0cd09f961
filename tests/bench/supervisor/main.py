#!/usr/bin/env python3
"""What prot's supervisor does to its stages, beside runit and s6 over the same children. See --help."""
import argparse
import dataclasses
import os
import pathlib
import signal
import sys
import traceback

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
                      CONTROL_FUZZ=str(build / "tests/fuzz/control_fuzz"))
    sys.path[:0] = [str(HERE), str(HERE.parents[1] / "supervisor")]


def main() -> int:
    parser, options = arguments()
    environment_of(pathlib.Path(options.build).resolve())
    import machine
    import report
    import scale
    import targets
    how = scale.QUICK if options.quick else scale.SHORT if options.short else scale.FULL
    for item in options.set:
        name, _, number = item.partition("=")
        known = {field.name: type(getattr(how, field.name)) for field in dataclasses.fields(how)}
        if name not in known:
            parser.error(f"the scale has no {name}")
        how = dataclasses.replace(how, **{name: known[name](float(number))})
    how = dataclasses.replace(how, anchors=not options.no_anchors)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(130))  # so that everything is ended on the way out
    machine.become_subreaper()
    out = report.Report(options.json)
    wrong = 0
    for name in options.only:
        try:
            rows = targets.TARGETS[name](how)
        except Exception:  # one target's failure must not hide the others' figures
            traceback.print_exc()
            rows = [report.Row(name, "could not be measured", 1, "failures", "== 0", fact=True)]
        for row in rows:
            out.add(row)
            wrong += row.wrong
    missed = sum(not row.met for row in out.rows)
    judged = sum(bool(row.bar) for row in out.rows)
    print(f"{judged - missed} of {judged} bars met, {wrong} wrong")
    out.close()
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
