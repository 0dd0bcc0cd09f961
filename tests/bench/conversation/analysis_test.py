#!/usr/bin/env python3
"""The parts of ./bench conversation that need no prot: from sound to words, and from times to figures."""
import array
import math
import pathlib
import random
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "bench/supervisor"), str(HERE.parents[2] / "tools/demo")]

import figures  # noqa: E402
import sound  # noqa: E402
from interruptions import kept_of, words_of  # noqa: E402
from latency import account  # noqa: E402

RATE = sound.RATE


def word(index: int, seconds: float = sound.TONE_S, fade_from: float | None = None) -> array.array:
    """As tts/voices/tone.cpp makes it, and as player ends it."""
    samples = array.array("h")
    step = 2 * math.pi * (300 + 50 * (index % 12)) / RATE
    whole = int(sound.TONE_S * RATE)
    ramp = int(sound.RAMP_S * RATE)
    for i in range(int(seconds * RATE)):
        gain = 8000 * min(1.0, min(i, whole - 1 - i) / ramp)
        if fade_from is not None and i >= fade_from * RATE:
            gain *= max(0.0, 1 - (i - fade_from * RATE) / (sound.FADE_S * RATE))
        samples.append(round(gain * math.sin(step * i)))
    return samples


def silence(seconds: float) -> array.array:
    return array.array("h", bytes(2 * int(seconds * RATE)))


def spoken(words: int, first: int = 0) -> array.array:
    samples = array.array("h")
    for n in range(first, first + words):
        samples += word(n) + silence(sound.GAP_S)
    return samples


class Tones(unittest.TestCase):
    def test_each_word_is_told_by_its_tone_wherever_the_recording_begins(self):
        chance = random.Random(1)
        for words in (1, 5, 12, 30):
            samples = silence(chance.uniform(0.01, 0.3)) + spoken(words) + silence(0.1)
            found = sound.tones(samples)
            self.assertEqual([t.index for t in found], [n % 12 for n in range(words)])
            self.assertTrue(all(t.whole for t in found), found)
            self.assertEqual(sound.spoken_words(found, [words]), sound.Spoken(words, False))

    def test_room_noise_is_silence(self):
        chance = random.Random(2)
        samples = array.array("h", (s + int(chance.gauss(0, 12)) for s in silence(0.2) + spoken(4) + silence(0.2)))
        self.assertEqual(sound.spoken_words(sound.tones(samples), [4]), sound.Spoken(4, False))
        self.assertEqual(sound.tones(array.array("h", (int(chance.gauss(0, 12)) for _ in range(RATE)))), [])

    def test_a_cut_anywhere_counts_the_words_that_were_whole(self):
        period = sound.TONE_S + sound.GAP_S
        whole = spoken(3)
        for at_ms in [*range(3, 600, 7), *range(147, 162), *range(347, 362)]:
            at = at_ms / 1000
            fade = int(sound.FADE_S * RATE)
            first = int(at * RATE)
            samples = whole[:first] + array.array("h", (
                int(s * (fade - i) / fade) for i, s in enumerate(whole[first:first + fade]))) + silence(0.2)
            within = at % period
            heard = int(at / period) + (within >= sound.TONE_S)
            counted = sound.spoken_words(sound.tones(samples), [20])
            self.assertEqual(counted.broken, "", at)
            if 0.149 <= within < sound.TONE_S:
                self.assertIn(counted.words, (heard, heard + 1), at)
            else:
                self.assertEqual(counted.words, heard, at)
            self.assertTrue(counted.on_edge or not 0.1495 < within < 0.1525, at)
            self.assertFalse(counted.on_edge and not 0.147 < within < 0.157, at)

    def test_segments_begin_anew(self):
        samples = spoken(3) + silence(0.2) + spoken(2)
        found = sound.tones(samples)
        self.assertEqual(sound.spoken_words(found, [3, 2]).words, 5)
        self.assertIn("word 4", sound.spoken_words(found, [5]).broken)

    def test_what_is_not_the_reply_is_found(self):
        good = spoken(6)
        other = spoken(2) + word(7) + silence(0.04) + spoken(3, 3)
        self.assertIn("word 3", sound.spoken_words(sound.tones(other), [6]).broken)
        self.assertIn("word 3", sound.spoken_words(sound.tones(spoken(2) + spoken(3, 3)), [6]).broken)  # one is missing
        self.assertIn("behind", sound.spoken_words(sound.tones(good), [5]).broken)
        short = spoken(2) + word(2, 0.06, 0.05) + silence(0.06) + spoken(2, 3)
        self.assertIn("only 59 ms", sound.spoken_words(sound.tones(short), [6]).broken)
        self.assertEqual(sound.tones(word(0) + silence(0.04) + array.array("h", [5000, -5000] * 500))[1].index, -1)


class Person(unittest.TestCase):
    def test_an_utterance_is_exactly_as_long_as_it_says_and_has_no_pause(self):
        for seconds in (0.2, 0.55, 0.8, 1.234):
            samples = silence(0.1) + sound.utterance(seconds) + silence(0.1)
            found = sound.loud_stretches(samples)
            self.assertAlmostEqual(found[0][0] / RATE, 0.1, delta=0.002)
            self.assertAlmostEqual(found[-1][1] / RATE, 0.1 + seconds, delta=0.002)
            gaps = [b[0] - a[1] for a, b in zip(found, found[1:])]
            self.assertLess(max(gaps, default=0) / RATE, 0.04)


class Figures(unittest.TestCase):
    def test_percentiles(self):
        self.assertEqual(figures.percentile([5], 0.99), 5)
        self.assertEqual(figures.percentile(range(1, 101), 0.99), 99)
        self.assertEqual(figures.percentile(range(1, 101), 1), 100)
        self.assertEqual(figures.percentile([3, 1, 2], 0.5), 2)
        self.assertEqual(figures.percentile([4, 1, 2, 3], 0.5), 2)
        self.assertRaises(ValueError, figures.percentile, [], 0.5)

    def test_slopes(self):
        self.assertAlmostEqual(figures.slope([(x, 3 + 0.5 * x) for x in range(20)]), 0.5)
        self.assertEqual(figures.slope([(0, 7), (10, 7), (20, 7)]), 0)
        self.assertEqual(figures.slope([(5, 1)]), 0)
        self.assertEqual(figures.slope([(5, 1), (5, 9)]), 0)

    def test_covered_time_counts_once(self):
        self.assertAlmostEqual(figures.covered([(0, 2), (1, 3), (5, 6)], 0, 10), 4)
        self.assertAlmostEqual(figures.covered([(-5, 1), (9, 20)], 0, 10), 2)
        self.assertAlmostEqual(figures.covered([(2, 3), (0, 10)], 1, 4), 3)
        self.assertEqual(figures.covered([], 0, 10), 0)

    def test_the_longest_silence(self):
        self.assertAlmostEqual(figures.longest_silence([1.0, 1.01, 3.0], 0, 4), 1.98)
        self.assertAlmostEqual(figures.longest_silence([], 0, 4), 4)
        self.assertAlmostEqual(figures.longest_silence([0.0, 5.0], 0, 4), 3.99)


class Accounts(unittest.TestCase):
    EVENT = {"speech_end_ns": 10_010_000_000, "end_decided_ns": 10_560_000_000, "final_transcript_ns": 10_561_000_000,
             "request_ns": 10_562_000_000, "first_token_ns": 10_764_000_000, "first_segment_ns": 10_764_000_000,
             "synthesis_start_ns": 10_765_000_000, "first_pcm_ns": 10_766_000_000, "written_ns": 10_767_000_000}

    def test_wait_and_services_are_not_prots_and_count_once(self):
        # Recognised during the wait: costs nothing. Wait 544 ms, model 200 ms.
        turn = account(self.EVENT, 10.0, 10.8, [(10.2, 0.1)], [(10.562, 0.2)])
        self.assertAlmostEqual(turn.voice_to_voice, 0.8)
        self.assertAlmostEqual(turn.added, 0.8 - 0.544 - 0.2)
        # A recogniser that outlasts the wait by 100 ms.
        slow = account(self.EVENT, 10.0, 10.9, [(10.2, 0.444)], [(10.662, 0.2)])
        self.assertAlmostEqual(slow.added, 0.9 - 0.644 - 0.2)
        said = account(dict(self.EVENT, end_wait_ms=300), 10.0, 10.8, [], [(10.562, 0.2)])
        self.assertAlmostEqual(said.added, 0.8 - 0.3 - 0.2)

    def test_the_hops_say_where_it_went(self):
        turn = account(self.EVENT, 10.0, 10.8, [(10.2, 0.1)], [(10.562, 0.2)])
        self.assertAlmostEqual(sum(turn.hops.values()), turn.added, places=3)


class Contexts(unittest.TestCase):
    def test_marks_of_an_interruption_are_no_words(self):
        self.assertEqual(words_of("one two… [interrupted]"), ["one", "two"])
        reply = "One two three. Four five."
        say = [{"role": "user", "content": "x"},
               {"role": "assistant", "content": "One two three. Four [interrupted by the user]"}]
        self.assertEqual(kept_of(reply, say), 4)
        self.assertEqual(kept_of(reply, say[:1]), 0)
        self.assertEqual(kept_of(reply, [{"role": "assistant", "content": "One three"}]), -1)
        self.assertEqual(kept_of(reply, [{"role": "assistant", "content": None}]), 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
