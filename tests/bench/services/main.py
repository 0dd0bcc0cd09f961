#!/usr/bin/env python3
"""Services that misbehave, in a running conversation with prot, on loopback. See --help."""
import argparse
import importlib
import os
import pathlib
import signal
import sys

HERE = pathlib.Path(__file__).resolve().parent
PARTS = {
    "faults": ("service_faults", "A: every fault of the menu on every service (45 min)"),
    "bytes": ("first_bytes", "B: first useful byte of a service -> ring (6 min)"),
    "cancels": ("service_cancels", "C: 200 cancels in mid-stream of each service (35 min)"),
    "thousand": ("thousand", "D: 1,000 requests with random splits, delays, resets (10 min)"),
}
ONE_SERVICE = ("recogniser", "scribe", "wyoming", "socket", "http", "wyoming-voice", "openai-voice", "home")


def arguments():
    parser = argparse.ArgumentParser(prog="services", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter,
                                     epilog="parts:\n" + "\n".join(f"  {n:<10} {what}" for n, (_, what) in PARTS.items()) +
                                     f"\n  faults of one service: {' '.join(ONE_SERVICE)}")
    parser.add_argument("--build", required=True, help="the build folder")
    parser.add_argument("--json", default="", metavar="FILE", help="also one JSON object a line")
    parser.add_argument("--only", default="", metavar="NAMES", help="of " + ",".join([*PARTS, *ONE_SERVICE]))
    parser.add_argument("--quick", action="store_true", help="a little of everything: whether it works")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=NUMBER",
                        help="one number of the scale (tests/bench/services/amounts.py)")
    options = parser.parse_args()
    options.only = options.only.split(",") if options.only else list(PARTS)
    for name in options.only:
        if name not in PARTS and name not in ONE_SERVICE:
            parser.error(f"there is no part {name}")
    return parser, options


def measure(name: str, scale):
    if name in ONE_SERVICE:
        return importlib.import_module("service_faults").rows_of(scale, name)
    return importlib.import_module(PARTS[name][0]).rows(scale)


def main() -> int:
    parser, options = arguments()
    os.environ["PROT_BUILD"] = str(pathlib.Path(options.build).resolve())
    root = HERE.parents[2]
    sys.path[:0] = [str(HERE), *(str(root / folder) for folder in ("tests/bench/conversation", "tests/bench/supervisor",
                                                                     "tools/demo"))]
    import amounts
    import report
    scale = report.changed(amounts.QUICK if options.quick else amounts.FULL, options.set, parser)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(130))  # so that everything is ended on the way out
    return report.measure_all(options.json, options.only, lambda name: measure(name, scale))


if __name__ == "__main__":
    sys.exit(main())
