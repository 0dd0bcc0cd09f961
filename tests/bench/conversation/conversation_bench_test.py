#!/usr/bin/env python3
"""./bench conversation --quick: every row comes, every line is whole, and nothing is wrong.

usage: conversation_bench_test.py BUILD-FOLDER     judges correctness, not speed
"""
import functools
import pathlib
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from quick_run import quick_run  # noqa: E402

MAIN = pathlib.Path(__file__).with_name("main.py")
BUILD = sys.argv.pop()
KEYS = {"target", "what", "value", "unit", "bar", "met", "anchor"}
PARTS = {"latency": {"a"}, "interruptions": {"c", "d", "e"}, "kills": {"f"}, "faults": {"g"}, "soak": {"h"}}

bench = functools.partial(quick_run, MAIN, build=BUILD)


class Bench(unittest.TestCase):
    def test_every_row_comes_and_nothing_is_wrong(self):
        if shutil.which("pulseaudio") is None:
            self.skipTest("pulseaudio is not installed")
        done, lines = bench("--only", ",".join(PARTS))
        print(done.stdout)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        for line in lines:
            self.assertEqual(set(line), KEYS)
            self.assertIsInstance(line["met"], bool)
            self.assertIsInstance(line["value"], (int, float))
        self.assertEqual({line["target"] for line in lines}, set().union(*PARTS.values()))

    def test_what_cannot_be_measured_is_a_failure(self):
        with tempfile.TemporaryDirectory() as empty:
            done, lines = bench("--only", "latency", build=empty)
        self.assertEqual(done.returncode, 1)
        self.assertEqual([line["met"] for line in lines], [False])

    def test_wrong_usage(self):
        for wrong in (["--only", "nothing"], ["--set", "speed=1"], ["--nonsense"]):
            done, _ = bench(*wrong)
            self.assertEqual(done.returncode, 2, wrong)


if __name__ == "__main__":
    unittest.main(verbosity=2)
