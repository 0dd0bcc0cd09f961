#!/usr/bin/env python3
"""Writes README's conversation anew from a report of the demonstration: nobody types figures.

usage: excerpt.py REPORT.json README.md     replaces what stands between the two marks
"""
import json
import pathlib
import statistics
import sys

BEGIN, END = "<!-- from a report, by tools/demo/excerpt.py -->", "<!-- end -->"


def row(turn: dict) -> str:
    reply = " ".join(turn["reply"].split())
    if turn["interrupted"]:
        reply += f" *(interrupted; silent after {turn['silence_after_interrupt_ms']:.0f} ms)*"
    time = turn["voice_to_voice_ms"]
    return f"| {turn['n']} | {turn['said']} | {reply} | {'' if time is None else f'{time:.0f} ms'} |"


def excerpt(report: dict) -> str:
    times = [t["voice_to_voice_ms"] for t in report["turns"] if t["voice_to_voice_ms"] is not None]
    if not times:
        raise ValueError("no answer of this report was measured")
    return "\n".join(["| | you | prot | voice to voice |", "|---|---|---|---|", *map(row, report["turns"]), "",
                      f"Voice to voice: median {statistics.median(times) / 1000:.1f} s, at most {max(times) / 1000:.1f} s."])


def replaced(readme: str, text: str) -> str:
    before, rest = readme.split(BEGIN + "\n", 1)
    return f"{before}{BEGIN}\n{text}\n{END}\n{rest.split(END + chr(10), 1)[1]}"


def main(arguments: list[str]) -> int:
    if len(arguments) != 2:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    report, readme = map(pathlib.Path, arguments)
    text = excerpt(json.loads(report.read_text(encoding="utf-8")))
    readme.write_text(replaced(readme.read_text(encoding="utf-8"), text), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
