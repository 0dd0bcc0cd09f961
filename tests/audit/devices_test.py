"""Stop closes the devices and ends the timer of an active conversation (F2, F20), with the real programs on a sound server
without hardware: one spoken turn, then the end."""
import array
import math
import os
import pathlib
import signal
import subprocess
import sys
import unittest
import wave

FOLDER = pathlib.Path(__file__).resolve().parent
for other in ("supervisor", "web", "support", "../tools/demo"):
    sys.path.insert(0, str(FOLDER.parent / other))
import audio as virtual  # noqa: E402
from false_model import FalseModel  # noqa: E402
from instance import ALONE, alive, wait_for  # noqa: E402
from loopback.http_server import Loop  # noqa: E402
from loopback.transcription_service import TranscriptionService, Utterance  # noqa: E402
from web_instance import WebInstance, wait_for_web  # noqa: E402

RATE = 16000
LIMIT = 30  # s, for what takes none
STAGES = ("capture", "stt", "brain", "tts", "player")
ACTIVE = 600  # s that the conversation may be active: no test waits for it
SETTINGS = {"capture.source": "pulse", "capture.device": "mic", "player.sink": "pulse", "player.device": "speaker",
            "player.headphones": "true", "capture.detector": "energy", "capture.turn_model": "silence",
            "stt.engine": "openai", "stt.model_name": "loopback", "stt.fallback": "[]", "tts.voice_en": "tone",
            "tts.voice_ko": "tone", "general.language": "en", "memory.enabled": "false",
            "brain.active_timeout_s": str(ACTIVE)}


def syllables(path, seconds=1.0):
    """What an energy detector takes for speech."""
    samples = array.array("h", (int(12000 * math.sin(2 * math.pi * 180 * i / RATE) * (0.6 + 0.4 * math.sin(2 * math.pi * 5 * i / RATE)))
                                for i in range(int(seconds * RATE))))
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(bytes(RATE) + samples.tobytes() + bytes(RATE))


class Devices(unittest.TestCase):
    def setUp(self):
        self.model = FalseModel()
        self.addCleanup(self.model.close)
        loop = Loop()
        self.addCleanup(loop.stop)
        recogniser = TranscriptionService()
        loop.call(recogniser.server.start())
        self.addCleanup(lambda: loop.call(recogniser.server.stop()))
        loop.run(recogniser.say, Utterance("What is it?", 0.5))
        settings = list(ALONE)
        own = {**SETTINGS, "stt.url": f"http://127.0.0.1:{recogniser.server.port}/v1", "brain.url": self.model.url}
        for key, value in own.items():
            settings += ["--set", f"{key}={value}"]
        self.prot = self.enterContext(WebInstance(real=STAGES, settings=settings))
        self.audio = virtual.VirtualAudio(self.prot.folder / "audio")
        self.addCleanup(self.audio.stop)
        self.prot.environment["PULSE_SERVER"] = self.audio.server
        self.prot.up()

    def streams(self):
        """Prot's streams on the sound server, by their kind."""
        found = []
        for kind in ("source-outputs", "sink-inputs"):
            listing = subprocess.run(["pactl", "-s", self.audio.server, "list", "short", kind], capture_output=True,
                                     text=True, check=True).stdout.splitlines()
            found += [kind for line in listing if "protocol-native.c" in line.split()]
        return found

    def talk(self, to="active"):
        wait_for("microphone and loudspeaker are open", lambda: len(self.streams()) == 2, LIMIT)
        file = self.prot.folder / "said.wav"
        syllables(file)
        self.assertEqual(self.audio.play(file).wait(LIMIT), 0)
        wait_for_web(f"prot is {to}", lambda: self.prot.page("/state").get("state") == to, LIMIT)

    def assert_all_ended_by_themselves(self, log):
        """Nobody was pressed or killed, and no device was left to the end of its process."""
        self.assertNotRegex(log, "takes too long|does not end|ended before it was drained")
        for stage in ("capture", "player"):
            self.assertNotRegex("\n".join(self.prot.log(stage)), "does not let go")

    def test_stop_closes_the_devices_and_ends_the_active_timeout(self):
        self.talk()
        self.assertIs(self.prot.page("/diagnostics")["active_timeout"], True)
        everybody = [pid for pid in self.prot.pids().values() if pid] + [self.prot.supervisor()]
        done = self.prot.run("down", timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        wait_for("nobody runs", lambda: not any(map(alive, everybody)), 5)  # the supervisor itself goes behind its answer
        self.assertEqual(self.streams(), [])
        self.assertEqual(self.prot.segments(), [])
        log = "\n".join(self.prot.log())
        for stage in STAGES:
            self.assertRegex(log, f"{stage} drained after ")
        self.assert_all_ended_by_themselves(log)
        self.prot.up()
        self.assertEqual(wait_for_web("web knows it", lambda: self.prot.page("/state").get("state"), LIMIT), "idle")
        self.assertIs(self.prot.page("/diagnostics")["active_timeout"], False)

    def test_at_the_end_the_microphone_closes_first_and_the_loudspeaker_when_it_has_played(self):
        self.model.words = "One, two, three, four, five, six, seven, eight, nine, ten, eleven and twelve of them there are."
        self.talk(to="speaking")
        player = self.prot.stage("player")["pid"]
        down = self.prot.spawn("down")
        wait_for("the microphone is closed, the loudspeaker is not", lambda: self.streams() == ["sink-inputs"], LIMIT)
        self.assertTrue(alive(player))
        self.assertEqual(down.wait(LIMIT), 0)
        self.assertEqual(self.streams(), [])
        log = self.prot.log()
        ended = [next(i for i, line in enumerate(log) if line.startswith(f"{stage} drained after ")) for stage in ("capture", "player")]
        self.assertEqual(ended, sorted(ended))
        self.assert_all_ended_by_themselves("\n".join(log))

    def test_each_device_closes_with_its_program_whatever_ends_it(self):
        for stage in ("capture", "player"):
            for number in (signal.SIGTERM, signal.SIGKILL):
                with self.subTest(stage=stage, signal=number.name):
                    wait_for("both are open", lambda: len(self.streams()) == 2, LIMIT)
                    before = self.prot.stage(stage)
                    os.kill(before["pid"], number)
                    wait_for("its successor has the device", lambda: self.prot.stage(stage)["pid"] not in (0, before["pid"]) and
                             self.prot.stage(stage)["state"] == "ready" and len(self.streams()) == 2, LIMIT)


if __name__ == "__main__":
    unittest.main(verbosity=2)
