"""The format of scenarios: its messages, its document, the lines, the timeline, and the reading of recordings."""
import array
import math
import os
import pathlib
import re
import sys
import threading
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
from scenario import document  # noqa: E402
from scenario.format import FormatError, load, parse  # noqa: E402
from scenario.run import groups_of  # noqa: E402
from scenario.timeline import Timeline  # noqa: E402
from scenario.toml_lines import lines_of  # noqa: E402
from scenario.tones import RATE, Heard, longest_gap_ms, tones_of  # noqa: E402

ROOT = HERE.parents[1]


def problems(text: str) -> list[str]:
    try:
        parse(text, HERE / "x.toml")
    except FormatError as error:
        return [p.removeprefix(f"{HERE / 'x.toml'}:") for p in error.problems]
    return []


GOOD = """about = "x"
steps = [
  {say = "Hello", as = "hello"},
  {wait = "turn"},
]
expect = [{turns = 1}]
"""


class Mistakes(unittest.TestCase):
    def test_a_right_one_has_none(self):
        self.assertEqual(problems(GOOD), [])

    def test_unknown_keys_are_told_with_their_line(self):
        self.assertRegex(problems(GOOD + "modl = []\n")[0], "^7: unknown key 'modl'; do you mean 'model'")
        self.assertRegex(problems(GOOD.replace('"turn"}', '"turn", withn_ms = 3}'))[0], "^4: unknown key 'withn_ms'")
        self.assertRegex(problems(GOOD.replace("{turns = 1}", "{turns = 1},\n {trun = 1}"))[0],
                         "^7: unknown key 'trun'")
        self.assertRegex(problems(GOOD + 'model = [\n {text = "a"},\n {text = "b", pase_ms = 3}]\n')[0],
                         "^9: unknown key 'pase_ms'")
        self.assertRegex(problems(GOOD + '[transcription]\n\ndelay = 3\n')[0], "^9: unknown key 'delay'")

    def test_all_are_told_at_once(self):
        self.assertEqual(len(problems(GOOD.replace("turns = 1", 'turns = "1"').replace('say = "Hello"', "say = 3"))), 2)

    def test_wrong_values(self):
        for old, new, what in (('wait = "turn"', 'wait = "trun"', "4: no event is called 'trun'"),
                               ('wait = "turn"', 'kill = "voice"', "4: kill is one of capture stt"),
                               ('wait = "turn"', "pause = -3", "4: pause is not negative"),
                               ('wait = "turn"', "pause = true", "4: pause is a whole"),
                               ('wait = "turn"', 'fault = "fire"', "4: no fault has the kind 'fire'"),
                               ('wait = "turn"', 'play = "no.wav"', "4: there is no file 'no.wav'"),
                               ('{wait = "turn"}', '"turn"', "4: a table"),
                               ("{turns = 1}", '{quiet = "goodbye"}', "6: no mark 'goodbye'"),
                               ("{turns = 1}", '{within_ms = 3, from = "hello"}', "6: 'to' is missing"),
                               ("{turns = 1}", '{request = 1, context = [{you = "x"}]}', "6: a message is one of"),
                               ('wait = "turn"', 'say = "a", wait = "turn"', "4: one thing at a time"),
                               ('about = "x"', "", "1: 'about' is missing"),
                               ('about = "x"', 'about = "x', "1: "),
                               ("expect = [{turns = 1}]", "", "1: 'expect' is missing")):
            found = problems(GOOD.replace(old, new))
            self.assertTrue(found and found[0].startswith(what), f"{new}: {found}")

    def test_marks(self):
        for mark in ("hello", "hello.end", "begin", "end", "turn 2", "state active 1", "sound after hello.end",
                     "silence after sound after hello"):
            self.assertEqual(problems(GOOD.replace("turns = 1", f'quiet = "{mark}"')), [], mark)


class Lines(unittest.TestCase):
    def test_every_path_has_its_line(self):
        text = ('a = 1 # [x]\n[b.c]\nd = """\n}]\n"""\n"e f" = [\n  1, # one\n  {g = "]", h = [2,\n 3]},\n]\n'
                "[[i]]\nj.k = 1\n[[i]]\nj = {l = 'it''s' }\n").replace("'it''s'", "'#'")
        found = lines_of(text)
        for path, line in ((("a",), 1), (("b", "c"), 2), (("b", "c", "d"), 3), (("b", "c", "e f"), 6),
                           (("b", "c", "e f", 0), 7),
                           (("b", "c", "e f", 1, "h", 1), 9), (("i", 0), 11), (("i", 0, "j", "k"), 12),
                           (("i", 1, "j", "l"), 14)):
            self.assertEqual(found.get(path), line, path)


class Events(unittest.TestCase):
    def test_a_wait_begins_at_the_last_action_and_goes_on_from_what_it_found(self):
        timeline = Timeline()
        timeline.add("turn", "old")
        timeline.act()
        timeline.add("turn", "one")
        timeline.add("segment", "S")
        timeline.add("turn", "two")
        self.assertEqual(timeline.wait("turn", 0).text, "one")
        self.assertEqual(timeline.wait("turn: two", 0).text, "two")
        self.assertEqual(timeline.wait("segment", 0).text, "S")
        self.assertIsNone(timeline.wait("turn", 0))

    def test_a_wait_is_woken(self):
        timeline = Timeline()
        adder = threading.Timer(0.01, lambda: timeline.add("audible"))
        adder.start()
        self.assertEqual(timeline.wait("audible", 10).label, "audible")
        adder.join()


def tone(word: int, ms: float = 160) -> array.array:
    count = int(RATE * ms / 1000)
    ramp = RATE * 5 // 1000
    whole = RATE * 160 // 1000
    return array.array("h", (round(8000 * min(1.0, min(i, whole - 1 - i) / ramp) *
                                   math.sin(2 * math.pi * (300 + 50 * (word % 12)) * i / RATE)) for i in range(count)))


def silence(ms: float) -> array.array:
    return array.array("h", bytes(2 * int(RATE * ms / 1000)))


def words(count: int) -> array.array:
    out = silence(30)
    for n in range(count):
        out += tone(n) + silence(40)
    return out


class Recordings(unittest.TestCase):
    def test_every_word_is_read(self):
        tones = tones_of(words(26))
        self.assertEqual([t.word for t in tones], [n % 12 for n in range(26)])
        self.assertTrue(all(t.complete and not t.doubtful for t in tones), tones)

    def test_the_words_of_two_segments(self):
        heard = Heard(["one two three", "four five"], tones_of(words(3) + silence(200) + words(2)))
        self.assertEqual((heard.text, heard.problem), ("one two three four five", ""))

    def test_a_word_that_was_cut_does_not_count(self):
        heard = Heard(["one two three"], tones_of(words(1) + tone(1, 100)))
        self.assertEqual(heard.texts, ["one"])
        self.assertEqual(Heard(["one two"], tones_of(words(1) + tone(1, 150))).texts, ["one two", "one"])

    def test_a_last_word_before_a_cut_may_count_or_not(self):
        tones = tones_of(words(2))
        self.assertEqual(Heard(["one two three"], tones).texts, ["one two"])
        self.assertEqual(Heard(["one two three"], tones, cut=True).texts, ["one two", "one"])
        self.assertEqual(Heard(["one two three"], tones_of(words(2) + tone(2, 30)), cut=True).texts, ["one two"])

    def test_a_word_that_was_held_is_one_word(self):
        whole = tone(1)
        at = len(whole) * 6 // 10
        held = whole[:at] + silence(700) + whole[at:]
        heard = Heard(["one two three"], tones_of(words(1) + held + silence(40) + tone(2)))
        self.assertEqual((heard.text, heard.problem), ("one two three", ""))

    def test_the_longest_silence(self):
        samples = silence(500) + words(2) + silence(160) + words(1) + silence(900)
        self.assertAlmostEqual(longest_gap_ms(samples), 230, delta=3)
        self.assertEqual(longest_gap_ms(silence(100)), 0)

    def test_a_missing_word_is_seen(self):
        heard = Heard(["one two three"], tones_of(words(1) + tone(2) + silence(40)))
        self.assertEqual(heard.text, "one")
        self.assertIn("'two', was due", heard.problem)

    def test_words_of_nobody_are_seen(self):
        self.assertIn("belongs to no word", Heard(["one"], tones_of(words(2))).problem)
        self.assertIn("no word", Heard(["one"], tones_of(array.array("h", [0, 9000] * 2000))).problem)


class Files(unittest.TestCase):
    def test_every_scenario_is_right_and_named_once(self):
        scenarios = [load(f) for f in sorted(HERE.glob("*.toml"))]
        self.assertGreaterEqual(len(scenarios), 25)
        self.assertEqual({s.language for s in scenarios}, {"en", "ko"})
        self.assertLess(len(groups_of(scenarios)), len(scenarios))

    def test_the_document_has_the_parsers_tables(self):
        path = ROOT / "doc" / "scenarios.md"
        text = path.read_text(encoding="utf-8")
        wanted = re.sub(rf"{document.BEGIN}.*?{document.END}", lambda _m: document.tables(), text, flags=re.DOTALL)
        if os.environ.get("PROT_WRITE_GOLDEN"):
            path.write_text(wanted, encoding="utf-8")
        self.assertEqual(text, wanted, "write doc/scenarios.md anew with PROT_WRITE_GOLDEN=1; look at the difference")


if __name__ == "__main__":
    unittest.main(verbosity=2)
