#!/usr/bin/env python3
"""Services that misbehave, on loopback, and prot as their client: in a running conversation, or one client alone."""
import argparse
import importlib
import os
import pathlib
import signal
import sys

HERE = pathlib.Path(__file__).resolve().parent
PARTS = {
    "faults": ("service_faults", "A: every fault of the menu on every service, in a conversation (60 min)"),
    "bytes": ("first_bytes", "B: first useful byte of a service -> ring (7 min)"),
    "cancels": ("service_cancels", "C: 200 cancels in mid-stream of each service (40 min)"),
    "thousand": ("thousand", "D: 1,000 requests with random splits, delays, resets to each service (10 min)"),
    "load": ("embedding_load", "E: at most five requests for vectors at once, and 128 texts in each (2 min)"),
}


def arguments():
    parser = argparse.ArgumentParser(prog="services", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter,
                                     epilog="parts:\n" + "\n".join(f"  {n:<10} {what}" for n, (_, what) in PARTS.items()) +
                                     "\n  PART:SERVICE: of one service alone, as faults:mcp; --list tells them all")
    parser.add_argument("--build", required=True, help="the build folder")
    parser.add_argument("--json", default="", metavar="FILE", help="also one JSON object a line")
    parser.add_argument("--only", default="", metavar="NAMES", help="of " + ",".join(PARTS) + ", or PART:SERVICE")
    parser.add_argument("--list", action="store_true", help="tells all PART:SERVICE, and ends")
    parser.add_argument("--quick", action="store_true", help="a little of everything: whether it works")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=NUMBER",
                        help="one number of the scale (tests/bench/services/amounts.py)")
    return parser, parser.parse_args()


def services_of(part: str) -> list[str]:
    return [f"{part}:{service}" for service in importlib.import_module(PARTS[part][0]).SERVICES]


def chosen(parser, names: list[str]) -> list[str]:
    known = {part: services_of(part) for part in PARTS}
    out: list[str] = []
    for name in names:
        part = name.partition(":")[0]
        if part not in PARTS or ":" in name and name not in known[part]:
            parser.error(f"there is no part {name}")
        out += [name] if ":" in name else known[part]
    return out


def measure(name: str, scale):
    part, _, service = name.partition(":")
    return importlib.import_module(PARTS[part][0]).rows_of(scale, service)


def main() -> int:
    parser, options = arguments()
    os.environ["PROT_BUILD"] = str(pathlib.Path(options.build).resolve())
    root = HERE.parents[2]
    sys.path[:0] = [str(HERE), *(str(root / folder) for folder in ("tests/bench/conversation", "tests/bench/supervisor",
                                                                     "tools/demo"))]
    import amounts
    import report
    scale = report.changed(amounts.QUICK if options.quick else amounts.FULL, options.set, parser)
    names = chosen(parser, options.only.split(",") if options.only else list(PARTS))
    if options.list:
        print("\n".join(names))
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(130))  # so that everything is ended on the way out
    return report.measure_all(options.json, names, lambda name: measure(name, scale))


if __name__ == "__main__":
    sys.exit(main())
