"""run_scenario as a program: its exit codes, and that it sees what is wrong and leaves nothing behind."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
PROGRAM = HERE.parent / "programs" / "run_scenario.py"

FALSE = '''about = "What is expected here does not happen."
model = [{text = "One two three."}]
steps = [{say = "What is the capital of France?", as = "question"}, {wait = "turn"}]
expect = [
  {turn = 1, text = "One two."},
  {turn = 1, as_recorded = true},
  {absent = "request"},
  {quiet = "question"},
  {within_ms = 1, from = "question", to = "turn 1"},
  {request = 1, context = [{user = "What is the capital of Spain?"}]},
  {events = ["turn", "request"]},
  {closed = 1},
  {stage = "stt", restarts = 1},
]
'''
UNANSWERED = '''about = "The script has no answer, and the stage that is killed is not expected to be."
steps = [{say = "What is the capital of France?"}, {wait = "turn"}]
expect = [{turns = 1}]
'''


def run(*arguments, **environment) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, PROGRAM, *map(str, arguments)], env={**os.environ, **environment},
                          capture_output=True, text=True, timeout=170)


class Folder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def write(self, name: str, text: str) -> pathlib.Path:
        path = self.folder / f"{name}.toml"
        path.write_text(text, encoding="utf-8")
        return path


class Usage(Folder):
    def test_a_mistake_is_told_with_its_place_before_anything_runs(self):
        bad = self.write("bad", UNANSWERED.replace("turns", "tunrs"))
        done = run(self.write("good", UNANSWERED), bad, self.folder / "none.toml")
        self.assertEqual(done.returncode, 2)
        self.assertIn(f"{bad}:3: unknown key 'tunrs'", done.stderr)
        self.assertIn("none.toml: cannot be read", done.stderr)
        self.assertEqual(done.stdout, "")
        self.assertEqual(run("-j", "0", bad).returncode, 2)
        self.assertEqual(run().returncode, 2)

    def test_a_name_is_given_once(self):
        (self.folder / "other").mkdir()
        self.write("same", UNANSWERED)
        self.write("other/same", UNANSWERED)
        done = run("--list", self.folder / "same.toml", self.folder / "other")
        self.assertEqual((done.returncode, done.stderr.count("another scenario has this name too")), (2, 2))

    def test_the_list_names_each(self):
        self.write("one", UNANSWERED)
        self.write("two", FALSE)
        done = run("--list", self.folder, PROT_BIN=str(self.folder))
        self.assertEqual(done.returncode, 0)
        self.assertIn("two: What is expected here does not happen.\n", done.stdout)

    def test_what_is_not_built_is_told(self):
        done = run(self.write("one", UNANSWERED), PROT_BIN=str(self.folder))
        self.assertEqual(done.returncode, 3)
        self.assertIn(f"{self.folder}/prot-tts is missing: build prot", done.stderr)


@unittest.skipUnless("--whole" in sys.argv, "needs engines and a sound server")
class Whole(Folder):
    def test_it_sees_what_is_wrong_and_leaves_nothing_behind(self):
        shown, kept = self.folder / "tmp", self.folder / "kept"
        shown.mkdir()
        files = [self.write("false", FALSE), self.write("unanswered", UNANSWERED)]
        done = run("-j", "2", "--json", "--keep", kept, *files, TMPDIR=str(shown))
        self.assertEqual(done.returncode, 1, done.stderr)
        results = {r["name"]: r for r in map(json.loads, done.stdout.splitlines())}
        self.assertEqual({r["outcome"] for r in results.values()}, {"failed"})
        lines = sorted(int(p.split(":")[1]) for p in results["false"]["problems"])
        self.assertEqual(lines, [5, 7, 8, 9, 10, 11, 12, 13], results["false"]["problems"])
        self.assertIn("the script has no answer for it", results["unanswered"]["problems"][0])
        self.assertIn("request", " ".join(results["unanswered"]["timeline"]))
        for name in ("microphone.wav", "loudspeaker.wav", "timeline.jsonl", "requests.jsonl", "logs/brain.log"):
            self.assertTrue((kept / "false" / name).exists(), name)
        self.assertNotIn("loopback-secret", (kept / "false" / "requests.jsonl").read_text())
        self.assertEqual(list(shown.iterdir()), [])
        processes = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout
        self.assertNotIn(str(shown), processes)


if __name__ == "__main__":
    unittest.main(argv=[a for a in sys.argv if a != "--whole"], verbosity=2)
