"""The demo's report: what stands on the path to the answer, and what is left for prot."""
import pathlib
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools" / "demo"))
import report  # noqa: E402

MS = 1_000_000
EVENT = {"end_decided_ns": 1500 * MS, "decode_start_ns": 1100 * MS, "decode_end_ns": 1300 * MS,
         "request_ns": 1320 * MS, "first_segment_ns": 2100 * MS, "synthesis_start_ns": 2105 * MS,
         "first_pcm_ns": 2305 * MS, "written_ns": 2320 * MS}


class TurnRow(unittest.TestCase):
    def test_what_began_in_the_pause_counts_from_the_decision_only(self):
        row = report.turn_row(1, "hello", EVENT, 1.0, 2.4)
        self.assertEqual(row["voice_to_voice_ms"], 1400)
        self.assertEqual(row["end_of_turn_wait_ms"], 500)
        self.assertEqual(row["recognition_ms"], 0)  # decoded before the turn was known to be over
        self.assertEqual(row["model_ms"], 600)      # 780 from the request, 180 of them in the wait
        self.assertEqual(row["added_ms"], 20)       # 5 to the voice, 15 to the device

    def test_what_began_after_the_decision_counts_whole(self):
        late = {**EVENT, "decode_start_ns": 1510 * MS, "decode_end_ns": 1700 * MS, "request_ns": 1710 * MS}
        row = report.turn_row(1, "hello", late, 1.0, 2.4)
        self.assertEqual((row["recognition_ms"], row["model_ms"]), (190, 390))
        self.assertEqual(row["added_ms"], 40)

    def test_a_turn_whose_notice_was_heard_first_has_no_voice_to_voice(self):
        row = report.turn_row(1, "hello", {**EVENT, "notice_ns": 2000 * MS}, 1.0, 2.4)
        self.assertIsNone(row["voice_to_voice_ms"])
        self.assertIsNone(row["added_ms"])


if __name__ == "__main__":
    unittest.main()
