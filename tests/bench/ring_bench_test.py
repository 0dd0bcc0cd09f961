#!/usr/bin/env python3
"""The benches of the ring work: every line is whole, every transport is there, what must be found is found.

usage: ring_bench_test.py RING_BENCH EMPTY_STAGE     judges correctness, not speed
"""
import json
import pathlib
import subprocess
import sys
import tempfile

KEYS = {"bench", "mode", "transport", "bytes", "median", "p99", "unit", "rounds", "ratio_to"}
SIZES = {64, 1024, 1920, 16384, 65536}
SPIN = {"ring", "slot", "boost_spsc"}
SLEEP = {"ring", "boost_mq", "pipe", "unix_stream", "unix_seqpacket", "eventfd"}
FAILURES: list[str] = []


def check(holds: bool, what: str) -> None:
    if not holds:
        FAILURES.append(what)


def bench(program: str, *options: str) -> tuple[subprocess.CompletedProcess, list[dict]]:
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "bench.json"
        done = subprocess.run([program, "--quick", "--json", str(file), *options], capture_output=True, text=True)
        lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return done, [json.loads(line) for line in lines]


def check_lines(lines: list[dict]) -> None:
    for line in lines:
        check(KEYS <= set(line) <= KEYS | {"case"}, f"keys of {line}")
        check(line["mode"] in ("spin", "sleep"), f"mode of {line}")
        check(line["rounds"] >= 1 and line["median"] >= 0 and line["p99"] >= line["median"], f"numbers of {line}")
        check(line["transport"] == "ring" or line["ratio_to"] == {}, f"a ratio beside another transport: {line}")
        for other, ratio in line["ratio_to"].items():
            same = [l for l in lines if l["transport"] == other and
                    all(l.get(k) == line.get(k) for k in ("bench", "bytes", "unit", "case"))]
            own_mode = [l for l in same if l["mode"] == line["mode"]] or same
            check(len(own_mode) == 1, f"one anchor for {other} of {line}")
            check(abs(ratio - line["median"] / own_mode[0]["median"]) <= 0.01 * ratio, f"ratio to {other} of {line}")


def check_presence(lines: list[dict], iceoryx: bool) -> None:
    extra = {"iceoryx"} if iceoryx else set()
    for name in ("round_trip", "throughput"):
        for mode, expected in (("spin", SPIN | extra), ("sleep", SLEEP | extra)):
            for size in SIZES:
                found = {l["transport"] for l in lines
                         if (l["bench"], l["mode"], l["bytes"]) == (name, mode, size)}
                check(found == expected, f"{name}, {mode}, {size} B has {sorted(found)}")
    check({l.get("case") for l in lines if l["bench"] == "paced"} == {"1 ms", "32 ms", "50000 frames/s"},
          "paces")
    for case in ("saturated", "bare wait", "event loop"):
        found = {l["transport"] for l in lines if l["bench"] == "syscalls" and l["case"] == case}
        check({"ring", "pipe", "eventfd"} <= found, f"system calls, {case}: {sorted(found)}")
    check({l["bench"] for l in lines} == {"round_trip", "throughput", "paced", "syscalls", "idle", "recovery"},
          "benches")


def value(lines: list[dict], unit: str) -> float:
    return next(l["median"] for l in lines if l["unit"] == unit)


def left_behind() -> set[str]:
    return {p.name for p in pathlib.Path("/dev/shm").glob("prot*bench*")}


def main() -> int:
    program = sys.argv[1]
    done, lines = bench(program)
    check(done.returncode == 0, f"exit {done.returncode}: {done.stderr[-500:]}{done.stdout[-500:]}")
    check_lines(lines)
    check_presence(lines, any(l["transport"] == "iceoryx" for l in lines))
    if lines:
        check(value(lines, "lost frames") == 0 and value(lines, "late wakes") == 0, "a whole run loses nothing")
    check("bar" in done.stdout and "round trip 1 KiB, spin: ring / slot" in done.stdout, "the table of bars")
    # The oracle can fail: a sender that skips one frame, and one that never rings.
    done, lines = bench(program, "--only", "steady", "--fault", "lost")
    check(done.returncode == 1 and value(lines, "lost frames") == 1, "one lost frame is found")
    done, lines = bench(program, "--only", "steady", "--fault", "late")
    check(done.returncode == 1 and value(lines, "late wakes") >= 1, "a late wake is found")
    for wrong in (["--nonsense"], ["--only", "speed"], ["--rounds", "0"], ["--json"]):
        done = subprocess.run([program, *wrong], capture_output=True, text=True)
        check(done.returncode == 2 and done.stderr.count("\n") == 1, f"{wrong}: {done.returncode} {done.stderr}")
    print("\n".join(FAILURES) if FAILURES else f"{len(SPIN | SLEEP)} transports and more, all well formed")
    return 1 if FAILURES else 0


if __name__ == "__main__":
    sys.exit(main())
