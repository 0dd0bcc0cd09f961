#!/usr/bin/env python3
"""./bench leaks --quick: every program works in every turn, and none of them grows by what a leak would take.

usage: leaks_bench_test.py BUILD-FOLDER     judges growth, not speed
"""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

MAIN = pathlib.Path(__file__).with_name("main.py")
BUILD = sys.argv.pop(1)
PROGRAMS = {"capture", "stt", "brain", "tts", "player", "memory", "web", "supervisor"}


def bench(*options, build=BUILD):
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder, "bench.json")
        done = subprocess.run([sys.executable, MAIN, "--build", build, "--quick", "--json", file, *options],
                              capture_output=True, text=True)
        lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return done, [json.loads(line) for line in lines]


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
