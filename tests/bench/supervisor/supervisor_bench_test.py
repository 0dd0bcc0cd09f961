#!/usr/bin/env python3
"""./bench supervisor: every line is whole, every target is there, and what could not be measured is a failure.

usage: supervisor_bench_test.py BUILD-FOLDER     judges correctness, not speed
"""
import functools
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from quick_run import quick_run  # noqa: E402

MAIN = pathlib.Path(__file__).with_name("main.py")
BUILD = sys.argv.pop()
KEYS = {"target", "what", "value", "unit", "bar", "met", "anchor"}
TARGETS = ["T1", "T4", "T6", "T9", "T10"]  # the others' short forms are tests of their own

bench = functools.partial(quick_run, MAIN, build=BUILD)


class Bench(unittest.TestCase):
    def test_every_line_is_whole(self):
        done, lines = bench("--only", ",".join(TARGETS))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        for line in lines:
            self.assertEqual(set(line), KEYS)
            self.assertIsInstance(line["met"], bool)
            self.assertIsInstance(line["value"], (int, float))
            self.assertLessEqual(set(line["anchor"]), {"runit", "s6"})
            if line["bar"]:
                relation, limit = line["bar"].split()
                met = {"<=": line["value"] <= float(limit), ">=": line["value"] >= float(limit),
                       "==": line["value"] == float(limit)}[relation]
                self.assertEqual(line["met"], met, line)
        self.assertLessEqual(set(TARGETS), {line["target"] for line in lines})
        self.assertEqual(len(done.stdout.splitlines()), len(lines) + 1)

    def test_what_cannot_be_measured_is_a_failure(self):
        with tempfile.TemporaryDirectory() as empty:
            done, lines = bench("--only", "T10", "--no-anchors", build=empty)
        self.assertEqual(done.returncode, 1)
        self.assertEqual([line["met"] for line in lines], [False])

    def test_wrong_usage(self):
        for wrong in (["--only", "T99"], ["--set", "speed=1"], ["--nonsense"]):
            done, _ = bench(*wrong)
            self.assertEqual(done.returncode, 2, wrong)


if __name__ == "__main__":
    unittest.main(verbosity=2)
