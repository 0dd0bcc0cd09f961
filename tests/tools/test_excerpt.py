"""README's conversation: what is made of a report, and that README's is one whole."""
import pathlib
import re
import statistics
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools" / "demo"))
import excerpt  # noqa: E402

TURN = {"n": 1, "said": "Are you there?", "reply": "Yes,\nI am.", "interrupted": False, "voice_to_voice_ms": 1540.0,
        "silence_after_interrupt_ms": None}


class Excerpt(unittest.TestCase):
    def test_a_report_becomes_a_table_and_a_sentence(self):
        cut = {**TURN, "n": 2, "reply": "Once", "interrupted": True, "voice_to_voice_ms": 2100.4,
               "silence_after_interrupt_ms": 129.6}
        notice = {**TURN, "n": 3, "voice_to_voice_ms": None}  # "One moment." was heard first
        self.assertEqual(excerpt.excerpt({"turns": [TURN, cut, notice]}).splitlines()[2:], [
            "| 1 | Are you there? | Yes, I am. | 1540 ms |",
            "| 2 | Are you there? | Once *(interrupted; silent after 130 ms)* | 2100 ms |",
            "| 3 | Are you there? | Yes, I am. |  |", "",
            "Voice to voice: median 1.8 s, at most 2.1 s."])

    def test_a_report_without_a_measured_answer_is_refused(self):
        with self.assertRaises(ValueError):
            excerpt.excerpt({"turns": [{**TURN, "voice_to_voice_ms": None}]})

    def test_only_what_stands_between_the_marks_is_replaced(self):
        page = f"a\n{excerpt.BEGIN}\nold\nold\n{excerpt.END}\nb\n"
        self.assertEqual(excerpt.replaced(page, "new"), f"a\n{excerpt.BEGIN}\nnew\n{excerpt.END}\nb\n")

    def test_the_sentence_of_the_readme_is_true_of_its_table(self):
        readme = (ROOT / "README.md").read_text(encoding="utf-8")
        part = readme.split(excerpt.BEGIN)[1].split(excerpt.END)[0]
        times = [int(ms) for ms in re.findall(r"\| (\d+) ms \|$", part, re.MULTILINE)]
        self.assertGreaterEqual(len(times), 8)
        self.assertIn(f"median {statistics.median(times) / 1000:.1f} s, at most {max(times) / 1000:.1f} s.", part)


if __name__ == "__main__":
    unittest.main()
