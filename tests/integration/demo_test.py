"""The demonstration itself: the report is judged against what a user would expect."""
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]


def hold(folder, *options, name=""):
    """The report of a whole demonstration, and what it said. `name`: several are held at once."""
    os.chmod(folder, 0o711)  # the database's user must get through
    os.mkdir(folder + "/run", 0o711)
    environment = dict(os.environ, XDG_STATE_HOME=folder + "/state", XDG_RUNTIME_DIR=folder + "/run")
    report = pathlib.Path(folder) / "report.json"
    done = subprocess.run([sys.executable, ROOT / "tools" / "demo" / "demo.py", "--report", report,
                           "--instance", f"demo-test{name}-{os.getpid()}", "--output", folder, "--seed", "10", *options],
                          env=environment, capture_output=True, text=True, timeout=400)
    if done.returncode != 0:
        raise AssertionError(done.stdout + done.stderr)
    return json.loads(report.read_text()), done.stdout


class DemoRuns(unittest.TestCase):
    def test_the_whole_conversation(self):
        with tempfile.TemporaryDirectory() as folder:
            data, _said = hold(folder)
            self.assertGreaterEqual(len(data["turns"]), 8)
            self.assertTrue(data["memory"]["recalled"])
            self.assertEqual(sum(r["drops"] for r in data["rings"].values()), 0)
            self.assertEqual(sum(r["late_wakes"] for r in data["rings"].values()), 0)
            for turn in data["turns"]:
                self.assertTrue((pathlib.Path(folder) / f"reply-{turn['n']}.wav").exists())
                names = ["speech_end_ns", "final_transcript_ns", "first_segment_ns", "first_pcm_ns"]
                if turn["notice_ns"]:  # a busy machine: the first sound was "One moment."
                    names.pop()
                stamps = [turn[k] for k in names]
                self.assertEqual(stamps, sorted(stamps), turn)
                # Of a question begun at a pause the answer may come before the turn has ended; it waits there.
                self.assertTrue(turn["speech_end_ns"] <= turn["first_token_ns"] <= turn["first_segment_ns"], turn)
                # A null sink's monitor hands out what it renders up to a block before its time.
                self.assertGreater(turn["audible_ns"], turn["first_pcm_ns"] - 40_000_000, turn)
            print("voice to voice p50", statistics.median(
                t["voice_to_voice_ms"] or 0 for t in data["turns"]), "ms")


if __name__ == "__main__":
    unittest.main(verbosity=2)
