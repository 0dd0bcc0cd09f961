"""prot doctor --services with a recogniser and voices of other kinds: Wyoming, OpenAI's speech, and stt.fallback."""
import contextlib
import json
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from doctor_test import Doctor  # noqa: E402
from loopback.faults import Fault  # noqa: E402
from loopback.http_server import Loop  # noqa: E402
from loopback.openai_speech import OpenAiSpeechService  # noqa: E402
from loopback.transcription_service import TranscriptionService  # noqa: E402
from loopback.wyoming_service import WyomingService  # noqa: E402

KEY = "sk-Wd0Es8Az3Qp"
NAMES = ("Wyoming recognition", "fallback recogniser 1", "OpenAI-compatible voice", "Wyoming voice")


class Asking(Doctor):
    def __init__(self, settings):
        super().__init__()
        self.values |= settings
        self.environment |= {"OPENAI_API_KEY": KEY}

    def ask(self):
        done = self.doctor("--services", "--json")
        return done.stdout + done.stderr, {row["service"]: row for row in json.loads(done.stdout)["services"]}


class Voices(unittest.TestCase):
    def setUp(self):
        with contextlib.ExitStack() as stack:
            self.loop = Loop()
            stack.callback(self.loop.stop)
            self.wyoming, self.speech, self.words = WyomingService(), OpenAiSpeechService(), TranscriptionService()
            self.speech.key = KEY
            for service in (self.wyoming, self.speech, self.words):
                self.loop.call(service.server.start())
                stack.callback(lambda s=service: self.loop.call(s.server.stop()))
            self.addCleanup(stack.pop_all().close)

    def settings(self):
        wyoming = f"tcp://127.0.0.1:{self.wyoming.server.port}"
        return {"stt.engine": "wyoming", "stt.url": wyoming, "tts.wyoming_url": wyoming, "tts.voice_en": "openai",
                "tts.voice_ko": "espeak", "tts.fallback_en": "wyoming",
                "tts.openai_url": f"http://127.0.0.1:{self.speech.server.port}/v1",
                "stt.fallback": f'["openai url=http://127.0.0.1:{self.words.server.port}", "whisper"]'}

    def test_each_says_that_it_answers(self):
        with Asking(self.settings()) as prot:
            text, rows = prot.ask()
        self.assertEqual({name: rows.get(name, {}).get("state") for name in NAMES}, dict.fromkeys(NAMES, "ok"), rows)
        self.assertIn(f"tcp://127.0.0.1:{self.wyoming.server.port}", rows["Wyoming voice"]["finding"])
        self.assertNotIn(KEY[3:], text)
        # Nothing was spoken but a letter, and the Wyoming server was only asked what it is.
        self.assertEqual(self.loop.run(lambda: [r.body["input"] for r in self.speech.requests()]), ["a"])
        self.assertEqual(self.loop.run(lambda: {r.kind for r in self.wyoming.server.records}), {"describe"})

    def test_what_is_wrong_is_told_apart(self):
        settings = self.settings() | {"tts.wyoming_url": "tcp://192.0.2.1:1", "stt.url": "tcp://127.0.0.1:1"}
        self.loop.run(self.speech.set_fault, Fault("json_body"))
        with Asking(settings) as prot:
            _text, rows = prot.ask()
            self.assertEqual([rows[name]["state"] for name in NAMES], ["unreachable", "ok", "failed", "unencrypted"], rows)
            self.loop.run(self.speech.set_fault, None)
            self.loop.run(setattr, self.speech, "key", "another")
            _text, rows = prot.ask()
            self.assertEqual(rows["OpenAI-compatible voice"]["state"], "wrong_key")


if __name__ == "__main__":
    unittest.main(verbosity=2)
