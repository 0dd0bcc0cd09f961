#!/usr/bin/env python3
"""./bench memory: what memory finds, and how long it takes. Parts are functions of the modules in PARTS.

usage: main.py --build FOLDER [--json FILE] [--only PARTS] [--quick] [--seconds N]
"""
import argparse
import json
import pathlib
import sys

import facts
import kills
import recall
import vectors

# A part yields rows: {"part", "what", "value", "unit", and, where there is one, "bar", "met", "anchor"}.
PARTS = {"recall": recall.measure, "recall_time": recall.measure_time, "turn_path": recall.measure_turn_path,
         "replay": recall.measure_replay,
         "vectors": vectors.measure, "pgvector": vectors.measure_pgvector, "names": facts.measure_names, "safety": facts.measure_safety,
         "communities": facts.measure_communities, "kills": kills.measure,
         "outage": kills.measure_outage}


def show(row):
    def figure(value):
        return f"{value:.3f}" if isinstance(value, float) else str(value)

    parts = [f"{row['part']:<12} {row['what']:<58} {figure(row['value']):>9} {row['unit']:<8}"]
    if "anchor" in row:
        parts.append(f"plain BM25 {figure(row['anchor'])}")
    if "bar" in row:
        parts.append(f"bar {row['bar']}: {'met' if row['met'] else 'NOT MET'}")
    print(" ".join(parts), flush=True)


def main():
    parser = argparse.ArgumentParser(prog="./bench memory")
    parser.add_argument("--build", required=True, type=lambda path: pathlib.Path(path).resolve())
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--only", default=",".join(PARTS))
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seconds", type=float, default=0, help="how long the database is away (outage)")
    options = parser.parse_args()
    kills.OUTAGE_SECONDS = options.seconds
    chosen = options.only.split(",")
    unknown = [name for name in chosen if name not in PARTS]
    if unknown:
        parser.error(f"unknown part {unknown[0]}; there are {', '.join(PARTS)}")
    out = options.json.open("w", encoding="utf-8") if options.json else None
    lost = False
    for name in chosen:
        for row in PARTS[name](options.build, options.quick):
            show(row)
            lost |= row["part"] in ("kills", "outage") and not row.get("met", True)
            if out:
                out.write(json.dumps(row, ensure_ascii=False) + "\n")
                out.flush()
    return 1 if lost else 0  # the others are figures of a machine, this is right or wrong


if __name__ == "__main__":
    sys.exit(main())
