"""prot doctor --echo on the real programs and a real sound server: the sound goes out by prot-player, comes back to
prot-capture over a loop of the server's, and the canceller is judged."""
import shutil
import unittest

from doctor_test import Base, Doctor, private_pulse

DEVICES = {"capture__source": None, "player__sink": None}
LOOP = "load-module module-loopback source=speaker.monitor sink=micsrc latency_msec=30\n"
PATH = "loudspeaker in the microphone"


class Echo(Base):
    def setUp(self):
        if shutil.which("pulseaudio") is None:
            self.skipTest("pulseaudio is not installed")

    def echo(self, prot, *words):
        report = prot.report("--echo", *words)
        self.assertNotIn("clock", report["by"])  # nothing else is looked at
        return report

    def test_the_sound_is_heard_and_taken_away(self):
        with private_pulse(LOOP) as server, Doctor(**DEVICES) as prot:
            prot.environment["PULSE_SERVER"] = server
            report = self.echo(prot)
            self.check(report, PATH, "ok", "dBFS", "ms late")
            self.check(report, "echo cancellation", "ok", "webrtc takes")
            self.assertGreater(report["echo"]["removed_db"], 20)
            self.assertGreater(report["echo"]["delay_ms"], 5)
            self.assertLess(report["echo"]["delay_ms"], 250)
            self.assertGreater(report["echo"]["likeness"], 0.3)
            prot.values["player.headphones"] = "true"
            self.check(self.echo(prot), PATH, "fail", "player.headphones = true")

    def test_a_microphone_that_hears_nothing(self):
        with private_pulse() as server, Doctor(**DEVICES) as prot:
            prot.environment["PULSE_SERVER"] = server
            self.check(self.echo(prot), PATH, "fail", "digital silence")

    def test_no_device_at_all(self):
        with Doctor(**DEVICES) as prot:
            report = self.echo(prot)
            self.check(report, "loudspeaker", "fail", "no loudspeaker", "PulseAudio")
            self.check(report, "microphone", "fail", "no microphone")
            self.assertEqual(report["echo"], {})

    def test_not_while_prot_runs(self):
        with Doctor(stages=["capture", "stt", "brain", "tts", "player", "memory"]) as prot:
            up = prot.run("up", "-d", *prot.arguments())
            self.assertEqual(up.returncode, 0, up.stderr)
            self.check(self.echo(prot), "echo", "fail", f"instance {prot.name} runs")


if __name__ == "__main__":
    unittest.main(verbosity=2)
