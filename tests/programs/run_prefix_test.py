"""run_prefix says how many words of a text are in a recording that was cut. Usage: run_prefix_test.py VOICE PREFIX"""
import array
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest
import wave

VOICE, PREFIX = sys.argv.pop(1), sys.argv.pop(1)
TEXT = "The old man went to the market this morning. He bought bread, milk and three red apples."


def run(*command) -> dict:
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


class RunPrefix(unittest.TestCase):
    def test_what_is_cut_is_not_completed(self):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "spoken.wav"
            spoken = run(VOICE, TEXT, file, "--voice", "piper")
            with wave.open(str(file)) as reader:
                rate, samples = reader.getframerate(), array.array("h", reader.readframes(reader.getnframes()))
            ends = [sample for _, sample in spoken["align"]]
            for words in (3, 9, len(ends)):
                with wave.open(str(file), "wb") as writer:
                    writer.setnchannels(1)
                    writer.setsampwidth(2)
                    writer.setframerate(rate)
                    writer.writeframes(samples[:ends[words - 1]].tobytes() + bytes(rate))
                with self.subTest(words=words):  # the voice's alignment is its own account: within a word
                    self.assertAlmostEqual(run(PREFIX, file, TEXT)["words"], words, delta=1)

    def test_a_text_and_a_file_are_needed(self):
        done = subprocess.run([PREFIX, "only-one"], stderr=subprocess.PIPE, text=True)
        self.assertEqual(done.returncode, 2)
        self.assertIn("a WAV file and a text are needed", done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
