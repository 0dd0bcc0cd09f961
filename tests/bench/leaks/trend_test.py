"""A series that grows is told from one that only moves, whatever single samples do."""
import random
import sys
import pathlib
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from trend import slope, trend  # noqa: E402

TURNS = range(0, 10_001, 100)


def series(value):
    noise = random.Random(7)
    return [(float(t), value(t, noise)) for t in TURNS]


class Trends(unittest.TestCase):
    def test_a_smallest_block_in_every_second_turn_is_seen_under_noise(self):
        found = trend(series(lambda t, noise: 2000 + 16 * t / 1024 + noise.uniform(-20, 20)), 1000)
        self.assertAlmostEqual(found.per_thousand, 15.6, delta=2)
        self.assertGreater(found.growth, 80)

    def test_noise_alone_is_flat(self):
        found = trend(series(lambda _t, noise: 2000 + noise.uniform(-20, 20)), 1000)
        self.assertLess(abs(found.per_thousand), 1)

    def test_what_the_warm_up_took_does_not_count(self):
        found = trend(series(lambda t, _noise: min(t, 900) * 10.0), 1000)
        self.assertEqual((found.per_thousand, found.growth), (0, 0))

    def test_single_peaks_are_no_trend_but_are_told(self):
        found = trend(series(lambda t, _noise: 90.0 if t in (1500, 9000, 9900) else 12.0), 1000)
        self.assertEqual((found.per_thousand, found.growth, found.most), (0, 0, 90))

    def test_one_descriptor_more_from_the_middle_on_is_growth(self):
        found = trend(series(lambda t, _noise: 12.0 + (t > 6000)), 1000)
        self.assertEqual((found.growth, found.growth_of_least), (1, 1))

    def test_what_comes_and_goes_is_none(self):
        found = trend(series(lambda t, noise: 12.0 + (noise.random() < t / 10_000)), 1000)
        self.assertEqual(found.growth_of_least, 0)

    def test_too_few_samples_prove_nothing(self):
        with self.assertRaises(ValueError):
            trend(series(lambda t, _noise: 1.0), 9400)
        self.assertEqual(slope([(1.0, 5.0)]), 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
