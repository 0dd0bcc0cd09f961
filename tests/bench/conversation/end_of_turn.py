"""Are turns with a pause in them left whole, and how long is the wait behind a real end?

The recordings of end_of_turn_set.py go through capture's detector and segmenter, the words' rules and the end-of-turn model
(run_end_of_turn), each for itself: nothing is learned from one for the next, unless a row says so. The wait is counted from
the last loud sample of the recording to the decision. The model answers 160 ms after it was asked, the recogniser as late
as it is on this machine, or --recogniser-ms for each 256 positions of its context.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import end_of_turn_set  # noqa: E402

BUILD = pathlib.Path(__file__).parents[3] / "build"
KEPT_BAR = 90.0  # percent
WAIT_BAR = 600.0  # ms


def program(build: pathlib.Path, name: str) -> str:
    return str(build / "tests/programs" / name)


def listen(build: pathlib.Path, recordings: list, *options: str) -> list[dict]:
    done = subprocess.run([program(build, "run_end_of_turn"), *options, *[r.file for r in recordings]], check=True,
                          stdout=subprocess.PIPE, text=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def judge(recordings: list, heard: list[dict]) -> list[tuple]:
    """(recording, cut, wait in ms or None when the last turn never ended)"""
    out = []
    for recording, line in zip(recordings, heard):
        turns = line["turns"]
        cut = any(turn["decided_ms"] < recording.end_ms for turn in turns)
        ends = [turn["decided_ms"] - recording.end_ms for turn in turns if turn["decided_ms"] >= recording.end_ms]
        out.append((recording, cut, ends[0] if ends else None))
    return out


def row(name: str, judged: list[tuple]) -> dict:
    waits = sorted(wait for _, _, wait in judged if wait is not None)
    kept = 100 * sum(not cut for _, cut, _ in judged) / len(judged)
    percentile = lambda share: waits[min(len(waits) - 1, int(share * len(waits)))] if waits else None
    p50 = statistics.median(waits) if waits else None
    return {"name": name, "recordings": len(judged), "kept_pct": round(kept, 1), "wait_p50_ms": p50 and round(p50),
            "wait_p90_ms": round(percentile(0.9)) if waits else None, "never_ended": sum(w is None for _, _, w in judged),
            "bar": f"kept >= {KEPT_BAR:.0f} %, p50 <= {WAIT_BAR:.0f} ms",
            "met": kept >= KEPT_BAR and p50 is not None and p50 <= WAIT_BAR}


def rows_of(recordings: list, heard: list[dict]) -> list[dict]:
    judged = judge(recordings, heard)
    halves = [("held out", lambda r: r.held_out), ("tuned on", lambda r: not r.held_out)]
    kinds = [("English", lambda r: r.language == "en"), ("Korean", lambda r: r.language == "ko"),
             ("between clauses", lambda r: r.place == "clause"), ("within a clause", lambda r: r.place == "middle"),
             ("spoken together", lambda r: r.way == "together"), ("spoken apart", lambda r: r.way == "apart")]
    out = [row("end of turn, all", judged)]
    for name, wanted in halves + kinds:
        out.append(row(f"end of turn, {name}", [j for j in judged if wanted(j[0])]))
    return out


def run(options) -> list[dict]:
    build = pathlib.Path(getattr(options, "build", None) or BUILD)
    with tempfile.TemporaryDirectory() as folder:
        recordings = end_of_turn_set.make(program(build, "run_voice"), pathlib.Path(folder))
        end_of_turn_set.transcribe(recordings, program(build, "run_recognizer"), getattr(options, "recogniser_ms", None))
        rows = rows_of(recordings, listen(build, recordings))
        held_out = [r for r in recordings if r.held_out]
        for name, how in (("one person's turns one after the other", ["--learn"]),
                          ("words alone", ["--set", "capture.turn_model=silence"]),
                          ("the model alone", ["--no-words"]),
                          ("silence alone", ["--no-words", "--set", "capture.turn_model=silence"])):
            rows.append(row(f"end of turn, held out, {name}", judge(held_out, listen(build, held_out, *how))))
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, default=BUILD)
    parser.add_argument("--recogniser-ms", type=float, metavar="N")
    for line in run(parser.parse_args()):
        print(json.dumps(line))
    return 0


if __name__ == "__main__":
    sys.exit(main())
