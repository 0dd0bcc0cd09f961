"""The loopback Wyoming service, by plain sockets: what it answers, does wrong on purpose, and records."""
import json
import pathlib
import socket
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from loopback.elevenlabs_tts import chunks_of  # noqa: E402
from loopback.faults import make_fault  # noqa: E402
from loopback.http_server import Loop  # noqa: E402
from loopback.transcription_service import Utterance  # noqa: E402
from loopback.wyoming_service import WyomingService, encoded  # noqa: E402

FORM = {"rate": 16000, "width": 2, "channels": 1, "timestamp": None}


class Client:
    def __init__(self, port: int):
        self.socket = socket.create_connection(("127.0.0.1", port), 10)
        self.file = self.socket.makefile("rb")

    def send(self, kind: str, data: dict | None = None, payload: bytes = b"") -> None:
        self.socket.sendall(encoded(kind, data, payload))

    def receive(self) -> tuple[str, dict, bytes]:
        """("", {}, b""): the end."""
        line = self.file.readline()
        if not line:
            return "", {}, b""
        head = json.loads(line)
        data = json.loads(self.file.read(head["data_length"])) if "data_length" in head else {}
        return head["type"], data, self.file.read(head.get("payload_length", 0))

    def ask(self, seconds: float, language: str = "en") -> tuple[str, dict, bytes]:
        self.send("transcribe", {"language": language})
        self.send("audio-start", FORM)
        for _ in range(int(seconds * 10)):
            self.send("audio-chunk", FORM, b"\1\0" * 1600)
        self.send("audio-stop", {"timestamp": None})
        return self.receive()

    def sound(self, text: str) -> tuple[bytes, bool]:
        """(samples, did it end as it should)"""
        self.send("synthesize", {"text": text, "voice": {"language": "en"}})
        audio = b""
        while (event := self.receive())[0] in ("audio-start", "audio-chunk", "mood"):
            audio += event[2] if event[0] == "audio-chunk" else b""
        return audio, event[0] == "audio-stop"

    def close(self) -> None:
        self.file.close()
        self.socket.close()


class Wyoming(unittest.TestCase):
    def setUp(self):
        self.loop = Loop()
        self.service = WyomingService(rate=16000)
        self.loop.call(self.service.server.start())
        self.loop.run(self.service.say, Utterance("one two three four", 2.0))

    def tearDown(self):
        errors = list(self.service.server.errors)
        self.loop.call(self.service.server.stop())
        self.loop.stop()
        self.assertEqual(errors, [])

    def client(self) -> Client:
        client = Client(self.service.server.port)
        self.addCleanup(client.close)
        return client

    def fault(self, **options) -> None:
        self.loop.run(self.service.set_fault, make_fault(options))

    def records(self) -> list:
        return self.loop.run(lambda: list(self.service.server.records))

    def wait(self, done) -> None:
        until = time.monotonic() + 10
        while not self.loop.run(done):
            self.assertLess(time.monotonic(), until)

    def test_bytes_as_the_official_package_writes_them(self):
        self.assertEqual(encoded("describe"), b'{"type": "describe", "version": "1.9.0"}\n')
        self.assertEqual(encoded("transcript", {"text": "불 켜줘", "language": "ko"}),
                         b'{"type": "transcript", "version": "1.9.0", "data_length": 40}\n'
                         + '{"text": "불 켜줘", "language": "ko"}'.encode())
        self.assertEqual(encoded("audio-chunk", FORM, b"\1\2\3\4"),
                         b'{"type": "audio-chunk", "version": "1.9.0", "data_length": 61, "payload_length": 4}\n'
                         b'{"rate": 16000, "width": 2, "channels": 1, "timestamp": null}\1\2\3\4')

    def test_an_utterance_is_a_connection(self):
        client = self.client()
        self.assertEqual(client.ask(2.0, "ko")[1], {"text": "one two three four", "language": "ko"})
        self.assertEqual(client.receive()[0], "")
        self.assertEqual(self.client().ask(1.0)[1]["text"], "one")
        body = self.loop.run(self.service.requests)[0].body
        self.assertEqual((body["seconds"], body["shape"], body["language"]), (2.0, (16000, 1, 2), "ko"))

    def test_it_says_what_it_is(self):
        client = self.client()
        client.send("describe")
        kind, info, _payload = client.receive()
        self.assertEqual(kind, "info")
        self.assertEqual([v["name"] for v in info["tts"][0]["voices"]], ["en_US-loopback", "ko_KR-loopback"])
        client.send("ping", {"text": "x"})
        self.assertEqual(client.receive()[:2], ("pong", {"text": "x"}))

    def test_a_text_is_spoken_in_tones_and_recorded(self):
        client = self.client()
        whole = b"".join(chunk[0] for chunk in chunks_of("one two three", 16000))
        self.assertEqual(client.sound("one two three"), (whole, True))
        spoken = self.loop.run(self.service.texts)[0]
        self.assertEqual((spoken.text, spoken.complete, spoken.closed_at), ("one two three", True, 0.0))
        self.assertEqual(client.sound("again")[1], True)  # the connection stays

    def test_a_client_that_closes_is_recorded(self):
        self.loop.run(setattr, self.service, "pace", 1.0)
        client = self.client()
        client.send("synthesize", {"text": "one two three"})
        self.assertEqual(client.receive()[0], "audio-start")
        client.close()
        self.wait(lambda: self.service.spoken[0].closed_at > 0)
        self.assertFalse(self.service.spoken[0].complete)
        self.assertTrue(self.records()[0].closed_early)

    def test_faults_of_a_transcript(self):
        for kind, options, expected in (
                ("small_writes", {}, "one two three four"), ("unknown_field", {}, "one two three four"),
                ("delay_first", {"ms": 50}, "one two three four"), ("eof", {}, ""), ("refuse", {}, None),
                ("reset", {}, None), ("error_event", {"code": "busy"}, "error"), ("unknown_event", {}, "mood")):
            with self.subTest(kind):
                self.fault(kind=kind, times=1, **options)
                try:
                    answer = self.client().ask(2.0)
                except ConnectionError:
                    self.assertIsNone(expected)
                    continue
                self.assertEqual(answer[1].get("text", "") if answer[0] == "transcript" else answer[0], expected)
                self.assertEqual(self.client().ask(2.0)[1]["text"], "one two three four")

    def test_faults_that_break_the_framing(self):
        self.fault(kind="truncated", times=1)
        client = self.client()
        with self.assertRaises(ValueError):
            client.ask(1.0)
        self.fault(kind="wrong_length", times=1)
        with self.assertRaises(ValueError):
            self.client().ask(1.0)
        self.fault(kind="huge_line", times=1)
        self.assertGreaterEqual(len(self.client().ask(1.0)[0]), 1 << 20)

    def test_silence_until_the_client_gives_up(self):
        for kind in ("hang", "half_open"):
            self.fault(kind=kind, times=1)
            client = self.client()
            client.socket.settimeout(0.2)
            with self.assertRaises(TimeoutError):
                client.ask(1.0)
            client.close()
            self.wait(lambda: all(r.done for r in self.service.server.records))
            self.assertTrue(self.records()[-1].closed_early)
            self.assertEqual(self.records()[-1].fault, kind)

    def test_faults_of_speech(self):
        whole = b"".join(chunk[0] for chunk in chunks_of("one two three", 16000))
        first = next(chunks_of("one two three", 16000))[0]
        for kind, options, expected in (("odd_bytes", {}, (whole, True)), ("unknown_event", {}, (whole, True)),
                                        ("small_writes", {}, (whole, True)), ("eof", {"after": 1}, (first, False)),
                                        ("error_event", {"after": 1}, (first, False)), ("empty_body", {}, (b"", False))):
            with self.subTest(kind):
                self.fault(kind=kind, times=1, **options)
                self.assertEqual(self.client().sound("one two three"), expected)
        self.fault(kind="reset", after=1, times=1)
        with self.assertRaises(ConnectionError):
            self.client().sound("one two three")


if __name__ == "__main__":
    unittest.main(verbosity=2)
