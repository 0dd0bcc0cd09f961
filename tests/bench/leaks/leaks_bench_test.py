#!/usr/bin/env python3
"""./bench leaks --quick: every program works in every turn, and none of them grows by what a leak would take.

usage: leaks_bench_test.py BUILD-FOLDER     judges growth, not speed
"""
import functools
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from quick_run import quick_run  # noqa: E402

MAIN = pathlib.Path(__file__).with_name("main.py")
BUILD = sys.argv.pop(1)
PROGRAMS = {"capture", "stt", "brain", "tts", "player", "memory", "web", "supervisor"}

bench = functools.partial(quick_run, MAIN, build=BUILD)


class Leaks(unittest.TestCase):
    def test_nobody_grows(self):
        done, lines = bench()
        print(done.stdout)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        for what in ("heap", "descriptors", "threads"):
            judged = {line["what"].split(":")[0] for line in lines if f": {what}" in line["what"] and line["bar"]}
            self.assertLessEqual(PROGRAMS, judged, what)

    def test_what_cannot_be_measured_is_a_failure(self):
        with tempfile.TemporaryDirectory() as empty:
            done, lines = bench(build=empty)
        self.assertEqual(done.returncode, 1)
        self.assertEqual([line["met"] for line in lines], [False])

    def test_wrong_usage(self):
        for wrong in (["--set", "speed_of_light=1"], ["--turns", "some"], ["--nonsense"]):
            done, _ = bench(*wrong)
            self.assertEqual(done.returncode, 2, wrong)


if __name__ == "__main__":
    unittest.main(verbosity=2)
