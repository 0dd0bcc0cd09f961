#!/usr/bin/env python3
"""What prot-top costs at 10 Hz: its CPU on a whole instance, on the screen and as JSON, and what a saturated ring
loses while it looks.

usage: top_cost.py [ROUNDS]      needs a build folder: PROT_BUILD (default: build)
Rounds with and without prot-top take turns; figures are medians, the ratio is of neighbours.
"""
import fcntl
import os
import pathlib
import pty
import signal
import statistics
import struct
import subprocess
import sys
import termios
import threading
import time

BUILD = pathlib.Path(os.environ.get("PROT_BUILD", "build")).resolve()
os.environ["PROT"] = str(BUILD / "supervisor/prot")
os.environ["FIXTURE_STAGE"] = str(BUILD / "tests/supervisor/fixture-stage")
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "supervisor"))
from instance import Instance  # noqa: E402

TOP = BUILD / "top/prot-top"
MILLISECONDS = 2000


class Flood:
    def __init__(self):
        self.name = f"topcost{os.getpid()}"
        self.process = subprocess.Popen([BUILD / "tests/top/top-flood", self.name], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.process.stdout.readline()

    def round(self):
        self.process.stdin.write(f"{MILLISECONDS}\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def cpu_ns(pid):
    return sum(int((p / "schedstat").read_text().split()[0]) for p in pathlib.Path(f"/proc/{pid}/task").iterdir())


class Watcher:
    """prot-top at 10 Hz on a false terminal, or as JSON; whatever it prints is read."""

    def __init__(self, name, mode):
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 160, 0, 0))
        arguments = [TOP, "--instance", name, "-d", "0.1"] + (["--json"] if mode == "json" else [])
        environment = {"PATH": os.environ["PATH"], "TERM": "xterm-256color", "LANG": "C.UTF-8"}
        self.process = subprocess.Popen(arguments, stdin=theirs, stdout=theirs, env=environment)
        os.close(theirs)
        self.ours = ours
        self.bytes = 0
        os.read(ours, 65536)  # it draws
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        try:
            while data := os.read(self.ours, 65536):
                self.bytes += len(data)
        except OSError:
            return

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()
        self.reader.join()
        os.close(self.ours)


def whole_instance(seconds):
    """Six stages and ten rings under a supervisor; the stages are idle, which costs prot-top the same."""
    with Instance() as instance:
        instance.up()
        for mode in ("screen", "json"):
            watcher = Watcher(instance.name, mode)
            before = cpu_ns(watcher.process.pid)
            begin = time.monotonic()
            time.sleep(seconds)
            share = (cpu_ns(watcher.process.pid) - before) / (time.monotonic() - begin) / 1e9 * 100
            watcher.end()
            print(f"{mode:<6} CPU on a whole instance {share:.2f} % of a core (bar: 1)")


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 11
    whole_instance(rounds)
    flood = Flood()
    try:
        flood.round()  # warm
        for mode in ("screen", "json"):
            ratios, shares, alone = [], [], []
            for _ in range(rounds):
                before = flood.round()
                watcher = Watcher(flood.name, mode)
                begin = cpu_ns(watcher.process.pid)
                watched = flood.round()
                shares.append((cpu_ns(watcher.process.pid) - begin) / MILLISECONDS / 1e6 * 100)
                watcher.end()
                after = flood.round()
                ratios.append(watched * 2 / (before + after))
                alone.append(before)
            print(f"{mode:<6} CPU {statistics.median(shares):.2f} % of a core (bar: 1); throughput beside it "
                  f"{100 * (statistics.median(ratios) - 1):+.2f} % (bar: -2), rounds {100 * (min(ratios) - 1):+.1f} to "
                  f"{100 * (max(ratios) - 1):+.1f} %; alone {statistics.median(alone):,.0f} frames/s of 1 KiB")
    finally:
        flood.end()
    return 0


if __name__ == "__main__":
    sys.exit(main())
