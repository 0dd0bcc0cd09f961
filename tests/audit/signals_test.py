"""Stages that nobody starts but a developer obey every signal that a terminal or a manager sends (F22), as soon as they live."""
import itertools
import os
import pathlib
import signal
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "supervisor"))
from instance import ALONE, STAGES, Instance, wait_for  # noqa: E402

PROGRAMS = pathlib.Path(os.environ["PROGRAMS"])
SETTINGS = [*ALONE]
for one in ("capture.source=null", "player.sink=null", "stt.engine=null", "tts.voice_en=tone", "tts.voice_ko=tone",
            "capture.detector=energy", "capture.turn_model=silence"):
    SETTINGS += ["--set", one]
EACH = list(itertools.product(STAGES, (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)))


def join(prot, stage):
    return prot.spawn("--join", prot.name, program=PROGRAMS / stage / f"prot-{stage}")


class Alone(unittest.TestCase):
    def test_each_stage_obeys_term_int_and_hup(self):
        with Instance(settings=SETTINGS) as prot:
            prot.up()
            for stage, number in EACH:
                with self.subTest(stage=stage, signal=number.name):
                    one = join(prot, stage)
                    wait_for("held", lambda: prot.stage(stage)["state"] == "held" and prot.stage(stage)["pid"] == one.pid)
                    self.assertTrue(any("ready (generation" in line for line in one.stderr))
                    one.send_signal(number)
                    self.assertEqual(one.wait(20), 0)
                    self.assertIn("ended by request", one.communicate()[1])
                    wait_for("the supervisor's own again", lambda: prot.stage(stage)["state"] == "ready")

    def test_who_is_told_to_end_before_it_has_begun_ends_and_takes_nobodys_place(self):
        with Instance(settings=SETTINGS) as prot:
            prot.up()
            for stage, number in EACH:
                with self.subTest(stage=stage, signal=number.name):
                    one = join(prot, stage)
                    one.send_signal(number)
                    self.assertIn(one.wait(20), (0, -number))
                    wait_for("the supervisor's own", lambda: prot.stage(stage)["state"] == "ready", 20)


if __name__ == "__main__":
    unittest.main(verbosity=2)
