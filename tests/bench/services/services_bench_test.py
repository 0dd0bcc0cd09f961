#!/usr/bin/env python3
"""./bench services --quick: every row comes, every line is whole, and nothing is wrong.

usage: services_bench_test.py BUILD-FOLDER     judges correctness, not speed
"""
import functools
import pathlib
import shutil
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from quick_run import quick_run  # noqa: E402

MAIN = pathlib.Path(__file__).with_name("main.py")
BUILD = sys.argv.pop()
# Of each part those that are different, and the cheap ones: three minutes in all.
PARTS = """faults:scribe faults:mcp faults:voyage-rerank bytes:elevenlabs
    cancels:chat cancels:mcp cancels:socket cancels:recogniser cancels:scribe cancels:wyoming cancels:voyage cancels:rerank
    thousand:chat thousand:recogniser thousand:scribe thousand:wyoming thousand:socket thousand:http thousand:openai-voice
    thousand:wyoming-voice thousand:embeddings thousand:rerank thousand:voyage thousand:voyage-rerank thousand:home
    thousand:mcp load:voyage""".split()

bench = functools.partial(quick_run, MAIN, build=BUILD)


class Bench(unittest.TestCase):
    def test_every_row_comes_and_nothing_is_wrong(self):
        if shutil.which("pulseaudio") is None:
            self.skipTest("pulseaudio is not installed")
        done, lines = bench("--only", ",".join(PARTS))
        print(done.stdout)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual({line["target"] for line in lines}, set("ABCDE"))

    def test_wrong_usage(self):
        for wrong in (["--only", "nothing"], ["--only", "faults:nobody"], ["--set", "speed=1"], ["--nonsense"]):
            done, _ = bench(*wrong)
            self.assertEqual(done.returncode, 2, wrong)


if __name__ == "__main__":
    unittest.main(verbosity=2)
