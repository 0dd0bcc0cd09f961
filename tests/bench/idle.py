#!/usr/bin/env python3
"""What prot costs while it listens to silence: CPU of its own programs over half a minute, resident memory.

usage: idle.py [SECONDS]     needs build/bin (./run or ./test makes it)
"""
import os
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))
from harness import Conversation  # noqa: E402

OWN = ("capture", "stt", "brain", "tts", "player", "memory")


def cpu_seconds(pid: int) -> float:
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> int:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 30.0
    with Conversation("idle") as talk:
        talk.ask("What is the capital of France?")
        time.sleep(12)  # the prefill and the extraction after the turn are not idleness
        status = talk.prot.status()
        pids = {s["name"]: s["pid"] for s in status["stages"] if s["name"] in OWN}
        pids["prot"] = status["supervisor"]["pid"]
        before = {name: cpu_seconds(pid) for name, pid in pids.items()}
        begin = time.monotonic()
        time.sleep(seconds)
        elapsed = time.monotonic() - begin
        total = 0.0
        rss = {s["name"]: s["rss_bytes"] for s in talk.prot.status()["stages"]}
        for name, pid in pids.items():
            percent = 100 * (cpu_seconds(pid) - before[name]) / elapsed
            total += percent
            print(f"{name:<8} {percent:5.2f} % of a core  {rss.get(name, 0) / 2**20:6.0f} MiB")
        print(f"together {total:5.2f} % of a core  {sum(rss[n] for n in OWN) / 2**20:6.0f} MiB (bar: 4 %, 600 MiB)")
        print("late wakes", sum(r["late_wakes"] for r in talk.prot.status()["rings"]),
              " drops", sum(r["drops"] for r in talk.prot.status()["rings"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
