"""The loopback of OpenAI's speech, by plain sockets: what it answers, does wrong on purpose, and records."""
import http.client
import json
import pathlib
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from loopback.elevenlabs_tts import chunks_of  # noqa: E402
from loopback.faults import make_fault  # noqa: E402
from loopback.http_server import Loop  # noqa: E402
from loopback.openai_speech import PATH, OpenAiSpeechService, wav_head  # noqa: E402

TEXT = "one two three"
WHOLE = b"".join(chunk[0] for chunk in chunks_of(TEXT, 24000))
FIRST = next(chunks_of(TEXT, 24000))[0]


class OpenAiSpeech(unittest.TestCase):
    def setUp(self):
        self.loop = Loop()
        self.service = OpenAiSpeechService()
        self.loop.call(self.service.server.start())

    def tearDown(self):
        errors = list(self.service.server.errors)
        self.loop.call(self.service.server.stop())
        self.loop.stop()
        self.assertEqual(errors, [])

    def ask(self, **fields) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", self.service.server.port, timeout=10)
        self.addCleanup(connection.close)
        body = {"model": "m", "input": TEXT, "voice": "v", "response_format": "pcm"} | fields
        connection.request("POST", PATH, json.dumps(body), {"Authorization": "Bearer secret"})
        self.connection = connection
        return connection.getresponse()

    def fault(self, **options) -> None:
        self.loop.run(self.service.set_fault, make_fault(options))

    def test_samples_are_streamed_and_recorded(self):
        answer = self.ask()
        self.assertEqual((answer.status, answer.getheader("content-type"), answer.read()), (200, "audio/pcm", WHOLE))
        spoken = self.loop.run(self.service.texts)[0]
        self.assertEqual((spoken.text, spoken.complete), (TEXT, True))
        self.assertNotIn("secret", str(self.loop.run(self.service.requests)))
        self.assertEqual(self.ask(response_format="wav").read(), wav_head(24000) + WHOLE)

    def test_a_client_that_closes_is_recorded(self):
        self.loop.run(setattr, self.service, "pace", 1.0)
        answer = self.ask()
        self.assertEqual(answer.read(10), FIRST[:10])
        answer.close()
        self.connection.close()
        until = time.monotonic() + 10
        while not self.loop.run(lambda: self.service.spoken[0].closed_at):
            self.assertLess(time.monotonic(), until)
        self.assertTrue(self.loop.run(lambda: self.service.server.records[0].closed_early))

    def test_what_the_interface_does_not_have_is_refused(self):
        self.assertEqual(self.ask(speed=9).status, 400)
        self.assertEqual(self.ask(mood="calm").status, 400)
        self.loop.run(setattr, self.service, "key", "other")
        self.assertEqual(self.ask().status, 401)
        self.assertEqual(len(self.loop.run(lambda: self.service.server.errors)), 2)
        self.loop.run(self.service.server.errors.clear)

    def test_faults(self):
        for kind, options, expected in (("odd_bytes", {}, WHOLE), ("small_writes", {}, WHOLE), ("delay_first", {"ms": 50}, WHOLE),
                                        ("empty_body", {}, b"")):
            with self.subTest(kind):
                self.fault(kind=kind, times=1, **options)
                self.assertEqual(self.ask().read(), expected)
        for kind in ("eof", "reset"):
            with self.subTest(kind):
                self.fault(kind=kind, after=1, times=1)
                with self.assertRaises((http.client.IncompleteRead, ConnectionError)):
                    self.ask().read()
        self.fault(kind="error_event", after=1, times=1)
        self.assertTrue(self.ask().read().startswith(FIRST + b"\n{"))
        self.fault(kind="status", status=429, retry_after="2", times=1)
        answer = self.ask()
        self.assertEqual((answer.status, answer.getheader("retry-after")), (429, "2"))
        self.fault(kind="json_body", times=1)
        answer = self.ask()
        self.assertEqual((answer.status, answer.getheader("content-type")), (200, "application/json"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
