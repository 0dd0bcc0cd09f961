#!/usr/bin/env python3
"""A spoken conversation with prot, measured in recordings of its microphone and loudspeaker. See --help."""
import argparse
import dataclasses
import importlib
import os
import pathlib
import signal
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROWS = {
    "latency": "a: what prot adds beyond end-of-turn wait and services, hop by hop (200 turns; 9 min)",
    "demo": "b: voice to voice of the demonstration, wholly local (4 runs; 6 min; needs the engines)",
    "interruptions": "c, d, e: 200 interruptions in a row: silence, context, nothing stale (8 min)",
    "piper": "d: the context after 50 interruptions of a Piper voice (3 min; needs the engines)",
    "kills": "f: each stage killed 20 times in mid-conversation (10 min)",
    "faults": "g: every fault of the menu on the model's service (4 min)",
    "anthropic_faults": "g: the same of Anthropic's service (4 min)",
    "soak": "h: a conversation of an hour: memory, descriptors, late wakes (--minutes)",
    "end_of_turn": "i: turns with pauses that are not cut, and the wait after real ends",
}


def arguments():
    parser = argparse.ArgumentParser(prog="conversation", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter,
                                     epilog="rows:\n" + "\n".join(f"  {n:<14} {what}" for n, what in ROWS.items()))
    parser.add_argument("--build", required=True, help="the build folder")
    parser.add_argument("--json", default="", metavar="FILE", help="also one JSON object a line")
    parser.add_argument("--only", default="", metavar="NAMES", help="of " + ",".join(ROWS))
    parser.add_argument("--quick", action="store_true", help="a little of everything: whether it works")
    parser.add_argument("--minutes", type=float, metavar="N", help="length of the soak (default 60)")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=NUMBER",
                        help="one number of the scale (tests/bench/conversation/sizes.py)")
    options = parser.parse_args()
    options.only = options.only.split(",") if options.only else list(ROWS)
    for name in options.only:
        if name not in ROWS:
            parser.error(f"there is no row {name}")
    return parser, options


def scale_of(parser, options):
    import report
    import sizes
    scale = report.changed(sizes.QUICK if options.quick else sizes.FULL, options.set, parser)
    if options.minutes is not None:
        scale = dataclasses.replace(scale, soak_s=60 * options.minutes)
    return scale


def end_of_turn_rows(scale, options):
    from report import Row
    if scale.quick:
        return []
    if not (pathlib.Path(options.build) / "tests/programs/run_end_of_turn").exists():
        return [Row("i", "run_end_of_turn is not built: not measured", 0, "")]
    import end_of_turn
    rows = []
    for line in end_of_turn.run(options):
        judged = line["name"] == "end of turn, all"
        rows += [Row("i", f"{line['name']}: {line['recordings']} turns with a pause, not cut", line["kept_pct"], "%",
                     ">= 90" if judged else ""),
                 Row("i", "  wait after the real end, p50", line["wait_p50_ms"] or 0, "ms", "<= 600" if judged else "",
                     {"p90": line["wait_p90_ms"] or 0, "never ended": line["never_ended"]})]
    return rows


def measure(name: str, scale, options):
    """The rows of one part."""
    if name == "end_of_turn":
        return end_of_turn_rows(scale, options)
    if name == "anthropic_faults":
        return importlib.import_module("faults").rows(scale, "anthropic")
    module = {"kills": "stage_kills", "demo": "demo_runs"}.get(name, name)
    return importlib.import_module(module).rows(scale)


def main() -> int:
    parser, options = arguments()
    os.environ["PROT_BUILD"] = str(pathlib.Path(options.build).resolve())
    root = HERE.parents[2]
    sys.path[:0] = [str(HERE), str(root / "tests/bench/supervisor"), str(root / "tools/demo")]
    scale = scale_of(parser, options)
    import report
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(130))  # so that everything is ended on the way out
    return report.measure_all(options.json, options.only, lambda name: measure(name, scale, options))


if __name__ == "__main__":
    sys.exit(main())
